//! Findings as text for a person at a terminal, or as one OCSF document a line.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use crate::finding::{Finding, Severity, Status, ocsf};
use crate::text::visible;

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A paragraph a finding.
    Text,
    /// An OCSF Compliance Finding a line.
    Ocsf,
}

/// Writes one finding; `now` is the creation time of an OCSF document. Styles are written as ANSI escapes: `to` strips
/// them when it is no terminal.
///
/// # Errors
/// Those of `to`.
pub fn write(to: &mut dyn Write, format: Format, finding: &Finding, now: Timestamp) -> io::Result<()> {
    match format {
        Format::Ocsf => writeln!(to, "{}", ocsf::line(finding, now)),
        Format::Text => text(to, finding),
    }
}

fn text(to: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let rule = &finding.rule;
    let style = severity_style(finding.severity());
    let severity = finding.severity().caption().to_uppercase();
    let bold = Style::new().bold();
    if let Some(suppression) = &finding.suppression {
        let why = visible(&suppression.sentence()).into_owned();
        writeln!(to, "EXEMPT {bold}{}{bold:#} {}", rule.name, visible(&rule.title))?;
        writeln!(to, "  {}", finding.full_message())?;
        if finding.live.is_some() {
            writeln!(to, "  {}", finding.live_state())?;
        }
        return writeln!(to, "  {why}\n");
    }
    let status = if finding.status == Status::Warning { ", cannot be decided" } else { "" };
    writeln!(to, "{style}{severity}{style:#} {bold}{}{bold:#} {}{status}", rule.name, visible(&rule.title))?;
    writeln!(to, "  {}", finding.full_message())?;
    let mut row = |label: &str, value: &str| {
        let dim = Style::new().dimmed();
        if value.is_empty() { Ok(()) } else { writeln!(to, "  {dim}{label:<7}{dim:#}{value}") }
    };
    row("who", &finding.who())?;
    row("from", &finding.from())?;
    row("what", &finding.what())?;
    row("where", &finding.place())?;
    row("when", &finding.when())?;
    for (place, clause) in finding.why().into_iter().enumerate() {
        row(if place == 0 { "why" } else { "" }, clause)?;
    }
    row("live", &finding.live_state())?;
    for way in finding.ways_in() {
        row("way in", &way)?;
    }
    row("fix", &finding.remediation)?;
    row("breaks", &rule.breaks())?;
    row("ids", &finding.ids())?;
    if let Some(trace) = &finding.trace {
        for line in trace.to_string().lines() {
            writeln!(to, "    {line}")?;
        }
    }
    writeln!(to)
}

/// The style in which a severity is shown.
pub fn severity_style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Critical | Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low => AnsiColor::Cyan,
        Severity::Informational => AnsiColor::Blue,
    };
    let style = color.on_default().bold();
    if severity == Severity::Critical { style.invert() } else { style }
}
