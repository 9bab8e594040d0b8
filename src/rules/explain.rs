//! The trace of a rule as people read it.

use rsigma_parser::ArrayQuantifier;

use super::evidence::kept;
use super::sigma::{self, Found, Item, Node, What};
use crate::finding::Trace;
use crate::text::{MOST_IN_A_SENTENCE, visible, visible_at_most};

/// Maximum number of elements of an array that are shown.
const MAX_ELEMENTS: usize = 20;

/// The trace of a whole rule.
pub(super) fn trace(name: &str, trace: &sigma::Trace<'_>) -> Trace {
    Trace::of(name, trace.matched, nodes(&trace.conditions))
}

fn nodes(nodes: &[Node<'_>]) -> Vec<Trace> {
    nodes.iter().map(node).collect()
}

fn node(node: &Node<'_>) -> Trace {
    let Node { what, matched, parts } = node;
    match what {
        What::All => Trace::of("all of", *matched, nodes(parts)),
        What::Any => Trace::of("any of", *matched, nodes(parts)),
        What::Not => Trace::of("not", *matched, nodes(parts)),
        What::Count { needed, held, of } => {
            Trace::of(format!("{needed} of these {of}, {held} held"), *matched, nodes(parts))
        }
        What::Selection(name) => Trace::of(visible(name), *matched, members(parts)),
        What::Item { item, found } => self::item(item, found, *matched),
        What::Array { array, held, of, is_missing } => {
            let field = visible(array.field());
            let what = match (of, is_missing) {
                (0, true) => format!("{field} is absent"),
                (0, false) => format!("{field} is empty"),
                _ => format!("{} of {field}: {held} of {of} held", quantifier(array.quantifier())),
            };
            Trace::of(what, *matched, parts.iter().take(MAX_ELEMENTS).map(self::node).collect())
        }
        What::Element { array, index, .. } => {
            Trace::of(format!("{}[{index}]", visible(array.field())), *matched, members(parts))
        }
    }
}

/// The parts of a selection or an element. A level that only says that all of them have to hold is left out.
fn members(parts: &[Node<'_>]) -> Vec<Trace> {
    match parts {
        [Node { what: What::All, parts, .. }] => {
            let is_all = |part: &&Node<'_>| matches!(part.what, What::All);
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

/// `userAgent: 'aws-cli/*'; found aws-cli/2.15.0`
fn item(item: &Item, found: &Found<'_>, matched: bool) -> Trace {
    let written = item.to_string();
    let wanted = visible_at_most(&written, MOST_IN_A_SENTENCE);
    if item.is_keyword() {
        let what = if matched { "found in the record" } else { "not found in the record" };
        return Trace::of(format!("{wanted}; {what}"), matched, Vec::new());
    }
    let value = found.json(item.is_text());
    let what = match &value {
        serde_json::Value::Null => "absent".into(),
        serde_json::Value::String(text) if text.is_empty() => "found an empty string".into(),
        serde_json::Value::String(text) => format!("found {}", visible_at_most(text, MOST_IN_A_SENTENCE)),
        other => format!("found {}", visible_at_most(&other.to_string(), MOST_IN_A_SENTENCE)),
    };
    let value = Some(value).filter(|value| !value.is_null()).map(kept);
    Trace { what: format!("{wanted}; {what}"), matched, value, parts: Vec::new() }
}
