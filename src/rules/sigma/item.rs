//! An item of a detection: a field, the operator that compares it, and the values to compare with.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use ipnet::IpNet;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use regex::Regex;
use rsigma_parser::{DetectionItem, Modifier, SigmaValue};

use super::Cost;
use super::budget::Budget;
use super::pattern::{Anchor, Pattern};
use super::value::{FieldPath, FieldValues, Number, Scalar, Scope, any_within};
use crate::event::Value;
use crate::rules::sigma::subject::Subject;

/// A compiled item, with its source in the rule.
#[derive(Debug)]
pub(in crate::rules) struct CompiledItem {
    /// The field. An item without one tests an array element itself, or is a keyword.
    pub(super) path: Option<FieldPath>,
    /// Whether the item is searched for in all values of the record or array element.
    pub(super) is_keyword: bool,
    pub(super) test: ItemTest,
    /// Whether the field is compared with strings. Objects are then compared, and shown, as strings.
    pub(super) compares_strings: bool,
    /// The item as written in the rule, with its placeholders filled.
    pub(super) source: DetectionItem,
}

/// The test of an item.
#[derive(Debug)]
pub(super) enum ItemTest {
    /// `|exists`: whether the field exists.
    Exists(bool),
    /// Compares the values of the field.
    Values(ValueList),
}

/// The values that an item compares a field with.
#[derive(Debug)]
pub(super) struct ValueList {
    /// `|all`: every value must match, not any.
    pub(super) all: bool,
    /// `|neq`: the item holds if the values do not match.
    pub(super) negated: bool,
    /// Number of null values, which match a missing field.
    pub(super) nulls: usize,
    /// The other values. If any of them may match, several can be merged into one test.
    pub(super) tests: Vec<ValueTest>,
}

/// The test of one value, or of several values of the same kind if any of them may match.
#[derive(Debug)]
pub(super) enum ValueTest {
    /// Matches one of these patterns.
    Patterns { patterns: Vec<Pattern>, cased: bool },
    /// Equals one of these strings.
    Strings { strings: HashSet<Box<str>>, cased: bool },
    /// Contains one of these substrings.
    Substrings { substrings: AhoCorasick, cased: bool },
    /// Equals a number that is quoted in the rule: as a string, or as a number of the same value.
    QuotedNumber { pattern: Pattern, cased: bool, number: Number },
    /// Compares with a number.
    Number(Comparison, Number),
    /// Equals a boolean.
    Boolean(bool),
    /// Matches a regular expression.
    Regex { regex: Regex, weight: u64 },
    /// Is an address in one of these networks.
    Networks(Networks),
    /// Compares with the value of another field.
    Reference { path: FieldPath, anchor: Anchor, cased: bool },
    /// Compares a part of a time in UTC.
    Time(TimePart, Number),
}

/// A comparison of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A part of a time.
#[derive(Debug, Clone, Copy)]
pub(super) enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Networks as sorted address ranges without overlap, for binary search.
#[derive(Debug, Default)]
pub(super) struct Networks {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl CompiledItem {
    /// Returns the path of the field. Keywords and array elements have none.
    pub(in crate::rules) fn field(&self) -> Option<&str> {
        self.path.as_ref().map(|path| &*path.text)
    }

    /// Whether the item is searched for in all values of the record.
    pub(in crate::rules) fn is_keyword(&self) -> bool {
        self.is_keyword
    }

    /// Whether the field is compared with strings, so that objects in it are shown as strings.
    pub(in crate::rules) fn compares_strings(&self) -> bool {
        self.compares_strings
    }

    /// Returns the cost of evaluating the item.
    pub(super) fn cost(&self) -> Cost {
        self.path.as_ref().map_or(Cost::Fact, FieldPath::cost)
    }

    /// Returns the values of the field.
    pub(super) fn find<'t>(&self, subject: &'t Subject<'_>, scope: Scope<'t>) -> FieldValues<'t> {
        match (&self.path, scope) {
            (Some(path), _) => path.find(subject, scope),
            (None, Scope::Element(element)) if !self.is_keyword => FieldValues::from_option(Some(element)),
            (None, _) => FieldValues::None,
        }
    }

    /// Whether the item holds for the values that [`CompiledItem::find`] returned.
    pub(super) fn holds(&self, found: &FieldValues<'_>, subject: &Subject<'_>, scope: Scope<'_>) -> bool {
        match &self.test {
            ItemTest::Values(values) if self.is_keyword => values.hold_as_keywords(subject, scope),
            ItemTest::Exists(expected) => found.values().is_empty() != *expected,
            ItemTest::Values(values) => values.hold(found, subject),
        }
    }
}

impl ValueList {
    fn hold(&self, found: &FieldValues<'_>, subject: &Subject<'_>) -> bool {
        let is_missing = found.values().is_empty();
        let matches = |test: &ValueTest| match test {
            ValueTest::Reference { path, anchor, cased } => {
                if subject.budget.is_exceeded() {
                    return false;
                }
                let referenced = path.find(subject, Scope::Record);
                let work = found.length().saturating_add(referenced.length());
                subject.budget.spend(work) && matches_reference(found, &referenced, *anchor, *cased)
            }
            test => found.any(|scalar| test.matches_within(scalar, &subject.budget)),
        };
        let hold = if self.all {
            (self.nulls == 0 || is_missing) && self.tests.iter().all(matches)
        } else {
            (self.nulls > 0 && is_missing) || self.tests.iter().any(matches)
        };
        hold != self.negated
    }

    /// Searches the strings, numbers and booleans of the record, but not the names of fields.
    fn hold_as_keywords(&self, subject: &Subject<'_>, scope: Scope<'_>) -> bool {
        let matches = |test: &ValueTest| {
            let within =
                |value: &Value<'_>| any_within(value, &mut |scalar| test.matches_within(scalar, &subject.budget));
            match scope {
                Scope::Record => subject.event.root().values().any(within),
                Scope::Element(element) => within(element),
            }
        };
        let hold =
            if self.all { self.nulls == 0 && self.tests.iter().all(matches) } else { self.tests.iter().any(matches) };
        hold != self.negated
    }
}

impl ValueTest {
    /// Whether the value matches, and the budget is enough to compare it.
    fn matches_within(&self, scalar: &Scalar<'_>, budget: &Budget) -> bool {
        !budget.is_exceeded() && budget.spend(scalar.length().saturating_mul(self.weight())) && self.matches(scalar)
    }

    /// Returns the work for one byte of the value.
    fn weight(&self) -> u64 {
        match self {
            Self::Patterns { patterns, .. } => patterns.iter().map(Pattern::weight).sum(),
            Self::QuotedNumber { pattern, .. } => pattern.weight(),
            Self::Regex { weight, .. } => *weight,
            _ => 1,
        }
    }

    fn matches(&self, scalar: &Scalar<'_>) -> bool {
        match self {
            Self::Patterns { patterns, cased } => {
                let text = scalar.text_for(*cased);
                patterns.iter().any(|pattern| pattern.matches(text))
            }
            Self::Strings { strings, cased } => strings.contains(scalar.text_for(*cased)),
            Self::Substrings { substrings, cased } => substrings.is_match(scalar.text_for(*cased)),
            Self::QuotedNumber { pattern, cased, number } => {
                let is_equal = || is_number(scalar.value) && compares(scalar, Comparison::Equal, *number);
                pattern.matches(scalar.text_for(*cased)) || is_equal()
            }
            Self::Number(comparison, number) => compares(scalar, *comparison, *number),
            Self::Boolean(expected) => boolean(scalar) == Some(*expected),
            Self::Regex { regex, .. } => regex.is_match(scalar.text()),
            Self::Networks(networks) => networks.contain(scalar.text()),
            Self::Time(part, number) => {
                time(scalar).is_some_and(|time| number.compare(part.read(&time)) == Some(Ordering::Equal))
            }
            // `ValueList::hold` compares it with all values of the field at once.
            Self::Reference { .. } => false,
        }
    }
}

fn is_number(value: &Value<'_>) -> bool {
    matches!(value, Value::Number(_))
}

fn compares(scalar: &Scalar<'_>, comparison: Comparison, number: Number) -> bool {
    let ordering = scalar.number().and_then(|found| found.compare(number));
    ordering.is_some_and(|ordering| match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
    })
}

/// Returns a boolean, or the boolean that a string names.
fn boolean(scalar: &Scalar<'_>) -> Option<bool> {
    match scalar.value {
        Value::Bool(flag) => Some(*flag),
        Value::Str(_) => match scalar.folded() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the values of a field match those of the referenced field. Lists are compared as a whole.
fn matches_reference(values: &FieldValues<'_>, referenced: &FieldValues<'_>, anchor: Anchor, cased: bool) -> bool {
    let Some(expected) = referenced.scalar() else {
        let is_list = |values: &FieldValues<'_>| !values.values().is_empty() && values.scalar().is_none();
        return anchor == Anchor::Whole
            && is_list(values)
            && is_list(referenced)
            && values.elements() == referenced.elements();
    };
    let expected = expected.text_for(cased);
    let matches = |value: &Scalar<'_>| {
        let text = value.text_for(cased);
        match anchor {
            Anchor::Whole => text == expected,
            Anchor::Anywhere => text.contains(expected),
            Anchor::Start => text.starts_with(expected),
            Anchor::End => text.ends_with(expected),
        }
    };
    match anchor {
        Anchor::Whole => values.scalar().is_some_and(|value| matches(&value)),
        _ => values.any(matches),
    }
}

/// Returns the time in a string, or a number of seconds or milliseconds. A time without a zone is in UTC.
fn time(scalar: &Scalar<'_>) -> Option<Zoned> {
    /// Larger numbers are milliseconds. As seconds, this is the year 33658.
    const MAX_SECONDS: i64 = 1_000_000_000_000;
    let timestamp = match scalar.value {
        Value::Str(text) => {
            let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
            text.parse().ok().or_else(|| civil().map(|zoned| zoned.timestamp()))?
        }
        Value::Number(number) => {
            let number = number.as_i64()?;
            Timestamp::from_second(if number > MAX_SECONDS { number / 1000 } else { number }).ok()?
        }
        _ => return None,
    };
    Some(timestamp.to_zoned(TimeZone::UTC))
}

impl TimePart {
    fn read(self, time: &Zoned) -> Number {
        Number::Integer(match self {
            Self::Minute => time.minute().into(),
            Self::Hour => time.hour().into(),
            Self::Day => time.day().into(),
            Self::Week => time.date().iso_week_date().week().into(),
            Self::Month => time.month().into(),
            Self::Year => time.year().into(),
        })
    }
}

impl Networks {
    pub(super) fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(network) => {
                    v4.push((u32::from(network.network()).into(), u32::from(network.broadcast()).into()));
                }
                IpNet::V6(network) => v6.push((network.network().into(), network.broadcast().into())),
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }

    fn contain(&self, text: &str) -> bool {
        let within = |ranges: &[(u128, u128)], address: u128| {
            let after = ranges.partition_point(|(first, _)| *first <= address);
            let before = after.checked_sub(1).and_then(|index| ranges.get(index));
            before.is_some_and(|(_, last)| address <= *last)
        };
        match text.parse() {
            Ok(IpAddr::V4(address)) => within(&self.v4, u32::from(address).into()),
            Ok(IpAddr::V6(address)) => within(&self.v6, address.into()),
            Err(_) => false,
        }
    }
}

fn merged(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= *end => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged
}

impl fmt::Display for CompiledItem {
    /// `userAgent|contains: ['aws-cli/*', boto]`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DetectionItem { field, values } = &self.source;
        formatter.write_str(field.name.as_deref().unwrap_or_default())?;
        for modifier in &field.modifiers {
            write!(formatter, "|{}", modifier_name(*modifier))?;
        }
        if self.path.is_some() || !field.modifiers.is_empty() {
            formatter.write_str(": ")?;
        }
        if let [value] = values.as_slice() {
            return formatter.write_str(&yaml(value));
        }
        formatter.write_str("[")?;
        for (index, value) in values.iter().enumerate() {
            write!(formatter, "{}{}", if index > 0 { ", " } else { "" }, yaml(value))?;
        }
        formatter.write_str("]")
    }
}

/// Returns a value as YAML.
pub(super) fn yaml(value: &SigmaValue) -> String {
    let SigmaValue::String(text) = value else { return value.to_string() };
    let text = &text.original;
    let is_plain = |character: char| character.is_alphanumeric() || "._/-:@+".contains(character);
    let is_word = text.starts_with(char::is_alphabetic) && !text.ends_with(':') && text.chars().all(is_plain);
    let is_keyword = ["true", "false", "null", "yes", "no"].contains(&text.to_ascii_lowercase().as_str());
    if is_word && !is_keyword { text.clone() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Returns the name of a modifier in a rule.
pub(super) fn modifier_name(modifier: Modifier) -> &'static str {
    match modifier {
        Modifier::Contains => "contains",
        Modifier::StartsWith => "startswith",
        Modifier::EndsWith => "endswith",
        Modifier::All => "all",
        Modifier::Base64 => "base64",
        Modifier::Base64Offset => "base64offset",
        Modifier::Wide => "wide",
        Modifier::Utf16be => "utf16be",
        Modifier::Utf16 => "utf16",
        Modifier::WindAsh => "windash",
        Modifier::Re => "re",
        Modifier::Cidr => "cidr",
        Modifier::Cased => "cased",
        Modifier::Exists => "exists",
        Modifier::Expand => "expand",
        Modifier::FieldRef => "fieldref",
        Modifier::Gt => "gt",
        Modifier::Gte => "gte",
        Modifier::Lt => "lt",
        Modifier::Lte => "lte",
        Modifier::Neq => "neq",
        Modifier::IgnoreCase => "i",
        Modifier::Multiline => "m",
        Modifier::DotAll => "s",
        Modifier::Minute => "minute",
        Modifier::Hour => "hour",
        Modifier::Day => "day",
        Modifier::Week => "week",
        Modifier::Month => "month",
        Modifier::Year => "year",
    }
}
