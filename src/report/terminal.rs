//! The summary as text that fits a terminal.

use std::fmt::Write as _;

use anstyle::Style;
use comfy_table::{CellAlignment, ContentArrangement, Row, Table, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::{Problem, Summary, ValueCounts};
use crate::finding::Severity;
use crate::sinks::console::severity_style;
use crate::text::shortened;

/// Width of a summary, in columns, where it is not written to a terminal.
pub const PIPED_WIDTH: usize = 100;

/// Minimum width, in columns, for two lists beside each other.
const TWO_COLUMNS: usize = 96;
/// Minimum width, in columns, for a problem in one line.
const ONE_LINE: usize = 160;
/// Minimum width, in columns, for columns of accounts and times.
const FIVE_COLUMNS: usize = 90;
/// Space between columns.
const GAP: usize = 3;

/// How much of a summary is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Maximum number of values in each list.
    pub values: usize,
    /// Maximum number of problems.
    pub problems: usize,
}

impl Extent {
    /// After the findings.
    pub const BRIEF: Self = Self { values: 5, problems: 10 };
    /// In place of the findings.
    pub const FULL: Self = Self { values: 15, problems: 100 };
}

/// The summary, for a terminal of `width` columns. Styles are written as ANSI escapes.
pub fn summary(summary: &Summary, extent: Extent, width: usize) -> String {
    let mut text = String::new();
    let bold = Style::new().bold();
    // Writing to a String cannot fail.
    for line in textwrap::wrap(&headline(summary), width.max(1)) {
        let _ = writeln!(text, "{bold}{line}{bold:#}");
    }
    if summary.is_empty() {
        return text;
    }
    if let Some((first, last)) = summary.first_seen.zip(summary.last_seen) {
        let seen = format!("Events from {} to {} UTC", minute(first), minute(last));
        let _ = writeln!(text, "{}", textwrap::fill(&seen, width.max(1)));
    }
    if summary.findings() > 0 {
        text.push('\n');
        text.push_str(&lists(summary, extent, width));
    }
    text.push('\n');
    text.push_str(&problems(summary, extent, width));
    text
}

/// `113 findings of 61 problems: 4 critical, 30 high; 2 are suppressed`
pub(super) fn headline(summary: &Summary) -> String {
    let by_severity = summary.severities.iter().filter(|(_, count)| *count > 0);
    let by_severity: Vec<String> =
        by_severity.map(|(severity, count)| format!("{count} {}", severity.caption().to_lowercase())).collect();
    let problems = &summary.problems;
    let open = problems.by_severity().into_iter().filter(|problem| !problem.is_suppressed()).count();
    let more = if problems.unlisted() > 0 { " or more" } else { "" };
    let mut text = match summary.findings() {
        0 => "No findings".to_owned(),
        findings => {
            let of_problems = format!("{}{more}", counted(u64::try_from(open).unwrap_or(u64::MAX), "problem"));
            format!("{} of {of_problems}: {}", counted(findings, "finding"), by_severity.join(", "))
        }
    };
    for (count, status) in [(summary.warnings, "undecided (Warning)"), (summary.suppressed, "suppressed")] {
        if count > 0 {
            let _ = write!(text, "; {count} {status}");
        }
    }
    text
}

/// The lists of values, in two columns where there is room.
fn lists(summary: &Summary, extent: Extent, width: usize) -> String {
    let columns = if width >= TWO_COLUMNS { 2 } else { 1 };
    let each = (width + GAP) / columns - GAP;
    let blocks: Vec<Vec<String>> = [
        ("Rules", &summary.rules),
        ("Actors", &summary.actors),
        ("Accounts", &summary.accounts),
        ("Regions", &summary.regions),
        ("Source addresses", &summary.addresses),
    ]
    .into_iter()
    .map(|(title, counts)| list(title, counts, extent.values, each))
    .collect();
    let mut text = String::new();
    for row in blocks.chunks(columns) {
        let height = row.iter().map(Vec::len).max().unwrap_or_default();
        for line in 0..height {
            let mut written = String::new();
            for (place, block) in row.iter().enumerate() {
                written.push_str(&" ".repeat((place * (each + GAP)).saturating_sub(written.width())));
                written.push_str(block.get(line).map_or("", String::as_str));
            }
            let written = written.trim_end();
            let bold = Style::new().bold();
            // Titles have no numbers beside them, and are the first line of their blocks.
            let _ = if line == 0 { writeln!(text, "{bold}{written}{bold:#}") } else { writeln!(text, "{written}") };
        }
        text.push('\n');
    }
    text.pop();
    text
}

/// A title, and a line for each of the most frequent values.
fn list(title: &str, counts: &ValueCounts, max: usize, width: usize) -> Vec<String> {
    let values = counts.by_frequency();
    let digits = values.first().map_or(1, |(_, count)| count.to_string().len());
    let line = |count: u64, value: &str| {
        let value = fitting(value, width.saturating_sub(digits + 4));
        format!("  {count:>digits$}  {value}")
    };
    let mut lines = vec![title.to_owned()];
    lines.extend(values.iter().take(max).map(|(value, count)| line(*count, value)));
    let rest = values.get(max..).unwrap_or_default();
    let findings = rest.iter().map(|(_, count)| count).sum::<u64>() + counts.others();
    if findings > 0 {
        let others = match (rest.len(), counts.others()) {
            (1, 0) => "with 1 other".to_owned(),
            (many, 0) => format!("with {many} others"),
            (many, _) => format!("with more than {many} others"),
        };
        lines.push(line(findings, &others));
    }
    lines
}

/// The value in no more than `max` columns.
fn fitting(value: &str, max: usize) -> String {
    let mut characters = value.chars().count();
    let mut short = shortened(value, characters);
    while short.width() > max && characters > 1 {
        characters -= 1;
        short = shortened(value, characters);
    }
    short.into_owned()
}

fn problems(summary: &Summary, extent: Extent, width: usize) -> String {
    let all = summary.problems.by_severity();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    let header: &[&str] = match width {
        ONE_LINE.. => &["SEVERITY", "COUNT", "RULE", "RESOURCE", "ACCOUNT", "REGION", "FIRST SEEN", "LAST SEEN"],
        FIVE_COLUMNS.. => &["SEVERITY", "COUNT", "RULE\nRESOURCE", "ACCOUNT\nREGION", "FIRST SEEN\nLAST SEEN"],
        _ => &["SEVERITY", "COUNT", "PROBLEM"],
    };
    table.set_header(Row::from(header.iter().copied()));
    for problem in all.iter().take(extent.problems) {
        table.add_row(Row::from(cells(problem, width)));
    }
    let last = header.len() - 1;
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if place == last { 0 } else { 2 }));
        if place == 1 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for (place, line) in table.lines().enumerate() {
        let line = line.trim_end();
        let header_lines = header.iter().map(|cell| cell.lines().count()).max().unwrap_or(1);
        // Writing to a String cannot fail.
        let _ = match severity_at_start(line) {
            _ if place < header_lines => {
                let dim = Style::new().dimmed();
                writeln!(text, "{dim}{line}{dim:#}")
            }
            Some((severity, rest)) => {
                let style = severity_style(severity);
                writeln!(text, "{style}{}{style:#}{rest}", severity.caption().to_uppercase())
            }
            None => writeln!(text, "{line}"),
        };
    }
    let rest = all.len().saturating_sub(extent.problems);
    if rest > 0 || summary.problems.unlisted() > 0 {
        let rest = match (rest, summary.problems.unlisted()) {
            (1, 0) => "1 problem more".to_owned(),
            (many, 0) => format!("{many} problems more"),
            (many, findings) => format!("{many} problems more, and others with {findings} findings"),
        };
        let _ = writeln!(text, "… {rest}");
    }
    text
}

fn cells(problem: &Problem, width: usize) -> Vec<String> {
    let severity =
        if problem.is_suppressed() { "suppressed".to_owned() } else { problem.severity.caption().to_uppercase() };
    let count = if problem.is_suppressed() { problem.suppressed } else { problem.findings }.to_string();
    let rule = problem.rule.name.clone();
    let resource = problem.resource.clone();
    let (account, region) = (problem.account.clone(), problem.region.clone());
    let seen = |time: Option<Timestamp>| time.map_or_else(|| "unknown".to_owned(), minute);
    let (first, last) = (seen(problem.first_seen), seen(problem.last_seen));
    match width {
        ONE_LINE.. => vec![severity, count, rule, resource, account, region, first, last],
        FIVE_COLUMNS.. => {
            vec![severity, count, [rule, resource].join("\n"), [account, region].join("\n"), [first, last].join("\n")]
        }
        _ => {
            let seen = if first == last { first } else { format!("{first} to {last}") };
            vec![severity, count, [rule, resource, format!("{account} {region}"), seen].join("\n")]
        }
    }
}

/// The severity a line of the table begins with, and what follows.
fn severity_at_start(line: &str) -> Option<(Severity, &str)> {
    super::SeverityCounts::SEVERITIES
        .into_iter()
        .find_map(|severity| Some((severity, line.strip_prefix(&severity.caption().to_uppercase())?)))
}

/// `2026-03-04 10:00`, in UTC.
pub(super) fn minute(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `1 finding`, `2 findings`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
