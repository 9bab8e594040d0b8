//! The Lambda function: evaluates each delivery of a log subscription and publishes what it finds.
//!
//! Configuration and rules are read once, and everything that is wrong with them is reported at once. An invocation
//! fails when a finding could not be published, so that Lambda tries again, and when its payload could not be decoded at
//! all, so that the on-failure destination keeps it.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use trailwarden::alert::AlertPolicy;
use trailwarden::aws::{SdkConfig, lambda_config};
use trailwarden::config::{Config, LiveConfig, RuleSettings, topic_account};
use trailwarden::metrics;
use trailwarden::pipeline::{self, Evaluator, Outcome, Pipeline, Progress, Rejection, Tally};
use trailwarden::rules::{Options, RuleFault, RuleFaults, RuleSet, Settings};
use trailwarden::sinks::sns::PublishError;
use trailwarden::sinks::topics::Topics;
use trailwarden::sources::LogStreams;
use trailwarden::suppress::Exemptions;
use trailwarden::text::visible;

/// Why an invocation fails. The names of the variants' types are a contract: alarms and people filter by them.
#[derive(Debug, thiserror::Error)]
enum InvocationError {
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("the payload could not be decoded: {0}")]
    Payload(String),
    #[error("the counts do not balance, please report this: {0}")]
    Tally(Tally),
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        let error_type = match &error {
            InvocationError::Publish(failure) if failure.retryable => "PublishFailedRetryable",
            InvocationError::Publish(_) => "PublishFailedPermanent",
            InvocationError::Payload(_) => "PayloadRejected",
            InvocationError::Tally(_) => "TallyUnbalanced",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let config = Config::read(variable);
    log(config.as_ref().map_or(LevelFilter::INFO, |config| config.log_level.into()));
    pipeline::hide_panic_messages();
    let (config, pipeline) = match (config, evaluation(RuleSettings::read(variable))) {
        (Ok(config), Ok(pipeline)) => (config, pipeline),
        (config, pipeline) => {
            let faults = config.err().into_iter().flat_map(|faults| faults.0);
            let rule_faults = pipeline.err().into_iter().flat_map(|faults| faults.0);
            for fault in faults.chain(rule_faults.map(|fault| fault.to_string())) {
                tracing::error!(fault = %visible(&fault), "cannot start");
            }
            return ExitCode::FAILURE;
        }
    };
    let policy = AlertPolicy {
        least: config.least_alert,
        own_roles: pipeline.rules().placeholder_values("own_roles").to_vec(),
        account: topic_account(&config.findings_topic).map(str::to_owned),
    };
    let log_streams = config
        .log_streams
        .as_ref()
        .map_or_else(LogStreams::standard, |patterns| LogStreams::named(patterns.iter().map(String::as_str)));
    let pipeline = pipeline.with_log_streams(log_streams);
    let sdk = lambda_config();
    let evaluator = match config.live {
        Some(live) => with_live_state(pipeline, &sdk, live),
        None => {
            if !pipeline.rules().live_state().is_empty() {
                tracing::warn!(
                    "`live-state` of the configuration file exempts nothing, because LIVE_STATE is off: set it to on"
                );
            }
            Evaluator::new(pipeline)
        }
    };
    let topics = Topics::new(&sdk, config.findings_topic, config.alerts_topic, policy).with_alert_limit();
    let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| handle(&evaluator, &topics, event));
    match lambda_runtime::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %visible(&error.to_string()), "the Runtime API failed");
            ExitCode::FAILURE
        }
    }
}

/// The rules and exemptions that are configured.
fn evaluation(configured: RuleSettings) -> Result<Pipeline, RuleFaults> {
    let RuleSettings { directories, file, text, exemptions } = configured;
    let settings = match (file, text) {
        (None, None) => Ok(Settings::default()),
        (Some(file), None) => Settings::read(&file),
        (None, Some(text)) => Settings::parse("CONFIG", text),
        (Some(_), Some(_)) => {
            Err(RuleFault::of_file("CONFIG", "CONFIG_FILE is set too; give one of the two".to_owned()))
        }
    };
    let settings = settings.map_err(|fault| RuleFaults(vec![fault]))?;
    let options = Options { directories, settings, ..Options::default() };
    let rules = RuleSet::load_with(&options)?;
    let exemptions = exemptions.as_deref().map(|path| Exemptions::read(path, &rules)).transpose()?;
    Ok(Pipeline::new(rules).with_exemptions(exemptions.unwrap_or_default()))
}

/// JSON lines on standard output. Only our own targets go below warnings: others might log payloads.
fn log(level: LevelFilter) {
    let ours = ["trailwarden", "bootstrap"].map(|target| (target, level));
    let filter = Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(ours);
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

#[cfg(feature = "live")]
fn with_live_state(pipeline: Pipeline, sdk: &SdkConfig, config: LiveConfig) -> Evaluator {
    let LiveConfig { member_role, external_id, session_name, names } = config;
    let member = member_role.map(|name| trailwarden::live_state::aws::MemberRole { name, external_id, session_name });
    Evaluator::new(pipeline).with_live_state(trailwarden::pipeline::aws::AwsLive::new(sdk, member, names))
}

#[cfg(not(feature = "live"))]
fn with_live_state(_: Pipeline, _: &SdkConfig, _: LiveConfig) -> Evaluator {
    // `Config::read` has refused to start.
    std::process::exit(1)
}

/// Longest time that live state may take of an invocation.
const MOST_FOR_LIVE_STATE: Duration = Duration::from_secs(30);

/// How long live state may take: half of what is left, so that the rest is enough to publish.
fn budget(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    (left / 2).min(MOST_FOR_LIVE_STATE)
}

/// Time left at the end of an invocation to report what was not published, so that the function answers with a retryable
/// error instead of being stopped.
const MARGIN: Duration = Duration::from_secs(2);

/// The last moment at which SNS may accept a message.
fn publish_deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left.saturating_sub(MARGIN)
}

/// Why an invocation fails when the evaluation of a payload panicked outside a record.
const FAILED_INSIDE: &str = "evaluating it failed inside Trailwarden; please report this";

async fn handle(
    evaluator: &Evaluator,
    topics: &Topics,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Tally, InvocationError> {
    let LambdaEvent { payload, context } = event;
    let request_id = context.request_id.as_str();
    let now = Timestamp::now();
    let (mut outbox, published) = topics.open(now, publish_deadline(&context));
    let (mut findings, mut undecodable) = (Vec::new(), None);
    let evaluation = async {
        let mut take = |progress| match progress {
            Progress::Outcome(Outcome::Finding(finding)) => {
                let finding = Arc::from(finding);
                outbox.put(Arc::clone(&finding));
                findings.push(finding);
            }
            Progress::Outcome(Outcome::Rejection(Rejection { place, reason })) => {
                tracing::warn!(request_id, %place, reason = %visible(&reason), "rejected");
                if place.record.is_none() {
                    undecodable = Some(reason);
                }
            }
            Progress::Settling => outbox.alert(),
        };
        let tally = evaluator.run("payload", payload.get().to_owned(), budget(&context), &mut take).await;
        drop(outbox);
        tally
    };
    let (tally, (delivered, published)) = tokio::join!(evaluation, published);
    let tally = tally.map_err(|_| InvocationError::Payload(FAILED_INSIDE.to_owned()))?;
    // Nothing can be done about a closed standard output.
    let _ = writeln!(std::io::stdout(), "{}", metrics::line(request_id, &tally, &findings, delivered, now));
    published?;
    match undecodable {
        Some(reason) => Err(InvocationError::Payload(visible(&reason).into_owned())),
        None if !tally.balances() => Err(InvocationError::Tally(tally)),
        None => Ok(tally),
    }
}
