//! A cache of responses, because one execution environment evaluates many payloads about the same networks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::query::{LiveState, Query, Resolved};
use super::response::Unavailable;

/// Lifetime of an error. A missing permission may be granted at any time, but until then, not every payload of a burst should
/// repeat the call.
const UNAVAILABLE: SignedDuration = SignedDuration::from_secs(15);

/// Maximum number of entries. The entries that expire first are evicted first.
const MAX_ENTRIES: usize = 20_000;

/// Responses, each for the lifetime of its resource kind.
pub struct Cache {
    entries: Mutex<HashMap<Query, CacheEntry>>,
    /// The wall clock, because the monotonic clock may stop while an environment is frozen between two invocations.
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
    /// Whether the entry has not expired. It also expires if the clock is set back.
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
    /// Creates a cache with a clock and a maximum number of entries.
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
        let (mut cached, mut uncached) = (Vec::new(), Vec::new());
        for query in queries {
            match entries.get(&query).filter(|entry| entry.is_fresh(now)) {
                Some(entry) => cached.push(entry.resolved.clone()),
                None => uncached.push(query),
            }
        }
        (cached, uncached)
    }

    fn insert(&self, resolved: &[Resolved]) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        for resolved in resolved {
            // The next payload has its own deadline.
            if resolved.response.as_ref().is_err_and(Unavailable::is_past_deadline) {
                continue;
            }
            let until = now.saturating_add(lifetime(resolved)).unwrap_or(now);
            entries.insert(resolved.query.clone(), CacheEntry { resolved: resolved.clone(), since: now, until });
        }
        if entries.len() > self.max {
            entries.retain(|_, entry| entry.is_fresh(now));
        }
        if entries.len() > self.max {
            // Evicts a quarter of the entries, so that evictions are rare.
            let remaining = self.max - self.max / 4;
            let mut by_end: Vec<(Timestamp, Query)> =
                entries.iter().map(|(query, entry)| (entry.until, query.clone())).collect();
            by_end.sort_unstable();
            by_end.truncate(entries.len() - remaining);
            for (_, query) in by_end {
                entries.remove(&query);
            }
        }
    }
}

/// The time for which a response may be used.
fn lifetime(resolved: &Resolved) -> SignedDuration {
    if resolved.response.is_err() { UNAVAILABLE } else { resolved.query.kind.resource().lifetime }
}

impl<S: LiveState> LiveState for Cached<'_, S> {
    fn is_over(&self) -> bool {
        self.source.is_over()
    }

    async fn resolve(&self, queries: Vec<Query>) -> Vec<Resolved> {
        let (mut resolved, uncached) = self.cache.look_up(queries);
        if !uncached.is_empty() {
            let new = self.source.resolve(uncached).await;
            self.cache.insert(&new);
            resolved.extend(new);
        }
        resolved
    }
}

#[cfg(test)]
mod tests;
