//! Events that Lambda functions receive without a CloudTrail record in them, and other documents that resemble records. They
//! are rejected by name.
//!
//! Most of Lambda's events are a list `Records`, whose elements have an `eventSource` such as `aws:sqs`.

use aws_lambda_events::event::kinesis::KinesisEventRecord;
use aws_lambda_events::event::sns::SnsRecord;
use aws_lambda_events::event::sqs::SqsMessage;
use memchr::memmem;
use serde::de::DeserializeOwned;

use super::{Members, document};

/// The event of a trigger, or another document that is no CloudTrail record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trigger {
    /// Its name, with the article.
    name: String,
    /// Its queue, topic or stream.
    origin: Option<String>,
    advice: &'static str,
}

impl Trigger {
    fn new(name: impl Into<String>, origin: Option<String>, advice: &'static str) -> Self {
        Self { name: name.into(), origin, advice }
    }

    /// Whether both are of one kind.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// The reason for the rejection of `count` records.
    pub(super) fn reason(&self, count: u64) -> String {
        let Self { name, origin, advice } = self;
        let origin = origin.as_deref().map(|origin| format!(" from {origin}")).unwrap_or_default();
        let more = if count > 1 { format!(" and {} more like it", count - 1) } else { String::new() };
        format!("not supported: {name}{origin}{more}; {advice}")
    }
}

const OBJECT: &str = "it names an object and contains no records; evaluate the object";
const MESSAGES: &str = "evaluate the content of its messages";
const UNRELATED: &str = "it contains no CloudTrail record";
const VIA_CLOUDTRAIL: &str =
    "only EventBridge events with a detail-type that ends in `via CloudTrail` contain a record";
const CONFIG: &str = "members are missing; evaluate it as AWS Config writes it";
const ORIGINAL: &str = "evaluate CloudTrail's own JSON, from which it was made";
const SUBSCRIBE: &str = "subscribe the function to CloudTrail's log group";

/// Forms of an object that is not an element of `Records`: the members that it has, name and advice.
const FORMS: &[(&[&str], &str, &str)] = &[
    (&["invocationSchemaVersion", "tasks"], "an S3 Batch Operations task", OBJECT),
    (&["getObjectContext"], "an S3 Object Lambda request", UNRELATED),
    (&["TopicArn", "Type"], "an SNS message without a text", MESSAGES),
    (&["ReceiptHandle", "Body"], "an SQS message", MESSAGES),
    (&["receiptHandle", "body"], "an SQS message", MESSAGES),
    (&["invokingEvent"], "an AWS Config rule invocation", CONFIG),
    (&["configurationItem"], "an AWS Config notification", CONFIG),
    (&["configurationItems"], "an AWS Config snapshot", CONFIG),
    (&["configurationItemSummary"], "an AWS Config notification", CONFIG),
    (&["configurationItemStatus"], "an AWS Config item", CONFIG),
    (&["configurationItemCaptureTime"], "an AWS Config item", CONFIG),
    (&["alarmArn", "alarmData"], "a CloudWatch alarm", UNRELATED),
    (&["AlarmName", "NewStateValue"], "a CloudWatch alarm", UNRELATED),
    (
        &["requestContext", "responseContext"],
        "the record of a failed or successful invocation without its payload",
        UNRELATED,
    ),
    (&["s3Bucket", "s3ObjectKey"], "CloudTrail's notification of a log file", OBJECT),
    (&["SequenceNumber", "PartitionKey"], "a record of a Kinesis stream", SUBSCRIBE),
    (&["messageId", "body"], "an SQS message", MESSAGES),
    (&["requestContext"], "a request through API Gateway, a load balancer or a function URL", SUBSCRIBE),
    (&["httpMethod", "path"], "a request through API Gateway or a load balancer", SUBSCRIBE),
    (&["CodePipeline.job"], "a CodePipeline job", UNRELATED),
    (&["ResponseURL", "StackId"], "a CloudFormation request for a custom resource", UNRELATED),
    (&["triggerSource", "userPoolId"], "a Cognito trigger", UNRELATED),
    (&["SecretId", "Step"], "a Secrets Manager rotation", UNRELATED),
    (&["bot", "sessionState"], "an Amazon Lex request", UNRELATED),
    (&["bot", "currentIntent"], "an Amazon Lex request", UNRELATED),
    (&["session", "context", "request"], "an Alexa request", UNRELATED),
    (&["messageVersion", "actionGroup"], "an Amazon Bedrock agent request", UNRELATED),
    (&["arguments", "identity", "info"], "an AppSync request", UNRELATED),
    (&["datasetName", "identityPoolId"], "a Cognito Sync trigger", UNRELATED),
    (&["deviceEvent", "deviceInfo"], "an AWS IoT button event", UNRELATED),
    (&["protoPayload"], "a Google Cloud audit log entry", UNRELATED),
    (&["apiVersion", "kind"], "a Kubernetes object", UNRELATED),
    (&["terraform_version", "serial"], "a Terraform state", UNRELATED),
    (&["ResultSet"], "the result of an Athena query", ORIGINAL),
    (&["methodArn"], "a request to an API Gateway authorizer", UNRELATED),
    (&["responsePayload"], "the result of a Lambda invocation", UNRELATED),
    (&["class_uid"], "an OCSF event", ORIGINAL),
    (&["SchemaVersion", "ProductArn"], "a Security Hub finding", UNRELATED),
    (&["format_version", "terraform_version"], "a Terraform plan", "evaluate it with `trailwarden plan`"),
    (&["AWSTemplateFormatVersion"], "a CloudFormation template", UNRELATED),
    (&["Statement"], "an IAM policy", "use `trailwarden trust` for trust policies"),
    (&["trailList"], "the output of `aws cloudtrail describe-trails`", UNRELATED),
    (&["logGroups"], "the output of `aws logs describe-log-groups`", UNRELATED),
    (&["logStreams"], "the output of `aws logs describe-log-streams`", UNRELATED),
];

/// The reason for the rejection of an object of a form of [`FORMS`].
pub(super) fn reason(object: &Members) -> String {
    of(object).map(|trigger| trigger.reason(1)).unwrap_or_default()
}

/// The form of an object that is no envelope of records.
pub(super) fn of(object: &Members) -> Option<Trigger> {
    let source = object.string_of_any_case("eventSource");
    if let Some(service) = source.as_deref().and_then(|source| source.strip_prefix("aws:")) {
        return Some(of_service(service, object));
    }
    if source.as_deref() == Some("SelfManagedKafka") {
        return Some(of_service("kafka", object));
    }
    if object.has("deliveryStreamArn") && object.has("records") {
        let stream = object.string("deliveryStreamArn");
        return Some(Trigger::new("a Firehose transformation event", stream, SUBSCRIBE));
    }
    if let Some(kind) = object.string("detail-type") {
        let name = format!("an EventBridge event of the kind `{}`", kind.chars().take(64).collect::<String>());
        return Some(Trigger::new(name, object.string("source"), VIA_CLOUDTRAIL));
    }
    if object.has("cf") && object.object("cf").is_some_and(|cf| cf.has("request")) {
        return Some(Trigger::new("a CloudFront request (Lambda@Edge)", None, UNRELATED));
    }
    let (_, name, advice) = FORMS.iter().find(|(keys, ..)| keys.iter().all(|key| object.has(key)))?;
    Some(Trigger::new(*name, None, advice))
}

/// The form of an element of `Records` that is a record of a trigger, whether its content is read or not.
pub(super) fn of_record(text: &str) -> Option<Trigger> {
    // Nearly all elements are CloudTrail's, and have neither.
    let may_be = [&b"\"aws:"[..], b"\"cf\""].iter().any(|sign| memmem::find(text.as_bytes(), sign).is_some());
    let object = document::members(text).ok().filter(|_| may_be)?;
    let source = object.string_of_any_case("eventSource");
    let is_of_trigger = match source {
        Some(source) => source.starts_with("aws:"),
        None => object.has("cf"),
    };
    of(&object).filter(|_| is_of_trigger)
}

/// The event of a service's trigger, by the name in `eventSource`. The types give the origin, where the event is whole.
fn of_service(service: &str, object: &Members) -> Trigger {
    match service {
        "s3" => Trigger::new("an S3 notification", None, OBJECT),
        "sqs" => {
            let origin = typed::<SqsMessage>(object).and_then(|message| message.event_source_arn);
            Trigger::new("a message of an SQS trigger", origin, MESSAGES)
        }
        "sns" => {
            let origin = typed::<SnsRecord>(object).map(|record| record.sns.topic_arn);
            Trigger::new("a message of an SNS trigger", origin, MESSAGES)
        }
        "kinesis" => {
            let origin = typed::<KinesisEventRecord>(object).and_then(|record| record.event_source_arn);
            Trigger::new("a record of a Kinesis trigger", origin, SUBSCRIBE)
        }
        "dynamodb" => Trigger::new("a record of a DynamoDB stream", object.string("eventSourceARN"), UNRELATED),
        "kafka" => Trigger::new("an event of a Kafka trigger", object.string("eventSourceArn"), UNRELATED),
        "mq" | "rmq" => Trigger::new("an event of an Amazon MQ trigger", object.string("eventSourceArn"), UNRELATED),
        "docdb" => Trigger::new("an event of a DocumentDB change stream", object.string("eventSourceArn"), UNRELATED),
        other => {
            let name = format!("an event of the Lambda trigger `aws:{}`", other.chars().take(64).collect::<String>());
            Trigger::new(name, None, UNRELATED)
        }
    }
}

/// The object as Lambda's own type.
fn typed<T: DeserializeOwned>(object: &Members) -> Option<T> {
    serde_json::from_str(&object.to_json()).ok()
}
