//! The Lambda function: evaluates each delivery of a log subscription or another trigger and publishes the findings.
//!
//! Configuration and rules are read once, and all their errors are reported together. An invocation fails if a finding could
//! not be published, so that Lambda retries it, and if its payload could not be decoded, so that Lambda sends the payload to
//! the on-failure destination. For batches of SQS and Kinesis it does not fail. Its response reports the messages to retry, and
//! messages that can never be decoded go to the on-failure queue. Firehose and S3 Batch Operations get a response, too.
//! A rule of AWS Config is answered with the compliance of each resource, after the findings are published.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use trailwarden::app::{Configuration, environment, log};
use trailwarden::aws::lambda_config;
use trailwarden::config_rule::{
    ConfigService, Inventory, InvocationError as ConfigRuleError, Occasion, Parameters, RuleInvocation, ServiceError,
};
use trailwarden::configuration_item::{Absence, EvaluatedItem, ItemEvaluation, mapped_types};
use trailwarden::finding::{Finding, Outcome as LiveOutcome, RuleInfo};
use trailwarden::metrics;
use trailwarden::pipeline::{
    self, Cause as RejectionCause, Evaluator, Input, Limits, Outcome, Progress, Rejection, Tally,
};
use trailwarden::queue::{Queue, QueueUrl};
use trailwarden::rules::Rule;
use trailwarden::sinks::alert_state::StateError;
use trailwarden::sinks::problems::{Cause, EvaluatedResource, Resolver};
use trailwarden::sinks::webhooks::Webhooks;
use trailwarden::sinks::{Delivery, DeliveryError, Sinks, Terms};
use trailwarden::sources::{BatchResponse, FetchItem, Invocation, MessageFailure, Place, TriggerBatch};
use trailwarden::text::visible;

/// Why an invocation fails. The error types are a contract: alarms and people filter by them.
#[derive(Debug, thiserror::Error)]
enum InvocationError {
    #[error(transparent)]
    Publish(#[from] DeliveryError),
    #[error("the payload could not be decoded: {0}")]
    Payload(String),
    #[error("{reason}")]
    Object { reason: String, is_retryable: bool },
    #[error("the state table cannot be used: {0}")]
    State(String),
    #[error(transparent)]
    ConfigRule(#[from] ConfigRuleError),
    #[error("{reason}")]
    Config { reason: String, is_retryable: bool },
    #[error("the counts do not balance, please report this: {0}")]
    Tally(Tally),
}

impl InvocationError {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Publish(failure) if failure.retryable => "PublishFailedRetryable",
            Self::Publish(_) => "PublishFailedPermanent",
            Self::Payload(_) => "PayloadRejected",
            Self::Object { is_retryable: true, .. } => "ObjectReadFailedRetryable",
            Self::Object { .. } => "ObjectReadFailedPermanent",
            Self::State(_) => "StateTableFailed",
            Self::ConfigRule(_) => "ConfigRuleRejected",
            Self::Config { is_retryable: true, .. } => "ConfigFailedRetryable",
            Self::Config { .. } => "ConfigFailedPermanent",
            Self::Tally(_) => "TallyUnbalanced",
        }
    }

    fn is_retryable(&self) -> bool {
        matches!(self, Self::Object { is_retryable: true, .. } | Self::Config { is_retryable: true, .. })
    }

    /// The error of one message of a batch.
    fn of_message(&self, is_transient: bool) -> MessageFailure {
        MessageFailure { error_type: self.error_type(), reason: self.to_string(), is_transient }
    }
}

impl From<&Rejection> for InvocationError {
    fn from(rejection: &Rejection) -> Self {
        let reason = visible(&rejection.reason).into_owned();
        match rejection.cause {
            RejectionCause::Content => Self::Payload(reason),
            cause => Self::Object { reason, is_retryable: cause == RejectionCause::ObjectRetryable },
        }
    }
}

impl From<ServiceError> for InvocationError {
    fn from(error: ServiceError) -> Self {
        Self::Config { reason: error.to_string(), is_retryable: error.is_transient() }
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
    /// What became of the messages of a batch.
    Batch(BatchResponse),
    /// The number of digests that were published.
    Flushed { digests: usize },
    /// How many problems are open, how many of them live state was read for, and how many are resolved.
    Rechecked { open: usize, checked: usize, resolved: usize },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (configuration, mut errors) = environment::read(|name| std::env::var(name).ok());
    log::write_json_lines("bootstrap", configuration.log_level.into());
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
    let rules = pipeline.rules().rules().iter();
    let packs = rules.filter_map(|rule| Some((rule.name().to_owned(), rule.pack()?.to_owned()))).collect();
    let webhooks = configuration.webhooks(&sdk, packs);
    let function = Function {
        evaluator: Arc::new(configuration.evaluator(pipeline, &sdk)),
        rule_evaluators: Mutex::default(),
        sinks: configuration.sinks(&sdk, webhooks.as_ref()),
        webhooks,
        outbox: configuration.outbox_queue.clone(),
        resolver: configuration.resolver(&sdk),
        config: Arc::new(ConfigService::new(&sdk, configuration.role.clone())),
        on_failure: configuration.on_failure_queue.as_ref().map(|url| Queue::new(&sdk, url)),
        configuration,
    };
    let handler = service_fn(|event: LambdaEvent<Box<RawValue>>| handle(&function, event));
    match lambda_runtime::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %visible(&error.to_string()), "the Runtime API failed");
            ExitCode::FAILURE
        }
    }
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

/// Minimum time for reading the state of one open problem. The next schedule checks those that are left.
const MIN_RECHECK: Duration = Duration::from_secs(1);

/// Returns the time by which a message must be accepted.
fn publish_deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left.saturating_sub(MARGIN)
}

/// Returns the time by which objects must have been read: four fifths of the remaining time, so that the rest is enough to
/// publish their findings.
fn objects_deadline(context: &Context) -> Instant {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now() + left * 4 / 5
}

/// The event by which a schedule has the function publish the digests of alerts that are due, or read the state of open
/// problems again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scheduled {
    trailwarden: ScheduledTask,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ScheduledTask {
    FlushAlerts,
    RecheckProblems,
}

/// Maximum bytes of such an event. Other payloads are not parsed for it.
const MAX_SCHEDULED: usize = 256;

fn scheduled_task(payload: &str) -> Option<ScheduledTask> {
    let is_short = payload.len() <= MAX_SCHEDULED;
    is_short.then(|| serde_json::from_str(payload).ok()).flatten().map(|Scheduled { trailwarden }| trailwarden)
}

/// The error of an invocation whose evaluation panicked outside a record.
const FAILED_INSIDE: &str = "evaluating it failed inside Trailwarden; please report this";

/// The parts of the function that all invocations share.
struct Function {
    configuration: Configuration,
    evaluator: Arc<Evaluator>,
    /// Evaluators for Config rules with parameters, by their name and parameters.
    rule_evaluators: Mutex<HashMap<(String, Parameters), Arc<Evaluator>>>,
    sinks: Sinks,
    webhooks: Option<Arc<Webhooks>>,
    /// The queue whose messages are for webhooks.
    outbox: Option<QueueUrl>,
    /// Keeps messages of SQS and Kinesis whose failure is permanent.
    on_failure: Option<Queue>,
    /// Closes problems. `None` if open problems are not kept.
    resolver: Option<Resolver>,
    /// AWS Config, which invokes the function by rules.
    config: Arc<ConfigService>,
}

/// Maximum number of evaluators for parameters of Config rules that are kept.
const MAX_RULE_EVALUATORS: usize = 8;

impl Function {
    /// The evaluator for the parameters of a Config rule.
    fn evaluator_of(&self, invocation: &RuleInvocation) -> Result<Arc<Evaluator>, InvocationError> {
        let RuleInvocation { rule_name, parameters, .. } = invocation;
        if parameters.is_empty() {
            return Ok(Arc::clone(&self.evaluator));
        }
        let key = (rule_name.clone(), parameters.clone());
        let mut known = self.rule_evaluators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(evaluator) = known.get(&key) {
            return Ok(Arc::clone(evaluator));
        }
        let pipeline = self.configuration.config_rule_pipeline(rule_name, parameters).map_err(|error| {
            let error = format!("its parameters cannot be applied: {}", visible(&error.to_string()));
            ConfigRuleError::Parameter { rule: visible(rule_name).into_owned(), error }
        })?;
        let evaluator = Arc::new(self.evaluator.beside(pipeline));
        if known.len() >= MAX_RULE_EVALUATORS {
            known.clear();
        }
        known.insert(key, Arc::clone(&evaluator));
        Ok(evaluator)
    }
}

/// What could not be decoded or fetched, by message. A message without a position is the payload.
#[derive(Default)]
struct Unread(BTreeMap<Option<u64>, Rejection>);

impl Unread {
    fn add(&mut self, rejection: Rejection) {
        let is_retryable = |rejection: &Rejection| rejection.cause == RejectionCause::ObjectRetryable;
        match self.0.entry(rejection.place.message) {
            Entry::Vacant(entry) => drop(entry.insert(rejection)),
            // One error after which a retry may succeed is reason enough for a retry.
            Entry::Occupied(mut entry) if is_retryable(&rejection) && !is_retryable(entry.get()) => {
                entry.insert(rejection);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// The error of the invocation: one after which a retry may succeed, if there is any.
    fn error(&self) -> Option<InvocationError> {
        self.0.values().map(InvocationError::from).max_by_key(InvocationError::is_retryable)
    }

    /// The error of each message, or `None` if the failed messages are not known.
    fn failures(&self) -> Option<BTreeMap<u64, MessageFailure>> {
        let failure = |(message, rejection): (&Option<u64>, &Rejection)| {
            let error = InvocationError::from(rejection);
            Some(((*message)?, error.of_message(error.is_retryable())))
        };
        self.0.iter().map(failure).collect()
    }
}

async fn handle(function: &Function, event: LambdaEvent<Box<RawValue>>) -> Result<Response, InvocationError> {
    let LambdaEvent { payload, context } = event;
    if let Some(task) = scheduled_task(payload.get()) {
        let terms = Terms { now: Timestamp::now(), deadline: publish_deadline(&context) };
        return match task {
            ScheduledTask::FlushAlerts => {
                let (counts, published) = function.sinks.flush(terms).await;
                published?;
                Ok(Response::Flushed { digests: counts.published })
            }
            ScheduledTask::RecheckProblems => recheck(function, &context, terms).await,
        };
    }
    match RuleInvocation::of(payload.get()) {
        Some(invocation) => answer_rule(function, &context, invocation?, payload.get()).await,
        None => deliver(function, &context, payload.get()).await,
    }
}

/// Evaluates and publishes a delivery that is no invocation by AWS Config.
async fn deliver(function: &Function, context: &Context, payload: &str) -> Result<Response, InvocationError> {
    let batch = TriggerBatch::of(payload);
    let request_id = context.request_id.as_str();
    if let (Some(batch), Some(outbox)) = (&batch, &function.outbox)
        && let Some(bodies) = batch.bodies_of(|arn| outbox.is_of(arn))
    {
        let failed = post_waiting(function, bodies, publish_deadline(context)).await;
        report(request_id, batch, &failed);
        return Ok(Response::Batch(batch.response(&failed, "")));
    }
    let terms = Terms { now: Timestamp::now(), deadline: publish_deadline(context) };
    let items = function.config.items(&context.invoked_function_arn, objects_deadline(context), Handle::current());
    let inputs = Inputs::Payload(Some(payload.to_owned()));
    let received = Received { inputs, items: Some(Box::new(items)), is_rule: false };
    let Evaluation { tally, findings, messages, unread, published, .. } =
        evaluate(function, &function.evaluator, received, context, terms).await?;
    let unpublished = match &published {
        Ok(()) => Some(BTreeSet::new()),
        Err(error) => messages_of(&error.uids, findings.iter().zip(&messages)),
    };
    let published = published.map_err(InvocationError::Publish);
    let batch = batch.filter(|batch| {
        let is_retried_whole = published.is_err() || unread.error().is_some_and(|error| error.is_retryable());
        tally.balances() && (batch.retries_messages() || !is_retried_whole)
    });
    let Some(batch) = batch else {
        published?;
        return match unread.error() {
            Some(error) => Err(error),
            None if !tally.balances() => Err(InvocationError::Tally(tally)),
            None => Ok(Response::Tally(tally)),
        };
    };
    let mut failed = unread.failures().zip(unpublished).map(|(mut failed, unpublished)| {
        // A message is retried until its findings are published, even if a part of it can never be decoded.
        let error = published.as_ref().err().into_iter();
        failed.extend(error.flat_map(|error| unpublished.iter().map(|message| (*message, error.of_message(true)))));
        failed
    });
    if let (Some(failed), Some(queue)) = (&mut failed, &function.on_failure)
        && batch.retries_permanent_failures()
    {
        let function_arn = context.invoked_function_arn.as_str();
        keep(queue, &batch, failed, &Invocation { request_id, function_arn, time: terms.now }, terms.deadline).await;
    }
    let failed = failed.unwrap_or_else(|| {
        // The failed messages are not known.
        let error = published.err().or_else(|| unread.error());
        let failure = error.map(|error| error.of_message(true));
        batch.positions().zip(failure.into_iter().cycle()).collect()
    });
    report(request_id, &batch, &failed);
    Ok(Response::Batch(batch.response(&failed, &tally.to_string())))
}

/// What an invocation evaluates.
struct Received {
    inputs: Inputs,
    /// Fetches configuration items that are too large for the payload.
    items: Option<Box<dyn FetchItem + Send>>,
    /// Whether a rule of AWS Config invoked the function. Each rejection then fails the invocation.
    is_rule: bool,
}

/// The inputs of an invocation.
enum Inputs {
    /// The payload. `None` after it was taken.
    Payload(Option<String>),
    /// The inventory of AWS Config, page by page.
    Inventory(Box<Inventory>),
}

impl Inputs {
    /// Takes the next input, and the reasons why parts of it cannot be read.
    async fn next(&mut self) -> Result<Option<(&'static str, String, Vec<String>)>, ServiceError> {
        match self {
            Self::Payload(payload) => Ok(payload.take().map(|payload| ("payload", payload, Vec::new()))),
            Self::Inventory(inventory) => {
                let Some(rows) = inventory.next_page().await? else { return Ok(None) };
                let (mut items, mut unreadable) = (Vec::new(), Vec::new());
                for row in rows {
                    match row {
                        Ok(item) => items.push(item),
                        Err(reason) => unreadable.push(reason),
                    }
                }
                let document = format!(r#"{{"configurationItems":[{}]}}"#, items.join(","));
                Ok(Some((INVENTORY, document, unreadable)))
            }
        }
    }
}

/// The name of the inventory of AWS Config in reasons for rejections.
const INVENTORY: &str = "the inventory of AWS Config";

/// The result of what an invocation received.
struct Evaluation {
    tally: Tally,
    findings: Vec<Arc<Finding>>,
    /// The message of each finding.
    messages: Vec<Option<u64>>,
    /// The results of configuration items.
    items: Vec<EvaluatedItem>,
    unread: Unread,
    published: Result<(), DeliveryError>,
    /// Why the inventory could not be read to its end.
    stopped: Option<ServiceError>,
}

/// Evaluates what was received, and publishes its findings meanwhile.
async fn evaluate(
    function: &Function,
    evaluator: &Evaluator,
    received: Received,
    context: &Context,
    terms: Terms,
) -> Result<Evaluation, InvocationError> {
    let request_id = context.request_id.as_str();
    let Received { mut inputs, mut items, is_rule } = received;
    let (mut outbox, published) = function.sinks.open(terms);
    let (mut findings, mut messages, mut evaluated, mut unread) =
        (Vec::new(), Vec::new(), Vec::new(), Unread::default());
    let evaluation = async {
        let (mut tally, mut stopped) = (Tally::default(), None);
        let mut take = |progress| match progress {
            Progress::Outcome(Outcome::Finding(finding, place)) => {
                let finding = Arc::from(finding);
                outbox.put(Arc::clone(&finding));
                findings.push(finding);
                messages.push(place.message);
            }
            Progress::Outcome(Outcome::Rejection(rejection)) => {
                let Rejection { place, reason, cause } = &rejection;
                tracing::warn!(request_id, %place, reason = %visible(reason), "rejected");
                if is_rule || place.is_whole() || *cause != RejectionCause::Content {
                    unread.add(rejection);
                }
            }
            Progress::Outcome(Outcome::Item(item)) => {
                if is_rule {
                    evaluated.push(*item);
                }
            }
            Progress::Settling => outbox.end_group(),
        };
        loop {
            let (source, text, unreadable) = match inputs.next().await {
                Ok(Some(input)) => input,
                Ok(None) => break,
                Err(error) => {
                    stopped = Some(error);
                    break;
                }
            };
            for reason in unreadable {
                tally.received += 1;
                tally.rejected += 1;
                let place = Place { source: source.into(), ..Place::default() };
                let rejection = Rejection { place, reason, cause: RejectionCause::Content };
                take(Progress::Outcome(Outcome::Rejection(rejection)));
            }
            let limits = Limits { live_state: budget(context), objects: objects_deadline(context) };
            tally.add(&evaluator.run(source, text, limits, items.take(), &mut take).await?);
        }
        drop(outbox);
        Ok::<_, tokio::task::JoinError>((tally, stopped))
    };
    let (tally, (delivered, published)) = tokio::join!(evaluation, published);
    let (tally, stopped) = tally.map_err(|_| InvocationError::Payload(FAILED_INSIDE.to_owned()))?;
    // Nothing can be done about a closed standard output.
    let _ = writeln!(std::io::stdout(), "{}", metrics::line(request_id, &tally, &findings, delivered, terms.now));
    Ok(Evaluation { tally, findings, messages, items: evaluated, unread, published, stopped })
}

/// Evaluates what a rule of AWS Config is about, publishes its findings, and answers the rule. A resource that could not be
/// evaluated is not answered, and fails the invocation, so that AWS Config repeats it.
async fn answer_rule(
    function: &Function,
    context: &Context,
    invocation: RuleInvocation,
    payload: &str,
) -> Result<Response, InvocationError> {
    let terms = Terms { now: Timestamp::now(), deadline: publish_deadline(context) };
    let RuleInvocation { account, execution_role, .. } = &invocation;
    let evaluator = function.evaluator_of(&invocation)?;
    let open =
        |deadline| function.config.open(account, execution_role.as_deref(), &context.invoked_function_arn, deadline);
    let payload = || Inputs::Payload(Some(payload.to_owned()));
    // The rest of the time is for publishing and for the answer.
    let reading = objects_deadline(context);
    let (inputs, items): (_, Option<Box<dyn FetchItem + Send>>) = match &invocation.occasion {
        Occasion::Change => (payload(), None),
        Occasion::Oversized(_) => (payload(), Some(Box::new(open(reading).await?.fetcher(Handle::current())))),
        Occasion::Scheduled { .. } => {
            (Inputs::Inventory(Box::new(open(reading).await?.inventory(mapped_types()))), None)
        }
    };
    let received = Received { inputs, items, is_rule: true };
    let Evaluation { tally, items, unread, published, stopped, .. } =
        evaluate(function, &evaluator, received, context, terms).await?;
    let mut evaluations: Vec<ItemEvaluation> = items.iter().map(|item| item.evaluation.clone()).collect();
    if let Occasion::Scheduled { time } = invocation.occasion {
        evaluations.iter_mut().for_each(|evaluation| evaluation.capture_time = time);
    }
    published?;
    if !tally.balances() {
        return Err(InvocationError::Tally(tally));
    }
    open(terms.deadline).await?.answer(&invocation.result_token, &evaluations).await?;
    // Accounts that only this rule trusts do not resolve problems that others have found.
    if let Some(resolver) = function.resolver.as_ref().filter(|_| invocation.parameters.trusted_accounts.is_empty()) {
        close_problems(resolver, &evaluator, &items, terms).await?;
    }
    // The object or the item that AWS Config has of a resource.
    let unread = unread.error().map(|error| match error {
        InvocationError::Object { reason, is_retryable } => InvocationError::Config { reason, is_retryable },
        other => other,
    });
    match stopped.map(InvocationError::from).or(unread) {
        Some(error) => Err(error),
        None => Ok(Response::Tally(tally)),
    }
}

/// Closes the open problems that configuration items show to be over. Only rules that the evaluator has can show it.
async fn close_problems(
    resolver: &Resolver,
    evaluator: &Evaluator,
    items: &[EvaluatedItem],
    terms: Terms,
) -> Result<(), InvocationError> {
    let state = |error: StateError| InvocationError::State(error.to_string());
    let rules: HashSet<&str> = evaluator.pipeline().rules().rules().iter().map(Rule::name).collect();
    // One query for all problems, if there are many resources.
    let all = if items.len() > 1 { Some(resolver.problems().all().await.map_err(state)?) } else { None };
    let with_problems: Option<HashSet<&str>> = all.as_ref().map(|all| {
        let resources = all.iter().filter_map(|problem| problem.finding.primary_resource());
        resources.map(|resource| resource.id.as_str()).collect()
    });
    let has_problem = |id: &&str| with_problems.as_ref().is_none_or(|resources| resources.contains(id));
    let mut delivery = Delivery::default();
    for item in items {
        let time = item.evaluation.capture_time;
        let cause = match item.absence {
            Absence::Decided => Cause::ConfigurationItem(time),
            Absence::Deleted => Cause::Deleted(time),
            Absence::Unknown => continue,
        };
        let (Some(account), Some(region)) = (&item.evaluation.account, &item.region) else { continue };
        let ids: Vec<&str> = item.ids.iter().map(String::as_str).filter(has_problem).collect();
        let found: Vec<&str> = item.found.iter().map(String::as_str).collect();
        let resource = EvaluatedResource { account, region, ids: &ids, found: &found, cause };
        let refutes = |rule: &RuleInfo| rules.contains(rule.name.as_str()) && item.refutes(rule);
        delivery.add(resolver.clear(resource, refutes, terms).await.map_err(state)?);
    }
    Ok(delivery.result()?)
}

/// Reads the state of the resources of open problems again, and closes the problems that were reverted. Only findings with
/// their record, of rules that live state verifies, can be checked.
async fn recheck(function: &Function, context: &Context, terms: Terms) -> Result<Response, InvocationError> {
    let Some(resolver) = &function.resolver else {
        return Ok(Response::Rechecked { open: 0, checked: 0, resolved: 0 });
    };
    let open = resolver.problems().all().await.map_err(|error| InvocationError::State(error.to_string()))?;
    let (mut checked, mut resolved, mut delivery) = (0, 0, Delivery::default());
    for problem in &open {
        let left = budget(context);
        let record = problem.finding.record.as_deref().filter(|_| problem.finding.rule.confirm.is_some());
        let Some(record) = record.filter(|_| left > MIN_RECHECK) else { continue };
        checked += 1;
        let now = Timestamp::now();
        let evaluated = function.evaluator.gather("an open problem", Input::Payload(record), left).await;
        let is_reverted = evaluated.findings.iter().any(|finding| {
            let outcome = finding.live.as_ref().map(|live| live.outcome);
            finding.uid() == problem.finding.uid() && outcome == Some(LiveOutcome::Remediated)
        });
        if is_reverted {
            let published = resolver.resolve(std::slice::from_ref(problem), Cause::LiveState(now), terms).await;
            resolved += usize::from(published.failures.is_empty());
            delivery.add(published);
        }
    }
    delivery.result()?;
    Ok(Response::Rechecked { open: open.len(), checked, resolved })
}

/// Posts messages of the outbox. Those that fail stay in it.
async fn post_waiting(
    function: &Function,
    bodies: Vec<(u64, String)>,
    deadline: Instant,
) -> BTreeMap<u64, MessageFailure> {
    let mut failed = BTreeMap::new();
    for (position, body) in bodies {
        let terms = Terms { now: Timestamp::now(), deadline };
        let posted = match &function.webhooks {
            Some(webhooks) => webhooks.deliver_waiting(&body, terms).await,
            None => Err("the configuration has no webhooks".to_owned()),
        };
        if let Err(reason) = posted {
            failed.insert(position, MessageFailure { error_type: "WebhookFailed", reason, is_transient: true });
        }
    }
    failed
}

/// Sends messages whose failure is permanent to the on-failure queue. A message that SQS does not accept by `deadline` stays
/// failed.
async fn keep(
    queue: &Queue,
    batch: &TriggerBatch,
    failed: &mut BTreeMap<u64, MessageFailure>,
    invocation: &Invocation<'_>,
    deadline: Instant,
) {
    let mut kept = Vec::new();
    let first_retried = failed.iter().find(|(_, failure)| failure.is_transient).map(|(position, _)| *position);
    // A message that is delivered again in any case is sent when those before it have succeeded.
    let first_retried = first_retried.filter(|_| batch.retries_later_messages());
    let is_sent = |position: u64| first_retried.is_none_or(|first| position < first);
    for (position, failure) in failed.iter().filter(|(position, failure)| !failure.is_transient && is_sent(**position))
    {
        let Some(body) = batch.failed_invocation(*position, failure, invocation) else { continue };
        let MessageFailure { error_type, reason, .. } = failure;
        let (request_id, messages) = (invocation.request_id, visible(batch.id(*position).unwrap_or_default()));
        match tokio::time::timeout_at(deadline.into(), queue.send(body)).await {
            Ok(Ok(())) => {
                tracing::error!(request_id, error_type, error = %reason, %messages, "sent to the on-failure queue");
                kept.push(*position);
            }
            Ok(Err(error)) => {
                tracing::error!(request_id, %error, %messages, "could not be sent to the on-failure queue");
            }
            Err(_) => break,
        }
    }
    failed.retain(|position, _| !kept.contains(position));
}

/// Logs the messages that are reported as failed, one line for each type of error.
fn report(request_id: &str, batch: &TriggerBatch, failed: &BTreeMap<u64, MessageFailure>) {
    let mut by_type: BTreeMap<&str, (&str, Vec<&str>)> = BTreeMap::new();
    for (position, failure) in failed {
        let (_, ids) = by_type.entry(failure.error_type).or_insert((&failure.reason, Vec::new()));
        ids.extend(batch.id(*position));
    }
    for (error_type, (error, ids)) in by_type {
        let messages = visible(&ids.join(", ")).into_owned();
        tracing::error!(request_id, error_type, error, %messages, "reported as failed");
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
