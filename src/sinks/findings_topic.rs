//! The SNS topic for machines: every finding as an OCSF document.

use std::sync::Arc;

use super::batch::Message;
use super::sns::SnsTopic;
use super::{DeliveryFuture, Sink, Terms, Timing};
use crate::finding::Finding;

/// Publishes each finding as a message.
#[derive(Debug)]
pub struct FindingsTopic(SnsTopic);

impl FindingsTopic {
    /// A sink that publishes to `topic`.
    pub fn new(topic: SnsTopic) -> Self {
        Self(topic)
    }
}

impl Sink for FindingsTopic {
    fn timing(&self) -> Timing {
        Timing::Immediate
    }

    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s> {
        Box::pin(async move {
            let messages = findings.iter().map(|finding| Message::of(finding, terms.now)).collect();
            self.0.publish(messages, terms.deadline).await
        })
    }
}
