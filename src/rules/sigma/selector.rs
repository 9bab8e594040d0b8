//! The detections of a rule, and which of them a condition such as `1 of selection_*` means.

use std::collections::HashMap;

use rsigma_parser::{Detection, Detections, SelectorPattern, detection_name_matches};

/// The detections in the order of their names, so that messages about a rule do not change from run to run.
pub(in crate::rules) fn by_name(named: &HashMap<String, Detection>) -> Vec<(&String, &Detection)> {
    let mut detections: Vec<_> = named.iter().collect();
    detections.sort_unstable_by_key(|(name, _)| *name);
    detections
}

/// The detections of a rule that `pattern` means, by name.
pub(in crate::rules) fn selected<'d>(pattern: &SelectorPattern, detections: &'d Detections) -> Vec<&'d Detection> {
    let is_meant = |name: &str| match pattern {
        SelectorPattern::Them => !name.starts_with('_'),
        SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
    };
    let mut meant = by_name(&detections.named);
    meant.retain(|(name, _)| is_meant(name));
    meant.into_iter().map(|(_, detection)| detection).collect()
}
