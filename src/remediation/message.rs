//! Messages of the findings topic.
//!
//! SQS delivers the envelopes of SNS. The queue's policy allows the findings topic alone to send; a message of another topic
//! is refused here too. Of the finding, only ids, times and the requested action are taken. Its sentences are never used.

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::actions::AccountRegion;
use crate::finding::derived_id;

/// Maximum length of an id or name in a message, in bytes.
const MAX_NAME: usize = 2048;

/// The parts of a finding's message that the remediator uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// `metadata.uid`: equal on every delivery of the same finding about the same event.
    pub message_uid: String,
    /// `finding_info.uid`: the problem's id.
    pub finding_uid: String,
    /// The rule.
    pub rule: String,
    /// Account and Region.
    pub place: AccountRegion,
    /// The CloudTrail `eventID`.
    pub event_id: String,
    /// The CloudTrail `eventTime`.
    pub event_time: Timestamp,
    /// Whether the resource breaks the rule: neither a warning nor resolved.
    pub is_non_compliant: bool,
    /// Whether an exemption covers the finding.
    pub is_suppressed: bool,
    /// Who made the call.
    pub caller: Caller,
    /// Ids and ARNs of the resources.
    pub resources: Vec<String>,
    /// Name and arguments of the action that the evaluator requests.
    pub action: Option<(String, Map<String, Value>)>,
    /// The whole document.
    pub document: Value,
}

/// Who made a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// ARN, or the principal id.
    pub arn: String,
    /// ARN of the role behind a session.
    pub role: String,
    /// The service that called on somebody's behalf.
    pub invoked_by: String,
    /// The service that called, in place of an address.
    pub service: String,
    /// The user agent, which the caller chooses.
    pub user_agent: String,
}

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is not what SNS sends to a queue.
    #[error("the message is not an SNS notification: {0}")]
    NotANotification(String),
    /// It comes from another topic.
    #[error("the message comes from another topic than the findings topic")]
    OtherTopic,
    /// It is no finding of Trailwarden: the member with this JSON pointer is missing or malformed.
    #[error("it is not a finding of Trailwarden: {0}")]
    NotAFinding(&'static str),
}

/// The parts of an SNS envelope that are used.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "TopicArn")]
    topic: String,
    #[serde(rename = "Message")]
    message: String,
}

/// One message of a batch.
#[derive(Debug)]
pub struct Received {
    /// SQS's id of the message, which names it in the response.
    pub id: String,
    /// The finding, or why the message is refused.
    pub notice: Result<Notice, MessageError>,
}

/// The messages of an SQS event, each read by itself; `None` if the text is no SQS event.
pub fn batch(event: &str, topic: &str) -> Option<Vec<Received>> {
    #[derive(Deserialize)]
    struct Batch<'b> {
        #[serde(rename = "Records", borrow)]
        records: Vec<&'b RawValue>,
    }
    let batch: Batch<'_> = serde_json::from_str(event).ok()?;
    let messages: Option<Vec<SqsMessage>> =
        batch.records.iter().map(|record| serde_json::from_str(record.get()).ok()).collect();
    let is_sqs = |message: &SqsMessage| message.event_source.as_deref() == Some("aws:sqs");
    let messages = messages.filter(|messages| messages.iter().all(is_sqs))?;
    let received = messages.into_iter().map(|message| Received {
        id: message.message_id.unwrap_or_default(),
        notice: notification(&message.body.unwrap_or_default(), topic),
    });
    Some(received.collect())
}

/// The response that keeps these messages in the queue.
pub fn response(failed: Vec<String>) -> SqsBatchResponse {
    let failures = failed.into_iter().map(|id| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        failure
    });
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures.collect();
    response
}

fn notification(body: &str, topic: &str) -> Result<Notice, MessageError> {
    let not_one = |error: serde_json::Error| MessageError::NotANotification(error.classify_words().to_owned());
    let envelope: Envelope = serde_json::from_str(body).map_err(not_one)?;
    if envelope.kind != "Notification" {
        return Err(MessageError::NotANotification("its type is another".to_owned()));
    }
    if envelope.topic != topic {
        return Err(MessageError::OtherTopic);
    }
    let document =
        serde_json::from_str(&envelope.message).map_err(|_| MessageError::NotAFinding("the message is not JSON"))?;
    Notice::of(document)
}

/// The category of a JSON error in words, without the text that caused it.
trait ClassifyWords {
    fn classify_words(&self) -> &'static str;
}

impl ClassifyWords for serde_json::Error {
    fn classify_words(&self) -> &'static str {
        match self.classify() {
            serde_json::error::Category::Data => "a member is missing or has another type",
            _ => "it is not JSON",
        }
    }
}

impl Notice {
    /// The notice of an OCSF document.
    ///
    /// # Errors
    /// [`MessageError::NotAFinding`], if a member that Trailwarden always writes is missing.
    pub fn of(document: Value) -> Result<Self, MessageError> {
        let text = |pointer: &str| {
            let text = document.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty() && text.len() <= MAX_NAME)
        };
        let needed = |pointer: &'static str| text(pointer).map(str::to_owned).ok_or(MessageError::NotAFinding(pointer));
        if document.get("class_uid").and_then(Value::as_u64) != Some(2003) {
            return Err(MessageError::NotAFinding("/class_uid"));
        }
        if text("/metadata/product/name") != Some("Trailwarden") {
            return Err(MessageError::NotAFinding("/metadata/product/name"));
        }
        let time = document.pointer("/finding_info/related_events/0/created_time").and_then(Value::as_i64);
        let event_time = time
            .and_then(|time| Timestamp::from_millisecond(time).ok())
            .ok_or(MessageError::NotAFinding("/finding_info/related_events/0/created_time"))?;
        let caller = Caller {
            arn: text("/evidences/0/actor/user/uid").unwrap_or_default().to_owned(),
            role: text("/evidences/0/actor/session/issuer").unwrap_or_default().to_owned(),
            invoked_by: text("/evidences/0/actor/app_name").unwrap_or_default().to_owned(),
            service: text("/evidences/0/src_endpoint/svc_name").unwrap_or_default().to_owned(),
            user_agent: text("/evidences/0/http_request/user_agent").unwrap_or_default().to_owned(),
        };
        let resources = document.get("resources").and_then(Value::as_array).into_iter().flatten();
        let resources = resources
            .flat_map(|resource| [resource.get("name"), resource.get("uid")])
            .filter_map(|id| id?.as_str())
            .map(str::to_owned)
            .collect();
        let action = text("/unmapped/action/name").map(|name| {
            let arguments = document.pointer("/unmapped/action/arguments").and_then(Value::as_object);
            (name.to_owned(), arguments.cloned().unwrap_or_default())
        });
        let status_id = document.pointer("/compliance/status_id").and_then(Value::as_u64);
        Ok(Self {
            message_uid: needed("/metadata/uid")?,
            finding_uid: needed("/finding_info/uid")?,
            rule: needed("/compliance/control")?,
            place: AccountRegion {
                partition: needed("/cloud/cloud_partition")?,
                account: needed("/cloud/account/uid")?,
                region: needed("/cloud/region")?,
            },
            event_id: needed("/finding_info/related_events/0/uid")?,
            event_time,
            is_non_compliant: text("/compliance/status_code") == Some("NON_COMPLIANT") && status_id == Some(3),
            // Anything but New counts as suppressed: it is not to be acted on.
            is_suppressed: document.get("status_id").and_then(Value::as_u64) != Some(1),
            caller,
            resources,
            action,
            document,
        })
    }

    /// The id of the action that this message causes, equal on every delivery.
    pub fn action_id(&self) -> String {
        derived_id(&["action", &self.message_uid])
    }

    /// The resource that the finding is about; the account if it names none.
    pub fn primary_resource(&self) -> &str {
        self.resources.first().map_or(&self.place.account, String::as_str)
    }
}
