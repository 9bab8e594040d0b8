//! Fields of which a rule asks no more than whether they say anything: `errorCode: '?*'`.
//!
//! Nearly every rule asks so whether a call failed, and a pattern for that takes ten times as long to compile as all else of
//! a rule. So such a field is asked for its existence, and what says nothing is presented as missing.

use std::collections::{BTreeSet, HashMap};

use rsigma_eval::EventValue;
use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaValue, SpecialChar, StringPart};

/// Has the rule ask whether these fields exist; they are those that it asks nothing else of.
pub(super) fn asked_for(named: &mut HashMap<String, Detection>) -> BTreeSet<String> {
    let (mut said, mut others) = (BTreeSet::new(), BTreeSet::new());
    named.values().for_each(|detection| sort(detection, &mut said, &mut others));
    said.retain(|field| !others.contains(field));
    if !said.is_empty() {
        named.values_mut().for_each(|detection| ask(detection, &said));
    }
    said
}

/// Whether a value has a text that is not empty, as the engine finds the text of values.
pub(super) fn says_something(value: &EventValue<'_>) -> bool {
    match value {
        EventValue::Str(text) => !text.is_empty(),
        EventValue::Int(_) | EventValue::Float(_) | EventValue::Bool(_) => true,
        EventValue::Array(elements) => elements.iter().any(says_something),
        EventValue::Null | EventValue::Map(_) => false,
    }
}

/// Fields that are asked whether they say anything, and those that are asked something else.
fn sort(detection: &Detection, said: &mut BTreeSet<String>, others: &mut BTreeSet<String>) {
    match detection {
        Detection::AllOf(items) => {
            for item in items {
                let fields = if is_said(item) { &mut *said } else { &mut *others };
                fields.extend(item.field.name.clone());
                if item.field.has_modifier(Modifier::FieldRef) {
                    let text = |value: &SigmaValue| match value {
                        SigmaValue::String(text) => Some(text.original.clone()),
                        _ => None,
                    };
                    others.extend(item.values.iter().filter_map(text));
                }
            }
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| sort(part, said, others)),
        Detection::Conditional { named, .. } => named.values().for_each(|part| sort(part, said, others)),
        // What stands in the body is of a member; only references lead out of it.
        Detection::ArrayMatch { field, body, .. } => {
            others.insert(field.clone());
            sort(body, &mut BTreeSet::new(), others);
        }
        Detection::Keywords(_) => {}
    }
}

fn ask(detection: &mut Detection, said: &BTreeSet<String>) {
    match detection {
        Detection::AllOf(items) => {
            let is_asked = |item: &&mut DetectionItem| item.field.name.as_ref().is_some_and(|name| said.contains(name));
            for item in items.iter_mut().filter(is_asked) {
                item.field.modifiers = vec![Modifier::Exists];
                item.values = vec![SigmaValue::Bool(true)];
            }
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().for_each(|part| ask(part, said)),
        Detection::Conditional { named, .. } => named.values_mut().for_each(|part| ask(part, said)),
        Detection::ArrayMatch { .. } | Detection::Keywords(_) => {}
    }
}

/// Whether an item asks no more of its field than whether it says anything.
pub(super) fn is_said(item: &DetectionItem) -> bool {
    const SOMETHING: [StringPart; 2] =
        [StringPart::Special(SpecialChar::WildcardSingle), StringPart::Special(SpecialChar::WildcardMulti)];
    let is_something = |value: &SigmaValue| matches!(value, SigmaValue::String(text) if text.parts == SOMETHING);
    item.field.name.is_some()
        && item.field.modifiers.is_empty()
        && matches!(item.values.as_slice(), [value] if is_something(value))
}
