//! Conditions that name what is not there, and conditions that no record can meet.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SelectorPattern, SigmaRule, SigmaValue,
    detection_name_matches,
};

use crate::event::schema::{RECORD, Shape, resolve};
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::load::yaml;

/// An error for each name in a condition that is no detection.
pub(in crate::rules) fn unknown(sigma: &SigmaRule, text: &str) -> Vec<Reason> {
    let detections = &sigma.detection;
    let mut names = Names::default();
    detections.conditions.iter().for_each(|condition| names.collect(condition));
    let known = known(detections);
    let unknown = names.identifiers.iter().filter(|name| !detections.named.contains_key(**name));
    let reasons = unknown.map(|name| {
        let advice = match did_you_mean(name, &known) {
            near if near.is_empty() => format!("; its detections are {}", known.join(", ")),
            near => near,
        };
        Reason::error(format!("its condition names `{name}`, which is none of its detections{advice}"))
    });
    reasons.map(|reason| on_condition(reason, text)).collect()
}

/// A warning for each detection that no condition uses, and for each pattern of a condition that means none. `also_used`
/// are detections that something else refers to.
pub(in crate::rules) fn unused(detections: &Detections, text: &str, also_used: &[&str]) -> Vec<Reason> {
    let mut names = Names::default();
    detections.conditions.iter().for_each(|condition| names.collect(condition));
    let known = known(detections);
    let mut reasons = Vec::new();
    for pattern in names.patterns.iter().filter(|pattern| !known.iter().any(|name| means(pattern, name))) {
        let near = match pattern {
            SelectorPattern::Pattern(pattern) => did_you_mean(pattern.trim_end_matches('*'), &known),
            SelectorPattern::Them => String::new(),
        };
        let reason = Reason::warning(format!("its condition names `{pattern}`, which is none of its detections{near}"));
        reasons.push(on_condition(reason, text));
    }
    let is_used = |name: &str| {
        names.identifiers.contains(name)
            || also_used.contains(&name)
            // A name of that form is no detection of its own: YAML anchors are kept there.
            || name.starts_with('_')
            || names.patterns.iter().any(|pattern| means(pattern, name))
    };
    let lines = yaml::documents(text);
    for name in known.iter().filter(|name| !is_used(name)) {
        let line = ["detection", "filter"].into_iter().find_map(|part| yaml::line_of(&lines, &[part, name]));
        let reason = Reason::warning(format!("the condition does not use the detection `{name}`"));
        reasons.push(match line {
            Some(line) => reason.on(line),
            None => reason.at(*name),
        });
    }
    reasons
}

/// Why no record meets a condition, if that is plain.
pub(in crate::rules) fn contradictions(detections: &Detections, text: &str) -> Vec<Reason> {
    let contradictions = detections.conditions.iter().filter_map(|condition| contradiction(condition, detections));
    contradictions
        .map(|text| Reason::warning(format!("it can never match: {text}")))
        .map(|one| on_condition(one, text))
        .collect()
}

fn on_condition(reason: Reason, text: &str) -> Reason {
    let lines = yaml::documents(text);
    match ["detection", "filter"].into_iter().find_map(|part| yaml::line_of(&lines, &[part, "condition"])) {
        Some(line) => reason.on(line),
        None => reason.at("condition"),
    }
}

/// The names of the detections, in order.
fn known(detections: &Detections) -> Vec<&str> {
    let names: BTreeSet<&str> = detections.named.keys().map(String::as_str).collect();
    names.into_iter().collect()
}

fn means(pattern: &SelectorPattern, name: &str) -> bool {
    match pattern {
        SelectorPattern::Them => !name.starts_with('_'),
        SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
    }
}

/// The names in conditions.
#[derive(Default)]
struct Names<'c> {
    identifiers: BTreeSet<&'c str>,
    patterns: Vec<&'c SelectorPattern>,
}

impl<'c> Names<'c> {
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

/// The detections that hold together where a condition does, and those that do not hold then.
#[derive(Default)]
struct Parts<'d> {
    holding: Vec<(&'d str, &'d Detection)>,
    excluded: Vec<(&'d str, &'d Detection)>,
}

impl<'d> Parts<'d> {
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
                let meant: Vec<_> = detections.named.iter().filter(|(name, _)| means(pattern, name)).collect();
                let is_each = match (quantifier, holds) {
                    (Quantifier::All, true) | (Quantifier::Any | Quantifier::Count(1), false) => true,
                    _ => meant.len() == 1 && !matches!(quantifier, Quantifier::Count(0)),
                };
                if is_each {
                    self.add(meant.into_iter(), holds);
                }
            }
        }
    }

    fn add(&mut self, detections: impl Iterator<Item = (&'d String, &'d Detection)>, holds: bool) {
        let list = if holds { &mut self.holding } else { &mut self.excluded };
        list.extend(detections.map(|(name, detection)| (name.as_str(), detection)));
    }
}

fn contradiction(condition: &ConditionExpr, detections: &Detections) -> Option<String> {
    if let ConditionExpr::Or(parts) = condition {
        let contradictions: Option<Vec<String>> = parts.iter().map(|part| contradiction(part, detections)).collect();
        return contradictions.and_then(|contradictions| contradictions.into_iter().next());
    }
    let mut parts = Parts::default();
    parts.collect(condition, detections, true);
    let items: Vec<&DetectionItem> = parts.holding.iter().flat_map(|(_, detection)| items(detection)).collect();
    for (place, item) in items.iter().enumerate() {
        let others = items.iter().skip(place + 1).filter(|other| other.field.name == item.field.name);
        for (one, other) in others.filter_map(|other| Some((only(item)?, only(other)?))) {
            if one.keys().all(|value| !other.contains_key(value)) {
                let field = item.field.name.as_deref().unwrap_or_default();
                let shown = |values: &BTreeMap<String, String>| {
                    let quoted: Vec<String> = values.values().map(|value| format!("`{value}`")).collect();
                    quoted.join(" or ")
                };
                return Some(format!("`{field}` would have to be {} and {} at once", shown(&one), shown(&other)));
            }
        }
    }
    let excluded = parts.excluded.iter().find(|(name, detection)| {
        let excluded = items_of_all(detection);
        parts.holding.iter().any(|(holding, _)| holding == name)
            || (!excluded.is_empty() && excluded.iter().all(|one| items.iter().any(|item| implies(item, one))))
    });
    excluded.map(|(name, _)| format!("`not {name}` excludes everything that the rest of the condition matches"))
}

/// The items of a detection that all hold where it does.
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

/// The items of a detection that holds where they do, and not only then.
fn items_of_all(detection: &Detection) -> Vec<&DetectionItem> {
    match detection {
        Detection::AllOf(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

/// The values to one of which an item limits a field that has one value in each record, by how they are compared.
fn only(item: &DetectionItem) -> Option<BTreeMap<String, String>> {
    let field = item.field.name.as_deref()?;
    let has_one_value = matches!(resolve(RECORD, field), Ok(Shape::Scalar)) && !field.starts_with("resources");
    if !has_one_value || !item.field.modifiers.iter().all(|modifier| *modifier == Modifier::Cased) {
        return None;
    }
    let value = |value: &SigmaValue| match value {
        SigmaValue::String(text) if text.contains_wildcards() => None,
        SigmaValue::String(text) => Some((text.original.to_lowercase(), text.original.clone())),
        SigmaValue::Bool(flag) => Some((flag.to_string(), flag.to_string())),
        // Compared by value, however they are written.
        SigmaValue::Integer(_) | SigmaValue::Float(_) => None,
        SigmaValue::Null => Some((String::new(), "null".to_owned())),
    };
    item.values.iter().map(value).collect()
}

/// Whether `other` holds wherever `item` does.
fn implies(item: &DetectionItem, other: &DetectionItem) -> bool {
    let is_plain = |modifier: &Modifier| ![Modifier::All, Modifier::Neq].contains(modifier);
    item.field.name == other.field.name
        && item.field.modifiers == other.field.modifiers
        && item.field.modifiers.iter().all(is_plain)
        && !item.values.is_empty()
        && item.values.iter().all(|value| other.values.contains(value))
}
