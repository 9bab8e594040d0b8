//! Lets a function of the deployment run again that a call limited to no concurrent executions.

use serde_json::{Map, Value, json};

use super::ec2::{response, single};
use super::{
    Action, Argument, ArgumentKind, ArgumentSource, CallPlan, IamStatement, NextStep, Reversibility, Tags, Target,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "release-function",
    summary: "Removes the limit of zero concurrent executions from the function of the deployment.",
    precondition: "The function is limited to zero concurrent executions.",
    rules: &["own-function-changed"],
    reversibility: Reversibility::None("Trailwarden never stops its own functions."),
    approval: None,
    restores_own: true,
    tags: Tags::None,
    arguments: &[Argument { name: "function", kind: ArgumentKind::Name }],
    requested,
    next_read: |target, responses| single(responses, || target.call("lambda", "GetFunctionConcurrency", name(target))),
    state: |_, responses| limit(responses).into(),
    expected: |_| vec![json!({"ReservedConcurrentExecutions": 0})],
    decide: |target, responses| {
        let function = target.text("function");
        match limit(responses) {
            Some(0) => NextStep::Act(CallPlan::without_inverse(target.call(
                "lambda",
                "DeleteFunctionConcurrency",
                name(target),
            ))),
            _ => NextStep::NothingToDo(format!("The function {function} can run.")),
        }
    },
    permissions: &[IamStatement {
        actions: &["lambda:GetFunctionConcurrency", "lambda:DeleteFunctionConcurrency"],
        resources: &["arn:{partition}:lambda:{region}:{account}:function:*"],
        conditions: &[],
    }],
};

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    let is_zero = source.number("requestParameters.reservedConcurrentExecutions") == Some(0);
    if !source.is("PutFunctionConcurrency") || !is_zero {
        return None;
    }
    let function = source.text("requestParameters.functionName")?;
    // An ARN names the function by its last part. The account and the Region are those of the record.
    let name = function.rsplit_once(":function:").map_or(function.as_str(), |(_, name)| name);
    Some(Map::from_iter([("function".to_owned(), name.into())]))
}

fn limit(responses: &[Value]) -> Option<u64> {
    response(responses).get("ReservedConcurrentExecutions")?.as_u64()
}

fn name(target: &Target) -> Value {
    json!({"FunctionName": target.text("function")})
}
