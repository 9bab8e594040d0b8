//! Which EC2 resources a call names.

use std::sync::LazyLock;

use regex::Regex;

use super::{Fact, Origin, calls, object};
use crate::event::{Event, Value};

/// The EC2 resources in a record.
pub(super) const EC2_RESOURCES: Fact = Fact {
    scope: calls::EC2_RESOURCES,
    doc: "The EC2 resources a call of ec2.amazonaws.com names, in the request or in the \
          response: a list without repeats, the one the call is named after first, with `id` (`vpc-0abc…`), `type` (the \
          CloudFormation type, such as AWS::EC2::VPC) and `arn`.",
    origin: Origin::Derived(resources),
};

/// Prefix of the id, CloudFormation type, ARN resource type. From the Service Authorization Reference of EC2.
const KINDS: &[(&str, &str, &str)] = &[
    ("acl", "AWS::EC2::NetworkAcl", "network-acl"),
    ("ami", "AWS::EC2::Image", "image"),
    ("cgw", "AWS::EC2::CustomerGateway", "customer-gateway"),
    ("cr", "AWS::EC2::CapacityReservation", "capacity-reservation"),
    ("cvpn-endpoint", "AWS::EC2::ClientVpnEndpoint", "client-vpn-endpoint"),
    ("dopt", "AWS::EC2::DHCPOptions", "dhcp-options"),
    ("eice", "AWS::EC2::InstanceConnectEndpoint", "instance-connect-endpoint"),
    ("eigw", "AWS::EC2::EgressOnlyInternetGateway", "egress-only-internet-gateway"),
    ("eipalloc", "AWS::EC2::EIP", "elastic-ip"),
    ("eni", "AWS::EC2::NetworkInterface", "network-interface"),
    ("fl", "AWS::EC2::FlowLog", "vpc-flow-log"),
    ("i", "AWS::EC2::Instance", "instance"),
    ("igw", "AWS::EC2::InternetGateway", "internet-gateway"),
    ("lt", "AWS::EC2::LaunchTemplate", "launch-template"),
    ("nat", "AWS::EC2::NatGateway", "natgateway"),
    ("pcx", "AWS::EC2::VPCPeeringConnection", "vpc-peering-connection"),
    ("pl", "AWS::EC2::PrefixList", "prefix-list"),
    ("rtb", "AWS::EC2::RouteTable", "route-table"),
    ("sg", "AWS::EC2::SecurityGroup", "security-group"),
    ("sgr", "AWS::EC2::SecurityGroupRule", "security-group-rule"),
    ("snap", "AWS::EC2::Snapshot", "snapshot"),
    ("subnet", "AWS::EC2::Subnet", "subnet"),
    ("tgw", "AWS::EC2::TransitGateway", "transit-gateway"),
    ("tgw-attach", "AWS::EC2::TransitGatewayAttachment", "transit-gateway-attachment"),
    ("tgw-rtb", "AWS::EC2::TransitGatewayRouteTable", "transit-gateway-route-table"),
    ("tmf", "AWS::EC2::TrafficMirrorFilter", "traffic-mirror-filter"),
    ("tms", "AWS::EC2::TrafficMirrorSession", "traffic-mirror-session"),
    ("tmt", "AWS::EC2::TrafficMirrorTarget", "traffic-mirror-target"),
    ("vgw", "AWS::EC2::VPNGateway", "vpn-gateway"),
    ("vol", "AWS::EC2::Volume", "volume"),
    ("vpc", "AWS::EC2::VPC", "vpc"),
    ("vpce", "AWS::EC2::VPCEndpoint", "vpc-endpoint"),
    ("vpce-svc", "AWS::EC2::VPCEndpointService", "vpc-endpoint-service"),
    ("vpn", "AWS::EC2::VPNConnection", "vpn-connection"),
];

/// Public images and snapshots can be anybody's, so their ARNs name no account.
const WITHOUT_ACCOUNT: [&str; 2] = ["image", "snapshot"];

/// A list longer than this is cut: CreateTags takes 1,000 ids, and one finding need not name them all.
const MOST: usize = 20;

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test run")]
static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[a-z]+(?:-[a-z]+)*-[0-9a-f]{8}(?:[0-9a-f]{9})?$").expect("a valid pattern"));

fn resources<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let mut ids = Vec::new();
    for side in [event.request(), event.response()].into_iter().flatten() {
        collect(side, &mut ids);
    }
    // The resource the call is named after comes first: the subnet of CreateSubnet before its VPC.
    if ids.len() > 1 {
        let operation = event.name().unwrap_or_default().to_ascii_lowercase();
        ids.sort_by_cached_key(|(_, prefix)| std::cmp::Reverse(named_length(&operation, prefix)));
    }
    if ids.is_empty() {
        return None;
    }
    let account = event.account().unwrap_or_default();
    let (partition, region) = (event.partition(), event.region().unwrap_or_default());
    let member = |(id, prefix): (&'e str, &'e str)| {
        let Some((_, kind, segment)) = kind_of(prefix) else {
            return object([("id", Value::from(id)), ("type", Value::from("AWS::EC2"))]);
        };
        let owner = if WITHOUT_ACCOUNT.contains(segment) { "" } else { account };
        let arn = ["arn:", partition, ":ec2:", region, ":", owner, ":", segment, "/", id].concat();
        object([("id", Value::from(id)), ("type", Value::from(*kind)), ("arn", Value::from(arn))])
    };
    Some(Value::Array(ids.into_iter().map(member).collect()))
}

fn kind_of(prefix: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    KINDS.iter().find(|(known, ..)| *known == prefix)
}

/// How much of the operation's name is the type of an id: 6 for a subnet in `createsubnet`, 0 for a VPC there.
fn named_length(operation: &str, prefix: &str) -> usize {
    let noun = kind_of(prefix).and_then(|(_, kind, _)| kind.rsplit("::").next()).unwrap_or_default();
    if operation.contains(&noun.to_ascii_lowercase()) { noun.len() } else { 0 }
}

/// The prefix of an id.
fn prefix_of(text: &str) -> Option<&str> {
    // Most strings are told apart by where the last hyphen would be.
    let has_hyphen = |digits: usize| {
        let place = text.len().checked_sub(digits + 1);
        place.is_some_and(|place| text.as_bytes().get(place) == Some(&b'-'))
    };
    if !(has_hyphen(8) || has_hyphen(17)) || !ID.is_match(text) {
        return None;
    }
    text.rsplit_once('-').map(|(prefix, _)| prefix)
}

/// Every string below `value` that has the form of an EC2 id, with its prefix, in the record's order.
fn collect<'v>(value: &'v Value<'_>, ids: &mut Vec<(&'v str, &'v str)>) {
    match value {
        Value::Str(text) => {
            if let Some(prefix) = prefix_of(text)
                && ids.len() < MOST
                && !ids.iter().any(|(known, _)| *known == text.as_ref())
            {
                ids.push((text, prefix));
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, ids)),
        Value::Object(members) => members.values().for_each(|member| collect(member, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
