//! Conditions that refer to missing detections, and conditions that no record can meet.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SelectorPattern, SigmaRule, SigmaValue,
};

use crate::event::schema::{RECORD, Shape, resolve};
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::load::yaml;

/// Returns an error for each name in a condition that is not a detection.
pub(in crate::rules) fn unknown(sigma: &SigmaRule, text: &str) -> Vec<Reason> {
    let detections = &sigma.detection;
    let mut names = ReferencedNames::default();
    detections.conditions.iter().for_each(|condition| names.collect(condition));
    let known = detection_names(detections);
    let unknown = names.identifiers.iter().filter(|name| !detections.named.contains_key(**name));
    let reasons = unknown.map(|name| {
        let advice = match did_you_mean(name, &known) {
            near if near.is_empty() => format!("; its detections are {}", known.join(", ")),
            near => near,
        };
        Reason::error(format!("its condition names `{name}`, which is not one of its detections{advice}"))
    });
    reasons.map(|reason| on_condition(reason, text)).collect()
}

/// Returns a warning for each detection that no condition uses, and for each pattern that selects no detection. `also_used`
/// are detections that variants refer to.
pub(in crate::rules) fn unused(detections: &Detections, text: &str, also_used: &[&str]) -> Vec<Reason> {
    let mut names = ReferencedNames::default();
    detections.conditions.iter().for_each(|condition| names.collect(condition));
    let known = detection_names(detections);
    let mut reasons = Vec::new();
    for pattern in
        names.patterns.iter().filter(|pattern| !known.iter().any(|name| pattern.matches_detection_name(name)))
    {
        let near = match pattern {
            SelectorPattern::Pattern(pattern) => did_you_mean(pattern.trim_end_matches('*'), &known),
            SelectorPattern::Them => String::new(),
        };
        let reason =
            Reason::warning(format!("its condition names `{pattern}`, which is not one of its detections{near}"));
        reasons.push(on_condition(reason, text));
    }
    let is_used = |name: &str| {
        names.identifiers.contains(name)
            || also_used.contains(&name)
            // By convention, such a name only holds YAML anchors.
            || name.starts_with('_')
            || names.patterns.iter().any(|pattern| pattern.matches_detection_name(name))
    };
    let lines = yaml::documents(text);
    for name in known.iter().filter(|name| !is_used(name)) {
        let line = ["detection", "filter"].into_iter().find_map(|part| yaml::line_of(&lines, &[part, name]));
        let reason = Reason::warning(format!("the condition does not use the detection `{name}`"));
        reasons.push(reason.on_or_at(line, *name));
    }
    reasons
}

/// Returns a warning for each condition that obviously no record can meet.
pub(in crate::rules) fn contradictions(detections: &Detections, text: &str) -> Vec<Reason> {
    let contradictions = detections.conditions.iter().filter_map(|condition| contradiction(condition, detections));
    let reasons = contradictions.map(|text| Reason::warning(format!("it can never match: {text}")));
    reasons.map(|reason| on_condition(reason, text)).collect()
}

fn on_condition(reason: Reason, text: &str) -> Reason {
    let lines = yaml::documents(text);
    let line = ["detection", "filter"].into_iter().find_map(|part| yaml::line_of(&lines, &[part, "condition"]));
    reason.on_or_at(line, "condition")
}

/// Returns the names of the detections, in order.
fn detection_names(detections: &Detections) -> Vec<&str> {
    let names: BTreeSet<&str> = detections.named.keys().map(String::as_str).collect();
    names.into_iter().collect()
}

/// The names and patterns in conditions.
#[derive(Default)]
struct ReferencedNames<'c> {
    identifiers: BTreeSet<&'c str>,
    patterns: Vec<&'c SelectorPattern>,
}

impl<'c> ReferencedNames<'c> {
    fn collect(&mut self, condition: &'c ConditionExpr) {
        match condition {
            ConditionExpr::And(parts) | ConditionExpr::Or(parts) => parts.iter().for_each(|part| self.collect(part)),
            ConditionExpr::Not(part) => self.collect(part),
            ConditionExpr::Identifier(name) => {
                self.identifiers.insert(name);
            }
            ConditionExpr::Selector { pattern, .. } => self.patterns.push(pattern),
        }
    }
}

/// The detections that must hold for a condition to hold, and those that must not.
#[derive(Default)]
struct RequiredDetections<'d> {
    required: Vec<(&'d str, &'d Detection)>,
    excluded: Vec<(&'d str, &'d Detection)>,
}

impl<'d> RequiredDetections<'d> {
    fn collect(&mut self, condition: &ConditionExpr, detections: &'d Detections, holds: bool) {
        match condition {
            ConditionExpr::And(parts) if holds => parts.iter().for_each(|part| self.collect(part, detections, holds)),
            ConditionExpr::Or(parts) if !holds => parts.iter().for_each(|part| self.collect(part, detections, holds)),
            ConditionExpr::And(_) | ConditionExpr::Or(_) => {}
            ConditionExpr::Not(part) => self.collect(part, detections, !holds),
            ConditionExpr::Identifier(name) => {
                self.add(detections.named.get_key_value(name).into_iter(), holds);
            }
            ConditionExpr::Selector { quantifier, pattern } => {
                let named = detections.named.iter();
                let selected: Vec<_> = named.filter(|(name, _)| pattern.matches_detection_name(name)).collect();
                let is_each = match (quantifier, holds) {
                    (Quantifier::All, true) | (Quantifier::Any | Quantifier::Count(1), false) => true,
                    _ => selected.len() == 1 && !matches!(quantifier, Quantifier::Count(0)),
                };
                if is_each {
                    self.add(selected.into_iter(), holds);
                }
            }
        }
    }

    fn add(&mut self, detections: impl Iterator<Item = (&'d String, &'d Detection)>, holds: bool) {
        let list = if holds { &mut self.required } else { &mut self.excluded };
        list.extend(detections.map(|(name, detection)| (name.as_str(), detection)));
    }
}

/// Returns the reason why no record can meet a condition, if one is obvious.
fn contradiction(condition: &ConditionExpr, detections: &Detections) -> Option<String> {
    if let ConditionExpr::Or(parts) = condition {
        let contradictions: Option<Vec<String>> = parts.iter().map(|part| contradiction(part, detections)).collect();
        return contradictions.and_then(|contradictions| contradictions.into_iter().next());
    }
    let mut parts = RequiredDetections::default();
    parts.collect(condition, detections, true);
    let items: Vec<&DetectionItem> = parts.required.iter().flat_map(|(_, detection)| items(detection)).collect();
    for (index, item) in items.iter().enumerate() {
        let others = items.iter().skip(index + 1).filter(|other| other.field.name == item.field.name);
        for (left, right) in others.filter_map(|other| Some((allowed_values(item)?, allowed_values(other)?))) {
            if left.keys().all(|value| !right.contains_key(value)) {
                let field = item.field.name.as_deref().unwrap_or_default();
                let shown = |values: &BTreeMap<String, String>| {
                    let quoted: Vec<String> = values.values().map(|value| format!("`{value}`")).collect();
                    quoted.join(" or ")
                };
                return Some(format!("`{field}` would have to be {} and {} at once", shown(&left), shown(&right)));
            }
        }
    }
    let excluded = parts.excluded.iter().find(|(name, detection)| {
        let excluded = if let Detection::AllOf(items) = detection { items.as_slice() } else { &[] };
        parts.required.iter().any(|(required, _)| required == name)
            || (!excluded.is_empty() && excluded.iter().all(|other| items.iter().any(|item| implies(item, other))))
    });
    excluded.map(|(name, _)| format!("`not {name}` excludes everything that the rest of the condition matches"))
}

/// Returns the items that all hold if a detection does.
fn items(detection: &Detection) -> Vec<&DetectionItem> {
    match detection {
        Detection::AllOf(items) => items.iter().collect(),
        Detection::And(parts) => parts.iter().flat_map(items).collect(),
        Detection::AnyOf(parts) if parts.len() == 1 => parts.iter().flat_map(items).collect(),
        Detection::AnyOf(_) | Detection::Keywords(_) | Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            Vec::new()
        }
    }
}

/// Returns the values to which an item restricts a field that has a single value in each record: by their lower-case form,
/// as written.
fn allowed_values(item: &DetectionItem) -> Option<BTreeMap<String, String>> {
    let field = item.field.name.as_deref()?;
    let has_one_value = matches!(resolve(RECORD, field), Ok(Shape::Scalar)) && !field.starts_with("resources");
    if !has_one_value || !item.field.modifiers.iter().all(|modifier| *modifier == Modifier::Cased) {
        return None;
    }
    let value = |value: &SigmaValue| match value {
        SigmaValue::String(text) if text.contains_wildcards() => None,
        SigmaValue::String(text) => Some((text.original.to_lowercase(), text.original.clone())),
        SigmaValue::Bool(flag) => Some((flag.to_string(), flag.to_string())),
        // Numbers match by value, however they are written.
        SigmaValue::Integer(_) | SigmaValue::Float(_) => None,
        SigmaValue::Null => Some((String::new(), "null".to_owned())),
    };
    item.values.iter().map(value).collect()
}

/// Whether `other` holds whenever `item` does.
fn implies(item: &DetectionItem, other: &DetectionItem) -> bool {
    let is_plain = |modifier: &Modifier| ![Modifier::All, Modifier::Neq].contains(modifier);
    item.field.name == other.field.name
        && item.field.modifiers == other.field.modifiers
        && item.field.modifiers.iter().all(is_plain)
        && !item.values.is_empty()
        && item.values.iter().all(|value| other.values.contains(value))
}
