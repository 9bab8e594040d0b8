//! Prints what a run finds: findings on standard output, everything else on standard error. Determines the exit code.
//!
//! In: the events of each file, in the order of the files. Worker threads format the findings, so that the one thread that
//! prints does nothing else.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::process;

use console::Term;
use indicatif::ProgressBar;
use jiff::Timestamp;
use trailwarden::finding::Finding;
use trailwarden::pipeline::{Outcome, Tally};
use trailwarden::report::{Details, Extent, FindingFilter, Summary, terminal_summary};
use trailwarden::sinks::console as text;
use trailwarden::text::visible;

use super::filters::FailOn;
use super::ordered::Item;

/// Width of the summary, in columns, where standard output is not a terminal.
const PIPED_WIDTH: usize = 100;

/// One thing to tell of a file.
pub(super) enum Told {
    /// It is read from here on; its name, for the progress bar.
    Begun(String),
    /// A finding, and its text as it is printed.
    Finding { text: Vec<u8>, finding: Box<Finding> },
    /// A finding that the filters leave out.
    LeftOut { is_suppressed: bool },
    /// Something was rejected; as it is printed.
    Rejection(String),
    /// It was read to its end.
    Ended(Box<Tally>),
    /// Evaluating it failed inside Trailwarden; its name.
    Failed(String),
}

impl Told {
    /// What to tell of `outcome`. Findings are formatted unless `format` is `None`.
    pub(super) fn of(outcome: Outcome, filter: &FindingFilter, format: Option<text::Format>, now: Timestamp) -> Self {
        match outcome {
            Outcome::Finding(finding) if filter.matches(&finding) => {
                let mut text = Vec::new();
                if let Some(format) = format {
                    // Memory takes whatever is written to it.
                    let _ = text::write(&mut text, format, &finding, now);
                }
                Self::Finding { text, finding }
            }
            Outcome::Finding(finding) => Self::LeftOut { is_suppressed: finding.suppression.is_some() },
            Outcome::Rejection(rejection) => Self::Rejection(format!("rejected: {rejection}")),
        }
    }
}

impl Item for Told {
    fn bytes(&self) -> usize {
        let behind = match self {
            Self::Begun(text) | Self::Rejection(text) | Self::Failed(text) => text.capacity(),
            // A finding takes about as much memory as its text.
            Self::Finding { text, .. } => size_of::<Finding>() + 2 * text.capacity(),
            Self::LeftOut { .. } => 0,
            Self::Ended(_) => size_of::<Tally>(),
        };
        size_of::<Self>() + behind
    }
}

/// What is printed beside findings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verbosity {
    /// How much of the summary is printed.
    pub(super) summary: Option<Extent>,
    /// Whether the counts of records are printed.
    pub(super) tally: bool,
}

/// Prints the events of a run.
pub(super) struct Printer {
    progress: ProgressBar,
    output: BufWriter<anstream::Stdout>,
    /// Whether standard output is a terminal.
    is_terminal: bool,
    verbosity: Verbosity,
    fail_on: FailOn,
    /// Whether some rule was refused.
    refused: bool,
    summary: Summary,
    /// Number of findings that the filters left out.
    left_out: u64,
    /// Number of findings that make the exit code 1.
    failing: u64,
    /// Counts of the files that are done.
    tally: Tally,
    /// Counts of the file whose turn it is.
    file: Tally,
}

impl Printer {
    pub(super) fn new(progress: ProgressBar, verbosity: Verbosity, fail_on: FailOn, refused: bool) -> Self {
        Self {
            progress,
            output: BufWriter::new(anstream::stdout()),
            is_terminal: io::stdout().is_terminal(),
            verbosity,
            fail_on,
            refused,
            summary: Summary::new(Details::Brief),
            left_out: 0,
            failing: 0,
            tally: Tally::default(),
            file: Tally::default(),
        }
    }

    /// Prints one event. Ends the process when findings can no longer be printed.
    pub(super) fn tell(&mut self, told: Told) {
        match told {
            Told::Begun(name) => self.progress.set_message(name),
            Told::Finding { text, finding } => {
                let is_suppressed = finding.suppression.is_some();
                self.count(is_suppressed);
                self.failing += u64::from(!is_suppressed && self.fail_on.includes(finding.severity()));
                if let Err(error) = self.print(&text) {
                    // Workers may be deep in long files, or wait for more of one.
                    process::exit(self.closed(&error).into());
                }
                if self.verbosity.summary.is_some() {
                    self.summary.add(finding);
                }
            }
            Told::LeftOut { is_suppressed } => {
                self.count(is_suppressed);
                self.left_out += 1;
            }
            Told::Rejection(line) => self.reject(&line),
            Told::Ended(tally) => {
                self.tally.add(&tally);
                self.file = Tally::default();
            }
            Told::Failed(name) => {
                let name = visible(&name);
                self.reject(&format!(
                    "rejected: {name}: evaluating it failed inside Trailwarden, and what is not told above was not \
                     evaluated; please report this",
                ));
                // How many records it had is not known.
                self.file.received = self.file.rejected;
                self.tally.add(&std::mem::take(&mut self.file));
            }
        }
    }

    /// Counts a finding of the file whose turn it is.
    fn count(&mut self, is_suppressed: bool) {
        *(if is_suppressed { &mut self.file.suppressed } else { &mut self.file.findings }) += 1;
    }

    /// Prints a finding. Where somebody watches, it is shown at once, and the bar steps aside for it.
    fn print(&mut self, text: &[u8]) -> io::Result<()> {
        let Self { progress, output, is_terminal, .. } = self;
        if *is_terminal {
            progress.suspend(|| output.write_all(text).and_then(|()| output.flush()))
        } else {
            output.write_all(text)
        }
    }

    fn reject(&mut self, line: &str) {
        self.file.rejected += 1;
        self.progress.suspend(|| {
            // Nothing can be done about a closed standard error.
            let _ = writeln!(anstream::stderr(), "{line}");
        });
    }

    /// Prints the summary and the counts. Returns the exit code.
    pub(super) fn end(mut self) -> u8 {
        if let Err(error) = self.output.flush() {
            return self.closed(&error);
        }
        self.progress.finish_and_clear();
        if let Some(extent) = self.verbosity.summary
            // Of a single finding, a brief summary would repeat everything.
            && (extent == Extent::FULL || self.summary.findings() + self.summary.suppressed > 1)
        {
            let size = if self.is_terminal { Term::stdout().size_checked() } else { None };
            let width = size.map_or(PIPED_WIDTH, |(_, columns)| usize::from(columns));
            let text = terminal_summary(&self.summary, extent, width);
            if let Err(error) = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush()) {
                return self.closed(&error);
            }
        }
        if self.verbosity.tally {
            // Nothing can be done about a closed standard error.
            let _ = writeln!(anstream::stderr(), "{}", self.tally);
            if self.left_out > 0 {
                let all = self.tally.findings + self.tally.suppressed;
                let _ = writeln!(anstream::stderr(), "{} of {all} findings do not match the filters", self.left_out);
            }
        }
        self.code()
    }

    /// What is left to tell when standard output is closed. The exit code.
    fn closed(&self, error: &io::Error) -> u8 {
        self.progress.finish_and_clear();
        // A reader that has seen enough, such as `head`, is no error; it gets no summary of what it did not want.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return self.code();
        }
        let _ = writeln!(anstream::stderr(), "error: standard output cannot be written: {error}");
        2
    }

    fn code(&self) -> u8 {
        let mut tally = self.tally;
        tally.add(&self.file);
        match tally {
            tally if self.refused || tally.rejected > 0 || !self.tally.balances() => 2,
            _ if self.failing > 0 => 1,
            _ => 0,
        }
    }
}
