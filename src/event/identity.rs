//! Who made a call: CloudTrail's `userIdentity`.

use std::borrow::Cow;

use super::{Value, non_empty, path, scalar_text};

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
}

impl<'e> Identity<'e> {
    pub(super) fn of(value: Option<&'e Value<'_>>) -> Self {
        let Some(value) = value else { return Self::default() };
        let string = |path: &str| path::first_in(value, path).and_then(non_empty);
        let mfa =
            path::select_in(value, "sessionContext.attributes.mfaAuthenticated").into_iter().find_map(scalar_text);
        Self {
            kind: string("type"),
            arn: string("arn"),
            user_name: string("userName"),
            principal_id: string("principalId"),
            account_id: string("accountId"),
            access_key_id: string("accessKeyId"),
            invoked_by: string("invokedBy"),
            session_issuer: string("sessionContext.sessionIssuer.arn"),
            mfa: mfa.and_then(|text| text.to_ascii_lowercase().parse().ok()),
        }
    }

    /// The short name people know the caller by: `alice`, `NetOps/dana`, `root`, `autoscaling.amazonaws.com`.
    pub fn short_name(&self) -> Cow<'e, str> {
        if self.kind == Some("Root") {
            return Cow::Owned(match self.account_id {
                Some(account) => format!("root of {account}"),
                None => "root".to_owned(),
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
