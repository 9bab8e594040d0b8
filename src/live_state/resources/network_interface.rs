//! Network interfaces (DescribeNetworkInterfaces).

use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::resource;
use crate::live_state::kind::{IamPermission, Listed, MINUTES, PolicyResource, Resource, ResourceKind};
use crate::live_state::query::{QueryKind, id_filter};
#[cfg(feature = "live")]
use crate::live_state::response::Response;
#[cfg(feature = "live")]
use crate::live_state::session::{Fetched, PAGE, ReadSelection, Session, describe};

resource! {
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
        /// IPv6 prefixes assigned to it.
        ipv6_prefixes: Vec<Ipv6Prefix>,
        /// Its attachment.
        #[serde(skip_serializing_if = "Option::is_none")]
        attachment: Option<Attachment>,
        /// Whether it drops everything that internet gateways hand to it, as the interfaces of internal dual-stack load
        /// balancers do.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        deny_all_igw_traffic: bool,
    }
}

resource! {
    /// A security group of an interface.
    GroupIdentifier from GroupIdentifier {
        /// `sg-…`
        group_id: String,
    }
}

resource! {
    /// A public IPv4 address.
    Association {
        /// The address.
        public_ip: String,
        /// `eipalloc-…`, for an Elastic IP address.
        #[serde(skip_serializing_if = "Option::is_none")]
        allocation_id: Option<String>,
    }
}

resource! {
    /// A private IPv4 address.
    PrivateIpAddress {
        /// The public address associated with it.
        #[serde(skip_serializing_if = "Option::is_none")]
        association: Option<Association>,
    }
}

resource! {
    /// An IPv6 address.
    Ipv6Address from NetworkInterfaceIpv6Address {
        /// The address.
        ipv6_address: String,
    }
}

resource! {
    /// An IPv6 prefix.
    Ipv6Prefix from Ipv6PrefixSpecification {
        /// The network.
        ipv6_prefix: String,
    }
}

resource! {
    /// The attachment of an interface.
    Attachment from NetworkInterfaceAttachment {
        /// The instance, if it is attached to one.
        #[serde(skip_serializing_if = "Option::is_none")]
        instance_id: Option<String>,
    }
}

#[cfg(feature = "live")]
impl From<aws_sdk_ec2::types::NetworkInterface> for NetworkInterface {
    fn from(sdk: aws_sdk_ec2::types::NetworkInterface) -> Self {
        use super::OrEmpty as _;
        Self {
            network_interface_id: sdk.network_interface_id.or_empty(),
            vpc_id: sdk.vpc_id.or_empty(),
            subnet_id: sdk.subnet_id.or_empty(),
            status: sdk.status.or_empty(),
            interface_type: sdk.interface_type.or_empty(),
            description: sdk.description.or_empty(),
            groups: sdk.groups.or_empty(),
            association: sdk.association.and_then(public),
            private_ip_addresses: sdk.private_ip_addresses.or_empty(),
            ipv6_addresses: sdk.ipv6_addresses.or_empty(),
            ipv6_prefixes: sdk.ipv6_prefixes.or_empty(),
            attachment: sdk.attachment.or_empty(),
            deny_all_igw_traffic: sdk.deny_all_igw_traffic.or_empty(),
        }
    }
}

/// The public address of an association. An association with a carrier gateway or an Outpost has none.
#[cfg(feature = "live")]
fn public(sdk: aws_sdk_ec2::types::NetworkInterfaceAssociation) -> Option<Association> {
    sdk.public_ip.map(|public_ip| Association { public_ip, allocation_id: sdk.allocation_id })
}

#[cfg(feature = "live")]
impl From<aws_sdk_ec2::types::NetworkInterfacePrivateIpAddress> for PrivateIpAddress {
    fn from(sdk: aws_sdk_ec2::types::NetworkInterfacePrivateIpAddress) -> Self {
        Self { association: sdk.association.and_then(public) }
    }
}

impl Resource for NetworkInterface {
    const KIND: &'static ResourceKind = &ResourceKind::listed::<Self>(
        &["describe-network-interfaces"],
        &[IamPermission { on: PolicyResource::All, actions: &["ec2:DescribeNetworkInterfaces"] }],
        MINUTES,
        #[cfg(feature = "live")]
        fetch,
    );
}

impl Listed for NetworkInterface {
    const KEY: &'static str = "NetworkInterfaces";

    fn id(&self) -> &str {
        &self.network_interface_id
    }
}

#[cfg(feature = "live")]
fn fetch(session: &Session, selection: ReadSelection) -> Fetched<'_> {
    describe!(session, selection, describe_network_interfaces, PAGE, NetworkInterface)
}

impl NetworkInterface {
    /// The network interface with an id.
    pub const BY_ID: &'static QueryKind<Self> = &QueryKind::new(
        "network-interface-id",
        |id| id_filter("network-interface-id", "eni-", id),
        Some(|interface| vec![&interface.network_interface_id]),
    );

    /// The network interfaces of an instance.
    pub const BY_INSTANCE: &'static QueryKind<Self> = &QueryKind::new(
        "attachment.instance-id",
        |id| id_filter("attachment.instance-id", "i-", id),
        Some(|interface| {
            interface.attachment.iter().filter_map(|attachment| attachment.instance_id.as_deref()).collect()
        }),
    );

    /// The network interfaces with a security group.
    pub const BY_GROUP: &'static QueryKind<Self> = &QueryKind::new(
        "group-id",
        |id| id_filter("group-id", "sg-", id),
        Some(|interface| interface.groups.iter().map(|group| group.group_id.as_str()).collect()),
    );

    /// The network interfaces in a subnet.
    pub const BY_SUBNET: &'static QueryKind<Self> = &QueryKind::new(
        "subnet-id",
        |id| id_filter("subnet-id", "subnet-", id),
        Some(|interface| vec![&interface.subnet_id]),
    );

    /// The network interfaces in a VPC.
    pub const BY_VPC: &'static QueryKind<Self> =
        &QueryKind::new("vpc-id", |id| id_filter("vpc-id", "vpc-", id), Some(|interface| vec![&interface.vpc_id]));

    /// The network interfaces with a public address, `198.51.100.7` or `eipalloc-…`.
    pub const BY_ADDRESS: &'static QueryKind<Self> = &QueryKind::new(
        "address",
        |id| match id.parse::<Ipv4Addr>() {
            Ok(_) => Ok(("addresses.association.public-ip", id.to_owned())),
            Err(_) => id_filter("association.allocation-id", "eipalloc-", id),
        },
        Some(|interface| {
            let associations = interface.associations();
            associations.flat_map(|one| [Some(&*one.public_ip), one.allocation_id.as_deref()]).flatten().collect()
        }),
    );

    /// The network interfaces of a load balancer, by its ARN or, for a Classic Load Balancer, its name.
    pub const BY_LOAD_BALANCER: &'static QueryKind<Self> = &QueryKind {
        name: "load-balancer",
        filter: |id| Ok(("description", literal(&load_balancer_description(id)))),
        key: |id| Cow::Owned(load_balancer_description(id)),
        keys: Some(|interface| vec![&interface.description]),
    };

    /// The public addresses of all its private addresses.
    pub fn associations(&self) -> impl Iterator<Item = &Association> {
        let further = self.private_ip_addresses.iter().filter_map(|address| address.association.as_ref());
        self.association.iter().chain(further)
    }
}

/// The description that load balancers give their network interfaces: `ELB app/NAME/ID` for the ARN
/// `…:loadbalancer/app/NAME/ID`, `ELB NAME` for the name or the ARN `…:loadbalancer/NAME` of a Classic Load Balancer.
fn load_balancer_description(id: &str) -> String {
    let name = id.split_once(":loadbalancer/").map_or(id, |(_, name)| name);
    format!("ELB {name}")
}

/// A filter value in which `*` and `?` are not wildcards.
fn literal(value: &str) -> String {
    let mut literal = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            literal.push('\\');
        }
        literal.push(character);
    }
    literal
}
