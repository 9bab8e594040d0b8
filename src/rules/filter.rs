//! Sigma filters, which suppress findings of some rules.
//!
//! A filter is compiled and matched like a rule. As in the Sigma specification, a finding passes if the condition holds, so
//! exemptions are written with `not`.

use std::sync::Arc;

use rsigma_parser::{ConditionExpr, FilterRule, FilterRuleTarget, LogSource, SigmaRule, parse_sigma_yaml};
use serde_json::Value;

use super::KnownNames;
use super::lint;
use super::sigma::{MatchResult, Matcher};
use crate::event::Event;
use crate::facts::Zone;
use crate::finding::RuleInfo;
use crate::rules::load::attributes::AttributeError;
use crate::rules::load::check;
use crate::rules::load::compile_errors;
use crate::rules::load::condition;
use crate::rules::load::diagnostic::{DiagnosticKind, Reason, RuleDiagnostic};
use crate::rules::load::files::{Document, RuleFile, first_code_line};
use crate::rules::load::parser::parser_error;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::sigma::placeholder;
use crate::rules::sigma::subject::Subject;

/// A filter that can be run.
#[derive(Debug)]
pub struct Filter {
    /// The name. The default is the stem of the file, with a number.
    pub name: String,
    /// The line of its name in the file, from 1, otherwise the first line of its document.
    pub(super) line: usize,
    /// The title.
    pub title: String,
    /// The value of the key `trailwarden:`.
    pub attributes: Value,
    /// Names or ids of the rules to which it applies; `None` for all.
    rules: Option<Vec<String>>,
    matcher: Matcher,
    /// Your own accounts, organizations, tenants and identity providers.
    pub(super) zone: Arc<Zone>,
}

impl Filter {
    /// Whether the filter applies to findings of `rule`.
    pub fn is_about(&self, rule: &RuleInfo) -> bool {
        let is_rule =
            |name: &String| *name == rule.name || rule.id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(name));
        self.rules.as_ref().is_none_or(|rules| rules.iter().any(is_rule))
    }

    /// Whether the filter suppresses findings for `event`. It does not if the event exceeds the work budget.
    pub fn exempts(&self, event: &Event<'_>) -> bool {
        self.matcher.evaluate(&Subject::in_zone(event, &self.zone)) == MatchResult::NoMatch
    }
}

/// Parses the filters of a file, which refer to `known` rules. Adds a diagnostic for each invalid filter. `check` parses the
/// key `trailwarden:` of a filter and returns its errors.
pub(super) fn parse<A>(
    file: &RuleFile,
    known: &KnownNames<'_>,
    check: impl Fn(&Filter) -> Result<A, Vec<AttributeError>>,
    diagnostics: &mut Vec<RuleDiagnostic>,
) -> Vec<(Filter, A)> {
    let mut filters = Vec::new();
    for document in file.documents() {
        let mut diagnostic = |name: &str, reason: Reason| {
            let reason = Reason { text: format!("exemption `{name}`: {}", reason.text), ..reason };
            diagnostics.push(document.diagnostic(&file.name, None, reason));
        };
        let shown = document.shown_name();
        let collection = match parse_sigma_yaml(&document.text) {
            Ok(collection) => collection,
            Err(error) => {
                diagnostic(&shown, parser_error(&error.to_string(), &document));
                continue;
            }
        };
        collection.errors.iter().for_each(|error| diagnostic(&shown, parser_error(error, &document)));
        if collection.filters.is_empty() && collection.errors.is_empty() {
            let text = "this is not a Sigma filter: it has no `filter:` with `rules`, a selection and a `condition`";
            diagnostic(&shown, Reason::error(text));
        }
        for sigma in collection.filters {
            let name = sigma.name.clone().unwrap_or_else(|| document.name.clone());
            match compile(sigma, &name, &document, known) {
                Ok(filter) => match check(&filter) {
                    Ok(attributes) => filters.push((filter, attributes)),
                    Err(errors) => errors.into_iter().for_each(|error| diagnostic(&name, error.reason(&document.text))),
                },
                Err(reasons) => reasons.into_iter().for_each(|reason| diagnostic(&name, reason)),
            }
        }
    }
    filters
}

/// Compiles a filter.
fn compile(sigma: FilterRule, name: &str, document: &Document, known: &KnownNames<'_>) -> Result<Filter, Vec<Reason>> {
    let mut reasons = Vec::new();
    let rules = match &sigma.rules {
        FilterRuleTarget::Any if has_explicit_any(document) => None,
        FilterRuleTarget::Any => {
            let text = "its `filter:` has no `rules`; list their names, or write `rules: any`";
            reasons.push(Reason::error(text).at("filter"));
            None
        }
        FilterRuleTarget::Specific(names) => Some(names.clone()),
    };
    for wanted in rules.iter().flatten() {
        let is_id = |id: &&str| id.eq_ignore_ascii_case(wanted);
        if !known.rules.contains(wanted.as_str()) && !known.ids.iter().any(is_id) {
            let names: Vec<&str> = known.rules.iter().copied().collect();
            let near = did_you_mean(wanted, &names);
            reasons.push(Reason::error(format!("there is no rule `{wanted}`{near}")).at(wanted));
        }
    }
    if !sigma.detection.conditions.iter().all(holds_by_default) {
        let text = "its condition would exempt everything except its selections; write `condition: not selection`, as in \
                    Sigma filters";
        reasons.push(Reason::error(text).at("condition"));
    }
    let logsource = LogSource {
        category: None,
        product: Some("aws".to_owned()),
        service: Some("cloudtrail".to_owned()),
        definition: None,
        custom: std::collections::HashMap::new(),
    };
    let mut rule = match as_rule(&sigma, logsource) {
        Ok(rule) => rule,
        Err(reason) => {
            reasons.push(reason);
            return Err(reasons);
        }
    };
    reasons.extend(check::check_support(&rule));
    // A selection that never holds exempts nothing, against the author's intention, so warnings become errors.
    let unknown = condition::unknown(&rule, &document.text);
    let mut warnings = lint::fields(&document.text);
    if unknown.is_empty() {
        warnings.extend(condition::unused(&rule.detection, &document.text, &[]));
    }
    reasons.extend(unknown);
    reasons.extend(warnings.into_iter().map(|reason| Reason { kind: DiagnosticKind::Error, ..reason }));
    if let Err(unknown) = placeholder::fill(&mut rule, known.values) {
        reasons.extend(unknown.into_iter().map(Reason::from));
    }
    let compiled = Matcher::new(&rule.detection);
    if let Err(errors) = &compiled {
        compile_errors::add(errors, &document.text, &mut reasons);
    }
    let attributes = sigma.custom_attributes.get("trailwarden").map(serde_json::to_value);
    let attributes = attributes.transpose().ok().flatten().unwrap_or(Value::Null);
    match compiled {
        Ok(matcher) if reasons.is_empty() => {
            let name_line = document.text.lines().position(|line| line.starts_with("name:"));
            let line = name_line.map_or_else(|| first_code_line(&document.text), |index| index + 1);
            Ok(Filter {
                name: name.to_owned(),
                line: document.line_offset + line,
                title: sigma.title,
                attributes,
                rules,
                matcher,
                zone: Arc::default(),
            })
        }
        _ => Err(reasons),
    }
}

/// Whether the document contains `rules: any`. The parser treats a missing list in the same way.
fn has_explicit_any(document: &Document) -> bool {
    let value: Option<yaml_serde::Value> = yaml_serde::from_str(&document.text).ok();
    let rules = value.as_ref().and_then(|value| value.get("filter")).and_then(|filter| filter.get("rules"));
    rules.and_then(yaml_serde::Value::as_str).is_some_and(|word| word.eq_ignore_ascii_case("any"))
}

/// Whether a condition holds for a record that matches none of its selections.
fn holds_by_default(condition: &ConditionExpr) -> bool {
    match condition {
        ConditionExpr::Not(part) => !holds_by_default(part),
        ConditionExpr::And(parts) => parts.iter().all(holds_by_default),
        ConditionExpr::Or(parts) => parts.iter().any(holds_by_default),
        ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => false,
    }
}

/// Converts a filter to a rule, for the checks and the compiler of rules.
fn as_rule(sigma: &FilterRule, logsource: LogSource) -> Result<SigmaRule, Reason> {
    const RULE: &str = "title: filter\nlogsource: {product: aws}\ndetection: {s: {eventName: a}, condition: s}\n";
    let collection = parse_sigma_yaml(RULE).map_err(|error| Reason::error(error.to_string()))?;
    let rule = collection.rules.into_iter().next().ok_or_else(|| Reason::error("the filter cannot be compiled"))?;
    Ok(SigmaRule { logsource, detection: sigma.detection.clone(), sigma_version: sigma.sigma_version, ..rule })
}
