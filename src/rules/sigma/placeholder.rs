//! `%placeholders%` of rules, filled from the configuration.
//!
//! Sigma's `|expand` leaves values open that differ between organisations. The built-in rules use it for what is one's
//! own; those placeholders are empty unless configured, and then match nothing.

use std::collections::BTreeMap;

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaString, SigmaValue};

use crate::rules::sigma::selector;

/// Values by the name of the placeholder.
pub(in crate::rules) type Placeholders = BTreeMap<String, Vec<String>>;

/// The placeholder whose values are the keys `live-state: exempt-vpc-tags` of the configuration file.
pub const EXEMPT_VPC_TAGS: &str = "exempt_vpc_tags";

/// The placeholders of the built-in rules, and what they stand for.
pub const PLACEHOLDERS: &[(&str, &str)] = &[
    ("own_trails", "names of the trails that feed Trailwarden"),
    ("own_log_groups", "names of the log groups they write to, and of Trailwarden's own"),
    ("own_functions", "names of the functions that evaluate and forward"),
    ("own_topics", "names of the SNS topics that findings go to"),
    ("own_keys", "ids or aliases (`alias/…`) of the KMS keys of trail, log group and topics"),
    ("own_buckets", "names of the buckets the trails write to"),
    ("own_roles", "names of the roles of the trail, the function and its reading of live state"),
    ("own_event_rules", "names of the EventBridge rules of the second path"),
    ("own_alarms", "names of the CloudWatch alarms that watch the deployment"),
    ("own_queues", "names of the SQS queues of the deployment"),
    ("own_schedules", "names of the EventBridge Scheduler schedules of the deployment, and of their groups"),
    ("own_state_machines", "names of the Step Functions state machines of the deployment"),
    ("own_tables", "names of the DynamoDB tables of the deployment"),
    ("own_parameters", "names of the SSM parameters of the deployment"),
    ("own_dashboards", "names of the CloudWatch dashboards of the deployment"),
    ("watched_buckets", "names of the buckets whose writes are reported"),
    (EXEMPT_VPC_TAGS, "keys of the tags by which live state exempts VPCs; filled from `live-state: exempt-vpc-tags`"),
];

/// A placeholder that nothing fills.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::rules) struct Unfilled {
    /// The field that is compared with it.
    pub(in crate::rules) field: String,
    /// Its name.
    pub(in crate::rules) name: String,
}

/// Fills every placeholder of a rule.
///
/// # Errors
/// Each that nothing fills.
pub(in crate::rules) fn fill(sigma: &mut SigmaRule, placeholders: &Placeholders) -> Result<(), Vec<Unfilled>> {
    let mut unfilled = Vec::new();
    let named = &mut sigma.detection.named;
    let names: Vec<String> = selector::by_name(named).into_iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        if let Some(detection) = named.get_mut(&name) {
            fill_detection(detection, placeholders, &mut unfilled);
        }
    }
    if unfilled.is_empty() { Ok(()) } else { Err(unfilled) }
}

/// The names of the placeholders of a rule.
pub(in crate::rules) fn names(sigma: &SigmaRule) -> Vec<String> {
    let mut found = Vec::new();
    sigma.detection.named.values().for_each(|detection| collect(detection, &mut found));
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(detection: &Detection, found: &mut Vec<String>) {
    match detection {
        Detection::AllOf(items) => {
            for item in items.iter().filter(|item| item.field.has_modifier(Modifier::Expand)) {
                let texts = item.values.iter().filter_map(|value| match value {
                    SigmaValue::String(text) => Some(text.original.as_str()),
                    _ => None,
                });
                texts.for_each(|text| collect_names(text, found));
            }
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| collect(part, found)),
        Detection::ArrayMatch { body, .. } => collect(body, found),
        Detection::Conditional { named, .. } => named.values().for_each(|part| collect(part, found)),
        Detection::Keywords(_) => {}
    }
}

/// Adds the names of the placeholders in a text.
pub(in crate::rules) fn collect_names(text: &str, found: &mut Vec<String>) {
    let mut rest = text;
    while let Some((_, name, after)) = placeholder(rest) {
        found.push(name.to_owned());
        rest = after;
    }
}

fn fill_detection(detection: &mut Detection, placeholders: &Placeholders, unfilled: &mut Vec<Unfilled>) {
    match detection {
        Detection::AllOf(items) => items.iter_mut().for_each(|item| fill_item(item, placeholders, unfilled)),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter_mut().for_each(|part| fill_detection(part, placeholders, unfilled));
        }
        Detection::ArrayMatch { body, .. } => fill_detection(body, placeholders, unfilled),
        Detection::Conditional { named, .. } => {
            named.values_mut().for_each(|part| fill_detection(part, placeholders, unfilled));
        }
        Detection::Keywords(_) => {}
    }
}

fn fill_item(item: &mut DetectionItem, placeholders: &Placeholders, unfilled: &mut Vec<Unfilled>) {
    if !item.field.has_modifier(Modifier::Expand) {
        return;
    }
    let mut filled = Vec::new();
    for value in &item.values {
        match value {
            SigmaValue::String(text) => match fillings(&text.original, placeholders) {
                Ok(texts) => filled.extend(texts.iter().map(|text| SigmaValue::String(SigmaString::new(text)))),
                Err(name) => {
                    let field = item.field.name.clone().unwrap_or_default();
                    unfilled.push(Unfilled { field, name });
                }
            },
            other => filled.push(other.clone()),
        }
    }
    item.field.modifiers.retain(|modifier| *modifier != Modifier::Expand);
    item.values = filled;
}

/// A text with each of the values in place of its placeholders; the name of one that nothing fills. What has been filled
/// in is not looked at again.
fn fillings(text: &str, placeholders: &Placeholders) -> Result<Vec<String>, String> {
    let Some((before, name, after)) = placeholder(text) else {
        return Ok(vec![text.to_owned()]);
    };
    let none = Vec::new();
    let known = PLACEHOLDERS.iter().any(|(known, _)| *known == name);
    let values = placeholders.get(name).or(known.then_some(&none)).ok_or_else(|| name.to_owned())?;
    let rests = fillings(after, placeholders)?;
    Ok(values.iter().flat_map(|value| rests.iter().map(move |rest| format!("{before}{value}{rest}"))).collect())
}

/// The first placeholder of a text: what stands before it, its name, what follows.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('%')?;
    let (name, after) = rest.split_once('%')?;
    let is_name = !name.is_empty() && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_' || one == '-');
    is_name.then_some((before, name, after))
}
