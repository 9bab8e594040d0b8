//! The error if live state was required and not available.

use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, calls, wire};

/// The reason why live state could not evaluate a call that requires it.
pub(in crate::facts) const UNANSWERED: Fact = Fact {
    name: "live.unanswered",
    calls: completing_calls!(
        (calls::EC2, "RunInstances"),
        (calls::EC2, "ModifyNetworkInterfaceAttribute"),
        (calls::EC2, "ModifyInstanceAttribute"),
        (calls::EC2, "AssociateRouteTable"),
        (calls::EC2, "ReplaceRouteTableAssociation"),
        (calls::IAM, "AttachRolePolicy"),
        (calls::IAM, "PutRolePolicy"),
    ),
    doc: "The reason why live state, although it is on, could not evaluate a call that requires it: RunInstances, \
          ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateRouteTable, ReplaceRouteTableAssociation, \
          AttachRolePolicy, PutRolePolicy, or a call of `live.reached`. A string such as \
          `ec2:DescribeRouteTables: UnauthorizedOperation`.",
    derivation: Derivation::FromRecord(unanswered),
};

fn unanswered<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    wire::live(event)?.text_of("unanswered").map(Value::Str)
}
