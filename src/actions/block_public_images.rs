//! Turns block public access for images on.

use serde_json::{Map, Value, json};

use super::ec2::{act, response, single, text};
use super::{Action, IamStatement, NextStep, Reversibility, Tags};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "block-public-images",
    summary: "Turns on block public access for images in the Region.",
    precondition: "Block public access for images is off.",
    rules: &["block-public-access-weakened-image"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::None,
    arguments: &[],
    requested: |_| Some(Map::new()),
    next_read: |target, responses| single(responses, || target.ec2("GetImageBlockPublicAccessState", json!({}))),
    state: |_, responses| state(responses).into(),
    expected: |_| vec![json!({"ImageBlockPublicAccessState": "unblocked"})],
    decide: |target, responses| match state(responses) {
        "unblocked" => act(
            target.ec2(
                "EnableImageBlockPublicAccess",
                // The only state in which it is on.
                json!({"ImageBlockPublicAccessState": "block-new-sharing"}),
            ),
            target.ec2("DisableImageBlockPublicAccess", json!({})),
        ),
        "" => NextStep::Differs("EC2 did not return the setting.".to_owned()),
        _ => NextStep::NothingToDo("Block public access for images is on.".to_owned()),
    },
    permissions: &[IamStatement {
        actions: &["ec2:GetImageBlockPublicAccessState", "ec2:EnableImageBlockPublicAccess"],
        resources: &["*"],
        conditions: &[],
    }],
};

fn state(responses: &[Value]) -> &str {
    text(response(responses), "ImageBlockPublicAccessState")
}
