//! Starts a recorder of AWS Config again that a call stopped.

use serde_json::{Value, json};

use super::ec2::{one, response, single};
use super::{Action, Argument, ArgumentKind, CallPlan, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "start-config-recorder",
    summary: "Starts the recorder of AWS Config again.",
    precondition: "The recorder exists and does not record.",
    rules: &["detection-disabled-config"],
    reversibility: Reversibility::None("Trailwarden never stops a recorder."),
    approval: None,
    restores_own: true,
    tags: Tags::None,
    arguments: &[Argument { name: "recorder", kind: ArgumentKind::Name }],
    requested: |source| {
        // A recorder that was deleted would have to be created, with a role and settings that no record contains.
        let is_stopped = source.is("StopConfigurationRecorder");
        is_stopped.then(|| source.all(&[("recorder", "requestParameters.configurationRecorderName")]))?
    },
    next_read: |target, responses| {
        single(responses, || {
            let parameters = json!({"ConfigurationRecorderNames": [target.text("recorder")]});
            target.call("config", "DescribeConfigurationRecorderStatus", parameters)
        })
    },
    state: |target, responses| is_recording(target, responses).into(),
    expected: |target| {
        vec![json!({"ConfigurationRecordersStatus": [{"name": target.text("recorder"), "recording": false}]})]
    },
    decide: |target, responses| {
        let name = target.text("recorder");
        match is_recording(target, responses) {
            None => NextStep::NothingToDo(format!("The recorder {name} does not exist. Set AWS Config up again.")),
            Some(true) => NextStep::NothingToDo(format!("The recorder {name} records.")),
            Some(false) => NextStep::Act(CallPlan::without_inverse(target.call(
                "config",
                "StartConfigurationRecorder",
                json!({"ConfigurationRecorderName": name}),
            ))),
        }
    },
    permissions: &[IamStatement {
        actions: &["config:DescribeConfigurationRecorderStatus", "config:StartConfigurationRecorder"],
        resources: &["*"],
        conditions: &[],
    }],
};

fn is_recording(target: &Target, responses: &[Value]) -> Option<bool> {
    let status = one(response(responses), "ConfigurationRecordersStatus", "name", target.text("recorder"))?;
    status.get("recording")?.as_bool()
}
