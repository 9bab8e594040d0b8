//! The message that resolves a finding.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::ActionRecord;
use crate::finding::derived_id;

/// The finding of a record as resolved: the same `finding_info.uid`, a new `metadata.uid` and the status COMPLIANT.
///
/// It is published after the state was read again, never before.
pub fn document(record: &ActionRecord, now: Timestamp) -> Value {
    let mut document = record.document.clone();
    let mut set = |pointer: &str, name: &str, value: Value| {
        if let Some(members) = document.pointer_mut(pointer).and_then(Value::as_object_mut) {
            members.insert(name.to_owned(), value);
        }
    };
    let sentence = format!("Trailwarden undid it with the action {} ({}).", record.action, record.id);
    set("", "activity_id", json!(3));
    set("", "activity_name", json!("Close"));
    set("", "type_uid", json!(200_303));
    set("", "type_name", json!("Compliance Finding: Close"));
    set("", "time", json!(now.as_millisecond()));
    set("", "status_id", json!(4));
    set("", "status", json!("Resolved"));
    set("", "message", json!(sentence));
    set("", "comment", json!(sentence));
    set("/metadata", "uid", json!(derived_id(&["resolved", &record.message_uid])));
    set("/compliance", "status_id", json!(1));
    set("/compliance", "status", json!("Pass"));
    set("/compliance", "status_code", json!("COMPLIANT"));
    set("/compliance/checks/0", "status_id", json!(1));
    set("/compliance/checks/0", "status", json!("Pass"));
    if let Some(members) = document.as_object_mut() {
        members.remove("unmapped");
    }
    document
}
