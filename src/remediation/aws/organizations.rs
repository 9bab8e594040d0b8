//! Calls of Organizations.

use aws_sdk_organizations::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{Members, ToJson, api_name, insert, operations, send, to_json};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_organizations::Client;
    "ListParents" => list_parents(set_child_id) fields[parents];
}

to_json! { api_name;
    types::Parent: id;
}
