//! Prints results and messages, and returns exit codes.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::ValueEnum;
use trailwarden::sinks::console;

/// The format of a result.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
}

/// The format of findings.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FindingFormat {
    /// A paragraph per finding, for people.
    Text,
    /// One OCSF 1.5.0 Compliance Finding per line.
    Ocsf,
}

impl From<FindingFormat> for console::Format {
    fn from(format: FindingFormat) -> Self {
        match format {
            FindingFormat::Text => Self::Text,
            FindingFormat::Ocsf => Self::Ocsf,
        }
    }
}

/// Prints a result, and returns `code` if that succeeds.
pub(crate) fn print(text: &str, code: u8) -> ExitCode {
    let mut output = anstream::stdout();
    ended(output.write_all(text.as_bytes()).and_then(|()| output.flush()), code)
}

/// Returns `code` if the result could be printed, and otherwise reports the error.
pub(crate) fn ended(printed: io::Result<()>, code: u8) -> ExitCode {
    match printed {
        // A reader such as `head` may close the pipe early. That is not an error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            fail(format_args!("standard output cannot be written: {error}"))
        }
        _ => ExitCode::from(code),
    }
}

/// Reports an error that prevents the command from running.
pub(crate) fn fail(reason: impl Display) -> ExitCode {
    message(format_args!("error: {reason}"));
    ExitCode::from(2)
}

/// Writes a line to standard error.
pub(crate) fn message(line: impl Display) {
    // An error is ignored: there is nowhere to report it.
    let _ = writeln!(anstream::stderr(), "{line}");
}
