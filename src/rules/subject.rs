//! What the Sigma engine asks about: the fields of an event, and facts derived when first asked for.

use std::borrow::Cow;
use std::cell::OnceCell;
#[cfg(test)]
use std::collections::BTreeMap;

use rsigma_eval::EventValue;

use crate::event::{Event, Value, path, scalar_text};
use crate::facts::{self, FACTS, Zone};

/// An event with its facts.
#[derive(Debug)]
pub(super) struct Subject<'e> {
    pub(super) event: &'e Event<'e>,
    /// `eventSource` and `eventName`, where both are plain names. What is no text, is missing or has letters beyond ASCII
    /// is compared by the engine alone.
    pub(super) call: Option<(&'e str, &'e str)>,
    /// What is configured as your own.
    zone: &'e Zone,
    facts: [OnceCell<Option<Value<'e>>>; FACTS.len()],
}

#[cfg(test)]
/// Nothing is configured.
static NOTHING: Zone =
    Zone { accounts: Vec::new(), organizations: Vec::new(), tenants: BTreeMap::new(), providers: Vec::new() };

impl<'e> Subject<'e> {
    /// With nothing configured as your own.
    #[cfg(test)]
    pub(super) fn new(event: &'e Event<'_>) -> Self {
        Self::within(event, &NOTHING)
    }

    /// The same with what `zone` lists as your own.
    pub(super) fn within(event: &'e Event<'_>, zone: &'e Zone) -> Self {
        let call = event.source().zip(event.name()).filter(|(source, name)| source.is_ascii() && name.is_ascii());
        Self { event, call, zone, facts: [const { OnceCell::new() }; FACTS.len()] }
    }

    /// All values at `path`, of a fact or of the record.
    pub(super) fn select(&self, path: &str) -> Vec<&Value<'_>> {
        let Some((place, rest)) = facts::find(path) else {
            return self.event.select(path);
        };
        if let Some(parameters) = FACTS.get(place).and_then(|fact| fact.parameters(self.event)) {
            return rest.map(|rest| parameters.select(rest)).unwrap_or_default();
        }
        let Some(value) = self.fact(place) else {
            return Vec::new();
        };
        match rest {
            Some(rest) => path::select_in(value, rest),
            None => vec![value],
        }
    }

    fn fact(&self, place: usize) -> Option<&Value<'e>> {
        let (fact, derived) = (FACTS.get(place)?, self.facts.get(place)?);
        derived.get_or_init(|| fact.within(self.event, self.zone)).as_ref()
    }
}

impl rsigma_eval::Event for Subject<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let mut found = self.select(path);
        match found.len() {
            0 | 1 => found.pop().map(event_value),
            _ => Some(EventValue::Array(found.into_iter().map(event_value).collect())),
        }
    }

    fn any_string_value(&self, predicate: &dyn Fn(&str) -> bool) -> bool {
        self.event.root().values().any(|value| any_string(value, predicate))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut strings = Vec::new();
        self.event.root().values().for_each(|value| collect_strings(value, &mut strings));
        strings
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Object(self.event.root().into())
    }
}

/// A value as the engine takes it. Numbers that it would round are text.
pub(super) fn event_value<'v>(value: &'v Value<'_>) -> EventValue<'v> {
    match value {
        Value::Null => EventValue::Null,
        Value::Bool(flag) => EventValue::Bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => EventValue::Int(integer),
            None => EventValue::Str(Cow::Owned(number.to_string())),
        },
        Value::Str(text) => EventValue::Str(Cow::Borrowed(text)),
        Value::Array(elements) => EventValue::Array(elements.iter().map(event_value).collect()),
        Value::Object(members) => {
            EventValue::Map(members.iter().map(|(key, value)| (Cow::Borrowed(key), event_value(value))).collect())
        }
    }
}

fn any_string(value: &Value<'_>, predicate: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Str(text) => predicate(text),
        Value::Array(elements) => elements.iter().any(|element| any_string(element, predicate)),
        Value::Object(members) => members.values().any(|member| any_string(member, predicate)),
        Value::Bool(_) | Value::Number(_) => scalar_text(value).is_some_and(|text| predicate(&text)),
        Value::Null => false,
    }
}

fn collect_strings<'v>(value: &'v Value<'_>, strings: &mut Vec<Cow<'v, str>>) {
    match value {
        Value::Str(text) => strings.push(Cow::Borrowed(text)),
        Value::Array(elements) => elements.iter().for_each(|element| collect_strings(element, strings)),
        Value::Object(members) => members.values().for_each(|member| collect_strings(member, strings)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
