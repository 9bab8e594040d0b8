//! Each envelope yields the same findings, and what is broken costs nothing but itself.

use std::fs;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden::decode::{ENVELOPES, MOST_BYTES};

use crate::support::{files, fixture, payload, stream};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn awslogs(batch: &Value) -> String {
    json!({"awslogs": {"data": STANDARD.encode(gzip(batch.to_string().as_bytes()))}}).to_string()
}

fn batch(events: &[Value]) -> Value {
    json!({"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "trail", "logStream": "s",
           "subscriptionFilters": ["f"], "logEvents": events})
}

fn record() -> String {
    fs::read_to_string(fixture("envelopes/bare-record.json")).unwrap()
}

/// One line.
fn line() -> String {
    serde_json::from_str::<Value>(&record()).unwrap().to_string()
}

#[test]
fn the_same_record_gives_the_same_finding_in_every_envelope() {
    let expected = payload(&record()).findings.remove(0).message_uid();
    for path in files(&fixture("envelopes")) {
        let bytes = fs::read(&path).unwrap();
        let result = stream(&bytes);
        let uids: Vec<String> = result.findings.iter().map(|finding| finding.message_uid()).collect();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let expected =
            if name.starts_with("control") || name.starts_with("digest") { vec![] } else { vec![expected.clone()] };
        assert_eq!(uids, expected, "{name}");
        assert_eq!(result.reasons(), Vec::<String>::new(), "{name}");
        if let Ok(text) = String::from_utf8(bytes)
            && serde_json::from_str::<Value>(&text).is_ok()
        {
            assert_eq!(payload(&text).findings, result.findings, "{name} as a payload");
        }
    }
}

#[test]
fn a_message_of_a_queue_that_is_none_of_ours_costs_nothing_but_itself() {
    let ours = json!({"requestPayload": serde_json::from_str::<Value>(&awslogs(&batch(&[json!({"message": line()})]))).unwrap()});
    let bodies = [
        json!("no JSON"),
        json!({"requestPayload": {"key": 1}}),
        json!({"requestPayload": ours}),
        json!({}),
        ours.clone(),
    ];
    let messages: Vec<Value> = bodies.iter().map(|body| json!({"Body": body.to_string()})).collect();
    let result = payload(&json!({"Messages": messages}).to_string());
    assert_eq!((result.findings.len(), result.tally.rejected, result.tally.received), (1, 4, 5));
    assert_eq!(payload(r#"{"Messages":[{"Body":7}]}"#).tally.rejected, 1);
}

#[test]
fn every_envelope_has_a_fixture() {
    let values: Vec<Value> = files(&fixture("envelopes"))
        .iter()
        .filter_map(|path| serde_json::from_slice(&fs::read(path).unwrap()).ok())
        .collect();
    for envelope in ENVELOPES {
        assert!(values.iter().any(|value| value.get(envelope.key).is_some()), "{} has no fixture", envelope.name);
    }
}

#[test]
fn deliveries_without_records_are_counted_apart() {
    for name in ["control-message.json", "digest.json"] {
        let tally = payload(&fs::read_to_string(fixture("envelopes").join(name)).unwrap()).tally;
        assert_eq!((tally.control, tally.received), (1, 0), "{name}");
    }
}

#[test]
fn a_bad_log_event_costs_nothing_but_itself() {
    let deep = format!("{{\"eventName\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    let events = [
        json!({"id": "1", "timestamp": 1, "message": "START RequestId: plain text"}),
        json!({"id": "2", "timestamp": 1, "message": "{\"some\":\"json\"}"}),
        json!({"id": 3, "timestamp": 1, "message": "[1]"}),
        json!({"id": "4", "timestamp": 1}),
        json!({"id": "5", "timestamp": 1, "message": {"eventName": "not a string"}}),
        json!("6"),
        json!({"id": "7\u{1b}[31m", "timestamp": 1, "message": deep}),
        json!({"id": "8", "timestamp": 1, "message": line()}),
    ];
    let result = payload(&awslogs(&batch(&events)));
    assert_eq!((result.tally.received, result.tally.matched, result.tally.rejected), (8, 1, 7));
    insta::assert_snapshot!(result.reasons().join("\n"), @r"
    input: record 1: log event 1: not JSON: expected value at column 1
    input: record 2: log event 2: not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there
    input: record 3: log event 3: a record must be a JSON object, this is an array
    input: record 4: the log event has no string `message`
    input: record 5: the log event has no string `message`
    input: record 6: the log event has no string `message`
    input: record 7: log event 7\u{1b}[31m: not JSON: recursion limit exceeded at column 140
    ");
}

#[test]
fn a_payload_that_cannot_be_decoded_is_rejected_with_the_reason() {
    let whole = gzip(batch(&[json!({"id": "1", "timestamp": 1, "message": line()})]).to_string().as_bytes());
    let data = |data: String| json!({"awslogs": {"data": data}}).to_string();
    let bomb = gzip(&vec![b' '; MOST_BYTES + 1]);
    let cases = [
        data("not base64!".to_owned()),
        data(STANDARD.encode(&whole[..whole.len() / 2])),
        data(STANDARD.encode("no gzip")),
        data(STANDARD.encode(gzip(b"\xff\xfe"))),
        data(STANDARD.encode(gzip(b"{\"messageType\":"))),
        data(STANDARD.encode(bomb)),
        awslogs(&json!({"messageType": "DATA_MESSAGE", "logEvents": 7})),
        awslogs(&serde_json::from_str(&awslogs(&batch(&[]))).unwrap()),
        awslogs(&json!([])),
        json!({"awslogs": {"datum": ""}}).to_string(),
        json!({"key1": "value1"}).to_string(),
        json!(["text", 7]).to_string(),
        json!({"Records": "none"}).to_string(),
        "\"text\"".to_owned(),
        "null".to_owned(),
        "{".to_owned(),
    ];
    let mut reasons = Vec::new();
    for case in &cases {
        let result = payload(case);
        assert_eq!(result.tally.findings, 0);
        assert!(result.tally.rejected >= 1, "{case}");
        reasons.extend(result.reasons());
    }
    insta::assert_snapshot!(reasons.join("\n"), @"
    input: `awslogs.data` is not base64: Invalid symbol 32, offset 3.
    input: `awslogs.data` is not whole gzip: incomplete deflate stream
    input: `awslogs.data` is not whole gzip: unexpected end of file
    input: `awslogs.data` is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0
    input: the JSON ends early; it is cut off
    input: `awslogs.data` decompresses to more than 64 MiB
    input: `logEvents` is not a list
    input: `awslogs.data` holds no `logEvents`
    input: expected a JSON object
    input: `awslogs` has no string `data`
    input: not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there
    input: record 1: an element of the list is not a JSON object
    input: record 2: an element of the list is not a JSON object
    input: expected `Records` to be a list
    input: expected a JSON object or a list of objects
    input: expected a JSON object or a list of objects
    input: the JSON ends early; it is cut off
    ");
}

#[test]
fn unknown_fields_of_the_envelope_are_no_reason_to_lose_it() {
    let mut batch = batch(&[json!({"id": "1", "timestamp": 1, "message": line(), "@aws.account": "111122223333"})]);
    batch["policyLevel"] = "ACCOUNT_LEVEL_POLICY".into();
    let mut event: Value = serde_json::from_str(&awslogs(&batch)).unwrap();
    event["awslogs"]["extra"] = 1.into();
    assert_eq!(payload(&event.to_string()).tally.matched, 1);
}

#[test]
fn a_broken_line_costs_nothing_but_itself() {
    let good = line();
    let cut = &good[..good.len() / 2];
    for (broken, count) in [
        (cut.to_owned(), 1),
        ("{\"eventName\":".to_owned(), 1),
        ("{\"eventName\":\"A\",".to_owned(), 1),
        ("{\"a\":{\"b\":1}".to_owned(), 1),
        ("{\"eventName\" \"A\"}".to_owned(), 1),
        ("[{\"eventName\":\"A\"},".to_owned(), 1),
        ("garbage".to_owned(), 1),
        ("garbage\nmore garbage\n\nand more".to_owned(), 1),
        ("\u{1}\u{2}".to_owned(), 1),
        ("7\n\"text\"".to_owned(), 1),
        ("{}\n{\"a\":1}".to_owned(), 2),
    ] {
        for text in [
            format!("{broken}\n{good}\n{good}\n"),
            format!("{good}\n{broken}\n{good}"),
            format!("{good}\n{good}\n{broken}"),
        ] {
            let result = stream(text.as_bytes());
            assert_eq!(result.tally.matched, 2, "{text}\n{:?}", result.reasons());
            assert_eq!(result.tally.rejected, count, "{text}\n{:?}", result.reasons());
        }
    }
}

#[test]
fn a_rejection_names_the_file_and_the_line() {
    let text = format!("{}\n\n{{\"eventName\" 1}}\n{}\nplain\ntext\n[{{}},{}]\n", line(), line(), line());
    let result = stream(text.as_bytes());
    assert_eq!(result.tally.matched, 3);
    insta::assert_snapshot!(result.reasons().join("\n"), @"
    input:3: not JSON: expected `:` at column 14
    input:5: not JSON: expected value at column 1 (and so the lines up to 6)
    input:7: record 1: not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there
    ");
}

#[test]
fn bytes_that_are_no_text_cost_only_their_line() {
    let mut bytes = line().into_bytes();
    bytes.extend(b"\n{\"eventName\":\"\xff\"}\n");
    bytes.extend(line().into_bytes());
    let result = stream(&bytes);
    assert_eq!((result.tally.matched, result.tally.rejected), (2, 1), "{:?}", result.reasons());
}

#[test]
fn whole_records_of_a_cut_file_are_still_evaluated() {
    let file = format!("{{\"Records\":[{},{}]}}", line(), line());
    let cut = &file.as_bytes()[..file.len() - 20];
    let result = stream(cut);
    assert_eq!((result.tally.matched, result.tally.rejected), (1, 1), "{:?}", result.reasons());

    let pretty = fs::read_to_string(fixture("envelopes/cloudtrail-file-pretty.json")).unwrap();
    let result = stream(&pretty.as_bytes()[..pretty.len() - 20]);
    assert_eq!((result.tally.matched, result.tally.rejected), (1, 1), "{:?}", result.reasons());

    let many = format!("{{\"Records\":[{}]}}", vec![line(); 200].join(","));
    let compressed = gzip(many.as_bytes());
    let result = stream(&compressed[..compressed.len() / 2]);
    assert!(result.tally.matched > 0, "{}", result.tally);
    assert_eq!(result.reasons().len(), 1);
    assert!(result.reasons()[0].contains("cannot be read on"), "{:?}", result.reasons());
}

#[test]
fn documents_may_follow_each_other_and_begin_with_a_mark() {
    let pretty = fs::read_to_string(fixture("envelopes/bare-record.json")).unwrap();
    let text = format!("\u{feff}{pretty}{pretty}\n{}\n{pretty}", line());
    let result = stream(text.as_bytes());
    assert_eq!((result.tally.matched, result.tally.rejected), (4, 0), "{:?}", result.reasons());
    let one_after_another = format!("{}{}", pretty.trim(), pretty);
    assert_eq!(stream(one_after_another.as_bytes()).tally.matched, 2);
}

#[test]
fn an_empty_input_is_no_mistake() {
    for bytes in [&b""[..], b"\n\n  \n", b"{\"Records\":[]}", b"[]"] {
        let tally = stream(bytes).tally;
        assert_eq!((tally.received, tally.rejected), (0, 0), "{bytes:?}");
    }
    assert_eq!(stream(&gzip(b"")).tally.received, 0);
}

#[test]
fn a_value_beyond_the_limit_costs_nothing_but_itself() {
    let long = format!("{{\"eventName\":\"{}\"}}", "x".repeat(MOST_BYTES));
    let text = format!("{}\n{long}\n{}\n", line(), line());
    let result = stream(text.as_bytes());
    assert_eq!((result.tally.matched, result.tally.rejected), (2, 1), "{:?}", result.reasons());
    assert!(result.reasons()[0].contains("64 MiB"), "{:?}", result.reasons());
}

#[test]
fn a_file_longer_than_the_limit_is_streamed() {
    // Three bytes a character: the pieces the line is read in end within one.
    let filler = format!("{{\"eventName\":\"Filler\",\"x\":\"{}\"}}", "東".repeat(1 << 19));
    let mut file = String::from("{\"Records\":[");
    for _ in 0..50 {
        file.push_str(&filler);
        file.push(',');
    }
    file.push_str(&line());
    file.push_str("]}");
    assert!(file.len() > MOST_BYTES);
    let result = stream(file.as_bytes());
    assert_eq!(
        (result.tally.received, result.tally.matched, result.tally.rejected),
        (51, 1, 0),
        "{:?}",
        result.reasons()
    );
}

/// A fixture of some envelope, as text.
fn any_envelope() -> impl Strategy<Value = String> {
    let texts: Vec<String> =
        files(&fixture("envelopes")).iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    prop::sample::select(texts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_cut_line_of_any_envelope_costs_nothing_but_itself(
        envelope in any_envelope(),
        cut: prop::sample::Index,
        place in 0usize..=3,
    ) {
        // Fixtures are indented; a line is not.
        let envelope = serde_json::from_str::<Value>(&envelope).map_or(envelope, |value| value.to_string());
        let broken = envelope.get(..cut.index(envelope.len())).unwrap_or_default();
        let mut lines = vec![line(), line(), line()];
        lines.insert(place, broken.to_owned());
        let result = stream(lines.join("\n").as_bytes());
        prop_assert!(result.tally.matched >= 3, "{}: {:?}", broken, result.reasons());
    }

    #[test]
    fn changed_bytes_never_upset_the_counts(
        path in prop::sample::select(files(&fixture("envelopes"))),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = fs::read(path).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        // The helpers assert that the counts balance.
        let streamed = stream(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let delivered = payload(&text);
        prop_assert!(streamed.tally.received + streamed.tally.control + streamed.tally.rejected > 0);
        prop_assert!(delivered.tally.received + delivered.tally.control > 0);
    }
}
