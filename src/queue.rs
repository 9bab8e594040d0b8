//! The SQS queue of an on-failure destination. Receives each message once, deletes processed messages and makes the others
//! visible again.

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

/// Maximum number of messages of a request.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
const MAX_MESSAGES: i32 = 10;
const MAX_ENTRIES: usize = 10;

/// Seconds that SQS waits for a message. With a wait it queries all servers. Without one, a response may be empty although the
/// queue is not.
const WAIT: i32 = 2;

/// Maximum number of concurrent requests that make messages visible.
const MAX_REQUESTS: usize = 8;

/// The error code if a message is visible already.
const NOT_IN_FLIGHT: [&str; 2] = ["MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"];

/// An SQS error, safe to show.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(String);

impl<E: ProvideErrorMetadata + std::error::Error + 'static> From<SdkError<E>> for QueueError {
    fn from(error: SdkError<E>) -> Self {
        Self(match &error {
            SdkError::ServiceError(refusal) => {
                service_error(refusal.err().code().unwrap_or("no error code"), refusal.err().message())
            }
            SdkError::TimeoutError(_) => "SQS did not answer in time".to_owned(),
            SdkError::DispatchFailure(_) => format!("SQS could not be reached: {}", error_chain(&error)),
            other => error_chain(other),
        })
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
}

/// A standard queue and the messages received from it.
#[derive(Debug)]
pub struct Queue {
    client: Client,
    url: String,
    /// Receipt handles of the messages received and not deleted, by message id.
    in_hand: HashMap<String, String>,
}

impl Queue {
    /// The queue at `url`, in the Region of the URL or else the configured one.
    pub fn new(config: &SdkConfig, url: &QueueUrl) -> Self {
        let mut own = aws_sdk_sqs::config::Builder::from(config);
        if let Some(region) = url.region() {
            own = own.region(Region::new(region.to_owned()));
        }
        Self { client: Client::from_conf(own.build()), url: url.to_string(), in_hand: HashMap::new() }
    }

    /// Receives at most ten messages, or none if the queue is empty. A message is returned once, even if it became visible
    /// again.
    ///
    /// # Errors
    /// The error of SQS.
    pub async fn receive(&mut self) -> Result<Vec<Message>, QueueError> {
        loop {
            let request = self.client.receive_message().queue_url(&self.url);
            let request = request.max_number_of_messages(MAX_MESSAGES).wait_time_seconds(WAIT);
            let received = request.visibility_timeout(HIDDEN_MINUTES * 60).send().await?.messages.unwrap_or_default();
            let was_empty = received.is_empty();
            let mut new = Vec::new();
            for message in received {
                let id = message.message_id.unwrap_or_default();
                // Only the newest receipt handle is valid.
                if self.in_hand.insert(id.clone(), message.receipt_handle.unwrap_or_default()).is_none() {
                    new.push(Message { id, body: message.body.unwrap_or_default() });
                }
            }
            if was_empty || !new.is_empty() {
                return Ok(new);
            }
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The error of SQS.
    pub async fn send(&self, body: String) -> Result<(), QueueError> {
        self.client.send_message().queue_url(&self.url).message_body(body).send().await?;
        Ok(())
    }

    /// Deletes a received message.
    ///
    /// # Errors
    /// The error of SQS. The message is still hidden.
    pub async fn delete(&mut self, id: &str) -> Result<(), QueueError> {
        let handle = self.in_hand.get(id).map(String::as_str).unwrap_or_default();
        self.client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
        self.in_hand.remove(id);
        Ok(())
    }

    /// Makes all received messages visible to other consumers.
    ///
    /// # Errors
    /// The number of messages that stay hidden for at most [`HIDDEN_MINUTES`], with the first reason.
    pub async fn give_back(&mut self) -> Result<(), QueueError> {
        let handles: Vec<String> = self.in_hand.drain().map(|(_, handle)| handle).collect();
        let requests = handles.chunks(MAX_ENTRIES).map(|handles| self.show(handles));
        let failed: Vec<String> = stream::iter(requests).buffer_unordered(MAX_REQUESTS).concat().await;
        let Some(first) = failed.first() else { return Ok(()) };
        let many = failed.len();
        Err(QueueError(format!(
            "{many} received messages stay hidden for up to {HIDDEN_MINUTES} minutes; the first: {first}"
        )))
    }

    /// Makes the messages of one request visible. Returns a reason for each message that stays hidden.
    async fn show(&self, handles: &[String]) -> Vec<String> {
        let entry = |(place, handle): (usize, &String)| {
            Entry::builder().id(place.to_string()).receipt_handle(handle).visibility_timeout(0).build()
        };
        let entries = match handles.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return vec![error.to_string(); handles.len()],
        };
        let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        match request.send().await {
            Ok(answer) => {
                let is_hidden = |one: &&BatchResultErrorEntry| !NOT_IN_FLIGHT.contains(&one.code());
                answer.failed().iter().filter(is_hidden).map(|one| service_error(one.code(), one.message())).collect()
            }
            Err(error) => vec![QueueError::from(error).to_string(); handles.len()],
        }
    }
}
