//! Requires tokens for the metadata of an instance.

use serde_json::{Value, json};

use super::ec2::{act, by_id, list, one, response, single};
use super::{Action, ApiCall, Argument, ArgumentKind, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "require-imds-tokens",
    summary: "Requires tokens (IMDSv2) for the metadata of the instance. Old SDKs on it may fail; the metric \
              `MetadataNoToken` counts their requests.",
    precondition: "The instance answers requests for metadata without a token.",
    rules: &["imdsv1-allowed"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("instance_id"),
    arguments: &[Argument { name: "instance_id", kind: ArgumentKind::Id("i-") }],
    requested: |source| source.all(&[("instance_id", "ec2.request.instanceId")]),
    next_read: |target, responses| {
        single(responses, || by_id(target, "DescribeInstances", "InstanceIds", "instance_id"))
    },
    state: |target, responses| tokens(target, responses).unwrap_or_default().into(),
    expected: |target| {
        let instance = json!({"InstanceId": target.text("instance_id"), "MetadataOptions": {"HttpTokens": "optional"}});
        vec![json!({"Reservations": [{"Instances": [instance]}]})]
    },
    decide: |target, responses| {
        let id = target.text("instance_id");
        match tokens(target, responses) {
            Some("optional") => act(set(target, "required"), set(target, "optional")),
            Some(_) => NextStep::NothingToDo(format!("{id} requires tokens.")),
            None => NextStep::NothingToDo(format!("{id} does not exist.")),
        }
    },
    permissions: &[
        IamStatement { actions: &["ec2:DescribeInstances", "ec2:DescribeTags"], resources: &["*"], conditions: &[] },
        IamStatement {
            actions: &["ec2:ModifyInstanceMetadataOptions"],
            resources: &["arn:{partition}:ec2:{region}:{account}:instance/*"],
            conditions: &[],
        },
    ],
};

fn tokens<'v>(target: &Target, responses: &'v [Value]) -> Option<&'v str> {
    let id = target.text("instance_id");
    let mut reservations = list(response(responses), "Reservations").iter();
    let instance = reservations.find_map(|reservation| one(reservation, "Instances", "InstanceId", id))?;
    instance.get("MetadataOptions")?.get("HttpTokens")?.as_str()
}

fn set(target: &Target, tokens: &str) -> ApiCall {
    let parameters = json!({"InstanceId": target.text("instance_id"), "HttpTokens": tokens});
    target.ec2("ModifyInstanceMetadataOptions", parameters)
}
