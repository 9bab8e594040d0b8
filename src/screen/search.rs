//! Searches a text for any of some texts, in lower case.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, Input, MatchKind, packed};

use super::lower_case::write_in_lower_case;

/// Whether some of a set of texts are in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// None is.
    Lacks,
    /// Some is.
    Has,
    /// A character beyond ASCII may match a letter in lower case.
    Unclear,
}

/// Finds the first of some texts.
#[derive(Debug)]
pub(super) enum Search {
    /// Some dozens of texts, many bytes at a time.
    Packed(Box<packed::Searcher>),
    /// Any number of them, or on a processor that cannot do that.
    Automaton(Box<AhoCorasick>),
}

impl Search {
    /// `None` when there are too many texts to be searched for.
    pub(super) fn of(texts: &BTreeSet<&str>) -> Option<Self> {
        Self::of_shortest(&shortest(texts))
    }

    /// The same of texts of which none begins with another.
    pub(super) fn of_shortest(texts: &[&str]) -> Option<Self> {
        let packed = packed::Config::new().builder().extend(texts).build();
        Some(match packed {
            Some(packed) => Self::Packed(Box::new(packed)),
            None => {
                let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(texts).ok()?;
                Self::Automaton(Box::new(automaton))
            }
        })
    }

    /// Which of the texts comes first from this place on, and where, if any does.
    pub(super) fn first(&self, within: &[u8], from: usize) -> Option<(usize, usize)> {
        let span = from..within.len();
        let found = match self {
            Self::Packed(packed) => packed.find_in(within, span.into()),
            Self::Automaton(automaton) => automaton.find(Input::new(within).span(span)),
        };
        found.map(|found| (found.pattern().as_usize(), found.start()))
    }

    /// Whether one of them is in one of some texts. `lower_case` is written over.
    pub(super) fn is_in(&self, texts: &[&str], lower_case: &mut Vec<u8>) -> Verdict {
        if !write_in_lower_case(texts, lower_case) {
            return Verdict::Unclear;
        }
        if self.first(lower_case, 0).is_some() { Verdict::Has } else { Verdict::Lacks }
    }
}

/// The texts that begin with no other. One that does is there only where that one is.
pub(super) fn shortest<'t>(texts: &BTreeSet<&'t str>) -> Vec<&'t str> {
    let mut shortest: Vec<&str> = Vec::new();
    for text in texts {
        // In their order, it comes after that.
        if shortest.last().is_none_or(|shorter| !text.starts_with(shorter)) {
            shortest.push(text);
        }
    }
    shortest
}
