//! Whether a rule can match only successful calls.

use rsigma_parser::{ConditionExpr, Detection, DetectionItem, Detections, SigmaValue, SpecialChar, StringPart};

/// Whether a rule with these detections excludes every record with an `errorCode`.
pub(in crate::rules) fn is_required(detections: &Detections) -> bool {
    !detections.conditions.is_empty()
        && detections.conditions.iter().all(|condition| excludes_failed_calls(condition, detections))
}

fn excludes_failed_calls(condition: &ConditionExpr, detections: &Detections) -> bool {
    match condition {
        ConditionExpr::And(parts) => parts.iter().any(|part| excludes_failed_calls(part, detections)),
        ConditionExpr::Or(parts) => parts.iter().all(|part| excludes_failed_calls(part, detections)),
        ConditionExpr::Not(part) => match part.as_ref() {
            ConditionExpr::Identifier(name) => detections.named.get(name).is_some_and(requires_error_code),
            _ => false,
        },
        ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => false,
    }
}

/// Whether a detection is `errorCode: '?*'`, which matches failed calls.
fn requires_error_code(detection: &Detection) -> bool {
    let Detection::AllOf(items) = detection else { return false };
    matches!(items.as_slice(), [item] if is_not_empty(item) && item.field.name.as_deref() == Some("errorCode"))
}

/// Whether an item tests only that its field is not empty: `'?*'`.
fn is_not_empty(item: &DetectionItem) -> bool {
    const NOT_EMPTY: [StringPart; 2] =
        [StringPart::Special(SpecialChar::WildcardSingle), StringPart::Special(SpecialChar::WildcardMulti)];
    let matches_non_empty = |value: &SigmaValue| matches!(value, SigmaValue::String(text) if text.parts == NOT_EMPTY);
    item.field.modifiers.is_empty() && matches!(item.values.as_slice(), [value] if matches_non_empty(value))
}
