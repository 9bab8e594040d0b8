//! Resolves records with live state: completes them, evaluates them again, and verifies their findings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Cause, Counted, Outcome, Pipeline, Tally, guarded};
use crate::configuration_item::ConfigurationItem;
use crate::event::{Attachment, Event, RecordError};
use crate::finding::{Finding, Live, Outcome as State, Status, Suppression};
use crate::live_state::{
    self, AccountRegion, Assertion, LiveState, Lookup, Missing, Query, StateStore, enrich, enriched, unavailable,
    unknown,
};
use crate::sources::Place as Source;

/// A record that live state may add to.
#[derive(Debug)]
pub struct Case {
    source: Source,
    /// The configuration item whose state the call of the record leads to. Its cases follow one another.
    item: Option<Arc<ConfigurationItem>>,
    record: String,
    findings: Vec<Finding>,
    /// Whether live state can complete the record.
    needs_state: bool,
    /// Facts from earlier records of the input.
    attached: Option<Attachment>,
}

/// Decides whether a record is a case.
pub(super) struct StateNeeds {
    /// Whether live state can complete records of this event source and name.
    pub(super) may_need_state: fn(&str, &str) -> bool,
    /// Whether live state can complete this record.
    pub(super) needs_state: fn(&Event<'_>) -> bool,
}

/// With live state. It is passed as a value, so that the linker drops the code from programs without live state.
pub(super) static NEEDS: StateNeeds =
    StateNeeds { may_need_state: live_state::may_need_state, needs_state: live_state::needs_state };

impl Case {
    pub(super) fn new(source: Source, item: Option<Arc<ConfigurationItem>>, evaluated: super::EvaluatedRecord) -> Self {
        let super::EvaluatedRecord { record, findings, needs_state, attached, .. } = evaluated;
        Self { source, item, record, findings, needs_state, attached }
    }
}

/// The reason if there was no time for queries.
const NO_TIME: &str = "there was no time left";
/// The reason if the state is older than the call.
const OLDER: &str = "what is known of the account is older than the call";

/// Whether state was read before an event, and so shows nothing about it.
fn is_older(checked: Option<Timestamp>, happened: Option<Timestamp>) -> bool {
    checked.zip(happened).is_some_and(|(checked, happened)| checked < happened)
}

/// The completion of a record by live state.
#[derive(Debug, Clone)]
enum Completion {
    /// The completed record.
    Completed(String),
    /// Nothing is missing.
    Whole,
    /// The missing state is unavailable, for this reason.
    Unknown(String),
}

/// A case whose findings are verified next.
struct Open {
    findings: Vec<Finding>,
    assertions: Vec<Option<Assertion>>,
    unknown: Option<String>,
}

/// The result of an assertion.
#[derive(Debug, Clone)]
struct Verified {
    live: Live,
    suppression: Option<Suppression>,
}

/// A case after its completion: where it is from, its configuration item, and its findings or why it was rejected.
type Reconsidered = (Source, Option<Arc<ConfigurationItem>>, Result<Open, String>);

impl Pipeline {
    /// Resolves `cases`, in order, and counts them. Queries are sent to `live` once for all cases.
    pub async fn settle<S: LiveState>(
        &self,
        cases: Vec<Case>,
        live: &S,
        tally: &mut Tally,
        outcomes: &mut dyn FnMut(Outcome),
    ) {
        let now = Timestamp::now();
        let mut store = StateStore::default();
        let completions = decided(live, &mut store, tally, cases, |case, store, open| {
            if !case.needs_state {
                return Some(Completion::Whole);
            }
            // A record whose completion panics is evaluated as received.
            guarded(|| {
                let Ok(event) = parsed(&case.record, case.attached.as_ref()) else { return Some(Completion::Whole) };
                let lookup = Lookup::new(store, AccountRegion::of(&event));
                let completion = match enrich(&event, &lookup) {
                    Ok(_) if is_older(lookup.checked_at(), event.time()) => Some(Completion::Unknown(OLDER.to_owned())),
                    Ok(Some(state)) => Some(Completion::Completed(enriched(&case.record, &state))),
                    Ok(None) => Some(Completion::Whole),
                    Err(Missing::Unavailable(why)) => Some(Completion::Unknown(why)),
                    Err(Missing::Pending) => None,
                };
                open.extend(lookup.into_pending());
                completion
            })
            .unwrap_or(Some(Completion::Whole))
        })
        .await;
        let mut open: Vec<Reconsidered> = Vec::new();
        for (case, completion) in completions {
            let completion = completion.unwrap_or_else(|| {
                if case.needs_state { Completion::Unknown(NO_TIME.to_owned()) } else { Completion::Whole }
            });
            open.push((case.source.clone(), case.item.clone(), self.reconsider(case, completion, now)));
        }
        let assertions: BTreeSet<Assertion> = open
            .iter()
            .filter_map(|(.., open)| open.as_ref().ok())
            .flat_map(|open| open.assertions.iter().flatten().cloned())
            .collect();
        let verified = decided(live, &mut store, tally, assertions.into_iter().collect(), |assertion, store, open| {
            let verified = guarded(|| {
                let lookup = Lookup::new(store, assertion.scope.clone());
                let verified = self.verify(assertion, &lookup);
                open.extend(lookup.into_pending());
                verified.ok()
            });
            verified.unwrap_or_else(|why| Some(Verified { live: unknown(&why), suppression: None }))
        })
        .await;
        let verified: BTreeMap<Assertion, Verified> =
            verified.into_iter().filter_map(|(assertion, verified)| Some((assertion, verified?))).collect();
        let mut open = open.into_iter().peekable();
        while let Some((place, item, one)) = open.next() {
            let mut findings = one.map(|open| open.settled(&verified));
            // The calls of a configuration item are counted as one.
            let is_same = |other: &(_, Option<Arc<ConfigurationItem>>, _)| {
                item.as_ref().zip(other.1.as_ref()).is_some_and(|(item, other)| Arc::ptr_eq(item, other))
            };
            while let Some((.., more)) = open.next_if(is_same) {
                let more = more.map(|open| open.settled(&verified));
                findings = findings.and_then(|findings| Ok([findings, more?].concat()));
            }
            let counted = findings.map(|findings| Counted { item, findings });
            self.count(place, counted.map_err(|reason| (reason, Cause::Content)), tally, outcomes);
        }
    }

    /// Evaluates a completed record again.
    fn reconsider(&self, case: Case, completion: Completion, now: Timestamp) -> Result<Open, String> {
        let Case { item, record: original, findings, attached, .. } = case;
        let item = item.as_deref();
        let (enriched, unknown) = match completion {
            Completion::Whole => (None, None),
            // Rules of their own report that only live state could decide and was unavailable.
            Completion::Unknown(why) => (Some(enriched(&original, &unavailable(&why))), Some(why)),
            Completion::Completed(record) => (Some(record), None),
        };
        let record = enriched.as_deref().unwrap_or(&original);
        let event = parsed(record, attached.as_ref()).map_err(|error| error.to_string())?;
        let considered = guarded(|| {
            let mut findings = findings;
            if enriched.is_some() {
                findings = self.findings(&event, None, now, item);
                self.add_record(&mut findings, item.map_or(&original, |item| &item.text));
            }
            let assertions: Vec<_> = findings.iter().map(|finding| Assertion::of(finding, &event)).collect();
            (findings, assertions)
        });
        let (findings, assertions) = considered?;
        Ok(Open { findings, assertions, unknown })
    }

    fn verify(&self, assertion: &Assertion, lookup: &Lookup<'_>) -> Result<Verified, Missing> {
        let live = assertion.verify(lookup);
        let exempt = &self.vpc_exemptions;
        let suppression = if exempt.is_empty() {
            None
        } else {
            match assertion.vpcs(lookup) {
                Ok(vpcs) => exempt.suppression(&vpcs),
                // State that is unavailable exempts nothing.
                Err(Missing::Unavailable(_)) => None,
                Err(Missing::Pending) => return Err(Missing::Pending),
            }
        };
        Ok(Verified { live: live?, suppression })
    }
}

impl Open {
    fn settled(self, verified: &BTreeMap<Assertion, Verified>) -> Vec<Finding> {
        let Self { mut findings, assertions, unknown: why } = self;
        for (finding, assertion) in findings.iter_mut().zip(&assertions) {
            let Some(assertion) = assertion else {
                // Live state could have decided a warning. It adds nothing to other findings.
                finding.live = why.as_deref().filter(|_| finding.status == Status::Warning).map(unknown);
                continue;
            };
            let Some(Verified { live, suppression }) = verified.get(assertion) else {
                finding.live = Some(unknown(NO_TIME));
                continue;
            };
            let lowers = !matches!(live.outcome, State::Confirmed | State::Unknown);
            let is_void = lowers && is_older(live.checked_at, finding.origin.time);
            finding.live = Some(if is_void { unknown(OLDER) } else { live.clone() });
            finding.suppression = finding.suppression.take().or_else(|| suppression.clone());
        }
        findings
    }
}

/// Parses a record and attaches facts from earlier ones.
fn parsed<'r>(record: &'r str, attached: Option<&Attachment>) -> Result<Event<'r>, RecordError> {
    let mut event = Event::parse(record)?;
    attached.into_iter().cloned().for_each(|attached| event.attach(attached));
    Ok(event)
}

/// Decides each of `items`. Sends the queries that `decide` adds to `live`, until there are none.
async fn decided<S: LiveState, I, D>(
    live: &S,
    store: &mut StateStore,
    tally: &mut Tally,
    items: Vec<I>,
    decide: impl Fn(&I, &StateStore, &mut BTreeSet<Query>) -> Option<D>,
) -> Vec<(I, Option<D>)> {
    let mut decided: Vec<(I, Option<D>)> = items.into_iter().map(|item| (item, None)).collect();
    loop {
        let mut open = BTreeSet::new();
        for (item, decision) in decided.iter_mut().filter(|(_, decision)| decision.is_none()) {
            if live.is_over() {
                return decided;
            }
            *decision = decide(item, store, &mut open);
        }
        if open.is_empty() {
            break;
        }
        let answers = live.resolve(open.iter().cloned().collect()).await;
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let answered = answers.iter().filter(|one| one.response.is_ok()).count();
        tally.lookups += number(open.len());
        tally.lookups_failed += number(open.len().saturating_sub(answered));
        store.insert(answers);
        store.give_up(&open);
    }
    decided
}
