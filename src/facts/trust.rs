//! Whom a role's trust policy lets in.

use super::{Calls, Fact, Origin, object};
use crate::event::{Event, Value};
use crate::policy::{Effect, Policy, Principals, Statement};

const IAM: &str = "iam.amazonaws.com";

/// The calls that let somebody assume a role. Tagging a session alone does not.
const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"];

/// What a trust policy grants, statement by statement.
pub(super) const GRANTS: Fact = Fact {
    name: "trust.grants",
    doc: "What the trust policy of CreateRole or UpdateAssumeRolePolicy grants: a list with one member for each \
          statement that lets somebody assume the role, with `verdict` (public: a plain `*` principal without a \
          condition; undecidable: a plain `*` that a condition or a Deny statement may hold, another wildcard, \
          NotPrincipal, or a policy that is missing or not understood; named: anybody less), `statement` (its place \
          in the policy, from 1), `sid`, and `summary` (in words).",
    calls: Calls::These(&[(IAM, "CreateRole"), (IAM, "UpdateAssumeRolePolicy")]),
    origin: Origin::Derived(grants),
};

/// Where the document stands: the request of either call, else the response, percent-encoded.
const DOCUMENT: [&str; 3] = [
    "requestParameters.assumeRolePolicyDocument",
    "requestParameters.policyDocument",
    "responseElements.role.assumeRolePolicyDocument",
];

fn grants<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let Some(text) = DOCUMENT.iter().find_map(|path| event.text(path)) else {
        return Some(undecidable("the record has no trust policy; CloudTrail omits parameters over 100 KB".to_owned()));
    };
    let policy = match Policy::parse(&text) {
        Ok(policy) => policy,
        Err(error) => return Some(undecidable(error.to_string())),
    };
    let denies =
        policy.statements.iter().any(|statement| statement.effect == Effect::Deny && is_about_assuming(statement));
    let grants = policy.statements.iter().enumerate();
    let grants: Vec<Value<'e>> = grants.filter_map(|(place, statement)| grant(place, statement, denies)).collect();
    if grants.is_empty() { None } else { Some(Value::Array(grants)) }
}

/// Whether a statement is about assuming the role.
fn is_about_assuming(statement: &Statement) -> bool {
    ASSUME.iter().any(|action| statement.actions.cover(action))
}

fn grant<'e>(place: usize, statement: &Statement, denies: bool) -> Option<Value<'e>> {
    if statement.effect != Effect::Allow || !is_about_assuming(statement) {
        return None;
    }
    let principals = statement.principals.as_ref();
    let star = principals.is_some_and(Principals::has_plain_star);
    let (verdict, whom) = match (star, statement.condition.is_empty(), denies) {
        (true, true, false) => ("public", "any principal of any AWS account, without a condition"),
        (true, true, true) => ("undecidable", "any principal of any AWS account that no Deny statement keeps out"),
        (true, false, _) => ("undecidable", "any principal of any AWS account that meets its condition"),
        (false, ..) if principals.is_none_or(Principals::is_open_ended) => {
            ("undecidable", "principals that it does not name in full")
        }
        (false, ..) => ("named", "the principals it names"),
    };
    let number = place + 1;
    let name = match &statement.sid {
        Some(sid) => format!("statement {number} ({sid})"),
        None => format!("statement {number}"),
    };
    let mut members = vec![
        ("verdict", Value::from(verdict)),
        ("statement", Value::from(u64::try_from(number).unwrap_or(u64::MAX))),
        ("summary", Value::from(format!("{name} admits {whom}"))),
    ];
    if let Some(sid) = &statement.sid {
        members.push(("sid", Value::from(sid.clone())));
    }
    Some(object(members))
}

fn undecidable<'e>(why: String) -> Value<'e> {
    Value::Array(vec![object(vec![("verdict", Value::from("undecidable")), ("summary", Value::from(why))])])
}
