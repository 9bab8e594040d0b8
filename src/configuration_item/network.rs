//! Security groups, routes, gateways, subnets, addresses, network ACLs, prefix lists, peerings and endpoint services.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::ConfigurationItem;
use super::value::{is, list, member, scalar, text, texts};
use crate::derived_call::{DerivedCall, authorize_ingress, permission, route_request, without_null};
use crate::network::{Traffic, parse_network};

/// Security groups. Of the default security group, the rules of either direction count.
pub(super) fn security_group(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let permissions: Vec<Value> = item.list("ipPermissions").iter().map(ingress_permission).collect();
    let response = json!({"_return": true, "groupName": item.text("groupName").or(item.resource_name.as_deref())});
    let mut calls: Vec<DerivedCall> = authorize_ingress(&item.resource_id, permissions).into_iter().collect();
    let has_egress = !item.list("ipPermissionsEgress").is_empty();
    if calls.is_empty() && has_egress && item.text("groupName") == Some("default") {
        calls.push(DerivedCall::ec2("AuthorizeSecurityGroupEgress", json!({"groupId": item.resource_id})));
    }
    calls.into_iter().map(|call| call.with_response(response.clone())).collect()
}

/// A permission. `ipRanges` are strings, beside objects in `ipv4Ranges`. Ports are null for all protocols.
fn ingress_permission(entry: &Value) -> Value {
    let v4 = ["ipv4Ranges", "ipRanges"].into_iter().map(|key| texts(list(entry, key), "cidrIp"));
    let v4 = v4.into_iter().find(|networks| !networks.is_empty()).unwrap_or_default();
    let v6 = texts(list(entry, "ipv6Ranges"), "cidrIpv6");
    let lists = texts(list(entry, "prefixListIds"), "prefixListId");
    let ports = ["fromPort", "toPort"].map(|key| member(entry, key));
    let mut permission = permission(member(entry, "ipProtocol"), ports, [&v4, &v6, &lists]);
    let groups = list(entry, "userIdGroupPairs");
    if let Some(members) = permission.as_object_mut().filter(|_| !groups.is_empty()) {
        members.insert("groups".to_owned(), json!({"items": groups}));
    }
    permission
}

/// Route tables: the routes to internet gateways and carrier gateways.
pub(super) fn route_table(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let routes = item.list("routes").iter().filter(|route| text(route, "state") != Some("blackhole"));
    let calls = routes.filter_map(|route| {
        let targets = ["gatewayId", "carrierGatewayId"].map(|key| text(route, key).map(str::to_owned));
        let is_gateway = |id: &String| id.starts_with("igw-") || id.starts_with("cagw-");
        targets.iter().flatten().any(is_gateway).then(|| {
            let destinations = ["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"];
            let destinations = destinations.map(|key| text(route, key));
            DerivedCall::ec2("CreateRoute", route_request(&item.resource_id, destinations, targets))
        })
    });
    calls.collect()
}

/// Internet gateways that are attached to a VPC.
pub(super) fn internet_gateway(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let attachments = item.list("attachments").iter();
    let attached =
        attachments.filter(|attachment| !matches!(text(attachment, "state"), Some("detached" | "detaching")));
    let vpcs = attached.filter_map(|attachment| text(attachment, "vpcId"));
    let call =
        |vpc| DerivedCall::ec2("AttachInternetGateway", json!({"internetGatewayId": item.resource_id, "vpcId": vpc}));
    vpcs.map(call).collect()
}

/// Subnets that assign public addresses.
pub(super) fn subnet(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let assigning = ["mapPublicIpOnLaunch", "assignIpv6AddressOnCreation"].into_iter();
    let assigning = assigning.filter(|key| is(&item.configuration, key, true));
    let call = |key: &str| json!({"subnetId": item.resource_id, key: {"value": true}});
    assigning.map(|key| DerivedCall::ec2("ModifySubnetAttribute", call(key))).collect()
}

/// Default VPCs.
pub(super) fn vpc(item: &ConfigurationItem) -> Vec<DerivedCall> {
    if !is(&item.configuration, "isDefault", true) {
        return Vec::new();
    }
    let response = json!({"vpc": {"vpcId": item.resource_id, "isDefault": true}});
    vec![DerivedCall::ec2("CreateDefaultVpc", json!({})).with_response(response)]
}

/// Elastic IP addresses of instances. Those of network interfaces are in the items of the interfaces, which show whether an
/// interface belongs to a service such as a NAT gateway.
pub(super) fn address(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let Some(instance) = item.text("instanceId") else { return Vec::new() };
    let request = without_null(json!({
        "allocationId": item.text("allocationId"),
        "publicIp": item.text("publicIp"),
        "instanceId": instance,
    }));
    let response = json!({"associationId": item.text("associationId"), "_return": true});
    vec![DerivedCall::ec2("AssociateAddress", request).with_response(response)]
}

/// Network interfaces: public addresses, and the check of source and destination. Interfaces that a service manages, such as
/// those of NAT gateways and load balancers, are not judged.
pub(super) fn network_interface(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let is_of_service = is(&item.configuration, "requesterManaged", true)
        || item
            .text("interfaceType")
            .is_some_and(|kind| !matches!(kind, "interface" | "efa" | "efa-only" | "trunk" | "branch"));
    if is_of_service {
        return Vec::new();
    }
    let id = &item.resource_id;
    let attachment = item.get("attachment");
    let instance = attachment.and_then(|attachment| text(attachment, "instanceId"));
    let mut calls = Vec::new();
    if let Some(association) = item.get("association")
        && let Some(address) = text(association, "publicIp")
    {
        let is_elastic = text(association, "allocationId").is_some()
            || text(association, "ipOwnerId").is_some_and(|owner| owner != "amazon");
        calls.push(if is_elastic {
            let interface = if instance.is_none() { Some(id) } else { None };
            let request = without_null(json!({
                "allocationId": text(association, "allocationId"),
                "publicIp": address,
                "instanceId": instance,
                "networkInterfaceId": interface,
            }));
            DerivedCall::ec2("AssociateAddress", request)
        } else {
            let request = json!({"NetworkInterfaceId": id, "AssociatePublicIpAddress": true});
            DerivedCall::ec2(
                "ModifyNetworkInterfaceAttribute",
                json!({"ModifyNetworkInterfaceAttributeRequest": request}),
            )
        });
    }
    if is(&item.configuration, "sourceDestCheck", false) {
        let is_first = attachment.and_then(|attachment| member(attachment, "deviceIndex")) == Some(&json!(0));
        calls.push(match instance.filter(|_| is_first) {
            Some(instance) => DerivedCall::ec2(
                "ModifyInstanceAttribute",
                json!({"instanceId": instance, "sourceDestCheck": {"value": false}}),
            ),
            None => DerivedCall::ec2(
                "ModifyNetworkInterfaceAttribute",
                json!({"networkInterfaceId": id, "sourceDestCheck": {"value": false}}),
            ),
        });
    }
    calls
}

/// Network ACLs: the entries that allow ingress, except those that an entry with a lower number denies.
pub(super) fn network_acl(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let mut entries: Vec<&Value> = item.list("entries").iter().filter(|entry| is(entry, "egress", false)).collect();
    entries.sort_by_key(|entry| member(entry, "ruleNumber").and_then(Value::as_i64));
    let mut denied: Vec<(IpNet, Traffic)> = Vec::new();
    let mut calls = Vec::new();
    for entry in entries {
        let network = ["cidrBlock", "ipv6CidrBlock"].into_iter().find_map(|key| parse_network(text(entry, key)?));
        let traffic = traffic(entry);
        if text(entry, "ruleAction").is_some_and(|action| action.eq_ignore_ascii_case("deny")) {
            denied.extend(network.zip(traffic));
            continue;
        }
        let is_denied = network.zip(traffic).is_some_and(|(network, traffic)| {
            denied.iter().any(|(other, all)| other.contains(&network) && traffic.is_within(all))
        });
        if is_denied {
            continue;
        }
        let request = without_null(json!({
            "networkAclId": item.resource_id,
            "ruleNumber": member(entry, "ruleNumber"),
            "egress": false,
            "ruleAction": "allow",
            "icmpTypeCode": member(entry, "icmpTypeCode"),
            "portRange": member(entry, "portRange"),
            "aclProtocol": member(entry, "protocol").and_then(scalar),
            "cidrBlock": text(entry, "cidrBlock"),
            "ipv6CidrBlock": text(entry, "ipv6CidrBlock"),
        }));
        calls.push(DerivedCall::ec2("CreateNetworkAclEntry", request));
    }
    calls
}

/// The traffic of an entry of a network ACL. `None` for ICMP with a type, which is left to the rules.
fn traffic(entry: &Value) -> Option<Traffic> {
    let protocol = scalar(member(entry, "protocol")?)?;
    let port = |key: &str| member(member(entry, "portRange")?, key)?.as_i64();
    if matches!(protocol.as_str(), "1" | "58" | "icmp" | "icmpv6") {
        return None;
    }
    Traffic::permitted(&protocol, port("from").unwrap_or(-1), port("to").unwrap_or(-1))
}

/// Prefix lists of customers. Those of AWS cannot be changed.
pub(super) fn prefix_list(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let networks = texts(item.list("entries"), "cidr");
    if networks.is_empty() || item.text("ownerId") == Some("AWS") {
        return Vec::new();
    }
    let entries: Vec<Value> =
        networks.iter().enumerate().map(|(place, cidr)| json!({"Cidr": cidr, "tag": place + 1})).collect();
    let request = without_null(json!({
        "PrefixListName": item.text("prefixListName"),
        "AddressFamily": item.text("addressFamily"),
        "Entry": entries,
    }));
    let response = json!({"prefixList": {"prefixListId": item.resource_id}});
    let call = DerivedCall::ec2("CreateManagedPrefixList", json!({"CreateManagedPrefixListRequest": request}));
    vec![call.with_response(json!({"CreateManagedPrefixListResponse": response}))]
}

/// Peering connections that are active or that the account requested. Another account can request any number of them.
pub(super) fn peering(item: &ConfigurationItem) -> Vec<DerivedCall> {
    let status = item.get("status").and_then(|status| text(status, "code").or(status.as_str()));
    let requester = item.get("requesterVpcInfo").and_then(|requester| text(requester, "ownerId"));
    let is_requested = || requester.is_none() || requester == item.account.as_deref();
    let counts = match status {
        Some("deleted" | "deleting" | "rejected" | "expired" | "failed") => false,
        Some("initiating-request" | "pending-acceptance") => is_requested(),
        _ => true,
    };
    if !counts {
        return Vec::new();
    }
    let connection = json!({
        "vpcPeeringConnectionId": item.resource_id,
        "requesterVpcInfo": item.get("requesterVpcInfo"),
        "accepterVpcInfo": item.get("accepterVpcInfo"),
    });
    let call = DerivedCall::ec2("AcceptVpcPeeringConnection", json!({"vpcPeeringConnectionId": item.resource_id}));
    vec![call.with_response(json!({"vpcPeeringConnection": connection}))]
}

/// Endpoint services that accept connections automatically. AWS Config does not record who may connect to them.
pub(super) fn endpoint_service(item: &ConfigurationItem) -> Vec<DerivedCall> {
    if !is(&item.configuration, "acceptanceRequired", false) {
        return Vec::new();
    }
    let request = json!({"ServiceId": item.resource_id, "AcceptanceRequired": false});
    vec![DerivedCall::ec2(
        "ModifyVpcEndpointServiceConfiguration",
        json!({"ModifyVpcEndpointServiceConfigurationRequest": request}),
    )]
}
