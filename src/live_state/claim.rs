//! What a finding claims, and how live state judges it.

use super::completion::Target;
use super::describe::{NetworkInterface, Vpc};
use super::judge;
use super::knowledge::{Gap, Inquiry};
use super::question::{Place, Topic};
use super::reachability::Opened;
use crate::access::Verdict;
use crate::event::{Event, Value, scalar_text};
use crate::facts;
use crate::finding::{Confirm, Finding, Live, Outcome, Path};
use crate::network::{Family, Traffic};
use crate::text::visible;

/// Most ways in that a finding keeps; its sentence tells how many there are.
const MOST_PATHS: usize = 10;

/// What a finding claims to be so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Where.
    pub place: Place,
    about: About,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    /// A security group lets in this traffic.
    Group(String, Opened),
    /// A network ACL lets in this traffic.
    Acl(String, Opened),
    /// A route table leads to an internet gateway.
    RouteTable(String),
    /// A VPC has an internet gateway.
    Vpc(String),
    /// A subnet hands out public addresses of this IP version.
    Subnet(String, Family),
    /// Instances, interfaces or load balancers are on the internet, over one of these IP versions.
    Interfaces(Topic, Vec<String>, Vec<Family>),
    /// Interfaces or instances are behind groups that let in the internet.
    Behind(Topic, Vec<String>, Vec<String>),
    /// A public address leads to something.
    Address(Topic, Vec<String>, Option<String>),
    /// A role lets in whom it should not: no better than this.
    Role(String, Verdict),
    /// Nothing that live state can say anything about; why.
    Nothing(String),
}

impl Claim {
    /// What `finding`, about `event`, claims; `None` when its rule asks for no confirmation.
    pub fn of(finding: &Finding, event: &Event<'_>) -> Option<Self> {
        let confirm = finding.rule.confirm?;
        let place = Place { account: finding.origin.account.clone(), region: finding.origin.region.clone() };
        let Some(resource) = finding.primary_resource() else {
            return Some(Self { place, about: About::Nothing("the finding names no resource".to_owned()) });
        };
        let id = resource.id.clone();
        let same = finding.resources.iter().filter(|one| one.kind == resource.kind).map(|one| one.id.clone());
        let opened = || {
            let all = || Opened { traffic: Traffic::all(), families: vec![Family::V4, Family::V6] };
            facts::opening(event).filter(|opening| !opening.families.is_empty()).map_or_else(all, |opening| {
                let mut traffic = opening.world;
                traffic |= &opening.wide;
                Opened { traffic, families: opening.families }
            })
        };
        let requested =
            |path| facts::ec2_request(event).map(|request| texts(&request.select(path))).unwrap_or_default();
        let both = || vec![Family::V4, Family::V6];
        let about = match (confirm, resource.kind.as_str()) {
            (Confirm::Reachability, _) if let Some(target) = Target::of(event) => {
                About::Interfaces(target.topic, target.ids, target.families)
            }
            (Confirm::Reachability, "AWS::EC2::SecurityGroup") if !id.starts_with("sg-") => {
                About::Nothing(format!("the record names the security group {id} by its name alone"))
            }
            (Confirm::Reachability, "AWS::EC2::SecurityGroup") => About::Group(id, opened()),
            (Confirm::Reachability, "AWS::EC2::NetworkAcl") => About::Acl(id, opened()),
            (Confirm::Reachability, "AWS::EC2::RouteTable") => About::RouteTable(id),
            (Confirm::Reachability, "AWS::EC2::VPC") => About::Vpc(id),
            (Confirm::Reachability, "AWS::EC2::Subnet") => {
                let is_v6 = !requested("assignIpv6AddressOnCreation").is_empty();
                About::Subnet(id, if is_v6 { Family::V6 } else { Family::V4 })
            }
            (Confirm::Reachability, kind @ ("AWS::EC2::Instance" | "AWS::EC2::NetworkInterface" | "AWS::EC2::EIP")) => {
                let topic = match kind {
                    "AWS::EC2::Instance" => Topic::InterfacesOfInstance,
                    "AWS::EC2::NetworkInterface" => Topic::Interface,
                    _ => Topic::InterfacesOfAddress,
                };
                let groups = requested("groupSet.groupId");
                match event.name() {
                    Some("ModifyNetworkInterfaceAttribute" | "ModifyInstanceAttribute") if !groups.is_empty() => {
                        About::Behind(topic, same.collect(), groups)
                    }
                    Some("AssociateAddress") => {
                        let address = [requested("publicIp"), requested("allocationId")].concat().into_iter().next();
                        About::Address(topic, same.collect(), address)
                    }
                    _ => About::Interfaces(topic, same.collect(), both()),
                }
            }
            (Confirm::Reachability, "AWS::ElasticLoadBalancing::LoadBalancer") => {
                About::Interfaces(Topic::InterfacesOfLoadBalancer, vec![id], both())
            }
            (Confirm::Reachability, "AWS::ElasticLoadBalancingV2::LoadBalancer") => match &resource.arn {
                Some(arn) => About::Interfaces(Topic::InterfacesOfLoadBalancer, vec![arn.clone()], both()),
                None => About::Nothing(format!("the record does not tell the ARN of the load balancer {id}")),
            },
            (Confirm::Trust, "AWS::IAM::Role") => About::Role(id, facts::trust_verdict(event)),
            (_, kind) => About::Nothing(format!("live state says nothing about {kind}")),
        };
        Some(Self { place, about })
    }

    /// Whether live state can say anything about it.
    pub fn can_be_judged(&self) -> bool {
        !matches!(self.about, About::Nothing(_))
    }

    /// What live state says of it.
    ///
    /// # Errors
    /// [`Gap::Open`] while there is something to ask.
    pub fn judge(&self, inquiry: &Inquiry<'_>) -> Result<Live, Gap> {
        let judged = match &self.about {
            About::Group(id, opened) => judge::group(inquiry, id, opened),
            About::Acl(id, opened) => judge::acl(inquiry, id, opened),
            About::RouteTable(id) => judge::route_table(inquiry, id),
            About::Vpc(id) => judge::vpc(inquiry, id),
            About::Subnet(id, family) => judge::subnet(inquiry, id, *family),
            About::Interfaces(topic, ids, families) => judge::interfaces(inquiry, *topic, ids, families),
            About::Behind(topic, ids, groups) => judge::behind(inquiry, *topic, ids, groups),
            About::Address(topic, ids, address) => judge::address(inquiry, *topic, ids, address.as_deref()),
            About::Role(name, verdict) => judge::role(inquiry, &self.place, name, *verdict),
            About::Nothing(why) => Err(Gap::Unknown(why.clone())),
        };
        match judged {
            Ok((outcome, reason, paths)) => Ok(live(outcome, &reason, paths, inquiry)),
            Err(Gap::Unknown(why)) => Ok(unknown(&why)),
            Err(Gap::Open) => Err(Gap::Open),
        }
    }

    /// The VPCs it is about.
    ///
    /// # Errors
    /// [`Gap`], while there is something to ask, or when it could not be told.
    pub fn vpcs<'k>(&self, inquiry: &Inquiry<'k>) -> Result<Vec<&'k Vpc>, Gap> {
        let of_interfaces = |interfaces: &'k [NetworkInterface]| interfaces.iter().map(|one| one.vpc_id.as_str());
        let mut vpcs: Vec<&str> = match &self.about {
            About::Group(id, _) => {
                // A group may have interfaces in other VPCs than its own.
                let (groups, interfaces) =
                    (inquiry.groups(Topic::Group, id), inquiry.interfaces(Topic::InterfacesOfGroup, id));
                let groups = groups?.iter().map(|one| one.vpc_id.as_str());
                groups.chain(of_interfaces(interfaces?)).collect()
            }
            About::Acl(id, _) => inquiry.acls(Topic::Acl, id)?.iter().map(|one| one.vpc_id.as_str()).collect(),
            About::RouteTable(id) => {
                inquiry.route_tables(Topic::RouteTable, id)?.iter().map(|one| one.vpc_id.as_str()).collect()
            }
            About::Vpc(id) => inquiry.vpcs(Topic::Vpc, id)?.iter().map(|one| one.vpc_id.as_str()).collect(),
            About::Subnet(id, _) => inquiry.subnets(Topic::Subnet, id)?.iter().map(|one| one.vpc_id.as_str()).collect(),
            About::Interfaces(topic, ids, _) | About::Behind(topic, ids, _) | About::Address(topic, ids, _) => {
                let found: Vec<_> = ids.iter().map(|id| inquiry.interfaces(*topic, id)).collect();
                let found = found.into_iter().collect::<Result<Vec<_>, Gap>>()?;
                found.into_iter().flat_map(of_interfaces).collect()
            }
            About::Role(..) | About::Nothing(_) => Vec::new(),
        };
        vpcs.sort_unstable();
        vpcs.dedup();
        let vpcs: Vec<_> = vpcs.into_iter().map(|id| inquiry.vpcs(Topic::Vpc, id)).collect();
        Ok(vpcs.into_iter().collect::<Result<Vec<_>, Gap>>()?.into_iter().flatten().collect())
    }
}

/// Values as texts.
fn texts(values: &[&Value<'_>]) -> Vec<String> {
    values.iter().filter_map(|value| scalar_text(value)).map(|text| text.into_owned()).collect()
}

fn live(outcome: Outcome, reason: &str, mut paths: Vec<Path>, inquiry: &Inquiry<'_>) -> Live {
    let said = match outcome {
        Outcome::Confirmed => format!("Confirmed: {reason}."),
        Outcome::Latent => format!("Open, but nothing can be reached by it yet: {reason}."),
        Outcome::Mitigated => format!("Open, but blocked: {reason}."),
        Outcome::Remediated => format!("No longer so: {reason}."),
        Outcome::Unknown => format!("Live state is not known: {reason}."),
    };
    paths.truncate(MOST_PATHS);
    let safe = |text: &mut String| *text = visible(text).into_owned();
    for path in &mut paths {
        let texts = [&mut path.interface, &mut path.address].into_iter();
        texts.chain(&mut path.instance).chain(&mut path.traffic).chain(&mut path.hops).for_each(safe);
    }
    Live { outcome, summary: visible(&said).into_owned(), paths, checked_at: inquiry.checked_at() }
}

/// That live state could not be read, and why.
pub fn unknown(why: &str) -> Live {
    let summary = visible(&format!("Live state is not known: {}.", why.trim_end_matches('.'))).into_owned();
    Live { outcome: Outcome::Unknown, summary, paths: Vec::new(), checked_at: None }
}
