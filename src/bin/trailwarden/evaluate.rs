//! `trailwarden evaluate`.

mod filters;
mod journal;
mod ordered;
mod outputs;
mod printer;

use std::io::{self, IsTerminal as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
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
use trailwarden::sources::LogFileName;
use trailwarden::text::visible;

use self::filters::Filters;
use self::journal::{Earlier, Journal};
use self::ordered::{Limits, ordered};
use self::outputs::{Outputs, ReportWriter, Target};
use self::printer::{Printer, RunEvent, Settings};
use crate::input::{Opened, Source, open, progress, sources};
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
  Evaluate a week of all accounts in S3, and continue after an interruption:
    trailwarden evaluate s3://org-trail/AWSLogs/ --since '1 week ago' --resume run.journal --output findings.jsonl
  Evaluate the log files of a directory with other files in it:
    trailwarden evaluate backup/ --include '*.json.gz' --exclude '*_CloudTrail-Digest_*'
  Evaluate the output of another command:
    aws logs filter-log-events --log-group-name trail | trailwarden evaluate -";

/// Maximum size, in bytes, of findings that wait for findings of an earlier file: about ten thousand findings. A thread that
/// reaches it waits.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;

/// Number of S3 objects that are read at once by default. Most of the time is spent waiting for S3.
const OBJECTS_AT_ONCE: usize = 16;

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

    /// Evaluate only files and S3 objects whose path matches; `*` and `?` are wildcards, and `*` also matches `/`. Without a
    /// `/` in it, the pattern is about the name alone. May be repeated.
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,

    /// Do not evaluate files and S3 objects whose path matches.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,

    /// Record in FILE which inputs were evaluated, and continue behind them if FILE exists. Files of --output must be OCSF
    /// (.jsonl) and contain each finding once, however often the run was interrupted. Text on standard output and the
    /// summary are about the inputs of this run. An input that could not be read is evaluated again.
    #[arg(long, value_name = "FILE", requires = "output")]
    resume: Option<PathBuf>,

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
    let mut sources = sources(&arguments.paths);
    let found = sources.len();
    let matches = |patterns: &[String], source: &Source| patterns.iter().any(|pattern| source.matches(pattern));
    sources.retain(|source| {
        (arguments.include.is_empty() || matches(&arguments.include, source)) && !matches(&arguments.exclude, source)
    });
    if sources.is_empty() {
        return fail(format_args!("no input; --include and --exclude leave none of {found} files"));
    }
    print_findings(sources, &arguments.options, arguments.resume.as_deref())
}

/// Evaluates the sources and prints the findings. `resume` is the file that names the evaluated sources.
pub(crate) fn print_findings(mut sources: Vec<Source>, options: &Options, resume: Option<&Path>) -> ExitCode {
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
    let targets = match options.outputs.targets(&sources) {
        Ok(targets) => targets,
        Err(reason) => return fail(reason),
    };
    skip_objects(&mut sources, &filter);
    let journal = match resume.map(|path| journal(path, &targets)).transpose() {
        Ok(journal) => journal,
        Err(reason) => return fail(reason),
    };
    let outputs = match &journal {
        None => targets.iter().map(ReportWriter::create).collect::<Result<Vec<_>, _>>(),
        Some((_, earlier)) => {
            let lengths = targets.iter().zip(&earlier.lengths);
            lengths.map(|(target, length)| ReportWriter::resume(target, *length)).collect()
        }
    };
    let mut outputs = match outputs {
        Ok(files) => files,
        Err(reason) => return fail(reason),
    };
    if let Some((journal, earlier)) = &journal {
        let before = sources.len();
        sources.retain(|source| !earlier.contains(source));
        if earlier.len() > 0 {
            let (now, all) = (sources.len(), before);
            message(format_args!("resumed: {now} of {all} inputs are left according to {}", journal.name()));
        }
    }
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
        progress: progress(&sources),
    };
    // If the number of cores is not known, use one thread.
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let is_remote = sources.iter().any(|source| source.object().is_some());
    let default = if is_remote { cores.max(OBJECTS_AT_ONCE) } else { cores };
    let threads = options.threads.map_or(default, NonZeroUsize::get);
    let mut printer = Printer::new(run.progress.clone(), settings, outputs, !options.quiet, report);
    if let Some((journal, earlier)) = journal {
        printer = printer.with_journal(journal, &earlier);
    }
    ordered(
        &sources,
        Limits { threads, bytes: MAX_QUEUED_BYTES },
        |source, emit| run.evaluate(source, emit),
        |source| RunEvent::Failed(source.name()),
        |event| printer.handle(event),
    );
    ExitCode::from(printer.end())
}

/// Omits S3 objects in which, according to their keys, no finding can match the filter.
fn skip_objects(sources: &mut Vec<Source>, filter: &FindingFilter) {
    let before = sources.len();
    sources.retain(|source| {
        let file = source.object().and_then(|name| LogFileName::of_key(&name.key));
        file.is_none_or(|file| filter.may_match_in(&file))
    });
    let skipped = before - sources.len();
    if skipped > 0 {
        message(format_args!(
            "skipped: {skipped} of {before} inputs, whose keys show that no finding in them can match the filters"
        ));
    }
}

/// Opens the file of `--resume`.
fn journal(path: &Path, targets: &[Target]) -> Result<(Journal, Earlier), String> {
    if targets.iter().any(|target| target.format != Format::Ocsf) {
        return Err("--resume: the files of --output must be OCSF (.jsonl); other reports need all findings".to_owned());
    }
    Journal::open(path, targets.iter().map(|target| target.path.clone()).collect())
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
        let Opened { name, input, has_failed } = open(source, progress);
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
        let input = (!has_failed.get()).then(|| (name, source.bytes()));
        emit(RunEvent::Finished { tally: Box::new(tally), input });
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
