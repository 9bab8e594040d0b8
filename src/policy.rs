//! IAM policy documents as types, and what they say to a request.
//!
//! Lenient in form, as IAM is: the document may be plain or percent-encoded JSON, `Statement` one object or a list, a
//! value one scalar or a list, and element names may be written in any case. Strict in meaning: a statement that is not
//! understood keeps its fault, so that nobody mistakes it for harmless.

mod condition;
mod document;
mod escalation;
mod evaluate;
mod identity;
mod pattern;

pub use condition::{Condition, Operator, Quantifier, Test, date_seconds};
pub use document::{Actions, Effect, Policy, PolicyError, Principal, PrincipalKind, Principals, Statement, Version};
pub use evaluate::{Caller, Context, Decision, Request};
pub use identity::{Administrator, Held, Holder, TooComplex, is_administrator};
pub use pattern::Pattern;

#[cfg(test)]
mod tests;
