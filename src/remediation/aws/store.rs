//! The store in a DynamoDB table.
//!
//! The table's key is `id`, a string. `value` is the item's content as JSON, `version` counts its writes, and `expires` is
//! when DynamoDB may delete it, in seconds since 1970. Writes are conditional and reads strongly consistent. `write` is a random
//! name of the last write.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_json::Value;

use super::failure::sentence;
use crate::aws::{SdkConfig, with_timeouts};
use crate::remediation::random;
use crate::remediation::record::ActionRecord;
use crate::remediation::traits::{Store, StoredItem};

/// The attributes of an item.
type Item = HashMap<String, AttributeValue>;

/// A store in a table.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl DynamoStore {
    /// The store in a table of the configuration's Region.
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { client: Client::new(&with_timeouts(config)), table }
    }

    /// Every record of an action, in no order. The whole table is read.
    ///
    /// # Errors
    /// When DynamoDB fails or a record is malformed.
    pub async fn records(&self) -> Result<Vec<ActionRecord>, String> {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(#id, :actions)")
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":actions", AttributeValue::S(ActionRecord::key_of("")));
        let mut pages = scan.into_paginator().items().send();
        let mut records = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| sentence("dynamodb:Scan", &error))?;
            let id = item.get("id").and_then(|id| id.as_s().ok()).map_or("", String::as_str);
            let malformed = |error: String| format!("the item {id} is malformed: {error}");
            let item = stored(&item).map_err(malformed)?;
            records.push(serde_json::from_value(item.value).map_err(|error| malformed(error.to_string()))?);
        }
        Ok(records)
    }
}

impl DynamoStore {
    async fn item(&self, key: &str) -> Result<Option<Item>, String> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let response = request.key("id", AttributeValue::S(key.to_owned())).send().await;
        response.map(|response| response.item).map_err(|error| sentence("dynamodb:GetItem", &error))
    }
}

impl Store for DynamoStore {
    async fn get(&self, key: &str) -> Result<Option<StoredItem>, String> {
        let item = self.item(key).await?;
        item.as_ref().map(stored).transpose().map_err(|error| format!("the item {key} is malformed: {error}"))
    }

    async fn put(&self, key: &str, value: &Value, expected: u64, expires: Timestamp) -> Result<bool, String> {
        let number = |number: String| AttributeValue::N(number);
        let write = AttributeValue::S(random::name()?);
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("id", AttributeValue::S(key.to_owned()))
            .item("version", number(expected.saturating_add(1).to_string()))
            .item("value", AttributeValue::S(value.to_string()))
            .item("expires", number(expires.as_second().to_string()))
            .item("write", write.clone());
        let request = if expected == 0 {
            request.condition_expression("attribute_not_exists(#id)").expression_attribute_names("#id", "id")
        } else {
            request
                .condition_expression("#version = :expected")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":expected", number(expected.to_string()))
        };
        match request.send().await {
            Ok(_) => Ok(true),
            // The SDK sends a request again if its response was lost. The condition then fails because of this very write.
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(self.item(key).await?.is_some_and(|item| item.get("write") == Some(&write)))
            }
            Err(error) => Err(sentence("dynamodb:PutItem", &error)),
        }
    }
}

fn stored(item: &Item) -> Result<StoredItem, String> {
    let version = item.get("version").and_then(|version| version.as_n().ok()?.parse().ok());
    let value = item.get("value").and_then(|value| value.as_s().ok()).ok_or("`value` is missing")?;
    let value = serde_json::from_str(value).map_err(|error| error.to_string())?;
    Ok(StoredItem { version: version.ok_or("`version` is missing")?, value })
}
