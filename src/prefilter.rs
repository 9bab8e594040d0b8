//! Decides on the raw text of a record whether any rule can match it.
//!
//! No enabled rule watches the calls of most records. [`Prefilter::skips`] reads the call from the text of a record, as it is
//! written in the input, and looks it up in the call patterns of the rules. If rules watch the call, a record is skipped when
//! the call failed and all of these rules require success, or when a required literal of each rule is missing from the text.
//! False positives are allowed, false negatives are not: a record that is not written as CloudTrail writes it is not skipped.
//!
//! A skipped record is not validated. The prefilter looks only at its first and last characters to see that its text is one
//! JSON object.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr2};

use crate::event::is_service;
use crate::rules::{Rule, RuleSet};
use crate::sources::{Raw, Writing};

/// Maximum number of cached calls. The names come from records, so their number is unbounded.
const MAX_CALLS: usize = 4096;

/// Maximum length of a call's source and name together, in bytes. The longest of AWS is less than half as long.
const MAX_CALL_LENGTH: usize = 256;

/// The keys of a [`Header`].
const KEYS: [&str; 3] = ["eventSource", "eventName", "eventTime"];

/// Prefix of all [`KEYS`].
static EVENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("event"));
static AGENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("userAgent"));
static UNICODE_ESCAPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\u"));

/// The raw text of a record.
#[derive(Debug, Clone, Copy)]
struct Text<'t> {
    text: &'t str,
    /// The delimiter of a string.
    quote: &'static str,
}

/// The call of a record and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header<'t> {
    source: &'t str,
    name: &'t str,
    time: &'t str,
}

impl<'t> Text<'t> {
    fn of(raw: &'t Raw) -> Self {
        let quote = match raw.writing() {
            Writing::Plain => "\"",
            Writing::Escaped => "\\\"",
        };
        Self { text: raw.as_str(), quote }
    }

    /// The header of a record that begins with its version, as CloudTrail writes it. Returns `None` if a key might contain
    /// escapes, occur twice or belong to an inner object.
    fn header(&self) -> Option<Header<'t>> {
        let first_key = self.text.strip_prefix('{')?.trim_ascii_start().strip_prefix(self.quote)?;
        if !first_key.starts_with("eventVersion")
            || !self.text.ends_with('}')
            || UNICODE_ESCAPE.find(self.text.as_bytes()).is_some()
        {
            return None;
        }
        let mut starts = [None; KEYS.len()];
        for start in EVENT.find_iter(self.text.as_bytes()) {
            let rest = self.text.get(start..)?;
            for (known, key) in starts.iter_mut().zip(KEYS) {
                if rest.starts_with(key) && known.replace(start).is_some() {
                    return None;
                }
            }
        }
        let [source, name, time] = starts;
        let (source, name, time) = (source?, name?, time?);
        let (first, last) = (source.min(name).min(time), source.max(name).max(time));
        let is_flat = memchr2(b'{', b'}', self.text.as_bytes().get(first..last)?).is_none();
        if !is_flat || depth(self.text.get(..first)?) != 1 {
            return None;
        }
        let [source_key, name_key, time_key] = KEYS;
        let header = Header {
            source: self.string(source, source_key)?.0,
            name: self.string(name, name_key)?.0,
            time: self.string(time, time_key)?.0,
        };
        is_service(header.source).then_some(header)
    }

    /// Whether the call certainly failed: a non-empty `errorCode` follows the `userAgent`, where CloudTrail writes it. Any
    /// later key or value may have been chosen by the caller.
    fn has_failed(&self) -> bool {
        let code = || {
            let (_, rest) = self.member(&AGENT, "userAgent")?;
            let key = rest.strip_prefix(',')?.trim_ascii_start().strip_prefix(self.quote)?;
            let value =
                key.strip_prefix("errorCode")?.strip_prefix(self.quote)?.trim_ascii_start().strip_prefix(':')?;
            value.trim_ascii_start().strip_prefix(self.quote)
        };
        code().is_some_and(|code| !code.starts_with(['"', '\\']))
    }

    /// The value of a member of the record whose key occurs once in the text, and the text after it.
    fn member(&self, finder: &Finder<'_>, key: &str) -> Option<(&'t str, &'t str)> {
        let mut starts = finder.find_iter(self.text.as_bytes());
        let start = starts.next().filter(|start| self.text.get(..*start).is_some_and(|outer| depth(outer) == 1))?;
        if starts.next().is_some() { None } else { self.string(start, key) }
    }

    /// The value of the key at `start`, if it is a non-empty string without escapes, and the text after it.
    fn string(&self, start: usize, key: &str) -> Option<(&'t str, &'t str)> {
        let (before, rest) = self.text.split_at_checked(start)?;
        // A backslash before the quote makes it part of a string.
        if before.strip_suffix(self.quote)?.ends_with('\\') {
            return None;
        }
        let rest = rest.strip_prefix(key)?.strip_prefix(self.quote)?.trim_ascii_start().strip_prefix(':')?;
        let value = rest.trim_ascii_start().strip_prefix(self.quote)?;
        let (value, end) = value.split_at_checked(memchr2(b'"', b'\\', value.as_bytes())?)?;
        Some((value, end.strip_prefix(self.quote)?)).filter(|_| !value.is_empty())
    }
}

/// The number of unclosed objects in `text`. Braces in strings count too: CloudTrail writes none before the call.
fn depth(text: &str) -> usize {
    let count = |brace: u8| memchr_iter(brace, text.as_bytes()).count();
    count(b'{').saturating_sub(count(b'}'))
}

/// Decides which records no rule of one rule set can match. Caches its results by call.
#[derive(Debug, Default)]
pub struct Prefilter {
    /// Cached calls by event source and event name.
    calls: HashMap<String, HashMap<String, CachedCall>>,
    /// The number of cached calls.
    count: usize,
    /// By the indices of rules, so that calls watched by the same rules share one automaton.
    watchers: HashMap<Vec<usize>, Arc<Watchers>>,
}

/// A cached call.
#[derive(Debug)]
struct CachedCall {
    watchers: Arc<Watchers>,
    /// Whether the call's records are required even if no rule can match them.
    is_required: bool,
}

/// The rules that watch a call.
#[derive(Debug)]
struct Watchers {
    /// Indices of the rules in the rule set.
    rules: Vec<usize>,
    /// Whether every rule requires that the call succeeded.
    needs_success: bool,
    /// The required literals, if every rule has some.
    literals: Option<RequiredLiterals>,
}

/// A search for the required literals of several rules.
#[derive(Debug)]
struct RequiredLiterals {
    search: AhoCorasick,
    /// For each rule, groups of pattern numbers. A record must contain a literal of each group.
    rules: Vec<Vec<Vec<usize>>>,
}

impl Prefilter {
    /// Returns the `eventTime` of a record that can be skipped: no rule can match it, and `requires` is false for its event
    /// source and event name. `rules` and the results of `requires` must be the same each time, because they are cached.
    pub fn skips<'t>(
        &mut self,
        rules: &RuleSet,
        raw: &'t Raw,
        requires: impl Fn(&str, &str) -> bool,
    ) -> Option<&'t str> {
        let text = Text::of(raw);
        let Header { source, name, time } = text.header()?;
        if let Some(call) = self.calls.get(source).and_then(|names| names.get(name)) {
            return call.skips(&text).then_some(time);
        }
        // A character outside ASCII may match an ASCII letter when case is ignored.
        let is_plain = source.is_ascii() && name.is_ascii() && source.len() + name.len() <= MAX_CALL_LENGTH;
        if !is_plain || self.count >= MAX_CALLS {
            return None;
        }
        let watchers = self.watchers(rules, rules.places_watching(source, name).collect());
        let call = CachedCall { watchers, is_required: requires(source, name) };
        let skips = call.skips(&text);
        self.calls.entry(source.to_owned()).or_default().insert(name.to_owned(), call);
        self.count += 1;
        skips.then_some(time)
    }

    /// The indices of the rules that watch a call, if it is cached.
    pub fn places(&self, source: &str, name: &str) -> Option<&[usize]> {
        Some(&self.calls.get(source)?.get(name)?.watchers.rules)
    }

    fn watchers(&mut self, rules: &RuleSet, indices: Vec<usize>) -> Arc<Watchers> {
        if let Some(watchers) = self.watchers.get(&indices) {
            return Arc::clone(watchers);
        }
        let watching: Vec<&Rule> = indices.iter().filter_map(|index| rules.rules().get(*index)).collect();
        let watchers = Arc::new(Watchers {
            needs_success: watching.iter().all(|rule| rule.needs_success()),
            literals: RequiredLiterals::of(&watching),
            rules: indices.clone(),
        });
        self.watchers.insert(indices, Arc::clone(&watchers));
        watchers
    }
}

impl CachedCall {
    fn skips(&self, text: &Text<'_>) -> bool {
        let Watchers { rules, needs_success, literals } = &*self.watchers;
        if self.is_required {
            return false;
        }
        rules.is_empty()
            || *needs_success && text.has_failed()
            || literals.as_ref().is_some_and(|literals| !literals.may_match(text.text))
    }
}

impl RequiredLiterals {
    /// Returns `None` if a rule has no required literals, or if there are too many for one automaton.
    fn of(rules: &[&Rule]) -> Option<Self> {
        let mut patterns: Vec<&str> = Vec::new();
        let mut numbered = Vec::new();
        for rule in rules {
            let lists = &rule.required_literals().0;
            if lists.is_empty() {
                return None;
            }
            let mut number = |literal| {
                patterns.iter().position(|known| *known == literal).unwrap_or_else(|| {
                    patterns.push(literal);
                    patterns.len() - 1
                })
            };
            numbered
                .push(lists.iter().map(|list| list.iter().map(|literal| number(literal.as_str())).collect()).collect());
        }
        let search = AhoCorasick::builder().ascii_case_insensitive(true).build(&patterns).ok()?;
        Some(Self { search, rules: numbered })
    }

    /// Whether `text` contains all that some rule requires.
    fn may_match(&self, text: &str) -> bool {
        // A character outside ASCII may match an ASCII letter when case is ignored.
        if !text.is_ascii() {
            return true;
        }
        let mut found = vec![false; self.search.patterns_len()];
        for literal in self.search.find_overlapping_iter(text) {
            if let Some(found) = found.get_mut(literal.pattern().as_usize()) {
                *found = true;
            }
        }
        let is_found = |number: &usize| found.get(*number).copied().unwrap_or(true);
        self.rules.iter().any(|lists| lists.iter().all(|list| list.iter().any(is_found)))
    }
}
