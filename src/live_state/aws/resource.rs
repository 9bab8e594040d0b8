//! What the EC2 client calls things, as what live state calls them.

use aws_sdk_ec2::types as ec2;

use crate::live_state::describe::{
    Association, Attachment, BlockPublicAccessExclusion, GroupIdentifier, IcmpTypeCode, Instance, InstanceState,
    InternetGateway, InternetGatewayAttachment, Ipv6Address, Ipv6Prefix, NetworkAcl, NetworkAclAssociation,
    NetworkAclEntry, NetworkInterface, PortRange, PrefixListEntry, PrivateIpAddress, Route, RouteTable,
    RouteTableAssociation, SecurityGroup, SecurityGroupRule, Subnet, Tag, Vpc,
};

/// Each of a list that may be missing.
fn each<T, U: From<T>>(all: Option<Vec<T>>) -> Vec<U> {
    all.unwrap_or_default().into_iter().map(U::from).collect()
}

/// The text of a value that may be missing, of whatever enumeration.
macro_rules! text {
    ($value:expr) => {
        $value.map(|value| value.as_str().to_owned()).unwrap_or_default()
    };
}

impl From<ec2::NetworkInterface> for NetworkInterface {
    fn from(one: ec2::NetworkInterface) -> Self {
        Self {
            network_interface_id: one.network_interface_id.unwrap_or_default(),
            vpc_id: one.vpc_id.unwrap_or_default(),
            subnet_id: one.subnet_id.unwrap_or_default(),
            status: text!(one.status),
            interface_type: text!(one.interface_type),
            description: one.description.unwrap_or_default(),
            groups: each(one.groups),
            association: one.association.and_then(public),
            private_ip_addresses: each(one.private_ip_addresses),
            ipv6_addresses: each(one.ipv6_addresses),
            ipv6_prefixes: each(one.ipv6_prefixes),
            attachment: one.attachment.map(|attachment| Attachment { instance_id: attachment.instance_id }),
            deny_all_igw_traffic: one.deny_all_igw_traffic.unwrap_or_default(),
        }
    }
}

impl From<ec2::GroupIdentifier> for GroupIdentifier {
    fn from(one: ec2::GroupIdentifier) -> Self {
        Self { group_id: one.group_id.unwrap_or_default() }
    }
}

/// The public address of an association; one with a carrier or of an Outpost has none.
fn public(one: ec2::NetworkInterfaceAssociation) -> Option<Association> {
    one.public_ip.map(|public_ip| Association { public_ip, allocation_id: one.allocation_id })
}

impl From<ec2::NetworkInterfacePrivateIpAddress> for PrivateIpAddress {
    fn from(one: ec2::NetworkInterfacePrivateIpAddress) -> Self {
        Self { association: one.association.and_then(public) }
    }
}

impl From<ec2::Ipv6PrefixSpecification> for Ipv6Prefix {
    fn from(one: ec2::Ipv6PrefixSpecification) -> Self {
        Self { ipv6_prefix: one.ipv6_prefix.unwrap_or_default() }
    }
}

impl From<ec2::NetworkInterfaceIpv6Address> for Ipv6Address {
    fn from(one: ec2::NetworkInterfaceIpv6Address) -> Self {
        Self { ipv6_address: one.ipv6_address.unwrap_or_default() }
    }
}

impl From<ec2::SecurityGroupRule> for SecurityGroupRule {
    fn from(one: ec2::SecurityGroupRule) -> Self {
        Self {
            security_group_rule_id: one.security_group_rule_id.unwrap_or_default(),
            group_id: one.group_id.unwrap_or_default(),
            is_egress: one.is_egress.unwrap_or_default(),
            ip_protocol: one.ip_protocol.unwrap_or_default(),
            from_port: one.from_port,
            to_port: one.to_port,
            cidr_ipv4: one.cidr_ipv4,
            cidr_ipv6: one.cidr_ipv6,
            prefix_list_id: one.prefix_list_id,
        }
    }
}

impl From<ec2::SecurityGroup> for SecurityGroup {
    fn from(one: ec2::SecurityGroup) -> Self {
        Self { group_id: one.group_id.unwrap_or_default(), vpc_id: one.vpc_id.unwrap_or_default() }
    }
}

impl From<ec2::RouteTable> for RouteTable {
    fn from(one: ec2::RouteTable) -> Self {
        Self {
            route_table_id: one.route_table_id.unwrap_or_default(),
            vpc_id: one.vpc_id.unwrap_or_default(),
            routes: each(one.routes),
            associations: each(one.associations),
        }
    }
}

impl From<ec2::Route> for Route {
    fn from(one: ec2::Route) -> Self {
        Self {
            destination_cidr_block: one.destination_cidr_block,
            destination_ipv6_cidr_block: one.destination_ipv6_cidr_block,
            destination_prefix_list_id: one.destination_prefix_list_id,
            gateway_id: one.gateway_id,
            network_interface_id: one.network_interface_id,
            state: text!(one.state),
            origin: text!(one.origin),
        }
    }
}

impl From<ec2::RouteTableAssociation> for RouteTableAssociation {
    fn from(one: ec2::RouteTableAssociation) -> Self {
        Self {
            route_table_association_id: one.route_table_association_id.unwrap_or_default(),
            main: one.main.unwrap_or_default(),
            subnet_id: one.subnet_id,
            gateway_id: one.gateway_id,
        }
    }
}

impl From<ec2::InternetGateway> for InternetGateway {
    fn from(one: ec2::InternetGateway) -> Self {
        Self { internet_gateway_id: one.internet_gateway_id.unwrap_or_default(), attachments: each(one.attachments) }
    }
}

impl From<ec2::InternetGatewayAttachment> for InternetGatewayAttachment {
    fn from(one: ec2::InternetGatewayAttachment) -> Self {
        Self { vpc_id: one.vpc_id.unwrap_or_default(), state: text!(one.state) }
    }
}

impl From<ec2::NetworkAcl> for NetworkAcl {
    fn from(one: ec2::NetworkAcl) -> Self {
        Self {
            network_acl_id: one.network_acl_id.unwrap_or_default(),
            vpc_id: one.vpc_id.unwrap_or_default(),
            is_default: one.is_default.unwrap_or_default(),
            entries: each(one.entries),
            associations: each(one.associations),
        }
    }
}

impl From<ec2::NetworkAclEntry> for NetworkAclEntry {
    fn from(one: ec2::NetworkAclEntry) -> Self {
        Self {
            rule_number: one.rule_number.unwrap_or_default(),
            egress: one.egress.unwrap_or_default(),
            protocol: one.protocol.unwrap_or_default(),
            rule_action: text!(one.rule_action),
            cidr_block: one.cidr_block,
            ipv6_cidr_block: one.ipv6_cidr_block,
            port_range: one.port_range.map(|range| PortRange { from: range.from, to: range.to }),
            icmp_type_code: one.icmp_type_code.map(|icmp| IcmpTypeCode { kind: icmp.r#type, code: icmp.code }),
        }
    }
}

impl From<ec2::NetworkAclAssociation> for NetworkAclAssociation {
    fn from(one: ec2::NetworkAclAssociation) -> Self {
        Self { subnet_id: one.subnet_id.unwrap_or_default() }
    }
}

impl From<ec2::Vpc> for Vpc {
    fn from(one: ec2::Vpc) -> Self {
        Self {
            vpc_id: one.vpc_id.unwrap_or_default(),
            owner_id: one.owner_id.unwrap_or_default(),
            is_default: one.is_default.unwrap_or_default(),
            tags: each(one.tags),
        }
    }
}

impl From<ec2::Tag> for Tag {
    fn from(one: ec2::Tag) -> Self {
        Self { key: one.key.unwrap_or_default(), value: one.value.unwrap_or_default() }
    }
}

impl From<ec2::Subnet> for Subnet {
    fn from(one: ec2::Subnet) -> Self {
        Self {
            subnet_id: one.subnet_id.unwrap_or_default(),
            vpc_id: one.vpc_id.unwrap_or_default(),
            map_public_ip_on_launch: one.map_public_ip_on_launch.unwrap_or_default(),
            assign_ipv6_address_on_creation: one.assign_ipv6_address_on_creation.unwrap_or_default(),
        }
    }
}

impl From<ec2::Instance> for Instance {
    fn from(one: ec2::Instance) -> Self {
        let state = one.state.map(|state| InstanceState { name: text!(state.name) });
        Self { instance_id: one.instance_id.unwrap_or_default(), state: state.unwrap_or_default() }
    }
}

impl From<ec2::PrefixListEntry> for PrefixListEntry {
    fn from(one: ec2::PrefixListEntry) -> Self {
        Self { cidr: one.cidr.unwrap_or_default() }
    }
}

impl From<ec2::VpcBlockPublicAccessExclusion> for BlockPublicAccessExclusion {
    fn from(one: ec2::VpcBlockPublicAccessExclusion) -> Self {
        Self {
            resource_arn: one.resource_arn.unwrap_or_default(),
            internet_gateway_exclusion_mode: text!(one.internet_gateway_exclusion_mode),
            state: text!(one.state),
        }
    }
}
