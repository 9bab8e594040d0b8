//! The target of an action: an account, a Region and checked arguments.

use serde_json::{Map, Value};

use super::arguments::{self, is_account, is_region};
use super::{Action, ApiCall};

/// An account and Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRegion {
    /// Such as `aws`.
    pub partition: String,
    /// The account id.
    pub account: String,
    /// Such as `eu-west-1`.
    pub region: String,
}

/// An account, a Region and checked arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    place: AccountRegion,
    arguments: Map<String, Value>,
}

impl Target {
    /// The target of an action.
    ///
    /// # Errors
    /// A sentence, if the place or an argument is malformed.
    pub fn new(action: &Action, place: AccountRegion, arguments: Map<String, Value>) -> Result<Self, String> {
        if !is_account(&place.account) {
            return Err("the account is not an account id".to_owned());
        }
        if !is_region(&place.region) {
            return Err("the Region is not the name of a Region".to_owned());
        }
        if !matches!(place.partition.as_str(), "aws" | "aws-cn" | "aws-us-gov") {
            return Err("the partition is unknown".to_owned());
        }
        arguments::check(action.arguments, &arguments)?;
        Ok(Self { place, arguments })
    }

    /// Its account and Region.
    pub fn place(&self) -> &AccountRegion {
        &self.place
    }

    /// Its arguments.
    pub fn arguments(&self) -> &Map<String, Value> {
        &self.arguments
    }

    /// The text of an argument; empty for one that is no text.
    pub fn text(&self, name: &str) -> &str {
        self.arguments.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number of an argument; zero for one that is no number.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.arguments.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// The elements of an argument; none for one that is no list.
    pub(super) fn list(&self, name: &str) -> &[Value] {
        self.arguments.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The ARN of the trail that an argument names by name or ARN.
    pub fn trail_arn(&self, name: &str) -> String {
        let trail = self.text(name);
        if trail.starts_with("arn:") {
            return trail.to_owned();
        }
        let AccountRegion { partition, account, region } = &self.place;
        format!("arn:{partition}:cloudtrail:{region}:{account}:trail/{trail}")
    }

    /// A call in its account and Region.
    pub fn call(&self, service: &str, operation: &str, parameters: Value) -> ApiCall {
        ApiCall {
            service: service.to_owned(),
            operation: operation.to_owned(),
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            parameters,
        }
    }

    /// A call of EC2.
    pub(super) fn ec2(&self, operation: &str, parameters: Value) -> ApiCall {
        self.call("ec2", operation, parameters)
    }
}
