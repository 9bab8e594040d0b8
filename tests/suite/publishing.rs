//! Findings as SNS messages, in batches.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;
use trailwarden::alert::{AlertGroup, AlertPolicy, groups};
use trailwarden::event::Event;
use trailwarden::finding::{Finding, Severity, Trace};
use trailwarden::rules::RuleSet;
use trailwarden::sinks::batch::{MAX_BYTES, MAX_ENTRIES, Message, batches};
use trailwarden::sinks::console::{Console, Format};
use trailwarden::sinks::{Sink as _, Terms};

proptest! {
    #[test]
    fn batches_keep_order_and_limits(lengths in prop::collection::vec(1..200_000_usize, 0..60)) {
        let batches = batches(lengths.iter().copied());
        let all: Vec<usize> = batches.iter().cloned().flatten().collect();
        prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
        for (place, batch) in batches.iter().enumerate() {
            let bytes: usize = lengths[batch.clone()].iter().sum();
            prop_assert!(batch.len() <= MAX_ENTRIES && (bytes <= MAX_BYTES || batch.len() == 1));
            // None could have taken the first message of the next.
            if let Some(next) = batches.get(place + 1) {
                let more = bytes + lengths[next.start];
                prop_assert!(batch.len() == MAX_ENTRIES || more > MAX_BYTES);
            }
        }
    }
}

/// The group of one finding.
fn alone(finding: &Finding) -> AlertGroup {
    groups([Arc::new(finding.clone())], &AlertPolicy::at_least(Severity::Low)).remove(0)
}

fn finding() -> Finding {
    let json = r#"{"eventSource":"ec2.amazonaws.com","eventName":"DeleteVpc","requestParameters":{"vpcId":"vpc-1"}}"#;
    RuleSet::load(&[]).unwrap().evaluate_rule("blocked-action", &Event::parse(json).unwrap()).unwrap()
}

#[test]
fn a_message_that_is_too_long_loses_what_matters_least_and_says_so() {
    let whole = Message::of(&finding(), Timestamp::UNIX_EPOCH);
    assert!(whole.bytes() < 10_000 && !whole.body.contains("left out"));

    let mut long = finding();
    long.evidence[0].value = "x".repeat(300_000).into();
    long.trace = Some(Trace::of("short", true, Vec::new()));
    let message = Message::of(&long, Timestamp::UNIX_EPOCH);
    assert!(message.bytes() <= MAX_BYTES);
    let document: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(document["comment"], "`data` was left out: too long for SNS.");
    assert_eq!(document["unmapped"]["explain"]["what"], "short");
    assert_eq!(document["metadata"]["uid"], whole.uid);

    let alert = Message::of_alert(&alone(&long).alert().unwrap(), Timestamp::UNIX_EPOCH);
    assert!(alert.structured && alert.bytes() <= MAX_BYTES && !alert.body.contains("\"sqs\""));
    let alert = Message::of_alert(&alone(&finding()).alert().unwrap(), Timestamp::UNIX_EPOCH);
    assert!(alert.body.contains("\"sqs\"") && alert.subject.is_some());

    long.trace = Some(Trace::of("x".repeat(300_000), true, Vec::new()));
    let message = Message::of(&long, Timestamp::UNIX_EPOCH);
    assert!(message.bytes() <= MAX_BYTES);
    let document: Value = serde_json::from_str(&message.body).unwrap();
    assert!(document["unmapped"].is_null());
    assert!(document["comment"].as_str().unwrap().contains("`unmapped` was left out"));
}

/// A stream with room for so many bytes.
struct Room(usize);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn findings_that_cannot_be_written_are_failures() {
    let findings = [Arc::new(finding()), Arc::new(finding())];
    let terms = Terms { now: Timestamp::UNIX_EPOCH, deadline: Instant::now() };
    let console = Console::new(Format::Ocsf, Box::new(Room(1_000_000)));
    let delivery = pollster::block_on(console.deliver(&findings, terms));
    assert_eq!((delivery.accepted, delivery.failures.len()), (2, 0));
    assert!(console.take_error().is_none() && delivery.result().is_ok());

    let console = Console::new(Format::Ocsf, Box::new(Room(10)));
    let error = pollster::block_on(console.deliver(&findings, terms)).result().unwrap_err();
    assert_eq!((error.failed, error.messages, error.retryable), (2, 2, false));
    assert_eq!(console.take_error().unwrap().kind(), io::ErrorKind::BrokenPipe);
}
