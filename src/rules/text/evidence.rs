//! The evidence of a finding: the clauses of the rule that held, with the values of the record.

use std::borrow::Cow;

use serde_json::Value;

use crate::finding::Evidence;
use crate::rules::sigma::{NodeKind, RuleTrace, TraceNode};
use crate::rules::text::words;
use crate::text::{MAX_IN_SENTENCE, shortened, visible, visible_at_most};

/// Maximum number of characters of a value as JSON. Policies and user data can be 100 KB.
const MAX_VALUE_CHARACTERS: usize = 2000;
/// Maximum number of characters of the sentence of a clause.
const MAX_CLAUSE_CHARACTERS: usize = 500;
/// Maximum number of elements of a list and members of an object.
const MAX_MEMBERS: usize = 20;
/// Maximum number of clauses of a finding. With these limits, no finding exceeds the 256 KB of an SNS message.
const MAX_CLAUSES: usize = 20;

/// The parts of a record that made a rule match.
#[derive(Debug, Default, PartialEq)]
pub(in crate::rules) struct MatchDetails {
    /// The clauses that held.
    pub(in crate::rules) evidence: Vec<Evidence>,
    /// The path of each array that the rule tests, with the indices of the elements that matched.
    elements: Vec<(String, Vec<usize>)>,
}

impl MatchDetails {
    /// Extracts the details from the trace of a rule that matched. Clauses below `not` are not evidence.
    pub(in crate::rules) fn from_trace(trace: &RuleTrace<'_>) -> Self {
        let mut matched = Self::default();
        matched.add_nodes(&trace.conditions);
        matched
    }

    /// Returns the path of each array that the rule tests, with the indices of the elements that matched.
    pub(in crate::rules) fn matched_elements(&self) -> &[(String, Vec<usize>)] {
        &self.elements
    }

    fn add_nodes(&mut self, nodes: &[TraceNode<'_>]) {
        nodes.iter().filter(|node| node.matched).for_each(|node| self.add_node(node));
    }

    /// Adds a part that holds.
    fn add_node(&mut self, node: &TraceNode<'_>) {
        match &node.kind {
            NodeKind::All | NodeKind::Any | NodeKind::Count { .. } | NodeKind::Selection(_) => {
                self.add_nodes(&node.parts)
            }
            NodeKind::Item { item, found } => {
                self.add_field(item.field(), found.json(item.compares_strings()));
            }
            NodeKind::Array { array, .. } => {
                let mut indices = Vec::new();
                for part in node.parts.iter().filter(|part| part.matched) {
                    if let NodeKind::Element { index, value, .. } = &part.kind {
                        if indices.len() < MAX_CLAUSES {
                            self.add_element(array.field(), *index, Value::from(*value));
                        }
                        indices.push(*index);
                    }
                }
                match self.elements.iter_mut().find(|(name, _)| name == array.field()) {
                    Some((_, known)) => known.extend(indices),
                    None => self.elements.push((array.field().to_owned(), indices)),
                }
            }
            NodeKind::Not | NodeKind::Element { .. } => {}
        }
    }

    /// Adds a field that matched, with its value. A keyword has no field.
    fn add_field(&mut self, field: Option<&str>, value: Value) {
        let value = truncated(value);
        let Some(field) = field else {
            return self.push("keyword", value, "the record contains a keyword of the rule".to_owned());
        };
        let json;
        let shown = match &value {
            Value::Null => Cow::Borrowed("absent"),
            Value::String(text) => visible_at_most(text, MAX_IN_SENTENCE),
            value => {
                json = value.to_string();
                visible_at_most(&json, MAX_IN_SENTENCE)
            }
        };
        let list;
        let shown: &str = match &value {
            Value::Array(values) if values.iter().all(Value::is_string) => {
                let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                list = visible_at_most(&values.join(", "), MAX_IN_SENTENCE).into_owned();
                &list
            }
            _ => &shown,
        };
        let text = words::clause(field, &value, shown).unwrap_or_else(|| [field, " is ", shown].concat());
        self.push(field, value, text);
    }

    /// Adds an element of an array. Its fields would mean little alone, so the whole element is evidence.
    fn add_element(&mut self, field: &str, index: usize, value: Value) {
        let path = format!("{field}[{index}]");
        let value = truncated(value);
        let shown = value.get("summary").and_then(Value::as_str).map(|text| visible(text).into_owned());
        let text = shown.unwrap_or_else(|| {
            let json = value.to_string();
            let shown = visible_at_most(&json, MAX_IN_SENTENCE);
            words::clause(field, &value, &shown).unwrap_or_else(|| shown.into_owned())
        });
        self.push(&path, value, text);
    }

    fn push(&mut self, field: &str, value: Value, text: String) {
        if self.evidence.len() >= MAX_CLAUSES {
            return;
        }
        let text = match shortened(&text, MAX_CLAUSE_CHARACTERS) {
            Cow::Owned(short) => short,
            Cow::Borrowed(_) => text,
        };
        let evidence = Evidence { field: visible(field).into_owned(), value, text };
        if !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }
}

/// Returns the value. A value that is too long becomes a string with its beginning and end.
pub(in crate::rules) fn truncated(value: Value) -> Value {
    if is_short(&value) {
        return value;
    }
    let value = fewer_members(value);
    let json = value.to_string();
    match (shortened(&json, MAX_VALUE_CHARACTERS), value) {
        (Cow::Borrowed(_), value) => value,
        (Cow::Owned(_), Value::String(text)) => Value::String(shortened(&text, MAX_VALUE_CHARACTERS).into_owned()),
        (Cow::Owned(short), _) => Value::String(short),
    }
}

/// Whether the JSON of a value is certainly short enough. JSON escapes a byte with at most six characters.
fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() < MAX_VALUE_CHARACTERS / 6,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn fewer_members(value: Value) -> Value {
    match value {
        Value::Array(elements) => Value::Array(elements.into_iter().take(MAX_MEMBERS).map(fewer_members).collect()),
        Value::Object(members) => {
            // `collect` would sort the members first, and be compiled for each kind of iterator.
            let mut fewer = serde_json::Map::new();
            fewer.extend(members.into_iter().take(MAX_MEMBERS).map(|(key, value)| (key, fewer_members(value))));
            Value::Object(fewer)
        }
        scalar => scalar,
    }
}
