//! Groups queries that share a call.

use std::collections::BTreeMap;

use crate::live_state::kind::{Batching, ResourceKind};
use crate::live_state::query::{AccountRegion, Query, QueryFilter};
use crate::live_state::session::ReadSelection;

/// Maximum number of values of an EC2 filter.
const MAX_FILTER_VALUES: usize = 200;
/// Maximum number of queries that filters select. With more, the whole list of the Region is read: so many ids are a large part
/// of what a Region can contain, and the account's request rate is limited.
const MAX_FILTERED_QUERIES: usize = 1_000;

/// Queries that one request resolves, on any number of pages.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) scope: AccountRegion,
    pub(super) kind: &'static ResourceKind,
    pub(super) selection: ReadSelection,
    pub(super) queries: Vec<Query>,
}

/// Groups queries. Returns invalid queries with the reason.
pub(super) fn batches(queries: Vec<Query>) -> (Vec<Batch>, Vec<(Query, String)>) {
    let mut lists: BTreeMap<(AccountRegion, &str), Vec<(Query, QueryFilter)>> = BTreeMap::new();
    let mut invalid = Vec::new();
    for query in queries {
        match filter(&query) {
            Ok(filter) => {
                let list = (query.scope.clone(), query.kind.resource().name());
                lists.entry(list).or_default().push((query, filter));
            }
            Err(reason) => invalid.push((query, reason)),
        }
    }
    let mut batches = Vec::new();
    for ((scope, _), queries) in lists {
        let Some(kind) = queries.first().map(|(query, _)| query.kind.resource()) else { continue };
        let mut add = |selection, queries| batches.push(Batch { scope: scope.clone(), kind, selection, queries });
        let all = |queries: Vec<(Query, QueryFilter)>| queries.into_iter().map(|(query, _)| query).collect();
        match kind.batching {
            Batching::Id => {
                queries.into_iter().for_each(|(query, _)| add(ReadSelection::Id(query.id.clone()), vec![query]));
            }
            Batching::All => add(ReadSelection::All, all(queries)),
            Batching::Filter if queries.len() > MAX_FILTERED_QUERIES => add(ReadSelection::All, all(queries)),
            Batching::Filter => {
                let mut by_filter: BTreeMap<&str, Vec<(Query, String)>> = BTreeMap::new();
                for (query, (name, value)) in queries {
                    by_filter.entry(name).or_default().push((query, value));
                }
                for (name, queries) in by_filter {
                    for chunk in chunks(queries) {
                        let (queries, values) = chunk.into_iter().unzip();
                        add(ReadSelection::Filter(name, values), queries);
                    }
                }
            }
        }
    }
    (batches, invalid)
}

fn chunks<T>(mut all: Vec<T>) -> Vec<Vec<T>> {
    let mut chunks = Vec::new();
    while !all.is_empty() {
        let rest = all.split_off(all.len().min(MAX_FILTER_VALUES));
        chunks.push(std::mem::replace(&mut all, rest));
    }
    chunks
}

fn filter(query: &Query) -> Result<QueryFilter, String> {
    let AccountRegion { account, region } = &query.scope;
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{account} is not an account id"));
    }
    if !is_region(region) {
        return Err(format!("{region} is not a region"));
    }
    query.kind.filter(&query.id)
}

/// Whether a string has the form of a Region. It becomes part of the host name of requests, so any other string could direct
/// them elsewhere.
pub fn is_region(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=32).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') && !text.ends_with('-')
}
