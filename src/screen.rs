//! Whether a record could match any rule, decided before it is unescaped and parsed.
//!
//! In: the sketch of a record. Out: whether to look at it. What decides are the calls that rules can match and, where some
//! rules watch the call, the texts without which none of them matches. The answer may be yes for nothing, never no for
//! something.

mod callers;
mod few;
mod lookout;
mod lower_case;
mod memo;
mod search;

use std::fmt;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::rules::{Rule, RuleSet};
use crate::skim::Sketch;
use lookout::{Lookout, Scratch};

/// Most calls that are remembered. Names come from records, so that there might be any number.
const MOST_CALLS: usize = 4096;

/// Longest name of a call, with its source, in bytes; AWS has none half as long.
const LONGEST_CALL: usize = 256;

/// Longest record in which texts are looked for, in bytes, since memory is kept for it: what a log event may have at most
/// (CloudWatch Logs quotas).
const LONGEST_RECORD: usize = 1024 * 1024;

/// What has been found out about the calls that the rules of one set watch. Kept between payloads.
#[derive(Default)]
pub struct Screen {
    calls: HashTable<Call>,
    /// How names are hashed; with a seed, because they come from records.
    hasher: RandomState,
    scratch: Scratch,
}

impl fmt::Debug for Screen {
    /// Without names and texts: they come from records.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Screen").field("calls", &self.calls.len()).finish_non_exhaustive()
    }
}

/// A call, and what has been found out about it.
struct Call {
    source: String,
    name: String,
    watched: Watched,
    /// The places of the rules that watch it, where its names are plain.
    watching: Option<Vec<usize>>,
}

/// What is to be done with the records of a call.
#[derive(Debug)]
enum Watched {
    /// No rule matches any of them.
    Never,
    /// Some rule might match each of them.
    Always,
    /// Some rule might match those with certain texts.
    With(Lookout),
}

impl Screen {
    /// Whether some of `rules` could match the record; or somebody `asks` for records of its source and name for another
    /// reason. Both are the same each time: the answers are remembered.
    pub fn admits(&mut self, rules: &RuleSet, sketch: &Sketch<'_>, asks: impl Fn(&str, &str) -> bool) -> bool {
        let Self { calls, hasher, scratch } = self;
        if sketch.source.len() + sketch.name.len() > LONGEST_CALL || sketch.text.len() > LONGEST_RECORD {
            return true;
        }
        let hash = |source: &str, name: &str| hasher.hash_one((source, name));
        let hashed = hash(sketch.source, sketch.name);
        if let Some(call) = calls.find(hashed, |call| call.name == sketch.name && call.source == sketch.source) {
            return call.watched.admits(sketch, scratch);
        }
        if calls.len() >= MOST_CALLS {
            // Finding out again and again would take longer than parsing.
            return true;
        }
        let is_plain = sketch.source.is_ascii() && sketch.name.is_ascii();
        let watching = is_plain.then(|| rules.places_watching(sketch.source, sketch.name).collect::<Vec<_>>());
        let watched = match &watching {
            Some(places) if !asks(sketch.source, sketch.name) => Watched::by(rules, places, scratch),
            _ => Watched::Always,
        };
        let is_admitted = watched.admits(sketch, scratch);
        let call = Call { source: sketch.source.to_owned(), name: sketch.name.to_owned(), watched, watching };
        calls.insert_unique(hashed, call, |call| hash(&call.source, &call.name));
        is_admitted
    }

    /// The places of the rules that watch a call, where that has been found out.
    pub fn watching(&self, source: &str, name: &str) -> Option<&[usize]> {
        let hashed = self.hasher.hash_one((source, name));
        self.calls.find(hashed, |call| call.name == name && call.source == source)?.watching.as_deref()
    }
}

impl Watched {
    /// By the rules in these places.
    fn by(rules: &RuleSet, places: &[usize], scratch: &mut Scratch) -> Self {
        if places.is_empty() {
            return Self::Never;
        }
        let watching = places.iter().filter_map(|place| rules.rules().get(*place));
        Lookout::for_any_of(watching.map(Rule::needs), scratch).map_or(Self::Always, Self::With)
    }

    fn admits(&self, sketch: &Sketch<'_>, scratch: &mut Scratch) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::With(lookout) => lookout.sees(sketch, scratch),
        }
    }
}
