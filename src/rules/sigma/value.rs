//! The values of a record, as detection items compare them.
//!
//! A list matches if one of its elements does. A null counts as missing. An object is compared as JSON.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::fmt::Write as _;

use super::Cost;
use super::pattern::fold;
use crate::event::{Value, path};
use crate::facts;
use crate::rules::sigma::subject::Subject;

/// The value in which the fields of an item are looked up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'t> {
    /// The record and its facts.
    Record,
    /// An element of an array.
    Element(&'t Value<'t>),
}

/// The path of a field.
#[derive(Debug)]
pub(super) struct FieldPath {
    pub(super) text: Box<str>,
    /// Whether it names a top-level field of the record, as most paths do.
    is_top_level: bool,
    /// Whether it names a fact.
    is_fact: bool,
}

impl FieldPath {
    pub(super) fn new(text: &str) -> Self {
        let is_fact = facts::find(text).is_some();
        Self { text: text.into(), is_top_level: !is_fact && !text.contains(['.', '[', '\\']), is_fact }
    }

    /// The cost of finding the values.
    pub(super) fn cost(&self) -> Cost {
        match (self.is_fact, self.is_top_level) {
            (true, _) => Cost::Fact,
            (false, true) => Cost::TopLevelField,
            (false, false) => Cost::NestedField,
        }
    }

    /// Returns all values that are not null.
    pub(super) fn find<'t>(&self, subject: &'t Subject<'_>, scope: Scope<'t>) -> FieldValues<'t> {
        let mut found = match scope {
            Scope::Record if self.is_top_level => return FieldValues::from_option(subject.event.top(&self.text)),
            Scope::Record => subject.select(&self.text),
            Scope::Element(element) => match element.as_object().and_then(|members| members.get(&self.text)) {
                Some(member) => return FieldValues::from_option(Some(member)),
                None => path::select_in(element, &self.text),
            },
        };
        found.retain(|value| !value.is_null());
        match found.as_slice() {
            [] => FieldValues::None,
            [value] => FieldValues::One(value),
            _ => FieldValues::Several(found),
        }
    }
}

/// The values of a field.
#[derive(Debug, Clone)]
pub(in crate::rules) enum FieldValues<'t> {
    /// The field is missing or null.
    None,
    /// One value, which may be a list.
    One(&'t Value<'t>),
    /// The values in several elements of an array.
    Several(Vec<&'t Value<'t>>),
}

impl<'t> FieldValues<'t> {
    /// The values of a field that has this value.
    pub(super) fn from_option(value: Option<&'t Value<'t>>) -> Self {
        value.filter(|value| !value.is_null()).map_or(Self::None, Self::One)
    }

    /// Returns the values.
    pub(super) fn values(&self) -> &[&'t Value<'t>] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }

    /// Returns the elements of an array. Several values count as an array, and a single value as an array of one element.
    pub(super) fn elements(&self) -> Vec<&'t Value<'t>> {
        match self {
            Self::One(value) => value.as_array().map_or_else(|| vec![*value], |elements| elements.iter().collect()),
            other => other.values().to_vec(),
        }
    }

    /// Returns the work of comparing all values.
    pub(super) fn length(&self) -> u64 {
        self.values().iter().map(|value| length(value)).fold(0, u64::saturating_add)
    }

    /// Returns the value if there is exactly one and it is not a list.
    pub(super) fn scalar(&self) -> Option<Scalar<'t>> {
        match self {
            Self::One(value) if !value.is_array() => Some(Scalar::new(value)),
            _ => None,
        }
    }

    /// Whether `matches` holds for any value, or for any element of a list among them.
    pub(super) fn any(&self, mut matches: impl FnMut(&Scalar<'_>) -> bool) -> bool {
        self.values().iter().any(|value| any_scalar(value, &mut matches))
    }

    /// Returns the values as JSON. With `as_text`, objects become strings, as they are compared with strings.
    pub(in crate::rules) fn json(&self, as_text: bool) -> serde_json::Value {
        match self {
            Self::None => serde_json::Value::Null,
            Self::One(value) => json(value, as_text),
            Self::Several(values) => values.iter().map(|value| json(value, as_text)).collect(),
        }
    }
}

/// Returns the number of bytes of the strings in a value, plus one for each value in it.
fn length(value: &Value<'_>) -> u64 {
    let add = |length: u64, value: &Value<'_>| length.saturating_add(self::length(value));
    match value {
        Value::Str(text) => u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_add(1),
        Value::Array(elements) => elements.iter().fold(1, add),
        Value::Object(members) => members.values().fold(1, add),
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

fn any_scalar(value: &Value<'_>, matches: &mut dyn FnMut(&Scalar<'_>) -> bool) -> bool {
    match value {
        Value::Null => false,
        Value::Array(elements) => elements.iter().any(|element| any_scalar(element, matches)),
        scalar => matches(&Scalar::new(scalar)),
    }
}

/// Whether `matches` holds for a string, number or boolean anywhere in `value`, including in objects.
pub(super) fn any_within(value: &Value<'_>, matches: &mut dyn FnMut(&Scalar<'_>) -> bool) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| any_within(element, matches)),
        Value::Object(members) => members.values().any(|member| any_within(member, matches)),
        Value::Null => false,
        scalar => matches(&Scalar::new(scalar)),
    }
}

/// A value that is not a list, and the string that it is compared as.
#[derive(Debug)]
pub(super) struct Scalar<'v> {
    pub(super) value: &'v Value<'v>,
    text: OnceCell<Cow<'v, str>>,
    /// The case-folded text; `None` if folding does not change it.
    folded: OnceCell<Option<String>>,
}

impl<'v> Scalar<'v> {
    fn new(value: &'v Value<'v>) -> Self {
        Self { value, text: OnceCell::new(), folded: OnceCell::new() }
    }

    /// Returns the number of bytes of its strings, plus one for each value in it.
    pub(super) fn length(&self) -> u64 {
        length(self.value)
    }

    /// Returns a string as it is, and anything else as JSON.
    pub(super) fn text(&self) -> &str {
        self.text.get_or_init(|| match self.value {
            Value::Str(text) => Cow::Borrowed(text),
            other => {
                let mut text = String::new();
                write_text(other, &mut text);
                Cow::Owned(text)
            }
        })
    }

    /// Returns the case-folded text.
    pub(super) fn folded(&self) -> &str {
        let text = self.text();
        let folded = self.folded.get_or_init(|| match fold(text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(folded) => Some(folded),
        });
        folded.as_deref().unwrap_or(text)
    }

    /// Returns the text for a pattern that is case-sensitive or not.
    pub(super) fn text_for(&self, cased: bool) -> &str {
        if cased { self.text() } else { self.folded() }
    }

    /// Returns the number, parsed if the value is a string.
    pub(super) fn number(&self) -> Option<Number> {
        match self.value {
            Value::Number(number) => Some(Number::from_json(number)),
            Value::Str(text) => Number::parse(text),
            _ => None,
        }
    }
}

/// A number, exact if it is an integer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Integer(i128),
    Fraction(f64),
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Integer).ok().or_else(|| text.parse().map(Self::Fraction).ok())
    }

    fn from_json(number: &serde_json_borrow::Number) -> Self {
        let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        integer.map_or_else(|| Self::Fraction(number.as_f64().unwrap_or(f64::NAN)), Self::Integer)
    }

    #[expect(clippy::cast_precision_loss, reason = "an integer is compared with a fraction as a fraction")]
    fn fraction(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Fraction(number) => number,
        }
    }

    /// Compares two numbers; `None` if one of them is NaN.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(&right)),
            (left, right) => left.fraction().partial_cmp(&right.fraction()),
        }
    }
}

/// Writes a value as compact JSON whose strings are quoted but not escaped: a policy document in a string looks the same as
/// one that is an object. A string that is the whole value is not quoted.
fn write_text(value: &Value<'_>, text: &mut String) {
    let separator = |index: usize| if index > 0 { "," } else { "" };
    let nested = |value: &Value<'_>, text: &mut String| match value {
        Value::Str(string) => {
            text.push('"');
            text.push_str(string);
            text.push('"');
        }
        other => write_text(other, text),
    };
    match value {
        Value::Str(string) => text.push_str(string),
        Value::Array(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                text.push_str(separator(index));
                nested(element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (index, (key, member)) in members.iter().enumerate() {
                text.push_str(separator(index));
                // Writing to a string cannot fail.
                let _ = write!(text, "\"{key}\":");
                nested(member, text);
            }
            text.push('}');
        }
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => {
            // Writing to a string cannot fail.
            let _ = write!(text, "{number}");
        }
    }
}

/// Returns a value as JSON. Numbers that other JSON readers would round become strings.
fn json(value: &Value<'_>, as_text: bool) -> serde_json::Value {
    match value {
        Value::Array(elements) => elements.iter().map(|element| json(element, as_text)).collect(),
        Value::Object(members) if !as_text => {
            serde_json::Value::Object(members.iter().map(|(key, value)| (key.to_owned(), json(value, false))).collect())
        }
        Value::Object(_) => Scalar::new(value).text().into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.to_string().into(), serde_json::Value::from),
        other => serde_json::Value::from(other),
    }
}
