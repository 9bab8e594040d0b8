//! Metrics of the remediator as one log line for each invocation, in CloudWatch's embedded metric format.

use jiff::Timestamp;
use serde_json::Value;

use super::engine::{Disposition, Retry};
use super::record::ActionStatus;
use crate::metrics::embedded;

/// What became of the messages of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    received: u64,
    rejected: u64,
    retried: u64,
    left_alone: u64,
    planned: u64,
    awaiting: u64,
    done: u64,
    nothing_to_do: u64,
    refused: u64,
    failed: u64,
}

impl Counts {
    /// Counts a message that is no finding.
    pub fn reject(&mut self) {
        self.received += 1;
        self.rejected += 1;
    }

    /// Counts the result of handling a finding or an answer.
    pub fn add(&mut self, result: &Result<Disposition, Retry>) {
        self.received += 1;
        let count = match result {
            Err(_) => &mut self.retried,
            Ok(Disposition::LeftAlone(_)) => &mut self.left_alone,
            Ok(Disposition::Recorded(status, _)) => match status {
                ActionStatus::Planned => &mut self.planned,
                ActionStatus::AwaitingApproval => &mut self.awaiting,
                ActionStatus::Done => &mut self.done,
                ActionStatus::NothingToDo => &mut self.nothing_to_do,
                ActionStatus::Refused | ActionStatus::Undone => &mut self.refused,
                ActionStatus::Failed => &mut self.failed,
                ActionStatus::Started | ActionStatus::Undoing => &mut self.retried,
            },
        };
        *count += 1;
    }

    /// Returns the log line of an invocation that ends at `now`.
    pub fn line(&self, request_id: &str, now: Timestamp) -> String {
        let metrics = [
            ("RemediationMessages", self.received),
            ("RemediationMessagesRejected", self.rejected),
            ("RemediationMessagesRetried", self.retried),
            ("RemediationLeftAlone", self.left_alone),
            ("RemediationPlanned", self.planned),
            ("RemediationApprovalsRequested", self.awaiting),
            ("RemediationDone", self.done),
            ("RemediationNothingToDo", self.nothing_to_do),
            ("RemediationRefused", self.refused),
            ("RemediationFailed", self.failed),
        ];
        let metrics = metrics.into_iter().map(|(name, count)| (name, "Count", Value::from(count))).collect();
        embedded("remediated", request_id, &[], metrics, now)
    }
}
