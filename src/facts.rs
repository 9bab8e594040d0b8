//! What can be derived from a record beyond its own fields, as one table of named, documented, pure functions.
//!
//! Rules name facts as they name fields. A fact says which calls it exists for; for any other record it is absent.

mod exposure;
mod resource;
mod trust;

use crate::event::{Event, Object, Value};

/// One derivable fact.
#[derive(Debug)]
pub struct Fact {
    /// The path rules use, such as `exposure.ingress`.
    pub name: &'static str,
    /// What it means and which members its value has.
    pub doc: &'static str,
    /// The calls it exists for.
    pub calls: Calls,
    /// Derives the value from a record of one of those calls; `None` when there is nothing to say.
    derive: for<'e> fn(&'e Event<'_>) -> Option<Value<'e>>,
}

/// The calls a fact exists for.
#[derive(Debug, Clone, Copy)]
pub enum Calls {
    /// These pairs of `eventSource` and `eventName`.
    These(&'static [(&'static str, &'static str)]),
    /// Every call of one `eventSource`.
    AllOf(&'static str),
}

impl Calls {
    /// Whether `event` is one of these calls.
    pub fn admit(&self, event: &Event<'_>) -> bool {
        match self {
            Self::These(pairs) => {
                pairs.iter().any(|(source, name)| event.source() == Some(source) && event.name() == Some(name))
            }
            Self::AllOf(source) => event.source() == Some(source),
        }
    }
}

impl Fact {
    /// The fact's value for `event`, if it has one.
    pub fn of<'e>(&self, event: &'e Event<'_>) -> Option<Value<'e>> {
        if self.calls.admit(event) { (self.derive)(event) } else { None }
    }
}

/// Every fact there is. A new one is a file beside these and a line here.
pub const FACTS: &[&Fact] = &[&exposure::INGRESS, &trust::GRANTS, &resource::EC2_RESOURCES];

/// The place in [`FACTS`] of the fact a path starts with, and the rest of the path: `exposure.ingress[0].reach` is the
/// first fact and `[0].reach`.
pub fn find(path: &str) -> Option<(usize, Option<&str>)> {
    FACTS.iter().enumerate().find_map(|(place, fact)| {
        let rest = path.strip_prefix(fact.name)?;
        match rest.strip_prefix('.') {
            Some(rest) => Some((place, Some(rest))),
            None if rest.is_empty() => Some((place, None)),
            None => rest.starts_with('[').then_some((place, Some(rest))),
        }
    })
}

/// Whether a path lies where facts live, so that a name there that is no fact is a mistake.
pub fn is_fact_namespace(path: &str) -> bool {
    let head = path.split_once('.').map_or(path, |(head, _)| head);
    FACTS.iter().any(|fact| fact.name.split_once('.').is_some_and(|(namespace, _)| namespace == head))
}

/// An object from its members.
fn object<'e>(members: Vec<(&'e str, Value<'e>)>) -> Value<'e> {
    Value::Object(Object::from(members))
}

#[cfg(test)]
mod tests;
