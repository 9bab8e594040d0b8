//! The trace of a rule, formatted for people.

use rsigma_parser::ArrayQuantifier;

use crate::finding::Trace;
use crate::rules::sigma::{CompiledItem, FieldValues, NodeKind, RuleTrace, TraceNode};
use crate::rules::text::evidence::truncated;
use crate::text::{MAX_IN_SENTENCE, visible, visible_at_most};

/// Maximum number of array elements in an explanation.
const MAX_ELEMENTS: usize = 20;

/// Formats the trace of a rule.
pub(in crate::rules) fn trace(name: &str, trace: &RuleTrace<'_>) -> Trace {
    Trace::of(name, trace.matched, nodes(&trace.conditions))
}

/// Returns a trace that does not match, with a note that gives the reason. `holds`: whether the note is shown as true.
pub(in crate::rules) fn overridden(trace: Trace, note: &str, holds: bool) -> Trace {
    let note = Trace::of(note, holds, Vec::new());
    Trace::of(trace.what, false, trace.parts.into_iter().chain([note]).collect())
}

fn nodes(nodes: &[TraceNode<'_>]) -> Vec<Trace> {
    nodes.iter().map(node).collect()
}

fn node(node: &TraceNode<'_>) -> Trace {
    let TraceNode { kind, matched, parts } = node;
    match kind {
        NodeKind::All => Trace::of("all of", *matched, nodes(parts)),
        NodeKind::Any => Trace::of("any of", *matched, nodes(parts)),
        NodeKind::Not => Trace::of("not", *matched, nodes(parts)),
        NodeKind::Count { required, matched: count, total } => {
            Trace::of(format!("{required} of these {total}, {count} held"), *matched, nodes(parts))
        }
        NodeKind::Selection(name) => Trace::of(visible(name), *matched, members(parts)),
        NodeKind::Item { item, found } => self::item(item, found, *matched),
        NodeKind::Array { array, matched: count, total, is_missing } => {
            let field = visible(array.field());
            let what = match (total, is_missing) {
                (0, true) => format!("{field} is absent"),
                (0, false) => format!("{field} is empty"),
                _ => format!("{} of {field}: {count} of {total} held", quantifier(array.quantifier())),
            };
            Trace::of(what, *matched, parts.iter().take(MAX_ELEMENTS).map(self::node).collect())
        }
        NodeKind::Element { array, index, .. } => {
            Trace::of(format!("{}[{index}]", visible(array.field())), *matched, members(parts))
        }
    }
}

/// Formats the parts of a detection or an element, without a level that only joins them with `all of`.
fn members(parts: &[TraceNode<'_>]) -> Vec<Trace> {
    match parts {
        [TraceNode { kind: NodeKind::All, parts, .. }] => {
            let is_all = |part: &&TraceNode<'_>| matches!(part.kind, NodeKind::All);
            let inner = |part| if is_all(&part) { nodes(&part.parts) } else { vec![node(part)] };
            parts.iter().flat_map(inner).collect()
        }
        parts => nodes(parts),
    }
}

fn quantifier(quantifier: ArrayQuantifier) -> &'static str {
    match quantifier {
        ArrayQuantifier::Any => "any",
        ArrayQuantifier::All => "all",
        ArrayQuantifier::AllOrEmpty => "all_or_empty",
        ArrayQuantifier::None => "none",
    }
}

/// Formats an item: `userAgent: 'aws-cli/*'; found aws-cli/2.15.0`.
fn item(item: &CompiledItem, found: &FieldValues<'_>, matched: bool) -> Trace {
    let source = item.to_string();
    let source = visible_at_most(&source, MAX_IN_SENTENCE);
    if item.is_keyword() {
        let what = if matched { "found in the record" } else { "not found in the record" };
        return Trace::of(format!("{source}; {what}"), matched, Vec::new());
    }
    let value = found.json(item.compares_strings());
    let what = match &value {
        serde_json::Value::Null => "absent".into(),
        serde_json::Value::String(text) if text.is_empty() => "found an empty string".into(),
        serde_json::Value::String(text) => format!("found {}", visible_at_most(text, MAX_IN_SENTENCE)),
        other => format!("found {}", visible_at_most(&other.to_string(), MAX_IN_SENTENCE)),
    };
    let value = Some(value).filter(|value| !value.is_null()).map(truncated);
    Trace { what: format!("{source}; {what}"), matched, value, parts: Vec::new() }
}
