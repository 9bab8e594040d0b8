//! Client for the SQS queue of an on-failure destination. Receives each message once, deletes processed messages and makes all
//! other messages visible again.

mod url;

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry as Entry};
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::aws::{Region, SdkConfig, error_chain, service_error};

pub use url::QueueUrl;

/// Visibility timeout of a received message in minutes. It matters only if the process is killed, because messages are
/// deleted or made visible otherwise.
pub const HIDDEN_MINUTES: i32 = 15;

/// Maximum number of messages per request.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
const MAX_MESSAGES: i32 = 10;
const MAX_ENTRIES: usize = 10;

/// Long-polling wait time in seconds. With long polling, SQS queries all of its servers. Without it, a response may be empty
/// although the queue is not.
const WAIT_SECONDS: i32 = 2;

/// Maximum number of concurrent requests that make messages visible.
const MAX_REQUESTS: usize = 8;

/// Error codes for a message that is visible already.
const NOT_IN_FLIGHT: [&str; 2] = ["MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"];

/// An SQS error, safe to show.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(String);

impl<E: ProvideErrorMetadata + std::error::Error + 'static> From<SdkError<E>> for QueueError {
    fn from(error: SdkError<E>) -> Self {
        Self(match &error {
            SdkError::ServiceError(response) => {
                service_error(response.err().code().unwrap_or("no error code"), response.err().message())
            }
            SdkError::TimeoutError(_) => "SQS did not respond in time".to_owned(),
            SdkError::DispatchFailure(_) => format!("SQS could not be reached: {}", error_chain(&error)),
            other => error_chain(other),
        })
    }
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message id.
    pub id: String,
    /// The body.
    pub body: String,
}

/// A standard queue and the messages received from it.
#[derive(Debug)]
pub struct Queue {
    client: Client,
    url: String,
    /// Receipt handles of messages that were received and not deleted, by message id.
    receipt_handles: HashMap<String, String>,
}

impl Queue {
    /// Creates a client for the queue at `url`, in the Region of the URL or else the configured Region.
    pub fn new(config: &SdkConfig, url: &QueueUrl) -> Self {
        let mut builder = aws_sdk_sqs::config::Builder::from(config);
        if let Some(region) = url.region() {
            builder = builder.region(Region::new(region.to_owned()));
        }
        Self { client: Client::from_conf(builder.build()), url: url.to_string(), receipt_handles: HashMap::new() }
    }

    /// Receives at most ten messages, or none if the queue is empty. A message is returned once, even if it became visible
    /// again.
    ///
    /// # Errors
    /// The error of SQS.
    pub async fn receive(&mut self) -> Result<Vec<Message>, QueueError> {
        loop {
            let request = self.client.receive_message().queue_url(&self.url);
            let request = request.max_number_of_messages(MAX_MESSAGES).wait_time_seconds(WAIT_SECONDS);
            let received = request.visibility_timeout(HIDDEN_MINUTES * 60).send().await?.messages.unwrap_or_default();
            let was_empty = received.is_empty();
            let mut new = Vec::new();
            for message in received {
                let id = message.message_id.unwrap_or_default();
                // Only the newest receipt handle is valid.
                if self.receipt_handles.insert(id.clone(), message.receipt_handle.unwrap_or_default()).is_none() {
                    new.push(Message { id, body: message.body.unwrap_or_default() });
                }
            }
            if was_empty || !new.is_empty() {
                return Ok(new);
            }
        }
    }

    /// Deletes a received message.
    ///
    /// # Errors
    /// The error of SQS. The message is still hidden.
    pub async fn delete(&mut self, id: &str) -> Result<(), QueueError> {
        let handle = self.receipt_handles.get(id).map(String::as_str).unwrap_or_default();
        self.client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
        self.receipt_handles.remove(id);
        Ok(())
    }

    /// Makes all received messages visible to other consumers.
    ///
    /// # Errors
    /// The number of messages that stay hidden for at most [`HIDDEN_MINUTES`], with the first reason.
    pub async fn give_back(&mut self) -> Result<(), QueueError> {
        let handles: Vec<String> = self.receipt_handles.drain().map(|(_, handle)| handle).collect();
        let requests = handles.chunks(MAX_ENTRIES).map(|handles| self.make_visible(handles));
        let failed: Vec<String> = stream::iter(requests).buffer_unordered(MAX_REQUESTS).concat().await;
        let Some(first) = failed.first() else { return Ok(()) };
        let count = failed.len();
        Err(QueueError(format!(
            "{count} received messages stay hidden for up to {HIDDEN_MINUTES} minutes; the first: {first}"
        )))
    }

    /// Makes the messages with these receipt handles visible by one request. Returns a reason for each message that stays
    /// hidden.
    async fn make_visible(&self, handles: &[String]) -> Vec<String> {
        let entry = |(index, handle): (usize, &String)| {
            Entry::builder().id(index.to_string()).receipt_handle(handle).visibility_timeout(0).build()
        };
        let entries = match handles.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return vec![error.to_string(); handles.len()],
        };
        let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        match request.send().await {
            Ok(response) => {
                let is_hidden = |error: &&BatchResultErrorEntry| !NOT_IN_FLIGHT.contains(&error.code());
                let hidden = response.failed().iter().filter(is_hidden);
                hidden.map(|error| service_error(error.code(), error.message())).collect()
            }
            Err(error) => vec![QueueError::from(error).to_string(); handles.len()],
        }
    }
}
