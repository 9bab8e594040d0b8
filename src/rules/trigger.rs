//! The calls a rule can possibly match, read off its detection.
//!
//! Whatever cannot be read off is taken for anything: the set may be too large, never too small. It answers which rules
//! watch a call, and whether a rule can ever match.

use std::fmt;

use rsigma_parser::{
    ArrayQuantifier, ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SigmaValue,
    SpecialChar, StringPart,
};
use wildmatch::WildMatch;

use super::selector::selected;
use crate::facts::{self, Calls, FACTS};

/// More alternatives than this are taken for anything.
const MOST: usize = 512;

/// How services and calls are shown where any is admitted.
const ANY_SERVICE: &str = "any service";
const ANY_CALL: &str = "any call";

/// How triggers end that admit only calls recorded with `readOnly: false`.
const WRITES: &str = " (readOnly: false)";

/// How triggers end that admit only calls recorded with `managementEvent: true`.
const MANAGEMENT: &str = " (managementEvent: true)";

/// The names of services or calls a rule admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// Whatever they are.
    Any,
    /// These, as written in the rule, with `*` and `?` as wildcards; case does not matter.
    These(Vec<String>),
}

/// Calls by service and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// `eventSource`.
    pub source: Names,
    /// `eventName`.
    pub name: Names,
    /// Whether only records with `readOnly: false` match.
    pub writes_only: bool,
    /// Whether only records with `managementEvent: true` match. Data events do not, nor do records without the field.
    pub management_only: bool,
}

impl Trigger {
    /// Any call, recorded either way.
    const ANY: Self = Self { source: Names::Any, name: Names::Any, writes_only: false, management_only: false };
}

/// All calls a rule can match; none when it can match nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triggers(pub Vec<Trigger>);

impl Names {
    fn admit(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(patterns) => patterns.iter().any(|pattern| matches(pattern, name)),
        }
    }

    fn and(&self, other: &Self) -> Self {
        let (ours, theirs) = match (self, other) {
            (Self::Any, names) | (names, Self::Any) => return names.clone(),
            (Self::These(ours), Self::These(theirs)) => (ours, theirs),
        };
        let is_wild = |pattern: &str| pattern.contains(['*', '?']);
        let mut both: Vec<String> = Vec::new();
        for (one, other) in ours.iter().flat_map(|one| theirs.iter().map(move |other| (one, other))) {
            let common = match (is_wild(one), is_wild(other)) {
                (false, _) => matches(other, one).then_some(one),
                (true, false) => matches(one, other).then_some(other),
                // What two patterns have in common is not worked out; one of them holds at least that.
                (true, true) => Some(one),
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

fn matches(pattern: &str, name: &str) -> bool {
    let is_wild = |text: &str| text.contains(['*', '?']);
    if !is_wild(pattern) {
        return pattern.eq_ignore_ascii_case(name);
    }
    // What most patterns are takes no copies.
    if let Some(beginning) = pattern.strip_suffix('*').filter(|beginning| !is_wild(beginning)) {
        return name.get(..beginning.len()).is_some_and(|name| name.eq_ignore_ascii_case(beginning));
    }
    WildMatch::new(&pattern.to_ascii_lowercase()).matches(&name.to_ascii_lowercase())
}

impl Triggers {
    /// The calls a rule with this detection can match.
    pub(super) fn of(detections: &Detections) -> Self {
        let mut all = Self(Vec::new());
        for condition in &detections.conditions {
            all = all.or(Self::of_condition(condition, detections));
        }
        all
    }

    /// Whether the rule could match such a call.
    pub fn admit(&self, source: &str, name: &str) -> bool {
        self.0.iter().any(|trigger| trigger.source.admit(source) && trigger.name.admit(name))
    }

    /// The same for the triggers that name the service or the call: one that admits any write call is about resources,
    /// not about calls.
    pub fn name(&self, source: &str, name: &str) -> bool {
        let names_something = |trigger: &&Trigger| trigger.source != Names::Any || trigger.name != Names::Any;
        let mut triggers = self.0.iter().filter(names_something);
        triggers.any(|trigger| trigger.source.admit(source) && trigger.name.admit(name))
    }

    fn anything() -> Self {
        Self(vec![Trigger::ANY])
    }

    fn or(mut self, other: Self) -> Self {
        for trigger in other.0 {
            if !self.0.contains(&trigger) {
                self.0.push(trigger);
            }
        }
        if self.0.len() > MOST { Self::anything() } else { self }
    }

    fn and(&self, other: &Self) -> Self {
        if self.0.len().saturating_mul(other.0.len()) > MOST * 8 {
            return self.clone();
        }
        let mut both = Self(Vec::new());
        for (one, other) in self.0.iter().flat_map(|one| other.0.iter().map(move |other| (one, other))) {
            let common = Trigger {
                source: one.source.and(&other.source),
                name: one.name.and(&other.name),
                writes_only: one.writes_only || other.writes_only,
                management_only: one.management_only || other.management_only,
            };
            if !common.source.is_empty() && !common.name.is_empty() {
                both = both.or(Self(vec![common]));
            }
        }
        both
    }

    fn all(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::anything(), |all, part| all.and(&part))
    }

    fn any(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self(Vec::new()), Self::or)
    }

    fn of_condition(condition: &ConditionExpr, detections: &Detections) -> Self {
        match condition {
            ConditionExpr::And(parts) => Self::all(parts.iter().map(|part| Self::of_condition(part, detections))),
            ConditionExpr::Or(parts) => Self::any(parts.iter().map(|part| Self::of_condition(part, detections))),
            ConditionExpr::Not(_) => Self::anything(),
            ConditionExpr::Identifier(name) => {
                detections.named.get(name).map_or_else(Self::anything, Self::of_detection)
            }
            ConditionExpr::Selector { quantifier, pattern } => {
                let parts = selected(pattern, detections).into_iter().map(Self::of_detection);
                match quantifier {
                    Quantifier::All => Self::all(parts),
                    Quantifier::Count(0) => Self::anything(),
                    Quantifier::Any | Quantifier::Count(_) => Self::any(parts),
                }
            }
        }
    }

    /// The calls that a detection alone admits.
    pub(super) fn of_detection(detection: &Detection) -> Self {
        match detection {
            Detection::AllOf(items) => Self::all(items.iter().map(Self::of_item)),
            Detection::And(parts) => Self::all(parts.iter().map(Self::of_detection)),
            Detection::AnyOf(parts) => Self::any(parts.iter().map(Self::of_detection)),
            Detection::ArrayMatch { quantifier: ArrayQuantifier::Any, body, .. } if is_never(body) => Self(Vec::new()),
            Detection::ArrayMatch { field, quantifier: ArrayQuantifier::Any, .. } => Self::of_fact(field),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } | Detection::Keywords(_) => Self::anything(),
        }
    }

    fn of_item(item: &DetectionItem) -> Self {
        let field = item.field.name.as_deref().unwrap_or_default();
        let is_affirmed = !item.field.has_modifier(Modifier::Neq) && !item.field.has_modifier(Modifier::Exists);
        if item.values.is_empty() {
            // None of no values is what every value is.
            return if is_affirmed { Self(Vec::new()) } else { Self::anything() };
        }
        let patterns = || item.values.iter().map(|value| pattern(value, &item.field.modifiers)).collect::<Option<_>>();
        match field {
            "eventSource" => patterns().map_or_else(Self::anything, |names| {
                Self(vec![Trigger { source: Names::These(names), ..Trigger::ANY }])
            }),
            "eventName" => patterns()
                .map_or_else(Self::anything, |names| Self(vec![Trigger { name: Names::These(names), ..Trigger::ANY }])),
            "readOnly" if item.field.modifiers.is_empty() && item.values == [SigmaValue::Bool(false)] => {
                Self(vec![Trigger { writes_only: true, ..Trigger::ANY }])
            }
            "managementEvent" if item.field.modifiers.is_empty() && item.values == [SigmaValue::Bool(true)] => {
                Self(vec![Trigger { management_only: true, ..Trigger::ANY }])
            }
            // The name without the version that AWS Lambda appends.
            "call.operation" => patterns().map_or_else(Self::anything, |names: Vec<String>| {
                let versions = names.iter().map(|name| format!("{name}20*"));
                let names = names.iter().cloned().chain(versions).collect();
                Self(vec![Trigger { name: Names::These(names), ..Trigger::ANY }])
            }),
            field => {
                let says_absent = |value: &SigmaValue| matches!(value, SigmaValue::Null | SigmaValue::Bool(false));
                let is_asked_for = is_affirmed && !item.values.iter().any(says_absent);
                if is_asked_for { Self::of_fact(field) } else { Self::anything() }
            }
        }
    }

    /// The calls for which there is such a fact; anything when it is a field of the record.
    fn of_fact(path: &str) -> Self {
        let Some(fact) = facts::find(path).and_then(|(place, _)| FACTS.get(place)) else {
            return Self::anything();
        };
        let trigger =
            |source: &str, name| Trigger { source: Names::These(vec![source.to_owned()]), name, ..Trigger::ANY };
        match fact.calls {
            Calls::All => Self::anything(),
            Calls::AllOf(sources) => Self(sources.iter().map(|source| trigger(source, Names::Any)).collect()),
            Calls::These(pairs) => {
                let mut all = Self(Vec::new());
                for (source, name) in pairs {
                    let of_source = Names::These(vec![(*source).to_owned()]);
                    match all.0.iter_mut().find(|one| one.source == of_source) {
                        Some(Trigger { name: Names::These(names), .. }) => names.push((*name).to_owned()),
                        _ => all.0.push(trigger(source, Names::These(vec![(*name).to_owned()]))),
                    }
                }
                all
            }
        }
    }
}

/// Whether no member of an array can match: a field is compared with no value, because nothing fills its placeholders.
pub(super) fn is_never(body: &Detection) -> bool {
    match body {
        Detection::AllOf(items) => items.iter().any(|item| {
            let is_affirmed = !item.field.has_modifier(Modifier::Neq) && !item.field.has_modifier(Modifier::Exists);
            is_affirmed && item.values.is_empty()
        }),
        Detection::And(parts) => parts.iter().any(is_never),
        Detection::AnyOf(parts) => !parts.is_empty() && parts.iter().all(is_never),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } | Detection::Keywords(_) => false,
    }
}

/// A value as a pattern; `None` when it is none, or has letters beyond ASCII: the Kelvin sign is a `k` to whoever ignores
/// case.
fn pattern(value: &SigmaValue, modifiers: &[Modifier]) -> Option<String> {
    let SigmaValue::String(text) = value else { return None };
    let mut pattern = String::new();
    for part in &text.parts {
        match part {
            // A name with a star of its own is none that AWS has; taken for a wildcard it admits more, not less.
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
            // `contains|all`: each of the values has to fit, so that any one of them admits enough.
            Modifier::Cased | Modifier::All => {}
            _ => return None,
        }
    }
    pattern.is_ascii().then_some(pattern)
}

impl fmt::Display for Triggers {
    /// `ec2.amazonaws.com: CreateRoute, ReplaceRoute; iam.amazonaws.com: any call`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("none");
        }
        for (place, trigger) in self.0.iter().enumerate() {
            let source = match &trigger.source {
                Names::Any => ANY_SERVICE.to_owned(),
                Names::These(names) => names.join(", "),
            };
            let name = match &trigger.name {
                Names::Any => ANY_CALL.to_owned(),
                Names::These(names) => names.join(", "),
            };
            let separator = if place > 0 { "; " } else { "" };
            let writes = if trigger.writes_only { WRITES } else { "" };
            let management = if trigger.management_only { MANAGEMENT } else { "" };
            write!(formatter, "{separator}{source}: {name}{writes}{management}")?;
        }
        Ok(())
    }
}
