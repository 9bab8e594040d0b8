//! The limit on the work of one rule on one record.
//!
//! Work is counted, not timed, so that the result is the same on every machine. Each rule has its own budget, so that its
//! result does not depend on other rules.

use std::cell::Cell;

/// Maximum work of one rule on one record, in bytes compared times the weight of the pattern.
pub(in crate::rules) const MAX_WORK: u64 = 16_000_000;

/// The work that a rule may still do.
#[derive(Debug)]
pub(in crate::rules) struct Budget {
    remaining: Cell<u64>,
    is_exceeded: Cell<bool>,
}

impl Budget {
    /// A full budget.
    pub(in crate::rules) fn new() -> Self {
        Self { remaining: Cell::new(MAX_WORK), is_exceeded: Cell::new(false) }
    }

    /// Restores the full budget.
    pub(super) fn reset(&self) {
        self.remaining.set(MAX_WORK);
        self.is_exceeded.set(false);
    }

    /// Spends `work`. Returns false if the budget is exceeded, now or before.
    pub(super) fn spend(&self, work: u64) -> bool {
        match self.remaining.get().checked_sub(work) {
            Some(remaining) if !self.is_exceeded.get() => self.remaining.set(remaining),
            _ => self.is_exceeded.set(true),
        }
        !self.is_exceeded.get()
    }

    /// Whether the budget was exceeded since the last reset.
    pub(super) fn is_exceeded(&self) -> bool {
        self.is_exceeded.get()
    }
}
