//! Instances, launch templates and load balancers.

use serde_json::{Map, Value, json};

use super::UNKNOWN;
use super::change::Change;
use crate::derived_call::{DerivedCall, without_null};

/// `aws_instance`.
pub(super) fn instance(change: &Change<'_>) -> Vec<DerivedCall> {
    if change.is_deleted() {
        return Vec::new();
    }
    let options = metadata_options(change);
    let mut calls = Vec::new();
    if change.is_new() {
        let address =
            change.get("associate_public_ip_address").filter(|_| change.is_set("associate_public_ip_address"));
        let interface = address.map(|address| json!({"deviceIndex": 0, "associatePublicIpAddress": address}));
        let request = json!({
            "instancesSet": {"items": [{"minCount": 1, "maxCount": 1}]},
            "subnetId": change.reference("subnet_id"),
            "metadataOptions": options.map(|options| first_lower(&options)),
            "networkInterfaceSet": interface.map(|interface| json!({"items": [interface]})),
        });
        let response = json!({"instancesSet": {"items": [{"instanceId": change.id()}]}});
        calls.push(DerivedCall::ec2("RunInstances", without_null(request)).with_response(response));
    } else if let Some(mut options) = options.filter(|_| change.changes("metadata_options")) {
        options.insert("InstanceId".to_owned(), change.id().into());
        calls.push(DerivedCall::ec2(
            "ModifyInstanceMetadataOptions",
            json!({"ModifyInstanceMetadataOptionsRequest": options}),
        ));
    }
    if change.changes("source_dest_check") && change.get("source_dest_check") == Some(&Value::Bool(false)) {
        let request = json!({"instanceId": change.id(), "sourceDestCheck": {"value": false}});
        calls.push(DerivedCall::ec2("ModifyInstanceAttribute", request));
    }
    calls
}

/// The metadata options of the configuration, as the API names them.
fn metadata_options(change: &Change<'_>) -> Option<Map<String, Value>> {
    if !change.is_set("metadata_options") {
        return None;
    }
    let options = match change.get("metadata_options")? {
        Value::Array(blocks) => blocks.first()?,
        other => other,
    };
    let names = [("http_tokens", "HttpTokens"), ("http_endpoint", "HttpEndpoint")];
    let members = names.into_iter().filter_map(|(name, member)| {
        let value = if options == UNKNOWN { options } else { options.get(name).filter(|value| !value.is_null())? };
        // AWS chooses an option that the configuration does not set.
        (value != UNKNOWN || change.is_set_in("metadata_options", name)).then(|| (member.to_owned(), value.clone()))
    });
    Some(members.collect())
}

fn first_lower(members: &Map<String, Value>) -> Value {
    let lower = |name: &String| {
        let mut letters = name.chars();
        letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
    };
    Value::Object(members.iter().map(|(name, value)| (lower(name), value.clone())).collect())
}

/// `aws_launch_template`.
pub(super) fn launch_template(change: &Change<'_>) -> Vec<DerivedCall> {
    if change.is_deleted() {
        return Vec::new();
    }
    let mut data = Map::new();
    if let Some(options) = metadata_options(change) {
        data.insert("MetadataOptions".to_owned(), Value::Object(options));
    }
    let interfaces = if change.is_set("network_interfaces") { change.get("network_interfaces") } else { None };
    let interfaces: Vec<Value> = match interfaces {
        Some(Value::Array(blocks)) => blocks.iter().map(interface).collect(),
        Some(unknown) => vec![unknown.clone()],
        None => Vec::new(),
    };
    if !interfaces.is_empty() {
        data.insert("NetworkInterface".to_owned(), Value::Array(interfaces));
    }
    let name = change.name_or_address("name");
    let call = if change.is_new() {
        let request = json!({"LaunchTemplateName": name, "LaunchTemplateData": data});
        DerivedCall::ec2("CreateLaunchTemplate", json!({"CreateLaunchTemplateRequest": request})).with_response(json!({
            "CreateLaunchTemplateResponse": {
                "launchTemplate": {"launchTemplateId": change.id(), "launchTemplateName": name},
            },
        }))
    } else {
        let request = json!({"LaunchTemplateId": change.id(), "LaunchTemplateData": data});
        DerivedCall::ec2("CreateLaunchTemplateVersion", json!({"CreateLaunchTemplateVersionRequest": request}))
    };
    vec![call]
}

fn interface(block: &Value) -> Value {
    if block == UNKNOWN {
        return UNKNOWN.into();
    }
    let flag = |name: &str| match block.get(name) {
        // The provider has these booleans as text.
        Some(Value::String(text)) => match text.as_str() {
            "true" => Value::Bool(true),
            "false" | "" => Value::Null,
            _ => UNKNOWN.into(),
        },
        Some(value) => value.clone(),
        None => Value::Null,
    };
    let get = |name: &str| block.get(name).filter(|value| *value != &json!(0) && *value != UNKNOWN).cloned();
    without_null(json!({
        "DeviceIndex": block.get("device_index"),
        "AssociatePublicIpAddress": flag("associate_public_ip_address"),
        "AssociateCarrierIpAddress": flag("associate_carrier_ip_address"),
        "Ipv6AddressCount": get("ipv6_address_count"),
    }))
}

/// `aws_launch_configuration`.
pub(super) fn launch_configuration(change: &Change<'_>) -> Vec<DerivedCall> {
    if !change.is_new() {
        return Vec::new();
    }
    let address = change.get("associate_public_ip_address").filter(|_| change.is_set("associate_public_ip_address"));
    let request = json!({
        "launchConfigurationName": change.name_or_address("name"),
        "associatePublicIpAddress": address,
        "metadataOptions": metadata_options(change).map(|options| first_lower(&options)),
    });
    vec![DerivedCall::new("autoscaling", "CreateLaunchConfiguration", without_null(request))]
}

/// `aws_ec2_instance_metadata_defaults`.
pub(super) fn metadata_defaults(change: &Change<'_>) -> Vec<DerivedCall> {
    let Some(tokens) = change.get("http_tokens").filter(|_| change.changes("http_tokens")) else { return Vec::new() };
    let request = json!({"HttpTokens": tokens});
    vec![DerivedCall::ec2("ModifyInstanceMetadataDefaults", json!({"ModifyInstanceMetadataDefaultsRequest": request}))]
}

/// Load balancers of every generation.
pub(super) fn load_balancer(change: &Change<'_>) -> Vec<DerivedCall> {
    if !change.is_new() {
        return Vec::new();
    }
    // Without the attribute, AWS makes an internet-facing load balancer.
    let internal = change.get("internal").filter(|_| change.is_set("internal"));
    let scheme = match internal {
        Some(Value::Bool(true)) => "internal",
        Some(Value::Bool(false)) | None => "internet-facing",
        Some(_) => UNKNOWN,
    };
    let name = change.name_or_address("name");
    let call = if change.kind == "aws_elb" {
        let request = json!({"loadBalancerName": name, "listeners": [], "scheme": scheme});
        DerivedCall::new("elasticloadbalancing", "CreateLoadBalancer", request)
    } else {
        let kind = change.text("load_balancer_type").unwrap_or("application");
        let request = json!({"name": name, "type": kind, "scheme": scheme});
        let response = json!({"loadBalancers": [{"loadBalancerName": name, "type": kind, "scheme": scheme}]});
        DerivedCall::new("elasticloadbalancing", "CreateLoadBalancer", request).with_response(response)
    };
    vec![call]
}

/// Listeners of load balancers.
pub(super) fn listener(change: &Change<'_>) -> Vec<DerivedCall> {
    if !change.is_new() {
        return Vec::new();
    }
    let request = json!({
        "loadBalancerArn": change.text("load_balancer_arn").filter(|arn| *arn != UNKNOWN),
        "protocol": change.text("protocol"),
        "port": change.get("port"),
    });
    vec![DerivedCall::new("elasticloadbalancing", "CreateListener", without_null(request))]
}
