//! The tree of a rule's condition with each part's verdict, from the engine's own trace.

use rsigma_eval::{ArrayEmptyReason, ConditionTrace, DetectionTrace, ItemTrace, MatchReason, RuleExplanation};
use serde_json::Value;

use super::evidence::kept;
use crate::finding::Trace;
use crate::text::{MOST_IN_A_SENTENCE, visible, visible_at_most};

/// Most members of a list that are shown.
const MOST_MEMBERS: usize = 20;

/// The trace of a whole rule.
pub(super) fn trace(name: &str, explanation: &RuleExplanation) -> Trace {
    Trace::of(name, explanation.matched, explanation.conditions.iter().map(condition).collect())
}

fn condition(trace: &ConditionTrace) -> Trace {
    match trace {
        ConditionTrace::Selection { name, matched, detection } => selection(name, *matched, detection),
        ConditionTrace::And { matched, children } => Trace::of("all of", *matched, all(children)),
        ConditionTrace::Or { matched, children } => Trace::of("any of", *matched, all(children)),
        ConditionTrace::Not { matched, child } => Trace::of("not", *matched, vec![condition(child)]),
        ConditionTrace::Quantified { matched, need, got, branches, .. } => {
            let what = format!("{need} of these {}, {got} held", branches.len());
            let parts = branches.iter().map(|branch| selection(&branch.name, branch.matched, &branch.detection));
            Trace::of(what, *matched, parts.collect())
        }
    }
}

fn all(children: &[ConditionTrace]) -> Vec<Trace> {
    children.iter().map(condition).collect()
}

/// A detection under its name; a level that only repeats it is left out.
fn selection(name: &str, matched: bool, trace: &DetectionTrace) -> Trace {
    let parts = match trace {
        DetectionTrace::AllOf { items, .. } => items.iter().map(item).collect(),
        DetectionTrace::And { branches, .. } => branches.iter().flat_map(parts_of_all).collect(),
        other => vec![detection(other)],
    };
    Trace::of(visible(name), matched, parts)
}

/// The parts of what has to hold as a whole.
fn parts_of_all(trace: &DetectionTrace) -> Vec<Trace> {
    match trace {
        DetectionTrace::AllOf { items, .. } => items.iter().map(item).collect(),
        DetectionTrace::And { branches, .. } => branches.iter().flat_map(parts_of_all).collect(),
        other => vec![detection(other)],
    }
}

fn detection(trace: &DetectionTrace) -> Trace {
    let matched = trace.matched();
    match trace {
        DetectionTrace::AllOf { .. } | DetectionTrace::And { .. } => Trace::of("all of", matched, parts_of_all(trace)),
        DetectionTrace::AnyOf { branches, .. } => {
            Trace::of("any of", matched, branches.iter().map(detection).collect())
        }
        DetectionTrace::Keywords { item: keywords, .. } => item(keywords),
        DetectionTrace::ArrayMatch {
            field, quantifier, member_count, matched_count, empty_reason, members, ..
        } => {
            let field = visible(field);
            let what = match empty_reason {
                Some(ArrayEmptyReason::MissingOrNull) => format!("{field} is absent"),
                Some(ArrayEmptyReason::EmptyArray) => format!("{field} is empty"),
                None => format!("{quantifier} of {field}: {matched_count} of {member_count} held"),
            };
            let parts = members.iter().take(MOST_MEMBERS).map(|member| {
                Trace::of(format!("{field}[{}]", member.index), member.matched, parts_of_all(&member.detection))
            });
            Trace::of(what, matched, parts.collect())
        }
        DetectionTrace::Conditional { condition: inner, .. } => condition(inner),
        DetectionTrace::Other { kind, .. } => Trace::of(visible(kind), matched, Vec::new()),
    }
}

fn item(trace: &ItemTrace) -> Trace {
    let field = trace.field.as_deref().map_or_else(|| "any text of the record".into(), visible);
    let found = match (&trace.actual, trace.reason) {
        (None | Some(Value::Null), MatchReason::NoKeywordMatch) => "has none".to_owned(),
        (None | Some(Value::Null), _) if trace.field.is_none() => "has one".to_owned(),
        // Whether a field says anything is asked as if it were missing where it does not.
        (None | Some(Value::Null), MatchReason::Existence) => "is absent or says nothing".to_owned(),
        (None | Some(Value::Null), _) => "is absent".to_owned(),
        (Some(Value::String(text)), _) => format!("is {}", visible_at_most(text, MOST_IN_A_SENTENCE)),
        (Some(other), _) => format!("is {}", visible_at_most(&other.to_string(), MOST_IN_A_SENTENCE)),
    };
    let matcher = serde_json::to_value(trace.matcher).ok();
    let matcher = matcher.as_ref().and_then(Value::as_str).unwrap_or_default().replace('_', " ");
    let wanted = trace.pattern.as_deref().map(|text| visible_at_most(text, MOST_IN_A_SENTENCE)).unwrap_or_default();
    let wanted = format!("{matcher} {wanted}");
    let what = format!("{field} {found}; wanted: {}", wanted.trim());
    Trace { what, matched: trace.matched, value: trace.actual.clone().map(kept), parts: Vec::new() }
}
