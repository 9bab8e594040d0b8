//! Roles and their policies as `aws iam get-account-authorization-details` prints them.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::live_state::describe::{Role, RolePolicy};
use crate::policy::is_administrator;

/// The parts of the answer that tell what roles may do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AuthorizationDetails {
    /// Every role.
    pub role_detail_list: Vec<RoleDetail>,
    /// The policies that are attached to them.
    pub policies: Vec<ManagedPolicy>,
}

/// A role.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RoleDetail {
    /// Its name.
    pub role_name: String,
    /// Its ARN.
    pub arn: String,
    /// Its trust policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assume_role_policy_document: Option<Document>,
    /// Its inline policies.
    pub role_policy_list: Vec<InlinePolicy>,
    /// The policies attached to it.
    pub attached_managed_policies: Vec<AttachedPolicy>,
    /// Its permissions boundary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<Boundary>,
}

/// A permissions boundary.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Boundary {
    /// The ARN of the policy.
    pub permissions_boundary_arn: String,
}

/// An inline policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct InlinePolicy {
    /// Its name.
    pub policy_name: String,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_document: Option<Document>,
}

/// A policy that is attached.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AttachedPolicy {
    /// Its name.
    pub policy_name: String,
    /// Its ARN.
    pub policy_arn: String,
}

/// A policy that can be attached.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ManagedPolicy {
    /// Its name.
    pub policy_name: String,
    /// Its ARN.
    pub arn: String,
    /// The version that counts.
    pub default_version_id: String,
    /// Its versions.
    pub policy_version_list: Vec<PolicyVersion>,
}

/// A version of a policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PolicyVersion {
    /// `v1`, …
    pub version_id: String,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
}

/// A policy document: an object, as the AWS CLI prints it, or percent-encoded text, as IAM's API gives it. Its text is
/// kept as it is written, so that nothing of it is lost.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(Box<RawValue>);

impl Document {
    /// The document that IAM gave as text.
    pub fn of(text: &str) -> Self {
        let text = decoded(text);
        let raw = RawValue::from_string(text.clone()).or_else(|_| serde_json::value::to_raw_value(&text));
        Self(raw.unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// The JSON text of it.
    pub fn text(&self) -> String {
        match serde_json::from_str::<String>(self.0.get()) {
            Ok(text) => decoded(&text),
            Err(_) => self.0.get().to_owned(),
        }
    }
}

/// The JSON text of a document, which IAM's API percent-encodes.
pub(crate) fn decoded(text: &str) -> String {
    if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        percent_decode_str(text).decode_utf8_lossy().into_owned()
    }
}

impl AuthorizationDetails {
    /// The roles with what they may do.
    pub(crate) fn roles(&self) -> Vec<Role> {
        let policies: HashMap<&str, &ManagedPolicy> =
            self.policies.iter().map(|policy| (policy.arn.as_str(), policy)).collect();
        self.role_detail_list.iter().map(|detail| detail.role(&policies)).collect()
    }
}

impl RoleDetail {
    fn role(&self, policies: &HashMap<&str, &ManagedPolicy>) -> Role {
        let inline = self.role_policy_list.iter().map(|policy| RolePolicy {
            policy_name: policy.policy_name.clone(),
            policy_arn: None,
            document: policy.policy_document.as_ref().map(Document::text),
        });
        let managed = |name: &str, arn: &str| RolePolicy {
            policy_name: name.to_owned(),
            policy_arn: Some(arn.to_owned()),
            document: policies.get(arn).and_then(|policy| policy.document()),
        };
        let attached =
            self.attached_managed_policies.iter().map(|policy| managed(&policy.policy_name, &policy.policy_arn));
        let all: Vec<RolePolicy> = attached.chain(inline).collect();
        let permissions_boundary = self.permissions_boundary.as_ref().map(|boundary| {
            let arn = &boundary.permissions_boundary_arn;
            managed(arn.rsplit('/').next().unwrap_or(arn), arn)
        });
        let unknown = all
            .iter()
            .find(|policy| policy.document.is_none() && !policy.policy_arn.as_deref().is_some_and(is_administrator));
        let policies_unanswered = unknown.map(|policy| {
            let name = policy.policy_arn.as_deref().unwrap_or(&policy.policy_name);
            format!("the snapshot does not hold the text of the policy {name}")
        });
        let trust = self.assume_role_policy_document.as_ref().map(Document::text);
        Role {
            role_name: self.role_name.clone(),
            arn: self.arn.clone(),
            assume_role_policy_document: trust.unwrap_or_default(),
            policies: all,
            permissions_boundary,
            policies_unanswered,
        }
    }
}

impl ManagedPolicy {
    /// What its default version says.
    fn document(&self) -> Option<String> {
        let default = self.policy_version_list.iter().find(|version| version.version_id == self.default_version_id);
        default.and_then(|version| version.document.as_ref()).map(Document::text)
    }
}
