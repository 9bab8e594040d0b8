//! Ingress that an entry of a network ACL allows into subnets.

use super::permission::Permission;
use super::source::{Opened, Sources, members_doc, together_doc};
use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, Parameters, calls, object, wire};

/// The ingress that an entry of a network ACL allows.
pub(in crate::facts) const NETWORK_ACL: Fact = Fact {
    name: "exposure.network_acl",
    calls: Calls::These(&[(calls::EC2, "CreateNetworkAclEntry"), (calls::EC2, "ReplaceNetworkAclEntry")]),
    doc: concat!(
        "Ingress that CreateNetworkAclEntry or ReplaceNetworkAclEntry allows into subnets. Absent for egress and for deny. ",
        members_doc!(),
        together_doc!(),
        " Networks that earlier calls in the same delivery or file added to the ACL count too, if this call opens more \
         together with them. `return_traffic` is true if the ports are the ephemeral ports of return traffic. Network ACLs \
         are stateless, so a subnet with outbound connections must allow them.",
    ),
    derivation: Derivation::FromRecord(network_acl),
};

/// First ephemeral ports of NAT gateways and ELB, old Windows, Linux and Windows (VPC user guide).
const FIRST_EPHEMERAL: [u16; 4] = [1024, 1025, 32_768, 49_152];
/// Lowest last ephemeral port, that of Linux. Other systems use 61,000 or 65,535.
const LAST_EPHEMERAL: u16 = 60_999;

fn network_acl<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let opened = opened(event)?;
    let ports = opened.offending().next().and_then(|source| source.permission.ports());
    let is_return = ports.is_some_and(|(from, to)| FIRST_EPHEMERAL.contains(&from) && to >= LAST_EPHEMERAL);
    let mut members = opened.members();
    members.push(("return_traffic", Value::from(is_return)));
    Some(object(members))
}

/// The opening of the entry, with live state together with all current entries of the ACL.
pub(super) fn opened<'e>(event: &'e Event<'_>) -> Option<Opened<'e>> {
    let mut now = Sources::default();
    for entry in wire::live(event).map(|live| live.list("networkAclEntries")).unwrap_or_default() {
        allowed(&entry, &["protocol"], &mut now);
    }
    sources(event).with_earlier(event).together(now)
}

/// The networks that the entry allows.
pub(super) fn sources<'e>(event: &'e Event<'_>) -> Sources<'e> {
    let mut sources = Sources::default();
    let Some(request) = wire::request(event) else { return sources };
    let denies = request.text_of("ruleAction").is_some_and(|action| action.eq_ignore_ascii_case("deny"));
    if denies || request.flag_of("egress") == Some(true) {
        return sources;
    }
    allowed(&request, &["aclProtocol", "protocol"], &mut sources);
    sources
}

fn allowed<'e>(entry: &Parameters<'e>, protocol: &[&str], sources: &mut Sources<'e>) {
    let protocol = entry.first_of(protocol);
    let permission = Permission::of(protocol.as_ref(), entry.get("portRange").as_ref(), ["from", "to"]);
    for key in ["cidrBlock", "ipv6CidrBlock"] {
        sources.add(entry, key, permission.clone(), None);
    }
}
