//! Rejects a request for VPC peering.

use serde_json::{Value, json};

use super::ec2::{by_id, one, response, single};
use super::{Action, Argument, ArgumentKind, CallPlan, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "reject-peering",
    summary: "Rejects the request for VPC peering with the other account, while it is pending.",
    precondition: "The request waits to be accepted.",
    rules: &["vpc-peering-external"],
    reversibility: Reversibility::None("The other account has to request the peering again."),
    approval: Some("It cannot be undone."),
    restores_own: false,
    tags: Tags::Ec2("peering_id"),
    arguments: &[Argument { name: "peering_id", kind: ArgumentKind::Id("pcx-") }],
    requested: |source| source.all(&[("peering_id", "exposure.peering.connection")]),
    next_read: |target, responses| {
        single(responses, || by_id(target, "DescribeVpcPeeringConnections", "VpcPeeringConnectionIds", "peering_id"))
    },
    state: |target, responses| status(target, responses).unwrap_or_default().into(),
    expected: |target| {
        let id = target.text("peering_id");
        let connection = json!({"VpcPeeringConnectionId": id, "Status": {"Code": "pending-acceptance"}});
        vec![json!({"VpcPeeringConnections": [connection]})]
    },
    decide: |target, responses| {
        let id = target.text("peering_id");
        let reject = || target.ec2("RejectVpcPeeringConnection", json!({"VpcPeeringConnectionId": id}));
        match status(target, responses) {
            Some("pending-acceptance") => NextStep::Act(CallPlan::without_inverse(reject())),
            Some("active") => NextStep::Differs(format!("{id} was accepted. Deleting it is left to a person.")),
            _ => NextStep::NothingToDo(format!("{id} is not pending.")),
        }
    },
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeVpcPeeringConnections", "ec2:DescribeTags"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:RejectVpcPeeringConnection"],
            resources: &["arn:{partition}:ec2:{region}:{account}:vpc-peering-connection/*"],
            conditions: &[],
        },
    ],
};

fn status<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v str> {
    let id = target.text("peering_id");
    let connection = one(response(responses), "VpcPeeringConnections", "VpcPeeringConnectionId", id)?;
    connection.pointer("/Status/Code")?.as_str()
}
