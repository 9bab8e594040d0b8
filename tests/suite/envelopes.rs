//! Each envelope yields the same findings, and what is broken costs nothing but itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden::pipeline::{Input, Pipeline};
use trailwarden::rules::RuleSet;
use trailwarden::sources::{LogStreams, MAX_BYTES, SOURCES, Source};

use crate::support::{
    Bucket, files, fixture, json as parsed, payload, payload_with_objects, stream, stream_with_objects,
};

/// The object that fixtures of notifications name.
const OBJECT: &str = "s3://example-trail/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/04/trail file+1.json.gz";

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

/// One line, with an id of its own: the same record again would be a duplicate.
fn line() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut record: Value = serde_json::from_str(&record()).unwrap();
    record["eventID"] = format!("00000000-0000-0000-0000-{:012}", COUNT.fetch_add(1, Ordering::Relaxed)).into();
    record.to_string()
}

/// The same record on many lines.
fn pretty() -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(&line()).unwrap()).unwrap()
}

#[test]
fn the_same_record_gives_the_same_finding_in_every_envelope() {
    let expected = payload(&record()).findings.remove(0).message_uid();
    let objects = Bucket(BTreeMap::from([(OBJECT.to_owned(), Ok(gzip(record().as_bytes())))]));
    for path in files(&fixture("envelopes")) {
        let bytes = fs::read(&path).unwrap();
        let result = stream_with_objects(&bytes, &objects);
        let uids: Vec<String> = result.findings.iter().map(|finding| finding.message_uid()).collect();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("config-") {
            // Configuration items have tests of their own.
            continue;
        }
        let expected =
            if name.starts_with("control") || name.starts_with("digest") { vec![] } else { vec![expected.clone()] };
        assert_eq!(uids, expected, "{name}");
        assert_eq!(result.reasons(), Vec::<String>::new(), "{name}");
        if let Ok(text) = String::from_utf8(bytes)
            && serde_json::from_str::<Value>(&text).is_ok()
        {
            assert_eq!(payload_with_objects(&text, &objects).findings, result.findings, "{name} as a payload");
        }
    }
}

#[test]
fn log_events_of_other_streams_are_rejected_and_counted() {
    let of_stream = |stream: &str, kind: &str| {
        let mut batch = batch(&[json!({"id": "a", "message": line()}), json!({"id": "b", "message": line()})]);
        (batch["logStream"], batch["messageType"]) = (json!(stream), json!(kind));
        batch
    };
    let pipelines = || {
        let pipeline = Pipeline::new(RuleSet::load(&[]).unwrap()).with_log_streams(LogStreams::standard());
        [
            pipeline,
            Pipeline::new(RuleSet::load(&[]).unwrap()).with_log_streams(LogStreams::standard()).without_prefilter(),
        ]
    };
    let mut told = BTreeSet::new();
    for pipeline in pipelines() {
        let gather = |batch: &Value| pipeline.gather("payload", Input::Payload(&awslogs(batch)));
        for stream in ["111122223333_CloudTrail_eu-west-1_2", "o-abc_111122223333_CloudTrail_us-east-1", "t-heartbeat"]
        {
            let result = gather(&of_stream(stream, "DATA_MESSAGE"));
            assert_eq!((result.tally.matched, result.tally.rejected), (2, 0), "{stream}");
        }
        assert_eq!(gather(&of_stream("", "CONTROL_MESSAGE")).tally.control, 1);
        let result = gather(&of_stream("forged", "DATA_MESSAGE"));
        assert_eq!((result.tally.received, result.tally.rejected, result.findings.len()), (2, 2, 0));
        let lines: Vec<String> = result.rejections.iter().map(ToString::to_string).collect();
        told.insert(lines.join("\n"));
    }
    assert_eq!(told.len(), 1, "{told:?}");
    insta::assert_snapshot!(told.first().unwrap(), @r#"
    payload: the log stream "forged" is not one of ????????????_CloudTrail_*, o-*_????????????_CloudTrail_*, *-heartbeat, and its 2 log events are not evaluated
    payload: record 2: the log stream "forged" is not one of ????????????_CloudTrail_*, o-*_????????????_CloudTrail_*, *-heartbeat
    "#);
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
    let texts = files(&fixture("envelopes")).into_iter().filter_map(|path| fs::read_to_string(path).ok());
    let known: Vec<&str> = texts.filter_map(|text| Some(Source::of(&text)?.name)).collect();
    for source in SOURCES.iter().filter(|source| source.is_read()) {
        assert!(known.contains(&source.name), "{} has no fixture", source.name);
    }
}

#[test]
fn deliveries_without_records_are_counted_apart() {
    for name in ["control-message.json", "control-s3-test-event.json", "digest.json"] {
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
    input: record 1: log event 1: not JSON: expected value at column 1 of the record
    input: record 2: log event 2: not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there
    input: record 3: log event 3: a record must be a JSON object, this is an array
    input: record 4: the log event has no string `message`
    input: record 5: the log event has no string `message`
    input: record 6: the log event has no string `message`
    input: record 7: log event 7\u{1b}[31m: not JSON: recursion limit exceeded at column 140 of the record
    ");
}

#[test]
fn a_payload_that_cannot_be_decoded_is_rejected_with_the_reason() {
    let whole = gzip(batch(&[json!({"id": "1", "timestamp": 1, "message": line()})]).to_string().as_bytes());
    let data = |data: String| json!({"awslogs": {"data": data}}).to_string();
    let bomb = gzip(&vec![b' '; MAX_BYTES + 1]);
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
    input: `awslogs.data`: the JSON ends early; it is cut off
    input: `awslogs.data` decompresses to more than 64 MiB
    input: `logEvents` is not a list
    input: `awslogs.data` holds no `logEvents`
    input: `awslogs.data`: expected a JSON object
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
    let (good, other) = (line(), line());
    let cut = &good[..good.len() / 2];
    for (broken, count) in [
        (cut.to_owned(), 1),
        ("{\"eventName\":".to_owned(), 1),
        ("{\"eventName\":\"A\",".to_owned(), 1),
        ("{\"a\":{\"b\":1}".to_owned(), 1),
        ("{\"eventName\" \"A\"}".to_owned(), 1),
        ("[{\"eventSource\":\"a.b\",\"eventName\":\"A\"},".to_owned(), 1),
        ("garbage".to_owned(), 1),
        ("garbage\nmore garbage\n\nand more".to_owned(), 1),
        ("\u{1}\u{2}".to_owned(), 1),
        ("7\n\"text\"".to_owned(), 1),
        ("{}\n{\"a\":1}".to_owned(), 2),
    ] {
        for text in [
            format!("{broken}\n{good}\n{other}\n"),
            format!("{good}\n{broken}\n{other}"),
            format!("{good}\n{other}\n{broken}"),
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

    let lines: Vec<String> = (0..200).map(|_| line()).collect();
    let many = format!("{{\"Records\":[{}]}}", lines.join(","));
    let compressed = gzip(many.as_bytes());
    let result = stream(&compressed[..compressed.len() / 2]);
    assert!(result.tally.matched > 0, "{}", result.tally);
    assert_eq!(result.reasons().len(), 1);
    assert!(result.reasons()[0].contains("cannot be read on"), "{:?}", result.reasons());
}

#[test]
fn documents_may_follow_each_other_and_begin_with_a_mark() {
    let text = format!("\u{feff}{}\n{}\n\n{}\n{}", pretty(), pretty(), line(), pretty());
    let result = stream(text.as_bytes());
    assert_eq!((result.tally.matched, result.tally.rejected), (4, 0), "{:?}", result.reasons());
    let one_after_another = format!("{}{}", pretty(), pretty());
    assert_eq!(stream(one_after_another.as_bytes()).tally.matched, 2);
}

#[test]
fn an_empty_input_is_rejected_and_an_empty_list_is_not() {
    for bytes in [&b"{\"Records\":[]}"[..], b"[]", b"\n[]\n"] {
        let tally = stream(bytes).tally;
        assert_eq!((tally.received, tally.rejected), (0, 0), "{bytes:?}");
    }
    for bytes in [&b""[..], b"\n\n  \n", b"\xef\xbb\xbf", &gzip(b""), &gzip(b"\n")] {
        assert_eq!(stream(bytes).reasons(), ["input: the input is empty: there is nothing to evaluate"], "{bytes:?}");
    }
}

#[test]
fn a_value_beyond_the_limit_costs_nothing_but_itself() {
    let long = format!("{{\"eventName\":\"{}\"}}", "x".repeat(MAX_BYTES));
    let text = format!("{}\n{long}\n{}\n", line(), line());
    let result = stream(text.as_bytes());
    assert_eq!((result.tally.matched, result.tally.rejected), (2, 1), "{:?}", result.reasons());
    assert!(result.reasons()[0].contains("64 MiB"), "{:?}", result.reasons());
}

#[test]
fn a_file_longer_than_the_limit_is_streamed() {
    // Three bytes a character: the pieces the line is read in end within one.
    let filler = format!("{{\"eventSource\":\"a.b\",\"eventName\":\"Filler\",\"x\":\"{}\"}}", "東".repeat(1 << 19));
    let mut file = String::from("{\"Records\":[");
    for _ in 0..50 {
        file.push_str(&filler);
        file.push(',');
    }
    file.push_str(&line());
    file.push_str("]}");
    assert!(file.len() > MAX_BYTES);
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
    // UTF-16 is read only when it begins a file.
    prop::sample::select(texts.into_iter().filter(|text| !text.contains('\0')).collect::<Vec<_>>())
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

/// The record of the fixture, and one of another call, which no rule matches.
fn hit_and_miss() -> (String, String) {
    let miss = json!({"eventSource": "ec2.amazonaws.com", "eventName": "DescribeTags", "eventID": "m"});
    (line(), miss.to_string())
}

#[test]
fn values_that_are_joined_are_read_one_by_one() {
    let (hit, miss) = hit_and_miss();
    let other = line();
    let batch_of = |record: &str| batch(&[json!({"id": "1", "timestamp": 1, "message": record})]).to_string();
    let forms: [&dyn Fn(&str) -> String; 5] = [
        &str::to_owned,
        &batch_of,
        &|record| format!(r#"{{"Records":[{record}]}}"#),
        &|record| format!("[{record}]"),
        &|record| awslogs(&serde_json::from_str(&batch_of(record)).unwrap()),
    ];
    for form in forms {
        let values = [form(&miss), form(&hit), form(&other)];
        for joint in ["", ",", " ", ", ", "\n", "\t", "\r\n", ",\n", "\u{1e}"] {
            let text = values.join(joint);
            for bytes in [text.clone().into_bytes(), gzip(text.as_bytes()), format!("{miss}\n{text}\n{miss}").into()] {
                let result = stream(&bytes);
                assert_eq!((result.tally.matched, result.tally.rejected), (2, 0), "{text}: {:?}", result.reasons());
            }
            assert_eq!(payload(&text).tally.matched, 2, "{text}");
        }
        let halves = [gzip(values[0].as_bytes()), gzip(values[1..].concat().as_bytes())].concat();
        assert_eq!(stream(&halves).tally.matched, 2, "{}", values[0]);
    }
    for joint in ["", " ", "\n"] {
        let message = [&*miss, &hit, &other].join(joint);
        for text in [batch_of(&message), awslogs(&serde_json::from_str(&batch_of(&message)).unwrap())] {
            for tally in [payload(&text).tally, stream(text.as_bytes()).tally] {
                assert_eq!((tally.received, tally.matched), (3, 2), "records in one message: {message}");
            }
        }
    }
    let joined = format!("{}{}", batch_of(&hit), batch_of(&other));
    let event = json!({"awslogs": {"data": STANDARD.encode(gzip(joined.as_bytes()))}}).to_string();
    assert_eq!((payload(&event).tally.matched, stream(event.as_bytes()).tally.matched), (2, 2));
}

#[test]
fn a_broken_value_among_joined_ones_costs_nothing_but_itself() {
    let (hit, miss) = hit_and_miss();
    for (text, matched, clean, rejected) in [
        (format!("{miss}{hit}{{\"a\" 1}}"), 1, 1, 1),
        (format!("{miss}{hit} and more"), 1, 1, 1),
        (format!("{miss}{}", &hit[..hit.len() / 2]), 0, 1, 1),
        (format!("{miss}{}\n{hit}{miss}\n", &hit[..hit.len() / 2]), 1, 2, 1),
        (format!("{hit}7{miss}"), 1, 0, 1),
    ] {
        let tally = stream(text.as_bytes()).tally;
        assert_eq!((tally.matched, tally.clean, tally.rejected), (matched, clean, rejected), "{text}");
    }
}

#[test]
fn a_record_that_comes_again_is_one_and_one_with_its_id_alone_is_another() {
    let (hit, miss) = hit_and_miss();
    let spelt_otherwise = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&hit).unwrap()).unwrap();
    let forged = hit.replace("0.0.0.0/0", "0.0.0.0/1");
    assert_ne!(hit, forged);
    let events: Vec<Value> =
        [&hit, &miss, &spelt_otherwise, &hit, &miss].iter().map(|one| json!({"message": one})).collect();
    for result in [
        payload(&awslogs(&batch(&events))),
        payload(&batch(&events).to_string()),
        stream(format!("{hit}\n{miss}\n{spelt_otherwise}\n{hit}{miss}").as_bytes()),
    ] {
        let tally = result.tally;
        assert_eq!((tally.received, tally.matched, tally.clean, tally.duplicates), (3, 1, 2, 2), "{tally}");
        assert_eq!(result.findings.len(), 1);
        assert!(tally.to_string().ends_with("1 finding; 2 duplicates"), "{tally}");
    }
    for text in [format!("{hit}\n{forged}"), format!("{forged}\n{hit}")] {
        let tally = stream(text.as_bytes()).tally;
        assert_eq!((tally.received, tally.matched, tally.duplicates), (2, 2, 0), "{tally}");
    }
    let nameless = hit.replace("eventID", "otherID");
    assert_eq!(stream(format!("{nameless}\n{nameless}").as_bytes()).tally.matched, 2, "without an id they are two");
}

#[test]
fn what_names_no_call_of_a_service_is_no_record() {
    for (record, reason) in [
        (json!({"eventName": "A"}), "it has no eventSource"),
        (json!({"eventName": "A", "eventSource": ""}), "it has no eventSource"),
        (json!({"eventName": "A", "eventSource": null}), "it has no eventSource"),
        (json!({"eventName": "A", "eventSource": 7}), "it has no eventSource"),
        (json!({"eventName": "A", "eventSource": "ec2"}), "its eventSource is `ec2`, not the host name of a service"),
        (json!({"eventName": "A", "eventSource": "aws.ec2"}), "its eventSource is `aws.ec2`, not the host name"),
        (json!({"eventName": "A", "eventSource": "a b.com"}), "its eventSource is `a b.com`, not the host name"),
        (json!({"eventName": "A", "eventSource": "ec2.amazonaws.com/"}), "not the host name"),
        (json!({"eventSource": "ec2.amazonaws.com"}), "it has no eventName"),
        (json!({"eventVersion": "1.11", "eventID": "1"}), "it has no eventSource"),
        (json!({"anything": "else"}), "none of eventName, eventSource, eventID and eventVersion is there"),
    ] {
        let whole = json!({"eventVersion": "1.11", "userIdentity": {}, "eventTime": "2026-03-04T10:00:00Z"});
        let mut whole: Value = whole;
        whole.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
        let more = if record.get("anything").is_some() { record.clone() } else { whole };
        for text in [
            record.to_string(),
            more.to_string(),
            json!({"Records": [more]}).to_string(),
            awslogs(&batch(&[json!({"message": more.to_string()})])),
        ] {
            for result in [payload(&text), stream(text.as_bytes())] {
                let tally = result.tally;
                assert_eq!((tally.received, tally.clean, tally.rejected), (1, 0, 1), "{text}");
                assert!(result.reasons()[0].contains(reason), "{reason}: {:?}", result.reasons());
            }
        }
    }
    for record in [
        json!({"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "eventType": "AwsConsoleSignIn"}),
        json!({"eventSource": "kms.amazonaws.com", "eventName": "RotateKey", "eventType": "AwsServiceEvent"}),
        json!({"eventsource": "ec2.amazonaws.com.cn", "eventname": "DescribeTags"}),
        json!({"eventVersion": "1.09", "eventType": "AwsCloudTrailInsight", "insightDetails": {}}),
        json!({"eventVersion": "1.11", "eventCategory": "Insight", "insightDetails": {}}),
    ] {
        assert_eq!(payload(&record.to_string()).tally.clean, 1, "{record}");
        assert_eq!(payload(&json!({"Records": [record]}).to_string()).tally.clean, 1, "{record}");
    }
}

#[test]
fn events_of_lambda_triggers_are_refused_by_name_once_for_each_payload() {
    let record = |members: Value| json!({"Records": [members.clone(), members]});
    for (event, name) in [
        (record(json!({"messageId": "1", "body": null, "eventSource": "aws:sqs"})), "SQS trigger"),
        (record(json!({"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {}})), "SNS trigger"),
        (record(json!({"eventSource": "aws:kinesis", "eventName": "aws:kinesis:record", "kinesis": {}})), "Kinesis"),
        (
            record(
                json!({"eventSource": "aws:dynamodb", "eventName": "INSERT", "eventVersion": "1.1", "dynamodb": {}}),
            ),
            "DynamoDB",
        ),
        (record(json!({"eventSource": "aws:ses", "eventVersion": "1.0", "ses": {}})), "aws:ses"),
        (record(json!({"eventSource": "aws:codecommit", "eventName": "ReferenceChanges"})), "aws:codecommit"),
        (record(json!({"cf": {"request": {}, "config": {}}})), "CloudFront"),
        (json!({"eventSource": "aws:kafka", "records": {"t-0": []}}), "Kafka"),
        (json!({"eventSource": "aws:docdb", "events": []}), "DocumentDB"),
        (
            json!({"invocationId": "1", "deliveryStreamArn": "arn:aws:firehose:eu-west-1:111122223333:deliverystream/t", "region": "eu-west-1", "records": {}}),
            "Firehose transformation event from arn:aws:firehose",
        ),
        (json!({"invocationSchemaVersion": "2.0", "invocationId": "1", "job": {}, "tasks": {}}), "S3 Batch Operations"),
        (json!({"Type": "SubscriptionConfirmation", "TopicArn": "arn"}), "SNS message"),
        (
            json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}),
            "EventBridge event of the kind `Scheduled Event` from aws.events",
        ),
        (
            json!({"source": "aws.config", "detail-type": "Config Configuration Item Change", "detail": {"configurationItem": {}}}),
            "Config Configuration Item Change",
        ),
        (
            json!({"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"eventFirstSeen": "x"}}),
            "GuardDuty Finding",
        ),
        (json!({"invokingEvent": "{}", "ruleParameters": "{}", "resultToken": "t"}), "AWS Config rule"),
        (json!({"configurationItem": {}, "messageType": "ConfigurationItemChangeNotification"}), "AWS Config"),
        (json!({"configurationItemStatus": "OK", "resourceType": "AWS::EC2::SecurityGroup"}), "AWS Config item"),
        (
            json!({"version": "2.0", "routeKey": "$default", "requestContext": {"http": {}}, "body": "{}"}),
            "function URL",
        ),
        (json!({"source": "aws.cloudwatch", "alarmArn": "arn", "alarmData": {"alarmName": "a"}}), "CloudWatch alarm"),
        (json!({"class_uid": 2003, "metadata": {"version": "1.5.0"}}), "OCSF"),
    ] {
        for text in [event.to_string(), serde_json::to_string_pretty(&event).unwrap()] {
            for result in [payload(&text), stream(text.as_bytes())] {
                let tally = result.tally;
                assert_eq!((tally.received, tally.rejected), (1, 1), "{text}: {:?}", result.reasons());
                assert!(result.reasons()[0].contains(name), "{name}: {:?}", result.reasons());
                assert!(result.rejections[0].place.record.is_none(), "the function fails for it: {text}");
            }
        }
    }
}

#[test]
fn a_record_among_those_of_a_trigger_is_evaluated() {
    let hit: Value = serde_json::from_str(&line()).unwrap();
    let text = json!({"Records": [{"eventSource": "aws:sqs", "body": ""}, hit, {"eventSource": "aws:s3"}]}).to_string();
    for result in [payload(&text), stream(text.as_bytes()), stream(text.replace("[{", "[\n{").as_bytes())] {
        assert_eq!((result.tally.received, result.tally.matched, result.tally.rejected), (3, 1, 2), "{}", result.tally);
    }
}

#[test]
fn payloads_are_read_within_messages_and_streams() {
    let subscription = awslogs(&batch(&[json!({"message": line()}), json!({"message": "START"})]));
    let sns = |message: &str| json!({"Type": "Notification", "TopicArn": "arn", "Message": message}).to_string();
    let sqs = |body: &str| json!({"messageId": "1", "body": body, "eventSource": "aws:sqs"});
    let kinesis = |data: &[u8]| json!({"eventSource": "aws:kinesis", "kinesis": {"data": STANDARD.encode(data)}});
    let compressed = gzip(batch(&[json!({"message": line()}), json!({"message": "START"})]).to_string().as_bytes());
    let broken = line().replacen("\"eventVersion\"", "\"number\":NaN,\"eventVersion\"", 1);
    for (records, matched, rejected) in [
        (vec![sqs(&line()), sqs("no JSON"), sqs(&line()), sqs(&broken)], 2, 2),
        (vec![sqs(&subscription)], 1, 1),
        (vec![sqs(&sns(&subscription)), sqs(&sns(&line()))], 2, 1),
        (vec![json!({"EventSource": "aws:sns", "Sns": serde_json::from_str::<Value>(&sns(&line())).unwrap()})], 1, 0),
        (vec![kinesis(&compressed), kinesis(b"\xff"), kinesis(line().as_bytes())], 2, 2),
        (vec![kinesis(&gzip(line().as_bytes())), kinesis(&compressed[..20])], 1, 1),
        (vec![sqs(&json!({"Records": [sqs(&json!({"Records": [sqs(&line())]}).to_string())]}).to_string())], 1, 0),
        (vec![sqs(&json!({"Records": [{"eventSource": "aws:s3"}]}).to_string()), sqs(&line())], 1, 1),
    ] {
        let text = json!({ "Records": records }).to_string();
        for result in [payload(&text), stream(text.as_bytes())] {
            let tally = result.tally;
            assert_eq!((tally.matched, tally.rejected), (matched, rejected), "{text}: {:?}", result.reasons());
            assert_eq!(tally.received, matched + rejected, "{text}");
        }
    }
}

#[test]
fn payloads_in_payloads_end() {
    let mut text = line();
    for _ in 0..10 {
        text = json!({"TopicArn": "arn", "Message": text}).to_string();
    }
    let result = payload(&text);
    assert_eq!((result.tally.received, result.tally.rejected), (1, 1));
    assert!(result.reasons()[0].contains("more than 8 envelopes"), "{:?}", result.reasons());
}

#[test]
fn exports_without_the_record_say_what_is_missing() {
    for (export, hint) in [
        (
            json!({"Events": [{"EventId": "1", "EventName": "A", "EventSource": "ec2.amazonaws.com"}]}),
            "CloudTrailEvent",
        ),
        (json!({"QueryResultRows": [[{"eventName": "A"}]]}), "select eventJson"),
        (json!({"results": [[{"field": "eventName", "value": "A"}]]}), "@message"),
        (json!({"preview": false, "result": {"eventName": "A"}}), "_raw"),
        (
            json!({"@timestamp": "2026-03-04T10:00:00Z", "event": {"action": "A"}, "aws": {"cloudtrail": {}}}),
            "event.original",
        ),
        (json!({"events": [{"timestamp": 1}]}), "`message`"),
    ] {
        let result = payload(&export.to_string());
        assert_eq!((result.tally.received, result.tally.rejected), (1, 1), "{export}");
        assert!(result.reasons()[0].contains(hint), "{:?}", result.reasons());
    }
}

#[test]
fn lone_surrogates_and_huge_numbers_do_not_hide_a_record() {
    for (member, value) in [
        ("userAgent", r#""x\ud800""#),
        ("userAgent", r#""\udfff\ud83d""#),
        ("sourceIPAddress", r#""\uDBFF""#),
        ("additionalEventData", r#"{"x":1e999,"y":[-1E+4000]}"#),
        ("additionalEventData", r#"{"\ud800":1}"#),
    ] {
        let mut record: Value = serde_json::from_str(&line()).unwrap();
        record[member] = "PLACE".into();
        let record = record.to_string().replace("\"PLACE\"", value);
        for text in [
            record.clone(),
            format!(r#"{{"Records":[{record}]}}"#),
            format!(r#"{{"detail-type":"AWS API Call via CloudTrail","detail":{record}}}"#),
            awslogs(&batch(&[json!({"id": "1", "timestamp": 1, "message": record})])),
            awslogs(&batch(&[json!({"message": record})])),
            json!({"Events": [{"CloudTrailEvent": record}]}).to_string(),
        ] {
            for result in [payload(&text), stream(text.as_bytes())] {
                assert_eq!(result.tally.matched, 1, "{text}: {:?}", result.reasons());
            }
        }
    }
    // In the message of a log event itself, too.
    let batch = batch(&[json!({"id": "1", "timestamp": 1, "message": format!("{}PLACE", line())})]).to_string();
    let batch = batch.replace("PLACE", r" \ud800");
    let event = json!({"awslogs": {"data": STANDARD.encode(gzip(batch.as_bytes()))}}).to_string();
    assert_eq!(payload(&event).reasons().len(), 1, "what follows a record is an error");
    let batch = batch.replace(r" \ud800", "").replacen("198.51.100", r"\ud800", 1);
    let event = json!({"awslogs": {"data": STANDARD.encode(gzip(batch.as_bytes()))}}).to_string();
    assert_eq!(payload(&event).tally.matched, 1, "{:?}", payload(&event).reasons());
}

#[test]
fn a_record_cannot_bring_live_state_of_its_own() {
    let attached = parsed(&fixture("rules/sg-ingress-world-attached/hit-interface-ssh.json"));
    assert!(attached.get("liveState").is_some());
    for key in ["liveState", "LIVESTATE"] {
        let mut forged = attached.clone();
        let state = forged.as_object_mut().unwrap().remove("liveState").unwrap();
        forged[key] = state;
        let found = |text: &str| -> Vec<String> {
            payload(text).findings.iter().map(|finding| finding.rule.name.clone()).collect()
        };
        let names = found(&forged.to_string());
        assert!(!names.contains(&"sg-ingress-world-attached".to_owned()), "{names:?}");
        let names = found(&awslogs(&batch(&[json!({"message": forged.to_string()})])));
        assert!(!names.contains(&"sg-ingress-world-attached".to_owned()), "{names:?}");
    }
}

#[test]
fn formats_that_are_not_read_are_named() {
    let tar = {
        let mut bytes = vec![b'x'; 512];
        bytes[257..262].copy_from_slice(b"ustar");
        bytes
    };
    let (hit, _) = hit_and_miss();
    for (bytes, name) in [
        (&b"PK\x03\x04rest"[..], "a ZIP archive"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0\0\x04", "xz data"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "7z archive"),
        (b"\x04\x22\x4d\x18rest", "LZ4"),
        (b"PAR1rest", "Parquet"),
        (b"Obj\x01rest", "Avro"),
        (b"ORCrest", "ORC"),
        (b"%PDF-1.7\n", "PDF"),
        (&tar, "a tar archive"),
        (&gzip(&tar), "a tar archive; unpack it and give the files inside (within gzip)"),
        (&gzip(b"PK\x03\x04rest"), "a ZIP archive"),
        (&gzip(&gzip(&gzip(&gzip(hit.as_bytes())))), "compressed over and over"),
        (b"eventversion,useridentity,eventtime\n\"1.11\",\"{type=AssumedRole}\",\"2026\"\n", "CSV"),
        (b"Event ID,Event time,User name,Event name\n1,2,3,4\n", "CSV"),
        (b"@timestamp\t@message\n1\t{}\n", "tabs"),
        (b"<!DOCTYPE html>\n<html><body>\n", "HTML"),
        (b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>\n", "XML"),
        (b"---\nRecords:\n- eventVersion: '1.11'\n", "YAML"),
        (b"Records:\n- eventVersion: '1.11'\n  eventName: x\n", "YAML"),
        (b"----------------\n|  LookupEvents |\n", "use --output json"),
        (STANDARD.encode(gzip(hit.as_bytes())).as_bytes(), "base64 of gzip"),
        (format!("Mar  4 10:00:00 host trail: {hit}").as_bytes(), "text before the JSON"),
    ] {
        let result = stream(bytes);
        assert_eq!((result.tally.received, result.tally.rejected), (1, 1), "{name}: {:?}", result.reasons());
        assert!(result.reasons()[0].contains(name), "{name}: {:?}", result.reasons());
    }
}

#[test]
fn zstandard_is_read_in_several_frames_and_checked() {
    let frame = fs::read(fixture("envelopes/record.json.zst")).unwrap();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let whole = [&skippable[..], &frame, &skippable, &frame].concat();
    let tally = stream(&whole).tally;
    assert_eq!((tally.matched, tally.duplicates, tally.rejected), (1, 1, 0));
    let mut corrupt = frame.clone();
    let place = corrupt.len() - 2;
    corrupt[place] ^= 1;
    for broken in [&frame[..frame.len() / 2], &corrupt] {
        let result = stream(broken);
        assert_eq!(result.tally.rejected, 1, "{:?}", result.reasons());
        assert!(result.reasons()[0].contains("cannot be read on"), "{:?}", result.reasons());
    }
}

#[test]
fn line_numbers_are_those_of_the_file() {
    let pretty = serde_json::to_string_pretty(&json!({"Records": [{"a": 1}, {"b": "B"}]})).unwrap();
    let broken = pretty.replace("\"B\"", "B");
    let object = serde_json::to_string_pretty(&json!({"a": {"b": "B"}})).unwrap().replace("\"B\"", "B");
    let (hit, _) = hit_and_miss();
    let text =
        format!("{hit}\n  {{\"a\" 1}}\n\n{broken}\n{hit}\n{object}\n{hit}{{\"a\" 1}}\n{hit}\n{hit} words\nwords");
    let reasons = stream(text.as_bytes()).reasons().join("\n");
    let reasons = [6, 2].iter().fold(reasons, |reasons, more| {
        reasons.replace(&format!("column {}", hit.len() + more), &format!("column {more} after the record"))
    });
    insta::assert_snapshot!(reasons, @"
    input:2: not JSON: expected `:` at column 8
    input:4: record 1: not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there
    input:4: record 2: not JSON: expected value at line 10, column 12
    input:15: not JSON: expected value at line 17, column 10 (the lines up to 19 belong to it)
    input:20: not JSON: expected `:` at column 6 after the record
    input:22: not JSON: expected value at column 2 after the record (and so the lines up to 23)
    ");
}

#[test]
fn values_joined_in_a_message_are_read_one_by_one() {
    let harmless = {
        let mut record: Value = serde_json::from_str(&line()).unwrap();
        record["eventName"] = "DescribeVpcs".into();
        record.to_string()
    };
    let eventbridge = |record: &str| {
        let detail: Value = serde_json::from_str(record).unwrap();
        json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.ec2", "detail": detail}).to_string()
    };
    // The first record alone is one that no rule matches.
    for joint in ["", " ", "\t", "\n", "\r\n", ",", ", ", ",\n", "\u{1e}", "\u{feff}"] {
        let message = format!("{harmless}{joint}{}", line());
        let result = payload(&awslogs(&batch(&[json!({"id": "1", "timestamp": 1, "message": message})])));
        assert_eq!((result.tally.matched, result.tally.received), (1, 2), "{joint:?}: {:?}", result.reasons());
    }
    let broken = line().replacen("\"eventVersion\"", "\"number\":NaN,\"eventVersion\"", 1);
    for (message, matched, rejected) in [
        (format!("[{},{}]", line(), line()), 2, 0),
        (json!({"Records": [serde_json::from_str::<Value>(&line()).unwrap()]}).to_string(), 1, 0),
        (eventbridge(&line()), 1, 0),
        (json!(line()).to_string(), 1, 0),
        (format!("\u{feff}{}", line()), 1, 0),
        (format!("2026-03-04T10:00:00Z {}", line()), 1, 0),
        (format!("{}{}", line(), &line()[..200]), 1, 1),
        (format!("{}words", line()), 1, 1),
        (format!("{broken}{}", line()), 1, 1),
        (String::new(), 0, 1),
    ] {
        let events = [json!({"id": "1", "timestamp": 1, "message": message})];
        let result = payload(&awslogs(&batch(&events)));
        let counts = (result.tally.matched, result.tally.rejected, result.tally.received);
        assert_eq!(counts, (matched, rejected, matched + rejected), "{message}: {:?}", result.reasons());
    }
}

#[test]
fn a_broken_element_costs_nothing_but_itself() {
    for broken in [
        r#"{"a":NaN}"#,
        r#"{"a":"\x41"}"#,
        "{\"a\":\"\u{1}\"}",
        r#"{"a":01}"#,
        r#"{"a":1,}"#,
        r#"{a:1}"#,
        r#"{"a":[1,2 3],"b":{"}":1}}"#,
    ] {
        let (good, other) = (line(), line());
        for text in [
            format!("{{\"Records\":[{broken},{good},{other}]}}"),
            format!("{{\"Records\":[{good},{broken},{other}]}}"),
            format!("[{good},{broken},\n{other}]"),
            format!("{good}{broken}{other}"),
            format!("{good}\n{broken} {other}\n"),
        ] {
            let result = stream(text.as_bytes());
            let counts = (result.tally.matched, result.tally.rejected, result.tally.received);
            assert_eq!(counts, (2, 1, 3), "{text}: {:?}", result.reasons());
        }
    }
}

#[test]
fn the_result_of_a_query_that_has_not_completed_is_no_success() {
    for text in
        [r#"{"results":[],"statistics":{},"status":"Running"}"#, r#"{"QueryStatus":"FAILED","QueryResultRows":[]}"#]
    {
        let result = payload(text);
        assert_eq!(result.tally.rejected, 1, "{text}");
        assert!(result.reasons().join("").contains("has not completed"), "{text}");
    }
    assert_eq!(payload(r#"{"results":[],"statistics":{},"status":"Complete"}"#).tally.received, 0);
}

#[test]
fn encodings_and_text_formats_that_are_not_read_are_named() {
    let record = line();
    let wide = |text: &str| text.chars().flat_map(|one| u32::from(one).to_le_bytes()).collect::<Vec<u8>>();
    for (bytes, name) in [
        (b"\x89LZO\0\r\n\x1a\n\x10\x20".to_vec(), "lzop"),
        (b"x\x9c\x4b\x04".to_vec(), "zlib"),
        (b"\x8b\x03\x80\x01\x02\xff".to_vec(), "binary data"),
        (wide(&record), "UTF-32"),
        (format!("{{\"a\":\"{}\"}}", 'z').replace('z', "\u{1}").into_bytes(), "not JSON"),
        (b"{\"eventName\":\"Zo\xeb\"}".to_vec(), "Latin-1"),
        (format!("EVENTS\tASIA\t{record}\tid\n").into_bytes(), "--output json"),
        (format!("- '{record}'\n").into_bytes(), "YAML"),
        (format!("eventJson\n\"{}\"\n", record.replace('"', "\"\"")).into_bytes(), "CSV"),
        (b"eventversion;useridentity\n1.08;x\n".to_vec(), "CSV"),
    ] {
        let result = stream(&bytes);
        assert_eq!((result.tally.received, result.tally.rejected), (1, 1), "{name}");
        assert!(result.reasons().join("").contains(name), "{name}: {:?}", result.reasons());
    }
}

#[test]
fn a_log_event_without_a_record_is_rejected_as_such_and_not_as_the_payload() {
    let messages = [
        r#""text""#,
        "[1]",
        r#"{"note": 1}"#,
        r#""{}""#,
        r#"[{"eventName": 1}]"#,
        "text",
        r#"[["x"]]"#,
        "",
        "7",
        r#"{"a": "#,
    ];
    for message in messages {
        let event = |id: &str, message: &str| json!({"id": id, "timestamp": 1, "message": message});
        let result = payload(&awslogs(&batch(&[event("bad", message), event("good", &line())])));
        assert_eq!((result.tally.rejected, result.tally.matched), (1, 1), "{message}: {:?}", result.reasons());
        assert_eq!(result.rejections[0].place.record, Some(1), "{message}: {:?}", result.reasons());
    }
}
