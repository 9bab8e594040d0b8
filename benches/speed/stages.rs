//! Each stage alone, on the output of the previous stage. A new stage is a row in [`STAGES`].

use std::cell::RefCell;
use std::hint::black_box;
use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use criterion::Criterion;
use flate2::read::GzDecoder;
use jiff::Timestamp;
use trailwarden::event::Event;
use trailwarden::finding::{Finding, ocsf};
use trailwarden::prefilter::Prefilter;
use trailwarden::rules::{Options, RuleSet};
use trailwarden::sources::{Content, Reader};

use crate::limit;
use crate::race::{Lane, OURS, race};
use crate::rule_sets::COUNTS;
use crate::table::{Table, counted};
use crate::workload::SEED;
use crate::workload::batch::{MEDIUM, Size, Workload};
use crate::workload::rules::{GeneratedRule, alone, generated_rules};

/// The input of the stages.
struct Between<'b> {
    workload: &'b Workload,
    rules: &'b RuleSet,
    events: &'b [Event<'b>],
    records: &'b [String],
    findings: &'b [Finding],
    /// Its cache persists between payloads.
    prefilter: RefCell<Prefilter>,
}

/// A pass over the whole input.
type Stage = for<'b> fn(&'b Between<'b>);

/// Name for `cargo bench -- stages/NAME`, description, and the stage.
const STAGES: &[(&str, &str, Stage)] = &[
    ("flate2", "base64 and flate2 with zlib-rs, for comparison", |between| {
        for payload in &between.workload.payloads {
            let gzip = BASE64_STANDARD.decode(payload.data()).unwrap();
            let mut batch = Vec::new();
            GzDecoder::new(gzip.as_slice()).read_to_end(&mut batch).unwrap();
            black_box(batch);
        }
    }),
    ("decode", "payload to the text of records, every record", |between| {
        for payload in &between.workload.payloads {
            black_box(Reader::payload("payload", &payload.text).count());
        }
    }),
    ("read", "payload to the raw text of records, every record", |between| {
        for payload in &between.workload.payloads {
            let mut reader = Reader::payload("payload", &payload.text);
            black_box(std::iter::from_fn(|| reader.next_unopened()).count());
        }
    }),
    ("prefilter", "payload to the text of records that a rule could match", |between| {
        let prefilter = &mut *between.prefilter.borrow_mut();
        for payload in &between.workload.payloads {
            let mut reader = Reader::payload("payload", &payload.text);
            while let Some(item) = reader.next_unopened() {
                if let Content::Nested(nested) = item.content
                    && prefilter.skips(between.rules, nested.raw(), |_, _| false).is_none()
                {
                    reader.open(item.place, nested);
                }
            }
        }
    }),
    ("event", "text to event, every record", |between| {
        for record in between.records {
            black_box(Event::parse(record).unwrap());
        }
    }),
    ("evaluate", "event to findings by the built-in rules, every record", |between| {
        for event in between.events {
            black_box(between.rules.evaluate(event));
        }
    }),
    ("ocsf", "findings to lines of OCSF", |between| {
        for finding in between.findings {
            black_box(ocsf::line(finding, Timestamp::UNIX_EPOCH));
        }
    }),
];

pub(crate) fn run(criterion: &mut Criterion, table: &mut Table, workloads: &[&Workload]) {
    for workload in workloads {
        measure(criterion, table, workload);
    }
}

fn measure(criterion: &mut Criterion, table: &mut Table, workload: &Workload) {
    let rules = RuleSet::load(&[]).unwrap();
    let records = records(workload);
    let events: Vec<Event<'_>> = records.iter().map(|text| Event::parse(text).unwrap()).collect();
    let findings: Vec<Finding> = events.iter().flat_map(|event| rules.evaluate(event)).collect();
    let between = Between {
        workload,
        rules: &rules,
        events: &events,
        records: &records,
        findings: &findings,
        prefilter: RefCell::default(),
    };
    for (name, what, stage) in STAGES {
        let times = race(criterion, &format!("stages/{name}"), workload.name, OURS, || {
            vec![limit::lane(workload), Lane::new(OURS, || stage(&between))]
        });
        if let Some(times) = times {
            table.stage(workload, what, &times);
        }
    }
}

fn records(workload: &Workload) -> Vec<String> {
    let items = workload.payloads.iter().flat_map(|payload| Reader::payload("payload", &payload.text));
    let records = items.filter_map(|item| match item.content {
        Content::Record(record) => Some(record.into_json()),
        _ => None,
    });
    records.collect()
}

/// Loading rules, compared with the limit for one payload of 1 MB.
pub(crate) fn load(criterion: &mut Criterion, table: &mut Table) {
    let workload = Workload::generate(SEED, Size { payloads: 1, ..MEDIUM });
    let mut sets = vec![("built-in".to_owned(), Options::default(), None)];
    for count in COUNTS {
        let directory = tempfile::tempdir().unwrap();
        GeneratedRule::write_all(&generated_rules(SEED, count), directory.path());
        sets.push((format!("built-in and {} generated", counted(count)), alone(directory.path()), Some(directory)));
    }
    for (name, options, _directory) in &sets {
        let times = race(criterion, "load", name, OURS, || {
            let load = Lane::new(OURS, || {
                black_box(RuleSet::load_with(options).unwrap());
            });
            vec![limit::lane(&workload), load]
        });
        if let Some(times) = times {
            table.load(name, &times);
        }
    }
}
