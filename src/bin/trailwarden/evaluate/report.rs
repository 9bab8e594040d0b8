//! What a user is told of a run: findings on standard output, everything else on standard error, and the exit code.
//!
//! In: what becomes of each file, in the order of the files. Workers make the text, so that the one thread that prints
//! does nothing else.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::process;

use indicatif::ProgressBar;
use jiff::Timestamp;
use trailwarden::pipeline::{Outcome, Tally};
use trailwarden::sinks::console;
use trailwarden::text::visible;

use super::ordered::Item;

/// One thing to tell of a file.
pub(super) enum Told {
    /// It is read from here on; its name, for the progress bar.
    Begun(String),
    /// A finding, as it is printed.
    Finding { text: Vec<u8>, exempt: bool },
    /// Something was rejected; as it is printed.
    Rejection(String),
    /// It was read to its end.
    Ended(Box<Tally>),
    /// Evaluating it failed inside Trailwarden; its name.
    Failed(String),
}

impl Told {
    pub(super) fn of(outcome: Outcome, format: console::Format, now: Timestamp) -> Self {
        match outcome {
            Outcome::Finding(finding, _) => {
                let mut text = Vec::new();
                // Memory takes whatever is written to it.
                let _ = console::write(&mut text, format, &finding, now);
                Self::Finding { text, exempt: finding.suppression.is_some() }
            }
            Outcome::Rejection(rejection) => Self::Rejection(format!("rejected: {rejection}")),
        }
    }
}

impl Item for Told {
    fn bytes(&self) -> usize {
        let behind = match self {
            Self::Begun(text) | Self::Rejection(text) | Self::Failed(text) => text.capacity(),
            Self::Finding { text, .. } => text.capacity(),
            Self::Ended(_) => size_of::<Tally>(),
        };
        size_of::<Self>() + behind
    }
}

/// Tells the user.
pub(super) struct Report {
    progress: ProgressBar,
    output: BufWriter<anstream::Stdout>,
    /// Whether somebody watches the findings come.
    watched: bool,
    /// Whether some rule was refused.
    refused: bool,
    /// What became of the files that are done.
    tally: Tally,
    /// What was told of the file whose turn it is.
    file: Tally,
}

impl Report {
    pub(super) fn new(progress: ProgressBar, refused: bool) -> Self {
        Self {
            progress,
            output: BufWriter::new(anstream::stdout()),
            watched: io::stdout().is_terminal(),
            refused,
            tally: Tally::default(),
            file: Tally::default(),
        }
    }

    /// Tells one thing. Ends the process when findings can no longer be told.
    pub(super) fn tell(&mut self, told: Told) {
        match told {
            Told::Begun(name) => self.progress.set_message(name),
            Told::Finding { text, exempt } => {
                *(if exempt { &mut self.file.suppressed } else { &mut self.file.findings }) += 1;
                if let Err(error) = self.print(&text) {
                    // Workers may be deep in long files, or wait for more of one.
                    process::exit(self.closed(&error).into());
                }
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

    /// Prints a finding. Where somebody watches, it is shown at once, and the bar steps aside for it.
    fn print(&mut self, text: &[u8]) -> io::Result<()> {
        let Self { progress, output, watched, .. } = self;
        if *watched {
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

    /// Tells what became of everything. The exit code.
    pub(super) fn end(mut self) -> u8 {
        if let Err(error) = self.output.flush() {
            return self.closed(&error);
        }
        self.progress.finish_and_clear();
        let _ = writeln!(anstream::stderr(), "{}", self.tally);
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
            tally if tally.findings > 0 => 1,
            _ => 0,
        }
    }
}
