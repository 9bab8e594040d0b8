//! `trailwarden evaluate`.

mod ordered;
mod report;

use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;
use trailwarden::live_state::Snapshot;
use trailwarden::pipeline::{Outcome, Pipeline};
use trailwarden::sinks::console;
use trailwarden::text::visible;

use self::ordered::{Limits, ordered};
use self::report::{Report, Told};
use crate::input::{Source, open, progress, sources};
use crate::output::FindingFormat;
use crate::selection::{Evaluation, warn_of_no_live_state};

const EXIT_CODES: &str = "Exit codes:
  0  nothing was found, or only what is exempt
  1  there are findings
  2  some input could not be read, some record was rejected, or a rule was refused;
     what could be evaluated is still printed";

/// Most bytes of findings that wait for those of an earlier file: of ten thousand findings or so. In a long file of little
/// but findings a thread gets no further ahead.
const MOST_WAITING: usize = 32 * 1024 * 1024;

/// Evaluates logs and prints the findings.
///
/// Each file contains CloudTrail records in any of these forms, one value after the other: a CloudTrail file, a record, a list
/// of records, an EventBridge event, a CloudWatch Logs batch, the Lambda event of a log subscription, messages of the
/// function's on-failure destination, and exports of lookup-events, CloudWatch Logs, CloudTrail Lake, Splunk and Elastic. It
/// may be compressed (gzip, Zstandard). Findings go to standard output, everything else to standard error.
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

    /// How many files are evaluated at a time; else as many as there are cores. What is printed stays the same, in the
    /// order of the files.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Records that no rule can match are skipped before parsing. This turns it off: same findings, slower.
    #[arg(long, alias = "no-screen")]
    no_prefilter: bool,
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
    let sources = sources(&arguments.paths);
    let run = Run {
        pipeline: if arguments.no_prefilter { pipeline.without_prefilter() } else { pipeline },
        snapshot,
        format: arguments.format.into(),
        now: Timestamp::now(),
        progress: progress(&sources),
    };
    // Where the number of cores cannot be told, one is there.
    let threads = arguments.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut report = Report::new(run.progress.clone(), refused);
    ordered(
        &sources,
        Limits { threads, bytes: MOST_WAITING },
        |source, tell| run.one(source, tell),
        |source| Told::Failed(source.name()),
        |told| report.tell(told),
    );
    ExitCode::from(report.end())
}

/// One evaluation of many inputs.
struct Run {
    pipeline: Pipeline,
    snapshot: Option<Snapshot>,
    format: console::Format,
    now: Timestamp,
    progress: ProgressBar,
}

impl Run {
    /// Evaluates one input.
    fn one(&self, source: &Source, tell: &mut dyn FnMut(Told)) {
        let Self { pipeline, snapshot, format, now, progress } = self;
        tell(Told::Begun(source.label()));
        let (name, input) = open(source, progress);
        let mut outcomes = |outcome: Outcome| tell(Told::of(outcome, *format, *now));
        let tally = match snapshot {
            None => pipeline.run(&name, input, &mut outcomes),
            Some(snapshot) => {
                let (mut tally, cases) = pipeline.run_for_live_state(&name, input, &mut outcomes);
                pollster::block_on(pipeline.settle(cases, snapshot, &mut tally, &mut outcomes));
                tally
            }
        };
        tell(Told::Ended(Box::new(tally)));
    }
}
