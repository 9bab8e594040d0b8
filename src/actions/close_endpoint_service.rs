//! Closes an endpoint service that a call opened to every account.

use serde_json::{Value, json};

use super::ec2::{act, list, response, single, text};
use super::{Action, ApiCall, Argument, ArgumentKind, IamStatement, NextStep, Reversibility, Tags, Target};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "close-endpoint-service",
    summary: "Takes the principal `*` from those that may connect to the endpoint service.",
    precondition: "The principal `*` may connect to the endpoint service.",
    rules: &["endpoint-service-public"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Ec2("service_id"),
    arguments: &[Argument { name: "service_id", kind: ArgumentKind::Id("vpce-svc-") }],
    requested: |source| source.all(&[("service_id", "ec2.request.serviceId")]),
    next_read: |target, responses| {
        let parameters = || json!({"ServiceId": target.text("service_id")});
        single(responses, || target.ec2("DescribeVpcEndpointServicePermissions", parameters()))
    },
    state: |_, responses| is_public(responses),
    expected: |_| vec![json!({"AllowedPrincipals": [{"Principal": "*"}]})],
    decide: |target, responses| {
        let id = target.text("service_id");
        match is_public(responses) {
            Value::Bool(true) => act(change(target, "RemoveAllowedPrincipals"), change(target, "AddAllowedPrincipals")),
            Value::Bool(false) => NextStep::NothingToDo(format!("{id} is not open to every account.")),
            _ => NextStep::NothingToDo(format!("{id} does not exist.")),
        }
    },
    permissions: &[
        IamStatement { actions: &["ec2:DescribeTags"], resources: &["*"], conditions: &[] },
        IamStatement {
            actions: &["ec2:DescribeVpcEndpointServicePermissions", "ec2:ModifyVpcEndpointServicePermissions"],
            resources: &["arn:{partition}:ec2:{region}:{account}:vpc-endpoint-service/*"],
            conditions: &[],
        },
    ],
};

/// Whether every account may connect; null if the service does not exist.
fn is_public(responses: &[Value]) -> Value {
    let response = response(responses);
    if response.is_null() {
        return Value::Null;
    }
    list(response, "AllowedPrincipals").iter().any(|principal| text(principal, "Principal") == "*").into()
}

fn change(target: &Target, change: &str) -> ApiCall {
    let parameters = json!({"ServiceId": target.text("service_id"), change: ["*"]});
    target.ec2("ModifyVpcEndpointServicePermissions", parameters)
}
