//! One alternative of a filter pattern, and the pattern that some of them make.
//!
//! Names of calls stand in one regular expression, `$.eventName=%teVpc|Gateway%`: there a name takes a few characters, as a
//! condition of its own it takes some twenty. A pattern may have two of them. They are made of letters, digits, `_`, `-`,
//! `\.` and `|` alone, and are not anchored: whether `^` means the beginning of the value or of the log event is nothing
//! that records may depend on. (Amazon CloudWatch Logs user guide, supported regular expressions.)

use std::collections::BTreeMap;

use super::glob::Glob;

/// Records whose `eventSource` is one of these, or any when there are none, and whose `eventName` is this, or any. All are
/// plain globs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Term {
    pub(super) sources: Vec<Glob>,
    pub(super) name: Option<Glob>,
}

impl Term {
    /// Whether it is one that such a call passes.
    pub(super) fn passes(&self, source: &str, name: &str) -> bool {
        // The name first: it is one, and tells most apart.
        self.name.as_ref().is_none_or(|one| one.matches(name))
            && (self.sources.is_empty() || self.sources.iter().any(|one| one.matches(source)))
    }

    /// Whether some record may be one of both. Never no when one is.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let meets_other = |source: &Glob| other.sources.iter().any(|other| source.may_meet_as_service(other));
        let by_source = self.sources.is_empty() || other.sources.is_empty() || self.sources.iter().any(meets_other);
        let by_name = match (&self.name, &other.name) {
            (Some(ours), Some(theirs)) => ours.may_meet(theirs),
            _ => true,
        };
        by_source && by_name
    }
}

/// The characters that a condition on the name takes, with what sets it apart from the next.
pub(super) fn cost_of_condition(name: &Glob) -> usize {
    condition("eventName", name).len() + 2
}

/// The characters that a service alone takes, with what sets it apart from the next.
pub(super) fn cost_of_service(source: &Glob) -> usize {
    condition("eventSource", source).len() + 2
}

/// The characters that a name takes in a regular expression, with what sets it apart from the next.
pub(super) fn cost_of_expression(name: &Glob) -> usize {
    expression(name).len() + 1
}

/// The characters around the names of these services, at most.
pub(super) fn cost_of_sources(sources: &[Glob]) -> usize {
    sources_as(sources).len() + "(&&)||".len() + "$.eventName=%%".len()
}

/// The pattern that the records of any of these terms pass. Names of services stand in a regular expression, of whatever
/// service in conditions.
pub(super) fn pattern(terms: &[Term]) -> String {
    let mut alternatives = Vec::new();
    let mut shared: BTreeMap<&[Glob], Vec<&Glob>> = BTreeMap::new();
    for term in terms {
        match (&term.name, term.sources.as_slice()) {
            (Some(name), []) => alternatives.push(condition("eventName", name)),
            (Some(name), sources) => shared.entry(sources).or_default().push(name),
            (None, sources) => alternatives.extend(sources.iter().map(|source| condition("eventSource", source))),
        }
    }
    let is_alone = alternatives.is_empty() && shared.len() == 1;
    for (sources, names) in shared {
        let both = format!("{}&&$.eventName=%{}%", sources_as(sources), expressions(names));
        alternatives.push(if is_alone { both } else { format!("({both})") });
    }
    format!("{{{}}}", alternatives.join("||"))
}

/// The condition that the service is one of these.
fn sources_as(sources: &[Glob]) -> String {
    if sources.len() > 1 && sources.iter().all(Glob::is_infix) {
        return format!("$.eventSource=%{}%", expressions(sources));
    }
    let conditions: Vec<String> = sources.iter().map(|source| condition("eventSource", source)).collect();
    if conditions.len() > 1 { format!("({})", conditions.join("||")) } else { conditions.concat() }
}

/// `$.eventName="…"`. In quotes, as everything but letters, digits and `_` has to be.
fn condition(field: &str, glob: &Glob) -> String {
    format!("$.{field}=\"{glob}\"")
}

fn expressions<'g>(globs: impl IntoIterator<Item = &'g Glob>) -> String {
    globs.into_iter().map(expression).collect::<Vec<_>>().join("|")
}

/// What contains the literal part of a plain glob, as a regular expression. Of what names consist of, the dot alone is
/// special there.
fn expression(glob: &Glob) -> String {
    glob.parts().concat().replace('.', "\\.")
}
