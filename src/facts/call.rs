//! The operation and the target of a call, normalized.

use std::borrow::Cow;

use super::{Calls, Derivation, Fact, calls, named, object, texts};
use crate::event::{Event, Value, scalar_text};

/// The name of the operation.
pub(super) const OPERATION: Fact = Fact {
    name: "call.operation",
    calls: Calls::All,
    doc: "`eventName` without the API version that AWS Lambda appends: UpdateFunctionCode20150331v2 is \
          UpdateFunctionCode.",
    derivation: Derivation::FromRecord(operation),
};

/// The resource of a call that may affect the trail or its monitoring.
pub(super) const TARGET: Fact = Fact {
    name: "call.target",
    calls: Calls::AllOf(&[
        calls::CLOUDTRAIL,
        "logs.amazonaws.com",
        "lambda.amazonaws.com",
        "sns.amazonaws.com",
        "kms.amazonaws.com",
        "s3.amazonaws.com",
        "events.amazonaws.com",
        calls::IAM,
    ]),
    doc: "The resource to which a call of CloudTrail, CloudWatch Logs, Lambda, SNS, KMS, S3, EventBridge or IAM applies. \
          `kind` is trail, event-data-store, channel, log-group, destination, function, topic, key, bucket, event-rule or \
          role. `names` are the names, even if the call contains ARNs: the name of a function without its qualifier, the \
          topic of a subscription, the id of a key or `alias/…`. `as` are the texts to compare, as in `call.named`.",
    derivation: Derivation::FromRecord(target),
};

fn operation<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let name = event.name()?;
    let is_lambda = event.source() == Some("lambda.amazonaws.com");
    Some(Value::Str(Cow::Borrowed(if is_lambda { without_version(name) } else { name })))
}

/// Removes the API version from the name of a Lambda operation, such as `DeleteFunction20150331` or
/// `UpdateFunctionCode20150331v2`.
pub fn without_version(name: &str) -> &str {
    let without_digits = |text: &str| text.trim_end_matches(|character: char| character.is_ascii_digit()).len();
    // `v2`
    let dated = match name.len() - without_digits(name) {
        1..=3 => name.get(..without_digits(name)).and_then(|rest| rest.strip_suffix('v')),
        _ => Some(name),
    };
    let Some(dated) = dated else { return name };
    let end = without_digits(dated);
    if end > 0 && dated.len() - end == 8 { dated.get(..end).unwrap_or(name) } else { name }
}

/// A request parameter that names the target of a service's calls.
struct TargetParameter {
    source: &'static str,
    path: &'static str,
    kind: &'static str,
    /// Returns the name in the value, which is a name or an ARN.
    name: fn(&str) -> &str,
}

const fn target_parameter(
    source: &'static str,
    path: &'static str,
    kind: &'static str,
    name: for<'t> fn(&'t str) -> &'t str,
) -> TargetParameter {
    TargetParameter { source, path, kind, name }
}

const TARGET_PARAMETERS: &[TargetParameter] = &[
    target_parameter("cloudtrail", "eventDataStore", "event-data-store", after_slash),
    target_parameter("cloudtrail", "channel", "channel", after_slash),
    target_parameter("cloudtrail", "name", "trail", after_slash),
    target_parameter("cloudtrail", "trailName", "trail", after_slash),
    target_parameter("cloudtrail", "resourceId", "trail", after_slash),
    target_parameter("logs", "logGroupName", "log-group", log_group),
    target_parameter("logs", "logGroupIdentifier", "log-group", log_group),
    target_parameter("logs", "logGroupIdentifiers", "log-group", log_group),
    target_parameter("logs", "resourceIdentifier", "log-group", log_group),
    target_parameter("logs", "destinationName", "destination", after_colon),
    target_parameter("lambda", "functionName", "function", function),
    target_parameter("lambda", "resourceArn", "function", function),
    target_parameter("sns", "topicArn", "topic", after_colon),
    target_parameter("sns", "subscriptionArn", "topic", topic_of_subscription),
    target_parameter("sns", "resourceArn", "topic", after_colon),
    target_parameter("kms", "keyId", "key", key),
    target_parameter("s3", "bucketName", "bucket", after_colon),
    target_parameter("events", "rule", "event-rule", after_slash),
    target_parameter("events", "name", "event-rule", after_slash),
    target_parameter("iam", "roleName", "role", after_slash),
];

fn target<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let source = event.source()?.strip_suffix(".amazonaws.com")?;
    TARGET_PARAMETERS.iter().filter(|parameter| parameter.source == source).find_map(|parameter| {
        let selected = event.select(&format!("requestParameters.{}", parameter.path));
        let values = selected.into_iter().flat_map(|value| match value {
            Value::Array(elements) => elements.iter().filter_map(scalar_text).collect(),
            scalar => scalar_text(scalar).into_iter().collect::<Vec<_>>(),
        });
        let values: Vec<_> = values.filter(|text| !text.is_empty()).collect();
        let names: Vec<String> = values.iter().map(|text| (parameter.name)(text).to_owned()).collect();
        let compared_as: Vec<String> =
            values.iter().flat_map(|text| named::compared_as(event, text, parameter.kind)).collect();
        let target = [("kind", Value::from(parameter.kind)), ("names", texts(names)), ("as", texts(compared_as))];
        (!values.is_empty()).then(|| object(target))
    })
}

/// `arn:…:trail/name`
fn after_slash(text: &str) -> &str {
    if text.starts_with("arn:") { text.rsplit('/').next().unwrap_or(text) } else { text }
}

/// `arn:…:name`
fn after_colon(text: &str) -> &str {
    if text.starts_with("arn:") { text.rsplit(':').next().unwrap_or(text) } else { text }
}

/// `arn:aws:logs:…:log-group:name:*`
fn log_group(text: &str) -> &str {
    let name = text.split_once(":log-group:").map_or(text, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

/// `arn:aws:lambda:…:function:name:qualifier`, `account:function:name`, `name:qualifier`
fn function(text: &str) -> &str {
    let name = text.split_once(":function:").map_or(text, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

/// `arn:aws:sns:…:topic:subscription`
fn topic_of_subscription(text: &str) -> &str {
    text.rsplit_once(':').map_or(text, |(topic, _)| after_colon(topic))
}

/// `arn:aws:kms:…:key/id`, `arn:aws:kms:…:alias/name`
fn key(text: &str) -> &str {
    let name = if text.starts_with("arn:") { after_colon(text) } else { text };
    name.strip_prefix("key/").unwrap_or(name)
}
