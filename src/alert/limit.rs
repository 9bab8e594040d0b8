//! A limit on alerts, so that a caller cannot bury one alert under hundreds of others.
//!
//! Of one rule, severity, account and caller at most [`MAX_ALERTS`] alerts are published in [`PERIOD`]. Later findings wait and
//! become one alert that lists all of them, a digest, with the first delivery after the period. The counts and the waiting
//! findings are in the memory of one execution environment: each environment counts for itself, and findings that wait when
//! Lambda ends it are on the findings topic alone.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Alert, AlertPolicy, is_same};
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

/// Rule, severity, status, account and caller. All sessions of a role are one caller. Any other caller is identified by its ARN.
type Key = (String, u8, &'static str, String, String);

#[derive(Debug)]
struct Group {
    began: Timestamp,
    published: usize,
    waiting: Vec<Arc<Finding>>,
}

/// Findings that make one alert. Never empty.
#[derive(Debug, Clone)]
pub struct AlertGroup {
    findings: Vec<Arc<Finding>>,
    is_digest: bool,
}

impl AlertGroup {
    /// The alert. `None` for no findings.
    pub fn alert(&self) -> Option<Alert<'_>> {
        let (lead, more) = self.findings.split_first()?;
        Some(Alert { lead, more: more.iter().map(AsRef::as_ref).collect() })
    }
}

fn key(finding: &Finding) -> Key {
    let actor = &finding.actor;
    let caller = actor.session_issuer.as_ref().or(actor.arn.as_ref()).unwrap_or(&actor.name);
    let (rule, severity) = (finding.rule.name.clone(), finding.severity().id());
    (rule, severity, finding.status.code(), finding.origin.account.clone(), caller.clone())
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
        let mut alerts = self.ended(now);
        let mut together: Vec<Vec<Arc<Finding>>> = Vec::new();
        for finding in findings.into_iter().filter(|one| policy.admits(one)) {
            let is_like = |group: &&mut Vec<Arc<Finding>>| group.first().is_some_and(|first| is_same(first, &finding));
            match together.iter_mut().find(is_like) {
                Some(group) => group.push(finding),
                None => together.push(vec![finding]),
            }
        }
        for findings in together {
            let Some(key) = findings.first().map(|first| key(first)) else { continue };
            self.make_room();
            let group =
                self.groups.entry(key).or_insert_with(|| Group { began: now, published: 0, waiting: Vec::new() });
            if group.published < MAX_ALERTS {
                group.published += 1;
                alerts.push(AlertGroup { findings, is_digest: false });
                continue;
            }
            self.waiting += findings.len();
            group.waiting.extend(findings);
            if self.waiting > MAX_WAITING {
                self.waiting = self.waiting.saturating_sub(group.waiting.len());
                alerts.push(AlertGroup { findings: mem::take(&mut group.waiting), is_digest: true });
            }
        }
        alerts
    }

    /// Lets digests that could not be published wait again.
    pub fn put_back(&mut self, alerts: Vec<AlertGroup>, now: Timestamp) {
        for AlertGroup { findings, .. } in alerts.into_iter().filter(|alert| alert.is_digest) {
            let Some(key) = findings.first().map(|first| key(first)) else { continue };
            self.waiting += findings.len();
            let group =
                self.groups.entry(key).or_insert_with(|| Group { began: now, published: 0, waiting: Vec::new() });
            group.waiting.extend(findings);
        }
    }

    /// Forgets the groups whose period is over, and returns their digests.
    fn ended(&mut self, now: Timestamp) -> Vec<AlertGroup> {
        let is_over = |group: &Group| now.duration_since(group.began) >= PERIOD;
        let mut digests: Vec<Group> =
            self.groups.extract_if(|_, group| is_over(group)).map(|(_, group)| group).collect();
        digests.retain(|group| !group.waiting.is_empty());
        digests.sort_by_key(|group| group.began);
        let digests: Vec<AlertGroup> =
            digests.into_iter().map(|group| AlertGroup { findings: group.waiting, is_digest: true }).collect();
        let published: usize = digests.iter().map(|digest| digest.findings.len()).sum();
        self.waiting = self.waiting.saturating_sub(published);
        digests
    }

    fn make_room(&mut self) {
        if self.groups.len() >= MAX_GROUPS {
            self.groups.retain(|_, group| !group.waiting.is_empty());
        }
    }
}
