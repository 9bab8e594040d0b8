//! Open problems in the state table, and the messages that close them.
//!
//! A published finding of status NON_COMPLIANT opens a problem, or is another occurrence of it. A problem is closed when its
//! resource is found without it: the closing message is published, then the item is deleted. A retry may publish it again, with
//! the same id.
//!
//! | `pk` | `sk` | item |
//! |---|---|---|
//! | `problems` | id of the resource, `#`, `finding_info.uid` | `finding`: the latest, `opened_by`: the `metadata.uid` of the first, `rule`, `account`, `region`, `resource`, `severity`, `first_seen`, `last_seen`, `delivery`: the latest, `occurrences` |
//!
//! Times are milliseconds since 1970; `expires` is the table's TTL attribute, in seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::alert_state::{StateError, client};
use super::batch::Message;
use super::sns::SnsTopic;
use super::{Delivery, DeliveryFuture, Sink, Terms, Timing};
use crate::alert::Resolved;
use crate::aws::SdkConfig;
use crate::finding::{Finding, Outcome, RuleInfo, Severity, Status, derived_id, ocsf, resolved};
use crate::text::{MAX_IN_SENTENCE, visible_at_most};

/// How long a problem is kept after it was last seen.
const KEEP: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Maximum number of concurrent requests.
const MAX_REQUESTS: usize = 8;

/// Maximum bytes of a finding that is stored with its record. An item may have 400 KB.
const MAX_STORED: usize = 200_000;

const PROBLEMS: &str = "problems";

type Item = HashMap<String, AttributeValue>;

/// Open problems, in a table that all environments share.
#[derive(Debug, Clone)]
pub struct Problems {
    client: Client,
    table: String,
}

/// A problem that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenProblem {
    /// The latest finding about it.
    pub finding: Finding,
    /// `metadata.uid` of the finding that opened it.
    pub opened_by: String,
    /// The first and the last `eventTime`.
    pub first_seen: Timestamp,
    /// See there.
    pub last_seen: Timestamp,
    /// How many findings there were.
    pub occurrences: u64,
    key: String,
}

/// Why a problem is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// AWS Config recorded the resource without it at this time.
    ConfigurationItem(Timestamp),
    /// AWS Config recorded at this time that the resource is deleted.
    Deleted(Timestamp),
    /// Live state, read at this time, shows that it was reverted.
    LiveState(Timestamp),
}

impl Cause {
    /// When the resource was found without the problem.
    pub fn time(self) -> Timestamp {
        match self {
            Self::ConfigurationItem(time) | Self::Deleted(time) | Self::LiveState(time) => time,
        }
    }

    fn sentence(self, resource: &str) -> String {
        let time = self.time().strftime("%Y-%m-%d %H:%M UTC");
        match self {
            Self::ConfigurationItem(_) => format!("AWS Config recorded {resource} without it at {time}."),
            Self::Deleted(_) => format!("AWS Config recorded at {time} that {resource} is deleted."),
            Self::LiveState(_) => format!("{resource} was read at {time}: it was reverted."),
        }
    }
}

impl OpenProblem {
    /// The OCSF document that closes it, created at `now`.
    pub fn resolved(&self, cause: Cause, now: Timestamp) -> Value {
        let resource = self.finding.primary_resource().map_or("the resource", |resource| resource.id.as_str());
        let sentence = cause.sentence(&visible_at_most(resource, MAX_IN_SENTENCE));
        let mut opening = ocsf::document(&Finding { record: None, ..self.finding.clone() }, now);
        if let Some(info) = opening.pointer_mut("/finding_info").and_then(Value::as_object_mut) {
            info.insert("first_seen_time".to_owned(), json!(self.first_seen.as_millisecond()));
            info.insert("last_seen_time".to_owned(), json!(self.last_seen.as_millisecond()));
        }
        resolved::document(opening, &self.opened_by, &sentence, now)
    }
}

impl Problems {
    /// The problems in `table`.
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { client: client(config), table }
    }

    /// Opens a problem, or counts further occurrences of it: the findings of one delivery about the same problem. A retry of the
    /// delivery is not counted again.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn open(&self, findings: &[&Finding], now: Timestamp) -> Result<(), StateError> {
        let time = |finding: &Finding| finding.origin.time.unwrap_or(now);
        let (Some(first), Some(finding)) =
            (findings.iter().min_by_key(|finding| time(finding)), findings.iter().max_by_key(|finding| time(finding)))
        else {
            return Ok(());
        };
        let (first_seen, seen) = (time(first), time(finding));
        let mut messages: Vec<String> = findings.iter().map(|finding| finding.message_uid()).collect();
        messages.sort_unstable();
        messages.dedup();
        let delivery = derived_id(&messages.iter().map(String::as_str).collect::<Vec<_>>());
        let stored = |finding: &Finding| serde_json::to_string(finding).map_err(StateError::of);
        let mut json = stored(finding)?;
        if json.len() > MAX_STORED {
            json = stored(&Finding { record: None, evidence: Vec::new(), ..(*finding).clone() })?;
        }
        let resource = finding.primary_resource().map_or("", |resource| resource.id.as_str());
        let count = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(PROBLEMS))
            .key("sk", text(&key_of(finding)))
            .update_expression(
                "SET first_seen = if_not_exists(first_seen, :first_seen), opened_by = if_not_exists(opened_by, :first), \
                 last_seen = :seen, delivery = :delivery, finding = :finding, #rule = :rule, account = :account, \
                 #region = :region, #resource = :resource, severity = :severity, expires = :expires ADD occurrences :count",
            )
            .condition_expression("attribute_not_exists(delivery) OR (delivery <> :delivery AND last_seen <= :seen)")
            .expression_attribute_names("#rule", "rule")
            .expression_attribute_names("#region", "region")
            .expression_attribute_names("#resource", "resource")
            .expression_attribute_values(":seen", millisecond(seen))
            .expression_attribute_values(":first_seen", millisecond(first_seen))
            .expression_attribute_values(":first", text(&first.message_uid()))
            .expression_attribute_values(":delivery", text(&delivery))
            .expression_attribute_values(":finding", text(&json))
            .expression_attribute_values(":rule", text(&finding.rule.name))
            .expression_attribute_values(":account", text(&finding.origin.account))
            .expression_attribute_values(":region", text(&finding.origin.region))
            .expression_attribute_values(":resource", text(resource))
            .expression_attribute_values(":severity", text(finding.severity().caption()))
            .expression_attribute_values(":expires", expires(now))
            .expression_attribute_values(":count", AttributeValue::N(messages.len().to_string()));
        match count.send().await {
            Ok(_) => Ok(()),
            // A retry, or a record that arrived late.
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The open problems of a resource, which findings call by this id.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn of_resource(
        &self,
        account: &str,
        region: &str,
        resource: &str,
    ) -> Result<Vec<OpenProblem>, StateError> {
        self.query(Some(&format!("{}#", resource_id(account, region, resource)))).await
    }

    /// All open problems.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn all(&self) -> Result<Vec<OpenProblem>, StateError> {
        self.query(None).await
    }

    async fn query(&self, prefix: Option<&str>) -> Result<Vec<OpenProblem>, StateError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.expression_attribute_values(":problems", text(PROBLEMS));
        let query = match prefix {
            Some(prefix) => query
                .key_condition_expression("pk = :problems AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", text(prefix)),
            None => query.key_condition_expression("pk = :problems"),
        };
        let mut items = query.into_paginator().items().send();
        let mut problems = Vec::new();
        while let Some(item) = items.next().await {
            // Items that an older version stored in another form expire.
            problems.extend(problem(&item?));
        }
        Ok(problems)
    }

    /// Closes a problem that was not seen again after `as_of`. Returns whether it was open until then.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn close(&self, problem: &OpenProblem, as_of: Timestamp) -> Result<bool, StateError> {
        self.delete(&problem.key, as_of).await
    }

    async fn delete(&self, key: &str, as_of: Timestamp) -> Result<bool, StateError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(PROBLEMS))
            .key("sk", text(key))
            .condition_expression("last_seen <= :as_of")
            .expression_attribute_values(":as_of", millisecond(as_of))
            .return_values(ReturnValue::None);
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps the problem of these findings, or drops it without a message if an exemption covers the latest.
    async fn keep(&self, findings: &[&Finding], now: Timestamp) -> Result<(), StateError> {
        let Some(last) = findings.last() else { return Ok(()) };
        if last.suppression.is_some() {
            return self.delete(&key_of(last), last.origin.time.unwrap_or(now)).await.map(|_| ());
        }
        let open: Vec<&Finding> = findings.iter().filter(|finding| finding.suppression.is_none()).copied().collect();
        self.open(&open, now).await
    }
}

/// Whether a finding says that its resource violates the rule now.
fn is_violation(finding: &Finding) -> bool {
    let is_reverted = finding.live.as_ref().is_some_and(|live| live.outcome == Outcome::Remediated);
    finding.status == Status::NonCompliant && !is_reverted
}

impl Sink for Problems {
    fn timing(&self) -> Timing {
        // In a storm, many findings are about one problem.
        Timing::Grouped
    }

    /// Keeps the problems of findings. It counts no messages, because it publishes none. Without the table, findings are
    /// published all the same, and their problems are not closed later.
    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s> {
        Box::pin(async move {
            let mut problems: HashMap<String, Vec<&Finding>> = HashMap::new();
            for finding in findings.iter().filter(|finding| is_violation(finding)) {
                problems.entry(finding.uid()).or_default().push(finding);
            }
            let is_broken = AtomicBool::new(false);
            let kept = problems.values().map(|findings| {
                let is_broken = &is_broken;
                async move {
                    if is_broken.load(Ordering::Relaxed) {
                        return;
                    }
                    if let Err(error) = self.keep(findings, terms.now).await
                        && !is_broken.swap(true, Ordering::Relaxed)
                    {
                        tracing::warn!(%error, "the state table cannot be used; nobody is told when these problems are resolved");
                    }
                }
            });
            stream::iter(kept).buffer_unordered(MAX_REQUESTS).collect::<()>().await;
            Delivery::default()
        })
    }
}

/// A resource that was found in a state that its rules evaluated.
#[derive(Debug, Clone, Copy)]
pub struct EvaluatedResource<'r> {
    /// Its account.
    pub account: &'r str,
    /// The Region of its findings.
    pub region: &'r str,
    /// The ids by which findings may call it, such as id, name and ARN.
    pub ids: &'r [&'r str],
    /// The problems that it still has: `finding_info.uid`.
    pub found: &'r [&'r str],
    /// How it was found.
    pub cause: Cause,
}

/// Publishes the messages that close problems.
#[derive(Debug)]
pub struct Resolver {
    problems: Problems,
    findings: Option<SnsTopic>,
    /// The topic for people, and the minimum severity of a finding that they were told.
    alerts: Option<(SnsTopic, Severity)>,
}

impl Resolver {
    /// Publishes to these topics.
    pub fn new(problems: Problems, findings: Option<SnsTopic>, alerts: Option<(SnsTopic, Severity)>) -> Self {
        Self { problems, findings, alerts }
    }

    /// The open problems.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Closes the open problems that a resource no longer has, of the rules that judge its state. Returns the results of the
    /// messages.
    ///
    /// # Errors
    /// Returns an error if the table cannot be used.
    pub async fn clear(
        &self,
        resource: EvaluatedResource<'_>,
        judges: impl Fn(&RuleInfo) -> bool,
        terms: Terms,
    ) -> Result<Delivery, StateError> {
        let EvaluatedResource { account, region, ids, found, cause } = resource;
        let mut cleared = Vec::new();
        for id in ids {
            let open = self.problems.of_resource(account, region, id).await?;
            let is_cleared = |problem: &OpenProblem| {
                judges(&problem.finding.rule)
                    && problem.last_seen <= cause.time()
                    && !found.contains(&problem.finding.uid().as_str())
            };
            cleared.extend(open.into_iter().filter(is_cleared));
        }
        Ok(self.resolve(&cleared, cause, terms).await)
    }

    /// Publishes that problems are resolved, and closes those whose messages were accepted.
    pub async fn resolve(&self, problems: &[OpenProblem], cause: Cause, terms: Terms) -> Delivery {
        let mut delivery = Delivery::default();
        for problem in problems {
            let document = problem.resolved(cause, terms.now);
            let mut published = Delivery::default();
            if let Some(topic) = &self.findings {
                published.add(topic.publish(vec![Message::of_document(&document)], terms.deadline).await);
            }
            if let Some((topic, min)) = &self.alerts
                && problem.finding.severity() >= *min
                && let Some(resolved) = Resolved::of(&document)
            {
                let message = Message::of_resolved(&resolved, &document);
                published.add(topic.publish(vec![message], terms.deadline).await);
            }
            if published.failures.is_empty()
                && let Err(error) = self.problems.close(problem, cause.time()).await
            {
                tracing::warn!(%error, "a resolved problem is published again, because the state table cannot be used");
            }
            delivery.add(published);
        }
        delivery
    }
}

/// The sort key of the problem of a finding. Ids of resources may be longer than a key.
fn key_of(finding: &Finding) -> String {
    let resource = finding.primary_resource().map_or("", |resource| resource.id.as_str());
    format!("{}#{}", resource_id(&finding.origin.account, &finding.origin.region, resource), finding.uid())
}

fn resource_id(account: &str, region: &str, resource: &str) -> String {
    derived_id(&["resource", account, region, resource])
}

fn problem(item: &Item) -> Option<OpenProblem> {
    let string = |name: &str| item.get(name)?.as_s().ok();
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
    let time = |name: &str| Timestamp::from_millisecond(number(name)?).ok();
    Some(OpenProblem {
        finding: serde_json::from_str(string("finding")?).ok()?,
        opened_by: string("opened_by")?.clone(),
        first_seen: time("first_seen")?,
        last_seen: time("last_seen")?,
        occurrences: u64::try_from(number("occurrences")?).ok()?,
        key: string("sk")?.clone(),
    })
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn millisecond(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_millisecond().to_string())
}

fn expires(now: Timestamp) -> AttributeValue {
    AttributeValue::N(now.checked_add(KEEP).unwrap_or(Timestamp::MAX).as_second().to_string())
}
