//! The outside world of the engine: AWS, the store, people and approvals.

use jiff::Timestamp;
use serde_json::Value;

use super::announcement::Announcement;
use super::record::ActionRecord;
use crate::actions::ApiCall;

/// AWS.
pub trait Cloud {
    /// Makes a call that reads. The response has the names and types of the API, and the pages of a list are joined.
    fn read(&self, call: &ApiCall) -> impl Future<Output = Result<Value, CloudError>> + Send;

    /// Makes a call that changes something, for the action with this id.
    fn act(&self, id: &str, call: &ApiCall) -> impl Future<Output = Result<Value, CloudError>> + Send;
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CloudError {
    /// The kind of failure.
    pub failure: FailureKind,
    /// Error code and message of AWS, safe to show.
    pub message: String,
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The resource does not exist.
    Missing,
    /// The role lacks permission.
    Denied,
    /// The same call may succeed later: throttled, timed out, not reached.
    Transient,
    /// AWS refused the call.
    Refused,
}

/// A key-value store with conditional writes.
pub trait Store {
    /// The item at a key.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<StoredItem>, String>> + Send;

    /// Writes an item if its version is still `expected`, or if there is none and `expected` is zero. Returns whether it was
    /// written. The store may delete it after `expires`.
    fn put(
        &self,
        key: &str,
        value: &Value,
        expected: u64,
        expires: Timestamp,
    ) -> impl Future<Output = Result<bool, String>> + Send;
}

/// An item of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredItem {
    /// One more on each write, from 1.
    pub version: u64,
    /// Its content.
    pub value: Value,
}

/// Tells people and programs.
pub trait Announcer {
    /// Publishes a message on the alerts topic.
    fn announce(&self, announcement: &Announcement) -> impl Future<Output = Result<(), String>> + Send;

    /// Publishes the document of a resolved finding on the findings topic.
    fn resolved(&self, document: &Value) -> impl Future<Output = Result<(), String>> + Send;
}

/// Asks people for approval.
pub trait Approvals {
    /// Whether approvals are configured.
    fn is_configured(&self) -> bool {
        true
    }

    /// Starts the approval of a record, which people are told of. A second request for the same record changes nothing.
    fn request(&self, record: &ActionRecord) -> impl Future<Output = Result<(), String>> + Send;
}

impl<C: Cloud + Sync> Cloud for &C {
    fn read(&self, call: &ApiCall) -> impl Future<Output = Result<Value, CloudError>> + Send {
        (**self).read(call)
    }

    fn act(&self, id: &str, call: &ApiCall) -> impl Future<Output = Result<Value, CloudError>> + Send {
        (**self).act(id, call)
    }
}

impl<S: Store + Sync> Store for &S {
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<StoredItem>, String>> + Send {
        (**self).get(key)
    }

    fn put(
        &self,
        key: &str,
        value: &Value,
        expected: u64,
        expires: Timestamp,
    ) -> impl Future<Output = Result<bool, String>> + Send {
        (**self).put(key, value, expected, expires)
    }
}

impl<T: Announcer + Sync> Announcer for &T {
    fn announce(&self, announcement: &Announcement) -> impl Future<Output = Result<(), String>> + Send {
        (**self).announce(announcement)
    }

    fn resolved(&self, document: &Value) -> impl Future<Output = Result<(), String>> + Send {
        (**self).resolved(document)
    }
}

impl<A: Approvals + Sync> Approvals for &A {
    fn is_configured(&self) -> bool {
        (**self).is_configured()
    }

    fn request(&self, record: &ActionRecord) -> impl Future<Output = Result<(), String>> + Send {
        (**self).request(record)
    }
}

/// Without a value, no approval can be requested.
impl<A: Approvals + Sync> Approvals for Option<A> {
    fn is_configured(&self) -> bool {
        self.as_ref().is_some_and(Approvals::is_configured)
    }

    async fn request(&self, record: &ActionRecord) -> Result<(), String> {
        match self {
            Some(approvals) => approvals.request(record).await,
            None => Err("approvals are not configured".to_owned()),
        }
    }
}
