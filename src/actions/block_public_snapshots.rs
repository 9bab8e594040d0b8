//! Turns block public access for snapshots on.

use serde_json::{Map, Value, json};

use super::ec2::{act, response, single, text};
use super::{Action, IamStatement, NextStep, Reversibility, Tags};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "block-public-snapshots",
    summary: "Turns on block public access for snapshots in the Region, for all sharing.",
    precondition: "Block public access for snapshots is off.",
    rules: &["block-public-access-weakened-snapshot"],
    reversibility: Reversibility::Exact,
    approval: Some("The record does not contain the former state, which may have been less strict."),
    restores_own: false,
    tags: Tags::None,
    arguments: &[],
    requested: |source| source.is("DisableSnapshotBlockPublicAccess").then(Map::new),
    next_read: |target, responses| single(responses, || target.ec2("GetSnapshotBlockPublicAccessState", json!({}))),
    state: |_, responses| state(responses).into(),
    expected: |_| vec![json!({"State": "unblocked"})],
    decide: |target, responses| match state(responses) {
        "unblocked" => act(
            target.ec2("EnableSnapshotBlockPublicAccess", json!({"State": "block-all-sharing"})),
            target.ec2("DisableSnapshotBlockPublicAccess", json!({})),
        ),
        "" => NextStep::Differs("EC2 did not return the setting.".to_owned()),
        _ => NextStep::NothingToDo("Block public access for snapshots is on.".to_owned()),
    },
    permissions: &[IamStatement {
        actions: &["ec2:GetSnapshotBlockPublicAccessState", "ec2:EnableSnapshotBlockPublicAccess"],
        resources: &["*"],
        conditions: &[],
    }],
};

fn state(responses: &[Value]) -> &str {
    text(response(responses), "State")
}
