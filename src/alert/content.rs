//! What chat applications and webhooks show of an alert. Each medium escapes the texts in its own way.

use jiff::Timestamp;

use super::{Alert, email};
use crate::finding::{Finding, Remediation, RemediationPart, Severity};

/// A part of how to undo something.
pub(super) enum Step<'r> {
    /// A sentence or a part of one.
    Text(&'r str),
    /// A command line.
    Command(String),
    /// A command that deletes or disconnects something. It is not for chats, where it would be pasted without reading the
    /// rest.
    Withheld,
}

/// What a chat shows in place of a command that deletes or disconnects something.
pub(super) const WITHHELD: &str = "(the email has the command, which deletes or disconnects something)";

/// Severity and account: `CRITICAL production (111122223333)`.
pub(super) fn head(alert: &Alert<'_>) -> String {
    format!("{} {}", email::label(alert.severity(), alert.lead.status), alert.lead.account())
}

/// The title of the rule, or the number of findings and what they are: `24 blocked EC2 actions`.
pub(super) fn what(alert: &Alert<'_>) -> String {
    let rule = &alert.lead.rule;
    match (&rule.plural, alert.count()) {
        (_, 1) => rule.title.clone(),
        (Some(plural), count) => format!("{count} {plural}"),
        (None, count) => format!("{count} x {}", rule.title),
    }
}

/// The color of a severity as an emoji.
pub(super) fn sign(severity: Severity) -> char {
    match severity {
        Severity::Critical | Severity::High => '\u{1f534}',
        Severity::Medium => '\u{1f7e0}',
        Severity::Low | Severity::Informational => '\u{1f535}',
    }
}

/// Label and text of each row that has a text: who, from where, when, where, why.
pub(super) fn rows(alert: &Alert<'_>, now: Timestamp) -> Vec<(&'static str, String)> {
    let finding = alert.lead;
    let mut rows = vec![
        ("Who", if alert.count() > 1 { alert.callers() } else { finding.who() }),
        ("From", finding.from()),
        ("When", alert.when(now)),
        ("Seen", alert.seen()),
        ("Where", finding.place()),
        ("Why", finding.why().join("; ")),
        ("Live", finding.live_state()),
        ("Path", finding.access_paths().into_iter().next().unwrap_or_default()),
    ];
    rows.retain(|(_, text)| !text.is_empty());
    rows
}

/// How to undo it.
pub(super) fn steps(remediation: &Remediation) -> Vec<Step<'_>> {
    let steps = remediation.parts.iter().filter_map(|part| match (part, part.guarded_command_line()) {
        (part, Some(_)) if part.is_destructive() => Some(Step::Withheld),
        (_, Some(command)) => Some(Step::Command(command)),
        (RemediationPart::Text(text), None) => Some(Step::Text(text)),
        (_, None) => None,
    });
    steps.collect()
}

/// The resources of all findings, by name, each as `shown` escapes it, as far as they fit into `max` characters, and the
/// number of the others.
pub(super) fn resources(alert: &Alert<'_>, max: usize, shown: impl Fn(&str) -> String) -> (Vec<String>, usize) {
    let named = alert.findings().filter(|one| !one.names_no_resource()).filter_map(Finding::primary_resource);
    let mut names: Vec<String> = named.map(|one| shown(&one.id)).collect();
    let mut length = 0;
    let fits = |name: &&String| {
        length += name.chars().count() + ", ".len();
        length <= max
    };
    let fitting = names.iter().take_while(fits).count();
    let more = names.len() - fitting;
    names.truncate(fitting);
    (names, more)
}

/// `All 24: vpc-1, vpc-2 and 22 more, which …`, without its label.
pub(super) fn listed((names, more): (Vec<String>, usize)) -> String {
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more, which the email and the findings topic list"),
    };
    format!("{}{more}", names.join(", "))
}

/// How to accept it.
pub(super) fn exempt(rule: &str) -> String {
    format!("To accept it, add a filter for the rule {rule} to the file of exemptions.")
}
