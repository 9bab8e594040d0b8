//! Whose a value of a policy is: the part of it that says who.

use super::issuer::{Claim, Issuer};
use super::principal::{is_placeholder, is_unique_id};
use crate::arn::is_account_id;
use crate::policy::{Pattern, Test};

/// Stands for the role's own account and organization where they are not known.
pub(super) const THE_ACCOUNT: &str = "the account of the role";
pub(super) const THE_ORGANIZATION: &str = "the organization of the role";

/// Which part of a value says who.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValuePattern {
    /// An account id.
    Account,
    /// The account of the ARN of a principal.
    PrincipalArn,
    /// The account of the ARN of any resource; the name of a bucket is somebody's too.
    SourceArn,
    /// The account of a provider's ARN; those without one are everybody's.
    Provider,
    /// An organization.
    Organization,
    /// The organization, before the first `/`.
    OrganizationPath,
    /// The account or the unique id, before the first `:`.
    UserId,
    /// All of it: something that one account owns.
    Resource,
    /// The tenant of a shared issuer.
    Tenant(&'static Issuer, &'static Claim),
}

/// Whose a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// Nobody's: no request has such a value.
    Nobody,
    /// Of this account.
    Account(String),
    /// Of this organization, or the path of one of its units.
    Organization(String),
    /// Of the principal with this unique id.
    Id(String),
    /// Of this tenant.
    Tenant(String),
    /// Of one account, which the value does not show.
    Somebody,
    /// It is left open.
    Anybody,
}

/// How `*` and `?` of a value are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wildcards {
    /// As they are written.
    No,
    /// For any text.
    Like,
    /// For any text within a part of an ARN.
    Arn,
}

impl Wildcards {
    pub(super) fn of(test: Test) -> Self {
        match test {
            Test::StringLike => Self::Like,
            Test::Arn => Self::Arn,
            _ => Self::No,
        }
    }
}

/// Partitions of AWS.
const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];

/// Beginnings of the ARNs of principals.
pub(super) const PRINCIPALS: [&str; 8] = [
    "arn:aws:iam::",
    "arn:aws:sts::",
    "arn:aws-cn:iam::",
    "arn:aws-cn:sts::",
    "arn:aws-us-gov:iam::",
    "arn:aws-us-gov:sts::",
    "arn:aws-eusc:iam::",
    "arn:aws-eusc:sts::",
];

impl ValuePattern {
    /// Whose a value is.
    pub(super) fn whose(self, value: &str, wildcards: Wildcards) -> Whose {
        let is_wild = wildcards != Wildcards::No && value.contains(['*', '?']);
        let wildcards = if is_wild { wildcards } else { Wildcards::No };
        let literal = if is_wild { value.split(['*', '?']).next().unwrap_or_default() } else { value };
        if value.contains(THE_ACCOUNT) {
            return Whose::Account(THE_ACCOUNT.to_owned());
        }
        if value.starts_with(THE_ORGANIZATION) {
            return Whose::Organization(THE_ORGANIZATION.to_owned());
        }
        match self {
            Self::Account => account(value, is_wild),
            Self::PrincipalArn => principal(value, literal, wildcards),
            Self::SourceArn => resource(value, literal, wildcards),
            Self::Provider => match value.split(':').nth(4).filter(|account| is_account_id(account)) {
                Some(account) => Whose::Account(account.to_owned()),
                None => Whose::Anybody,
            },
            Self::Organization if is_wild && "o-".starts_with(literal.get(..2).unwrap_or(literal)) => Whose::Anybody,
            Self::Organization if !is_wild && is_organization(value) => Whose::Organization(value.to_owned()),
            Self::OrganizationPath => match literal.split_once('/') {
                Some((organization, _)) if is_organization(organization) => Whose::Organization(literal.to_owned()),
                None if !is_wild && is_organization(value) => Whose::Organization(value.to_owned()),
                None if is_wild && "o-".starts_with(literal.get(..2).unwrap_or(literal)) => Whose::Anybody,
                _ => Whose::Nobody,
            },
            Self::Organization => Whose::Nobody,
            Self::UserId => {
                let id = match literal.split_once(':') {
                    Some((id, _)) => id,
                    None if is_wild && !(literal.len() >= 20 && is_unique_id(literal)) => return Whose::Anybody,
                    None => literal,
                };
                match id {
                    id if is_account_id(id) => Whose::Account(id.to_owned()),
                    id if is_unique_id(id) && !is_placeholder(id) => Whose::Id(id.to_owned()),
                    _ => Whose::Nobody,
                }
            }
            Self::Resource if is_wild => Whose::Anybody,
            Self::Resource => Whose::Somebody,
            Self::Tenant(_, claim) => match claim.tenant(value, is_wild) {
                Some(tenant) => Whose::Tenant(tenant.to_owned()),
                None if !is_wild && !claim.could_be(value) => Whose::Nobody,
                None => Whose::Anybody,
            },
        }
    }

    /// Whether a request can have such a value, as far as its form tells.
    pub(super) fn could_be(self, value: &str) -> bool {
        match self {
            Self::Account => is_account_id(value),
            Self::PrincipalArn => is_principal(value),
            Self::SourceArn => value.starts_with("arn:") && value.split(':').count() > 5,
            Self::Organization => is_organization(value),
            Self::OrganizationPath => value.split_once('/').is_some_and(|(id, _)| is_organization(id)),
            Self::UserId => matches!(self.whose(value, Wildcards::No), Whose::Account(_) | Whose::Id(_)),
            Self::Tenant(_, claim) => claim.could_be(value),
            Self::Provider | Self::Resource => true,
        }
    }
}

fn is_organization(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// An account id, or a pattern of some. An account has twelve digits: a pattern of more leaves no room for its stars.
fn account(pattern: &str, is_wild: bool) -> Whose {
    if !is_wild {
        return if is_account_id(pattern) { Whose::Account(pattern.to_owned()) } else { Whose::Nobody };
    }
    let fixed = pattern.replace('*', "");
    let is_digits = fixed.bytes().all(|byte| byte.is_ascii_digit() || byte == b'?');
    match fixed.len() {
        _ if !is_digits => Whose::Nobody,
        12 if fixed.contains('?') => Whose::Anybody,
        12 => Whose::Account(fixed),
        13.. => Whose::Nobody,
        _ if pattern.contains('*') => Whose::Anybody,
        _ => Whose::Nobody,
    }
}

/// The account of a principal's ARN, or of a pattern of some.
fn principal(value: &str, literal: &str, wildcards: Wildcards) -> Whose {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let [first, partition, service, region, account_part, _] = parts.as_slice() else {
        return open_arn(literal, wildcards);
    };
    if wildcards == Wildcards::Arn {
        let fits = |pattern: &str, texts: &[&str]| texts.iter().any(|text| Pattern::glob(pattern).matches(text));
        let could_be = fits(first, &["arn"])
            && fits(partition, &PARTITIONS)
            && fits(service, &["iam", "sts"])
            && fits(region, &[""]);
        return if could_be { account(account_part, true) } else { Whose::Nobody };
    }
    if wildcards == Wildcards::Like && literal.matches(':').count() < 5 {
        return open_arn(literal, wildcards);
    }
    let is_one =
        *first == "arn" && partition.starts_with("aws") && matches!(*service, "iam" | "sts") && region.is_empty();
    if is_one { account(account_part, false) } else { Whose::Nobody }
}

/// A pattern whose first wildcard may stand for the account, by what precedes it.
fn open_arn(literal: &str, wildcards: Wildcards) -> Whose {
    let could_be = PRINCIPALS.iter().any(|beginning| {
        let account = literal.strip_prefix(beginning);
        beginning.starts_with(literal)
            || account.is_some_and(|rest| rest.len() <= 12 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    });
    match could_be && wildcards != Wildcards::No {
        true => Whose::Anybody,
        false => Whose::Nobody,
    }
}

/// The account of a resource's ARN. That of a bucket has none: whose it is, its whole name tells.
fn resource(value: &str, literal: &str, wildcards: Wildcards) -> Whose {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let [first, _, _, _, account_part, name] = parts.as_slice() else {
        return if wildcards == Wildcards::No { Whose::Nobody } else { Whose::Anybody };
    };
    if wildcards == Wildcards::Like && literal.matches(':').count() < 5 {
        return Whose::Anybody;
    }
    let is_wild = |text: &str| wildcards != Wildcards::No && text.contains(['*', '?']);
    match *account_part {
        _ if *first != "arn" && !is_wild(first) => Whose::Nobody,
        "" if is_wild(name.split('/').next().unwrap_or_default()) => Whose::Anybody,
        "" => Whose::Somebody,
        part if is_wild(part) => match account(part, true) {
            Whose::Nobody => Whose::Anybody,
            other => other,
        },
        part if is_account_id(part) => Whose::Account(part.to_owned()),
        _ => Whose::Somebody,
    }
}

/// Whether it is the ARN of a principal.
fn is_principal(value: &str) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let ["arn", partition, "iam" | "sts", "", account, name] = parts.as_slice() else { return false };
    let kind = name.split_once('/').map(|(kind, rest)| (kind, rest.rsplit('/').next().unwrap_or_default()));
    partition.starts_with("aws")
        && is_account_id(account)
        && match kind {
            Some(("role" | "user" | "assumed-role" | "federated-user", name)) => {
                !name.is_empty() && !name.contains(':')
            }
            _ => *name == "root",
        }
}
