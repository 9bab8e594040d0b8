//! Resources that the internet reaches after a call that completed an opening.

use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, Parameters, calls, object, texts, wire};
use crate::network::Reach;

/// Resources that the internet reaches after a call.
pub(in crate::facts) const REACHED: Fact = Fact {
    name: "live.reached",
    calls: completing_calls!(),
    doc: "Interfaces that the internet reaches according to live state, through address, route, internet gateway, network \
          ACL and security groups. They belong to the instances, interfaces, subnet or load balancer of StartInstances, \
          AttachNetworkInterface, CreateNetworkInterface, AssignIpv6Addresses, AssociateSubnetCidrBlock, SetSecurityGroups \
          or ApplySecurityGroupsToLoadBalancer. Absent if the internet reaches none. `reach` is world or wide. `world` and \
          `wide` are the most severe kind of traffic that is open that far: all (every port), admin, database, high-risk, \
          other, web or icmp; absent if there is none. `services` are the reachable services, such as ssh, and `traffic` \
          the reachable protocols and ports. `interfaces`, `addresses`, `instances` and `groups` are on the path. For \
          AssignIpv6Addresses and AssociateSubnetCidrBlock, only IPv6 counts.",
    derivation: Derivation::FromRecord(reached),
};

fn reached<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let reached = wire::live(event)?.get("reached")?;
    let reach = if reached.has("world") { Reach::World } else { Reach::Wide };
    let mut members = vec![("reach", Value::from(reach.as_str()))];
    for name in ["world", "wide"] {
        members.extend(reached.text_of(name).map(|kind| (name, Value::Str(kind))));
    }
    for name in ["services", "traffic", "interfaces", "addresses", "instances", "groups"] {
        members.push((name, texts(reached.list(name).iter().filter_map(Parameters::text))));
    }
    Some(object(members))
}
