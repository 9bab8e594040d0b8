//! The members of a JSON object, each value as its text.

use serde_json::value::RawValue;

use super::document;
use crate::event::repaired;

/// The members of a JSON object, each value as its text.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) members: Vec<(String, Box<RawValue>)>,
}

impl Members {
    pub(super) fn get(&self, key: &str) -> Option<&RawValue> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref())
    }

    /// The first member with this key in whatever case.
    pub(super) fn get_of_any_case(&self, key: &str) -> Option<&RawValue> {
        self.get(key).or_else(|| {
            let mut members = self.members.iter();
            members.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_ref())
        })
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn has_list(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.get().starts_with('['))
    }

    pub(super) fn has_string(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.get().starts_with('"'))
    }

    /// The member that is an object.
    pub(super) fn object(&self, key: &str) -> Option<Self> {
        self.get(key).filter(|value| value.get().starts_with('{')).and_then(|value| document::members(value.get()).ok())
    }

    /// The member that is a string.
    pub(super) fn string(&self, key: &str) -> Option<String> {
        self.get(key).and_then(string)
    }

    /// The same with the key in whatever case.
    pub(super) fn string_of_any_case(&self, key: &str) -> Option<String> {
        self.get_of_any_case(key).and_then(string)
    }

    /// The elements of the member that is a list.
    pub(super) fn list(&self, key: &str) -> Option<Vec<&RawValue>> {
        self.get(key).and_then(|value| serde_json::from_str(value.get()).ok())
    }

    /// The object they are the members of.
    pub(super) fn to_json(&self) -> String {
        let members = self
            .members
            .iter()
            .map(|(key, value)| format!("{}:{}", serde_json::Value::from(key.as_str()), value.get()));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

/// The content of a string.
pub(super) fn string(value: &RawValue) -> Option<String> {
    let text = value.get();
    if !text.starts_with('"') {
        return None;
    }
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&repaired(text))).ok()
}
