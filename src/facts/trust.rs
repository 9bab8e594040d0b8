//! Whom a role's trust policy lets in.

use std::borrow::Cow;

use super::{Calls, Fact, Origin, calls, object, texts, wire};
use crate::access::{Assessment, Judgement, Role, Verdict, Zone, assess_within};
use crate::event::{Event, Value, scalar_text};
use crate::policy::Policy;

/// What a trust policy comes to.
pub(super) const POLICY: Fact = Fact {
    name: "trust.policy",
    calls: Calls::These(&[(calls::IAM, "CreateRole"), (calls::IAM, "UpdateAssumeRolePolicy")]),
    doc: "Who can assume the role of CreateRole or UpdateAssumeRolePolicy, by its trust policy. `verdict` is that of the \
          worst statement: public (everybody), weak (everybody who meets something that anybody could meet, such as an \
          external id), undecidable (the policy is missing, not understood, or too complex to decide), external \
          (principals of other accounts, organizations or tenants than your own, whether the principal or a condition \
          names them), constrained (everybody by the principal, held by a condition or a Deny statement) or scoped. \
          `statements` has a member for each Allow statement: `verdict`, `statement` (its place, from 1), `sid`, \
          `summary`, `witness` (for public and weak, who would be let in) and `fix` (the smallest change that would do). \
          `accounts` are the accounts let in that are not your own, and unique ids of principals that do not show their \
          account; `organizations` and `tenants` (issuer and tenant) are those not known to be your own; `providers` \
          the identity providers that are not, once some are configured. `zone` is true once \
          anything is configured as your own: `trusted-accounts`, `trusted-organizations`, `trusted-tenants` or \
          `trusted-providers`. `unguarded_services` are the services named without a condition on whose resources they \
          act for. `corrected` is the policy without the worst statements, as JSON, for public, weak and external \
          policies up to 1,000 characters. The policy is judged at the time of the event.",
    origin: Origin::DerivedWithin(policy),
};

/// Where the document stands: the request of either call, else the response, percent-encoded.
const DOCUMENT: [&str; 3] = [
    "requestParameters.assumeRolePolicyDocument",
    "requestParameters.policyDocument",
    "responseElements.role.assumeRolePolicyDocument",
];

/// The verdict on the trust policy in the record, with nothing configured as your own.
pub(super) fn verdict(event: &Event<'_>) -> Verdict {
    let text = DOCUMENT.iter().find_map(|path| document(event, path));
    let told = || wire::live(event)?.get("role")?.text_of("assumeRolePolicyDocument");
    let policy = text.and_then(|text| Policy::parse(&text).ok()).or_else(|| Policy::parse(&told()?).ok());
    policy.map_or(Verdict::Undecidable, |policy| assess_within(&policy, &role(event), &Zone::default()).verdict)
}

/// The role of an event.
pub(super) fn role<'e>(event: &'e Event<'_>) -> Role<'e> {
    Role { account: event.account(), now: event.time(), is_stored: false }
}

fn policy<'e>(event: &'e Event<'_>, zone: &Zone) -> Option<Value<'e>> {
    let written = DOCUMENT.iter().find_map(|path| document(event, path));
    // What is not in the record, or broken there, live state may tell.
    let told = || wire::live(event)?.get("role")?.text_of("assumeRolePolicyDocument");
    let is_whole = |text: &Cow<'_, str>| Policy::parse(text).is_ok();
    let Some(text) = written.clone().filter(is_whole).or_else(told).or(written) else {
        return Some(undecidable(
            "the record has no trust policy; CloudTrail leaves out what is over 100 KB".to_owned(),
        ));
    };
    Some(match Policy::parse(&text) {
        Ok(policy) => assessed(&text, &assess_within(&policy, &role(event), zone), zone),
        Err(error) => undecidable(error.to_string()),
    })
}

/// The document at `path`: text, or the policy itself as an object.
fn document<'e>(event: &'e Event<'_>, path: &str) -> Option<Cow<'e, str>> {
    match event.select(path).into_iter().next()? {
        object @ Value::Object(_) => Some(Cow::Owned(object.to_string())),
        other => scalar_text(other).filter(|text| !text.trim().is_empty()),
    }
}

/// Maximum characters of a corrected policy: longer values are shortened in sentences and commands.
const MAX_CORRECTED: usize = 1_000;

/// The policy without the statements that have its verdict, as JSON. One that admits nobody, if none is left. `None` if the
/// policy lets in nobody but your own, or is too long.
fn corrected(text: &str, assessment: &Assessment) -> Option<String> {
    if !matches!(assessment.verdict, Verdict::External | Verdict::Weak | Verdict::Public) {
        return None;
    }
    let worst = assessment.statements.iter().filter(|one| one.verdict == assessment.verdict);
    let worst: Vec<usize> = worst.map(|one| one.number).collect();
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

pub(super) fn assessed<'e>(text: &str, assessment: &Assessment, zone: &Zone) -> Value<'e> {
    let all = |list: fn(&Judgement) -> &[String]| texts(assessment.statements.iter().flat_map(list).cloned());
    let corrected = corrected(text, assessment).map(|json| ("corrected", Value::from(json)));
    let members = vec![
        ("zone", Value::Bool(!zone.is_empty())),
        ("organizations", all(|one| &one.organizations)),
        ("tenants", all(|one| &one.tenants)),
        ("providers", all(|one| &one.providers)),
        ("verdict", Value::from(assessment.verdict.as_str())),
        ("statements", Value::Array(assessment.statements.iter().map(judged).collect())),
        ("accounts", all(|one| &one.accounts)),
        ("unguarded_services", all(|one| &one.unguarded_services)),
    ];
    object(members.into_iter().chain(corrected))
}

fn judged<'e>(judgement: &Judgement) -> Value<'e> {
    let number = u64::try_from(judgement.number).unwrap_or(u64::MAX);
    let mut members = vec![
        ("verdict", Value::from(judgement.verdict.as_str())),
        ("statement", Value::from(number)),
        ("summary", Value::from(judgement.sentence())),
    ];
    let witness = judgement.witness.as_ref().map(|witness| witness.summary.clone());
    for (name, text) in [("sid", judgement.sid.clone()), ("witness", witness), ("fix", judgement.fix.clone())] {
        if let Some(text) = text {
            members.push((name, Value::from(text)));
        }
    }
    object(members)
}

fn undecidable<'e>(why: String) -> Value<'e> {
    let verdict = || Value::from(Verdict::Undecidable.as_str());
    let statement = object(vec![("verdict", verdict()), ("summary", Value::from(why))]);
    object(vec![("verdict", verdict()), ("statements", Value::Array(vec![statement]))])
}
