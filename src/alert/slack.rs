//! Messages for Slack, by an incoming webhook or a bot: blocks of text for a phone.
//!
//! After <https://docs.slack.dev/reference/block-kit/blocks> and
//! <https://docs.slack.dev/messaging/formatting-message-text>. Slack knows no escapes for the characters that mark bold,
//! italic and code, so that characters that look like them replace those.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Alert, Resolved, chat, content, words_of};
use crate::text::shortened;

/// Maximum characters of a header and of a section.
/// <https://docs.slack.dev/reference/block-kit/blocks/section-block>
const MAX_HEADER: usize = 150;
const MAX_SECTION: usize = 3000;
/// Maximum characters of a sentence: text for a phone.
const MAX_SENTENCE: usize = 600;
/// Maximum characters of a row.
const MAX_ROW: usize = 600;
/// Characters of the list of all resources.
const MAX_LIST: usize = 1000;

/// The message of an alert.
pub(super) fn message(alert: &Alert<'_>, now: Timestamp) -> Value {
    let finding = alert.lead;
    let title = format!("{} {}: {}", content::sign(alert.severity()), content::head(alert), content::what(alert));
    let sentence = escaped(&shortened(&alert.sentence(), MAX_SENTENCE));
    let rows = content::rows(alert, now).into_iter();
    let rows = rows.map(|(label, text)| format!("*{label}:* {}", shortened(&escaped(&text), MAX_ROW)));
    let lines: Vec<String> = std::iter::once(sentence.clone()).chain(rows).collect();
    let mut blocks = vec![header(&title), section(&lines.join("\n"))];
    let undo = chat::with_code(&finding.remediation, escaped);
    blocks.push(section(&format!("*Undo:* {undo}")));
    if !alert.more.is_empty() {
        let list = content::listed(content::resources(alert, MAX_LIST, escaped));
        blocks.push(section(&format!("*All {}:* {list}", alert.count())));
    }
    let links = alert.links().into_iter();
    let links: Vec<String> = links.map(|link| format!("<{}|{}>", link.url.replace('&', "&amp;"), link.label)).collect();
    if !links.is_empty() {
        blocks.push(section(&links.join(" \u{b7} ")));
    }
    blocks.push(json!({"type": "context", "elements": [text(&escaped(&content::exempt(&finding.rule.name)))]}));
    document(&format!("{}: {sentence}", escaped(&content::head(alert))), &blocks)
}

/// The message of a resolved problem.
pub(super) fn resolved(resolved: &Resolved) -> Value {
    let title = format!("\u{1f7e2} RESOLVED {}: {}", resolved.account(), resolved.title);
    let sentence = escaped(&resolved.sentence);
    let lines = [
        sentence.clone(),
        format!("*Resource:* {}", escaped(&resolved.resource)),
        format!("*Where:* {}", escaped(&resolved.place())),
    ];
    document(&format!("Resolved: {sentence}"), &[header(&title), section(&lines.join("\n"))])
}

/// A message of these blocks. `summary` is what notifications show.
fn document(summary: &str, blocks: &[Value]) -> Value {
    json!({"text": shortened(summary, MAX_SECTION), "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

fn header(title: &str) -> Value {
    // Plain text knows neither links nor bold, but mentions are escaped in it, too.
    let (sign, title) = title.split_once(' ').unwrap_or(("", title));
    let title = words_of(&escaped(title), MAX_HEADER - 2);
    json!({"type": "header", "text": {"type": "plain_text", "emoji": false, "text": format!("{sign} {title}")}})
}

fn section(lines: &str) -> Value {
    json!({"type": "section", "text": text(&shortened(lines, MAX_SECTION))})
}

/// `verbatim`: Slack makes no links of names and URLs.
fn text(text: &str) -> Value {
    json!({"type": "mrkdwn", "verbatim": true, "text": text})
}

/// Text in which nothing is a link, a mention or a mark. An underscore inside a word marks nothing.
fn escaped(text: &str) -> String {
    chat::escaped_with(text, |plain, mark, before, after| {
        let is_inner = |one: Option<char>| one.is_some_and(|one| one.is_alphanumeric() || one == '_');
        plain.push(match mark {
            '*' => '\u{2217}',
            '~' => '\u{223c}',
            '`' => '\u{2cb}',
            '_' if !is_inner(before) || !is_inner(after) => '\u{2cd}',
            mark => mark,
        });
    })
}
