//! A cache of responses, because one sandbox sees many payloads about the same networks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::query::{LiveState, Query, Resolved};
use super::response::Unavailable;

/// How long an error is kept. A permission may be granted at any moment, but while it is missing, a burst of payloads must
/// not cost a call for each.
const UNAVAILABLE: SignedDuration = SignedDuration::from_secs(15);

/// Maximum number of entries. The entries that expire first are evicted first.
const MAX_ENTRIES: usize = 20_000;

/// Responses, each for the lifetime of its resource kind.
pub struct Cache {
    entries: Mutex<HashMap<Query, CacheEntry>>,
    /// The wall clock, because the monotonic clock may stop while a sandbox is frozen between two invocations.
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    max: usize,
}

#[derive(Debug, Clone)]
struct CacheEntry {
    resolved: Resolved,
    since: Timestamp,
    until: Timestamp,
}

impl CacheEntry {
    /// A clock that was set back expires it, too.
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cache").field("max", &self.max).finish_non_exhaustive()
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { entries: Mutex::default(), now: Box::new(Timestamp::now), max: MAX_ENTRIES }
    }
}

/// A source behind a cache.
#[derive(Debug)]
pub struct Cached<'a, S> {
    cache: &'a Cache,
    source: S,
}

impl Cache {
    /// A cache with this clock and maximum number of entries.
    pub fn with(now: impl Fn() -> Timestamp + Send + Sync + 'static, max: usize) -> Self {
        Self { entries: Mutex::default(), now: Box::new(now), max }
    }

    /// Puts the cache in front of a source. The source may be made for one payload, such as one with a deadline, and the cache
    /// outlives it.
    pub fn over<S: LiveState>(&self, source: S) -> Cached<'_, S> {
        Cached { cache: self, source }
    }

    /// The number of entries, including expired ones.
    pub fn len(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cached results, and the queries that have none.
    fn look_up(&self, queries: Vec<Query>) -> (Vec<Resolved>, Vec<Query>) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        let (mut cached, mut open) = (Vec::new(), Vec::new());
        for query in queries {
            match entries.get(&query).filter(|entry| entry.is_fresh(now)) {
                Some(entry) => cached.push(entry.resolved.clone()),
                None => open.push(query),
            }
        }
        (cached, open)
    }

    fn insert(&self, resolved: &[Resolved]) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        for one in resolved {
            // The next payload has a deadline of its own.
            if one.response.as_ref().is_err_and(Unavailable::is_past_deadline) {
                continue;
            }
            let until = now.saturating_add(lifetime(one)).unwrap_or(now);
            entries.insert(one.query.clone(), CacheEntry { resolved: one.clone(), since: now, until });
        }
        if entries.len() > self.max {
            entries.retain(|_, entry| entry.is_fresh(now));
        }
        if entries.len() > self.max {
            // Evicts a quarter, so that this is rare.
            let stay = self.max - self.max / 4;
            let mut by_end: Vec<(Timestamp, Query)> =
                entries.iter().map(|(query, entry)| (entry.until, query.clone())).collect();
            by_end.sort_unstable();
            by_end.truncate(entries.len() - stay);
            for (_, query) in by_end {
                entries.remove(&query);
            }
        }
    }
}

/// How long a response may be used.
fn lifetime(resolved: &Resolved) -> SignedDuration {
    if resolved.response.is_err() { UNAVAILABLE } else { resolved.query.kind.resource().lifetime }
}

impl<S: LiveState> LiveState for Cached<'_, S> {
    fn is_over(&self) -> bool {
        self.source.is_over()
    }

    async fn resolve(&self, queries: Vec<Query>) -> Vec<Resolved> {
        let (mut resolved, open) = self.cache.look_up(queries);
        if !open.is_empty() {
            let found = self.source.resolve(open).await;
            self.cache.insert(&found);
            resolved.extend(found);
        }
        resolved
    }
}

#[cfg(test)]
mod tests;
