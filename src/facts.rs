//! Facts: values that are derived from a record, defined in one table of named, documented, pure functions.
//!
//! Rules use facts like fields. A fact lists the calls for which it exists. For other records it is absent.

mod call;
mod calls;
mod exposure;
mod live;
mod members;
mod named;
mod parameters;
mod resource;
mod sharing;
mod trail;
mod trust;
mod verified_access;
mod wire;

pub use call::without_version;
pub use calls::{Calls, find, is_fact_namespace, member_behind, quotes};
pub use exposure::{Earlier, Undecided};
pub use members::fact_at;
pub use wire::Parameters;

use std::borrow::Cow;

use crate::access::Verdict;
pub use crate::access::{Zone, shared_issuers};
use crate::event::{Event, Object, Value};
use crate::network::Opening;

/// A fact.
#[derive(Debug)]
pub struct Fact {
    /// The path in rules, such as `exposure.ingress`.
    pub name: &'static str,
    /// The calls for which the fact exists.
    pub calls: Calls,
    /// The documentation of the fact and the members of its value.
    pub doc: &'static str,
    /// The function that computes the value for a record of one of these calls. It returns `None` if the fact is absent.
    derivation: Derivation,
}

/// The function that computes the value of a fact.
#[derive(Debug, Clone, Copy)]
enum Derivation {
    /// Derives the value from the record.
    FromRecord(for<'e> fn(&'e Event<'_>) -> Option<Value<'e>>),
    /// Derives the value from the record and the zone of trust.
    FromRecordAndZone(for<'e> fn(&'e Event<'_>, &Zone) -> Option<Value<'e>>),
    /// Returns a part of the record, read as [`Parameters`].
    Parameters(for<'e> fn(&'e Event<'_>) -> Option<Parameters<'e>>),
}

impl Fact {
    /// The value for `event` with an empty zone of trust. Returns `None` if the fact is absent or a part of the record.
    pub fn of<'e>(&self, event: &'e Event<'_>) -> Option<Value<'e>> {
        self.within(event, &Zone::default())
    }

    /// The value for `event` with a zone of trust. Returns `None` if the fact is absent or a part of the record.
    pub fn within<'e>(&self, event: &'e Event<'_>, zone: &Zone) -> Option<Value<'e>> {
        match self.derivation {
            Derivation::FromRecord(derive) if self.calls.admit(event) => derive(event),
            Derivation::FromRecordAndZone(derive) if self.calls.admit(event) => derive(event, zone),
            Derivation::FromRecord(_) | Derivation::FromRecordAndZone(_) | Derivation::Parameters(_) => None,
        }
    }

    /// The part of `event` that the fact reads, if it reads one.
    pub fn parameters<'e>(&self, event: &'e Event<'_>) -> Option<Parameters<'e>> {
        match self.derivation {
            Derivation::Parameters(read) if self.calls.admit(event) => read(event),
            Derivation::FromRecord(_) | Derivation::FromRecordAndZone(_) | Derivation::Parameters(_) => None,
        }
    }
}

/// All facts. A new fact is a file in this module and a row in this table.
pub const FACTS: &[&Fact] = &[
    &call::OPERATION,
    &call::TARGET,
    &named::NAMED,
    &exposure::INGRESS,
    &exposure::LISTENER,
    &exposure::LOAD_BALANCER,
    &exposure::NETWORK_ACL,
    &exposure::PEERING,
    &exposure::PREFIX_LIST,
    &exposure::PUBLIC_ADDRESS,
    &exposure::ROUTE,
    &exposure::UNDECIDED,
    &verified_access::POLICY,
    &live::INGRESS,
    &live::REACHED,
    &live::ROLE,
    &live::ROUTE,
    &live::UNANSWERED,
    &sharing::EXTERNAL,
    &trail::SETTINGS,
    &trail::SELECTORS,
    &trust::POLICY,
    &parameters::EC2_REQUEST,
    &parameters::EC2_RESPONSE,
    &resource::EC2_RESOURCES,
];

/// The opening of a call that changes a security group or network ACL, as in `exposure.ingress` and `exposure.network_acl`.
/// Returns `None` for other calls, or if the call opens nothing.
pub fn opening(event: &Event<'_>) -> Option<Opening> {
    exposure::opening(event)
}

/// Whether a call adds a network to a security group, network ACL or prefix list that may contribute to a larger opening
/// together with networks that other calls add.
pub fn opens_in_part(event: &Event<'_>) -> bool {
    exposure::opens_in_part(event)
}

/// The reason why the record of a call does not decide whether it opened something, as in `exposure.undecided`.
pub fn undecided(event: &Event<'_>) -> Option<Undecided> {
    Undecided::of(event)
}

/// Whether a call requests a public IPv4 address, as in `exposure.public_address`.
pub fn asks_for_ipv4(event: &Event<'_>) -> bool {
    exposure::asks_for_ipv4(event)
}

/// The parameters of a request, as in `ec2.request`.
pub fn ec2_request<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    wire::request(event)
}

/// The elements of a response, as in `ec2.response`.
pub fn ec2_response<'e>(event: &'e Event<'_>) -> Option<Parameters<'e>> {
    wire::response(event)
}

/// The verdict on the trust policy in the record of a call, as in `trust.policy`.
pub fn trust_verdict(event: &Event<'_>) -> Verdict {
    trust::verdict(event)
}

/// A list of strings.
fn texts<'e, T: Into<Cow<'e, str>>>(texts: impl IntoIterator<Item = T>) -> Value<'e> {
    Value::Array(texts.into_iter().map(|text| Value::Str(text.into())).collect())
}

/// An object with these members.
fn object<'e>(members: impl IntoIterator<Item = (&'e str, Value<'e>)>) -> Value<'e> {
    Value::Object(members.into_iter().collect::<Object<'e>>())
}

#[cfg(test)]
mod tests;
