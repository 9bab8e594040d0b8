//! VPCs (DescribeVpcs).

use super::resource;
use crate::live_state::kind::{IamPermission, LAYOUT, Listed, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
#[cfg(feature = "live")]
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, describe};

resource! {
    /// A VPC (DescribeVpcs).
    Vpc from Vpc {
        /// `vpc-…`
        vpc_id: String,
        /// The account that owns it. Other accounts may have resources in shared subnets.
        owner_id: String,
        /// Whether it is the default VPC.
        is_default: bool,
        /// Its tags.
        tags: Vec<Tag>,
    }
}

resource! {
    /// A tag.
    Tag from Tag {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    }
}

impl Resource for Vpc {
    const KIND: &'static ResourceKind = &ResourceKind::listed::<Self>(
        &["describe-vpcs"],
        &[IamPermission { on: PolicyResource::All, actions: &["ec2:DescribeVpcs"] }],
        LAYOUT,
        #[cfg(feature = "live")]
        fetch,
    );
}

impl Listed for Vpc {
    const KEY: &'static str = "Vpcs";

    fn id(&self) -> &str {
        &self.vpc_id
    }
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    describe!(session, selection, describe_vpcs, PAGE, Vpc)
}

impl Vpc {
    /// The VPC with an id.
    pub const BY_ID: &'static QueryKind<Self> =
        &QueryKind::new("vpc-id", |id| id_filter("vpc-id", "vpc-", id), Some(|vpc| vec![&vpc.vpc_id]));
}
