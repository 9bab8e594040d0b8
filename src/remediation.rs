//! Undoes what findings report, within the limits of a policy file.
//!
//! ```text
//! SQS batch ─message─▶ notice ─brakes─▶ policy ─▶ read state ─▶ record ─▶ act ─▶ verify ─▶ tell
//!                                          │ approve
//!                                          └─▶ record ─▶ ask a person ─▶ answer ─▶ read state ─▶ act …
//! ```
//!
//! A message names a rule, an account, a Region and an action with arguments. Everything else is derived here and read from
//! AWS. The engine performs no input or output of its own: AWS, the store of records, people and approvals are traits. `aws`
//! implements them by the AWS SDK.

pub mod announcement;
#[cfg(feature = "remediation")]
pub mod approval;
#[cfg(feature = "remediation")]
pub mod aws;
pub mod brakes;
pub mod engine;
pub mod memory;
pub mod message;
pub mod metrics;
pub mod plan;
pub mod policy;
#[cfg(feature = "remediation")]
mod random;
pub mod record;
pub mod resolved;
pub mod traits;

pub use announcement::{Announcement, Occasion};
pub use engine::{Deployment, Disposition, Engine, Retry};
pub use message::Notice;
pub use policy::{Mode, RemediationPolicy};
pub use record::{ActionRecord, ActionStatus};
pub use traits::{Announcer, Approvals, Cloud, CloudError, FailureKind, Store, StoredItem};
