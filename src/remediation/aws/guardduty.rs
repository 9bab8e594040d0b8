//! Calls of GuardDuty.

use aws_sdk_guardduty::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{FromJson, Members, ToJson, api_name, enumerations, insert, operations, send};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_guardduty::Client;
    "GetDetector" => get_detector(set_detector_id) fields[status];
    "UpdateDetector" => update_detector(set_detector_id, set_enable);
}

enumerations! { types::DetectorStatus }
