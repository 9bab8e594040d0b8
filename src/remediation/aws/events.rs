//! Calls of EventBridge.

use aws_sdk_eventbridge::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{FromJson, Members, ToJson, api_name, enumerations, insert, operations, send};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_eventbridge::Client;
    "DescribeRule" => describe_rule(set_name, set_event_bus_name) fields[name, state];
    "EnableRule" => enable_rule(set_name, set_event_bus_name);
}

enumerations! { types::RuleState }
