//! Calls of EC2.

use aws_sdk_ec2::types;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::convert::{FromJson, Members, ToJson, api_name, enumerations, from_json, insert, operations, send, to_json};
use super::failure;
use crate::actions::ApiCall;
use crate::aws::SdkConfig;
use crate::remediation::traits::CloudError;

operations! { aws_sdk_ec2::Client;
    "AssociateAddress" => associate_address(set_allocation_id, set_network_interface_id, set_private_ip_address);
    "AssociateRouteTable" => associate_route_table(set_route_table_id, set_subnet_id);
    "AttachInternetGateway" => attach_internet_gateway(set_internet_gateway_id, set_vpc_id);
    "AuthorizeSecurityGroupIngress" =>
        authorize_security_group_ingress(set_group_id, set_ip_permissions, set_tag_specifications)
        fields[r#return];
    "CreateNetworkAclEntry" => create_network_acl_entry(set_network_acl_id, set_rule_number, set_egress, set_protocol,
        set_rule_action, set_cidr_block, set_ipv6_cidr_block, set_icmp_type_code, set_port_range);
    "CreateRoute" => create_route(set_route_table_id, set_destination_cidr_block, set_destination_ipv6_cidr_block,
        set_destination_prefix_list_id, set_gateway_id)
        fields[r#return];
    "CreateVpcBlockPublicAccessExclusion" => create_vpc_block_public_access_exclusion(set_vpc_id, set_subnet_id,
        set_internet_gateway_exclusion_mode, set_tag_specifications);
    "DeleteNetworkAclEntry" => delete_network_acl_entry(set_network_acl_id, set_rule_number, set_egress);
    "DeleteRoute" => delete_route(set_route_table_id, set_destination_cidr_block, set_destination_ipv6_cidr_block,
        set_destination_prefix_list_id);
    "DeleteVpcBlockPublicAccessExclusion" => delete_vpc_block_public_access_exclusion(set_exclusion_id);
    "DescribeAddresses" => describe_addresses(set_allocation_ids) fields[addresses];
    "DescribeImageAttribute" => describe_image_attribute(set_image_id, set_attribute) fields[launch_permissions];
    "DescribeInstances" => describe_instances(set_instance_ids) pages[reservations];
    "DescribeInternetGateways" => describe_internet_gateways(set_internet_gateway_ids) pages[internet_gateways];
    "DescribeManagedPrefixLists" => describe_managed_prefix_lists(set_prefix_list_ids) pages[prefix_lists];
    "DescribeNetworkAcls" => describe_network_acls(set_network_acl_ids) pages[network_acls];
    "DescribeNetworkInterfaces" => describe_network_interfaces(set_network_interface_ids) pages[network_interfaces];
    "DescribeRouteTables" => describe_route_tables(set_route_table_ids) pages[route_tables];
    "DescribeSecurityGroupRules" => describe_security_group_rules(set_filters) pages[security_group_rules];
    "DescribeSnapshotAttribute" =>
        describe_snapshot_attribute(set_snapshot_id, set_attribute) fields[create_volume_permissions];
    "DescribeSubnets" => describe_subnets(set_subnet_ids) pages[subnets];
    "DescribeTags" => describe_tags(set_filters) pages[tags];
    "DescribeVpcBlockPublicAccessExclusions" =>
        describe_vpc_block_public_access_exclusions() pages[vpc_block_public_access_exclusions];
    "DescribeVpcBlockPublicAccessOptions" =>
        describe_vpc_block_public_access_options() fields[vpc_block_public_access_options];
    "DescribeVpcEndpointServicePermissions" =>
        describe_vpc_endpoint_service_permissions(set_service_id) pages[allowed_principals];
    "DescribeVpcPeeringConnections" =>
        describe_vpc_peering_connections(set_vpc_peering_connection_ids) pages[vpc_peering_connections];
    "DetachInternetGateway" => detach_internet_gateway(set_internet_gateway_id, set_vpc_id);
    "DisableEbsEncryptionByDefault" => disable_ebs_encryption_by_default();
    "DisableImageBlockPublicAccess" => disable_image_block_public_access();
    "DisableSnapshotBlockPublicAccess" => disable_snapshot_block_public_access();
    "DisassociateAddress" => disassociate_address(set_association_id);
    "DisassociateRouteTable" => disassociate_route_table(set_association_id);
    "EnableEbsEncryptionByDefault" => enable_ebs_encryption_by_default();
    "EnableImageBlockPublicAccess" => enable_image_block_public_access(set_image_block_public_access_state);
    "EnableSnapshotBlockPublicAccess" => enable_snapshot_block_public_access(set_state);
    "GetEbsEncryptionByDefault" => get_ebs_encryption_by_default() fields[ebs_encryption_by_default];
    "GetImageBlockPublicAccessState" => get_image_block_public_access_state() fields[image_block_public_access_state];
    "GetInstanceMetadataDefaults" => get_instance_metadata_defaults() fields[account_level];
    "GetManagedPrefixListEntries" => get_managed_prefix_list_entries(set_prefix_list_id, set_target_version) pages[entries];
    "GetSnapshotBlockPublicAccessState" => get_snapshot_block_public_access_state() fields[state];
    "ModifyImageAttribute" => modify_image_attribute(set_image_id, set_launch_permission);
    "ModifyInstanceMetadataDefaults" => modify_instance_metadata_defaults(set_http_tokens) fields[r#return];
    "ModifyInstanceMetadataOptions" => modify_instance_metadata_options(set_instance_id, set_http_tokens);
    "ModifyNetworkInterfaceAttribute" =>
        modify_network_interface_attribute(set_network_interface_id, set_associate_public_ip_address);
    "ModifySecurityGroupRules" => modify_security_group_rules(set_group_id, set_security_group_rules) fields[r#return];
    "ModifySnapshotAttribute" => modify_snapshot_attribute(set_snapshot_id, set_create_volume_permission);
    "ModifySubnetAttribute" =>
        modify_subnet_attribute(set_subnet_id, set_map_public_ip_on_launch, set_assign_ipv6_address_on_creation);
    "ModifyVpcBlockPublicAccessOptions" => modify_vpc_block_public_access_options(set_internet_gateway_block_mode);
    "ModifyVpcEndpointServicePermissions" => modify_vpc_endpoint_service_permissions(set_service_id,
        set_add_allowed_principals, set_remove_allowed_principals);
    "RejectVpcPeeringConnection" => reject_vpc_peering_connection(set_vpc_peering_connection_id) fields[r#return];
    "ReplaceNetworkAclEntry" => replace_network_acl_entry(set_network_acl_id, set_rule_number, set_egress, set_protocol,
        set_rule_action, set_cidr_block, set_ipv6_cidr_block, set_icmp_type_code, set_port_range);
    "ReplaceRoute" => replace_route(set_route_table_id, set_destination_cidr_block, set_destination_ipv6_cidr_block,
        set_destination_prefix_list_id, set_gateway_id, set_nat_gateway_id, set_transit_gateway_id,
        set_vpc_peering_connection_id, set_egress_only_internet_gateway_id, set_local_gateway_id, set_carrier_gateway_id,
        set_network_interface_id);
    "RestoreManagedPrefixListVersion" =>
        restore_managed_prefix_list_version(set_prefix_list_id, set_previous_version, set_current_version);
    "RevokeSecurityGroupIngress" => revoke_security_group_ingress(set_group_id, set_security_group_rule_ids)
        fields[r#return, unknown_ip_permissions];
}

from_json! {
    types::AttributeBooleanValue: set_value;
    types::CreateVolumePermission: set_group;
    types::CreateVolumePermissionModifications: set_add, set_remove;
    types::Filter: set_name, set_values;
    types::IcmpTypeCode: set_code, set_type;
    types::IpPermission: set_ip_protocol, set_from_port, set_to_port, set_ip_ranges, set_ipv6_ranges;
    types::IpRange: set_cidr_ip, set_description;
    types::Ipv6Range: set_cidr_ipv6, set_description;
    types::LaunchPermission: set_group;
    types::LaunchPermissionModifications: set_add, set_remove;
    types::PortRange: set_from, set_to;
    types::SecurityGroupRuleRequest: set_ip_protocol, set_from_port, set_to_port, set_cidr_ipv4, set_cidr_ipv6, set_description;
    types::SecurityGroupRuleUpdate: set_security_group_rule_id, set_security_group_rule;
    types::Tag: set_key, set_value;
    types::TagSpecification: set_resource_type, set_tags;
}

to_json! { api_name;
    types::Address: allocation_id, association_id, network_interface_id, private_ip_address;
    types::AllowedPrincipal: principal;
    types::CreateVolumePermission: group;
    types::IcmpTypeCode: code, r#type;
    types::Instance: instance_id, metadata_options;
    types::InstanceMetadataDefaultsResponse: http_tokens;
    types::InstanceMetadataOptionsResponse: http_tokens;
    types::InternetGateway: internet_gateway_id, attachments;
    types::InternetGatewayAttachment: state, vpc_id;
    types::IpPermission: ip_protocol, from_port, to_port;
    types::LaunchPermission: group;
    types::ManagedPrefixList: prefix_list_id, state, version;
    types::NetworkAcl: network_acl_id, entries;
    types::NetworkAclEntry: rule_number, egress, protocol, rule_action, cidr_block, ipv6_cidr_block, icmp_type_code, port_range;
    types::NetworkInterface: network_interface_id, association;
    types::NetworkInterfaceAssociation: ip_owner_id;
    types::PortRange: from, to;
    types::PrefixListEntry: cidr, description;
    types::Reservation: instances;
    types::Route: destination_cidr_block, destination_ipv6_cidr_block, destination_prefix_list_id, gateway_id, nat_gateway_id,
        transit_gateway_id, vpc_peering_connection_id, egress_only_internet_gateway_id, local_gateway_id,
        carrier_gateway_id, network_interface_id, origin, state;
    types::RouteTable: route_table_id, routes, associations;
    types::RouteTableAssociation: route_table_association_id, route_table_id, subnet_id, main;
    types::SecurityGroupRule: security_group_rule_id, group_id, is_egress, ip_protocol, from_port, to_port, cidr_ipv4,
        cidr_ipv6, description, tags;
    types::Subnet: subnet_id, map_public_ip_on_launch, assign_ipv6_address_on_creation;
    types::Tag: key, value;
    types::TagDescription: key, value;
    types::VpcBlockPublicAccessExclusion: exclusion_id, internet_gateway_exclusion_mode, resource_arn, state, tags;
    types::VpcBlockPublicAccessOptions: internet_gateway_block_mode, state;
    types::VpcPeeringConnection: vpc_peering_connection_id, status;
    types::VpcPeeringConnectionStateReason: code;
}

enumerations! {
    types::AttachmentStatus,
    types::HttpTokensState,
    types::ImageAttributeName,
    types::ImageBlockPublicAccessEnabledState,
    types::InternetGatewayBlockMode,
    types::InternetGatewayExclusionMode,
    types::MetadataDefaultHttpTokensState,
    types::PermissionGroup,
    types::PrefixListState,
    types::ResourceType,
    types::RouteOrigin,
    types::RouteState,
    types::RuleAction,
    types::SnapshotAttributeName,
    types::SnapshotBlockPublicAccessState,
    types::VpcBlockPublicAccessExclusionState,
    types::VpcBlockPublicAccessState,
    types::VpcPeeringConnectionStateReasonCode,
}
