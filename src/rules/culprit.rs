//! Which values of a rule keep it from being compiled.

use rsigma_parser::{ConditionExpr, Detection, DetectionItem, SigmaRule, SigmaValue};

use super::fault::Reason;
use super::matcher::Matcher;
use super::selector;
use super::yaml::{self, Node};

/// The name of the detection that is compiled alone.
const ALONE: &str = "alone";

/// An error for each value that cannot be compiled, with the value and its line.
pub(super) fn reasons(sigma: &SigmaRule, text: &str) -> Vec<Reason> {
    let lines = yaml::documents(text);
    let mut reasons = Vec::new();
    for (_, detection) in selector::by_name(&sigma.detection.named) {
        visit(detection, &mut |item| {
            for value in &item.values {
                let one = DetectionItem { field: item.field.clone(), values: vec![value.clone()] };
                if let Some(error) = error(sigma, one) {
                    reasons.push(reason(item, value, &error, &lines));
                }
            }
        });
    }
    reasons
}

fn visit(detection: &Detection, check: &mut impl FnMut(&DetectionItem)) {
    match detection {
        Detection::AllOf(items) => items.iter().for_each(check),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().for_each(|part| visit(part, check)),
        Detection::ArrayMatch { body, .. } => visit(body, check),
        Detection::Conditional { named, .. } => {
            selector::by_name(named).into_iter().for_each(|(_, part)| visit(part, check));
        }
        Detection::Keywords(_) => {}
    }
}

/// The error of compiling an item alone.
fn error(sigma: &SigmaRule, item: DetectionItem) -> Option<String> {
    let mut alone = sigma.clone();
    alone.detection.named.clear();
    alone.detection.named.insert(ALONE.to_owned(), Detection::AllOf(vec![item]));
    alone.detection.conditions = vec![ConditionExpr::Identifier(ALONE.to_owned())];
    alone.detection.condition_strings = vec![ALONE.to_owned()];
    Matcher::new(&alone).err().map(|error| error.to_string())
}

fn reason(item: &DetectionItem, value: &SigmaValue, error: &str, lines: &[Node]) -> Reason {
    let field = item.field.name.as_deref().unwrap_or_default();
    let written = match value {
        SigmaValue::String(text) => text.original.clone(),
        SigmaValue::Integer(number) => number.to_string(),
        SigmaValue::Float(number) => number.to_string(),
        SigmaValue::Bool(flag) => flag.to_string(),
        SigmaValue::Null => "null".to_owned(),
    };
    let reason = Reason::error(format!("`{field}`: the value `{written}` cannot be used: {error}"));
    match lines.iter().find_map(|node| line_of_value(node, field, &written)) {
        Some(line) => reason.on(line),
        None => reason.at(written),
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
