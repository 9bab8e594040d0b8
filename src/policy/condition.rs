//! Conditions: an operator, a key and values.
//!
//! After the IAM user guide, "Condition operators" and "Multivalued context keys".

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use super::document::Version;
use super::pattern::Pattern;

/// One clause of a statement's `Condition`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// How it compares.
    pub operator: Operator,
    /// The key as written; keys have no case.
    pub key: String,
    /// The values; for most operators one that fits is enough.
    pub values: Vec<String>,
}

/// A condition operator with its prefix and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// `ForAllValues:` or `ForAnyValue:`
    pub quantifier: Option<Quantifier>,
    /// What it compares.
    pub test: Test,
    /// Whether it is a `Not…`.
    pub negated: bool,
    /// `…IfExists`
    pub if_exists: bool,
    /// Its name without prefix and suffix, as IAM writes it.
    base: &'static str,
}

/// For which values of a key with several a test has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// For all of them; also for none.
    All,
    /// For one of them at least.
    Any,
}

/// What an operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// `StringEquals`, and `BinaryEquals`.
    StringEquals,
    /// `StringEqualsIgnoreCase`
    StringEqualsIgnoreCase,
    /// `StringLike`
    StringLike,
    /// `NumericEquals`
    NumericEquals,
    /// `NumericLessThan`
    NumericLessThan,
    /// `NumericLessThanEquals`
    NumericLessThanEquals,
    /// `NumericGreaterThan`
    NumericGreaterThan,
    /// `NumericGreaterThanEquals`
    NumericGreaterThanEquals,
    /// `DateEquals`
    DateEquals,
    /// `DateLessThan`
    DateLessThan,
    /// `DateLessThanEquals`
    DateLessThanEquals,
    /// `DateGreaterThan`
    DateGreaterThan,
    /// `DateGreaterThanEquals`
    DateGreaterThanEquals,
    /// `Bool`
    Bool,
    /// `IpAddress`
    IpAddress,
    /// `ArnLike`, and `ArnEquals`, which does the same.
    Arn,
    /// `Null`: whether the key is missing.
    Null,
}

const OPERATORS: [(&str, Test, bool); 27] = [
    ("StringEquals", Test::StringEquals, false),
    ("StringNotEquals", Test::StringEquals, true),
    ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Test::StringEqualsIgnoreCase, true),
    ("StringLike", Test::StringLike, false),
    ("StringNotLike", Test::StringLike, true),
    ("NumericEquals", Test::NumericEquals, false),
    ("NumericNotEquals", Test::NumericEquals, true),
    ("NumericLessThan", Test::NumericLessThan, false),
    ("NumericLessThanEquals", Test::NumericLessThanEquals, false),
    ("NumericGreaterThan", Test::NumericGreaterThan, false),
    ("NumericGreaterThanEquals", Test::NumericGreaterThanEquals, false),
    ("DateEquals", Test::DateEquals, false),
    ("DateNotEquals", Test::DateEquals, true),
    ("DateLessThan", Test::DateLessThan, false),
    ("DateLessThanEquals", Test::DateLessThanEquals, false),
    ("DateGreaterThan", Test::DateGreaterThan, false),
    ("DateGreaterThanEquals", Test::DateGreaterThanEquals, false),
    ("Bool", Test::Bool, false),
    ("BinaryEquals", Test::StringEquals, false),
    ("IpAddress", Test::IpAddress, false),
    ("NotIpAddress", Test::IpAddress, true),
    ("ArnEquals", Test::Arn, false),
    ("ArnLike", Test::Arn, false),
    ("ArnNotEquals", Test::Arn, true),
    ("ArnNotLike", Test::Arn, true),
    ("Null", Test::Null, false),
];

impl Operator {
    /// Reads an operator's name, such as `ForAnyValue:StringLikeIfExists`; `None` when IAM has none of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAllValues") => (Some(Quantifier::All), rest),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAnyValue") => (Some(Quantifier::Any), rest),
            Some(_) => return None,
            None => (None, name),
        };
        let cut = rest.len().checked_sub("IfExists".len()).and_then(|at| rest.split_at_checked(at));
        let (base, if_exists) = match cut {
            Some((base, suffix)) if suffix.eq_ignore_ascii_case("IfExists") => (base, true),
            _ => (rest, false),
        };
        let (base, test, negated) = OPERATORS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(base))?;
        // `Null` itself asks whether the key exists.
        let is_known = !(if_exists && *test == Test::Null);
        is_known.then_some(Self { quantifier, test: *test, negated: *negated, if_exists, base })
    }
}

impl Operator {
    /// Its name as IAM writes it.
    pub fn name(&self) -> String {
        let prefix = match self.quantifier {
            Some(Quantifier::All) => "ForAllValues:",
            Some(Quantifier::Any) => "ForAnyValue:",
            None => "",
        };
        let base = self.base;
        format!("{prefix}{base}{}", if self.if_exists { "IfExists" } else { "" })
    }
}

impl Condition {
    /// Whether it holds for a request in which its key has the values `found` (`None`: it is missing). `variable` gives
    /// the values of the variables in the policy's values.
    pub fn holds(&self, found: Option<&[String]>, version: Version, variable: &dyn Fn(&str) -> Option<String>) -> bool {
        let Operator { quantifier, test, negated, if_exists, .. } = self.operator;
        let found = found.filter(|values| !values.is_empty());
        if test == Test::Null {
            return self.values.iter().any(|wanted| wanted.eq_ignore_ascii_case("true") == found.is_none());
        }
        let Some(found) = found else {
            return if_exists || quantifier == Some(Quantifier::All) || (negated && quantifier.is_none());
        };
        let fits = |value: &String| {
            let any = self.values.iter().any(|wanted| fits(test, wanted, value, version, variable));
            any != negated
        };
        match quantifier {
            Some(Quantifier::All) => found.iter().all(fits),
            None if negated => found.iter().all(fits),
            Some(Quantifier::Any) | None => found.iter().any(fits),
        }
    }
}

/// Whether one value of the request is what one value of the policy wants.
fn fits(test: Test, wanted: &str, value: &str, version: Version, variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let wildcards = matches!(test, Test::StringLike | Test::Arn);
    let pattern = || pattern(wanted, wildcards, version, variable);
    let ordered = |of: fn(&str) -> Option<f64>, holds: fn(f64, f64) -> bool| match (of(value), of(wanted)) {
        (Some(value), Some(wanted)) => holds(value, wanted),
        _ => false,
    };
    let has_variables = version == Version::V2012 && wanted.contains("${");
    match test {
        // Most values are plain text.
        Test::StringEquals if !has_variables => wanted == value,
        Test::StringEquals | Test::StringLike => pattern().is_some_and(|pattern| pattern.matches(value)),
        Test::StringEqualsIgnoreCase => {
            let folded = pattern_of_folded(wanted, version, variable);
            folded.is_some_and(|pattern| pattern.matches(&value.to_lowercase()))
        }
        Test::Arn => pattern().is_some_and(|pattern| {
            let (wanted, parts) = (pattern.split_at_colons(6), value.splitn(6, ':').collect::<Vec<_>>());
            let all = wanted.iter().zip(&parts).all(|(wanted, part)| wanted.matches(part));
            // `*` and `arn:*` stand for the parts they leave out.
            let by_part = wanted.len() == 6 && all;
            parts.len() == 6 && (by_part || wanted.len() < 6 && pattern.is_open_ended() && pattern.matches(value))
        }),
        Test::Bool => value.eq_ignore_ascii_case(wanted),
        Test::IpAddress => match (network(wanted), value.parse::<IpAddr>()) {
            (Some(network), Ok(address)) => network.contains(&address),
            _ => false,
        },
        Test::NumericEquals => ordered(number, |value, wanted| value == wanted),
        Test::NumericLessThan => ordered(number, |value, wanted| value < wanted),
        Test::NumericLessThanEquals => ordered(number, |value, wanted| value <= wanted),
        Test::NumericGreaterThan => ordered(number, |value, wanted| value > wanted),
        Test::NumericGreaterThanEquals => ordered(number, |value, wanted| value >= wanted),
        Test::DateEquals => ordered(date_seconds, |value, wanted| value == wanted),
        Test::DateLessThan => ordered(date_seconds, |value, wanted| value < wanted),
        Test::DateLessThanEquals => ordered(date_seconds, |value, wanted| value <= wanted),
        Test::DateGreaterThan => ordered(date_seconds, |value, wanted| value > wanted),
        Test::DateGreaterThanEquals => ordered(date_seconds, |value, wanted| value >= wanted),
        Test::Null => false,
    }
}

fn pattern_of_folded(wanted: &str, version: Version, variable: &dyn Fn(&str) -> Option<String>) -> Option<Pattern> {
    let lower = |name: &str| variable(name).map(|value| value.to_lowercase());
    let mut pattern = Pattern::default();
    for part in parts(wanted, version) {
        match part {
            Part::Text(text) => pattern.push_literal(&text.to_lowercase()),
            Part::Variable(name) => pattern.push_literal(&resolved(name, &lower)?),
        }
    }
    Some(pattern)
}

/// The policy's value with its variables filled in; `None` when one of them has no value, and then nothing fits.
pub(super) fn pattern(
    wanted: &str,
    wildcards: bool,
    version: Version,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<Pattern> {
    let mut pattern = Pattern::default();
    for part in parts(wanted, version) {
        match part {
            Part::Text(text) if wildcards => pattern.push_glob(text),
            Part::Text(text) => pattern.push_literal(text),
            Part::Variable(name) => pattern.push_literal(&resolved(name, variable)?),
        }
    }
    Some(pattern)
}

enum Part<'w> {
    Text(&'w str),
    Variable(&'w str),
}

/// `a${b}c` as text and variables. Only version 2012-10-17 has variables.
fn parts(wanted: &str, version: Version) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = wanted;
    while version == Version::V2012
        && let Some((before, after)) = rest.split_once("${")
        && let Some((name, after)) = after.split_once('}')
    {
        parts.push(Part::Text(before));
        parts.push(Part::Variable(name));
        rest = after;
    }
    parts.push(Part::Text(rest));
    parts
}

/// A variable's value: `${*}`, `${?}` and `${$}` are the characters, `${key, 'text'}` has a default.
fn resolved(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    if matches!(name, "*" | "?" | "$") {
        return Some(name.to_owned());
    }
    let (key, default) = match name.split_once(',') {
        Some((key, default)) => (key.trim(), Some(default.trim().trim_matches('\'').to_owned())),
        None => (name.trim(), None),
    };
    variable(key).or(default)
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// A date as seconds since 1970: ISO 8601, with a time or without, or the number itself.
pub fn date_seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let stamp = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    let stamp = stamp.or_else(|_| format!("{text}-01T00:00:00Z").parse());
    stamp.ok().map(|stamp| stamp.as_duration().as_secs_f64()).or_else(|| number(text))
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
