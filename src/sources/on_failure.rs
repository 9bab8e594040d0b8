//! What the on-failure destinations of a function and of its event source mappings keep: `{"requestPayload": …}` and
//! `{"KinesisBatchInfo": …}`, and messages of a queue, as `aws sqs receive-message` prints them.
//!
//! After the Lambda developer guide, "Capturing records of Lambda asynchronous invocations" and "Retain discarded batch records
//! for a Kinesis Data Streams event source".

use aws_lambda_events::event::sqs::SqsApiMessage;
use serde::Serialize;
use serde_json::value::RawValue;

use super::items::Items;
use super::members::string;
use super::trigger_batch::{Invocation, MessageFailure};
use super::{Members, document};

/// The record of a failed invocation: its payload is what was delivered.
pub(super) fn invocation(members: &Members, items: &mut Items) {
    if let Some(payload) = members.get("requestPayload") {
        delivery(payload, items);
    }
}

/// Whether an object is what the on-failure destination of a Kinesis event source mapping keeps.
pub(super) fn is_kinesis_batch(members: &Members) -> bool {
    members.has("KinesisBatchInfo")
}

/// Reads the record of a failed Kinesis batch. Only a bucket keeps its payload.
pub(super) fn kinesis_batch(members: &Members, items: &mut Items) {
    match members.get("payload") {
        Some(payload) => match string(payload) {
            Some(payload) => items.text(&payload),
            None => delivery(payload, items),
        },
        None => {
            let batch = members.object("KinesisBatchInfo").unwrap_or_default();
            let field = |key: &str| batch.string(key).unwrap_or_else(|| "?".to_owned());
            items.reject(format!(
                "the record of a failed Kinesis batch without its payload; read the stream {} again, shard {}, from sequence \
                 number {} to {} (until {}), or use a bucket as the on-failure destination, which keeps the payload",
                field("streamArn"),
                field("shardId"),
                field("startSequenceNumber"),
                field("endSequenceNumber"),
                field("approximateArrivalOfLastRecord"),
            ));
        }
    }
}

/// Reads what was delivered to the function.
fn delivery(payload: &RawValue, items: &mut Items) {
    match document::members(payload.get()) {
        // A failure within a failure is none of this function.
        Ok(inside) if inside.has("requestPayload") || is_kinesis_batch(&inside) => {
            items.reject("a failed invocation contains another one");
        }
        Ok(_) => items.inside(|items| document::value(payload.get(), items)),
        Err(reason) => items.reject(reason),
    }
}

/// Messages of a queue: failures, and what the dead-letter queue of a source queue keeps, which is a delivery itself.
pub(super) fn messages(members: &Members, items: &mut Items) {
    let Some(messages) = members.list("Messages") else {
        return items.reject("`Messages` is not a list of objects with a string `Body`");
    };
    for message in messages {
        let message: Result<SqsApiMessage, _> = serde_json::from_str(message.get());
        match message.ok().and_then(|message| message.body) {
            Some(body) => items.text(&body),
            None => items.reject("a message has no string `Body`"),
        }
    }
}

/// The record of a failed invocation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'w> {
    version: &'static str,
    timestamp: String,
    request_context: RequestContext<'w>,
    request_payload: &'w RawValue,
    response_payload: ResponsePayload<'w>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'w> {
    request_id: &'w str,
    function_arn: &'w str,
    condition: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePayload<'w> {
    error_type: &'w str,
    error_message: &'w str,
}

/// Writes the record of an invocation that failed for this payload.
pub(super) fn written(
    payload: &RawValue,
    failure: &MessageFailure,
    invocation: &Invocation<'_>,
) -> Result<String, serde_json::Error> {
    let Invocation { request_id, function_arn, time } = invocation;
    serde_json::to_string(&Written {
        version: "1.0",
        timestamp: time.to_string(),
        request_context: RequestContext { request_id, function_arn, condition: "Undecodable" },
        request_payload: payload,
        response_payload: ResponsePayload { error_type: failure.error_type, error_message: &failure.reason },
    })
}
