//! Enables a key of the deployment again that a call disabled or scheduled for deletion.

use serde_json::{Map, Value, json};

use super::ec2::{response, single, text};
use super::{
    Action, Argument, ArgumentKind, ArgumentSource, CallPlan, IamStatement, NextStep, Reversibility, Tags, Target,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "enable-key",
    summary: "Cancels the deletion of the deployment's key and enables it again.",
    precondition: "The key is disabled or scheduled for deletion.",
    rules: &["own-key-disabled"],
    reversibility: Reversibility::None("Trailwarden never disables a key."),
    approval: None,
    restores_own: true,
    tags: Tags::None,
    arguments: &[Argument { name: "key", kind: ArgumentKind::Name }],
    requested,
    next_read: |target, responses| single(responses, || target.call("kms", "DescribeKey", key(target))),
    state: |_, responses| state(responses).into(),
    expected: |_| vec![json!({"KeyMetadata": {"KeyState": "PendingDeletion"}})],
    decide: |target, responses| {
        let enable = target.call("kms", "EnableKey", key(target));
        let calls = match state(responses) {
            "PendingDeletion" => vec![target.call("kms", "CancelKeyDeletion", key(target)), enable],
            "Disabled" => vec![enable],
            _ => return NextStep::NothingToDo(format!("The key {} is not disabled.", target.text("key"))),
        };
        NextStep::Act(CallPlan { calls, inverse: Vec::new(), approval: None })
    },
    permissions: &[IamStatement {
        actions: &["kms:DescribeKey", "kms:CancelKeyDeletion", "kms:EnableKey"],
        resources: &["arn:{partition}:kms:{region}:{account}:key/*"],
        conditions: &[],
    }],
};

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if !source.is("DisableKey") && !source.is("ScheduleKeyDeletion") {
        return None;
    }
    let key = source.text("requestParameters.keyId")?;
    // An ARN names the key by its last part. The account and the Region are those of the record.
    let id = match key.rsplit_once('/') {
        None => key.as_str(),
        Some((prefix, id)) if prefix.ends_with(":key") => id,
        Some(_) => return None,
    };
    Some(Map::from_iter([("key".to_owned(), id.into())]))
}

fn state(responses: &[Value]) -> &str {
    response(responses).get("KeyMetadata").map(|key| text(key, "KeyState")).unwrap_or_default()
}

fn key(target: &Target) -> Value {
    json!({"KeyId": target.text("key")})
}
