//! Takes an Elastic IP address off that a call associated.

use serde_json::{Value, json};

use super::ec2::{act, list, only, response, single, text};
use super::{Action, Argument, ArgumentKind, ArgumentSource, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "disassociate-address",
    summary: "Takes the Elastic IP address off the network interface.",
    precondition: "The association that the call made exists.",
    rules: &["eip-associated"],
    reversibility: Reversibility::WithLoss("The association gets a new id."),
    approval: Some("It cuts connections."),
    restores_own: false,
    tags: Tags::Ec2("allocation_id"),
    arguments: &[
        Argument { name: "allocation_id", kind: ArgumentKind::Id("eipalloc-") },
        Argument { name: "association_id", kind: ArgumentKind::Id("eipassoc-") },
    ],
    requested: |source: &ArgumentSource<'_>| {
        source.all(&[("allocation_id", "ec2.request.allocationId"), ("association_id", "ec2.response.associationId")])
    },
    next_read: |target, responses| {
        let parameters = || json!({"AllocationIds": [target.text("allocation_id")]});
        single(responses, || target.ec2("DescribeAddresses", parameters()))
    },
    state: |target, responses| {
        let address =
            address(target, responses).map(|address| only(address, &["NetworkInterfaceId", "PrivateIpAddress"]));
        address.map(Value::Object).unwrap_or_default()
    },
    expected: |target| {
        let (allocation, association) = (target.text("allocation_id"), target.text("association_id"));
        vec![json!({"Addresses": [{"AllocationId": allocation, "AssociationId": association}]})]
    },
    decide,
    permissions: &[
        IamStatement { actions: &["ec2:DescribeAddresses", "ec2:DescribeTags"], resources: &["*"], conditions: &[] },
        IamStatement {
            actions: &["ec2:DisassociateAddress"],
            resources: &[
                "arn:{partition}:ec2:{region}:{account}:elastic-ip/*",
                "arn:{partition}:ec2:{region}:{account}:network-interface/*",
            ],
            conditions: &[],
        },
    ],
};

fn address<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v Value> {
    let addresses = list(response(responses), "Addresses");
    addresses.iter().find(|address| text(address, "AllocationId") == target.text("allocation_id"))
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let (allocation, association) = (target.text("allocation_id"), target.text("association_id"));
    let Some(address) = address(target, responses) else {
        return NextStep::NothingToDo(format!("{allocation} does not exist."));
    };
    match text(address, "AssociationId") {
        "" => return NextStep::NothingToDo(format!("{allocation} is not associated.")),
        id if id != association => {
            return NextStep::Differs(format!("{allocation} is associated by {id}, and the call made {association}."));
        }
        _ => {}
    }
    let associate = json!({
        "AllocationId": allocation,
        "NetworkInterfaceId": text(address, "NetworkInterfaceId"),
        "PrivateIpAddress": text(address, "PrivateIpAddress"),
    });
    act(
        target.ec2("DisassociateAddress", json!({"AssociationId": association})),
        target.ec2("AssociateAddress", associate),
    )
}
