//! The actions of an alert: how destructive each is, and how often it was called.

use std::cmp::Reverse;
use std::fmt;

use crate::finding::Finding;
use crate::text::visible;

/// First words of actions that destroy, and of actions that disconnect or stop. The names are those of AWS operations.
const DESTROYS: [&str; 5] = ["Delete", "Terminate", "Deregister", "Purge", "Deprovision"];
const DISCONNECTS: [&str; 10] =
    ["Detach", "Disassociate", "Disable", "Stop", "Release", "Reject", "Remove", "Revoke", "Unassign", "Reset"];

/// How destructive an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Impact {
    Other,
    Disconnects,
    Destroys,
}

impl Impact {
    pub(super) fn of(operation: &str) -> Self {
        let begins = |words: &[&str]| words.iter().any(|word| operation.starts_with(word));
        if begins(&DESTROYS) {
            Self::Destroys
        } else if begins(&DISCONNECTS) {
            Self::Disconnects
        } else {
            Self::Other
        }
    }
}

/// An action and how often it was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionCount {
    /// The name of the action, such as `DeleteVpc`. Safe to show.
    pub action: String,
    /// The number of calls.
    pub count: usize,
}

impl fmt::Display for ActionCount {
    /// Writes `29 × DeleteVpc`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} × {}", self.count, self.action)
    }
}

/// Each action of the findings with its count: the most destructive first, then the most frequent.
pub(super) fn counted<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<ActionCount> {
    let mut counts: Vec<ActionCount> = Vec::new();
    for finding in findings {
        let action = visible(&finding.call.operation);
        match counts.iter_mut().find(|known| known.action == action) {
            Some(known) => known.count += 1,
            None => counts.push(ActionCount { action: action.into_owned(), count: 1 }),
        }
    }
    counts.sort_by_cached_key(|one| (Reverse(Impact::of(&one.action)), Reverse(one.count), one.action.clone()));
    counts
}
