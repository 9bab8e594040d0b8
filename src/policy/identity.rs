//! Policies that make their holder an administrator.

use serde_json::Value;

use super::document::decoded;
use super::pattern::Pattern;

/// Managed policies of AWS that let their holder do everything, or give itself everything.
const ADMINISTRATORS: [&str; 2] = ["AdministratorAccess", "IAMFullAccess"];

/// Whether the ARN is that of a managed policy of AWS, in any partition, that makes its holder an administrator.
pub fn is_administrator(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", _, "iam", "", "aws", policy]
        if policy.rsplit('/').next().is_some_and(|name| ADMINISTRATORS.contains(&name)))
}

/// Actions by each of which a principal gives itself or others whatever it wants.
const GIVING: [&str; 7] = [
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
];

/// Whether an identity policy makes `role`, by its ARN, an administrator: it allows an action that gives away permissions,
/// on any role, user or policy of the account, by whatever wildcards. Conditions are passed over: who meets them is one.
pub fn grants_everything(text: &str, role: &str) -> bool {
    let document: Option<Value> = decoded(text).ok().and_then(|json| serde_json::from_str(&json).ok());
    let Some(statements) = document.as_ref().and_then(|document| member(document, "Statement")) else { return false };
    let account: Vec<&str> = role.splitn(6, ':').take(5).collect();
    // Names that nobody would allow one by one.
    let anything =
        ["role", "user", "policy"].map(|kind| format!("{}:{kind}/trailwarden-any-{kind}", account.join(":")));
    list(statements).into_iter().any(|statement| {
        let covers = |name: &str, but: &str, value: &str| match (member(statement, name), member(statement, but)) {
            (Some(patterns), _) => matches(patterns, value),
            (None, Some(patterns)) => !matches(patterns, value),
            (None, None) => false,
        };
        member(statement, "Effect").and_then(Value::as_str) == Some("Allow")
            && GIVING.iter().any(|action| covers("Action", "NotAction", &action.to_ascii_lowercase()))
            && anything.iter().any(|resource| covers("Resource", "NotResource", resource))
    })
}

/// Whether one of the patterns matches. Actions are compared in lower case, and no ARN here has another.
fn matches(patterns: &Value, value: &str) -> bool {
    let glob = |pattern: &str| {
        Pattern::glob(pattern).matches(value) || Pattern::glob(&pattern.to_ascii_lowercase()).matches(value)
    };
    strings(patterns).into_iter().any(glob)
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
