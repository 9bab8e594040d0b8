//! Takes a subnet out of a route table that a call associated with it.

use serde_json::{Map, Value, json};

use super::ec2::{act, by_id, list, one, only, response, single, text};
use super::{Action, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "disassociate-route-table",
    summary: "Takes the subnet out of the route table, so that the main route table of its VPC applies again.",
    precondition: "The association that the call made exists and joins that subnet with that table.",
    rules: &["route-to-igw-associated"],
    reversibility: Reversibility::WithLoss("The association gets a new id."),
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("route_table_id"),
    arguments: &[
        Argument { name: "route_table_id", kind: ArgumentKind::Id("rtb-") },
        Argument { name: "subnet_id", kind: ArgumentKind::Id("subnet-") },
        Argument { name: "association_id", kind: ArgumentKind::Id("rtbassoc-") },
    ],
    requested,
    next_read: |target, responses| {
        single(responses, || by_id(target, "DescribeRouteTables", "RouteTableIds", "route_table_id"))
    },
    state: |target, responses| {
        let subnet = target.text("subnet_id");
        let of_subnet = associations(target, responses).iter().find(|one| text(one, "SubnetId") == subnet);
        of_subnet.map(|one| Value::Object(only(one, &["RouteTableId", "SubnetId"]))).unwrap_or_default()
    },
    expected: |target| {
        let association = json!({
            "RouteTableAssociationId": target.text("association_id"),
            "RouteTableId": target.text("route_table_id"),
            "SubnetId": target.text("subnet_id"),
        });
        let table = json!({"RouteTableId": target.text("route_table_id"), "Associations": [association]});
        vec![json!({"RouteTables": [table]})]
    },
    decide,
    permissions: &[
        IamStatement { actions: &["ec2:DescribeRouteTables", "ec2:DescribeTags"], resources: &["*"], conditions: &[] },
        IamStatement {
            actions: &["ec2:DisassociateRouteTable"],
            resources: &[
                "arn:{partition}:ec2:{region}:{account}:route-table/*",
                "arn:{partition}:ec2:{region}:{account}:subnet/*",
            ],
            conditions: &[],
        },
    ],
};

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    // The record of ReplaceRouteTableAssociation does not contain the former table. A subnet that AssociateRouteTable puts
    // into a table was in the main table before.
    if !source.is("AssociateRouteTable") {
        return None;
    }
    source.all(&[
        ("route_table_id", "ec2.request.routeTableId"),
        ("subnet_id", "ec2.request.subnetId"),
        ("association_id", "ec2.response.associationId"),
    ])
}

fn associations<'v>(target: &Target, responses: &'v [Value]) -> &'v [Value] {
    let table = one(response(responses), "RouteTables", "RouteTableId", target.text("route_table_id"));
    table.map(|table| list(table, "Associations")).unwrap_or_default()
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let (table, subnet) = (target.text("route_table_id"), target.text("subnet_id"));
    let id = target.text("association_id");
    let association = associations(target, responses).iter().find(|one| text(one, "RouteTableAssociationId") == id);
    match association {
        None => NextStep::NothingToDo(format!("{id} no longer exists.")),
        Some(association) if text(association, "SubnetId") != subnet => {
            NextStep::Differs(format!("{id} is not of {subnet}."))
        }
        Some(_) => act(
            target.ec2("DisassociateRouteTable", json!({"AssociationId": id})),
            target.ec2("AssociateRouteTable", json!({"RouteTableId": table, "SubnetId": subnet})),
        ),
    }
}
