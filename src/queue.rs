//! The SQS queue that an on-failure destination can be: hands out each message once, deletes those that are done, and
//! gives the others back.

mod url;

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry as Entry};
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::aws::{Region, SdkConfig, said, unanswered};

pub use url::QueueUrl;

/// For how many minutes a received message is hidden from others: until it is deleted, given back, or the process that
/// received it has been killed this long ago.
pub const HIDDEN_MINUTES: i32 = 15;

/// Most messages of one request.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
const MOST_MESSAGES: i32 = 10;
const MOST_ENTRIES: usize = 10;

/// Seconds that SQS waits for a message. Any wait has it ask all of its servers: without, an answer may be empty though
/// the queue is not.
const WAIT: i32 = 2;

/// Requests under way at a time, when messages are given back.
const MOST_REQUESTS: usize = 8;

/// The message is visible already.
const NOT_IN_FLIGHT: [&str; 2] = ["MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"];

/// What SQS did not do, and why; safe to show.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(String);

impl<E: ProvideErrorMetadata + std::error::Error + 'static> From<SdkError<E>> for QueueError {
    fn from(error: SdkError<E>) -> Self {
        Self(match &error {
            SdkError::ServiceError(refusal) => {
                said(refusal.err().code().unwrap_or("no error code"), refusal.err().message())
            }
            SdkError::TimeoutError(_) => "SQS did not answer in time".to_owned(),
            SdkError::DispatchFailure(_) => format!("SQS could not be reached: {}", unanswered(&error)),
            other => unanswered(other),
        })
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its text.
    pub body: String,
}

/// A standard queue, and which of its messages are in hand.
#[derive(Debug)]
pub struct Queue {
    client: Client,
    url: String,
    /// Receipt handles of the messages received and not deleted, by message id.
    in_hand: HashMap<String, String>,
}

impl Queue {
    /// The queue at `url`, reached in the region that stands there, if one does, else in the configured one.
    pub fn new(config: &SdkConfig, url: &QueueUrl) -> Self {
        let mut own = aws_sdk_sqs::config::Builder::from(config);
        if let Some(region) = url.region() {
            own = own.region(Region::new(region.to_owned()));
        }
        Self { client: Client::from_conf(own.build()), url: url.to_string(), in_hand: HashMap::new() }
    }

    /// The next messages, at most ten; none when the queue has no more. One that is in hand is not handed out again, even
    /// if it has become visible meanwhile.
    ///
    /// # Errors
    /// What SQS said.
    pub async fn receive(&mut self) -> Result<Vec<Message>, QueueError> {
        loop {
            let request = self.client.receive_message().queue_url(&self.url);
            let request = request.max_number_of_messages(MOST_MESSAGES).wait_time_seconds(WAIT);
            let received = request.visibility_timeout(HIDDEN_MINUTES * 60).send().await?.messages.unwrap_or_default();
            let was_empty = received.is_empty();
            let mut new = Vec::new();
            for message in received {
                let id = message.message_id.unwrap_or_default();
                // The newest handle is the one that counts.
                if self.in_hand.insert(id.clone(), message.receipt_handle.unwrap_or_default()).is_none() {
                    new.push(Message { id, body: message.body.unwrap_or_default() });
                }
            }
            if was_empty || !new.is_empty() {
                return Ok(new);
            }
        }
    }

    /// Deletes a message in hand.
    ///
    /// # Errors
    /// What SQS said; the message is still in hand.
    pub async fn delete(&mut self, id: &str) -> Result<(), QueueError> {
        let handle = self.in_hand.get(id).map(String::as_str).unwrap_or_default();
        self.client.delete_message().queue_url(&self.url).receipt_handle(handle).send().await?;
        self.in_hand.remove(id);
        Ok(())
    }

    /// Makes all messages in hand visible to others again.
    ///
    /// # Errors
    /// How many could not be, and why the first; they are hidden for [`HIDDEN_MINUTES`] at most.
    pub async fn give_back(&mut self) -> Result<(), QueueError> {
        let handles: Vec<String> = self.in_hand.drain().map(|(_, handle)| handle).collect();
        let requests = handles.chunks(MOST_ENTRIES).map(|handles| self.show(handles));
        let failed: Vec<String> = stream::iter(requests).buffer_unordered(MOST_REQUESTS).concat().await;
        let Some(first) = failed.first() else { return Ok(()) };
        let many = failed.len();
        Err(QueueError(format!(
            "{many} received messages stay hidden for up to {HIDDEN_MINUTES} minutes; the first: {first}"
        )))
    }

    /// Makes the messages of one request visible; why it could not be done, for each with which that is so.
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
                answer.failed().iter().filter(is_hidden).map(|one| said(one.code(), one.message())).collect()
            }
            Err(error) => vec![QueueError::from(error).to_string(); handles.len()],
        }
    }
}
