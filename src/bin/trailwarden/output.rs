//! How results are printed, and how a command ends.

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

/// Returns `code` if the result could be printed.
pub(crate) fn ended(printed: io::Result<()>, code: u8) -> ExitCode {
    match printed {
        // A reader that has seen enough, such as `head`, is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            fail(format_args!("standard output cannot be written: {error}"))
        }
        _ => ExitCode::from(code),
    }
}

/// Reports why the command cannot run.
pub(crate) fn fail(reason: impl Display) -> ExitCode {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(anstream::stderr(), "error: {reason}");
    ExitCode::from(2)
}
