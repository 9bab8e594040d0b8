//! Turns VPC block public access on.

use serde_json::{Map, Value, json};

use super::ec2::{act, response, single};
use super::{Action, ApiCall, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "block-public-vpcs",
    summary: "Turns on VPC block public access in the Region, in both directions.",
    precondition: "VPC block public access is off.",
    rules: &["block-public-access-weakened-vpc"],
    reversibility: Reversibility::Exact,
    approval: Some(
        "It cuts the internet connections of every VPC, and the record does not contain the former mode, which may have \
         been less strict.",
    ),
    restores_own: false,
    tags: Tags::None,
    arguments: &[],
    requested: |source| source.is("ModifyVpcBlockPublicAccessOptions").then(Map::new),
    next_read: |target, responses| single(responses, || target.ec2("DescribeVpcBlockPublicAccessOptions", json!({}))),
    state: |_, responses| option(responses, "InternetGatewayBlockMode").into(),
    expected: |_| {
        vec![json!({"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "off", "State": "update-complete"}})]
    },
    decide: |target, responses| match option(responses, "InternetGatewayBlockMode") {
        _ if option(responses, "State").ends_with("-in-progress") => {
            NextStep::Pending("VPC block public access is being changed.".to_owned())
        }
        "off" => act(set(target, "block-bidirectional"), set(target, "off")),
        "" => NextStep::Differs("EC2 did not return the setting.".to_owned()),
        mode => NextStep::NothingToDo(format!("VPC block public access has the mode {mode}.")),
    },
    permissions: &[IamStatement {
        actions: &["ec2:DescribeVpcBlockPublicAccessOptions", "ec2:ModifyVpcBlockPublicAccessOptions"],
        resources: &["*"],
        conditions: &[],
    }],
};

fn option<'v>(responses: &'v [Value], name: &str) -> &'v str {
    let options = response(responses).get("VpcBlockPublicAccessOptions");
    options.and_then(|options| options.get(name)?.as_str()).unwrap_or_default()
}

fn set(target: &Target, mode: &str) -> ApiCall {
    target.ec2("ModifyVpcBlockPublicAccessOptions", json!({"InternetGatewayBlockMode": mode}))
}
