//! Roles.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::ConfigurationItem;
use super::value::member;
use crate::derived_call::DerivedCall;

/// Roles and their trust policies. AWS Config has the policy percent-encoded, as IAM returns it.
pub(super) fn role(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let Some(name) = item.text("roleName").or(item.resource_name.as_deref()) else { return Vec::new() };
    let policy = match member(&item.configuration, "assumeRolePolicyDocument") {
        Some(Value::String(text)) => decoded(text).into(),
        Some(policy) => policy.clone(),
        None => Value::Null,
    };
    let request = json!({"roleName": name, "assumeRolePolicyDocument": policy});
    let response = json!({"role": {"roleName": name, "arn": item.text("arn").or(item.arn.as_deref())}});
    vec![DerivedCall::new("iam", "CreateRole", request).with_response(response)]
}

/// A policy document without percent-encoding. A document that begins with a brace is not encoded.
fn decoded(text: &str) -> String {
    if text.trim_start().starts_with('{') {
        return text.to_owned();
    }
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
