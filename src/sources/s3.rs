//! Notifications of S3 and CloudTrail that name objects. The records are in the objects.

use percent_encoding::percent_decode_str;

use super::items::Items;
use super::members::{Members, string};
use super::object::ObjectName;

/// `eventSource` of the records of a notification.
const SOURCE: &str = "aws:s3";

/// Events that announce an object, without the name of the API: `ObjectCreated:Put`, `ObjectRestore:Completed`. Others, such
/// as the removal of an object, announce none.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
const ANNOUNCED: [&str; 2] = ["ObjectCreated:", "ObjectRestore:Completed"];

/// The same in EventBridge events.
const ANNOUNCED_DETAIL_TYPES: [&str; 2] = ["Object Created", "Object Restore Completed"];

/// Whether an object is a record of a notification.
pub(super) fn is_record(object: &Members) -> bool {
    object.string("eventSource").as_deref() == Some(SOURCE)
}

/// Reads a record of a notification.
pub(super) fn record(object: &Members, items: &mut Items) {
    let event = object.string("eventName").unwrap_or_default();
    // Records of other destinations may have the prefix `s3:`.
    let event = event.strip_prefix("s3:").unwrap_or(&event);
    if !event.is_empty() && !ANNOUNCED.iter().any(|announced| event.starts_with(announced)) {
        return items.control();
    }
    let name = object.object("s3").and_then(|s3| {
        let object = s3.object("object")?;
        Some(ObjectName {
            bucket: s3.object("bucket")?.string("name")?,
            key: decoded(&object.string("key")?)?,
            version: object.string("versionId"),
            region: None,
        })
    });
    match name {
        Some(name) => items.object(ObjectName { region: object.string("awsRegion"), ..name }),
        None => items.reject("an S3 notification without `s3.bucket.name` and `s3.object.key`, which name the object"),
    }
}

/// A key as notifications and Batch Operations encode it: form encoding, with `+` for a space.
fn decoded(key: &str) -> Option<String> {
    Some(percent_decode_str(&key.replace('+', " ")).decode_utf8().ok()?.into_owned())
}

/// Whether an object is the message by which S3 tests a destination.
pub(super) fn is_test(object: &Members) -> bool {
    object.string("Event").as_deref() == Some("s3:TestEvent")
}

/// Reads that message, which names no object.
pub(super) fn test(_: &Members, items: &mut Items) {
    items.control();
}

/// Whether an object is an EventBridge event that announces an object.
pub(super) fn is_event(object: &Members) -> bool {
    object.string("source").as_deref() == Some("aws.s3")
        && object.string("detail-type").is_some_and(|kind| ANNOUNCED_DETAIL_TYPES.contains(&kind.as_str()))
}

/// Reads an EventBridge event. Its key is not encoded.
pub(super) fn event(event: &Members, items: &mut Items) {
    let name = event.object("detail").and_then(|detail| {
        let object = detail.object("object")?;
        Some(ObjectName {
            bucket: detail.object("bucket")?.string("name")?,
            key: object.string("key")?,
            version: object.string("version-id"),
            region: event.string("region"),
        })
    });
    match name {
        Some(name) => items.object(name),
        None => items.reject("an S3 event without `bucket.name` and `object.key`, which name the object"),
    }
}

/// Whether an object is CloudTrail's own notification of log files.
pub(super) fn is_of_cloudtrail(object: &Members) -> bool {
    object.has_string("s3Bucket") && object.has_list("s3ObjectKey")
}

/// Reads CloudTrail's own notification.
pub(super) fn of_cloudtrail(object: &Members, items: &mut Items) {
    let Some(bucket) = object.string("s3Bucket") else { return };
    for key in object.list("s3ObjectKey").unwrap_or_default() {
        match string(key) {
            Some(key) => items.object(ObjectName { bucket: bucket.clone(), key, ..ObjectName::default() }),
            None => items.reject("an element of `s3ObjectKey` is not a string"),
        }
    }
}

/// Name of the list of tasks of a request of S3 Batch Operations.
pub(super) const TASKS: &str = "tasks";

/// Whether an object is a request of S3 Batch Operations.
pub(super) fn is_batch_operation(object: &Members) -> bool {
    object.has("invocationSchemaVersion") && object.has_list(TASKS)
}

/// Reads a request of S3 Batch Operations.
pub(super) fn batch_operation(object: &Members, items: &mut Items) {
    items.messages(object, TASKS, |task, items| {
        // Version 1.0 has the ARN of the bucket, version 2.0 its name.
        let arn = task.string("s3BucketArn");
        let bucket = task.string("s3Bucket").or_else(|| Some(arn?.rsplit_once(":::")?.1.to_owned()));
        let key = task.string("s3Key").and_then(|key| decoded(&key));
        match bucket.zip(key) {
            Some((bucket, key)) => {
                let version = task.string("s3VersionId").filter(|version| !version.is_empty());
                items.object(ObjectName { bucket, key, version, region: None });
            }
            None => items.reject("a task of S3 Batch Operations without bucket and `s3Key`, which name the object"),
        }
    });
}

/// The identifier of a task.
pub(super) fn task_id(task: &Members) -> Option<String> {
    task.string("taskId")
}
