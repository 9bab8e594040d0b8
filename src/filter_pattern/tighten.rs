//! What is left of a pattern's characters, spent on longer parts of names.
//!
//! A short part may meet no call that is known and needless, and still meet one that is not known yet. So the shortest parts
//! grow first, each as far as all needs that it covers have it.

use super::glob::Glob;
use super::need::Need;
use super::term::{Term, pattern};

/// Terms that cover the same needs and let no more through, in a pattern of at most `limit` characters.
pub(super) fn tighten(mut terms: Vec<Term>, needs: &[&Need], limit: usize) -> Vec<Term> {
    let covered: Vec<Vec<&Need>> = terms.iter().map(|term| covered(term, needs)).collect();
    let mut left = limit.saturating_sub(pattern(&terms).len());
    while left > 0 {
        let grown = terms.iter().zip(&covered).enumerate().filter_map(|(place, (term, needs))| {
            let name = term.name.as_ref()?;
            Some((name.to_string().len(), place, longer(name, needs)?))
        });
        // Names are told apart by their places, so that the order is the same each time.
        let Some((_, place, name)) = grown.min_by_key(|(length, place, _)| (*length, *place)) else { break };
        if let Some(term) = terms.get_mut(place) {
            term.name = Some(name);
        }
        left -= 1;
    }
    terms
}

/// The needs that a term covers.
fn covered<'n>(term: &Term, needs: &[&'n Need]) -> Vec<&'n Need> {
    let of_source = |need: &Need| term.sources.is_empty() || term.sources.iter().any(|one| one.includes(&need.source));
    let of_name = |need: &Need| term.name.as_ref().is_some_and(|name| name.includes(&need.name));
    needs.iter().copied().filter(|need| of_source(need) && of_name(need)).collect()
}

/// The name with one character more, when all needs still have it.
fn longer(name: &Glob, needs: &[&Need]) -> Option<Glob> {
    let first = needs.first()?;
    let is_common = |name: &Glob| needs.iter().all(|need| name.includes(&need.name));
    let (part, build): (&str, fn(&str) -> Glob) = match name.parts() {
        [head, tail] if tail.is_empty() => (head, Glob::prefix),
        [_, tail] => (tail, Glob::suffix),
        [_, middle, _] => (middle, Glob::infix),
        _ => return None,
    };
    let found = first.name.parts().iter().flat_map(|whole| whole.match_indices(part).map(move |(at, _)| (whole, at)));
    let grown = found.flat_map(|(whole, at)| {
        let end = at + part.len();
        let after = whole.get(at..end + 1);
        let before = at.checked_sub(1).and_then(|start| whole.get(start..end));
        [after, before]
    });
    grown.flatten().map(build).find(is_common)
}
