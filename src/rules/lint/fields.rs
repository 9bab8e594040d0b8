//! Warnings about fields and values of detections that no record contains, from the YAML text.

use std::collections::BTreeSet;

use crate::event::schema::{RECORD, Shape, UnknownMember, resolve};
use crate::facts::{fact_at, is_fact_namespace};
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::load::yaml::{self, Content, Node};

/// The quantifiers of arrays.
const QUANTIFIERS: [&str; 4] = ["[any]", "[all]", "[all_or_empty]", "[none]"];
/// Keys of `detection:` and `filter:` that are not detections.
const RESERVED_KEYS: [&str; 3] = ["condition", "timeframe", "rules"];

/// A field of a detection, and its values.
struct FieldEntry<'d> {
    /// The key as written, without modifiers.
    field: &'d str,
    modifiers: Vec<&'d str>,
    /// The values to compare with; empty for a block on an array.
    values: &'d [Node],
    line: usize,
    /// The enclosing arrays, as a path that ends with a dot; empty outside arrays.
    within: String,
}

/// Returns warnings about the parts of the detections in a text that can never match.
pub(in crate::rules) fn lint(text: &str) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for document in yaml::documents(text) {
        let has_selectors = has_selectors(&document);
        let detections = ["detection", "filter"].into_iter().filter_map(|key| document.get(key));
        let named = detections.flat_map(Node::entries);
        let named = named.filter(|(key, _)| !RESERVED_KEYS.contains(&key.text().unwrap_or_default()));
        for (key, detection) in named {
            check_not_empty(key, detection, &mut reasons);
            visit(detection, "", has_selectors, &mut |item| check(&item, has_selectors, &mut reasons));
        }
    }
    let mut seen = BTreeSet::new();
    reasons.retain(|reason| seen.insert(reason.text.clone()));
    reasons
}

/// Whether `[any]` and `[0]` have a meaning in a document, as they do since version 3 of Sigma.
fn has_selectors(document: &Node) -> bool {
    let version = document.get("sigma-version").and_then(Node::text);
    version.and_then(|text| text.split('.').next()?.parse::<u32>().ok()).is_some_and(|major| major >= 3)
}

/// Warns about a detection without content.
fn check_not_empty(key: &Node, detection: &Node, reasons: &mut Vec<Reason>) {
    let is_empty = match &detection.content {
        Content::Scalar { text, plain } => *plain && ["", "~", "null"].contains(&text.as_str()),
        Content::List(elements) => elements.is_empty(),
        Content::Map(entries) => entries.is_empty(),
    };
    if is_empty {
        let text = format!("the detection `{}` is empty", key.text().unwrap_or_default());
        reasons.push(Reason::warning(text).on(key.line));
    }
}

/// Calls `check` for each field of a detection.
fn visit<'d>(detection: &'d Node, within: &str, has_selectors: bool, check: &mut dyn FnMut(FieldEntry<'d>)) {
    detection.elements().iter().for_each(|part| visit(part, within, has_selectors, check));
    for (key, value) in detection.entries() {
        let mut parts = key.text().unwrap_or_default().split('|');
        let field = parts.next().unwrap_or_default();
        let is_map = matches!(value.content, Content::Map(_));
        let is_block = has_selectors && is_map && field.contains('[');
        let is_conditional = !within.is_empty() && detection.get("condition").is_some();
        if is_conditional && field == "condition" {
            continue;
        }
        if is_conditional {
            // A named detection for an element of the array.
            visit(value, within, has_selectors, check);
            continue;
        }
        if is_block {
            visit(value, &format!("{within}{field}."), has_selectors, check);
        }
        let values = if is_block { &[] } else { value.alternatives() };
        check(FieldEntry { field, modifiers: parts.collect(), values, line: key.line, within: within.to_owned() });
    }
}

fn check(item: &FieldEntry<'_>, has_selectors: bool, reasons: &mut Vec<Reason>) {
    let field = item.field;
    if field.is_empty() || field == "." {
        return;
    }
    let warn = |text: String| Reason::warning(text).on(item.line);
    if let Some(text) = malformed_path(field, has_selectors) {
        reasons.push(warn(text));
        return;
    }
    let path = format!("{}{field}", item.within);
    match shape_of(&path) {
        Err(text) => reasons.push(warn(text)),
        Ok(shape) => {
            check_nesting(item, reasons);
            check_lone_wildcard(item, reasons);
            check_numbers(item, reasons);
            check_exists(item, reasons);
            match shape {
                Shape::OneOf(values) => check_values(item, &path, values, reasons),
                Shape::Members(members) => check_whole_object(item, &path, members, reasons),
                Shape::Open | Shape::Scalar => {}
            }
        }
    }
}

/// Returns the error of a path that is written as in another tool and never matches.
pub(super) fn malformed_path(field: &str, has_selectors: bool) -> Option<String> {
    let advice = "a path selects every element of a list";
    let is_position = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    let plain = |steps: Vec<&str>| steps.into_iter().filter(|step| !step.is_empty()).collect::<Vec<_>>().join(".");
    if field.trim() != field {
        return Some(format!("the field `{field}` begins or ends with a blank, and no record contains such a field"));
    }
    if field.starts_with("$.") || field.starts_with('/') {
        let steps = field.trim_start_matches('$').split(['.', '/']).collect();
        return Some(format!("`{field}` is not a field; write `{}`", plain(steps)));
    }
    let steps: Vec<&str> = field.split('.').collect();
    if steps.iter().any(|step| step.is_empty()) {
        return Some(format!("`{field}` has an empty step; write `{}`", plain(steps)));
    }
    let is_foreign = |step: &str| {
        is_position(step)
            || ["*", "#"].contains(&step)
            || step.contains(['{', '}'])
            || ["[*]", "[]", "[#]"].iter().any(|end| step.ends_with(end))
    };
    if let Some(step) = steps.iter().find(|step| is_foreign(step)) {
        let name = |step: &&str| {
            let is_index = is_position(step) || ["*", "#"].contains(step);
            if is_index { String::new() } else { step.split(['[', '{']).next().unwrap_or_default().to_owned() }
        };
        let names: Vec<String> = steps.iter().map(name).collect();
        let corrected = plain(names.iter().map(String::as_str).collect());
        return Some(format!(
            "`{field}` never matches: `{step}` is not a step of a path; write `{corrected}`, because {advice}"
        ));
    }
    let selector = steps.iter().find(|step| step.ends_with(']') && !step.ends_with("\\]"))?;
    let token = selector.split_once('[').map(|(_, token)| token.trim_end_matches(']')).unwrap_or_default();
    let has_meaning = token.parse::<i64>().is_ok() || QUANTIFIERS.contains(&format!("[{token}]").as_str());
    match (has_selectors, has_meaning) {
        (true, _) => None,
        (false, true) => {
            Some(format!("`{field}` never matches: `[{token}]` has a meaning only with `sigma-version: 3`; {advice}"))
        }
        (false, false) => {
            Some(format!("`{field}` never matches: `[{token}]` has no meaning; remove it, because {advice}"))
        }
    }
}

/// Returns the shape of the value at a path of the record or of a fact.
///
/// # Errors
/// Returns the reason why there is no such path.
pub(super) fn shape_of(path: &str) -> Result<Shape, String> {
    if let Some((fact, rest)) = fact_at(path) {
        let name = fact.name;
        return fact.shape_at(rest).map_err(|unknown| match unknown.members.as_slice() {
            [] => format!("`{path}`: `{}` has no members, so no `{}`", parent(name, &unknown), unknown.member),
            members => {
                let near = did_you_mean(unknown.member, members);
                let all = if near.is_empty() { format!("; it has {}", members.join(", ")) } else { near };
                format!("the fact `{}` has no member `{}`{all}", parent(name, &unknown), unknown.member)
            }
        });
    }
    if is_fact_namespace(path) {
        // `check` reports it as an error.
        return Ok(Shape::Open);
    }
    resolve(RECORD, path).map_err(|unknown| {
        let member = unknown.member;
        match (unknown.parent.as_str(), unknown.members.as_slice()) {
            ("", members) => {
                let near = did_you_mean(member, members);
                let context =
                    if near.is_empty() || member == path { String::new() } else { format!(", as in `{path}`") };
                format!("CloudTrail records have no field `{member}`{near}{context}")
            }
            (parent, []) => format!("`{path}` never matches: `{parent}` is not an object, so it has no `{member}`"),
            (parent, members) => {
                let near = did_you_mean(member, members);
                let all = if near.is_empty() { format!("; it has {}", members.join(", ")) } else { near };
                format!("`{parent}` of CloudTrail records has no member `{member}`{all}")
            }
        }
    })
}

/// Returns the path of the part of a fact that lacks a member.
fn parent(fact: &str, unknown: &UnknownMember<'_>) -> String {
    if unknown.parent.is_empty() { fact.to_owned() } else { format!("{fact}.{}", unknown.parent) }
}

/// Warns about a map or a nested list below a field, which is not Sigma.
fn check_nesting(item: &FieldEntry<'_>, reasons: &mut Vec<Reason>) {
    let is_nested = |node: &&Node| !matches!(node.content, Content::Scalar { .. });
    let Some(below) = item.values.iter().find(is_nested) else { return };
    let field = item.field;
    let text = match below.entries() {
        [] => format!("`{field}` has a list within a list below it, which never matches; write one list of values"),
        _ => {
            let mut paths = Vec::new();
            leaves(below, field, &mut paths);
            format!(
                "`{field}` has a map below it, which is not Sigma and never matches; write the whole path: {}",
                paths.join(", ")
            )
        }
    };
    reasons.push(Reason::warning(text).on(item.line));
}

/// Collects the paths of the values below a map, each in backticks.
fn leaves(node: &Node, path: &str, paths: &mut Vec<String>) {
    for (key, value) in node.entries() {
        let path = format!("{path}.{}", key.text().unwrap_or_default());
        match value.content {
            Content::Map(_) => leaves(value, &path, paths),
            Content::Scalar { .. } | Content::List(_) => paths.push(format!("`{path}`")),
        }
    }
}

/// Warns about an object that is compared with a string.
fn check_whole_object(item: &FieldEntry<'_>, path: &str, members: &[(&str, Shape)], reasons: &mut Vec<Reason>) {
    if item.modifiers.iter().any(|modifier| !["all", "cased"].contains(modifier)) {
        return;
    }
    let is_text = |value: &&Node| {
        let text = value.text().unwrap_or("*");
        let is_null = value.is_non_string() && ["null", "~", ""].contains(&text);
        !is_null && !text.contains(['*', '?', '{'])
    };
    if let Some(value) = item.values.iter().find(is_text) {
        let members: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let text = format!(
            "`{path}` is an object and never the string `{}`; name one of its members: {}",
            value.text().unwrap_or_default(),
            members.join(", ")
        );
        reasons.push(Reason::warning(text).on(value.line));
    }
}

/// Warns about a value of `exists` other than true and false.
fn check_exists(item: &FieldEntry<'_>, reasons: &mut Vec<Reason>) {
    if !item.modifiers.contains(&"exists") {
        return;
    }
    let is_wrong = |value: &&Node| !value.text().is_some_and(|text| ["true", "false"].contains(&text));
    if let Some(value) = item.values.iter().find(is_wrong) {
        let text = value.text().unwrap_or_default();
        let text = format!("`{}|exists` takes `true` or `false`, not `{text}`", item.field);
        reasons.push(Reason::warning(text).on(value.line));
    }
}

/// Warns about the value `*`, which matches any value.
fn check_lone_wildcard(item: &FieldEntry<'_>, reasons: &mut Vec<Reason>) {
    if item.modifiers.iter().any(|modifier| *modifier != "cased") {
        return;
    }
    let lone = item.values.iter().find(|value| value.text() == Some("*"));
    if let Some(value) = lone {
        let text = format!(
            "`{}: '*'` matches any value; write `\\*` for a literal `*`, which in AWS usually means everybody or \
             everything",
            item.field
        );
        reasons.push(Reason::warning(text).on(value.line));
    }
}

/// Warns about numbers that YAML changes and that are compared as strings.
fn check_numbers(item: &FieldEntry<'_>, reasons: &mut Vec<Reason>) {
    const STRING_MODIFIERS: [&str; 4] = ["contains", "endswith", "re", "startswith"];
    if !item.modifiers.iter().any(|modifier| STRING_MODIFIERS.contains(modifier)) {
        return;
    }
    for value in item.values {
        let Content::Scalar { text, plain: true } = &value.content else { continue };
        let Ok(yaml_serde::Value::Number(number)) = yaml_serde::from_str(text) else { continue };
        if number.to_string() != *text {
            let text = format!("`{}: {text}` is the number {number} in YAML; put it in quotes", item.field);
            reasons.push(Reason::warning(text).on(value.line));
        }
    }
}

/// Warns about values that a member of a fact never has.
fn check_values(item: &FieldEntry<'_>, path: &str, values: &[&str], reasons: &mut Vec<Reason>) {
    const SUBSTRING_MODIFIERS: [&str; 3] = ["contains", "endswith", "startswith"];
    let is_substring = item.modifiers.iter().any(|modifier| SUBSTRING_MODIFIERS.contains(modifier));
    let is_supported =
        |modifier: &&str| SUBSTRING_MODIFIERS.contains(modifier) || ["all", "cased", "neq"].contains(modifier);
    if !item.modifiers.iter().all(is_supported) {
        return;
    }
    let Some((fact, _)) = fact_at(path) else { return };
    for value in item.values {
        let Some(text) = value.text().filter(|text| !text.is_empty() && !text.contains(['*', '?', '\\'])) else {
            continue;
        };
        let is_null = value.is_non_string() && ["null", "~"].contains(&text);
        let is_known = if is_substring {
            let lower = text.to_lowercase();
            values.iter().chain([&fact.doc]).any(|known| known.to_lowercase().contains(&lower))
        } else {
            values.iter().any(|known| known.eq_ignore_ascii_case(text)) || fact.mentions(text)
        };
        if !is_known && !is_null {
            let near = did_you_mean(text, values);
            let all = if near.is_empty() { format!("; it has {}", values.join(", ")) } else { near };
            let text = format!("`{path}` never has the value `{text}`{all}");
            reasons.push(Reason::warning(text).on(value.line));
        }
    }
}
