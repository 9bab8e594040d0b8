//! Ingress that the security groups of an interface or instance allow.

use crate::event::{Event, Value};
use crate::facts::exposure::{described_ingress, members_doc};
use crate::facts::{Calls, Derivation, Fact, calls, object, texts, wire};

/// Ingress that the new security groups of an interface or instance allow.
pub(in crate::facts) const INGRESS: Fact = Fact {
    name: "live.ingress",
    calls: Calls::These(&[(calls::EC2, "ModifyNetworkInterfaceAttribute"), (calls::EC2, "ModifyInstanceAttribute")]),
    doc: concat!(
        "Ingress that security groups allow according to live state, for security groups that \
         ModifyNetworkInterfaceAttribute or ModifyInstanceAttribute assigns to an interface or instance. ",
        members_doc!(),
        " `groups` are the groups.",
    ),
    derivation: Derivation::FromRecord(ingress),
};

fn ingress<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let opened = described_ingress(&wire::live(event)?).opening()?;
    let request = wire::request(event);
    let groups = request.iter().flat_map(|request| request.select("groupSet.groupId"));
    let mut members = opened.members();
    members.push(("groups", texts(groups.filter_map(crate::event::scalar_text))));
    Some(object(members))
}
