//! Destinations of findings.
//!
//! Each destination is a [`Sink`] in a file of its own. The configuration decides which sinks there are.

pub mod batch;
pub mod console;

#[cfg(feature = "lambda")]
mod accepted;
#[cfg(feature = "lambda")]
pub mod alert_state;
#[cfg(feature = "lambda")]
pub mod alerts;
#[cfg(feature = "lambda")]
pub mod event_bus;
#[cfg(feature = "lambda")]
mod fan_out;
#[cfg(feature = "lambda")]
pub mod findings_topic;
#[cfg(feature = "lambda")]
pub mod problems;
#[cfg(feature = "lambda")]
pub mod sns;
#[cfg(feature = "lambda")]
pub mod webhooks;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use crate::finding::Finding;

#[cfg(feature = "lambda")]
pub use fan_out::{Outbox, Sinks};

/// A destination of findings.
pub trait Sink: fmt::Debug {
    /// When findings are handed over.
    fn timing(&self) -> Timing;

    /// Delivers a batch of findings of one payload. A message that fails does not keep the others back, and a finding that
    /// was delivered before is not delivered again.
    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s>;

    /// Delivers what earlier deliveries left for later and what is due now. Most sinks leave nothing.
    fn flush(&self, _: Terms) -> DeliveryFuture<'_> {
        Box::pin(std::future::ready(Delivery::default()))
    }
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn timing(&self) -> Timing {
        self.as_ref().timing()
    }

    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s> {
        self.as_ref().deliver(findings, terms)
    }

    fn flush(&self, terms: Terms) -> DeliveryFuture<'_> {
        self.as_ref().flush(terms)
    }
}

/// The result of [`Sink::deliver`] when it is there.
pub type DeliveryFuture<'s> = Pin<Box<dyn Future<Output = Delivery> + 's>>;

/// When a sink receives findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// In batches as they arise.
    Immediate,
    /// Together: once when no further finding can arise without live state, and once when live state has verified the
    /// rest. For sinks that combine findings, such as alerts and summaries.
    Grouped,
}

/// The terms of one delivery.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The creation time of messages.
    pub now: Timestamp,
    /// The time by which a message must be accepted. Later it counts as failed, and a retry may deliver it.
    pub deadline: Instant,
}

/// The results of messages.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Messages that the destination accepted, now or before.
    pub accepted: usize,
    /// How often a rejected message was sent again.
    pub retried: usize,
    /// The messages that were not accepted.
    pub failures: Vec<Failure>,
}

/// A message that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The id of the message.
    pub uid: String,
    /// The reason, safe to show.
    pub reason: String,
    /// Whether a retry may deliver it.
    pub retryable: bool,
}

/// The counts of the messages of one payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryCounts {
    /// Messages that were accepted.
    pub published: usize,
    /// Messages that were not accepted.
    pub failed: usize,
    /// How often a rejected message was sent again.
    pub retried: usize,
}

/// Some messages were not accepted. All others were.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {messages} messages could not be published; the first: {first}")]
pub struct DeliveryError {
    /// How many were not accepted.
    pub failed: usize,
    /// How many there were.
    pub messages: usize,
    /// The reason of the first failure.
    pub first: String,
    /// Whether a retry may deliver at least one of them.
    pub retryable: bool,
    /// The ids of those that were not accepted.
    pub uids: Vec<String>,
}

impl Delivery {
    /// Adds the results of other messages.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.retried += other.retried;
        self.failures.extend(other.failures);
    }

    /// Returns the counts.
    pub fn counts(&self) -> DeliveryCounts {
        DeliveryCounts { published: self.accepted, failed: self.failures.len(), retried: self.retried }
    }

    /// Checks that every message was accepted.
    ///
    /// # Errors
    /// Returns an error if one was not.
    pub fn result(self) -> Result<(), DeliveryError> {
        let (failed, retryable) = (self.failures.len(), self.failures.iter().any(|failure| failure.retryable));
        let Some(first) = self.failures.first().map(|failure| failure.reason.clone()) else { return Ok(()) };
        let uids = self.failures.into_iter().map(|failure| failure.uid).collect();
        Err(DeliveryError { failed, messages: self.accepted + failed, first, retryable, uids })
    }
}
