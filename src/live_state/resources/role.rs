//! IAM roles and their policies.

mod details;

use std::io;
use std::path::Path;
#[cfg(feature = "live")]
use std::sync::PoisonError;

#[cfg(feature = "live")]
use aws_sdk_iam::types::EntityType;

#[cfg(feature = "live")]
use self::details::decoded;
use self::details::{AuthorizationDetails, ManagedPolicy, RoleDetail};
use super::resource;
#[cfg(feature = "live")]
use crate::access::{Verdict, assess};
use crate::live_state::files::{Reader, write};
#[cfg(feature = "live")]
use crate::live_state::kind::Batching;
use crate::live_state::kind::{IamPermission, Location, PolicyResource, ROLES, Resource, ResourceKind};
use crate::live_state::query::QueryKind;
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::response::Unavailable;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, unavailable};
#[cfg(feature = "live")]
use crate::policy::{Policy, is_administrator};

resource! {
    /// A role with its policies.
    Role {
        /// Its name.
        role_name: String,
        /// Its ARN.
        arn: String,
        /// Its trust policy as JSON.
        assume_role_policy_document: String,
        /// Its policies, attached and inline. They are read from AWS only if the trust policy admits outsiders or is
        /// undecidable, because they do not matter otherwise. A snapshot has the policies of all roles.
        policies: Vec<RolePolicy>,
        /// Its permissions boundary.
        #[serde(skip_serializing_if = "Option::is_none")]
        permissions_boundary: Option<RolePolicy>,
        /// Why some of its policies or their documents are missing. Not yet safe to show.
        #[serde(skip_serializing_if = "Option::is_none")]
        policies_unanswered: Option<String>,
    }
}

resource! {
    /// A policy of a role.
    RolePolicy {
        /// Its name.
        policy_name: String,
        /// Its ARN. `None` for an inline policy.
        #[serde(skip_serializing_if = "Option::is_none")]
        policy_arn: Option<String>,
        /// Its document as JSON. `None` for the AWS managed administrator policy, which is known by its name, and for
        /// policies that could not be read, for which `policies_unanswered` of the role gives the reason.
        #[serde(skip_serializing_if = "Option::is_none")]
        document: Option<String>,
    }
}

const COMMAND: &str = "get-account-authorization-details";
const ROLES_KEY: &str = "RoleDetailList";
const POLICIES_KEY: &str = "Policies";
const GET_ACCOUNT_AUTHORIZATION_DETAILS: &str = "iam:GetAccountAuthorizationDetails";
const GET_POLICY: &str = "iam:GetPolicy";
const GET_POLICY_VERSION: &str = "iam:GetPolicyVersion";
const GET_ROLE: &str = "iam:GetRole";
const GET_ROLE_POLICY: &str = "iam:GetRolePolicy";
const LIST_ATTACHED_ROLE_POLICIES: &str = "iam:ListAttachedRolePolicies";
const LIST_ROLE_POLICIES: &str = "iam:ListRolePolicies";

impl Resource for Role {
    const KIND: &'static ResourceKind = &ResourceKind {
        files: &[COMMAND],
        location: Location::Account,
        permissions: &[
            IamPermission {
                on: PolicyResource::Roles,
                actions: &[GET_ROLE, GET_ROLE_POLICY, LIST_ATTACHED_ROLE_POLICIES, LIST_ROLE_POLICIES],
            },
            IamPermission { on: PolicyResource::Policies, actions: &[GET_POLICY, GET_POLICY_VERSION] },
        ],
        snapshot_actions: &[GET_ACCOUNT_AUTHORIZATION_DETAILS],
        lifetime: ROLES,
        #[cfg(feature = "live")]
        batching: Batching::Id,
        read: read_file,
        write: write_file,
        #[cfg(feature = "live")]
        fetch,
        #[cfg(feature = "live")]
        ids: None,
    };
}

fn read_file(reader: &mut Reader, path: &Path) -> Result<Response, &'static str> {
    let lists = reader.two_lists::<RoleDetail, ManagedPolicy>(
        path,
        (ROLES_KEY, |role| !role.role_name.is_empty()),
        (POLICIES_KEY, |policy| !policy.arn.is_empty()),
    );
    let (role_detail_list, policies) = lists.ok_or(COMMAND)?;
    Ok(Response::new(AuthorizationDetails { role_detail_list, policies }.roles()))
}

/// Writes the response of [`fetch`] for all roles.
fn write_file(path: &Path, response: &Response) -> io::Result<()> {
    response.resources::<AuthorizationDetails>().unwrap_or_default().iter().try_for_each(|details| write(path, details))
}

impl Role {
    /// The role with a name.
    pub const BY_NAME: &'static QueryKind<Self> =
        &QueryKind::new("role-name", |_| Ok(("", String::new())), Some(|role| vec![&role.role_name]));
}

/// Reads one role, or the details of all roles with all their policies.
#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    Box::pin(async move {
        match selection {
            ReadSelection::Id(name) => Reading { session }.role(&name).await,
            _ => authorization_details(session).await,
        }
    })
}

#[cfg(feature = "live")]
async fn authorization_details(session: &Session) -> Result<Response, Unavailable> {
    let filter = vec![EntityType::Role, EntityType::LocalManagedPolicy, EntityType::AwsManagedPolicy];
    let request = session.iam.get_account_authorization_details().set_filter(Some(filter)).max_items(PAGE);
    let pages = async { request.into_paginator().send().collect::<Result<Vec<_>, _>>().await };
    let mut details = AuthorizationDetails::default();
    for page in session.call(GET_ACCOUNT_AUTHORIZATION_DETAILS, pages).await? {
        details.role_detail_list.extend(page.role_detail_list.unwrap_or_default().into_iter().map(RoleDetail::from));
        details.policies.extend(page.policies.unwrap_or_default().into_iter().map(ManagedPolicy::from));
    }
    Ok(Response::new(vec![details]))
}

/// Reads roles one by one.
#[cfg(feature = "live")]
struct Reading<'a> {
    session: &'a Session,
}

#[cfg(feature = "live")]
impl Reading<'_> {
    /// The role with a name. Its policies are read only if they matter. If some of them cannot be read, the role is returned
    /// without them.
    async fn role(&self, name: &str) -> Result<Response, Unavailable> {
        let request = async {
            match self.session.iam.get_role().role_name(name).send().await {
                Ok(answer) => Ok(answer.role),
                Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_entity_exception()) => {
                    Ok(None)
                }
                Err(error) => Err(unavailable(GET_ROLE, &error)),
            }
        };
        let Some(found) = self.session.deadline.before(GET_ROLE, request).await? else {
            return Ok(Response::new::<Role>(Vec::new()));
        };
        let mut role = Role {
            role_name: found.role_name,
            arn: found.arn,
            assume_role_policy_document: found.assume_role_policy_document.as_deref().map(decoded).unwrap_or_default(),
            ..Role::default()
        };
        if !self.may_admit_outsiders(&role) {
            return Ok(Response::new(vec![role]));
        }
        let attached = self.attached(name, &mut role).await;
        let inline = self.inline(name, &mut role).await;
        // A boundary that cannot be read does not restrict the role.
        if let Some(arn) = found.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn) {
            let document = if is_administrator(&arn) { None } else { self.document(&arn).await.ok() };
            let policy_name = arn.rsplit('/').next().unwrap_or(&arn).to_owned();
            role.permissions_boundary = Some(RolePolicy { policy_name, policy_arn: Some(arn), document });
        }
        if let Err(Unavailable(reason)) = attached.and(inline) {
            role.policies_unanswered.get_or_insert(reason);
        }
        Ok(Response::new(vec![role]))
    }

    /// Whether the role's policies matter. They do not if the trust policy admits only named principals, as most do.
    fn may_admit_outsiders(&self, role: &Role) -> bool {
        let policy = Policy::parse(&role.assume_role_policy_document);
        policy.map_or(true, |policy| assess(&policy, Some(&self.session.account)).verdict >= Verdict::Undecidable)
    }

    async fn attached(&self, name: &str, role: &mut Role) -> Result<(), Unavailable> {
        let pages = self.session.iam.list_attached_role_policies().role_name(name).into_paginator().items().send();
        let policies = self.session.call(LIST_ATTACHED_ROLE_POLICIES, pages.collect::<Result<Vec<_>, _>>()).await?;
        for policy in policies {
            let arn = policy.policy_arn.unwrap_or_default();
            let document = if is_administrator(&arn) { Ok(None) } else { self.document(&arn).await.map(Some) };
            if let Err(Unavailable(reason)) = &document {
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

    async fn inline(&self, name: &str, role: &mut Role) -> Result<(), Unavailable> {
        let pages = self.session.iam.list_role_policies().role_name(name).into_paginator().items().send();
        let policies = self.session.call(LIST_ROLE_POLICIES, pages.collect::<Result<Vec<_>, _>>()).await?;
        for policy_name in policies {
            let request = self.session.iam.get_role_policy().role_name(name).policy_name(&policy_name);
            let document =
                self.session.call(GET_ROLE_POLICY, request.send()).await.map(|answer| answer.policy_document);
            if let Err(Unavailable(reason)) = &document {
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

    /// The document of the default version of a policy.
    async fn document(&self, arn: &str) -> Result<String, Unavailable> {
        let key = (self.session.account.clone(), arn.to_owned());
        if let Some(text) = self.session.policies.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(text.clone());
        }
        let policy = self.session.call(GET_POLICY, self.session.iam.get_policy().policy_arn(arn).send()).await?;
        let version = policy.policy.and_then(|policy| policy.default_version_id).unwrap_or_default();
        let request = self.session.iam.get_policy_version().policy_arn(arn).version_id(version);
        let version = self.session.call(GET_POLICY_VERSION, request.send()).await?;
        let text = version.policy_version.and_then(|version| version.document);
        let text =
            text.ok_or_else(|| Unavailable(format!("{GET_POLICY_VERSION}: no document of {arn} in the response")))?;
        let text = decoded(&text);
        self.session.policies.lock().unwrap_or_else(PoisonError::into_inner).insert(key, text.clone());
        Ok(text)
    }
}
