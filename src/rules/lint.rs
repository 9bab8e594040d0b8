//! Warnings about rules that run but do less than their text suggests.
//!
//! A lint warns only if the rule is certainly wrong. Undocumented parts of records may have any value.

mod calls;
mod document;
mod fields;
mod templates;

pub(super) use document::lint as document;
pub(super) use fields::lint as fields;

use super::rule::Rule;
use crate::rules::load::condition;
use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};

/// Returns warnings about a rule, except those about its [document](document::lint).
pub(super) fn warnings(rule: &Rule) -> Vec<RuleDiagnostic> {
    let (detections, text) = (&rule.sigma().detection, rule.text());
    let mut reasons = Vec::new();
    calls::lint(rule, &mut reasons);
    let contradictions = condition::contradictions(detections, text);
    let is_filled = rule.placeholders().is_empty();
    if contradictions.is_empty() && rule.call_patterns().0.is_empty() && is_filled {
        let text = "it can never match: its condition requires two different services or calls at once";
        reasons.push(Reason::warning(text).at("condition"));
    }
    reasons.extend(contradictions);
    reasons.extend(condition::unused(detections, text, &rule.attributes().variant_detections()));
    templates::lint(rule, &mut reasons);
    let mut distinct: Vec<Reason> = Vec::new();
    for reason in reasons {
        if !distinct.contains(&reason) {
            distinct.push(reason);
        }
    }
    distinct.into_iter().map(|reason| rule.diagnostic(reason)).collect()
}
