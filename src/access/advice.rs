//! The smallest change that fixes a statement, in words.

use super::Verdict;
use super::issuer;
use super::principal::{PrincipalGroup, is_unique_id};
use super::solve::{NamedParties, Solution, describe};
use crate::policy::{Caller, Policy, Principals, Quantifier, Statement, Test};

/// The fix for a principal that names one party.
pub(super) fn for_named(verdict: Verdict, group: &PrincipalGroup) -> Option<String> {
    match (verdict, group) {
        (Verdict::External, PrincipalGroup::Foreign(id, _)) if is_unique_id(id) => {
            Some(format!("find the owner of the unique id {id}, and replace it by an ARN or remove it"))
        }
        (Verdict::External, PrincipalGroup::Foreign(account, _)) => Some(format!(
            "if you do not trust account {account}, remove it; if it is a vendor's, require the external id that the vendor \
             gave you"
        )),
        (Verdict::External, PrincipalGroup::Provider(value)) => Some(format!(
            "if the identity provider {} is yours, list it under `trusted-providers`; otherwise remove it",
            issuer::name_of(value)
        )),
        (Verdict::External, PrincipalGroup::Service(_, name)) => Some(format!(
            "let {name} act only for your own account: \"StringEquals\": {{\"aws:SourceAccount\": \"ACCOUNT\"}}"
        )),
        (Verdict::Undecidable, PrincipalGroup::Unknown(value)) => {
            Some(format!("write the principal {value} as an ARN"))
        }
        _ => None,
    }
}

/// The fix for external parties that conditions name.
pub(super) fn for_others(named: &NamedParties) -> String {
    let settings = [
        (&named.accounts, "trusted-accounts"),
        (&named.organizations, "trusted-organizations"),
        (&named.tenants, "trusted-tenants"),
    ];
    let settings: Vec<String> =
        settings.into_iter().filter(|(all, _)| !all.is_empty()).map(|(_, key)| format!("`{key}`")).collect();
    format!("remove those that you do not trust; list your own under {}", settings.join(" and "))
}

pub(super) fn undecidable(solution: &Solution<'_>) -> String {
    match solution.clause {
        Some(clause) => format!("name the principals, or replace {} by a known condition key", clause.key),
        None => "rewrite the statement in a valid form".to_owned(),
    }
}

/// The condition that excludes guests of a Cognito identity pool.
fn signed_in(group: &PrincipalGroup) -> String {
    let name = match group {
        PrincipalGroup::Tenants(_, Caller::Federated(name)) => issuer::name_of(name),
        _ => "cognito-identity.amazonaws.com",
    };
    format!("require a signed-in user: \"ForAnyValue:StringLike\": {{\"{name}:amr\": \"authenticated\"}}")
}

/// The fix for a principal that admits outsiders.
pub(super) fn for_open(
    policy: &Policy,
    index: usize,
    statement: &Statement,
    group: &PrincipalGroup,
    solution: &Solution<'_>,
    admits_guests: bool,
) -> String {
    let at = format!("in statement {}", index + 1);
    if admits_guests {
        return format!("{at}, {}", signed_in(group));
    }
    if let PrincipalGroup::Tenants(issuer, caller) = group {
        let name = match caller {
            Caller::Federated(name) => issuer::name_of(name),
            Caller::Aws { .. } | Caller::Service(_) => &issuer.name,
        };
        let examples = issuer.example.iter().map(|(claim, values)| {
            let key = if claim.contains(':') { claim.clone() } else { format!("{name}:{claim}") };
            let values: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
            let values =
                if let [value] = values.as_slice() { value.clone() } else { format!("[{}]", values.join(", ")) };
            (format!("\"StringLike\": {{\"{key}\": {values}}}"), key)
        });
        let Some((example, key)) = examples.into_iter().next() else { return format!("{at}, fix the tenant") };
        let existing = statement.conditions.iter().find(|condition| condition.key.eq_ignore_ascii_case(&key));
        let also = match (issuer.has_guests, issuer.is_unlisted) {
            (true, _) => format!("; also {}", signed_in(group)),
            (_, true) => format!("; if only you use the provider, list {name} under `trusted-providers`"),
            _ => String::new(),
        };
        return match existing {
            Some(condition) => format!("{at}, replace {} by {example}{also}", describe(condition)),
            None => format!("{at}, add the condition {example}{also}"),
        };
    }
    let of_several = if policy.statements.len() > 1 { format!("{at}, ") } else { String::new() };
    match group {
        PrincipalGroup::Everybody(Caller::Service(_), _) => {
            return format!("{of_several}name the services that need the role");
        }
        PrincipalGroup::Everybody(Caller::Federated(_), _) | PrincipalGroup::InAccount(Caller::Federated(_), _) => {
            return format!("{of_several}name the identity provider, and limit it to your tenant by a condition");
        }
        PrincipalGroup::InAccount(..) => {
            return format!("{of_several}replace the wildcards by the full names of the roles or users");
        }
        _ => {}
    }
    if let Some(clause) =
        solution.clause.filter(|clause| statement.conditions.iter().any(|condition| condition == *clause))
    {
        let operator = clause.operator;
        let why = match operator {
            _ if operator.if_exists || operator.quantifier == Some(Quantifier::All) => {
                "requests without the key meet it too"
            }
            _ if operator.negated => "everybody else meets it, also without the key",
            _ if matches!(operator.test, Test::StringLike | Test::Arn)
                && clause.values.iter().any(|value| value.contains(['*', '?'])) =>
            {
                "its wildcards match outsiders"
            }
            _ => "anybody can meet it",
        };
        return format!(
            "{at}, name the principals, or replace {} ({why}) by \"StringEquals\": {{\"aws:PrincipalOrgID\": \
             \"ORGANIZATION_ID\"}}",
            describe(clause)
        );
    }
    let change = match &statement.principals {
        Some(Principals::Named(all)) if all.len() > 1 => "remove the wildcard from the list of principals",
        Some(Principals::AllBut(_)) => "replace NotPrincipal by a Principal that names the parties that you trust",
        _ => "replace the wildcard by the accounts or roles that need it",
    };
    let or = "or add the condition \"StringEquals\": {\"aws:PrincipalOrgID\": \"ORGANIZATION_ID\"}";
    format!("{of_several}{change}, {or}")
}
