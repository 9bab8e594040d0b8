//! The action that undoes a finding.

use serde_json::{Map, Value};

/// A remediation action: a name in the table of actions and its arguments. It is never a command to run.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestedAction {
    /// Name of the action, such as `revoke-ingress-rules`.
    pub name: &'static str,
    /// Values from the record, such as ids of resources.
    pub arguments: Map<String, Value>,
}
