//! Who made a call: CloudTrail's `userIdentity`.

use std::borrow::Cow;

use super::{Value, non_empty, path, scalar_text};

/// `type` of a user of IAM Identity Center, who has no other identity.
const IDENTITY_CENTER_USER: &str = "IdentityCenterUser";

/// The parts of `userIdentity` that name the caller. Everything may be missing: service events have no ARN and often no
/// account, and some records have no `userIdentity` at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity<'e> {
    /// `type`: `IAMUser`, `AssumedRole`, `Root`, `AWSService`, …
    pub kind: Option<&'e str>,
    /// `arn` of the caller.
    pub arn: Option<&'e str>,
    /// `userName` of an IAM user.
    pub user_name: Option<&'e str>,
    /// `principalId`: the unique id, followed by the session name for roles.
    pub principal_id: Option<&'e str>,
    /// `accountId` the caller belongs to.
    pub account_id: Option<&'e str>,
    /// `accessKeyId` the call was signed with.
    pub access_key_id: Option<&'e str>,
    /// `invokedBy`: the service that called on somebody's behalf.
    pub invoked_by: Option<&'e str>,
    /// `sessionContext.sessionIssuer.arn`: the role behind a session.
    pub session_issuer: Option<&'e str>,
    /// `sessionContext.attributes.mfaAuthenticated`, a boolean or its name in any case.
    pub mfa: Option<bool>,
    /// `onBehalfOf.userId`: the user of IAM Identity Center for whom the caller called.
    pub on_behalf_of: Option<&'e str>,
    /// `invokedByDelegate.accountId`: the account of the vendor that called with temporary delegation.
    pub delegate_account: Option<&'e str>,
    /// `inScopeOf.credentialsIssuedTo` or `sourceArn`: the workload, such as a Lambda function, that used the credentials.
    pub in_scope_of: Option<&'e str>,
    /// `sessionContext.assumedRoot`: whether this is a root session of `sts:AssumeRoot`.
    pub is_assumed_root: bool,
}

impl<'e> Identity<'e> {
    pub(super) fn of(value: Option<&'e Value<'_>>) -> Self {
        let Some(value) = value else { return Self::default() };
        let string = |path: &str| path::first_in(value, path).and_then(non_empty);
        let flag = |path: &str| -> Option<bool> {
            let text = path::select_in(value, path).into_iter().find_map(scalar_text)?;
            text.to_ascii_lowercase().parse().ok()
        };
        Self {
            kind: string("type"),
            arn: string("arn"),
            user_name: string("userName"),
            principal_id: string("principalId"),
            account_id: string("accountId"),
            access_key_id: string("accessKeyId"),
            invoked_by: string("invokedBy"),
            session_issuer: string("sessionContext.sessionIssuer.arn"),
            mfa: flag("sessionContext.attributes.mfaAuthenticated"),
            on_behalf_of: string("onBehalfOf.userId"),
            delegate_account: string("invokedByDelegate.accountId"),
            in_scope_of: string("inScopeOf.credentialsIssuedTo").or_else(|| string("inScopeOf.sourceArn")),
            is_assumed_root: flag("sessionContext.assumedRoot").unwrap_or_default(),
        }
    }

    /// The short name of the person or vendor behind the call: `alice`, `NetOps/dana`, `root of 111122223333`,
    /// `autoscaling.amazonaws.com`, `Identity Center user 94e8…`, `account 444455556666 as NetOps/dana`.
    pub fn short_name(&self) -> Cow<'e, str> {
        let credentials = self.name_of_credentials();
        let principal = match self.on_behalf_of {
            // The name of its session is that of the user.
            Some(_) if self.session_issuer.is_some_and(|arn| arn.contains("/AWSReservedSSO_")) => credentials,
            Some(user) if self.kind == Some(IDENTITY_CENTER_USER) => Cow::Owned(format!("Identity Center user {user}")),
            Some(user) => Cow::Owned(format!("Identity Center user {user} through {credentials}")),
            None => credentials,
        };
        match self.delegate_account {
            Some(account) => Cow::Owned(format!("account {account} as {principal}")),
            None => principal,
        }
    }

    /// The short name of the credentials that the call was signed with.
    fn name_of_credentials(&self) -> Cow<'e, str> {
        if self.kind == Some("Root") || self.is_assumed_root {
            let root = if self.is_assumed_root { "root session" } else { "root" };
            return Cow::Owned(match self.account_id {
                Some(account) => format!("{root} of {account}"),
                None => root.to_owned(),
            });
        }
        let after_slash = |arn: &'e str| arn.split_once('/').map(|(_, name)| name);
        let name = self.arn.and_then(after_slash).or(self.user_name).or(self.invoked_by);
        match name.or(self.arn).or(self.principal_id) {
            Some(name) => Cow::Borrowed(name),
            None => match self.account_id {
                Some(account) => Cow::Owned(format!("somebody in account {account}")),
                None => Cow::Borrowed("an unnamed caller"),
            },
        }
    }
}
