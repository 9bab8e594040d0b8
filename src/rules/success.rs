//! Whether a rule is about calls that succeeded alone: whether a record that says why its call failed is ruled out.

use rsigma_parser::{ConditionExpr, Detection, DetectionItem, Detections, SigmaValue, SpecialChar, StringPart};

/// Whether the rule with this detection matches no record whose `errorCode` says something.
pub(super) fn is_needed(detections: &Detections) -> bool {
    !detections.conditions.is_empty()
        && detections.conditions.iter().all(|condition| excludes_failed(condition, detections))
}

fn excludes_failed(condition: &ConditionExpr, detections: &Detections) -> bool {
    match condition {
        ConditionExpr::And(parts) => parts.iter().any(|part| excludes_failed(part, detections)),
        ConditionExpr::Or(parts) => parts.iter().all(|part| excludes_failed(part, detections)),
        ConditionExpr::Not(part) => match part.as_ref() {
            ConditionExpr::Identifier(name) => detections.named.get(name).is_some_and(is_failed),
            _ => false,
        },
        ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => false,
    }
}

/// Whether a detection is `errorCode: '?*'`.
fn is_failed(detection: &Detection) -> bool {
    let Detection::AllOf(items) = detection else { return false };
    matches!(items.as_slice(), [item] if is_not_empty(item) && item.field.name.as_deref() == Some("errorCode"))
}

/// Whether an item only tests that its field is not empty: `'?*'`.
fn is_not_empty(item: &DetectionItem) -> bool {
    const NOT_EMPTY: [StringPart; 2] =
        [StringPart::Special(SpecialChar::WildcardSingle), StringPart::Special(SpecialChar::WildcardMulti)];
    let is_it = |value: &SigmaValue| matches!(value, SigmaValue::String(text) if text.parts == NOT_EMPTY);
    item.field.modifiers.is_empty() && matches!(item.values.as_slice(), [value] if is_it(value))
}
