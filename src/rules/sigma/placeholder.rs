//! The `%placeholders%` of rules, which the configuration fills.
//!
//! Sigma's modifier `|expand` is for values that differ between organisations. The built-in rules use it for your own
//! resources. Their placeholders are empty by default, and an empty placeholder matches nothing.

use std::collections::BTreeMap;

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaString, SigmaValue};

use crate::rules::sigma::selector;

/// Values by the name of the placeholder.
pub(in crate::rules) type Placeholders = BTreeMap<String, Vec<String>>;

/// The placeholder whose values are the keys `live-state: exempt-vpc-tags` of the configuration file.
pub const EXEMPT_VPC_TAGS: &str = "exempt_vpc_tags";

/// The placeholders of the built-in rules, and descriptions of their values.
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

/// A placeholder without configured values.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::rules) struct UnknownPlaceholder {
    /// The field that is compared with the placeholder.
    pub(in crate::rules) field: String,
    /// The name of the placeholder.
    pub(in crate::rules) name: String,
}

/// Fills every placeholder of a rule.
///
/// # Errors
/// Returns each placeholder that is not configured and not one of [`PLACEHOLDERS`].
pub(in crate::rules) fn fill(
    sigma: &mut SigmaRule,
    placeholders: &Placeholders,
) -> Result<(), Vec<UnknownPlaceholder>> {
    let mut unknown = Vec::new();
    let named = &mut sigma.detection.named;
    let names: Vec<String> = selector::by_name(named).into_iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        if let Some(detection) = named.get_mut(&name) {
            fill_detection(detection, placeholders, &mut unknown);
        }
    }
    if unknown.is_empty() { Ok(()) } else { Err(unknown) }
}

/// Returns the names of the placeholders of a rule, sorted.
pub(in crate::rules) fn names(sigma: &SigmaRule) -> Vec<String> {
    let mut found = Vec::new();
    sigma.detection.named.values().for_each(|detection| collect_from(detection, &mut found));
    found.sort_unstable();
    found.dedup();
    found
}

fn collect_from(detection: &Detection, found: &mut Vec<String>) {
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
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| collect_from(part, found)),
        Detection::ArrayMatch { body, .. } => collect_from(body, found),
        Detection::Conditional { named, .. } => named.values().for_each(|part| collect_from(part, found)),
        Detection::Keywords(_) => {}
    }
}

/// Adds the names of the placeholders in a string.
pub(in crate::rules) fn collect_names(text: &str, found: &mut Vec<String>) {
    let mut rest = text;
    while let Some((_, name, after)) = placeholder(rest) {
        found.push(name.to_owned());
        rest = after;
    }
}

fn fill_detection(detection: &mut Detection, placeholders: &Placeholders, unknown: &mut Vec<UnknownPlaceholder>) {
    match detection {
        Detection::AllOf(items) => items.iter_mut().for_each(|item| fill_item(item, placeholders, unknown)),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter_mut().for_each(|part| fill_detection(part, placeholders, unknown));
        }
        Detection::ArrayMatch { body, .. } => fill_detection(body, placeholders, unknown),
        Detection::Conditional { named, .. } => {
            named.values_mut().for_each(|part| fill_detection(part, placeholders, unknown));
        }
        Detection::Keywords(_) => {}
    }
}

fn fill_item(item: &mut DetectionItem, placeholders: &Placeholders, unknown: &mut Vec<UnknownPlaceholder>) {
    if !item.field.has_modifier(Modifier::Expand) {
        return;
    }
    let mut filled = Vec::new();
    for value in &item.values {
        match value {
            SigmaValue::String(text) => match expansions(&text.original, placeholders) {
                Ok(texts) => filled.extend(texts.iter().map(|text| SigmaValue::String(SigmaString::new(text)))),
                Err(name) => {
                    let field = item.field.name.clone().unwrap_or_default();
                    unknown.push(UnknownPlaceholder { field, name });
                }
            },
            other => filled.push(other.clone()),
        }
    }
    item.field.modifiers.retain(|modifier| *modifier != Modifier::Expand);
    item.values = filled;
}

/// Returns a string with each combination of values for its placeholders. Values are not expanded again.
///
/// # Errors
/// Returns the name of a placeholder that is not configured and not one of [`PLACEHOLDERS`].
fn expansions(text: &str, placeholders: &Placeholders) -> Result<Vec<String>, String> {
    let Some((before, name, after)) = placeholder(text) else {
        return Ok(vec![text.to_owned()]);
    };
    let no_values = Vec::new();
    let is_built_in = PLACEHOLDERS.iter().any(|(known, _)| *known == name);
    let values = placeholders.get(name).or(is_built_in.then_some(&no_values)).ok_or_else(|| name.to_owned())?;
    let suffixes = expansions(after, placeholders)?;
    Ok(values.iter().flat_map(|value| suffixes.iter().map(move |suffix| format!("{before}{value}{suffix}"))).collect())
}

/// Splits a string at its first placeholder: the text before it, its name, and the text after it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('%')?;
    let (name, after) = rest.split_once('%')?;
    let is_name = !name.is_empty()
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_' || character == '-');
    is_name.then_some((before, name, after))
}
