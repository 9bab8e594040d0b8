//! What can be derived from a record beyond its own fields, as one table of named, documented, pure functions.
//!
//! Rules name facts as they name fields. A fact says which calls it exists for; for any other record it is absent.

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

/// One derivable fact.
#[derive(Debug)]
pub struct Fact {
    /// The path that rules use, such as `exposure.ingress`.
    pub name: &'static str,
    /// The calls it exists for.
    pub calls: Calls,
    /// What it means and which members its value has.
    pub doc: &'static str,
    /// Where the value comes from, for a record of one of those calls; `None` when there is nothing to say.
    origin: Origin,
}

/// Where a fact's value comes from.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// It is derived.
    Derived(for<'e> fn(&'e Event<'_>) -> Option<Value<'e>>),
    /// It is derived, and depends on what is configured as your own.
    DerivedWithin(for<'e> fn(&'e Event<'_>, &Zone) -> Option<Value<'e>>),
    /// It is a part of the record, read as [`Parameters`].
    Read(for<'e> fn(&'e Event<'_>) -> Option<Parameters<'e>>),
}

impl Fact {
    /// The fact's value for `event`, if it has one and is derived, with nothing configured as your own.
    pub fn of<'e>(&self, event: &'e Event<'_>) -> Option<Value<'e>> {
        self.within(event, &Zone::default())
    }

    /// The same with what `zone` lists as your own.
    pub fn within<'e>(&self, event: &'e Event<'_>, zone: &Zone) -> Option<Value<'e>> {
        match self.origin {
            Origin::Derived(derive) if self.calls.admit(event) => derive(event),
            Origin::DerivedWithin(derive) if self.calls.admit(event) => derive(event, zone),
            Origin::Derived(_) | Origin::DerivedWithin(_) | Origin::Read(_) => None,
        }
    }

    /// The part of `event` that the fact is a way to read, if it is one.
    pub fn parameters<'e>(&self, event: &'e Event<'_>) -> Option<Parameters<'e>> {
        match self.origin {
            Origin::Read(read) if self.calls.admit(event) => read(event),
            Origin::Derived(_) | Origin::DerivedWithin(_) | Origin::Read(_) => None,
        }
    }
}

/// Every fact there is. A new one is a file beside these and a line here.
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

/// What a call opens in a security group or network ACL, as `exposure.ingress` and `exposure.network_acl` see it; `None`
/// when it opens nothing, or is another call.
pub fn opening(event: &Event<'_>) -> Option<Opening> {
    exposure::opening(event)
}

/// Whether a call lets a network into a security group, network ACL or prefix list that may open it further together with
/// what other calls let in.
pub fn opens_in_part(event: &Event<'_>) -> bool {
    exposure::opens_in_part(event)
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
fn object<'e>(members: impl IntoIterator<Item = (&'e str, Value<'e>)>) -> Value<'e> {
    Value::Object(members.into_iter().collect::<Object<'e>>())
}

#[cfg(test)]
mod tests;
