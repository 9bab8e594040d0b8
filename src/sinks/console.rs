//! The console: findings as text for a person at a terminal, or as one OCSF document per line.

use std::fmt;
use std::future;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::{Delivery, DeliveryFuture, Failure, Sink, Terms, Timing};
use crate::finding::{Finding, Severity, Status, ocsf};
use crate::text::visible;

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A paragraph per finding.
    Text,
    /// An OCSF Compliance Finding per line.
    Ocsf,
}

/// Writes findings to a stream, such as standard output. What was written is flushed after each batch, so that an
/// interruption loses nothing.
pub struct Console {
    format: Format,
    stream: Mutex<Stream>,
}

struct Stream {
    to: Box<dyn Write + Send>,
    /// Why nothing more can be written.
    error: Option<io::Error>,
}

impl Console {
    /// A sink that writes to `to`.
    pub fn new(format: Format, to: Box<dyn Write + Send>) -> Self {
        Self { format, stream: Mutex::new(Stream { to, error: None }) }
    }

    /// Takes the error after which nothing more can be written, such as that of a closed pipe.
    pub fn take_error(&self) -> Option<io::Error> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).error.take()
    }

    fn write(&self, findings: &[Arc<Finding>], now: Timestamp) -> Delivery {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let Stream { to, error } = &mut *stream;
        let mut written = findings.iter().try_for_each(|finding| write(to, self.format, finding, now));
        written = written.and_then(|()| to.flush());
        let Err(reason) = written else {
            return Delivery { accepted: findings.len(), ..Delivery::default() };
        };
        let failure = |finding: &Arc<Finding>| Failure {
            uid: finding.message_uid(),
            reason: format!("it cannot be written: {reason}"),
            retryable: false,
        };
        let failures = findings.iter().map(failure).collect();
        *error = Some(reason);
        Delivery { failures, ..Delivery::default() }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Console").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Sink for Console {
    fn timing(&self) -> Timing {
        Timing::Immediate
    }

    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s> {
        Box::pin(future::ready(self.write(findings, terms.now)))
    }
}

/// Writes one finding; `now` is the creation time of an OCSF document. Styles are ANSI escapes, which `to` must remove if it is
/// no terminal.
///
/// # Errors
/// Returns those of `to`.
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
        if value.is_empty() { Ok(()) } else { writeln!(to, "  {dim}{label:<9}{dim:#}{value}") }
    };
    match &finding.terraform_address {
        // Nobody has called yet.
        Some(address) => row("address", &visible(address))?,
        None => {
            row("who", &finding.who())?;
            row("from", &finding.from())?;
        }
    }
    row("what", &finding.what())?;
    row("where", &finding.place())?;
    if finding.terraform_address.is_none() {
        row("when", &finding.when())?;
    }
    for (index, clause) in finding.why().into_iter().enumerate() {
        row(if index == 0 { "why" } else { "" }, clause)?;
    }
    row("live", &finding.live_state())?;
    for way in finding.access_paths() {
        row("path", &way)?;
    }
    row("fix", &finding.remediation.text())?;
    row("controls", &rule.controls_text())?;
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
