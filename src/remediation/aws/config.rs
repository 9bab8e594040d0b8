//! Calls of AWS Config.

use aws_sdk_config::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{
    FromJson, Members, ToJson, api_name, camel_case_name, enumerations, insert, operations, send, to_json,
};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_config::Client;
    "DescribeConfigurationRecorderStatus" =>
        describe_configuration_recorder_status(set_configuration_recorder_names) fields[configuration_recorders_status];
    "GetResourceConfigHistory" => get_resource_config_history(set_resource_type, set_resource_id, set_later_time,
        set_chronological_order, set_limit)
        camel_case_fields[configuration_items];
    "StartConfigurationRecorder" => start_configuration_recorder(set_configuration_recorder_name);
}

to_json! { camel_case_name;
    types::ConfigurationItem: resource_id, configuration;
    types::ConfigurationRecorderStatus: name, recording;
}

enumerations! { types::ChronologicalOrder, types::ResourceType }
