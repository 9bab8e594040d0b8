//! The screen changes nothing but the time: what is evaluated with it comes to the same as without it.

#[path = "../fuzz/shared/mod.rs"]
#[expect(dead_code, reason = "the fuzz target needs more of it")]
mod shared;

use std::fs;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use shared::Given;
use shared::batch::{delivered, usual};
use shared::compare::{Agreed, Ways};
use shared::dice::Dice;
use shared::node::{Blanks, Escapes, Node, Style};
use shared::record::{Corpus, message};
use shared::rules;
use trailwarden::event::{Event, timestamp};
use trailwarden::rules::{Part, RuleSet};
use trailwarden::screen::Screen;
use trailwarden::skim::{Sketch, Skim, Writing, glance, simple_length};
use trailwarden::sources::{self, Buffers, Item, Screening};

use crate::support::{public_data, root};
use crate::workload::generated::SEED;
use crate::workload::generated::record::Records;
use crate::workload::generated::rules::generated_rules;

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    Corpus::new(Records::new(SEED).take(1_000).map(|record| record.text).chain(shared::record::fixtures(&root())))
});

fn generated(count: usize) -> Ways {
    let rules: Vec<String> = generated_rules(SEED, count).into_iter().map(|rule| rule.text).collect();
    rules::alone(&format!("{count} generated rules"), &rules, false)
}

/// All sets of rules.
static WAYS: LazyLock<Vec<Ways>> = LazyLock::new(|| {
    let mut ways = rules::built_in(&root());
    ways.extend([generated(10), generated(100)]);
    ways.extend(rules::forms());
    ways
});

fn agree(ways: &Ways, given: &Given, live: bool) -> Agreed {
    ways.agree(given, live).unwrap_or_else(|difference| panic!("{difference}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn generated_inputs_come_to_the_same(
        place in 0..usize::MAX,
        live in prop::bool::weighted(0.2),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let given = shared::given(&mut Dice::new(&bytes), &CORPUS);
        agree(&WAYS[place % WAYS.len()], &given, live);
    }

    #[test]
    fn what_is_sketched_is_what_the_parser_reads(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = message(&mut Dice::new(&bytes), &CORPUS);
        let literal = serde_json::Value::from(text.as_str()).to_string();
        let escaped = &literal[1..literal.len() - 1];
        let says = |sketch: Sketch<'_>| {
            let event = Event::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let read = (event.source(), event.name(), event.time_text());
            assert_eq!(read, (Some(sketch.source), Some(sketch.name), Some(sketch.time)), "{text}");
            let has_failed = sketch.parts.is_some_and(|parts| parts.has_failed());
            assert!(!has_failed || event.error_code().is_some(), "{text}");
        };
        for (content, writing) in [(text.as_str(), Writing::Plain), (escaped, Writing::Escaped)] {
            let mut skim = Skim::new(content);
            if let Some(sketch) = skim.record(writing).filter(|_| skim.at() == content.len()) {
                says(sketch);
            }
        }
        let mut skim = Skim::new(&text);
        if skim.value().is_some() && text[skim.at()..].trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
        let is_simple = simple_length(&format!("{escaped}\"")) == Ok(escaped.len());
        if Event::parse(&text).is_ok() && let Some(sketch) = glance(escaped, is_simple) {
            says(sketch);
        }
    }

    #[test]
    fn a_record_that_a_rule_matches_has_what_the_rule_needs(
        place in 0..usize::MAX,
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let text = message(&mut Dice::new(&bytes), &CORPUS);
        let rules = WAYS[place % WAYS.len()].rules();
        let Some(event) = Event::parse(&text).ok().filter(|_| text.is_ascii() && !text.contains("\\u")) else {
            return Ok(());
        };
        let lower_case = text.to_ascii_lowercase();
        let callers = ["userIdentity", "sourceIPAddress", "userAgent"].map(|key| event.top(key).map(ToString::to_string));
        let caller = callers.into_iter().flatten().collect::<String>().to_ascii_lowercase();
        for finding in rules.evaluate_all(&event) {
            let rule = rules.rules().iter().find(|rule| rule.info().name == finding.rule.name).unwrap();
            for texts in &rule.needs().0 {
                let is_there = texts.iter().any(|need| match need.part {
                    Part::Caller => caller.contains(&need.text),
                    Part::AfterCaller | Part::Whole => lower_case.contains(&need.text),
                });
                prop_assert!(is_there, "{} needs one of {:?}: {}", finding.rule.name, texts, text);
            }
        }
    }
}

/// The records of the public logs.
fn real() -> Vec<String> {
    let directory = public_data("cloudtrail");
    let mut records = Vec::new();
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            sources::stream("real", bytes.as_slice(), None, &mut |_, item| {
                if let Item::Record(record) = item {
                    records.push(record.json().into_owned());
                }
            });
        }
    }
    records
}

#[test]
#[ignore = "needs public data"]
fn real_records_come_to_the_same() {
    let records = real();
    assert!(records.len() > 3_000, "{}", records.len());
    let mut all = Agreed::default();
    let beside = rules::beside(&public_data("sigma"));
    for (place, ways) in WAYS.iter().chain([&beside]).enumerate() {
        // All of them by the built-in rules; by each other set some, so that it does not take minutes.
        let step = if place == 0 { 1 } else { 9 };
        let some: Vec<String> = records.iter().skip(place % step).step_by(step).cloned().collect();
        for (number, batch) in some.chunks(100).enumerate() {
            let given = match number % 4 {
                0..3 => Given::Payload(delivered(&usual(batch))),
                _ => Given::File(format!("{{\"Records\":[{}]}}", batch.join(",")).into_bytes()),
            };
            all.add(agree(ways, &given, number % 5 == 4));
        }
    }
    assert!(all.findings > 100 && all.unread == 0, "{all:?}");
}

/// How many of the records in a payload, all of which tell their time, are left out by the built-in rules, in percent.
fn left_out(payload: &str, asks: bool) -> usize {
    let (rules, mut screen, mut buffers) = (RuleSet::load(&[]).unwrap(), Screen::default(), Buffers::default());
    let mut sieve = |sketch: &Sketch<'_>| !screen.admits(&rules, sketch, |_, _| asks);
    let (mut screened, mut read) = (0, 0);
    let screening = Screening { sieve: &mut sieve, buffers: &mut buffers };
    sources::payload("input", payload, Some(screening), &mut |_, item| match item {
        Item::Screened(time) => {
            assert!(str::from_utf8(time).ok().and_then(timestamp).is_some(), "{time:?}");
            screened += 1;
        }
        _ => read += 1,
    });
    screened * 100 / (screened + read)
}

#[test]
fn what_nobody_watches_is_left_out_in_every_layout_that_is_read_over() {
    let noise: Vec<String> =
        Records::new(SEED).filter(|record| !record.is_interesting).map(|record| record.text).take(300).collect();
    let dice = &mut Dice::new(&[]);
    let inner = |blanks: Blanks, escapes: Escapes, turn: usize| -> Vec<String> {
        let written = noise.iter().map(|text| {
            let Some(Node::Object(mut members)) = Node::parse(text) else { panic!("{text}") };
            members.rotate_left(turn);
            Node::Object(members).written(Style { blanks, escapes }, &mut Dice::new(&[]))
        });
        written.collect()
    };
    let mut outer = |blanks: Blanks, escapes: Escapes| {
        delivered(&Node::parse(&usual(&noise)).unwrap().written(Style { blanks, escapes }, dice))
    };
    let layouts = [
        ("as AWS writes it", delivered(&usual(&noise))),
        ("members in another order", delivered(&usual(&inner(Blanks::None, Escapes::None, 3)))),
        ("blanks in records", delivered(&usual(&inner(Blanks::Some, Escapes::None, 0)))),
        ("lines in records", delivered(&usual(&inner(Blanks::Lines, Escapes::None, 0)))),
        ("blanks in the batch", outer(Blanks::Some, Escapes::None)),
        ("lines in the batch", outer(Blanks::Lines, Escapes::None)),
    ];
    for (name, payload) in layouts {
        let share = left_out(&payload, false);
        assert!(share >= 95, "{name}: {share} %");
    }
}

#[test]
fn watched_calls_are_left_out_when_they_failed_or_lack_what_their_rules_need() {
    let record = |call: [&str; 2], rest: &str| {
        let [source, name] = call;
        format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{}},"eventTime":"2026-03-04T10:00:00Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.23","userAgent":"aws-cli"{rest}}}"#
        )
    };
    let (stop, attach) = (["cloudtrail", "StopLogging"], ["iam", "AttachRolePolicy"]);
    for (call, rest, is_left_out) in [
        (stop, "", false),
        (stop, r#","errorCode":"AccessDenied""#, true),
        (stop, r#","errorCode":"""#, false),
        (stop, r#","requestParameters":{"errorCode":"AccessDenied"}"#, false),
        (attach, "", true),
        (attach, r#","liveState":{}"#, false),
        (attach, r#","LIVESTATE":{}"#, false),
        (attach, r#","requestParameters":{"x":"livestate"}"#, false),
    ] {
        let payload = delivered(&usual(&[record(call, rest)]));
        assert_eq!(left_out(&payload, false) == 100, is_left_out, "{call:?}{rest}");
        assert_eq!(left_out(&payload, true), 0, "what live state asks for is read: {call:?}{rest}");
    }
}

#[test]
fn of_records_whose_time_is_written_otherwise_none_is_left_out() {
    for (time, expected) in [("2026-03-04T10:00:00Z", 100), ("2026-03-04T10:00:00.123Z", 0)] {
        let record = format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{}},"eventTime":"{time}","eventSource":"ec2.amazonaws.com","eventName":"DescribeTags"}}"#
        );
        assert_eq!(left_out(&delivered(&usual(&[record])), false), expected, "{time}");
    }
}

const WATCHED: &str = r#"{"eventVersion":"1.11","userIdentity":IDENTITY,"eventTime":"2026-03-04T10:00:00Z","eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","requestParameters":{"name":"org-trail"}}"#;
const HARMLESS: &str =
    r#""eventTime":"2026-03-04T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeTags""#;

/// Each names another call first, further inside.
#[test]
fn a_call_that_stands_inside_hides_none_that_stands_outside() {
    let identities = [
        format!(r#"{{"x":{{}},{HARMLESS}}}"#),
        format!(r#"{{"x":{{"y":{{}},{HARMLESS}}}}}"#),
        format!(r#"{{"x":":{{","y":{{"z":{{}},{HARMLESS}}}}}"#),
        format!(r#"{{"x":"}}","y":{{}},{HARMLESS}}}"#),
        format!(r#"{{"x":"a}}","y":{{}},{HARMLESS}}}"#),
        format!(r#"{{"x":"}}}}","y":{{"z":["}}"]}},{HARMLESS}}}"#),
        format!(r#"{{"x":[{{"y":{{}},{HARMLESS}}}]}}"#),
        r#"{},"eventSource":"ec2.amazonaws.com","x":{}"#.to_owned(),
    ];
    for identity in identities {
        let record = WATCHED.replace("IDENTITY", &identity);
        assert!(Event::parse(&record).is_ok(), "{record}");
        agree(&WAYS[0], &Given::Payload(delivered(&usual(&[record, WATCHED.replace("IDENTITY", "{}")]))), false);
    }
}

#[test]
fn what_follows_the_gzip_is_not_overlooked() {
    // The last bytes of a size that 256 divides may be those of the same size twice, partly over each other.
    let batch = |blanks: usize| usual(&[WATCHED.replace("IDENTITY", "{}")]) + &" ".repeat(blanks);
    let batch = batch(256 - batch(0).len() % 256);
    let payload = delivered(&batch);
    let data = payload.split('"').nth(5).unwrap();
    let gzip = BASE64_STANDARD.decode(data).unwrap();
    for more in 1..8 {
        let longer = [&gzip[..], &gzip[gzip.len() - 3..], &gzip[..]].concat();
        let data = BASE64_STANDARD.encode(&longer[..gzip.len() + more]);
        let agreed = agree(&WAYS[0], &Given::Payload(format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#)), false);
        assert_eq!(agreed.rejected, 1);
    }
}

#[test]
fn a_run_for_live_state_after_one_without_asks_for_the_same() {
    // Few rules, so that live state asks for records that none of them watches.
    let ways = generated(10);
    for record in shared::record::fixtures(&root()) {
        let given = Given::Payload(delivered(&usual(&[record])));
        for live in [false, true] {
            agree(&ways, &given, live);
        }
    }
}
