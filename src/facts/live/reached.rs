//! What the internet reaches after a call that completed an opening.

use crate::event::{Event, Value};
use crate::facts::{Calls, Fact, Origin, Parameters, calls, object, texts, wire};
use crate::network::Reach;

/// What a call made reachable.
pub(in crate::facts) const REACHED: Fact = Fact {
    name: "live.reached",
    calls: Calls::These(&[
        (calls::EC2, "StartInstances"),
        (calls::EC2, "AttachNetworkInterface"),
        (calls::EC2, "CreateNetworkInterface"),
        (calls::EC2, "AssignIpv6Addresses"),
        (calls::EC2, "AssociateSubnetCidrBlock"),
        (calls::ELB, "SetSecurityGroups"),
        (calls::ELB, "ApplySecurityGroupsToLoadBalancer"),
    ]),
    doc: "By live state, what the internet reaches now of the instances, interfaces, subnet or load balancer that \
          StartInstances, AttachNetworkInterface, CreateNetworkInterface, AssignIpv6Addresses, AssociateSubnetCidrBlock, \
          SetSecurityGroups or ApplySecurityGroupsToLoadBalancer is about, through address, route, internet gateway, \
          network ACL and security groups; absent when it reaches nothing. `reach` is world or wide; `world` and `wide` \
          are the worst of what is open that far: all (every port), admin, database, high-risk, other, web or icmp; \
          absent when nothing is. `services` names what is reached, such as ssh, `traffic` is the same as protocols and \
          ports; `interfaces`, `addresses`, `instances` and `groups` are what is on the way. AssignIpv6Addresses and \
          AssociateSubnetCidrBlock count for IPv6 alone.",
    origin: Origin::Derived(reached),
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
