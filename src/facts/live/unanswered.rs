//! That live state could not be asked.

use crate::event::{Event, Value};
use crate::facts::{Fact, Origin, calls, wire};

/// Why a call that only live state can judge was not judged.
pub(in crate::facts) const UNANSWERED: Fact = Fact {
    scope: calls::LIVE_UNANSWERED,
    doc: "Why live state, which is on, could not judge a call that the record alone does not: RunInstances, \
          ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateRouteTable, ReplaceRouteTableAssociation, \
          AttachRolePolicy or PutRolePolicy, or one of those that `live.reached` is about. A text, such as `ec2:DescribeRouteTables: UnauthorizedOperation`.",
    origin: Origin::Derived(unanswered),
};

fn unanswered<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    wire::live(event)?.text_of("unanswered").map(Value::Str)
}
