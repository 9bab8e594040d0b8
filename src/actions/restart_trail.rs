//! Starts a trail again that a call stopped.

use serde_json::{Map, Value, json};

use super::ec2::{response, text};
use super::{
    Action, ApiCall, Argument, ArgumentKind, ArgumentSource, CallPlan, IamStatement, NextStep, Reversibility, Tags,
    Target,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "restart-trail",
    summary: "Starts the logging of the trail again, in its home Region.",
    precondition: "The trail belongs to the account, its home Region is the Region of the call, and it does not log.",
    rules: &["trail-stopped"],
    reversibility: Reversibility::None("Trailwarden never stops a trail."),
    approval: None,
    restores_own: true,
    tags: Tags::Trail("trail"),
    arguments: &[Argument { name: "trail", kind: ArgumentKind::Trail }],
    requested,
    next_read,
    state: |_, responses| responses.get(1).and_then(|status| status.get("IsLogging")).cloned().unwrap_or_default(),
    expected: |target| {
        let arn = target.trail_arn("trail");
        vec![json!({"Trail": {"TrailARN": arn, "HomeRegion": target.place().region}}), json!({"IsLogging": false})]
    },
    decide,
    permissions: &[IamStatement {
        actions: &[
            "cloudtrail:GetTrail",
            "cloudtrail:GetTrailStatus",
            "cloudtrail:ListTags",
            "cloudtrail:StartLogging",
        ],
        resources: &["arn:{partition}:cloudtrail:{region}:{account}:trail/*"],
        conditions: &[],
    }],
};

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    // A deleted trail would have to be created, which a person does with the definition of the deployment.
    source.is("StopLogging").then(|| source.all(&[("trail", "requestParameters.name")]))?
}

fn next_read(target: &Target, responses: &[Value]) -> Option<ApiCall> {
    let name = json!({"Name": target.text("trail")});
    match responses {
        [] => Some(target.call("cloudtrail", "GetTrail", name)),
        [trail] if !trail.is_null() => Some(target.call("cloudtrail", "GetTrailStatus", name)),
        _ => None,
    }
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let name = target.text("trail");
    let place = target.place();
    let Some(trail) = response(responses).get("Trail") else {
        return NextStep::NothingToDo(format!("The trail {name} does not exist. Deploy it again."));
    };
    // CloudTrail stops and starts a trail only in its home Region and in the account that owns it.
    let arn = target.trail_arn("trail");
    let owner = arn.split(':').nth(4).unwrap_or_default();
    if text(trail, "HomeRegion") != place.region || text(trail, "TrailARN") != arn || owner != place.account {
        return NextStep::Differs(format!("The trail {name} has another home Region or owner than the call."));
    }
    match responses.get(1).and_then(|status| status.get("IsLogging")).and_then(Value::as_bool) {
        Some(true) => NextStep::NothingToDo(format!("The trail {name} logs.")),
        Some(false) => {
            let start = target.call("cloudtrail", "StartLogging", json!({"Name": arn}));
            NextStep::Act(CallPlan::without_inverse(start))
        }
        None => NextStep::Differs(format!("CloudTrail did not return the status of {name}.")),
    }
}
