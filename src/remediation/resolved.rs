//! The message that resolves a finding.

use jiff::Timestamp;
use serde_json::Value;

use super::record::ActionRecord;
use crate::finding::resolved;

/// The finding of a record as resolved: the same `finding_info.uid`, a new `metadata.uid` and the status COMPLIANT.
///
/// It is published after the state was read again, never before.
pub fn document(record: &ActionRecord, now: Timestamp) -> Value {
    let sentence = format!("Trailwarden undid it with the action {} ({}).", record.action, record.id);
    resolved::document(record.document.clone(), &record.message_uid, &sentence, now)
}
