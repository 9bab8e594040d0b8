//! Messages of SQS queues, as a Lambda function receives them. The body is JSON of any form, such as an SNS message.

use super::items::Items;
use super::members::Members;

/// `eventSource` of the messages of a Lambda trigger.
pub(super) const SOURCE: &str = "aws:sqs";

/// Whether an object is a message.
pub(super) fn is_message(object: &Members) -> bool {
    object.has_string("body") && object.string("eventSource").as_deref() == Some(SOURCE)
}

/// The identifier of a message.
pub(super) fn id(object: &Members) -> Option<String> {
    object.string("messageId")
}

/// Reads the body of a message.
pub(super) fn message(object: &Members, items: &mut Items) {
    if let Some(body) = object.string("body") {
        items.text(&body);
    }
}
