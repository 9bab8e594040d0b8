//! Event patterns for EventBridge. They list the exact names of the calls that rules match, in as many patterns as
//! necessary.
//!
//! No event passes two patterns, because all names of a service are in one pattern. If they do not fit, the first pattern
//! of the service contains all wildcards, and each remaining exact name is in one of the others. (Amazon EventBridge user
//! guide, "Comparison operators for use in event patterns".)

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::MAX_EVENT_PATTERN_CHARACTERS;
use super::glob::Glob;
use super::need::Need;
use super::writes::Writes;

/// The calls that one event pattern passes.
#[derive(Debug, Clone)]
pub(super) struct Group {
    sources: Sources,
    /// `None` for every call.
    names: Option<BTreeSet<Glob>>,
}

#[derive(Debug, Clone)]
enum Sources {
    These(BTreeSet<String>),
    /// Every service but these.
    Others(BTreeSet<String>),
}

impl Group {
    fn of(source: &str, names: Option<BTreeSet<Glob>>) -> Self {
        Self { sources: Sources::These(BTreeSet::from([source.to_owned()])), names }
    }

    /// Whether such a call passes.
    pub(super) fn passes(&self, source: &str, name: &str) -> bool {
        let is_of_source = match &self.sources {
            Sources::These(sources) => sources.contains(source),
            Sources::Others(sources) => !sources.contains(source),
        };
        is_of_source && self.names.as_ref().is_none_or(|names| names.iter().any(|one| one.matches(name)))
    }

    /// Merges two groups. The result also passes calls of one group's services with names of the other.
    fn merged(&self, other: &Self) -> Option<Self> {
        let (Sources::These(ours), Sources::These(theirs)) = (&self.sources, &other.sources) else { return None };
        let sources = Sources::These(ours | theirs);
        match (&self.names, &other.names) {
            (None, None) => Some(Self { sources, names: None }),
            (Some(ours), Some(theirs)) => Some(Self { sources, names: Some(ours | theirs) }),
            _ => None,
        }
    }

    /// The number of names, or of services if their calls have any name.
    fn terms(&self) -> usize {
        let (Sources::These(sources) | Sources::Others(sources)) = &self.sources;
        self.names.as_ref().map_or(sources.len(), BTreeSet::len)
    }

    fn detail(&self, writes: Option<Writes>) -> Value {
        let mut detail = serde_json::Map::new();
        let sources = match &self.sources {
            Sources::These(sources) => json!(sources),
            Sources::Others(sources) if sources.is_empty() => Value::Null,
            Sources::Others(sources) => json!([{"anything-but": sources}]),
        };
        if !sources.is_null() {
            detail.insert("eventSource".to_owned(), sources);
        }
        if let Some(names) = &self.names {
            detail.insert("eventName".to_owned(), names.iter().map(value).collect());
        }
        if let Some(writes) = writes {
            detail.insert("$or".to_owned(), writes.event_complement());
        }
        detail.into()
    }

    fn fits(&self, writes: Option<Writes>) -> bool {
        event_pattern(Some(self.detail(writes))).len() <= MAX_EVENT_PATTERN_CHARACTERS
    }
}

/// Returns the pattern for every CloudTrail event, or for those whose record matches `detail`.
///
/// Only AWS services can send events whose `source` begins with `aws.`. Without this condition, anyone who may put events on
/// the bus could forge records. The documentation calls the sign-in events both `Sign In` and `Signin`.
pub(super) fn event_pattern(detail: Option<Value>) -> String {
    let mut pattern = json!({
        "source": [{"prefix": "aws."}],
        "detail-type": ["AWS API Call via CloudTrail", {"prefix": "AWS Console "}, "AWS Service Event via CloudTrail"],
    });
    if let (Some(pattern), Some(detail)) = (pattern.as_object_mut(), detail) {
        pattern.insert("detail".to_owned(), detail);
    }
    pattern.to_string()
}

/// Groups of calls, and patterns with their numbers of terms.
pub(super) type Solution = (Vec<Group>, Vec<(String, usize)>);

/// Returns the groups of calls that rules match, and the patterns with their numbers of terms. The pattern for every write
/// call, if rules match any of them, comes first and has no group.
///
/// # Errors
/// The service whose wildcards do not fit into one pattern, or `*` for calls of any service.
pub(super) fn solve(needs: &[Need], writes: Option<Writes>) -> Result<Solution, String> {
    let groups = grouped(needs, writes)?;
    let first = writes.map(|writes| (event_pattern(Some(writes.event_condition())), 1));
    let others = groups.iter().map(|group| (event_pattern(Some(group.detail(writes))), group.terms()));
    let patterns = first.into_iter().chain(others).collect();
    Ok((groups, patterns))
}

fn grouped(needs: &[Need], writes: Option<Writes>) -> Result<Vec<Group>, String> {
    // A wildcard for services counts as every service, because wildcards may overlap and services do not.
    let (of_one, of_any): (Vec<&Need>, Vec<&Need>) = needs.iter().partition(|need| need.source.name().is_some());
    let everywhere: BTreeSet<Glob> = of_any.into_iter().map(|need| need.name.clone()).collect();
    let mut named: BTreeMap<&str, BTreeSet<Glob>> = BTreeMap::new();
    for need in of_one {
        let source = need.source.name().unwrap_or_default();
        named.entry(source).or_insert_with(|| everywhere.clone()).insert(need.name.clone());
    }
    let mut whole = Vec::new();
    let mut parts = Vec::new();
    for (source, names) in &named {
        let names = (!names.iter().any(Glob::is_any)).then(|| without_included(names));
        let group = Group::of(source, names);
        if group.fits(writes) {
            whole.push(group);
        } else {
            parts.extend(divided(&group, writes).ok_or_else(|| (*source).to_owned())?);
        }
    }
    let mut groups = packed(whole, writes);
    groups.extend(parts);
    if !everywhere.is_empty() {
        let sources = Sources::Others(named.into_keys().map(str::to_owned).collect());
        let group = Group { sources, names: Some(without_included(&everywhere)) };
        groups.extend(divided(&group, writes).ok_or_else(|| "*".to_owned())?);
    }
    Ok(groups)
}

/// Removes the exact names that a wildcard matches.
fn without_included(names: &BTreeSet<Glob>) -> BTreeSet<Glob> {
    let is_included = |name: &Glob| {
        name.name().is_some_and(|one| names.iter().any(|wide| wide.name().is_none() && wide.matches(one)))
    };
    names.iter().filter(|name| !is_included(name)).cloned().collect()
}

/// Splits the names of a group. All wildcards are in the first part. Returns `None` if they do not fit.
fn divided(group: &Group, writes: Option<Writes>) -> Option<Vec<Group>> {
    let names = group.names.as_ref()?;
    let (exact, wide): (BTreeSet<Glob>, BTreeSet<Glob>) = names.iter().cloned().partition(|one| one.name().is_some());
    let of = |names| Group { sources: group.sources.clone(), names: Some(names) };
    let mut groups = Vec::new();
    let mut current = wide;
    for name in exact {
        let more = of(current.iter().cloned().chain([name.clone()]).collect());
        if more.fits(writes) {
            current.insert(name);
        } else if !current.is_empty() {
            groups.push(of(std::mem::replace(&mut current, BTreeSet::from([name]))));
        } else {
            return None;
        }
    }
    groups.push(of(current));
    groups.iter().all(|group| group.fits(writes)).then_some(groups)
}

/// Merges groups as long as the result fits, the largest first.
fn packed(mut groups: Vec<Group>, writes: Option<Writes>) -> Vec<Group> {
    groups.sort_by_cached_key(|group| Reverse(group.detail(None).to_string().len()));
    let mut packed: Vec<Group> = Vec::new();
    for group in groups {
        let fitting = packed.iter_mut().find_map(|one| {
            let both = one.merged(&group).filter(|both| both.fits(writes))?;
            Some((one, both))
        });
        match fitting {
            Some((one, both)) => *one = both,
            None => packed.push(group),
        }
    }
    packed
}

/// Converts a name to a comparison of EventBridge. Names contain no quotes and no backslashes.
fn value(glob: &Glob) -> Value {
    match glob.parts() {
        [name] => json!(name),
        [head, tail] if tail.is_empty() => json!({"prefix": head}),
        [head, tail] if head.is_empty() => json!({"suffix": tail}),
        _ => json!({"wildcard": glob.to_string()}),
    }
}
