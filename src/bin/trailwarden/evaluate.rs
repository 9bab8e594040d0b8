//! `trailwarden evaluate`.

mod filters;
mod ordered;
mod outputs;
mod printer;

use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;
use trailwarden::finding::RuleInfo;
use trailwarden::live_state::Snapshot;
use trailwarden::pipeline::{Outcome, Pipeline};
use trailwarden::report::{CallCoverage, Entry, Extent, FindingFilter, Format, Report};
use trailwarden::rules::RuleSet;
use trailwarden::text::visible;

use self::filters::Filters;
use self::ordered::{Limits, ordered};
use self::outputs::{Outputs, Writing};
use self::printer::{Printer, Settings, Told};
use crate::input::{Source, open, progress, sources};
use crate::output::fail;
use crate::selection::{Evaluation, LoadedPipeline, warn_of_no_live_state};

const AFTER_HELP: &str = "Exit codes:
  0  no findings, or only suppressed findings
  1  findings that match the filters and --fail-on
  2  an input could not be read, a record was rejected, a rule was refused, or a file could
     not be written; all other findings are still printed

Examples:
  Evaluate a directory of CloudTrail files:
    trailwarden evaluate logs/
  Show only the summary of last week's findings:
    trailwarden evaluate logs/ --since '1 week ago' --summary
  Fail a pipeline on critical and high findings only:
    trailwarden evaluate logs/ --fail-on high
  Also write an HTML report and a SARIF file:
    trailwarden evaluate logs/ --output report.html --output report.sarif
  Evaluate what another command prints:
    aws logs filter-log-events --log-group-name trail | trailwarden evaluate -";

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
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Files and directories. `-` is standard input, which is also read if no path is given and input is piped.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    options: Options,
}

/// The options of commands that print findings.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    evaluation: Evaluation,

    /// Verify findings against a snapshot of live state. `DIR/ACCOUNT/REGION/` contains the output of `aws ec2 describe-…`, as
    /// `trailwarden snapshot` writes it.
    #[arg(long, value_name = "DIR")]
    snapshot: Option<PathBuf>,

    /// Show how each part of the rule's condition evaluated.
    #[arg(long)]
    explain: bool,

    #[command(flatten)]
    outputs: Outputs,

    /// Print a summary in place of the findings: counts by rule, actor, account, Region and address, and the problems. A
    /// shorter one follows the findings.
    #[arg(long, conflicts_with = "format")]
    summary: bool,

    /// Print findings without a summary.
    #[arg(long, conflicts_with = "summary")]
    no_summary: bool,

    /// Print only errors: no findings, no summary and no counts.
    #[arg(long, short, conflicts_with = "summary")]
    quiet: bool,

    /// Evaluate this many files at a time. The default is the number of cores. The output does not depend on it.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Parse and evaluate every record. By default, records that no rule can match are skipped before parsing. The findings
    /// are the same, and evaluation is slower.
    #[arg(long, alias = "no-screen")]
    no_prefilter: bool,

    #[command(flatten)]
    filters: Filters,
}

impl Options {
    /// How much of the summary is printed.
    fn extent(&self) -> Option<Extent> {
        let is_brief = self.outputs.standard() == Format::Text && !self.no_summary && !self.quiet;
        if self.summary { Some(Extent::FULL) } else { is_brief.then_some(Extent::BRIEF) }
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut errors = anstream::stderr();
    if arguments.paths.is_empty() && io::stdin().is_terminal() {
        // Nothing can be done about a closed standard error.
        let _ = writeln!(errors, "error: no input; give a file or a directory, or - for standard input");
        return ExitCode::from(2);
    }
    print_findings(&sources(&arguments.paths), &arguments.options)
}

/// Evaluates the sources and prints the findings.
pub(crate) fn print_findings(sources: &[Source], options: &Options) -> ExitCode {
    let mut errors = anstream::stderr();
    let Some(loaded) = options.evaluation.load(options.explain) else { return ExitCode::from(2) };
    let LoadedPipeline { configuration, pipeline, refused } = loaded;
    let now = Timestamp::now();
    let filter = match options.filters.read(pipeline.rules(), now) {
        Ok(filter) => filter,
        Err(reason) => return fail(reason),
    };
    let snapshot = match options.snapshot.as_deref().map(Snapshot::open).transpose() {
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
    let targets = match options.outputs.targets(sources) {
        Ok(targets) => targets,
        Err(reason) => return fail(reason),
    };
    let mut outputs = match targets.iter().map(Writing::create).collect::<Result<Vec<_>, _>>() {
        Ok(files) => files,
        Err(reason) => return fail(reason),
    };
    if !options.quiet {
        let to = Box::new(anstream::stdout());
        match Writing::begin(options.outputs.standard(), "standard output".to_owned(), to) {
            Ok(output) => outputs.insert(0, output),
            Err(error) => return fail(format_args!("standard output cannot be written: {error}")),
        }
    }
    let settings =
        Settings { summary: options.extent(), tally: !options.quiet, fail_on: options.filters.fail_on, refused };
    // Only this format shows it.
    let shows_coverage = outputs.iter().any(|output| output.format == Format::Html);
    let report = Report {
        rules: running(pipeline.rules()),
        coverage: if shows_coverage { coverage(pipeline.rules()) } else { CallCoverage::default() },
        created: now,
        ..Report::default()
    };
    let mut formats: Vec<Option<Format>> = outputs.iter().map(|output| Some(output.format)).collect();
    if options.summary
        && let Some(standard) = formats.first_mut()
    {
        *standard = None;
    }
    let run = Run {
        pipeline: if options.no_prefilter { pipeline.without_prefilter() } else { pipeline },
        snapshot,
        filter,
        formats,
        now,
        progress: progress(sources),
    };
    // Where the number of cores is not known, one is assumed.
    let threads = options.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut printer = Printer::new(run.progress.clone(), settings, outputs, !options.quiet, report);
    ordered(
        sources,
        Limits { threads, bytes: MAX_WAITING },
        |source, tell| run.one(source, tell),
        |source| Told::Failed(source.name()),
        |told| printer.tell(told),
    );
    ExitCode::from(printer.end())
}

/// The rules that run.
fn running(rules: &RuleSet) -> Vec<Arc<RuleInfo>> {
    rules.rules().iter().filter(|rule| rule.runs()).map(|rule| Arc::new(rule.info().clone())).collect()
}

/// How much of the sensitive calls the rules cover.
fn coverage(rules: &RuleSet) -> CallCoverage {
    let coverage = rules.coverage();
    CallCoverage { sensitive: coverage.sensitive, uncovered: coverage.unwatched.len() }
}

/// One evaluation of many inputs.
struct Run {
    pipeline: Pipeline,
    snapshot: Option<Snapshot>,
    filter: FindingFilter,
    /// Format of each output; `None` for one that gets no findings.
    formats: Vec<Option<Format>>,
    now: Timestamp,
    progress: ProgressBar,
}

impl Run {
    /// Evaluates one input.
    fn one(&self, source: &Source, tell: &mut dyn FnMut(Told)) {
        let Self { pipeline, snapshot, progress, .. } = self;
        tell(Told::Begun(source.label()));
        let (name, input) = open(source, progress);
        let is_file = matches!(source, Source::File { .. });
        let mut outcomes = |mut outcome: Outcome| {
            if let (Source::Plan(file), Outcome::Finding(finding, place)) = (source, &mut outcome) {
                let position = place.record.and_then(|position| usize::try_from(position).ok());
                file.plan.describe(position.unwrap_or_default(), finding);
            }
            tell(self.told(outcome, &name, is_file));
        };
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

    /// What to tell of an outcome of the input that is called `input`.
    fn told(&self, outcome: Outcome, input: &str, is_file: bool) -> Told {
        match outcome {
            Outcome::Finding(finding, _) if self.filter.matches(&finding) => {
                let entry = Entry { finding: &finding, input, is_file, now: self.now };
                let text = |format: &Option<Format>| format.map(|format| format.entry(entry)).unwrap_or_default();
                let texts = self.formats.iter().map(text).collect();
                Told::Finding { texts, finding }
            }
            Outcome::Finding(finding, _) => Told::LeftOut { is_suppressed: finding.suppression.is_some() },
            Outcome::Rejection(rejection) => Told::Rejection(rejection.to_string()),
        }
    }
}
