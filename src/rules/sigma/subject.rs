//! The input of rules: the fields of an event, and facts, which are derived on first use.

use std::cell::OnceCell;
#[cfg(test)]
use std::collections::BTreeMap;

use crate::event::{Event, Value, path};
use crate::facts::{self, FACTS, Zone};
use crate::rules::sigma::Budget;

/// An event with its facts.
#[derive(Debug)]
pub(in crate::rules) struct Subject<'e> {
    pub(in crate::rules) event: &'e Event<'e>,
    /// `eventSource` and `eventName`, where both are plain names. What is no text, is missing or has letters beyond ASCII
    /// is compared by rules alone.
    pub(in crate::rules) call: Option<(&'e str, &'e str)>,
    /// What is configured as your own.
    pub(in crate::rules) zone: &'e Zone,
    /// The work that the rule being evaluated may still do.
    pub(in crate::rules) budget: Budget,
    facts: [OnceCell<Option<Value<'e>>>; FACTS.len()],
}

#[cfg(test)]
/// Nothing is configured.
static NOTHING: Zone =
    Zone { accounts: Vec::new(), organizations: Vec::new(), tenants: BTreeMap::new(), providers: Vec::new() };

impl<'e> Subject<'e> {
    /// With nothing configured as your own.
    #[cfg(test)]
    pub(in crate::rules) fn new(event: &'e Event<'_>) -> Self {
        Self::within(event, &NOTHING)
    }

    /// The same with what `zone` lists as your own.
    pub(in crate::rules) fn within(event: &'e Event<'_>, zone: &'e Zone) -> Self {
        let call = event.source().zip(event.name()).filter(|(source, name)| source.is_ascii() && name.is_ascii());
        Self { event, call, zone, budget: Budget::new(), facts: [const { OnceCell::new() }; FACTS.len()] }
    }

    /// All values at `path`, of a fact or of the record.
    pub(in crate::rules) fn select(&self, path: &str) -> Vec<&Value<'_>> {
        let Some((place, rest)) = facts::find(path) else {
            return self.event.select(path);
        };
        if let Some(parameters) = FACTS.get(place).and_then(|fact| fact.parameters(self.event)) {
            return rest.map(|rest| parameters.select(rest)).unwrap_or_default();
        }
        let Some(value) = self.fact(place) else {
            return Vec::new();
        };
        match rest {
            Some(rest) => path::select_in(value, rest),
            None => vec![value],
        }
    }

    fn fact(&self, place: usize) -> Option<&Value<'e>> {
        let (fact, derived) = (FACTS.get(place)?, self.facts.get(place)?);
        derived.get_or_init(|| fact.within(self.event, self.zone)).as_ref()
    }
}
