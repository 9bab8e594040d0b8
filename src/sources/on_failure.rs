//! What Lambda's on-failure destination keeps: `{"requestPayload": …}`, and messages of the queue that it is sent to, as
//! `aws sqs receive-message` prints them.

use aws_lambda_events::event::sqs::SqsApiMessage;

use super::{Members, Output, awslogs, document};

/// The record of a failed invocation: its payload is what was delivered.
pub(super) fn invocation(members: &Members, output: &mut Output<'_>) {
    let Some(payload) = members.get("requestPayload") else { return };
    // Nothing but a delivery may be inside: a failure in a failure in a failure would be read for ever.
    match document::members(payload.get()) {
        Ok(inside) if inside.has("awslogs") => awslogs::event(&inside, output),
        Ok(_) => output.reject("`requestPayload` holds no `awslogs`"),
        Err(reason) => output.reject(reason),
    }
}

/// Messages of a queue.
pub(super) fn messages(members: &Members, output: &mut Output<'_>) {
    let Some(messages) = members.list("Messages") else {
        return output.reject("`Messages` is not a list of objects with a string `Body`");
    };
    for message in messages {
        let message: Result<SqsApiMessage, _> = serde_json::from_str(message.get());
        let Some(body) = message.ok().and_then(|message| message.body) else {
            output.reject("a message has no string `Body`");
            continue;
        };
        match document::members(&body) {
            Ok(inside) if inside.has("requestPayload") => invocation(&inside, output),
            Ok(inside) if inside.has("awslogs") => awslogs::event(&inside, output),
            Ok(_) => output.reject("the `Body` of a message holds neither `requestPayload` nor `awslogs`"),
            Err(reason) => output.reject(reason),
        }
    }
}
