//! What live state is asked, and what it answers.

use std::future::Future;

use jiff::Timestamp;

use super::describe::{
    BlockPublicAccess, Instance, InternetGateway, NetworkAcl, NetworkInterface, PrefixListEntry, Role, RouteTable,
    SecurityGroup, SecurityGroupRule, Subnet, Vpc,
};
use crate::event::Event;

/// An account and a region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Account id.
    pub account: String,
    /// Region; that of the event, also for IAM, which has the same answer in all of them.
    pub region: String,
}

impl Place {
    /// Where an event happened.
    pub fn of(event: &Event<'_>) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self { account: text(event.account()), region: text(event.region()) }
    }
}

/// What is asked about the resource that a question names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// The interface with this id.
    Interface,
    /// The interfaces of an instance.
    InterfacesOfInstance,
    /// The interfaces behind a security group.
    InterfacesOfGroup,
    /// The interfaces in a subnet.
    InterfacesOfSubnet,
    /// The interfaces in a VPC.
    InterfacesOfVpc,
    /// The interfaces that lead to a public address, `198.51.100.7` or `eipalloc-…`.
    InterfacesOfAddress,
    /// The interfaces of a load balancer, by its ARN or, for a Classic Load Balancer, its name.
    InterfacesOfLoadBalancer,
    /// The rules of a security group.
    GroupRules,
    /// The rule of a security group with this id.
    GroupRule,
    /// The security group with this id.
    Group,
    /// The route tables of a VPC.
    RouteTablesOfVpc,
    /// The route table with this id.
    RouteTable,
    /// The internet gateways attached to a VPC.
    GatewaysOfVpc,
    /// The network ACLs of a VPC.
    AclsOfVpc,
    /// The network ACL with this id.
    Acl,
    /// The VPC with this id.
    Vpc,
    /// The subnet with this id.
    Subnet,
    /// The instance with this id.
    Instance,
    /// What is in the prefix list with this id.
    PrefixList,
    /// Whether the region keeps VPCs off the internet; it names no resource.
    BlockPublicAccess,
    /// The role with this name.
    Role,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// Where.
    pub place: Place,
    /// What.
    pub topic: Topic,
    /// About which resource; empty where there is but one.
    pub id: String,
}

/// What there is. A resource that does not exist is an empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Network interfaces.
    Interfaces(Vec<NetworkInterface>),
    /// Rules of security groups.
    GroupRules(Vec<SecurityGroupRule>),
    /// Security groups.
    Groups(Vec<SecurityGroup>),
    /// Route tables.
    RouteTables(Vec<RouteTable>),
    /// Internet gateways.
    Gateways(Vec<InternetGateway>),
    /// Network ACLs.
    Acls(Vec<NetworkAcl>),
    /// VPCs.
    Vpcs(Vec<Vpc>),
    /// Subnets.
    Subnets(Vec<Subnet>),
    /// Instances.
    Instances(Vec<Instance>),
    /// Entries of a prefix list.
    PrefixList(Vec<PrefixListEntry>),
    /// Whether the region keeps VPCs off the internet.
    BlockPublicAccess(BlockPublicAccess),
    /// Roles.
    Roles(Vec<Role>),
}

/// Why there is no answer, such as `ec2:DescribeRouteTables: UnauthorizedOperation`. Not yet safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered(pub String);

/// How a refusal for want of time begins.
const NO_TIME: &str = "no time left: ";

impl Unanswered {
    /// That the time for all questions was over before this call was answered.
    pub fn for_want_of_time(call: &str) -> Self {
        Self(format!("{NO_TIME}{call}"))
    }

    /// Whether only time was lacking, so that it may be asked again at once.
    pub fn is_want_of_time(&self) -> bool {
        self.0.starts_with(NO_TIME)
    }
}

/// A question with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The question.
    pub question: Question,
    /// The answer, or why there is none.
    pub answer: Result<Answer, Unanswered>,
    /// When it was so, where that is known.
    pub at: Option<Timestamp>,
}

/// Something that knows the state of accounts.
pub trait LiveState {
    /// Whether the time for answers, and for what is made of them, is over.
    fn is_over(&self) -> bool {
        false
    }

    /// Answers questions, which are all different. One that is left out counts as unanswered.
    fn answer(&self, questions: Vec<Question>) -> impl Future<Output = Vec<Answered>>;
}
