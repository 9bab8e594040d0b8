//! Assertions of findings about the state of an account, and their verification.

use super::path::OpenedTraffic;
use super::query::{AccountRegion, QueryKind};
use super::resources::network_acl::NetworkAcl;
use super::resources::network_interface::NetworkInterface;
use super::resources::route_table::RouteTable;
use super::resources::security_group::SecurityGroup;
use super::resources::subnet::Subnet;
use super::resources::vpc::Vpc;
use super::store::{Lookup, Missing};
use super::target::ExposedInterfaces;
use super::verify;
use crate::access::Verdict;
use crate::event::{Event, Value, scalar_text};
use crate::facts;
use crate::finding::{Confirm, Finding, Live, Outcome, Path};
use crate::network::{Family, Traffic};
use crate::text::visible;

/// Maximum number of paths in a finding. The summary has their total number.
const MAX_PATHS: usize = 10;

/// An assertion about the state of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assertion {
    /// Account and Region.
    pub scope: AccountRegion,
    kind: AssertionKind,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum AssertionKind {
    /// A security group allows this traffic.
    Group(String, OpenedTraffic),
    /// A network ACL allows this traffic.
    Acl(String, OpenedTraffic),
    /// A route table has a route to an internet gateway.
    RouteTable(String),
    /// A VPC has an internet gateway.
    Vpc(String),
    /// A subnet assigns public addresses of this IP version.
    Subnet(String, Family),
    /// Instances, interfaces or load balancers are reachable over one of these IP versions.
    Interfaces(&'static QueryKind<NetworkInterface>, Vec<String>, Vec<Family>),
    /// Interfaces or instances have security groups that allow the internet.
    WithGroups(&'static QueryKind<NetworkInterface>, Vec<String>, Vec<String>),
    /// A public address is associated.
    Address(&'static QueryKind<NetworkInterface>, Vec<String>, Option<String>),
    /// The trust policy of a role has this verdict or a more severe one.
    Role(String, Verdict),
    /// Live state cannot verify the finding, with the reason.
    Unverifiable(String),
}

impl Assertion {
    /// The assertion of `finding` about `event`. `None` if its rule does not require verification.
    pub fn of(finding: &Finding, event: &Event<'_>) -> Option<Self> {
        let confirm = finding.rule.confirm?;
        let scope = AccountRegion { account: finding.origin.account.clone(), region: finding.origin.region.clone() };
        let Some(resource) = finding.primary_resource() else {
            return Some(Self { scope, kind: AssertionKind::Unverifiable("the finding names no resource".to_owned()) });
        };
        let id = resource.id.clone();
        let same_kind = finding.resources.iter().filter(|other| other.kind == resource.kind);
        let same = same_kind.map(|other| other.id.clone());
        let opened = || {
            let all = || OpenedTraffic { traffic: Traffic::all(), families: vec![Family::V4, Family::V6] };
            facts::opening(event).filter(|opening| !opening.families.is_empty()).map_or_else(all, |opening| {
                let mut traffic = opening.world;
                traffic |= &opening.wide;
                OpenedTraffic { traffic, families: opening.families }
            })
        };
        let requested =
            |path| facts::ec2_request(event).map(|request| texts(&request.select(path))).unwrap_or_default();
        let both = || vec![Family::V4, Family::V6];
        let kind = match (confirm, resource.kind.as_str()) {
            (Confirm::Reachability, _) if let Some(exposed) = ExposedInterfaces::of(event) => {
                AssertionKind::Interfaces(exposed.by, exposed.ids, exposed.families)
            }
            (Confirm::Reachability, "AWS::EC2::SecurityGroup") if !id.starts_with("sg-") => {
                AssertionKind::Unverifiable(format!("the record names the security group {id} only by name"))
            }
            (Confirm::Reachability, "AWS::EC2::SecurityGroup") => AssertionKind::Group(id, opened()),
            (Confirm::Reachability, "AWS::EC2::NetworkAcl") => AssertionKind::Acl(id, opened()),
            (Confirm::Reachability, "AWS::EC2::RouteTable") => AssertionKind::RouteTable(id),
            (Confirm::Reachability, "AWS::EC2::VPC") => AssertionKind::Vpc(id),
            (Confirm::Reachability, "AWS::EC2::Subnet") => {
                let is_v6 = !requested("assignIpv6AddressOnCreation").is_empty();
                AssertionKind::Subnet(id, if is_v6 { Family::V6 } else { Family::V4 })
            }
            (Confirm::Reachability, kind @ ("AWS::EC2::Instance" | "AWS::EC2::NetworkInterface" | "AWS::EC2::EIP")) => {
                let by = match kind {
                    "AWS::EC2::Instance" => NetworkInterface::BY_INSTANCE,
                    "AWS::EC2::NetworkInterface" => NetworkInterface::BY_ID,
                    _ => NetworkInterface::BY_ADDRESS,
                };
                let groups = requested("groupSet.groupId");
                match event.name() {
                    Some("ModifyNetworkInterfaceAttribute" | "ModifyInstanceAttribute") if !groups.is_empty() => {
                        AssertionKind::WithGroups(by, same.collect(), groups)
                    }
                    Some("AssociateAddress") => {
                        let address = [requested("publicIp"), requested("allocationId")].concat().into_iter().next();
                        AssertionKind::Address(by, same.collect(), address)
                    }
                    _ => AssertionKind::Interfaces(by, same.collect(), both()),
                }
            }
            (Confirm::Reachability, "AWS::ElasticLoadBalancing::LoadBalancer") => {
                AssertionKind::Interfaces(NetworkInterface::BY_LOAD_BALANCER, vec![id], both())
            }
            (Confirm::Reachability, "AWS::ElasticLoadBalancingV2::LoadBalancer") => match &resource.arn {
                Some(arn) => AssertionKind::Interfaces(NetworkInterface::BY_LOAD_BALANCER, vec![arn.clone()], both()),
                None => AssertionKind::Unverifiable(format!(
                    "the record does not contain the ARN of the load balancer {id}"
                )),
            },
            (Confirm::Trust, "AWS::IAM::Role") => AssertionKind::Role(id, facts::trust_verdict(event)),
            (_, kind) => AssertionKind::Unverifiable(format!("live state cannot verify {kind}")),
        };
        Some(Self { scope, kind })
    }

    /// Whether live state can verify it.
    pub fn can_be_verified(&self) -> bool {
        !matches!(self.kind, AssertionKind::Unverifiable(_))
    }

    /// Verifies the assertion.
    ///
    /// # Errors
    /// [`Missing::Pending`] if a query is pending.
    pub fn verify(&self, lookup: &Lookup<'_>) -> Result<Live, Missing> {
        let verified = match &self.kind {
            AssertionKind::Group(id, opened) => verify::group(lookup, id, opened),
            AssertionKind::Acl(id, opened) => verify::acl(lookup, id, opened),
            AssertionKind::RouteTable(id) => verify::route_table(lookup, id),
            AssertionKind::Vpc(id) => verify::vpc(lookup, id),
            AssertionKind::Subnet(id, family) => verify::subnet(lookup, id, *family),
            AssertionKind::Interfaces(by, ids, families) => verify::interfaces(lookup, by, ids, families),
            AssertionKind::WithGroups(by, ids, groups) => verify::with_groups(lookup, by, ids, groups),
            AssertionKind::Address(by, ids, address) => verify::address(lookup, by, ids, address.as_deref()),
            AssertionKind::Role(name, verdict) => verify::role(lookup, &self.scope, name, *verdict),
            AssertionKind::Unverifiable(why) => Err(Missing::Unavailable(why.clone())),
        };
        match verified {
            Ok((outcome, reason, paths)) => Ok(live(outcome, &reason, paths, lookup)),
            Err(Missing::Unavailable(reason)) => Ok(unknown(&reason)),
            Err(Missing::Pending) => Err(Missing::Pending),
        }
    }

    /// The VPCs of the resources in the assertion.
    ///
    /// # Errors
    /// [`Missing`] if a query is pending or failed.
    pub fn vpcs<'k>(&self, lookup: &Lookup<'k>) -> Result<Vec<&'k Vpc>, Missing> {
        let of_interfaces =
            |interfaces: &'k [NetworkInterface]| interfaces.iter().map(|interface| interface.vpc_id.as_str());
        let mut vpcs: Vec<&str> = match &self.kind {
            AssertionKind::Group(id, _) => {
                // A group may have interfaces in VPCs other than its own.
                let (groups, interfaces) =
                    (lookup.get(SecurityGroup::BY_ID, id), lookup.get(NetworkInterface::BY_GROUP, id));
                let groups = groups?.iter().map(|group| group.vpc_id.as_str());
                groups.chain(of_interfaces(interfaces?)).collect()
            }
            AssertionKind::Acl(id, _) => {
                lookup.get(NetworkAcl::BY_ID, id)?.iter().map(|acl| acl.vpc_id.as_str()).collect()
            }
            AssertionKind::RouteTable(id) => {
                lookup.get(RouteTable::BY_ID, id)?.iter().map(|table| table.vpc_id.as_str()).collect()
            }
            AssertionKind::Vpc(id) => lookup.get(Vpc::BY_ID, id)?.iter().map(|vpc| vpc.vpc_id.as_str()).collect(),
            AssertionKind::Subnet(id, _) => {
                lookup.get(Subnet::BY_ID, id)?.iter().map(|subnet| subnet.vpc_id.as_str()).collect()
            }
            AssertionKind::Interfaces(by, ids, _)
            | AssertionKind::WithGroups(by, ids, _)
            | AssertionKind::Address(by, ids, _) => {
                let interfaces: Vec<_> = ids.iter().map(|id| lookup.get(by, id)).collect();
                let interfaces = interfaces.into_iter().collect::<Result<Vec<_>, Missing>>()?;
                interfaces.into_iter().flat_map(of_interfaces).collect()
            }
            AssertionKind::Role(..) | AssertionKind::Unverifiable(_) => Vec::new(),
        };
        vpcs.sort_unstable();
        vpcs.dedup();
        let vpcs: Vec<_> = vpcs.into_iter().map(|id| lookup.get(Vpc::BY_ID, id)).collect();
        Ok(vpcs.into_iter().collect::<Result<Vec<_>, Missing>>()?.into_iter().flatten().collect())
    }
}

/// Values as strings.
fn texts(values: &[&Value<'_>]) -> Vec<String> {
    values.iter().filter_map(|value| scalar_text(value)).map(|text| text.into_owned()).collect()
}

fn live(outcome: Outcome, reason: &str, mut paths: Vec<Path>, lookup: &Lookup<'_>) -> Live {
    let summary = match outcome {
        Outcome::Confirmed => format!("Confirmed: {reason}."),
        Outcome::Latent => format!("Open, but nothing is reachable through it yet: {reason}."),
        Outcome::Mitigated => format!("Open, but blocked: {reason}."),
        Outcome::Remediated => format!("No longer open: {reason}."),
        Outcome::Unknown => format!("Live state is unknown: {reason}."),
    };
    paths.truncate(MAX_PATHS);
    let safe = |text: &mut String| *text = visible(text).into_owned();
    for path in &mut paths {
        let texts = [&mut path.interface, &mut path.address].into_iter();
        texts.chain(&mut path.instance).chain(&mut path.traffic).chain(&mut path.hops).for_each(safe);
    }
    Live { outcome, summary: visible(&summary).into_owned(), paths, checked_at: lookup.checked_at() }
}

/// The outcome if live state is unavailable.
pub fn unknown(reason: &str) -> Live {
    let summary = visible(&format!("Live state is unknown: {}.", reason.trim_end_matches('.'))).into_owned();
    Live { outcome: Outcome::Unknown, summary, paths: Vec::new(), checked_at: None }
}
