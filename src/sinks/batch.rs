//! Findings as SNS messages, and messages as batches.
//!
//! Limits after <https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html>.

use jiff::Timestamp;
use serde_json::Value;

use crate::alert::{Alert, Resolved};
use crate::finding::{Finding, derived_id, ocsf};
use crate::text::{visible_at_most, visible_json};

/// Maximum number of messages in one request.
pub const MAX_ENTRIES: usize = 10;

/// Maximum bytes of one message, and of all messages in one request: bodies and attributes.
pub const MAX_BYTES: usize = 262_144;

/// Maximum characters of text from a record in an attribute.
const MAX_ATTRIBUTE: usize = 300;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The OCSF document, or for an alert a text for each kind of subscriber.
    pub body: String,
    /// Whether the body has a text for each kind of subscriber (`MessageStructure=json`).
    pub structured: bool,
    /// The subject of emails.
    pub subject: Option<String>,
    /// Name, type and value: at most ten, since SQS discards raw deliveries that have more.
    pub attributes: Vec<(&'static str, &'static str, String)>,
    /// Equal on every retry: `metadata.uid`, or the alert's id.
    pub uid: String,
    /// The rule, for the log.
    pub rule: String,
    /// The problem's id, for the log.
    pub finding_uid: String,
    /// The group of FIFO topics: equal for messages about the same resource.
    pub group: String,
}

impl Message {
    /// The message of a finding, created at `now`. If it is too long, the record is left out, then the evidence and
    /// the trace, with a note.
    pub fn of(finding: &Finding, now: Timestamp) -> Self {
        let mut message = Self {
            body: ocsf::line(finding, now),
            structured: false,
            subject: None,
            attributes: attributes(finding),
            uid: finding.message_uid(),
            rule: finding.rule.name.clone(),
            finding_uid: finding.uid(),
            group: derived_id(&["resource", finding.primary_resource().map_or("", |resource| &resource.id)]),
        };
        let mut document = Value::Null;
        for (pointer, member) in [("", "raw_data"), ("/evidences/0", "data"), ("", "unmapped")] {
            if message.bytes() <= MAX_BYTES {
                break;
            }
            if document.is_null() {
                document = ocsf::document(finding, now);
            }
            message.body = shorter(&mut document, pointer, member);
        }
        message
    }

    /// The message of an alert, created at `now`.
    pub fn of_alert(alert: &Alert<'_>, now: Timestamp) -> Self {
        let message = Self::of(alert.lead(), now);
        let (body, subject) = (alert.body(now), Some(alert.subject()));
        let mut message = Self { body, structured: true, subject, uid: alert.uid(), ..message };
        if message.bytes() > MAX_BYTES {
            message.body = alert.body_without_document(now);
        }
        message
    }

    /// The message of an OCSF document, such as that of a resolved finding.
    pub fn of_document(document: &Value) -> Self {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let severity_id = document.get("severity_id").and_then(Value::as_u64).unwrap_or_default();
        let attributes = vec![
            ("schema", "String", format!("ocsf-2003-{}", ocsf::OCSF_VERSION)),
            ("rule", "String", attribute(text("/compliance/control"))),
            ("severity", "String", attribute(text("/severity"))),
            ("severity_id", "Number", severity_id.to_string()),
            ("status", "String", attribute(text("/compliance/status_code"))),
            ("account", "String", attribute(text("/cloud/account/uid"))),
            ("region", "String", attribute(text("/cloud/region"))),
            ("event_name", "String", attribute(text("/evidences/0/api/operation"))),
            ("resource_type", "String", attribute(text("/resources/0/type"))),
            ("finding_uid", "String", attribute(text("/finding_info/uid"))),
        ];
        Self {
            body: visible_json(document),
            structured: false,
            subject: None,
            attributes,
            uid: text("/metadata/uid").to_owned(),
            rule: text("/compliance/control").to_owned(),
            finding_uid: text("/finding_info/uid").to_owned(),
            group: derived_id(&["resource", text("/resources/0/uid")]),
        }
    }

    /// The message for people about a resolved problem, by the OCSF document that closes it.
    pub fn of_resolved(resolved: &Resolved, document: &Value) -> Self {
        let (body, subject) = (resolved.body(), Some(resolved.subject()));
        Self { body, structured: true, subject, uid: resolved.uid().to_owned(), ..Self::of_document(document) }
    }

    /// Its length as SNS counts it.
    pub fn bytes(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, kind, value)| name.len() + kind.len() + value.len());
        self.body.len() + self.subject.as_ref().map_or(0, String::len) + attributes.sum::<usize>()
    }
}

/// The document without a member of the object at `pointer`, and with a note that says so.
fn shorter(document: &mut Value, pointer: &str, member: &str) -> String {
    let removed =
        document.pointer_mut(pointer).and_then(Value::as_object_mut).and_then(|members| members.remove(member));
    if removed.is_some()
        && let Some(members) = document.as_object_mut()
    {
        let before = members.get("comment").and_then(Value::as_str).map(|text| format!("{text} ")).unwrap_or_default();
        members.insert("comment".to_owned(), format!("{before}`{member}` was left out: too long for SNS.").into());
    }
    visible_json(document)
}

fn attributes(finding: &Finding) -> Vec<(&'static str, &'static str, String)> {
    let (rule, origin) = (&finding.rule, &finding.origin);
    let resource_type = finding.primary_resource().map_or("unknown", |resource| resource.kind.as_str());
    vec![
        ("schema", "String", format!("ocsf-2003-{}", ocsf::OCSF_VERSION)),
        ("rule", "String", rule.name.clone()),
        ("severity", "String", finding.severity().caption().to_owned()),
        ("severity_id", "Number", finding.severity().id().to_string()),
        ("status", "String", finding.status_word().to_owned()),
        ("account", "String", attribute(&origin.account)),
        ("region", "String", attribute(&origin.region)),
        ("event_name", "String", attribute(&finding.call.operation)),
        ("resource_type", "String", attribute(resource_type)),
        ("finding_uid", "String", finding.uid()),
    ]
}

/// Text from the record as an attribute: neither empty nor with characters that XML cannot contain, both of which SNS rejects.
fn attribute(text: &str) -> String {
    let shown = visible_at_most(text, MAX_ATTRIBUTE);
    if shown.is_empty() { "unknown".to_owned() } else { shown.into_owned() }
}

/// Divides messages of these lengths into requests, in order.
pub fn batches(lengths: impl IntoIterator<Item = usize>) -> Vec<std::ops::Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut end, mut bytes) = (0, 0, 0_usize);
    for length in lengths {
        if end > start && (end - start == MAX_ENTRIES || bytes.saturating_add(length) > MAX_BYTES) {
            batches.push(start..end);
            (start, bytes) = (end, 0);
        }
        (end, bytes) = (end + 1, bytes.saturating_add(length));
    }
    if end > start {
        batches.push(start..end);
    }
    batches
}
