//! Network ACLs (DescribeNetworkAcls).

use super::resource;
use crate::live_state::kind::{IamPermission, LAYOUT, Listed, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
#[cfg(feature = "live")]
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, describe};

resource! {
    /// A network ACL (DescribeNetworkAcls).
    NetworkAcl from NetworkAcl {
        /// `acl-…`
        network_acl_id: String,
        /// `vpc-…`
        vpc_id: String,
        /// Whether it applies to subnets without an ACL of their own.
        is_default: bool,
        /// Its entries.
        entries: Vec<NetworkAclEntry>,
        /// Its associations with subnets and gateways.
        associations: Vec<NetworkAclAssociation>,
    }
}

resource! {
    /// An entry of a network ACL.
    NetworkAclEntry from NetworkAclEntry {
        /// The matching entry with the lowest number decides.
        rule_number: i32,
        /// Whether it applies to outbound traffic.
        egress: bool,
        /// A number, or `-1` for all.
        protocol: String,
        /// `allow` or `deny`
        rule_action: String,
        /// The IPv4 network.
        #[serde(skip_serializing_if = "Option::is_none")]
        cidr_block: Option<String>,
        /// The IPv6 network.
        #[serde(skip_serializing_if = "Option::is_none")]
        ipv6_cidr_block: Option<String>,
        /// The ports. `None` for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        port_range: Option<PortRange>,
        /// The type and code, for ICMP.
        #[serde(skip_serializing_if = "Option::is_none")]
        icmp_type_code: Option<IcmpTypeCode>,
    }
}

resource! {
    /// An ICMP type and code. -1 for all.
    IcmpTypeCode {
        /// The type.
        #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
        kind: Option<i32>,
        /// The code.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
    }
}

resource! {
    /// Ports.
    PortRange from PortRange {
        /// The first.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<i32>,
        /// The last.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<i32>,
    }
}

resource! {
    /// A subnet of a network ACL.
    NetworkAclAssociation from NetworkAclAssociation {
        /// `subnet-…`
        subnet_id: String,
    }
}

#[cfg(feature = "live")]
impl From<aws_sdk_ec2::types::IcmpTypeCode> for IcmpTypeCode {
    fn from(sdk: aws_sdk_ec2::types::IcmpTypeCode) -> Self {
        Self { kind: sdk.r#type, code: sdk.code }
    }
}

impl Resource for NetworkAcl {
    const KIND: &'static ResourceKind = &ResourceKind::listed::<Self>(
        &["describe-network-acls"],
        &[IamPermission { on: PolicyResource::All, actions: &["ec2:DescribeNetworkAcls"] }],
        LAYOUT,
        #[cfg(feature = "live")]
        fetch,
    );
}

impl Listed for NetworkAcl {
    const KEY: &'static str = "NetworkAcls";

    fn id(&self) -> &str {
        &self.network_acl_id
    }
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    describe!(session, selection, describe_network_acls, PAGE, NetworkAcl)
}

impl NetworkAcl {
    /// The network ACLs of a VPC.
    pub const BY_VPC: &'static QueryKind<Self> =
        &QueryKind::new("vpc-id", |id| id_filter("vpc-id", "vpc-", id), Some(|acl| vec![&acl.vpc_id]));

    /// The network ACL with an id.
    pub const BY_ID: &'static QueryKind<Self> = &QueryKind::new(
        "network-acl-id",
        |id| id_filter("network-acl-id", "acl-", id),
        Some(|acl| vec![&acl.network_acl_id]),
    );
}
