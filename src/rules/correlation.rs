//! Correlation rules, which are not supported, and the rules that only they refer to.
//!
//! In Sigma, a rule that a correlation refers to makes no findings of its own unless the correlation says `generate: true`.
//! So such rules are left out together with their correlations.

use std::collections::{BTreeMap, HashMap};

use super::rule::{Rule, slug};
use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::load::files::{Document, RuleFile};
use crate::rules::load::spelling::did_you_mean;
use crate::rules::load::yaml::{self, Node};

/// One correlation rule, also if the parser refuses it.
#[derive(Debug)]
pub(super) struct Correlation {
    name: String,
    id: Option<String>,
    file: String,
    line: usize,
    /// Names or ids of rules and other correlations, with their lines.
    references: Vec<(String, usize)>,
    /// Whether the rules it refers to make findings of their own.
    generates: bool,
}

/// The correlations in a document.
pub(super) fn of_document(file: &RuleFile, document: &Document) -> Vec<Correlation> {
    if !document.text.lines().any(|line| line.contains("correlation")) {
        return Vec::new();
    }
    let documents = yaml::documents(&document.text);
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let correlations = documents.iter().filter_map(|node| Some((node, node.entry("correlation")?)));
    correlations
        .map(|(node, (key, correlation))| {
            let rules = correlation.get("rules").map(Node::alternatives).unwrap_or_default();
            let reference = |rule: &Node| Some((rule.text()?.to_owned(), document.above + rule.line));
            let generates = text(correlation, "generate").or_else(|| text(node, "generate"));
            Correlation {
                name: text(node, "name").unwrap_or_else(|| document.name.clone()),
                id: text(node, "id"),
                file: file.name.to_string(),
                line: document.above + key.line,
                references: rules.iter().filter_map(reference).collect(),
                generates: generates.is_some_and(|text| text.eq_ignore_ascii_case("true")),
            }
        })
        .collect()
}

/// Removes the rules that only correlations refer to, and says so. The built-in rules and those that are enabled by their
/// name stay.
pub(super) fn leave_out(
    rules: &mut Vec<Rule>,
    correlations: &[Correlation],
    is_enabled: impl Fn(&str) -> bool,
    diagnostics: &mut Vec<RuleDiagnostic>,
) {
    if correlations.is_empty() {
        return;
    }
    let mut by_reference: HashMap<String, Vec<&Correlation>> = HashMap::new();
    for correlation in correlations {
        for (reference, _) in &correlation.references {
            by_reference.entry(key(reference)).or_default().push(correlation);
        }
    }
    rules.retain(|rule| {
        let by_name = by_reference.get(&key(rule.name()));
        let by_id = rule.id().and_then(|id| by_reference.get(&key(id)));
        let referring: Vec<&Correlation> = by_name.into_iter().chain(by_id).flatten().copied().collect();
        let Some(first) = referring.first() else { return true };
        if rule.is_built_in() || is_enabled(rule.name()) || referring.iter().any(|one| one.generates) {
            return true;
        }
        let text = format!(
            "it is left out, because only correlations refer to it, which are not supported (`{}` at {}:{}); to run it \
             alone, set `generate: true` there, or `enabled: true` for the rule in the configuration file",
            first.name, first.file, first.line
        );
        let reason = Reason::unsupported(text).on(rule.head());
        diagnostics.push(rule.diagnostic(reason));
        false
    });
}

/// A warning for each reference of a correlation to a rule that does not exist; `names` are those of all rules and the ids
/// of those that have one.
pub(super) fn unresolved(correlations: &[Correlation], names: &[&str]) -> Vec<RuleDiagnostic> {
    let own = correlations.iter().flat_map(|one| [Some(one.name.as_str()), one.id.as_deref()]).flatten();
    let known: BTreeMap<String, &str> = names.iter().copied().chain(own).map(|name| (key(name), name)).collect();
    let all: Vec<&str> = known.values().copied().collect();
    let references = correlations.iter().flat_map(|one| one.references.iter().map(move |reference| (one, reference)));
    references
        .filter(|(_, (reference, _))| !known.contains_key(&key(reference)))
        .map(|(correlation, (reference, line))| {
            let text = format!("there is no rule `{reference}` to correlate{}", did_you_mean(reference, &all));
            let diagnostic = Reason::warning(text).on(*line).in_file(&correlation.file, "", Some(&correlation.name));
            RuleDiagnostic { line: Some(*line), ..diagnostic }
        })
        .collect()
}

/// A name or id as it is compared.
fn key(name: &str) -> String {
    slug(name).to_ascii_lowercase()
}
