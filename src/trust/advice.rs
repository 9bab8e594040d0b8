//! The smallest change that would close the door.

use super::Verdict;
use super::issuer;
use super::principal::Group;
use super::solve::{Way, written};
use crate::policy::{Caller, Policy, Principals, Quantifier, Statement, Test};

/// For principals that are named.
pub(super) fn for_named(verdict: Verdict, group: &Group) -> Option<String> {
    match (verdict, group) {
        (Verdict::External, Group::Foreign(account)) => Some(format!(
            "if account {account} is not meant to be trusted, take it out; if it is a vendor's, ask for the external id it \
             gave you"
        )),
        (Verdict::Undecidable, Group::Unknown(value)) => Some(format!("write the principal {value} as an ARN")),
        _ => None,
    }
}

pub(super) fn undecidable(way: &Way<'_>) -> String {
    match way.clause {
        Some(clause) => format!("name the principals, or use a known condition key in place of {}", clause.key),
        None => "write the statement so that it is understood".to_owned(),
    }
}

/// What keeps guests of a Cognito identity pool out.
fn signed_in(group: &Group) -> String {
    let name = match group {
        Group::Tenants(_, Caller::Federated(name)) => issuer::name_of(name),
        _ => "cognito-identity.amazonaws.com",
    };
    format!("ask for a signed-in user: \"ForAnyValue:StringLike\": {{\"{name}:amr\": \"authenticated\"}}")
}

/// For what lets in too many.
pub(super) fn for_open(
    policy: &Policy,
    place: usize,
    statement: &Statement,
    group: &Group,
    way: &Way<'_>,
    guests: bool,
) -> String {
    let at = format!("in statement {}", place + 1);
    if guests {
        return format!("{at}, {}", signed_in(group));
    }
    if let Group::Tenants(issuer, caller) = group {
        let name = match caller {
            Caller::Federated(name) => issuer::name_of(name),
            Caller::Aws { .. } | Caller::Service(_) => issuer.name,
        };
        let key =
            if issuer.tenancy.contains(':') { issuer.tenancy.to_owned() } else { format!("{name}:{}", issuer.tenancy) };
        let asked = statement.conditions.iter().find(|condition| condition.key.eq_ignore_ascii_case(&key));
        let wanted = format!("\"StringLike\": {{\"{key}\": \"{}\"}}", issuer.example);
        let also = if issuer.has_guests() { format!("; also {}", signed_in(group)) } else { String::new() };
        return match asked {
            Some(condition) => format!("{at}, replace {} by {wanted}{also}", written(condition)),
            None => format!("{at}, add the condition {wanted}{also}"),
        };
    }
    let of_several = if policy.statements.len() > 1 { format!("{at}, ") } else { String::new() };
    match group {
        Group::Everybody(Caller::Service(_), _) => return format!("{of_several}name the services that need the role"),
        Group::Everybody(Caller::Federated(_), _) | Group::InAccount(Caller::Federated(_), _) => {
            return format!("{of_several}name the identity provider, and hold it to your tenant by a condition");
        }
        Group::InAccount(..) => {
            return format!("{of_several}write the names of the roles or users out in full, without wildcards");
        }
        _ => {}
    }
    if let Some(clause) = way.clause.filter(|clause| statement.conditions.iter().any(|one| one == *clause)) {
        let operator = clause.operator;
        let why = match operator {
            _ if operator.if_exists || operator.quantifier == Some(Quantifier::All) => {
                "it also holds for requests without the key"
            }
            _ if operator.negated => "everybody else gets in, also without the key",
            _ if matches!(operator.test, Test::StringLike | Test::Arn)
                && clause.values.iter().any(|value| value.contains(['*', '?'])) =>
            {
                "its wildcards leave open who"
            }
            _ => "anybody can meet it",
        };
        return format!(
            "{at}, name the principals, or replace {} ({why}) by \"StringEquals\": {{\"aws:PrincipalOrgID\": \
             \"ORGANIZATION_ID\"}}",
            written(clause)
        );
    }
    let stars = match &statement.principals {
        Some(Principals::Named(all)) if all.len() > 1 => "take the wildcard out of the list of principals",
        Some(Principals::AllBut(_)) => "replace NotPrincipal by a Principal that names whom you trust",
        _ => "replace the wildcard by the accounts or roles that need it",
    };
    let or = "or add the condition \"StringEquals\": {\"aws:PrincipalOrgID\": \"ORGANIZATION_ID\"}";
    format!("{of_several}{stars}, {or}")
}
