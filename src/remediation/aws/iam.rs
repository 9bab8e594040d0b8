//! Calls of IAM.

use aws_sdk_iam::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{Members, ToJson, api_name, insert, operations, send, to_json};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_iam::Client;
    "GetRole" => get_role(set_role_name) fields[role];
    "ListRoleTags" => list_role_tags(set_role_name) marked_pages[tags];
    "UpdateAssumeRolePolicy" => update_assume_role_policy(set_role_name, set_policy_document);
}

to_json! { api_name;
    types::Role: role_name, role_id, assume_role_policy_document;
    types::Tag: key, value;
}
