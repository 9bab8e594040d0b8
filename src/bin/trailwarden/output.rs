//! How results are printed, and how a command ends.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::ValueEnum;
use trailwarden::sinks::console;

/// How a result is printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// JSON, for programs.
    Json,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FindingFormat {
    /// A paragraph for people.
    Text,
    /// One OCSF 1.5.0 Compliance Finding a line.
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

/// Prints a result, and ends with this exit code.
pub(crate) fn print(text: &str, code: u8) -> ExitCode {
    let mut output = anstream::stdout();
    ended(output.write_all(text.as_bytes()).and_then(|()| output.flush()), code)
}

/// Ends with this exit code, unless the result could not be printed.
pub(crate) fn ended(printed: io::Result<()>, code: u8) -> ExitCode {
    match printed {
        // A reader that has seen enough, such as `head`, is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            fail(format_args!("standard output cannot be written: {error}"))
        }
        _ => ExitCode::from(code),
    }
}

/// Says why the command cannot be carried out.
pub(crate) fn fail(reason: impl Display) -> ExitCode {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(anstream::stderr(), "error: {reason}");
    ExitCode::from(2)
}
