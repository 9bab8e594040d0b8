//! Which of the texts that rules need of a caller are in what a record says of its own.
//!
//! The texts are numbered in the order in which they are met, and each is in the group of those that were new with the same
//! call, so that a value is searched for a text once, whichever calls it comes with.

use std::collections::{BTreeMap, BTreeSet};

use super::lower_case::write_in_lower_case;
use super::memo::{Known, Memo};
use super::search::{Search, shortest};
use crate::skim::Pieces;

/// Groups of which it is remembered whether a value was searched for them.
const MOST_REMEMBERED: usize = u64::BITS as usize;

/// More texts than this are remembered of no value.
const MOST_TEXTS: usize = 64;

/// The texts, and what is known of the values in which they were looked for.
#[derive(Default)]
pub(super) struct Callers {
    /// Of the identity and, with the address, the agent: somebody mostly calls from one place and with few agents.
    memo: Memo,
    texts: BTreeMap<String, Numbered>,
    groups: Vec<Group>,
    /// The numbers of the texts that were found last.
    found: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Numbered {
    number: u32,
    group: usize,
}

/// Texts that were new with one call.
#[derive(Debug)]
struct Group {
    /// Finds those that begin with no other.
    search: Search,
    /// For each of these, all that begin with it, itself among them, and their numbers.
    families: Vec<Vec<(String, u32)>>,
}

/// The groups of the texts that are needed of the caller of a call.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Those that are remembered, a bit each.
    remembered: u64,
    others: Vec<usize>,
}

impl Wanted {
    pub(super) fn is_empty(&self) -> bool {
        self.remembered == 0 && self.others.is_empty()
    }
}

impl Group {
    fn of(texts: &BTreeSet<&str>, first_number: u32) -> Option<Self> {
        let shortest = shortest(texts);
        let search = Search::of_shortest(&shortest)?;
        let family = |first: &&str| {
            let numbered = texts.iter().zip(first_number..);
            let members = numbered.filter(|(text, _)| text.starts_with(first));
            members.map(|(text, number)| ((*text).to_owned(), number)).collect()
        };
        Some(Self { families: shortest.iter().map(family).collect(), search })
    }

    /// Adds the numbers of the texts that are in this one, which is in lower case.
    fn find(&self, within: &[u8], found: &mut Vec<u32>) {
        let mut from = 0;
        while let Some((which, start)) = self.search.first(within, from) {
            let here = within.get(start..).unwrap_or_default();
            for (text, number) in self.families.get(which).into_iter().flatten() {
                if here.starts_with(text.as_bytes()) && !found.contains(number) {
                    found.push(*number);
                }
            }
            from = start + 1;
        }
    }
}

impl Callers {
    /// Numbers those of the texts that are new. `None` when there are too many to be searched for.
    pub(super) fn want(&mut self, texts: &BTreeSet<&str>) -> Option<Wanted> {
        let fresh: BTreeSet<&str> = texts.iter().copied().filter(|text| !self.texts.contains_key(*text)).collect();
        if !fresh.is_empty() {
            let first_number = u32::try_from(self.texts.len()).ok()?;
            let group = self.groups.len();
            self.groups.push(Group::of(&fresh, first_number)?);
            let numbered = fresh.iter().zip(first_number..);
            self.texts.extend(numbered.map(|(text, number)| ((*text).to_owned(), Numbered { number, group })));
        }
        let groups: BTreeSet<usize> =
            texts.iter().filter_map(|text| self.texts.get(*text)).map(|text| text.group).collect();
        let (remembered, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| *group < MOST_REMEMBERED);
        Some(Wanted { remembered: remembered.iter().fold(0, |bits, group| bits | 1 << group), others })
    }

    /// The number of a text that was wanted.
    pub(super) fn number(&self, text: &str) -> Option<u32> {
        Some(self.texts.get(text)?.number)
    }

    /// The numbers of the texts that are in the values of the caller, and perhaps of others; `None` when a character beyond
    /// ASCII may match a letter in lower case. `lower_case` is written over.
    pub(super) fn find(&mut self, wanted: &Wanted, pieces: &Pieces<'_>, lower_case: &mut Vec<u8>) -> Option<&[u32]> {
        let Self { memo, groups, found, .. } = self;
        found.clear();
        if wanted.is_empty() {
            return Some(found);
        }
        let [identity, ..] = pieces.caller;
        let unsearched = match memo.of(identity, pieces.origin) {
            Some(known) => {
                let missing = wanted.remembered & !known.searched;
                if missing != 0 {
                    search(known, missing, &pieces.caller, groups, lower_case);
                }
                if known.is_unclear {
                    return None;
                }
                if known.has & wanted.remembered != 0 {
                    found.extend_from_slice(&known.texts);
                }
                0
            }
            None => wanted.remembered,
        };
        if unsearched != 0 || !wanted.others.is_empty() {
            if !write_in_lower_case(&pieces.caller, lower_case) {
                return None;
            }
            for group in of_bits(unsearched).chain(wanted.others.iter().copied()) {
                groups.get(group)?.find(lower_case, found);
            }
        }
        Some(found)
    }
}

/// Searches values for the texts of groups that they have not been searched for.
#[cold]
fn search(known: &mut Known, missing: u64, values: &[&str], groups: &[Group], lower_case: &mut Vec<u8>) {
    known.searched |= missing;
    if known.is_unclear || !write_in_lower_case(values, lower_case) {
        known.is_unclear = true;
        return;
    }
    let mut found = known.texts.to_vec();
    for group in of_bits(missing) {
        let before = found.len();
        if let Some(texts) = groups.get(group) {
            texts.find(lower_case, &mut found);
        }
        if found.len() > before {
            known.has |= 1 << group;
        }
    }
    known.is_unclear = found.len() > MOST_TEXTS;
    if found.len() > known.texts.len() && !known.is_unclear {
        known.texts = found.into();
    }
}

/// The numbers of the bits that are set.
fn of_bits(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = bits.trailing_zeros();
        bits &= bits.checked_sub(1)?;
        Some(next as usize)
    })
}
