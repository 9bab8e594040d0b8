//! `trailwarden evaluate`.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;
use trailwarden::confirm::Snapshot;
use trailwarden::pipeline::{Outcome, Pipeline, Tally};
use trailwarden::publish::console;
use trailwarden::text::visible;

use crate::input::{Source, open, progress, sources};
use crate::output::FindingFormat;
use crate::selection::{Evaluation, warn_of_no_live_state};

const EXIT_CODES: &str = "Exit codes:
  0  nothing was found, or only what is exempt
  1  there are findings
  2  some input could not be read, some record was rejected, or a rule was refused;
     what could be evaluated is still printed";

/// Evaluates logs and prints the findings.
///
/// Each file holds CloudTrail records in any of these forms, plain or gzip: a CloudTrail file, a record, a list of
/// records, an EventBridge event, a CloudWatch Logs batch, the Lambda event of a log subscription, what the on-failure
/// destination of the function keeps, or JSON Lines of these. Findings go to standard output, everything else to standard error.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Files and directories; `-` is standard input, which is also read when nothing is named and something is piped in.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    evaluation: Evaluation,

    /// Confirms findings with this snapshot of the accounts' state: `DIR/ACCOUNT/REGION/` and the output of `aws ec2 describe-…`
    /// in it, as `trailwarden snapshot` writes it.
    #[arg(long, value_name = "DIR")]
    snapshot: Option<PathBuf>,

    /// Says of each finding in full how the rule came to it: every part of the condition with its value and verdict.
    #[arg(long)]
    explain: bool,

    /// How findings are printed.
    #[arg(long, value_enum, default_value_t = FindingFormat::Text)]
    format: FindingFormat,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut errors = anstream::stderr();
    if arguments.paths.is_empty() && io::stdin().is_terminal() {
        // Nothing can be done about a closed standard error.
        let _ = writeln!(errors, "error: no input; name a file or a directory, or - for standard input");
        return ExitCode::from(2);
    }
    let Some((pipeline, refused)) = arguments.evaluation.load(arguments.explain) else { return ExitCode::from(2) };
    let snapshot = match arguments.snapshot.as_deref().map(Snapshot::open).transpose() {
        Ok(snapshot) => snapshot,
        Err(faults) => {
            let _ = writeln!(errors, "error: this snapshot cannot be used; nothing was evaluated");
            for fault in &faults.0 {
                let _ = writeln!(errors, "{}", visible(fault));
            }
            return ExitCode::from(2);
        }
    };
    if snapshot.is_none() {
        warn_of_no_live_state(pipeline.rules(), "give --snapshot");
    }
    Run::new(pipeline, snapshot, arguments.format.into()).all(&sources(&arguments.paths), refused)
}

/// One evaluation of many inputs.
struct Run {
    pipeline: Pipeline,
    snapshot: Option<Snapshot>,
    format: console::Format,
    now: Timestamp,
    progress: ProgressBar,
    output: BufWriter<anstream::Stdout>,
    /// Why standard output can no longer be written to.
    closed: Option<io::Error>,
}

impl Run {
    fn new(pipeline: Pipeline, snapshot: Option<Snapshot>, format: console::Format) -> Self {
        Self {
            pipeline,
            snapshot,
            format,
            now: Timestamp::now(),
            progress: ProgressBar::hidden(),
            output: BufWriter::new(anstream::stdout()),
            closed: None,
        }
    }

    fn all(mut self, sources: &[Source], refused: bool) -> ExitCode {
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
            tally if refused || tally.rejected > 0 || !tally.balances() => 2,
            tally if tally.findings > 0 => 1,
            _ => 0,
        })
    }

    fn one(&mut self, source: &Source) -> Tally {
        let Self { pipeline, snapshot, format, now, progress, output, closed } = self;
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
        let Some(snapshot) = snapshot else { return pipeline.run(&name, input, &mut outcomes) };
        let (mut tally, cases) = pipeline.run_for_live_state(&name, input, &mut outcomes);
        pollster::block_on(pipeline.settle(cases, snapshot, &mut tally, &mut outcomes));
        tally
    }
}
