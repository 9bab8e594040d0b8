//! The file that `aws iam get-account-authorization-details` prints: roles and their policies.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Role, RolePolicy};
use crate::policy::is_administrator;

/// The part of the file that determines the permissions of roles.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct AuthorizationDetails {
    /// Every role.
    pub(super) role_detail_list: Vec<RoleDetail>,
    /// The policies that are attached to them.
    pub(super) policies: Vec<ManagedPolicy>,
}

/// A role.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct RoleDetail {
    /// Its name.
    pub(super) role_name: String,
    /// Its ARN.
    pub(super) arn: String,
    /// Its trust policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assume_role_policy_document: Option<Document>,
    /// Its inline policies.
    pub(super) role_policy_list: Vec<InlinePolicy>,
    /// The policies attached to it.
    pub(super) attached_managed_policies: Vec<AttachedPolicy>,
    /// Its permissions boundary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) permissions_boundary: Option<Boundary>,
}

/// A permissions boundary.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Boundary {
    /// The ARN of the policy.
    pub(super) permissions_boundary_arn: String,
}

/// An inline policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct InlinePolicy {
    /// Its name.
    pub(super) policy_name: String,
    /// Its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy_document: Option<Document>,
}

/// A reference to an attached policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct AttachedPolicy {
    /// Its name.
    pub(super) policy_name: String,
    /// Its ARN.
    pub(super) policy_arn: String,
}

/// A managed policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ManagedPolicy {
    /// Its name.
    pub(super) policy_name: String,
    /// Its ARN.
    pub(super) arn: String,
    /// The id of the version in use.
    pub(super) default_version_id: String,
    /// Its versions.
    pub(super) policy_version_list: Vec<PolicyVersion>,
}

/// A version of a policy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct PolicyVersion {
    /// `v1`, …
    pub(super) version_id: String,
    /// Its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<Document>,
}

/// A policy document: an object as the AWS CLI prints it, or a percent-encoded string as the IAM API returns it. The
/// original text is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Document(Box<RawValue>);

impl Document {
    /// The document that IAM returned as a string.
    #[cfg(feature = "live")]
    pub(super) fn of(text: &str) -> Self {
        let text = decoded(text);
        let raw = RawValue::from_string(text.clone()).or_else(|_| serde_json::value::to_raw_value(&text));
        Self(raw.unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// The document as JSON.
    fn text(&self) -> String {
        match serde_json::from_str::<String>(self.0.get()) {
            Ok(text) => decoded(&text),
            Err(_) => self.0.get().to_owned(),
        }
    }
}

/// A document as JSON, which the IAM API percent-encodes.
pub(super) fn decoded(text: &str) -> String {
    if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        percent_decode_str(text).decode_utf8_lossy().into_owned()
    }
}

impl AuthorizationDetails {
    /// The roles with their policies.
    pub(super) fn roles(&self) -> Vec<Role> {
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
        let missing = all
            .iter()
            .find(|policy| policy.document.is_none() && !policy.policy_arn.as_deref().is_some_and(is_administrator));
        let policies_unanswered = missing.map(|policy| {
            let name = policy.policy_arn.as_deref().unwrap_or(&policy.policy_name);
            format!("the snapshot does not contain the document of the policy {name}")
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
    /// The document of its default version.
    fn document(&self) -> Option<String> {
        let default = self.policy_version_list.iter().find(|version| version.version_id == self.default_version_id);
        default.and_then(|version| version.document.as_ref()).map(Document::text)
    }
}

#[cfg(feature = "live")]
impl From<aws_sdk_iam::types::RoleDetail> for RoleDetail {
    fn from(sdk: aws_sdk_iam::types::RoleDetail) -> Self {
        let inline = sdk.role_policy_list.unwrap_or_default().into_iter().map(|policy| InlinePolicy {
            policy_name: policy.policy_name.unwrap_or_default(),
            policy_document: policy.policy_document.as_deref().map(Document::of),
        });
        let attached = sdk.attached_managed_policies.unwrap_or_default().into_iter().map(|policy| AttachedPolicy {
            policy_name: policy.policy_name.unwrap_or_default(),
            policy_arn: policy.policy_arn.unwrap_or_default(),
        });
        Self {
            role_name: sdk.role_name.unwrap_or_default(),
            arn: sdk.arn.unwrap_or_default(),
            assume_role_policy_document: sdk.assume_role_policy_document.as_deref().map(Document::of),
            role_policy_list: inline.collect(),
            attached_managed_policies: attached.collect(),
            permissions_boundary: sdk.permissions_boundary.map(|boundary| Boundary {
                permissions_boundary_arn: boundary.permissions_boundary_arn.unwrap_or_default(),
            }),
        }
    }
}

#[cfg(feature = "live")]
impl From<aws_sdk_iam::types::ManagedPolicyDetail> for ManagedPolicy {
    fn from(sdk: aws_sdk_iam::types::ManagedPolicyDetail) -> Self {
        let versions = sdk.policy_version_list.unwrap_or_default().into_iter().map(|version| PolicyVersion {
            version_id: version.version_id.unwrap_or_default(),
            document: version.document.as_deref().map(Document::of),
        });
        Self {
            policy_name: sdk.policy_name.unwrap_or_default(),
            arn: sdk.arn.unwrap_or_default(),
            default_version_id: sdk.default_version_id.unwrap_or_default(),
            policy_version_list: versions.collect(),
        }
    }
}
