//! The Lambda function: evaluates each delivery of a log subscription and publishes what it finds.
//!
//! Configuration and rules are read once, and everything that is wrong with them is reported at once. An invocation
//! fails when a finding could not be published, so that Lambda tries again, and when its payload could not be decoded at
//! all, so that the on-failure destination keeps it.

use std::io::Write as _;
use std::process::ExitCode;

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use trailwarden::alert::{AlertPolicy, alerts};
use trailwarden::aws;
use trailwarden::config::{Config, RuleSettings};
use trailwarden::exempt::Exemptions;
use trailwarden::finding::Finding;
use trailwarden::metrics::{self, Delivered};
use trailwarden::pipeline::{self, Input, Outcome, Pipeline, Tally};
use trailwarden::publish::batch::Message;
use trailwarden::publish::sns::{PublishError, SnsTopic};
use trailwarden::rules::{Options, RuleFaults, RuleSet, Settings};
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
    let client = aws_sdk_sns::Client::new(&aws::sdk_config().await);
    let topics = Topics {
        findings: SnsTopic::new(client.clone(), config.findings_topic),
        alerts: config.alerts_topic.map(|topic| SnsTopic::new(client, topic)),
        policy: AlertPolicy {
            least: config.least_alert,
            own_roles: pipeline.rules().placeholder_values("own_roles").to_vec(),
        },
    };
    let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| handle(&pipeline, &topics, event));
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
    let RuleSettings { directories, file, exemptions } = configured;
    let settings = file.as_deref().map(Settings::read).transpose().map_err(|fault| RuleFaults(vec![fault]))?;
    let options = Options { directories, settings: settings.unwrap_or_default(), ..Options::default() };
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

/// Where findings go, and what people are told of.
struct Topics {
    findings: SnsTopic,
    alerts: Option<SnsTopic>,
    policy: AlertPolicy,
}

impl Topics {
    /// Publishes all findings and alerts; what fails on one topic does not keep the other back.
    async fn publish(&self, findings: &[Finding], now: Timestamp) -> (Delivered, Result<(), PublishError>) {
        let messages = findings.iter().map(|finding| Message::of(finding, now)).collect();
        let mut deliveries = vec![self.findings.publish(messages).await];
        if let Some(topic) = &self.alerts {
            let alerts = alerts(findings, &self.policy);
            deliveries.push(topic.publish(alerts.iter().map(|alert| Message::of_alert(alert, now)).collect()).await);
        }
        let mut delivered = Delivered::default();
        let mut error: Option<PublishError> = None;
        for delivery in deliveries {
            delivered.published += delivery.accepted;
            delivered.retried += delivery.retried;
            if let Some(other) = delivery.error {
                delivered.failed += other.failed;
                // A retry helps if it helps one of them.
                let retryable = other.retryable || error.as_ref().is_some_and(|error| error.retryable);
                error = Some(PublishError { retryable, ..error.unwrap_or(other) });
            }
        }
        (delivered, error.map_or(Ok(()), Err))
    }
}

async fn handle(
    pipeline: &Pipeline,
    topics: &Topics,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Tally, InvocationError> {
    let request_id = event.context.request_id.as_str();
    let mut findings = Vec::new();
    let mut undecodable = None;
    let mut outcomes = |outcome: Outcome| match outcome {
        Outcome::Finding(finding) => findings.push(*finding),
        Outcome::Rejection(rejection) => {
            tracing::warn!(request_id, place = %rejection.place, reason = %visible(&rejection.reason), "rejected");
            if rejection.place.record.is_none() {
                undecodable = Some(visible(&rejection.reason).into_owned());
            }
        }
    };
    let tally = pipeline.run("payload", Input::Payload(event.payload.get()), &mut outcomes);
    let now = Timestamp::now();
    let (delivered, published) = topics.publish(&findings, now).await;
    // Nothing can be done about a closed standard output.
    let _ = writeln!(std::io::stdout(), "{}", metrics::line(request_id, &tally, &findings, delivered, now));
    published?;
    match undecodable {
        Some(reason) => Err(InvocationError::Payload(reason)),
        None if !tally.balances() => Err(InvocationError::Tally(tally)),
        None => Ok(tally),
    }
}
