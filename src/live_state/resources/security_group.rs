//! Security groups (DescribeSecurityGroups).

use super::resource;
use crate::live_state::kind::{IamPermission, LAYOUT, Listed, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
#[cfg(feature = "live")]
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, describe};

resource! {
    /// A security group (DescribeSecurityGroups).
    SecurityGroup from SecurityGroup {
        /// `sg-…`
        group_id: String,
        /// `vpc-…`
        vpc_id: String,
    }
}

impl Resource for SecurityGroup {
    const KIND: &'static ResourceKind = &ResourceKind::listed::<Self>(
        &["describe-security-groups"],
        &[IamPermission { on: PolicyResource::All, actions: &["ec2:DescribeSecurityGroups"] }],
        LAYOUT,
        #[cfg(feature = "live")]
        fetch,
    );
}

impl Listed for SecurityGroup {
    const KEY: &'static str = "SecurityGroups";

    fn id(&self) -> &str {
        &self.group_id
    }
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    describe!(session, selection, describe_security_groups, PAGE, SecurityGroup)
}

impl SecurityGroup {
    /// The security group with an id.
    pub const BY_ID: &'static QueryKind<Self> =
        &QueryKind::new("group-id", |id| id_filter("group-id", "sg-", id), Some(|group| vec![&group.group_id]));
}
