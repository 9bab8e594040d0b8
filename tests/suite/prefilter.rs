//! The prefilter changes nothing but the time: the findings, counts and rejections with it are those without it.

mod batch;
mod compare;
mod dice;
mod file;
mod node;
mod record;
mod rules;
mod words;

use std::fs;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use batch::{delivered, usual};
use compare::{Agreed, Ways};
use dice::Dice;
use node::{Blanks, Escapes, Node, Style};
use proptest::prelude::*;
use record::{Corpus, message};
use trailwarden::event::{Event, timestamp};
use trailwarden::prefilter::Prefilter;
use trailwarden::rules::RuleSet;
use trailwarden::sources::{Content, Item, Reader};

use crate::support::{public_data, root};
use crate::workload::generated::SEED;
use crate::workload::generated::record::Records;
use crate::workload::generated::rules::generated_rules;

/// An input of either way.
#[derive(Debug, Clone)]
enum Given {
    /// A payload in memory, as the Lambda function receives it.
    Payload(String),
    /// The bytes of a file.
    File(Vec<u8>),
}

/// The input that choices make of the records that there are.
fn given(dice: &mut Dice<'_>, corpus: &Corpus) -> Given {
    let count = 1 + dice.below(6);
    match dice.below(8) {
        0..=5 => Given::Payload(batch::payload(dice, corpus, count)),
        _ => Given::File(file::bytes(dice, corpus, count)),
    }
}

/// A set without rules.
static NO_RULES: LazyLock<RuleSet> = LazyLock::new(rules::none);

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    Corpus::new(Records::new(SEED).take(1_000).map(|record| record.text).chain(record::fixtures(&root())))
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
        let given = given(&mut Dice::new(&bytes), &CORPUS);
        agree(&WAYS[place % WAYS.len()], &given, live);
    }

    #[test]
    fn a_record_that_a_rule_matches_contains_the_literals_that_the_rule_requires(
        place in 0..usize::MAX,
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let text = message(&mut Dice::new(&bytes), &CORPUS);
        let rules = WAYS[place % WAYS.len()].rules();
        let Some(event) = Event::parse(&text).ok().filter(|_| text.is_ascii() && !text.contains("\\u")) else {
            return Ok(());
        };
        let lower_case = text.to_ascii_lowercase();
        for finding in rules.evaluate_all(&event) {
            let rule = rules.rules().iter().find(|rule| rule.info().name == finding.rule.name).unwrap();
            for literals in &rule.required_literals().0 {
                let is_there = literals.iter().any(|literal| lower_case.contains(literal));
                prop_assert!(is_there, "{} requires one of {:?}: {}", finding.rule.name, literals, text);
            }
        }
    }
}

#[test]
fn nearly_all_generated_inputs_are_compared() {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut all = Agreed::default();
    for _ in 0..400 {
        let bytes: Vec<u8> = (0..random.usize(0..600)).map(|_| random.u8(..)).collect();
        all.add(agree(&WAYS[1], &given(&mut Dice::new(&bytes), &CORPUS), false));
    }
    assert!(all.odd < 40 && all.findings > 100, "{all:?}");
}

/// The records of the public logs.
fn real() -> Vec<String> {
    let directory = public_data("cloudtrail");
    let mut records = Vec::new();
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            records.extend(Reader::stream("real", bytes.as_slice()).filter_map(|item| match item.content {
                Content::Record(record) => Some(record.into_json()),
                _ => None,
            }));
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
    assert!(all.findings > 100 && all.odd == 0, "{all:?}");
}

/// How many of the records in a payload, all of which contain their time, are skipped by the built-in rules, in percent.
fn skipped(payload: &str, asks: bool) -> usize {
    let (rules, mut prefilter) = (RuleSet::load(&[]).unwrap(), Prefilter::default());
    let (mut skipped, mut read) = (0, 0);
    let mut reader = Reader::payload("input", payload);
    while let Some(Item { content, .. }) = reader.next_unopened() {
        let Content::Nested(nested) = content else { panic!("no log event") };
        match prefilter.skips(&rules, nested.raw(), |_, _| asks) {
            Some(time) => {
                assert!(timestamp(time).is_some(), "{time}");
                skipped += 1;
            }
            None => read += 1,
        }
    }
    skipped * 100 / (skipped + read)
}

#[test]
fn records_of_unwatched_calls_are_skipped_in_every_layout_that_begins_as_cloudtrail_does() {
    let noise: Vec<String> =
        Records::new(SEED).filter(|record| !record.is_interesting).map(|record| record.text).take(300).collect();
    let dice = &mut Dice::new(&[]);
    let inner = |blanks: Blanks, escapes: Escapes| -> Vec<String> {
        let written =
            noise.iter().map(|text| Node::parse(text).unwrap().written(Style { blanks, escapes }, &mut Dice::new(&[])));
        written.collect()
    };
    let mut outer = |blanks: Blanks, escapes: Escapes| {
        delivered(&Node::parse(&usual(&noise)).unwrap().written(Style { blanks, escapes }, dice))
    };
    let layouts = [
        ("as AWS writes it", delivered(&usual(&noise))),
        ("blanks in records", delivered(&usual(&inner(Blanks::Some, Escapes::None)))),
        ("blanks in the batch", outer(Blanks::Some, Escapes::None)),
        ("lines in the batch", outer(Blanks::Lines, Escapes::None)),
    ];
    for (name, payload) in layouts {
        let share = skipped(&payload, false);
        assert!(share >= 95, "{name}: {share} %");
    }
}

#[test]
fn records_of_watched_calls_are_skipped_when_the_call_failed_or_a_required_literal_is_missing() {
    let record = |call: [&str; 2], rest: &str| {
        let [source, name] = call;
        format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{}},"eventTime":"2026-03-04T10:00:00Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.23","userAgent":"aws-cli"{rest}}}"#
        )
    };
    let (stop, attach) = (["cloudtrail", "StopLogging"], ["iam", "AttachRolePolicy"]);
    for (call, rest, is_skipped) in [
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
        assert_eq!(skipped(&payload, false) == 100, is_skipped, "{call:?}{rest}");
        assert_eq!(skipped(&payload, true), 0, "what live state asks for is read: {call:?}{rest}");
    }
}

#[test]
fn a_regular_expression_requires_the_literals_that_each_match_contains() {
    for (item, literals) in [
        ("userAgent|re: '^aws-cli/2'", &[&["aws-cli"][..]][..]),
        ("userAgent|re|i: '^AWS-cli.*Linux$'", &[&["aws-cli"], &["linux"]]),
        ("userAgent|re: '(kali|parrot)-os'", &[&["kali", "parrot"]]),
        ("userAgent|re: ['kali', '[Pp]arrot']", &[&["kali", "parrot"]]),
        ("userAgent|re|all: ['kali', 'linux']", &[&["kali"], &["linux"]]),
        ("userAgent|re: '(?:kali){1,3}'", &[&["kali"]]),
        // What may be missing, what has other forms, and what is too short is not required.
        ("userAgent|re: '(kali)?'", &[]),
        ("userAgent|re: 'kali|[a-z]+'", &[]),
        ("userAgent|re: ['kali', '.*']", &[]),
        ("userAgent|re: 'k.a.l.i'", &[]),
        ("userAgent|re|neq: 'kali'", &[]),
        ("requestParameters.port|re: '^1433$'", &[]),
        ("requestParameters.policy|re: '\"Effect\": *\"Allow\"'", &[&["effect"], &["allow"]]),
    ] {
        assert_eq!(rules::required_literals(&format!("s: {{{item}}}\ncondition: s")), literals, "{item}");
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
    for record in record::fixtures(&root()) {
        let given = Given::Payload(delivered(&usual(&[record])));
        for live in [false, true] {
            agree(&ways, &given, live);
        }
    }
}
