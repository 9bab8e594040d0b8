//! Calls of CloudTrail.

use aws_sdk_cloudtrail::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{Members, ToJson, api_name, insert, operations, send, to_json};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_cloudtrail::Client;
    "GetTrail" => get_trail(set_name) fields[trail];
    "GetTrailStatus" => get_trail_status(set_name) fields[is_logging];
    "ListTags" => list_tags(set_resource_id_list) pages[resource_tag_list];
    "StartLogging" => start_logging(set_name);
}

to_json! { api_name;
    types::ResourceTag: resource_id, tags_list;
    types::Tag: key, value;
}

impl ToJson for types::Trail {
    fn to_json(&self) -> Value {
        let mut members = Map::new();
        insert(&mut members, api_name("name"), self.name.to_json());
        insert(&mut members, api_name("home_region"), self.home_region.to_json());
        insert(&mut members, "TrailARN".to_owned(), self.trail_arn.to_json());
        members.into()
    }
}
