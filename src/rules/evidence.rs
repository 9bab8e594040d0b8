//! Which clauses of a rule held, on which values.

use std::borrow::Cow;

use rsigma_eval::{ConditionTrace, DetectionTrace, RuleExplanation};
use rsigma_parser::ConditionExpr;
use serde_json::Value;

use super::clauses::Clauses;
use super::matcher::Matcher;
use super::subject::Subject;
use crate::finding::Evidence;
use crate::text::{MOST_IN_A_SENTENCE, shortened, visible, visible_at_most};

/// Longest value, in characters of JSON, that is kept. Policies and user data can be 100 KB.
const MOST_OF_A_VALUE: usize = 2000;
/// Longest clause in words, in characters.
const MOST_OF_A_CLAUSE: usize = 500;
/// Most members kept of a list or object.
const MOST_MEMBERS: usize = 20;
/// Most clauses kept of a finding. With the two limits above none comes near the 256 KB of an SNS message.
const MOST_CLAUSES: usize = 20;

/// What made a rule match.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Matched {
    /// The clauses that held.
    pub(super) evidence: Vec<Evidence>,
    /// For each array the rule looks into, the members that matched.
    members: Vec<(String, Vec<usize>)>,
}

impl Matched {
    /// Of a rule of which these conditions `hold`. Only clauses that had to hold count, not those under `not`.
    pub(super) fn of(matcher: &Matcher, hold: &[&ConditionExpr], subject: &Subject<'_>) -> Self {
        let mut matched = Self::default();
        hold.iter().for_each(|condition| matched.condition(condition, matcher, subject));
        matched
    }

    /// The same, read off the trace of the whole rule.
    #[cfg(test)]
    pub(super) fn traced(explanation: &RuleExplanation, subject: &Subject<'_>) -> Self {
        let mut matched = Self::default();
        matched.trace(explanation, subject);
        matched
    }

    /// For each array the rule looks into, its path and the members that matched.
    pub(super) fn members(&self) -> &[(String, Vec<usize>)] {
        &self.members
    }

    /// A condition that holds.
    fn condition(&mut self, condition: &ConditionExpr, matcher: &Matcher, subject: &Subject<'_>) {
        match condition {
            ConditionExpr::Identifier(name) => self.named(name, matcher, subject),
            ConditionExpr::And(parts) => parts.iter().for_each(|part| self.condition(part, matcher, subject)),
            ConditionExpr::Or(parts) => {
                for part in parts.iter().filter(|part| matcher.condition_holds(part, subject)) {
                    self.condition(part, matcher, subject);
                }
            }
            ConditionExpr::Selector { pattern, .. } => {
                let names = matcher.clauses().keys().filter(|name| pattern.matches_detection_name(name));
                let mut names: Vec<&String> = names.collect();
                names.sort_unstable();
                for name in names {
                    if matcher.condition_holds(&ConditionExpr::Identifier(name.clone()), subject) {
                        self.named(name, matcher, subject);
                    }
                }
            }
            ConditionExpr::Not(_) => {}
        }
    }

    /// A detection that holds.
    fn named(&mut self, name: &str, matcher: &Matcher, subject: &Subject<'_>) {
        if let Some(clauses) = matcher.clauses().get(name) {
            self.clauses(clauses, matcher, subject);
        }
    }

    fn clauses(&mut self, clauses: &Clauses, matcher: &Matcher, subject: &Subject<'_>) {
        match clauses {
            Clauses::Fields(fields) => {
                for field in fields {
                    let value = field.as_ref().and_then(|field| matcher.value(subject, field));
                    self.item(field.as_deref(), value);
                }
            }
            Clauses::All(parts) => parts.iter().for_each(|part| self.clauses(part, matcher, subject)),
            Clauses::Traced(part) => self.trace(&matcher.explain_part(part, subject), subject),
        }
    }

    fn trace(&mut self, explanation: &RuleExplanation, subject: &Subject<'_>) {
        for condition in explanation.conditions.iter().filter(|condition| condition.matched()) {
            self.traced_condition(condition, subject);
        }
    }

    fn traced_condition(&mut self, trace: &ConditionTrace, subject: &Subject<'_>) {
        match trace {
            ConditionTrace::Selection { detection, .. } => self.traced_detection(detection, subject),
            ConditionTrace::And { children, .. } | ConditionTrace::Or { children, .. } => {
                for child in children.iter().filter(|child| child.matched()) {
                    self.traced_condition(child, subject);
                }
            }
            ConditionTrace::Quantified { branches, .. } => {
                for branch in branches.iter().filter(|branch| branch.matched) {
                    self.traced_detection(&branch.detection, subject);
                }
            }
            ConditionTrace::Not { .. } => {}
        }
    }

    fn traced_detection(&mut self, trace: &DetectionTrace, subject: &Subject<'_>) {
        match trace {
            DetectionTrace::AllOf { items, .. } => {
                for item in items.iter().filter(|item| item.matched) {
                    self.item(item.field.as_deref(), item.actual.clone());
                }
            }
            DetectionTrace::AnyOf { branches, .. } | DetectionTrace::And { branches, .. } => {
                for branch in branches.iter().filter(|branch| branch.matched()) {
                    self.traced_detection(branch, subject);
                }
            }
            DetectionTrace::Keywords { item, .. } => self.item(item.field.as_deref(), item.actual.clone()),
            DetectionTrace::ArrayMatch { field, members, .. } => {
                let indices: Vec<usize> =
                    members.iter().filter(|member| member.matched).map(|member| member.index).collect();
                for index in indices.iter().take(MOST_CLAUSES) {
                    self.member(field, *index, subject);
                }
                match self.members.iter_mut().find(|(name, _)| name == field) {
                    Some((_, known)) => known.extend(indices),
                    None => self.members.push((field.clone(), indices)),
                }
            }
            DetectionTrace::Conditional { condition, .. } => self.traced_condition(condition, subject),
            DetectionTrace::Other { .. } => {}
        }
    }

    /// A field that fits, with its value; one without a name is a keyword.
    fn item(&mut self, field: Option<&str>, value: Option<Value>) {
        let value = kept(value.unwrap_or(Value::Null));
        let Some(field) = field else {
            return self.push("keyword", value, "a keyword of the rule is in the record".to_owned());
        };
        let other;
        let said = match &value {
            Value::Null => Cow::Borrowed("absent"),
            Value::String(text) => visible_at_most(text, MOST_IN_A_SENTENCE),
            value => {
                other = value.to_string();
                visible_at_most(&other, MOST_IN_A_SENTENCE)
            }
        };
        let text = [field, " is ", &said].concat();
        self.push(field, value, text);
    }

    /// One member of an array: the whole of it, because its parts mean little alone.
    fn member(&mut self, field: &str, index: usize, subject: &Subject<'_>) {
        let path = format!("{field}[{index}]");
        let found = subject.select(field);
        let value = found.first().and_then(|value| match value.as_array() {
            Some(elements) => elements.get(index),
            None => Some(*value),
        });
        let value = kept(value.map_or(Value::Null, Value::from));
        let said = value.get("summary").and_then(Value::as_str).map(|text| visible(text).into_owned());
        let said = said.unwrap_or_else(|| visible_at_most(&value.to_string(), MOST_IN_A_SENTENCE).into_owned());
        let text = match value.get("fields").and_then(Value::as_array) {
            Some(fields) => {
                let fields: Vec<&str> = fields.iter().filter_map(Value::as_str).collect();
                format!("{said}, in {}", fields.join(", "))
            }
            None => said,
        };
        self.push(&path, value, text);
    }

    fn push(&mut self, field: &str, value: Value, text: String) {
        if self.evidence.len() >= MOST_CLAUSES {
            return;
        }
        let text = match shortened(&text, MOST_OF_A_CLAUSE) {
            Cow::Owned(short) => short,
            Cow::Borrowed(_) => text,
        };
        let evidence = Evidence { field: visible(field).into_owned(), value, text };
        if !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }
}

/// The value, or its beginning and end as text where it is too long.
pub(super) fn kept(value: Value) -> Value {
    if is_short(&value) {
        return value;
    }
    let value = fewer_members(value);
    let json = value.to_string();
    match (shortened(&json, MOST_OF_A_VALUE), value) {
        (Cow::Borrowed(_), value) => value,
        (Cow::Owned(_), Value::String(text)) => Value::String(shortened(&text, MOST_OF_A_VALUE).into_owned()),
        (Cow::Owned(short), _) => Value::String(short),
    }
}

/// Whether its JSON is surely short enough: each character of a string has at most six.
fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() < MOST_OF_A_VALUE / 6,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn fewer_members(value: Value) -> Value {
    match value {
        Value::Array(elements) => Value::Array(elements.into_iter().take(MOST_MEMBERS).map(fewer_members).collect()),
        Value::Object(members) => {
            // Collecting would sort them first, by code of its own for each kind of iterator.
            let mut fewer = serde_json::Map::new();
            fewer.extend(members.into_iter().take(MOST_MEMBERS).map(|(key, value)| (key, fewer_members(value))));
            Value::Object(fewer)
        }
        scalar => scalar,
    }
}
