//! The email of an alert. A person on call must be able to read it in one minute.

use super::Alert;
use super::plain::{defused, without_pictures};
use crate::finding::{Finding, RemediationPart};
use crate::text::{shortened, visible};

/// Maximum characters of a subject: SNS accepts fewer than 100.
const MAX_SUBJECT: usize = 99;
/// Maximum characters of an account: names have up to fifty, and records may contain anything.
const MAX_ACCOUNT: usize = 24;
/// Characters of the column of labels.
const LABEL: usize = 10;
/// Maximum number of paths.
const MAX_PATHS: usize = 3;
/// Characters of a line. Commands are not broken.
const WIDTH: usize = 78;
/// Maximum number of clauses.
const MAX_CLAUSES: usize = 3;
/// Maximum lines of one part.
const MAX_PART_LINES: usize = 5;
/// Maximum lines in all, without the list of resources.
const MAX_LINES: usize = 40;
/// Maximum bytes of an email that is cut. A message contains it twice, beside the texts for chat and phones, and JSON escapes
/// may double it.
const MAX_BYTES: usize = 48 * 1024;
/// Maximum characters of one command. Only a forged record can cause a longer one, which is not shown.
const MAX_COMMAND: usize = 4096;

pub(super) fn subject(alert: &Alert<'_>) -> String {
    let (finding, rule) = (alert.lead, &alert.lead.rule);
    let severity = alert.severity().caption().to_uppercase();
    let count = if alert.count() > 1 { format!("{} x ", alert.count()) } else { String::new() };
    let account = finding.origin.account_name.as_ref().unwrap_or(&finding.origin.account);
    let account = shortened(account, MAX_ACCOUNT);
    let head = format!("[{}][{severity}] {count}", finding.status_word());
    let room = MAX_SUBJECT.saturating_sub(head.len() + account.len() + " - ".len());
    let title: String = rule.title.chars().take(room).collect();
    ascii_subject(&format!("{head}{} - {account}", title.trim_end()))
}

/// The beginning of a subject that SNS accepts: it rejects characters that are not printable ASCII, and a space at the
/// beginning.
pub(super) fn ascii_subject(subject: &str) -> String {
    let ascii = subject.trim_start().chars().map(|one| if (' '..='~').contains(&one) { one } else { '?' });
    ascii.take(MAX_SUBJECT).collect()
}

pub(super) fn body(alert: &Alert<'_>) -> String {
    let finding = alert.lead;
    let fields: Vec<&str> = finding.evidence.iter().map(|one| one.field.as_str()).collect();
    let mut lines = wrapped("", &defused(&finding.full_message(), &[]));
    if !alert.more.is_empty() {
        lines.extend(wrapped(
            "",
            &format!("{} more of the same by the same caller; all are listed below.", alert.more.len()),
        ));
    }
    lines.push(String::new());
    let row = |lines: &mut Vec<String>, label: &str, text: &str| {
        let text = defused(text, &fields);
        if !text.is_empty() {
            lines.extend(part(label, &text));
        }
    };
    row(&mut lines, "Who", &finding.who());
    row(&mut lines, "From", &finding.from());
    row(&mut lines, "When", &finding.when());
    row(&mut lines, "Where", &finding.place());
    row(&mut lines, "What", &finding.what());
    let why = finding.why();
    for clause in why.iter().take(MAX_CLAUSES) {
        row(&mut lines, "Why", clause);
    }
    row(&mut lines, "Live", &finding.live_state());
    for way in finding.access_paths().iter().take(MAX_PATHS) {
        row(&mut lines, "Path", way);
    }
    row(&mut lines, "Controls", &finding.rule.controls_text());
    // Commands are on lines of their own and not broken, so that they can be pasted.
    let mut label = "Undo";
    for piece in &finding.remediation.parts {
        match piece.command_line() {
            Some(command) if command.len() > MAX_COMMAND => {
                lines.extend(part("", "(a command that is too long to show)"));
            }
            Some(command) => lines.push(format!("{:LABEL$}  {}", "", without_links(&command))),
            None => {
                if let RemediationPart::Text(text) = piece
                    && let text = text.trim_matches([' ', '.', ',', ':'])
                    && !text.is_empty()
                {
                    lines.extend(part(label, &plain(text)));
                }
            }
        }
        label = "";
    }
    let name = &finding.rule.name;
    row(&mut lines, "Exempt", &format!("with a filter for the rule {name} in the file of exemptions"));
    row(&mut lines, "Ids", &finding.ids());
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES - 1);
        lines.push("Full details are on the findings topic.".to_owned());
    }
    if !alert.more.is_empty() {
        lines.push(String::new());
        lines.push(format!("All {}:", alert.count()));
        let all = std::iter::once(&alert.lead).chain(&alert.more);
        lines.extend(all.map(|one| format!("  {}", short(&defused(&place_of(one), &[])))));
    }
    lines.join("\n") + "\n"
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
fn part(label: &str, text: &str) -> impl Iterator<Item = String> {
    wrapped(&format!("{label:<LABEL$}"), text).into_iter().take(MAX_PART_LINES)
}

fn place_of(finding: &Finding) -> String {
    let resource = finding.primary_resource().map_or("", |resource| resource.id.as_str());
    visible(&format!("{resource}, {}, {}", finding.origin.region, finding.when())).into_owned()
}

fn short(text: &str) -> String {
    shortened(text, WIDTH).into_owned()
}

/// Remediation text, which names hosts on purpose: only links are defused.
fn plain(text: &str) -> String {
    without_pictures(&text.replace("://", "[:]//")).into_owned()
}

/// The same for commands, which name files as `file://…`.
fn without_links(command: &str) -> String {
    without_pictures(&command.replace("http://", "http[:]//").replace("https://", "https[:]//")).into_owned()
}

/// The text in lines, the first after `label` and the others below it.
fn wrapped(label: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(label.len());
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(label)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    textwrap::wrap(text, options).into_iter().map(|line| line.trim_end().to_owned()).collect()
}
