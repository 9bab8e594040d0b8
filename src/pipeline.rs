//! Runs the stages over one input and counts the result of every record.

#[cfg(feature = "live")]
pub mod aws;
mod evaluator;
mod item;
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
use crate::config_rule::Parameters;
use crate::configuration_item::{self, ConfigurationItem, EvaluatedItem, ItemEvaluation};
use crate::event::{Attachment, Event, LIVE_STATE, RecordError, repaired, without};
use crate::facts::Earlier;
use crate::finding::Finding;
use crate::live_state::LiveState;
use crate::prefilter::Prefilter;
use crate::rules::RuleSet;
use crate::sources::{Content, Fetch, FetchError, FetchItem, Item, LogStreams, Place, Raw, Reader};
use crate::suppress::{Exemptions, VpcExemptions};
use crate::text::visible_at_most;

pub use evaluator::Evaluator;
#[cfg(feature = "lambda")]
pub use evaluator::{Limits, Progress};
use item::FetchedItem;
use lag::Lag;
pub use live::Case;
use live::StateNeeds;

/// Maximum length of a reason that is shown, in characters.
const MAX_REASON: usize = 400;

/// The reason for the rejection of a record whose evaluation panicked.
const FAILED_INSIDE: &str = "evaluating it failed inside Trailwarden; please report this";

/// Makes panics report their location without their message, which may quote the record. The record is rejected.
pub fn hide_panic_messages() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        // Nothing can be done about a closed standard error.
        let _ = writeln!(io::stderr(), "panicked at {place}; please report this");
    }));
}

/// The results of the records of a run. Every input unit counts as one record, including malformed ones and unreadable files,
/// payloads and objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
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
    /// Deliveries without records by design. They do not count as received.
    pub control: u64,
    /// Exact repetitions of a record of the same input that a rule matched. They do not count as received.
    pub duplicates: u64,
    /// Findings that are not exempt. One record can have several.
    pub findings: u64,
    /// Findings that are exempt.
    pub suppressed: u64,
    /// Queries to live state. Several share a request.
    #[serde(skip)]
    pub lookups: u64,
    /// Queries that were not answered.
    #[serde(skip)]
    pub lookups_failed: u64,
    /// Longest time between a record's `eventTime` and its evaluation in milliseconds, if a record has a time.
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

/// Input that could not be evaluated.
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

/// A result of a run. Results are in the order of the input.
#[derive(Debug)]
pub enum Outcome {
    /// A rule matched the record at this place.
    Finding(Box<Finding>, Place),
    /// The result of a configuration item, after its findings.
    Item(Box<EvaluatedItem>),
    /// Input could not be evaluated.
    Rejection(Rejection),
}

impl Outcome {
    /// The finding, if it is one.
    #[cfg(feature = "live")]
    fn finding_mut(&mut self) -> Option<&mut Finding> {
        match self {
            Self::Finding(finding, _) => Some(finding),
            Self::Item(_) | Self::Rejection(_) => None,
        }
    }
}

/// The results of a payload.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// The counts of its records.
    pub tally: Tally,
    /// The findings, in the order of the records.
    pub findings: Vec<Finding>,
    /// The results of configuration items, in the same order.
    pub items: Vec<ItemEvaluation>,
    /// The rejections, in the same order.
    pub rejections: Vec<Rejection>,
}

impl Evaluated {
    /// Adds a result.
    fn take(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Finding(finding, _) => self.findings.push(*finding),
            Outcome::Item(item) => self.items.push(item.evaluation),
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
    /// An input of which the configuration items that are too large for a message are fetched.
    WithItems(Box<Self>, &'i dyn FetchItem),
}

impl<'i> Input<'i> {
    /// Returns its items, called `name`. Log events of other log streams than these are rejected.
    pub fn into_reader(self, name: &str, log_streams: &LogStreams) -> Reader<'i> {
        match self {
            Self::Stream(reader) => Reader::stream(name, reader),
            Self::Payload(text) => Reader::payload_of_streams(name, text, log_streams),
            Self::Unreadable(reason) => Reader::unreadable(name, reason),
            Self::WithObjects(input, _) | Self::WithItems(input, _) => input.into_reader(name, log_streams),
        }
    }

    /// What fetches objects, and what fetches configuration items.
    fn fetchers(&self) -> (Option<&'i dyn Fetch>, Option<&'i dyn FetchItem>) {
        match self {
            Self::WithObjects(input, fetch) => (Some(*fetch), input.fetchers().1),
            Self::WithItems(input, fetch) => (input.fetchers().0, Some(*fetch)),
            Self::Stream(_) | Self::Payload(_) | Self::Unreadable(_) => (None, None),
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
            Self::WithItems(..) => "WithItems",
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
    /// The name of the Config rule that is evaluated, and its parameters.
    config_rule: Option<(String, Parameters)>,
    /// Whether findings contain their record.
    keeps_records: bool,
    /// Whether records that no rule can match are skipped before they are parsed.
    prefilters: bool,
    /// Caches of earlier runs; a run takes one of them.
    caches: Mutex<Vec<Caches>>,
}

/// Caches that runs share, one after the other.
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
            config_rule: None,
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

    /// The same for a Config rule of this name: its exempt tags and allowed ports suppress findings about configuration items.
    /// Trusted accounts are an option for loading the rules of the pipeline.
    #[must_use]
    pub fn with_config_rule(self, name: String, parameters: Parameters) -> Self {
        Self { config_rule: Some((name, parameters)), ..self }
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

    /// Runs all stages over one input, called `source`. Passes findings and rejections to `outcomes` as they arise.
    pub fn run(&self, source: &str, input: Input<'_>, outcomes: &mut dyn FnMut(Outcome)) -> Tally {
        let mut run = Run::new(self, source, input, None);
        while let Some((place, evaluated)) = run.next() {
            self.count(place, evaluated.map(Counted::from), &mut run.tally, outcomes);
        }
        run.end()
    }

    /// The same with everything in memory, for a payload whose findings are published together.
    pub fn gather(&self, source: &str, input: Input<'_>) -> Evaluated {
        let mut evaluated = Evaluated::default();
        evaluated.tally = self.run(source, input, &mut |outcome| evaluated.take(outcome));
        evaluated
    }

    /// The same with live state.
    pub async fn gather_settled<S: LiveState>(&self, source: &str, input: Input<'_>, live: &S) -> Evaluated {
        let mut evaluated = Evaluated::default();
        let (mut tally, cases) = self.run_for_live_state(source, input, &mut |outcome| evaluated.take(outcome));
        self.settle(cases, live, &mut tally, &mut |outcome| evaluated.take(outcome)).await;
        Evaluated { tally, ..evaluated }
    }

    /// The same as [`Pipeline::run`], but returns the records that live state may add to. [`Pipeline::settle`] counts these.
    pub fn run_for_live_state(
        &self,
        source: &str,
        input: Input<'_>,
        outcomes: &mut dyn FnMut(Outcome),
    ) -> (Tally, Vec<Case>) {
        // All findings are cases, so that they keep the order of the input.
        self.run_with_cases(source, input, outcomes, |record| record.needs_state || !record.findings.is_empty())
    }

    /// The same as [`Pipeline::run_for_live_state`], but findings that live state does not confirm go to `outcomes` as they
    /// arise, before those of earlier records that need it.
    #[cfg(feature = "lambda")]
    pub fn run_ahead_of_live_state(
        &self,
        source: &str,
        input: Input<'_>,
        outcomes: &mut dyn FnMut(Outcome),
    ) -> (Tally, Vec<Case>) {
        self.run_with_cases(source, input, outcomes, |record| {
            record.needs_state || record.findings.iter().any(|finding| finding.rule.confirm.is_some())
        })
    }

    fn run_with_cases(
        &self,
        source: &str,
        input: Input<'_>,
        outcomes: &mut dyn FnMut(Outcome),
        is_case: fn(&EvaluatedRecord) -> bool,
    ) -> (Tally, Vec<Case>) {
        let mut cases = Vec::new();
        let mut run = Run::new(self, source, input, Some(&live::NEEDS));
        while let Some((place, evaluated)) = run.next() {
            match evaluated {
                // The calls of a configuration item are counted as one, so all of them are cases or none.
                Ok(evaluated) if evaluated.records.iter().any(is_case) => {
                    let Evaluation { item, records } = evaluated;
                    let case = |record| Case::new(place.clone(), item.clone(), record);
                    cases.extend(records.into_iter().map(case));
                }
                evaluated => self.count(place, evaluated.map(Counted::from), &mut run.tally, outcomes),
            }
        }
        (run.end(), cases)
    }

    /// Counts the record or configuration item at `place` by its findings or the reason for its rejection, and passes these to
    /// `outcomes`.
    fn count(
        &self,
        place: Place,
        counted: Result<Counted, Refused>,
        tally: &mut Tally,
        outcomes: &mut dyn FnMut(Outcome),
    ) {
        match counted {
            Ok(Counted { item, mut findings }) => {
                if let Some(item) = &item {
                    self.apply_parameters(item, &mut findings);
                }
                let evaluated = item.map(|item| item.evaluated(&findings));
                let suppressed = findings.iter().filter(|finding| finding.suppression.is_some()).count();
                match (findings.len(), findings.len() - suppressed) {
                    (0, _) => tally.clean += 1,
                    (_, 0) => tally.exempt += 1,
                    _ => tally.matched += 1,
                }
                for finding in findings {
                    match finding.suppression {
                        Some(_) => tally.suppressed += 1,
                        None => tally.findings += 1,
                    }
                    outcomes(Outcome::Finding(Box::new(finding), place.clone()));
                }
                if let Some(evaluated) = evaluated {
                    outcomes(Outcome::Item(Box::new(evaluated)));
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

    /// `candidates`: the positions of the rules that could match, if they are known. `item`: the configuration item whose state
    /// the call of the event leads to.
    fn findings(
        &self,
        event: &Event<'_>,
        candidates: Option<&[usize]>,
        now: Timestamp,
        item: Option<&ConfigurationItem>,
    ) -> Vec<Finding> {
        let mut findings = match candidates {
            _ if !self.prefilters => self.rules.evaluate_all(event),
            Some(places) => self.rules.evaluate_selected(places, event),
            None => self.rules.evaluate(event),
        };
        if item.is_some() {
            findings.retain(|finding| configuration_item::judges_state(&finding.rule));
        }
        for finding in &mut findings {
            self.exemptions.apply(event, finding, now);
            finding.origin.account_name = self.account_names.get(&finding.origin.account).cloned();
            match item {
                None => finding.action = actions::requested(event, finding),
                Some(item) => {
                    item.describe(finding);
                    finding.suppression = finding.suppression.take().or_else(|| self.vpc_exemption(item));
                }
            }
        }
        findings
    }
}

/// One input that is being evaluated.
struct Run<'p, 'i> {
    pipeline: &'p Pipeline,
    reader: Reader<'i>,
    /// Fetches objects that the input names.
    fetch: Option<&'i dyn Fetch>,
    /// Fetches configuration items that are too large for a message.
    fetch_item: Option<&'i dyn FetchItem>,
    caches: Caches,
    /// With live state, the records that it adds to.
    live: Option<&'static StateNeeds>,
    lag: Lag,
    seen: Seen,
    earlier: Earlier,
    tally: Tally,
}

impl<'p, 'i> Run<'p, 'i> {
    fn new(pipeline: &'p Pipeline, source: &str, input: Input<'i>, live: Option<&'static StateNeeds>) -> Self {
        let (fetch, fetch_item) = input.fetchers();
        let reader = input.into_reader(source, &pipeline.log_streams);
        let caches = pipeline.caches.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Self {
            pipeline,
            reader,
            fetch,
            fetch_item,
            caches,
            live,
            lag: Lag::now(),
            seen: Seen::default(),
            earlier: Earlier::default(),
            tally: Tally::default(),
        }
    }

    /// Evaluates the next record or configuration item, or returns the next rejection. Counts everything before it.
    fn next(&mut self) -> Option<(Place, Result<Evaluation, Refused>)> {
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
                Content::ConfigurationItem(item) => {
                    if let Some(evaluated) = self.evaluate_item(&item.json, item.left_scope) {
                        return Some((place, evaluated));
                    }
                }
                Content::OversizedItem(oversized) => {
                    let (item, reference) = *oversized;
                    match self.fetched_item(&item, reference.is_some()) {
                        FetchedItem::Text(text) => {
                            if let Some(evaluated) = self.evaluate_item(&text, item.left_scope) {
                                return Some((place, evaluated));
                            }
                        }
                        FetchedItem::Object(content) => {
                            if let Some(reference) = reference {
                                self.reader.open_object(place, reference, content);
                            }
                        }
                        FetchedItem::Refused((reason, cause)) => return Some(self.rejected(place, reason, cause)),
                    }
                }
                Content::Control => self.tally.control += 1,
                Content::Rejected(reason) => return Some(self.rejected(place, reason, Cause::Content)),
                Content::Failed(FetchError { reason, is_transient }) => {
                    return Some(self.rejected(place, reason, Cause::of_object(is_transient)));
                }
                Content::Record(raw) => {
                    let evaluated = self.evaluate(&raw);
                    if evaluated.as_ref().is_ok_and(|evaluated| self.seen.again(evaluated.digest)) {
                        self.tally.duplicates += 1;
                        continue;
                    }
                    self.tally.received += 1;
                    let evaluated = evaluated.map(|record| Evaluation { item: None, records: vec![record] });
                    return Some((place, evaluated.map_err(|reason| (reason, Cause::Content))));
                }
            }
        }
    }

    /// Counts what is rejected.
    fn rejected(&mut self, place: Place, reason: String, cause: Cause) -> (Place, Result<Evaluation, Refused>) {
        self.tally.received += 1;
        (place, Err((reason, cause)))
    }

    /// Whether no rule can match a record. Counts it if so.
    fn skips(&mut self, raw: &Raw) -> bool {
        if !self.pipeline.prefilters {
            return false;
        }
        let live = self.live;
        let needs_state = |source: &str, name: &str| {
            Earlier::counts(source, name) || live.is_some_and(|live| (live.may_need_state)(source, name))
        };
        let Some(time) = self.caches.prefilter(live.is_some()).skips(&self.pipeline.rules, raw, needs_state) else {
            return false;
        };
        self.lag.of_text(time);
        self.tally.received += 1;
        self.tally.clean += 1;
        true
    }

    fn evaluate(&mut self, raw: &Raw) -> Result<EvaluatedRecord, String> {
        let json = raw.json();
        match Event::parse(&json) {
            Ok(event) if !event.has(LIVE_STATE) => self.evaluate_event(event, &json, None),
            Ok(_) => self.evaluate_text(&without(&json, LIVE_STATE).unwrap_or_default()),
            Err(RecordError::Json(error)) => {
                let text = repaired(&json);
                let has_live_state =
                    Event::parse(&text).map_err(|_| RecordError::Json(error).to_string())?.has(LIVE_STATE);
                if has_live_state {
                    self.evaluate_text(&without(&text, LIVE_STATE).unwrap_or_default())
                } else {
                    self.evaluate_text(&text)
                }
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn evaluate_text(&mut self, text: &str) -> Result<EvaluatedRecord, String> {
        self.evaluate_event(Event::parse(text).map_err(|error| error.to_string())?, text, None)
    }

    /// Evaluates an event, whose JSON is `text`. `item`: the configuration item whose state its call leads to.
    fn evaluate_event(
        &mut self,
        mut event: Event<'_>,
        text: &str,
        item: Option<&ConfigurationItem>,
    ) -> Result<EvaluatedRecord, String> {
        event.require_call().map_err(|error| error.to_string())?;
        if item.is_none() {
            event.time_text().into_iter().for_each(|time| self.lag.of_text(time));
        }
        let now = self.lag.now;
        let live = self.live;
        // A panic in a dependency on one record must not cost its neighbours.
        guarded(|| {
            let call = event.source().zip(event.name());
            let prefilter = self.caches.prefilter(live.is_some());
            let candidates = call.and_then(|(source, name)| prefilter.places(source, name));
            self.earlier.recall(&mut event);
            let mut findings = self.pipeline.findings(&event, candidates, now, item);
            self.pipeline.add_record(&mut findings, item.map_or(text, |item| &item.text));
            let needs_state = live.is_some_and(|live| (live.needs_state)(&event));
            self.earlier.note(&event);
            let is_of_interest = needs_state || !findings.is_empty();
            let digest = if is_of_interest { digest(&event) } else { None };
            let record = if is_of_interest && live.is_some() { text.to_owned() } else { String::new() };
            EvaluatedRecord { record, findings, needs_state, digest, attached: event.attachment().cloned() }
        })
    }

    /// Returns the counts.
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

/// The result of one input unit.
struct Evaluation {
    /// The configuration item that it is.
    item: Option<Arc<ConfigurationItem>>,
    /// Its record, or a record for each call that leads to the state of the configuration item.
    records: Vec<EvaluatedRecord>,
}

/// What is counted of an input unit.
struct Counted {
    item: Option<Arc<ConfigurationItem>>,
    findings: Vec<Finding>,
}

impl From<Evaluation> for Counted {
    fn from(Evaluation { item, records }: Evaluation) -> Self {
        let mut lists = records.into_iter().map(|record| record.findings);
        let mut findings = lists.next().unwrap_or_default();
        lists.for_each(|list| findings.extend(list));
        Self { item, findings }
    }
}

/// The result of the evaluation of a record.
struct EvaluatedRecord {
    /// Its repaired JSON, if live state is on and there is something to verify.
    record: String,
    findings: Vec<Finding>,
    /// Whether live state can complete the record.
    needs_state: bool,
    /// Facts from earlier records of the input.
    attached: Option<Attachment>,
    /// The digest of the record, if there is something to report and the record has an id.
    digest: Option<Uuid>,
}

/// The digest of a whole record. Records of one id and different content are different records: one of them is forged.
fn digest(event: &Event<'_>) -> Option<Uuid> {
    event.id().map(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, event.canonical().as_bytes()))
}

/// Maximum number of digests that are kept to recognise duplicates: about 16 MB.
const MAX_SEEN: usize = 500_000;

/// Digests of the records of an input with something to report.
#[derive(Debug, Default)]
struct Seen(HashSet<Uuid>);

impl Seen {
    /// Whether a record was seen before. Adds it.
    fn again(&mut self, digest: Option<Uuid>) -> bool {
        let Some(digest) = digest else { return false };
        if self.0.len() >= MAX_SEEN {
            self.0.clear();
        }
        !self.0.insert(digest)
    }
}

/// Returns the result of `evaluate`, or an error if it panics.
fn guarded<T>(evaluate: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(evaluate)).map_err(|_| FAILED_INSIDE.to_owned())
}
