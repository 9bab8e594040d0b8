//! Responses that were read, and queries that are still missing for a decision.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::kind::Resource;
use super::query::{AccountRegion, Query, QueryKind, Resolved};
use super::response::{Response, Unavailable};

/// All responses to the queries so far.
#[derive(Debug, Default)]
pub struct StateStore {
    entries: HashMap<Query, StoredResponse>,
}

#[derive(Debug)]
struct StoredResponse {
    response: Result<Response, Unavailable>,
    checked_at: Option<Timestamp>,
}

impl StateStore {
    /// Adds responses.
    pub fn insert(&mut self, resolved: Vec<Resolved>) {
        for Resolved { query, response, checked_at } in resolved {
            self.entries.insert(query, StoredResponse { response, checked_at });
        }
    }

    /// Marks `queries` without a response as unavailable, so that decisions do not wait for them.
    pub fn give_up(&mut self, queries: &BTreeSet<Query>) {
        for query in queries {
            let response = Err(Unavailable("there was no response".to_owned()));
            self.entries.entry(query.clone()).or_insert(StoredResponse { response, checked_at: None });
        }
    }
}

/// The reason why state is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The query was not resolved yet.
    Pending,
    /// The query failed. Contains the reason.
    Unavailable(String),
}

/// Reads the state of one account and Region from a store, and records the queries that are missing.
#[derive(Debug)]
pub struct Lookup<'s> {
    store: &'s StateStore,
    scope: AccountRegion,
    pending: RefCell<BTreeSet<Query>>,
    oldest: Cell<Option<Timestamp>>,
}

impl<'s> Lookup<'s> {
    /// A lookup in `scope`.
    pub fn new(store: &'s StateStore, scope: AccountRegion) -> Self {
        Self { store, scope, pending: RefCell::default(), oldest: Cell::default() }
    }

    /// The account of the scope.
    pub(super) fn account(&self) -> &str {
        &self.scope.account
    }

    /// The queries that are missing.
    pub fn into_pending(self) -> BTreeSet<Query> {
        self.pending.into_inner()
    }

    /// The time at which the oldest used response was read, if known.
    pub fn checked_at(&self) -> Option<Timestamp> {
        self.oldest.get()
    }

    /// The resources that an id selects.
    ///
    /// # Errors
    /// [`Missing`] if the query is pending or failed.
    pub fn get<T: Resource>(&self, kind: &'static QueryKind<T>, id: &str) -> Result<&'s [T], Missing> {
        let query = Query { scope: self.scope.clone(), kind: kind.into(), id: id.to_owned() };
        let Some(entry) = self.store.entries.get(&query) else {
            self.pending.borrow_mut().insert(query);
            return Err(Missing::Pending);
        };
        if let Some(at) = entry.checked_at {
            self.oldest.set(Some(self.oldest.get().map_or(at, |oldest| oldest.min(at))));
        }
        let response = entry.response.as_ref().map_err(|Unavailable(reason)| Missing::Unavailable(reason.clone()))?;
        response.resources().ok_or_else(|| Missing::Unavailable("the response has another type".to_owned()))
    }
}
