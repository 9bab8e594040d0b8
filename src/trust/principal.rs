//! The groups of people that a principal stands for.

use super::issuer::{self, Issuer};
use super::{Judgement, Verdict};
use crate::policy::{Caller, Principal, PrincipalKind, Principals, Statement, Test};

/// Whom a principal admits, as far as conditions do not hold them back.
#[derive(Debug)]
pub(super) enum Group {
    /// Everybody, of whom this one is an example; and what they are called.
    Everybody(Caller, String),
    /// Whoever in one account has a name that fits; the example.
    InAccount(Caller, String),
    /// Everybody with a token of a shared provider.
    Tenants(&'static Issuer, Caller),
    /// Named principals of another account.
    Foreign(String),
    /// Named principals of the own account, services, and providers of one's own.
    Named(String),
    /// A service, by name.
    Service(String),
    /// What it stands for is not known.
    Unknown(String),
}

impl Group {
    /// `*`, or all but some.
    pub(super) fn everybody(principals: &Principals, stranger: &str) -> Self {
        let who = match principals {
            Principals::AllBut(_) => "everybody but whom its NotPrincipal names",
            Principals::Anyone | Principals::Named(_) => "any AWS account",
        };
        Self::Everybody(caller(&format!("arn:aws:iam::{stranger}:role/evil"), stranger), who.to_owned())
    }

    pub(super) fn of(principal: &Principal, own: Option<&str>, stranger: &str) -> Self {
        let value = principal.value.as_str();
        match principal.kind {
            PrincipalKind::Aws => Self::of_aws(value, own, stranger),
            PrincipalKind::CanonicalUser if value.contains(['*', '?']) => Self::Unknown(value.to_owned()),
            PrincipalKind::CanonicalUser => Self::Foreign(value.to_owned()),
            PrincipalKind::Service if value.contains(['*', '?']) => {
                Self::Everybody(Caller::Service(fill(value, "ec2.amazonaws.com")), "any AWS service".to_owned())
            }
            PrincipalKind::Service => Self::Service(value.to_owned()),
            PrincipalKind::Federated => Self::of_federated(value, own),
        }
    }

    fn of_aws(value: &str, own: Option<&str>, stranger: &str) -> Self {
        if value == "*" {
            return Self::everybody(&Principals::Anyone, stranger);
        }
        let wild = value.contains(['*', '?']);
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "iam" | "sts", "", account, _] if is_account(account) => match (wild, Some(*account) == own) {
                (true, _) => {
                    let example = fill(value, "x");
                    Self::InAccount(
                        caller(&example, account),
                        format!("whoever in account {account} is called {value}"),
                    )
                }
                (false, true) => Self::Named(value.to_owned()),
                (false, false) => Self::Foreign((*account).to_owned()),
            },
            ["arn", _, "iam", "", "cloudfront", _] => Self::Named(value.to_owned()),
            _ if wild => {
                let example = fill_account(value, stranger);
                let account = example.split(':').nth(4).filter(|account| is_account(account)).unwrap_or(stranger);
                let who = format!("whoever in any AWS account is called {value}");
                Self::Everybody(caller(&example, account), who)
            }
            [account] if is_account(account) => match Some(*account) == own {
                true => Self::Named(value.to_owned()),
                false => Self::Foreign((*account).to_owned()),
            },
            // A deleted role or user leaves its unique id behind, which nobody has again.
            [id] if is_unique_id(id) => Self::Named(value.to_owned()),
            _ => Self::Unknown(value.to_owned()),
        }
    }

    fn of_federated(value: &str, own: Option<&str>) -> Self {
        let caller = |name: &str| Caller::Federated(name.to_owned());
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        let account = match parts.as_slice() {
            ["arn", _, "iam", "", account, _] => Some(*account),
            _ => None,
        };
        if value.contains(['*', '?']) {
            return match account.filter(|account| is_account(account)) {
                Some(_) => Self::InAccount(caller(&fill(value, "x")), format!("any provider called {value}")),
                None => {
                    Self::Everybody(caller(&fill(value, "accounts.google.com")), "any identity provider".to_owned())
                }
            };
        }
        match (issuer::shared(issuer::name_of(value)), account) {
            (Some(issuer), _) => Self::Tenants(issuer, caller(value)),
            (None, Some(account)) if is_account(account) && own.is_some() && Some(account) != own => {
                Self::Foreign(account.to_owned())
            }
            (None, Some(account)) if is_account(account) => Self::Named(value.to_owned()),
            (None, _) => Self::Unknown(value.to_owned()),
        }
    }

    /// Adds what the judgement lists of the group, whatever its verdict.
    pub(super) fn note(&self, statement: &Statement, judgement: &mut Judgement) {
        let guards = ["aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths"];
        let names_some = |value: &String| value.contains(|one: char| one.is_ascii_alphanumeric());
        let is_guarded = || {
            let asked = statement.conditions.iter().filter(|one| !one.operator.negated && !one.operator.if_exists);
            let asked = asked.filter(|one| one.operator.test != Test::Null && one.values.iter().all(names_some));
            asked.into_iter().any(|one| guards.iter().any(|guard| guard.eq_ignore_ascii_case(&one.key)))
        };
        match self {
            Self::Foreign(account) if !judgement.accounts.contains(account) => {
                judgement.accounts.push(account.clone());
            }
            Self::Service(name) if !is_guarded() => judgement.unguarded_services.push(name.clone()),
            _ => {}
        }
    }

    /// The verdict and its reason where conditions do not matter; else `None`.
    pub(super) fn settled(&self) -> Option<(Verdict, String)> {
        match self {
            Self::Everybody(..) | Self::InAccount(..) | Self::Tenants(..) => None,
            Self::Foreign(account) => Some((Verdict::External, format!("lets in principals of account {account}"))),
            Self::Named(name) | Self::Service(name) => Some((Verdict::Scoped, format!("lets in {name}"))),
            Self::Unknown(value) => {
                Some((Verdict::Undecidable, format!("names a principal of a form that is not known: {value}")))
            }
        }
    }
}

fn caller(arn: &str, account: &str) -> Caller {
    Caller::Aws { arn: arn.to_owned(), account: account.to_owned() }
}

/// Whether it is an account id: twelve digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is a unique id of IAM, such as `AROA…`.
fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && text.starts_with('A')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// The pattern with something in place of its wildcards: `star` for the first `*`.
fn fill(pattern: &str, star: &str) -> String {
    pattern.replacen('*', star, 1).replace(['*', '?'], "x")
}

/// An ARN with a stranger's account where the pattern leaves it open.
fn fill_account(pattern: &str, stranger: &str) -> String {
    let mut parts: Vec<String> = pattern.splitn(6, ':').map(str::to_owned).collect();
    if let [_, _, _, _, account, name] = parts.as_mut_slice() {
        *account = match account.as_str() {
            "*" => stranger.to_owned(),
            open => {
                let digits = 12_usize.saturating_sub(open.replace('*', "").len());
                open.replacen('*', &"9".repeat(digits), 1).replace('*', "").replace('?', "9")
            }
        };
        *name = fill(name, "evil");
        return parts.join(":").replace('*', "aws").replace('?', "x");
    }
    let whole = format!("arn:aws:iam::{stranger}:role/evil");
    if crate::policy::Pattern::glob(pattern).matches(&whole) { whole } else { fill(pattern, "evil") }
}
