//! Locates compile errors in a document.

use crate::rules::load::diagnostic::Reason;
use crate::rules::load::yaml::{self, Node};
use crate::rules::sigma::CompileError;

/// Adds compile errors to `reasons`, each on the line of its value. If there are other errors, those about the condition are
/// already among them.
pub(in crate::rules) fn add(errors: &[CompileError], text: &str, reasons: &mut Vec<Reason>) {
    let lines = yaml::documents(text);
    let has_others = !reasons.is_empty();
    let is_new = |error: &&CompileError| error.value.is_some() || !error.field.is_empty() || !has_others;
    reasons.extend(errors.iter().filter(is_new).map(|error| reason(error, &lines)));
}

fn reason(error: &CompileError, lines: &[Node]) -> Reason {
    let CompileError { field, value, text } = error;
    let Some(value) = value else {
        let shown = if field.is_empty() { text.clone() } else { format!("`{field}`: {text}") };
        return Reason::error(shown).at(if field.is_empty() { "detection" } else { field });
    };
    let reason = Reason::error(format!("`{field}`: the value `{value}` is not valid: {text}"));
    reason.on_or_at(lines.iter().find_map(|node| line_of_value(node, field, value)), value)
}

/// Returns the line of a value below a key for the field.
fn line_of_value(node: &Node, field: &str, value: &str) -> Option<usize> {
    let in_entry = |(key, below): &(Node, Node)| {
        let is_field = key.text().is_some_and(|key| key.split('|').next().is_some_and(|name| field.ends_with(name)));
        let mut values = below.alternatives().iter();
        let found = values.find(|node| is_field && node.text() == Some(value)).map(|node| node.line);
        found.or_else(|| line_of_value(below, field, value))
    };
    let below = |elements: &[Node]| elements.iter().find_map(|element| line_of_value(element, field, value));
    node.entries().iter().find_map(in_entry).or_else(|| below(node.elements()))
}
