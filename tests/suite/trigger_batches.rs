//! Items are located in the message of the Lambda trigger that contains them, and responses report failed messages.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use trailwarden::sources::{Content, Invocation, Item, MessageFailure, Reader, TriggerBatch};

const CALL: &str = r#"{"eventVersion":"1.11","eventSource":"ec2.amazonaws.com","eventName":"DescribeVpcs"}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn sqs(id: usize, body: &str) -> Value {
    json!({"messageId": format!("message-{id}"), "body": body, "eventSource": "aws:sqs"})
}

fn kinesis(sequence_number: &str, data: &[u8]) -> Value {
    json!({"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": sequence_number, "data": STANDARD.encode(data)}})
}

fn sns(message: &str) -> Value {
    json!({"EventSource": "aws:sns", "Sns": {"TopicArn": "arn", "Message": message}})
}

fn event(messages: &[Value]) -> String {
    json!({ "Records": messages }).to_string()
}

fn subscription(messages: &[&str]) -> Vec<u8> {
    let events: Vec<Value> = messages.iter().map(|message| json!({"id": "7", "message": message})).collect();
    let batch =
        json!({"messageType": "DATA_MESSAGE", "logStream": "111122223333_CloudTrail_eu-west-1", "logEvents": events});
    gzip(batch.to_string().as_bytes())
}

fn awslogs(data: &[u8]) -> String {
    json!({"awslogs": {"data": STANDARD.encode(data)}}).to_string()
}

/// Each record and rejection with its message, from 1, and whether it is the whole content of the message.
fn places(payload: &str) -> Vec<(&'static str, Option<u64>, bool)> {
    let place = |Item { place, content }| {
        let what = match content {
            Content::Record(_) => "record",
            Content::Rejected(_) => "rejected",
            _ => "other",
        };
        (what, place.message, place.is_whole())
    };
    let of_payload: Vec<_> = Reader::payload("payload", payload).map(place).collect();
    let of_stream: Vec<_> = Reader::stream("payload", payload.as_bytes()).map(place).collect();
    assert_eq!(of_payload, of_stream, "{payload}");
    of_payload
}

#[test]
fn content_that_cannot_be_decoded_is_the_whole_content_of_its_message() {
    let whole = subscription(&[CALL]);
    let s3 = json!({"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]})
        .to_string();
    let firehose = json!({"deliveryStreamArn": "arn", "records": {}}).to_string();
    let sns_text = |message: &str| json!({"TopicArn": "arn", "Message": message}).to_string();
    for body in [
        "no JSON",
        "",
        "7",
        "{\"eventName\":",
        "{\"key1\":\"value1\"",
        &s3,
        &sns_text(&s3),
        &firehose,
        &sns_text("text"),
        &awslogs(b"no gzip"),
        &awslogs(&whole[..whole.len() / 2]),
        &event(&[sqs(9, "no JSON")]),
    ] {
        let expected = [("record", Some(1), true), ("rejected", Some(2), true), ("record", Some(3), true)];
        assert_eq!(places(&event(&[sqs(1, CALL), sqs(2, body), sqs(3, CALL)])), expected, "{body}");
        assert_eq!(places(&event(&[sns(CALL), sns(body), sns(CALL)])), expected, "{body}");
        let records = [kinesis("1", CALL.as_bytes()), kinesis("2", body.as_bytes()), kinesis("3", CALL.as_bytes())];
        assert_eq!(places(&event(&records)), expected, "{body}");
    }
    for data in [&b"\xff"[..], b"\x1f\x8b", &whole[..whole.len() / 2]] {
        let expected = [("rejected", Some(1), true), ("record", Some(2), false)];
        assert_eq!(places(&event(&[kinesis("1", data), kinesis("2", &whole)])), expected);
    }
    let not_base64 = json!({"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": "1", "data": "*"}});
    assert_eq!(places(&event(&[not_base64])), [("rejected", Some(1), true)]);
}

#[test]
fn one_bad_record_is_not_the_whole_content_of_its_message() {
    let expected = [("record", Some(1), true), ("record", Some(2), false), ("rejected", Some(2), false)];
    let data = subscription(&[CALL, ""]);
    let array = format!("[{CALL},7]");
    assert_eq!(places(&event(&[sqs(1, CALL), sqs(2, &awslogs(&data))])), expected);
    assert_eq!(places(&event(&[sqs(1, CALL), sqs(2, &array)])), expected);
    assert_eq!(places(&event(&[sns(CALL), sns(&awslogs(&data))])), expected);
    assert_eq!(places(&event(&[kinesis("1", CALL.as_bytes()), kinesis("2", &data)])), expected);
}

#[test]
fn payloads_without_messages_have_none_in_their_places() {
    assert_eq!(places(&event(&[serde_json::from_str(CALL).unwrap()])), [("record", None, false)]);
    assert_eq!(places(&awslogs(b"no gzip")), [("rejected", None, true)]);
    // Whatever a log event contains, it is one record of its payload.
    let forged = event(&[sqs(1, "no JSON")]);
    assert_eq!(places(&awslogs(&subscription(&[CALL, &forged])))[1], ("rejected", None, false));
}

#[test]
fn a_rejection_names_the_message_and_the_record_in_it() {
    let data = subscription(&[CALL, ""]);
    let items = Reader::payload("payload", &event(&[kinesis("1", b"text"), kinesis("2", &data)]));
    let rejected = items.filter(|item| matches!(item.content, Content::Rejected(_)));
    let places: Vec<String> = rejected.map(|item| item.place.to_string()).collect();
    assert_eq!(places, ["payload: message 1", "payload: message 2: record 2: log event 7"]);
}

/// The response if these messages have failed: those at odd positions for the moment, the others for good.
fn response(payload: &str, failed: &[u64]) -> Option<Value> {
    let failed = failed.iter().map(|position| (*position, failure(position % 2 == 1))).collect();
    TriggerBatch::of(payload).map(|batch| serde_json::to_value(batch.response(&failed, "summary")).unwrap())
}

fn failure(is_transient: bool) -> MessageFailure {
    MessageFailure { error_type: "PayloadRejected", reason: "the reason\u{1b}".to_owned(), is_transient }
}

#[test]
fn each_failed_message_of_a_queue_is_reported() {
    let payload = event(&[sqs(1, CALL), sqs(2, "no JSON"), sqs(3, CALL)]);
    let failures = |ids: &[&str]| {
        let failures: Vec<Value> = ids.iter().map(|id| json!({ "itemIdentifier": id })).collect();
        Some(json!({ "batchItemFailures": failures }))
    };
    assert_eq!(response(&payload, &[]), failures(&[]));
    assert_eq!(response(&payload, &[2]), failures(&["message-2"]));
    assert_eq!(response(&payload, &[3, 1]), failures(&["message-1", "message-3"]));
    let positions: Vec<u64> = TriggerBatch::of(&payload).unwrap().positions().collect();
    assert_eq!(positions, [1, 2, 3]);
}

#[test]
fn the_lowest_failed_sequence_number_of_a_stream_is_reported() {
    let payload = event(&[kinesis("998", b""), kinesis("999", b""), kinesis("1000", b""), kinesis("1001", b"")]);
    let failure = |id: &str| Some(json!({"batchItemFailures": [{ "itemIdentifier": id }]}));
    assert_eq!(response(&payload, &[]), Some(json!({"batchItemFailures": []})));
    assert_eq!(response(&payload, &[2, 3, 4]), failure("999"));
    assert_eq!(response(&payload, &[4, 3]), failure("1000"));
    // A producer chooses the partition key.
    let mut record = kinesis("7", b"");
    record["kinesis"]["partitionKey"] = "aws:sqs".into();
    assert_eq!(response(&event(&[record]), &[1]), failure("7"));
    // The order in which records arrive does not matter.
    let turned = event(&[kinesis("1000", b""), kinesis("999", b"")]);
    assert_eq!(response(&turned, &[1, 2]), failure("999"));
}

#[test]
fn firehose_gets_every_record_back() {
    let record = |id: &str, data: &str| json!({"recordId": id, "data": STANDARD.encode(data)});
    let records = [record("a", CALL), record("b", "no JSON"), record("c", CALL)];
    let payload = json!({"invocationId": "i", "deliveryStreamArn": "arn", "records": records}).to_string();
    let expected = [("record", Some(1), true), ("rejected", Some(2), true), ("record", Some(3), true)];
    assert_eq!(places(&payload), expected);
    let result =
        |id: &str, result: &str, data: &str| json!({"recordId": id, "result": result, "data": STANDARD.encode(data)});
    let expected = [result("a", "Ok", CALL), result("b", "ProcessingFailed", "no JSON"), result("c", "Ok", CALL)];
    assert_eq!(response(&payload, &[2]), Some(json!({ "records": expected })));
    let batch = TriggerBatch::of(&payload).unwrap();
    assert!(!batch.retries_messages() && !batch.retries_permanent_failures() && !batch.retries_later_messages());
}

#[test]
fn a_broken_line_in_the_data_of_a_stream_costs_nothing_but_itself() {
    for broken in ["no JSON", "{\"eventName\":", "{\"a\":NaN}", "]"] {
        let data = format!("{CALL}\n{broken}\n{CALL}\n");
        let found = places(&event(&[kinesis("1", data.as_bytes()), kinesis("2", CALL.as_bytes())]));
        let records = found.iter().filter(|(what, ..)| *what == "record").count();
        assert_eq!(records, if broken.ends_with(':') { 2 } else { 3 }, "{broken}: {found:?}");
        assert!(found.contains(&("rejected", Some(1), true)), "{broken}: {found:?}");
    }
}

#[test]
fn each_task_of_batch_operations_has_a_result() {
    let task = |id: &str| json!({"taskId": id, "s3Key": "key", "s3BucketArn": "arn:aws:s3:::bucket"});
    let payload = json!({"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"},
                         "tasks": [task("a"), task("b"), task("c")]});
    let result = |id: &str, code: &str, text: &str| json!({"taskId": id, "resultCode": code, "resultString": text});
    let expected = json!({
        "invocationSchemaVersion": "1.0",
        "treatMissingKeysAs": "PermanentFailure",
        "invocationId": "i",
        "results": [
            result("a", "TemporaryFailure", r"the reason\u{1b}"),
            result("b", "PermanentFailure", r"the reason\u{1b}"),
            result("c", "Succeeded", "summary"),
        ],
    });
    assert_eq!(response(&payload.to_string(), &[1, 2]), Some(expected));
}

#[test]
fn a_kept_message_is_a_failed_invocation_that_is_read_again() {
    let payload = event(&[sqs(1, CALL), sqs(2, "no JSON"), sqs(3, CALL)]);
    let batch = TriggerBatch::of(&payload).unwrap();
    let time = "2026-03-04T10:00:00Z".parse().unwrap();
    let invocation = Invocation { request_id: "r", function_arn: "f", time };
    let kept: Value = serde_json::from_str(&batch.failed_invocation(3, &failure(false), &invocation).unwrap()).unwrap();
    assert_eq!(kept["requestPayload"], json!({"Records": [sqs(3, CALL)]}));
    assert_eq!(kept["responsePayload"], json!({"errorType": "PayloadRejected", "errorMessage": "the reason\u{1b}"}));
    assert_eq!(kept["requestContext"]["requestId"], "r");
    assert_eq!(places(&kept.to_string()), [("record", Some(1), true)]);
    let messages = json!({"Messages": [{"Body": kept.to_string()}]}).to_string();
    assert_eq!(places(&messages), [("record", Some(1), true)]);
    assert!(batch.failed_invocation(4, &failure(false), &invocation).is_none());
}

#[test]
fn other_payloads_have_no_response_of_failed_messages() {
    let nameless = json!({"body": CALL, "eventSource": "aws:sqs"});
    let empty = json!({"messageId": "", "body": CALL, "eventSource": "aws:sqs"});
    let mut call: Value = serde_json::from_str(CALL).unwrap();
    call["requestParameters"] = json!({"note": "aws:sqs", "messageId": "1"});
    for payload in [
        awslogs(&subscription(&[CALL])),
        event(&[sns(CALL)]),
        event(&[call.clone()]),
        event(&[sqs(1, CALL), call.clone()]),
        event(&[sqs(1, CALL), nameless]),
        event(&[sqs(1, CALL), empty]),
        event(&[sqs(1, CALL), kinesis("1", b"")]),
        call.to_string(),
        "\"aws:sqs\"".to_owned(),
        "{\"Records\": [\"aws:sqs\"]}".to_owned(),
    ] {
        assert_eq!(response(&payload, &[1]), None, "{payload}");
    }
}
