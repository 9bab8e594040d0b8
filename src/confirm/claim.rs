//! What a finding claims, and how live state judges it.

use std::collections::BTreeMap;

use super::describe::{NetworkInterface, RouteTable, Vpc};
use super::knowledge::{Gap, Inquiry};
use super::layers::{inbound, ingress, is_main, routes, table_of, to_gateways};
use super::question::{Place, Topic};
use super::reachability::{Opened, Survey, Through, Way, leads_to, open_through, public_addresses};
use crate::address::{Family, Layer, Traffic};
use crate::event::Event;
use crate::facts;
use crate::finding::{Confirm, Finding, Live, Outcome, Path};
use crate::policy::Policy;
use crate::text::visible;
use crate::trust::{Verdict, assess};

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
    /// A subnet hands out public addresses.
    Subnet(String),
    /// Instances, interfaces, addresses or load balancers are on the internet.
    Interfaces(Topic, Vec<String>),
    /// A role lets in whom it should not: no better than this.
    Role(String, Verdict),
    /// Nothing that live state can say anything about; why.
    Nothing(String),
}

/// What became of the ways to a number of interfaces.
#[derive(Default)]
struct Ways {
    open: Vec<Path>,
    blocked: Vec<String>,
    missing: Vec<String>,
    private: Vec<String>,
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
        let about = match (confirm, resource.kind.as_str()) {
            (Confirm::Reachability, "AWS::EC2::SecurityGroup") if !id.starts_with("sg-") => {
                About::Nothing(format!("the record names the security group {id} by its name alone"))
            }
            (Confirm::Reachability, "AWS::EC2::SecurityGroup") => About::Group(id, opened()),
            (Confirm::Reachability, "AWS::EC2::NetworkAcl") => About::Acl(id, opened()),
            (Confirm::Reachability, "AWS::EC2::RouteTable") => About::RouteTable(id),
            (Confirm::Reachability, "AWS::EC2::VPC") => About::Vpc(id),
            (Confirm::Reachability, "AWS::EC2::Subnet") => About::Subnet(id),
            (Confirm::Reachability, "AWS::EC2::Instance") => {
                About::Interfaces(Topic::InterfacesOfInstance, same.collect())
            }
            (Confirm::Reachability, "AWS::EC2::NetworkInterface") => {
                About::Interfaces(Topic::Interface, same.collect())
            }
            (Confirm::Reachability, "AWS::EC2::EIP") => About::Interfaces(Topic::InterfacesOfAddress, same.collect()),
            (Confirm::Reachability, "AWS::ElasticLoadBalancing::LoadBalancer") => {
                About::Interfaces(Topic::InterfacesOfLoadBalancer, vec![id])
            }
            (Confirm::Reachability, "AWS::ElasticLoadBalancingV2::LoadBalancer") => match &resource.arn {
                Some(arn) => About::Interfaces(Topic::InterfacesOfLoadBalancer, vec![arn.clone()]),
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
            About::Group(id, traffic) => group(inquiry, id, traffic),
            About::Acl(id, traffic) => acl(inquiry, id, traffic),
            About::RouteTable(id) => route_table(inquiry, id),
            About::Vpc(id) => vpc(inquiry, id),
            About::Subnet(id) => subnet(inquiry, id),
            About::Interfaces(topic, ids) => interfaces(inquiry, *topic, ids),
            About::Role(name, verdict) => role(inquiry, &self.place, name, *verdict),
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
            About::Group(id, _) => inquiry.groups(Topic::Group, id)?.iter().map(|one| one.vpc_id.as_str()).collect(),
            About::Acl(id, _) => inquiry.acls(Topic::Acl, id)?.iter().map(|one| one.vpc_id.as_str()).collect(),
            About::RouteTable(id) => {
                inquiry.route_tables(Topic::RouteTable, id)?.iter().map(|one| one.vpc_id.as_str()).collect()
            }
            About::Vpc(id) => inquiry.vpcs(Topic::Vpc, id)?.iter().map(|one| one.vpc_id.as_str()).collect(),
            About::Subnet(id) => inquiry.subnets(Topic::Subnet, id)?.iter().map(|one| one.vpc_id.as_str()).collect(),
            About::Interfaces(topic, ids) => {
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

/// The outcome, the reason as the rest of a sentence, and the ways in.
type Judged = (Outcome, String, Vec<Path>);

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

fn group(inquiry: &Inquiry<'_>, id: &str, claimed: &Opened) -> Result<Judged, Gap> {
    let rules = inquiry.group_rules(Topic::GroupRules, id);
    let interfaces = inquiry.interfaces(Topic::InterfacesOfGroup, id);
    let entries = ingress(inquiry, rules?);
    let through = Through { group: Some(id), opened: Some(claimed) };
    let ways = interfaces.and_then(|interfaces| Ways::to(inquiry, interfaces, through));
    let layer = Layer::any_of(entries?);
    if !claimed.through(&[&layer]) {
        return Ok((Outcome::Remediated, format!("{id} does not let it in any more"), Vec::new()));
    }
    Ok(ways?.judged(&format!("no network interface is behind {id}")))
}

fn acl(inquiry: &Inquiry<'_>, id: &str, claimed: &Opened) -> Result<Judged, Gap> {
    let acls = inquiry.acls(Topic::Acl, id)?;
    let Some(acl) = acls.first() else {
        return Ok((Outcome::Remediated, format!("{id} is gone"), Vec::new()));
    };
    let layer = inbound(acl);
    if !claimed.through(&[&layer]) {
        return Ok((Outcome::Remediated, format!("{id} does not let it in any more"), Vec::new()));
    }
    let subnets = acl.associations.iter().map(|association| association.subnet_id.as_str());
    let through = Through { group: None, opened: Some(claimed) };
    Ok(in_subnets(inquiry, subnets, through)?.judged(&format!("no network interface is in a subnet of {id}")))
}

fn route_table(inquiry: &Inquiry<'_>, id: &str) -> Result<Judged, Gap> {
    let Some(table) = inquiry.route_tables(Topic::RouteTable, id)?.first() else {
        return Ok((Outcome::Remediated, format!("{id} is gone"), Vec::new()));
    };
    if !leads_to_the_internet(inquiry, table)? {
        return Ok((Outcome::Remediated, format!("{id} has no route to an internet gateway any more"), Vec::new()));
    }
    let through = Through { group: None, opened: None };
    let none = format!("no network interface is in a subnet of {id}");
    if !is_main(table) {
        let subnets = table.associations.iter().filter_map(|association| association.subnet_id.as_deref());
        return Ok(in_subnets(inquiry, subnets, through)?.judged(&none));
    }
    let tables = inquiry.route_tables(Topic::RouteTablesOfVpc, &table.vpc_id);
    let interfaces = inquiry.interfaces(Topic::InterfacesOfVpc, &table.vpc_id);
    let (tables, interfaces) = (tables?, interfaces?);
    let counts = |one: &&NetworkInterface| table_of(tables, &one.subnet_id).is_some_and(|of| of.route_table_id == id);
    Ok(Ways::to(inquiry, interfaces.iter().filter(counts), through)?.judged(&none))
}

/// Whether a table routes the world, or a large part of it, to an internet gateway.
fn leads_to_the_internet(inquiry: &Inquiry<'_>, table: &RouteTable) -> Result<bool, Gap> {
    let routes = routes(inquiry, table)?;
    let layer = to_gateways(&routes, |_| true);
    Ok([Family::V4, Family::V6].into_iter().any(|family| !open_through(family, &[&layer], None).is_nothing()))
}

fn vpc(inquiry: &Inquiry<'_>, id: &str) -> Result<Judged, Gap> {
    let gateways = inquiry.gateways(Topic::GatewaysOfVpc, id);
    let interfaces = inquiry.interfaces(Topic::InterfacesOfVpc, id);
    let ways = interfaces.and_then(|interfaces| Ways::to(inquiry, interfaces, Through { group: None, opened: None }));
    if !gateways?.iter().any(|gateway| leads_to(gateway, id)) {
        return Ok((Outcome::Remediated, format!("{id} has no internet gateway any more"), Vec::new()));
    }
    Ok(ways?.judged(&format!("no network interface is in {id}")))
}

fn subnet(inquiry: &Inquiry<'_>, id: &str) -> Result<Judged, Gap> {
    let Some(subnet) = inquiry.subnets(Topic::Subnet, id)?.first() else {
        return Ok((Outcome::Remediated, format!("{id} is gone"), Vec::new()));
    };
    if !subnet.map_public_ip_on_launch && !subnet.assign_ipv6_address_on_creation {
        return Ok((Outcome::Remediated, format!("{id} hands out no public addresses any more"), Vec::new()));
    }
    let tables = inquiry.route_tables(Topic::RouteTablesOfVpc, &subnet.vpc_id)?;
    let table = table_of(tables, id);
    let leads = table.map_or(Ok(false), |table| leads_to_the_internet(inquiry, table))?;
    let name = table.map_or("its route table", |table| &table.route_table_id);
    Ok(match leads {
        true => {
            let reason = format!("{id} hands out public addresses, and {name} leads to an internet gateway");
            (Outcome::Confirmed, reason, Vec::new())
        }
        false => (Outcome::Latent, format!("{name} has no route to an internet gateway"), Vec::new()),
    })
}

fn interfaces(inquiry: &Inquiry<'_>, topic: Topic, ids: &[String]) -> Result<Judged, Gap> {
    let found: Vec<_> = ids.iter().map(|id| inquiry.interfaces(topic, id)).collect();
    let found: Vec<&NetworkInterface> =
        found.into_iter().collect::<Result<Vec<_>, Gap>>()?.into_iter().flatten().collect();
    let names = ids.join(", ");
    if found.is_empty() {
        return Ok((Outcome::Remediated, format!("{names} has no network interface any more"), Vec::new()));
    }
    if found.iter().all(|interface| public_addresses(interface).is_empty()) {
        return Ok((Outcome::Remediated, format!("{names} has no public address any more"), Vec::new()));
    }
    Ok(Ways::to(inquiry, found, Through { group: None, opened: None })?.judged("nothing is there"))
}

fn in_subnets<'s>(
    inquiry: &Inquiry<'_>,
    subnets: impl Iterator<Item = &'s str>,
    through: Through<'_>,
) -> Result<Ways, Gap> {
    let found: Vec<_> = subnets.map(|subnet| inquiry.interfaces(Topic::InterfacesOfSubnet, subnet)).collect();
    let found = found.into_iter().collect::<Result<Vec<_>, Gap>>()?;
    Ways::to(inquiry, found.into_iter().flatten(), through)
}

impl Ways {
    /// The ways to all of `interfaces`. One way that is open tells, whatever is not known of the others.
    fn to<'i>(
        inquiry: &Inquiry<'_>,
        interfaces: impl IntoIterator<Item = &'i NetworkInterface>,
        through: Through<'_>,
    ) -> Result<Self, Gap> {
        let survey = Survey::new(inquiry, through);
        let mut ways = Self::default();
        let mut gaps: Vec<Gap> = Vec::new();
        for interface in interfaces {
            match survey.way_to(interface) {
                Ok(Way::Open(path)) => ways.open.push(path),
                Ok(Way::Blocked(what)) => ways.blocked.push(what),
                Ok(Way::Missing(what)) => ways.missing.push(what),
                Ok(Way::Private(what)) => ways.private.push(what),
                Err(gap) => gaps.push(gap),
            }
        }
        if gaps.contains(&Gap::Open) {
            return Err(Gap::Open);
        }
        match gaps.into_iter().next() {
            Some(gap) if ways.open.is_empty() => Err(gap),
            _ => Ok(ways),
        }
    }

    fn judged(self, none: &str) -> Judged {
        let Self { open, blocked, missing, private } = self;
        if let Some(first) = open.first() {
            let target = first.instance.as_ref().unwrap_or(&first.interface);
            let more = match open.len() - 1 {
                0 => String::new(),
                1 => ", and 1 more network interface".to_owned(),
                more => format!(", and {more} more network interfaces"),
            };
            let reason =
                format!("the internet reaches {target} at {} on {}{more}", first.address, first.traffic.join(", "));
            return (Outcome::Confirmed, reason, open);
        }
        if !blocked.is_empty() {
            return (Outcome::Mitigated, counted(&blocked), Vec::new());
        }
        let reason = match (missing.as_slice(), private.as_slice()) {
            ([], []) => none.to_owned(),
            ([], [only]) => only.clone(),
            ([], private) => format!("none of its {} network interfaces has a public address", private.len()),
            (missing, _) => counted(missing),
        };
        (Outcome::Latent, reason, Vec::new())
    }
}

/// Reasons, the most frequent first, three at most.
fn counted(reasons: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    reasons.iter().for_each(|reason| *counts.entry(reason).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown: Vec<&str> = counts.iter().take(3).map(|(reason, _)| *reason).collect();
    let more = counts.len().saturating_sub(shown.len());
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}

fn role(inquiry: &Inquiry<'_>, place: &Place, name: &str, claimed: Verdict) -> Result<Judged, Gap> {
    let Some(role) = inquiry.roles(Topic::Role, name)?.first() else {
        return Ok((Outcome::Remediated, format!("the role {name} is gone"), Vec::new()));
    };
    let now = Policy::parse(&role.assume_role_policy_document)
        .map_or(Verdict::Undecidable, |policy| assess(&policy, Some(&place.account)).verdict);
    let reason = format!("the trust policy of {name} is {} now", now.as_str());
    match now {
        Verdict::Undecidable => Err(Gap::Unknown(reason)),
        now if now < claimed => Ok((Outcome::Remediated, reason, Vec::new())),
        _ => Ok((Outcome::Confirmed, reason, Vec::new())),
    }
}
