//! Looks for the texts that rules need, in the text of a record.

use aho_corasick::{AhoCorasick, packed};
use memchr::memmem::Finder;

use crate::rules::Needs;
use crate::skim::Sketch;

/// What some rules need: each a list of texts of which one is there, for every list of one of the rules.
#[derive(Debug)]
pub(super) struct Lookout {
    any: Any,
    rules: Vec<Vec<Vec<Finder<'static>>>>,
}

/// Finds whether any text of any rule is there at all.
#[derive(Debug)]
enum Any {
    /// Some dozens of texts, many bytes of the record at a time.
    Packed(Box<packed::Searcher>),
    /// Any number of them, or on a processor that cannot do that.
    Automaton(Box<AhoCorasick>),
}

impl Any {
    fn of(texts: &[&String]) -> Option<Self> {
        let packed = packed::Config::new().builder().extend(texts).build();
        match packed {
            Some(packed) => Some(Self::Packed(Box::new(packed))),
            None => Some(Self::Automaton(Box::new(AhoCorasick::new(texts).ok()?))),
        }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Packed(packed) => packed.find(text).is_some(),
            Self::Automaton(automaton) => automaton.is_match(text),
        }
    }
}

impl Lookout {
    /// `None` when there is a rule that needs nothing, so that looking would not help.
    pub(super) fn for_any_of(needs: impl Iterator<Item = Needs>) -> Option<Self> {
        let needs: Vec<Needs> = needs.collect();
        if needs.iter().any(|needs| needs.0.is_empty()) {
            return None;
        }
        // Of what a rule needs, one list is enough to tell that it does not match.
        let narrowest = needs.iter().filter_map(|needs| needs.0.iter().min_by_key(|texts| texts.len()));
        let any = Any::of(&narrowest.flatten().collect::<Vec<_>>())?;
        let finder = |text: &String| Finder::new(text).into_owned();
        let finders = |texts: &Vec<String>| texts.iter().map(finder).collect();
        let rules = needs.iter().map(|needs| needs.0.iter().map(finders).collect()).collect();
        Some(Self { any, rules })
    }

    /// Whether some rule has all that it needs. `lower_case` is written over.
    pub(super) fn sees(&self, sketch: &Sketch<'_>, lower_case: &mut Vec<u8>) -> bool {
        // A character may be written as `\u….`, and one beyond ASCII may match a letter in lower case.
        if sketch.has_unicode_escapes || !sketch.text.is_ascii() {
            return true;
        }
        lower_case.clear();
        lower_case.extend(sketch.text.bytes().map(|byte| byte.to_ascii_lowercase()));
        let is_there = |finder: &Finder<'_>| finder.find(lower_case).is_some();
        self.any.is_in(lower_case)
            && self.rules.iter().any(|needs| needs.iter().all(|texts| texts.iter().any(is_there)))
    }
}
