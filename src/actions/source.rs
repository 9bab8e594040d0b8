//! The record and the finding from which an action takes its arguments.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::event::{self, Event, path, scalar_text};
use crate::facts::{self, FACTS};
use crate::finding::Finding;

/// A record and a finding about it.
#[derive(Debug)]
pub struct ArgumentSource<'e> {
    event: &'e Event<'e>,
    finding: &'e Finding,
}

impl<'e> ArgumentSource<'e> {
    /// The source of one finding.
    pub(super) fn new(event: &'e Event<'e>, finding: &'e Finding) -> Self {
        Self { event, finding }
    }

    /// Whether the record is of this operation, in any version of its API.
    pub(super) fn is(&self, operation: &str) -> bool {
        self.event.name().is_some_and(|name| facts::without_version(name) == operation)
    }

    /// The only scalar at a path of a field or fact, as text; `None` if there are several different ones.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let mut texts = self.texts(path);
        texts.dedup();
        if texts.len() == 1 { texts.pop() } else { None }
    }

    fn texts(&self, field: &str) -> Vec<String> {
        let Some((index, rest)) = facts::find(field) else { return scalars(&self.event.select(field)) };
        let Some(fact) = FACTS.get(index) else { return Vec::new() };
        if let Some(parameters) = fact.parameters(self.event) {
            return rest.map(|rest| scalars(&parameters.select(rest))).unwrap_or_default();
        }
        match (fact.of(self.event), rest) {
            (Some(value), Some(rest)) => scalars(&path::select_in(&value, rest)),
            _ => Vec::new(),
        }
    }

    /// The time of the event.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.event.time()
    }

    /// The whole number at a path.
    pub(super) fn number(&self, path: &str) -> Option<i64> {
        self.text(path)?.trim().parse().ok()
    }

    /// The members of a list that the rule matched, such as `exposure.ingress.entries`.
    pub(super) fn matched(&self, list: &str) -> Vec<&'e Value> {
        let is_member = |field: &str| {
            let index = field.strip_prefix(list).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let matched = self.finding.evidence.iter().filter(|clause| is_member(&clause.field));
        matched.map(|clause| &clause.value).collect()
    }

    /// The texts at these paths by argument name; `None` if one is missing.
    pub(super) fn all(&self, fields: &[(&str, &str)]) -> Option<Map<String, Value>> {
        let found = fields.iter().map(|(name, path)| Some(((*name).to_owned(), Value::from(self.text(path)?))));
        found.collect()
    }
}

fn scalars(values: &[&event::Value<'_>]) -> Vec<String> {
    values.iter().filter_map(|value| scalar_text(value)).filter(|text| !text.is_empty()).map(Into::into).collect()
}
