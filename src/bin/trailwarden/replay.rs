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
use trailwarden::app::{
    AlertMemorySetting, AlertsTopicSetting, Configuration, DEFAULT_MIN_ALERT_SEVERITY, Destination,
    LiveStateConfiguration, alerts_topic, findings_topic, severity, topic_account,
};
use trailwarden::aws::sdk_config;
use trailwarden::finding::Severity;
use trailwarden::objects::{Objects, start_requests};
use trailwarden::queue::{Queue, QueueUrl};

use self::run::{Run, Target};
use crate::input::{Opened, open, sources};
use crate::output::{FindingFormat, fail};
use crate::selection::{Evaluation, LoadedPipeline, warn_without_live_state};

const MORE: &str = "\
Permissions: sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility on the queue, sns:Publish on the topics,
and kms:Decrypt and kms:GenerateDataKey if they are encrypted. Messages that name S3 objects need s3:GetObject and
s3:GetObjectVersion on them. Live state needs the permissions that the function has for it. Credentials come from the same places as for the AWS CLI. For IAM Identity Center, run
`eval \"$(aws configure export-credentials --format env)\"` first. Regions are those of the queue URL and of the topic ARNs.

Received messages are hidden from other consumers until the command ends, also if it is interrupted. If it is killed, they
are hidden for 15 minutes. Each run counts as one receive of each message that stays in the queue. Take care with a redrive
policy of the queue.

`trailwarden evaluate` also reads the output of `aws sqs receive-message`. It needs no AWS account, and its exit code tells
whether there are findings. It reads at most ten messages, publishes nothing and deletes nothing.

Exit codes:
  0  everything was evaluated and, if a topic is given, published
  2  otherwise: the rest stays in the queue, and standard error gives the reasons

Examples:
  Show the findings in a queue, and leave its messages there:
    trailwarden replay --queue-url URL
  Publish them and delete the messages:
    trailwarden replay --queue-url URL --findings-topic ARN";

/// Evaluate payloads from the function's on-failure queue, and publish or print the findings.
///
/// If the function cannot publish or decode a payload (topic deleted, access denied), Lambda sends the payload to the
/// function's on-failure destination after its retries. This command reads such payloads from the SQS queue of that
/// destination until it is empty, or from files. It also reads the dead-letter queue of a queue that triggers the function, and
/// files from a bucket that is the on-failure destination of the function or of a Kinesis event source mapping. Objects that a
/// payload names are fetched.
///
/// Without --findings-topic it prints the findings and deletes nothing. With --findings-topic it publishes them as the
/// function does, and deletes a message from the queue when its whole payload was evaluated and all findings were published.
/// Other messages stay in the queue for the next run. A payload that no run can evaluate stays until you delete it.
///
/// Use the rules, configuration and exemptions of the function. The findings then have the ids that the function gave them,
/// so that subscribers recognise duplicates. Give --live-state if the function has LIVE_STATE=on. Otherwise findings that need
/// live state are lost with the message.
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct Arguments {
    /// Files and directories to read, each file as one payload. `-` is standard input. They may contain the same input as for
    /// `evaluate`.
    #[arg(value_name = "PATH", required_unless_present = "queue_url")]
    paths: Vec<PathBuf>,

    /// The URL of the on-failure queue. It is read after the files.
    #[arg(long, value_name = "URL")]
    queue_url: Option<QueueUrl>,

    /// Publish findings to this SNS topic, and delete complete payloads from the queue.
    #[arg(long, value_name = "ARN", value_parser = findings_topic)]
    findings_topic: Option<String>,

    /// Publish alerts for people to this SNS topic.
    #[arg(long, value_name = "ARN", value_parser = alerts_topic, requires = "findings_topic")]
    alerts_topic: Option<String>,

    /// The minimum severity of alerts: Informational, Low, Medium, High or Critical. The default is Low.
    #[arg(long, value_name = "SEVERITY", value_parser = severity, requires = "alerts_topic")]
    alerts_min_severity: Option<Severity>,

    #[command(flatten)]
    evaluation: Evaluation,

    #[cfg(feature = "live")]
    #[command(flatten)]
    live: live::Options,

    /// The format of printed findings.
    #[arg(long, value_enum, default_value_t = FindingFormat::Text, conflicts_with = "findings_topic")]
    format: FindingFormat,
}

impl Arguments {
    #[cfg(feature = "live")]
    fn live_state(&self) -> Option<LiveStateConfiguration> {
        self.live.configuration()
    }

    #[cfg(not(feature = "live"))]
    fn live_state(&self) -> Option<LiveStateConfiguration> {
        None
    }

    fn destinations(&self) -> Vec<Destination> {
        let Some(arn) = self.findings_topic.clone() else { return Vec::new() };
        let account = topic_account(&arn).map(str::to_owned);
        let min_severity = self.alerts_min_severity.unwrap_or(DEFAULT_MIN_ALERT_SEVERITY);
        let alerts = self.alerts_topic.clone().map(|arn| Destination::Alerts {
            topic: Some(AlertsTopicSetting { arn, min_severity }),
            // Their secrets are for the function alone.
            webhooks: Vec::new(),
            account,
            memory: AlertMemorySetting::None,
        });
        std::iter::once(Destination::FindingsTopic { arn }).chain(alerts).collect()
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Some(loaded) = arguments.evaluation.load(false) else { return ExitCode::from(2) };
    if loaded.has_rejected_rules && arguments.findings_topic.is_some() {
        // The function does not start either. Otherwise a payload would be deleted without the findings of that rule.
        return fail(
            "nothing was evaluated, because a payload is complete only if all rules have evaluated it: correct the rules \
             that were refused, or skip unsupported ones with --allow-unsupported",
        );
    }
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(replay(arguments, loaded)),
        Err(error) => fail(format_args!("no request to AWS can be made: {error}")),
    }
}

async fn replay(arguments: &Arguments, loaded: LoadedPipeline) -> ExitCode {
    let LoadedPipeline { configuration, pipeline, has_rejected_rules } = loaded;
    let configuration =
        Configuration { live_state: arguments.live_state(), destinations: arguments.destinations(), ..configuration };
    if configuration.live_state.is_none() {
        let advice =
            if cfg!(feature = "live") { "give --live-state" } else { "this `trailwarden` was built without it" };
        warn_without_live_state(&configuration, advice);
    }
    let sdk = sdk_config().await;
    let target = if configuration.destinations.is_empty() {
        Target::printed(arguments.format.into())
    } else {
        Target::Published(configuration.sinks(&sdk, None))
    };
    let requests = match start_requests() {
        Ok(requests) => requests,
        Err(error) => return fail(format_args!("no thread can be started: {error}")),
    };
    // A client of its own, whose connections belong to the other thread.
    let objects = Objects::new(&sdk_config().await);
    let mut run = Run::new(configuration.evaluator(pipeline, &sdk), objects, requests, target);
    if !arguments.paths.is_empty() {
        for source in sources(&arguments.paths) {
            let Opened { name, input, .. } = open(&source, &ProgressBar::hidden());
            run.file(&name, input).await;
        }
    }
    if let Some(url) = &arguments.queue_url {
        let mut queue = Queue::new(&sdk, url);
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
    run.end(arguments.queue_url.is_some(), has_rejected_rules)
}

/// Ends when the user interrupts the command.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a signal handler the process ends as if it were killed.
        std::future::pending().await
    }
}

/// A line on standard error.
fn tell(line: impl Display) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(anstream::stderr(), "{line}");
}
