//! Searches a text for any of a few texts, of either case: for two letters of each at their distance, and where these are, for
//! the text. That spares the text being written in lower case.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

use super::search::Verdict;

/// With more texts, it takes longer than to write in lower case and to search.
const MOST: usize = 8;

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Farthest that the two letters may be apart.
const FARTHEST: u8 = 31;

/// A block, and the bytes after it at which a second letter may be.
const WINDOW: usize = BLOCK + FARTHEST as usize;

/// With it, a letter is in lower case; what else comes to be the same is rare.
const CASE: u8 = 0x20;

/// What records consist of, the commonest first. Other letters are rarer.
const COMMON: &[u8] = b"eatsrn:ci-dlo2,mu31pv708bf94gh56yw.qzk xj";

/// Texts share a pair of letters when that is no commoner than this beyond the rarest pair of each, by [`COMMON`].
const SLACK: usize = 16;

/// Most pairs of a text that others are asked for.
const MOST_CANDIDATES: usize = 24;

/// A few texts.
#[derive(Debug)]
pub(super) struct Few {
    pairs: Vec<Pair>,
    /// By pair, the texts that it is in.
    texts: Vec<Vec<Sought>>,
}

/// Two letters, with [`CASE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    first: u8,
    second: u8,
    /// From the first letter to the second.
    distance: u8,
}

/// A text that a pair is in.
#[derive(Debug)]
struct Sought {
    /// With [`CASE`].
    text: Vec<u8>,
    /// Where in it the pair is.
    place: usize,
}

/// A pair of a text.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    pair: Pair,
    /// Where in the text it is.
    place: usize,
    rarity: usize,
}

impl Sought {
    /// Whether the text is there when the first letter of its pair is at `at`.
    fn is_at(&self, at: usize, within: &[u8]) -> bool {
        let here = at.checked_sub(self.place).and_then(|start| within.get(start..start + self.text.len()));
        // From the end, since those that a pair is in are often numbered.
        here.is_some_and(|here| here.iter().zip(&self.text).rev().all(|(one, other)| one | CASE == *other))
    }
}

/// The pairs of a text that are rare enough to be looked for.
fn candidates(text: &[u8]) -> Vec<Candidate> {
    let rarity = |letter: &u8| COMMON.iter().position(|common| common == letter).unwrap_or(COMMON.len());
    let letters: Vec<(usize, u8, usize)> =
        text.iter().enumerate().map(|(place, letter)| (place, *letter, rarity(letter))).collect();
    let with_first = |(place, first, rarity): (usize, u8, usize)| {
        let seconds = letters.iter().skip(place + 1).zip(1..=FARTHEST);
        seconds.map(move |((_, second, other), distance)| Candidate {
            pair: Pair { first, second: *second, distance },
            place,
            rarity: rarity + other,
        })
    };
    let mut pairs: Vec<Candidate> = letters.iter().copied().flat_map(with_first).collect();
    pairs.sort_by_key(|one| Reverse(one.rarity));
    let rarest = pairs.first().map_or(0, |one| one.rarity);
    pairs.retain(|one| one.rarity + SLACK >= rarest);
    pairs.truncate(MOST_CANDIDATES);
    pairs
}

impl Few {
    /// `None` when there are too many, or one is a letter alone.
    pub(super) fn of(texts: &BTreeSet<&str>) -> Option<Self> {
        if texts.len() > MOST || texts.iter().any(|text| text.len() < 2) {
            return None;
        }
        let texts = texts.iter().map(|text| text.bytes().map(|byte| byte | CASE).collect::<Vec<u8>>());
        let mut left: Vec<(Vec<Candidate>, Vec<u8>)> = texts.map(|text| (candidates(&text), text)).collect();
        let mut few = Self { pairs: Vec::new(), texts: Vec::new() };
        while !left.is_empty() {
            let shared_by =
                |pair: Pair| left.iter().filter(|(pairs, _)| pairs.iter().any(|one| one.pair == pair)).count();
            let all = left.iter().flat_map(|(pairs, _)| pairs);
            let pair = all.max_by_key(|one| (shared_by(one.pair), one.rarity))?.pair;
            let (mut sought, mut others) = (Vec::new(), Vec::new());
            for (pairs, text) in left {
                match pairs.iter().find(|one| one.pair == pair) {
                    Some(one) => sought.push(Sought { place: one.place, text }),
                    None => others.push((pairs, text)),
                }
            }
            few.pairs.push(pair);
            few.texts.push(sought);
            left = others;
        }
        Some(few)
    }

    /// Whether one of them is in a text, or perhaps: a letter may be taken for another.
    pub(super) fn is_in(&self, text: &str) -> Verdict {
        dispatch!(Level::new(), simd => is_in(simd, self, text.as_bytes())).unwrap_or(Verdict::Unclear)
    }
}

#[inline(always)]
fn is_in<S: Simd>(simd: S, few: &Few, text: &[u8]) -> Option<Verdict> {
    let mut rest = text;
    let mut last;
    while !rest.is_empty() {
        let window = match rest.first_chunk() {
            Some(window) => window,
            None => {
                last = [0; WINDOW];
                last.get_mut(..rest.len())?.copy_from_slice(rest);
                &last
            }
        };
        let verdict = is_in_window(simd, few, window, text, text.len() - rest.len())?;
        if verdict != Verdict::Lacks {
            return Some(verdict);
        }
        rest = rest.get(BLOCK..).unwrap_or_default();
    }
    Some(Verdict::Lacks)
}

/// Zero where both letters are those of a pair. `firsts`: the block with which a window begins, with [`CASE`].
#[inline(always)]
fn differ<S: Simd>(simd: S, pair: Pair, firsts: u8x64<S>, window: &[u8; WINDOW]) -> Option<u8x64<S>> {
    let seconds = window.get(usize::from(pair.distance)..)?.first_chunk::<BLOCK>()?;
    let seconds = u8x64::from_slice(simd, seconds) | CASE;
    Some((firsts ^ pair.first) | (seconds ^ pair.second))
}

/// Whether a text begins around the block with which a window begins, which is itself at `start`.
#[inline(always)]
fn is_in_window<S: Simd>(simd: S, few: &Few, window: &[u8; WINDOW], text: &[u8], start: usize) -> Option<Verdict> {
    let block = u8x64::from_slice(simd, window.first_chunk::<BLOCK>()?);
    let firsts = block | CASE;
    let mut least = u8x64::splat(simd, u8::MAX);
    for pair in &few.pairs {
        least = least.min(differ(simd, *pair, firsts, window)?);
    }
    let beyond_ascii = block.simd_ge(0x80);
    if !(least.simd_eq(0) | beyond_ascii).any_true() {
        return Some(Verdict::Lacks);
    }
    if beyond_ascii.any_true() {
        return Some(Verdict::Unclear);
    }
    for (pair, texts) in few.pairs.iter().zip(&few.texts) {
        let mut places = differ(simd, *pair, firsts, window)?.simd_eq(0).to_bitmask();
        while places != 0 {
            let at = start + places.trailing_zeros() as usize;
            if texts.iter().any(|sought| sought.is_at(at, text)) {
                return Some(Verdict::Has);
            }
            places &= places - 1;
        }
    }
    Some(Verdict::Lacks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_comes_to_the_same_as_comparing_everywhere(
            before in "[ -~]{0,200}",
            texts in prop::collection::btree_set(prop_oneof![r"[ -@\[-~]{2,60}", "[a-c]{2,5}", "payroll-[0-9]{2,3}"], 1..=MOST),
            which in any::<prop::sample::Index>(),
            after in "[ -~]{0,200}",
            is_there in any::<bool>(),
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let few = Few::of(&texts.iter().copied().collect()).unwrap();
            let one = texts[which.index(texts.len())];
            for one in [one.to_owned(), one.to_ascii_uppercase()] {
                let within = [before.as_str(), if is_there { &one } else { "" }, &after].concat();
                // As they are compared: a letter may be taken for another.
                let with_case = |text: &str| text.bytes().map(|byte| byte | CASE).collect::<Vec<u8>>();
                let haystack = with_case(&within);
                let is_in = |text: &&str| haystack.windows(text.len()).any(|window| window == with_case(text));
                let expected = if texts.iter().any(is_in) { Verdict::Has } else { Verdict::Lacks };
                prop_assert_eq!(few.is_in(&within), expected);
                prop_assert!(!is_there || expected == Verdict::Has);
            }
        }
    }

    #[test]
    fn nothing_can_be_said_of_what_is_beyond_ascii() {
        let few = Few::of(&BTreeSet::from(["payroll"])).unwrap();
        for place in 0..200 {
            let text = " ".repeat(place);
            assert_eq!(few.is_in(&text), Verdict::Lacks);
            assert_eq!(few.is_in(&format!("{text}é{text}")), Verdict::Unclear);
        }
    }

    #[test]
    fn many_texts_are_not_searched_for() {
        let texts: Vec<String> = (0..=MOST).map(|number| format!("text {number}")).collect();
        assert!(Few::of(&texts.iter().map(String::as_str).collect()).is_none());
    }
}
