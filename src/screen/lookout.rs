//! Looks for the texts that rules need, in the text of a record.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, packed};
use memchr::memmem::Finder;

use super::lower_case::write_in_lower_case;
use super::memo::{Memo, Verdict};
use crate::rules::{Need, Needs, Part};
use crate::skim::Sketch;

/// What some rules need: each a list of texts of which one is there, for every list of one of the rules.
#[derive(Debug)]
pub(super) struct Lookout {
    /// Finds whether any of the texts is there that are needed in any part of the record.
    in_any_part: Any,
    /// The same for those that may be in another part than the caller's, if there are some.
    beside_caller: Option<Any>,
    rules: Vec<Vec<Vec<Finder<'static>>>>,
}

/// What looking takes, and what it has found out; the same for the calls of one screen.
#[derive(Default)]
pub(super) struct Scratch {
    /// The text of a record, or of a part of it, in lower case.
    lower_case: Vec<u8>,
    memo: Memo,
    /// The sets of texts that were looked for, each with its number.
    sets: BTreeMap<Vec<String>, usize>,
}

/// Finds whether any of some texts is there.
#[derive(Debug)]
struct Any {
    /// The number of the set of texts. Many calls have the same texts.
    number: usize,
    search: Search,
}

#[derive(Debug)]
enum Search {
    /// Some dozens of texts, many bytes of the record at a time.
    Packed(Box<packed::Searcher>),
    /// Any number of them, or on a processor that cannot do that.
    Automaton(Box<AhoCorasick>),
}

impl Any {
    fn of(texts: &BTreeSet<&str>, scratch: &mut Scratch) -> Option<Self> {
        // One that begins with another is there only where that one is; in their order, it comes after that.
        let mut shortest: Vec<&str> = Vec::new();
        for text in texts {
            if shortest.last().is_none_or(|shorter| !text.starts_with(shorter)) {
                shortest.push(text);
            }
        }
        let next = scratch.sets.len();
        let number = *scratch.sets.entry(shortest.iter().map(ToString::to_string).collect()).or_insert(next);
        let packed = packed::Config::new().builder().extend(&shortest).build();
        let search = match packed {
            Some(packed) => Search::Packed(Box::new(packed)),
            None => Search::Automaton(Box::new(AhoCorasick::new(&shortest).ok()?)),
        };
        Some(Self { number, search })
    }

    /// In several texts together. `lower_case` is written over.
    fn is_in(&self, texts: &[&str], lower_case: &mut Vec<u8>) -> Verdict {
        if !write_in_lower_case(texts, lower_case) {
            return Verdict::Unclear;
        }
        let is_there = match &self.search {
            Search::Packed(packed) => packed.find(&lower_case).is_some(),
            Search::Automaton(automaton) => automaton.is_match(&lower_case),
        };
        if is_there { Verdict::Has } else { Verdict::Lacks }
    }
}

impl Lookout {
    /// `None` when there is a rule that needs nothing, so that looking would not help.
    pub(super) fn for_any_of<'n>(needs: impl Iterator<Item = &'n Needs>, scratch: &mut Scratch) -> Option<Self> {
        let needs: Vec<&Needs> = needs.collect();
        if needs.iter().any(|needs| needs.0.is_empty()) {
            return None;
        }
        // Of what a rule needs, one list is enough to tell that it does not match.
        let narrowest = needs.iter().filter_map(|needs| needs.0.iter().min_by_key(|texts| texts.len()));
        let (mut all, mut beside) = (BTreeSet::new(), BTreeSet::new());
        for need in narrowest.flatten() {
            all.insert(need.text.as_str());
            if need.part == Part::Whole {
                beside.insert(need.text.as_str());
            }
        }
        let in_any_part = Any::of(&all, scratch)?;
        let beside_caller = if beside.is_empty() { None } else { Some(Any::of(&beside, scratch)?) };
        let finder = |need: &Need| Finder::new(&need.text).into_owned();
        let finders = |texts: &Vec<Need>| texts.iter().map(finder).collect();
        let rules = needs.iter().map(|needs| needs.0.iter().map(finders).collect()).collect();
        Some(Self { in_any_part, beside_caller, rules })
    }

    /// Whether some rule has all that it needs.
    pub(super) fn sees(&self, sketch: &Sketch<'_>, scratch: &mut Scratch) -> bool {
        // A character may be written as `\u….`, and one beyond ASCII may match a letter in lower case.
        if sketch.has_unicode_escapes {
            return true;
        }
        match self.sees_any(sketch, scratch) {
            Verdict::Lacks => return false,
            Verdict::Unclear => return true,
            Verdict::Has => {}
        }
        let lower_case = &mut scratch.lower_case;
        if !write_in_lower_case(&[sketch.text], lower_case) {
            return true;
        }
        let is_there = |finder: &Finder<'_>| finder.find(lower_case).is_some();
        self.rules.iter().any(|needs| needs.iter().all(|texts| texts.iter().any(is_there)))
    }

    /// Whether any text is in a part of the record in which it is needed.
    fn sees_any(&self, sketch: &Sketch<'_>, scratch: &mut Scratch) -> Verdict {
        let Scratch { lower_case, memo, .. } = scratch;
        let Some(pieces) = sketch.parts.and_then(|parts| parts.pieces()) else {
            return self.in_any_part.is_in(&[sketch.text], lower_case);
        };
        for value in pieces.caller {
            let any = &self.in_any_part;
            let verdict = memo.verdict(any.number, value, || any.is_in(&[value], lower_case));
            if verdict != Verdict::Lacks {
                return verdict;
            }
        }
        self.beside_caller.as_ref().map_or(Verdict::Lacks, |any| any.is_in(&pieces.rest, lower_case))
    }
}
