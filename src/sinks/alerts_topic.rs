//! The SNS topic for people: alerts, each of one finding or of several by one caller.

use std::sync::{Arc, Mutex, PoisonError};

use super::batch::Message;
use super::sns::SnsTopic;
use super::{Delivery, DeliveryFuture, Sink, Terms, Timing};
use crate::alert::limit::{AlertGroup, AlertLimit};
use crate::alert::{AlertPolicy, alerts};
use crate::finding::Finding;

/// Publishes alerts about the findings that its policy admits.
#[derive(Debug)]
pub struct AlertsTopic {
    topic: SnsTopic,
    policy: AlertPolicy,
    /// The limit on alerts, for as long as this sink exists.
    limit: Option<Mutex<AlertLimit>>,
}

impl AlertsTopic {
    /// A sink that publishes alerts to `topic`. With a limit, findings of one rule and caller beyond it wait in memory for a
    /// later payload.
    pub fn new(topic: SnsTopic, policy: AlertPolicy, is_limited: bool) -> Self {
        Self { topic, policy, limit: is_limited.then(Mutex::default) }
    }

    async fn deliver_limited(&self, limit: &Mutex<AlertLimit>, findings: &[Arc<Finding>], terms: Terms) -> Delivery {
        let limit = || limit.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = limit().admit(findings.iter().cloned(), &self.policy, terms.now);
        let alerts = groups.iter().filter_map(AlertGroup::alert);
        let messages = alerts.map(|alert| Message::of_alert(&alert, terms.now)).collect();
        let delivery = self.topic.publish(messages, terms.deadline).await;
        if !delivery.failures.is_empty() {
            limit().put_back(groups, terms.now);
        }
        delivery
    }
}

impl Sink for AlertsTopic {
    fn timing(&self) -> Timing {
        Timing::Grouped
    }

    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s> {
        Box::pin(async move {
            if let Some(limit) = &self.limit {
                return self.deliver_limited(limit, findings, terms).await;
            }
            let alerts = alerts(findings.iter().map(AsRef::as_ref), &self.policy);
            let messages = alerts.iter().map(|alert| Message::of_alert(alert, terms.now)).collect();
            self.topic.publish(messages, terms.deadline).await
        })
    }
}
