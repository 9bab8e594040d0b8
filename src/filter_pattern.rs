//! Filter patterns for CloudWatch Logs, and event patterns for EventBridge, that let through every record the rules can
//! match, and as little else as fits.
//!
//! In: the calls that rules watch ([`CallPatterns`]). Out: one pattern or two for the subscription filters of the log group
//! that CloudTrail writes to, or event patterns for rules of EventBridge, as many as it takes. They let too much through rather than too little, and look at `eventSource` and `eventName`
//! alone, which CloudTrail writes into every record, and at `readOnly` and `managementEvent` where rules match any call that
//! changes something. They do not look at `errorCode`, of which no rule promises anything.
//!
//! That a pattern lets through what a rule needs does not rest on the names of calls that are known. These say how
//! CloudTrail spells a name, since patterns tell upper from lower case and Sigma does not, and what passes needlessly.

mod call;
mod candidate;
mod events;
mod glob;
mod index;
mod need;
mod search;
mod split;
mod term;
mod tighten;
mod writes;

use serde::Serialize;

use crate::rules::{CallPattern, CallPatterns, Names, RuleSet, provenance};
pub use call::NeedlessCall;
use need::{Need, Needs};
use split::Room;
use writes::Writes;

/// Maximum number of characters of a filter pattern (CloudWatch Logs API reference, `PutSubscriptionFilter`).
pub const MAX_CHARACTERS: usize = 1024;

/// Maximum number of characters of an event pattern (Amazon EventBridge user guide, quotas).
pub const MAX_EVENT_PATTERN_CHARACTERS: usize = 2048;

/// Maximum number of patterns. A log group takes two subscription filters (CloudWatch Logs user guide, quotas).
pub const MAX_FILTERS: usize = 2;

/// What may pass one pattern needlessly before a second one is worth a subscription filter: this many ordinary calls.
const MAX_BURDEN_OF_ONE: u32 = 150;

/// What patterns may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Characters of one pattern.
    pub characters: usize,
    /// Patterns.
    pub filters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { characters: MAX_CHARACTERS, filters: 1 }
    }
}

/// Patterns that together let through what rules need, with what there is to know about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilterPatterns {
    /// No record passes two of them.
    pub patterns: Vec<Pattern>,
    /// How many rules run.
    pub rules: usize,
    /// The rules that find nothing until the configuration names what is one's own, and that count as if it did: it may,
    /// and the pattern stays.
    pub unfilled: Vec<String>,
    /// The rules that can match any call that changes something: every record with `readOnly: false` passes, or, where all
    /// these rules match management events only, every such record with `managementEvent: true`.
    pub any_write: Vec<String>,
    /// Whether one of these rules matches data events too.
    pub any_data_write: bool,
    /// Names of calls that are not known, so that they stand in the pattern as the rules spell them.
    pub as_written: Vec<WrittenCall>,
    /// How many calls are known that no rule watches.
    pub unwatched: usize,
    /// Those of them that pass all the same.
    pub needless: Vec<NeedlessCall>,
    /// Where the names of the known calls come from.
    pub source: String,
}

/// One filter pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pattern {
    /// As `PutSubscriptionFilter` takes it.
    pub pattern: String,
    /// In characters.
    pub length: usize,
    /// How many alternatives it has.
    pub terms: usize,
}

/// A call as a rule names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenCall {
    /// `eventSource`; `*` for whatever service.
    pub service: String,
    /// `eventName`.
    pub call: String,
}

/// Why there is no pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// Some rules can match any call.
    #[error(
        "no pattern can tell which records these rules need, because they do not say which calls they are about: {}; name \
         `eventSource` or `eventName` in them, turn them off, or let every record through: with an empty pattern of a \
         subscription filter, or with `--format eventbridge --all`",
        .0.join(", ")
    )]
    AnyCall(Vec<String>),
    /// Nothing is watched.
    #[error("no rule runs that can match any call, so that there is nothing to let through; turn rules on")]
    NothingWatched,
    /// It does not fit.
    #[error(
        "the shortest pattern found takes {shortest} characters, and {limit} are allowed; allow more (CloudWatch Logs takes \
         {MAX_CHARACTERS}) or a second filter, or turn rules off"
    )]
    TooLong {
        /// The characters of the shortest pattern found.
        shortest: usize,
        /// The characters that are allowed.
        limit: usize,
    },
    /// The names with wildcards of a service, or of every service, do not fit into one event pattern.
    #[error(
        "the names of calls with wildcards that rules have for {} take more than the {MAX_EVENT_PATTERN_CHARACTERS} \
         characters of an event pattern; write fewer of them, or let every event of CloudTrail through with `--all`",
        if .0 == "*" { "services that they do not name" } else { .0 }
    )]
    TooManyWildcards(String),
}

/// Patterns for the rules that run. Those that have placeholders count as if the configuration gave them values, so that a
/// pattern stays good when it does.
///
/// # Errors
/// [`PatternError`], when some rule can match any call, none can match anything, or the pattern does not fit.
pub fn of_rules(rules: &RuleSet, limits: Limits) -> Result<FilterPatterns, PatternError> {
    with_rules(rules, |watched| of_call_patterns(watched, limits))
}

/// What `solve` makes of the rules that run.
fn with_rules(
    rules: &RuleSet,
    solve: impl FnOnce(&[(&str, &CallPatterns)]) -> Result<FilterPatterns, PatternError>,
) -> Result<FilterPatterns, PatternError> {
    let run = || rules.rules().iter().filter(|rule| rule.runs());
    let watched: Vec<(&str, &CallPatterns)> =
        run().map(|rule| (rule.name(), rule.call_patterns_when_filled())).collect();
    let unfilled = run().filter(|rule| rule.call_patterns() != rule.call_patterns_when_filled());
    let unfilled = unfilled.map(|rule| rule.name().to_owned()).collect();
    Ok(FilterPatterns { unfilled, ..solve(&watched)? })
}

/// One pattern for the rules that run, of at most this many characters, or two where one is not enough: it does not fit, or
/// much more passes needlessly than two let through.
///
/// # Errors
/// As [`of_rules`].
pub fn of_rules_as_needed(rules: &RuleSet, characters: usize) -> Result<FilterPatterns, PatternError> {
    let with = |filters| of_rules(rules, Limits { characters, filters });
    // Where every call that changes something passes, the other needless calls are few and cost little.
    let counts = |found: &FilterPatterns, call: &&NeedlessCall| found.any_write.is_empty() || call.is_frequent();
    let burden = |found: &FilterPatterns| {
        found.needless.iter().filter(|call| counts(found, call)).map(NeedlessCall::burden).sum::<u32>()
    };
    match with(1) {
        Err(PatternError::TooLong { .. }) => with(MAX_FILTERS),
        Ok(one) if burden(&one) > MAX_BURDEN_OF_ONE => {
            Ok(with(MAX_FILTERS).ok().filter(|two| burden(two) <= burden(&one) / 2).unwrap_or(one))
        }
        one => one,
    }
}

/// Patterns for the calls that rules watch, by the name of the rule.
///
/// # Errors
/// As [`of_rules`].
pub fn of_call_patterns(watched: &[(&str, &CallPatterns)], limits: Limits) -> Result<FilterPatterns, PatternError> {
    let watched = Watched::of(watched, Need::is_any)?;
    let Watched { needs, writes, unwatched, .. } = &watched;
    let spent = writes.map_or(0, Writes::added_to_first);
    let left = |spent: usize| limits.characters.saturating_sub(spent);
    let second = (limits.filters > 1).then(|| left(writes.map_or(0, Writes::added_to_others)));
    let room = Room { first: left(spent), second };
    let solutions = if needs.is_empty() {
        Vec::new()
    } else {
        split::solve(needs, unwatched, room).map_err(|shortest| PatternError::TooLong {
            shortest: shortest.saturating_add(spent),
            limit: limits.characters,
        })?
    };
    let written = solutions.iter().map(|solution| (term::pattern(&solution.terms), solution.terms.len())).collect();
    let written = match writes {
        Some(writes) => writes.let_through(written),
        None => written,
    };
    let terms = || solutions.iter().flat_map(|solution| &solution.terms);
    Ok(watched.found(written, |source, name| terms().any(|term| term.passes(source, name))))
}

/// Event patterns for EventBridge, each for a rule of its own, that let through every event the running rules can match.
/// Rules with placeholders count as in [`of_rules`].
///
/// # Errors
/// [`PatternError`], if some rule can match any call of a service that it does not name, none can match anything, or a rule
/// has more names with wildcards than fit into one pattern.
pub fn of_rules_for_events(rules: &RuleSet) -> Result<FilterPatterns, PatternError> {
    with_rules(rules, of_call_patterns_for_events)
}

/// Event patterns for the calls that rules watch, by the name of the rule.
///
/// # Errors
/// As [`of_rules_for_events`].
pub fn of_call_patterns_for_events(watched: &[(&str, &CallPatterns)]) -> Result<FilterPatterns, PatternError> {
    let watched = Watched::of(watched, |need| need.source.name().is_none() && need.name.is_any())?;
    let (groups, patterns) = events::solve(&watched.needs, watched.writes).map_err(PatternError::TooManyWildcards)?;
    Ok(watched.found(patterns, |source, name| groups.iter().any(|group| group.passes(source, name))))
}

/// The event pattern for every event of CloudTrail.
#[must_use]
pub fn every_event() -> String {
    events::event_pattern(None)
}

/// The calls that rules watch.
struct Watched {
    rules: usize,
    /// Without what passes because it changes something.
    needs: Vec<Need>,
    writes: Option<Writes>,
    any_write: Vec<String>,
    as_written: Vec<WrittenCall>,
    /// The known calls that are not needed.
    unwatched: Vec<NeedlessCall>,
}

impl Watched {
    /// A need for which `is_any` holds is refused.
    fn of(watched: &[(&str, &CallPatterns)], is_any: fn(&Need) -> bool) -> Result<Self, PatternError> {
        // Records that pass for these rules pass for every other that is about calls that change something.
        let is_any_write = |one: &&CallPattern| one.writes_only && one.source == Names::Any && one.name == Names::Any;
        let of_any_write = |call_patterns: &CallPatterns| call_patterns.0.iter().any(|one| is_any_write(&one));
        let any_write: Vec<String> = watched
            .iter()
            .filter(|(_, call_patterns)| of_any_write(call_patterns))
            .map(|(rule, _)| (*rule).to_owned())
            .collect();
        let is_management = watched
            .iter()
            .flat_map(|(_, call_patterns)| &call_patterns.0)
            .filter(is_any_write)
            .all(|one| one.management_only);
        let writes = match (any_write.is_empty(), is_management) {
            (true, _) => None,
            (false, true) => Some(Writes::Management),
            (false, false) => Some(Writes::All),
        };
        let is_let_through = |one: &CallPattern| match writes {
            None => false,
            Some(Writes::All) => one.writes_only,
            Some(Writes::Management) => one.writes_only && one.management_only,
        };
        let others = |call_patterns: &CallPatterns| {
            CallPatterns(call_patterns.0.iter().filter(|one| !is_let_through(one)).cloned().collect())
        };
        let all: Vec<(&str, CallPatterns)> =
            watched.iter().map(|(rule, call_patterns)| (*rule, others(call_patterns))).collect();
        let known = need::known();
        let needs_any = |call_patterns: &CallPatterns| Needs::of([call_patterns], &known).needs.iter().any(is_any);
        let of_any: Vec<String> = all
            .iter()
            .filter(|(_, call_patterns)| needs_any(call_patterns))
            .map(|(rule, _)| (*rule).to_owned())
            .collect();
        if !of_any.is_empty() {
            return Err(PatternError::AnyCall(of_any));
        }
        let Needs { needs, as_written } = Needs::of(all.iter().map(|(_, call_patterns)| call_patterns), &known);
        if needs.is_empty() && any_write.is_empty() {
            return Err(PatternError::NothingWatched);
        }
        let calls = known.iter().flat_map(|(service, calls)| calls.iter().map(|call| (*service, *call)));
        let is_needed = |service: &str, call: &str| needs.iter().any(|need| need.matches(service, call));
        let unwatched = calls
            .filter(|(service, call)| !is_needed(service, call))
            .map(|(service, call)| NeedlessCall::new(service, call))
            .collect();
        let as_written = as_written.into_iter().map(|(service, call)| WrittenCall { service, call }).collect();
        Ok(Self { rules: watched.len(), needs, writes, any_write, as_written, unwatched })
    }

    /// These patterns, each with its number of terms, of which a call passes one if `passes` holds.
    fn found(self, patterns: Vec<(String, usize)>, passes: impl Fn(&str, &str) -> bool) -> FilterPatterns {
        let pattern = |(pattern, terms): (String, usize)| Pattern { length: pattern.len(), terms, pattern };
        let needless = self.unwatched.iter().filter(|call| passes(call.service, call.call)).cloned().collect();
        FilterPatterns {
            patterns: patterns.into_iter().map(pattern).collect(),
            rules: self.rules,
            unfilled: Vec::new(),
            any_write: self.any_write,
            any_data_write: self.writes == Some(Writes::All),
            as_written: self.as_written,
            unwatched: self.unwatched.len(),
            needless,
            source: provenance(),
        }
    }
}
