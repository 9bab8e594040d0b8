//! Policies that make their holder an administrator.

use serde_json::Value;

use super::document::decoded;

/// Managed policies of AWS that let their holder do everything, or give itself everything.
const ADMINISTRATORS: [&str; 2] = ["AdministratorAccess", "IAMFullAccess"];

/// Whether the ARN is that of a managed policy of AWS, in any partition, that makes its holder an administrator.
pub fn is_administrator(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", _, "iam", "", "aws", policy]
        if policy.rsplit('/').next().is_some_and(|name| ADMINISTRATORS.contains(&name)))
}

/// Whether an identity policy allows everything (`*`), or all of IAM, on every resource. Conditions are passed over: who
/// meets them is an administrator.
pub fn grants_everything(text: &str) -> bool {
    let document: Option<Value> = decoded(text).ok().and_then(|json| serde_json::from_str(&json).ok());
    let Some(statements) = document.as_ref().and_then(|document| member(document, "Statement")) else { return false };
    let all = |value: Option<&Value>, everything: &[&str]| {
        value.is_some_and(|value| {
            strings(value).iter().any(|text| everything.contains(&text.to_ascii_lowercase().as_str()))
        })
    };
    list(statements).iter().any(|statement| {
        member(statement, "Effect").and_then(Value::as_str) == Some("Allow")
            && all(member(statement, "Action"), &["*", "*:*", "iam:*"])
            && all(member(statement, "Resource"), &["*"])
    })
}

/// The member `name`; IAM takes names in any case.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        single => vec![single],
    }
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).into_iter().filter_map(Value::as_str).collect()
}
