//! The follow-up of an alert whose problem is resolved.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::plain::defused;
use super::{chat, email, words_of};
use crate::finding::Severity;
use crate::text::{shortened, visible, visible_at_most, visible_json};

/// Maximum characters of a value.
const MAX_VALUE: usize = 320;
/// Maximum characters of the title of a chat message and of a text message.
const MAX_TITLE: usize = 250;
const MAX_SMS: usize = 300;

/// A resolved problem, by the OCSF document that closes it. Its texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub(super) rule: String,
    pub(super) pack: Option<String>,
    pub(super) severity: Option<Severity>,
    pub(super) title: String,
    pub(super) account: String,
    account_name: Option<String>,
    pub(super) region: String,
    pub(super) resource: String,
    pub(super) sentence: String,
    message_uid: String,
    pub(super) finding_uid: String,
    found: Option<Timestamp>,
}

impl Resolved {
    /// The problem that `document` closes; `None` if it is no resolved finding (`status_id` 4).
    pub fn of(document: &Value) -> Option<Self> {
        if document.get("status_id").and_then(Value::as_u64) != Some(4) {
            return None;
        }
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let shown = |pointer: &str| text(pointer).map(|text| visible_at_most(text, MAX_VALUE).into_owned());
        let found = document.pointer("/finding_info/first_seen_time").and_then(Value::as_i64);
        Some(Self {
            rule: shown("/compliance/control")?,
            pack: None,
            severity: document.get("severity_id").and_then(Value::as_u64).and_then(Severity::of_id),
            title: shown("/finding_info/title").unwrap_or_default(),
            account: shown("/cloud/account/uid")?,
            account_name: shown("/cloud/account/name"),
            region: shown("/cloud/region").unwrap_or_default(),
            resource: shown("/resources/0/name").unwrap_or_default(),
            sentence: shown("/message").unwrap_or_default(),
            message_uid: shown("/metadata/uid")?,
            finding_uid: shown("/finding_info/uid")?,
            found: found.and_then(|time| Timestamp::from_millisecond(time).ok()),
        })
    }

    /// The id, equal on every retry.
    pub fn uid(&self) -> &str {
        &self.message_uid
    }

    /// The subject of the email.
    pub fn subject(&self) -> String {
        let account = self.account_name.as_ref().unwrap_or(&self.account);
        let head = format!("RESOLVED {}: ", shortened(account, 24));
        email::line_of(&head, &self.title, &format!(", {}", shortened(&self.resource, 24)))
    }

    /// The text of the email.
    pub fn email(&self) -> String {
        let mut lines = email::wrapped("", &format!("Resolved: {}", defused(&self.title, &[])));
        lines.extend(email::wrapped("", &defused(&self.sentence, &[])));
        lines.push(String::new());
        for (label, text) in [
            ("Resource", self.resource.clone()),
            ("Where", self.place()),
            ("Found", self.found.map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()),
            ("Rule", self.rule.clone()),
            ("Ids", format!("problem {}", self.finding_uid)),
        ] {
            if !text.is_empty() {
                lines.extend(email::part(label, &defused(&text, &[])));
            }
        }
        lines.join("\n") + "\n"
    }

    /// The custom notification for chat applications, in the thread of the problem.
    pub fn chat(&self) -> String {
        let (account, title) = (chat::escaped(&self.account()), chat::escaped(&self.title));
        let title = format!(":large_green_circle: RESOLVED {account}: {title}");
        let description = format!(
            "{}\n*Resource:* {}\n*Where:* {}",
            chat::escaped(&self.sentence),
            chat::escaped(&self.resource),
            chat::escaped(&self.place())
        );
        chat::document(&json!({
            "id": self.message_uid,
            "title": words_of(&title, MAX_TITLE),
            "description": description,
            "keywords": [chat::escaped(&self.rule), chat::escaped(&self.account)],
            "threadId": self.finding_uid,
            "summary": shortened(&chat::escaped(&self.sentence), MAX_TITLE),
            "eventType": "COMPLIANT",
        }))
    }

    /// The text message.
    pub fn sms(&self) -> String {
        let account = self.account_name.as_ref().unwrap_or(&self.account);
        let line = format!("RESOLVED {account}: {}, {}.", self.title, self.resource);
        shortened(&defused(&line, &[]), MAX_SMS).into_owned()
    }

    /// The body of a message with `MessageStructure=json`.
    pub fn body(&self) -> String {
        let email = self.email();
        visible_json(&json!({"default": email, "email": email, "https": self.chat(), "sms": self.sms()}))
    }

    /// Adds the pack of its rule, which the document does not name.
    #[must_use]
    pub fn with_pack(self, pack_of: impl Fn(&str) -> Option<String>) -> Self {
        Self { pack: pack_of(&self.rule), ..self }
    }

    pub(super) fn account(&self) -> String {
        let id = &self.account;
        visible(&self.account_name.as_ref().map_or_else(|| id.clone(), |name| format!("{name} ({id})"))).into_owned()
    }

    pub(super) fn place(&self) -> String {
        format!("account {}, {}", self.account(), self.region)
    }
}
