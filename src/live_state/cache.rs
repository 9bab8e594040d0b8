//! Answers that are remembered for a while, since one sandbox sees many payloads about the same networks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::listing::Listing;
use super::question::{Answered, LiveState, Question};

/// What is opened and closed by the minute, and what hangs on it: rules of security groups, interfaces, instances.
const OF_WHAT_CHANGES_OFTEN: SignedDuration = SignedDuration::from_secs(15);
/// Roles with their policies.
const OF_ROLES: SignedDuration = SignedDuration::from_secs(60);
/// How a network is laid out: routes, gateways, network ACLs, subnets, VPCs, prefix lists, block public access.
const OF_NETWORKS: SignedDuration = SignedDuration::from_secs(120);
/// That there is no answer. Short, since a permission may be granted at any moment; but a permission that is missing
/// must not cost a call for each payload of a storm.
const OF_REFUSALS: SignedDuration = SignedDuration::from_secs(15);

/// How many answers are remembered. Those that end first are forgotten first.
const MOST_REMEMBERED: usize = 20_000;

/// Answers, each for as long as its topic allows.
pub struct Cache {
    kept: Mutex<HashMap<Question, Kept>>,
    /// The wall clock: the monotonic one may stand still while a sandbox is frozen between two invocations.
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    most: usize,
}

#[derive(Debug, Clone)]
struct Kept {
    answered: Answered,
    since: Timestamp,
    until: Timestamp,
}

impl Kept {
    /// A clock that was set back ends it too.
    fn counts(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Cache").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { kept: Mutex::default(), now: Box::new(Timestamp::now), most: MOST_REMEMBERED }
    }
}

/// A source of answers that is asked only for what is not remembered.
#[derive(Debug)]
pub struct Cached<'a, S> {
    cache: &'a Cache,
    source: S,
}

impl Cache {
    /// Remembers by a clock and a size of one's own.
    pub fn with(now: impl Fn() -> Timestamp + Send + Sync + 'static, most: usize) -> Self {
        Self { kept: Mutex::default(), now: Box::new(now), most }
    }

    /// The source, with what is remembered in front of it. The source may be made for one payload, such as one with a
    /// deadline; the cache outlives it.
    pub fn over<S: LiveState>(&self, source: S) -> Cached<'_, S> {
        Cached { cache: self, source }
    }

    /// How many answers are remembered, also those that no longer count.
    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of the questions, and the questions that are open.
    fn look_up(&self, questions: Vec<Question>) -> (Vec<Answered>, Vec<Question>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        let (mut known, mut open) = (Vec::new(), Vec::new());
        for question in questions {
            match kept.get(&question).filter(|kept| kept.counts(now)) {
                Some(kept) => known.push(kept.answered.clone()),
                None => open.push(question),
            }
        }
        (known, open)
    }

    fn remember(&self, answered: &[Answered]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (self.now)();
        for one in answered {
            // Want of time says nothing of the next payload, which has its own.
            if one.answer.as_ref().is_err_and(|refusal| refusal.is_want_of_time()) {
                continue;
            }
            let until = now.saturating_add(lifetime(one)).unwrap_or(now);
            kept.insert(one.question.clone(), Kept { answered: one.clone(), since: now, until });
        }
        if kept.len() > self.most {
            kept.retain(|_, kept| kept.counts(now));
        }
        if kept.len() > self.most {
            // Room for a quarter, so that this is not done for each answer.
            let stay = self.most - self.most / 4;
            let mut by_end: Vec<(Timestamp, Question)> =
                kept.iter().map(|(question, kept)| (kept.until, question.clone())).collect();
            by_end.sort_unstable();
            by_end.truncate(kept.len() - stay);
            for (_, question) in by_end {
                kept.remove(&question);
            }
        }
    }
}

/// For how long an answer counts.
fn lifetime(answered: &Answered) -> SignedDuration {
    match answered.question.topic.listing() {
        _ if answered.answer.is_err() => OF_REFUSALS,
        Listing::NetworkInterfaces | Listing::SecurityGroupRules | Listing::Instances => OF_WHAT_CHANGES_OFTEN,
        Listing::Roles => OF_ROLES,
        Listing::SecurityGroups
        | Listing::RouteTables
        | Listing::InternetGateways
        | Listing::NetworkAcls
        | Listing::Vpcs
        | Listing::Subnets
        | Listing::PrefixListEntries
        | Listing::BlockPublicAccess => OF_NETWORKS,
    }
}

impl<S: LiveState> LiveState for Cached<'_, S> {
    fn is_over(&self) -> bool {
        self.source.is_over()
    }

    async fn answer(&self, questions: Vec<Question>) -> Vec<Answered> {
        let (mut known, open) = self.cache.look_up(questions);
        if !open.is_empty() {
            let found = self.source.answer(open).await;
            self.cache.remember(&found);
            known.extend(found);
        }
        known
    }
}

#[cfg(test)]
mod tests;
