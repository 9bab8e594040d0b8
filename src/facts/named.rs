//! Resources that the parameters of a call name, at any depth and in any form.
//!
//! A parameter names a resource by ARN, by URL, or by a name whose kind follows from the parameter and the service. The fact
//! has one list for all of them, which a rule compares with the configuration.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Calls, Derivation, Fact, object, texts};
use crate::event::{Event, Value};

/// The resources that the parameters of a call name.
pub(super) const NAMED: Fact = Fact {
    name: "call.named",
    calls: Calls::All,
    doc: "The resources that the parameters of a call name, at any depth, and those in the record's `resources`: a list \
          without repeats, with `kind` (trail, event-data-store, channel, log-group, destination, function, topic, queue, \
          key, bucket, event-bus, event-rule, role, alarm, dashboard, schedule, schedule-group, state-machine, stream, \
          table or parameter), `id` (the name), `type` (the CloudFormation type), `arn`, and `as`, the texts to compare: \
          `kind:ARN` and, unless the resource belongs to another account, `kind:name`. Qualifiers, paths and subscription \
          ids are omitted. A call on an event source mapping also names the function in its response.",
    derivation: Derivation::FromRecord(named),
};

/// The maximum number of resources. The parameters in a record have at most 100 KB (CloudTrail user guide), and AWS accepts
/// fewer in any call.
const MAX_RESOURCES: usize = 1024;

/// A kind of resource and the form of its ARNs.
#[derive(Debug, PartialEq, Eq)]
struct NamedKind {
    name: &'static str,
    cloudformation: &'static str,
    /// The service in ARNs.
    service: &'static str,
    /// The text before the name in ARNs. `None` if the ARN cannot be built from the name alone.
    prefix: Option<&'static str>,
}

const fn kind(
    name: &'static str,
    cloudformation: &'static str,
    service: &'static str,
    prefix: Option<&'static str>,
) -> NamedKind {
    NamedKind { name, cloudformation, service, prefix }
}

/// Source: Service Authorization Reference.
const KINDS: &[NamedKind] = &[
    kind("trail", "AWS::CloudTrail::Trail", "cloudtrail", Some("trail/")),
    kind("event-data-store", "AWS::CloudTrail::EventDataStore", "cloudtrail", Some("eventdatastore/")),
    kind("channel", "AWS::CloudTrail::Channel", "cloudtrail", Some("channel/")),
    kind("log-group", "AWS::Logs::LogGroup", "logs", Some("log-group:")),
    kind("destination", "AWS::Logs::Destination", "logs", Some("destination:")),
    kind("function", "AWS::Lambda::Function", "lambda", Some("function:")),
    kind("topic", "AWS::SNS::Topic", "sns", Some("")),
    kind("queue", "AWS::SQS::Queue", "sqs", Some("")),
    kind("key", "AWS::KMS::Key", "kms", Some("key/")),
    kind("bucket", "AWS::S3::Bucket", "s3", Some("")),
    kind("event-bus", "AWS::Events::EventBus", "events", Some("event-bus/")),
    kind("event-rule", "AWS::Events::Rule", "events", Some("rule/")),
    kind("role", "AWS::IAM::Role", "iam", Some("role/")),
    kind("alarm", "AWS::CloudWatch::Alarm", "cloudwatch", Some("alarm:")),
    kind("dashboard", "AWS::CloudWatch::Dashboard", "cloudwatch", Some("dashboard/")),
    kind("schedule", "AWS::Scheduler::Schedule", "scheduler", None),
    kind("schedule-group", "AWS::Scheduler::ScheduleGroup", "scheduler", Some("schedule-group/")),
    kind("state-machine", "AWS::StepFunctions::StateMachine", "states", Some("stateMachine:")),
    kind("stream", "AWS::Kinesis::Stream", "kinesis", Some("stream/")),
    kind("table", "AWS::DynamoDB::Table", "dynamodb", Some("table/")),
    kind("parameter", "AWS::SSM::Parameter", "ssm", Some("parameter/")),
];

/// Parameters whose values are names: the service, or `None` for all services, the parameter in lower case, and the kind of
/// the resource.
const PARAMETERS: &[(Option<&str>, &str, &str)] = &[
    (None, "trailname", "trail"),
    (Some("cloudtrail"), "name", "trail"),
    (None, "loggroupname", "log-group"),
    (None, "loggroupnames", "log-group"),
    (None, "loggroupidentifier", "log-group"),
    (None, "loggroupidentifiers", "log-group"),
    (None, "loggroup", "log-group"),
    (None, "cloudwatchloggroupname", "log-group"),
    (Some("logs"), "resourceidentifier", "log-group"),
    (Some("logs"), "destinationname", "destination"),
    (None, "functionname", "function"),
    (None, "functionnames", "function"),
    (None, "lambdafunctionname", "function"),
    (None, "topicname", "topic"),
    (Some("sns"), "name", "topic"),
    (None, "queuename", "queue"),
    (None, "queueurl", "queue"),
    (Some("logs"), "destination", "bucket"),
    (None, "keyid", "key"),
    (None, "kmskeyid", "key"),
    (None, "kmskey", "key"),
    (None, "kmskeyarn", "key"),
    (None, "kmskeyidentifier", "key"),
    (None, "kmsmasterkeyid", "key"),
    (None, "targetkeyid", "key"),
    (None, "destinationkeyid", "key"),
    (None, "aliasname", "key"),
    (None, "bucket", "bucket"),
    (None, "bucketname", "bucket"),
    (None, "s3bucket", "bucket"),
    (None, "s3bucketname", "bucket"),
    (None, "targetbucket", "bucket"),
    (None, "destinationbucket", "bucket"),
    (None, "destinations3bucket", "bucket"),
    (Some("events"), "eventbusname", "event-bus"),
    (None, "rulename", "event-rule"),
    (Some("events"), "rule", "event-rule"),
    (Some("events"), "name", "event-rule"),
    (None, "rolename", "role"),
    (None, "iamrolename", "role"),
    (None, "alarmname", "alarm"),
    (None, "alarmnames", "alarm"),
    (None, "dashboardname", "dashboard"),
    (None, "dashboardnames", "dashboard"),
    (Some("scheduler"), "name", "schedule"),
    (Some("scheduler"), "groupname", "schedule-group"),
    (None, "statemachinename", "state-machine"),
    (Some("states"), "name", "state-machine"),
    (Some("kinesis"), "streamname", "stream"),
    (None, "tablename", "table"),
    (None, "sourcetablename", "table"),
    (None, "targettablename", "table"),
    (Some("ssm"), "name", "parameter"),
    (Some("ssm"), "names", "parameter"),
    (Some("ssm"), "resourceid", "parameter"),
];

/// A resource that a call names.
#[derive(Debug)]
pub(super) struct Reference<'e> {
    kind: &'static NamedKind,
    name: &'e str,
    /// The ARN without qualifier, path in a bucket, or subscription id.
    arn: Option<Cow<'e, str>>,
    /// Whether it belongs to another account than the record.
    is_foreign: bool,
}

impl<'e> Reference<'e> {
    /// The resource that the value of a parameter names. `kind` is its kind if the value is only a name.
    pub(super) fn of(event: &Event<'_>, text: &'e str, kind: Option<&str>) -> Option<Self> {
        if let Some(reference) = Self::of_arn(event, text).or_else(|| Self::of_url(event, text)) {
            return Some(reference);
        }
        let kind = KINDS.iter().find(|known| Some(known.name) == kind)?;
        let is_arn_or_url = text.starts_with("arn:") || text.contains("://");
        Self::of_name(event, text, kind).filter(|_| !is_arn_or_url && !text.is_empty())
    }

    fn of_arn(event: &Event<'_>, text: &'e str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:aws")?.splitn(5, ':').skip(1);
        let (service, _, account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (kind, name) = in_arn(service, resource)?;
        let kind = KINDS.iter().find(|known| known.name == kind)?;
        // The name is a slice of the text, so the ARN up to the end of the name is a prefix of the text.
        let end = (name.as_ptr() as usize + name.len()).checked_sub(text.as_ptr() as usize)?;
        let arn = match service {
            "sts" => arn_of(event, kind, account, name).map(Cow::Owned),
            _ => text.get(..end).map(Cow::Borrowed),
        };
        // Ids of keys are globally unique. The trail of an organization belongs to another account than some of its records.
        let is_unique = kind.name == "trail" || (kind.name == "key" && !name.starts_with("alias/"));
        let is_foreign = !is_unique && !account.is_empty() && event.account().is_some_and(|own| own != account);
        (!name.is_empty()).then_some(Self { kind, name, arn, is_foreign })
    }

    /// `https://sqs.eu-west-1.amazonaws.com/111122223333/queue`, `s3://bucket/key`
    fn of_url(event: &Event<'_>, text: &'e str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let find = |kind| KINDS.iter().find(|known| known.name == kind);
        if scheme.eq_ignore_ascii_case("s3") {
            return Self::of_name(event, host, find("bucket")?);
        }
        let is_of_aws =
            [".amazonaws.com", ".api.aws", ".amazonwebservices.com.cn"].iter().any(|end| host.contains(end));
        let is_queue = is_of_aws && host.split('.').any(|part| matches!(part, "sqs" | "sqs-fips" | "queue"));
        let (account, name) = path.split_once('/').filter(|_| is_queue)?;
        let kind = find("queue")?;
        let name = name.trim_end_matches('/');
        let arn = arn_of(event, kind, account, name).map(Cow::Owned);
        let is_foreign = event.account().is_some_and(|own| own != account);
        Some(Self { kind, name, arn, is_foreign })
    }

    fn of_name(event: &Event<'_>, text: &'e str, kind: &'static NamedKind) -> Option<Self> {
        let account = event.account().unwrap_or_default();
        let (name, owner) = match kind.name {
            // `111122223333:function:name:qualifier`
            "function" => match text.split_once(":function:") {
                Some((owner, name)) => (name.split(':').next()?, owner),
                None => (text.split(':').next()?, account),
            },
            "log-group" => (text.split(':').next()?, account),
            "key" => (text.strip_prefix("key/").unwrap_or(text), account),
            _ => (text, account),
        };
        let arn = arn_of(event, kind, owner, name).map(Cow::Owned);
        (!name.is_empty()).then_some(Self { kind, name, arn, is_foreign: owner != account })
    }

    /// The texts to compare: its ARN and, unless it belongs to another account, its name.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let name = (!self.is_foreign).then_some(self.name);
        name.into_iter().chain(self.arn.as_deref())
    }

    fn compared_as(&self) -> Vec<String> {
        self.texts().map(|text| [self.kind.name, ":", text].concat()).collect()
    }

    fn value(self) -> Value<'e> {
        let compared_as = self.compared_as();
        let arn = self.arn.map(|arn| ("arn", Value::Str(arn)));
        object(
            [
                ("kind", Value::from(self.kind.name)),
                ("id", Value::from(self.name)),
                ("type", Value::from(self.kind.cloudformation)),
                ("as", texts(compared_as)),
            ]
            .into_iter()
            .chain(arn),
        )
    }
}

/// The ARN of the resource with this name in an account and in the Region of the call.
fn arn_of(event: &Event<'_>, kind: &NamedKind, account: &str, name: &str) -> Option<String> {
    let prefix = kind.prefix?;
    let (region, account) = match kind.name {
        "bucket" => ("", ""),
        "role" => ("", account),
        _ => (event.region()?, account),
    };
    let prefix = if name.starts_with("alias/") { "" } else { prefix };
    if account.is_empty() && kind.name != "bucket" {
        return None;
    }
    Some(["arn:", event.partition(), ":", kind.service, ":", region, ":", account, ":", prefix, name].concat())
}

/// The kind and name of the resource in an ARN of a service.
fn in_arn<'t>(service: &str, resource: &'t str) -> Option<(&'static str, &'t str)> {
    let until = |text: &'t str, end: char| text.split(end).next().unwrap_or(text);
    let after = |text: &'t str, start: char| text.rsplit(start).next().unwrap_or(text);
    let (head, rest) = match resource.find([':', '/']) {
        Some(at) => (resource.get(..at)?, resource.get(at + 1..)?),
        None => (resource, ""),
    };
    Some(match (service, head) {
        ("cloudtrail", "trail") => ("trail", rest),
        ("cloudtrail", "eventdatastore") => ("event-data-store", rest),
        ("cloudtrail", "channel") => ("channel", rest),
        ("logs", "log-group") => ("log-group", until(rest, ':')),
        ("logs", "destination") => ("destination", until(rest, ':')),
        ("lambda", "function") => ("function", until(rest, ':')),
        ("sns", topic) => ("topic", topic),
        ("sqs", queue) => ("queue", queue),
        ("kms", "key") => ("key", rest),
        ("kms", "alias") => ("key", resource),
        ("s3", _) => ("bucket", until(resource, '/')),
        ("events", "event-bus") => ("event-bus", rest),
        ("events", "rule") => ("event-rule", after(rest, '/')),
        ("iam", "role") => ("role", after(rest, '/')),
        ("sts", "assumed-role") => ("role", until(rest, '/')),
        ("cloudwatch", "alarm") => ("alarm", rest),
        ("cloudwatch", "dashboard") => ("dashboard", rest),
        ("scheduler", "schedule") => ("schedule", after(rest, '/')),
        ("scheduler", "schedule-group") => ("schedule-group", rest),
        ("states", "stateMachine" | "execution" | "express") => ("state-machine", until(rest, ':')),
        ("kinesis", "stream") => ("stream", until(rest, '/')),
        ("dynamodb", "table") => ("table", until(rest, '/')),
        ("ssm", "parameter") => ("parameter", rest),
        _ => return None,
    })
}

/// Collects references without repeats.
struct Collected<'e> {
    source: &'e str,
    references: Vec<Reference<'e>>,
    seen: HashSet<(&'static str, String)>,
}

fn named<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let source = event.source()?;
    let source = source.split_once('.').map_or(source, |(host, _)| host);
    let mut collected = Collected { source, references: Vec::new(), seen: HashSet::new() };
    let resources = event.top("resources").and_then(Value::as_array).into_iter().flatten();
    if let Some(request) = event.request() {
        collected.add(event, request, None);
    }
    for member in resources.filter_map(Value::as_object) {
        collected.add(event, member.get("ARN").unwrap_or(&Value::Null), None);
    }
    // The parameters of these calls name the mapping by its id alone.
    if event.name().is_some_and(|name| name.contains("EventSourceMapping"))
        && let Some(function) = event.response().and_then(|response| response.as_object()?.get("functionArn"))
    {
        collected.add(event, function, Some("functionName"));
    }
    let references: Vec<Value<'e>> = collected.references.into_iter().map(Reference::value).collect();
    (!references.is_empty()).then_some(Value::Array(references))
}

impl<'e> Collected<'e> {
    /// Adds the references in `value`, the value of the parameter `key`.
    fn add(&mut self, event: &Event<'_>, value: &'e Value<'_>, key: Option<&str>) {
        if self.references.len() >= MAX_RESOURCES {
            return;
        }
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.add(event, element, key)),
            Value::Object(members) => members.iter().for_each(|(key, member)| self.add(event, member, Some(key))),
            Value::Str(text) => self.text(event, text, key),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, event: &Event<'_>, text: &'e str, key: Option<&str>) {
        let of_service = |source: Option<&str>| source.is_none_or(|source| source == self.source);
        let is_key = |known: &str| key.is_some_and(|key| key.eq_ignore_ascii_case(known));
        let kind = PARAMETERS.iter().find(|(source, known, _)| of_service(*source) && is_key(known));
        let Some(reference) = Reference::of(event, text, kind.map(|(.., kind)| *kind)) else { return };
        let id = reference.arn.as_deref().unwrap_or(reference.name).to_owned();
        if self.seen.insert((reference.kind.name, id)) {
            self.references.push(reference);
        }
    }
}

/// The texts to compare for the resource in a parameter of the request.
pub(super) fn texts_at<'e>(event: &'e Event<'_>, parameter: &str, kind: &str) -> Option<Value<'e>> {
    let request = event.request()?.as_object()?;
    let text = request.get(parameter).and_then(Value::as_str).filter(|text| !text.is_empty())?;
    let reference = Reference::of(event, text, Some(kind))?;
    Some(texts(reference.texts().map(str::to_owned)))
}

/// The texts to compare for the value of a parameter, each as `kind:text`.
pub(super) fn compared_as(event: &Event<'_>, text: &str, kind: &str) -> Vec<String> {
    Reference::of(event, text, Some(kind)).map(|reference| reference.compared_as()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    /// The texts that a call of this service with these parameters is compared by, without those of ARNs.
    fn names(service: &str, request: &serde_json::Value, arns: bool) -> String {
        let record =
            json!({"eventSource": format!("{service}.amazonaws.com"), "eventName": "Any", "awsRegion": "eu-west-1",
                            "recipientAccountId": "111122223333", "requestParameters": request})
            .to_string();
        let event = Event::parse(&record).unwrap();
        let found = named(&event).map(|value| serde_json::Value::from(&value)).unwrap_or_default();
        let texts = found.as_array().into_iter().flatten().flat_map(|one| one["as"].as_array().unwrap().clone());
        let texts = texts.map(|text| text.as_str().unwrap().to_owned());
        texts.filter(|text| text.contains(":arn:") == arns).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn resources_are_recognized_in_every_form() {
        for (service, request, expected) in [
            ("lambda", json!({"functionName": "tw:$LATEST"}), "function:tw"),
            ("lambda", json!({"functionName": "111122223333:function:tw:live"}), "function:tw"),
            ("lambda", json!({"functionName": "444455556666:function:tw"}), ""),
            ("lambda", json!({"resourceArn": "arn:aws:lambda:eu-west-1:111122223333:function:tw:live"}), "function:tw"),
            ("lambda", json!({"resourceArn": "arn:aws-cn:lambda:cn-north-1:111122223333:function:tw"}), "function:tw"),
            ("monitoring", json!({"muteTargets": {"alarmNames": ["a", "b"]}, "name": "x"}), "alarm:a alarm:b"),
            ("monitoring", json!({"alarmName": "a"}), "alarm:a"),
            ("sqs", json!({"queueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/q"}), "queue:q"),
            ("sqs", json!({"QueueUrl": "https://eu-west-1.queue.amazonaws.com/111122223333/q/"}), "queue:q"),
            ("sqs", json!({"queueUrl": "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q"}), "queue:q"),
            ("sqs", json!({"queueUrl": "https://sqs.eu-west-1.amazonaws.com/444455556666/q"}), ""),
            ("sqs", json!({"queueUrl": "https://sqs-fips.us-east-1.amazonaws.com/111122223333/q"}), "queue:q"),
            ("sqs", json!({"queueUrl": "https://sqs.eu-west-1.api.aws/111122223333/q"}), "queue:q"),
            (
                "sqs",
                json!({"queueUrl": "https://sqs.cn-north-1.api.amazonwebservices.com.cn/111122223333/q"}),
                "queue:q",
            ),
            ("sqs", json!({"queueUrl": "q"}), "queue:q"),
            ("sqs", json!({"queueUrl": "https://example.com/111122223333/q"}), ""),
            ("logs", json!({"logGroupName": "g", "destination": "b"}), "bucket:b log-group:g"),
            ("sns", json!({"subscriptionArn": "arn:aws:sns:eu-west-1:111122223333:t:5d4c3b2a"}), "topic:t"),
            ("kms", json!({"keyId": "arn:aws:kms:eu-west-1:444455556666:key/1a2b"}), "key:1a2b"),
            ("kms", json!({"keyId": "arn:aws:kms:eu-west-1:444455556666:alias/t"}), ""),
            ("kms", json!({"aliasName": "alias/t", "targetKeyId": "1a2b"}), "key:alias/t key:1a2b"),
            (
                "logs",
                json!({"logGroupIdentifier": "arn:aws:logs:eu-west-1:111122223333:log-group:/a/b:*"}),
                "log-group:/a/b",
            ),
            ("logs", json!({"logGroupIdentifier": "arn:aws:logs:eu-west-1:444455556666:log-group:/a/b"}), ""),
            (
                "events",
                json!({"rule": "r", "targets": [{"arn": "arn:aws:lambda:r:111122223333:function:f"}]}),
                "event-rule:r function:f",
            ),
            ("events", json!({"name": "arn:aws:events:eu-west-1:111122223333:rule/bus/r"}), "event-rule:r"),
            ("scheduler", json!({"name": "s", "groupName": "g"}), "schedule-group:g schedule:s"),
            (
                "states",
                json!({"executionArn": "arn:aws:states:eu-west-1:111122223333:execution:m:e1"}),
                "state-machine:m",
            ),
            ("dynamodb", json!({"tableName": "arn:aws:dynamodb:eu-west-1:111122223333:table/t/index/i"}), "table:t"),
            ("dynamodb", json!({"requestItems": {"x": [{"tableName": "t"}]}}), "table:t"),
            ("ssm", json!({"name": "p"}), "parameter:p"),
            ("ssm", json!({"name": "arn:aws:ssm:eu-west-1:111122223333:parameter/p"}), "parameter:p"),
            ("iam", json!({"roleName": "r"}), "role:r"),
            ("glue", json!({"role": "arn:aws:iam::111122223333:role/path/r"}), "role:r"),
            ("athena", json!({"outputLocation": "s3://b/key"}), "bucket:b"),
            ("s3", json!({"bucketName": "b", "Host": "b.s3.amazonaws.com"}), "bucket:b"),
            ("s3", json!({"x-amz-copy-source": "arn:aws:s3:::b/key"}), "bucket:b"),
            // Names of other things, and texts that only mention one.
            ("ecs", json!({"serviceName": "tw", "name": "tw", "rule": "tw"}), ""),
            ("ec2", json!({"tagSet": {"items": [{"key": "project", "value": "tw"}]}}), ""),
            ("iam", json!({"policyDocument": "{\"Resource\":\"arn:aws:sns:eu-west-1:111122223333:t\"}"}), ""),
        ] {
            assert_eq!(names(service, &request, false), expected, "{service} {request}");
        }
    }

    #[test]
    fn arns_are_compared_too() {
        for (service, request, expected) in [
            (
                "lambda",
                json!({"functionName": "tw:live"}),
                "function:arn:aws:lambda:eu-west-1:111122223333:function:tw",
            ),
            (
                "logs",
                json!({"logGroupIdentifier": "arn:aws:logs:r:444455556666:log-group:/a/b:*"}),
                "log-group:arn:aws:logs:r:444455556666:log-group:/a/b",
            ),
            (
                "sqs",
                json!({"queueUrl": "https://sqs.eu-west-1.amazonaws.com/444455556666/q"}),
                "queue:arn:aws:sqs:eu-west-1:444455556666:q",
            ),
            ("iam", json!({"roleName": "r"}), "role:arn:aws:iam::111122223333:role/r"),
            ("glue", json!({"role": "arn:aws:iam::1:role/path/r"}), "role:arn:aws:iam::1:role/path/r"),
            ("kms", json!({"aliasName": "alias/t"}), "key:arn:aws:kms:eu-west-1:111122223333:alias/t"),
        ] {
            assert_eq!(names(service, &request, true), expected, "{service} {request}");
        }
    }

    #[test]
    fn the_work_for_a_record_of_the_longest_parameters_is_bounded() {
        let arns: Vec<String> =
            (0..8000).map(|number| format!("arn:aws:sqs:eu-west-1:111122223333:queue-{number}")).collect();
        let begin = Instant::now();
        let found = names("sqs", &json!({"arns": arns}), false);
        assert_eq!(found.split(' ').count(), MAX_RESOURCES);
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
}
