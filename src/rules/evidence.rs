//! Which clauses of a rule held, on which values.

use std::borrow::Cow;

use rsigma_eval::{ConditionTrace, DetectionTrace, ItemTrace, RuleExplanation};
use serde_json::Value;

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
#[derive(Debug, Default)]
pub(super) struct Matched {
    /// The clauses that held.
    pub(super) evidence: Vec<Evidence>,
    /// For each array the rule looks into, the members that matched.
    members: Vec<(String, Vec<usize>)>,
}

impl Matched {
    /// Reads the trace of a rule that matched. Only clauses that had to hold count, not those under `not`.
    pub(super) fn of(explanation: &RuleExplanation, subject: &Subject<'_>) -> Self {
        let mut matched = Self::default();
        for condition in explanation.conditions.iter().filter(|condition| condition.matched()) {
            matched.condition(condition, subject);
        }
        matched
    }

    /// For each array the rule looks into, its path and the members that matched.
    pub(super) fn members(&self) -> &[(String, Vec<usize>)] {
        &self.members
    }

    fn condition(&mut self, trace: &ConditionTrace, subject: &Subject<'_>) {
        match trace {
            ConditionTrace::Selection { detection, .. } => self.detection(detection, subject),
            ConditionTrace::And { children, .. } | ConditionTrace::Or { children, .. } => {
                for child in children.iter().filter(|child| child.matched()) {
                    self.condition(child, subject);
                }
            }
            ConditionTrace::Quantified { branches, .. } => {
                for branch in branches.iter().filter(|branch| branch.matched) {
                    self.detection(&branch.detection, subject);
                }
            }
            ConditionTrace::Not { .. } => {}
        }
    }

    fn detection(&mut self, trace: &DetectionTrace, subject: &Subject<'_>) {
        match trace {
            DetectionTrace::AllOf { items, .. } => {
                items.iter().filter(|item| item.matched).for_each(|item| self.item(item));
            }
            DetectionTrace::AnyOf { branches, .. } | DetectionTrace::And { branches, .. } => {
                for branch in branches.iter().filter(|branch| branch.matched()) {
                    self.detection(branch, subject);
                }
            }
            DetectionTrace::Keywords { item, .. } => self.item(item),
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
            DetectionTrace::Conditional { condition, .. } => self.condition(condition, subject),
            DetectionTrace::Other { .. } => {}
        }
    }

    fn item(&mut self, item: &ItemTrace) {
        let field = item.field.clone().unwrap_or_else(|| "keyword".to_owned());
        let value = kept(item.actual.clone().unwrap_or(Value::Null));
        let text = match &value {
            Value::Null => format!("{field} is absent"),
            Value::String(text) => format!("{field} is {}", visible_at_most(text, MOST_IN_A_SENTENCE)),
            other => format!("{field} is {}", visible_at_most(&other.to_string(), MOST_IN_A_SENTENCE)),
        };
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
        self.push(path, value, text);
    }

    fn push(&mut self, field: String, value: Value, text: String) {
        if self.evidence.len() >= MOST_CLAUSES {
            return;
        }
        let text = shortened(&text, MOST_OF_A_CLAUSE).into_owned();
        let evidence = Evidence { field: visible(&field).into_owned(), value, text };
        if !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }
}

/// The value, or its beginning and end as text where it is too long.
pub(super) fn kept(value: Value) -> Value {
    let value = fewer_members(value);
    let json = value.to_string();
    match (shortened(&json, MOST_OF_A_VALUE), value) {
        (Cow::Borrowed(_), value) => value,
        (Cow::Owned(_), Value::String(text)) => Value::String(shortened(&text, MOST_OF_A_VALUE).into_owned()),
        (Cow::Owned(short), _) => Value::String(short),
    }
}

fn fewer_members(value: Value) -> Value {
    match value {
        Value::Array(elements) => Value::Array(elements.into_iter().take(MOST_MEMBERS).map(fewer_members).collect()),
        Value::Object(members) => {
            let members = members.into_iter().take(MOST_MEMBERS);
            Value::Object(members.map(|(key, value)| (key, fewer_members(value))).collect())
        }
        scalar => scalar,
    }
}
