//! Calls of Lambda.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{Members, ToJson, api_name, insert, operations, send};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_lambda::Client;
    "DeleteFunctionConcurrency" => delete_function_concurrency(set_function_name);
    "GetFunctionConcurrency" => get_function_concurrency(set_function_name) fields[reserved_concurrent_executions];
}
