//! Runs the stages over one input and counts what became of every record.

#[cfg(feature = "live")]
pub mod aws;
mod evaluator;
mod lag;
mod live;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::{self, BufRead, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use crate::actions;
use crate::event::{Attachment, Event, LIVE_STATE, RecordError, repaired, without};
use crate::facts::Earlier;
use crate::finding::Finding;
use crate::live_state::LiveState;
use crate::prefilter::Prefilter;
use crate::rules::RuleSet;
use crate::sources::{Content, Fetch, FetchError, Item, LogStreams, Place, Raw, Reader};
use crate::suppress::{Exemptions, VpcExemptions};
use crate::text::visible_at_most;

pub use evaluator::Evaluator;
#[cfg(feature = "lambda")]
pub use evaluator::{Limits, Progress};
use lag::Lag;
use live::Asking;
pub use live::Case;

/// Maximum length of a reason that is shown, in characters.
const MAX_REASON: usize = 400;

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
    /// What kind of error it is.
    pub cause: Cause,
}

/// The kind of error that leads to a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// The content is not accepted.
    #[default]
    Content,
    /// The object that contains the records does not exist or denies access.
    ObjectUnavailable,
    /// The object that contains the records could not be read this time.
    ObjectRetryable,
}

/// The reason and the cause of a rejection.
type Refused = (String, Cause);

impl Cause {
    fn of_object(is_transient: bool) -> Self {
        if is_transient { Self::ObjectRetryable } else { Self::ObjectUnavailable }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, visible_at_most(&self.reason, MAX_REASON))
    }
}

/// What a run hands out, in the order of the input.
#[derive(Debug)]
pub enum Outcome {
    /// A rule matched the record at this place.
    Finding(Box<Finding>, Place),
    /// Something could not be evaluated.
    Rejection(Rejection),
}

impl Outcome {
    /// The finding, if it is one.
    #[cfg(feature = "live")]
    fn finding_mut(&mut self) -> Option<&mut Finding> {
        match self {
            Self::Finding(finding, _) => Some(finding),
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
            Outcome::Finding(finding, _) => self.findings.push(*finding),
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
    /// An input of which the S3 objects that it names are fetched.
    WithObjects(Box<Self>, &'i dyn Fetch),
}

impl<'i> Input<'i> {
    /// Returns its items, called `name`. Log events of other log streams than these are rejected.
    pub fn into_reader(self, name: &str, log_streams: &LogStreams) -> Reader<'i> {
        match self {
            Self::Stream(reader) => Reader::stream(name, reader),
            Self::Payload(text) => Reader::payload_of_streams(name, text, log_streams),
            Self::Unreadable(reason) => Reader::unreadable(name, reason),
            Self::WithObjects(input, _) => input.into_reader(name, log_streams),
        }
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stream(_) => "Stream",
            Self::Payload(_) => "Payload",
            Self::Unreadable(_) => "Unreadable",
            Self::WithObjects(..) => "WithObjects",
        })
    }
}

/// The stages, ready to run.
#[derive(Debug)]
pub struct Pipeline {
    rules: RuleSet,
    exemptions: Exemptions,
    vpc_exemptions: VpcExemptions,
    /// Names of accounts, by account id.
    account_names: BTreeMap<String, String>,
    /// The log streams whose events are evaluated, if a payload is the delivery of one.
    log_streams: LogStreams,
    /// Whether findings contain their record.
    keeps_records: bool,
    /// Whether records that no rule can match are skipped before they are parsed.
    prefilters: bool,
    /// Caches of earlier runs; a run takes one of them.
    caches: Mutex<Vec<Caches>>,
}

/// Caches that a run leaves to the next.
#[derive(Debug, Default)]
struct Caches {
    prefilter: Prefilter,
    /// The same for runs with live state, which need more records.
    prefilter_for_live_state: Prefilter,
}

impl Pipeline {
    /// A pipeline with these rules, and no exemptions.
    pub fn new(rules: RuleSet) -> Self {
        Self {
            rules,
            exemptions: Exemptions::default(),
            vpc_exemptions: VpcExemptions::default(),
            account_names: BTreeMap::new(),
            log_streams: LogStreams::ALL,
            keeps_records: false,
            prefilters: true,
            caches: Mutex::default(),
        }
    }

    /// The same with every record parsed and evaluated by every rule: a check on the prefilter. The findings are the same,
    /// in many times the time. Records that the prefilter skips without validating them may be rejected.
    #[must_use]
    pub fn without_prefilter(self) -> Self {
        Self { prefilters: false, ..self }
    }

    /// The same with these exemptions.
    #[must_use]
    pub fn with_exemptions(self, exemptions: Exemptions) -> Self {
        Self { exemptions, ..self }
    }

    /// The same with these exemptions of VPCs, which take effect with live state.
    #[must_use]
    pub fn with_vpc_exemptions(self, vpc_exemptions: VpcExemptions) -> Self {
        Self { vpc_exemptions, ..self }
    }

    /// The same with these names of accounts, by account id.
    #[must_use]
    pub fn with_account_names(self, account_names: BTreeMap<String, String>) -> Self {
        Self { account_names, ..self }
    }

    /// The same, rejecting payloads with log events of other log streams than these.
    #[must_use]
    pub fn with_log_streams(self, log_streams: LogStreams) -> Self {
        Self { log_streams, ..self }
    }

    /// The same whose findings contain their record, or do not.
    #[must_use]
    pub fn with_records(self, keeps_records: bool) -> Self {
        Self { keeps_records, ..self }
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
        let mut run = Run::new(self, source, input, None);
        while let Some((place, judged)) = run.next() {
            self.count(place, judged.map(|judged| judged.findings), &mut run.tally, outcomes);
        }
        run.end()
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
        is_case: fn(&Judged) -> bool,
    ) -> (Tally, Vec<Case>) {
        let mut cases = Vec::new();
        let mut run = Run::new(self, source, input, Some(&live::ASKING));
        while let Some((place, judged)) = run.next() {
            match judged {
                Ok(judged) if is_case(&judged) => cases.push(Case::new(place, judged)),
                judged => self.count(place, judged.map(|judged| judged.findings), &mut run.tally, outcomes),
            }
        }
        (run.end(), cases)
    }

    /// Counts the record at `place` by its findings or the reason for its rejection, and passes these to `outcomes`.
    fn count(
        &self,
        place: Place,
        findings: Result<Vec<Finding>, Refused>,
        tally: &mut Tally,
        outcomes: &mut dyn FnMut(Outcome),
    ) {
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
                    outcomes(Outcome::Finding(Box::new(finding), place.clone()));
                }
            }
            Err((reason, cause)) => {
                tally.rejected += 1;
                outcomes(Outcome::Rejection(Rejection { place, reason, cause }));
            }
        }
    }

    /// Adds their record to findings.
    fn add_record(&self, findings: &mut [Finding], record: &str) {
        if self.keeps_records && !findings.is_empty() {
            let record: Arc<str> = record.into();
            findings.iter_mut().for_each(|finding| finding.record = Some(Arc::clone(&record)));
        }
    }

    /// `watching`: the places of the rules that could match, where they are known.
    fn findings(&self, event: &Event<'_>, watching: Option<&[usize]>, now: Timestamp) -> Vec<Finding> {
        let mut findings = match watching {
            _ if !self.prefilters => self.rules.evaluate_all(event),
            Some(places) => self.rules.evaluate_by(places, event),
            None => self.rules.evaluate(event),
        };
        for finding in &mut findings {
            self.exemptions.apply(event, finding, now);
            finding.action = actions::requested(event, finding);
            finding.origin.account_name = self.account_names.get(&finding.origin.account).cloned();
        }
        findings
    }
}

/// One input on its way through the pipeline.
struct Run<'p, 'i> {
    pipeline: &'p Pipeline,
    reader: Reader<'i>,
    /// Fetches objects that the input names.
    fetch: Option<&'i dyn Fetch>,
    caches: Caches,
    /// With live state, what it needs records for.
    live: Option<&'static Asking>,
    lag: Lag,
    seen: Seen,
    earlier: Earlier,
    tally: Tally,
}

impl<'p, 'i> Run<'p, 'i> {
    fn new(pipeline: &'p Pipeline, source: &str, input: Input<'i>, live: Option<&'static Asking>) -> Self {
        let fetch = if let Input::WithObjects(_, fetch) = input { Some(fetch) } else { None };
        let reader = input.into_reader(source, &pipeline.log_streams);
        let caches = pipeline.caches.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Self {
            pipeline,
            reader,
            fetch,
            caches,
            live,
            lag: Lag::now(),
            seen: Seen::default(),
            earlier: Earlier::default(),
            tally: Tally::default(),
        }
    }

    /// The next record that has been evaluated, or what had to be rejected. Whatever else comes before it is counted.
    fn next(&mut self) -> Option<(Place, Result<Judged, Refused>)> {
        loop {
            let Item { place, content } = self.reader.next_unopened()?;
            match content {
                Content::Record(raw) if self.skips(&raw) => {}
                Content::Nested(nested) if self.skips(nested.raw()) => {}
                Content::Nested(nested) => self.reader.open(place, nested),
                Content::Object(reference) => match self.fetch.map(|fetch| fetch.fetch(reference.name())) {
                    Some(Ok(content)) => self.reader.open_object(place, reference, content),
                    Some(Err(FetchError { reason, is_transient })) => {
                        let reason = format!("the object {} cannot be read: {reason}", reference.name());
                        return Some(self.rejected(place, reason, Cause::of_object(is_transient)));
                    }
                    None => return Some(self.rejected(place, reference.not_fetched(), Cause::Content)),
                },
                Content::Control => self.tally.control += 1,
                Content::Rejected(reason) => return Some(self.rejected(place, reason, Cause::Content)),
                Content::Failed(FetchError { reason, is_transient }) => {
                    return Some(self.rejected(place, reason, Cause::of_object(is_transient)));
                }
                Content::Record(raw) => {
                    let judged = self.evaluate(&raw);
                    if judged.as_ref().is_ok_and(|judged| self.seen.again(judged.digest)) {
                        self.tally.duplicates += 1;
                        continue;
                    }
                    self.tally.received += 1;
                    return Some((place, judged.map_err(|reason| (reason, Cause::Content))));
                }
            }
        }
    }

    /// Counts what is rejected.
    fn rejected(&mut self, place: Place, reason: String, cause: Cause) -> (Place, Result<Judged, Refused>) {
        self.tally.received += 1;
        (place, Err((reason, cause)))
    }

    /// Whether no rule can match a record, which is counted then.
    fn skips(&mut self, raw: &Raw) -> bool {
        if !self.pipeline.prefilters {
            return false;
        }
        let live = self.live;
        let asks = |source: &str, name: &str| {
            Earlier::counts(source, name) || live.is_some_and(|live| (live.may_ask)(source, name))
        };
        let Some(time) = self.caches.prefilter(live.is_some()).skips(&self.pipeline.rules, raw, asks) else {
            return false;
        };
        self.lag.of_text(time);
        self.tally.received += 1;
        self.tally.clean += 1;
        true
    }

    fn evaluate(&mut self, raw: &Raw) -> Result<Judged, String> {
        let json = raw.json();
        match Event::parse(&json) {
            Ok(event) if !event.has(LIVE_STATE) => self.judged(event, &json),
            Ok(_) => self.judged_text(&without(&json, LIVE_STATE).unwrap_or_default()),
            Err(RecordError::Json(error)) => {
                let text = repaired(&json);
                let has_live_state =
                    Event::parse(&text).map_err(|_| RecordError::Json(error).to_string())?.has(LIVE_STATE);
                match has_live_state {
                    true => self.judged_text(&without(&text, LIVE_STATE).unwrap_or_default()),
                    false => self.judged_text(&text),
                }
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn judged_text(&mut self, text: &str) -> Result<Judged, String> {
        self.judged(Event::parse(text).map_err(|error| error.to_string())?, text)
    }

    /// Evaluates the event that `text` is.
    fn judged(&mut self, mut event: Event<'_>, text: &str) -> Result<Judged, String> {
        event.require_call().map_err(|error| error.to_string())?;
        event.time_text().into_iter().for_each(|time| self.lag.of_text(time));
        let now = self.lag.now;
        let live = self.live;
        // A panic in a dependency on one record must not cost its neighbours.
        guarded(|| {
            let call = event.source().zip(event.name());
            let prefilter = self.caches.prefilter(live.is_some());
            let watching = call.and_then(|(source, name)| prefilter.places(source, name));
            self.earlier.recall(&mut event);
            let mut findings = self.pipeline.findings(&event, watching, now);
            self.pipeline.add_record(&mut findings, text);
            let asks = live.is_some_and(|live| (live.asks)(&event));
            self.earlier.note(&event);
            let is_of_interest = asks || !findings.is_empty();
            let digest = if is_of_interest { digest(&event) } else { None };
            let record = if is_of_interest && live.is_some() { text.to_owned() } else { String::new() };
            Judged { record, findings, asks, digest, attached: event.attachment().cloned() }
        })
    }

    /// What became of everything that was read.
    fn end(mut self) -> Tally {
        self.tally.longest_lag = self.lag.longest();
        self.pipeline.caches.lock().unwrap_or_else(PoisonError::into_inner).push(self.caches);
        self.tally
    }
}

impl Caches {
    fn prefilter(&mut self, with_live_state: bool) -> &mut Prefilter {
        if with_live_state { &mut self.prefilter_for_live_state } else { &mut self.prefilter }
    }
}

/// A record that was evaluated.
struct Judged {
    /// Its text, without whatever had to be replaced or removed. With live state alone, where there is something to verify.
    record: String,
    findings: Vec<Finding>,
    /// Whether live state can say what the record leaves open.
    asks: bool,
    /// What earlier records add to it.
    attached: Option<Attachment>,
    /// Where there is something to report, and the record has an id.
    digest: Option<Uuid>,
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

/// What `judge` gives, unless it panics.
fn guarded<T>(judge: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(judge)).map_err(|_| FAILED_INSIDE.to_owned())
}
