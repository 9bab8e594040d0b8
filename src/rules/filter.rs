//! Sigma filters, which suppress findings of some rules.
//!
//! A filter is compiled and matched like a rule. It lets a finding through where its condition holds, as the Sigma
//! specification says; its exemptions are therefore under `not`.

use std::sync::Arc;

use rsigma_parser::{ConditionExpr, FilterRule, FilterRuleTarget, LogSource, SigmaRule, parse_sigma_yaml};
use serde_json::Value;

use super::Known;
use super::lint;
use super::sigma::{Matcher, Verdict};
use crate::event::Event;
use crate::facts::Zone;
use crate::finding::RuleInfo;
use crate::rules::load::attributes::AttributeError;
use crate::rules::load::check;
use crate::rules::load::condition;
use crate::rules::load::culprit;
use crate::rules::load::diagnostic::{DiagnosticKind, Reason, RuleDiagnostic};
use crate::rules::load::files::{Document, RuleFile};
use crate::rules::load::parser::of_parser;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::sigma::placeholder;
use crate::rules::sigma::subject::Subject;

/// A filter that can be run.
#[derive(Debug)]
pub struct Filter {
    /// Its name. The default is the stem of the file, with a number.
    pub name: String,
    /// The line of the file, from 1, that names it; otherwise the first of its document.
    pub(super) line: usize,
    /// One line on what it exempts.
    pub title: String,
    /// The key `trailwarden:` of its document.
    pub attributes: Value,
    /// Names or ids of the rules it is about; `None` for all.
    rules: Option<Vec<String>>,
    lets_through: Matcher,
    /// What is configured as your own.
    pub(super) zone: Arc<Zone>,
}

impl Filter {
    /// Whether it is about the findings of `rule`.
    pub fn is_about(&self, rule: &RuleInfo) -> bool {
        let is_it =
            |name: &String| *name == rule.name || rule.id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(name));
        self.rules.as_ref().is_none_or(|rules| rules.iter().any(is_it))
    }

    /// Whether it suppresses a finding for `event`. It does not if the event is too complex to decide.
    pub fn exempts(&self, event: &Event<'_>) -> bool {
        self.lets_through.verdict(&Subject::within(event, &self.zone)) == Verdict::NoMatch
    }
}

/// The filters of a file, which refer to `known` rules; a diagnostic for each that cannot be used. `check` reads the key
/// `trailwarden:` and says what is wrong with it.
pub(super) fn parse<A>(
    file: &RuleFile,
    known: &Known<'_>,
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
                diagnostic(&shown, of_parser(&error.to_string(), &document));
                continue;
            }
        };
        collection.errors.iter().for_each(|error| diagnostic(&shown, of_parser(error, &document)));
        if collection.filters.is_empty() && collection.errors.is_empty() {
            let text = "this is no Sigma filter: it has no `filter:` with `rules`, a selection and a `condition`";
            diagnostic(&shown, Reason::error(text));
        }
        for sigma in collection.filters {
            let name = sigma.name.clone().unwrap_or_else(|| document.name.clone());
            match filter(sigma, &name, &document, known) {
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

fn filter(sigma: FilterRule, name: &str, document: &Document, known: &Known<'_>) -> Result<Filter, Vec<Reason>> {
    let mut reasons = Vec::new();
    let rules = match &sigma.rules {
        FilterRuleTarget::Any if says_any(document) => None,
        FilterRuleTarget::Any => {
            let text = "its `filter:` names no `rules`; list their names, or write `rules: any`";
            reasons.push(Reason::error(text).at("filter"));
            None
        }
        FilterRuleTarget::Specific(names) => Some(names.clone()),
    };
    for wanted in rules.iter().flatten() {
        let is_it = |name: &&str| name.eq_ignore_ascii_case(wanted);
        if !known.rules.contains(wanted.as_str()) && !known.ids.iter().any(is_it) {
            let names: Vec<&str> = known.rules.iter().copied().collect();
            let near = did_you_mean(wanted, &names);
            reasons.push(Reason::error(format!("there is no rule `{wanted}`{near}")).at(wanted));
        }
    }
    if !sigma.detection.conditions.iter().all(holds_without) {
        let text = "its condition would exempt everything but what it names; write `condition: not selection`, as Sigma \
                    filters do";
        reasons.push(Reason::error(text).at("condition"));
    }
    let logsource = LogSource {
        category: None,
        product: Some("aws".to_owned()),
        service: Some("cloudtrail".to_owned()),
        definition: None,
        custom: std::collections::HashMap::new(),
    };
    let mut rule = match template(&sigma, logsource) {
        Ok(rule) => rule,
        Err(reason) => {
            reasons.push(reason);
            return Err(reasons);
        }
    };
    reasons.extend(check::reasons_against(&rule));
    // A selection that can never hold exempts nothing, and somebody thinks that it does.
    let unknown = condition::unknown(&rule, &document.text);
    let mut in_vain = lint::fields(&document.text);
    if unknown.is_empty() {
        in_vain.extend(condition::unused(&rule.detection, &document.text, &[]));
    }
    reasons.extend(unknown);
    reasons.extend(in_vain.into_iter().map(|reason| Reason { kind: DiagnosticKind::Error, ..reason }));
    if let Err(unfilled) = placeholder::fill(&mut rule, known.values) {
        reasons.extend(unfilled.into_iter().map(Reason::from));
    }
    let compiled = Matcher::new(&rule.detection);
    if let Err(errors) = &compiled {
        culprit::add(errors, &document.text, &mut reasons);
    }
    let attributes = sigma.custom_attributes.get("trailwarden").map(serde_json::to_value);
    let attributes = attributes.transpose().ok().flatten().unwrap_or(Value::Null);
    match compiled {
        Ok(lets_through) if reasons.is_empty() => {
            let is_code = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
            let lines = || document.text.lines();
            let line = lines().position(|line| line.starts_with("name:")).or_else(|| lines().position(is_code));
            let line = document.above + line.map_or(1, |place| place + 1);
            Ok(Filter {
                name: name.to_owned(),
                line,
                title: sigma.title,
                attributes,
                rules,
                lets_through,
                zone: Arc::default(),
            })
        }
        _ => Err(reasons),
    }
}

/// Whether the document itself says that the filter is about any rule; the parser takes a missing list for the same.
fn says_any(document: &Document) -> bool {
    let value: Option<yaml_serde::Value> = yaml_serde::from_str(&document.text).ok();
    let rules = value.as_ref().and_then(|value| value.get("filter")).and_then(|filter| filter.get("rules"));
    rules.and_then(yaml_serde::Value::as_str).is_some_and(|word| word.eq_ignore_ascii_case("any"))
}

/// Whether a condition holds for a record that none of its selections names.
fn holds_without(condition: &ConditionExpr) -> bool {
    match condition {
        ConditionExpr::Not(part) => !holds_without(part),
        ConditionExpr::And(parts) => parts.iter().all(holds_without),
        ConditionExpr::Or(parts) => parts.iter().any(holds_without),
        ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => false,
    }
}

/// The filter as a rule, so that the one compiler does for both.
fn template(sigma: &FilterRule, logsource: LogSource) -> Result<SigmaRule, Reason> {
    const RULE: &str = "title: filter\nlogsource: {product: aws}\ndetection: {s: {eventName: a}, condition: s}\n";
    let collection = parse_sigma_yaml(RULE).map_err(|error| Reason::error(error.to_string()))?;
    let rule = collection.rules.into_iter().next().ok_or_else(|| Reason::error("the filter cannot be compiled"))?;
    Ok(SigmaRule { logsource, detection: sigma.detection.clone(), sigma_version: sigma.sigma_version, ..rule })
}
