//! Takes the public IPv4 address off a network interface.

use serde_json::{Value, json};

use super::ec2::{act, by_id, one, response, single};
use super::{Action, ApiCall, Argument, ArgumentKind, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "remove-interface-address",
    summary: "Takes the public IPv4 address that EC2 assigned off the network interface.",
    precondition: "The network interface has a public address that is no Elastic IP address.",
    rules: &["instance-public-ip-interface"],
    reversibility: Reversibility::WithLoss("The interface gets another address."),
    approval: Some("It cuts connections, and the address is lost."),
    restores_own: false,
    tags: Tags::Ec2("network_interface_id"),
    arguments: &[Argument { name: "network_interface_id", kind: ArgumentKind::Id("eni-") }],
    requested: |source| source.all(&[("network_interface_id", "ec2.request.networkInterfaceId")]),
    next_read: |target, responses| {
        single(responses, || by_id(target, "DescribeNetworkInterfaces", "NetworkInterfaceIds", "network_interface_id"))
    },
    state: |target, responses| (owner(target, responses) == Some("amazon")).into(),
    expected: |target| {
        let id = target.text("network_interface_id");
        vec![json!({"NetworkInterfaces": [{"NetworkInterfaceId": id, "Association": {"IpOwnerId": "amazon"}}]})]
    },
    decide: |target, responses| {
        let id = target.text("network_interface_id");
        match owner(target, responses) {
            Some("amazon") => act(set(target, false), set(target, true)),
            Some(_) => NextStep::Differs(format!("{id} has an Elastic IP address.")),
            None => NextStep::NothingToDo(format!("{id} has no public address.")),
        }
    },
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeNetworkInterfaces", "ec2:DescribeTags"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:ModifyNetworkInterfaceAttribute"],
            resources: &["arn:{partition}:ec2:{region}:{account}:network-interface/*"],
            conditions: &[],
        },
    ],
};

/// The owner of the public address: `amazon`, or the account of an Elastic IP address.
fn owner<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v str> {
    let id = target.text("network_interface_id");
    let interface = one(response(responses), "NetworkInterfaces", "NetworkInterfaceId", id)?;
    interface.pointer("/Association/IpOwnerId")?.as_str()
}

fn set(target: &Target, value: bool) -> ApiCall {
    let id = target.text("network_interface_id");
    target.ec2("ModifyNetworkInterfaceAttribute", json!({"NetworkInterfaceId": id, "AssociatePublicIpAddress": value}))
}
