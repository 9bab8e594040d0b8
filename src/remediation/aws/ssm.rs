//! Calls of Systems Manager.

use aws_sdk_ssm::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{Members, ToJson, api_name, insert, operations, send, to_json};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_ssm::Client;
    "GetParameter" => get_parameter(set_name) fields[parameter];
}

to_json! { api_name;
    types::Parameter: name, value;
}
