//! What is wrong with rules that run all the same: they do less than they seem to.
//!
//! A lint warns only of what is certain: parts of records that CloudTrail does not document are anything.

mod calls;
mod document;
mod fields;
mod sentences;

pub(super) use document::lint as document;
pub(super) use fields::lint as fields;

use super::rule::Rule;
use crate::rules::load::condition;
use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};

/// What a rule asks for in vain, apart from what its [document](document::lint) alone shows.
pub(super) fn warnings(rule: &Rule) -> Vec<RuleDiagnostic> {
    let (detections, text) = (&rule.sigma().detection, rule.text());
    let mut reasons = Vec::new();
    calls::lint(rule, &mut reasons);
    let contradictions = condition::contradictions(detections, text);
    let is_filled = rule.placeholders().is_empty();
    if contradictions.is_empty() && rule.call_patterns().0.is_empty() && is_filled {
        let text = "it can never match: its condition asks for two different services or calls at once";
        reasons.push(Reason::warning(text).at("condition"));
    }
    reasons.extend(contradictions);
    reasons.extend(condition::unused(detections, text, &rule.attributes().detections()));
    sentences::lint(rule, &mut reasons);
    let mut told = Vec::new();
    reasons.retain(|reason| {
        let is_new = !told.contains(reason);
        if is_new {
            told.push(reason.clone());
        }
        is_new
    });
    reasons.into_iter().map(|reason| rule.diagnostic(reason)).collect()
}
