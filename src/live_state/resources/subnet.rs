//! Subnets (DescribeSubnets).

use super::resource;
use crate::live_state::kind::{IamPermission, LAYOUT, Listed, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
#[cfg(feature = "live")]
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, describe};

resource! {
    /// A subnet (DescribeSubnets).
    Subnet from Subnet {
        /// `subnet-…`
        subnet_id: String,
        /// `vpc-…`
        vpc_id: String,
        /// Whether new interfaces get a public IPv4 address by default.
        map_public_ip_on_launch: bool,
        /// Whether new interfaces get an IPv6 address by default.
        assign_ipv6_address_on_creation: bool,
    }
}

impl Resource for Subnet {
    const KIND: &'static ResourceKind = &ResourceKind::listed::<Self>(
        &["describe-subnets"],
        &[IamPermission { on: PolicyResource::All, actions: &["ec2:DescribeSubnets"] }],
        LAYOUT,
        #[cfg(feature = "live")]
        fetch,
    );
}

impl Listed for Subnet {
    const KEY: &'static str = "Subnets";

    fn id(&self) -> &str {
        &self.subnet_id
    }
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    describe!(session, selection, describe_subnets, PAGE, Subnet)
}

impl Subnet {
    /// The subnet with an id.
    pub const BY_ID: &'static QueryKind<Self> = &QueryKind::new(
        "subnet-id",
        |id| id_filter("subnet-id", "subnet-", id),
        Some(|subnet| vec![&subnet.subnet_id]),
    );
}
