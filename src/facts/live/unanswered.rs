//! That live state could not be asked.

use crate::event::{Event, Value};
use crate::facts::{Calls, Fact, Origin, calls, wire};

/// Why a call that only live state can judge was not judged.
pub(in crate::facts) const UNANSWERED: Fact = Fact {
    name: "live.unanswered",
    calls: Calls::These(&[
        (calls::EC2, "RunInstances"),
        (calls::EC2, "ModifyNetworkInterfaceAttribute"),
        (calls::EC2, "ModifyInstanceAttribute"),
        (calls::EC2, "AssociateRouteTable"),
        (calls::EC2, "ReplaceRouteTableAssociation"),
        (calls::EC2, "StartInstances"),
        (calls::EC2, "AttachNetworkInterface"),
        (calls::EC2, "CreateNetworkInterface"),
        (calls::EC2, "AssignIpv6Addresses"),
        (calls::EC2, "AssociateSubnetCidrBlock"),
        (calls::ELB, "SetSecurityGroups"),
        (calls::ELB, "ApplySecurityGroupsToLoadBalancer"),
        (calls::IAM, "AttachRolePolicy"),
        (calls::IAM, "PutRolePolicy"),
    ]),
    doc: "Why live state, which is on, could not judge a call that the record alone does not: RunInstances, \
          ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, AssociateRouteTable, ReplaceRouteTableAssociation, \
          AttachRolePolicy or PutRolePolicy, or one of those that `live.reached` is about. A text, such as `ec2:DescribeRouteTables: UnauthorizedOperation`.",
    origin: Origin::Derived(unanswered),
};

fn unanswered<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    wire::live(event)?.text_of("unanswered").map(Value::Str)
}
