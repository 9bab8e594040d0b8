//! Routes to the internet in the route table of a subnet.

use crate::event::{Event, Value};
use crate::facts::exposure::described_routes;
use crate::facts::{Calls, Derivation, Fact, calls, object, texts, wire};
use crate::network::Reach;

/// The routes to internet gateways in the new route table of a subnet.
pub(in crate::facts) const ROUTE: Fact = Fact {
    name: "live.route",
    calls: Calls::These(&[(calls::EC2, "AssociateRouteTable"), (calls::EC2, "ReplaceRouteTableAssociation")]),
    doc: "Routes to internet gateways according to live state, in the route table that AssociateRouteTable or \
          ReplaceRouteTableAssociation assigns to a subnet. Absent if there is none. `reach` is how much of the internet is \
          routed there: world, wide, public or private. `destinations` are the networks, `gateways` the gateways.",
    derivation: Derivation::FromRecord(route),
};

fn route<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let table = wire::live(event)?.get("routeTable")?;
    let (sources, gateways) = described_routes(&wire::live(event)?, &table);
    let opened = sources.opening()?;
    if opened.opening.reach < Reach::Public {
        return None;
    }
    Some(object(vec![
        ("reach", Value::from(opened.opening.reach.as_str())),
        ("destinations", texts(opened.offending().map(|source| source.network.to_string()))),
        ("gateways", texts(gateways)),
    ]))
}
