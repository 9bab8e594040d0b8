//! Live state: what the account itself says of what a record suggests.
//!
//! An event says what was asked for; only the state of the account says whether the world can now get in. Everything
//! here decides from what is known, and notes what it would have to ask; [`LiveState`] answers all of that at once, and
//! then it is decided again, until nothing is open. So look-ups are shared between findings, and the deciding is the same
//! for an account that is asked and for a snapshot of it.

#[cfg(feature = "live")]
pub mod aws;
pub mod cache;
mod claim;
mod complete;
mod completion;
pub mod describe;
mod judge;
mod knowledge;
mod layers;
pub mod listing;
pub mod question;
mod reachability;
pub mod snapshot;
mod ways;

pub use claim::{Claim, unknown};
pub use complete::{asks, complete, completed, may_ask, unanswered};
pub use knowledge::{Gap, Inquiry, Knowledge};
pub use question::{Answer, Answered, LiveState, Place, Question, Topic, Unanswered};
pub use snapshot::Snapshot;
