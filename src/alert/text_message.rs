//! A message for people that is not about findings alone: a title and lines of text, for each kind of subscriber.

use serde_json::json;

use super::chat::escaped;
use super::email::ascii_subject;
use super::plain::{defused, without_pictures};
use crate::text::{shortened, visible, visible_json};

/// Maximum characters of a title and of a text in chat.
const MAX_TITLE: usize = 250;
const MAX_TEXT: usize = 3000;

/// Maximum characters of a text message for phones.
const MAX_SMS: usize = 300;

/// A title and lines of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextMessage<'t> {
    /// The id, equal on every retry.
    pub id: &'t str,
    /// The id of what the message belongs to, which makes one thread in chat.
    pub thread: &'t str,
    /// One line.
    pub title: &'t str,
    /// Several lines. Indented lines are commands, and are not changed so that people can copy them.
    pub text: &'t str,
}

impl TextMessage<'_> {
    /// The subject of the email.
    pub fn subject(&self) -> String {
        ascii_subject(self.title)
    }

    /// The body of a message with `MessageStructure=json`: a text for each kind of subscriber.
    pub fn body(&self) -> String {
        let email = self
            .lines(|line| if line.starts_with(' ') { without_pictures(line).into_owned() } else { defused(line, &[]) });
        let sms = shortened(&defused(self.title, &[]), MAX_SMS).into_owned();
        visible_json(&json!({"default": email, "email": email, "https": self.chat(), "sms": sms}))
    }

    /// The custom notification for Amazon Q Developer in chat applications.
    fn chat(&self) -> String {
        visible_json(&json!({
            "version": "1.0",
            "source": "custom",
            "id": self.id,
            "content": {
                "textType": "client-markdown",
                "title": shortened(&escaped(self.title), MAX_TITLE),
                "description": shortened(&self.lines(escaped), MAX_TEXT),
            },
            "metadata": {"threadId": self.thread, "summary": shortened(&escaped(self.title), MAX_TITLE)},
        }))
    }

    fn lines(&self, shown: impl Fn(&str) -> String) -> String {
        let lines: Vec<String> = self.text.lines().map(|line| shown(&visible(line))).collect();
        lines.join("\n")
    }
}
