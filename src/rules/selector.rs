//! Which detections a condition such as `1 of selection_*` means.

use rsigma_parser::{Detection, Detections, SelectorPattern, detection_name_matches};

/// The detections of a rule that `pattern` means, by name.
pub(super) fn selected<'d>(pattern: &SelectorPattern, detections: &'d Detections) -> Vec<&'d Detection> {
    let is_meant = |name: &str| match pattern {
        SelectorPattern::Them => !name.starts_with('_'),
        SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
    };
    let mut meant: Vec<_> = detections.named.iter().filter(|(name, _)| is_meant(name)).collect();
    meant.sort_by(|one, other| one.0.cmp(other.0));
    meant.into_iter().map(|(_, detection)| detection).collect()
}
