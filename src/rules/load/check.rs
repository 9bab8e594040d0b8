//! What the Sigma parser accepts and this evaluator cannot honour.

use rsigma_parser::{Detection, DetectionItem, SigmaRule, version};

use crate::facts::{self, FACTS};
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::did_you_mean;
use crate::rules::sigma::selector;

/// Every reason why `sigma` cannot run here; none when it can.
pub(in crate::rules) fn reasons_against(sigma: &SigmaRule) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if version::is_unsupported(sigma.sigma_version) {
        let text = format!("its sigma-version is newer than {}", version::SPEC_VERSION_SUPPORTED);
        reasons.push(Reason::unsupported(text).at("sigma-version"));
    }
    let parts = [(&sigma.logsource.product, "aws"), (&sigma.logsource.service, "cloudtrail")];
    let others: Vec<_> = parts
        .into_iter()
        .filter(|(part, word)| !part.as_ref().is_some_and(|part| part.eq_ignore_ascii_case(word)))
        .collect();
    if !others.is_empty() {
        let near = others.iter().filter_map(|(part, word)| Some(did_you_mean(part.as_ref()?, &[word])));
        let near: String = near.collect();
        let text = format!("its logsource is not `product: aws, service: cloudtrail`{near}");
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
pub(in crate::rules) fn unknown_fact(path: &str) -> Option<Reason> {
    if !facts::is_fact_namespace(path) || facts::find(path).is_some() {
        return None;
    }
    let known: Vec<&str> = FACTS.iter().map(|fact| fact.name).collect();
    let nearest = did_you_mean(path, &known);
    Some(Reason::error(format!("there is no fact `{path}`{nearest}; `trailwarden facts` lists them")).at(path))
}
