//! Undoes what findings report, within the limits of a policy file.
//!
//! ```text
//! SQS batch ─message─▶ notice ─brakes─▶ policy ─▶ read state ─▶ record ─▶ act ─▶ verify ─▶ tell
//!                                          │ approve
//!                                          └─▶ record ─▶ ask a person ─▶ answer ─▶ read state ─▶ act …
//! ```
//!
//! A message names a rule, an account, a Region and an action with arguments. Everything else is derived here and read from
//! AWS. The engine performs no input or output of its own: AWS, the store of records, people and approvals are traits.

pub mod announcement;
pub mod brakes;
pub mod engine;
pub mod memory;
pub mod message;
pub mod plan;
pub mod policy;
pub mod record;
pub mod resolved;
pub mod traits;

pub use announcement::{Announcement, Occasion};
pub use engine::{Deployment, Disposition, Engine, Retry};
pub use message::Notice;
pub use policy::{Mode, RemediationPolicy};
pub use record::{ActionRecord, ActionStatus};
pub use traits::{Announcer, Approvals, Cloud, CloudError, FailureKind, Store, StoredItem};
