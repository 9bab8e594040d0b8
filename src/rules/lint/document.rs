//! Warnings about the form of a document: its keys, metadata and detections.

use rsigma_parser::{LintRule, LintWarning, Severity, lint_yaml_value};
use serde::Deserialize;

use super::fields;
use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::load::files::Document;
use crate::rules::load::parser::SIGMA_KEYS;
use crate::rules::load::spelling::{is_typo, nearest};
use crate::rules::load::yaml::{self, Node};
use crate::rules::rule::slug;

/// Keys whose values are strings.
const OF_STRINGS: [&str; 9] =
    ["title", "id", "name", "status", "description", "author", "license", "level", "taxonomy"];

/// Returns diagnostics about the form of a document. `runs`: its rule can be used, so all of them are warnings.
pub(in crate::rules) fn lint(file: &str, document: &Document, runs: bool) -> Vec<RuleDiagnostic> {
    let mut reasons = structure(document, runs);
    for node in yaml::documents(&document.text) {
        // The documents of a collection form a rule together.
        if node.get("action").is_none() {
            keys(&node, &mut reasons);
        }
        strings(&node, &mut reasons);
        category(&node, &mut reasons);
    }
    if runs {
        reasons.extend(fields::lint(&document.text));
    }
    let name = slug(&document.shown_name());
    reasons.into_iter().map(|reason| document.diagnostic(file, Some(&name), reason)).collect()
}

/// Returns violations of the Sigma specification, except matters of style.
fn structure(document: &Document, runs: bool) -> Vec<Reason> {
    let nodes = yaml::documents(&document.text);
    let mut reasons = Vec::new();
    for (index, part) in yaml_serde::Deserializer::from_str(&document.text).enumerate() {
        // The parser reports text that is not YAML.
        let Ok(value) = yaml_serde::Value::deserialize(part) else { break };
        let node = nodes.get(index);
        let warnings = lint_yaml_value(&value).into_iter().filter(|warning| is_reported(warning, node, runs));
        reasons.extend(warnings.map(|warning| {
            let text = format!("{} ({})", warning.message, warning.rule);
            let is_error = warning.severity == Severity::Error && !runs;
            let reason = if is_error { Reason::error(text) } else { Reason::warning(text) };
            let path: Vec<&str> = warning.path.split('/').filter(|step| !step.is_empty()).collect();
            match node {
                Some(node) => reason.on(node.find(&path).0),
                None => reason,
            }
        }));
    }
    reasons
}

/// Whether a warning of the parser is relevant and not reported elsewhere.
fn is_reported(warning: &LintWarning, node: Option<&Node>, runs: bool) -> bool {
    let is_old_date = |key: &str| {
        let text = node.and_then(|node| node.get(key)).and_then(Node::text);
        text.is_some_and(|text| text.replace('/', "-").parse::<jiff::civil::Date>().is_ok())
    };
    match warning.rule {
        LintRule::WildcardOnlyValue | LintRule::ArrayMatchingWithoutVersion => false,
        LintRule::ConditionReferencesUnknown | LintRule::InvalidLevel => false,
        // Before version 2 of the specification, dates were written with slashes.
        LintRule::InvalidDate => !is_old_date("date"),
        LintRule::InvalidModified => !is_old_date("modified"),
        LintRule::YamlParseError | LintRule::NotAMapping => !runs,
        _ => matches!(warning.severity, Severity::Error | Severity::Warning),
    }
}

/// Warns about misspelled keys.
fn keys(node: &Node, reasons: &mut Vec<Reason>) {
    const ATTRIBUTES: &str = "trailwarden";
    let known: Vec<&str> = SIGMA_KEYS.iter().copied().chain([ATTRIBUTES]).collect();
    for (key, _) in node.entries() {
        let Some(text) = key.text().filter(|text| !known.contains(text)) else { continue };
        let lower = text.to_lowercase();
        if known.contains(&lower.as_str()) {
            // The parser reports upper-case keys.
            continue;
        }
        let plain = lower.replace(['-', '_', ' '], "");
        let is_near = |known: &&&str| is_typo(&plain, &known.replace(['-', '_'], ""));
        if let Some(near) = known.iter().find(is_near) {
            let lost = if *near == ATTRIBUTES {
                ": message, remediation and everything else below it have no effect"
            } else {
                ""
            };
            let text = format!("there is no key `{text}` (did you mean `{near}`?){lost}");
            reasons.push(Reason::warning(text).on(key.line));
        }
    }
    let logsource_keys = ["category", "product", "service", "definition"];
    for (key, _) in node.get("logsource").map(Node::entries).unwrap_or_default() {
        let Some(text) = key.text().filter(|text| !logsource_keys.contains(text)) else { continue };
        if let Some(near) = nearest(text, &logsource_keys) {
            let text = format!("`logsource` has no key `{text}` (did you mean `{near}`?)");
            reasons.push(Reason::warning(text).on(key.line));
        }
    }
}

/// Warns about values that must be strings and are not, and about a name with characters that are replaced.
fn strings(node: &Node, reasons: &mut Vec<Reason>) {
    for (key, value) in OF_STRINGS.iter().filter_map(|key| node.entry(key)) {
        if value.is_non_string() {
            let (key_text, text) = (key.text().unwrap_or_default(), value.text().unwrap_or_default());
            let text = format!("`{key_text}: {text}` is not a string in YAML and is ignored; put it in quotes");
            reasons.push(Reason::warning(text).on(key.line));
        }
    }
    let name = node.entry("name").and_then(|(key, value)| Some((key.line, value.text()?)));
    if let Some((line, name)) = name.filter(|(_, name)| slug(name) != *name && !name.is_empty()) {
        let text = format!(
            "the name `{name}` is changed to `{}`, which configuration, exemptions and fixtures must use; use it here too",
            slug(name)
        );
        reasons.push(Reason::warning(text).on(line));
    }
}

/// Warns about a log source category, which is ignored.
fn category(node: &Node, reasons: &mut Vec<Reason>) {
    if let Some((key, value)) = node.get("logsource").and_then(|category| category.entry("category")) {
        let text = format!(
            "the `category` of its logsource, `{}`, is ignored: the rule is evaluated on all CloudTrail records",
            value.text().unwrap_or_default()
        );
        reasons.push(Reason::warning(text).on(key.line));
    }
}
