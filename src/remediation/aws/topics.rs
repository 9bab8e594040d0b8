//! People and programs by SNS topics.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::alert::TextMessage;
use crate::finding::derived_id;
use crate::queue::Queue;
use crate::remediation::announcement::Announcement;
use crate::remediation::traits::Announcer;
use crate::sinks::batch::Message;
use crate::sinks::sns::SnsTopic;
use crate::sinks::webhooks::resolved_message;

/// Maximum time to publish one message.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The alerts topic and the findings topic. Without one of them, its messages are not published.
#[derive(Debug, Default)]
pub struct Topics {
    /// Receives messages for people.
    pub alerts: Option<SnsTopic>,
    /// Receives documents of resolved findings.
    pub findings: Option<SnsTopic>,
    /// Receives them for webhooks. The function that evaluates posts them.
    pub outbox: Option<Queue>,
}

impl Announcer for Topics {
    async fn announce(&self, announcement: &Announcement) -> Result<(), String> {
        let Some(topic) = &self.alerts else { return Ok(()) };
        let Announcement { word, id, finding_uid, subject, body } = announcement;
        // A second request for approval has another code, so that it is another message.
        let uid = derived_id(&["announcement", id, word.as_str(), body]);
        let text = TextMessage { id: &uid, thread: finding_uid, title: subject, text: body };
        let attributes = vec![("action_id", "String", id.clone()), ("occasion", "String", word.as_str().to_owned())];
        let message = Message {
            body: text.body(),
            structured: true,
            subject: Some(text.subject()),
            attributes,
            uid,
            rule: word.as_str().to_owned(),
            finding_uid: finding_uid.clone(),
            group: id.clone(),
        };
        publish(topic, message).await
    }

    async fn resolved(&self, document: &Value) -> Result<(), String> {
        if let Some(topic) = &self.findings {
            publish(topic, Message::of_document(document)).await?;
        }
        let Some(outbox) = &self.outbox else { return Ok(()) };
        let sent = tokio::time::timeout(TIMEOUT, outbox.send(resolved_message(document))).await;
        match sent {
            Ok(sent) => sent.map_err(|error| format!("sqs:SendMessage: {error}")),
            Err(_) => Err("sqs:SendMessage: SQS did not answer in time".to_owned()),
        }
    }
}

async fn publish(topic: &SnsTopic, message: Message) -> Result<(), String> {
    let delivery = topic.publish(vec![message], Instant::now() + TIMEOUT).await;
    match delivery.failures.into_iter().next() {
        None => Ok(()),
        Some(failure) => Err(format!("sns:PublishBatch: {}", failure.reason)),
    }
}
