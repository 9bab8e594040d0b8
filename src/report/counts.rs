//! Counts of findings.

use std::collections::BTreeMap;

use crate::finding::Severity;

/// Maximum number of distinct values.
const MAX_VALUES: usize = 10_000;

/// Number of findings by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeverityCounts([u64; 5]);

impl SeverityCounts {
    /// All severities, the highest first.
    pub const SEVERITIES: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Informational];

    /// Counts one finding.
    pub fn add(&mut self, severity: Severity) {
        if let Some(count) = self.0.get_mut(usize::from(severity.id()) - 1) {
            *count += 1;
        }
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// Returns the number of findings of this severity.
    pub fn get(&self, severity: Severity) -> u64 {
        self.0.get(usize::from(severity.id()) - 1).copied().unwrap_or_default()
    }

    /// Returns the number of findings of this severity or a higher one.
    pub fn at_least(&self, severity: Severity) -> u64 {
        let included = Self::SEVERITIES.into_iter().filter(|included| *included >= severity);
        included.map(|included| self.get(included)).sum()
    }

    /// Returns the number of findings.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns each severity with its number of findings, the highest severity first.
    pub fn iter(&self) -> impl Iterator<Item = (Severity, u64)> + '_ {
        Self::SEVERITIES.into_iter().map(|severity| (severity, self.get(severity)))
    }
}

/// Number of findings by a value, such as the actor.
#[derive(Debug, Clone, Default)]
pub struct ValueCounts {
    counts: BTreeMap<String, u64>,
    unlisted: u64,
}

impl ValueCounts {
    /// Counts a finding with this value. Values after the first `MAX_VALUES` distinct ones are counted together.
    pub fn add(&mut self, value: &str) {
        if let Some(count) = self.counts.get_mut(value) {
            *count += 1;
        } else if self.counts.len() < MAX_VALUES {
            self.counts.insert(value.to_owned(), 1);
        } else {
            self.unlisted += 1;
        }
    }

    /// Returns the values with their numbers of findings, the most frequent first.
    pub fn by_frequency(&self) -> Vec<(&str, u64)> {
        let mut counts: Vec<(&str, u64)> = self.counts.iter().map(|(value, count)| (value.as_str(), *count)).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// Returns the number of findings whose values are beyond the maximum.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }
}
