//! Messages for Microsoft Teams: an Adaptive Card, as the workflow "When a Teams webhook request is received" expects it.
//!
//! After <https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using> and
//! <https://adaptivecards.io/explorer/TextRun.html>. All text is in text runs, in which Teams reads no Markdown.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::content::{self, Step};
use super::plain::{defused, without_emoji_names, without_pictures};
use super::{Alert, Link, Resolved, email, words_of};
use crate::finding::Severity;
use crate::text::{shortened, visible, visible_json};

/// Maximum bytes of a message.
const MAX_BYTES: usize = 28 * 1024;
/// Maximum characters of a title.
const MAX_TITLE: usize = 250;
/// Maximum characters of a row, and those that are tried if the message is too long.
const MAX_ROW: [usize; 4] = [600, 300, 120, 40];
/// Characters of the list of all resources, for one character of a row.
const LIST: usize = 2;

/// The message of an alert.
pub(super) fn message(alert: &Alert<'_>, now: Timestamp) -> Value {
    let cards = MAX_ROW.map(|max| card(alert, now, max));
    let fits = cards.iter().position(|card| visible_json(card).len() <= MAX_BYTES);
    let [.., last] = &cards;
    fits.and_then(|place| cards.get(place)).unwrap_or(last).clone()
}

/// The message of a resolved problem.
pub(super) fn resolved(resolved: &Resolved) -> Value {
    let [max, ..] = MAX_ROW;
    let title = format!("\u{1f7e2} RESOLVED {}: {}", resolved.account(), resolved.title);
    let body = [
        heading(&title, "Good"),
        row(None, &resolved.sentence, max),
        row(Some("Resource"), &resolved.resource, max),
        row(Some("Where"), &resolved.place(), max),
    ];
    document(&shown(&resolved.sentence, max), &body, &[])
}

fn card(alert: &Alert<'_>, now: Timestamp, max: usize) -> Value {
    let title = format!("{} {}: {}", content::sign(alert.severity()), content::head(alert), content::what(alert));
    let color = match alert.severity() {
        Severity::Critical | Severity::High => "Attention",
        Severity::Medium => "Warning",
        Severity::Low | Severity::Informational => "Accent",
    };
    let mut body = vec![heading(&title, color), row(None, &alert.sentence(), max)];
    body.extend(content::rows(alert, now).iter().map(|(label, text)| row(Some(label), text, max)));
    body.push(undo(alert, max));
    if !alert.more.is_empty() {
        let list = content::listed(content::resources(alert, LIST * max, |name| shown(name, max)));
        body.push(rich(&[bold(&format!("All {}: ", alert.count())), run(&list)]));
    }
    let exempt = content::exempt(&alert.lead.rule.name);
    body.push(rich(&[json!({"type": "TextRun", "text": exempt, "isSubtle": true, "size": "Small"})]));
    document(&shown(&alert.sentence(), max), &body, &alert.links())
}

fn undo(alert: &Alert<'_>, max: usize) -> Value {
    let steps = content::steps(&alert.lead.remediation).into_iter().map(|step| match step {
        Step::Withheld => run(content::WITHHELD),
        Step::Text(text) => run(&email::plain(&shown_as(text, max, |text| text.to_owned()))),
        Step::Command(command) => {
            let command = inert_command(&command);
            json!({"type": "TextRun", "text": shortened(&command, 4 * max), "fontType": "Monospace"})
        }
    });
    rich(&std::iter::once(bold("Undo: ")).chain(steps).collect::<Vec<_>>())
}

fn document(summary: &str, body: &[Value], links: &[Link]) -> Value {
    let actions: Vec<Value> =
        links.iter().map(|link| json!({"type": "Action.OpenUrl", "title": link.label, "url": link.url})).collect();
    json!({
        "type": "message",
        "summary": summary,
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {"width": "Full"},
                "body": body,
                "actions": actions,
            },
        }],
    })
}

fn heading(title: &str, color: &str) -> Value {
    let (sign, title) = title.split_once(' ').unwrap_or(("", title));
    let title = format!("{sign} {}", words_of(&shown(title, MAX_TITLE), MAX_TITLE));
    rich(&[json!({"type": "TextRun", "text": title, "weight": "Bolder", "size": "Medium", "color": color})])
}

fn row(label: Option<&str>, text: &str, max: usize) -> Value {
    let label = label.map(|label| bold(&format!("{label}: ")));
    rich(&label.into_iter().chain([run(&shown(text, max))]).collect::<Vec<_>>())
}

fn rich(inlines: &[Value]) -> Value {
    json!({"type": "RichTextBlock", "inlines": inlines})
}

fn bold(text: &str) -> Value {
    json!({"type": "TextRun", "text": text, "weight": "Bolder"})
}

fn run(text: &str) -> Value {
    json!({"type": "TextRun", "text": text})
}

/// Text of at most `max` characters in which nothing is a link, a mention or a picture.
pub(super) fn shown(text: &str, max: usize) -> String {
    shown_as(text, max, |text| defused(text, &[]))
}

/// A command that is no link, mention or picture. Names in it stay as they are.
pub(super) fn inert_command(command: &str) -> String {
    let command = without_pictures(&without_emoji_names(command)).replace('<', "\u{2039}");
    command.replace("http://", "http[:]//").replace("https://", "https[:]//").replace("](", "] (")
}

/// Text of at most `max` characters that is neither a mention (`<at>…</at>`) nor a link in Markdown, should a client read it
/// as such.
fn shown_as(text: &str, max: usize, without_links: impl Fn(&str) -> String) -> String {
    let text = shortened(text, max);
    let text = without_links(&without_emoji_names(&visible(&text)));
    without_pictures(&text).replace('<', "\u{2039}").replace('>', "\u{203a}").replace("](", "] (")
}
