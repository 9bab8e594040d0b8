//! Warnings about fields and values of detections that no record has, from the YAML text.

use std::collections::BTreeSet;

use crate::event::schema::{RECORD, Shape, UnknownMember, resolve};
use crate::facts::{fact_at, is_fact_namespace};
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::load::yaml::{self, Content, Node};

/// The quantifiers of arrays.
const QUANTIFIERS: [&str; 4] = ["[any]", "[all]", "[all_or_empty]", "[none]"];
/// Keys of `detection:` and `filter:` that are no detections.
const OTHERS: [&str; 3] = ["condition", "timeframe", "rules"];

/// One line of a detection: a field and its values.
struct Item<'d> {
    /// The key as written, without modifiers.
    field: &'d str,
    modifiers: Vec<&'d str>,
    /// What it is compared with; nothing if it opens a block of its own.
    values: &'d [Node],
    line: usize,
    /// The arrays that it is within, as a path that ends with a dot; empty outside of arrays.
    within: String,
}

/// Returns warnings about the parts of the detections in a text that can never match.
pub(in crate::rules) fn lint(text: &str) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for document in yaml::documents(text) {
        let has_selectors = has_selectors(&document);
        let detections = ["detection", "filter"].into_iter().filter_map(|key| document.get(key));
        let named = detections.flat_map(Node::entries);
        let named = named.filter(|(key, _)| !OTHERS.contains(&key.text().unwrap_or_default()));
        for (key, detection) in named {
            empty(key, detection, &mut reasons);
            visit(detection, "", has_selectors, &mut |item| check(&item, has_selectors, &mut reasons));
        }
    }
    let mut seen = BTreeSet::new();
    reasons.retain(|reason| seen.insert(reason.text.clone()));
    reasons
}

/// Whether `[any]` and `[0]` have a meaning in a document: from version 3 of Sigma on.
fn has_selectors(document: &Node) -> bool {
    let version = document.get("sigma-version").and_then(Node::text);
    version.and_then(|text| text.split('.').next()?.parse::<u32>().ok()).is_some_and(|major| major >= 3)
}

/// A detection without anything in it.
fn empty(key: &Node, detection: &Node, reasons: &mut Vec<Reason>) {
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

fn visit<'d>(detection: &'d Node, within: &str, has_selectors: bool, check: &mut dyn FnMut(Item<'d>)) {
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
            // A named detection about a member of the array.
            visit(value, within, has_selectors, check);
            continue;
        }
        if is_block {
            visit(value, &format!("{within}{field}."), has_selectors, check);
        }
        let values = if is_block { &[] } else { value.alternatives() };
        check(Item { field, modifiers: parts.collect(), values, line: key.line, within: within.to_owned() });
    }
}

fn check(item: &Item<'_>, has_selectors: bool, reasons: &mut Vec<Reason>) {
    let field = item.field;
    if field.is_empty() || field == "." {
        return;
    }
    let warn = |text: String| Reason::warning(text).on(item.line);
    if let Some(text) = odd_path(field, has_selectors) {
        reasons.push(warn(text));
        return;
    }
    let path = format!("{}{field}", item.within);
    match unknown(&path) {
        Err(text) => reasons.push(warn(text)),
        Ok(shape) => {
            nested(item, reasons);
            lone_wildcard(item, reasons);
            numbers(item, reasons);
            existence(item, reasons);
            match shape {
                Shape::OneOf(values) => unknown_values(item, &path, values, reasons),
                Shape::Members(members) => whole_object(item, &path, members, reasons),
                Shape::Open | Shape::Scalar => {}
            }
        }
    }
}

/// Why a path, written as in another tool, leads nowhere.
pub(super) fn odd_path(field: &str, has_selectors: bool) -> Option<String> {
    let advice = "a path goes into every element of a list by itself";
    let is_position = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    let plain = |steps: Vec<&str>| steps.into_iter().filter(|step| !step.is_empty()).collect::<Vec<_>>().join(".");
    if field.trim() != field {
        return Some(format!("the field `{field}` has a blank at its end, and no record has such a field"));
    }
    if field.starts_with("$.") || field.starts_with('/') {
        let steps = field.trim_start_matches('$').split(['.', '/']).collect();
        return Some(format!("`{field}` is no field; write `{}`", plain(steps)));
    }
    let steps: Vec<&str> = field.split('.').collect();
    if steps.iter().any(|step| step.is_empty()) {
        return Some(format!("`{field}` has an empty step; write `{}`", plain(steps)));
    }
    let is_odd = |step: &str| {
        is_position(step)
            || ["*", "#"].contains(&step)
            || step.contains(['{', '}'])
            || ["[*]", "[]", "[#]"].iter().any(|end| step.ends_with(end))
    };
    if let Some(step) = steps.iter().find(|step| is_odd(step)) {
        let cut = |step: &&str| match is_position(step) || ["*", "#"].contains(step) {
            true => String::new(),
            false => step.split(['[', '{']).next().unwrap_or_default().to_owned(),
        };
        let kept: Vec<String> = steps.iter().map(cut).collect();
        let written = plain(kept.iter().map(String::as_str).collect());
        return Some(format!(
            "`{field}` never matches: `{step}` is no step of a path; write `{written}`, since {advice}"
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
            Some(format!("`{field}` never matches: `[{token}]` has no meaning; leave it out, since {advice}"))
        }
    }
}

/// The shape of the value at a path of the record or of a fact; otherwise why there is none.
pub(super) fn unknown(path: &str) -> Result<Shape, String> {
    if let Some((fact, rest)) = fact_at(path) {
        let name = fact.name;
        return fact.shape_at(rest).map_err(|unknown| match unknown.members.as_slice() {
            [] => format!("`{path}`: `{}` has no members, and so no `{}`", parent(name, &unknown), unknown.member),
            members => {
                let near = did_you_mean(unknown.member, members);
                let all = if near.is_empty() { format!("; it has {}", members.join(", ")) } else { near };
                format!("the fact `{}` has no member `{}`{all}", parent(name, &unknown), unknown.member)
            }
        });
    }
    if is_fact_namespace(path) {
        // The rule has been refused for it.
        return Ok(Shape::Open);
    }
    resolve(RECORD, path).map_err(|unknown| {
        let member = unknown.member;
        match (unknown.parent.as_str(), unknown.members.as_slice()) {
            ("", members) => {
                let near = did_you_mean(member, members);
                match near.is_empty() || member == path {
                    true => format!("CloudTrail records have no field `{member}`{near}"),
                    false => format!("CloudTrail records have no field `{member}`{near}, as in `{path}`"),
                }
            }
            (parent, []) => format!("`{path}` never matches: `{parent}` is no object, and has no `{member}`"),
            (parent, members) => {
                let near = did_you_mean(member, members);
                let all = if near.is_empty() { format!("; it has {}", members.join(", ")) } else { near };
                format!("`{parent}` of CloudTrail records has no member `{member}`{all}")
            }
        }
    })
}

/// The part of a fact that lacks a member.
fn parent(fact: &str, unknown: &UnknownMember<'_>) -> String {
    if unknown.parent.is_empty() { fact.to_owned() } else { format!("{fact}.{}", unknown.parent) }
}

/// A map below a field, which is no Sigma.
fn nested(item: &Item<'_>, reasons: &mut Vec<Reason>) {
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

/// The paths of the values below a map, each in backticks.
fn leaves(node: &Node, path: &str, paths: &mut Vec<String>) {
    for (key, value) in node.entries() {
        let path = format!("{path}.{}", key.text().unwrap_or_default());
        match value.content {
            Content::Map(_) => leaves(value, &path, paths),
            Content::Scalar { .. } | Content::List(_) => paths.push(format!("`{path}`")),
        }
    }
}

/// An object that is compared with a text as a whole.
fn whole_object(item: &Item<'_>, path: &str, members: &[(&str, Shape)], reasons: &mut Vec<Reason>) {
    if item.modifiers.iter().any(|modifier| !["all", "cased"].contains(modifier)) {
        return;
    }
    let is_text = |value: &&Node| {
        let text = value.text().unwrap_or("*");
        let is_null = value.is_no_string() && ["null", "~", ""].contains(&text);
        !is_null && !text.contains(['*', '?', '{'])
    };
    if let Some(value) = item.values.iter().find(is_text) {
        let members: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let text = format!(
            "`{path}` is an object, and never the text `{}`; name one of its members: {}",
            value.text().unwrap_or_default(),
            members.join(", ")
        );
        reasons.push(Reason::warning(text).on(value.line));
    }
}

/// `exists` with anything but true and false.
fn existence(item: &Item<'_>, reasons: &mut Vec<Reason>) {
    if !item.modifiers.contains(&"exists") {
        return;
    }
    let is_wrong = |value: &&Node| !value.text().is_some_and(|text| ["true", "false"].contains(&text));
    if let Some(value) = item.values.iter().find(is_wrong) {
        let text = value.text().unwrap_or_default();
        let text = format!("`{}|exists` takes `true` or `false`, and not `{text}`", item.field);
        reasons.push(Reason::warning(text).on(value.line));
    }
}

fn lone_wildcard(item: &Item<'_>, reasons: &mut Vec<Reason>) {
    if item.modifiers.iter().any(|modifier| *modifier != "cased") {
        return;
    }
    let lone = item.values.iter().find(|value| value.text() == Some("*"));
    if let Some(value) = lone {
        let text = format!(
            "`{}: '*'` matches anything that is there; write `\\*` for the star itself, which in AWS usually means \
             everybody or everything",
            item.field
        );
        reasons.push(Reason::warning(text).on(value.line));
    }
}

/// Numbers that YAML reads otherwise than they are written, where they are compared as texts.
fn numbers(item: &Item<'_>, reasons: &mut Vec<Reason>) {
    const OF_TEXTS: [&str; 4] = ["contains", "endswith", "re", "startswith"];
    if !item.modifiers.iter().any(|modifier| OF_TEXTS.contains(modifier)) {
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

/// Values that a member of a fact never has.
fn unknown_values(item: &Item<'_>, path: &str, values: &[&str], reasons: &mut Vec<Reason>) {
    const PARTS: [&str; 3] = ["contains", "endswith", "startswith"];
    let is_part = item.modifiers.iter().any(|modifier| PARTS.contains(modifier));
    let is_meant = |modifier: &&str| PARTS.contains(modifier) || ["all", "cased", "neq"].contains(modifier);
    if !item.modifiers.iter().all(is_meant) {
        return;
    }
    let Some((fact, _)) = fact_at(path) else { return };
    for value in item.values {
        let Some(text) = value.text().filter(|text| !text.is_empty() && !text.contains(['*', '?', '\\'])) else {
            continue;
        };
        let is_null = value.is_no_string() && ["null", "~"].contains(&text);
        let has_part = || {
            let lower = text.to_lowercase();
            values.iter().chain([&fact.doc]).any(|known| known.to_lowercase().contains(&lower))
        };
        let is_known = match is_part {
            true => has_part(),
            false => values.iter().any(|known| known.eq_ignore_ascii_case(text)) || fact.mentions(text),
        };
        if !is_known && !is_null {
            let near = did_you_mean(text, values);
            let all = if near.is_empty() { format!("; it has {}", values.join(", ")) } else { near };
            let text = format!("`{path}` never has the value `{text}`{all}");
            reasons.push(Reason::warning(text).on(value.line));
        }
    }
}
