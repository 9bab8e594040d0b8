//! Custom rules of AWS Config: the invocation of the function, the parameters of the rule, and the answer.
//!
//! In: the event of a Config rule. Out: what is to be evaluated and with whose credentials, and the evaluations by which the
//! rule is answered. A rule that could not be evaluated is not answered: its invocation fails, and AWS Config repeats it.
//! <https://docs.aws.amazon.com/config/latest/developerguide/evaluate-config_develop-rules_lambda-functions.html>

mod parameters;
mod role;
#[cfg(feature = "lambda")]
mod service;

use aws_lambda_events::event::config::ConfigEvent;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::arn::is_account_id;
use crate::sources::ObjectName;
use crate::text::{MAX_IN_SENTENCE, visible, visible_at_most};

pub use crate::configuration_item::{Compliance, ItemEvaluation};
pub use parameters::{Parameters, PortRange, Tag};
pub use role::{RoleChoice, RoleError, RoleMode, RoleSettings};
#[cfg(feature = "lambda")]
pub use service::{AccountItems, ConfigService, ConfigSession, Inventory, ItemFetcher, ServiceError};

/// Maximum number of evaluations in one PutEvaluations request.
/// <https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html>
pub const MAX_EVALUATIONS: usize = 100;

/// Maximum characters of an annotation.
/// <https://docs.aws.amazon.com/config/latest/APIReference/API_Evaluation.html>
pub const MAX_ANNOTATION: usize = 256;

/// An invocation of the function by a Config rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleInvocation {
    /// The token that the answer needs.
    pub result_token: String,
    /// The role that AWS Config names for the evaluation, if there is one.
    pub execution_role: Option<String>,
    /// Whether the resource has left the scope of the rule.
    pub left_scope: bool,
    /// The name of the rule.
    pub rule_name: String,
    /// The ARN of the rule; empty if the event lacks it.
    pub rule_arn: String,
    /// The account that owns the rule.
    pub account: String,
    /// The parameters of the rule.
    pub parameters: Parameters,
    /// The occasion of the invocation.
    pub occasion: Occasion,
}

/// The occasion of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// The configuration of a resource changed. The event contains its configuration item.
    Change,
    /// The same, with a configuration item that is too large for the event.
    Oversized(OversizedNotice),
    /// The schedule of the rule, or the delivery of a snapshot: the whole inventory is to be evaluated.
    Scheduled {
        /// `notificationCreationTime`, by which AWS Config orders the evaluations.
        time: Timestamp,
    },
}

/// A configuration item that is too large for its notification, by the summary in that notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OversizedNotice {
    /// The type, such as `AWS::EC2::SecurityGroup`.
    pub resource_type: String,
    /// The id of the resource.
    pub resource_id: String,
    /// When AWS Config recorded the state.
    pub capture_time: Timestamp,
    /// Whether the resource no longer exists, so that there is nothing to fetch.
    pub is_deleted: bool,
    /// The object that contains the notification with the item. Only notifications by SNS have one.
    pub object: Option<ObjectName>,
}

/// Why an invocation cannot be evaluated. The texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvocationError {
    /// The event lacks a member, or has another type of it.
    #[error("the event of the Config rule cannot be read: {0}")]
    Event(String),
    /// The rule evaluates resources before they exist.
    #[error(
        "the Config rule {0} is in proactive mode, whose resources do not exist yet: give it the evaluation mode DETECTIVE, and \
         use `trailwarden plan` before a deployment"
    )]
    Proactive(String),
    /// A parameter of the rule is wrong.
    #[error("the Config rule {rule}: {error}")]
    Parameter {
        /// The name of the rule.
        rule: String,
        /// What is wrong, and the valid form.
        error: String,
    },
}

/// The members of an event that `ConfigEvent` lacks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mode {
    #[serde(default)]
    evaluation_mode: Option<String>,
}

impl RuleInvocation {
    /// Reads the event of a Config rule; `None` for any other payload.
    pub fn of(payload: &str) -> Option<Result<Self, InvocationError>> {
        // Other payloads may be large, and are not parsed for it.
        if !(payload.contains("\"invokingEvent\"") && payload.contains("\"resultToken\"")) {
            return None;
        }
        let members: serde_json::Map<String, Value> = serde_json::from_str(payload).ok()?;
        let is_rule = members.contains_key("invokingEvent") && members.contains_key("resultToken");
        is_rule.then(|| Self::read(payload))
    }

    fn read(payload: &str) -> Result<Self, InvocationError> {
        let event: ConfigEvent = serde_json::from_str(payload).map_err(|error| unreadable(&error))?;
        let Mode { evaluation_mode } = serde_json::from_str(payload).map_err(|error| unreadable(&error))?;
        let rule_name = required(event.config_rule_name, "configRuleName")?;
        let shown = visible_at_most(&rule_name, MAX_IN_SENTENCE).into_owned();
        if evaluation_mode.is_some_and(|mode| mode.eq_ignore_ascii_case("PROACTIVE")) {
            return Err(InvocationError::Proactive(shown));
        }
        let account = required(event.account_id, "accountId")?;
        if !is_account_id(&account) {
            return Err(InvocationError::Event("accountId is not an account id of twelve digits".to_owned()));
        }
        let parameters = Parameters::parse(event.rule_parameters.as_deref().unwrap_or_default())
            .map_err(|error| InvocationError::Parameter { rule: shown, error })?;
        Ok(Self {
            result_token: required(event.result_token, "resultToken")?,
            execution_role: event.execution_role_arn.filter(|arn| !arn.is_empty()),
            left_scope: event.event_left_scope,
            rule_name,
            rule_arn: event.config_rule_arn.unwrap_or_default(),
            account,
            parameters,
            occasion: Occasion::of(&required(event.invoking_event, "invokingEvent")?)?,
        })
    }
}

fn unreadable(error: &serde_json::Error) -> InvocationError {
    InvocationError::Event(visible_at_most(&error.to_string(), MAX_IN_SENTENCE).into_owned())
}

fn required(value: Option<String>, name: &str) -> Result<String, InvocationError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| InvocationError::Event(format!("{name} is missing")))
}

/// The parts of `invokingEvent` that are used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_type: String,
    #[serde(default)]
    notification_creation_time: Option<String>,
    #[serde(default)]
    configuration_item: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    configuration_item_summary: Option<Summary>,
    #[serde(default)]
    s3_delivery_summary: Option<Delivery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    #[serde(default)]
    change_type: Option<String>,
    configuration_item_capture_time: String,
    #[serde(default)]
    configuration_item_status: Option<String>,
    resource_type: String,
    resource_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    #[serde(default)]
    s3_bucket_location: Option<String>,
}

impl Occasion {
    /// The occasion of a notification: the value of `invokingEvent`, or the message that the delivery channel publishes.
    ///
    /// # Errors
    /// If it is not JSON, lacks a member, or has another `messageType`.
    pub fn of(message: &str) -> Result<Self, InvocationError> {
        let event = |error: String| InvocationError::Event(format!("invokingEvent: {error}"));
        let message: Message = serde_json::from_str(message)
            .map_err(|error| event(visible_at_most(&error.to_string(), MAX_IN_SENTENCE).into_owned()))?;
        match message.message_type.as_str() {
            "ConfigurationItemChangeNotification" if message.configuration_item.is_some() => Ok(Self::Change),
            "ConfigurationItemChangeNotification" => Err(event("configurationItem is missing".to_owned())),
            "OversizedConfigurationItemChangeNotification" => {
                let summary = message.configuration_item_summary;
                let summary = summary.ok_or_else(|| event("configurationItemSummary is missing".to_owned()))?;
                let time = time(&summary.configuration_item_capture_time, "configurationItemCaptureTime")?;
                let location = message.s3_delivery_summary.and_then(|delivery| delivery.s3_bucket_location);
                let is_deleted = summary.change_type.is_some_and(|change| change == "DELETE")
                    || summary.configuration_item_status.is_some_and(|status| status.starts_with("ResourceDeleted"));
                Ok(Self::Oversized(OversizedNotice {
                    resource_type: summary.resource_type,
                    resource_id: summary.resource_id,
                    capture_time: time,
                    is_deleted,
                    object: location.as_deref().and_then(object),
                }))
            }
            "ScheduledNotification" | "ConfigurationSnapshotDeliveryCompleted" => {
                let created = message.notification_creation_time.unwrap_or_default();
                Ok(Self::Scheduled { time: time(&created, "notificationCreationTime")? })
            }
            other => Err(event(format!(
                "messageType is {}: give the rule the message types ConfigurationItemChangeNotification, \
                 OversizedConfigurationItemChangeNotification and ScheduledNotification",
                visible_at_most(other, MAX_IN_SENTENCE)
            ))),
        }
    }
}

fn time(text: &str, name: &str) -> Result<Timestamp, InvocationError> {
    let shown = || visible_at_most(text, MAX_IN_SENTENCE).into_owned();
    text.parse().map_err(|_| {
        InvocationError::Event(format!(
            "invokingEvent: {name} is `{}`: expected a time such as 2026-01-02T03:04:05.678Z",
            shown()
        ))
    })
}

/// The object at `bucket/key`.
fn object(location: &str) -> Option<ObjectName> {
    let (bucket, key) = location.strip_prefix("s3://").unwrap_or(location).split_once('/')?;
    let is_complete = !bucket.is_empty() && !key.is_empty();
    is_complete.then(|| ObjectName { bucket: bucket.to_owned(), key: key.to_owned(), ..ObjectName::default() })
}

/// Returns one evaluation for each resource, in order of first appearance: of several, the worst of the newest state.
/// PutEvaluations keeps only one.
pub fn one_for_each_resource(evaluations: &[ItemEvaluation]) -> Vec<&ItemEvaluation> {
    let mut kept: Vec<&ItemEvaluation> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for evaluation in evaluations {
        let key = (evaluation.resource_type.as_str(), evaluation.resource_id.as_str());
        let place = *places.entry(key).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(other) => {
                let rank = |one: &ItemEvaluation| (one.capture_time, one.compliance);
                if rank(evaluation) > rank(other) {
                    *other = evaluation;
                }
            }
            None => kept.push(evaluation),
        }
    }
    kept
}

/// An annotation as AWS Config accepts it: safe to show, at most [`MAX_ANNOTATION`] characters, its end cut off. `None` for an
/// empty text, which AWS Config refuses.
pub fn annotation(text: &str) -> Option<String> {
    let shown = visible(text.trim());
    if shown.chars().count() <= MAX_ANNOTATION {
        return Some(shown.into_owned()).filter(|shown| !shown.is_empty());
    }
    let head: String = shown.chars().take(MAX_ANNOTATION - 1).collect();
    Some(format!("{}…", head.trim_end()))
}
