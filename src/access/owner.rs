//! Reads the owner of a condition value: an account, an organization, a principal or a tenant.

use super::issuer::{Claim, Issuer};
use super::principal::{is_placeholder, is_unique_id};
use crate::arn::is_account_id;
use crate::policy::{Pattern, Test};

/// Placeholders for the role's own account and organization if they are unknown.
pub(super) const ROLE_ACCOUNT: &str = "the account of the role";
pub(super) const ROLE_ORGANIZATION: &str = "the organization of the role";

/// The part of a value that names its owner.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValuePattern {
    /// An account id.
    Account,
    /// The account of the ARN of a principal.
    PrincipalArn,
    /// The account of the ARN of any resource, or the name of a bucket.
    SourceArn,
    /// The account of the ARN of an identity provider. A provider without an ARN is shared by everybody.
    Provider,
    /// An organization.
    Organization,
    /// The organization, before the first `/`.
    OrganizationPath,
    /// The account or the unique id, before the first `:`.
    UserId,
    /// The whole value: the id of a resource, which belongs to one account.
    Resource,
    /// The tenant of a shared issuer.
    Tenant(&'static Issuer, &'static Claim),
}

/// The owner of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody. No request contains such a value.
    Nobody,
    /// An account.
    Account(String),
    /// An organization, or the path of one of its units.
    Organization(String),
    /// The principal with this unique id.
    Id(String),
    /// A tenant of a shared issuer.
    Tenant(String),
    /// One account, which the value does not show.
    Somebody,
    /// Anybody. Values of several owners match.
    Anybody,
}

/// The meaning of `*` and `?` in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wildcards {
    /// Literal characters.
    No,
    /// Wildcards for any text.
    Like,
    /// Wildcards for text within one part of an ARN.
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

/// Prefixes of the ARNs of principals.
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
    /// The owner of a value.
    pub(super) fn owner(self, value: &str, wildcards: Wildcards) -> Owner {
        let is_wild = wildcards != Wildcards::No && value.contains(['*', '?']);
        let wildcards = if is_wild { wildcards } else { Wildcards::No };
        let literal = if is_wild { value.split(['*', '?']).next().unwrap_or_default() } else { value };
        if value.contains(ROLE_ACCOUNT) {
            return Owner::Account(ROLE_ACCOUNT.to_owned());
        }
        if value.starts_with(ROLE_ORGANIZATION) {
            return Owner::Organization(ROLE_ORGANIZATION.to_owned());
        }
        match self {
            Self::Account => account(value, is_wild),
            Self::PrincipalArn => principal(value, literal, wildcards),
            Self::SourceArn => resource(value, literal, wildcards),
            Self::Provider => match value.split(':').nth(4).filter(|account| is_account_id(account)) {
                Some(account) => Owner::Account(account.to_owned()),
                None => Owner::Anybody,
            },
            Self::Organization if is_wild && "o-".starts_with(literal.get(..2).unwrap_or(literal)) => Owner::Anybody,
            Self::Organization if !is_wild && is_organization(value) => Owner::Organization(value.to_owned()),
            Self::OrganizationPath => match literal.split_once('/') {
                Some((organization, _)) if is_organization(organization) => Owner::Organization(literal.to_owned()),
                None if !is_wild && is_organization(value) => Owner::Organization(value.to_owned()),
                None if is_wild && "o-".starts_with(literal.get(..2).unwrap_or(literal)) => Owner::Anybody,
                _ => Owner::Nobody,
            },
            Self::Organization => Owner::Nobody,
            Self::UserId => {
                let id = match literal.split_once(':') {
                    Some((id, _)) => id,
                    None if is_wild && !(literal.len() >= 20 && is_unique_id(literal)) => return Owner::Anybody,
                    None => literal,
                };
                match id {
                    id if is_account_id(id) => Owner::Account(id.to_owned()),
                    id if is_unique_id(id) && !is_placeholder(id) => Owner::Id(id.to_owned()),
                    _ => Owner::Nobody,
                }
            }
            Self::Resource if is_wild => Owner::Anybody,
            Self::Resource => Owner::Somebody,
            Self::Tenant(_, claim) => match claim.tenant(value, is_wild) {
                Some(tenant) => Owner::Tenant(tenant.to_owned()),
                None if !is_wild && !claim.could_be(value) => Owner::Nobody,
                None => Owner::Anybody,
            },
        }
    }

    /// Whether a request can contain a value of this form.
    pub(super) fn could_be(self, value: &str) -> bool {
        match self {
            Self::Account => is_account_id(value),
            Self::PrincipalArn => is_principal(value),
            Self::SourceArn => value.starts_with("arn:") && value.split(':').count() > 5,
            Self::Organization => is_organization(value),
            Self::OrganizationPath => value.split_once('/').is_some_and(|(id, _)| is_organization(id)),
            Self::UserId => matches!(self.owner(value, Wildcards::No), Owner::Account(_) | Owner::Id(_)),
            Self::Tenant(_, claim) => claim.could_be(value),
            Self::Provider | Self::Resource => true,
        }
    }
}

fn is_organization(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The owner of an account id or of a pattern for account ids. A pattern may not require more than the twelve digits of an id.
fn account(pattern: &str, is_wild: bool) -> Owner {
    if !is_wild {
        return if is_account_id(pattern) { Owner::Account(pattern.to_owned()) } else { Owner::Nobody };
    }
    let fixed = pattern.replace('*', "");
    let is_digits = fixed.bytes().all(|byte| byte.is_ascii_digit() || byte == b'?');
    match fixed.len() {
        _ if !is_digits => Owner::Nobody,
        12 if fixed.contains('?') => Owner::Anybody,
        12 => Owner::Account(fixed),
        13.. => Owner::Nobody,
        _ if pattern.contains('*') => Owner::Anybody,
        _ => Owner::Nobody,
    }
}

/// The account of the ARN of a principal, or of a pattern for such ARNs.
fn principal(value: &str, literal: &str, wildcards: Wildcards) -> Owner {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let [first, partition, service, region, account_part, _] = parts.as_slice() else {
        return open_arn(literal, wildcards);
    };
    if wildcards == Wildcards::Arn {
        let matches_any = |pattern: &str, texts: &[&str]| texts.iter().any(|text| Pattern::glob(pattern).matches(text));
        let could_be = matches_any(first, &["arn"])
            && matches_any(partition, &PARTITIONS)
            && matches_any(service, &["iam", "sts"])
            && matches_any(region, &[""]);
        return if could_be { account(account_part, true) } else { Owner::Nobody };
    }
    if wildcards == Wildcards::Like && literal.matches(':').count() < 5 {
        return open_arn(literal, wildcards);
    }
    let is_principal =
        *first == "arn" && partition.starts_with("aws") && matches!(*service, "iam" | "sts") && region.is_empty();
    if is_principal { account(account_part, false) } else { Owner::Nobody }
}

/// The owner of a pattern whose first wildcard may match the account, by the literal text before it.
fn open_arn(literal: &str, wildcards: Wildcards) -> Owner {
    let could_be = PRINCIPALS.iter().any(|prefix| {
        let account = literal.strip_prefix(prefix);
        prefix.starts_with(literal)
            || account.is_some_and(|rest| rest.len() <= 12 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    });
    if could_be && wildcards != Wildcards::No { Owner::Anybody } else { Owner::Nobody }
}

/// The owner of the ARN of a resource. The ARN of a bucket contains no account: its name identifies the owner.
fn resource(value: &str, literal: &str, wildcards: Wildcards) -> Owner {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let [first, _, _, _, account_part, name] = parts.as_slice() else {
        return if wildcards == Wildcards::No { Owner::Nobody } else { Owner::Anybody };
    };
    if wildcards == Wildcards::Like && literal.matches(':').count() < 5 {
        return Owner::Anybody;
    }
    let is_wild = |text: &str| wildcards != Wildcards::No && text.contains(['*', '?']);
    match *account_part {
        _ if *first != "arn" && !is_wild(first) => Owner::Nobody,
        "" if is_wild(name.split('/').next().unwrap_or_default()) => Owner::Anybody,
        "" => Owner::Somebody,
        part if is_wild(part) => match account(part, true) {
            Owner::Nobody => Owner::Anybody,
            other => other,
        },
        part if is_account_id(part) => Owner::Account(part.to_owned()),
        _ => Owner::Somebody,
    }
}

/// Whether a value is the ARN of a principal.
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
