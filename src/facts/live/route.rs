//! Where the route table leads that a subnet was put behind.

use crate::event::{Event, Value};
use crate::facts::exposure::described_routes;
use crate::facts::{Calls, Fact, Origin, calls, object, texts, wire};
use crate::network::Reach;

/// The way to an internet gateway that a subnet now has.
pub(in crate::facts) const ROUTE: Fact = Fact {
    name: "live.route",
    calls: Calls::These(&[(calls::EC2, "AssociateRouteTable"), (calls::EC2, "ReplaceRouteTableAssociation")]),
    doc: "By live state, where the route table leads that AssociateRouteTable or ReplaceRouteTableAssociation puts a \
          subnet behind; absent when it leads to no internet gateway. `reach` is how much of the internet is routed there: \
          world, wide, public or private; `destinations` are the networks, `gateways` the gateways.",
    origin: Origin::Derived(route),
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
