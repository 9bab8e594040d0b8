//! The custom notification of Amazon Q Developer in chat applications, which Slack and Microsoft Teams show.
//!
//! After <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::content::{self, Step};
use super::plain::{without_emoji_names, without_pictures};
use super::{Alert, words_of};
use crate::finding::{Remediation, Severity};
use crate::text::{shortened, visible, visible_json};

/// Maximum characters of a title and of a text.
const MAX_TITLE: usize = 250;
const MAX_TEXT: usize = 3000;
/// Characters of the list of all resources; a text has room for the rest.
const MAX_LIST: usize = 1000;
/// Maximum characters of a sentence: text for a phone.
const MAX_SENTENCE: usize = 600;

pub(super) fn notification(alert: &Alert<'_>, now: Timestamp) -> String {
    let (finding, rule) = (alert.lead, &alert.lead.rule);
    let sign = match alert.severity() {
        Severity::Critical | Severity::High => ":red_circle:",
        Severity::Medium => ":large_orange_circle:",
        Severity::Low | Severity::Informational => ":large_blue_circle:",
    };
    let title = format!("{sign} {}: {}", escaped(&content::head(alert)), escaped(&content::what(alert)));
    let mut parts = vec![escaped(&shortened(&alert.sentence(), MAX_SENTENCE))];
    parts.extend(content::rows(alert, now).iter().map(|(label, text)| format!("*{label}:* {}", escaped(text))));
    if !alert.more.is_empty() {
        let list = content::listed(content::resources(alert, MAX_LIST, escaped));
        parts.push(format!("*All {}:* {list}", alert.count()));
    }
    // Chat applications make links of URLs. In these, the only text of a record is percent-encoded.
    parts.extend(alert.links().into_iter().map(|link| format!("*{}:* {}", link.label, link.url.replace('&', "&amp;"))));
    let resources: Vec<String> =
        finding.resources.iter().map(|one| escaped(one.arn.as_ref().unwrap_or(&one.id))).collect();
    document(&json!({
        "id": alert.uid(),
        "title": words_of(&title, MAX_TITLE),
        "description": shortened(&parts.join("\n"), MAX_TEXT),
        "nextSteps": [shortened(&with_code(&finding.remediation, escaped), MAX_TEXT), content::exempt(&rule.name)],
        "keywords": [rule.name, escaped(&finding.origin.account)],
        // One thread per problem.
        "threadId": finding.uid(),
        "summary": shortened(&escaped(&finding.message), MAX_TITLE),
        "eventType": finding.status_word(),
        "relatedResources": resources,
        "additionalContext": {"rule": rule.name, "region": escaped(&finding.origin.region)},
    }))
}

/// The notification with these members, each at its place.
pub(super) fn document(members: &Value) -> String {
    let of = |names: &[&str]| {
        let present = names.iter().filter_map(|name| Some(((*name).to_owned(), members.get(name)?.clone())));
        present.collect::<serde_json::Map<_, _>>()
    };
    let mut content = of(&["title", "description", "nextSteps", "keywords"]);
    content.insert("textType".to_owned(), "client-markdown".into());
    let mut metadata = of(&["threadId", "summary", "eventType", "relatedResources", "additionalContext"]);
    metadata.insert("enableCustomActions".to_owned(), true.into());
    visible_json(&json!({
        "version": "1.0",
        "source": "custom",
        "id": members.get("id"),
        "content": content,
        "metadata": metadata,
    }))
}

/// A remediation with its commands between backticks, in which a backslash would be part of the command. `escape` escapes
/// its sentences.
pub(super) fn with_code(remediation: &Remediation, escape: impl Fn(&str) -> String) -> String {
    let steps = content::steps(remediation).into_iter().map(|step| match step {
        Step::Withheld => content::WITHHELD.to_owned(),
        Step::Text(text) => escape(text),
        Step::Command(command) => {
            let command = without_emoji_names(&command);
            let code = without_pictures(&command)
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('@', "(at)");
            let code = code.replace("](", "] (").replace("http://", "http:/ /").replace("https://", "https:/ /");
            format!("`{code}`")
        }
    });
    steps.collect()
}

/// Text in which nothing is a link, a mention or a mark of the chat application.
pub(super) fn escaped(text: &str) -> String {
    escaped_with(text, |plain, mark, _, _| {
        if mark != '`' {
            plain.push('\\');
        }
        plain.push(mark);
    })
}

/// The same with other escapes of the characters that mark bold, italic, struck and code: `mark` writes such a character,
/// given the characters before and after it.
pub(super) fn escaped_with(text: &str, mark: impl Fn(&mut String, char, Option<char>, Option<char>)) -> String {
    let shown = visible(text);
    let shown = without_emoji_names(&shown);
    let shown = without_pictures(&shown);
    let mut plain = String::with_capacity(shown.len());
    let (mut before, mut rest) = (None, shown.chars().peekable());
    while let Some(one) = rest.next() {
        match one {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            // `@here`, `@channel`
            '@' => plain.push_str("(at)"),
            '[' => plain.push('('),
            ']' => plain.push(')'),
            '*' | '_' | '~' | '`' => mark(&mut plain, one, before, rest.peek().copied()),
            one => plain.push(one),
        }
        before = Some(one);
    }
    plain.replace("://", ":\u{2215}\u{2215}")
}
