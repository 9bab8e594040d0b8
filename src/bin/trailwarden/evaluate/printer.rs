//! Prints findings to standard output and everything else to standard error, and determines the exit code.
//!
//! In: the events of each file, in the order of the files. Worker threads format the findings, so that the printing thread
//! does little work.

use std::io::{self, IsTerminal as _};
use std::process;

use console::Term;
use indicatif::ProgressBar;
use trailwarden::finding::{Finding, Status};
use trailwarden::pipeline::Tally;
use trailwarden::report::{Extent, Format, PIPED_WIDTH, ProblemDetail, Report, Summary, terminal_summary};
use trailwarden::text::visible;

use super::filters::FailOn;
use super::journal::{Earlier, Evaluated, Journal};
use super::ordered::Queued;
use super::outputs::ReportWriter;
use crate::output::message;

/// Size, in bytes, of a typical finding's evidence, remediation and names.
const TYPICAL_DETAILS: usize = 2048;

/// An event in the evaluation of a file.
pub(super) enum RunEvent {
    /// The evaluation started. The name of the file is for the progress bar.
    Started(String),
    /// A finding, and its text in the format of each output.
    Finding { texts: Vec<String>, finding: Box<Finding> },
    /// A finding that does not match the filters.
    FilteredOut { is_suppressed: bool },
    /// A rejection: its position and reason, safe to print.
    Rejection(String),
    /// The file was read to its end. `input` is its name and size, unless a later run must evaluate it again.
    Finished { tally: Box<Tally>, input: Option<(String, u64)> },
    /// The evaluation panicked. The name of the file.
    Failed(String),
}

impl Queued for RunEvent {
    fn bytes(&self) -> usize {
        let heap = match self {
            Self::Started(text) | Self::Rejection(text) | Self::Failed(text) => text.capacity(),
            Self::Finding { texts, finding } => {
                let text_bytes = texts.iter().map(|text| size_of::<String>() + text.capacity()).sum::<usize>();
                text_bytes + size_of_val(&**finding) + 4 * finding.message.capacity() + TYPICAL_DETAILS
            }
            Self::FilteredOut { .. } => 0,
            Self::Finished { input, .. } => size_of::<Tally>() + input.as_ref().map_or(0, |(name, _)| name.capacity()),
        };
        size_of::<Self>() + heap
    }
}

/// The settings for output and exit code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// The extent of the summary; `None` for no summary.
    pub(super) summary: Option<Extent>,
    /// Whether the counts of records are printed.
    pub(super) tally: bool,
    /// The minimum severity of findings for exit code 1.
    pub(super) fail_on: FailOn,
    /// Whether a rule was rejected.
    pub(super) has_rejected_rules: bool,
}

/// Prints and writes the events of a run.
pub(super) struct Printer {
    progress: ProgressBar,
    settings: Settings,
    /// Standard output and the report files, in the order of a finding's texts.
    outputs: Vec<ReportWriter>,
    /// Whether findings are printed. Standard output is then the first output.
    prints_findings: bool,
    /// Whether standard output is a terminal.
    is_terminal: bool,
    /// Whether findings are aggregated.
    aggregates_findings: bool,
    report: Report,
    /// Number of findings that result in exit code 1.
    failing_findings: u64,
    /// Whether a file could not be written.
    has_write_error: bool,
    /// The counts of the current file. Those of finished files are in the report.
    file: Tally,
    /// The number of findings of the current file that result in exit code 1.
    file_failing_findings: u64,
    journal: Option<Journal>,
}

impl Printer {
    /// `outputs` are standard output, if findings are printed, and the report files. `report` has no findings yet.
    pub(super) fn new(
        progress: ProgressBar,
        settings: Settings,
        outputs: Vec<ReportWriter>,
        prints_findings: bool,
        report: Report,
    ) -> Self {
        let files = outputs.get(usize::from(prints_findings)..).unwrap_or_default();
        let formats = || outputs.iter().map(|output| output.format);
        let is_full = formats().any(|format| format.problem_detail() == ProblemDetail::Full);
        let aggregates = |format: Format| !matches!(format, Format::Text | Format::Ocsf | Format::Csv);
        let aggregates_findings = settings.summary.is_some()
            || formats().any(aggregates)
            || files.iter().any(|output| output.format == Format::Text);
        let summary = Summary::new(if is_full { ProblemDetail::Full } else { ProblemDetail::Brief });
        Self {
            progress,
            settings,
            prints_findings,
            is_terminal: io::stdout().is_terminal(),
            aggregates_findings,
            report: Report { summary, ..report },
            outputs,
            failing_findings: 0,
            has_write_error: false,
            file: Tally::default(),
            file_failing_findings: 0,
            journal: None,
        }
    }

    /// Continues an earlier run.
    pub(super) fn with_journal(mut self, journal: Journal, earlier: &Earlier) -> Self {
        self.report.tally.add(&earlier.tally);
        self.failing_findings += earlier.failing_findings;
        self.journal = Some(journal);
        self
    }

    /// Handles an event. Exits the process if findings can no longer be printed.
    pub(super) fn handle(&mut self, event: RunEvent) {
        match event {
            RunEvent::Started(name) => self.progress.set_message(name),
            RunEvent::Finding { texts, finding } => {
                let is_suppressed = finding.suppression.is_some();
                self.count(is_suppressed);
                let is_violation = !is_suppressed && finding.status != Status::Compliant;
                let fails = is_violation && self.settings.fail_on.includes(finding.severity());
                self.failing_findings += u64::from(fails);
                self.file_failing_findings += u64::from(fails);
                self.write(&texts);
                if self.aggregates_findings {
                    self.report.summary.add(finding);
                }
            }
            RunEvent::FilteredOut { is_suppressed } => {
                self.count(is_suppressed);
                self.report.filtered_out += 1;
            }
            RunEvent::Rejection(line) => self.reject(&line),
            RunEvent::Finished { tally, input } => {
                self.report.tally.add(&tally);
                self.file = Tally::default();
                let failing_findings = std::mem::take(&mut self.file_failing_findings);
                if let Some((name, bytes)) = input {
                    self.record(Evaluated { name, bytes, tally: *tally, failing_findings });
                }
            }
            RunEvent::Failed(name) => {
                let name = visible(&name);
                self.reject(&format!(
                    "{name}: the evaluation failed with an internal error; the rest of this input was not evaluated. \
                     Please report this",
                ));
                // The number of records in the file is not known.
                self.file.received = self.file.rejected;
                self.report.tally.add(&std::mem::take(&mut self.file));
            }
        }
    }

    /// Records in the journal that a file was evaluated, after its findings have been written.
    fn record(&mut self, input: Evaluated) {
        // After a finding was lost, a later run must not continue behind it.
        if self.journal.is_none() || self.has_write_error {
            return;
        }
        let flushed: Vec<_> = self.outputs.iter_mut().map(ReportWriter::flush).collect();
        for (index, flushed) in flushed.into_iter().enumerate() {
            if let Err(error) = flushed {
                if self.prints_findings && index == 0 {
                    process::exit(self.stdout_closed(&error).into());
                }
                self.report_write_error(index, &error);
            }
        }
        let files = self.outputs.get(usize::from(self.prints_findings)..).unwrap_or_default();
        let lengths = files.iter().map(ReportWriter::length).collect();
        let Some(journal) = self.journal.as_mut().filter(|_| !self.has_write_error) else { return };
        if let Err(error) = journal.add(input, lengths) {
            self.has_write_error = true;
            let name = journal.name().to_owned();
            self.progress.suspend(|| message(format_args!("error: {name} cannot be written: {error}")));
        }
    }

    /// Counts a finding of the current file.
    fn count(&mut self, is_suppressed: bool) {
        *(if is_suppressed { &mut self.file.suppressed } else { &mut self.file.findings }) += 1;
    }

    /// Writes a finding to every output. A terminal shows it at once, above the progress bar.
    fn write(&mut self, texts: &[String]) {
        let Self { outputs, progress, prints_findings, is_terminal, .. } = self;
        let mut failures = Vec::new();
        for (index, (output, text)) in outputs.iter_mut().zip(texts).enumerate() {
            let is_printed = *prints_findings && index == 0;
            let written = if is_printed && *is_terminal {
                progress.suspend(|| output.entry(text).and_then(|()| output.flush()))
            } else {
                output.entry(text)
            };
            if let Err(error) = written {
                failures.push((index, error));
            }
        }
        for (index, error) in failures.into_iter().rev() {
            if self.prints_findings && index == 0 {
                // Exit at once: worker threads may be in the middle of long files, or wait for input.
                process::exit(self.stdout_closed(&error).into());
            }
            self.report_write_error(index, &error);
        }
    }

    /// Reports a file that cannot be written, and stops writing to it.
    fn report_write_error(&mut self, index: usize, error: &io::Error) {
        self.has_write_error = true;
        if let Some(output) = self.outputs.get_mut(index) {
            let name = output.name().to_owned();
            output.discard();
            self.progress.suspend(|| message(format_args!("error: {name} cannot be written: {error}")));
        }
    }

    fn reject(&mut self, rejection: &str) {
        self.file.rejected += 1;
        self.report.rejections.add(rejection);
        self.progress.suspend(|| message(format_args!("rejected: {rejection}")));
    }

    /// Ends the reports, and prints the summary and the counts. Returns the exit code.
    pub(super) fn end(mut self) -> u8 {
        self.report.is_complete = self.exit_code() != 2;
        for index in usize::from(self.prints_findings)..self.outputs.len() {
            let ended = self.outputs.get_mut(index).map(|output| output.end(&self.report));
            if let Some(Err(error)) = ended {
                self.report_write_error(index, &error);
            }
        }
        if self.prints_findings
            && let Err(error) = self.end_standard_output()
        {
            return self.stdout_closed(&error);
        }
        self.progress.finish_and_clear();
        if self.settings.tally {
            let Report { tally, filtered_out, .. } = &self.report;
            message(tally);
            if *filtered_out > 0 {
                let all = tally.findings + tally.suppressed;
                message(format_args!("{filtered_out} of {all} findings do not match the filters"));
            }
        }
        self.exit_code()
    }

    fn end_standard_output(&mut self) -> io::Result<()> {
        self.progress.finish_and_clear();
        let Self { outputs, report, settings, is_terminal, .. } = self;
        let Some(output) = outputs.first_mut() else { return Ok(()) };
        if output.format != Format::Text {
            return output.end(report);
        }
        let findings = report.summary.findings() + report.summary.suppressed;
        match settings.summary {
            // A brief summary of a single finding would only repeat it.
            Some(extent) if extent == Extent::FULL || findings > 1 => {
                let size = if *is_terminal { Term::stdout().size_checked() } else { None };
                let width = size.map_or(PIPED_WIDTH, |(_, columns)| usize::from(columns));
                output.write(&terminal_summary(&report.summary, extent, width))
            }
            _ => output.flush(),
        }
    }

    /// Handles an error of standard output. Returns the exit code.
    fn stdout_closed(&self, error: &io::Error) -> u8 {
        self.progress.finish_and_clear();
        // A reader such as `head` may close the pipe early. That is not an error, and needs no summary.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return self.exit_code();
        }
        message(format_args!("error: standard output cannot be written: {error}"));
        2
    }

    fn exit_code(&self) -> u8 {
        let finished = self.report.tally;
        let mut tally = finished;
        tally.add(&self.file);
        if self.has_write_error || self.settings.has_rejected_rules || tally.rejected > 0 || !finished.balances() {
            2
        } else {
            u8::from(self.failing_findings > 0)
        }
    }
}
