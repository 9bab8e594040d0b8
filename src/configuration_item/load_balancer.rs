//! Load balancers of both generations and their listeners.

use serde_json::{Value, json};

use super::ConfigurationItem;
use super::value::member;
use crate::derived_call::{DerivedCall, without_null};

const SERVICE: &str = "elasticloadbalancing";

/// Application, network and gateway load balancers.
pub(super) fn load_balancer(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let described = without_null(json!({
        "loadBalancerArn": item.text("loadBalancerArn").or(item.arn.as_deref()),
        "loadBalancerName": item.text("loadBalancerName").or(item.resource_name.as_deref()),
        "type": item.text("type"),
        "scheme": item.text("scheme"),
    }));
    let request = without_null(json!({
        "name": item.text("loadBalancerName").or(item.resource_name.as_deref()),
        "type": item.text("type"),
        "scheme": item.text("scheme"),
    }));
    // Gateway load balancers have no scheme, and an absent one is not a default here.
    if item.text("scheme").is_none() {
        return Vec::new();
    }
    let call = DerivedCall::new(SERVICE, "CreateLoadBalancer", request);
    vec![call.with_response(json!({"loadBalancers": [described]}))]
}

/// Classic load balancers with their listeners.
pub(super) fn classic(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let name = item.text("loadBalancerName").or(item.resource_name.as_deref()).unwrap_or(&item.resource_id);
    let listeners: Vec<&Value> =
        item.list("listenerDescriptions").iter().filter_map(|description| member(description, "listener")).collect();
    let request = without_null(json!({
        "loadBalancerName": name,
        "scheme": item.text("scheme"),
        "listeners": listeners,
    }));
    // `dnsname` in items, `dNSName` in records.
    let response = json!({"dNSName": item.text("dnsname")});
    vec![DerivedCall::new(SERVICE, "CreateLoadBalancer", request).with_response(response)]
}

/// Listeners.
pub(super) fn listener(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let request = without_null(json!({
        "loadBalancerArn": item.text("loadBalancerArn"),
        "port": item.get("port"),
        "protocol": item.text("protocol"),
    }));
    let listener = item.text("listenerArn").or(item.arn.as_deref()).unwrap_or(&item.resource_id);
    let response = json!({"listeners": [{"listenerArn": listener}]});
    vec![DerivedCall::new(SERVICE, "CreateListener", request).with_response(response)]
}
