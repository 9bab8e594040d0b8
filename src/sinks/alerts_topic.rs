//! The SNS topic for people: alerts, each of one finding or of several by one caller.

use std::sync::Arc;

use super::batch::Message;
use super::sns::SnsTopic;
use super::{DeliveryFuture, Sink, Terms, Timing};
use crate::alert::{AlertPolicy, alerts};
use crate::finding::Finding;

/// Publishes alerts about the findings that its policy admits.
#[derive(Debug)]
pub struct AlertsTopic {
    topic: SnsTopic,
    policy: AlertPolicy,
}

impl AlertsTopic {
    /// A sink that publishes alerts to `topic`.
    pub fn new(topic: SnsTopic, policy: AlertPolicy) -> Self {
        Self { topic, policy }
    }
}

impl Sink for AlertsTopic {
    fn timing(&self) -> Timing {
        Timing::Grouped
    }

    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s> {
        Box::pin(async move {
            let alerts = alerts(findings.iter().map(AsRef::as_ref), &self.policy);
            let messages = alerts.iter().map(|alert| Message::of_alert(alert, terms.now)).collect();
            self.topic.publish(messages, terms.deadline).await
        })
    }
}
