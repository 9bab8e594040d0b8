//! Calls of KMS.

use aws_sdk_kms::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{FromJson, Members, ToJson, api_name, enumerations, insert, operations, send, to_json};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_kms::Client;
    "CancelKeyDeletion" => cancel_key_deletion(set_key_id);
    "DescribeKey" => describe_key(set_key_id) fields[key_metadata];
    "EnableKey" => enable_key(set_key_id);
}

to_json! { api_name;
    types::KeyMetadata: key_id, key_state;
}

enumerations! { types::KeyState }
