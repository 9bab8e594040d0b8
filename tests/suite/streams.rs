//! Files are read the same whatever arrives when, and little of them is held in memory.

use std::cell::Cell;
use std::fs;
use std::io::{self, BufReader, Cursor, Read, Write as _};
use std::rc::Rc;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden::sources::{Content, Item, MAX_BYTES, Place, Reader};

use crate::support::{files, fixture, rule_fixtures, stream};

/// Gives a few bytes at a time.
struct Trickle<'b> {
    bytes: &'b [u8],
    most: usize,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.most);
        self.bytes.read(&mut buffer[..most])
    }
}

/// Each item with its place.
fn items_of(reader: impl Read) -> Vec<(Place, String)> {
    let told = |Item { place, content }| {
        let told = match content {
            Content::Record(record) => format!("record {}", record.json()),
            Content::Nested(_) => "nested".to_owned(),
            Content::Control => "control".to_owned(),
            Content::Object(reference) => format!("object {}", reference.name()),
            Content::ConfigurationItem(item) => format!("item {}", item.json),
            Content::OversizedItem(item) => format!("oversized {}", item.0.resource_id),
            Content::Rejected(reason) => format!("rejected: {reason}"),
            Content::Failed(error) => format!("failed: {}", error.reason),
        };
        (place, told)
    };
    Reader::stream("input", BufReader::new(reader)).map(told).collect()
}

fn items(bytes: &[u8], most: usize) -> Vec<(Place, String)> {
    items_of(Trickle { bytes, most })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn record(number: usize) -> Value {
    json!({"eventVersion": "1.08", "userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root"},
           "eventTime": "2026-01-01T00:00:00Z", "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances",
           "requestParameters": {"a": [1, -2.5, true, null, "é\\\"\n東京\u{1f600}", {}], "b": []},
           "eventID": format!("{number:08}")})
}

/// Files of every kind, whole and broken, with their names.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut corpus: Vec<(String, Vec<u8>)> = Vec::new();
    for path in files(&fixture("envelopes")) {
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
            corpus.push((format!("{name} on one line"), value.to_string().into_bytes()));
        }
        corpus.push((name, bytes));
    }
    let rules: Vec<Value> =
        rule_fixtures().iter().filter_map(|fixture| serde_json::from_str(&fixture.text).ok()).collect();
    corpus.push(("fixtures of rules".to_owned(), json!({ "Records": rules }).to_string().into_bytes()));
    let one = record(1).to_string();
    let pretty = serde_json::to_string_pretty(&json!({"Records": [record(1), record(2), record(3)]})).unwrap();
    let mut texts = vec![
        pretty.clone(),
        format!("\u{feff}{pretty}\n{pretty}{pretty}\n"),
        pretty.replace('\n', "\r\n"),
        format!("{one}\r\n{one}\r\n"),
        format!(" \t{one} \n\n{{ }}\n{one}"),
        format!("{one}{one}\n{one}"),
        // An envelope and a record at once is an envelope.
        format!("{}\n{one}", one.replacen('{', r#"{"detail":{},"#, 1)),
        format!("{}\n{one}", one.replacen('{', r#"{"Records":[],"#, 1)),
        format!("[{},{one}]", one.replacen('{', r#"{"Messages":7,"#, 1)),
        format!("[{},{one}]", one.replacen('{', r#"{"\u0064etail":7,"#, 1)),
        format!(r#"{{"Records":[{},{one}]}}"#, one.replacen('{', r#"{"detail":7,"#, 1)),
        format!("{}\n{one}", one.replace("DescribeInstances", r"Describe\u0049nstances")),
        format!("{}\n{one}", one.replacen('{', r#"{"eventName":"First","#, 1)),
        format!(r#"{{"Records":[{one}]}}{{"Records":[{one}]}} [{one}]{one}"#),
        format!(r#"{{"Records":[{one}],"other":{{"a":[1]}},"Records":[{one}],"last":12}}"#),
        format!(r#"{{"Records":[{one}],"Records":7}}{one}"#),
        format!(r#"{{"Records":[{one}]{one}"#),
        format!(r#"{{"Records":[{one}],}}"#),
        format!(r#"{{"Records":[{one}],7:1}}"#),
        format!(r#"{{"Records":[{one}],"a" 1}}"#),
        format!(r#"{{"a":1,"Records":[{one}]}}"#),
        format!("{{ \"Records\"\n:\t[ {one} ,\n {one} ] \n}} \n"),
        r#"{"Records":[1,"two",null,true,[],12.5e3]}"#.to_owned(),
        "[1,\"two\",null]\n[{},1,[]]\n[12] text\n[INFO] text\n[{text]\nprose".to_owned(),
        r#"{"Records":[]}"#.to_owned(),
        r#"{"Records":["#.to_owned(),
        r#"{"Records":"none"}"#.to_owned(),
        "[{\"Records\":[{},{}]},{}]".to_owned(),
        format!("{{\"eventName\":{}1{}}}\n{one}", "[".repeat(500), "]".repeat(500)),
    ];
    for broken in [r#"{"eventName" "A"}"#, "{", "nonsense", r#"{"a":"\x"}"#, "\u{1}", "{},", ""] {
        for joint in [",", ",\n"] {
            for elements in [[broken, &one, &one], [&one, broken, &one], [&one, &one, broken]] {
                texts.push(format!("{{\"Records\":[{}]}}\n{one}\n", elements.join(joint)));
                texts.push(format!("[{}]\n{one}\n", elements.join(joint)));
                texts.push(format!("{}\n", elements.join("\n")));
            }
        }
    }
    corpus.extend(texts.iter().map(|text| (text.clone(), text.clone().into_bytes())));
    for cut in (0..pretty.len()).step_by(41) {
        let head = pretty.get(..cut).unwrap_or_default();
        corpus.push((format!("cut at {cut}"), format!("{head}\n{one}\n").into_bytes()));
    }
    let mut invalid = format!(r#"{{"Records":[{one},{{"eventName":"?"}},{one}]}}"#).into_bytes();
    let place = invalid.iter().position(|byte| *byte == b'?').unwrap();
    invalid[place] = 0xff;
    corpus.push(("no text".to_owned(), invalid));
    let lines = format!("{one}\n").repeat(50).into_bytes();
    corpus.push(("several members".to_owned(), [gzip(&lines), gzip(pretty.as_bytes()), gzip(&lines)].concat()));
    for (name, bytes) in [("lines", gzip(&lines)), ("document", gzip(pretty.as_bytes()))] {
        for cut in [1, 2, 9, bytes.len() / 2, bytes.len() - 4] {
            corpus.push((format!("gzip of {name} cut at {cut}"), bytes[..cut].to_vec()));
        }
    }
    corpus
}

#[test]
fn a_record_that_looks_like_an_envelope_too_is_a_record() {
    for member in [r#""detail":{"eventName":"Inner"}"#, r#""awslogs":7"#, r#""logEvents":[]"#, r#""events":[]"#] {
        let both = record(1).to_string().replacen('{', &format!("{{{member},"), 1);
        for text in [both.clone(), format!("[{both}]"), format!("[{both}\n]"), format!(r#"{{"Records":[{both}]}}"#)] {
            let told = items(text.as_bytes(), usize::MAX);
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].1, format!("record {both}"));
        }
    }
    let inner = r#"{"eventSource":"ec2.amazonaws.com","eventName":"Inner"}"#;
    for member in [format!(r#""Records":[{inner}]"#), format!(r#""CloudTrailEvent":{}"#, Value::from(inner))] {
        let both = record(1).to_string().replacen('{', &format!("{{{member},"), 1);
        for text in [both.clone(), format!("[{both}]")] {
            assert_eq!(items(text.as_bytes(), usize::MAX)[0].1, format!("record {inner}"));
        }
    }
}

#[test]
fn it_does_not_matter_how_much_arrives_at_a_time() {
    for (name, bytes) in corpus() {
        let whole = items(&bytes, usize::MAX);
        // An element is looked at anew whenever more of it arrives.
        let few = if bytes.len() > 20_000 { &[64, 1000][..] } else { &[1, 2, 7, 64] };
        for &most in few {
            assert!(items(&bytes, most) == whole, "{name}: {most} bytes at a time");
        }
    }
}

#[test]
fn what_precedes_and_follows_a_broken_element_is_said() {
    let one = record(1).to_string();
    let broken = r#"{"eventName" "A"}"#;
    let mut told = Vec::new();
    for text in [
        format!("{{\"Records\":[{{}},{broken},{one}]}}\n{one}\n"),
        format!("{{\"Records\":[\n{one},\n{broken},\n{one}\n]}}\n{one}\n"),
        format!("{{\"Records\":[{one},{one}\n{one}\n"),
        format!("{{\"Records\":[{one}],\"Records\":7}} {one}\n{one}"),
        format!("[{one},{{\n\n\"a\":[}},{one}]\n{one}"),
        format!("[{one},\u{1}{one}]"),
    ] {
        let items = items(text.as_bytes(), usize::MAX);
        let (rejected, whole): (Vec<_>, Vec<_>) = items.iter().partition(|(_, told)| told.starts_with("rejected"));
        let reasons: Vec<String> = rejected.iter().map(|(place, told)| format!("{place}: {told}")).collect();
        told.push(format!("{} records; {}", whole.len(), reasons.join("; ")));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    3 records; input:1: record 2: rejected: not JSON: expected `:` at column 29
    3 records; input:1: record 2: rejected: not JSON: expected `:` at line 3, column 14
    3 records; input:1: record 3: rejected: not JSON: expected `,` or `]` at line 2, column 1
    2 records; input:1: rejected: expected `Records` to be a list (the rest of the line belongs to it)
    2 records; input:1: record 2: rejected: not JSON: expected value at line 3, column 6 (the lines up to 3 belong to it)
    1 records; input:1: record 2: rejected: not JSON: expected value at column 294 (the rest of the line belongs to it)
    ");
}

#[test]
fn bytes_that_are_no_text_cost_only_their_element() {
    let one = serde_json::from_str::<Value>(&fs::read_to_string(fixture("envelopes/bare-record.json")).unwrap());
    let mut one = one.unwrap();
    let other = one.to_string();
    one["eventID"] = "another".into();
    let mut file = format!(r#"{{"Records":[{one},{{"eventName":""#).into_bytes();
    file.extend(b"\xff");
    file.extend(format!(r#""}},{other}]}}"#).bytes());
    let result = stream(&file);
    assert_eq!((result.tally.received, result.tally.matched), (3, 2));
    insta::assert_snapshot!(result.reasons().join("\n"), @"input:1: record 2: not JSON: invalid utf-8 at byte 15 of it; if it is Latin-1 text, convert it: iconv -f WINDOWS-1252 -t UTF-8");
}

/// A CloudTrail file of one line, made while it is read; keeps the size of the largest buffer that it was to fill.
struct Endless {
    rest: Cursor<Vec<u8>>,
    block: Vec<u8>,
    blocks: usize,
    tail: &'static str,
    largest: Rc<Cell<usize>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.largest.set(self.largest.get().max(buffer.len()));
        let read = self.rest.read(buffer)?;
        if read > 0 || self.blocks == 0 {
            return Ok(read);
        }
        self.blocks -= 1;
        let next = if self.blocks == 0 { self.tail.as_bytes().to_vec() } else { self.block.clone() };
        self.rest = Cursor::new(next);
        self.rest.read(buffer)
    }
}

#[test]
fn little_is_held_of_a_file_of_any_length() {
    let element = format!("{},", record(1));
    let block = element.repeat(1 + 4 * 1024 * 1024 / element.len()).into_bytes();
    let blocks = MAX_BYTES / block.len() + 4;
    for (head, tail) in [("{\"Records\":[", "{}]}"), ("[", "{}]")] {
        let largest = Rc::new(Cell::new(0));
        let reader = Endless {
            rest: Cursor::new(head.as_bytes().to_vec()),
            block: block.clone(),
            blocks,
            tail,
            largest: Rc::clone(&largest),
        };
        let mut count = 0_usize;
        let mut reader = Reader::stream("input", BufReader::with_capacity(1, reader));
        while let Some(item) = reader.next_unopened() {
            assert!(!matches!(item.content, Content::Rejected(_)), "{item:?}");
            count += 1;
        }
        let elements = (blocks - 1) * block.len() / element.len() + 1;
        assert_eq!(count, elements);
        assert!(largest.get() <= 1024 * 1024, "{} bytes asked for at a time", largest.get());
    }
}

#[test]
fn an_element_may_be_as_long_as_the_limit_and_no_longer() {
    let with = |length: usize| {
        let frame = r#"{"eventName":""}"#.len();
        let long = format!(r#"{{"eventName":"{}"}}"#, "x".repeat(length - frame));
        format!(r#"{{"Records":[{{}},{long},{{}}]}}{}{{}}"#, "\n")
    };
    // With the comma before it.
    assert_eq!(items(with(MAX_BYTES - 1).as_bytes(), usize::MAX).len(), 4);
    let told = items(with(MAX_BYTES + 1).as_bytes(), usize::MAX);
    let places: Vec<String> = told.iter().map(|(place, told)| format!("{place}: {told}")).collect();
    assert_eq!(
        places,
        [
            "input:1: record 1: record {}",
            "input:1: record 2: rejected: one value has more than 64 MiB (the rest of the line belongs to it)",
            "input:2: record {}"
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Files longer than what is held at a time, so that it ends anywhere in a record.
    #[test]
    fn what_is_held_may_end_anywhere(
        before in 0_usize..2000,
        most in prop::sample::select(vec![usize::MAX, 100_003, 4096]),
        joint in prop::sample::select(vec![",", ",\n", " , "]),
        is_bare: bool,
        is_gzip: bool,
    ) {
        let records: Vec<String> = (0..1500).map(|number| record(number).to_string()).collect();
        let (head, tail) = if is_bare { ("[", "]") } else { ("{\"Records\":[", "]}") };
        let first = format!(r#"{{"eventName":"{}"}}"#, "é".repeat(before));
        let text = format!("{head}{first},{}{tail}\n{}", records.join(joint), records.join("\n"));
        prop_assert!(text.len() > 3 * 256 * 1024);
        let bytes = if is_gzip { gzip(text.as_bytes()) } else { text.into_bytes() };
        let expected: Vec<String> = std::iter::once(&first).chain(&records).chain(&records).map(|one| format!("record {one}")).collect();
        let told: Vec<String> = items(&bytes, most).into_iter().map(|(_, told)| told).collect();
        prop_assert!(told == expected);
    }

    /// Bytes that are changed anywhere.
    #[test]
    fn what_is_broken_does_not_depend_on_how_much_arrives_at_a_time(
        file in prop::sample::select(corpus()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        most in 1_usize..50,
    ) {
        let (_, mut bytes) = file;
        for (place, byte) in changes {
            let place = place.index(bytes.len().max(1));
            if let Some(changed) = bytes.get_mut(place) {
                *changed = byte;
            }
        }
        // How much is decompressed before broken gzip is noticed does depend on it.
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            prop_assert_eq!(items(&bytes, most), items(&bytes, usize::MAX));
        }
    }
}
