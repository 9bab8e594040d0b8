//! What can be derived from a record beyond its own fields, as one table of named, documented, pure functions.
//!
//! Rules name facts as they name fields. A fact says which calls it exists for; for any other record it is absent.

mod call;
mod exposure;
mod live;
mod parameters;
mod resource;
mod trust;
mod wire;

pub use call::without_version;
pub use exposure::Undecided;
pub use wire::Parameters;

use std::borrow::Cow;

use crate::address::Opening;
use crate::event::{Event, Object, Value};
use crate::trust::Verdict;

/// One derivable fact.
#[derive(Debug)]
pub struct Fact {
    /// The path rules use, such as `exposure.ingress`.
    pub name: &'static str,
    /// What it means and which members its value has.
    pub doc: &'static str,
    /// The calls it exists for.
    pub calls: Calls,
    /// Where the value comes from, for a record of one of those calls; `None` when there is nothing to say.
    origin: Origin,
}

/// Where a fact's value comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// It is derived.
    Derived(for<'e> fn(&'e Event<'_>) -> Option<Value<'e>>),
    /// It is a part of the record, read as [`Parameters`].
    Read(for<'e> fn(&'e Event<'_>) -> Option<Parameters<'e>>),
}

/// The calls a fact exists for.
#[derive(Debug, Clone, Copy)]
pub enum Calls {
    /// These pairs of `eventSource` and `eventName`.
    These(&'static [(&'static str, &'static str)]),
    /// Every call of these values of `eventSource`.
    AllOf(&'static [&'static str]),
    /// Every call.
    All,
}

impl Calls {
    /// Whether `event` is one of these calls.
    pub fn admit(&self, event: &Event<'_>) -> bool {
        match self {
            Self::These(pairs) => {
                event.source().zip(event.name()).is_some_and(|(source, name)| pairs.contains(&(source, name)))
            }
            Self::AllOf(sources) => event.source().is_some_and(|source| sources.contains(&source)),
            Self::All => true,
        }
    }
}

impl Fact {
    /// The fact's value for `event`, if it has one and is derived.
    pub fn of<'e>(&self, event: &'e Event<'_>) -> Option<Value<'e>> {
        match self.origin {
            Origin::Derived(derive) if self.calls.admit(event) => derive(event),
            Origin::Derived(_) | Origin::Read(_) => None,
        }
    }

    /// The part of `event` that the fact is a way to read, if it is one.
    pub fn parameters<'e>(&self, event: &'e Event<'_>) -> Option<Parameters<'e>> {
        match self.origin {
            Origin::Read(read) if self.calls.admit(event) => read(event),
            Origin::Derived(_) | Origin::Read(_) => None,
        }
    }
}

/// Every fact there is. A new one is a file beside these and a line here.
pub const FACTS: &[&Fact] = &[
    &call::OPERATION,
    &call::TARGET,
    &exposure::INGRESS,
    &exposure::LOAD_BALANCER,
    &exposure::NETWORK_ACL,
    &exposure::PEERING,
    &exposure::PREFIX_LIST,
    &exposure::PUBLIC_ADDRESS,
    &exposure::ROUTE,
    &exposure::UNDECIDED,
    &live::INGRESS,
    &live::ROLE,
    &live::ROUTE,
    &live::UNANSWERED,
    &trust::POLICY,
    &parameters::EC2_REQUEST,
    &parameters::EC2_RESPONSE,
    &resource::EC2_RESOURCES,
];

/// The place in [`FACTS`] of the fact a path starts with, and the rest of the path: `exposure.ingress[0].reach` is the
/// first fact and `[0].reach`.
pub fn find(path: &str) -> Option<(usize, Option<&str>)> {
    // Rules ask for many fields and few facts, and the first letters tell most of them apart.
    let first = path.get(..2);
    let mut alike = FACTS.iter().enumerate().filter(|(_, fact)| fact.name.get(..2) == first);
    alike.find_map(|(place, fact)| {
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

/// What a call opens in a security group or network ACL, as `exposure.ingress` and `exposure.network_acl` see it; `None`
/// when it opens nothing, or is another call.
pub fn opening(event: &Event<'_>) -> Option<Opening> {
    exposure::opening(event)
}

/// What the record of a call leaves open, as `exposure.undecided` sees it.
pub fn undecided(event: &Event<'_>) -> Option<Undecided> {
    Undecided::of(event)
}

/// Whether a call asks for a public IPv4 address, as `exposure.public_address` sees it.
pub fn asks_for_ipv4(event: &Event<'_>) -> bool {
    exposure::asks_for_ipv4(event)
}

/// The parameters of a request, as `ec2.request` reads them.
pub fn ec2_request<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    wire::request(event)
}

/// The elements of a response, as `ec2.response` reads them.
pub fn ec2_response<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    wire::response(event)
}

/// The verdict on the trust policy in the record of a call, as `trust.policy` sees it.
pub fn trust_verdict(event: &Event<'_>) -> Verdict {
    trust::verdict(event)
}

/// A list of texts.
fn texts<'e, T: Into<Cow<'e, str>>>(texts: impl IntoIterator<Item = T>) -> Value<'e> {
    Value::Array(texts.into_iter().map(|text| Value::Str(text.into())).collect())
}

/// An object from its members.
fn object<'e>(members: Vec<(&'e str, Value<'e>)>) -> Value<'e> {
    Value::Object(Object::from(members))
}

#[cfg(test)]
mod tests;
