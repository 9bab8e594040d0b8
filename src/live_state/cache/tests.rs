use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::live_state::query::{AccountRegion, AnyQueryKind};
use crate::live_state::resources::block_public_access::BlockPublicAccess;
use crate::live_state::resources::instance::Instance;
use crate::live_state::resources::network_acl::NetworkAcl;
use crate::live_state::resources::network_interface::NetworkInterface;
use crate::live_state::resources::prefix_list::PrefixListEntry;
use crate::live_state::resources::role::Role;
use crate::live_state::resources::route_table::RouteTable;
use crate::live_state::resources::security_group_rule::SecurityGroupRule;
use crate::live_state::resources::vpc::Vpc;
use crate::live_state::response::Response;
use pollster::block_on;

/// A clock that stops until it is set, in seconds.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn cache(&self, max: usize) -> Cache {
        let clock = self.clone();
        Cache::with(move || Timestamp::from_second(clock.0.load(Ordering::Relaxed)).unwrap(), max)
    }
}

/// Resolves everything with an empty list or an error, and records the queries.
#[derive(Default)]
struct Source {
    received: RefCell<Vec<Query>>,
    error: Option<Unavailable>,
}

impl LiveState for &Source {
    async fn resolve(&self, queries: Vec<Query>) -> Vec<Resolved> {
        self.received.borrow_mut().extend(queries.clone());
        let response = self.error.clone().map_or(Ok(Response::new::<Vpc>(Vec::new())), Err);
        let all = queries.into_iter().map(|query| Resolved { query, response: response.clone(), checked_at: None });
        all.collect()
    }
}

fn query(kind: impl Into<AnyQueryKind>, id: &str) -> Query {
    let scope = AccountRegion { account: "111122223333".to_owned(), region: "eu-west-1".to_owned() };
    Query { scope, kind: kind.into(), id: id.to_owned() }
}

/// The number of queries to the source when the same query comes each second.
fn calls(kind: impl Into<AnyQueryKind>, error: Option<Unavailable>, seconds: i64) -> usize {
    let kind = kind.into();
    let (clock, source) = (Clock::default(), Source { error, ..Source::default() });
    let cache = clock.cache(10);
    for second in 0..seconds {
        clock.set(second);
        assert_eq!(block_on(cache.over(&source).resolve(vec![query(kind, "x")])).len(), 1);
    }
    source.received.take().len()
}

#[test]
fn responses_are_cached_for_the_lifetime_of_their_kind() {
    let lifetimes: [(AnyQueryKind, i64); 8] = [
        (SecurityGroupRule::BY_GROUP.into(), 15),
        (NetworkInterface::BY_GROUP.into(), 15),
        (Instance::BY_ID.into(), 15),
        (Role::BY_NAME.into(), 60),
        (RouteTable::BY_VPC.into(), 120),
        (NetworkAcl::BY_VPC.into(), 120),
        (BlockPublicAccess::OF_REGION.into(), 120),
        (PrefixListEntry::BY_LIST.into(), 120),
    ];
    for (kind, seconds) in lifetimes {
        assert_eq!(calls(kind, None, seconds), 1, "{kind:?}");
        assert_eq!(calls(kind, None, seconds + 1), 2, "{kind:?}");
    }
}

#[test]
fn errors_are_cached_shortly_and_a_passed_deadline_not_at_all() {
    let denied = Unavailable("ec2:DescribeRouteTables: UnauthorizedOperation".to_owned());
    assert_eq!(calls(RouteTable::BY_VPC, Some(denied.clone()), 15), 1);
    assert_eq!(calls(RouteTable::BY_VPC, Some(denied), 16), 2);
    let late = Unavailable::past_deadline("ec2:DescribeRouteTables");
    assert_eq!(calls(RouteTable::BY_VPC, Some(late), 3), 3);
}

#[test]
fn only_uncached_queries_are_resolved() {
    let (clock, source) = (Clock::default(), Source::default());
    let cache = clock.cache(10);
    let (one, two) = (query(Vpc::BY_ID, "vpc-1"), query(Vpc::BY_ID, "vpc-2"));
    block_on(cache.over(&source).resolve(vec![one.clone()]));
    let resolved = block_on(cache.over(&source).resolve(vec![two.clone(), one.clone()]));
    assert_eq!(resolved.len(), 2);
    assert_eq!(source.received.take(), [one, two]);
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_last_longer() {
    let (clock, source) = (Clock::default(), Source::default());
    let cache = clock.cache(10);
    for second in [10_000, 9_000, 9_001] {
        clock.set(second);
        block_on(cache.over(&source).resolve(vec![query(Vpc::BY_ID, "vpc-1")]));
    }
    assert_eq!(source.received.take().len(), 2);
}

#[test]
fn the_entries_that_expire_first_are_evicted_first() {
    let (clock, source) = (Clock::default(), Source::default());
    let cache = clock.cache(8);
    let short: Vec<Query> = (0..6).map(|id| query(SecurityGroupRule::BY_GROUP, &id.to_string())).collect();
    let long: Vec<Query> = (0..6).map(|id| query(Vpc::BY_ID, &id.to_string())).collect();
    block_on(cache.over(&source).resolve(short));
    block_on(cache.over(&source).resolve(long.clone()));
    assert_eq!(cache.len(), 6);
    source.received.take();
    block_on(cache.over(&source).resolve(long));
    assert_eq!(source.received.take(), []);
}
