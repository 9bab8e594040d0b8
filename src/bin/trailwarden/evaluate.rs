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
use crate::selection::{Evaluation, LoadedPipeline, warn_of_no_live_state};

const EXIT_CODES: &str = "Exit codes:
  0  no findings, or only suppressed findings
  1  findings
  2  an input could not be read, a record was rejected, or a rule was refused;
     all other findings are still printed";

/// Maximum bytes of findings that wait for those of an earlier file: about ten thousand findings. A thread that reaches it
/// waits.
const MAX_WAITING: usize = 32 * 1024 * 1024;

/// Evaluate logs and print the findings.
///
/// Each file contains one or more JSON values in any of these forms: CloudTrail file, record, array of records, EventBridge
/// event, CloudWatch Logs batch, Lambda event of a log subscription, message of the function's on-failure queue, and exports
/// of lookup-events, CloudWatch Logs, CloudTrail Lake, Splunk and Elastic. Files may be compressed (gzip, Zstandard).
/// Findings are written to standard output, everything else to standard error.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Files and directories. `-` is standard input, which is also read if no path is given and input is piped.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    evaluation: Evaluation,

    /// Verify findings against a snapshot of live state. `DIR/ACCOUNT/REGION/` contains the output of `aws ec2 describe-…`, as
    /// `trailwarden snapshot` writes it.
    #[arg(long, value_name = "DIR")]
    snapshot: Option<PathBuf>,

    /// Show how each part of the rule's condition evaluated.
    #[arg(long)]
    explain: bool,

    /// The format of findings.
    #[arg(long, value_enum, default_value_t = FindingFormat::Text)]
    format: FindingFormat,

    /// Evaluate this many files at a time. The default is the number of cores. The output does not depend on it.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Parse and evaluate every record. By default, records that no rule can match are skipped before parsing. The findings
    /// are the same, and evaluation is slower.
    #[arg(long, alias = "no-screen")]
    no_prefilter: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut errors = anstream::stderr();
    if arguments.paths.is_empty() && io::stdin().is_terminal() {
        // Nothing can be done about a closed standard error.
        let _ = writeln!(errors, "error: no input; give a file or a directory, or - for standard input");
        return ExitCode::from(2);
    }
    let Some(loaded) = arguments.evaluation.load(arguments.explain) else { return ExitCode::from(2) };
    let LoadedPipeline { configuration, pipeline, refused } = loaded;
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
        warn_of_no_live_state(&configuration, "give --snapshot");
    }
    let sources = sources(&arguments.paths);
    let run = Run {
        pipeline: if arguments.no_prefilter { pipeline.without_prefilter() } else { pipeline },
        snapshot,
        format: arguments.format.into(),
        now: Timestamp::now(),
        progress: progress(&sources),
    };
    // If the number of cores is unknown, one is assumed.
    let threads = arguments.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut report = Report::new(run.progress.clone(), refused);
    ordered(
        &sources,
        Limits { threads, bytes: MAX_WAITING },
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
