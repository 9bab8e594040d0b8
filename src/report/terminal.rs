//! The summary as text for a terminal.

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

/// Width of a summary, in columns, that is not written to a terminal.
pub const PIPED_WIDTH: usize = 100;

/// Minimum width, in columns, for two lists side by side.
const TWO_COLUMNS: usize = 96;
/// Minimum width, in columns, for one line per problem.
const ONE_LINE: usize = 160;
/// Minimum width, in columns, for columns with accounts and times.
const FIVE_COLUMNS: usize = 90;
/// Space between columns.
const GAP: usize = 3;

/// The extent of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Maximum number of values in each list.
    pub values: usize,
    /// Maximum number of problems.
    pub problems: usize,
}

impl Extent {
    /// For a summary after the findings.
    pub const BRIEF: Self = Self { values: 5, problems: 10 };
    /// For a summary instead of the findings.
    pub const FULL: Self = Self { values: 15, problems: 100 };
}

/// Formats the summary for a terminal of `width` columns, with ANSI escapes for styles.
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
        let seen = format!("Events from {} to {} UTC", format_minute(first), format_minute(last));
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

/// Returns a line such as `113 findings of 61 problems: 4 critical, 30 high; 2 suppressed`.
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
            let of_problems = format!("{}{more}", pluralized(u64::try_from(open).unwrap_or(u64::MAX), "problem"));
            format!("{} of {of_problems}: {}", pluralized(findings, "finding"), by_severity.join(", "))
        }
    };
    for (count, status) in [(summary.warnings, "undecided (Warning)"), (summary.suppressed, "suppressed")] {
        if count > 0 {
            let _ = write!(text, "; {count} {status}");
        }
    }
    text
}

/// Formats the lists of values, in two columns if the width allows.
fn lists(summary: &Summary, extent: Extent, width: usize) -> String {
    let columns = if width >= TWO_COLUMNS { 2 } else { 1 };
    let column_width = (width + GAP) / columns - GAP;
    let blocks: Vec<Vec<String>> = [
        ("Rules", &summary.rules),
        ("Actors", &summary.actors),
        ("Accounts", &summary.accounts),
        ("Regions", &summary.regions),
        ("Source addresses", &summary.addresses),
    ]
    .into_iter()
    .map(|(title, counts)| list(title, counts, extent.values, column_width))
    .collect();
    let mut text = String::new();
    for row in blocks.chunks(columns) {
        let height = row.iter().map(Vec::len).max().unwrap_or_default();
        for line in 0..height {
            let mut row_text = String::new();
            for (index, block) in row.iter().enumerate() {
                row_text.push_str(&" ".repeat((index * (column_width + GAP)).saturating_sub(row_text.width())));
                row_text.push_str(block.get(line).map_or("", String::as_str));
            }
            let row_text = row_text.trim_end();
            let bold = Style::new().bold();
            // The first line of each block is its title.
            let _ = if line == 0 { writeln!(text, "{bold}{row_text}{bold:#}") } else { writeln!(text, "{row_text}") };
        }
        text.push('\n');
    }
    text.pop();
    text
}

/// Formats a title, and a line for each of the most frequent values.
fn list(title: &str, counts: &ValueCounts, max: usize, width: usize) -> Vec<String> {
    let values = counts.by_frequency();
    let digits = values.first().map_or(1, |(_, count)| count.to_string().len());
    let line = |count: u64, value: &str| {
        let value = truncated_to_width(value, width.saturating_sub(digits + 4));
        format!("  {count:>digits$}  {value}")
    };
    let mut lines = vec![title.to_owned()];
    lines.extend(values.iter().take(max).map(|(value, count)| line(*count, value)));
    let rest = values.get(max..).unwrap_or_default();
    let findings = rest.iter().map(|(_, count)| count).sum::<u64>() + counts.unlisted();
    if findings > 0 {
        let others = match (rest.len(), counts.unlisted()) {
            (1, 0) => "with 1 other".to_owned(),
            (count, 0) => format!("with {count} others"),
            (count, _) => format!("with more than {count} others"),
        };
        lines.push(line(findings, &others));
    }
    lines
}

/// Shortens a value to at most `max` columns.
fn truncated_to_width(value: &str, max: usize) -> String {
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
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
        if index == 1 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = String::new();
    for (index, line) in table.lines().enumerate() {
        let line = line.trim_end();
        let header_lines = header.iter().map(|cell| cell.lines().count()).max().unwrap_or(1);
        // Writing to a String cannot fail.
        let _ = match severity_at_start(line) {
            _ if index < header_lines => {
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
            (1, 0) => "1 more problem".to_owned(),
            (count, 0) => format!("{count} more problems"),
            (count, findings) => format!("{count} more problems, and others with {findings} findings"),
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
    let seen = |time: Option<Timestamp>| time.map_or_else(|| "unknown".to_owned(), format_minute);
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

/// Splits a line of the table into the severity at its start and the rest.
fn severity_at_start(line: &str) -> Option<(Severity, &str)> {
    super::SeverityCounts::SEVERITIES
        .into_iter()
        .find_map(|severity| Some((severity, line.strip_prefix(&severity.caption().to_uppercase())?)))
}

/// Formats a time in UTC: `2026-03-04 10:00`.
pub(super) fn format_minute(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Returns a count with a noun: `1 finding`, `2 findings`.
pub(super) fn pluralized(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
