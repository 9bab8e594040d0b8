//! Detaches an internet gateway that a call attached.

use serde_json::{Value, json};

use super::ec2::{act, by_id, list, one, response, single, text};
use super::{Action, Argument, ArgumentKind, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "detach-internet-gateway",
    summary: "Detaches the internet gateway from the VPC.",
    precondition: "The internet gateway is attached to that VPC.",
    rules: &["igw-attached"],
    reversibility: Reversibility::Exact,
    approval: Some("It cuts the connections of the whole VPC."),
    restores_own: false,
    tags: Tags::Ec2("internet_gateway_id"),
    arguments: &[
        Argument { name: "internet_gateway_id", kind: ArgumentKind::Id("igw-") },
        Argument { name: "vpc_id", kind: ArgumentKind::Id("vpc-") },
    ],
    requested: |source| {
        source.all(&[("internet_gateway_id", "ec2.request.internetGatewayId"), ("vpc_id", "ec2.request.vpcId")])
    },
    next_read: |target, responses| {
        single(responses, || by_id(target, "DescribeInternetGateways", "InternetGatewayIds", "internet_gateway_id"))
    },
    state: |target, responses| vpc(target, responses).unwrap_or_default().into(),
    expected: |target| {
        let attachments = json!([{"VpcId": target.text("vpc_id")}]);
        let gateway = json!({"InternetGatewayId": target.text("internet_gateway_id"), "Attachments": attachments});
        vec![json!({"InternetGateways": [gateway]})]
    },
    decide: |target, responses| {
        let (gateway, vpc_id) = (target.text("internet_gateway_id"), target.text("vpc_id"));
        let parameters = json!({"InternetGatewayId": gateway, "VpcId": vpc_id});
        match vpc(target, responses) {
            None => NextStep::NothingToDo(format!("{gateway} is not attached.")),
            Some(other) if other != vpc_id => NextStep::Differs(format!("{gateway} is attached to {other}.")),
            Some(_) => act(
                target.ec2("DetachInternetGateway", parameters.clone()),
                target.ec2("AttachInternetGateway", parameters),
            ),
        }
    },
    permissions: &[
        IamStatement {
            actions: &["ec2:DescribeInternetGateways", "ec2:DescribeTags"],
            resources: &["*"],
            conditions: &[],
        },
        IamStatement {
            actions: &["ec2:DetachInternetGateway"],
            resources: &[
                "arn:{partition}:ec2:{region}:{account}:internet-gateway/*",
                "arn:{partition}:ec2:{region}:{account}:vpc/*",
            ],
            conditions: &[],
        },
    ],
};

fn vpc<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v str> {
    let id = target.text("internet_gateway_id");
    let gateway = one(response(responses), "InternetGateways", "InternetGatewayId", id)?;
    list(gateway, "Attachments").first().map(|attachment| text(attachment, "VpcId"))
}
