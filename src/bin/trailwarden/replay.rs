//! `trailwarden replay`.

#[cfg(feature = "live")]
mod live;
mod run;

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use trailwarden::alert::AlertPolicy;
use trailwarden::aws::{SdkConfig, sdk_config};
use trailwarden::config::{LEAST_ALERT, alerts_topic, findings_topic, severity, topic_account};
use trailwarden::finding::Severity;
use trailwarden::pipeline::{Evaluator, Pipeline};
use trailwarden::queue::{Queue, QueueUrl};
use trailwarden::sinks::topics::Topics;

use self::run::{Run, Target};
use crate::input::{open, sources};
use crate::output::{FindingFormat, fail};
use crate::selection::Evaluation;
#[cfg(not(feature = "live"))]
use crate::selection::warn_of_no_live_state;

const MORE: &str = "\
Permissions: sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility of the queue, sns:Publish of the
topics, and kms:Decrypt and kms:GenerateDataKey where they are encrypted; with live state also what the function has for
it. Credentials are found as the AWS SDK finds
them; those of IAM Identity Center are handed over by `eval \"$(aws configure export-credentials --format env)\"`. The
regions are those of the queue's URL and of the topics' ARNs.

Received messages are hidden from others until the command ends, also when it is interrupted; should it be killed, for
15 minutes. Each run counts as one receive of each message that stays: mind a redrive policy of the queue.

`trailwarden evaluate` reads what `aws sqs receive-message` prints, too. It needs no AWS account and tells by its exit
code whether there are findings; it sees at most ten messages, publishes nothing and deletes nothing.

Exit codes:
  0  everything was evaluated and, where a topic is named, published
  2  otherwise; what was not done stays in the queue, and standard error says why";

/// Evaluates what the function could not, from its on-failure destination, and publishes or prints the findings.
///
/// When an invocation of the function has failed for good, because the topic is gone or denies access or the payload
/// cannot be decoded, its on-failure destination keeps the payload. This command reads such payloads from the SQS queue
/// that is this destination, until it is empty, or from files.
///
/// Without --findings-topic it prints the findings and deletes nothing. With it, it publishes them as the function does,
/// and deletes a message from the queue when all of its payload was evaluated, and everything published. What could not
/// be done stays in the queue, for the next run; a payload that no run can evaluate stays until you delete it.
///
/// Give the rules, configuration and exemptions that the function has: findings then have the ids that the function gave
/// them, so that whoever has received one already can tell. Give --live-state when the function has LIVE_STATE=on: else
/// what only live state can find is lost with the message.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct Arguments {
    /// Files and directories to read, each file as one payload; `-` is standard input. They may hold whatever
    /// `evaluate` takes.
    #[arg(value_name = "PATH", required_unless_present = "queue_url")]
    paths: Vec<PathBuf>,

    /// The queue that the on-failure destination is, read after the files.
    #[arg(long, value_name = "URL")]
    queue_url: Option<QueueUrl>,

    /// Publishes findings to this SNS topic, and deletes from the queue what is done.
    #[arg(long, value_name = "ARN", value_parser = findings_topic)]
    findings_topic: Option<String>,

    /// Publishes alerts for people to this SNS topic.
    #[arg(long, value_name = "ARN", value_parser = alerts_topic, requires = "findings_topic")]
    alerts_topic: Option<String>,

    /// The least severity that people are told of: Informational, Low, Medium, High or Critical; else Low.
    #[arg(long, value_name = "SEVERITY", value_parser = severity, requires = "alerts_topic")]
    alerts_min_severity: Option<Severity>,

    #[command(flatten)]
    evaluation: Evaluation,

    #[cfg(feature = "live")]
    #[command(flatten)]
    live: live::Options,

    /// How findings are printed.
    #[arg(long, value_enum, default_value_t = FindingFormat::Text, conflicts_with = "findings_topic")]
    format: FindingFormat,
}

impl Arguments {
    #[cfg(feature = "live")]
    fn evaluator(&self, pipeline: Pipeline, config: &SdkConfig) -> Evaluator {
        self.live.evaluator(pipeline, config)
    }

    #[cfg(not(feature = "live"))]
    fn evaluator(&self, pipeline: Pipeline, _: &SdkConfig) -> Evaluator {
        warn_of_no_live_state(pipeline.rules(), "this `trailwarden` was built without it");
        Evaluator::new(pipeline)
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Some((pipeline, refused)) = arguments.evaluation.load(false) else { return ExitCode::from(2) };
    if refused && arguments.findings_topic.is_some() {
        // The function does not start either: a payload would be deleted without what the rule finds in it.
        return fail(
            "nothing was evaluated, because a payload is not done before all rules have seen it: correct the rules that \
             are refused, or leave out what is unsupported with --allow-unsupported",
        );
    }
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(replay(arguments, pipeline, refused)),
        Err(error) => fail(format_args!("no request to AWS can be made: {error}")),
    }
}

async fn replay(arguments: &Arguments, pipeline: Pipeline, refused: bool) -> ExitCode {
    let config = sdk_config().await;
    let target = target(arguments, &config, &pipeline);
    let mut run = Run::new(arguments.evaluator(pipeline, &config), target);
    if !arguments.paths.is_empty() {
        for source in sources(&arguments.paths) {
            let (name, input) = open(&source, &ProgressBar::hidden());
            run.file(&name, input).await;
        }
    }
    if let Some(url) = &arguments.queue_url {
        let mut queue = Queue::new(&config, url);
        tokio::select! {
            biased;
            () = interrupted() => run.problem("interrupted; what is not done stays in the queue"),
            () = run.queue(&mut queue) => {}
        }
        tokio::select! {
            biased;
            () = interrupted() => {}
            given_back = queue.give_back() => if let Err(error) = given_back {
                run.problem(format_args!("the queue: {error}"));
            }
        }
    }
    run.end(arguments.queue_url.is_some(), refused)
}

fn target(arguments: &Arguments, config: &SdkConfig, pipeline: &Pipeline) -> Target {
    let Some(findings) = arguments.findings_topic.clone() else { return Target::printed(arguments.format.into()) };
    let policy = AlertPolicy {
        least: arguments.alerts_min_severity.unwrap_or(LEAST_ALERT),
        own_roles: pipeline.rules().placeholder_values("own_roles").to_vec(),
        account: topic_account(&findings).map(str::to_owned),
    };
    Target::Topics(Box::new(Topics::new(config, findings, arguments.alerts_topic.clone(), policy)))
}

/// Ends when the user interrupts the command.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Interrupts cannot be seen: the process ends as if it were killed.
        std::future::pending().await
    }
}

/// A line on standard error.
fn tell(line: impl Display) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(anstream::stderr(), "{line}");
}
