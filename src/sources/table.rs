//! The table of the forms of input: those that are read, and those that are known and refused.
//!
//! To add a form, add a file with a function that recognises it and one that reads it, a row here, and a fixture in
//! `fixtures/envelopes`.

use super::items::Items;
use super::members::{Members, string};
use super::{
    awslogs, cloudtrail, config, document, eventbridge, export, firehose, kinesis, ocsf, on_failure, s3, sns, sqs,
    trigger,
};
use crate::event::is_service;

/// One form of input: a JSON object of a certain shape.
#[derive(Debug)]
pub struct Source {
    /// Its name.
    pub name: &'static str,
    /// Whether an object has this form.
    recognises: fn(&Members) -> bool,
    pub(super) form: Form,
}

/// How an object of a form is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// It is a record.
    Record,
    /// It contains these items.
    Read(fn(&Members, &mut Items)),
    /// It is rejected, for this reason.
    Refused(fn(&Members) -> String),
}

/// The key of the records of a CloudTrail file. They are read one by one while the object is read, so that a file may have
/// any length.
pub(super) const RECORDS: &str = "Records";

/// The only member of a message of the outbox, in which messages for webhooks wait.
const OUTBOX: &str = "trailwarden-outbox";

/// All forms, in the order in which they are tried: an object has the first form that recognises it.
pub static SOURCES: &[Source] = &[
    read("CloudTrail file", |object| object.has_list(RECORDS), cloudtrail::file),
    read(
        "event of `aws cloudtrail lookup-events`",
        |object| object.has_string("CloudTrailEvent"),
        export::lookup_event,
    ),
    read("row of CloudTrail Lake", |object| object.has("eventJson"), export::lake_record),
    refused("event of `aws cloudtrail lookup-events` without CloudTrailEvent", export::is_summary, |_| {
        "an event of `aws cloudtrail lookup-events` without `CloudTrailEvent`, which contains the record; do not select members with --query".to_owned()
    }),
    Source { name: "CloudTrail record", recognises: is_record, form: Form::Record },
    read("Lambda event of a log subscription", |object| object.has("awslogs"), awslogs::event),
    read("decoded CloudWatch Logs batch", |object| object.has("logEvents"), awslogs::batch),
    read("message of an SQS trigger", sqs::is_message, sqs::message),
    read("message of an SNS trigger", sns::is_record, sns::record),
    read("SNS message", sns::is_message, sns::message),
    read("record of a Kinesis trigger", kinesis::is_record, kinesis::record),
    read("Firehose transformation event", firehose::is_event, firehose::event),
    read("record of an S3 notification", s3::is_record, s3::record),
    read("test event of an S3 notification", s3::is_test, s3::test),
    read("EventBridge event of S3", s3::is_event, s3::event),
    read("CloudTrail's notification of log files", s3::is_of_cloudtrail, s3::of_cloudtrail),
    read("request of S3 Batch Operations", s3::is_batch_operation, s3::batch_operation),
    read("record in OCSF", ocsf::is_record, ocsf::record),
    read("CloudTrail digest file", |object| object.has("digestS3Object"), cloudtrail::digest),
    read("invocation of a Config rule", config::is_invocation, config::invocation),
    read("message of AWS Config", config::is_message, config::message),
    read("EventBridge event of AWS Config", config::is_event, config::event),
    read("snapshot or history of AWS Config", |object| object.has_list(config::ITEMS), config::file),
    read("configuration item of AWS Config", config::is_item, config::item),
    read("EventBridge event", eventbridge::has_record, eventbridge::event),
    read("failed invocation", |object| object.has("requestPayload"), on_failure::invocation),
    read("failed Kinesis batch", on_failure::is_kinesis_batch, on_failure::kinesis_batch),
    refused(
        "message of the outbox",
        |object| object.has(OUTBOX),
        |_| "a message for webhooks, which the function accepts from the queue in OUTBOX_QUEUE_URL alone".to_owned(),
    ),
    read("messages of an SQS queue", |object| object.has("Messages"), on_failure::messages),
    read("output of `aws cloudtrail lookup-events`", |object| object.has_list("Events"), export::lookup_events),
    read("result of a CloudTrail Lake query", export::is_lake_result, export::lake_result),
    read("event of a Splunk export", |object| object.has_string("_raw"), export::splunk_event),
    read("line of a Splunk export", export::is_splunk_result, export::splunk_result),
    read("event of the Splunk HTTP Event Collector", export::is_collector_event, export::collector_event),
    read("hit of an Elastic search", |object| object.object("_source").is_some(), export::elastic_hit),
    read("result of an Elastic search", export::is_elastic_result, export::elastic_result),
    read("row of CloudWatch Logs Insights", |object| object.has("@message"), export::insights_row),
    read("Elastic document", export::is_elastic, export::elastic),
    read("results of CloudWatch Logs Insights", |object| object.has_list("results"), export::insights_results),
    // After the events of Lambda triggers that have such a member, too.
    refused("event of a Lambda trigger", |object| trigger::of(object).is_some(), trigger::reason),
    read("output of `aws logs filter-log-events`", |object| object.has_list("events"), export::log_events),
    read("event of `aws logs filter-log-events`", export::is_log_event, export::log_event),
];

const fn read(name: &'static str, recognises: fn(&Members) -> bool, read: fn(&Members, &mut Items)) -> Source {
    Source { name, recognises, form: Form::Read(read) }
}

const fn refused(name: &'static str, recognises: fn(&Members) -> bool, reason: fn(&Members) -> String) -> Source {
    Source { name, recognises, form: Form::Refused(reason) }
}

impl Source {
    /// The form of the JSON object `text`, if it is known.
    pub fn of(text: &str) -> Option<&'static Self> {
        of(&document::members(text).ok()?)
    }

    /// Whether objects of this form are read.
    pub fn is_read(&self) -> bool {
        !matches!(self.form, Form::Refused(_))
    }
}

/// The form of an object, if it is known.
pub(super) fn of(object: &Members) -> Option<&'static Source> {
    SOURCES.iter().find(|source| (source.recognises)(object))
}

/// Whether an object is a record, according to the members that name its call.
pub(super) fn is_record(object: &Members) -> bool {
    let source = object.get_of_any_case("eventSource").and_then(string);
    source.is_some_and(|source| is_service(&source)) && object.get_of_any_case("eventName").is_some()
}
