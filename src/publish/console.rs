//! Findings as text for a person at a terminal, or as one OCSF document a line.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use crate::finding::{Finding, RuleInfo, Severity, Status, ocsf};
use crate::text::{MOST_IN_A_SENTENCE, visible, visible_at_most};

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
    let (rule, origin, call) = (&finding.rule, &finding.origin, &finding.call);
    let style = style(rule.severity);
    let severity = rule.severity.caption().to_uppercase();
    let bold = Style::new().bold();
    if let Some(suppression) = &finding.suppression {
        let why = visible(&suppression.sentence()).into_owned();
        writeln!(to, "EXEMPT {bold}{}{bold:#} {}", rule.name, visible(&rule.title))?;
        writeln!(to, "  {}", finding.full_message())?;
        return writeln!(to, "  {why}\n");
    }
    let status = if finding.status == Status::Warning { ", cannot be decided" } else { "" };
    writeln!(to, "{style}{severity}{style:#} {bold}{}{bold:#} {}{status}", rule.name, visible(&rule.title))?;
    writeln!(to, "  {}", finding.full_message())?;
    let mut row = |label: &str, value: &str| {
        let dim = Style::new().dimmed();
        if value.is_empty() { Ok(()) } else { writeln!(to, "  {dim}{label:<7}{dim:#}{value}") }
    };
    row("who", &who(finding))?;
    row("from", &from(finding))?;
    row("what", &visible(&format!("{} of {}", call.operation, call.service)))?;
    let resources: Vec<String> = finding.resources.iter().map(|one| format!("{} {}", one.kind, one.id)).collect();
    row("where", &visible(&format!("{}, account {}, {}", resources.join(", "), origin.account, origin.region)))?;
    row("when", &visible(origin.time_text.as_deref().unwrap_or("unknown")))?;
    for (place, clause) in why(finding).into_iter().enumerate() {
        row(if place == 0 { "why" } else { "" }, clause)?;
    }
    row("fix", &finding.remediation)?;
    row("breaks", &visible(&breaks(rule)))?;
    row("ids", &visible(&format!("event {}, problem {}", origin.event_id, finding.uid())))?;
    if let Some(trace) = &finding.trace {
        for line in trace.to_string().lines() {
            writeln!(to, "    {line}")?;
        }
    }
    writeln!(to)
}

fn who(finding: &Finding) -> String {
    let actor = &finding.actor;
    let also_known_as = actor.arn.as_ref().or(actor.kind.as_ref()).filter(|text| **text != actor.name);
    visible(&match also_known_as {
        Some(text) => format!("{} ({text})", actor.name),
        None => actor.name.clone(),
    })
    .into_owned()
}

fn from(finding: &Finding) -> String {
    let call = &finding.call;
    let parts = [call.source_address.as_deref(), call.user_agent.as_deref()];
    let parts: Vec<_> = parts.into_iter().flatten().map(|text| visible_at_most(text, MOST_IN_A_SENTENCE)).collect();
    parts.join(" with ")
}

/// The controls, each framework named once.
fn breaks(rule: &RuleInfo) -> String {
    let mut frameworks: Vec<(&str, Vec<&str>)> = Vec::new();
    for control in &rule.controls {
        match frameworks.iter_mut().find(|(name, _)| *name == control.framework) {
            Some((_, controls)) => controls.push(&control.control),
            None => frameworks.push((&control.framework, vec![&control.control])),
        }
    }
    let said = frameworks.into_iter().map(|(name, controls)| format!("{name} {}", controls.join(", ")));
    said.collect::<Vec<_>>().join("; ")
}

/// The clauses that held, without those that only repeat what was called.
fn why(finding: &Finding) -> Vec<&str> {
    let says_more = |field: &str| !matches!(field, "eventSource" | "eventName");
    let mut clauses: Vec<&str> =
        finding.evidence.iter().filter(|one| says_more(&one.field)).map(|one| one.text.as_str()).collect();
    if clauses.is_empty() {
        clauses = finding.evidence.iter().map(|one| one.text.as_str()).collect();
    }
    clauses
}

fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Critical | Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low => AnsiColor::Cyan,
        Severity::Informational => AnsiColor::Blue,
    };
    let style = color.on_default().bold();
    if severity == Severity::Critical { style.invert() } else { style }
}
