//! Peering with VPCs of other accounts.

use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, calls, object, wire};

/// The other side of a peering connection.
pub(in crate::facts) const PEERING: Fact = Fact {
    name: "exposure.peering",
    calls: Calls::These(&[(calls::EC2, "CreateVpcPeeringConnection"), (calls::EC2, "AcceptVpcPeeringConnection")]),
    doc: "The other side of the peering connection of CreateVpcPeeringConnection or AcceptVpcPeeringConnection. \
          `peer_account` is the account of the other VPC, `external` whether it differs from the account of the record, and \
          `connection` the id of the peering connection. If the request names no account, the other VPC is in the same \
          account.",
    derivation: Derivation::FromRecord(peering),
};

fn peering<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let request = wire::request(event);
    let connection = wire::response(event).and_then(|response| response.get("vpcPeeringConnection"));
    let own = event.account()?;
    let owner = |side| connection.as_ref()?.get(side)?.text_of("ownerId");
    let owners = [owner("requesterVpcInfo"), owner("accepterVpcInfo")];
    let other = owners.into_iter().flatten().find(|owner| owner != own);
    let requested = request.as_ref().and_then(|request| request.text_of("peerOwnerId"));
    let is_described = connection.as_ref().is_some_and(|connection| connection.get("accepterVpcInfo").is_some());
    let names_a_vpc = request.as_ref().is_some_and(|request| request.get("peerVpcId").is_some());
    let peer = match other.or(requested) {
        Some(peer) => peer,
        None if is_described || names_a_vpc => own.into(),
        None => return None,
    };
    let id = connection
        .as_ref()
        .and_then(|connection| connection.text_of("vpcPeeringConnectionId"))
        .or_else(|| request.as_ref()?.text_of("vpcPeeringConnectionId"));
    let mut members = vec![("external", Value::from(peer != own)), ("peer_account", Value::Str(peer))];
    if let Some(id) = id {
        members.push(("connection", Value::Str(id)));
    }
    Some(object(members))
}
