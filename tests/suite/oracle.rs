//! Our decoding of `awslogs` events against the types of `aws_lambda_events`.

use std::fs;
use std::path::Path;

use aws_lambda_events::event::cloudwatch_logs::LogsEvent;
use trailwarden::sources::{Content, Reader};

use crate::support::{fixture, public_data};

/// The messages as our decoder hands them on.
fn ours(payload: &str) -> Vec<String> {
    let records = Reader::payload("payload", payload).filter_map(|item| match item.content {
        Content::Record(record) => Some(record.into_json()),
        _ => None,
    });
    records.collect()
}

fn theirs(payload: &str) -> Vec<String> {
    let event: LogsEvent = serde_json::from_str(payload).unwrap();
    event.aws_logs.data.log_events.into_iter().map(|event| event.message).collect()
}

fn compare(path: &Path) {
    let payload = fs::read_to_string(path).unwrap();
    assert!(!ours(&payload).is_empty());
    assert_eq!(ours(&payload), theirs(&payload), "{}", path.display());
}

#[test]
fn both_read_the_same_messages() {
    compare(&fixture("envelopes/awslogs.json"));
    compare(&fixture("first-run/subscription.json"));
}

#[test]
#[ignore = "needs public data"]
fn both_read_the_same_messages_of_their_own_example() {
    compare(&public_data("envelopes/lambda-rust-runtime-example-cloudwatch_logs-event.json"));
}

#[test]
fn a_number_as_id_fails_their_whole_batch_and_not_ours() {
    let batch = fs::read_to_string(fixture("envelopes/batch-numeric-ids.json")).unwrap();
    assert_eq!(ours(&batch).len(), 2);
}
