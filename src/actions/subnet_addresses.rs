//! Stops a subnet from giving addresses to what is created in it.

use serde_json::{Value, json};

use super::ec2::{act, by_id, one, response, single};
use super::{Action, ApiCall, Argument, ArgumentKind, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row for public IPv4 addresses.
pub(super) const IPV4: Action = Action {
    name: "stop-public-ipv4-addresses",
    summary: "Stops the subnet from giving public IPv4 addresses to what is created in it.",
    precondition: "The subnet gives public IPv4 addresses.",
    rules: &["subnet-auto-public-ip"],
    state: |target, responses| state(target, responses, "MapPublicIpOnLaunch"),
    expected: |target| expected(target, "MapPublicIpOnLaunch"),
    decide: |target, responses| decide(target, responses, "MapPublicIpOnLaunch"),
    ..SUBNET
};

/// The row for IPv6 addresses.
pub(super) const IPV6: Action = Action {
    name: "stop-ipv6-addresses",
    summary: "Stops the subnet from giving IPv6 addresses to what is created in it.",
    precondition: "The subnet gives IPv6 addresses.",
    rules: &["subnet-auto-public-ip-ipv6"],
    state: |target, responses| state(target, responses, "AssignIpv6AddressOnCreation"),
    expected: |target| expected(target, "AssignIpv6AddressOnCreation"),
    decide: |target, responses| decide(target, responses, "AssignIpv6AddressOnCreation"),
    ..SUBNET
};

/// What both rows share.
const SUBNET: Action = Action {
    name: "",
    summary: "",
    precondition: "",
    rules: &[],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("subnet_id"),
    arguments: &[Argument { name: "subnet_id", kind: ArgumentKind::Id("subnet-") }],
    requested: |source| source.all(&[("subnet_id", "ec2.request.subnetId")]),
    next_read: |target, responses| single(responses, || by_id(target, "DescribeSubnets", "SubnetIds", "subnet_id")),
    state: |target, responses| state(target, responses, ""),
    expected: |target| expected(target, ""),
    decide: |target, responses| decide(target, responses, ""),
    permissions: &[
        IamStatement { actions: &["ec2:DescribeSubnets", "ec2:DescribeTags"], resources: &["*"], conditions: &[] },
        IamStatement {
            actions: &["ec2:ModifySubnetAttribute"],
            resources: &["arn:{partition}:ec2:{region}:{account}:subnet/*"],
            conditions: &[],
        },
    ],
};

fn state(target: &Target, responses: &[Value], attribute: &str) -> Value {
    let subnet = one(response(responses), "Subnets", "SubnetId", target.text("subnet_id"));
    subnet.and_then(|subnet| subnet.get(attribute)).cloned().unwrap_or_default()
}

fn expected(target: &Target, attribute: &str) -> Vec<Value> {
    vec![json!({"Subnets": [{"SubnetId": target.text("subnet_id"), attribute: true}]})]
}

fn decide(target: &Target, responses: &[Value], attribute: &str) -> NextStep {
    let subnet = target.text("subnet_id");
    match state(target, responses, attribute) {
        Value::Bool(true) => act(set(target, attribute, false), set(target, attribute, true)),
        Value::Bool(false) => NextStep::NothingToDo(format!("{subnet} does not give addresses.")),
        _ => NextStep::NothingToDo(format!("{subnet} does not exist.")),
    }
}

fn set(target: &Target, attribute: &str, value: bool) -> ApiCall {
    target.ec2("ModifySubnetAttribute", json!({"SubnetId": target.text("subnet_id"), attribute: {"Value": value}}))
}
