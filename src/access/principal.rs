//! The group of callers that a principal admits.

use super::issuer::{self, Issuer};
use super::zone::{Role, Zone};
use crate::arn::is_account_id;
use crate::policy::{Caller, Pattern, Principal, PrincipalKind, Principals};

/// The callers that a principal admits if no condition restricts them.
#[derive(Debug)]
pub(super) enum PrincipalGroup {
    /// Everybody: an example and a description.
    Everybody(Caller, String),
    /// Principals of one account whose names match a pattern: an example and a description.
    InAccount(Caller, String),
    /// Everybody with a token of an issuer that serves or may serve several tenants.
    Tenants(&'static Issuer, Caller),
    /// A named principal of another account: the account id, or the unique id of a principal that does not show its account.
    Foreign(String, Caller),
    /// An identity provider of the role's account.
    Provider(String),
    /// A named principal of the role's account or of a trusted account.
    Named(String),
    /// A service and its name.
    Service(Caller, String),
    /// A principal in an unknown form.
    Unknown(String),
}

impl PrincipalGroup {
    /// The group of `*` or of `NotPrincipal`.
    pub(super) fn everybody(principals: &Principals, outsider: &str) -> Self {
        let who = match principals {
            Principals::AllBut(_) => "everybody except the parties that its NotPrincipal names",
            Principals::Anyone | Principals::Named(_) => "any AWS account",
        };
        Self::Everybody(caller(&format!("arn:aws:iam::{outsider}:role/evil"), outsider), who.to_owned())
    }

    pub(super) fn of(principal: &Principal, role: &Role<'_>, zone: &Zone, outsider: &str) -> Self {
        let value = principal.value.as_str();
        match principal.kind {
            PrincipalKind::Aws => Self::of_aws(value, role, zone, outsider),
            PrincipalKind::CanonicalUser if value.contains(['*', '?']) => Self::Unknown(value.to_owned()),
            PrincipalKind::CanonicalUser => Self::Foreign(value.to_owned(), caller(value, value)),
            PrincipalKind::Service if value.contains(['*', '?']) => {
                Self::Everybody(Caller::Service(fill(value, "ec2.amazonaws.com")), "any AWS service".to_owned())
            }
            PrincipalKind::Service => Self::Service(Caller::Service(value.to_owned()), value.to_owned()),
            PrincipalKind::Federated => Self::of_federated(value, role, zone),
        }
    }

    fn of_aws(value: &str, role: &Role<'_>, zone: &Zone, outsider: &str) -> Self {
        if value == "*" {
            return Self::everybody(&Principals::Anyone, outsider);
        }
        let has_wildcards = value.contains(['*', '?']);
        let of_account = |account: &str| {
            if is_own(account, role, zone) {
                Self::Named(value.to_owned())
            } else {
                Self::Foreign(account.to_owned(), caller(&root_arn(value, account), account))
            }
        };
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "iam" | "sts", "", account, _] if is_account_id(account) && has_wildcards => {
                let who = format!("principals of account {account} that match {value}");
                Self::InAccount(caller(&fill(value, "x"), account), who)
            }
            ["arn", _, "iam" | "sts", "", account, _] if is_account_id(account) => of_account(account),
            ["arn", _, "iam", "", "cloudfront", _] => Self::Named(value.to_owned()),
            _ if has_wildcards => {
                let example = fill_account(value, outsider);
                let account = example.split(':').nth(4).filter(|account| is_account_id(account)).unwrap_or(outsider);
                let who = format!("principals of any AWS account that match {value}");
                Self::Everybody(caller(&example, account), who)
            }
            [account] if is_account_id(account) => of_account(account),
            // IAM replaces the ARN of a deleted role or user by its unique id, which is never used again.
            [id] if is_unique_id(id) && (role.is_stored || is_placeholder(id)) => Self::Named(value.to_owned()),
            // In a new policy, a unique id names an existing principal. It does not show the account.
            [id] if is_unique_id(id) => Self::Foreign(value.to_owned(), caller(value, "")),
            _ => Self::Unknown(value.to_owned()),
        }
    }

    fn of_federated(value: &str, role: &Role<'_>, zone: &Zone) -> Self {
        let caller = |name: &str| Caller::Federated(name.to_owned());
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        let account = match parts.as_slice() {
            ["arn", _, "iam", "", account, _] => Some(*account),
            _ => None,
        };
        if value.contains(['*', '?']) {
            return match account.filter(|account| is_account_id(account)) {
                Some(_) => Self::InAccount(caller(&fill(value, "x")), format!("any provider that matches {value}")),
                None => {
                    Self::Everybody(caller(&fill(value, "accounts.google.com")), "any identity provider".to_owned())
                }
            };
        }
        let name = issuer::name_of(value);
        match (issuer::shared(name), account) {
            (Some(issuer), _) => Self::Tenants(issuer, caller(value)),
            (None, Some(account))
                if is_account_id(account) && role.account.is_some() && !is_own(account, role, zone) =>
            {
                Self::Foreign(account.to_owned(), caller(value))
            }
            (None, Some(account)) if is_account_id(account) => {
                let is_oidc = value.contains(":oidc-provider/");
                if is_oidc && issuer::may_be_shared(name) && zone.has_provider(name).is_none() {
                    Self::Tenants(issuer::unlisted(), caller(value))
                } else {
                    Self::Provider(value.to_owned())
                }
            }
            (None, _) => Self::Unknown(value.to_owned()),
        }
    }
}

fn caller(arn: &str, account: &str) -> Caller {
    Caller::Aws { arn: arn.to_owned(), account: account.to_owned() }
}

/// The ARN of a principal: of the root user if the principal is an account id.
fn root_arn(value: &str, account: &str) -> String {
    if value.starts_with("arn:") { value.to_owned() } else { format!("arn:aws:iam::{account}:root") }
}

/// The callers of other accounts that `NotPrincipal` of a Deny statement exempts, with their accounts.
pub(super) fn exempt(principals: &[Principal], role: &Role<'_>, zone: &Zone) -> Vec<(Caller, String)> {
    let of_aws = principals.iter().filter(|principal| principal.kind == PrincipalKind::Aws);
    let groups = of_aws.map(|principal| PrincipalGroup::of_aws(&principal.value, role, zone, ""));
    let foreign = groups.filter_map(|group| match group {
        PrincipalGroup::Foreign(account, caller) => Some((caller, account)),
        _ => None,
    });
    foreign.collect()
}

/// Whether an account is the role's account or a trusted account.
pub(super) fn is_own(account: &str, role: &Role<'_>, zone: &Zone) -> bool {
    role.account == Some(account) || zone.accounts.iter().any(|trusted| trusted == account)
}

/// Whether a text is a unique id of IAM, such as `AROA…`.
pub(super) fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && text.starts_with('A')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Whether a unique id is an example from documentation, which no principal has.
pub(super) fn is_placeholder(id: &str) -> bool {
    id.contains("EXAMPLE")
}

/// Replaces the wildcards of a pattern: the first `*` by `star`, and all others by `x`.
fn fill(pattern: &str, star: &str) -> String {
    pattern.replacen('*', star, 1).replace(['*', '?'], "x")
}

/// An ARN that matches a pattern, with the outsider's account if the pattern does not name one.
fn fill_account(pattern: &str, outsider: &str) -> String {
    let mut parts: Vec<String> = pattern.splitn(6, ':').map(str::to_owned).collect();
    if let [_, _, _, _, account, name] = parts.as_mut_slice() {
        *account = match account.as_str() {
            "*" => outsider.to_owned(),
            pattern => {
                let digits = 12_usize.saturating_sub(pattern.replace('*', "").len());
                pattern.replacen('*', &"9".repeat(digits), 1).replace('*', "").replace('?', "9")
            }
        };
        *name = fill(name, "evil");
        return parts.join(":").replace('*', "aws").replace('?', "x");
    }
    let example = format!("arn:aws:iam::{outsider}:role/evil");
    if Pattern::glob(pattern).matches(&example) { example } else { fill(pattern, "evil") }
}
