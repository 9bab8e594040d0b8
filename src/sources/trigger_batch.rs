//! The batch of messages that an event source mapping of SQS or Kinesis delivers, and the response that reports the failed
//! ones, so that Lambda retries these alone.
//!
//! After the Lambda developer guide, "Implementing partial batch responses" for SQS and "Configuring partial batch response"
//! for Kinesis.

use std::collections::BTreeSet;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use aws_lambda_events::event::streams::KinesisEventResponse;
use memchr::memmem;
use serde::Serialize;

use super::members::Members;
use super::table::RECORDS;
use super::{document, kinesis, sqs};

/// A batch of messages of one event source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerBatch {
    event_source: EventSource,
    /// The identifiers of the messages, in order.
    ids: Vec<String>,
}

/// An event source with partial batch responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EventSource {
    Sqs,
    Kinesis,
}

impl EventSource {
    /// Its name in the messages.
    fn name(self) -> &'static str {
        match self {
            Self::Sqs => sqs::SOURCE,
            Self::Kinesis => kinesis::SOURCE,
        }
    }

    /// The identifier of one of its messages.
    fn id(self, message: &Members) -> Option<String> {
        if message.string("eventSource").as_deref() != Some(self.name()) {
            return None;
        }
        let id = match self {
            Self::Sqs => sqs::id(message),
            Self::Kinesis => kinesis::sequence_number(message),
        };
        // Lambda retries the whole batch for an empty identifier.
        id.filter(|id| !id.is_empty())
    }
}

/// The response to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum BatchResponse {
    /// The failed messages of a queue, each of which Lambda retries.
    Sqs(SqsBatchResponse),
    /// The failed record of a stream, from which on Lambda retries.
    Kinesis(KinesisEventResponse),
}

impl BatchResponse {
    /// Returns the identifiers of the reported messages.
    pub fn failed(&self) -> Vec<&str> {
        match self {
            Self::Sqs(response) => {
                response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
            }
            Self::Kinesis(response) => {
                response.batch_item_failures.iter().filter_map(|failure| failure.item_identifier.as_deref()).collect()
            }
        }
    }
}

impl TriggerBatch {
    /// Returns the batch that a payload is, if every message has an identifier.
    pub fn of(payload: &str) -> Option<Self> {
        // Most payloads are those of log subscriptions, and are not parsed again.
        let candidates = [EventSource::Sqs, EventSource::Kinesis].into_iter();
        let mut candidates = candidates.filter(|source| contains(payload, source.name())).peekable();
        candidates.peek()?;
        let event = document::members(payload).ok()?;
        let messages = event.list(RECORDS)?.into_iter().map(|message| document::members(message.get()).ok());
        let messages = messages.collect::<Option<Vec<_>>>()?;
        candidates.find_map(|event_source| {
            let ids = messages.iter().map(|message| event_source.id(message)).collect::<Option<Vec<_>>>()?;
            Some(Self { event_source, ids })
        })
    }

    /// Returns the positions of all messages, as in [`super::Place::message`].
    pub fn positions(&self) -> impl Iterator<Item = u64> {
        (1..).take(self.ids.len())
    }

    /// Returns the response that reports the messages at these positions.
    pub fn response(&self, failed: &BTreeSet<u64>) -> BatchResponse {
        let failed =
            self.positions().zip(&self.ids).filter(|(position, _)| failed.contains(position)).map(|(_, id)| id);
        match self.event_source {
            EventSource::Sqs => {
                let mut response = SqsBatchResponse::default();
                failed.for_each(|id| response.add_failure(id));
                BatchResponse::Sqs(response)
            }
            EventSource::Kinesis => {
                let mut response = KinesisEventResponse::default();
                // Lambda retries from the lowest sequence number on. They are decimal numbers of up to 128 digits.
                let lowest = failed.min_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
                lowest.into_iter().for_each(|id| response.add_failure(id));
                BatchResponse::Kinesis(response)
            }
        }
    }
}

fn contains(payload: &str, text: &str) -> bool {
    memmem::find(payload.as_bytes(), text.as_bytes()).is_some()
}
