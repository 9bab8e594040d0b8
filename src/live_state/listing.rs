//! Lists that AWS hands out, and which share of one answers a question.

use std::collections::HashMap;

use super::describe::{
    Instance, InternetGateway, NetworkAcl, NetworkInterface, Role, RouteTable, SecurityGroup, SecurityGroupRule,
    Subnet, Vpc,
};
use super::question::{Answer, Topic};

/// A list of one kind of resource, as one API call gives it for a region or an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Listing {
    /// DescribeNetworkInterfaces
    NetworkInterfaces,
    /// DescribeSecurityGroupRules
    SecurityGroupRules,
    /// DescribeSecurityGroups
    SecurityGroups,
    /// DescribeRouteTables
    RouteTables,
    /// DescribeInternetGateways
    InternetGateways,
    /// DescribeNetworkAcls
    NetworkAcls,
    /// DescribeVpcs
    Vpcs,
    /// DescribeSubnets
    Subnets,
    /// DescribeInstances
    Instances,
    /// GetManagedPrefixListEntries, of one prefix list.
    PrefixListEntries,
    /// DescribeVpcBlockPublicAccessOptions and DescribeVpcBlockPublicAccessExclusions
    BlockPublicAccess,
    /// Roles with their policies, from IAM.
    Roles,
}

impl Topic {
    /// The list that holds the answer.
    pub fn listing(self) -> Listing {
        match self {
            Self::Interface
            | Self::InterfacesOfInstance
            | Self::InterfacesOfGroup
            | Self::InterfacesOfSubnet
            | Self::InterfacesOfVpc
            | Self::InterfacesOfAddress
            | Self::InterfacesOfLoadBalancer => Listing::NetworkInterfaces,
            Self::GroupRules | Self::GroupRule => Listing::SecurityGroupRules,
            Self::Group => Listing::SecurityGroups,
            Self::RouteTablesOfVpc | Self::RouteTable => Listing::RouteTables,
            Self::GatewaysOfVpc => Listing::InternetGateways,
            Self::AclsOfVpc | Self::Acl => Listing::NetworkAcls,
            Self::Vpc => Listing::Vpcs,
            Self::Subnet => Listing::Subnets,
            Self::Instance => Listing::Instances,
            Self::PrefixList => Listing::PrefixListEntries,
            Self::BlockPublicAccess => Listing::BlockPublicAccess,
            Self::Role => Listing::Roles,
        }
    }
}

/// What the interfaces of a load balancer have as their description: `ELB app/NAME/ID` for the ARN
/// `…:loadbalancer/app/NAME/ID`, `ELB NAME` for the name or the ARN `…:loadbalancer/NAME` of a Classic Load Balancer.
pub(crate) fn load_balancer_description(id: &str) -> String {
    let name = id.split_once(":loadbalancer/").map_or(id, |(_, name)| name);
    format!("ELB {name}")
}

/// Of a list, what each id asks for, in the order of the ids. What is one answer as a whole is handed on whole.
pub(crate) fn shares(topic: Topic, ids: &[&str], whole: &Answer) -> Vec<Answer> {
    match whole {
        Answer::Interfaces(all) => share(topic, ids, all, Answer::Interfaces),
        Answer::GroupRules(all) => share(topic, ids, all, Answer::GroupRules),
        Answer::Groups(all) => share(topic, ids, all, Answer::Groups),
        Answer::RouteTables(all) => share(topic, ids, all, Answer::RouteTables),
        Answer::Gateways(all) => share(topic, ids, all, Answer::Gateways),
        Answer::Acls(all) => share(topic, ids, all, Answer::Acls),
        Answer::Vpcs(all) => share(topic, ids, all, Answer::Vpcs),
        Answer::Subnets(all) => share(topic, ids, all, Answer::Subnets),
        Answer::Instances(all) => share(topic, ids, all, Answer::Instances),
        Answer::Roles(all) => share(topic, ids, all, Answer::Roles),
        Answer::PrefixList(_) | Answer::BlockPublicAccess(_) => ids.iter().map(|_| whole.clone()).collect(),
    }
}

/// One pass over the list, whatever the number of ids.
fn share<T: Named + Clone>(topic: Topic, ids: &[&str], all: &[T], answer: fn(Vec<T>) -> Answer) -> Vec<Answer> {
    let mut by_name: HashMap<&str, Vec<&T>> = HashMap::new();
    for one in all {
        let mut names = one.names(topic);
        names.sort_unstable();
        names.dedup();
        for name in names {
            by_name.entry(name).or_default().push(one);
        }
    }
    let found = ids.iter().map(|id| {
        let description = (topic == Topic::InterfacesOfLoadBalancer).then(|| load_balancer_description(id));
        let of_id = by_name.get(description.as_deref().unwrap_or(id));
        answer(of_id.map(|found| found.iter().map(|one| (*one).clone()).collect()).unwrap_or_default())
    });
    found.collect()
}

/// A resource that questions ask for.
trait Named {
    /// Under which ids a topic asks for it.
    fn names(&self, topic: Topic) -> Vec<&str>;
}

impl Named for NetworkInterface {
    fn names(&self, topic: Topic) -> Vec<&str> {
        match topic {
            Topic::InterfacesOfInstance => {
                self.attachment.iter().filter_map(|attachment| attachment.instance_id.as_deref()).collect()
            }
            Topic::InterfacesOfGroup => self.groups.iter().map(|group| group.group_id.as_str()).collect(),
            Topic::InterfacesOfSubnet => vec![&self.subnet_id],
            Topic::InterfacesOfVpc => vec![&self.vpc_id],
            Topic::InterfacesOfAddress => {
                let of_addresses = self.private_ip_addresses.iter().filter_map(|address| address.association.as_ref());
                let all = self.association.iter().chain(of_addresses);
                all.flat_map(|one| [Some(one.public_ip.as_str()), one.allocation_id.as_deref()]).flatten().collect()
            }
            Topic::InterfacesOfLoadBalancer => vec![&self.description],
            _ => vec![&self.network_interface_id],
        }
    }
}

impl Named for SecurityGroupRule {
    fn names(&self, topic: Topic) -> Vec<&str> {
        vec![if topic == Topic::GroupRule { &self.security_group_rule_id } else { &self.group_id }]
    }
}

impl Named for RouteTable {
    fn names(&self, topic: Topic) -> Vec<&str> {
        match topic {
            Topic::RouteTablesOfVpc => vec![&self.vpc_id],
            _ => vec![&self.route_table_id],
        }
    }
}

impl Named for InternetGateway {
    fn names(&self, _: Topic) -> Vec<&str> {
        self.attachments.iter().map(|attachment| attachment.vpc_id.as_str()).collect()
    }
}

impl Named for NetworkAcl {
    fn names(&self, topic: Topic) -> Vec<&str> {
        vec![if topic == Topic::AclsOfVpc { &self.vpc_id } else { &self.network_acl_id }]
    }
}

/// Declares resources that are asked for by one id alone.
macro_rules! named_by {
    ($($kind:ident $field:ident,)*) => {$(
        impl Named for $kind {
            fn names(&self, _: Topic) -> Vec<&str> {
                vec![&self.$field]
            }
        }
    )*};
}

named_by! {
    SecurityGroup group_id,
    Vpc vpc_id,
    Subnet subnet_id,
    Instance instance_id,
    Role role_name,
}
