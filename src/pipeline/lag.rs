//! The time between events and their evaluation.

use jiff::Timestamp;

use crate::event::timestamp;

/// The longest lag of a run.
#[derive(Debug)]
pub(super) struct Lag {
    /// When the run began.
    pub(super) now: Timestamp,
    longest: Option<u64>,
    /// The earliest time so far as CloudTrail writes it. A later one need not be parsed.
    earliest: Option<String>,
}

/// Length of a time as CloudTrail writes it, `2023-07-10T12:00:00Z`: such times sort as strings do.
const LENGTH: usize = 20;

impl Lag {
    pub(super) fn now() -> Self {
        Self { now: Timestamp::now(), longest: None, earliest: None }
    }

    /// The longest lag in milliseconds, if some record contained a time.
    pub(super) fn longest(&self) -> Option<u64> {
        self.longest
    }

    /// Adds the `eventTime` of a record.
    pub(super) fn of_text(&mut self, text: &str) {
        let is_standard = text.len() == LENGTH && text.ends_with('Z');
        if is_standard && self.earliest.as_deref().is_some_and(|earliest| text >= earliest) {
            return;
        }
        let Some(time) = timestamp(text) else { return };
        if is_standard {
            self.earliest = Some(text.to_owned());
        }
        let lag = u64::try_from(self.now.as_millisecond().saturating_sub(time.as_millisecond())).ok();
        self.longest = self.longest.max(lag);
    }
}
