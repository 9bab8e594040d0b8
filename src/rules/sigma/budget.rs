//! The work that one rule may do for one record.
//!
//! Work is counted, not timed, so that a record has the same result on every machine. Each rule has the budget for itself, so
//! that its result does not depend on the other rules.

use std::cell::Cell;

/// Maximum work of one rule for one record: bytes of text times the weight of the patterns that they are compared with.
pub(in crate::rules) const MAX_WORK: u64 = 16_000_000;

/// The work that is left.
#[derive(Debug)]
pub(in crate::rules) struct Budget {
    left: Cell<u64>,
    is_exceeded: Cell<bool>,
}

impl Budget {
    /// A full budget.
    pub(in crate::rules) fn new() -> Self {
        Self { left: Cell::new(MAX_WORK), is_exceeded: Cell::new(false) }
    }

    /// Starts again with the full budget.
    pub(super) fn reset(&self) {
        self.left.set(MAX_WORK);
        self.is_exceeded.set(false);
    }

    /// Whether `work` is within the budget, from which it is taken. Once it is not, no work is.
    pub(super) fn admits(&self, work: u64) -> bool {
        match self.left.get().checked_sub(work) {
            Some(left) if !self.is_exceeded.get() => self.left.set(left),
            _ => self.is_exceeded.set(true),
        }
        !self.is_exceeded.get()
    }

    /// Whether a rule exceeded it since the last start.
    pub(super) fn is_exceeded(&self) -> bool {
        self.is_exceeded.get()
    }
}
