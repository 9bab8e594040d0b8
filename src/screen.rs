//! Whether a record could match any rule, decided before it is unescaped and parsed.
//!
//! In: the sketch of a record. Out: whether to look at it. What decides are the calls that rules can match and, where some
//! rules watch the call, the texts without which none of them matches, and whether the call failed where all of them are
//! about calls that succeeded. The answer may be yes for nothing, never no for something.

mod callers;
mod few;
mod lookout;
mod lower_case;
mod memo;
mod search;

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

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
    /// What they share.
    watching: HashTable<Arc<Watching>>,
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
    watched: Watched,
    /// Its source, and then its name.
    names: Box<str>,
    /// How long the source is.
    source: usize,
    /// Whether no rule matches a record that says why the call failed.
    needs_success: bool,
    watching: Option<Arc<Watching>>,
}

/// What is to be done with the records of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    /// No rule matches any of them.
    Never,
    /// Some rule might match each of them.
    Always,
    /// Some rule might match those with certain texts.
    With,
}

/// The rules that watch a call, where its names are plain; the same for all calls that the same rules watch.
struct Watching {
    /// Their places.
    places: Vec<usize>,
    lookout: Option<Lookout>,
    /// Whether all of them are about calls that succeeded alone.
    needs_success: bool,
}

impl Call {
    #[inline]
    fn is(&self, source: &str, name: &str) -> bool {
        self.source == source.len()
            && self.names.len() == source.len() + name.len()
            && self.names.split_at_checked(self.source) == Some((source, name))
    }

    #[inline]
    fn admits(&self, sketch: &Sketch<'_>, scratch: &mut Scratch) -> bool {
        match (self.watched, self.watching.as_deref()) {
            (Watched::Never, _) => false,
            _ if self.needs_success && sketch.parts.is_some_and(|parts| parts.has_failed()) => false,
            (Watched::With, Some(Watching { lookout: Some(lookout), .. })) => lookout.sees(sketch, scratch),
            _ => true,
        }
    }

    fn hash(&self, hasher: &RandomState) -> u64 {
        let (source, name) = self.names.split_at_checked(self.source).unwrap_or_default();
        hash(hasher, source, name)
    }
}

impl Screen {
    /// Whether some of `rules` could match the record; or somebody `asks` for records of its source and name for another
    /// reason. Both are the same each time: the answers are remembered.
    pub fn admits(&mut self, rules: &RuleSet, sketch: &Sketch<'_>, asks: impl Fn(&str, &str) -> bool) -> bool {
        if sketch.source.len() + sketch.name.len() > LONGEST_CALL || sketch.text.len() > LONGEST_RECORD {
            return true;
        }
        let hashed = hash(&self.hasher, sketch.source, sketch.name);
        if let Some(call) = self.calls.find(hashed, |call| call.is(sketch.source, sketch.name)) {
            return call.admits(sketch, &mut self.scratch);
        }
        if self.calls.len() >= MOST_CALLS {
            // Finding out again and again would take longer than parsing.
            return true;
        }
        let call = self.call(rules, sketch.source, sketch.name, asks);
        let is_admitted = call.admits(sketch, &mut self.scratch);
        self.calls.insert_unique(hashed, call, |call| call.hash(&self.hasher));
        is_admitted
    }

    /// The places of the rules that could match a record of this call, where that has been found out. `sketch`: of the
    /// record, where there is one; it is asked for where it helps.
    pub fn watching<'t>(
        &mut self,
        source: &str,
        name: &str,
        sketch: impl FnOnce() -> Option<Sketch<'t>>,
    ) -> Option<&[usize]> {
        let Self { calls, hasher, scratch, .. } = self;
        let call = calls.find(hash(hasher, source, name), |call| call.is(source, name))?;
        let Watching { places, lookout, .. } = call.watching.as_deref()?;
        let remaining = lookout.as_ref().filter(|lookout| lookout.asks_for_caller()).and_then(|lookout| {
            let sketch = sketch().filter(|sketch| sketch.text.len() <= LONGEST_RECORD)?;
            lookout.remaining(&sketch, scratch)
        });
        Some(remaining.unwrap_or(places))
    }

    /// Finds out about a call.
    #[cold]
    fn call(&mut self, rules: &RuleSet, source: &str, name: &str, asks: impl Fn(&str, &str) -> bool) -> Call {
        let is_plain = source.is_ascii() && name.is_ascii();
        let watching = is_plain.then(|| self.watching_in(rules, rules.places_watching(source, name).collect()));
        let is_asked_for = asks(source, name);
        let watched = match &watching {
            Some(_) if is_asked_for => Watched::Always,
            Some(watching) if watching.places.is_empty() => Watched::Never,
            Some(watching) if watching.lookout.as_ref().is_some_and(Lookout::helps) => Watched::With,
            _ => Watched::Always,
        };
        let needs_success = !is_asked_for && watching.as_ref().is_some_and(|watching| watching.needs_success);
        Call { watched, names: [source, name].concat().into(), source: source.len(), needs_success, watching }
    }

    /// The rules in these places.
    fn watching_in(&mut self, rules: &RuleSet, places: Vec<usize>) -> Arc<Watching> {
        let Self { watching, hasher, scratch, .. } = self;
        let hash = |places: &[usize]| hasher.hash_one(places);
        let hashed = hash(&places);
        if let Some(watching) = watching.find(hashed, |watching| watching.places == places) {
            return Arc::clone(watching);
        }
        let watch: Vec<(usize, &Rule)> =
            places.iter().filter_map(|place| Some((*place, rules.rules().get(*place)?))).collect();
        let lookout = Lookout::for_any_of(watch.iter().map(|(place, rule)| (*place, rule.needs())), scratch);
        let needs_success = watch.iter().all(|(_, rule)| rule.needs_success());
        let new = Arc::new(Watching { places, lookout, needs_success });
        watching.insert_unique(hashed, Arc::clone(&new), |watching| hash(&watching.places));
        new
    }
}

/// Of the names of a call.
#[inline]
fn hash(hasher: &RandomState, source: &str, name: &str) -> u64 {
    let mut hashed = hasher.build_hasher();
    hashed.write(source.as_bytes());
    hashed.write(name.as_bytes());
    hashed.finish()
}
