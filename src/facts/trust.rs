//! The assessment of a role's trust policy.

use std::borrow::Cow;

use super::{Calls, Derivation, Fact, calls, object, texts, wire};
use crate::access::{Assessment, Role, StatementAssessment, Verdict, Zone, assess_within};
use crate::event::{Event, Value, scalar_text};
use crate::policy::Policy;

/// The assessment of a trust policy.
pub(super) const POLICY: Fact = Fact {
    name: "trust.policy",
    calls: Calls::These(&[(calls::IAM, "CreateRole"), (calls::IAM, "UpdateAssumeRolePolicy")]),
    doc: "Who can assume the role of CreateRole or UpdateAssumeRolePolicy, by its trust policy. `verdict` is the verdict of \
          the most severe statement: public (everybody), weak (everybody who meets a condition that anybody could meet, \
          such as an external id), undecidable (the policy is missing, not understood, or too complex to decide), external \
          (principals of accounts, organizations or tenants that are not your own, named by the principal or by a \
          condition), constrained (the principal admits everybody, but a condition or a Deny statement limits access) or \
          scoped. `statements` has an element for each Allow statement: `verdict`, `statement` (its number, from 1), `sid`, \
          `summary`, `witness` (for public and weak: an outsider who has access) and `fix` (the smallest change that fixes \
          it). `accounts` are accounts with access that are not your own, and unique ids of principals that do not show \
          their account. `organizations` and `tenants` (issuer and tenant) are those not known to be your own. `providers` \
          are identity providers that are not your own, if any of your own are configured. `zone` is true if \
          `trusted-accounts`, `trusted-organizations`, `trusted-tenants` or `trusted-providers` is configured. \
          `unguarded_services` are services that are named without a condition that limits the resources for which they \
          act. `corrected` is the policy without the most severe statements, as JSON, for public, weak and external policies \
          up to 1,000 characters. The policy is assessed as of the time of the event.",
    derivation: Derivation::FromRecordAndZone(policy),
};

/// Paths of the document: in the request of either call, or percent-encoded in the response.
const DOCUMENT_PATHS: [&str; 3] = [
    "requestParameters.assumeRolePolicyDocument",
    "requestParameters.policyDocument",
    "responseElements.role.assumeRolePolicyDocument",
];

/// The verdict on the trust policy in the record, with an empty zone of trust.
pub(super) fn verdict(event: &Event<'_>) -> Verdict {
    let text = DOCUMENT_PATHS.iter().find_map(|path| document(event, path));
    let in_live_state = || Policy::parse(&document_in_live_state(event)?).ok();
    let policy = text.and_then(|text| Policy::parse(&text).ok()).or_else(in_live_state);
    policy.map_or(Verdict::Undecidable, |policy| assess_within(&policy, &role(event), &Zone::default()).verdict)
}

/// The role of an event.
pub(super) fn role<'e>(event: &'e Event<'_>) -> Role<'e> {
    Role { account: event.account(), now: event.time(), is_stored: false }
}

fn policy<'e>(event: &'e Event<'_>, zone: &Zone) -> Option<Value<'e>> {
    let written = DOCUMENT_PATHS.iter().find_map(|path| document(event, path));
    let is_valid = |text: &Cow<'_, str>| Policy::parse(text).is_ok();
    let Some(text) = written.clone().filter(is_valid).or_else(|| document_in_live_state(event)).or(written) else {
        return Some(undecidable("the record has no trust policy; CloudTrail omits parameters over 100 KB".to_owned()));
    };
    Some(match Policy::parse(&text) {
        Ok(policy) => assessed(&text, &assess_within(&policy, &role(event), zone), zone),
        Err(error) => undecidable(error.to_string()),
    })
}

/// The trust policy in live state, for records in which it is missing or invalid.
fn document_in_live_state<'e>(event: &'e Event<'_>) -> Option<Cow<'e, str>> {
    wire::live(event)?.get("role")?.text_of("assumeRolePolicyDocument")
}

/// The document at `path`: a string, or the policy itself as an object.
fn document<'e>(event: &'e Event<'_>, path: &str) -> Option<Cow<'e, str>> {
    match event.select(path).into_iter().next()? {
        object @ Value::Object(_) => Some(Cow::Owned(object.to_string())),
        other => scalar_text(other).filter(|text| !text.trim().is_empty()),
    }
}

/// Maximum characters of a corrected policy: longer values are shortened in sentences and commands.
const MAX_CORRECTED: usize = 1_000;

/// The policy without the statements that have its verdict, as JSON. If none is left, a policy that denies everybody. `None`
/// if the policy admits only your own principals, or is too long.
fn corrected(text: &str, assessment: &Assessment) -> Option<String> {
    if !matches!(assessment.verdict, Verdict::External | Verdict::Weak | Verdict::Public) {
        return None;
    }
    let worst = assessment.statements.iter().filter(|statement| statement.verdict == assessment.verdict);
    let worst: Vec<usize> = worst.map(|statement| statement.number).collect();
    let mut policy: serde_json::Value = serde_json::from_str(text).ok()?;
    let statements = policy.as_object_mut()?.get_mut("Statement")?;
    let mut kept = match statements.take() {
        serde_json::Value::Array(all) => all,
        one => vec![one],
    };
    let mut number = 0..;
    kept.retain(|_| number.next().is_some_and(|number| !worst.contains(&(number + 1))));
    if kept.is_empty() {
        kept.push(serde_json::json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}));
    }
    *statements = kept.into();
    let json = policy.to_string();
    (json.chars().count() <= MAX_CORRECTED).then_some(json)
}

/// The members of an assessment as a value. `text` is the policy.
pub(super) fn assessed<'e>(text: &str, assessment: &Assessment, zone: &Zone) -> Value<'e> {
    let all = |list: fn(&StatementAssessment) -> &[String]| texts(assessment.statements.iter().flat_map(list).cloned());
    let corrected = corrected(text, assessment).map(|json| ("corrected", Value::from(json)));
    let members = vec![
        ("zone", Value::Bool(!zone.is_empty())),
        ("organizations", all(|statement| &statement.organizations)),
        ("tenants", all(|statement| &statement.tenants)),
        ("providers", all(|statement| &statement.providers)),
        ("verdict", Value::from(assessment.verdict.as_str())),
        ("statements", Value::Array(assessment.statements.iter().map(statement).collect())),
        ("accounts", all(|statement| &statement.accounts)),
        ("unguarded_services", all(|statement| &statement.unguarded_services)),
    ];
    object(members.into_iter().chain(corrected))
}

fn statement<'e>(assessment: &StatementAssessment) -> Value<'e> {
    let number = u64::try_from(assessment.number).unwrap_or(u64::MAX);
    let mut members = vec![
        ("verdict", Value::from(assessment.verdict.as_str())),
        ("statement", Value::from(number)),
        ("summary", Value::from(assessment.sentence())),
    ];
    let witness = assessment.witness.as_ref().map(|witness| witness.summary.clone());
    for (name, text) in [("sid", assessment.sid.clone()), ("witness", witness), ("fix", assessment.fix.clone())] {
        if let Some(text) = text {
            members.push((name, Value::from(text)));
        }
    }
    object(members)
}

fn undecidable<'e>(reason: String) -> Value<'e> {
    let verdict = || Value::from(Verdict::Undecidable.as_str());
    let statement = object(vec![("verdict", verdict()), ("summary", Value::from(reason))]);
    object(vec![("verdict", verdict()), ("statements", Value::Array(vec![statement]))])
}
