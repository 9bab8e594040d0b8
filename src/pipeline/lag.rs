//! How long after they happened records are evaluated.

use std::cell::Cell;

use jiff::Timestamp;

use crate::event::timestamp;

/// The longest lag of a run.
#[derive(Debug)]
pub(super) struct Lag {
    /// When the run began.
    pub(super) now: Timestamp,
    longest: Cell<Option<u64>>,
    /// The earliest time that was read as CloudTrail writes it; a later one need not be read.
    earliest: Cell<Option<Usual>>,
}

impl Lag {
    pub(super) fn now() -> Self {
        Self { now: Timestamp::now(), longest: Cell::new(None), earliest: Cell::new(None) }
    }

    /// The longest lag in milliseconds, where a time tells.
    pub(super) fn longest(&self) -> Option<u64> {
        self.longest.get()
    }

    fn of(&self, time: Option<Timestamp>) {
        let lag = time.map(|time| self.now.as_millisecond().saturating_sub(time.as_millisecond()));
        self.longest.set(self.longest.get().max(lag.and_then(|lag| u64::try_from(lag).ok())));
    }

    /// Takes note of a record of that time, as it stands in the record.
    pub(super) fn of_text(&self, text: &[u8]) {
        let usual = usual(text);
        if usual.zip(self.earliest.get()).is_some_and(|(this, earliest)| this >= earliest) {
            return;
        }
        let time = str::from_utf8(text).ok().and_then(timestamp);
        if usual.is_some() && time.is_some() {
            self.earliest.set(usual);
        }
        self.of(time);
    }
}

/// The letters of a time that is written as CloudTrail does, so that times compare as numbers do.
type Usual = (u128, [u8; 4]);

/// `2023-07-10T12:00:00Z`
#[inline]
fn usual(text: &[u8]) -> Option<Usual> {
    let (first, last) = text.split_first_chunk::<16>()?;
    let is_usual = matches!(first, [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _])
        && matches!(last, [b':', _, _, b'Z']);
    is_usual.then(|| Some((u128::from_be_bytes(*first), *last.first_chunk()?)))?
}
