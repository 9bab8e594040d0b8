//! How long after they happened records are evaluated.

use std::cell::{Cell, RefCell};

use jiff::Timestamp;

use crate::event::timestamp;

/// The longest lag of a run.
#[derive(Debug)]
pub(super) struct Lag {
    /// When the run began.
    pub(super) now: Timestamp,
    longest: Cell<Option<u64>>,
    /// The earliest time that was read as CloudTrail writes it; a later one need not be read.
    earliest: RefCell<String>,
}

impl Lag {
    pub(super) fn now() -> Self {
        Self { now: Timestamp::now(), longest: Cell::new(None), earliest: RefCell::default() }
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
    pub(super) fn of_text(&self, text: &str) {
        let is_usual = is_usual(text);
        let mut earliest = self.earliest.borrow_mut();
        if is_usual && !earliest.is_empty() && text >= earliest.as_str() {
            return;
        }
        let time = timestamp(text);
        if is_usual && time.is_some() {
            earliest.clear();
            earliest.push_str(text);
        }
        self.of(time);
    }
}

/// Whether it is written as CloudTrail does, `2023-07-10T12:00:00Z`, so that times compare as their texts do.
fn is_usual(text: &str) -> bool {
    matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'Z'])
}
