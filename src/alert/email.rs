//! The email of an alert. A person on call must be able to read it in one minute.

use jiff::Timestamp;

use super::plain::{defused, without_pictures};
use super::{Alert, words_of};
use crate::finding::{Finding, RemediationPart, Severity, Status};
use crate::text::{shortened, visible};

/// Maximum characters of a subject: SNS accepts fewer than 100.
const MAX_SUBJECT: usize = 99;
/// Maximum characters of an account, a resource and a caller in a subject: names have up to fifty, and records may contain
/// anything.
const MAX_ACCOUNT: usize = 24;
const MAX_RESOURCE: usize = 24;
const MAX_CALLER: usize = 20;
/// Characters of the column of labels.
const LABEL: usize = 10;
/// Maximum number of paths.
const MAX_PATHS: usize = 3;
/// Characters of a line. Commands and links are not broken.
const WIDTH: usize = 78;
/// Maximum characters of a line of the list.
const MAX_ENTRY: usize = 120;
/// Maximum number of clauses.
const MAX_CLAUSES: usize = 3;
/// Maximum lines of one part.
const MAX_PART_LINES: usize = 5;
/// Maximum lines in all, without the list of resources.
pub(super) const MAX_LINES: usize = 48;
/// Maximum bytes of an email that is cut. A message contains it twice, beside the texts for chat and phones, and JSON escapes
/// may double it.
const MAX_BYTES: usize = 48 * 1024;
/// Maximum characters of one command. Only a forged record can cause a longer one, which is not shown.
const MAX_COMMAND: usize = 4096;

/// Severity, account, what, resource and caller: `CRITICAL production: SSH opened to …, sg-0aaa1111bbb22222c by NetOps/dana`.
pub(super) fn subject(alert: &Alert<'_>) -> String {
    let finding = alert.lead;
    let account = finding.origin.account_name.as_ref().unwrap_or(&finding.origin.account);
    let head = format!("{} {}: ", label(finding.severity(), finding.status), shortened(account, MAX_ACCOUNT));
    let caller = shortened(&finding.actor.name, MAX_CALLER);
    let (what, tail) = match (&finding.rule.plural, alert.count()) {
        (_, 1) => {
            let resource = finding.primary_resource().map(|resource| shortened(&resource.id, MAX_RESOURCE));
            // Of a setting of the account, the account is the resource.
            let says_more =
                |id: &std::borrow::Cow<'_, str>| !finding.names_no_resource() && *id != finding.origin.account;
            let resource = resource.filter(says_more).unwrap_or_default();
            let separator = if resource.is_empty() { "" } else { ", " };
            (finding.rule.title.clone(), format!("{separator}{resource} by {caller}"))
        }
        (Some(plural), count) => (format!("{count} {plural}"), format!(" by {caller}")),
        (None, count) => (format!("{count} x {}", finding.rule.title), format!(" by {caller}")),
    };
    let digest = if alert.is_digest { "More: " } else { "" };
    line_of(&format!("{head}{digest}"), &what, &tail)
}

/// The word at the start of subjects and text messages: the severity, and whether it is uncertain.
pub(super) fn label(severity: Severity, status: Status) -> String {
    let severity = severity.caption().to_uppercase();
    if status == Status::Warning { format!("{severity} (undecided)") } else { severity }
}

/// A subject of a beginning, as many words of `what` as fit, and an end.
pub(super) fn line_of(head: &str, what: &str, tail: &str) -> String {
    let [head, tail] = [head, tail].map(|part| part.replace('\u{2026}', ".."));
    let room = MAX_SUBJECT.saturating_sub(head.chars().count() + tail.chars().count());
    ascii_subject(&format!("{head}{}{tail}", words_of(what, room)))
}

/// The beginning of a subject that SNS accepts: it rejects characters that are not printable ASCII, and a space at the
/// beginning.
pub(super) fn ascii_subject(subject: &str) -> String {
    let ascii = subject.trim_start().chars().map(|one| match one {
        ' '..='~' => one,
        '\u{2013}' | '\u{2014}' => '-',
        _ => '?',
    });
    ascii.take(MAX_SUBJECT).collect()
}

pub(super) fn body(alert: &Alert<'_>, now: Timestamp) -> String {
    let finding = alert.lead;
    let mut lines = wrapped("", &defused(&alert.sentence(), &[]));
    lines.push(String::new());
    undo(alert, &mut lines);
    lines.push(String::new());
    let row = |lines: &mut Vec<String>, label: &str, text: &str| {
        let text = defused(text, &[]);
        if !text.is_empty() {
            lines.extend(part(label, &text));
        }
    };
    row(&mut lines, "Who", &if alert.count() > 1 { alert.callers() } else { finding.who() });
    row(&mut lines, "From", &finding.from());
    row(&mut lines, "When", &alert.when(now));
    row(&mut lines, "Seen", &alert.seen());
    row(&mut lines, "Where", &finding.place());
    row(&mut lines, "What", &finding.what());
    for clause in finding.why().iter().take(MAX_CLAUSES) {
        row(&mut lines, "Why", clause);
    }
    row(&mut lines, "Live", &finding.live_state());
    for path in finding.access_paths().iter().take(MAX_PATHS) {
        row(&mut lines, "Path", path);
    }
    lines.push(String::new());
    for link in alert.links() {
        lines.push(format!("{:<LABEL$}{}", link.label, link.url));
    }
    row(&mut lines, "Controls", &finding.rule.broken_controls());
    row(&mut lines, "Related controls", &finding.rule.related_controls());
    row(&mut lines, "Exempt", &format!("with a filter for the rule {} in the file of exemptions", finding.rule.name));
    row(&mut lines, "Ids", &finding.ids());
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES - 1);
        lines.push("Full details are on the findings topic.".to_owned());
    }
    if !alert.more.is_empty() {
        lines.push(String::new());
        lines.push(format!("All {}:", alert.count()));
        lines.extend(alert.findings().map(|one| format!("  {}", short(&defused(&entry(one), &[])))));
    }
    lines.join("\n") + "\n"
}

/// How to undo it. Commands are on lines of their own and not broken, so that they can be pasted.
fn undo(alert: &Alert<'_>, lines: &mut Vec<String>) {
    let finding = alert.lead;
    let parts = &finding.remediation.parts;
    let changes = |part: &RemediationPart| !matches!(part, RemediationPart::Command(command) if command.is_read_only());
    if parts.iter().any(|part| part.command_line().is_some() && changes(part)) {
        let place = format!("In account {}, {}:", finding.account(), visible(&finding.origin.region));
        lines.extend(part("Undo", &defused(&place, &[])));
    }
    for piece in parts {
        let label = if lines.last().is_none_or(String::is_empty) { "Undo" } else { "" };
        match piece.guarded_command_line() {
            Some(command) if command.len() > MAX_COMMAND => {
                lines.extend(part(label, "(a command that is too long to show)"));
            }
            Some(command) => {
                if piece.is_destructive() {
                    lines.extend(part(label, "(deletes or disconnects something)"));
                }
                lines.push(format!("{:LABEL$}  {}", "", without_links(&command)));
            }
            None => {
                if let RemediationPart::Text(text) = piece
                    && let text = text.trim_matches([' ', '.', ',', ':'])
                    && !text.is_empty()
                {
                    lines.extend(part(label, &plain(text)));
                }
            }
        }
    }
    if alert.count() > 1 {
        let others = alert.findings().skip(1).any(|one| one.call.operation != finding.call.operation);
        let note = if others {
            "This undoes the first of those listed below. The findings topic has the commands for the others."
        } else {
            "This undoes the first of those listed below. For the others, replace the names."
        };
        lines.extend(part("", note));
    }
}

/// The lines of an email that may have at most [`MAX_BYTES`]; a note says that lines are missing.
pub(super) fn cut(email: String) -> String {
    if email.len() <= MAX_BYTES {
        return email;
    }
    let mut bytes = 0;
    let fits = |line: &&str| {
        bytes += line.len() + 1;
        bytes <= MAX_BYTES
    };
    let kept: Vec<&str> = email.lines().take_while(fits).collect();
    let missing = email.lines().count() - kept.len();
    format!("{}\n{missing} more lines were cut: the message is too long for SNS.\n", kept.join("\n"))
}

/// The lines of one part, the first after its label.
pub(super) fn part(label: &str, text: &str) -> impl Iterator<Item = String> {
    let label = if label.len() < LABEL { format!("{label:<LABEL$}") } else { format!("{label}: ") };
    wrapped(&label, text).into_iter().take(MAX_PART_LINES)
}

/// `DeleteVpc vpc-0aaa…, eu-west-1, 2026-03-04T10:00:15Z`
fn entry(finding: &Finding) -> String {
    let resource = finding.primary_resource().filter(|_| !finding.names_no_resource());
    let resource = resource.map_or("(not named)", |resource| resource.id.as_str());
    let (operation, region) = (&finding.call.operation, &finding.origin.region);
    visible(&format!("{operation} {resource}, {region}, {}", finding.when())).into_owned()
}

fn short(text: &str) -> String {
    shortened(text, MAX_ENTRY).into_owned()
}

/// Remediation text, which names hosts on purpose: only links are defused.
pub(super) fn plain(text: &str) -> String {
    without_pictures(&text.replace("://", "[:]//")).into_owned()
}

/// The same for commands, which name files as `file://…`.
fn without_links(command: &str) -> String {
    without_pictures(&command.replace("http://", "http[:]//").replace("https://", "https[:]//")).into_owned()
}

/// The text in lines, the first after `label` and the others below it.
pub(super) fn wrapped(label: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(if label.is_empty() { 0 } else { LABEL });
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(label)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    textwrap::wrap(text, options).into_iter().map(|line| line.trim_end().to_owned()).collect()
}
