//! Roles.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::ConfigurationItem;
use super::value::{member, text};
use crate::derived_call::DerivedCall;

/// Roles and their trust policies. AWS Config has the policy percent-encoded, as IAM returns it.
pub(super) fn role(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let Some(name) = item.text("roleName").or(item.resource_name.as_deref()) else { return Vec::new() };
    let policy = match member(&item.configuration, "assumeRolePolicyDocument") {
        Some(Value::String(text)) => decoded(text).into(),
        Some(policy) => policy.clone(),
        None => Value::Null,
    };
    // With live state, the policies of a role are read for this call, and not for CreateRole: a new role has none.
    vec![DerivedCall::new("iam", "UpdateAssumeRolePolicy", json!({"roleName": name, "policyDocument": policy}))]
}

/// The value of `liveState` for a role, with its inline policies and the names of the managed ones. `None` if the item shows
/// too little: the documents of managed policies, such as a permissions boundary, are not in it.
pub(super) fn state(item: &ConfigurationItem) -> Option<Value> {
    let Some(Value::String(trust)) = item.get("assumeRolePolicyDocument") else { return None };
    if item.get("permissionsBoundary").is_some() {
        return None;
    }
    let inline = item.list("rolePolicyList").iter().filter_map(|policy| {
        let document = match member(policy, "policyDocument")? {
            Value::String(text) => decoded(text),
            document => document.to_string(),
        };
        Some(json!({"policyName": text(policy, "policyName"), "document": document}))
    });
    let managed = item.list("attachedManagedPolicies").iter();
    let managed =
        managed.map(|policy| json!({"policyName": text(policy, "policyName"), "policyArn": text(policy, "policyArn")}));
    let policies: Vec<Value> = inline.chain(managed).collect();
    Some(json!({"role": {
        "roleName": item.text("roleName"),
        "arn": item.text("arn").or(item.arn.as_deref()),
        "assumeRolePolicyDocument": decoded(trust),
        "policies": policies,
    }}))
}

/// A policy document without percent-encoding. A document that begins with a brace is not encoded.
fn decoded(text: &str) -> String {
    if text.trim_start().starts_with('{') {
        return text.to_owned();
    }
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
