//! What has been found out about values that come again and again: who calls is the same in many records.

use std::hash::{BuildHasher as _, Hasher as _};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Most values that are remembered. When there are more, all are forgotten: those that come again are soon back, and those
/// that never do cost little more than if nothing were remembered.
const MOST: usize = 4096;

/// Most bytes that these have together.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Longest value that is remembered, in bytes.
const LONGEST: usize = 4096;

/// What has been found out about some values, of two texts each. What a look-up reads is together, because it is out of the
/// nearest cache by the time the next record comes.
#[derive(Default)]
pub(super) struct Memo {
    /// With a seed, because the values come from records.
    hasher: RandomState,
    known: HashTable<Known>,
    /// The values, one after the other, and of each its second text after its first.
    values: Vec<u8>,
}

/// What has been found out about a value.
#[derive(Debug)]
pub(super) struct Known {
    /// Where it is.
    start: u32,
    length: u16,
    /// Of its second text.
    other_length: u16,
    /// The groups of texts that it has been searched for, a bit each.
    pub(super) searched: u64,
    /// Those of them of which some text is in it.
    pub(super) has: u64,
    /// The numbers of the texts that are in it.
    pub(super) texts: Box<[u32]>,
    /// Whether a character beyond ASCII is in it, so that nothing can be said.
    pub(super) is_unclear: bool,
}

impl Memo {
    /// What is known about a value, which may be nothing yet. `None` when it is too long.
    pub(super) fn of(&mut self, one: &str, other: &str) -> Option<&mut Known> {
        let (one, other) = (one.as_bytes(), other.as_bytes());
        let hashed = hash(&self.hasher, one, other);
        let is_it = |known: &Known| {
            // Their lengths first: that takes no look at the values.
            (usize::from(known.length), usize::from(known.other_length)) == (one.len(), other.len())
                && texts(&self.values, known).is_some_and(|texts| texts == (one, other))
        };
        let bucket = match self.known.find_bucket_index(hashed, is_it) {
            Some(bucket) => bucket,
            None => self.add(one, other, hashed)?,
        };
        self.known.get_bucket_mut(bucket)
    }

    #[cold]
    fn add(&mut self, one: &[u8], other: &[u8], hashed: u64) -> Option<usize> {
        let Self { hasher, known, values } = self;
        let both = one.len() + other.len();
        if both > LONGEST {
            return None;
        }
        if known.len() >= MOST || values.len() + both > MOST_BYTES {
            values.clear();
            known.clear();
        }
        let new = Known {
            start: u32::try_from(values.len()).ok()?,
            length: u16::try_from(one.len()).ok()?,
            other_length: u16::try_from(other.len()).ok()?,
            searched: 0,
            has: 0,
            texts: Box::default(),
            is_unclear: false,
        };
        values.extend_from_slice(one);
        values.extend_from_slice(other);
        let rehash = |known: &Known| texts(values, known).map_or(0, |(one, other)| hash(hasher, one, other));
        Some(known.insert_unique(hashed, new, rehash).bucket_index())
    }
}

/// Of both texts, whichever of them a letter is in.
fn hash(hasher: &RandomState, one: &[u8], other: &[u8]) -> u64 {
    let mut hashed = hasher.build_hasher();
    hashed.write(one);
    hashed.write(other);
    hashed.finish()
}

fn texts<'v>(values: &'v [u8], known: &Known) -> Option<(&'v [u8], &'v [u8])> {
    let (start, length) = (known.start as usize, usize::from(known.length));
    values.get(start..start + length + usize::from(known.other_length))?.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a memo is told of a value when it does not know it, and says of it otherwise.
    fn number(memo: &mut Memo, value: &str) -> u64 {
        let known = memo.of(value, "").unwrap();
        if known.searched == 0 {
            known.searched = 1;
            known.has = value.len() as u64;
            known.texts = Box::new([value.bytes().map(u32::from).sum()]);
            return 0;
        }
        assert_eq!((known.has, &known.texts[..]), (value.len() as u64, &[value.bytes().map(u32::from).sum()][..]));
        known.has
    }

    #[test]
    fn what_is_known_of_a_value_is_known_of_no_other() {
        let mut memo = Memo::default();
        assert_eq!([number(&mut memo, "one"), number(&mut memo, "one more")], [0, 0]);
        assert_eq!([number(&mut memo, "one"), number(&mut memo, "one more"), number(&mut memo, "")], [3, 8, 0]);
    }

    #[test]
    fn where_a_value_is_divided_makes_it_another() {
        let mut memo = Memo::default();
        for (one, other) in [("one", "more"), ("onem", "ore"), ("", "onemore"), ("onemore", "")] {
            let known = memo.of(one, other).unwrap();
            assert_eq!(known.has, 0, "{one} {other}");
            known.has = 1;
            assert_eq!(memo.of(one, other).unwrap().has, 1, "{one} {other}");
        }
    }

    #[test]
    fn more_values_than_are_remembered_come_to_the_same() {
        let mut memo = Memo::default();
        for count in (0..3 * MOST).chain(0..3 * MOST) {
            number(&mut memo, &format!("value {}", count % (2 * MOST)));
            assert!(memo.known.len() <= MOST && memo.values.len() <= MOST_BYTES);
        }
        let count = memo.known.len();
        assert!(number(&mut memo, &format!("value {}", MOST - 1)) > 0);
        assert_eq!(memo.known.len(), count);
    }

    #[test]
    fn long_values_are_not_kept() {
        assert!(Memo::default().of(&"1".repeat(LONGEST), "2").is_none());
    }

    #[test]
    fn no_more_is_kept_than_a_memo_may_have() {
        let mut memo = Memo::default();
        for count in 0..2 * MOST_BYTES / LONGEST {
            memo.of(&format!("{count:0LONGEST$}"), "").unwrap();
            assert!(memo.values.len() <= MOST_BYTES);
        }
    }
}
