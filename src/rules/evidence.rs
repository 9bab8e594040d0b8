//! Which clauses of a rule held, on which values.

use std::borrow::Cow;

use serde_json::Value;

use super::sigma::{Node, Trace, What};
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
    /// Of a rule that matches. Only clauses that had to hold count, not those under `not`.
    pub(super) fn of(trace: &Trace<'_>) -> Self {
        let mut matched = Self::default();
        matched.parts(&trace.conditions);
        matched
    }

    /// For each array the rule looks into, its path and the members that matched.
    pub(super) fn members(&self) -> &[(String, Vec<usize>)] {
        &self.members
    }

    fn parts(&mut self, nodes: &[Node<'_>]) {
        nodes.iter().filter(|node| node.matched).for_each(|node| self.node(node));
    }

    /// A part that holds.
    fn node(&mut self, node: &Node<'_>) {
        match &node.what {
            What::All | What::Any | What::Count { .. } | What::Selection(_) => self.parts(&node.parts),
            What::Item { item, found } => self.item(item.field(), found.json(item.is_text())),
            What::Array { array, .. } => {
                let mut indices = Vec::new();
                for part in node.parts.iter().filter(|part| part.matched) {
                    if let What::Element { index, value, .. } = &part.what {
                        if indices.len() < MOST_CLAUSES {
                            self.member(array.field(), *index, Value::from(*value));
                        }
                        indices.push(*index);
                    }
                }
                match self.members.iter_mut().find(|(name, _)| name == array.field()) {
                    Some((_, known)) => known.extend(indices),
                    None => self.members.push((array.field().to_owned(), indices)),
                }
            }
            What::Not | What::Element { .. } => {}
        }
    }

    /// A field that fits, with its value; one without a name is a keyword.
    fn item(&mut self, field: Option<&str>, value: Value) {
        let value = kept(value);
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
    fn member(&mut self, field: &str, index: usize, value: Value) {
        let path = format!("{field}[{index}]");
        let value = kept(value);
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
