//! Patterns that also let through every record of a call that changes something.
//!
//! Rules that match whatever call names a resource of the deployment need these records. CloudTrail writes `readOnly` as a
//! boolean; records that are written otherwise pass by the calls they name.

/// The condition for a call that changes something.
const WRITES: &str = "$.readOnly IS FALSE";

/// The condition for every other record.
const OTHERS: &str = "($.readOnly IS TRUE||$.readOnly NOT EXISTS||$.readOnly IS NULL||$.readOnly=\"*\")";

/// The maximum number of characters that these conditions add to one of so many patterns.
pub(super) const fn added(filters: usize) -> usize {
    if filters > 1 { OTHERS.len() + "()&&".len() } else { WRITES.len() + "||()".len() }
}

/// The patterns, of which the first lets through all calls that change something, and the others none of them: no record
/// passes two.
pub(super) fn let_through(patterns: Vec<(String, usize)>) -> Vec<(String, usize)> {
    let mut patterns = patterns.into_iter();
    let Some((first, terms)) = patterns.next() else { return vec![(format!("{{{WRITES}}}"), 1)] };
    let others = patterns.map(|(pattern, terms)| (format!("{{({})&&{OTHERS}}}", inner(&pattern)), terms));
    // `&&` binds more tightly than `||`.
    let first = format!("{{{WRITES}||{}}}", in_parentheses(inner(&first)));
    std::iter::once((first, terms + 1)).chain(others).collect()
}

/// A pattern without its braces.
fn inner(pattern: &str) -> &str {
    pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(pattern)
}

/// A single conjunction in parentheses, as in the other alternatives of a pattern.
fn in_parentheses(condition: &str) -> String {
    let is_conjunction = condition.contains("&&") && !condition.contains("||");
    if is_conjunction { format!("({condition})") } else { condition.to_owned() }
}
