//! Roles and identity providers.

use serde_json::json;

use super::UNKNOWN;
use super::change::{Call, Change};

/// `aws_iam_role`.
pub(super) fn role(change: &Change<'_>) -> Vec<Call> {
    let Some(policy) = change.text("assume_role_policy").filter(|_| change.changes("assume_role_policy")) else {
        return Vec::new();
    };
    let role = change.name_or_address("name");
    let call = if change.is_new() {
        Call::new("iam", "CreateRole", json!({"roleName": role, "assumeRolePolicyDocument": policy}))
    } else {
        Call::new("iam", "UpdateAssumeRolePolicy", json!({"roleName": role, "policyDocument": policy}))
    };
    vec![call]
}

/// Identity providers.
pub(super) fn identity_provider(change: &Change<'_>) -> Vec<Call> {
    if !change.is_new() {
        return Vec::new();
    }
    let call = if change.kind == "aws_iam_saml_provider" {
        Call::new("iam", "CreateSAMLProvider", json!({"name": change.name_or_address("name")}))
    } else {
        let url = change.text("url").filter(|url| *url != UNKNOWN).unwrap_or(change.address);
        Call::new(
            "iam",
            "CreateOpenIDConnectProvider",
            json!({"url": url, "clientIDList": change.get("client_id_list")}),
        )
    };
    vec![call]
}
