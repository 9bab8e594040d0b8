//! The credentials with which AWS Config of an account is read and answered.

use crate::arn::Arn;
use crate::text::{MAX_IN_SENTENCE, visible_at_most};

/// Whether a role is assumed: `ASSUME_ROLE_MODE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RoleMode {
    /// In other accounts than that of the function.
    #[default]
    OtherAccounts,
    /// Always, also in the account of the function: `true`.
    Always,
    /// Never: `false`.
    Never,
}

/// How the function obtains credentials for an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleSettings {
    /// Whether a role is assumed.
    pub mode: RoleMode,
    /// The name with its path of the role in other accounts, if the execution role of an invocation cannot be assumed.
    pub member_role: Option<String>,
    /// The `sts:ExternalId` that the trust policy of that role requires.
    pub external_id: Option<String>,
    /// The name of sessions, which CloudTrail records.
    pub session_name: String,
}

/// The credentials for one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RoleChoice {
    /// Those of the function.
    Own,
    /// Those of a role.
    Role {
        /// Its ARN.
        arn: String,
        /// The `sts:ExternalId` that its trust policy requires.
        external_id: Option<String>,
    },
}

/// Why there are no credentials for an account. Safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The execution role is not the ARN of a role in the account of the rule.
    #[error("the execution role `{role}` of the Config rule is not a role in account {account}")]
    NotARole {
        /// The ARN in the event.
        role: String,
        /// The account of the rule.
        account: String,
    },
    /// The event names no role that can be assumed, and the configuration names none.
    #[error(
        "there is no role to assume in account {0}: set MEMBER_ROLE_NAME to the name of a role in it that may call AWS Config"
    )]
    NoRole(String),
}

impl RoleSettings {
    /// Chooses the credentials for `account`. `execution_role` is the role that the invocation of a Config rule names.
    /// `own_account` is the account of the function, in `partition`.
    ///
    /// # Errors
    /// If a role must be assumed and there is none.
    pub fn choose(
        &self,
        account: &str,
        execution_role: Option<&str>,
        own_account: &str,
        partition: &str,
    ) -> Result<RoleChoice, RoleError> {
        let shown = |text: &str| visible_at_most(text, MAX_IN_SENTENCE).into_owned();
        let is_own = account == own_account;
        match self.mode {
            RoleMode::Never => return Ok(RoleChoice::Own),
            RoleMode::OtherAccounts if is_own => return Ok(RoleChoice::Own),
            RoleMode::OtherAccounts | RoleMode::Always => {}
        }
        if let Some(role) = execution_role {
            let parsed = Arn::parse(role).filter(|arn| arn.service == "iam" && arn.account == account);
            let name = parsed.and_then(|arn| arn.resource.strip_prefix("role/")).filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| RoleError::NotARole { role: shown(role), account: shown(account) })?;
            // Only the service itself can assume its service-linked role.
            if !name.starts_with("aws-service-role/") {
                return Ok(RoleChoice::Role { arn: role.to_owned(), external_id: None });
            }
        }
        if is_own {
            return Ok(RoleChoice::Own);
        }
        let name = self.member_role.as_ref().ok_or_else(|| RoleError::NoRole(shown(account)))?;
        let arn = format!("arn:{partition}:iam::{account}:role/{name}");
        Ok(RoleChoice::Role { arn, external_id: self.external_id.clone() })
    }
}
