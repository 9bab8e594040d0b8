//! One item of a detection: a field, how it is compared, and the values it is compared with.

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
use super::text::{Anchor, Pattern};
use super::value::{Found, Number, Path, Scalar, Scope, any_within};
use crate::event::Value;
use crate::rules::subject::Subject;

/// A compiled item, with the words of its author.
#[derive(Debug)]
pub(in crate::rules) struct Item {
    /// The field. Without one, the item is about an element of an array itself, or is a keyword.
    pub(super) path: Option<Path>,
    /// Whether the item is searched for in everything that the record, or the element, contains.
    pub(super) is_keyword: bool,
    pub(super) test: Test,
    /// Whether the field is compared with text, so that an object is compared, and shown, as text.
    pub(super) is_text: bool,
    /// The item as it is written in the rule, with its placeholders filled.
    pub(super) written: DetectionItem,
}

/// What an item tests.
#[derive(Debug)]
pub(super) enum Test {
    /// `|exists`: whether the field is there.
    Exists(bool),
    /// Whether its values fit.
    Values(Values),
}

/// The values of an item.
#[derive(Debug)]
pub(super) struct Values {
    /// `|all`: each has to fit, not one of them.
    pub(super) all: bool,
    /// `|neq`: the item holds if the values do not fit.
    pub(super) negated: bool,
    /// How many of them are null, which fits a missing field.
    pub(super) nulls: usize,
    /// The others. Of one that suffices, several may be merged.
    pub(super) tests: Vec<ValueTest>,
}

/// The test of one value or, where one of several suffices, of all of a kind.
#[derive(Debug)]
pub(super) enum ValueTest {
    /// One of these patterns.
    Patterns { patterns: Vec<Pattern>, cased: bool },
    /// One of these texts.
    Texts { texts: HashSet<Box<str>>, cased: bool },
    /// A text that contains one of these.
    Parts { parts: AhoCorasick, cased: bool },
    /// A quoted number: numbers are equal to it however they are written.
    Quoted { pattern: Pattern, cased: bool, number: Number },
    /// A number.
    Number(Comparison, Number),
    /// A boolean.
    Flag(bool),
    /// A regular expression.
    Regex(Regex),
    /// An address in one of these networks.
    Networks(Networks),
    /// The value of another field.
    Reference { path: Path, anchor: Anchor, cased: bool },
    /// A part of a point in time, in UTC.
    Time(TimePart, Number),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A part of a point in time.
#[derive(Debug, Clone, Copy)]
pub(super) enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Networks as sorted ranges of addresses without overlap, so that an address is looked up by binary search.
#[derive(Debug, Default)]
pub(super) struct Networks {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl Item {
    /// The path of the field. Keywords and elements of arrays have none.
    pub(in crate::rules) fn field(&self) -> Option<&str> {
        self.path.as_ref().map(|path| &*path.text)
    }

    /// Whether it is searched for in everything that the record contains.
    pub(in crate::rules) fn is_keyword(&self) -> bool {
        self.is_keyword
    }

    /// Whether the field is compared with text, so that an object in it is text.
    pub(in crate::rules) fn is_text(&self) -> bool {
        self.is_text
    }

    /// What it takes to evaluate the item.
    pub(super) fn cost(&self) -> Cost {
        self.path.as_ref().map_or(Cost::Fact, Path::cost)
    }

    /// The values of the field.
    pub(super) fn find<'t>(&self, subject: &'t Subject<'_>, scope: Scope<'t>) -> Found<'t> {
        match (&self.path, scope) {
            (Some(path), _) => path.find(subject, scope),
            (None, Scope::Element(element)) if !self.is_keyword => Found::one(Some(element)),
            (None, _) => Found::None,
        }
    }

    /// Whether the item holds for the values that [`Item::find`] found.
    pub(super) fn holds(&self, found: &Found<'_>, subject: &Subject<'_>, scope: Scope<'_>) -> bool {
        match &self.test {
            Test::Values(values) if self.is_keyword => values.hold_as_keywords(subject, scope),
            Test::Exists(wanted) => found.values().is_empty() != *wanted,
            Test::Values(values) => values.hold(found, subject),
        }
    }
}

impl Values {
    fn hold(&self, found: &Found<'_>, subject: &Subject<'_>) -> bool {
        let is_missing = found.values().is_empty();
        let fits = |test: &ValueTest, scalar: &Scalar<'_>| test.fits(scalar);
        let one = |test: &ValueTest| match test {
            ValueTest::Reference { path, anchor, cased } => {
                is_reference(found, &path.find(subject, Scope::Record), *anchor, *cased)
            }
            test => found.any(|scalar| fits(test, scalar)),
        };
        let hold = if self.all {
            (self.nulls == 0 || is_missing) && self.tests.iter().all(one)
        } else {
            (self.nulls > 0 && is_missing) || self.tests.iter().any(one)
        };
        hold != self.negated
    }

    /// Keywords are found in any text, number or boolean of the record; names of fields are not searched.
    fn hold_as_keywords(&self, subject: &Subject<'_>, scope: Scope<'_>) -> bool {
        let one = |test: &ValueTest| {
            let within = |value: &Value<'_>| any_within(value, &mut |scalar| test.fits(scalar));
            match scope {
                Scope::Record => subject.event.root().values().any(within),
                Scope::Element(element) => within(element),
            }
        };
        let hold = match self.all {
            true => self.nulls == 0 && self.tests.iter().all(one),
            false => self.tests.iter().any(one),
        };
        hold != self.negated
    }
}

impl ValueTest {
    fn fits(&self, scalar: &Scalar<'_>) -> bool {
        match self {
            Self::Patterns { patterns, cased } => {
                let text = scalar.of_case(*cased);
                patterns.iter().any(|pattern| pattern.fits(text))
            }
            Self::Texts { texts, cased } => texts.contains(scalar.of_case(*cased)),
            Self::Parts { parts, cased } => parts.is_match(scalar.of_case(*cased)),
            Self::Quoted { pattern, cased, number } => {
                let is_same = || is_number(scalar.value) && compares(scalar, Comparison::Equal, *number);
                pattern.fits(scalar.of_case(*cased)) || is_same()
            }
            Self::Number(comparison, number) => compares(scalar, *comparison, *number),
            Self::Flag(wanted) => flag(scalar) == Some(*wanted),
            Self::Regex(regex) => regex.is_match(scalar.text()),
            Self::Networks(networks) => networks.contain(scalar.text()),
            Self::Time(part, number) => {
                time(scalar).is_some_and(|time| number.compare(part.of(&time)) == Some(Ordering::Equal))
            }
            // Compared with all values of the field at once.
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

/// The boolean: of a string, the one that it names.
fn flag(scalar: &Scalar<'_>) -> Option<bool> {
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

/// Whether the values of one field are, or contain, that of another. Lists are equal as a whole.
fn is_reference(ours: &Found<'_>, theirs: &Found<'_>, anchor: Anchor, cased: bool) -> bool {
    let Some(wanted) = theirs.scalar() else {
        let is_list = |found: &Found<'_>| !found.values().is_empty() && found.scalar().is_none();
        return anchor == Anchor::Whole && is_list(ours) && is_list(theirs) && ours.elements() == theirs.elements();
    };
    let wanted = wanted.of_case(cased);
    let fits = |found: &Scalar<'_>| {
        let text = found.of_case(cased);
        match anchor {
            Anchor::Whole => text == wanted,
            Anchor::Anywhere => text.contains(wanted),
            Anchor::Start => text.starts_with(wanted),
            Anchor::End => text.ends_with(wanted),
        }
    };
    match anchor {
        Anchor::Whole => ours.scalar().is_some_and(|ours| fits(&ours)),
        _ => ours.any(fits),
    }
}

/// The point in time that a text or a number of seconds or milliseconds is. Without a zone, it is UTC.
fn time(scalar: &Scalar<'_>) -> Option<Zoned> {
    /// Seconds after this are milliseconds. As seconds it would be the year 33658.
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
    fn of(self, time: &Zoned) -> Number {
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
            let before = after.checked_sub(1).and_then(|place| ranges.get(place));
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

impl fmt::Display for Item {
    /// `userAgent|contains: ['aws-cli/*', boto]`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DetectionItem { field, values } = &self.written;
        formatter.write_str(field.name.as_deref().unwrap_or_default())?;
        for modifier in &field.modifiers {
            write!(formatter, "|{}", name(*modifier))?;
        }
        if self.path.is_some() || !field.modifiers.is_empty() {
            formatter.write_str(": ")?;
        }
        if let [value] = values.as_slice() {
            return formatter.write_str(&yaml(value));
        }
        formatter.write_str("[")?;
        for (place, value) in values.iter().enumerate() {
            write!(formatter, "{}{}", if place > 0 { ", " } else { "" }, yaml(value))?;
        }
        formatter.write_str("]")
    }
}

/// A value in YAML.
pub(super) fn yaml(value: &SigmaValue) -> String {
    let SigmaValue::String(text) = value else { return value.to_string() };
    let text = &text.original;
    let is_plain = |one: char| one.is_alphanumeric() || "._/-:@+".contains(one);
    let is_word =
        text.starts_with(|one: char| one.is_alphabetic()) && !text.ends_with(':') && text.chars().all(is_plain);
    let is_other = ["true", "false", "null", "yes", "no"].contains(&text.to_ascii_lowercase().as_str());
    if is_word && !is_other { text.clone() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// How a modifier is written.
pub(super) fn name(modifier: Modifier) -> &'static str {
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
