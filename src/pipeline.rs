//! Runs the stages over one input and counts what became of every record.

#[cfg(feature = "live")]
pub mod aws;
mod evaluator;
mod lag;
mod live;

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use crate::actions;
use crate::event::{Attachment, Event, LIVE_STATE, RecordError, is_service, repaired, without};
use crate::facts::Earlier;
use crate::finding::Finding;
use crate::live_state::LiveState;
use crate::rules::RuleSet;
use crate::screen::Screen;
use crate::skim::{Sketch, glance};
use crate::sources::{self, Buffers, Item, Place, Record, Screening};
use crate::suppress::Exemptions;
use crate::text::visible_at_most;

pub use evaluator::Evaluator;
#[cfg(feature = "lambda")]
pub use evaluator::Progress;
use lag::Lag;
use live::Asking;
pub use live::Case;

/// Longest reason, in characters, that is shown.
const MOST_OF_A_REASON: usize = 400;

/// Why a record is rejected when something on the way panicked.
const FAILED_INSIDE: &str = "evaluating it failed inside Trailwarden; please report this";

/// Has panics say where they arose and not why: the message may quote the record, which is rejected instead.
pub fn hide_panic_messages() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        // Nothing can be done about a closed standard error.
        let _ = writeln!(io::stderr(), "panicked at {place}; please report this");
    }));
}

/// What became of the records of a run. A record is everything that was received as one: also what turned out to be
/// none, and a whole file or payload that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Tally {
    /// Records received.
    pub received: u64,
    /// Records no rule matched.
    pub clean: u64,
    /// Records at least one rule matched.
    pub matched: u64,
    /// Records of which every finding was exempt.
    pub exempt: u64,
    /// Records that could not be evaluated.
    pub rejected: u64,
    /// Deliveries that hold no records by design; not among the received.
    pub control: u64,
    /// Records that repeat one of the same input, word for word, that a rule matched; not among the received.
    pub duplicates: u64,
    /// Findings that are not exempt; one record can have several.
    pub findings: u64,
    /// Findings that are exempt.
    pub suppressed: u64,
    /// Questions that were put to live state, of whatever kind; several share a call.
    #[serde(skip)]
    pub lookups: u64,
    /// Those of them that were not answered.
    #[serde(skip)]
    pub lookups_failed: u64,
    /// Longest time between a record's `eventTime` and its evaluation, in milliseconds, where one tells.
    #[serde(skip)]
    pub longest_lag: Option<u64>,
}

impl Tally {
    /// Whether every received record is accounted for.
    pub fn balances(&self) -> bool {
        self.received == self.clean + self.matched + self.exempt + self.rejected
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.clean += other.clean;
        self.matched += other.matched;
        self.exempt += other.exempt;
        self.rejected += other.rejected;
        self.control += other.control;
        self.duplicates += other.duplicates;
        self.findings += other.findings;
        self.suppressed += other.suppressed;
        self.lookups += other.lookups;
        self.lookups_failed += other.lookups_failed;
        self.longest_lag = self.longest_lag.max(other.longest_lag);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, clean, matched, exempt, rejected, control, duplicates, findings, suppressed, .. } = self;
        let counted = |count: &u64, noun: &str| format!("{count} {noun}{}", if *count == 1 { "" } else { "s" });
        write!(formatter, "{} = {clean} clean + {matched} matched", counted(received, "record"))?;
        write!(formatter, " + {exempt} exempt + {rejected} rejected; {}", counted(findings, "finding"))?;
        if *suppressed > 0 {
            write!(formatter, ", {suppressed} more exempt")?;
        }
        if *duplicates > 0 {
            write!(formatter, "; {}", counted(duplicates, "duplicate"))?;
        }
        if *control > 0 {
            write!(formatter, "; {}", counted(control, "control message"))?;
        }
        if self.balances() { Ok(()) } else { formatter.write_str("; THE COUNTS DO NOT BALANCE, please report this") }
    }
}

/// Something that could not be evaluated: where it is and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Where it is.
    pub place: Place,
    /// Why it could not be evaluated.
    pub reason: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, visible_at_most(&self.reason, MOST_OF_A_REASON))
    }
}

/// What a run hands out, in the order of the input.
#[derive(Debug)]
pub enum Outcome {
    /// A rule matched a record.
    Finding(Box<Finding>),
    /// Something could not be evaluated.
    Rejection(Rejection),
}

impl Outcome {
    /// The finding, if it is one.
    #[cfg(feature = "live")]
    fn finding_mut(&mut self) -> Option<&mut Finding> {
        match self {
            Self::Finding(finding) => Some(finding),
            Self::Rejection(_) => None,
        }
    }
}

/// What a payload comes to.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// What became of its records.
    pub tally: Tally,
    /// The findings, in the order of the records.
    pub findings: Vec<Finding>,
    /// What could not be evaluated, in the same order.
    pub rejections: Vec<Rejection>,
}

impl Evaluated {
    /// Takes what a run hands out.
    fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Finding(finding) => self.findings.push(*finding),
            Outcome::Rejection(rejection) => self.rejections.push(rejection),
        }
    }
}

/// One input.
pub enum Input<'i> {
    /// A file or standard input, read as a stream.
    Stream(Box<dyn BufRead + 'i>),
    /// A payload held in memory.
    Payload(&'i str),
    /// An input that could not be opened, and why.
    Unreadable(String),
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stream(_) => "Stream",
            Self::Payload(_) => "Payload",
            Self::Unreadable(_) => "Unreadable",
        })
    }
}

/// The stages, ready to run.
#[derive(Debug)]
pub struct Pipeline {
    rules: RuleSet,
    exemptions: Exemptions,
    /// Whether records that no rule can match are left out before they are parsed.
    screens: bool,
    /// What earlier runs leave to later ones; a run takes one of them.
    left: Mutex<Vec<Left>>,
}

/// What a run leaves to the next.
#[derive(Debug, Default)]
struct Left {
    buffers: Buffers,
    screen: Screen,
    /// The same for live state, which asks for more records.
    screen_for_live_state: Screen,
}

impl Pipeline {
    /// A pipeline with these rules, and no exemptions.
    pub fn new(rules: RuleSet) -> Self {
        Self { rules, exemptions: Exemptions::default(), screens: true, left: Mutex::default() }
    }

    /// The same with every record unescaped, parsed and put to every rule: a check on the screen. It comes to the same
    /// findings, in many times the time, and rejects what [`crate::skim::glance`] takes on trust.
    #[must_use]
    pub fn without_screen(self) -> Self {
        Self { screens: false, ..self }
    }

    /// The same with these exemptions.
    #[must_use]
    pub fn with_exemptions(self, exemptions: Exemptions) -> Self {
        Self { exemptions, ..self }
    }

    /// Its rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Its exemptions.
    pub fn exemptions(&self) -> &Exemptions {
        &self.exemptions
    }

    /// Takes one input, called `source`, through all stages. Findings and rejections go to `outcomes` as they arise.
    pub fn run(&self, source: &str, input: Input<'_>, outcomes: &mut dyn FnMut(Outcome)) -> Tally {
        let mut tally = Tally::default();
        self.judged(source, input, None, &mut tally, &mut |place, judged, tally| {
            let findings = judged.map(|judged| judged.findings);
            self.count(findings.map_err(|reason| Rejection { place: place.clone(), reason }), tally, outcomes);
        });
        tally
    }

    /// The same with everything in memory, for a payload whose findings are published together.
    pub fn gather(&self, source: &str, input: Input<'_>) -> Evaluated {
        let mut evaluated = Evaluated::default();
        evaluated.tally = self.run(source, input, &mut |outcome| evaluated.take(outcome));
        evaluated
    }

    /// The same with what live state says.
    pub async fn gather_settled<S: LiveState>(&self, source: &str, input: Input<'_>, live: &S) -> Evaluated {
        let mut evaluated = Evaluated::default();
        let (mut tally, cases) = self.run_for_live_state(source, input, &mut |outcome| evaluated.take(outcome));
        self.settle(cases, live, &mut tally, &mut |outcome| evaluated.take(outcome)).await;
        Evaluated { tally, ..evaluated }
    }

    /// The same as [`Pipeline::run`], but for records that live state has something to say about: they are returned, for
    /// [`Pipeline::settle`], which counts them too.
    pub fn run_for_live_state(
        &self,
        source: &str,
        input: Input<'_>,
        outcomes: &mut dyn FnMut(Outcome),
    ) -> (Tally, Vec<Case>) {
        // All findings are cases, so that they keep the order of the input.
        self.run_with_cases(source, input, outcomes, |judged| judged.asks || !judged.findings.is_empty())
    }

    /// The same as [`Pipeline::run_for_live_state`], but findings that live state does not confirm go to `outcomes` as they
    /// arise, before those of earlier records that wait for it.
    #[cfg(feature = "lambda")]
    pub fn run_ahead_of_live_state(
        &self,
        source: &str,
        input: Input<'_>,
        outcomes: &mut dyn FnMut(Outcome),
    ) -> (Tally, Vec<Case>) {
        self.run_with_cases(source, input, outcomes, |judged| {
            judged.asks || judged.findings.iter().any(|finding| finding.rule.confirm.is_some())
        })
    }

    fn run_with_cases(
        &self,
        source: &str,
        input: Input<'_>,
        outcomes: &mut dyn FnMut(Outcome),
        is_case: fn(&Judged<'_>) -> bool,
    ) -> (Tally, Vec<Case>) {
        let mut cases = Vec::new();
        let mut tally = Tally::default();
        self.judged(source, input, Some(&live::ASKING), &mut tally, &mut |place, judged, tally| match judged {
            Ok(judged) if is_case(&judged) => {
                cases.push(Case::new(place.clone(), judged));
            }
            Ok(judged) => self.count(Ok(judged.findings), tally, outcomes),
            Err(reason) => self.count(Err(Rejection { place: place.clone(), reason }), tally, outcomes),
        });
        (tally, cases)
    }

    fn judged(&self, source: &str, input: Input<'_>, live: Option<&Asking>, tally: &mut Tally, sink: &mut Sink<'_>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let Left { buffers, screen, screen_for_live_state } = &mut left;
        let screen = &SharedScreen::new(if live.is_some() { screen_for_live_state } else { screen });
        let lag = Lag::now();
        let mut control = 0;
        let mut screened = 0;
        let mut seen = Seen::default();
        let mut sieve = |sketch: &Sketch<'_>| {
            let asks = |source: &str, name: &str| {
                Earlier::counts(source, name) || live.is_some_and(|live| (live.may_ask)(source, name))
            };
            // What is not CloudTrail's is rejected, and not clean.
            is_service(sketch.source) && !screen.borrow_mut().admits(&self.rules, sketch, asks)
        };
        let screening = self.screens.then_some(Screening { sieve: &mut sieve, buffers });
        let earlier = &RefCell::default();
        let mut item = |place: &Place, item: Item<'_>| match item {
            Item::Record(record) => {
                let judged = self.evaluate(record, live, &lag, screen, earlier);
                if judged.as_ref().is_ok_and(|judged| seen.again(judged.digest)) {
                    tally.duplicates += 1;
                } else {
                    sink(place, judged, tally);
                }
            }
            Item::Screened(time) => {
                lag.of_text(time);
                screened += 1;
            }
            Item::Rejected(reason) => sink(place, Err(reason), tally),
            Item::Control => control += 1,
        };
        let decoded = match input {
            Input::Stream(reader) => sources::stream(source, reader, screening, &mut item),
            Input::Payload(text) => sources::payload(source, text, screening, &mut item),
            Input::Unreadable(reason) => sources::unreadable(source, reason, &mut item),
        };
        tally.clean += screened;
        tally.control += control;
        // Counted where records arise, and not where they end: otherwise the counts would balance by themselves.
        tally.received = decoded.saturating_sub(control + tally.duplicates);
        tally.longest_lag = tally.longest_lag.max(lag.longest());
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(left);
    }

    /// Counts a record by what was found, and hands that out.
    fn count(&self, findings: Result<Vec<Finding>, Rejection>, tally: &mut Tally, outcomes: &mut dyn FnMut(Outcome)) {
        match findings {
            Ok(findings) if findings.is_empty() => tally.clean += 1,
            Ok(findings) => {
                let suppressed = findings.iter().filter(|finding| finding.suppression.is_some()).count();
                match findings.len() - suppressed {
                    0 => tally.exempt += 1,
                    _ => tally.matched += 1,
                }
                for finding in findings {
                    match finding.suppression {
                        Some(_) => tally.suppressed += 1,
                        None => tally.findings += 1,
                    }
                    outcomes(Outcome::Finding(Box::new(finding)));
                }
            }
            Err(rejection) => {
                tally.rejected += 1;
                outcomes(Outcome::Rejection(rejection));
            }
        }
    }

    fn evaluate<'t>(
        &self,
        record: Record<'t>,
        live: Option<&Asking>,
        lag: &Lag,
        screen: &SharedScreen<'_>,
        earlier: &RefCell<Earlier>,
    ) -> Result<Judged<'t>, String> {
        let judged = |mut event: Event<'_>, text: Option<&str>| {
            event.require_call().map_err(|error| error.to_string())?;
            event.time_text().into_iter().for_each(|time| lag.of_text(time.as_bytes()));
            let now = lag.now;
            // A panic in a dependency on one record must not cost its neighbours.
            guarded(|| {
                let sketch = || if let Record::Escaped(content) = record { glance(content, false) } else { None };
                let call = event.source().zip(event.name());
                let screen = &mut *screen.borrow_mut();
                let watching = call.and_then(|(source, name)| screen.watching(source, name, sketch));
                earlier.borrow_mut().recall(&mut event);
                let findings = self.findings(&event, watching, now);
                let asks = live.is_some_and(|live| (live.asks)(&event));
                earlier.borrow_mut().note(&event);
                let digest = if asks || !findings.is_empty() { digest(&event) } else { None };
                let attached = event.attachment().cloned();
                Judged { record, text: text.map(str::to_owned), findings, asks, digest, attached }
            })
        };
        if let Record::Escaped(content) = record
            && let Some(event) = Event::parse_escaped(content)
            && !event.has(LIVE_STATE)
        {
            return judged(event, None);
        }
        let json = record.json();
        let text = match Event::parse(&json) {
            Ok(event) if !event.has(LIVE_STATE) => return judged(event, None),
            Ok(_) => without(&json, LIVE_STATE).unwrap_or_default(),
            Err(RecordError::Json(error)) => {
                let text = repaired(&json);
                let has_live_state =
                    Event::parse(&text).map_err(|_| RecordError::Json(error).to_string())?.has(LIVE_STATE);
                if has_live_state { without(&text, LIVE_STATE).unwrap_or_default() } else { text.into_owned() }
            }
            Err(error) => return Err(error.to_string()),
        };
        judged(Event::parse(&text).map_err(|error| error.to_string())?, Some(&text))
    }

    /// `watching`: the places of the rules that could match, where they are known.
    fn findings(&self, event: &Event<'_>, watching: Option<&[usize]>, now: Timestamp) -> Vec<Finding> {
        let mut findings = match watching {
            _ if !self.screens => self.rules.evaluate_all(event),
            Some(places) => self.rules.evaluate_by(places, event),
            None => self.rules.evaluate(event),
        };
        for finding in &mut findings {
            self.exemptions.apply(event, finding, now);
            finding.action = actions::requested(event, finding);
            finding.origin.account_name = self.rules.account_name(&finding.origin.account).map(str::to_owned);
        }
        findings
    }
}

/// The screen of a run, asked when a record is read and, where that is admitted, again when it is evaluated.
type SharedScreen<'s> = RefCell<&'s mut Screen>;

/// A record that was evaluated.
struct Judged<'t> {
    record: Record<'t>,
    /// Its text where that is not the record's: without what had to be replaced or removed.
    text: Option<String>,
    findings: Vec<Finding>,
    /// Whether live state can say what the record leaves open.
    asks: bool,
    /// What earlier records add to it.
    attached: Option<Attachment>,
    /// Where there is something to report, and the record has an id.
    digest: Option<Uuid>,
}

impl Judged<'_> {
    /// The text of the record.
    fn text(&mut self) -> String {
        self.text.take().unwrap_or_else(|| self.record.json().into_owned())
    }
}

/// The digest of a whole record. Records of one id and different content are different records: one of them is forged.
fn digest(event: &Event<'_>) -> Option<Uuid> {
    event.id().map(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, event.canonical().as_bytes()))
}

/// Maximum number of records that are remembered to recognise their duplicates: 16 MB or so.
const MAX_SEEN: usize = 500_000;

/// The records of an input with something to report.
#[derive(Debug, Default)]
struct Seen(HashSet<Uuid>);

impl Seen {
    /// Whether a record was there before.
    fn again(&mut self, digest: Option<Uuid>) -> bool {
        let Some(digest) = digest else { return false };
        if self.0.len() >= MAX_SEEN {
            self.0.clear();
        }
        !self.0.insert(digest)
    }
}

/// Takes what became of each record.
type Sink<'s> = dyn FnMut(&Place, Result<Judged<'_>, String>, &mut Tally) + 's;

/// What `judge` gives, unless it panics.
fn guarded<T>(judge: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(judge)).map_err(|_| FAILED_INSIDE.to_owned())
}
