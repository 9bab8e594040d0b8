//! Roles from IAM, with what they may do.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_iam::Client;
use aws_sdk_iam::types::EntityType;

use super::refusal::{Deadline, refused};
use crate::access::{Verdict, assess};
use crate::live_state::describe::{Role, RolePolicy};
use crate::live_state::question::{Answer, Unanswered};
use crate::live_state::snapshot::{
    AttachedPolicy, AuthorizationDetails, Boundary, Document, InlinePolicy, ManagedPolicy, PolicyVersion, RoleDetail,
    decoded,
};
use crate::policy::{Policy, is_administrator};

/// Texts of policies by account and ARN, so that one that many roles share is read once.
pub(super) type PolicyTexts = Mutex<HashMap<(String, String), String>>;

/// Reads roles of one account.
pub(super) struct Roles<'a> {
    pub(super) client: &'a Client,
    pub(super) account: &'a str,
    pub(super) deadline: Deadline,
    pub(super) texts: &'a PolicyTexts,
}

/// Calls IAM, until time is over.
macro_rules! call {
    ($roles:ident, $action:literal, $request:expr) => {{
        let request = async { $request.await.map_err(|error| refused($action, &error)) };
        $roles.deadline.before($action, request).await
    }};
}

impl Roles<'_> {
    /// The role of a name; nothing when there is none. Its policies come with it where it matters what they say; what is
    /// not answered of them does not cost the role.
    pub(super) async fn role(&self, name: &str) -> Result<Answer, Unanswered> {
        const ACTION: &str = "iam:GetRole";
        let request = async {
            match self.client.get_role().role_name(name).send().await {
                Ok(answer) => Ok(answer.role),
                Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_entity_exception()) => {
                    Ok(None)
                }
                Err(error) => Err(refused(ACTION, &error)),
            }
        };
        let Some(found) = self.deadline.before(ACTION, request).await? else { return Ok(Answer::Roles(Vec::new())) };
        let mut role = Role {
            role_name: found.role_name,
            arn: found.arn,
            assume_role_policy_document: found.assume_role_policy_document.as_deref().map(decoded).unwrap_or_default(),
            ..Role::default()
        };
        if !self.may_let_in_strangers(&role) {
            return Ok(Answer::Roles(vec![role]));
        }
        let attached = self.attached(name, &mut role).await;
        let inline = self.inline(name, &mut role).await;
        // A boundary that cannot be read takes nothing away.
        if let Some(arn) = found.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn) {
            let document = if is_administrator(&arn) { None } else { self.text(&arn).await.ok() };
            let policy_name = arn.rsplit('/').next().unwrap_or(&arn).to_owned();
            role.permissions_boundary = Some(RolePolicy { policy_name, policy_arn: Some(arn), document });
        }
        if let Err(Unanswered(reason)) = attached.and(inline) {
            role.policies_unanswered.get_or_insert(reason);
        }
        Ok(Answer::Roles(vec![role]))
    }

    /// Whether it is of interest what the role may do: not where only those get in who are named, as with most roles.
    fn may_let_in_strangers(&self, role: &Role) -> bool {
        let policy = Policy::parse(&role.assume_role_policy_document);
        policy.map_or(true, |policy| assess(&policy, Some(self.account)).verdict >= Verdict::Undecidable)
    }

    async fn attached(&self, name: &str, role: &mut Role) -> Result<(), Unanswered> {
        let pages = self.client.list_attached_role_policies().role_name(name).into_paginator().items().send();
        let policies = call!(self, "iam:ListAttachedRolePolicies", pages.collect::<Result<Vec<_>, _>>())?;
        for policy in policies {
            let arn = policy.policy_arn.unwrap_or_default();
            let document = if is_administrator(&arn) { Ok(None) } else { self.text(&arn).await.map(Some) };
            if let Err(Unanswered(reason)) = &document {
                role.policies_unanswered.get_or_insert_with(|| reason.clone());
            }
            role.policies.push(RolePolicy {
                policy_name: policy.policy_name.unwrap_or_default(),
                policy_arn: Some(arn),
                document: document.ok().flatten(),
            });
        }
        Ok(())
    }

    async fn inline(&self, name: &str, role: &mut Role) -> Result<(), Unanswered> {
        let pages = self.client.list_role_policies().role_name(name).into_paginator().items().send();
        let policies = call!(self, "iam:ListRolePolicies", pages.collect::<Result<Vec<_>, _>>())?;
        for policy_name in policies {
            let request = self.client.get_role_policy().role_name(name).policy_name(&policy_name);
            let document = call!(self, "iam:GetRolePolicy", request.send()).map(|answer| answer.policy_document);
            if let Err(Unanswered(reason)) = &document {
                role.policies_unanswered.get_or_insert_with(|| reason.clone());
            }
            role.policies.push(RolePolicy {
                policy_name,
                policy_arn: None,
                document: document.ok().as_deref().map(decoded),
            });
        }
        Ok(())
    }

    /// What the default version of a policy says.
    async fn text(&self, arn: &str) -> Result<String, Unanswered> {
        let key = (self.account.to_owned(), arn.to_owned());
        if let Some(text) = self.texts.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(text.clone());
        }
        let policy = call!(self, "iam:GetPolicy", self.client.get_policy().policy_arn(arn).send())?;
        let version = policy.policy.and_then(|policy| policy.default_version_id).unwrap_or_default();
        let request = self.client.get_policy_version().policy_arn(arn).version_id(version);
        let version = call!(self, "iam:GetPolicyVersion", request.send())?;
        let text = version.policy_version.and_then(|version| version.document);
        let text =
            text.ok_or_else(|| Unanswered(format!("iam:GetPolicyVersion: no document of {arn} in the answer")))?;
        let text = decoded(&text);
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).insert(key, text.clone());
        Ok(text)
    }
}

/// All roles with all their policies, for a snapshot.
pub(super) async fn authorization_details(client: &Client) -> Result<AuthorizationDetails, Unanswered> {
    const ACTION: &str = "iam:GetAccountAuthorizationDetails";
    const PAGE: i32 = 1_000;
    let filter = [EntityType::Role, EntityType::LocalManagedPolicy, EntityType::AwsManagedPolicy];
    let request = client.get_account_authorization_details().set_filter(Some(filter.to_vec())).max_items(PAGE);
    let pages = request.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
    let mut details = AuthorizationDetails::default();
    for page in pages.map_err(|error| refused(ACTION, &error))? {
        details.role_detail_list.extend(page.role_detail_list.unwrap_or_default().into_iter().map(RoleDetail::from));
        details.policies.extend(page.policies.unwrap_or_default().into_iter().map(ManagedPolicy::from));
    }
    Ok(details)
}

impl From<aws_sdk_iam::types::RoleDetail> for RoleDetail {
    fn from(one: aws_sdk_iam::types::RoleDetail) -> Self {
        let inline = one.role_policy_list.unwrap_or_default().into_iter().map(|policy| InlinePolicy {
            policy_name: policy.policy_name.unwrap_or_default(),
            policy_document: policy.policy_document.as_deref().map(Document::of),
        });
        let attached = one.attached_managed_policies.unwrap_or_default().into_iter().map(|policy| AttachedPolicy {
            policy_name: policy.policy_name.unwrap_or_default(),
            policy_arn: policy.policy_arn.unwrap_or_default(),
        });
        Self {
            role_name: one.role_name.unwrap_or_default(),
            arn: one.arn.unwrap_or_default(),
            assume_role_policy_document: one.assume_role_policy_document.as_deref().map(Document::of),
            role_policy_list: inline.collect(),
            attached_managed_policies: attached.collect(),
            permissions_boundary: one.permissions_boundary.map(|boundary| Boundary {
                permissions_boundary_arn: boundary.permissions_boundary_arn.unwrap_or_default(),
            }),
        }
    }
}

impl From<aws_sdk_iam::types::ManagedPolicyDetail> for ManagedPolicy {
    fn from(one: aws_sdk_iam::types::ManagedPolicyDetail) -> Self {
        let versions = one.policy_version_list.unwrap_or_default().into_iter().map(|version| PolicyVersion {
            version_id: version.version_id.unwrap_or_default(),
            document: version.document.as_deref().map(Document::of),
        });
        Self {
            policy_name: one.policy_name.unwrap_or_default(),
            arn: one.arn.unwrap_or_default(),
            default_version_id: one.default_version_id.unwrap_or_default(),
            policy_version_list: versions.collect(),
        }
    }
}
