//! That live state could not be asked.

use super::{EC2, IAM};
use crate::event::{Event, Value};
use crate::facts::{Calls, Fact, Origin, wire};

/// Why a call that only live state can judge was not judged.
pub(in crate::facts) const UNANSWERED: Fact = Fact {
    name: "live.unanswered",
    doc: "Why live state, which is on, could not judge a call that the record alone does not: RunInstances, \
          ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateRouteTable, ReplaceRouteTableAssociation, \
          AttachRolePolicy or PutRolePolicy. A text, such as `ec2:DescribeRouteTables: UnauthorizedOperation`.",
    calls: Calls::These(&[
        (EC2, "RunInstances"),
        (EC2, "ModifyNetworkInterfaceAttribute"),
        (EC2, "ModifyInstanceAttribute"),
        (EC2, "AssociateRouteTable"),
        (EC2, "ReplaceRouteTableAssociation"),
        (IAM, "AttachRolePolicy"),
        (IAM, "PutRolePolicy"),
    ]),
    origin: Origin::Derived(unanswered),
};

fn unanswered<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    wire::live(event)?.text_of("unanswered").map(Value::Str)
}
