//! AWS Config by the SDK: answers rules, fetches oversized configuration items and reads the inventory.

use std::collections::HashMap;
use std::error::Error;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_config::Client;
use aws_sdk_config::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_config::primitives::DateTime;
use aws_sdk_config::types::{ComplianceType, ConfigurationItem, Evaluation, ResourceType};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout_at};

use super::{ItemEvaluation, MAX_EVALUATIONS, RoleChoice, RoleError, RoleSettings, annotation, one_for_each_resource};
use crate::arn::{Arn, is_account_id};
use crate::aws::{AssumedRole, SdkConfig, assume_role_error, error_chain, service_error, with_role, with_timeouts};
use crate::sources::{FetchError, FetchItem, OversizedItem};
use crate::text::{MAX_IN_SENTENCE, visible_at_most};

/// Maximum number of requests for evaluations that AWS Config could not take, beside the retries of the SDK.
const MAX_ATTEMPTS: u32 = 4;

/// Time before the first repetition. It doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Resources in one page of SelectResourceConfig, the maximum.
/// <https://docs.aws.amazon.com/config/latest/APIReference/API_SelectResourceConfig.html>
const PAGE: i32 = 100;

/// Error codes after which the same request may succeed, beside those of status 5xx and 429.
const TRANSIENT: [&str; 4] =
    ["LimitExceededException", "RequestExpired", "ThrottlingException", "TooManyRequestsException"];

/// The Region of resources of IAM.
const GLOBAL: &str = "global";

/// Maximum characters of the sentence with the command that gets an item.
const MAX_COMMAND: usize = 1000;

/// The properties of a resource that the rules read, in the order of a query.
const PROPERTIES: &str = "accountId, awsRegion, resourceType, resourceId, resourceName, arn, availabilityZone, \
                          configurationItemCaptureTime, configurationItemStatus, configurationStateId, \
                          resourceCreationTime, tags, configuration, supplementaryConfiguration";

/// Why AWS Config could not be read or answered. Safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// There are no credentials for the account.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// STS does not let the function assume the role. Its message names policies and sessions, and is left out.
    #[error(
        "{code}: the role {role} in account {account} cannot be assumed; allow the role of the function sts:AssumeRole on it, and \
         allow the role of the function in its trust policy"
    )]
    RoleDenied {
        /// The error code of STS.
        code: String,
        /// The ARN of the role.
        role: String,
        /// Its account.
        account: String,
    },
    /// A request failed.
    #[error("{action} in account {account}: {reason}")]
    Request {
        /// The IAM action, such as `config:PutEvaluations`.
        action: &'static str,
        /// The account.
        account: String,
        /// The reason.
        reason: String,
        /// Whether the same request may succeed later.
        is_transient: bool,
    },
    /// AWS Config took only some of the evaluations.
    #[error(
        "config:PutEvaluations in account {account}: {failed} of {all} evaluations were refused, the first of {first}"
    )]
    Refused {
        /// The account.
        account: String,
        /// How many were refused.
        failed: usize,
        /// How many there were.
        all: usize,
        /// Type and id of the first resource.
        first: String,
    },
}

impl ServiceError {
    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Role(_) | Self::RoleDenied { .. } => false,
            Self::Request { is_transient, .. } => *is_transient,
            Self::Refused { .. } => true,
        }
    }
}

impl From<ServiceError> for FetchError {
    fn from(error: ServiceError) -> Self {
        Self { reason: error.to_string(), is_transient: error.is_transient() }
    }
}

/// AWS Config in all accounts that the function can reach.
#[derive(Debug)]
pub struct ConfigService {
    config: SdkConfig,
    settings: RoleSettings,
    /// Clients, which cache the credentials of their role.
    clients: Mutex<HashMap<RoleChoice, Client>>,
}

impl ConfigService {
    /// AWS Config in the Region of `config`.
    pub fn new(config: &SdkConfig, settings: RoleSettings) -> Self {
        Self { config: with_timeouts(config), settings, clients: Mutex::default() }
    }

    /// AWS Config in `account`, until `deadline`. `execution_role` is the role that the invocation of a Config rule names, and
    /// `function_arn` the ARN of the function, which has its account and partition.
    ///
    /// # Errors
    /// If a role must be assumed and there is none. Whether it can be assumed shows with the first request.
    pub async fn open(
        &self,
        account: &str,
        execution_role: Option<&str>,
        function_arn: &str,
        deadline: Instant,
    ) -> Result<ConfigSession, ServiceError> {
        let own = Arn::parse(function_arn);
        let (own_account, partition) = own.map_or(("", "aws"), |arn| (arn.account, arn.partition));
        let choice = self.settings.choose(account, execution_role, own_account, partition)?;
        let clients = || self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients().get(&choice).cloned();
        let client = match known {
            Some(client) => client,
            None => {
                let config = match &choice {
                    RoleChoice::Own => self.config.clone(),
                    RoleChoice::Role { arn, external_id } => {
                        let role = AssumedRole {
                            arn: arn.clone(),
                            session_name: self.settings.session_name.clone(),
                            external_id: external_id.clone(),
                        };
                        with_role(&self.config, role).await
                    }
                };
                let client = Client::new(&config);
                clients().insert(choice.clone(), client.clone());
                client
            }
        };
        Ok(ConfigSession { client, choice, account: account.to_owned(), deadline })
    }
}

impl ConfigService {
    /// What fetches the configuration items that messages outside of a rule name, until `deadline`, from a thread that may
    /// block. Only items of the Region of this service can be fetched. `runtime` makes the requests, on another thread.
    pub fn items(self: &Arc<Self>, function_arn: &str, deadline: Instant, runtime: Handle) -> AccountItems {
        AccountItems { service: Arc::clone(self), function_arn: function_arn.to_owned(), deadline, runtime }
    }
}

/// AWS Config in one account, until a deadline.
#[derive(Debug, Clone)]
pub struct ConfigSession {
    client: Client,
    choice: RoleChoice,
    account: String,
    deadline: Instant,
}

impl ConfigSession {
    /// Answers a Config rule with one evaluation for each resource. Evaluations that AWS Config could not take are sent again.
    /// Returns how many it took.
    ///
    /// # Errors
    /// If a request fails, or if some evaluations are refused to the end. The invocation should then fail, so that AWS Config
    /// does not take the resources as evaluated.
    pub async fn answer(&self, result_token: &str, evaluations: &[ItemEvaluation]) -> Result<usize, ServiceError> {
        let evaluations = one_for_each_resource(evaluations);
        let built: Result<Vec<Evaluation>, _> = evaluations.iter().map(|one| wire(one)).collect();
        // All members that are required have values.
        let mut waiting = built.map_err(|error| self.failed(PUT, error_chain(&error), false))?;
        let all = waiting.len();
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=MAX_ATTEMPTS {
            let mut refused = Vec::new();
            for batch in waiting.chunks(MAX_EVALUATIONS) {
                let request = self.client.put_evaluations().result_token(result_token);
                let request = request.set_evaluations(Some(batch.to_vec())).send();
                let output = self.before_deadline(PUT, request).await?;
                refused.extend(output.failed_evaluations.unwrap_or_default());
            }
            let Some(first) = refused.first() else { return Ok(all) };
            let is_last = attempt == MAX_ATTEMPTS || Instant::now() + pause >= self.deadline;
            if is_last {
                let first = format!("{} {}", first.compliance_resource_type, first.compliance_resource_id);
                let first = visible_at_most(&first, MAX_IN_SENTENCE).into_owned();
                return Err(ServiceError::Refused { account: self.account(), failed: refused.len(), all, first });
            }
            sleep(pause).await;
            pause *= 2;
            waiting = refused;
        }
        Ok(all)
    }

    /// Fetches the configuration item that AWS Config recorded of a resource at this time, and never a newer one. Returns its
    /// JSON as notifications contain it.
    ///
    /// # Errors
    /// If it cannot be fetched, or AWS Config does not have it yet.
    pub async fn item_at(
        &self,
        resource_type: &str,
        resource_id: &str,
        capture_time: Timestamp,
    ) -> Result<String, FetchError> {
        let request = self
            .client
            .get_resource_config_history()
            .resource_type(ResourceType::from(resource_type))
            .resource_id(resource_id)
            .later_time(DateTime::from_millis(capture_time.as_millisecond()))
            .limit(1)
            .send();
        let output = self.before_deadline(HISTORY, request).await?;
        let item = output.configuration_items.unwrap_or_default().into_iter().next();
        let resource = visible_at_most(&format!("{resource_type} {resource_id}"), MAX_IN_SENTENCE).into_owned();
        let error = |reason: &str, is_transient: bool| FetchError {
            reason: format!("the history of {resource} in account {} {reason}", self.account()),
            is_transient,
        };
        let Some(item) = item else { return Err(error("has no configuration item up to the notification's", true)) };
        let recorded = item.configuration_item_capture_time.as_ref().and_then(millisecond);
        match recorded {
            Some(recorded) if recorded == capture_time.as_millisecond() => Ok(notification_item(item).to_string()),
            // The history lags behind notifications.
            Some(recorded) if recorded < capture_time.as_millisecond() => {
                Err(error("does not have the configuration item of the notification yet", true))
            }
            Some(_) => Err(error("returned a newer configuration item than the notification's", false)),
            None => Err(error("returned a configuration item without its capture time", false)),
        }
    }

    /// The inventory of resources of these types, page by page. Deleted resources are not in it.
    pub fn inventory<'t>(&self, resource_types: impl IntoIterator<Item = &'t str>) -> Inventory {
        let quoted = resource_types.into_iter().map(|name| format!("'{}'", name.replace('\'', "''")));
        let types = quoted.collect::<Vec<_>>().join(", ");
        let expression = format!("SELECT {PROPERTIES} WHERE resourceType IN ({types})");
        Inventory { session: self.clone(), expression, next: Some(None) }
    }

    /// What fetches configuration items from a thread that may block. `runtime` makes the requests, on another thread.
    pub fn fetcher(&self, runtime: Handle) -> ItemFetcher {
        ItemFetcher { session: self.clone(), runtime }
    }

    fn account(&self) -> String {
        visible_at_most(&self.account, MAX_IN_SENTENCE).into_owned()
    }

    fn failed(&self, action: &'static str, reason: String, is_transient: bool) -> ServiceError {
        ServiceError::Request { action, account: self.account(), reason, is_transient }
    }

    async fn before_deadline<T, E>(
        &self,
        action: &'static str,
        request: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, ServiceError>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match timeout_at(self.deadline.into(), request).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(error)) => Err(self.service_error(action, &error)),
            Err(_) => Err(self.failed(action, "AWS Config did not answer before the deadline".to_owned(), true)),
        }
    }

    fn service_error<E>(&self, action: &'static str, error: &SdkError<E>) -> ServiceError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        if let SdkError::ServiceError(refusal) = error {
            let status = refusal.raw().status().as_u16();
            let code = refusal.err().code().unwrap_or("no error code");
            let reason = match (code, &self.choice) {
                // The message names the principal, the resource and the policy.
                ("AccessDeniedException" | "AccessDenied", RoleChoice::Role { arn, .. }) => {
                    format!("{code}: allow {action} in the role {}", visible_at_most(arn, MAX_IN_SENTENCE))
                }
                ("AccessDeniedException" | "AccessDenied", RoleChoice::Own) => {
                    format!("{code}: allow {action} in the role of the function")
                }
                ("InvalidResultTokenException", _) => {
                    format!("{code}: the result token is of another rule or has expired")
                }
                _ => service_error(code, refusal.err().message()),
            };
            return self.failed(action, reason, status >= 500 || status == 429 || TRANSIENT.contains(&code));
        }
        // The credentials of a role are obtained with the first request.
        if let (RoleChoice::Role { arn, .. }, Some(denied)) = (&self.choice, assume_role_error(error)) {
            return ServiceError::RoleDenied {
                code: visible_at_most(denied.code().unwrap_or("no error code"), MAX_IN_SENTENCE).into_owned(),
                role: visible_at_most(arn, MAX_IN_SENTENCE).into_owned(),
                account: self.account(),
            };
        }
        self.failed(action, format!("AWS Config could not be reached: {}", error_chain(error)), true)
    }
}

const PUT: &str = "config:PutEvaluations";
const HISTORY: &str = "config:GetResourceConfigHistory";
const SELECT: &str = "config:SelectResourceConfig";

fn wire(one: &ItemEvaluation) -> Result<Evaluation, aws_sdk_config::error::BuildError> {
    Evaluation::builder()
        .compliance_resource_type(&one.resource_type)
        .compliance_resource_id(&one.resource_id)
        .compliance_type(ComplianceType::from(one.compliance.as_str()))
        .set_annotation(one.annotation.as_deref().and_then(annotation))
        .ordering_timestamp(DateTime::from_millis(one.capture_time.as_millisecond()))
        .build()
}

/// The nearest millisecond. Times are fractions of seconds on the wire, which lose up to a microsecond.
fn millisecond(time: &DateTime) -> Option<i64> {
    i64::try_from((time.as_nanos() + 500_000).div_euclid(1_000_000)).ok()
}

/// The resources that AWS Config has recorded, page by page.
#[derive(Debug)]
pub struct Inventory {
    session: ConfigSession,
    expression: String,
    /// The token of the next page; `None` after the last page.
    next: Option<Option<String>>,
}

impl Inventory {
    /// The next page: the JSON of each configuration item as notifications contain it, or why one cannot be read. `None` after
    /// the last page.
    ///
    /// # Errors
    /// If the page cannot be read. The inventory has then not been evaluated as a whole.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Result<String, String>>>, ServiceError> {
        let Some(token) = self.next.take() else { return Ok(None) };
        let request = self.session.client.select_resource_config().expression(&self.expression).limit(PAGE);
        let output = self.session.before_deadline(SELECT, request.set_next_token(token).send()).await?;
        self.next = output.next_token.filter(|token| !token.is_empty()).map(Some);
        Ok(Some(output.results.unwrap_or_default().iter().map(|row| selected_item(row)).collect()))
    }
}

/// Fetches configuration items for a thread that may block.
#[derive(Debug, Clone)]
pub struct ItemFetcher {
    session: ConfigSession,
    runtime: Handle,
}

impl ItemFetcher {
    /// Blocks until [`ConfigSession::item_at`] has an answer.
    ///
    /// # Errors
    /// As there.
    pub fn item_at(
        &self,
        resource_type: &str,
        resource_id: &str,
        capture_time: Timestamp,
    ) -> Result<String, FetchError> {
        let (sender, receiver) = channel();
        let (session, kind, id) = (self.session.clone(), resource_type.to_owned(), resource_id.to_owned());
        // The receiver waits for this value.
        self.runtime.spawn(async move { drop(sender.send(session.item_at(&kind, &id, capture_time).await)) });
        receiver.recv().unwrap_or_else(|_| Err(stopped()))
    }
}

impl FetchItem for ItemFetcher {
    fn fetch_item(&self, item: &OversizedItem) -> Result<String, FetchError> {
        let time = item.capture_time.parse().map_err(|_| FetchError {
            reason: "its configurationItemCaptureTime is not a time".to_owned(),
            is_transient: false,
        })?;
        self.item_at(&item.resource_type, &item.resource_id, time)
    }
}

/// Fetches the configuration items of messages, which name their account, for a thread that may block.
#[derive(Debug, Clone)]
pub struct AccountItems {
    service: Arc<ConfigService>,
    function_arn: String,
    deadline: Instant,
    runtime: Handle,
}

impl FetchItem for AccountItems {
    fn fetch_item(&self, item: &OversizedItem) -> Result<String, FetchError> {
        let refused = |reason: &str| FetchError {
            reason: format!("{reason}; {}", visible_at_most(&item.not_fetched(), MAX_COMMAND)),
            is_transient: false,
        };
        let account = item.account.clone().filter(|account| is_account_id(account));
        let account = account.ok_or_else(|| refused("the message does not name its account"))?;
        let own = self.service.config.region().map(AsRef::as_ref);
        if item.region.as_deref().is_some_and(|region| region != GLOBAL && Some(region) != own) {
            return Err(refused("the resource is in another Region than the function"));
        }
        let (sender, receiver) = channel();
        let Self { service, function_arn, deadline, runtime } = self.clone();
        // The receiver waits for this value.
        runtime.spawn(async move { drop(sender.send(service.open(&account, None, &function_arn, deadline).await)) });
        let session = receiver.recv().map_err(|_| stopped())??;
        session.fetcher(self.runtime.clone()).fetch_item(item)
    }
}

fn stopped() -> FetchError {
    FetchError { reason: "the request to AWS Config was stopped".to_owned(), is_transient: true }
}

/// The JSON in a string, or the string where it contains none.
fn embedded(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn time_text(time: Option<DateTime>) -> Value {
    let time = time.as_ref().and_then(millisecond).and_then(|time| Timestamp::from_millisecond(time).ok());
    time.map_or(Value::Null, |time| Value::String(format!("{time:.3}")))
}

/// An item of the history in the form of notifications.
fn notification_item(item: ConfigurationItem) -> Value {
    let supplementary = item.supplementary_configuration.unwrap_or_default();
    let supplementary: Map<String, Value> =
        supplementary.into_iter().map(|(name, text)| (name, embedded(text))).collect();
    let relationships = item.relationships.unwrap_or_default().into_iter().map(|one| {
        json!({
            "resourceType": one.resource_type.as_ref().map(ResourceType::as_str),
            "resourceId": one.resource_id,
            "resourceName": one.resource_name,
            "name": one.relationship_name,
        })
    });
    json!({
        "configurationItemVersion": item.version,
        "awsAccountId": item.account_id,
        "configurationItemCaptureTime": time_text(item.configuration_item_capture_time),
        "configurationItemStatus": item.configuration_item_status.as_ref().map(|status| status.as_str()),
        "configurationStateId": item.configuration_state_id,
        "configurationStateMd5Hash": item.configuration_item_md5_hash,
        "ARN": item.arn,
        "resourceType": item.resource_type.as_ref().map(ResourceType::as_str),
        "resourceId": item.resource_id,
        "resourceName": item.resource_name,
        "awsRegion": item.aws_region,
        "availabilityZone": item.availability_zone,
        "resourceCreationTime": time_text(item.resource_creation_time),
        "tags": item.tags.unwrap_or_default(),
        "relatedEvents": item.related_events.unwrap_or_default(),
        "relationships": relationships.collect::<Vec<_>>(),
        "configuration": item.configuration.map_or(Value::Null, embedded),
        "supplementaryConfiguration": supplementary,
    })
}

/// A row of a query in the form of notifications.
fn selected_item(row: &str) -> Result<String, String> {
    let parsed: Result<Map<String, Value>, _> = serde_json::from_str(row);
    let mut item = parsed.map_err(|error| {
        let shown = visible_at_most(&error.to_string(), MAX_IN_SENTENCE).into_owned();
        format!("a result of SelectResourceConfig is no configuration item: {shown}")
    })?;
    for (theirs, ours) in [("accountId", "awsAccountId"), ("arn", "ARN")] {
        if let Some(value) = item.remove(theirs) {
            item.insert(ours.to_owned(), value);
        }
    }
    if let Some(Value::Array(list)) = item.get("tags") {
        let text = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).map(str::to_owned);
        let tags: Map<String, Value> = list
            .iter()
            .filter_map(|tag| Some((text(tag, "key")?, text(tag, "value").unwrap_or_default().into())))
            .collect();
        item.insert("tags".to_owned(), Value::Object(tags));
    }
    for name in ["configuration", "supplementaryConfiguration"] {
        if let Some(Value::String(text)) = item.get(name) {
            let value = embedded(text.clone());
            item.insert(name.to_owned(), value);
        }
    }
    if !["resourceType", "resourceId"].iter().all(|name| item.get(*name).is_some_and(Value::is_string)) {
        return Err("a result of SelectResourceConfig has no resourceType and resourceId".to_owned());
    }
    Ok(Value::Object(item).to_string())
}
