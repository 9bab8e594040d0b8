//! Ids of messages that a destination has accepted, so that a retry in the same environment sends only the others.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Maximum number of accepted messages that are remembered.
const MAX_REMEMBERED: usize = 20_000;

/// Ids of accepted messages, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct Accepted(Mutex<Ids>);

#[derive(Debug, Default)]
struct Ids {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Accepted {
    pub(super) fn remember(&self, uid: &str) {
        let mut accepted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted.ids.insert(uid.to_owned()) {
            accepted.order.push_back(uid.to_owned());
        }
        if accepted.order.len() > MAX_REMEMBERED
            && let Some(oldest) = accepted.order.pop_front()
        {
            accepted.ids.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, uid: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ids.contains(uid)
    }
}
