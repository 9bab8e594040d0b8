//! Where in a document the values are that keep a rule from being compiled.

use super::fault::Reason;
use super::sigma::CompileError;
use super::yaml::{self, Node};

/// Adds the errors, each on the line of its value, to `reasons`. Those among them name what a condition lacks.
pub(super) fn add(errors: &[CompileError], text: &str, reasons: &mut Vec<Reason>) {
    let lines = yaml::documents(text);
    let is_told = !reasons.is_empty();
    let is_new = |error: &&CompileError| error.value.is_some() || !error.field.is_empty() || !is_told;
    reasons.extend(errors.iter().filter(is_new).map(|error| reason(error, &lines)));
}

fn reason(error: &CompileError, lines: &[Node]) -> Reason {
    let CompileError { field, value, text } = error;
    let Some(value) = value else {
        let shown = if field.is_empty() { text.clone() } else { format!("`{field}`: {text}") };
        return Reason::error(shown).at(if field.is_empty() { "detection" } else { field });
    };
    let reason = Reason::error(format!("`{field}`: the value `{value}` cannot be used: {text}"));
    match lines.iter().find_map(|node| line_of_value(node, field, value)) {
        Some(line) => reason.on(line),
        None => reason.at(value),
    }
}

/// The line of a value below a key that begins with a field.
fn line_of_value(node: &Node, field: &str, value: &str) -> Option<usize> {
    let of_entry = |(key, below): &(Node, Node)| {
        let is_it = key.text().is_some_and(|key| key.split('|').next().is_some_and(|name| field.ends_with(name)));
        let found = below.alternatives().iter().find(|one| is_it && one.text() == Some(value)).map(|one| one.line);
        found.or_else(|| line_of_value(below, field, value))
    };
    let below = |elements: &[Node]| elements.iter().find_map(|element| line_of_value(element, field, value));
    node.entries().iter().find_map(of_entry).or_else(|| below(node.elements()))
}
