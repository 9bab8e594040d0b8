//! A detection that can be run, as the Sigma specification means it.
//!
//! In some forms the engine reads a rule otherwise than the specification: those are put in a form that both read alike
//! before they are compiled, and the record is presented to match.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::OnceLock;

use rsigma_eval::compiler::eval_condition;
use rsigma_eval::{CompiledRule, EvalError, Event, EventValue, RuleExplanation, compile_rule, explain_rule};
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, FieldSpec, Modifier, SigmaRule, SigmaValue, SpecialChar, StringPart,
};

use super::clauses::Clauses;
use super::said;
use super::subject::{Subject, event_value};
use crate::event::Value;

/// A rule's detection, compiled.
#[derive(Debug)]
pub(super) struct Matcher {
    compiled: CompiledRule,
    /// The fields that are compared with text, so that an object is presented as its text.
    texts: BTreeSet<String>,
    /// The fields that are missing where they say nothing.
    said: BTreeSet<String>,
    /// The texts that fields are compared with and that are numbers.
    numbers: Numbers,
    /// What is to be told of each detection that holds.
    clauses: OnceLock<HashMap<String, Clauses>>,
}

impl Matcher {
    /// Compiles the detection of `sigma`.
    ///
    /// # Errors
    /// What the engine says against it.
    pub(super) fn new(sigma: &SigmaRule) -> Result<Self, EvalError> {
        let mut meant = sigma.clone();
        let mut texts = BTreeSet::new();
        let mut numbers = Numbers::new();
        meant.detection.named.values().for_each(|detection| numbers_in(detection, &mut numbers));
        meant.detection.named.values().for_each(|detection| fields_with_text(detection, &mut texts));
        let said = said::asked_for(&mut meant.detection.named);
        meant.detection.named.values_mut().for_each(|detection| rewrite(detection, true));
        // Where a rule looks into the members of an array, they stay what they are.
        meant.detection.named.values().for_each(|detection| forget_arrays(detection, &mut texts));
        Ok(Self { compiled: compile_rule(&meant)?, texts, said, numbers, clauses: OnceLock::new() })
    }

    /// The engine's own form.
    pub(super) fn compiled(&self) -> &CompiledRule {
        &self.compiled
    }

    /// Whether it matches.
    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        self.compiled.conditions.iter().any(|condition| self.condition_holds(condition, subject))
    }

    /// Those of its conditions that hold; none when it does not match.
    pub(super) fn holding(&self, subject: &Subject<'_>) -> Vec<&ConditionExpr> {
        self.compiled.conditions.iter().filter(|condition| self.condition_holds(condition, subject)).collect()
    }

    /// Whether a condition over its detections holds.
    pub(super) fn condition_holds(&self, condition: &ConditionExpr, subject: &Subject<'_>) -> bool {
        // One pass; the engine's verdict on a rule costs three when it matches.
        eval_condition(condition, &self.compiled.detections, &self.asked(subject), &mut Vec::new())
    }

    /// What is to be told of the detections that hold, by their names.
    pub(super) fn clauses(&self) -> &HashMap<String, Clauses> {
        self.clauses.get_or_init(|| Clauses::of(&self.compiled))
    }

    /// The value of a field as it is compared.
    pub(super) fn value<'s>(&'s self, subject: &'s Subject<'_>, field: &str) -> Option<serde_json::Value> {
        self.asked(subject).get_field(field).map(|value| value.to_json())
    }

    /// How it comes to its verdict.
    pub(super) fn explain(&self, subject: &Subject<'_>) -> RuleExplanation {
        self.explain_part(&self.compiled, subject)
    }

    /// How a rule that is part of it comes to its verdict.
    pub(super) fn explain_part(&self, part: &CompiledRule, subject: &Subject<'_>) -> RuleExplanation {
        explain_rule(part, &self.asked(subject))
    }

    fn asked<'m, 'e>(&'m self, subject: &'m Subject<'e>) -> Asked<'m, 'e> {
        Asked { subject, texts: &self.texts, said: &self.said, numbers: &self.numbers }
    }
}

/// A record as one rule asks about it. Null is the same as missing, and among several values it is none.
struct Asked<'m, 'e> {
    subject: &'m Subject<'e>,
    texts: &'m BTreeSet<String>,
    said: &'m BTreeSet<String>,
    numbers: &'m Numbers,
}

impl<'m> Asked<'m, '_> {
    fn shown<'v>(&self, path: &str, value: &'v Value<'_>) -> EventValue<'v>
    where
        'm: 'v,
    {
        match value {
            Value::Number(_) | Value::Array(_) if !self.numbers.is_empty() && self.numbers.contains_key(path) => {
                self.as_written(path, value)
            }
            Value::Array(_) | Value::Object(_) if self.texts.contains(path) => text_value(value),
            // Scalars are the same as text.
            value => event_value(value),
        }
    }

    /// A number as the rule writes it, if it is one of those that the rule compares it with.
    fn as_written<'v>(&self, path: &str, value: &'v Value<'_>) -> EventValue<'v>
    where
        'm: 'v,
    {
        match value {
            Value::Array(elements) => {
                EventValue::Array(elements.iter().map(|element| self.as_written(path, element)).collect())
            }
            Value::Number(number) => {
                let number = number.to_string();
                let written = self.numbers.get(path).into_iter().flatten().find(|text| is_same_number(text, &number));
                written.map_or_else(|| event_value(value), |text| EventValue::Str(Cow::Borrowed(text)))
            }
            Value::Object(_) if self.texts.contains(path) => text_value(value),
            value => event_value(value),
        }
    }

    fn value(&self, path: &str) -> Option<EventValue<'_>> {
        if !path.contains(['.', '[', '\\']) {
            // Most fields that rules name are the record's own members.
            let value = self.subject.event.top(path).filter(|value| !value.is_null())?;
            return Some(self.shown(path, value));
        }
        let mut found = self.subject.select(path);
        found.retain(|value| !value.is_null());
        let mut found = found.into_iter().map(|value| self.shown(path, value));
        let first = found.next()?;
        let mut rest: Vec<_> = found.collect();
        if rest.is_empty() {
            return Some(first);
        }
        rest.insert(0, first);
        Some(EventValue::Array(rest))
    }
}

impl Event for Asked<'_, '_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let value = self.value(path)?;
        (said::says_something(&value) || !self.said.contains(path)).then_some(value)
    }

    fn any_string_value(&self, predicate: &dyn Fn(&str) -> bool) -> bool {
        self.subject.any_string_value(predicate)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.subject.all_string_values()
    }

    fn to_json(&self) -> serde_json::Value {
        self.subject.to_json()
    }
}

/// A value in which every object is its text.
fn text_value<'v>(value: &'v Value<'_>) -> EventValue<'v> {
    match value {
        Value::Array(elements) => EventValue::Array(elements.iter().map(text_value).collect()),
        Value::Object(_) => {
            let mut text = String::new();
            write_text(value, &mut text);
            EventValue::Str(Cow::Owned(text))
        }
        scalar => event_value(scalar),
    }
}

/// Compact JSON, but for the strings in it, which stand in quotes as they are: a policy document inside a string reads
/// like one outside.
fn write_text(value: &Value<'_>, text: &mut String) {
    let separator = |place: usize| if place > 0 { "," } else { "" };
    match value {
        Value::Str(string) => {
            text.push('"');
            text.push_str(string);
            text.push('"');
        }
        Value::Array(elements) => {
            text.push('[');
            for (place, element) in elements.iter().enumerate() {
                text.push_str(separator(place));
                write_text(element, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (place, (key, member)) in members.iter().enumerate() {
                text.push_str(separator(place));
                // Writing to a string cannot fail.
                let _ = write!(text, "\"{key}\":");
                write_text(member, text);
            }
            text.push('}');
        }
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(text, "{number}");
        }
    }
}

/// Texts that are numbers, by the field that is compared with them.
type Numbers = BTreeMap<String, Vec<String>>;

/// Collects the quoted numbers of a detection: a number in a record is equal to them however either is written.
fn numbers_in(detection: &Detection, numbers: &mut Numbers) {
    const OF_EQUALITY: [Modifier; 3] = [Modifier::All, Modifier::Cased, Modifier::Neq];
    match detection {
        Detection::AllOf(items) => {
            let is_equality =
                |item: &&DetectionItem| item.field.modifiers.iter().all(|modifier| OF_EQUALITY.contains(modifier));
            for item in items.iter().filter(is_equality) {
                for value in &item.values {
                    if let (Some(field), SigmaValue::String(text)) = (&item.field.name, value)
                        && serde_json::from_str::<serde_json::Number>(&text.original).is_ok()
                    {
                        numbers.entry(field.clone()).or_default().push(text.original.clone());
                    }
                }
            }
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| numbers_in(part, numbers)),
        Detection::Conditional { named, .. } => named.values().for_each(|part| numbers_in(part, numbers)),
        Detection::ArrayMatch { .. } | Detection::Keywords(_) => {}
    }
}

/// Whether two texts are the same number; of integers, to the last digit.
fn is_same_number(one: &str, other: &str) -> bool {
    let integers = || Some(one.parse::<i128>().ok()? == other.parse::<i128>().ok()?);
    let fractions = || Some(one.parse::<f64>().ok()? == other.parse::<f64>().ok()?);
    integers().or_else(fractions).unwrap_or(false)
}

fn fields_with_text(detection: &Detection, texts: &mut BTreeSet<String>) {
    match detection {
        Detection::AllOf(items) => {
            let has_text = |item: &&DetectionItem| {
                let is_text = |value: &SigmaValue| matches!(value, SigmaValue::String(_));
                !item.field.has_modifier(Modifier::Exists) && item.values.iter().any(is_text)
            };
            texts.extend(items.iter().filter(has_text).filter_map(|item| item.field.name.clone()));
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| fields_with_text(part, texts)),
        Detection::Conditional { named, .. } => named.values().for_each(|part| fields_with_text(part, texts)),
        Detection::ArrayMatch { .. } | Detection::Keywords(_) => {}
    }
}

fn forget_arrays(detection: &Detection, texts: &mut BTreeSet<String>) {
    match detection {
        Detection::ArrayMatch { field, .. } => {
            texts.remove(field);
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| forget_arrays(part, texts)),
        Detection::Conditional { named, .. } => named.values().for_each(|part| forget_arrays(part, texts)),
        Detection::AllOf(_) | Detection::Keywords(_) => {}
    }
}

/// `outermost`: items without a field are keywords, not the member of an array.
fn rewrite(detection: &mut Detection, outermost: bool) {
    match detection {
        Detection::AllOf(items) => {
            let items: Vec<Detection> =
                std::mem::take(items).into_iter().flat_map(|item| rewritten(item, outermost)).collect();
            *detection = all_of(items);
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().for_each(|part| rewrite(part, outermost)),
        Detection::ArrayMatch { body, .. } => rewrite(body, false),
        Detection::Conditional { named, .. } => named.values_mut().for_each(|part| rewrite(part, outermost)),
        Detection::Keywords(values) if outermost => {
            if let Some(values) = values.iter().map(keyword).collect() {
                *detection = Detection::AllOf(vec![searched(values)]);
            }
        }
        Detection::Keywords(_) => {}
    }
}

/// The parts as one detection: those that are plain lists of items as one list.
fn all_of(parts: Vec<Detection>) -> Detection {
    let mut items = Vec::new();
    let mut others = Vec::new();
    for part in parts {
        match part {
            Detection::AllOf(some) => items.extend(some),
            other => others.push(other),
        }
    }
    if others.is_empty() {
        return Detection::AllOf(items);
    }
    if !items.is_empty() {
        others.insert(0, Detection::AllOf(items));
    }
    Detection::And(others)
}

fn rewritten(mut item: DetectionItem, outermost: bool) -> Vec<Detection> {
    if outermost && item.field.name.is_none() {
        return rewritten_keywords(item);
    }
    let is_null = |value: &SigmaValue| matches!(value, SigmaValue::Null);
    let names_null = item.values.iter().any(is_null);
    // Of a field that is missing the engine asks only whether null is all that is wanted. But what is missing is one of
    // several values when null is among them, and it is different from any that is not null.
    let is_negated = item.field.has_modifier(Modifier::Neq);
    let may_be_absent = if names_null {
        !is_negated && !item.field.has_modifier(Modifier::All) && item.values.len() > 1
    } else {
        is_negated
    };
    if !may_be_absent {
        as_regex(&mut item);
        return vec![Detection::AllOf(vec![item])];
    }
    item.values.retain(|value| !is_null(value));
    as_regex(&mut item);
    let field = FieldSpec::new(item.field.name.clone(), Vec::new());
    let absent = DetectionItem { field, values: vec![SigmaValue::Null] };
    let present = Some(item).filter(|item| !names_null || !item.values.is_empty());
    let ways = present.into_iter().chain([absent]).map(|item| Detection::AllOf(vec![item]));
    vec![Detection::AnyOf(ways.collect())]
}

/// `'|all': [a, b]`: each is somewhere in the record, not both in one place of it.
fn rewritten_keywords(item: DetectionItem) -> Vec<Detection> {
    let only_all = item.field.modifiers == [Modifier::All] || item.field.modifiers.is_empty();
    let patterns: Option<Vec<SigmaValue>> = item.values.iter().map(keyword).collect();
    match patterns.filter(|_| only_all) {
        None => vec![Detection::AllOf(vec![item])],
        Some(patterns) if item.field.modifiers.is_empty() => vec![Detection::AllOf(vec![searched(patterns)])],
        Some(patterns) => {
            vec![Detection::AllOf(patterns.into_iter().map(|pattern| searched(vec![pattern])).collect())]
        }
    }
}

/// Patterns of which one is found in the text of the record.
fn searched(patterns: Vec<SigmaValue>) -> DetectionItem {
    let modifiers = vec![Modifier::Re, Modifier::IgnoreCase, Modifier::DotAll];
    DetectionItem { field: FieldSpec::new(None, modifiers), values: patterns }
}

/// A keyword as a pattern that is found wherever the keyword stands.
fn keyword(value: &SigmaValue) -> Option<SigmaValue> {
    pattern(value).map(|pattern| SigmaValue::from_raw_string(&pattern))
}

/// Wildcards stand for any character, also for a line break, and keep their place beside `|startswith` and `|endswith`.
fn as_regex(item: &mut DetectionItem) {
    const ENDS: [Modifier; 3] = [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith];
    const KEPT: [Modifier; 3] = [Modifier::Cased, Modifier::All, Modifier::Neq];
    let modifiers = &item.field.modifiers;
    let is_wild = |value: &SigmaValue| matches!(value, SigmaValue::String(text) if text.contains_wildcards());
    let ends: Vec<Modifier> = modifiers.iter().copied().filter(|modifier| ENDS.contains(modifier)).collect();
    let is_plain = modifiers.iter().all(|modifier| ENDS.contains(modifier) || KEPT.contains(modifier));
    if !is_plain || ends.len() > 1 || !item.values.iter().any(is_wild) {
        return;
    }
    let (start, end) = match ends.first() {
        Some(Modifier::Contains) => ("", ""),
        Some(Modifier::StartsWith) => ("^", ""),
        Some(_) => ("", "$"),
        None => ("^", "$"),
    };
    let anchored = |value| pattern(value).map(|pattern| SigmaValue::from_raw_string(&format!("{start}{pattern}{end}")));
    let Some(patterns) = item.values.iter().map(anchored).collect() else { return };
    item.values = patterns;
    let is_cased = modifiers.contains(&Modifier::Cased);
    item.field.modifiers.retain(|modifier| [Modifier::All, Modifier::Neq].contains(modifier));
    item.field.modifiers.extend([Modifier::Re, Modifier::DotAll]);
    if !is_cased {
        item.field.modifiers.push(Modifier::IgnoreCase);
    }
}

/// The regular expression for a value; `None` for null.
fn pattern(value: &SigmaValue) -> Option<String> {
    let text = match value {
        SigmaValue::String(text) => text,
        SigmaValue::Integer(number) => return Some(number.to_string()),
        SigmaValue::Float(number) => return Some(regex::escape(&number.to_string())),
        SigmaValue::Bool(flag) => return Some(flag.to_string()),
        SigmaValue::Null => return None,
    };
    let parts = text.parts.iter().map(|part| match part {
        StringPart::Plain(text) => regex::escape(text),
        StringPart::Special(SpecialChar::WildcardMulti) => ".*".to_owned(),
        StringPart::Special(SpecialChar::WildcardSingle) => ".".to_owned(),
    });
    Some(parts.collect())
}
