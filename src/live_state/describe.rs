//! What EC2 and IAM say of resources: the parts of their answers that decide, under the names that `aws ec2 describe-…`
//! and `aws iam get-account-authorization-details` print.

use serde::{Deserialize, Serialize};

/// Declares a part of an answer. Whatever an answer has beside it is passed over; whatever it lacks is empty.
macro_rules! answers {
    ($($(#[$about:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default, rename_all = "PascalCase")]
        pub struct $name {
            $($(#[$of_field])* pub $field: $kind,)*
        }
    )*};
}

answers! {
    /// A network interface (DescribeNetworkInterfaces).
    NetworkInterface {
        /// `eni-…`
        network_interface_id: String,
        /// `vpc-…`
        vpc_id: String,
        /// `subnet-…`
        subnet_id: String,
        /// `in-use`, `available`, …
        status: String,
        /// `interface`, `nat_gateway`, `network_load_balancer`, …
        interface_type: String,
        /// For load balancers `ELB app/NAME/ID` or `ELB NAME`.
        description: String,
        /// Its security groups.
        groups: Vec<GroupIdentifier>,
        /// The public address of its first private one.
        #[serde(skip_serializing_if = "Option::is_none")]
        association: Option<Association>,
        /// Its private addresses, each perhaps with a public one.
        private_ip_addresses: Vec<PrivateIpAddress>,
        /// Its IPv6 addresses.
        ipv6_addresses: Vec<Ipv6Address>,
        /// IPv6 prefixes of which every address is its own.
        ipv6_prefixes: Vec<Ipv6Prefix>,
        /// What it is attached to.
        #[serde(skip_serializing_if = "Option::is_none")]
        attachment: Option<Attachment>,
        /// Whether it drops everything that internet gateways hand to it, as the interfaces of internal dual-stack load
        /// balancers do.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        deny_all_igw_traffic: bool,
    }
    /// A security group of an interface.
    GroupIdentifier {
        /// `sg-…`
        group_id: String,
    }
    /// A public IPv4 address.
    Association {
        /// The address.
        public_ip: String,
        /// `eipalloc-…`, where it is an Elastic IP address.
        #[serde(skip_serializing_if = "Option::is_none")]
        allocation_id: Option<String>,
    }
    /// A private IPv4 address.
    PrivateIpAddress {
        /// The public address that leads to it.
        #[serde(skip_serializing_if = "Option::is_none")]
        association: Option<Association>,
    }
    /// An IPv6 address.
    Ipv6Address {
        /// The address.
        ipv6_address: String,
    }
    /// An IPv6 prefix.
    Ipv6Prefix {
        /// The network.
        ipv6_prefix: String,
    }
    /// What an interface is attached to.
    Attachment {
        /// The instance, where it is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        instance_id: Option<String>,
    }
    /// A rule of a security group (DescribeSecurityGroupRules).
    SecurityGroupRule {
        /// `sgr-…`
        security_group_rule_id: String,
        /// `sg-…`
        group_id: String,
        /// Whether it lets out rather than in.
        is_egress: bool,
        /// A name, a number, or `-1` for all.
        ip_protocol: String,
        /// First port; -1 for all. Of ICMP the type.
        #[serde(skip_serializing_if = "Option::is_none")]
        from_port: Option<i32>,
        /// Last port; -1 for all. Of ICMP the code.
        #[serde(skip_serializing_if = "Option::is_none")]
        to_port: Option<i32>,
        /// The IPv4 network it lets in.
        #[serde(skip_serializing_if = "Option::is_none")]
        cidr_ipv4: Option<String>,
        /// The IPv6 network it lets in.
        #[serde(skip_serializing_if = "Option::is_none")]
        cidr_ipv6: Option<String>,
        /// The prefix list it lets in.
        #[serde(skip_serializing_if = "Option::is_none")]
        prefix_list_id: Option<String>,
    }
    /// A security group (DescribeSecurityGroups).
    SecurityGroup {
        /// `sg-…`
        group_id: String,
        /// `vpc-…`
        vpc_id: String,
    }
    /// A route table (DescribeRouteTables).
    RouteTable {
        /// `rtb-…`
        route_table_id: String,
        /// `vpc-…`
        vpc_id: String,
        /// Its routes.
        routes: Vec<Route>,
        /// The subnets it counts for.
        associations: Vec<RouteTableAssociation>,
    }
    /// A route.
    Route {
        /// The IPv4 destination.
        #[serde(skip_serializing_if = "Option::is_none")]
        destination_cidr_block: Option<String>,
        /// The IPv6 destination.
        #[serde(skip_serializing_if = "Option::is_none")]
        destination_ipv6_cidr_block: Option<String>,
        /// The destination as a prefix list.
        #[serde(skip_serializing_if = "Option::is_none")]
        destination_prefix_list_id: Option<String>,
        /// `local`, `igw-…`, `vgw-…` or `vpce-…`; other targets stand elsewhere and lead to no internet gateway.
        #[serde(skip_serializing_if = "Option::is_none")]
        gateway_id: Option<String>,
        /// `eni-…`, when packets go to a network interface, such as that of a firewall.
        #[serde(skip_serializing_if = "Option::is_none")]
        network_interface_id: Option<String>,
        /// `active`, or `blackhole` when the target is gone.
        state: String,
        /// How it came into the table: `CreateRouteTable`, `CreateRoute`, `EnableVgwRoutePropagation` or `Advertisement`.
        #[serde(skip_serializing_if = "String::is_empty")]
        origin: String,
    }
    /// What a route table counts for.
    RouteTableAssociation {
        /// `rtbassoc-…`
        route_table_association_id: String,
        /// Whether it counts for every subnet of the VPC that has no table of its own.
        main: bool,
        /// The subnet, unless it is the main one.
        #[serde(skip_serializing_if = "Option::is_none")]
        subnet_id: Option<String>,
        /// The internet gateway, when it counts for what comes in there.
        #[serde(skip_serializing_if = "Option::is_none")]
        gateway_id: Option<String>,
    }
    /// An internet gateway (DescribeInternetGateways).
    InternetGateway {
        /// `igw-…`
        internet_gateway_id: String,
        /// The VPC it is attached to.
        attachments: Vec<InternetGatewayAttachment>,
    }
    /// What an internet gateway is attached to.
    InternetGatewayAttachment {
        /// `vpc-…`
        vpc_id: String,
        /// `available` or `attached` when it works.
        state: String,
    }
    /// A network ACL (DescribeNetworkAcls).
    NetworkAcl {
        /// `acl-…`
        network_acl_id: String,
        /// `vpc-…`
        vpc_id: String,
        /// Whether it counts for every subnet of the VPC that has no ACL of its own.
        is_default: bool,
        /// Its entries.
        entries: Vec<NetworkAclEntry>,
        /// The subnets it counts for.
        associations: Vec<NetworkAclAssociation>,
    }
    /// An entry of a network ACL.
    NetworkAclEntry {
        /// The lowest that covers a packet decides.
        rule_number: i32,
        /// Whether it is for what goes out.
        egress: bool,
        /// A number, or `-1` for all.
        protocol: String,
        /// `allow` or `deny`
        rule_action: String,
        /// The IPv4 network.
        #[serde(skip_serializing_if = "Option::is_none")]
        cidr_block: Option<String>,
        /// The IPv6 network.
        #[serde(skip_serializing_if = "Option::is_none")]
        ipv6_cidr_block: Option<String>,
        /// The ports; all where it is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        port_range: Option<PortRange>,
        /// The type and code, for ICMP.
        #[serde(skip_serializing_if = "Option::is_none")]
        icmp_type_code: Option<IcmpTypeCode>,
    }
    /// A type and code of ICMP; -1 is all of them.
    IcmpTypeCode {
        /// The type.
        #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
        kind: Option<i32>,
        /// The code.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
    }
    /// Ports.
    PortRange {
        /// The first.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<i32>,
        /// The last.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<i32>,
    }
    /// A subnet of a network ACL.
    NetworkAclAssociation {
        /// `subnet-…`
        subnet_id: String,
    }
    /// A VPC (DescribeVpcs).
    Vpc {
        /// `vpc-…`
        vpc_id: String,
        /// The account it belongs to; others may have subnets in it.
        owner_id: String,
        /// Whether AWS made it with the account.
        is_default: bool,
        /// Its tags.
        tags: Vec<Tag>,
    }
    /// A tag.
    Tag {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    }
    /// A subnet (DescribeSubnets).
    Subnet {
        /// `subnet-…`
        subnet_id: String,
        /// `vpc-…`
        vpc_id: String,
        /// Whether an interface made in it gets a public IPv4 address unless told otherwise.
        map_public_ip_on_launch: bool,
        /// Whether an interface made in it gets an IPv6 address unless told otherwise.
        assign_ipv6_address_on_creation: bool,
    }
    /// An instance (DescribeInstances).
    Instance {
        /// `i-…`
        instance_id: String,
        /// Whether it runs.
        state: InstanceState,
    }
    /// Whether an instance runs.
    InstanceState {
        /// `pending`, `running`, `stopped`, …
        name: String,
    }
    /// An entry of a prefix list (GetManagedPrefixListEntries).
    PrefixListEntry {
        /// The network.
        cidr: String,
    }
    /// Whether the account keeps VPCs off the internet (DescribeVpcBlockPublicAccessOptions and …Exclusions).
    BlockPublicAccess {
        /// `off`, `block-bidirectional` or `block-ingress`.
        internet_gateway_block_mode: String,
        /// What it does not count for.
        exclusions: Vec<BlockPublicAccessExclusion>,
    }
    /// A VPC or subnet that is left out of it.
    BlockPublicAccessExclusion {
        /// ARN of the VPC or subnet.
        resource_arn: String,
        /// `allow-bidirectional` or `allow-egress`.
        internet_gateway_exclusion_mode: String,
        /// `create-complete`, `delete-complete`, …
        state: String,
    }
    /// A role with what it may do (GetRole, ListAttachedRolePolicies, GetPolicyVersion, ListRolePolicies, GetRolePolicy).
    Role {
        /// Its name.
        role_name: String,
        /// Its ARN.
        arn: String,
        /// Its trust policy, as JSON text.
        assume_role_policy_document: String,
        /// Its policies, attached and inline. AWS is asked for them only where the trust policy lets in strangers or
        /// cannot be decided, since they matter nowhere else; a snapshot has them of each role.
        policies: Vec<RolePolicy>,
        /// The policy beyond which its policies allow nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        permissions_boundary: Option<RolePolicy>,
        /// Why some of its policies, or what some of them say, is not known. Not yet safe to show.
        #[serde(skip_serializing_if = "Option::is_none")]
        policies_unanswered: Option<String>,
    }
    /// A policy of a role.
    RolePolicy {
        /// Its name.
        policy_name: String,
        /// Its ARN, unless it is an inline policy.
        #[serde(skip_serializing_if = "Option::is_none")]
        policy_arn: Option<String>,
        /// What it says, as JSON text; missing for policies of AWS that are known by name, and for those that
        /// could not be read, of which `policies_unanswered` of the role tells.
        #[serde(skip_serializing_if = "Option::is_none")]
        document: Option<String>,
    }
}
