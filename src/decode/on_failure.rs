//! What Lambda's on-failure destination keeps: `{"requestPayload": …}`, and messages of the queue that it is sent to, as
//! `aws sqs receive-message` prints them.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Members, Output, awslogs, document};

/// The record of a failed invocation: its payload is what was delivered.
pub(super) fn invocation(members: &Members, output: &mut Output<'_>) {
    let Some(payload) = members.get("requestPayload") else { return };
    // Nothing but a delivery may be inside: a failure in a failure in a failure would be read for ever.
    match document::members(payload.get()) {
        Ok(inside) if inside.get("awslogs").is_some() => awslogs::event(&inside, output),
        Ok(_) => output.reject("`requestPayload` holds no `awslogs`"),
        Err(reason) => output.reject(reason),
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "Body")]
    body: Cow<'a, str>,
}

/// Messages of a queue.
pub(super) fn messages(members: &Members, output: &mut Output<'_>) {
    let Some(messages) = members.get("Messages") else { return };
    let messages: Vec<Message<'_>> = match serde_json::from_str(messages.get()) {
        Ok(messages) => messages,
        Err(_) => return output.reject("`Messages` is no list of objects with a string `Body`"),
    };
    for message in messages {
        match document::members(&message.body) {
            Ok(inside) if inside.get("requestPayload").is_some() => invocation(&inside, output),
            Ok(inside) if inside.get("awslogs").is_some() => awslogs::event(&inside, output),
            Ok(_) => output.reject("the `Body` of a message holds neither `requestPayload` nor `awslogs`"),
            Err(reason) => output.reject(reason),
        }
    }
}
