//! Instances, launch templates and launch configurations.

use serde_json::{Map, Value, json};

use super::ConfigurationItem;
use super::value::{is, list, member, text, texts};
use crate::derived_call::{DerivedCall, without_null};

/// Instances: metadata options, public addresses, and the check of source and destination.
pub(super) fn instance(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let state = item.get("state").and_then(|state| text(state, "name").or(state.as_str()));
    if matches!(state, Some("terminated" | "shutting-down")) {
        return Vec::new();
    }
    let id = &item.resource_id;
    let interfaces = item.list("networkInterfaces");
    let is_amazon = |owner: &str| owner == "amazon";
    let association = |interface: &Value, is_assigned: fn(&str) -> bool| {
        let association = member(interface, "association")?;
        let owner = text(association, "ipOwnerId").unwrap_or("amazon");
        is_assigned(owner).then(|| association.clone())
    };
    let mut requested: Vec<Value> = interfaces
        .iter()
        .map(|interface| {
            let assigned = association(interface, is_amazon);
            let has = |key: &str| assigned.as_ref().is_some_and(|assigned| text(assigned, key).is_some());
            let flag = |is_set: bool| if is_set { Value::Bool(true) } else { Value::Null };
            without_null(json!({
                "deviceIndex": member(interface, "attachment").and_then(|attachment| member(attachment, "deviceIndex")),
                "associatePublicIpAddress": flag(has("publicIp")),
                "associateCarrierIpAddress": flag(has("carrierIp")),
            }))
        })
        .collect();
    if interfaces.is_empty() && item.text("publicIpAddress").is_some() {
        requested.push(json!({"deviceIndex": 0, "associatePublicIpAddress": true}));
    }
    let described = interfaces.iter().map(|interface| {
        let addresses = texts(list(interface, "ipv6Addresses"), "ipv6Address");
        let addresses: Vec<Value> = addresses.iter().map(|address| json!({"ipv6Address": address})).collect();
        json!({
            "networkInterfaceId": text(interface, "networkInterfaceId"),
            "ipv6AddressesSet": {"items": addresses},
        })
    });
    let instance = without_null(json!({
        "instanceId": id,
        "metadataOptions": item.get("metadataOptions"),
        "networkInterfaceSet": {"items": described.collect::<Vec<_>>()},
    }));
    let request = json!({
        "instancesSet": {"items": [{"minCount": 1, "maxCount": 1}]},
        "networkInterfaceSet": {"items": requested},
    });
    let mut calls =
        vec![DerivedCall::ec2("RunInstances", request).with_response(json!({"instancesSet": {"items": [instance]}}))];
    let elastic = interfaces.iter().find_map(|interface| association(interface, |owner| owner != "amazon"));
    if let Some(elastic) = elastic {
        let request = json!({"instanceId": id, "publicIp": text(&elastic, "publicIp")});
        calls.push(DerivedCall::ec2("AssociateAddress", request));
    }
    if is(&item.configuration, "sourceDestCheck", false) {
        let request = json!({"instanceId": id, "sourceDestCheck": {"value": false}});
        calls.push(DerivedCall::ec2("ModifyInstanceAttribute", request));
    }
    calls
}

/// Launch templates, of which AWS Config records one version.
pub(super) fn launch_template(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let Some(data) = item.get("launchTemplateData") else { return Vec::new() };
    let mut requested = Map::new();
    for (name, member_of_request) in [("metadataOptions", "MetadataOptions"), ("networkInterfaces", "NetworkInterface")]
    {
        if let Some(value) = member(data, name) {
            requested.insert(member_of_request.to_owned(), value.clone());
        }
    }
    let name = item.text("launchTemplateName").or(item.resource_name.as_deref());
    let request = without_null(json!({"LaunchTemplateName": name, "LaunchTemplateData": requested}));
    let template = json!({"launchTemplateId": item.resource_id, "launchTemplateName": name});
    let response = json!({"CreateLaunchTemplateResponse": {"launchTemplate": template}});
    let call = DerivedCall::ec2("CreateLaunchTemplate", json!({"CreateLaunchTemplateRequest": request}));
    vec![call.with_response(response)]
}

/// Launch configurations.
pub(super) fn launch_configuration(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let request = without_null(json!({
        "launchConfigurationName": item.text("launchConfigurationName").or(item.resource_name.as_deref()),
        "associatePublicIpAddress": item.get("associatePublicIpAddress"),
        "metadataOptions": item.get("metadataOptions"),
    }));
    vec![DerivedCall::new("autoscaling", "CreateLaunchConfiguration", request)]
}
