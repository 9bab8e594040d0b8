//! Searches a text for any of a few texts, of either case: for two letters of each at their distance, and where these are, for
//! the text. That spares the text being written in lower case.

use std::collections::BTreeSet;

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

use super::search::Verdict;

/// With more texts, it takes longer than to write in lower case and to search.
const MOST: usize = 8;

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Farthest that the two letters may be apart.
const FARTHEST: usize = 31;

/// A block, and the bytes after it at which a second letter may be.
const WINDOW: usize = BLOCK + FARTHEST;

/// With it, a letter is in lower case; what else comes to be the same is rare.
const CASE: u8 = 0x20;

/// What records consist of, the commonest first. Other letters are rarer.
const COMMON: &[u8] = b"eatsrn:ci-dlo2,mu31pv708bf94gh56yw.qzk xj";

/// A few texts.
#[derive(Debug)]
pub(super) struct Few(Vec<Sought>);

/// A text, and two letters of it.
#[derive(Debug)]
struct Sought {
    /// With [`CASE`].
    text: Vec<u8>,
    first: u8,
    /// Where it is in the text.
    place: usize,
    second: u8,
    /// From the first letter to the second.
    distance: usize,
}

impl Sought {
    /// The two rarest letters are looked for. `None` when the text has one alone.
    fn new(text: &str) -> Option<Self> {
        let text: Vec<u8> = text.bytes().map(|byte| byte | CASE).collect();
        let rarity = |letter: u8| COMMON.iter().position(|common| *common == letter).unwrap_or(COMMON.len());
        let letters = || text.iter().copied().enumerate();
        let pairs = letters().flat_map(|(place, first)| {
            letters().skip(place + 1).take(FARTHEST).map(move |(other, second)| (place, first, other - place, second))
        });
        let rarest = pairs.max_by_key(|(_, first, _, second)| rarity(*first) + rarity(*second));
        let (place, first, distance, second) = rarest?;
        Some(Self { text, first, place, second, distance })
    }

    /// Whether the text is there when its first letter is at `at`.
    fn is_at(&self, at: usize, within: &[u8]) -> bool {
        let here = at.checked_sub(self.place).and_then(|start| within.get(start..start + self.text.len()));
        here.is_some_and(|here| here.iter().zip(&self.text).all(|(one, other)| one | CASE == *other))
    }
}

impl Few {
    /// `None` when there are too many.
    pub(super) fn of(texts: &BTreeSet<&str>) -> Option<Self> {
        let sought = texts.iter().map(|text| Sought::new(text));
        sought.collect::<Option<_>>().filter(|_| texts.len() <= MOST).map(Self)
    }

    /// Whether one of them is in a text, or perhaps: a letter may be taken for another.
    pub(super) fn is_in(&self, text: &str) -> Verdict {
        dispatch!(Level::new(), simd => is_in(simd, &self.0, text.as_bytes())).unwrap_or(Verdict::Unclear)
    }
}

#[inline(always)]
fn is_in<S: Simd>(simd: S, sought: &[Sought], text: &[u8]) -> Option<Verdict> {
    let mut rest = text;
    while let Some(window) = rest.first_chunk() {
        let verdict = is_in_window(simd, sought, window, text, text.len() - rest.len())?;
        if verdict != Verdict::Lacks {
            return Some(verdict);
        }
        rest = rest.get(BLOCK..)?;
    }
    let mut last = [0; 2 * WINDOW];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let start = text.len() - rest.len();
    match is_in_window(simd, sought, last.first_chunk()?, text, start)? {
        Verdict::Lacks => is_in_window(simd, sought, last.get(BLOCK..)?.first_chunk()?, text, start + BLOCK),
        verdict => Some(verdict),
    }
}

/// Whether a text begins around the block with which a window begins, which is itself at `start`.
#[inline(always)]
fn is_in_window<S: Simd>(
    simd: S,
    sought: &[Sought],
    window: &[u8; WINDOW],
    text: &[u8],
    start: usize,
) -> Option<Verdict> {
    let case = u8x64::splat(simd, CASE);
    let block = u8x64::from_slice(simd, window.first_chunk::<BLOCK>()?);
    let (firsts, beyond_ascii) = (block | case, block.simd_ge(0x80));
    let mut found = beyond_ascii;
    for one in sought {
        let seconds = u8x64::from_slice(simd, window.get(one.distance..)?.first_chunk::<BLOCK>()?) | case;
        found |= firsts.simd_eq(one.first) & seconds.simd_eq(one.second);
    }
    if !found.any_true() {
        return Some(Verdict::Lacks);
    }
    if beyond_ascii.any_true() {
        return Some(Verdict::Unclear);
    }
    for one in sought {
        let seconds = u8x64::from_slice(simd, window.get(one.distance..)?.first_chunk::<BLOCK>()?) | case;
        let mut places = (firsts.simd_eq(one.first) & seconds.simd_eq(one.second)).to_bitmask();
        while places != 0 {
            if one.is_at(start + places.trailing_zeros() as usize, text) {
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
            text in "[ -~]{2,60}",
            after in "[ -~]{0,200}",
            is_there in any::<bool>(),
            other in "[a-c]{2,5}",
        ) {
            let text = text.to_ascii_lowercase();
            let few = Few::of(&BTreeSet::from([other.as_str(), &text])).unwrap();
            for text in [&text, &text.to_ascii_uppercase()] {
                let within = [before.as_str(), if is_there { text } else { "" }, &after].concat();
                let with_case: Vec<u8> = within.bytes().map(|byte| byte | CASE).collect();
                let is_in = |one: &Sought| with_case.windows(one.text.len()).any(|window| window == one.text);
                let expected = if few.0.iter().any(is_in) { Verdict::Has } else { Verdict::Lacks };
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
