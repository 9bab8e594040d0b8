//! Looks for the texts that rules need, in the text of a record.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, packed};
use memchr::memmem::Finder;

use crate::rules::{Need, Needs, Part};
use crate::skim::Sketch;

/// What some rules need: each a list of texts of which one is there, for every list of one of the rules.
#[derive(Debug)]
pub(super) struct Lookout {
    /// For each part of the record, what finds whether any of the texts that are needed there is.
    any: Vec<(Part, Any)>,
    rules: Vec<Vec<Vec<Finder<'static>>>>,
}

/// Finds whether any of some texts is there.
#[derive(Debug)]
enum Any {
    /// Some dozens of texts, many bytes of the record at a time.
    Packed(Box<packed::Searcher>),
    /// Any number of them, or on a processor that cannot do that.
    Automaton(Box<AhoCorasick>),
}

impl Any {
    fn of(texts: &[&str]) -> Option<Self> {
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
    pub(super) fn for_any_of<'n>(needs: impl Iterator<Item = &'n Needs>) -> Option<Self> {
        let needs: Vec<&Needs> = needs.collect();
        if needs.iter().any(|needs| needs.0.is_empty()) {
            return None;
        }
        // Of what a rule needs, one list is enough to tell that it does not match.
        let narrowest = needs.iter().filter_map(|needs| needs.0.iter().min_by_key(|texts| texts.len()));
        let mut by_part: BTreeMap<Part, Vec<&str>> = BTreeMap::new();
        for need in narrowest.flatten() {
            by_part.entry(need.part).or_default().push(&need.text);
        }
        let any = by_part.into_iter().map(|(part, texts)| Some((part, Any::of(&texts)?))).collect::<Option<_>>()?;
        let finder = |need: &Need| Finder::new(&need.text).into_owned();
        let finders = |texts: &Vec<Need>| texts.iter().map(finder).collect();
        let rules = needs.iter().map(|needs| needs.0.iter().map(finders).collect()).collect();
        Some(Self { any, rules })
    }

    /// Whether some rule has all that it needs. `lower_case` is written over.
    pub(super) fn sees(&self, sketch: &Sketch<'_>, lower_case: &mut Vec<u8>) -> bool {
        // A character may be written as `\u….`, and one beyond ASCII may match a letter in lower case.
        if sketch.has_unicode_escapes {
            return true;
        }
        let mut is_any = false;
        for (part, any) in &self.any {
            if !write_in_lower_case(sketch, *part, lower_case) {
                return true;
            }
            is_any |= any.is_in(lower_case);
        }
        if !is_any {
            return false;
        }
        if !write_in_lower_case(sketch, Part::Whole, lower_case) {
            return true;
        }
        let is_there = |finder: &Finder<'_>| finder.find(lower_case).is_some();
        self.rules.iter().any(|needs| needs.iter().all(|texts| texts.iter().any(is_there)))
    }
}

/// Writes the part, where it is known, and else all of the record, in lower case; says whether it is ASCII.
fn write_in_lower_case(sketch: &Sketch<'_>, part: Part, text: &mut Vec<u8>) -> bool {
    text.clear();
    match sketch.parts.filter(|_| part == Part::Caller).and_then(|parts| parts.caller()) {
        Some(values) => values.iter().for_each(|value| {
            text.extend_from_slice(value.as_bytes());
            // So that nothing is found where two of them meet.
            text.push(b'\n');
        }),
        None => text.extend_from_slice(sketch.text.as_bytes()),
    }
    text.make_ascii_lowercase();
    text.is_ascii()
}
