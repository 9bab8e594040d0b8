//! The custom notification of Amazon Q Developer in chat applications, which Slack and Microsoft Teams show.
//!
//! After <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::plain::{without_emoji_names, without_pictures};
use super::{Alert, email, words_of};
use crate::finding::{Finding, Remediation, RemediationPart, Severity};
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
    let label = email::label(finding.severity(), finding.status);
    let what = match (&rule.plural, alert.count()) {
        (_, 1) => rule.title.clone(),
        (Some(plural), count) => format!("{count} {plural}"),
        (None, count) => format!("{count} x {}", rule.title),
    };
    let title = format!("{sign} {label} {}: {}", escaped(&finding.account()), escaped(&what));
    let mut parts = vec![escaped(&shortened(&alert.sentence(), MAX_SENTENCE))];
    for (label, text) in [
        ("Who", if alert.count() > 1 { alert.callers() } else { finding.who() }),
        ("From", finding.from()),
        ("When", alert.when(now)),
        ("Seen", alert.seen()),
        ("Where", finding.place()),
        ("Why", finding.why().join("; ")),
        ("Live", finding.live_state()),
        ("Path", finding.access_paths().into_iter().next().unwrap_or_default()),
    ] {
        if !text.is_empty() {
            parts.push(format!("*{label}:* {}", escaped(&text)));
        }
    }
    if !alert.more.is_empty() {
        parts.push(list(alert));
    }
    // Chat applications make links of URLs. In these, the only text of a record is percent-encoded.
    parts.extend(alert.links().into_iter().map(|link| format!("*{}:* {}", link.label, link.url.replace('&', "&amp;"))));
    let exempt = format!("To accept it, add a filter for the rule {} to the file of exemptions.", rule.name);
    let resources: Vec<String> =
        finding.resources.iter().map(|one| escaped(one.arn.as_ref().unwrap_or(&one.id))).collect();
    document(&json!({
        "id": alert.uid(),
        "title": words_of(&title, MAX_TITLE),
        "description": shortened(&parts.join("\n"), MAX_TEXT),
        "nextSteps": [shortened(&with_code(&finding.remediation), MAX_TEXT), exempt],
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

/// The resources of all findings, by name.
fn list(alert: &Alert<'_>) -> String {
    let names: Vec<String> = alert
        .findings()
        .filter(|one| !one.names_no_resource())
        .filter_map(Finding::primary_resource)
        .map(|one| escaped(&one.id))
        .collect();
    let mut length = 0;
    let fits = |name: &&String| {
        length += name.chars().count() + ", ".len();
        length <= MAX_LIST
    };
    let shown: Vec<&str> = names.iter().take_while(fits).map(String::as_str).collect();
    let more = match names.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more, which the email and the findings topic list"),
    };
    format!("*All {}:* {}{more}", alert.count(), shown.join(", "))
}

/// A remediation with its commands between backticks, in which a backslash would be part of the command. Commands that delete
/// or disconnect something are not for chats, where they are pasted without reading the rest.
fn with_code(remediation: &Remediation) -> String {
    let parts = remediation.parts.iter().map(|part| match (part, part.guarded_command_line()) {
        (part, Some(_)) if part.is_destructive() => {
            "(the email has the command, which deletes or disconnects something)".to_owned()
        }
        (_, Some(command)) => {
            let command = without_emoji_names(&command);
            let code = without_pictures(&command)
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('@', "(at)");
            let code = code.replace("](", "] (").replace("http://", "http:/ /").replace("https://", "https:/ /");
            format!("`{code}`")
        }
        (RemediationPart::Text(text), None) => escaped(text),
        (_, None) => String::new(),
    });
    parts.collect()
}

/// Text in which nothing is a link, a mention or a mark of the chat application.
pub(super) fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for one in without_pictures(&without_emoji_names(&visible(text))).chars() {
        match one {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            // `@here`, `@channel`
            '@' => plain.push_str("(at)"),
            '[' => plain.push('('),
            ']' => plain.push(')'),
            '*' | '_' | '~' => {
                plain.push('\\');
                plain.push(one);
            }
            one => plain.push(one),
        }
    }
    plain.replace("://", ":\u{2215}\u{2215}")
}
