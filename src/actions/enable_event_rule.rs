//! Enables a rule of EventBridge again that Trailwarden needs and a call disabled.

use serde_json::{Map, Value, json};

use super::ec2::{response, single, text};
use super::{
    Action, Argument, ArgumentKind, ArgumentSource, CallPlan, IamStatement, NextStep, Reversibility, Tags, Target,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "enable-event-rule",
    summary: "Enables the EventBridge rule of the deployment again.",
    precondition: "The rule exists and is disabled.",
    rules: &["own-event-rule-disabled"],
    reversibility: Reversibility::None("Trailwarden never disables a rule."),
    approval: None,
    restores_own: true,
    tags: Tags::None,
    arguments: &[
        Argument { name: "event_rule", kind: ArgumentKind::Name },
        Argument { name: "event_bus", kind: ArgumentKind::Name },
    ],
    requested,
    next_read: |target, responses| single(responses, || target.call("events", "DescribeRule", names(target))),
    state: |_, responses| text(response(responses), "State").into(),
    expected: |_| vec![json!({"State": "DISABLED"})],
    decide: |target, responses| {
        let name = target.text("event_rule");
        match text(response(responses), "State") {
            "DISABLED" => NextStep::Act(CallPlan::without_inverse(target.call("events", "EnableRule", names(target)))),
            "" => NextStep::NothingToDo(format!("The rule {name} does not exist. Deploy Trailwarden again.")),
            _ => NextStep::NothingToDo(format!("The rule {name} is enabled.")),
        }
    },
    permissions: &[IamStatement {
        actions: &["events:DescribeRule", "events:EnableRule"],
        resources: &["arn:{partition}:events:{region}:{account}:rule/*"],
        conditions: &[],
    }],
};

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    if !source.is("DisableRule") {
        return None;
    }
    let mut arguments = source.all(&[("event_rule", "requestParameters.name")])?;
    let bus = source.text("requestParameters.eventBusName").unwrap_or_else(|| "default".to_owned());
    arguments.insert("event_bus".to_owned(), bus.into());
    Some(arguments)
}

fn names(target: &Target) -> Value {
    json!({"Name": target.text("event_rule"), "EventBusName": target.text("event_bus")})
}
