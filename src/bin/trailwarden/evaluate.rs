//! `trailwarden evaluate`.

mod filters;
mod ordered;
mod outputs;
mod printer;

use std::io::{self, IsTerminal as _};
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
use self::outputs::{Outputs, ReportWriter};
use self::printer::{Printer, RunEvent, Settings};
use crate::input::{Source, open, progress, sources};
use crate::output::{fail, message};
use crate::selection::{Evaluation, LoadedPipeline, warn_without_live_state};

const AFTER_HELP: &str = "Exit codes:
  0  no findings, or only suppressed findings
  1  findings that match the filters and --fail-on
  2  an input could not be read, a record or a rule was rejected, or a file could not be
     written; all other findings are still printed

Examples:
  Evaluate a directory of CloudTrail files:
    trailwarden evaluate logs/
  Show only the summary of last week's findings:
    trailwarden evaluate logs/ --since '1 week ago' --summary
  Fail a pipeline on critical and high findings only:
    trailwarden evaluate logs/ --fail-on high
  Also write an HTML report and a SARIF file:
    trailwarden evaluate logs/ --output report.html --output report.sarif
  Evaluate a day of an account's trail in S3:
    trailwarden evaluate s3://org-trail/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/04/
  Evaluate the output of another command:
    aws logs filter-log-events --log-group-name trail | trailwarden evaluate -";

/// Maximum size, in bytes, of findings that wait for findings of an earlier file: about ten thousand findings. A thread that
/// reaches it waits.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;

/// Evaluate logs and print the findings.
///
/// Each file contains one or more JSON values in any of these forms: CloudTrail file, record, array of records, EventBridge
/// event, CloudWatch Logs batch, Lambda event of a log subscription, SQS, SNS, Kinesis or Firehose, message of the function's
/// on-failure queue, record converted to OCSF, exports of lookup-events, CloudWatch Logs, CloudTrail Lake, Splunk and Elastic,
/// and snapshots, history files and notifications of AWS Config. Files may be compressed (gzip, Zstandard).
/// Findings are written to standard output, everything else to standard error.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Files and directories. `-` is standard input, which is also the default if input is piped. `s3://BUCKET/PREFIX` names
    /// all S3 objects whose keys begin with PREFIX, in a build with `--features lambda`. Credentials and the Region come from
    /// the same places as for the AWS CLI.
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

    /// Verify findings against a snapshot of live state. `DIR/ACCOUNT/REGION/` contains the output of `aws ec2 describe-…`,
    /// as `trailwarden snapshot` writes it.
    #[arg(long, value_name = "DIR")]
    snapshot: Option<PathBuf>,

    /// Show how each part of the rule's condition evaluated.
    #[arg(long)]
    explain: bool,

    #[command(flatten)]
    outputs: Outputs,

    /// Print a summary instead of the findings: counts by rule, actor, account, Region and address, and the problems. By
    /// default, a short summary follows the findings.
    #[arg(long, conflicts_with = "format")]
    summary: bool,

    /// Print findings without a summary.
    #[arg(long, conflicts_with = "summary")]
    no_summary: bool,

    /// Print only errors: no findings, no summary and no counts.
    #[arg(long, short, conflicts_with = "summary")]
    quiet: bool,

    /// Number of files to evaluate in parallel. The default is the number of cores. The output does not depend on it.
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
    /// Returns the extent of the summary to print.
    fn extent(&self) -> Option<Extent> {
        let is_brief = self.outputs.stdout_format() == Format::Text && !self.no_summary && !self.quiet;
        if self.summary { Some(Extent::FULL) } else { is_brief.then_some(Extent::BRIEF) }
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.paths.is_empty() && io::stdin().is_terminal() {
        return fail("no input; give a file or a directory, or - for standard input");
    }
    print_findings(&sources(&arguments.paths), &arguments.options)
}

/// Evaluates the sources and prints the findings.
pub(crate) fn print_findings(sources: &[Source], options: &Options) -> ExitCode {
    let Some(loaded) = options.evaluation.load(options.explain) else { return ExitCode::from(2) };
    let LoadedPipeline { configuration, pipeline, has_rejected_rules } = loaded;
    let now = Timestamp::now();
    let filter = match options.filters.build(pipeline.rules(), now) {
        Ok(filter) => filter,
        Err(reason) => return fail(reason),
    };
    let snapshot = match options.snapshot.as_deref().map(Snapshot::open).transpose() {
        Ok(snapshot) => snapshot,
        Err(snapshot_errors) => {
            message("error: the snapshot cannot be used; nothing was evaluated");
            snapshot_errors.0.iter().for_each(|error| message(visible(error)));
            return ExitCode::from(2);
        }
    };
    if snapshot.is_none() {
        warn_without_live_state(&configuration, "use --snapshot");
    }
    let targets = match options.outputs.targets(sources) {
        Ok(targets) => targets,
        Err(reason) => return fail(reason),
    };
    let mut outputs = match targets.iter().map(ReportWriter::create).collect::<Result<Vec<_>, _>>() {
        Ok(files) => files,
        Err(reason) => return fail(reason),
    };
    if !options.quiet {
        let destination = Box::new(anstream::stdout());
        match ReportWriter::begin(options.outputs.stdout_format(), "standard output".to_owned(), destination) {
            Ok(output) => outputs.insert(0, output),
            Err(error) => return fail(format_args!("standard output cannot be written: {error}")),
        }
    }
    let settings = Settings {
        summary: options.extent(),
        tally: !options.quiet,
        fail_on: options.filters.fail_on,
        has_rejected_rules,
    };
    // Only HTML reports contain the coverage, which takes time to compute.
    let shows_coverage = outputs.iter().any(|output| output.format == Format::Html);
    let report = Report {
        rules: enabled_rules(pipeline.rules()),
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
    // Only OCSF documents contain records.
    let shows_records = outputs.iter().any(|output| output.format == Format::Ocsf);
    let pipeline = if shows_records { pipeline } else { pipeline.with_records(false) };
    let run = Run {
        pipeline: if options.no_prefilter { pipeline.without_prefilter() } else { pipeline },
        snapshot,
        filter,
        formats,
        now,
        progress: progress(sources),
    };
    // If the number of cores is not known, use one thread.
    let threads = options.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let mut printer = Printer::new(run.progress.clone(), settings, outputs, !options.quiet, report);
    ordered(
        sources,
        Limits { threads, bytes: MAX_QUEUED_BYTES },
        |source, emit| run.evaluate(source, emit),
        |source| RunEvent::Failed(source.name()),
        |event| printer.handle(event),
    );
    ExitCode::from(printer.end())
}

/// Returns the enabled rules.
fn enabled_rules(rules: &RuleSet) -> Vec<Arc<RuleInfo>> {
    rules.rules().iter().filter(|rule| rule.runs()).map(|rule| Arc::new(rule.info().clone())).collect()
}

/// Returns the coverage of sensitive calls by the rules.
fn coverage(rules: &RuleSet) -> CallCoverage {
    let coverage = rules.coverage();
    CallCoverage { sensitive: coverage.sensitive, uncovered: coverage.uncovered.len() }
}

/// The evaluation of all inputs.
struct Run {
    pipeline: Pipeline,
    snapshot: Option<Snapshot>,
    filter: FindingFilter,
    /// The format of each output; `None` for an output without findings.
    formats: Vec<Option<Format>>,
    now: Timestamp,
    progress: ProgressBar,
}

impl Run {
    /// Evaluates an input.
    fn evaluate(&self, source: &Source, emit: &mut dyn FnMut(RunEvent)) {
        let Self { pipeline, snapshot, progress, .. } = self;
        emit(RunEvent::Started(source.label()));
        let (name, input) = open(source, progress);
        let is_file = matches!(source, Source::File { .. });
        let mut outcomes = |mut outcome: Outcome| {
            if let (Source::Plan(file), Outcome::Finding(finding, place)) = (source, &mut outcome) {
                let position = place.record.and_then(|position| usize::try_from(position).ok());
                file.plan.describe(position.unwrap_or_default(), finding);
            }
            self.event(outcome, &name, is_file).into_iter().for_each(&mut *emit);
        };
        let tally = match snapshot {
            None => pipeline.run(&name, input, &mut outcomes),
            Some(snapshot) => {
                let (mut tally, cases) = pipeline.run_for_live_state(&name, input, &mut outcomes);
                pollster::block_on(pipeline.settle(cases, snapshot, &mut tally, &mut outcomes));
                tally
            }
        };
        emit(RunEvent::Finished(Box::new(tally)));
    }

    /// Converts an outcome of the input with the name `input` to an event, if it is shown.
    fn event(&self, outcome: Outcome, input: &str, is_file: bool) -> Option<RunEvent> {
        Some(match outcome {
            // A list of compliant resources is for AWS Config, not for people.
            Outcome::Item(_) => return None,
            Outcome::Finding(finding, _) if self.filter.matches(&finding) => {
                let entry = Entry { finding: &finding, input, is_file, now: self.now };
                let text = |format: &Option<Format>| format.map(|format| format.entry(entry)).unwrap_or_default();
                let texts = self.formats.iter().map(text).collect();
                RunEvent::Finding { texts, finding }
            }
            Outcome::Finding(finding, _) => RunEvent::FilteredOut { is_suppressed: finding.suppression.is_some() },
            Outcome::Rejection(rejection) => RunEvent::Rejection(rejection.to_string()),
        })
    }
}
