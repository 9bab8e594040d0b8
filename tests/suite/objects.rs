//! Objects that a delivery names are fetched, and one that cannot be read costs nothing but itself.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use trailwarden::pipeline::Cause;
use trailwarden::sources::{Fetch, FetchError, ObjectName};

use crate::support::{Bucket, fixture, json as parsed, payload, payload_with_objects};

const BUCKET: &str = "example-trail";

/// A record with a finding, by number.
fn record(number: u64) -> Value {
    let mut record = parsed(&fixture("envelopes/bare-record.json"));
    record["eventID"] = format!("00000000-0000-4000-8000-{number:012}").into();
    record
}

fn log_file(numbers: &[u64]) -> Vec<u8> {
    let records: Vec<Value> = numbers.iter().map(|number| record(*number)).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json!({ "Records": records }).to_string().as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The record of a notification for a key, encoded.
fn announced(event: &str, key: &str) -> Value {
    json!({"eventSource": "aws:s3", "eventName": event, "awsRegion": "eu-west-1",
           "s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}})
}

fn notification(keys: &[&str]) -> String {
    let records: Vec<Value> = keys.iter().map(|key| announced("ObjectCreated:Put", key)).collect();
    json!({ "Records": records }).to_string()
}

fn objects(objects: &[(&str, Result<Vec<u8>, FetchError>)]) -> Bucket {
    let named = objects.iter().map(|(key, content)| (format!("s3://{BUCKET}/{key}"), content.clone()));
    Bucket(named.collect())
}

fn failed(is_transient: bool) -> Result<Vec<u8>, FetchError> {
    Err(FetchError { reason: "the reason".to_owned(), is_transient })
}

#[test]
fn an_object_that_cannot_be_read_costs_nothing_but_itself() {
    let bucket = objects(&[
        ("a", Ok(log_file(&[1, 2]))),
        ("b", failed(true)),
        ("c", failed(false)),
        ("d", Ok(b"no JSON".to_vec())),
        ("e", Ok(log_file(&[3])[..30].to_vec())),
        ("f", Ok(json!({"Records": [record(4), 7, record(5)]}).to_string().into_bytes())),
    ]);
    let result = payload_with_objects(&notification(&["a", "b", "c", "d", "e", "f"]), &bucket);
    assert_eq!((result.findings.len(), result.tally.rejected), (4, 5));
    let causes: Vec<(Option<u64>, Cause)> =
        result.rejections.iter().map(|rejection| (rejection.place.message, rejection.cause)).collect();
    let expected = [
        (Some(2), Cause::ObjectRetryable),
        (Some(3), Cause::ObjectUnavailable),
        (Some(4), Cause::Content),
        (Some(5), Cause::Content),
        (Some(6), Cause::Content),
    ];
    assert_eq!(causes, expected);
    // One bad record is not the whole object.
    let whole: Vec<bool> = result.rejections.iter().map(|rejection| rejection.place.is_whole()).collect();
    assert_eq!(whole, [true, true, true, true, false]);
    insta::assert_snapshot!(result.reasons().join("\n"), @"
    input: message 2: the object s3://example-trail/b cannot be read: the reason
    input: message 3: the object s3://example-trail/c cannot be read: the reason
    input: message 4: s3://example-trail/d:1: not JSON: expected ident at column 2
    input: message 5: s3://example-trail/e:1: cannot be read on: the compressed data ends early, copy the file again (incomplete deflate stream)
    input: message 6: s3://example-trail/f:1: record 2: a record must be a JSON object, this is a number
    ");
}

/// An object whose connection breaks.
struct Broken(&'static [u8]);

impl Fetch for Broken {
    fn fetch(&self, _: &ObjectName) -> Result<Box<dyn Read>, FetchError> {
        struct Reset;
        impl Read for Reset {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset"))
            }
        }
        Ok(Box::new(self.0.chain(Reset)))
    }
}

#[test]
fn an_object_that_breaks_off_may_be_read_later() {
    let whole: &'static [u8] = json!({"Records": [record(1), record(2)]}).to_string().leak().as_bytes();
    let gzip: &'static [u8] = log_file(&[1]).leak();
    for (bytes, findings) in [(&whole[..whole.len() - 40], 1), (&gzip[..20], 0), (&whole[..1], 0), (&whole[..0], 0)] {
        let result = payload_with_objects(&notification(&["a"]), &Broken(bytes));
        assert_eq!(result.findings.len(), findings);
        let causes: Vec<Cause> = result.rejections.iter().map(|rejection| rejection.cause).collect();
        assert_eq!(causes, [Cause::ObjectRetryable], "{:?}", result.reasons());
        assert!(result.reasons()[0].contains("connection reset"), "{:?}", result.reasons());
    }
}

#[test]
fn objects_without_records_are_not_fetched() {
    let bucket = Bucket(BTreeMap::new());
    for key in [
        "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/04/digest.json.gz",
        "o/AWSLogs/o-abc/111122223333/CloudTrail-Insight-Digest/eu-west-1/2026/03/04/digest.json.gz",
        "AWSLogs/111122223333/",
    ] {
        let tally = payload_with_objects(&notification(&[key]), &bucket).tally;
        assert_eq!((tally.control, tally.received), (1, 0), "{key}");
    }
    for event in ["ObjectRemoved:Delete", "s3:ObjectTagging:Put", "LifecycleExpiration:Delete"] {
        let payload = json!({"Records": [announced(event, "a")]}).to_string();
        assert_eq!(payload_with_objects(&payload, &bucket).tally.control, 1, "{event}");
    }
    for event in ["ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload", "ObjectRestore:Completed"] {
        let payload = json!({"Records": [announced(event, "a")]}).to_string();
        assert_eq!(payload_with_objects(&payload, &bucket).tally.rejected, 1, "{event}");
    }
}

#[test]
fn only_a_delivery_may_name_an_object() {
    let bucket = objects(&[("a", Ok(notification(&["b"]).into_bytes())), ("b", Ok(log_file(&[1])))]);
    let log_event = json!({"messageType": "DATA_MESSAGE", "logStream": "s",
                           "logEvents": [{"id": "1", "message": announced("ObjectCreated:Put", "b").to_string()}]});
    for payload in [notification(&["a"]), log_event.to_string()] {
        let result = payload_with_objects(&payload, &bucket);
        assert_eq!((result.findings.len(), result.tally.rejected), (0, 1), "{payload}");
        assert!(result.reasons()[0].contains("is not fetched"), "{:?}", result.reasons());
    }
}

#[test]
fn without_objects_the_reference_is_rejected_by_name() {
    let result = payload(&notification(&["AWSLogs/one%0Atwo%1B.json.gz"]));
    insta::assert_snapshot!(result.reasons().join("\n"), @r"input: message 1: names the S3 object s3://example-trail/AWSLogs/one\u{a}two\u{1b}.json.gz and contains no records; download the object and evaluate the file");
    let nameless = json!({"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}}}]}).to_string();
    assert!(payload(&nameless).reasons()[0].contains("s3.object.key"));
}

#[test]
fn the_same_event_in_two_objects_is_one_finding() {
    let bucket = objects(&[("a", Ok(log_file(&[1, 2]))), ("b", Ok(log_file(&[2, 3])))]);
    let result = payload_with_objects(&notification(&["a", "b"]), &bucket);
    assert_eq!((result.findings.len(), result.tally.duplicates, result.tally.received), (3, 1, 3));
}
