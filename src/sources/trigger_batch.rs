//! The batch of messages that a Lambda trigger delivers, and the response that says what became of each.
//!
//! After the Lambda developer guide, "Implementing partial batch responses" for SQS and "Configuring partial batch response"
//! for Kinesis, the Firehose developer guide, "Required parameters for data transformation", and the S3 user guide, "Invoke
//! AWS Lambda function".

use std::collections::BTreeMap;

use aws_lambda_events::event::s3::batch_job::{S3BatchJobResponse, S3BatchJobResult};
use aws_lambda_events::event::sqs::SqsBatchResponse;
use aws_lambda_events::event::streams::KinesisEventResponse;
use jiff::Timestamp;
use memchr::memmem;
use serde::Serialize;
use serde_json::value::RawValue;

use super::members::Members;
use super::table::RECORDS;
use super::{document, firehose, kinesis, on_failure, s3, sqs};
use crate::text::visible_at_most;

/// Maximum number of characters of a reason in the report of S3 Batch Operations.
const MAX_RESULT: usize = 400;

/// A batch of messages of one event source.
#[derive(Debug, Clone)]
pub struct TriggerBatch {
    event_source: EventSource,
    /// The identifier and the JSON of each message, in order.
    messages: Vec<(String, Box<RawValue>)>,
    /// `invocationSchemaVersion` and `invocationId` of a request of S3 Batch Operations.
    invocation: (Option<String>, Option<String>),
}

/// An event source that expects a response about each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EventSource {
    Sqs,
    Kinesis,
    Firehose,
    BatchOperations,
}

impl EventSource {
    const ALL: [Self; 4] = [Self::Sqs, Self::Kinesis, Self::Firehose, Self::BatchOperations];

    /// A string that its events contain.
    fn sign(self) -> &'static str {
        match self {
            Self::Sqs => sqs::SOURCE,
            Self::Kinesis => kinesis::SOURCE,
            Self::Firehose => "deliveryStreamArn",
            Self::BatchOperations => "invocationSchemaVersion",
        }
    }

    /// The list of messages of one of its events.
    fn messages(self, event: &Members) -> Option<Vec<&RawValue>> {
        match self {
            Self::Sqs | Self::Kinesis => event.list(RECORDS),
            Self::Firehose if firehose::is_event(event) => event.list(firehose::RECORDS),
            Self::BatchOperations if s3::is_batch_operation(event) => event.list(s3::TASKS),
            Self::Firehose | Self::BatchOperations => None,
        }
    }

    /// The identifier of one of its messages.
    fn id(self, message: &Members) -> Option<String> {
        let is_of_source = || message.string("eventSource").as_deref() == Some(self.sign());
        let id = match self {
            Self::Sqs => sqs::id(message).filter(|_| is_of_source()),
            Self::Kinesis => kinesis::sequence_number(message).filter(|_| is_of_source()),
            Self::Firehose => firehose::record_id(message),
            Self::BatchOperations => s3::task_id(message),
        };
        // Lambda retries the whole batch for an empty identifier.
        id.filter(|id| !id.is_empty())
    }
}

/// Why a message has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFailure {
    /// The type of the error.
    pub error_type: &'static str,
    /// The reason, safe to show.
    pub reason: String,
    /// Whether a retry may succeed.
    pub is_transient: bool,
}

/// The response to a batch.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum BatchResponse {
    /// The failed messages of a queue, each of which Lambda retries.
    Sqs(SqsBatchResponse),
    /// The failed record of a stream, from which on Lambda retries.
    Kinesis(KinesisEventResponse),
    /// What Firehose delivers.
    Firehose(FirehoseResponse),
    /// The results of the tasks of S3 Batch Operations.
    BatchOperations(S3BatchJobResponse),
}

/// The response to a transformation event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirehoseResponse {
    records: Vec<FirehoseRecord>,
}

/// A record of that response, with its data unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct FirehoseRecord {
    record_id: String,
    result: &'static str,
    data: String,
}

impl TriggerBatch {
    /// Returns the batch that a payload is, if every message has an identifier.
    pub fn of(payload: &str) -> Option<Self> {
        // Most payloads are those of log subscriptions, and are not parsed again.
        let candidates = EventSource::ALL.into_iter();
        let mut candidates = candidates.filter(|source| contains(payload, source.sign())).peekable();
        candidates.peek()?;
        let event = document::members(payload).ok()?;
        candidates.find_map(|event_source| {
            let messages = event_source.messages(&event)?.into_iter().map(|message| {
                let id = event_source.id(&document::members(message.get()).ok()?)?;
                Some((id, message.to_owned()))
            });
            let messages = messages.collect::<Option<Vec<_>>>()?;
            let invocation = (event.string("invocationSchemaVersion"), event.string("invocationId"));
            Some(Self { event_source, messages, invocation })
        })
    }

    /// Returns the positions of all messages, as in [`super::Place::message`].
    pub fn positions(&self) -> impl Iterator<Item = u64> {
        (1..).take(self.messages.len())
    }

    /// Returns the body of each message, by position, if all are of one SQS queue whose ARN `is_queue` accepts.
    pub fn bodies_of(&self, is_queue: impl Fn(&str) -> bool) -> Option<Vec<(u64, String)>> {
        if self.event_source != EventSource::Sqs {
            return None;
        }
        let bodies = self.positions().zip(&self.messages).map(|(position, (_, message))| {
            let message = document::members(message.get()).ok()?;
            let is_own = message.string("eventSourceARN").is_some_and(|arn| is_queue(&arn));
            is_own.then(|| (position, message.string("body").unwrap_or_default()))
        });
        bodies.collect()
    }

    /// Whether the event source delivers a failed message again. Firehose delivers a whole batch again, if the invocation
    /// fails.
    pub fn retries_messages(&self) -> bool {
        self.event_source != EventSource::Firehose
    }

    /// Whether the event source delivers a message again even if its failure is permanent.
    pub fn retries_permanent_failures(&self) -> bool {
        matches!(self.event_source, EventSource::Sqs | EventSource::Kinesis)
    }

    /// Whether the event source delivers all messages after a failed one again.
    pub fn retries_later_messages(&self) -> bool {
        self.event_source == EventSource::Kinesis
    }

    /// Returns the identifier of the message at a position.
    pub fn id(&self, position: u64) -> Option<&str> {
        self.message(position).map(|(id, _)| id.as_str())
    }

    fn message(&self, position: u64) -> Option<&(String, Box<RawValue>)> {
        self.messages.get(usize::try_from(position.checked_sub(1)?).ok()?)
    }

    /// Returns what the on-failure queue keeps of a message of SQS or Kinesis: the form in which Lambda keeps the payload of a
    /// failed invocation, with the event of this message alone.
    pub fn failed_invocation(
        &self,
        position: u64,
        failure: &MessageFailure,
        invocation: &Invocation<'_>,
    ) -> Option<String> {
        let (_, message) = self.message(position)?;
        let payload = format!("{{\"{RECORDS}\":[{}]}}", message.get());
        on_failure::written(serde_json::from_str(&payload).ok()?, failure, invocation).ok()
    }

    /// Returns the response that reports the failed messages, by position. `summary` says what came of the others.
    pub fn response(&self, failed: &BTreeMap<u64, MessageFailure>, summary: &str) -> BatchResponse {
        let messages = self.positions().zip(&self.messages);
        let failed_ids = failed.keys().filter_map(|position| self.id(*position));
        match self.event_source {
            EventSource::Sqs => {
                let mut response = SqsBatchResponse::default();
                failed_ids.for_each(|id| response.add_failure(id));
                BatchResponse::Sqs(response)
            }
            EventSource::Kinesis => {
                let mut response = KinesisEventResponse::default();
                // Lambda retries from the lowest sequence number on. They are decimal numbers of up to 128 digits.
                let lowest = failed_ids.min_by_key(|id| (id.len(), *id));
                lowest.into_iter().for_each(|id| response.add_failure(id));
                BatchResponse::Kinesis(response)
            }
            EventSource::Firehose => {
                let records = messages.map(|(position, (id, message))| FirehoseRecord {
                    record_id: id.clone(),
                    result: if failed.contains_key(&position) { "ProcessingFailed" } else { "Ok" },
                    data: document::members(message.get())
                        .ok()
                        .and_then(|record| firehose::data(&record))
                        .unwrap_or_default(),
                });
                BatchResponse::Firehose(FirehoseResponse { records: records.collect() })
            }
            EventSource::BatchOperations => {
                let results = messages.map(|(position, (id, _))| {
                    let (code, text) = match failed.get(&position) {
                        None => ("Succeeded", summary),
                        Some(failure) if failure.is_transient => ("TemporaryFailure", failure.reason.as_str()),
                        Some(failure) => ("PermanentFailure", failure.reason.as_str()),
                    };
                    let mut result = S3BatchJobResult::default();
                    result.task_id = Some(id.clone());
                    result.result_code = Some(code.to_owned());
                    result.result_string = Some(visible_at_most(text, MAX_RESULT).into_owned());
                    result
                });
                let (version, id) = self.invocation.clone();
                let mut response = S3BatchJobResponse::default();
                response.invocation_schema_version = version;
                response.treat_missing_keys_as = Some("PermanentFailure".to_owned());
                response.invocation_id = id;
                response.results = results.collect();
                BatchResponse::BatchOperations(response)
            }
        }
    }
}

/// An invocation of the function.
#[derive(Debug, Clone)]
pub struct Invocation<'i> {
    /// Its request id.
    pub request_id: &'i str,
    /// The ARN of the function.
    pub function_arn: &'i str,
    /// When it began.
    pub time: Timestamp,
}

fn contains(payload: &str, text: &str) -> bool {
    memmem::find(payload.as_bytes(), text.as_bytes()).is_some()
}
