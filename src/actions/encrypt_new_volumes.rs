//! Turns the encryption of new EBS volumes on.

use serde_json::{Map, Value, json};

use super::ec2::{act, response, single};
use super::{Action, IamStatement, NextStep, Reversibility, Tags};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "encrypt-new-volumes",
    summary: "Turns on the encryption of new EBS volumes in the Region.",
    precondition: "New EBS volumes are not encrypted by default.",
    rules: &["ebs-default-encryption-off"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::None,
    arguments: &[],
    requested: |_| Some(Map::new()),
    next_read: |target, responses| single(responses, || target.ec2("GetEbsEncryptionByDefault", json!({}))),
    state: |_, responses| response(responses).get("EbsEncryptionByDefault").cloned().unwrap_or_default(),
    expected: |_| vec![json!({"EbsEncryptionByDefault": false})],
    decide: |target, responses| match response(responses).get("EbsEncryptionByDefault").and_then(Value::as_bool) {
        Some(false) => act(
            target.ec2("EnableEbsEncryptionByDefault", json!({})),
            target.ec2("DisableEbsEncryptionByDefault", json!({})),
        ),
        Some(true) => NextStep::NothingToDo("New EBS volumes are encrypted by default.".to_owned()),
        None => NextStep::Differs("EC2 did not return the setting.".to_owned()),
    },
    permissions: &[IamStatement {
        actions: &["ec2:GetEbsEncryptionByDefault", "ec2:EnableEbsEncryptionByDefault"],
        resources: &["*"],
        conditions: &[],
    }],
};
