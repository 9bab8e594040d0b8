//! A limit on alerts for deployments without a state table, so that a caller cannot bury one alert under hundreds of others.
//!
//! Of one rule, severity, account and caller at most [`MAX_ALERTS`] alerts are published in [`PERIOD`]. Later findings wait and
//! become one alert that lists all of them, a digest, with the first delivery after the period. The counts and the waiting
//! findings are in the memory of one execution environment: each environment counts for itself, and findings that wait when
//! Lambda ends it are on the findings topic alone.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::group::Key;
use super::{AlertGroup, AlertPolicy, groups};
use crate::finding::Finding;

/// Maximum number of alerts of one rule, severity, account and caller in a period.
pub const MAX_ALERTS: usize = 10;

/// The period, from the first alert.
pub const PERIOD: SignedDuration = SignedDuration::from_hours(1);

/// Maximum number of findings that wait. When it is reached, those of the group that reaches it are published as a digest.
const MAX_WAITING: usize = 250;

/// Maximum number of groups that are counted. When it is reached, groups without waiting findings are counted from zero.
const MAX_GROUPS: usize = 10_000;

/// The alerts of the last period, and findings that wait for its end.
#[derive(Debug, Default)]
pub struct AlertLimit {
    groups: HashMap<Key, Group>,
    waiting: usize,
}

#[derive(Debug)]
struct Group {
    began: Timestamp,
    published: usize,
    waiting: Vec<Arc<Finding>>,
}

impl AlertLimit {
    /// The alerts to publish at `now`: digests whose period is over, and those of the findings that `policy` admits, as far
    /// as the limit allows.
    pub fn admit(
        &mut self,
        findings: impl IntoIterator<Item = Arc<Finding>>,
        policy: &AlertPolicy,
        now: Timestamp,
    ) -> Vec<AlertGroup> {
        let mut alerts = self.ended(policy, now);
        for admitted in groups(findings, policy) {
            let Some(key) = admitted.findings().first().map(|first| Key::of(first)) else { continue };
            self.make_room();
            let group =
                self.groups.entry(key).or_insert_with(|| Group { began: now, published: 0, waiting: Vec::new() });
            if group.published < MAX_ALERTS {
                group.published += 1;
                alerts.push(admitted);
                continue;
            }
            self.waiting += admitted.findings().len();
            group.waiting.extend(admitted.into_findings());
            if self.waiting > MAX_WAITING {
                self.waiting = self.waiting.saturating_sub(group.waiting.len());
                alerts.extend(digest(mem::take(&mut group.waiting), policy));
            }
        }
        alerts
    }

    /// Lets digests that could not be published wait again.
    pub fn put_back(&mut self, alerts: Vec<AlertGroup>, now: Timestamp) {
        for alert in alerts.into_iter().filter(AlertGroup::is_digest) {
            let findings = alert.into_findings();
            let Some(key) = findings.first().map(|first| Key::of(first)) else { continue };
            self.waiting += findings.len();
            let group =
                self.groups.entry(key).or_insert_with(|| Group { began: now, published: 0, waiting: Vec::new() });
            group.waiting.extend(findings);
        }
    }

    /// Forgets the groups whose period is over, and returns their digests.
    fn ended(&mut self, policy: &AlertPolicy, now: Timestamp) -> Vec<AlertGroup> {
        let is_over = |group: &Group| now.duration_since(group.began) >= PERIOD;
        let mut digests: Vec<Group> =
            self.groups.extract_if(|_, group| is_over(group)).map(|(_, group)| group).collect();
        digests.retain(|group| !group.waiting.is_empty());
        digests.sort_by_key(|group| group.began);
        let published: usize = digests.iter().map(|group| group.waiting.len()).sum();
        self.waiting = self.waiting.saturating_sub(published);
        digests.into_iter().filter_map(|group| digest(group.waiting, policy)).collect()
    }

    fn make_room(&mut self) {
        if self.groups.len() >= MAX_GROUPS {
            self.groups.retain(|_, group| !group.waiting.is_empty());
        }
    }
}

fn digest(findings: Vec<Arc<Finding>>, policy: &AlertPolicy) -> Option<AlertGroup> {
    AlertGroup::new(findings, policy).map(|group| group.into_digest(0))
}
