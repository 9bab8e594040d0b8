//! What has been found out about values that come again and again: who calls is the same in many records.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;

/// Places for values. One that is taken is written over, so that values that never come again cost little more than if
/// nothing were remembered.
const PLACES: usize = 4096;

/// Longest value that is remembered, in bytes; so the memo has 4 MiB of them at most.
const LONGEST: usize = 1024;

/// Whether some of a set of texts are in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// None is.
    Lacks,
    /// Some is.
    Has,
    /// A character beyond ASCII may match a letter in lower case.
    Unclear,
}

/// The verdicts on some values.
#[derive(Default)]
pub(super) struct Memo {
    /// With a seed, because the values come from records.
    hasher: RandomState,
    places: Vec<Option<Known>>,
}

/// A verdict.
struct Known {
    set: usize,
    value: String,
    verdict: Verdict,
}

impl Memo {
    /// The verdict on `value` for the set of texts with the number `set`, which `find` finds when it is not remembered.
    pub(super) fn verdict(&mut self, set: usize, value: &str, find: impl FnOnce() -> Verdict) -> Verdict {
        if value.len() > LONGEST {
            return find();
        }
        if self.places.is_empty() {
            self.places.resize_with(PLACES, Default::default);
        }
        let place = self.hasher.hash_one((set, value)) as usize % PLACES;
        let Some(place) = self.places.get_mut(place) else { return find() };
        match place {
            Some(known) if known.set == set && known.value == value => known.verdict,
            Some(known) => {
                known.set = set;
                known.verdict = find();
                known.value.clear();
                known.value.push_str(value);
                known.verdict
            }
            None => {
                let verdict = find();
                *place = Some(Known { set, value: value.to_owned(), verdict });
                verdict
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked for in another way each time.
    fn is_found(memo: &mut Memo, set: usize, value: &str) -> bool {
        let mut is_found = false;
        let verdict = memo.verdict(set, value, || {
            is_found = true;
            if value.ends_with(&set.to_string()) { Verdict::Has } else { Verdict::Lacks }
        });
        assert_eq!(verdict == Verdict::Has, value.ends_with(&set.to_string()));
        is_found
    }

    #[test]
    fn a_verdict_is_remembered_for_its_set_and_value_alone() {
        let mut memo = Memo::default();
        assert!(is_found(&mut memo, 1, "value 1"));
        assert!(!is_found(&mut memo, 1, "value 1"));
        assert!(is_found(&mut memo, 2, "value 1"));
        assert!(is_found(&mut memo, 1, "value 2"));
    }

    #[test]
    fn more_values_than_places_come_to_the_same() {
        let mut memo = Memo::default();
        for number in (0..3 * PLACES).chain(0..3 * PLACES) {
            is_found(&mut memo, number % 3, &format!("value {}", number % (2 * PLACES)));
        }
        assert_eq!(memo.places.len(), PLACES);
    }

    #[test]
    fn long_values_are_not_kept() {
        let mut memo = Memo::default();
        let value = "1".repeat(LONGEST + 1);
        assert!(is_found(&mut memo, 1, &value));
        assert!(is_found(&mut memo, 1, &value));
    }
}
