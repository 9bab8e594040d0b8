//! Routes to internet gateways and carrier gateways.

use std::borrow::Cow;

use super::permission::Permission;
use super::source::Sources;
use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, Parameters, calls, object, texts, wire};

/// A route to an internet gateway or a carrier gateway that a call adds.
pub(in crate::facts) const ROUTE: Fact = Fact {
    name: "exposure.route",
    calls: Calls::These(&[(calls::EC2, "CreateRoute"), (calls::EC2, "ReplaceRoute")]),
    doc: "The destination that CreateRoute or ReplaceRoute sends to an internet gateway (`igw-…`) or, in a Wavelength Zone, \
          a carrier gateway (`cagw-…`). Absent for other targets. `reach` is how much of the internet the destination is: \
          world, wide (at least an IPv4 /8 or an IPv6 /16), public or private. `destination` is the network if it is world \
          or wide, host bits masked, `gateway` the gateway, `route_table` the table, and `undo` the route as arguments of \
          `aws ec2 delete-route`.",
    derivation: Derivation::FromRecord(route),
};

const DESTINATIONS: [(&str, &str); 2] = [
    ("destinationCidrBlock", "--destination-cidr-block"),
    ("destinationIpv6CidrBlock", "--destination-ipv6-cidr-block"),
];

fn route<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let opened = sources(event).opening()?;
    let request = wire::request(event)?;
    let reach = opened.opening.reach;
    let mut members = vec![("reach", Value::from(reach.as_str()))];
    let mut undo: Vec<Cow<'e, str>> = Vec::new();
    if let Some(gateway) = gateway(&request) {
        members.push(("gateway", Value::Str(gateway)));
    }
    if let Some(table) = request.text_of("routeTableId") {
        members.push(("route_table", Value::Str(table.clone())));
        undo.extend(["--route-table-id".into(), table]);
    }
    if let Some(source) = opened.offending().next() {
        let network = source.network.to_string();
        let [(_, v4), (_, v6)] = DESTINATIONS;
        undo.extend(match &source.prefix_list {
            Some(id) => ["--destination-prefix-list-id".into(), id.clone()],
            None => [if source.network.addr().is_ipv4() { v4 } else { v6 }.into(), Cow::Owned(network.clone())],
        });
        members.push(("destination", Value::from(network)));
    }
    members.push(("undo", texts(undo)));
    Some(object(members))
}

/// The target, if it is an internet gateway or a carrier gateway.
fn gateway<'e>(request: &Parameters<'e>) -> Option<Cow<'e, str>> {
    let target = |(key, prefix): (&str, &str)| request.text_of(key).filter(|id| id.starts_with(prefix));
    [("gatewayId", "igw-"), ("carrierGatewayId", "cagw-")].into_iter().find_map(target)
}

/// The destination, if the target is an internet gateway or a carrier gateway.
pub(super) fn sources<'e>(event: &'e Event<'_>) -> Sources<'e> {
    let mut sources = Sources::default();
    let Some(request) = wire::request(event) else { return sources };
    if gateway(&request).is_some() {
        for (key, _) in DESTINATIONS {
            sources.add(&request, key, Some(Permission::all()), None);
        }
        let live = wire::live(event);
        sources.add_prefix_list(&request, "destinationPrefixListId", Some(&Permission::all()), live.as_ref());
    }
    sources
}

/// The destinations that a route table in live state sends to internet gateways, and these gateways.
pub(in crate::facts) fn described_routes<'e>(
    live: &Parameters<'e>,
    table: &Parameters<'e>,
) -> (Sources<'e>, Vec<Cow<'e, str>>) {
    let mut sources = Sources::default();
    let mut gateways = Vec::new();
    let is_active = |route: &Parameters<'e>| route.text_of("state").is_some_and(|state| state == "active");
    for route in table.list("routes").into_iter().filter(is_active) {
        let Some(gateway) = route.text_of("gatewayId").filter(|id| id.starts_with("igw-")) else { continue };
        for (key, _) in DESTINATIONS {
            sources.add(&route, key, Some(Permission::all()), None);
        }
        sources.add_prefix_list(&route, "destinationPrefixListId", Some(&Permission::all()), Some(live));
        if !gateways.contains(&gateway) {
            gateways.push(gateway);
        }
    }
    (sources, gateways)
}
