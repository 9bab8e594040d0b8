//! What is known of the built-in rules before any call arrives, written down by the build script.
//!
//! A start asks for no more than this. The rest of a rule is read when one of its calls arrives, or somebody asks.

use std::ops::Range;

/// One built-in rule.
#[derive(Debug)]
pub(super) struct Outline {
    /// Its name.
    pub(super) name: &'static str,
    /// Its id.
    pub(super) id: Option<&'static str>,
    /// Whether it runs without being asked for.
    pub(super) enabled: bool,
    /// The names of the placeholders it leaves open; each may stay without values.
    pub(super) placeholders: &'static [&'static str],
    /// The calls it could match whatever fills its placeholders, as `Triggers` are shown.
    pub(super) triggers: &'static str,
    /// The calls it can match when nothing fills them, where it has some.
    pub(super) unfilled: Option<&'static str>,
    /// Where in [`JSON`](super::packed::JSON) all of it but its name and id stands, as `Embedded` is read.
    pub(super) json: Range<usize>,
}

/// Which built-in rules may watch a call, whatever fills their placeholders. Rules are numbered by their places in
/// [`BUILTIN`].
#[derive(Debug)]
pub(super) struct Watched {
    /// The names of all calls, in lower case.
    names: &'static str,
    /// Where a name starts and ends among them, and the place of its group, in the order of the names.
    entries: &'static [(u16, u16, u16)],
    /// The rules that watch calls of a name.
    groups: &'static [&'static [u16]],
    /// Those that watch names with wildcards, or any.
    others: &'static [u16],
}

/// `(path in the repository, where in YAML its text stands, its rule)` of every built-in rule file. There is no rule where
/// the file cannot be used as it is, or its name or id is taken.
pub(super) static BUILTIN: &[(&str, Range<usize>, Option<Outline>)] =
    include!(concat!(env!("OUT_DIR"), "/builtin_rules.rs"));

/// Who watches what.
pub(super) static WATCHED: Watched = include!(concat!(env!("OUT_DIR"), "/builtin_calls.rs"));

impl Watched {
    /// The rules that may watch a call of that name, given in lower case.
    pub(super) fn by(&self, name: &str) -> impl Iterator<Item = usize> {
        let name_of = |start: u16, end: u16| self.names.get(usize::from(start)..usize::from(end)).unwrap_or_default();
        let found = self.entries.binary_search_by(|(start, end, _)| name_of(*start, *end).cmp(name));
        let entry = found.ok().and_then(|found| self.entries.get(found));
        let group = entry.and_then(|(_, _, group)| self.groups.get(usize::from(*group)));
        group.into_iter().copied().chain([self.others]).flatten().map(|place| usize::from(*place))
    }
}
