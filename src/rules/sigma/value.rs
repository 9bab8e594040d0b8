//! The values of a record as items compare them.
//!
//! A list matches if one of its elements does. Null is the same as missing. An object is compared by its JSON text.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::fmt::Write as _;

use super::Cost;
use super::text::fold;
use crate::event::{Value, path};
use crate::facts;
use crate::rules::subject::Subject;

/// Where the fields of an item are looked up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'t> {
    /// In the record and its facts.
    Record,
    /// In one element of an array.
    Element(&'t Value<'t>),
}

/// The path of a field.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) text: Box<str>,
    /// Whether it is a member of the record itself, as most fields are.
    is_top: bool,
    /// Whether it leads to a fact.
    is_fact: bool,
}

impl Path {
    pub(super) fn new(text: &str) -> Self {
        let is_fact = facts::find(text).is_some();
        Self { text: text.into(), is_top: !is_fact && !text.contains(['.', '[', '\\']), is_fact }
    }

    /// What it takes to find the values.
    pub(super) fn cost(&self) -> Cost {
        match (self.is_fact, self.is_top) {
            (true, _) => Cost::Fact,
            (false, true) => Cost::Member,
            (false, false) => Cost::Path,
        }
    }

    /// All values that are not null.
    pub(super) fn find<'t>(&self, subject: &'t Subject<'_>, scope: Scope<'t>) -> Found<'t> {
        let mut found = match scope {
            Scope::Record if self.is_top => return Found::one(subject.event.top(&self.text)),
            Scope::Record => subject.select(&self.text),
            Scope::Element(element) => match element.as_object().and_then(|members| members.get(&self.text)) {
                Some(member) => return Found::one(Some(member)),
                None => path::select_in(element, &self.text),
            },
        };
        found.retain(|value| !value.is_null());
        match found.as_slice() {
            [] => Found::None,
            [one] => Found::One(one),
            _ => Found::Several(found),
        }
    }
}

/// The values of a field.
#[derive(Debug, Clone)]
pub(in crate::rules) enum Found<'t> {
    /// The field is missing or null.
    None,
    /// One value, which may be a list.
    One(&'t Value<'t>),
    /// Values of several objects of an array.
    Several(Vec<&'t Value<'t>>),
}

impl<'t> Found<'t> {
    /// The value unless it is null.
    pub(super) fn one(value: Option<&'t Value<'t>>) -> Self {
        value.filter(|value| !value.is_null()).map_or(Self::None, Self::One)
    }

    /// The values.
    pub(super) fn values(&self) -> &[&'t Value<'t>] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }

    /// The elements if this is an array; several values are the elements of one. A single value is its own only element.
    pub(super) fn elements(&self) -> Vec<&'t Value<'t>> {
        match self {
            Self::One(value) => value.as_array().map_or_else(|| vec![*value], |elements| elements.iter().collect()),
            other => other.values().to_vec(),
        }
    }

    /// The value if it is one, and no list.
    pub(super) fn scalar(&self) -> Option<Scalar<'t>> {
        match self {
            Self::One(value) if !value.is_array() => Some(Scalar::new(value)),
            _ => None,
        }
    }

    /// Whether `fits` holds for one of the values, or for one element of a list among them.
    pub(super) fn any(&self, mut fits: impl FnMut(&Scalar<'_>) -> bool) -> bool {
        self.values().iter().any(|value| any_scalar(value, &mut fits))
    }

    /// The values as JSON, as they are compared: objects as text if `as_text`.
    pub(in crate::rules) fn json(&self, as_text: bool) -> serde_json::Value {
        match self {
            Self::None => serde_json::Value::Null,
            Self::One(value) => json(value, as_text),
            Self::Several(values) => values.iter().map(|value| json(value, as_text)).collect(),
        }
    }
}

fn any_scalar(value: &Value<'_>, fits: &mut dyn FnMut(&Scalar<'_>) -> bool) -> bool {
    match value {
        Value::Null => false,
        Value::Array(elements) => elements.iter().any(|element| any_scalar(element, fits)),
        scalar => fits(&Scalar::new(scalar)),
    }
}

/// Whether `fits` holds for a text, number or boolean anywhere in `value`, also within objects.
pub(super) fn any_within(value: &Value<'_>, fits: &mut dyn FnMut(&Scalar<'_>) -> bool) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| any_within(element, fits)),
        Value::Object(members) => members.values().any(|member| any_within(member, fits)),
        Value::Null => false,
        scalar => fits(&Scalar::new(scalar)),
    }
}

/// A value that is no list, and its text.
#[derive(Debug)]
pub(super) struct Scalar<'v> {
    pub(super) value: &'v Value<'v>,
    text: OnceCell<Cow<'v, str>>,
    /// The folded text; `None` if it is the text itself.
    folded: OnceCell<Option<String>>,
}

impl<'v> Scalar<'v> {
    fn new(value: &'v Value<'v>) -> Self {
        Self { value, text: OnceCell::new(), folded: OnceCell::new() }
    }

    /// The text: of a string itself, of anything else as JSON has it.
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

    /// The text without differences of case.
    pub(super) fn folded(&self) -> &str {
        let text = self.text();
        let folded = self.folded.get_or_init(|| match fold(text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(folded) => Some(folded),
        });
        folded.as_deref().unwrap_or(text)
    }

    /// The text for a pattern that is cased or not.
    pub(super) fn of_case(&self, cased: bool) -> &str {
        if cased { self.text() } else { self.folded() }
    }

    /// The number: of a string, the one that it is.
    pub(super) fn number(&self) -> Option<Number> {
        match self.value {
            Value::Number(number) => Some(Number::of(number)),
            Value::Str(text) => Number::parse(text),
            _ => None,
        }
    }
}

/// A number, exact if it is an integer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// An integer.
    Integer(i128),
    /// A fraction.
    Fraction(f64),
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Integer).ok().or_else(|| text.parse().map(Self::Fraction).ok())
    }

    fn of(number: &serde_json_borrow::Number) -> Self {
        let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        integer.map_or_else(|| Self::Fraction(number.as_f64().unwrap_or(f64::NAN)), Self::Integer)
    }

    #[expect(clippy::cast_precision_loss, reason = "an integer beside a fraction is compared as one")]
    fn fraction(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Fraction(number) => number,
        }
    }

    /// How this number compares with another; `None` if one is not a number.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => Some(one.cmp(&other)),
            (one, other) => one.fraction().partial_cmp(&other.fraction()),
        }
    }
}

/// Writes a value as compact JSON, but for the strings in it, which stand in quotes without escapes: a policy document in a
/// string reads like one outside. A string that is the whole value has no quotes.
fn write_text(value: &Value<'_>, text: &mut String) {
    let separator = |place: usize| if place > 0 { "," } else { "" };
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
            for (place, element) in elements.iter().enumerate() {
                text.push_str(separator(place));
                nested(element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (place, (key, member)) in members.iter().enumerate() {
                text.push_str(separator(place));
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

/// A value as JSON. Numbers that other JSON readers would round are text.
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
