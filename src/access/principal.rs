//! The groups of people that a principal stands for.

use super::issuer::{self, Issuer};
use super::zone::{Role, Zone};
use crate::arn::is_account_id;
use crate::policy::{Caller, Pattern, Principal, PrincipalKind, Principals};

/// Whom a principal admits, as far as conditions do not hold them back.
#[derive(Debug)]
pub(super) enum Group {
    /// Everybody, of whom this one is an example; and what they are called.
    Everybody(Caller, String),
    /// Whoever in one account has a name that fits; the example.
    InAccount(Caller, String),
    /// Everybody with a token of an issuer that others share, or may share.
    Tenants(&'static Issuer, Caller),
    /// Named principals of another account, by its id; of a principal whose id does not show its account, that id.
    Foreign(String, Caller),
    /// An identity provider of the role's account.
    Provider(String),
    /// Named principals of the own account, and of trusted ones.
    Named(String),
    /// A service, by name.
    Service(Caller, String),
    /// What it stands for is not known.
    Unknown(String),
}

impl Group {
    /// `*`, or all but some.
    pub(super) fn everybody(principals: &Principals, outsider: &str) -> Self {
        let who = match principals {
            Principals::AllBut(_) => "everybody but whom its NotPrincipal names",
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
        let wild = value.contains(['*', '?']);
        let of_account = |account: &str| match is_own(account, role, zone) {
            true => Self::Named(value.to_owned()),
            false => Self::Foreign(account.to_owned(), caller(&root_arn(value, account), account)),
        };
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "iam" | "sts", "", account, _] if is_account_id(account) => match wild {
                true => {
                    let example = fill(value, "x");
                    let who = format!("whoever in account {account} is called {value}");
                    Self::InAccount(caller(&example, account), who)
                }
                false => of_account(account),
            },
            ["arn", _, "iam", "", "cloudfront", _] => Self::Named(value.to_owned()),
            _ if wild => {
                let example = fill_account(value, outsider);
                let account = example.split(':').nth(4).filter(|account| is_account_id(account)).unwrap_or(outsider);
                let who = format!("whoever in any AWS account is called {value}");
                Self::Everybody(caller(&example, account), who)
            }
            [account] if is_account_id(account) => of_account(account),
            // A deleted role or user leaves its unique id behind, which nobody has again.
            [id] if is_unique_id(id) && (role.is_stored || is_placeholder(id)) => Self::Named(value.to_owned()),
            // Whoever writes one names somebody there is, and it does not show of which account.
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
                Some(_) => Self::InAccount(caller(&fill(value, "x")), format!("any provider called {value}")),
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
                match is_oidc && issuer::may_be_shared(name) && zone.has_provider(name).is_none() {
                    true => Self::Tenants(issuer::unlisted(), caller(value)),
                    false => Self::Provider(value.to_owned()),
                }
            }
            (None, _) => Self::Unknown(value.to_owned()),
        }
    }
}

fn caller(arn: &str, account: &str) -> Caller {
    Caller::Aws { arn: arn.to_owned(), account: account.to_owned() }
}

/// The ARN of a principal that may be an account id.
fn root_arn(value: &str, account: &str) -> String {
    if value.starts_with("arn:") { value.to_owned() } else { format!("arn:aws:iam::{account}:root") }
}

/// The callers of other accounts that NotPrincipal of Deny statements exempts, with the accounts.
pub(super) fn exempt(principals: &[Principal], role: &Role<'_>, zone: &Zone) -> Vec<(Caller, String)> {
    let of_aws = principals.iter().filter(|one| one.kind == PrincipalKind::Aws);
    let groups = of_aws.map(|one| Group::of_aws(&one.value, role, zone, ""));
    let foreign = groups.filter_map(|group| match group {
        Group::Foreign(account, caller) => Some((caller, account)),
        _ => None,
    });
    foreign.collect()
}

/// Whether it is the role's account, or a trusted one.
pub(super) fn is_own(account: &str, role: &Role<'_>, zone: &Zone) -> bool {
    role.account == Some(account) || zone.accounts.iter().any(|trusted| trusted == account)
}

/// Whether it is a unique id of IAM, such as `AROA…`.
pub(super) fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && text.starts_with('A')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Whether it is a unique id out of documentation, which nobody has.
pub(super) fn is_placeholder(id: &str) -> bool {
    id.contains("EXAMPLE")
}

/// The pattern with something in place of its wildcards: `star` for the first `*`.
fn fill(pattern: &str, star: &str) -> String {
    pattern.replacen('*', star, 1).replace(['*', '?'], "x")
}

/// An ARN with a outsider's account where the pattern leaves it open.
fn fill_account(pattern: &str, outsider: &str) -> String {
    let mut parts: Vec<String> = pattern.splitn(6, ':').map(str::to_owned).collect();
    if let [_, _, _, _, account, name] = parts.as_mut_slice() {
        *account = match account.as_str() {
            "*" => outsider.to_owned(),
            open => {
                let digits = 12_usize.saturating_sub(open.replace('*', "").len());
                open.replacen('*', &"9".repeat(digits), 1).replace('*', "").replace('?', "9")
            }
        };
        *name = fill(name, "evil");
        return parts.join(":").replace('*', "aws").replace('?', "x");
    }
    let whole = format!("arn:aws:iam::{outsider}:role/evil");
    if Pattern::glob(pattern).matches(&whole) { whole } else { fill(pattern, "evil") }
}
