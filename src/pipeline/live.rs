//! Settles records with live state: completes what they leave open, evaluates them again, and confirms what is found.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Cause, Outcome, Pipeline, Tally, guarded};
use crate::event::{Attachment, Event, RecordError};
use crate::finding::{Finding, Live, Outcome as State, Status, Suppression};
use crate::live_state::{
    self, AccountRegion, Assertion, LiveState, Lookup, Missing, Query, StateStore, enrich, enriched, unavailable,
    unknown,
};
use crate::sources::Place as Source;

/// A record that live state has something to say about.
#[derive(Debug)]
pub struct Case {
    source: Source,
    record: String,
    findings: Vec<Finding>,
    /// Whether live state can say what the record leaves open.
    asks: bool,
    /// What earlier records add to it.
    attached: Option<Attachment>,
}

/// What decides whether a record is a case.
pub(super) struct Asking {
    /// Whether live state could say what a call of that source and name leaves open.
    pub(super) may_ask: fn(&str, &str) -> bool,
    /// Whether it could say what this record leaves open.
    pub(super) asks: fn(&Event<'_>) -> bool,
}

/// With live state. It is handed on as a value: what completes records is no part of a program that never names it.
pub(super) static ASKING: Asking = Asking { may_ask: live_state::may_need_state, asks: live_state::needs_state };

impl Case {
    pub(super) fn new(source: Source, judged: super::Judged) -> Self {
        let super::Judged { record, findings, asks, attached, .. } = judged;
        Self { source, record, findings, asks, attached }
    }
}

/// Why nothing is said when there was no time to look.
const NO_TIME: &str = "there was no time left";
/// Why nothing is said by what was true before the call.
const OLDER: &str = "what is known of the account is older than the call";

/// Whether what is known was true before something happened, and so says nothing of it.
fn is_older(checked: Option<Timestamp>, happened: Option<Timestamp>) -> bool {
    checked.zip(happened).is_some_and(|(checked, happened)| checked < happened)
}

/// How live state completes a record.
#[derive(Debug, Clone)]
enum Completion {
    /// With this.
    Completed(String),
    /// It does not have to.
    Whole,
    /// It would have to and cannot; why.
    Unknown(String),
}

/// A case on its way.
struct Open {
    findings: Vec<Finding>,
    claims: Vec<Option<Assertion>>,
    unknown: Option<String>,
}

/// What is known of a claim.
#[derive(Debug, Clone)]
struct Judged {
    live: Live,
    suppression: Option<Suppression>,
}

impl Pipeline {
    /// Settles `cases`, in order, and counts them. Questions are put to `live` once for all cases.
    pub async fn settle<S: LiveState>(
        &self,
        cases: Vec<Case>,
        live: &S,
        tally: &mut Tally,
        outcomes: &mut dyn FnMut(Outcome),
    ) {
        let now = Timestamp::now();
        let mut store = StateStore::default();
        let completions = asked(live, &mut store, tally, cases, |case, store, open| {
            if !case.asks {
                return Some(Completion::Whole);
            }
            // A record on which this fails is left as it is.
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
        let mut open: Vec<(Source, Result<Open, String>)> = Vec::new();
        for (case, completion) in completions {
            let completion = completion.unwrap_or_else(|| match case.asks {
                true => Completion::Unknown(NO_TIME.to_owned()),
                false => Completion::Whole,
            });
            open.push((case.source.clone(), self.reconsider(case, completion, now)));
        }
        let claims: BTreeSet<Assertion> = open
            .iter()
            .filter_map(|(_, open)| open.as_ref().ok())
            .flat_map(|open| open.claims.iter().flatten().cloned())
            .collect();
        let judged = asked(live, &mut store, tally, claims.into_iter().collect(), |claim, store, open| {
            let judged = guarded(|| {
                let lookup = Lookup::new(store, claim.scope.clone());
                let judged = self.judge(claim, &lookup);
                open.extend(lookup.into_pending());
                judged.ok()
            });
            judged.unwrap_or_else(|why| Some(Judged { live: unknown(&why), suppression: None }))
        })
        .await;
        let judged: BTreeMap<Assertion, Judged> =
            judged.into_iter().filter_map(|(claim, judged)| Some((claim, judged?))).collect();
        for (place, one) in open {
            let findings = one.map(|open| open.settled(&judged)).map_err(|reason| (reason, Cause::Content));
            self.count(place, findings, tally, outcomes);
        }
    }

    /// Evaluates a record again that live state has completed.
    fn reconsider(&self, case: Case, completion: Completion, now: Timestamp) -> Result<Open, String> {
        let Case { record: original, findings, attached, .. } = case;
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
                findings = self.findings(&event, None, now);
                self.add_record(&mut findings, &original);
            }
            let claims: Vec<_> = findings.iter().map(|finding| Assertion::of(finding, &event)).collect();
            (findings, claims)
        });
        let (findings, claims) = considered?;
        Ok(Open { findings, claims, unknown })
    }

    fn judge(&self, claim: &Assertion, lookup: &Lookup<'_>) -> Result<Judged, Missing> {
        let live = claim.verify(lookup);
        let exempt = &self.vpc_exemptions;
        let suppression = match exempt.is_empty() {
            true => None,
            // What is not known exempts nothing.
            false => match claim.vpcs(lookup) {
                Ok(vpcs) => exempt.suppression(&vpcs),
                Err(Missing::Unavailable(_)) => None,
                Err(Missing::Pending) => return Err(Missing::Pending),
            },
        };
        Ok(Judged { live: live?, suppression })
    }
}

impl Open {
    fn settled(self, judged: &BTreeMap<Assertion, Judged>) -> Vec<Finding> {
        let Self { mut findings, claims, unknown: why } = self;
        for (finding, claim) in findings.iter_mut().zip(&claims) {
            let Some(claim) = claim else {
                // Live state would have settled what is a warning without it; it says nothing of the rest.
                finding.live = why.as_deref().filter(|_| finding.status == Status::Warning).map(unknown);
                continue;
            };
            let Some(Judged { live, suppression }) = judged.get(claim) else {
                finding.live = Some(unknown(NO_TIME));
                continue;
            };
            let calms = !matches!(live.outcome, State::Confirmed | State::Unknown);
            finding.live = Some(match calms && is_older(live.checked_at, finding.origin.time) {
                true => unknown(OLDER),
                false => live.clone(),
            });
            finding.suppression = finding.suppression.take().or_else(|| suppression.clone());
        }
        findings
    }
}

/// A record with what earlier ones add to it.
fn parsed<'r>(record: &'r str, attached: Option<&Attachment>) -> Result<Event<'r>, RecordError> {
    let mut event = Event::parse(record)?;
    attached.into_iter().cloned().for_each(|attached| event.attach(attached));
    Ok(event)
}

/// Decides each of `items`, asking `live` for what `decide` notes as open until nothing is.
async fn asked<S: LiveState, I, D>(
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
