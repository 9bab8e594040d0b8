//! AWS Config: invocations of Config rules, messages of the delivery channel, EventBridge events, snapshots and history files.
//!
//! After the AWS Config developer guide, "Example Events for AWS Config Rules" and "Notifications that AWS Config Sends to an
//! Amazon SNS topic".

use super::items::Items;
use super::members::string;
use super::object::{FetchError, ObjectName};
use super::{Members, document};
use crate::text::shell_word;

/// The key of the configuration items of a snapshot or history file, and of responses of `GetResourceConfigHistory`. They are
/// read one by one while a file is read.
pub(super) const ITEMS: &str = "configurationItems";

/// The source of EventBridge events.
const SOURCE: &str = "aws.config";

/// Messages with a configuration item.
const CHANGE: &str = "ConfigurationItemChangeNotification";

/// Messages about a configuration item that is too large for them.
const OVERSIZED: [&str; 2] =
    ["OversizedConfigurationItemChangeNotification", "OversizedConfigurationItemChangeDeliveryFailed"];

/// Messages without a configuration item, by the beginning of `messageType`.
const CONTROL: [&str; 5] = [
    "ScheduledNotification",
    "ComplianceChangeNotification",
    "ConfigurationSnapshotDelivery",
    "ConfigurationHistoryDelivery",
    "ConfigRulesEvaluation",
];

/// A configuration item that has not been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemText {
    /// Its JSON.
    pub json: String,
    /// Whether the resource is outside the scope of the Config rule that was invoked.
    pub left_scope: bool,
}

/// A configuration item that is too large for a message, which contains this summary. It must be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OversizedItem {
    /// The account id, if the summary names it.
    pub account: Option<String>,
    /// The Region; `global` for IAM.
    pub region: Option<String>,
    /// CloudFormation type, such as `AWS::EC2::SecurityGroup`.
    pub resource_type: String,
    /// The id of the resource.
    pub resource_id: String,
    /// `configurationItemCaptureTime`, as written: the time of the state to fetch.
    pub capture_time: String,
    /// Whether the resource is outside the scope of the Config rule that was invoked.
    pub left_scope: bool,
    /// The S3 object to which the delivery channel wrote the message with the item.
    pub object: Option<ObjectName>,
}

impl OversizedItem {
    /// The reason for a rejection where the item is not fetched.
    pub fn not_fetched(&self) -> String {
        let Self { resource_type, resource_id, capture_time, .. } = self;
        let [kind, id, time] = [resource_type, resource_id, capture_time].map(|text| shell_word(text));
        let place = match &self.object {
            Some(object) => format!("download the object {object} and evaluate the file"),
            None => format!(
                "get the item with `aws configservice get-resource-config-history --resource-type {kind} --resource-id {id} \
                 --later-time {time} --limit 1` and evaluate the output"
            ),
        };
        format!(
            "the configuration item of {resource_type} {resource_id} is too large for the message and is not in it; {place}"
        )
    }
}

/// Fetches configuration items. An implementation blocks the thread until it has an answer.
pub trait FetchItem {
    /// Returns the JSON of the item: an element of `configurationItems` in the response of `GetResourceConfigHistory`, or as in
    /// notifications.
    ///
    /// # Errors
    /// Returns the reason why there is none.
    fn fetch_item(&self, item: &OversizedItem) -> Result<String, FetchError>;
}

/// Whether an object is the event of a Config rule that invokes a Lambda function.
pub(super) fn is_invocation(object: &Members) -> bool {
    object.has_string("invokingEvent")
}

/// Reads the event of a Config rule.
pub(super) fn invocation(object: &Members, items: &mut Items) {
    if object.string("evaluationMode").is_some_and(|mode| mode.eq_ignore_ascii_case("PROACTIVE")) {
        return items.reject(
            "an invocation of an AWS Config rule in proactive mode, in which the resource has the form of CloudFormation; use \
             the detective mode, and `trailwarden plan` before a deployment",
        );
    }
    let left_scope = object.get("eventLeftScope").is_some_and(|flag| flag.get() == "true");
    let event = object.string("invokingEvent").unwrap_or_default();
    match document::members(&event) {
        Ok(event) if is_message(&event) => read_message(&event, left_scope, items),
        Ok(_) => {
            items.reject("an invocation of an AWS Config rule whose invokingEvent has no messageType of AWS Config")
        }
        Err(reason) => {
            items.reject(format!("an invocation of an AWS Config rule whose invokingEvent cannot be read: {reason}"))
        }
    }
}

/// Whether an object is a message of AWS Config.
pub(super) fn is_message(object: &Members) -> bool {
    object.string("messageType").is_some_and(|kind| {
        kind == CHANGE || OVERSIZED.contains(&kind.as_str()) || CONTROL.iter().any(|known| kind.starts_with(known))
    })
}

/// Reads a message.
pub(super) fn message(object: &Members, items: &mut Items) {
    read_message(object, false, items);
}

/// Whether an object is an EventBridge event of AWS Config itself. Events of its API calls have no message.
pub(super) fn is_event(object: &Members) -> bool {
    object.string("source").as_deref() == Some(SOURCE)
        && object.object("detail").is_some_and(|detail| detail.has_string("messageType"))
}

/// Reads an EventBridge event.
pub(super) fn event(object: &Members, items: &mut Items) {
    match object.object("detail") {
        Some(detail) => read_message(&detail, false, items),
        None => items.control(),
    }
}

/// Whether an object is a configuration item by itself.
pub(super) fn is_item(object: &Members) -> bool {
    ["resourceType", "configurationItemCaptureTime", "configurationItemStatus"].iter().all(|key| object.has(key))
}

/// Reads a configuration item by itself.
pub(super) fn item(object: &Members, items: &mut Items) {
    items.configuration_item(&object.to_json(), false);
}

/// Reads a snapshot or history file in memory. A file that is read as a stream never gets here.
pub(super) fn file(object: &Members, items: &mut Items) {
    let outer = items.place.record;
    for (item, position) in object.list(ITEMS).unwrap_or_default().into_iter().zip(1..) {
        items.place.record = Some(position);
        items.configuration_item(item.get(), false);
    }
    items.place.record = outer;
}

fn read_message(message: &Members, left_scope: bool, items: &mut Items) {
    let kind = message.string("messageType").unwrap_or_default();
    if kind == CHANGE {
        return match message.get("configurationItem").filter(|item| item.get().starts_with('{')) {
            Some(item) => items.configuration_item(item.get(), left_scope),
            None => items.reject("a notification of AWS Config without its configurationItem"),
        };
    }
    if !OVERSIZED.contains(&kind.as_str()) {
        return items.control();
    }
    let Some(summary) = message.object("configurationItemSummary") else {
        return items.reject("a notification of AWS Config without its configurationItemSummary");
    };
    if left_scope || summary.string("configurationItemStatus").is_some_and(|status| status.contains("Deleted")) {
        return items.configuration_item(&summary.to_json(), left_scope);
    }
    let needed = |key: &str| summary.string(key).filter(|text| !text.is_empty());
    let (Some(resource_type), Some(resource_id), Some(capture_time)) =
        (needed("resourceType"), needed("resourceId"), needed("configurationItemCaptureTime"))
    else {
        return items.reject(
            "a configurationItemSummary of AWS Config without resourceType, resourceId or configurationItemCaptureTime",
        );
    };
    items.oversized_item(OversizedItem {
        account: needed("awsAccountId"),
        region: needed("awsRegion"),
        resource_type,
        resource_id,
        capture_time,
        left_scope,
        object: delivered_object(message),
    });
}

/// The object in which the delivery channel keeps a message that is too large: `bucket/key`.
fn delivered_object(message: &Members) -> Option<ObjectName> {
    let delivery = message.object("s3DeliverySummary")?;
    if delivery.get("errorCode").and_then(string).is_some() {
        return None;
    }
    let location = delivery.string("s3BucketLocation")?;
    let (bucket, key) = location.split_once('/')?;
    let is_name = !bucket.is_empty() && !key.is_empty();
    is_name.then(|| ObjectName { bucket: bucket.to_owned(), key: key.to_owned(), ..ObjectName::default() })
}
