//! The custom notification of Amazon Q Developer in chat applications, which Slack and Microsoft Teams show.
//!
//! After <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>.

use serde_json::json;

use super::Alert;
use super::plain::{without_emoji_names, without_pictures};
use crate::finding::{Remediation, RemediationPart, Severity};
use crate::text::{shortened, visible, visible_json};

/// Maximum characters of a title and of a text.
const MAX_TITLE: usize = 250;
const MAX_TEXT: usize = 3000;
/// Characters of the list of all resources; a text has room for the rest.
const MAX_LIST: usize = 1500;

pub(super) fn notification(alert: &Alert<'_>) -> String {
    let (finding, rule) = (alert.lead, &alert.lead.rule);
    let sign = match alert.severity() {
        Severity::Critical | Severity::High => ":red_circle:",
        Severity::Medium => ":large_orange_circle:",
        Severity::Low | Severity::Informational => ":large_blue_circle:",
    };
    let severity = alert.severity().caption().to_uppercase();
    let count = if alert.count() > 1 { format!("{} x ", alert.count()) } else { String::new() };
    let title = format!("{sign} {severity} {count}{} - {}", escaped(&rule.title), escaped(&finding.account()));
    let mut parts = vec![escaped(&finding.full_message())];
    for (label, text) in [
        ("Who", finding.who()),
        ("From", finding.from()),
        ("When", finding.when()),
        ("Where", finding.place()),
        ("What", finding.what()),
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
    let exempt = format!("To accept it, add a filter for the rule {} to the file of exemptions.", rule.name);
    let resources: Vec<String> =
        finding.resources.iter().map(|one| escaped(one.arn.as_ref().unwrap_or(&one.id))).collect();
    visible_json(&json!({
        "version": "1.0",
        "source": "custom",
        "id": alert.uid(),
        "content": {
            "textType": "client-markdown",
            "title": shortened(&title, MAX_TITLE),
            "description": shortened(&parts.join("\n"), MAX_TEXT),
            "nextSteps": [shortened(&with_code(&finding.remediation), MAX_TEXT), exempt],
            "keywords": [rule.name, escaped(&finding.origin.account)],
        },
        "metadata": {
            // One thread per problem.
            "threadId": finding.uid(),
            "summary": shortened(&escaped(&finding.message), MAX_TITLE),
            "eventType": finding.status_word(),
            "relatedResources": resources,
            "additionalContext": {"rule": rule.name, "region": escaped(&finding.origin.region)},
            "enableCustomActions": true,
        },
    }))
}

/// The resources of all findings, by name.
fn list(alert: &Alert<'_>) -> String {
    let all = std::iter::once(&alert.lead).chain(&alert.more);
    let names: Vec<String> = all.filter_map(|one| one.primary_resource()).map(|one| escaped(&one.id)).collect();
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

/// A remediation with its commands between backticks, in which a backslash would be part of the command.
fn with_code(remediation: &Remediation) -> String {
    let parts = remediation.parts.iter().map(|part| match (part, part.command_line()) {
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
