//! The Lambda function: evaluates each delivery of a log subscription or another trigger and publishes the findings.
//!
//! Configuration and rules are read once, and all their errors are reported together. An invocation fails if a finding could
//! not be published, so that Lambda retries it, and if its payload could not be decoded, so that Lambda sends the payload to
//! the on-failure destination. For batches of SQS and Kinesis it does not fail. Its response reports the messages to retry.

use std::collections::{BTreeSet, HashSet};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use trailwarden::app::environment;
use trailwarden::aws::lambda_config;
use trailwarden::finding::Finding;
use trailwarden::metrics;
use trailwarden::pipeline::{self, Evaluator, Outcome, Progress, Rejection, Tally};
use trailwarden::sinks::{DeliveryError, Sinks, Terms};
use trailwarden::sources::{BatchResponse, TriggerBatch};
use trailwarden::text::visible;

/// Why an invocation fails. The error types are a contract: alarms and people filter by them.
#[derive(Debug, thiserror::Error)]
enum InvocationError {
    #[error(transparent)]
    Publish(#[from] DeliveryError),
    #[error("the payload could not be decoded: {0}")]
    Payload(String),
    #[error("the counts do not balance, please report this: {0}")]
    Tally(Tally),
}

impl InvocationError {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Publish(failure) if failure.retryable => "PublishFailedRetryable",
            Self::Publish(_) => "PublishFailedPermanent",
            Self::Payload(_) => "PayloadRejected",
            Self::Tally(_) => "TallyUnbalanced",
        }
    }
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        Self { error_type: error.error_type().to_owned(), error_message: error.to_string() }
    }
}

/// The response of an invocation.
#[derive(Serialize)]
#[serde(untagged)]
enum Response {
    /// The counts of the payload.
    Tally(Tally),
    /// The failed messages of a batch.
    Batch(BatchResponse),
    /// The number of digests that were published.
    Flushed { digests: usize },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (configuration, mut errors) = environment::read(|name| std::env::var(name).ok());
    log(configuration.log_level.into());
    pipeline::hide_panic_messages();
    let pipeline = match configuration.pipeline() {
        Ok(pipeline) if errors.is_empty() => pipeline,
        result => {
            let faults = result.err().into_iter().flat_map(|faults| faults.0);
            errors.extend(faults.map(|fault| fault.to_string()));
            for error in errors {
                tracing::error!(fault = %visible(&error), "cannot start");
            }
            return ExitCode::FAILURE;
        }
    };
    if configuration.live_state.is_none() && !configuration.file.vpc_exemptions.is_empty() {
        tracing::warn!(
            "`live-state` of the configuration file exempts nothing, because LIVE_STATE is off: set it to on"
        );
    }
    let sdk = lambda_config();
    let evaluator = configuration.evaluator(pipeline, &sdk);
    let sinks = configuration.sinks(&sdk);
    let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| handle(&evaluator, &sinks, event));
    match lambda_runtime::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %visible(&error.to_string()), "the Runtime API failed");
            ExitCode::FAILURE
        }
    }
}

/// Writes JSON lines to standard output. Dependencies log warnings and errors only: finer levels might contain payloads.
fn log(level: LevelFilter) {
    let ours = ["trailwarden", "bootstrap"].map(|target| (target, level));
    let filter = Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(ours);
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

/// Maximum time of an invocation for live state.
const MAX_LIVE_STATE: Duration = Duration::from_secs(30);

/// Returns the time for live state: half of the remaining time, so that the rest is enough to publish.
fn budget(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    (left / 2).min(MAX_LIVE_STATE)
}

/// Time at the end of an invocation to report messages that were not published. Without it, Lambda would stop the function
/// before it returns a retryable error.
const MARGIN: Duration = Duration::from_secs(2);

/// Returns the time by which a message must be accepted.
fn publish_deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left.saturating_sub(MARGIN)
}

/// The event by which a schedule has the function publish the digests of alerts that are due.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scheduled {
    trailwarden: ScheduledTask,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ScheduledTask {
    FlushAlerts,
}

/// Maximum bytes of such an event. Other payloads are not parsed for it.
const MAX_SCHEDULED: usize = 256;

fn is_flush(payload: &str) -> bool {
    payload.len() <= MAX_SCHEDULED
        && matches!(serde_json::from_str(payload), Ok(Scheduled { trailwarden: ScheduledTask::FlushAlerts }))
}

/// The error of an invocation whose evaluation panicked outside a record.
const FAILED_INSIDE: &str = "evaluating it failed inside Trailwarden; please report this";

async fn handle(
    evaluator: &Evaluator,
    sinks: &Sinks,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Response, InvocationError> {
    let LambdaEvent { payload, context } = event;
    if is_flush(payload.get()) {
        let terms = Terms { now: Timestamp::now(), deadline: publish_deadline(&context) };
        let (counts, published) = sinks.flush(terms).await;
        published?;
        return Ok(Response::Flushed { digests: counts.published });
    }
    let batch = TriggerBatch::of(payload.get());
    let request_id = context.request_id.as_str();
    let now = Timestamp::now();
    let (mut outbox, published) = sinks.open(Terms { now, deadline: publish_deadline(&context) });
    let (mut findings, mut undecodable) = (Vec::new(), None);
    // The message of each finding, and the messages that could not be decoded. A message without a position is the payload.
    let (mut messages, mut undecodable_messages) = (Vec::new(), BTreeSet::new());
    let evaluation = async {
        let mut take = |progress| match progress {
            Progress::Outcome(Outcome::Finding(finding, place)) => {
                let finding = Arc::from(finding);
                outbox.put(Arc::clone(&finding));
                findings.push(finding);
                messages.push(place.message);
            }
            Progress::Outcome(Outcome::Rejection(Rejection { place, reason })) => {
                tracing::warn!(request_id, %place, reason = %visible(&reason), "rejected");
                if place.is_whole() {
                    undecodable = Some(reason);
                    undecodable_messages.insert(place.message);
                }
            }
            Progress::Settling => outbox.end_group(),
        };
        let tally = evaluator.run("payload", payload.get().to_owned(), budget(&context), &mut take).await;
        drop(outbox);
        tally
    };
    let (tally, (delivered, published)) = tokio::join!(evaluation, published);
    let tally = tally.map_err(|_| InvocationError::Payload(FAILED_INSIDE.to_owned()))?;
    // Nothing can be done about a closed standard output.
    let _ = writeln!(std::io::stdout(), "{}", metrics::line(request_id, &tally, &findings, delivered, now));
    let undecodable = undecodable.map(|reason| InvocationError::Payload(visible(&reason).into_owned()));
    if let Some(batch) = batch.filter(|_| tally.balances()) {
        let undecodable_messages = undecodable_messages.into_iter().collect::<Option<BTreeSet<u64>>>();
        let unpublished_messages = match &published {
            Ok(()) => Some(BTreeSet::new()),
            Err(error) => messages_of(&error.uids, findings.iter().zip(&messages)),
        };
        let failed = match undecodable_messages.zip(unpublished_messages) {
            Some((undecodable, unpublished)) => undecodable.union(&unpublished).copied().collect(),
            // The failed messages are not known.
            None => batch.positions().collect(),
        };
        let response = batch.response(&failed);
        for error in published.err().map(InvocationError::Publish).iter().chain(&undecodable) {
            let messages = visible(&response.failed().join(", ")).into_owned();
            tracing::error!(request_id, error_type = error.error_type(), %error, %messages, "reported as failed");
        }
        return Ok(Response::Batch(response));
    }
    published?;
    match undecodable {
        Some(error) => Err(error),
        None if !tally.balances() => Err(InvocationError::Tally(tally)),
        None => Ok(Response::Tally(tally)),
    }
}

/// Returns the messages of the findings whose SNS messages have these ids, or `None` if an id belongs to no finding, such as
/// that of an alert, which may combine findings of several messages.
fn messages_of<'f>(
    uids: &[String],
    findings: impl Iterator<Item = (&'f Arc<Finding>, &'f Option<u64>)>,
) -> Option<BTreeSet<u64>> {
    let uids: HashSet<&str> = uids.iter().map(String::as_str).collect();
    let mut found = HashSet::new();
    let mut messages = BTreeSet::new();
    for (finding, message) in findings {
        let uid = finding.message_uid();
        if uids.contains(uid.as_str()) {
            messages.insert((*message)?);
            found.insert(uid);
        }
    }
    (found.len() == uids.len()).then_some(messages)
}
