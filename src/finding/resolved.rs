//! The finding that closes a problem: the OCSF document of the finding that opened it, as resolved.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::derived_id;

/// Returns the opening document as resolved: the same `finding_info.uid`, a new `metadata.uid`, activity Close and the status
/// COMPLIANT. `sentence` says why it is resolved, safe to show. `opening_message` is the `metadata.uid` of the opening finding,
/// so that all messages that close it have the same id.
pub fn document(mut opening: Value, opening_message: &str, sentence: &str, now: Timestamp) -> Value {
    let mut set = |pointer: &str, name: &str, value: Value| {
        if let Some(members) = opening.pointer_mut(pointer).and_then(Value::as_object_mut) {
            members.insert(name.to_owned(), value);
        }
    };
    set("", "activity_id", json!(3));
    set("", "activity_name", json!("Close"));
    set("", "type_uid", json!(200_303));
    set("", "type_name", json!("Compliance Finding: Close"));
    set("", "time", json!(now.as_millisecond()));
    set("", "status_id", json!(4));
    set("", "status", json!("Resolved"));
    set("", "message", json!(sentence));
    set("", "comment", json!(sentence));
    set("/metadata", "uid", json!(derived_id(&["resolved", opening_message])));
    set("/compliance", "status_id", json!(1));
    set("/compliance", "status", json!("Pass"));
    set("/compliance", "status_code", json!("COMPLIANT"));
    set("/compliance/checks/0", "status_id", json!(1));
    set("/compliance/checks/0", "status", json!("Pass"));
    if let Some(members) = opening.as_object_mut() {
        members.remove("unmapped");
    }
    opening
}
