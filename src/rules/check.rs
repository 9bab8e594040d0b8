//! What the Sigma parser accepts and this evaluator cannot honour.

use rsigma_parser::{Detection, DetectionItem, SigmaRule, version};

use super::fault::Reason;
use super::selector;
use super::settings::did_you_mean;
use crate::facts::{self, FACTS};

/// Every reason why `sigma` cannot run here; none when it can.
pub(super) fn reasons_against(sigma: &SigmaRule) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if version::is_unsupported(sigma.sigma_version) {
        let text = format!("its sigma-version is newer than {}", version::SPEC_VERSION_SUPPORTED);
        reasons.push(Reason::unsupported(text).at("sigma-version"));
    }
    let is = |part: &Option<String>, word: &str| part.as_ref().is_some_and(|part| part.eq_ignore_ascii_case(word));
    if !is(&sigma.logsource.product, "aws") || !is(&sigma.logsource.service, "cloudtrail") {
        let text = "its logsource is not `product: aws, service: cloudtrail`";
        reasons.push(Reason::unsupported(text).at("logsource"));
    }
    if sigma.detection.timeframe.is_some() {
        let text = "`timeframe` asks for counting over time, which is not supported";
        reasons.push(Reason::unsupported(text).at("timeframe"));
    }
    for (_, detection) in selector::by_name(&sigma.detection.named) {
        visit(detection, true, &mut reasons);
    }
    reasons
}

/// `outermost`: field names are paths into the record, not into a member of an array.
fn visit(detection: &Detection, outermost: bool, reasons: &mut Vec<Reason>) {
    match detection {
        Detection::AllOf(items) => items.iter().for_each(|item| visit_item(item, outermost, reasons)),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter().for_each(|part| visit(part, outermost, reasons));
        }
        Detection::ArrayMatch { field, body, .. } => {
            if outermost {
                reasons.extend(unknown_fact(field));
            }
            visit(body, false, reasons);
        }
        Detection::Conditional { named, .. } => named.values().for_each(|part| visit(part, outermost, reasons)),
        Detection::Keywords(_) => {}
    }
}

fn visit_item(item: &DetectionItem, outermost: bool, reasons: &mut Vec<Reason>) {
    let field = item.field.name.as_deref().unwrap_or_default();
    if outermost {
        reasons.extend(unknown_fact(field));
    }
}

/// A path among the facts that is none of them would never match.
pub(super) fn unknown_fact(path: &str) -> Option<Reason> {
    if !facts::is_fact_namespace(path) || facts::find(path).is_some() {
        return None;
    }
    let known: Vec<&str> = FACTS.iter().map(|fact| fact.scope.name).collect();
    let nearest = did_you_mean(path, &known);
    Some(Reason::error(format!("there is no fact `{path}`{nearest}; `trailwarden facts` lists them")).at(path))
}
