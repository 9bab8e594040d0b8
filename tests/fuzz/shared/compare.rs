//! The two ways of evaluating an input, and in what they differ.

use std::fmt::Write as _;
use std::io::Cursor;

use trailwarden::event::Event;
use trailwarden::finding::Finding;
use trailwarden::pipeline::{Input, Outcome, Pipeline, Rejection, Tally};
use trailwarden::rules::RuleSet;
use trailwarden::skim::glance;
use trailwarden::sources::{self, Item};
use trailwarden::suppress::Exemptions;

use super::Given;

/// How much later, in milliseconds, the second way may begin.
const LATER: u64 = 600_000;

/// Most characters of a record that are shown.
const MOST_SHOWN: usize = 4_000;

/// A set of rules, with the screen and without.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) name: String,
    screened: Pipeline,
    plain: Pipeline,
}

/// What both ways agree about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Agreed {
    pub(crate) records: u64,
    pub(crate) findings: u64,
    pub(crate) rejected: u64,
    /// Records that the screen takes for JSON at a glance, and that are none; the plain way rejects them.
    pub(crate) unread: u64,
}

impl Agreed {
    pub(crate) fn add(&mut self, other: Self) {
        self.records += other.records;
        self.findings += other.findings;
        self.rejected += other.rejected;
        self.unread += other.unread;
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
        Self { name: name.to_owned(), screened: pipeline(), plain: pipeline().without_screen() }
    }

    pub(crate) fn rules(&self) -> &RuleSet {
        self.plain.rules()
    }

    /// What both ways come to, `live` where live state would be asked, or in what they differ.
    pub(crate) fn agree(&self, given: &Given, live: bool) -> Result<Agreed, String> {
        let (screened, plain) = (told(&self.screened, given, live), told(&self.plain, given, live));
        let unread = unread(given);
        let mut differences = String::new();
        let mut differ = |what: &str, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
            let _ = write!(differences, "\n{what}\n  screened: {one:?}\n  plain:    {other:?}");
        };
        // Where records are no JSON, rejections may be missing, and nothing else.
        let is_excused = |outcome: &&Result<Finding, Rejection>| {
            unread > 0 && outcome.is_err() && !screened.outcomes.contains(outcome)
        };
        let excused = plain.outcomes.iter().filter(is_excused).count() as u64;
        if !plain.outcomes.iter().filter(|outcome| !is_excused(outcome)).eq(screened.outcomes.iter()) {
            differ("outcomes", &screened.outcomes, &plain.outcomes);
        }
        if screened.cases != plain.cases {
            differ("cases", &screened.cases, &plain.cases);
        }
        let expected = Tally {
            clean: plain.tally.clean + excused,
            rejected: plain.tally.rejected.saturating_sub(excused),
            longest_lag: screened.tally.longest_lag,
            ..plain.tally
        };
        if screened.tally != expected
            || excused > unread
            || screened.tally.longest_lag.is_some() != plain.tally.longest_lag.is_some() && excused == 0
        {
            differ("tally", &screened.tally, &plain.tally);
        }
        if let (Some(one), Some(other)) = (screened.tally.longest_lag, plain.tally.longest_lag)
            && one.abs_diff(other) > LATER
            && excused == 0
        {
            differ("lag", &one, &other);
        }
        if differences.is_empty() {
            let tally = plain.tally;
            return Ok(Agreed { records: tally.received, findings: tally.findings, rejected: tally.rejected, unread });
        }
        let mut told = format!("{}, live {live}:{differences}\n", self.name);
        for (number, record) in records(given).iter().enumerate() {
            let _ = writeln!(told, "record {}: {}", number + 1, record.chars().take(MOST_SHOWN).collect::<String>());
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
            Outcome::Finding(finding) => Ok(*finding),
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

/// The texts of all records, as the plain way decodes them.
fn records(given: &Given) -> Vec<String> {
    let mut records = Vec::new();
    let mut take = |_: &sources::Place, item: Item<'_>| {
        if let Item::Record(record) = item {
            records.push(record.json().into_owned());
        }
    };
    match given {
        Given::Payload(text) => sources::payload("input", text, None, &mut take),
        Given::File(bytes) => sources::stream("input", Cursor::new(bytes), None, &mut take),
    };
    records
}

/// How many records look like those that CloudTrail writes and cannot be parsed: they are taken at a glance.
fn unread(given: &Given) -> u64 {
    let is_unread = |text: &String| {
        let literal = serde_json::Value::from(text.as_str()).to_string();
        let escaped = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
        Event::parse(text).is_err() && glance(escaped, false).is_some()
    };
    records(given).iter().filter(|text| is_unread(text)).count() as u64
}
