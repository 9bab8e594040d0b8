//! The known name most similar to one that is misspelt.

use std::cmp::Ordering;

/// Returns the known name most similar to `name` in any case, if one is similar.
pub(in crate::rules) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_lowercase();
    let scored = known.iter().filter_map(|one| {
        let lower = one.to_lowercase();
        let score = strsim::jaro_winkler(&name, &lower);
        let is_near =
            score > 0.8 || is_slip(&name, &lower) || (name.len() == 5 && strsim::osa_distance(&name, &lower) == 2);
        is_near.then_some((is_slip(&name, &lower), score, *one))
    });
    scored
        .max_by(|one, other| (one.0, one.1).partial_cmp(&(other.0, other.1)).unwrap_or(Ordering::Equal))
        .map(|one| one.2)
}

/// Whether two names differ by a typing error: one or two characters added, missing, wrong or swapped.
pub(in crate::rules) fn is_slip(name: &str, known: &str) -> bool {
    let max = match name.len() {
        0..3 => return false,
        3..6 => 1,
        _ => 2,
    };
    name.len().abs_diff(known.len()) <= max && strsim::osa_distance(name, known) <= max
}

/// Returns ` (did you mean `…`?)` with the known name most similar to `name`, or an empty string if none is similar.
pub fn did_you_mean(name: &str, known: &[&str]) -> String {
    nearest(name, known).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default()
}

/// Returns an error message of serde; one about an unknown name ends with the most similar known name.
pub fn with_suggestion(message: String) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = names.split_first().filter(|_| message.contains("unknown "));
    let near = unknown.map(|(name, known)| did_you_mean(name, known)).unwrap_or_default();
    message + &near
}
