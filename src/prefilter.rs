//! Whether a record could match any rule, decided on its raw text.
//!
//! Most records are of calls that no enabled rule watches. [`Prefilter::skips`] reads the call off the text of a record, as
//! it is written in the input, and looks it up in the call patterns of the rules. Where some rule watches the call, it checks
//! whether all of these rules are about calls that succeeded and this one failed, and whether the literals that the rules
//! require are in the text. False positives are allowed, false negatives are not: whatever is not written as CloudTrail
//! writes it is not skipped, and the parser decides.
//!
//! A skipped record is not validated: that its text is one JSON object is taken from its first and last characters.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;
use memchr::{memchr_iter, memchr2};

use crate::event::is_service;
use crate::rules::{Rule, RuleSet};
use crate::sources::{Raw, Writing};

/// Maximum number of calls that are cached. Names come from records, so that there might be any number.
const MAX_CALLS: usize = 4096;

/// Maximum length of a call's source and name in bytes; AWS has none half as long.
const MAX_CALL: usize = 256;

/// The keys of a [`Header`].
const KEYS: [&str; 3] = ["eventSource", "eventName", "eventTime"];

/// How they begin.
static EVENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("event"));
static AGENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("userAgent"));
static UNICODE_ESCAPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\u"));

/// The raw text of a record.
#[derive(Debug, Clone, Copy)]
struct Text<'t> {
    text: &'t str,
    /// What delimits a string in it.
    quote: &'static str,
}

/// The fields of a record that name its call, and its time.
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

    /// The header of a record that begins with its version, as CloudTrail writes it. `None` where a key might be written
    /// otherwise, might be there twice, or might belong to an inner object.
    fn header(&self) -> Option<Header<'t>> {
        let first_key = self.text.strip_prefix('{')?.trim_ascii_start().strip_prefix(self.quote)?;
        if !first_key.starts_with("eventVersion")
            || !self.text.ends_with('}')
            || UNICODE_ESCAPE.find(self.text.as_bytes()).is_some()
        {
            return None;
        }
        let mut found = [None; KEYS.len()];
        for start in EVENT.find_iter(self.text.as_bytes()) {
            let rest = self.text.get(start..)?;
            for (found, key) in found.iter_mut().zip(KEYS) {
                if rest.starts_with(key) && found.replace(start).is_some() {
                    return None;
                }
            }
        }
        let [source, name, time] = found;
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

    /// Whether the call surely failed: an `errorCode` that is not empty follows the `userAgent`, where CloudTrail writes it.
    /// Further behind, the caller may have chosen keys and values.
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

    /// The value of a member of the record whose key occurs once in the text, and what follows it.
    fn member(&self, finder: &Finder<'_>, key: &str) -> Option<(&'t str, &'t str)> {
        let mut places = finder.find_iter(self.text.as_bytes());
        let start = places.next().filter(|start| self.text.get(..*start).is_some_and(|outer| depth(outer) == 1))?;
        if places.next().is_some() { None } else { self.string(start, key) }
    }

    /// The value of the key at `start`, and what follows it: a string that is not empty and contains no escape.
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

/// The number of objects that are open after `text`. Braces in strings count as well: CloudTrail writes none before the call.
fn depth(text: &str) -> usize {
    let count = |brace: u8| memchr_iter(brace, text.as_bytes()).count();
    count(b'{').saturating_sub(count(b'}'))
}

/// Decides which records no rule can match, and caches what it finds out about calls. For one set of rules.
#[derive(Debug, Default)]
pub struct Prefilter {
    /// By source and name.
    calls: HashMap<String, HashMap<String, Call>>,
    /// The number of calls.
    count: usize,
    /// By the places of the rules that watch a call: calls that the same rules watch share them.
    watching: HashMap<Vec<usize>, Arc<Watching>>,
}

/// What is known about a call.
#[derive(Debug)]
struct Call {
    watching: Arc<Watching>,
    /// Whether its records are needed although no rule may match them.
    is_asked_for: bool,
}

/// The rules that watch a call.
#[derive(Debug)]
struct Watching {
    places: Vec<usize>,
    /// Whether none of them matches the record of a call that failed.
    needs_success: bool,
    /// What they require, if each of them requires something.
    literals: Option<Literals>,
}

/// The required literals of some rules.
#[derive(Debug)]
struct Literals {
    search: AhoCorasick,
    /// For each rule lists of literals, of each of which one must be in the record, by the numbers of their patterns.
    rules: Vec<Vec<Vec<usize>>>,
}

impl Prefilter {
    /// If no rule can match the record, and nobody `asks` for records of its source and name, the `eventTime` of the record.
    /// `rules` and the answers of `asks` must be the same each time: the results are cached.
    pub fn skips<'t>(&mut self, rules: &RuleSet, raw: &'t Raw, asks: impl Fn(&str, &str) -> bool) -> Option<&'t str> {
        let text = Text::of(raw);
        let Header { source, name, time } = text.header()?;
        if let Some(call) = self.calls.get(source).and_then(|names| names.get(name)) {
            return call.skips(&text).then_some(time);
        }
        // Text beyond ASCII may be a name in another spelling.
        let is_plain = source.is_ascii() && name.is_ascii() && source.len() + name.len() <= MAX_CALL;
        if !is_plain || self.count >= MAX_CALLS {
            return None;
        }
        let watching = self.watching(rules, rules.indices_for_call(source, name).collect());
        let call = Call { watching, is_asked_for: asks(source, name) };
        let skips = call.skips(&text);
        self.calls.entry(source.to_owned()).or_default().insert(name.to_owned(), call);
        self.count += 1;
        skips.then_some(time)
    }

    /// The places of the rules that watch a call, if it is cached.
    pub fn places(&self, source: &str, name: &str) -> Option<&[usize]> {
        Some(&self.calls.get(source)?.get(name)?.watching.places)
    }

    fn watching(&mut self, rules: &RuleSet, places: Vec<usize>) -> Arc<Watching> {
        if let Some(watching) = self.watching.get(&places) {
            return Arc::clone(watching);
        }
        let watch: Vec<&Rule> = places.iter().filter_map(|place| rules.rules().get(*place)).collect();
        let watching = Arc::new(Watching {
            needs_success: watch.iter().all(|rule| rule.requires_success()),
            literals: Literals::of(&watch),
            places: places.clone(),
        });
        self.watching.insert(places, Arc::clone(&watching));
        watching
    }
}

impl Call {
    fn skips(&self, text: &Text<'_>) -> bool {
        let Watching { places, needs_success, literals } = &*self.watching;
        if self.is_asked_for {
            return false;
        }
        places.is_empty()
            || *needs_success && text.has_failed()
            || literals.as_ref().is_some_and(|literals| !literals.may_match(text.text))
    }
}

impl Literals {
    /// `None` when some rule requires none, or there are too many to be searched for.
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

    /// Whether some rule finds in `text` what it requires.
    fn may_match(&self, text: &str) -> bool {
        // Text beyond ASCII may be the same as a literal in another case.
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
