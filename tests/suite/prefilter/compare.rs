//! The two ways of evaluating an input, with the prefilter and without, and in what they differ.

use std::fmt::Write as _;
use std::io::Cursor;

use trailwarden::event::Event;
use trailwarden::finding::Finding;
use trailwarden::pipeline::{Input, Outcome, Pipeline, Rejection, Tally};
use trailwarden::prefilter::Prefilter;
use trailwarden::rules::RuleSet;
use trailwarden::sources::{Content, Item, Raw, Reader};
use trailwarden::suppress::Exemptions;

use super::{Given, NO_RULES};

/// How much later, in milliseconds, the second way may begin.
const LATER: u64 = 600_000;

/// Maximum number of characters of a record that are shown.
const MAX_SHOWN: usize = 4_000;

/// A set of rules, with the prefilter and without.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) name: String,
    filtered: Pipeline,
    plain: Pipeline,
}

/// What both ways agree about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Agreed {
    pub(crate) records: u64,
    pub(crate) findings: u64,
    pub(crate) rejected: u64,
    /// Inputs with a text that the prefilter may skip and that is not a record of CloudTrail: these are not compared.
    pub(crate) odd: u64,
}

impl Agreed {
    pub(crate) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.findings += other.findings;
        self.rejected += other.rejected;
        self.odd += other.odd;
    }
}

/// What one way comes to.
#[derive(Debug)]
struct Told {
    outcomes: Vec<Result<Finding, Rejection>>,
    /// The records that live state is asked about, as text.
    cases: Vec<String>,
    tally: Tally,
}

impl Ways {
    /// Of the rules that `load` gives each time, with exemptions for some.
    pub(crate) fn new(name: &str, load: impl Fn() -> RuleSet, exemptions: impl Fn(&RuleSet) -> Exemptions) -> Self {
        let pipeline = || {
            let rules = load();
            let exemptions = exemptions(&rules);
            Pipeline::new(rules).with_exemptions(exemptions)
        };
        Self { name: name.to_owned(), filtered: pipeline(), plain: pipeline().without_prefilter() }
    }

    pub(crate) fn rules(&self) -> &RuleSet {
        self.plain.rules()
    }

    /// What both ways come to, `live` where live state would be asked, or in what they differ.
    pub(crate) fn agree(&self, given: &Given, live: bool) -> Result<Agreed, String> {
        let (filtered, plain) = (told(&self.filtered, given, live), told(&self.plain, given, live));
        if texts(given).iter().any(is_odd) {
            return Ok(Agreed { odd: 1, ..Agreed::default() });
        }
        let mut differences = String::new();
        let mut differ = |what: &str, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
            let _ = write!(differences, "\n{what}\n  filtered: {one:?}\n  plain:    {other:?}");
        };
        if filtered.outcomes != plain.outcomes {
            differ("outcomes", &filtered.outcomes, &plain.outcomes);
        }
        if filtered.cases != plain.cases {
            differ("cases", &filtered.cases, &plain.cases);
        }
        if filtered.tally != (Tally { longest_lag: filtered.tally.longest_lag, ..plain.tally }) {
            differ("tally", &filtered.tally, &plain.tally);
        }
        match (filtered.tally.longest_lag, plain.tally.longest_lag) {
            (Some(one), Some(other)) if one.abs_diff(other) <= LATER => {}
            (None, None) => {}
            (one, other) => differ("lag", &one, &other),
        }
        if differences.is_empty() {
            let Tally { received: records, findings, rejected, .. } = plain.tally;
            return Ok(Agreed { records, findings, rejected, odd: 0 });
        }
        let mut told = format!("{}, live {live}:{differences}\n", self.name);
        for (number, record) in texts(given).iter().map(Raw::json).enumerate() {
            let _ = writeln!(told, "record {}: {}", number + 1, record.chars().take(MAX_SHOWN).collect::<String>());
        }
        let _ = match given {
            Given::Payload(text) => writeln!(told, "{text}"),
            Given::File(bytes) => writeln!(told, "{}", String::from_utf8_lossy(bytes)),
        };
        Err(told)
    }
}

fn input(given: &Given) -> Input<'_> {
    match given {
        Given::Payload(text) => Input::Payload(text),
        Given::File(bytes) => Input::Stream(Box::new(Cursor::new(bytes))),
    }
}

fn told(pipeline: &Pipeline, given: &Given, live: bool) -> Told {
    let mut outcomes = Vec::new();
    let mut take = |outcome: Outcome| {
        outcomes.push(match outcome {
            Outcome::Finding(finding, _) => Ok(*finding),
            Outcome::Item(_) => return,
            Outcome::Rejection(rejection) => Err(rejection),
        });
    };
    let (tally, cases) = match live {
        true => pipeline.run_for_live_state("input", input(given), &mut take),
        false => (pipeline.run("input", input(given), &mut take), Vec::new()),
    };
    assert!(live || tally.balances(), "{tally}");
    Told { outcomes, cases: cases.iter().map(|case| format!("{case:?}")).collect(), tally }
}

/// The texts that are shown to the prefilter.
fn texts(given: &Given) -> Vec<Raw> {
    let mut reader = match given {
        Given::Payload(text) => Reader::payload("input", text),
        Given::File(bytes) => Reader::stream("input", Cursor::new(bytes)),
    };
    let mut texts = Vec::new();
    while let Some(Item { place, content }) = reader.next_unopened() {
        match content {
            Content::Record(raw) => texts.push(raw),
            Content::Nested(nested) => {
                texts.push(nested.raw().clone());
                reader.open(place, nested);
            }
            Content::Control
            | Content::ConfigurationItem(_)
            | Content::OversizedItem(_)
            | Content::Object(_)
            | Content::Rejected(_)
            | Content::Failed(_) => {}
        }
    }
    texts
}

/// Whether the prefilter might skip a text that is not one record whose own members are called as CloudTrail calls them.
fn is_odd(raw: &Raw) -> bool {
    let names_call = |event: Event<'_>| {
        ["eventSource", "eventName", "eventTime"].iter().all(|key| event.root().get(key).is_some())
            && !["Records", "CloudTrailEvent", "eventJson"].iter().any(|key| event.root().get(key).is_some())
    };
    Prefilter::default().skips(&NO_RULES, raw, |_, _| false).is_some()
        && !Event::parse(&raw.json()).is_ok_and(names_call)
}
