//! Internet gateways (DescribeInternetGateways).

use super::resource;
use crate::live_state::kind::{IamPermission, LAYOUT, Listed, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
#[cfg(feature = "live")]
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, describe};

resource! {
    /// An internet gateway (DescribeInternetGateways).
    InternetGateway from InternetGateway {
        /// `igw-…`
        internet_gateway_id: String,
        /// The VPC it is attached to.
        attachments: Vec<InternetGatewayAttachment>,
    }
}

resource! {
    /// An attachment of an internet gateway.
    InternetGatewayAttachment from InternetGatewayAttachment {
        /// `vpc-…`
        vpc_id: String,
        /// `available` or `attached` if it works.
        state: String,
    }
}

impl Resource for InternetGateway {
    const KIND: &'static ResourceKind = &ResourceKind::listed::<Self>(
        &["describe-internet-gateways"],
        &[IamPermission { on: PolicyResource::All, actions: &["ec2:DescribeInternetGateways"] }],
        LAYOUT,
        #[cfg(feature = "live")]
        fetch,
    );
}

impl Listed for InternetGateway {
    const KEY: &'static str = "InternetGateways";

    fn id(&self) -> &str {
        &self.internet_gateway_id
    }
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    describe!(session, selection, describe_internet_gateways, PAGE, InternetGateway)
}

impl InternetGateway {
    /// The internet gateways attached to a VPC.
    pub const BY_VPC: &'static QueryKind<Self> = &QueryKind::new(
        "attachment.vpc-id",
        |id| id_filter("attachment.vpc-id", "vpc-", id),
        Some(|gateway| gateway.attachments.iter().map(|attachment| attachment.vpc_id.as_str()).collect()),
    );
}
