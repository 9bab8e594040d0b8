//! Quiet periods of alerts in a DynamoDB table, which all environments of a function share.
//!
//! The first alert about a rule, severity, account and caller opens a quiet period. Findings that come within it wait in the
//! table and become one digest at its end, which opens the next period if there was anything to tell. A period without findings
//! ends without a digest.
//!
//! | `pk` | `sk` | item |
//! |---|---|---|
//! | `groups` | id of the group | `began`, `ends`, `opener` (the first alert); `waiting` while findings wait; `claim` and `digest_of` while a digest is being published |
//! | id of the group and `began` | `metadata.uid` | `finding`: one that waits |
//! | `thread#` and the id of a thread | name of a webhook | `first`: the timestamp of its first message in Slack |
//! | `problem#` and `finding_info.uid` | `state` | `occurrences`, `first_seen`, `last_seen`, `rule`, `account`, `region`, `resource`, `status` |
//!
//! `super::problems` keeps open problems in the same table. Times are milliseconds since 1970; `expires` is the table's TTL attribute, in seconds. Each step is a conditional write, so
//! that two environments never open a period or publish a digest twice. When a step fails halfway, a retry repeats it: an alert
//! may arrive twice, but never not at all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure, Select, WriteRequest,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use crate::alert::{AlertGroup, AlertPolicy, History};
use crate::aws::{SdkConfig, error_chain, service_error};
use crate::finding::{Finding, derived_id};

/// Timeouts of requests. DynamoDB answers within tens of milliseconds, and an alert must not wait for a table that hangs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);

/// Maximum number of concurrent requests.
const MAX_REQUESTS: usize = 8;

/// Maximum number of items of one BatchWriteItem.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const MAX_ITEMS: usize = 25;

/// Maximum number of findings that a digest lists. It counts the others.
const MAX_LISTED: usize = 2_000;

/// Maximum number of attempts to add findings to a period that other environments end meanwhile.
const MAX_ATTEMPTS: usize = 3;

/// The time that one environment has to publish a digest before another may.
const CLAIM: SignedDuration = SignedDuration::from_mins(5);

/// How long groups and waiting findings are kept after the end of their period, and problems after they were last seen.
const KEEP_GROUPS: SignedDuration = SignedDuration::from_hours(7 * 24);
const KEEP_PROBLEMS: SignedDuration = SignedDuration::from_hours(90 * 24);

const GROUPS: &str = "groups";

type Item = HashMap<String, AttributeValue>;

/// The table and the length of a period.
#[derive(Debug, Clone)]
pub struct AlertState {
    client: Client,
    table: String,
    period: SignedDuration,
}

/// What becomes of the findings of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// They are told now.
    Now,
    /// They wait for the digest.
    Later,
}

/// A digest that is due and that this environment is to publish.
#[derive(Debug)]
pub struct Digest {
    /// Its findings.
    pub group: AlertGroup,
    id: String,
    claim: i64,
}

/// A request to the table failed. Safe to show.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StateError(String);

impl StateError {
    /// An error of this process.
    pub(super) fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl<E: ProvideErrorMetadata + std::error::Error + 'static> From<SdkError<E>> for StateError {
    fn from(error: SdkError<E>) -> Self {
        Self(match &error {
            SdkError::ServiceError(refusal) => {
                service_error(refusal.err().code().unwrap_or("no error code"), refusal.err().message())
            }
            SdkError::TimeoutError(_) => "DynamoDB did not answer in time".to_owned(),
            SdkError::DispatchFailure(_) => format!("DynamoDB could not be reached: {}", error_chain(&error)),
            other => error_chain(other),
        })
    }
}

/// The result of a conditional write.
enum Written {
    /// The item after it, if it was requested.
    Done(Item),
    /// The condition did not hold: the item as it is.
    Refused(Item),
}

impl AlertState {
    /// The state in `table` with quiet periods of this length.
    pub fn new(config: &SdkConfig, table: String, period: SignedDuration) -> Self {
        Self { client: client(config), table, period }
    }

    /// Opens a quiet period for a group, or stores its findings in the one that is open.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used. The alert should then be published.
    pub async fn admit(&self, group: &AlertGroup, now: Timestamp) -> Result<Admission, StateError> {
        let (id, opener) = (group.id(), group.alert().map(|alert| alert.uid()).unwrap_or_default());
        for _ in 0..MAX_ATTEMPTS {
            let open = self
                .update(GROUPS, &id)
                .update_expression("SET began = :now, ends = :ends, opener = :opener, expires = :expires")
                .condition_expression(
                    "attribute_not_exists(pk) OR \
                     (ends <= :now AND attribute_not_exists(waiting) AND attribute_not_exists(claim))",
                )
                .expression_attribute_values(":now", millisecond(now))
                .expression_attribute_values(":ends", millisecond(later(now, self.period)))
                .expression_attribute_values(":opener", text(&opener))
                .expression_attribute_values(":expires", expires(now, self.period, KEEP_GROUPS));
            let item = match written(open).await? {
                Written::Done(_) => return Ok(Admission::Now),
                Written::Refused(item) => item,
            };
            // A retry of the delivery that opened the period.
            if string(&item, "opener") == Some(&opener) {
                return Ok(Admission::Now);
            }
            let Some(began) = number(&item, "began") else { continue };
            self.store(&waiting_key(&id, began), group.findings(), now).await?;
            let wait = self
                .update(GROUPS, &id)
                .update_expression("SET waiting = :yes")
                .condition_expression("began = :began")
                .expression_attribute_values(":yes", AttributeValue::Bool(true))
                .expression_attribute_values(":began", AttributeValue::N(began.to_string()));
            if let Written::Done(_) = written(wait).await? {
                return Ok(Admission::Later);
            }
            // The period has ended meanwhile.
        }
        Ok(Admission::Now)
    }

    /// Closes the period that a group opened and whose first alert could not be published, so that a retry opens it again.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn reopen(&self, group: &AlertGroup) -> Result<(), StateError> {
        let opener = group.alert().map(|alert| alert.uid()).unwrap_or_default();
        let end = self
            .update(GROUPS, &group.id())
            .update_expression("SET ends = :past")
            .condition_expression("opener = :opener")
            .expression_attribute_values(":past", AttributeValue::N("0".to_owned()))
            .expression_attribute_values(":opener", text(&opener));
        written(end).await.map(|_| ())
    }

    /// Takes the digests that are due. Each opens the next quiet period of its group.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn due(&self, policy: &AlertPolicy, now: Timestamp) -> Result<Vec<Digest>, StateError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :groups")
            .filter_expression(
                "claim <= :now OR (ends <= :now AND attribute_exists(waiting) AND attribute_not_exists(claim))",
            )
            .expression_attribute_values(":groups", text(GROUPS))
            .expression_attribute_values(":now", millisecond(now))
            .into_paginator()
            .items()
            .send();
        let mut digests = Vec::new();
        while let Some(item) = pages.next().await {
            if let Some((id, began, claim)) = self.claim(&item?, now).await? {
                match self.waiting(&waiting_key(&id, began), policy).await? {
                    Some(group) => digests.push(Digest { group, id, claim }),
                    None => self.finish(&id, claim).await?,
                }
            }
        }
        Ok(digests)
    }

    /// Ends the claim on a digest that was published.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used. The digest may then be published again.
    pub async fn published(&self, digest: &Digest) -> Result<(), StateError> {
        self.finish(&digest.id, digest.claim).await
    }

    /// The timestamp of the first message of a thread in Slack.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn thread(&self, webhook: &str, thread: &str) -> Result<Option<String>, StateError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :thread AND sk = :webhook")
            .expression_attribute_values(":thread", text(&thread_key(thread)))
            .expression_attribute_values(":webhook", text(webhook));
        let found = query.send().await?;
        Ok(found.items().iter().find_map(|item| string(item, "first").map(str::to_owned)))
    }

    /// Keeps the timestamp of the first message of a thread in Slack.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn keep_thread(
        &self,
        webhook: &str,
        thread: &str,
        timestamp: &str,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let keep = self
            .update(&thread_key(thread), webhook)
            .update_expression("SET #first = if_not_exists(#first, :first), expires = :expires")
            .expression_attribute_names("#first", "first")
            .expression_attribute_values(":first", text(timestamp))
            .expression_attribute_values(":expires", expires(now, SignedDuration::ZERO, KEEP_PROBLEMS));
        written(keep).await.map(|_| ())
    }

    /// Counts the findings of a group, by problem. Returns the history of the first one.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn count(&self, group: &AlertGroup, now: Timestamp) -> Result<Option<History>, StateError> {
        let mut problems: Vec<Problem<'_>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for finding in group.findings() {
            let place = *places.entry(finding.uid()).or_insert(problems.len());
            match problems.get_mut(place) {
                Some(problem) => problem.add(finding),
                None => problems.push(Problem::new(finding)),
            }
        }
        let counted = problems.iter().map(|problem| self.count_problem(problem, now));
        let histories: Vec<History> = stream::iter(counted).buffered(MAX_REQUESTS).try_collect().await?;
        Ok(histories.into_iter().next())
    }

    /// Counts the occurrences of one problem in one delivery. A retry of the delivery is not counted again.
    async fn count_problem(&self, problem: &Problem<'_>, now: Timestamp) -> Result<History, StateError> {
        let finding = problem.finding;
        let seen = finding.origin.time.unwrap_or(now);
        let resource = finding.primary_resource().map_or("", |resource| resource.id.as_str());
        let count = self
            .update(&format!("problem#{}", finding.uid()), "state")
            .update_expression(
                "SET first_seen = if_not_exists(first_seen, :seen), last_seen = :seen, delivery = :delivery, \
                 #rule = :rule, account = :account, #region = :region, #resource = :resource, #status = :status, \
                 expires = :expires ADD occurrences :count",
            )
            .condition_expression("attribute_not_exists(delivery) OR delivery <> :delivery")
            .expression_attribute_names("#rule", "rule")
            .expression_attribute_names("#region", "region")
            .expression_attribute_names("#resource", "resource")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":seen", millisecond(seen))
            .expression_attribute_values(":delivery", text(&problem.delivery()))
            .expression_attribute_values(":rule", text(&finding.rule.name))
            .expression_attribute_values(":account", text(&finding.origin.account))
            .expression_attribute_values(":region", text(&finding.origin.region))
            .expression_attribute_values(":resource", text(resource))
            .expression_attribute_values(":status", text(finding.status.code()))
            .expression_attribute_values(":expires", expires(now, SignedDuration::ZERO, KEEP_PROBLEMS))
            .expression_attribute_values(":count", AttributeValue::N(problem.messages.len().to_string()))
            .return_values(ReturnValue::AllNew);
        let (Written::Done(item) | Written::Refused(item)) = written(count).await?;
        let time = |name: &str| number(&item, name).and_then(|time| Timestamp::from_millisecond(time).ok());
        Ok(History {
            occurrences: number(&item, "occurrences").and_then(|count| u64::try_from(count).ok()).unwrap_or(1),
            first_seen: time("first_seen").unwrap_or(seen),
            last_seen: time("last_seen").unwrap_or(seen),
        })
    }

    /// Takes the digest of a group: its id, the period of the digest and the claim. `None` if another environment has it.
    async fn claim(&self, item: &Item, now: Timestamp) -> Result<Option<(String, i64, i64)>, StateError> {
        let (Some(id), Some(began)) = (string(item, "sk"), number(item, "began")) else { return Ok(None) };
        let claim = later(now, CLAIM).as_millisecond();
        let update = self
            .update(GROUPS, id)
            .expression_attribute_values(":claim", AttributeValue::N(claim.to_string()))
            .expression_attribute_values(":now", millisecond(now));
        let (update, period) = match number(item, "digest_of") {
            // The environment that had it did not publish it.
            Some(period) => {
                (update.update_expression("SET claim = :claim").condition_expression("claim <= :now"), period)
            }
            None => {
                let update = update
                    .update_expression(
                        "SET claim = :claim, digest_of = :began, began = :now, ends = :ends, opener = :none, \
                         expires = :expires REMOVE waiting",
                    )
                    .condition_expression("began = :began AND ends <= :now AND attribute_not_exists(claim)")
                    .expression_attribute_values(":began", AttributeValue::N(began.to_string()))
                    .expression_attribute_values(":ends", millisecond(later(now, self.period)))
                    .expression_attribute_values(":none", text("digest"))
                    .expression_attribute_values(":expires", expires(now, self.period, KEEP_GROUPS));
                (update, began)
            }
        };
        Ok(match written(update).await? {
            Written::Done(_) => Some((id.to_owned(), period, claim)),
            Written::Refused(_) => None,
        })
    }

    async fn finish(&self, id: &str, claim: i64) -> Result<(), StateError> {
        let update = self
            .update(GROUPS, id)
            .update_expression("REMOVE claim, digest_of")
            .condition_expression("claim = :claim")
            .expression_attribute_values(":claim", AttributeValue::N(claim.to_string()));
        written(update).await.map(|_| ())
    }

    /// Stores findings that wait. The same finding is stored once.
    async fn store(&self, key: &str, findings: &[Arc<Finding>], now: Timestamp) -> Result<(), StateError> {
        let expires = expires(now, self.period, KEEP_GROUPS);
        let requests = findings.iter().map(|finding| {
            let json = serde_json::to_string(finding.as_ref()).map_err(|error| StateError(error.to_string()))?;
            let put = PutRequest::builder()
                .item("pk", text(key))
                .item("sk", text(&finding.message_uid()))
                .item("finding", text(&json))
                .item("expires", expires.clone());
            let put = put.build().map_err(|error| StateError(error.to_string()))?;
            Ok(WriteRequest::builder().put_request(put).build())
        });
        let mut requests = requests.collect::<Result<Vec<_>, StateError>>()?;
        let mut attempts = 0;
        while !requests.is_empty() {
            let batch: Vec<WriteRequest> = requests.drain(..requests.len().min(MAX_ITEMS)).collect();
            let answer = self.client.batch_write_item().request_items(&self.table, batch).send().await?;
            let rest: Vec<WriteRequest> =
                answer.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
            attempts += usize::from(!rest.is_empty());
            if attempts > MAX_ATTEMPTS {
                return Err(StateError("DynamoDB throttles writes".to_owned()));
            }
            requests.extend(rest);
        }
        Ok(())
    }

    /// The findings that wait, as a digest; `None` if there are none.
    async fn waiting(&self, key: &str, policy: &AlertPolicy) -> Result<Option<AlertGroup>, StateError> {
        let (mut findings, mut unlisted, mut start) = (Vec::new(), 0_u64, None);
        loop {
            let is_full = findings.len() >= MAX_LISTED;
            let select = if is_full { Select::Count } else { Select::AllAttributes };
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :key")
                .expression_attribute_values(":key", text(key))
                .select(select)
                .set_exclusive_start_key(start)
                .send()
                .await?;
            let count = u64::try_from(page.count()).unwrap_or_default();
            let read: Vec<Arc<Finding>> = page
                .items()
                .iter()
                .filter_map(|item| serde_json::from_str(string(item, "finding")?).ok())
                .map(Arc::new)
                .collect();
            // Findings that an older version stored in another form are counted.
            unlisted += count.saturating_sub(u64::try_from(read.len()).unwrap_or(u64::MAX));
            findings.extend(read);
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(AlertGroup::new(findings, policy).map(|group| group.into_digest(unlisted)))
    }

    fn update(&self, pk: &str, sk: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(pk))
            .key("sk", text(sk))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// A client whose requests end soon.
pub(super) fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let own = aws_sdk_dynamodb::config::Builder::from(config)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2));
    Client::from_conf(own.build())
}

/// The findings of one problem in one delivery.
struct Problem<'f> {
    finding: &'f Finding,
    messages: Vec<String>,
}

impl<'f> Problem<'f> {
    fn new(finding: &'f Finding) -> Self {
        Self { finding, messages: vec![finding.message_uid()] }
    }

    fn add(&mut self, finding: &Finding) {
        self.messages.push(finding.message_uid());
    }

    /// Equal on every retry.
    fn delivery(&self) -> String {
        let mut messages: Vec<&str> = self.messages.iter().map(String::as_str).collect();
        messages.sort_unstable();
        derived_id(&messages)
    }
}

async fn written(update: UpdateItemFluentBuilder) -> Result<Written, StateError> {
    match update.send().await {
        Ok(output) => Ok(Written::Done(output.attributes.unwrap_or_default())),
        Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => {
            match refusal.into_err() {
                UpdateItemError::ConditionalCheckFailedException(refused) => {
                    Ok(Written::Refused(refused.item.unwrap_or_default()))
                }
                _ => Ok(Written::Refused(Item::new())),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// The partition of a thread.
fn thread_key(thread: &str) -> String {
    format!("thread#{thread}")
}

/// The partition of the findings that wait in the period that began then.
fn waiting_key(id: &str, began: i64) -> String {
    format!("{id}#{began}")
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn millisecond(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_millisecond().to_string())
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn expires(now: Timestamp, period: SignedDuration, keep: SignedDuration) -> AttributeValue {
    AttributeValue::N(later(later(now, period), keep).as_second().to_string())
}

fn string<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
