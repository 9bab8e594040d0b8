//! Security groups, routes, gateways, subnets, addresses, network ACLs, prefix lists and peerings.

use serde_json::{Value, json};

use super::UNKNOWN;
use super::change::Change;
use crate::derived_call::{
    DerivedCall, authorize_ingress, permission as derived_permission, route_request, without_null,
};

/// Security groups with inline rules.
pub(super) fn security_group(change: &Change<'_>) -> Vec<DerivedCall> {
    let added = change.added("ingress");
    let permissions: Vec<Value> = added.iter().map(|entry| permission(entry, "protocol")).collect();
    authorize_ingress(&change.id(), permissions).into_iter().collect()
}

/// `aws_security_group_rule`.
pub(super) fn security_group_rule(change: &Change<'_>) -> Vec<DerivedCall> {
    if !change.is_new() || change.text("type") != Some("ingress") {
        return Vec::new();
    }
    authorize_ingress(&group(change), vec![permission(change.planned(), "protocol")]).into_iter().collect()
}

/// `aws_vpc_security_group_ingress_rule`.
pub(super) fn ingress_rule(change: &Change<'_>) -> Vec<DerivedCall> {
    if change.is_deleted() {
        return Vec::new();
    }
    authorize_ingress(&group(change), vec![permission(change.planned(), "ip_protocol")]).into_iter().collect()
}

fn group(change: &Change<'_>) -> String {
    change.reference("security_group_id").filter(|id| id != UNKNOWN).unwrap_or_else(|| change.address.to_owned())
}

/// The permission of a rule, or [`UNKNOWN`] if a part that decides is not known.
fn permission(rule: &Value, protocol: &str) -> Value {
    let texts = |names: &[&str]| -> Vec<String> { names.iter().flat_map(|name| texts(rule.get(*name))).collect() };
    let networks = texts(&["cidr_blocks", "cidr_ipv4"]);
    let networks_v6 = texts(&["ipv6_cidr_blocks", "cidr_ipv6"]);
    let lists = texts(&["prefix_list_ids", "prefix_list_id"]);
    let decisive = [protocol, "from_port", "to_port"].into_iter().filter_map(|name| rule.get(name)?.as_str());
    if rule == UNKNOWN
        || decisive
            .chain([&networks, &networks_v6, &lists].into_iter().flatten().map(String::as_str))
            .any(|text| text == UNKNOWN)
    {
        return UNKNOWN.into();
    }
    let ports = ["from_port", "to_port"].map(|name| rule.get(name));
    derived_permission(rule.get(protocol), ports, [&networks, &networks_v6, &lists])
}

/// The texts of a list, or of a single value.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => vec![text.clone()],
        Some(Value::Array(elements)) => elements.iter().flat_map(|element| texts(Some(element))).collect(),
        _ => Vec::new(),
    }
}

/// `aws_route`.
pub(super) fn route(change: &Change<'_>) -> Vec<DerivedCall> {
    if change.is_deleted() {
        return Vec::new();
    }
    let name = if change.is_new() { "CreateRoute" } else { "ReplaceRoute" };
    let table = change.reference("route_table_id").filter(|id| id != UNKNOWN);
    let table = table.unwrap_or_else(|| change.address.to_owned());
    let destinations = ["destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"];
    let destinations = destinations.map(|name| change.text(name));
    let targets = [change.reference("gateway_id"), change.reference("carrier_gateway_id")];
    vec![DerivedCall::ec2(name, route_request(&table, destinations, targets))]
}

/// Route tables with inline routes.
pub(super) fn route_table(change: &Change<'_>) -> Vec<DerivedCall> {
    let table = change.id();
    let calls = change.added("route").into_iter().map(|entry| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let request = match &entry {
            Value::String(_) => json!({"routeTableId": table, "destinationCidrBlock": UNKNOWN, "gatewayId": UNKNOWN}),
            _ => route_request(
                &table,
                [text("cidr_block"), text("ipv6_cidr_block"), text("destination_prefix_list_id")],
                [
                    change.reference_in("route", &entry, "gateway_id", &["aws_internet_gateway", "aws_vpn_gateway"]),
                    change.reference_in("route", &entry, "carrier_gateway_id", &["aws_carrier_gateway"]),
                ],
            ),
        };
        DerivedCall::ec2("CreateRoute", request)
    });
    calls.collect()
}

/// `aws_route_table_association`.
pub(super) fn route_table_association(change: &Change<'_>) -> Vec<DerivedCall> {
    let (Some(table), true) = (change.reference("route_table_id"), change.changes("route_table_id")) else {
        return Vec::new();
    };
    let request = json!({"routeTableId": table, "subnetId": change.reference("subnet_id"), "gatewayId": change.reference("gateway_id")});
    vec![DerivedCall::ec2("AssociateRouteTable", without_null(request))]
}

/// Internet gateways that are attached to a VPC.
pub(super) fn internet_gateway(change: &Change<'_>) -> Vec<DerivedCall> {
    let (Some(vpc), true) = (change.reference("vpc_id"), change.changes("vpc_id")) else { return Vec::new() };
    let gateway = if change.kind == "aws_internet_gateway" {
        change.id()
    } else {
        change.reference("internet_gateway_id").unwrap_or_else(|| UNKNOWN.to_owned())
    };
    vec![DerivedCall::ec2("AttachInternetGateway", json!({"internetGatewayId": gateway, "vpcId": vpc}))]
}

/// Subnets that assign public addresses.
pub(super) fn subnet(change: &Change<'_>) -> Vec<DerivedCall> {
    let attributes = [
        ("map_public_ip_on_launch", "mapPublicIpOnLaunch"),
        ("assign_ipv6_address_on_creation", "assignIpv6AddressOnCreation"),
    ];
    let changed = attributes.into_iter().filter(|(name, _)| change.changes(name));
    let calls = changed.filter_map(|(name, member)| {
        let value = change.get(name)?;
        Some(DerivedCall::ec2("ModifySubnetAttribute", json!({"subnetId": change.id(), member: {"value": value}})))
    });
    calls.collect()
}

/// Elastic IP addresses that are associated.
pub(super) fn address(change: &Change<'_>) -> Vec<DerivedCall> {
    let (instance, allocation) = match change.kind {
        "aws_eip" => ("instance", Some(change.id())),
        _ => ("instance_id", change.reference("allocation_id")),
    };
    let (interface, is_association) = ("network_interface", change.kind == "aws_eip_association");
    let interface = if is_association { "network_interface_id" } else { interface };
    if !change.changes(instance) && !change.changes(interface) {
        return Vec::new();
    }
    let target = |name: &str| if change.is_set(name) { change.reference(name) } else { None };
    let (instance, interface) = (target(instance), target(interface));
    if instance.is_none() && interface.is_none() {
        return Vec::new();
    }
    let request = json!({"allocationId": allocation, "instanceId": instance, "networkInterfaceId": interface});
    vec![DerivedCall::ec2("AssociateAddress", without_null(request))]
}

/// Network ACLs with inline entries.
pub(super) fn network_acl(change: &Change<'_>) -> Vec<DerivedCall> {
    let acl = change.id();
    let calls = change.added("ingress").into_iter().map(|entry| {
        let get = |name: &str| entry.get(name).cloned().unwrap_or_default();
        let request = match &entry {
            Value::String(_) => {
                json!({"networkAclId": acl, "egress": false, "ruleAction": "allow", "cidrBlock": UNKNOWN})
            }
            _ => entry_request(
                &acl,
                [get("rule_no"), get("action"), get("protocol")],
                [get("from_port"), get("to_port")],
                [get("cidr_block"), get("ipv6_cidr_block")],
            ),
        };
        DerivedCall::ec2("CreateNetworkAclEntry", request)
    });
    calls.collect()
}

/// `aws_network_acl_rule`.
pub(super) fn network_acl_rule(change: &Change<'_>) -> Vec<DerivedCall> {
    if change.is_deleted() || change.get("egress").and_then(Value::as_bool) == Some(true) {
        return Vec::new();
    }
    let name = if change.is_new() { "CreateNetworkAclEntry" } else { "ReplaceNetworkAclEntry" };
    let acl = change.reference("network_acl_id").filter(|id| id != UNKNOWN);
    let acl = acl.unwrap_or_else(|| change.address.to_owned());
    let get = |name: &str| change.get(name).cloned().unwrap_or_default();
    let request = entry_request(
        &acl,
        [get("rule_number"), get("rule_action"), get("protocol")],
        [get("from_port"), get("to_port")],
        [get("cidr_block"), get("ipv6_cidr_block")],
    );
    vec![DerivedCall::ec2(name, request)]
}

fn entry_request(
    acl: &str,
    [number, action, protocol]: [Value; 3],
    [from, to]: [Value; 2],
    [v4, v6]: [Value; 2],
) -> Value {
    let protocol = match protocol.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("all" | "-1") => json!("-1"),
        Some("icmp") => json!("1"),
        Some("tcp") => json!("6"),
        Some("udp") => json!("17"),
        Some("icmpv6") => json!("58"),
        _ => protocol,
    };
    let is_unknown = [&protocol, &from, &to].into_iter().any(|value| value == UNKNOWN);
    let network = |value: Value| match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Null => Value::Null,
        _ if is_unknown => UNKNOWN.into(),
        value => value,
    };
    let action = action.as_str().map_or(action.clone(), |action| action.to_ascii_lowercase().into());
    let ports = if from.is_number() && to.is_number() { json!({"from": from, "to": to}) } else { Value::Null };
    without_null(json!({
        "networkAclId": acl,
        "ruleNumber": number,
        "egress": false,
        "ruleAction": action,
        "icmpTypeCode": {},
        "portRange": ports,
        "aclProtocol": protocol,
        "cidrBlock": network(v4),
        "ipv6CidrBlock": network(v6),
    }))
}

/// Managed prefix lists and their entries.
pub(super) fn prefix_list(change: &Change<'_>) -> Vec<DerivedCall> {
    if change.is_deleted() {
        return Vec::new();
    }
    let is_entry = change.kind == "aws_ec2_managed_prefix_list_entry";
    let added: Vec<Value> = if is_entry { vec![change.planned().clone()] } else { change.added("entry") };
    let entries: Vec<Value> = added
        .iter()
        .enumerate()
        .map(|(place, entry)| match entry.get("cidr") {
            Some(cidr) if *cidr != UNKNOWN => json!({"Cidr": cidr, "tag": place + 1}),
            _ => UNKNOWN.into(),
        })
        .collect();
    if entries.is_empty() {
        return Vec::new();
    }
    let call = if is_entry || !change.is_new() {
        let list = if is_entry { change.reference("prefix_list_id") } else { Some(change.id()) };
        let request = json!({"PrefixListId": list, "AddEntry": entries});
        DerivedCall::ec2("ModifyManagedPrefixList", json!({"ModifyManagedPrefixListRequest": request}))
    } else {
        let request = json!({
            "PrefixListName": change.text("name"),
            "AddressFamily": change.text("address_family"),
            "Entry": entries,
        });
        let response = json!({"prefixList": {"prefixListId": change.id()}});
        DerivedCall::ec2("CreateManagedPrefixList", json!({"CreateManagedPrefixListRequest": request}))
            .with_response(json!({"CreateManagedPrefixListResponse": response}))
    };
    vec![call]
}

/// VPC peering connections with another account.
pub(super) fn peering(change: &Change<'_>) -> Vec<DerivedCall> {
    if !change.is_new() || !change.is_set("peer_owner_id") {
        return Vec::new();
    }
    let request = json!({
        "vpcId": change.reference("vpc_id"),
        "peerVpcId": change.reference("peer_vpc_id"),
        "peerOwnerId": change.text("peer_owner_id"),
    });
    let response = json!({"vpcPeeringConnection": {"vpcPeeringConnectionId": change.id()}});
    vec![DerivedCall::ec2("CreateVpcPeeringConnection", request).with_response(response)]
}
