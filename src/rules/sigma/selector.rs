//! The named detections of a rule, and those that a condition such as `1 of selection_*` selects.

use std::collections::HashMap;

use rsigma_parser::{Detection, Detections, SelectorPattern};

/// Returns the detections in the order of their names, so that messages about a rule are the same in every run.
pub(in crate::rules) fn by_name(named: &HashMap<String, Detection>) -> Vec<(&String, &Detection)> {
    let mut detections: Vec<_> = named.iter().collect();
    detections.sort_unstable_by_key(|(name, _)| *name);
    detections
}

/// Returns the detections of a rule that `pattern` selects, in the order of their names.
pub(in crate::rules) fn selected<'d>(pattern: &SelectorPattern, detections: &'d Detections) -> Vec<&'d Detection> {
    let named = by_name(&detections.named).into_iter();
    named.filter(|(name, _)| pattern.matches_detection_name(name)).map(|(_, detection)| detection).collect()
}
