//! Live state: what EC2 and IAM report about the resources of an account.
//!
//! An event contains what was requested. Only the state of the account shows whether the internet can reach a resource now.
//! Every decision reads a [`StateStore`] through a [`Lookup`], which records the queries that are missing. [`LiveState`]
//! resolves all of them at once, and the decision is repeated until no query is missing. So findings share queries, and
//! decisions are the same for an account and for a snapshot of it.

pub mod assertion;
#[cfg(feature = "live")]
pub mod aws;
pub mod cache;
pub mod enrich;
mod files;
pub mod kind;
mod layers;
mod path;
mod path_analysis;
pub mod query;
pub mod resources;
pub mod response;
#[cfg(feature = "live")]
mod session;
pub mod snapshot;
pub mod store;
mod target;
mod verify;

pub use assertion::{Assertion, unknown};
pub use enrich::{enrich, enriched, may_need_state, needs_state, unavailable};
pub use kind::Resource;
pub use query::{AccountRegion, AnyQueryKind, LiveState, Query, QueryKind, Resolved};
pub use response::{Response, Unavailable};
pub use snapshot::Snapshot;
pub use store::{Lookup, Missing, StateStore};
