//! The email: what a person reads at night in one minute.

use super::Alert;
use crate::finding::Finding;
use crate::text::{shortened, visible};

/// SNS takes fewer than 100 characters.
const MOST_OF_A_SUBJECT: usize = 99;
/// Accounts have twelve digits, and names of up to fifty characters; records may say anything.
const MOST_OF_AN_ACCOUNT: usize = 24;
/// Ways in that are shown.
const MOST_WAYS: usize = 3;
/// Characters of a line, but for commands, which are not broken.
const WIDTH: usize = 78;
/// Findings that are listed beside the first.
const MOST_LISTED: usize = 8;
/// Clauses that are shown.
const MOST_CLAUSES: usize = 3;
/// Lines of one part that are shown.
const MOST_LINES_OF_A_PART: usize = 5;
/// Lines in all.
const MOST_LINES: usize = 40;

pub(super) fn subject(alert: &Alert<'_>) -> String {
    let (finding, rule) = (alert.lead, &alert.lead.rule);
    let severity = alert.severity().caption().to_uppercase();
    let count = if alert.count() > 1 { format!("{} x ", alert.count()) } else { String::new() };
    let account = finding.origin.account_name.as_ref().unwrap_or(&finding.origin.account);
    let account = shortened(account, MOST_OF_AN_ACCOUNT);
    let head = format!("[{}][{severity}] {count}", finding.status_word());
    let room = MOST_OF_A_SUBJECT.saturating_sub(head.len() + account.len() + " - ".len());
    let title: String = rule.title.chars().take(room).collect();
    let subject = format!("{head}{} - {account}", title.trim_end());
    // SNS refuses what is no printable ASCII, and what begins with a blank.
    let ascii = subject.chars().map(|one| if (' '..='~').contains(&one) { one } else { '?' });
    ascii.take(MOST_OF_A_SUBJECT).collect()
}

pub(super) fn body(alert: &Alert<'_>) -> String {
    let finding = alert.lead;
    let mut lines = wrapped("", &plain(&finding.full_message()));
    if !alert.more.is_empty() {
        lines.extend(wrapped("", &format!("{} more of the same by the same caller:", alert.more.len())));
        for other in alert.more.iter().take(MOST_LISTED) {
            lines.push(format!("  {}", short(&plain(&place_of(other)))));
        }
        if alert.more.len() > MOST_LISTED {
            lines.push(format!("  and {} more", alert.more.len() - MOST_LISTED));
        }
    }
    lines.push(String::new());
    let row = |lines: &mut Vec<String>, label: &str, text: &str| {
        let text = plain(text);
        if !text.is_empty() {
            lines.extend(wrapped(&format!("{label:<8}"), &text).into_iter().take(MOST_LINES_OF_A_PART));
        }
    };
    row(&mut lines, "Who", &finding.who());
    row(&mut lines, "From", &finding.from());
    row(&mut lines, "When", &finding.when());
    row(&mut lines, "Where", &finding.place());
    row(&mut lines, "What", &finding.what());
    let why = finding.why();
    for clause in why.iter().take(MOST_CLAUSES) {
        row(&mut lines, "Why", clause);
    }
    row(&mut lines, "Live", &finding.live_state());
    for way in finding.ways_in().iter().take(MOST_WAYS) {
        row(&mut lines, "Way in", way);
    }
    row(&mut lines, "Breaks", &finding.rule.breaks());
    // Commands stand on lines of their own, whole, so that they can be pasted.
    for (place, part) in finding.remediation.split('`').enumerate() {
        match (place % 2, part.trim_matches([' ', '.', ',', ':'])) {
            (_, "") => {}
            (0, text) => row(&mut lines, if place == 0 { "Undo" } else { "" }, text),
            (_, command) => lines.push(format!("          {}", without_links(command))),
        }
    }
    let name = &finding.rule.name;
    row(&mut lines, "Exempt", &format!("with a filter for the rule {name} in the file of exemptions"));
    row(&mut lines, "Ids", &finding.ids());
    if lines.len() > MOST_LINES {
        lines.truncate(MOST_LINES - 1);
        lines.push("The rest stands in the message on the topic for machines.".to_owned());
    }
    lines.join("\n") + "\n"
}

fn place_of(finding: &Finding) -> String {
    let resource = finding.primary_resource().map_or("", |resource| resource.id.as_str());
    visible(&format!("{resource}, {}, {}", finding.origin.region, finding.when())).into_owned()
}

fn short(text: &str) -> String {
    shortened(text, WIDTH).into_owned()
}

/// Links that others wrote are not to be clicked.
fn plain(text: &str) -> String {
    text.replace("://", "[:]//")
}

/// The same for commands, which name files as `file://…`.
fn without_links(command: &str) -> String {
    command.replace("http://", "http[:]//").replace("https://", "https[:]//")
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
