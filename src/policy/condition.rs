//! Conditions: an operator, a key and values.
//!
//! Source: IAM user guide, "Condition operators" and "Multivalued context keys".

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use super::document::Version;
use super::pattern::Pattern;

/// One condition of a statement's `Condition` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// The key as written. Keys are case-insensitive.
    pub key: String,
    /// The values. For most operators, one matching value suffices.
    pub values: Vec<String>,
}

/// A condition operator with its prefix and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// `ForAllValues:` or `ForAnyValue:`
    pub quantifier: Option<Quantifier>,
    /// The comparison.
    pub test: Test,
    /// Whether the operator is negated, such as `StringNotEquals`.
    pub negated: bool,
    /// `…IfExists`
    pub if_exists: bool,
    /// The name without prefix and suffix, as IAM writes it.
    base: &'static str,
}

/// The quantifier of an operator for keys with several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// The test must hold for all values of the request. It holds if there are none.
    All,
    /// The test must hold for at least one value of the request.
    Any,
}

/// The comparison of an operator.
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
    /// `ArnLike`, and `ArnEquals`, which is equivalent.
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
    /// Parses the name of an operator, such as `ForAnyValue:StringLikeIfExists`. Returns `None` if IAM has no such operator.
    pub fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAllValues") => (Some(Quantifier::All), rest),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAnyValue") => (Some(Quantifier::Any), rest),
            Some(_) => return None,
            None => (None, name),
        };
        let parts = rest.len().checked_sub("IfExists".len()).and_then(|at| rest.split_at_checked(at));
        let (base, if_exists) = match parts {
            Some((base, suffix)) if suffix.eq_ignore_ascii_case("IfExists") => (base, true),
            _ => (rest, false),
        };
        let (base, test, negated) = OPERATORS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(base))?;
        // `Null` itself checks whether the key exists, so it has no `IfExists` form.
        let is_valid = !(if_exists && *test == Test::Null);
        is_valid.then_some(Self { quantifier, test: *test, negated: *negated, if_exists, base })
    }

    /// The name as IAM writes it.
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
    /// Whether the condition holds for a request. `actual` are the values of its key, `None` if the key is missing. `variable`
    /// returns the value of a policy variable.
    pub fn holds(
        &self,
        actual: Option<&[String]>,
        version: Version,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> bool {
        let Operator { quantifier, test, negated, if_exists, .. } = self.operator;
        let actual = actual.filter(|values| !values.is_empty());
        if test == Test::Null {
            return self.values.iter().any(|expected| expected.eq_ignore_ascii_case("true") == actual.is_none());
        }
        let Some(actual) = actual else {
            return if_exists || quantifier == Some(Quantifier::All) || (negated && quantifier.is_none());
        };
        let passes = |value: &String| {
            self.values.iter().any(|expected| matches(test, expected, value, version, variable)) != negated
        };
        match quantifier {
            Some(Quantifier::All) => actual.iter().all(passes),
            None if negated => actual.iter().all(passes),
            Some(Quantifier::Any) | None => actual.iter().any(passes),
        }
    }
}

/// Whether a value of the request passes a test against a value of the policy.
fn matches(
    test: Test,
    expected: &str,
    value: &str,
    version: Version,
    variable: &dyn Fn(&str) -> Option<String>,
) -> bool {
    let wildcards = matches!(test, Test::StringLike | Test::Arn);
    let pattern = || pattern(expected, wildcards, version, variable);
    let compare = |parse: fn(&str) -> Option<f64>, holds: fn(f64, f64) -> bool| {
        parse(value).zip(parse(expected)).is_some_and(|(value, expected)| holds(value, expected))
    };
    let has_variables = version == Version::V2012 && expected.contains("${");
    match test {
        // Most values contain no variable. This avoids building a pattern.
        Test::StringEquals if !has_variables => expected == value,
        Test::StringEquals | Test::StringLike => pattern().is_some_and(|pattern| pattern.matches(value)),
        Test::StringEqualsIgnoreCase => {
            let pattern = lowercase_pattern(expected, version, variable);
            pattern.is_some_and(|pattern| pattern.matches(&value.to_lowercase()))
        }
        Test::Arn => pattern().is_some_and(|pattern| {
            let (patterns, parts) = (pattern.split_at_colons(6), value.splitn(6, ':').collect::<Vec<_>>());
            let all_match = patterns.iter().zip(&parts).all(|(pattern, part)| pattern.matches(part));
            // In a pattern of fewer parts, such as `*` or `arn:*`, the last wildcard matches the missing parts.
            let is_prefix = patterns.len() < 6 && pattern.is_open_ended() && pattern.matches(value);
            parts.len() == 6 && (patterns.len() == 6 && all_match || is_prefix)
        }),
        Test::Bool => value.eq_ignore_ascii_case(expected),
        Test::IpAddress => match (network(expected), value.parse::<IpAddr>()) {
            (Some(network), Ok(address)) => network.contains(&address),
            _ => false,
        },
        Test::NumericEquals => compare(number, |value, expected| value == expected),
        Test::NumericLessThan => compare(number, |value, expected| value < expected),
        Test::NumericLessThanEquals => compare(number, |value, expected| value <= expected),
        Test::NumericGreaterThan => compare(number, |value, expected| value > expected),
        Test::NumericGreaterThanEquals => compare(number, |value, expected| value >= expected),
        Test::DateEquals => compare(date_seconds, |value, expected| value == expected),
        Test::DateLessThan => compare(date_seconds, |value, expected| value < expected),
        Test::DateLessThanEquals => compare(date_seconds, |value, expected| value <= expected),
        Test::DateGreaterThan => compare(date_seconds, |value, expected| value > expected),
        Test::DateGreaterThanEquals => compare(date_seconds, |value, expected| value >= expected),
        Test::Null => false,
    }
}

fn lowercase_pattern(expected: &str, version: Version, variable: &dyn Fn(&str) -> Option<String>) -> Option<Pattern> {
    let lowercase = |name: &str| variable(name).map(|value| value.to_lowercase());
    let mut pattern = Pattern::default();
    for part in parts(expected, version) {
        match part {
            Part::Text(text) => pattern.push_literal(&text.to_lowercase()),
            Part::Variable(name) => pattern.push_literal(&resolved(name, &lowercase)?),
        }
    }
    Some(pattern)
}

/// The pattern of a policy value with the values of its variables. Returns `None` if a variable has no value: then no value
/// matches.
pub(super) fn pattern(
    expected: &str,
    wildcards: bool,
    version: Version,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<Pattern> {
    let mut pattern = Pattern::default();
    for part in parts(expected, version) {
        match part {
            Part::Text(text) if wildcards => pattern.push_glob(text),
            Part::Text(text) => pattern.push_literal(text),
            Part::Variable(name) => pattern.push_literal(&resolved(name, variable)?),
        }
    }
    Some(pattern)
}

enum Part<'v> {
    Text(&'v str),
    Variable(&'v str),
}

/// Splits a policy value such as `a${b}c` into text and variables. Only version 2012-10-17 has variables.
fn parts(expected: &str, version: Version) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = expected;
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

/// The value of a variable. `${*}`, `${?}` and `${$}` are literal characters. `${key, 'text'}` has a default.
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

/// Parses a date as seconds since 1970: ISO 8601 with or without a time, or a number of seconds.
pub fn date_seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let stamp = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    let stamp = stamp.or_else(|_| format!("{text}-01T00:00:00Z").parse());
    stamp.ok().map(|stamp| stamp.as_duration().as_secs_f64()).or_else(|| number(text))
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
