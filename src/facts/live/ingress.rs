//! What the security groups let in that something was put behind.

use crate::event::{Event, Value};
use crate::facts::exposure::{described_ingress, members_doc};
use crate::facts::{Calls, Fact, Origin, calls, object, texts, wire};

/// What an interface or instance is now open to.
pub(in crate::facts) const INGRESS: Fact = Fact {
    name: "live.ingress",
    calls: Calls::These(&[(calls::EC2, "ModifyNetworkInterfaceAttribute"), (calls::EC2, "ModifyInstanceAttribute")]),
    doc: concat!(
        "By live state, what the security groups let in that ModifyNetworkInterfaceAttribute or \
         ModifyInstanceAttribute puts an interface or instance behind. ",
        members_doc!(),
        " `groups` are the groups.",
    ),
    origin: Origin::Derived(ingress),
};

fn ingress<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let opened = described_ingress(&wire::live(event)?).opening()?;
    let request = wire::request(event);
    let groups = request.iter().flat_map(|request| request.select("groupSet.groupId"));
    let mut members = opened.members();
    members.push(("groups", texts(groups.filter_map(crate::event::scalar_text))));
    Some(object(members))
}
