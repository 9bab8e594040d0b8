//! What the Sigma parser accepts and this evaluator cannot honour.

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, version};

use crate::facts::{self, FACTS};

/// Every reason why `sigma`, called `name`, cannot run here; none when it can.
pub(super) fn reasons_against(sigma: &SigmaRule, name: &str) -> Vec<String> {
    let mut reasons = Vec::new();
    if name.is_empty() || !name.chars().all(|character| character.is_ascii_alphanumeric() || "._-".contains(character))
    {
        reasons.push("a name has only letters, digits, `.`, `_` and `-`".to_owned());
    }
    if version::is_unsupported(sigma.sigma_version) {
        reasons.push(format!("its sigma-version is newer than {}", version::SPEC_VERSION_SUPPORTED));
    }
    let is = |part: &Option<String>, word: &str| part.as_ref().is_some_and(|part| part.eq_ignore_ascii_case(word));
    if !is(&sigma.logsource.product, "aws") || !is(&sigma.logsource.service, "cloudtrail") {
        reasons.push("its logsource is not `product: aws, service: cloudtrail`".to_owned());
    }
    if sigma.detection.timeframe.is_some() {
        reasons.push("`timeframe` asks for counting over time, which is not supported".to_owned());
    }
    let mut names: Vec<_> = sigma.detection.named.iter().collect();
    names.sort_by_key(|(name, _)| *name);
    for (_, detection) in names {
        visit(detection, true, &mut reasons);
    }
    reasons
}

/// `outermost`: field names are paths into the record, not into a member of an array.
fn visit(detection: &Detection, outermost: bool, reasons: &mut Vec<String>) {
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

fn visit_item(item: &DetectionItem, outermost: bool, reasons: &mut Vec<String>) {
    let field = item.field.name.as_deref().unwrap_or_default();
    if outermost {
        reasons.extend(unknown_fact(field));
    }
    if item.field.has_modifier(Modifier::Expand) {
        reasons.push(format!("`{field}|expand` has a placeholder, and there is nothing to fill it with"));
    }
}

/// A path among the facts that is none of them would never match.
pub(super) fn unknown_fact(path: &str) -> Option<String> {
    if !facts::is_fact_namespace(path) || facts::find(path).is_some() {
        return None;
    }
    let known: Vec<&str> = FACTS.iter().map(|fact| fact.name).collect();
    Some(format!("there is no fact `{path}`; the facts are {}", known.join(", ")))
}
