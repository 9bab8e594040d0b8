//! Messages of SNS topics: as a Lambda function receives them, and as SNS sends them to queues and HTTPS endpoints.

use super::items::Items;
use super::members::Members;

/// `EventSource` of the messages of a Lambda trigger.
const SOURCE: &str = "aws:sns";

/// Whether an object is a message of a Lambda trigger.
pub(super) fn is_record(object: &Members) -> bool {
    object.string("EventSource").as_deref() == Some(SOURCE) && object.object("Sns").is_some_and(|sns| is_message(&sns))
}

/// Reads a message of a Lambda trigger.
pub(super) fn record(object: &Members, items: &mut Items) {
    if let Some(sns) = object.object("Sns") {
        message(&sns, items);
    }
}

/// Whether an object is a message as SNS sends it.
pub(super) fn is_message(object: &Members) -> bool {
    object.has_string("Message") && object.has_string("TopicArn")
}

/// Reads the content of a message.
pub(super) fn message(object: &Members, items: &mut Items) {
    if let Some(message) = object.string("Message") {
        items.text(&message);
    }
}
