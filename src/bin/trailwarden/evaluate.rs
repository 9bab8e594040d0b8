//! `trailwarden evaluate`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal as _, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use trailwarden::pipeline::{Input, Outcome, Pipeline, Tally};
use trailwarden::publish::console;
use trailwarden::text::visible;
use walkdir::WalkDir;

use crate::selection::Selection;

/// Size of the buffer files are read with.
const BUFFER: usize = 256 * 1024;

/// Input shorter than this, in bytes on disk, is read before a progress bar could be looked at.
const LONG: u64 = 4 * 1024 * 1024;

const EXIT_CODES: &str = "Exit codes:
  0  nothing was found
  1  there are findings
  2  some input could not be read, some record was rejected, or a rule cannot be used;
     what could be evaluated is still printed";

/// Evaluates logs and prints the findings.
///
/// Each file holds CloudTrail records in any of these forms, plain or gzip: a CloudTrail file, a record, a list of
/// records, an EventBridge event, a CloudWatch Logs batch, the Lambda event of a log subscription, or JSON Lines of
/// these. Findings go to standard output, everything else to standard error.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Files and directories; `-` is standard input, which is also read when nothing is named and something is piped in.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    selection: Selection,

    /// How findings are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A paragraph for people.
    Text,
    /// One OCSF 1.5.0 Compliance Finding a line.
    Ocsf,
}

/// One input to open.
enum Source {
    StandardInput,
    File { path: PathBuf, bytes: u64 },
    Unreadable { name: String, reason: String },
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut errors = anstream::stderr();
    if arguments.paths.is_empty() && io::stdin().is_terminal() {
        // Nothing can be done about a closed standard error.
        let _ = writeln!(errors, "error: no input; name a file or a directory, or - for standard input");
        return ExitCode::from(2);
    }
    let Some(rules) = arguments.selection.load() else { return ExitCode::from(2) };
    let format = match arguments.format {
        Format::Text => console::Format::Text,
        Format::Ocsf => console::Format::Ocsf,
    };
    Run::new(Pipeline::new(rules), format).all(&sources(&arguments.paths))
}

/// One evaluation of many inputs.
struct Run {
    pipeline: Pipeline,
    format: console::Format,
    now: Timestamp,
    progress: ProgressBar,
    output: BufWriter<anstream::Stdout>,
    /// Why standard output can no longer be written to.
    closed: Option<io::Error>,
}

impl Run {
    fn new(pipeline: Pipeline, format: console::Format) -> Self {
        Self {
            pipeline,
            format,
            now: Timestamp::now(),
            progress: ProgressBar::hidden(),
            output: BufWriter::new(anstream::stdout()),
            closed: None,
        }
    }

    fn all(mut self, sources: &[Source]) -> ExitCode {
        self.progress = progress(sources);
        let mut tally = Tally::default();
        for source in sources {
            tally.add(&self.one(source));
            if self.closed.is_some() {
                break;
            }
        }
        self.progress.finish_and_clear();
        let flushed = self.output.flush();
        let closed = self.closed.take().or(flushed.err());
        let mut errors = anstream::stderr();
        // A reader that has seen enough, such as `head`, is no error; it gets no summary of what it did not want.
        if let Some(error) = closed {
            if error.kind() != io::ErrorKind::BrokenPipe {
                let _ = writeln!(errors, "error: standard output cannot be written: {error}");
                return ExitCode::from(2);
            }
        } else {
            let _ = writeln!(errors, "{tally}");
        }
        ExitCode::from(match tally {
            tally if tally.rejected > 0 || !tally.balances() => 2,
            tally if tally.findings > 0 => 1,
            _ => 0,
        })
    }

    fn one(&mut self, source: &Source) -> Tally {
        let Self { pipeline, format, now, progress, output, closed } = self;
        let (name, input) = open(source, progress);
        // Where findings and the bar share a terminal, the bar steps aside for each, and each is shown at once.
        let shared = !progress.is_hidden() && io::stdout().is_terminal();
        let mut outcomes = |outcome: Outcome| match outcome {
            _ if closed.is_some() => {}
            Outcome::Finding(finding) if shared => {
                let written = || console::write(output, *format, &finding, *now).and_then(|()| output.flush());
                *closed = progress.suspend(written).err();
            }
            Outcome::Finding(finding) => *closed = console::write(output, *format, &finding, *now).err(),
            Outcome::Rejection(rejection) => progress.suspend(|| {
                let _ = writeln!(anstream::stderr(), "rejected: {rejection}");
            }),
        };
        pipeline.run(&name, input, &mut outcomes)
    }
}

/// Every file named or below a directory named, in the order given, directories by file name.
fn sources(paths: &[PathBuf]) -> Vec<Source> {
    if paths.is_empty() {
        return vec![Source::StandardInput];
    }
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(Source::StandardInput);
            continue;
        }
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
                    sources.push(Source::File { path: entry.into_path(), bytes });
                }
                Err(error) => {
                    let name = error.path().unwrap_or(path).display().to_string();
                    let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    sources.push(Source::Unreadable { name, reason: format!("cannot be opened: {reason}") });
                }
            }
        }
    }
    sources
}

fn open(source: &Source, progress: &ProgressBar) -> (String, Input<'static>) {
    match source {
        Source::StandardInput => ("standard input".to_owned(), stream(io::stdin().lock(), progress)),
        Source::File { path, .. } => {
            progress.set_message(file_name(path));
            let name = path.display().to_string();
            match File::open(path) {
                Ok(file) => (name, stream(file, progress)),
                Err(error) => (name, Input::Unreadable(format!("cannot be opened: {error}"))),
            }
        }
        Source::Unreadable { name, reason } => (name.clone(), Input::Unreadable(reason.clone())),
    }
}

fn stream(reader: impl Read + 'static, progress: &ProgressBar) -> Input<'static> {
    Input::Stream(Box::new(BufReader::with_capacity(BUFFER, progress.wrap_read(reader))))
}

fn file_name(path: &Path) -> String {
    visible(&path.file_name().unwrap_or_default().to_string_lossy()).into_owned()
}

/// A bar over the bytes on disk, on standard error, when that is a terminal and the input is long.
fn progress(sources: &[Source]) -> ProgressBar {
    let size = |source: &Source| match source {
        Source::File { bytes, .. } => *bytes,
        Source::StandardInput | Source::Unreadable { .. } => 0,
    };
    let total: u64 = sources.iter().map(size).sum();
    let piped = sources.iter().any(|source| matches!(source, Source::StandardInput));
    if !io::stderr().is_terminal() || piped || total < LONG {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = "{wide_bar} {bytes}/{total_bytes} {eta} {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
