//! What a call is called, and what it was made on, the same for each way of writing it.

use std::borrow::Cow;

use super::{Calls, Fact, Origin, calls, named, object, texts};
use crate::event::{Event, Value, scalar_text};

/// The operation's name.
pub(super) const OPERATION: Fact = Fact {
    name: "call.operation",
    calls: Calls::All,
    doc: "`eventName` without the version of the interface that AWS Lambda appends: UpdateFunctionCode20150331v2 is \
          UpdateFunctionCode.",
    origin: Origin::Derived(operation),
};

/// What guards the trail, and what the trail consists of.
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
    doc: "What a call to CloudTrail, CloudWatch Logs, Lambda, SNS, KMS, S3, EventBridge or IAM was made on. `kind` is \
          trail, event-data-store, channel, log-group, destination, function, topic, key, bucket, event-rule or role; \
          `names` are the names, also where the call gave ARNs: of a function without its qualifier, of a subscription \
          the topic, of a key the id or `alias/…`. `as` are the texts to compare, as in `call.named`.",
    origin: Origin::Derived(target),
};

fn operation<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let name = event.name()?;
    let shown = match event.source() {
        Some("lambda.amazonaws.com") => without_version(name),
        _ => name,
    };
    Some(Value::Str(Cow::Borrowed(shown)))
}

/// `DeleteFunction20150331` and `UpdateFunctionCode20150331v2` without their ends.
pub fn without_version(name: &str) -> &str {
    let digits = |text: &str| text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let cut = |text: &str, count: usize| text.len().checked_sub(count).and_then(|at| name.get(..at).map(str::len));
    // `v2`
    let dated = match digits(name) {
        count @ 1..=3 => cut(name, count).and_then(|at| name.get(..at)).and_then(|rest| rest.strip_suffix('v')),
        _ => Some(name),
    };
    let Some(dated) = dated else { return name };
    match digits(dated) {
        8 => dated.get(..dated.len() - 8).filter(|rest| !rest.is_empty()).unwrap_or(name),
        _ => name,
    }
}

/// One place where a service's calls name what they are made on.
struct Place {
    source: &'static str,
    path: &'static str,
    kind: &'static str,
    /// The name in what stands there: a name or an ARN.
    name: fn(&str) -> &str,
}

const fn place(
    source: &'static str,
    path: &'static str,
    kind: &'static str,
    name: for<'t> fn(&'t str) -> &'t str,
) -> Place {
    Place { source, path, kind, name }
}

const PLACES: &[Place] = &[
    place("cloudtrail", "eventDataStore", "event-data-store", after_slash),
    place("cloudtrail", "channel", "channel", after_slash),
    place("cloudtrail", "name", "trail", after_slash),
    place("cloudtrail", "trailName", "trail", after_slash),
    place("cloudtrail", "resourceId", "trail", after_slash),
    place("logs", "logGroupName", "log-group", log_group),
    place("logs", "logGroupIdentifier", "log-group", log_group),
    place("logs", "logGroupIdentifiers", "log-group", log_group),
    place("logs", "resourceIdentifier", "log-group", log_group),
    place("logs", "destinationName", "destination", after_colon),
    place("lambda", "functionName", "function", function),
    place("lambda", "resourceArn", "function", function),
    place("sns", "topicArn", "topic", after_colon),
    place("sns", "subscriptionArn", "topic", topic_of_subscription),
    place("sns", "resourceArn", "topic", after_colon),
    place("kms", "keyId", "key", key),
    place("s3", "bucketName", "bucket", after_colon),
    place("events", "rule", "event-rule", after_slash),
    place("events", "name", "event-rule", after_slash),
    place("iam", "roleName", "role", after_slash),
];

fn target<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let source = event.source()?.strip_suffix(".amazonaws.com")?;
    PLACES.iter().filter(|place| place.source == source).find_map(|place| {
        let found = event.select(&format!("requestParameters.{}", place.path));
        let written = found.into_iter().flat_map(|value| match value {
            Value::Array(elements) => elements.iter().filter_map(scalar_text).collect(),
            scalar => scalar_text(scalar).into_iter().collect::<Vec<_>>(),
        });
        let written: Vec<_> = written.filter(|text| !text.is_empty()).collect();
        let names: Vec<String> = written.iter().map(|text| (place.name)(text).to_owned()).collect();
        let compared_as: Vec<String> =
            written.iter().flat_map(|text| named::compared_as(event, text, place.kind)).collect();
        let target = [("kind", Value::from(place.kind)), ("names", texts(names)), ("as", texts(compared_as))];
        (!written.is_empty()).then(|| object(target))
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
