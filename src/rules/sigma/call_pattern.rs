//! The calls that a rule can match, extracted from its detections.
//!
//! A part of a detection that does not restrict the call counts as any call, so the set may be too large but never too
//! small. It determines the rules to evaluate for a call, and whether a rule can match at all.

use std::fmt;

use rsigma_parser::{
    ArrayQuantifier, ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaValue,
    SpecialChar, StringPart,
};
use wildmatch::WildMatch;

use crate::facts::{self, Calls, FACTS};
use crate::rules::sigma::selector::selected;

/// Maximum number of patterns. A rule with more is treated as matching any call.
const MAX_ALTERNATIVES: usize = 512;

/// The text for patterns that match any service or any call.
const ANY_SERVICE: &str = "any service";
const ANY_CALL: &str = "any call";

/// The suffix, in text, of call patterns that match only calls recorded with `readOnly: false`.
const WRITES: &str = " (readOnly: false)";

/// The suffix, in text, of call patterns that match only calls recorded with `managementEvent: true`.
const MANAGEMENT: &str = " (managementEvent: true)";

/// The names of services or calls that a rule can match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// Any name.
    Any,
    /// Names as written in the rule. `*` and `?` are wildcards, and case is ignored.
    These(Vec<String>),
}

/// A set of calls, by service and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPattern {
    /// `eventSource`.
    pub source: Names,
    /// `eventName`.
    pub name: Names,
    /// Whether only records with `readOnly: false` match.
    pub writes_only: bool,
    /// Whether only records with `managementEvent: true` match. Data events and records without the field do not.
    pub management_only: bool,
}

impl CallPattern {
    /// Any call.
    const ANY: Self = Self { source: Names::Any, name: Names::Any, writes_only: false, management_only: false };

    fn matches(&self, source: &str, name: &str) -> bool {
        self.source.matches(source) && self.name.matches(name)
    }
}

/// All calls that a rule can match. Empty if it can match none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPatterns(pub Vec<CallPattern>);

impl Names {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(patterns) => patterns.iter().any(|pattern| pattern_matches(pattern, name)),
        }
    }

    fn and(&self, other: &Self) -> Self {
        let (ours, theirs) = match (self, other) {
            (Self::Any, names) | (names, Self::Any) => return names.clone(),
            (Self::These(ours), Self::These(theirs)) => (ours, theirs),
        };
        let mut both: Vec<String> = Vec::new();
        for (left, right) in ours.iter().flat_map(|left| theirs.iter().map(move |right| (left, right))) {
            let common = match (has_wildcard(left), has_wildcard(right)) {
                (false, _) => pattern_matches(right, left).then_some(left),
                (true, false) => pattern_matches(left, right).then_some(right),
                // The intersection of two patterns is not computed. Either pattern contains it.
                (true, true) => Some(left),
            };
            if let Some(common) = common.filter(|common| !both.contains(common)) {
                both.push(common.clone());
            }
        }
        Self::These(both)
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::These(names) if names.is_empty())
    }
}

/// Whether a name of a service or call contains wildcards.
pub(in crate::rules) fn has_wildcard(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Whether a name matches a pattern in any case.
pub(in crate::rules) fn pattern_matches(pattern: &str, name: &str) -> bool {
    if !has_wildcard(pattern) {
        return pattern.eq_ignore_ascii_case(name);
    }
    // Most patterns are prefixes, which need no copies.
    if let Some(prefix) = pattern.strip_suffix('*').filter(|prefix| !has_wildcard(prefix)) {
        return name.get(..prefix.len()).is_some_and(|name| name.eq_ignore_ascii_case(prefix));
    }
    WildMatch::new(&pattern.to_ascii_lowercase()).matches(&name.to_ascii_lowercase())
}

impl CallPatterns {
    /// Returns the calls that a rule with these detections can match.
    pub(in crate::rules) fn of(detections: &Detections) -> Self {
        let mut all = Self(Vec::new());
        for condition in &detections.conditions {
            all = all.or(Self::of_condition(condition, detections));
        }
        all
    }

    /// Whether any pattern matches the call.
    pub fn matches(&self, source: &str, name: &str) -> bool {
        self.0.iter().any(|call_pattern| call_pattern.matches(source, name))
    }

    /// Whether a pattern that restricts the service or the name matches the call. A rule that can match any write call tests
    /// resources, not calls.
    pub fn matches_by_name(&self, source: &str, name: &str) -> bool {
        let is_restricted =
            |call_pattern: &&CallPattern| call_pattern.source != Names::Any || call_pattern.name != Names::Any;
        self.0.iter().filter(is_restricted).any(|call_pattern| call_pattern.matches(source, name))
    }

    fn any_call() -> Self {
        Self(vec![CallPattern::ANY])
    }

    fn or(mut self, other: Self) -> Self {
        for call_pattern in other.0 {
            if !self.0.contains(&call_pattern) {
                self.0.push(call_pattern);
            }
        }
        if self.0.len() > MAX_ALTERNATIVES { Self::any_call() } else { self }
    }

    fn and(&self, other: &Self) -> Self {
        if self.0.len().saturating_mul(other.0.len()) > MAX_ALTERNATIVES * 8 {
            return self.clone();
        }
        let mut both = Self(Vec::new());
        for (left, right) in self.0.iter().flat_map(|left| other.0.iter().map(move |right| (left, right))) {
            let common = CallPattern {
                source: left.source.and(&right.source),
                name: left.name.and(&right.name),
                writes_only: left.writes_only || right.writes_only,
                management_only: left.management_only || right.management_only,
            };
            if !common.source.is_empty() && !common.name.is_empty() {
                both = both.or(Self(vec![common]));
            }
        }
        both
    }

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::any_call(), |all, part| all.and(&part))
    }

    fn any(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self(Vec::new()), Self::or)
    }

    fn of_condition(condition: &ConditionExpr, detections: &Detections) -> Self {
        match condition {
            ConditionExpr::And(parts) => Self::all(parts.iter().map(|part| Self::of_condition(part, detections))),
            ConditionExpr::Or(parts) => Self::any(parts.iter().map(|part| Self::of_condition(part, detections))),
            ConditionExpr::Not(_) => Self::any_call(),
            ConditionExpr::Identifier(name) => {
                detections.named.get(name).map_or_else(Self::any_call, Self::of_detection)
            }
            ConditionExpr::Selector { quantifier, pattern } => {
                let parts = selected(pattern, detections).into_iter().map(Self::of_detection);
                match quantifier {
                    Quantifier::All => Self::all(parts),
                    Quantifier::Count(0) => Self::any_call(),
                    Quantifier::Any | Quantifier::Count(_) => Self::any(parts),
                }
            }
        }
    }

    /// Returns the calls that a single detection can match.
    pub(in crate::rules) fn of_detection(detection: &Detection) -> Self {
        match detection {
            Detection::AllOf(items) => Self::all(items.iter().map(Self::of_item)),
            Detection::And(parts) => Self::all(parts.iter().map(Self::of_detection)),
            Detection::AnyOf(parts) => Self::any(parts.iter().map(Self::of_detection)),
            Detection::ArrayMatch { quantifier: ArrayQuantifier::Any, body, .. } if never_matches(body) => {
                Self(Vec::new())
            }
            Detection::ArrayMatch { field, quantifier: ArrayQuantifier::Any, .. } => Self::of_fact(field),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } | Detection::Keywords(_) => Self::any_call(),
        }
    }

    fn of_item(item: &DetectionItem) -> Self {
        let field = item.field.name.as_deref().unwrap_or_default();
        if item.values.is_empty() {
            // Under `neq`, every value differs from each of no values.
            return if requires_value(item) { Self(Vec::new()) } else { Self::any_call() };
        }
        let patterns = || item.values.iter().map(|value| pattern(value, &item.field.modifiers)).collect::<Option<_>>();
        match field {
            "eventSource" => patterns().map_or_else(Self::any_call, |names| {
                Self(vec![CallPattern { source: Names::These(names), ..CallPattern::ANY }])
            }),
            "eventName" => patterns().map_or_else(Self::any_call, |names| {
                Self(vec![CallPattern { name: Names::These(names), ..CallPattern::ANY }])
            }),
            "readOnly" if item.field.modifiers.is_empty() && item.values == [SigmaValue::Bool(false)] => {
                Self(vec![CallPattern { writes_only: true, ..CallPattern::ANY }])
            }
            "managementEvent" if item.field.modifiers.is_empty() && item.values == [SigmaValue::Bool(true)] => {
                Self(vec![CallPattern { management_only: true, ..CallPattern::ANY }])
            }
            // The name without the version that AWS Lambda appends.
            "call.operation" => patterns().map_or_else(Self::any_call, |names: Vec<String>| {
                let versions = names.iter().map(|name| format!("{name}20*"));
                let names = names.iter().cloned().chain(versions).collect();
                Self(vec![CallPattern { name: Names::These(names), ..CallPattern::ANY }])
            }),
            field => {
                let matches_absent = |value: &SigmaValue| matches!(value, SigmaValue::Null | SigmaValue::Bool(false));
                let requires_fact = requires_value(item) && !item.values.iter().any(matches_absent);
                if requires_fact { Self::of_fact(field) } else { Self::any_call() }
            }
        }
    }

    /// Returns the calls for which a fact exists. A field of the record exists for any call.
    fn of_fact(path: &str) -> Self {
        let Some(fact) = facts::find(path).and_then(|(index, _)| FACTS.get(index)) else {
            return Self::any_call();
        };
        let call_pattern = |source: &str, name| CallPattern {
            source: Names::These(vec![source.to_owned()]),
            name,
            ..CallPattern::ANY
        };
        match fact.calls {
            Calls::All => Self::any_call(),
            Calls::AllOf(sources) => Self(sources.iter().map(|source| call_pattern(source, Names::Any)).collect()),
            Calls::These(pairs) => {
                let mut all = Self(Vec::new());
                for (source, name) in pairs {
                    let sources = Names::These(vec![(*source).to_owned()]);
                    match all.0.iter_mut().find(|call_pattern| call_pattern.source == sources) {
                        Some(CallPattern { name: Names::These(names), .. }) => names.push((*name).to_owned()),
                        _ => all.0.push(call_pattern(source, Names::These(vec![(*name).to_owned()]))),
                    }
                }
                all
            }
        }
    }
}

/// Whether an item matches only fields that have one of its values.
fn requires_value(item: &DetectionItem) -> bool {
    !item.field.has_modifier(Modifier::Neq) && !item.field.has_modifier(Modifier::Exists)
}

/// Whether no element of an array can match, because a field is compared with an empty placeholder.
pub(in crate::rules) fn never_matches(body: &Detection) -> bool {
    match body {
        Detection::AllOf(items) => items.iter().any(|item| requires_value(item) && item.values.is_empty()),
        Detection::And(parts) => parts.iter().any(never_matches),
        Detection::AnyOf(parts) => !parts.is_empty() && parts.iter().all(never_matches),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } | Detection::Keywords(_) => false,
    }
}

/// Returns a value as a pattern. `None` for values that are not patterns, and for patterns that are not ASCII:
/// case-insensitive comparison also matches the Kelvin sign with `k`.
fn pattern(value: &SigmaValue, modifiers: &[Modifier]) -> Option<String> {
    let SigmaValue::String(text) = value else { return None };
    let mut pattern = String::new();
    for part in &text.parts {
        match part {
            // No AWS name contains `*` or `?`. Read as a wildcard, it only matches more.
            StringPart::Plain(text) => pattern.push_str(text),
            StringPart::Special(SpecialChar::WildcardMulti) => pattern.push('*'),
            StringPart::Special(SpecialChar::WildcardSingle) => pattern.push('?'),
        }
    }
    for modifier in modifiers {
        match modifier {
            Modifier::Contains => pattern = format!("*{pattern}*"),
            Modifier::StartsWith => pattern.push('*'),
            Modifier::EndsWith => pattern.insert(0, '*'),
            // With `contains|all`, every value must match, so the pattern of any value is enough.
            Modifier::Cased | Modifier::All => {}
            _ => return None,
        }
    }
    pattern.is_ascii().then_some(pattern)
}

impl fmt::Display for CallPatterns {
    /// `ec2.amazonaws.com: CreateRoute, ReplaceRoute; iam.amazonaws.com: any call`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("none");
        }
        for (index, call_pattern) in self.0.iter().enumerate() {
            let source = match &call_pattern.source {
                Names::Any => ANY_SERVICE.to_owned(),
                Names::These(names) => names.join(", "),
            };
            let name = match &call_pattern.name {
                Names::Any => ANY_CALL.to_owned(),
                Names::These(names) => names.join(", "),
            };
            let separator = if index > 0 { "; " } else { "" };
            let writes = if call_pattern.writes_only { WRITES } else { "" };
            let management = if call_pattern.management_only { MANAGEMENT } else { "" };
            write!(formatter, "{separator}{source}: {name}{writes}{management}")?;
        }
        Ok(())
    }
}
