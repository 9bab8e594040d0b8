//! What Lambda's on-failure destination keeps: `{"requestPayload": …}`, and messages of the queue that it is sent to, as
//! `aws sqs receive-message` prints them.

use aws_lambda_events::event::sqs::SqsApiMessage;

use super::items::Items;
use super::{Members, awslogs, document};

/// The record of a failed invocation: its payload is what was delivered.
pub(super) fn invocation(members: &Members, items: &mut Items) {
    let Some(payload) = members.get("requestPayload") else { return };
    // Nothing but a delivery may be inside: a failure in a failure in a failure would be read for ever.
    match document::members(payload.get()) {
        Ok(inside) if inside.has("awslogs") => awslogs::event(&inside, items),
        Ok(_) => items.reject("`requestPayload` holds no `awslogs`"),
        Err(reason) => items.reject(reason),
    }
}

/// Messages of a queue.
pub(super) fn messages(members: &Members, items: &mut Items) {
    let Some(messages) = members.list("Messages") else {
        return items.reject("`Messages` is not a list of objects with a string `Body`");
    };
    for message in messages {
        let message: Result<SqsApiMessage, _> = serde_json::from_str(message.get());
        let Some(body) = message.ok().and_then(|message| message.body) else {
            items.reject("a message has no string `Body`");
            continue;
        };
        match document::members(&body) {
            Ok(inside) if inside.has("requestPayload") => invocation(&inside, items),
            Ok(inside) if inside.has("awslogs") => awslogs::event(&inside, items),
            Ok(_) => items.reject("the `Body` of a message holds neither `requestPayload` nor `awslogs`"),
            Err(reason) => items.reject(reason),
        }
    }
}
