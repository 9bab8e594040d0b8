//! Parses and evaluates IAM policy documents.
//!
//! The parser is lenient in form, as IAM is: the document may be plain or percent-encoded JSON, `Statement` an object or a
//! list, a value a scalar or a list, and element names are case-insensitive. It is strict in meaning: a statement that is not
//! understood contains its errors, so that it is not mistaken for a harmless one.

mod condition;
mod document;
mod escalation;
mod evaluate;
mod identity;
mod pattern;

pub use condition::{Condition, Operator, Quantifier, Test, date_seconds};
pub use document::{Actions, Effect, Policy, PolicyError, Principal, PrincipalKind, Principals, Statement, Version};
pub use evaluate::{Caller, Context, Decision, Request};
pub use identity::{Administrator, RolePolicies, RolePolicy, TooComplex, is_administrator};
pub use pattern::Pattern;

#[cfg(test)]
mod tests;
