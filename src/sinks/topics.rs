//! Where the findings of one payload go: each to the findings topic as it arises, and alerts about them to the topic for
//! people.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::Delivered;
use super::batch::Message;
use super::sns::{Delivery, PublishError, SnsTopic};
use crate::alert::limit::{AlertGroup, AlertLimit};
use crate::alert::{AlertPolicy, alerts};
use crate::aws::SdkConfig;
use crate::finding::Finding;

/// Maximum number of findings that are made into messages at a time.
const MAX_AT_ONCE: usize = 100;

/// Where findings go, and which of them make alerts.
#[derive(Debug)]
pub struct Topics {
    findings: SnsTopic,
    alerts: Option<SnsTopic>,
    policy: AlertPolicy,
    /// The limit on alerts, which lasts as long as this.
    limit: Option<Mutex<AlertLimit>>,
}

impl Topics {
    /// The topics with these ARNs; findings that `policy` admits make alerts, if there is a topic for them.
    pub fn new(config: &SdkConfig, findings: String, alerts: Option<String>, policy: AlertPolicy) -> Self {
        let findings = SnsTopic::new(config, findings);
        let alerts = alerts.map(|topic| findings.beside(config, topic));
        Self { findings, alerts, policy, limit: None }
    }

    /// The same with a limit on alerts of one rule and caller. Findings beyond it wait in memory for a later payload.
    #[must_use]
    pub fn with_alert_limit(self) -> Self {
        Self { limit: Some(Mutex::default()), ..self }
    }

    /// Opens both topics for the findings of one payload. The future publishes what is put into the outbox until that is
    /// dropped. A topic that fails or hangs does not keep the other back. `now` is the creation time of the messages; what
    /// SNS has not accepted at `deadline` has failed.
    pub fn open(
        &self,
        now: Timestamp,
        deadline: Instant,
    ) -> (Outbox, impl Future<Output = (Delivered, Result<(), PublishError>)>) {
        let (findings, to_machines) = unbounded_channel();
        let (alerts, to_people) = unbounded_channel();
        let published = async move {
            let findings = self.publish_findings(to_machines, now, deadline);
            let alerts = self.publish_alerts(to_people, now, deadline);
            let (mut delivery, alerts) = future::join(findings, alerts).await;
            delivery.add(alerts);
            let delivered =
                Delivered { published: delivery.accepted, failed: delivery.failed(), retried: delivery.retried };
            (delivered, delivery.result())
        };
        (Outbox { findings, alerts, waiting: Vec::new() }, published)
    }

    /// Publishes findings that are all there.
    pub async fn publish(
        &self,
        findings: Vec<Finding>,
        now: Timestamp,
        deadline: Instant,
    ) -> (Delivered, Result<(), PublishError>) {
        let (mut outbox, published) = self.open(now, deadline);
        findings.into_iter().for_each(|finding| outbox.put(Arc::new(finding)));
        drop(outbox);
        published.await
    }

    async fn publish_findings(
        &self,
        mut arriving: UnboundedReceiver<Arc<Finding>>,
        now: Timestamp,
        deadline: Instant,
    ) -> Delivery {
        let (mut delivery, mut findings) = (Delivery::default(), Vec::new());
        while arriving.recv_many(&mut findings, MAX_AT_ONCE).await > 0 {
            let messages = findings.drain(..).map(|finding| Message::of(&finding, now)).collect();
            delivery.add(self.findings.publish(messages, deadline).await);
        }
        delivery
    }

    async fn publish_alerts(
        &self,
        mut arriving: UnboundedReceiver<Vec<Arc<Finding>>>,
        now: Timestamp,
        deadline: Instant,
    ) -> Delivery {
        let mut delivery = Delivery::default();
        while let Some(findings) = arriving.recv().await {
            let Some(topic) = &self.alerts else { continue };
            if let Some(limit) = &self.limit {
                let limit = || limit.lock().unwrap_or_else(PoisonError::into_inner);
                let groups = limit().admit(findings, &self.policy, now);
                let alerts = groups.iter().filter_map(AlertGroup::alert);
                let messages = alerts.map(|alert| Message::of_alert(&alert, now)).collect();
                let published = topic.publish(messages, deadline).await;
                if published.failed() > 0 {
                    limit().put_back(groups, now);
                }
                delivery.add(published);
            } else {
                let alerts = alerts(findings.iter().map(AsRef::as_ref), &self.policy);
                let messages = alerts.iter().map(|alert| Message::of_alert(alert, now)).collect();
                delivery.add(topic.publish(messages, deadline).await);
            }
        }
        delivery
    }
}

/// Takes the findings of one payload in the order in which they arise.
#[derive(Debug)]
pub struct Outbox {
    findings: UnboundedSender<Arc<Finding>>,
    alerts: UnboundedSender<Vec<Arc<Finding>>>,
    /// Findings without an alert yet.
    waiting: Vec<Arc<Finding>>,
}

impl Outbox {
    /// Hands a finding to the findings topic at once. Its alert waits for findings it may be grouped with.
    pub fn put(&mut self, finding: Arc<Finding>) {
        // The receivers live as long as the future that publishes; without it nothing is published anyway.
        let _ = self.findings.send(Arc::clone(&finding));
        self.waiting.push(finding);
    }

    /// Publishes the alerts about all findings so far. Dropping the outbox does the same.
    pub fn alert(&mut self) {
        if !self.waiting.is_empty() {
            let _ = self.alerts.send(mem::take(&mut self.waiting));
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.alert();
    }
}
