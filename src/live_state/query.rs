//! Queries about resources of an account.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};

use jiff::Timestamp;

use super::kind::{Resource, ResourceKind};
use super::response::{Response, Unavailable};
use crate::event::Event;

/// An account and a Region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountRegion {
    /// Account id.
    pub account: String,
    /// Region of the event, also for IAM, which is global.
    pub region: String,
}

impl AccountRegion {
    /// The account and Region of an event.
    pub fn of(event: &Event<'_>) -> Self {
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self { account: owned(event.account()), region: owned(event.region()) }
    }
}

/// A filter of an EC2 Describe call: its name and the value that selects the resources of an id.
pub type QueryFilter = (&'static str, String);

/// A kind of query: selects resources of type `T` by an id, such as network interfaces by their VPC.
pub struct QueryKind<T: 'static> {
    /// Name, unique among the query kinds of a resource kind.
    pub name: &'static str,
    /// The filter for an id, or the reason why the id is invalid. One malformed id makes EC2 reject the whole call, so it is
    /// never sent.
    pub filter: fn(&str) -> Result<QueryFilter, String>,
    /// The key of an id.
    pub key: fn(&str) -> Cow<'_, str>,
    /// The keys that select a resource. `None` if every resource of a response belongs to the id.
    pub keys: Option<fn(&T) -> Vec<&str>>,
}

impl<T> QueryKind<T> {
    /// A query kind whose ids are also the keys.
    pub const fn new(
        name: &'static str,
        filter: fn(&str) -> Result<QueryFilter, String>,
        keys: Option<fn(&T) -> Vec<&str>>,
    ) -> Self {
        Self { name, filter, key: |id| Cow::Borrowed(id), keys }
    }
}

impl<T> fmt::Debug for QueryKind<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "by {}", self.name)
    }
}

impl<T> PartialEq for QueryKind<T> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl<T> Eq for QueryKind<T> {}

impl<T> PartialOrd for QueryKind<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for QueryKind<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name)
    }
}

/// The filter `name` for an EC2 resource id such as `vpc-0123456789abcdef0`.
///
/// # Errors
/// If `id` is not an id with this prefix.
pub fn id_filter(name: &'static str, prefix: &str, id: &str) -> Result<QueryFilter, String> {
    let is_id = id.strip_prefix(prefix).is_some_and(|rest| {
        (8..=32).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    if is_id {
        Ok((name, id.to_owned()))
    } else {
        Err(format!("{id} is not an id of the form {prefix}0123456789abcdef0"))
    }
}

/// A query kind of any resource kind.
#[derive(Clone, Copy)]
pub struct AnyQueryKind(&'static dyn Selects);

trait Selects: Sync {
    fn resource(&self) -> &'static ResourceKind;
    fn name(&self) -> &'static str;
    fn filter(&self, id: &str) -> Result<QueryFilter, String>;
    fn select(&self, ids: &[&str], all: &Response) -> Vec<Response>;
}

impl<T: Resource> Selects for QueryKind<T> {
    fn resource(&self) -> &'static ResourceKind {
        T::KIND
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn filter(&self, id: &str) -> Result<QueryFilter, String> {
        (self.filter)(id)
    }

    /// Makes one pass over the list for any number of ids.
    fn select(&self, ids: &[&str], all: &Response) -> Vec<Response> {
        let (Some(keys), Some(resources)) = (self.keys, all.resources::<T>()) else {
            return ids.iter().map(|_| all.clone()).collect();
        };
        let mut by_key: HashMap<&str, Vec<&T>> = HashMap::new();
        for resource in resources {
            let mut keys = keys(resource);
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                by_key.entry(key).or_default().push(resource);
            }
        }
        let selected = ids.iter().map(|id| by_key.get(&*(self.key)(id)).map_or(&[][..], Vec::as_slice));
        selected.map(|resources| Response::new(resources.iter().map(|&resource| resource.clone()).collect())).collect()
    }
}

impl<T: Resource> From<&'static QueryKind<T>> for AnyQueryKind {
    fn from(kind: &'static QueryKind<T>) -> Self {
        Self(kind)
    }
}

impl AnyQueryKind {
    /// The kind of resource that is selected.
    pub fn resource(self) -> &'static ResourceKind {
        self.0.resource()
    }

    /// The filter for an id.
    ///
    /// # Errors
    /// If the id is invalid.
    pub fn filter(self, id: &str) -> Result<QueryFilter, String> {
        self.0.filter(id)
    }

    /// For each id, the resources that it selects from a list, in the order of the ids.
    pub fn select(self, ids: &[&str], all: &Response) -> Vec<Response> {
        self.0.select(ids, all)
    }

    fn identity(self) -> (&'static str, &'static str) {
        (self.resource().name(), self.0.name())
    }
}

impl fmt::Debug for AnyQueryKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, name) = self.identity();
        write!(formatter, "{resource} by {name}")
    }
}

impl PartialEq for AnyQueryKind {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for AnyQueryKind {}

impl PartialOrd for AnyQueryKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AnyQueryKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for AnyQueryKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Query {
    /// Account and Region to read.
    pub scope: AccountRegion,
    /// The kind of query.
    pub kind: AnyQueryKind,
    /// The id. Empty for a resource that exists once per Region.
    pub id: String,
}

/// A query with its result.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The query.
    pub query: Query,
    /// The response, or the reason why there is none.
    pub response: Result<Response, Unavailable>,
    /// The time at which the response was read, if known.
    pub checked_at: Option<Timestamp>,
}

/// A source of live state: AWS, a snapshot, or a cache.
pub trait LiveState {
    /// Whether the time for reading and for evaluating responses is over.
    fn is_over(&self) -> bool {
        false
    }

    /// Resolves queries without repeats. A query that is missing from the result counts as unavailable.
    fn resolve(&self, queries: Vec<Query>) -> impl Future<Output = Vec<Resolved>>;
}

/// Resolves each query from one list.
pub(super) fn share(queries: Vec<Query>, all: &Response, checked_at: Option<Timestamp>) -> Vec<Resolved> {
    let mut by_kind: HashMap<AnyQueryKind, Vec<Query>> = HashMap::new();
    for query in queries {
        by_kind.entry(query.kind).or_default().push(query);
    }
    let mut resolved = Vec::new();
    for (kind, queries) in by_kind {
        let ids: Vec<&str> = queries.iter().map(|query| query.id.as_str()).collect();
        let responses = kind.select(&ids, all);
        let pairs = queries.into_iter().zip(responses);
        resolved.extend(pairs.map(|(query, response)| Resolved { query, response: Ok(response), checked_at }));
    }
    resolved
}
