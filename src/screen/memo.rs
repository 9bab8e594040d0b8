//! What has been found out about values that come again and again: who calls is the same in many records.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Most values that are remembered. When there are more, all are forgotten: those that come again are soon back, and those
/// that never do cost little more than if nothing were remembered.
const MOST: usize = 4096;

/// Longest value that is remembered, in bytes; so a memo has 4 MiB of them at most.
const LONGEST: usize = 1024;

/// What has been found out about some values. What a look-up reads is packed, because it is out of the nearest cache by the
/// time the next record comes.
#[derive(Default)]
pub(super) struct Memo {
    /// With a seed, because the values come from records.
    hasher: RandomState,
    places: HashTable<Place>,
    /// The values, one after the other.
    values: Vec<u8>,
    known: Vec<Known>,
}

/// Where a value is, and what is known about it.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    length: u16,
    number: u16,
}

/// What has been found out about a value.
#[derive(Debug, Default)]
pub(super) struct Known {
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
    pub(super) fn of(&mut self, value: &[u8]) -> Option<&mut Known> {
        if value.len() > LONGEST {
            return None;
        }
        let hashed = self.hasher.hash_one(value);
        let is_it = |place: &Place| usize::from(place.length) == value.len() && text(&self.values, *place) == value;
        let number = match self.places.find(hashed, is_it) {
            Some(place) => place.number,
            None => self.add(value, hashed)?,
        };
        self.known.get_mut(usize::from(number))
    }

    #[cold]
    fn add(&mut self, value: &[u8], hashed: u64) -> Option<u16> {
        let Self { hasher, places, values, known } = self;
        if known.len() >= MOST {
            places.clear();
            values.clear();
            known.clear();
        }
        let (start, length) = (u32::try_from(values.len()).ok()?, u16::try_from(value.len()).ok()?);
        let number = u16::try_from(known.len()).ok()?;
        values.extend_from_slice(value);
        known.push(Known::default());
        places.insert_unique(hashed, Place { start, length, number }, |place| hasher.hash_one(text(values, *place)));
        Some(number)
    }
}

fn text(values: &[u8], place: Place) -> &[u8] {
    let start = place.start as usize;
    values.get(start..start + usize::from(place.length)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a memo is told of a value when it does not know it, and says of it otherwise.
    fn number(memo: &mut Memo, value: &str) -> u64 {
        let known = memo.of(value.as_bytes()).unwrap();
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
    fn more_values_than_are_remembered_come_to_the_same() {
        let mut memo = Memo::default();
        for count in (0..3 * MOST).chain(0..3 * MOST) {
            number(&mut memo, &format!("value {}", count % (2 * MOST)));
            assert!(memo.places.len() <= MOST && memo.known.len() <= MOST && memo.values.len() <= MOST * LONGEST);
        }
        let count = memo.places.len();
        assert!(number(&mut memo, &format!("value {}", MOST - 1)) > 0);
        assert_eq!(memo.places.len(), count);
    }

    #[test]
    fn long_values_are_not_kept() {
        assert!(Memo::default().of(&[b'1'; LONGEST + 1]).is_none());
    }
}
