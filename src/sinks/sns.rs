//! Messages to an SNS topic.
//!
//! Messages are published in batches, a few at a time. Messages that SNS rejects in a batch are sent again without the
//! others. The same environment does not send an accepted message again, so that a retry of the invocation publishes only
//! the missing ones.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::config::timeout::TimeoutConfig;
use aws_sdk_sns::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sns::operation::publish_batch::PublishBatchError;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::Instant;

use super::accepted::Accepted;
use super::batch::{Message, batches};
use super::{Delivery, Failure};
use crate::aws::{Region, SdkConfig, error_chain, service_error};

/// Maximum number of concurrent requests.
const MAX_REQUESTS: usize = 4;

/// Maximum number of attempts for messages that SNS rejects in a batch, and the wait before the second attempt. The wait
/// doubles before each further one. The SDK retries requests that fail as a whole.
const MAX_ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Timeouts of one attempt. SNS answers within tens of milliseconds; a request that hangs must leave time for others.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Error codes of SNS after which the same request may succeed.
/// <https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html> and the errors of Publish.
const TRANSIENT: [&str; 9] = [
    "InternalError",
    "InternalFailure",
    "KMSThrottling",
    "RequestExpired",
    "RequestThrottled",
    "ServiceUnavailable",
    "Throttled",
    "Throttling",
    "ThrottlingException",
];

/// A topic to publish to.
#[derive(Debug)]
pub struct SnsTopic {
    client: Client,
    arn: String,
    accepted: Accepted,
}

/// Why a message was not accepted.
#[derive(Debug, Clone)]
struct Rejected {
    reason: String,
    /// Whether the same request may succeed later.
    transient: bool,
}

impl SnsTopic {
    /// The topic `arn`, reached in the region that stands there, which may be another than the configured one.
    pub fn new(config: &SdkConfig, arn: String) -> Self {
        let timeouts = TimeoutConfig::builder();
        let timeouts = timeouts.connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
        let mut own = aws_sdk_sns::config::Builder::from(config).timeout_config(timeouts);
        if let Some(region) = region(&arn) {
            own = own.region(Region::new(region.to_owned()));
        }
        Self { client: Client::from_conf(own.build()), arn, accepted: Accepted::default() }
    }

    /// Another topic, with the client of this one where both are in one region: to build one takes a start some time.
    #[must_use]
    pub fn beside(&self, config: &SdkConfig, arn: String) -> Self {
        if region(&arn) == region(&self.arn) {
            Self { client: self.client.clone(), arn, accepted: Accepted::default() }
        } else {
            Self::new(config, arn)
        }
    }

    /// Publishes every message that this environment has not published. A message that fails does not keep the others back.
    /// A message that SNS has not accepted at `deadline` counts as failed, and a retry may publish it.
    pub async fn publish(&self, messages: Vec<Message>, deadline: std::time::Instant) -> Delivery {
        let deadline = Instant::from_std(deadline);
        let all = messages.len();
        let mut open = messages;
        // An event that was delivered twice, such as by two trails, is one message.
        let mut seen = HashSet::new();
        open.retain(|message| seen.insert(message.uid.clone()) && !self.accepted.contains(&message.uid));
        let mut failures: Vec<Failure> = Vec::new();
        let mut retried = 0;
        for attempt in 1..=MAX_ATTEMPTS {
            let rejected = self.publish_once(&open, deadline).await;
            let wait = FIRST_WAIT * 2_u32.pow(attempt - 1);
            let is_last = attempt == MAX_ATTEMPTS || Instant::now() + wait >= deadline;
            let (again, for_good): (Vec<_>, Vec<_>) =
                rejected.into_iter().partition(|(_, rejected)| rejected.transient && !is_last);
            failures.extend(for_good.into_iter().map(|(index, Rejected { reason, transient })| Failure {
                uid: open.get(index).map(|message| message.uid.clone()).unwrap_or_default(),
                reason,
                retryable: transient,
            }));
            let again: HashSet<usize> = again.into_iter().map(|(index, _)| index).collect();
            let mut index = 0..;
            open.retain(|_| index.next().is_some_and(|index| again.contains(&index)));
            if open.is_empty() {
                break;
            }
            retried += open.len();
            tokio::time::sleep(wait).await;
        }
        Delivery { accepted: all.saturating_sub(failures.len()), retried, failures }
    }

    /// Sends all messages, and returns the indexes of those that were not accepted.
    async fn publish_once(&self, messages: &[Message], deadline: Instant) -> Vec<(usize, Rejected)> {
        let requests = batches(messages.iter().map(Message::bytes));
        // Where order counts, requests follow each other.
        let at_once = if self.is_fifo() { 1 } else { MAX_REQUESTS };
        let sent = requests.into_iter().map(|range| async move {
            let start = range.start;
            let batch = messages.get(range).unwrap_or_default();
            let failed = tokio::time::timeout_at(deadline, self.send(batch)).await.unwrap_or_else(|_| {
                let reason = "SNS did not answer before the deadline".to_owned();
                every(batch, &Rejected { reason, transient: true })
            });
            failed.into_iter().map(move |(place, failure)| (start + place, failure)).collect::<Vec<_>>()
        });
        let mut failed: Vec<_> = stream::iter(sent).buffer_unordered(at_once).concat().await;
        failed.sort_unstable_by_key(|(place, _)| *place);
        failed
    }

    /// Sends one batch.
    async fn send(&self, messages: &[Message]) -> Vec<(usize, Rejected)> {
        let entries = messages.iter().enumerate().map(|(place, message)| self.entry(place, message));
        let entries = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return every(messages, &Rejected { reason: error.to_string(), transient: false }),
        };
        let request = self.client.publish_batch().topic_arn(&self.arn).set_publish_batch_request_entries(Some(entries));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return every(messages, &Rejected { reason: describe(&error), transient: is_transient(&error) });
            }
        };
        let mut open: HashSet<usize> = (0..messages.len()).collect();
        for accepted in answer.successful() {
            let place = accepted.id().and_then(|id| id.parse().ok());
            if let Some((place, message)) = place.and_then(|place| Some((place, messages.get(place)?))) {
                open.remove(&place);
                self.accepted.remember(&message.uid);
                tracing::info!(
                    rule = %message.rule,
                    finding_uid = %message.finding_uid,
                    message_uid = %message.uid,
                    sns_message_id = accepted.message_id().unwrap_or_default(),
                    "published"
                );
            }
        }
        let failed = open.into_iter().map(|place| {
            let refused = answer.failed().iter().find(|one| one.id().parse() == Ok(place));
            let failure = match refused {
                Some(refused) => Rejected {
                    reason: service_error(refused.code(), refused.message()),
                    transient: !refused.sender_fault() || TRANSIENT.contains(&refused.code()),
                },
                None => Rejected { reason: "SNS reported no result for it".to_owned(), transient: true },
            };
            (place, failure)
        });
        failed.collect()
    }

    fn entry(
        &self,
        place: usize,
        message: &Message,
    ) -> Result<PublishBatchRequestEntry, aws_sdk_sns::error::BuildError> {
        let mut entry = PublishBatchRequestEntry::builder().id(place.to_string()).message(&message.body);
        for (name, kind, value) in &message.attributes {
            let value = MessageAttributeValue::builder().data_type(*kind).string_value(value).build()?;
            entry = entry.message_attributes(*name, value);
        }
        if message.structured {
            entry = entry.message_structure("json");
        }
        entry = entry.set_subject(message.subject.clone());
        if self.is_fifo() {
            entry = entry.message_group_id(&message.group).message_deduplication_id(&message.uid);
        }
        entry.build()
    }

    fn is_fifo(&self) -> bool {
        self.arn.ends_with(".fifo")
    }
}

/// Returns every message as rejected for the same reason.
fn every(messages: &[Message], rejected: &Rejected) -> Vec<(usize, Rejected)> {
    (0..messages.len()).map(|place| (place, rejected.clone())).collect()
}

fn region(arn: &str) -> Option<&str> {
    arn.split(':').nth(3)
}

fn is_transient(error: &SdkError<PublishBatchError>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(refusal) => {
            refusal.raw().status().is_server_error()
                || refusal.err().code().is_some_and(|code| TRANSIENT.contains(&code))
        }
        _ => false,
    }
}

fn describe(error: &SdkError<PublishBatchError>) -> String {
    match error {
        SdkError::ServiceError(refusal) => {
            service_error(refusal.err().code().unwrap_or("no error code"), refusal.err().message())
        }
        SdkError::TimeoutError(_) => "SNS did not answer in time".to_owned(),
        SdkError::DispatchFailure(_) => format!("SNS could not be reached: {}", error_chain(error)),
        other => error_chain(other),
    }
}
