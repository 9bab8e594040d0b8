//! Security group rules (DescribeSecurityGroupRules).

use super::resource;
use crate::live_state::kind::{IamPermission, Listed, MINUTES, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
#[cfg(feature = "live")]
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, describe};

resource! {
    /// A rule of a security group (DescribeSecurityGroupRules).
    SecurityGroupRule from SecurityGroupRule {
        /// `sgr-…`
        security_group_rule_id: String,
        /// `sg-…`
        group_id: String,
        /// Whether it is an outbound rule.
        is_egress: bool,
        /// A name, a number, or `-1` for all.
        ip_protocol: String,
        /// First port, or the ICMP type. -1 for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        from_port: Option<i32>,
        /// Last port, or the ICMP code. -1 for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        to_port: Option<i32>,
        /// The IPv4 network.
        #[serde(skip_serializing_if = "Option::is_none")]
        cidr_ipv4: Option<String>,
        /// The IPv6 network.
        #[serde(skip_serializing_if = "Option::is_none")]
        cidr_ipv6: Option<String>,
        /// The prefix list.
        #[serde(skip_serializing_if = "Option::is_none")]
        prefix_list_id: Option<String>,
    }
}

impl Resource for SecurityGroupRule {
    const KIND: &'static ResourceKind = &ResourceKind::listed::<Self>(
        &["describe-security-group-rules"],
        &[IamPermission { on: PolicyResource::All, actions: &["ec2:DescribeSecurityGroupRules"] }],
        MINUTES,
        #[cfg(feature = "live")]
        fetch,
    );
}

impl Listed for SecurityGroupRule {
    const KEY: &'static str = "SecurityGroupRules";

    fn id(&self) -> &str {
        &self.security_group_rule_id
    }
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    describe!(session, selection, describe_security_group_rules, PAGE, SecurityGroupRule)
}

impl SecurityGroupRule {
    /// The rules of a security group.
    pub const BY_GROUP: &'static QueryKind<Self> =
        &QueryKind::new("group-id", |id| id_filter("group-id", "sg-", id), Some(|rule| vec![&rule.group_id]));

    /// The rule with an id.
    pub const BY_ID: &'static QueryKind<Self> = &QueryKind::new(
        "security-group-rule-id",
        |id| id_filter("security-group-rule-id", "sgr-", id),
        Some(|rule| vec![&rule.security_group_rule_id]),
    );
}
