//! An EventBridge event bus: every finding as an event whose detail is the OCSF document.
//!
//! Limits after <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_eventbridge::operation::put_events::PutEventsError;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use tokio::time::Instant;

use super::accepted::Accepted;
use super::batch::{Message, batches};
use super::{Delivery, DeliveryFuture, Failure, Sink, Terms, Timing};
use crate::aws::{Region, SdkConfig, error_chain, service_error};
use crate::finding::Finding;

/// The `source` and the `detail-type` of events.
pub const SOURCE: &str = "trailwarden";
/// See [`SOURCE`].
pub const DETAIL_TYPE: &str = "Compliance Finding";

/// Maximum number of attempts for events that EventBridge rejects in a request, and the wait before the second attempt, which
/// doubles before each further one. The SDK retries requests that fail as a whole.
const MAX_ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Timeouts of one attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Error codes of entries after which the same entry may be accepted.
const TRANSIENT: [&str; 4] = ["InternalException", "InternalFailure", "ServiceUnavailable", "ThrottlingException"];

/// Puts each finding on an event bus.
#[derive(Debug)]
pub struct EventBus {
    client: Client,
    /// Its name or ARN.
    name: String,
    accepted: Accepted,
}

impl EventBus {
    /// A sink for the bus with this name or ARN, in the Region of the ARN or else the configured one.
    pub fn new(config: &SdkConfig, name: String) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT);
        let mut own = aws_sdk_eventbridge::config::Builder::from(config).timeout_config(timeouts.build());
        if let Some(region) = name.split(':').nth(3) {
            own = own.region(Region::new(region.to_owned()));
        }
        Self { client: Client::from_conf(own.build()), name, accepted: Accepted::default() }
    }

    async fn put(&self, messages: &[Message], deadline: Instant) -> Delivery {
        let mut delivery = Delivery::default();
        let mut open: Vec<&Message> = Vec::new();
        for message in messages {
            if self.accepted.contains(&message.uid) {
                delivery.accepted += 1;
            } else {
                open.push(message);
            }
        }
        for attempt in 1..=MAX_ATTEMPTS {
            let rejected = self.put_once(&open, deadline).await;
            delivery.accepted += open.len() - rejected.len();
            let wait = FIRST_WAIT * 2_u32.pow(attempt - 1);
            let is_last = attempt == MAX_ATTEMPTS || Instant::now() + wait >= deadline;
            let (again, failed): (Vec<_>, Vec<_>) =
                rejected.into_iter().partition(|(_, failure)| failure.retryable && !is_last);
            delivery.failures.extend(failed.into_iter().map(|(_, failure)| failure));
            open = again.into_iter().map(|(message, _)| message).collect();
            if open.is_empty() {
                break;
            }
            delivery.retried += open.len();
            tokio::time::sleep(wait).await;
        }
        delivery
    }

    /// Sends all messages, and returns those that were not accepted.
    async fn put_once<'m>(&self, messages: &[&'m Message], deadline: Instant) -> Vec<(&'m Message, Failure)> {
        let mut rejected = Vec::new();
        for range in batches(messages.iter().map(|message| message.bytes())) {
            let batch = messages.get(range).unwrap_or_default();
            let sent = tokio::time::timeout_at(deadline, self.send(batch)).await;
            let results = sent.unwrap_or_else(|_| {
                vec![Err(("EventBridge did not answer before the deadline".to_owned(), true)); batch.len()]
            });
            for (message, result) in batch.iter().zip(results) {
                match result {
                    Ok(()) => self.accepted.remember(&message.uid),
                    Err((reason, retryable)) => {
                        let reason = format!("event bus: {reason}");
                        rejected.push((*message, Failure { uid: message.uid.clone(), reason, retryable }));
                    }
                }
            }
        }
        rejected
    }

    /// Sends one batch. Returns for each message why it was not accepted, and whether a retry may succeed.
    async fn send(&self, messages: &[&Message]) -> Vec<Result<(), (String, bool)>> {
        let entries = messages.iter().map(|message| {
            let entry = PutEventsRequestEntry::builder().event_bus_name(&self.name).source(SOURCE);
            entry.detail_type(DETAIL_TYPE).detail(&message.body).build()
        });
        let response = match self.client.put_events().set_entries(Some(entries.collect())).send().await {
            Ok(response) => response,
            Err(error) => return vec![Err((describe(&error), is_transient(&error))); messages.len()],
        };
        // The results are in the order of the entries.
        let mut results = response.entries().iter().map(|entry| match entry.error_code() {
            None => Ok(()),
            Some(code) => Err((service_error(code, entry.error_message()), TRANSIENT.contains(&code))),
        });
        let missing = || Err(("EventBridge reported no result for it".to_owned(), true));
        messages.iter().map(|_| results.next().unwrap_or_else(missing)).collect()
    }
}

impl Sink for EventBus {
    fn timing(&self) -> Timing {
        Timing::Immediate
    }

    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s> {
        Box::pin(async move {
            // A message of SNS with its attributes is longer than the event.
            let messages: Vec<Message> = findings.iter().map(|finding| Message::of(finding, terms.now)).collect();
            self.put(&messages, Instant::from_std(terms.deadline)).await
        })
    }
}

fn is_transient(error: &SdkError<PutEventsError>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(refusal) => {
            refusal.raw().status().is_server_error()
                || refusal.err().code().is_some_and(|code| TRANSIENT.contains(&code))
        }
        _ => false,
    }
}

fn describe(error: &SdkError<PutEventsError>) -> String {
    match error {
        SdkError::ServiceError(refusal) => {
            service_error(refusal.err().code().unwrap_or("no error code"), refusal.err().message())
        }
        SdkError::TimeoutError(_) => "EventBridge did not answer in time".to_owned(),
        SdkError::DispatchFailure(_) => format!("EventBridge could not be reached: {}", error_chain(error)),
        other => error_chain(other),
    }
}
