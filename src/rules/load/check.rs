//! Features that the Sigma parser accepts and this evaluator does not support.

use rsigma_parser::{Detection, SigmaRule, version};

use crate::facts::{self, FACTS};
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::sigma::selector;

/// Returns an error for each part of a rule that is not supported.
pub(in crate::rules) fn check_support(sigma: &SigmaRule) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if version::is_unsupported(sigma.sigma_version) {
        let text = format!("its sigma-version is newer than {}", version::SPEC_VERSION_SUPPORTED);
        reasons.push(Reason::unsupported(text).at("sigma-version"));
    }
    let logsource = [(&sigma.logsource.product, "aws"), (&sigma.logsource.service, "cloudtrail")];
    let mismatches: Vec<_> = logsource
        .into_iter()
        .filter(|(value, expected)| !value.as_ref().is_some_and(|value| value.eq_ignore_ascii_case(expected)))
        .collect();
    if !mismatches.is_empty() {
        let near = mismatches.iter().filter_map(|(value, expected)| Some(did_you_mean(value.as_ref()?, &[expected])));
        let near: String = near.collect();
        let text = format!("its logsource is not `product: aws, service: cloudtrail`{near}");
        reasons.push(Reason::unsupported(text).at("logsource"));
    }
    if sigma.detection.timeframe.is_some() {
        let text = "`timeframe` requires counting over time, which is not supported";
        reasons.push(Reason::unsupported(text).at("timeframe"));
    }
    for (_, detection) in selector::by_name(&sigma.detection.named) {
        unknown_facts(detection, true, &mut reasons);
    }
    reasons
}

/// Reports fields of a detection that look like facts and are not. `of_record`: its fields belong to the record, not to an
/// array element.
fn unknown_facts(detection: &Detection, of_record: bool, reasons: &mut Vec<Reason>) {
    match detection {
        Detection::AllOf(items) => {
            let fields = items.iter().filter(|_| of_record).filter_map(|item| item.field.name.as_deref());
            reasons.extend(fields.filter_map(unknown_fact));
        }
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter().for_each(|part| unknown_facts(part, of_record, reasons));
        }
        Detection::ArrayMatch { field, body, .. } => {
            if of_record {
                reasons.extend(unknown_fact(field));
            }
            unknown_facts(body, false, reasons);
        }
        Detection::Conditional { named, .. } => {
            named.values().for_each(|part| unknown_facts(part, of_record, reasons));
        }
        Detection::Keywords(_) => {}
    }
}

/// Returns an error for a path in the namespace of facts that names no fact, and would never match.
pub(in crate::rules) fn unknown_fact(path: &str) -> Option<Reason> {
    if !facts::is_fact_namespace(path) || facts::find(path).is_some() {
        return None;
    }
    let known: Vec<&str> = FACTS.iter().map(|fact| fact.name).collect();
    let nearest = did_you_mean(path, &known);
    Some(Reason::error(format!("there is no fact `{path}`{nearest}; `trailwarden facts` lists them")).at(path))
}
