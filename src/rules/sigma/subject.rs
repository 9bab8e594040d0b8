//! The input of rules: an event, and its facts, which are derived on first use.

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
    /// `eventSource` and `eventName`, if both are ASCII strings. Otherwise every rule is evaluated.
    pub(in crate::rules) call: Option<(&'e str, &'e str)>,
    /// Your own accounts, organizations, tenants and identity providers.
    pub(in crate::rules) zone: &'e Zone,
    /// The work that the rule being evaluated may still do.
    pub(in crate::rules) budget: Budget,
    facts: [OnceCell<Option<Value<'e>>>; FACTS.len()],
}

#[cfg(test)]
/// A zone that contains only the event's own account.
static EMPTY_ZONE: Zone =
    Zone { accounts: Vec::new(), organizations: Vec::new(), tenants: BTreeMap::new(), providers: Vec::new() };

impl<'e> Subject<'e> {
    /// An event without a configured zone.
    #[cfg(test)]
    pub(in crate::rules) fn new(event: &'e Event<'_>) -> Self {
        Self::in_zone(event, &EMPTY_ZONE)
    }

    /// An event in a zone.
    pub(in crate::rules) fn in_zone(event: &'e Event<'_>, zone: &'e Zone) -> Self {
        let call = event.source().zip(event.name()).filter(|(source, name)| source.is_ascii() && name.is_ascii());
        Self { event, call, zone, budget: Budget::new(), facts: [const { OnceCell::new() }; FACTS.len()] }
    }

    /// Returns all values at `path`, of a fact or of the record.
    pub(in crate::rules) fn select(&self, path: &str) -> Vec<&Value<'_>> {
        let Some((index, rest)) = facts::find(path) else {
            return self.event.select(path);
        };
        if let Some(parameters) = FACTS.get(index).and_then(|fact| fact.parameters(self.event)) {
            return rest.map(|rest| parameters.select(rest)).unwrap_or_default();
        }
        let Some(value) = self.fact(index) else {
            return Vec::new();
        };
        match rest {
            Some(rest) => path::select_in(value, rest),
            None => vec![value],
        }
    }

    fn fact(&self, index: usize) -> Option<&Value<'e>> {
        let (fact, derived) = (FACTS.get(index)?, self.facts.get(index)?);
        derived.get_or_init(|| fact.within(self.event, self.zone)).as_ref()
    }
}
