//! Requires tokens for the metadata of new instances.

use serde_json::{Map, Value, json};

use super::ec2::{act, response, single};
use super::{Action, IamStatement, NextStep, Reversibility, Tags};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "require-imds-tokens-by-default",
    summary: "Requires tokens (IMDSv2) for the metadata of instances that are started from now on in the Region.",
    precondition: "New instances of the account answer requests for metadata without a token.",
    rules: &["imdsv1-allowed-account"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::None,
    arguments: &[],
    requested: |_| Some(Map::new()),
    next_read: |target, responses| single(responses, || target.ec2("GetInstanceMetadataDefaults", json!({}))),
    state: |_, responses| tokens(responses).into(),
    expected: |_| vec![json!({"AccountLevel": {"HttpTokens": "optional"}})],
    decide: |target, responses| {
        let set = |tokens: &str| target.ec2("ModifyInstanceMetadataDefaults", json!({"HttpTokens": tokens}));
        match tokens(responses) {
            "optional" => act(set("required"), set("optional")),
            "required" => NextStep::NothingToDo("New instances require a token.".to_owned()),
            // Without a default, the image or the request decides.
            _ => NextStep::Differs("The account has no default for tokens.".to_owned()),
        }
    },
    permissions: &[IamStatement {
        actions: &["ec2:GetInstanceMetadataDefaults", "ec2:ModifyInstanceMetadataDefaults"],
        resources: &["*"],
        conditions: &[],
    }],
};

fn tokens(responses: &[Value]) -> &str {
    response(responses).pointer("/AccountLevel/HttpTokens").and_then(Value::as_str).unwrap_or_default()
}
