//! Counts the findings of a run by rule, actor, account, Region, address, time and problem.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{ProblemDetail, Problems, SeverityCounts, Timeline, ValueCounts};
use crate::finding::{Finding, RuleInfo, Status};
use crate::text::{MAX_IN_SENTENCE, visible, visible_at_most};

/// The counts of findings. Suppressed findings are counted separately, and only by problem.
#[derive(Debug, Default)]
pub struct Summary {
    /// Findings that are not suppressed.
    pub severities: SeverityCounts,
    /// Findings whose status is Warning.
    pub warnings: u64,
    /// Suppressed findings.
    pub suppressed: u64,
    /// Findings by rule.
    pub rules: ValueCounts,
    /// Findings by actor.
    pub actors: ValueCounts,
    /// Findings by account.
    pub accounts: ValueCounts,
    /// Findings by Region.
    pub regions: ValueCounts,
    /// Findings by source address.
    pub addresses: ValueCounts,
    /// Findings over time.
    pub timeline: Timeline,
    /// Findings, suppressed ones among them, by problem.
    pub problems: Problems,
    /// The rules with findings, including suppressed ones.
    pub matched_rules: BTreeMap<String, Arc<RuleInfo>>,
    /// Time of the earliest event.
    pub first_seen: Option<Timestamp>,
    /// Time of the latest event.
    pub last_seen: Option<Timestamp>,
}

impl Summary {
    /// An empty summary that stores `details` of each problem.
    pub fn new(details: ProblemDetail) -> Self {
        Self { problems: Problems::new(details), ..Self::default() }
    }

    /// Returns the number of findings that are not suppressed.
    pub fn findings(&self) -> u64 {
        self.severities.total()
    }

    /// Whether there are no findings, not even suppressed ones.
    pub fn is_empty(&self) -> bool {
        self.findings() + self.suppressed == 0
    }

    /// Counts a finding.
    pub fn add(&mut self, finding: Box<Finding>) {
        let rule = &finding.rule;
        if !self.matched_rules.contains_key(&rule.name) {
            self.matched_rules.insert(rule.name.clone(), Arc::clone(rule));
        }
        if finding.suppression.is_some() {
            self.suppressed += 1;
        } else {
            let severity = finding.severity();
            let time = finding.origin.time;
            self.severities.add(severity);
            self.warnings += u64::from(finding.status == Status::Warning);
            self.rules.add(&visible(&rule.name));
            self.actors.add(&visible_at_most(&finding.actor.name, MAX_IN_SENTENCE));
            self.accounts.add(&finding.account());
            self.regions.add(&visible(&finding.origin.region));
            let address = finding.call.source_address.as_deref().unwrap_or("unknown");
            self.addresses.add(&visible_at_most(address, MAX_IN_SENTENCE));
            self.timeline.add(time, severity);
            self.first_seen = self.first_seen.into_iter().chain(time).min();
            self.last_seen = self.last_seen.max(time);
        }
        self.problems.add(finding);
    }
}
