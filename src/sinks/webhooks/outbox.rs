//! Messages that wait in the outbox, an SQS queue: those that a webhook did not accept in time, and resolved problems, which
//! the remediator puts there. They contain no secret.

use serde_json::{Value, json};

use crate::alert::Post;
use crate::text::visible_json;

/// The only member of a message.
pub const MEMBER: &str = "trailwarden-outbox";

/// A message of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waiting {
    /// A message for one webhook.
    Post {
        /// The name of the webhook.
        webhook: String,
        /// The message.
        post: Post,
    },
    /// The OCSF document that closes a finding.
    Resolved(Value),
}

/// The text of a message for one webhook.
pub(super) fn waiting_post(webhook: &str, post: &Post) -> String {
    let Post { uid, thread, body } = post;
    visible_json(&json!({MEMBER: {"webhook": webhook, "uid": uid, "thread": thread, "body": body}}))
}

/// The text of the message that has the function tell every webhook that a problem is resolved. `document` is the OCSF
/// document that closes the finding; its record and its evidence are left out.
pub fn resolved_message(document: &Value) -> String {
    let mut document = document.clone();
    if let Some(members) = document.as_object_mut() {
        members.retain(|name, _| !matches!(name.as_str(), "raw_data" | "evidences" | "unmapped" | "remediation"));
    }
    visible_json(&json!({MEMBER: {"resolved": document}}))
}

impl Waiting {
    /// Parses a message.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut message: Value = serde_json::from_str(text).ok()?;
        let mut member = message.get_mut(MEMBER)?.take();
        if let Some(document) = member.get_mut("resolved") {
            return Some(Self::Resolved(document.take()));
        }
        let body = member.get_mut("body")?.take();
        let text = |name: &str| member.get(name).and_then(Value::as_str).map(str::to_owned);
        let (webhook, uid, thread) = (text("webhook")?, text("uid")?, text("thread")?);
        body.is_object().then_some(Self::Post { webhook, post: Post { uid, thread, body } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let [uid, thread] = ["u", "t"].map(str::to_owned);
        let post = Post { uid, thread, body: json!({"text": "\u{202e}"}) };
        let written = waiting_post("oncall", &post);
        assert!(!written.contains('\u{202e}'));
        assert_eq!(Waiting::parse(&written), Some(Waiting::Post { webhook: "oncall".to_owned(), post }));
        let document = json!({"status_id": 4, "raw_data": "{}"});
        let expected = Waiting::Resolved(json!({"status_id": 4}));
        assert_eq!(Waiting::parse(&resolved_message(&document)), Some(expected));
        for text in ["", "{}", r#"{"trailwarden-outbox":{"webhook":"x"}}"#, r#"{"trailwarden-outbox":{"body":{}}}"#] {
            assert_eq!(Waiting::parse(text), None, "{text}");
        }
    }
}
