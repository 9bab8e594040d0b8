//! EC2 resources that a call names.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{Calls, Derivation, Fact, calls, object};
use crate::event::{Event, Value};

/// The EC2 resources in a record.
pub(super) const EC2_RESOURCES: Fact = Fact {
    name: "ec2.resources",
    calls: Calls::AllOf(&[calls::EC2]),
    doc: "The EC2 resources in the request or the response of a call of ec2.amazonaws.com: a list without repeats, with \
          `id` (`vpc-0abc…`), `type` (the CloudFormation type, such as AWS::EC2::VPC) and `arn`. The first is the resource \
          after which the call is named, in the request or, for a call that creates something, in the response. Otherwise \
          it is the first resource in the request.",
    derivation: Derivation::FromRecord(resources),
};

/// Prefix of the id, CloudFormation type, and resource type in ARNs (empty if it has no ARN of this form). Source: Service
/// Authorization Reference of EC2.
const KINDS: &[(&str, &str, &str)] = &[
    ("acl", "AWS::EC2::NetworkAcl", "network-acl"),
    ("aclassoc", "AWS::EC2::SubnetNetworkAclAssociation", ""),
    ("afi", "AWS::EC2::FpgaImage", "fpga-image"),
    ("ami", "AWS::EC2::Image", "image"),
    ("cagw", "AWS::EC2::CarrierGateway", "carrier-gateway"),
    ("cgw", "AWS::EC2::CustomerGateway", "customer-gateway"),
    ("cr", "AWS::EC2::CapacityReservation", "capacity-reservation"),
    ("cvpn-endpoint", "AWS::EC2::ClientVpnEndpoint", "client-vpn-endpoint"),
    ("dopt", "AWS::EC2::DHCPOptions", "dhcp-options"),
    ("eice", "AWS::EC2::InstanceConnectEndpoint", "instance-connect-endpoint"),
    ("eigw", "AWS::EC2::EgressOnlyInternetGateway", "egress-only-internet-gateway"),
    ("eipalloc", "AWS::EC2::EIP", "elastic-ip"),
    ("eipassoc", "AWS::EC2::EIPAssociation", ""),
    ("eni", "AWS::EC2::NetworkInterface", "network-interface"),
    ("eni-attach", "AWS::EC2::NetworkInterfaceAttachment", ""),
    ("eni-perm", "AWS::EC2::NetworkInterfacePermission", ""),
    ("fl", "AWS::EC2::FlowLog", "vpc-flow-log"),
    ("i", "AWS::EC2::Instance", "instance"),
    ("igw", "AWS::EC2::InternetGateway", "internet-gateway"),
    ("ipam-pool", "AWS::EC2::IPAMPool", ""),
    ("lgw", "AWS::EC2::LocalGateway", "local-gateway"),
    ("lgw-rtb", "AWS::EC2::LocalGatewayRouteTable", "local-gateway-route-table"),
    ("lgw-vif-grp", "AWS::EC2::LocalGatewayVirtualInterfaceGroup", "local-gateway-virtual-interface-group"),
    (
        "lgw-vif-grp-assoc",
        "AWS::EC2::LocalGatewayRouteTableVirtualInterfaceGroupAssociation",
        "local-gateway-route-table-virtual-interface-group-association",
    ),
    ("lgw-vpc-assoc", "AWS::EC2::LocalGatewayRouteTableVPCAssociation", "local-gateway-route-table-vpc-association"),
    ("lt", "AWS::EC2::LaunchTemplate", "launch-template"),
    ("nat", "AWS::EC2::NatGateway", "natgateway"),
    ("nia", "AWS::EC2::NetworkInsightsAnalysis", "network-insights-analysis"),
    ("nip", "AWS::EC2::NetworkInsightsPath", "network-insights-path"),
    ("nis", "AWS::EC2::NetworkInsightsAccessScope", "network-insights-access-scope"),
    ("nisa", "AWS::EC2::NetworkInsightsAccessScopeAnalysis", "network-insights-access-scope-analysis"),
    ("pcx", "AWS::EC2::VPCPeeringConnection", "vpc-peering-connection"),
    ("pl", "AWS::EC2::PrefixList", "prefix-list"),
    ("rtb", "AWS::EC2::RouteTable", "route-table"),
    ("rtbassoc", "AWS::EC2::SubnetRouteTableAssociation", ""),
    ("scr", "AWS::EC2::SubnetCidrReservation", "subnet-cidr-reservation"),
    ("sg", "AWS::EC2::SecurityGroup", "security-group"),
    ("sgr", "AWS::EC2::SecurityGroupRule", "security-group-rule"),
    ("snap", "AWS::EC2::Snapshot", "snapshot"),
    ("subnet", "AWS::EC2::Subnet", "subnet"),
    ("subnet-cidr-assoc", "AWS::EC2::SubnetCidrBlock", ""),
    ("tgw", "AWS::EC2::TransitGateway", "transit-gateway"),
    ("tgw-attach", "AWS::EC2::TransitGatewayAttachment", "transit-gateway-attachment"),
    ("tgw-connect-peer", "AWS::EC2::TransitGatewayConnectPeer", "transit-gateway-connect-peer"),
    ("tgw-mcast-domain", "AWS::EC2::TransitGatewayMulticastDomain", "transit-gateway-multicast-domain"),
    ("tgw-ptb", "AWS::EC2::TransitGatewayPolicyTable", "transit-gateway-policy-table"),
    ("tgw-rtb", "AWS::EC2::TransitGatewayRouteTable", "transit-gateway-route-table"),
    ("tmf", "AWS::EC2::TrafficMirrorFilter", "traffic-mirror-filter"),
    ("tmfr", "AWS::EC2::TrafficMirrorFilterRule", "traffic-mirror-filter-rule"),
    ("tms", "AWS::EC2::TrafficMirrorSession", "traffic-mirror-session"),
    ("tmt", "AWS::EC2::TrafficMirrorTarget", "traffic-mirror-target"),
    ("vae", "AWS::EC2::VerifiedAccessEndpoint", "verified-access-endpoint"),
    ("vagr", "AWS::EC2::VerifiedAccessGroup", "verified-access-group"),
    ("vai", "AWS::EC2::VerifiedAccessInstance", "verified-access-instance"),
    ("vatp", "AWS::EC2::VerifiedAccessTrustProvider", "verified-access-trust-provider"),
    ("vgw", "AWS::EC2::VPNGateway", "vpn-gateway"),
    ("vol", "AWS::EC2::Volume", "volume"),
    ("vpc", "AWS::EC2::VPC", "vpc"),
    ("vpc-cidr-assoc", "AWS::EC2::VPCCidrBlock", ""),
    ("vpce", "AWS::EC2::VPCEndpoint", "vpc-endpoint"),
    ("vpce-svc", "AWS::EC2::VPCEndpointService", "vpc-endpoint-service"),
    ("vpn", "AWS::EC2::VPNConnection", "vpn-connection"),
];

/// ARNs of images and snapshots contain no account, because a public one can belong to any account.
const WITHOUT_ACCOUNT: [&str; 3] = ["fpga-image", "image", "snapshot"];

/// Maximum number of resources in the list. CreateTags accepts 1,000 ids, which are too many for a finding.
const MAX_RESOURCES: usize = 20;

/// First words of operations whose response contains the created resource.
const CREATING: [&str; 9] =
    ["allocate", "copy", "create", "import", "provision", "register", "request", "run", "start"];

/// First words of operations that are named after both resources they join: AssociateSecurityGroupVpc.
const JOINING: [&str; 4] = ["associate", "attach", "detach", "disassociate"];

/// Last words of operations that name the changed part of the resource.
const ASPECTS: [&str; 5] = ["attribute", "block", "cidr", "options", "tenancy"];

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test run")]
static ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*-[0-9a-f]{8}(?:[0-9a-f]{9})?$").expect("a valid pattern")
});

/// A resource id in the record.
struct RankedId<'e> {
    id: &'e str,
    prefix: &'e str,
    /// The relation to the operation's name. Lower is better.
    rank: Rank,
    depth: usize,
}

/// The relation of the name of the member that contains an id to the operation's name, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The operation is named after it: TransitGatewayMulticastDomainId in DeleteTransitGatewayMulticastDomain.
    Named,
    /// It was created, and the operation is named after it.
    Created,
    /// Part of its name is in the operation's name: TransitGatewayAttachmentId in DeleteTransitGatewayVpcAttachment.
    NamedInPart,
    /// It was created, and part of its name is in the operation's name.
    CreatedInPart,
    /// It is within the member of the response after which the operation is named.
    Returned,
    /// It contains the created or changed resource, or is contained in it: NetworkAclId in DeleteNetworkAclEntry, RouteTableId
    /// in CreateRoute.
    Whole,
    /// Another resource in the request.
    Requested,
    /// Another resource in the response.
    Other,
}

fn resources<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let operation = OperationWords::of(event.name().unwrap_or_default());
    let mut walk = Walk { operation: &operation, is_response: false, seen: HashSet::new(), ids: Vec::new() };
    for (side, is_response) in [(event.request(), false), (event.response(), true)] {
        if let Some(side) = side {
            walk.is_response = is_response;
            walk.collect(side, "", "", 0);
        }
    }
    let mut ids = walk.ids;
    if ids.is_empty() {
        return None;
    }
    ids.sort_by_key(|ranked| (ranked.rank, ranked.depth));
    ids.truncate(MAX_RESOURCES);
    let account = event.account().unwrap_or_default();
    let (partition, region) = (event.partition(), event.region().unwrap_or_default());
    let member = |RankedId { id, prefix, .. }: RankedId<'e>| {
        let Some((_, kind, segment)) = KINDS.iter().find(|(known, ..)| *known == prefix) else {
            return object([("id", Value::from(id)), ("type", Value::from("AWS::EC2"))]);
        };
        let mut members = vec![("id", Value::from(id)), ("type", Value::from(*kind))];
        if !segment.is_empty() {
            let owner = if WITHOUT_ACCOUNT.contains(segment) { "" } else { account };
            let arn = ["arn:", partition, ":ec2:", region, ":", owner, ":", segment, "/", id].concat();
            members.push(("arn", Value::from(arn)));
        }
        object(members)
    };
    Some(Value::Array(ids.into_iter().map(member).collect()))
}

/// The words of an operation's name.
struct OperationWords {
    /// The resource, in lower case: network, acl, entry.
    noun: Vec<String>,
    creates: bool,
    joins: bool,
}

impl OperationWords {
    fn of(name: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        for character in name.chars() {
            match words.last_mut() {
                Some(word) if !character.is_ascii_uppercase() => word.push(character),
                _ => words.push(character.to_ascii_lowercase().to_string()),
            }
        }
        let mut words = words.into_iter();
        let verb = words.next().unwrap_or_default();
        let (creates, joins) = (CREATING.contains(&verb.as_str()), JOINING.contains(&verb.as_str()));
        let mut noun: Vec<String> = words.collect();
        while noun.len() > 1 && noun.last().is_some_and(|word| ASPECTS.contains(&word.as_str())) {
            noun.pop();
        }
        if let Some(last) = noun.last_mut()
            && let Some(singular) = last.strip_suffix('s').filter(|singular| !singular.ends_with('s'))
        {
            *last = singular.to_owned();
        }
        Self { noun, creates, joins }
    }

    /// The rank of an id in the member `key` of the member `container`.
    fn rank(&self, key: &str, container: &str, is_response: bool) -> Rank {
        let noun = self.noun.concat();
        let (key, lowest) = (without_id(key), if is_response { Rank::Other } else { Rank::Requested });
        if noun.is_empty() || key.is_empty() || (is_response && !self.creates) {
            return lowest;
        }
        let (named, in_part) =
            if is_response { (Rank::Created, Rank::CreatedInPart) } else { (Rank::Named, Rank::NamedInPart) };
        if key == noun {
            named
        } else if self.joins && self.noun.last() == Some(&key) {
            // The other resource is the one that changes.
            lowest
        } else if self.ends_like(&key) {
            in_part
        } else if is_response && container.eq_ignore_ascii_case(&noun) {
            Rank::Returned
        } else if !is_response && (noun.starts_with(&key) || key.starts_with(&noun)) {
            Rank::Whole
        } else {
            lowest
        }
    }

    /// Whether `key` consists of some of the words, in their order, including the last word.
    fn ends_like(&self, key: &str) -> bool {
        let mut rest = key;
        let mut ends = false;
        for word in &self.noun {
            ends = false;
            if let Some(after) = rest.strip_prefix(word.as_str()) {
                (rest, ends) = (after, true);
            }
        }
        rest.is_empty() && ends
    }
}

/// The name of a member in lower case without the suffix for ids: TransitGatewayId is `transitgateway`.
fn without_id(key: &str) -> String {
    let mut key = key.to_ascii_lowercase();
    if let Some(ending) = ["idset", "ids", "id"].into_iter().find(|ending| key.ends_with(ending)) {
        key.truncate(key.len() - ending.len());
    }
    key
}

/// The prefix of an id.
fn prefix_of(text: &str) -> Option<&str> {
    // Most strings have no hyphen at these positions. This avoids the regular expression.
    let has_hyphen = |digits: usize| {
        let index = text.len().checked_sub(digits + 1);
        index.is_some_and(|index| text.as_bytes().get(index) == Some(&b'-'))
    };
    if !(has_hyphen(8) || has_hyphen(17)) || !ID.is_match(text) {
        return None;
    }
    text.rsplit_once('-').map(|(prefix, _)| prefix)
}

/// Names of members by which EC2 writes lists.
const LISTS: [&str; 3] = ["items", "item", "content"];

struct Walk<'e, 'o> {
    operation: &'o OperationWords,
    is_response: bool,
    seen: HashSet<&'e str>,
    ids: Vec<RankedId<'e>>,
}

impl<'e> Walk<'e, '_> {
    /// Collects every string in `value` that has the form of an EC2 id, in the record's order. `key` is the name of the member
    /// that contains it, `container` the name of its parent member.
    fn collect(&mut self, value: &'e Value<'e>, key: &str, container: &str, depth: usize) {
        match value {
            Value::Str(text) => {
                if let Some(prefix) = prefix_of(text)
                    && self.seen.insert(text)
                {
                    let rank = self.operation.rank(key, container, self.is_response);
                    self.ids.push(RankedId { id: text, prefix, rank, depth });
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.collect(element, key, container, depth)),
            Value::Object(members) => {
                for (name, member) in members.iter() {
                    if LISTS.iter().any(|list| list.eq_ignore_ascii_case(name)) {
                        self.collect(member, key, container, depth);
                    } else {
                        self.collect(member, name, key, depth + 1);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
