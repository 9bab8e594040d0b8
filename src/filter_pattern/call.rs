//! The calls that are known, and what it costs to let them through.

use serde::Serialize;

/// A call that passes the pattern though no rule watches it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NeedlessCall {
    /// `eventSource`.
    pub service: &'static str,
    /// `eventName`.
    pub call: &'static str,
    /// Whether it changes nothing, as its name tells.
    pub read_only: bool,
}

/// How names of calls begin that change nothing.
const READING: &[&str] = &[
    "BatchGet", "Check", "Describe", "Detect", "Estimate", "Filter", "Generate", "Get", "Head", "List", "Lookup",
    "Preview", "Search", "Select", "Simulate", "Test", "Validate", "Verify", "View",
];

/// Calls that fill a log though they do not read: what programs do all day with data, keys and streams.
const FREQUENT: &[&str] = &[
    "CompleteMultipartUpload",
    "CreateLogStream",
    "CreateMultipartUpload",
    "Decrypt",
    "DeleteMessage",
    "DeleteObject",
    "DeleteObjects",
    "Encrypt",
    "Invoke",
    "InvokeAsync",
    "Publish",
    "PublishBatch",
    "PutEvents",
    "PutLogEvents",
    "PutObject",
    "ReEncrypt",
    "RegisterTargets",
    "DeregisterTargets",
    "Sign",
    "UploadPart",
];

/// What one record in a log group costs more than another: a call that reads is made far more often than one that changes
/// something. The factor is no measurement; it makes reading calls the last to be let through.
const BURDEN_OF_READING: u32 = 12;

impl NeedlessCall {
    pub(super) fn new(service: &'static str, call: &'static str) -> Self {
        Self { service, call, read_only: READING.iter().any(|verb| call.starts_with(verb)) }
    }

    /// How much is lost when it passes needlessly: 1 for an ordinary call.
    pub(super) fn burden(&self) -> u32 {
        if self.is_frequent() { BURDEN_OF_READING } else { 1 }
    }

    /// Whether programs make it all day.
    pub(super) fn is_frequent(&self) -> bool {
        self.read_only || FREQUENT.contains(&self.call)
    }
}
