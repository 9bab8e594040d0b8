//! The smallest change that would close the door.

use super::Verdict;
use super::issuer;
use super::principal::{Group, is_unique_id};
use super::solve::{Named, Way, written};
use crate::policy::{Caller, Policy, Principals, Quantifier, Statement, Test};

/// For principals that are named.
pub(super) fn for_named(verdict: Verdict, group: &Group) -> Option<String> {
    match (verdict, group) {
        (Verdict::External, Group::Foreign(id, _)) if is_unique_id(id) => {
            Some(format!("find out whose the unique id {id} is, and name its ARN or take it out"))
        }
        (Verdict::External, Group::Foreign(account, _)) => Some(format!(
            "if account {account} is not meant to be trusted, take it out; if it is a vendor's, ask for the external id it \
             gave you"
        )),
        (Verdict::External, Group::Provider(value)) => Some(format!(
            "if the identity provider {} is yours, list it under `trusted-providers`; otherwise take it out",
            issuer::name_of(value)
        )),
        (Verdict::External, Group::Service(_, name)) => Some(format!(
            "let {name} act for your own account alone: \"StringEquals\": {{\"aws:SourceAccount\": \"ACCOUNT\"}}"
        )),
        (Verdict::Undecidable, Group::Unknown(value)) => Some(format!("write the principal {value} as an ARN")),
        _ => None,
    }
}

/// For accounts, organizations and tenants that conditions name.
pub(super) fn for_others(named: &Named) -> String {
    let settings = [
        (&named.accounts, "trusted-accounts"),
        (&named.organizations, "trusted-organizations"),
        (&named.tenants, "trusted-tenants"),
    ];
    let settings: Vec<String> =
        settings.into_iter().filter(|(all, _)| !all.is_empty()).map(|(_, key)| format!("`{key}`")).collect();
    format!("take out whom you do not mean to trust; list your own under {}", settings.join(" and "))
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
            Caller::Aws { .. } | Caller::Service(_) => &issuer.name,
        };
        let examples = issuer.example.iter().map(|(claim, values)| {
            let key = if claim.contains(':') { claim.clone() } else { format!("{name}:{claim}") };
            let values: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
            let values = if let [one] = values.as_slice() { one.clone() } else { format!("[{}]", values.join(", ")) };
            (format!("\"StringLike\": {{\"{key}\": {values}}}"), key)
        });
        let Some((wanted, key)) = examples.into_iter().next() else { return format!("{at}, fix the tenant") };
        let asked = statement.conditions.iter().find(|condition| condition.key.eq_ignore_ascii_case(&key));
        let also = match (issuer.guests, issuer.is_unlisted) {
            (true, _) => format!("; also {}", signed_in(group)),
            (_, true) => format!("; is the provider yours alone? Then list {name} under `trusted-providers`"),
            _ => String::new(),
        };
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
