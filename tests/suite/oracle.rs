//! Our decoding of `awslogs` events against the types of `aws_lambda_events`.

use std::fs;

use aws_lambda_events::event::cloudwatch_logs::LogsEvent;
use trailwarden::decode::{self, Item};

use crate::support::{fixture, shared};

/// The messages as our decoder hands them on.
fn ours(payload: &str) -> Vec<String> {
    let mut messages = Vec::new();
    decode::payload("payload", payload, None, &mut |_, item| {
        if let Item::Record(record) = item {
            messages.push(record.json().into_owned());
        }
    });
    messages
}

fn theirs(payload: &str) -> Vec<String> {
    let event: LogsEvent = serde_json::from_str(payload).unwrap();
    event.aws_logs.data.log_events.into_iter().map(|event| event.message).collect()
}

#[test]
fn both_read_the_same_messages() {
    let mut compared = 0;
    let example = shared("data/envelopes/lambda-rust-runtime-example-cloudwatch_logs-event.json");
    for path in [Some(fixture("envelopes/awslogs.json")), Some(fixture("first-run/subscription.json")), example] {
        let Some(path) = path else { continue };
        let payload = fs::read_to_string(path).unwrap();
        assert_eq!(ours(&payload), theirs(&payload));
        compared += ours(&payload).len();
    }
    assert!(compared > 0);
}

#[test]
fn a_number_as_id_fails_their_whole_batch_and_not_ours() {
    let batch = fs::read_to_string(fixture("envelopes/batch-numeric-ids.json")).unwrap();
    assert_eq!(ours(&batch).len(), 2);
}
