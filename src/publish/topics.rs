//! Where the findings of one payload go: the topic for machines, and what people are told to theirs.

use futures_util::future;
use jiff::Timestamp;
use tokio::time::Instant;

use super::Delivered;
use super::batch::Message;
use super::sns::{PublishError, SnsTopic};
use crate::alert::{AlertPolicy, alerts};
use crate::aws::SdkConfig;
use crate::finding::Finding;

/// Where findings go, and what people are told of.
#[derive(Debug)]
pub struct Topics {
    findings: SnsTopic,
    alerts: Option<SnsTopic>,
    policy: AlertPolicy,
}

impl Topics {
    /// The topics with these ARNs; people are told what `policy` admits, if there is a topic for them.
    pub fn new(config: &SdkConfig, findings: String, alerts: Option<String>, policy: AlertPolicy) -> Self {
        let findings = SnsTopic::new(config, findings);
        let alerts = alerts.map(|topic| findings.beside(config, topic));
        Self { findings, alerts, policy }
    }

    /// Publishes all findings of one payload, and its alerts, to both topics at once: a topic that fails or hangs does not
    /// keep the other back. `now` is the creation time of the messages; what is not accepted at `deadline` has failed.
    pub async fn publish(
        &self,
        findings: &[Finding],
        now: Timestamp,
        deadline: Instant,
    ) -> (Delivered, Result<(), PublishError>) {
        let messages = findings.iter().map(|finding| Message::of(finding, now)).collect();
        let to_machines = self.findings.publish(messages, deadline);
        let to_people = async {
            let topic = self.alerts.as_ref()?;
            let alerts = alerts(findings, &self.policy);
            let messages = alerts.iter().map(|alert| Message::of_alert(alert, now)).collect();
            Some(topic.publish(messages, deadline).await)
        };
        let (findings, alerts) = future::join(to_machines, to_people).await;
        let deliveries = std::iter::once(findings).chain(alerts);
        let mut delivered = Delivered::default();
        let mut error: Option<PublishError> = None;
        for delivery in deliveries {
            delivered.published += delivery.accepted;
            delivered.retried += delivery.retried;
            if let Some(other) = delivery.error {
                delivered.failed += other.failed;
                // A retry helps if it helps one of them.
                let retryable = other.retryable || error.as_ref().is_some_and(|error| error.retryable);
                error = Some(PublishError { retryable, ..error.unwrap_or(other) });
            }
        }
        (delivered, error.map_or(Ok(()), Err))
    }
}
