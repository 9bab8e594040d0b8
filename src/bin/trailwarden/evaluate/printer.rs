//! Prints what a run finds: findings on standard output, everything else on standard error. Determines the exit code.
//!
//! In: the events of each file, in the order of the files. Worker threads format the findings, so that the one thread that
//! prints does nothing else.

use std::io::{self, IsTerminal as _, Write as _};
use std::process;

use console::Term;
use indicatif::ProgressBar;
use trailwarden::finding::{Finding, Status};
use trailwarden::pipeline::Tally;
use trailwarden::report::{Details, Extent, Format, PIPED_WIDTH, Report, Summary, terminal_summary};
use trailwarden::text::visible;

use super::filters::FailOn;
use super::ordered::Item;
use super::outputs::Writing;

/// Size, in bytes, of a typical finding's evidence, remediation and names.
const TYPICAL_DETAILS: usize = 2048;

/// One thing to tell of a file.
pub(super) enum Told {
    /// It is read from here on; its name, for the progress bar.
    Begun(String),
    /// A finding, and its text in the format of each output.
    Finding { texts: Vec<String>, finding: Box<Finding> },
    /// A finding that the filters leave out.
    LeftOut { is_suppressed: bool },
    /// Something was rejected: where it is and why, safe to show.
    Rejection(String),
    /// It was read to its end.
    Ended(Box<Tally>),
    /// Evaluating it failed inside Trailwarden; its name.
    Failed(String),
}

impl Item for Told {
    fn bytes(&self) -> usize {
        let behind = match self {
            Self::Begun(text) | Self::Rejection(text) | Self::Failed(text) => text.capacity(),
            Self::Finding { texts, finding } => {
                let of_texts = texts.iter().map(|text| size_of::<String>() + text.capacity()).sum::<usize>();
                of_texts + size_of_val(&**finding) + 4 * finding.message.capacity() + TYPICAL_DETAILS
            }
            Self::LeftOut { .. } => 0,
            Self::Ended(_) => size_of::<Tally>(),
        };
        size_of::<Self>() + behind
    }
}

/// What is printed, and when a run fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// How much of the summary is printed.
    pub(super) summary: Option<Extent>,
    /// Whether the counts of records are printed.
    pub(super) tally: bool,
    /// Severity from which findings make the exit code 1.
    pub(super) fail_on: FailOn,
    /// Whether some rule was refused.
    pub(super) refused: bool,
}

/// Prints and writes the events of a run.
pub(super) struct Printer {
    progress: ProgressBar,
    settings: Settings,
    /// Standard output and the files, in the order of a finding's texts.
    outputs: Vec<Writing>,
    /// Whether standard output is among the outputs; it is the first then.
    prints: bool,
    /// Whether standard output is a terminal.
    is_terminal: bool,
    /// Whether findings are aggregated.
    summarises: bool,
    report: Report,
    /// Number of findings that make the exit code 1.
    failing: u64,
    /// Whether a file could not be written.
    failed: bool,
    /// Counts of the file whose turn it is; those of files that are done are in the report.
    file: Tally,
}

impl Printer {
    /// `outputs` are standard output, if findings are printed, and the files; `report` is that of a run without inputs.
    pub(super) fn new(
        progress: ProgressBar,
        settings: Settings,
        outputs: Vec<Writing>,
        prints: bool,
        report: Report,
    ) -> Self {
        let files = outputs.get(usize::from(prints)..).unwrap_or_default();
        let formats = || outputs.iter().map(|output| output.format);
        let is_full = formats().any(|format| format.details() == Details::Full);
        let aggregates = |format: Format| !matches!(format, Format::Text | Format::Ocsf | Format::Csv);
        let summarises = settings.summary.is_some()
            || formats().any(aggregates)
            || files.iter().any(|output| output.format == Format::Text);
        let summary = Summary::new(if is_full { Details::Full } else { Details::Brief });
        Self {
            progress,
            settings,
            prints,
            is_terminal: io::stdout().is_terminal(),
            summarises,
            report: Report { summary, ..report },
            outputs,
            failing: 0,
            failed: false,
            file: Tally::default(),
        }
    }

    /// Prints one event. Ends the process when findings can no longer be printed.
    pub(super) fn tell(&mut self, told: Told) {
        match told {
            Told::Begun(name) => self.progress.set_message(name),
            Told::Finding { texts, finding } => {
                let is_suppressed = finding.suppression.is_some();
                self.count(is_suppressed);
                let is_violation = !is_suppressed && finding.status != Status::Compliant;
                let fails = is_violation && self.settings.fail_on.includes(finding.severity());
                self.failing += u64::from(fails);
                self.write(&texts);
                if self.summarises {
                    self.report.summary.add(finding);
                }
            }
            Told::LeftOut { is_suppressed } => {
                self.count(is_suppressed);
                self.report.left_out += 1;
            }
            Told::Rejection(line) => self.reject(&line),
            Told::Ended(tally) => {
                self.report.tally.add(&tally);
                self.file = Tally::default();
            }
            Told::Failed(name) => {
                let name = visible(&name);
                self.reject(&format!(
                    "{name}: evaluating it failed inside Trailwarden, and what is not told above was not \
                     evaluated; please report this",
                ));
                // How many records it had is not known.
                self.file.received = self.file.rejected;
                self.report.tally.add(&std::mem::take(&mut self.file));
            }
        }
    }

    /// Counts a finding of the file whose turn it is.
    fn count(&mut self, is_suppressed: bool) {
        *(if is_suppressed { &mut self.file.suppressed } else { &mut self.file.findings }) += 1;
    }

    /// Writes a finding to every output. On a terminal it is shown at once, and the progress bar steps aside for it.
    fn write(&mut self, texts: &[String]) {
        let Self { outputs, progress, prints, is_terminal, .. } = self;
        let mut failures = Vec::new();
        for (place, (output, text)) in outputs.iter_mut().zip(texts).enumerate() {
            let is_printed = *prints && place == 0;
            let written = if is_printed && *is_terminal {
                progress.suspend(|| output.entry(text).and_then(|()| output.flush()))
            } else {
                output.entry(text)
            };
            if let Err(error) = written {
                failures.push((place, error));
            }
        }
        for (place, error) in failures.into_iter().rev() {
            if self.prints && place == 0 {
                // Workers may be deep in long files, or wait for more of one.
                process::exit(self.closed(&error).into());
            }
            self.fail(place, &error);
        }
    }

    /// Ends a file that cannot be written. It gets no more findings.
    fn fail(&mut self, place: usize, error: &io::Error) {
        self.failed = true;
        if let Some(output) = self.outputs.get_mut(place) {
            let name = output.name().to_owned();
            output.abandon();
            self.progress.suspend(|| {
                // Nothing can be done about a closed standard error.
                let _ = writeln!(anstream::stderr(), "error: {name} cannot be written: {error}");
            });
        }
    }

    fn reject(&mut self, rejection: &str) {
        self.file.rejected += 1;
        self.report.rejections.add(rejection);
        self.progress.suspend(|| {
            // Nothing can be done about a closed standard error.
            let _ = writeln!(anstream::stderr(), "rejected: {rejection}");
        });
    }

    /// Ends the reports, and prints the summary and the counts. Returns the exit code.
    pub(super) fn end(mut self) -> u8 {
        self.report.is_complete = self.code() != 2;
        for place in usize::from(self.prints)..self.outputs.len() {
            let ended = self.outputs.get_mut(place).map(|output| output.end(&self.report));
            if let Some(Err(error)) = ended {
                self.fail(place, &error);
            }
        }
        if self.prints
            && let Err(error) = self.end_standard_output()
        {
            return self.closed(&error);
        }
        self.progress.finish_and_clear();
        if self.settings.tally {
            let Report { tally, left_out, .. } = &self.report;
            // Nothing can be done about a closed standard error.
            let _ = writeln!(anstream::stderr(), "{tally}");
            if *left_out > 0 {
                let all = tally.findings + tally.suppressed;
                let _ = writeln!(anstream::stderr(), "{left_out} of {all} findings do not match the filters");
            }
        }
        self.code()
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
            // Of a single finding, a brief summary would repeat everything.
            Some(extent) if extent == Extent::FULL || findings > 1 => {
                let size = if *is_terminal { Term::stdout().size_checked() } else { None };
                let width = size.map_or(PIPED_WIDTH, |(_, columns)| usize::from(columns));
                output.write(&terminal_summary(&report.summary, extent, width))
            }
            _ => output.flush(),
        }
    }

    /// What is left to tell when standard output is closed. The exit code.
    fn closed(&self, error: &io::Error) -> u8 {
        self.progress.finish_and_clear();
        // A reader that has seen enough, such as `head`, is no error; it gets no summary of what it did not want.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return self.code();
        }
        // Nothing can be done about a closed standard error.
        let _ = writeln!(anstream::stderr(), "error: standard output cannot be written: {error}");
        2
    }

    fn code(&self) -> u8 {
        let done = self.report.tally;
        let mut tally = done;
        tally.add(&self.file);
        if self.failed || self.settings.refused || tally.rejected > 0 || !done.balances() {
            2
        } else {
            u8::from(self.failing > 0)
        }
    }
}
