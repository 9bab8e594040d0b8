//! Enables a GuardDuty detector again that a call suspended.

use serde_json::json;

use super::ec2::{response, single, text};
use super::{Action, Argument, ArgumentKind, CallPlan, IamStatement, NextStep, Reversibility, Tags};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "enable-detector",
    summary: "Enables the GuardDuty detector again.",
    precondition: "The detector exists and is disabled.",
    rules: &["detection-disabled-guardduty"],
    reversibility: Reversibility::None("Trailwarden never disables a detector."),
    approval: None,
    restores_own: true,
    tags: Tags::None,
    arguments: &[Argument { name: "detector_id", kind: ArgumentKind::Name }],
    requested: |source| {
        // A detector that was deleted would have to be created, with settings that no record contains.
        source.is("UpdateDetector").then(|| source.all(&[("detector_id", "requestParameters.detectorId")]))?
    },
    next_read: |target, responses| {
        single(responses, || target.call("guardduty", "GetDetector", json!({"DetectorId": target.text("detector_id")})))
    },
    state: |_, responses| text(response(responses), "Status").into(),
    expected: |_| vec![json!({"Status": "DISABLED"})],
    decide: |target, responses| {
        let id = target.text("detector_id");
        match text(response(responses), "Status") {
            "DISABLED" => NextStep::Act(CallPlan::without_inverse(target.call(
                "guardduty",
                "UpdateDetector",
                json!({"DetectorId": id, "Enable": true}),
            ))),
            "ENABLED" => NextStep::NothingToDo(format!("The detector {id} is enabled.")),
            _ => NextStep::NothingToDo(format!("The detector {id} does not exist. Turn GuardDuty on again.")),
        }
    },
    permissions: &[IamStatement {
        actions: &["guardduty:GetDetector", "guardduty:UpdateDetector"],
        resources: &["arn:{partition}:guardduty:{region}:{account}:detector/*"],
        conditions: &[],
    }],
};
