//! What is wrong with the form of a document: its keys, its metadata and its detections as they are written.

use rsigma_parser::{LintRule, LintWarning, Severity, lint_yaml_value};
use serde::Deserialize;

use super::fields;
use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::load::files::Document;
use crate::rules::load::parser::SIGMA_KEYS;
use crate::rules::load::spelling::{is_slip, nearest};
use crate::rules::load::yaml::{self, Node};
use crate::rules::rule::slug;

/// Keys whose values are strings.
const OF_STRINGS: [&str; 9] =
    ["title", "id", "name", "status", "description", "author", "license", "level", "taxonomy"];

/// What is wrong with the form of a document. `runs`: a rule of it runs all the same, so that nothing here is an error.
pub(in crate::rules) fn lint(file: &str, document: &Document, runs: bool) -> Vec<RuleDiagnostic> {
    let mut reasons = structure(document, runs);
    for node in yaml::documents(&document.text) {
        // The parts of a collection make a rule together.
        if node.get("action").is_none() {
            keys(&node, &mut reasons);
        }
        strings(&node, &mut reasons);
        source(&node, &mut reasons);
    }
    if runs {
        reasons.extend(fields::lint(&document.text));
    }
    let name = slug(&document.shown_name());
    reasons.into_iter().map(|reason| document.diagnostic(file, Some(&name), reason)).collect()
}

/// Violations of the form that the Sigma specification requires, apart from style.
fn structure(document: &Document, runs: bool) -> Vec<Reason> {
    let nodes = yaml::documents(&document.text);
    let mut reasons = Vec::new();
    for (place, part) in yaml_serde::Deserializer::from_str(&document.text).enumerate() {
        // The parser reports text that is not YAML.
        let Ok(value) = yaml_serde::Value::deserialize(part) else { break };
        let node = nodes.get(place);
        let warnings = lint_yaml_value(&value).into_iter().filter(|warning| is_reported(warning, node, runs));
        reasons.extend(warnings.map(|warning| {
            let text = format!("{} ({})", warning.message, warning.rule);
            let reason = match warning.severity == Severity::Error && !runs {
                true => Reason::error(text),
                false => Reason::warning(text),
            };
            let path: Vec<&str> = warning.path.split('/').filter(|step| !step.is_empty()).collect();
            match node {
                Some(node) => reason.on(node.find(&path).0),
                None => reason,
            }
        }));
    }
    reasons
}

/// Whether a warning of the parser's is relevant here and not reported in other words.
fn is_reported(warning: &LintWarning, node: Option<&Node>, runs: bool) -> bool {
    let is_old_date = |key: &str| {
        let text = node.and_then(|node| node.get(key)).and_then(Node::text);
        text.is_some_and(|text| text.replace('/', "-").parse::<jiff::civil::Date>().is_ok())
    };
    match warning.rule {
        LintRule::WildcardOnlyValue | LintRule::ArrayMatchingWithoutVersion => false,
        LintRule::ConditionReferencesUnknown | LintRule::InvalidLevel => false,
        // The form of dates before version 2 of the specification.
        LintRule::InvalidDate => !is_old_date("date"),
        LintRule::InvalidModified => !is_old_date("modified"),
        LintRule::YamlParseError | LintRule::NotAMapping => !runs,
        _ => matches!(warning.severity, Severity::Error | Severity::Warning),
    }
}

/// Misspelt keys, and keys that belong elsewhere.
fn keys(node: &Node, reasons: &mut Vec<Reason>) {
    const OURS: &str = "trailwarden";
    let known: Vec<&str> = SIGMA_KEYS.iter().copied().chain([OURS]).collect();
    for (key, _) in node.entries() {
        let Some(text) = key.text().filter(|text| !known.contains(text)) else { continue };
        let lower = text.to_lowercase();
        if known.contains(&lower.as_str()) {
            // The parser's own lint reports capitals.
            continue;
        }
        let plain = lower.replace(['-', '_', ' '], "");
        let is_near = |known: &&&str| is_slip(&plain, &known.replace(['-', '_'], ""));
        if let Some(near) = known.iter().find(is_near) {
            let lost = if *near == OURS { ": message, remediation and all else below it have no effect" } else { "" };
            let text = format!("there is no key `{text}` (did you mean `{near}`?){lost}");
            reasons.push(Reason::warning(text).on(key.line));
        }
    }
    let of_source = ["category", "product", "service", "definition"];
    for (key, _) in node.get("logsource").map(Node::entries).unwrap_or_default() {
        let Some(text) = key.text().filter(|text| !of_source.contains(text)) else { continue };
        if let Some(near) = nearest(text, &of_source) {
            let text = format!("`logsource` has no key `{text}` (did you mean `{near}`?)");
            reasons.push(Reason::warning(text).on(key.line));
        }
    }
}

/// Values that have to be strings and are numbers or the like, and a name that cannot be written everywhere.
fn strings(node: &Node, reasons: &mut Vec<Reason>) {
    for (key, value) in OF_STRINGS.iter().filter_map(|key| node.entry(key)) {
        if value.is_no_string() {
            let (key_text, text) = (key.text().unwrap_or_default(), value.text().unwrap_or_default());
            let text = format!("`{key_text}: {text}` is no string in YAML and is ignored; put it in quotes");
            reasons.push(Reason::warning(text).on(key.line));
        }
    }
    let name = node.entry("name").and_then(|(key, value)| Some((key.line, value.text()?)));
    if let Some((line, name)) = name.filter(|(_, name)| slug(name) != *name && !name.is_empty()) {
        let text = format!(
            "the name `{name}` is changed to `{}`: configuration, exemptions and fixtures need that one; write it so",
            slug(name)
        );
        reasons.push(Reason::warning(text).on(line));
    }
}

/// A category, which means nothing here.
fn source(node: &Node, reasons: &mut Vec<Reason>) {
    if let Some((key, value)) = node.get("logsource").and_then(|source| source.entry("category")) {
        let text = format!(
            "the `category` of its logsource, `{}`, is ignored: the rule sees every record of CloudTrail",
            value.text().unwrap_or_default()
        );
        reasons.push(Reason::warning(text).on(key.line));
    }
}
