//! Which clauses of a rule held, on which values.

use std::borrow::Cow;

use serde_json::Value;

use crate::finding::Evidence;
use crate::rules::sigma::{Node, Trace, What};
use crate::rules::text::words;
use crate::text::{MAX_IN_SENTENCE, shortened, visible, visible_at_most};

/// Maximum number of characters of a value as JSON. Policies and user data can be 100 KB.
const MAX_VALUE_CHARACTERS: usize = 2000;
/// Maximum number of characters of the sentence of a clause.
const MAX_CLAUSE_CHARACTERS: usize = 500;
/// Maximum number of elements or members of a list or an object.
const MAX_MEMBERS: usize = 20;
/// Maximum number of clauses of a finding. With these limits, no finding exceeds the 256 KB of an SNS message.
const MAX_CLAUSES: usize = 20;

/// What made a rule match.
#[derive(Debug, Default, PartialEq)]
pub(in crate::rules) struct Matched {
    /// The clauses that held.
    pub(in crate::rules) evidence: Vec<Evidence>,
    /// For each array the rule looks into, the members that matched.
    members: Vec<(String, Vec<usize>)>,
}

impl Matched {
    /// Of a rule that matches. Only clauses that had to hold count, not those under `not`.
    pub(in crate::rules) fn of(trace: &Trace<'_>) -> Self {
        let mut matched = Self::default();
        matched.parts(&trace.conditions);
        matched
    }

    /// For each array the rule looks into, its path and the members that matched.
    pub(in crate::rules) fn members(&self) -> &[(String, Vec<usize>)] {
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
                        if indices.len() < MAX_CLAUSES {
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
        let shown = match &value {
            Value::Null => Cow::Borrowed("absent"),
            Value::String(text) => visible_at_most(text, MAX_IN_SENTENCE),
            value => {
                other = value.to_string();
                visible_at_most(&other, MAX_IN_SENTENCE)
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

    /// One member of an array: the whole of it, because its parts mean little alone.
    fn member(&mut self, field: &str, index: usize, value: Value) {
        let path = format!("{field}[{index}]");
        let value = kept(value);
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

/// The value, or its beginning and end as text where it is too long.
pub(in crate::rules) fn kept(value: Value) -> Value {
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

/// Whether its JSON is surely short enough: each character of a string has at most six.
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
            // Collecting would sort them first, by code of its own for each kind of iterator.
            let mut fewer = serde_json::Map::new();
            fewer.extend(members.into_iter().take(MAX_MEMBERS).map(|(key, value)| (key, fewer_members(value))));
            Value::Object(fewer)
        }
        scalar => scalar,
    }
}
