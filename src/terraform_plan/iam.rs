//! Roles and identity providers.

use serde_json::json;

use super::UNKNOWN;
use super::change::Change;
use crate::derived_call::DerivedCall;

/// `aws_iam_role`.
pub(super) fn role(change: &Change<'_>) -> Vec<DerivedCall> {
    let Some(policy) = change.text("assume_role_policy").filter(|_| change.changes("assume_role_policy")) else {
        return Vec::new();
    };
    let role = change.name_or_address("name");
    let call = if change.is_new() {
        DerivedCall::new("iam", "CreateRole", json!({"roleName": role, "assumeRolePolicyDocument": policy}))
    } else {
        DerivedCall::new("iam", "UpdateAssumeRolePolicy", json!({"roleName": role, "policyDocument": policy}))
    };
    vec![call]
}

/// Identity providers.
pub(super) fn identity_provider(change: &Change<'_>) -> Vec<DerivedCall> {
    if !change.is_new() {
        return Vec::new();
    }
    let call = if change.kind == "aws_iam_saml_provider" {
        DerivedCall::new("iam", "CreateSAMLProvider", json!({"name": change.name_or_address("name")}))
    } else {
        let url = change.text("url").filter(|url| *url != UNKNOWN).unwrap_or(change.address);
        DerivedCall::new(
            "iam",
            "CreateOpenIDConnectProvider",
            json!({"url": url, "clientIDList": change.get("client_id_list")}),
        )
    };
    vec![call]
}
