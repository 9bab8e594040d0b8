//! The report as Markdown (GitHub's dialect).
//!
//! Text from records is written as code spans, in which GitHub renders no markup, links or mentions.

use std::fmt::Write as _;

use super::details::details;
use super::terminal::{format_minute, headline, pluralized};
use super::{Problem, Report, ValueCounts};
use crate::text::visible;

/// Maximum number of values in each list.
const MAX_VALUES: usize = 20;

pub(super) fn document(report: &Report) -> String {
    let mut text = String::new();
    let summary = &report.summary;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# Trailwarden report\n\n{}.", headline(summary));
    if let Some((first, last)) = summary.first_seen.zip(summary.last_seen) {
        let _ = writeln!(text, "Events from {} to {} UTC.", format_minute(first), format_minute(last));
    }
    let _ = writeln!(text, "\n{}.", report.tally);
    if report.filtered_out > 0 {
        let _ = writeln!(text, "Findings hidden by filters: {}.", report.filtered_out);
    }
    if summary.findings() > 0 {
        text.push_str("\n## Summary\n");
        for (title, counts) in [
            ("Rules", &summary.rules),
            ("Actors", &summary.actors),
            ("Accounts", &summary.accounts),
            ("Regions", &summary.regions),
            ("Source addresses", &summary.addresses),
        ] {
            list(&mut text, title, counts);
        }
    }
    let problems = summary.problems.by_severity();
    let (open, suppressed): (Vec<&Problem>, Vec<&Problem>) =
        problems.into_iter().partition(|problem| !problem.is_suppressed());
    if !open.is_empty() {
        text.push_str("\n## Problems\n");
    }
    for problem in open {
        section(&mut text, problem);
    }
    if summary.problems.unlisted() > 0 {
        let _ = writeln!(
            text,
            "\n{} belong to problems that are not listed.",
            pluralized(summary.problems.unlisted(), "finding")
        );
    }
    if !suppressed.is_empty() {
        text.push_str("\n## Suppressed\n");
    }
    for problem in suppressed {
        section(&mut text, problem);
    }
    let rejections = &report.rejections;
    if !rejections.listed().is_empty() {
        text.push_str("\n## Rejected input\n\n");
        for rejection in rejections.listed() {
            let _ = writeln!(text, "* {}", code(rejection));
        }
        if rejections.unlisted() > 0 {
            let _ = writeln!(text, "* and {} more", rejections.unlisted());
        }
    }
    text
}

fn list(text: &mut String, title: &str, counts: &ValueCounts) {
    let values = counts.by_frequency();
    let _ = writeln!(text, "\n### {title}\n\n| findings | value |\n|---:|---|");
    for (value, count) in values.iter().take(MAX_VALUES) {
        let _ = writeln!(text, "| {count} | {} |", in_cell(&code(value)));
    }
    let rest = values.get(MAX_VALUES..).unwrap_or_default();
    let findings = rest.iter().map(|(_, count)| count).sum::<u64>() + counts.unlisted();
    if findings > 0 {
        let _ = writeln!(text, "| {findings} | others |");
    }
}

fn section(text: &mut String, problem: &Problem) {
    let severity = problem.severity.caption();
    let rule = &problem.rule;
    let _ = writeln!(text, "\n### {severity}: {} ({})\n", escaped(&rule.title), code(&rule.name));
    if let Some(finding) = &problem.latest {
        let _ = writeln!(text, "{}\n", code(&finding.full_message()));
    }
    let count = if problem.is_suppressed() { problem.suppressed } else { problem.findings };
    let seen = match problem.first_seen.zip(problem.last_seen) {
        Some((first, last)) if count > 1 => format!(" from {} to {} UTC", format_minute(first), format_minute(last)),
        Some((first, _)) => format!(" at {} UTC", format_minute(first)),
        None => String::new(),
    };
    let _ = writeln!(text, "{}{seen}. The latest:\n", pluralized(count, "finding"));
    for (label, texts) in problem.latest.iter().flat_map(|finding| details(finding)) {
        match texts.as_slice() {
            [detail] => {
                let _ = writeln!(text, "* {label}: {}", code(detail));
            }
            details => {
                let _ = writeln!(text, "* {label}:");
                for detail in details {
                    let _ = writeln!(text, "  * {}", code(detail));
                }
            }
        }
    }
}

/// Returns text as a code span with hidden characters escaped. Its fence is longer than any run of backticks in the text.
fn code(text: &str) -> String {
    let text = visible(text);
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    // GitHub does not show one space at each end. It separates backticks from the fence, and makes empty text a span.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Escapes a code span for a table cell, which `|` would end. A backslash before `|` would escape it, so all backslashes are
/// doubled.
fn in_cell(code: &str) -> String {
    if code.contains('|') { code.replace('\\', r"\\").replace('|', r"\|") } else { code.to_owned() }
}

/// Escapes markup in the text of a rule author.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible(text).chars() {
        if character.is_ascii_punctuation() && !matches!(character, '.' | ',' | ':' | ';' | '/' | '\'' | '"' | '%') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
