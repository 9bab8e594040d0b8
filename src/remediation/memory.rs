//! A store in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::traits::{Store, StoredItem};

/// A store that forgets everything at the end of the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, StoredItem>>);

impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<StoredItem>, String> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    async fn put(&self, key: &str, value: &Value, expected: u64, _: Timestamp) -> Result<bool, String> {
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = items.get(key).map_or(0, |item| item.version);
        if version != expected {
            return Ok(false);
        }
        items.insert(key.to_owned(), StoredItem { version: version + 1, value: value.clone() });
        Ok(true)
    }
}
