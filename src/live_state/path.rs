//! Path analysis: whether packets from the internet reach a network interface through address, route, internet gateway, VPC
//! block public access, network ACL in both directions and security groups, and whether the instance is running.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::layers::{acl_of, inbound, ingress, return_traffic, routes, table_of, to_gateways};
use super::resources::block_public_access::BlockPublicAccess;
use super::resources::instance::Instance;
use super::resources::internet_gateway::InternetGateway;
use super::resources::network_acl::NetworkAcl;
use super::resources::network_interface::NetworkInterface;
use super::resources::route_table::RouteTable;
use super::resources::security_group::SecurityGroup;
use super::resources::security_group_rule::SecurityGroupRule;
use super::resources::vpc::Vpc;
use super::store::{Lookup, Missing};
use crate::finding::Path;
use crate::network::{Entry, Family, Layer, Opening, Traffic, is_global, parse_network, passing};

/// The result for the path to one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathStatus {
    /// The internet reaches the interface.
    Open(Path),
    /// The interface has no public address. Contains the reason.
    Private(String),
    /// A hop is missing. Contains the reason.
    Incomplete(String),
    /// All hops exist, but a layer blocks the traffic. Contains the reason.
    Blocked(String),
}

/// Restricts a path to a part of the security groups or of the traffic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constraint<'c> {
    /// The only security group of the interface that counts.
    pub(super) group: Option<&'c str>,
    /// The only traffic that counts.
    pub(super) opened: Option<&'c OpenedTraffic>,
}

/// Traffic that was opened to the internet or a large part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OpenedTraffic {
    pub(super) traffic: Traffic,
    /// The IP versions.
    pub(super) families: Vec<Family>,
}

impl OpenedTraffic {
    /// Whether all `layers` allow some of it.
    pub(super) fn passes(&self, layers: &[&Layer]) -> bool {
        self.families.iter().any(|family| !open_through(*family, layers, Some(&self.traffic)).is_empty())
    }
}

/// Everything that determines whether an interface can be reached.
struct Hops<'k> {
    table: &'k RouteTable,
    /// The target of routes that inspects traffic from an internet gateway, such as a firewall.
    middlebox: Option<String>,
    /// Whether the VPC belongs to another account.
    is_shared: bool,
    layers: Vec<(Hop, Layer)>,
    /// The internet gateways that are targets of routes.
    gateways: Vec<&'k str>,
    groups: Vec<String>,
    /// The results by IP version.
    obstacles: RefCell<HashMap<Family, Result<Traffic, Hop>>>,
    acl: &'k str,
}

/// The kind of a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hop {
    Route,
    Gateway,
    Inbound,
    ReturnTraffic,
    Groups,
}

/// Finds the paths to interfaces. Interfaces in one subnet with the same groups share all hops but their address.
pub(super) struct PathAnalysis<'k, 's> {
    lookup: &'s Lookup<'k>,
    constraint: Constraint<'s>,
    /// Cached hops by subnet and groups.
    cache: RefCell<HashMap<(String, Vec<String>), CachedHops<'k>>>,
}

/// The hops, or the reason why they are missing.
type CachedHops<'k> = Rc<Result<Hops<'k>, Missing>>;

impl<'k, 's> PathAnalysis<'k, 's> {
    pub(super) fn new(lookup: &'s Lookup<'k>, constraint: Constraint<'s>) -> Self {
        Self { lookup, constraint, cache: RefCell::default() }
    }

    /// The hops to `interface`.
    fn hops(&self, interface: &NetworkInterface) -> CachedHops<'k> {
        let groups = interface.groups.iter().map(|group| group.group_id.clone()).collect();
        let mut cache = self.cache.borrow_mut();
        let entry = cache.entry((interface.subnet_id.clone(), groups));
        Rc::clone(entry.or_insert_with(|| Rc::new(hops(self.lookup, interface, self.constraint.group))))
    }

    /// The path from the internet to `interface`.
    pub(super) fn path_to(&self, interface: &NetworkInterface) -> Result<PathStatus, Missing> {
        let constraint = self.constraint;
        let id = &interface.network_interface_id;
        let mut addresses = public_addresses(interface);
        if let Some(opened) = constraint.opened {
            addresses.retain(|(family, _)| opened.families.contains(family));
        }
        if addresses.is_empty() {
            let over = match constraint.opened.map(|opened| opened.families.as_slice()) {
                Some([family]) => format!("{} ", family.as_str()),
                _ => String::new(),
            };
            return Ok(PathStatus::Private(format!("{id} has no public {over}address")));
        }
        if interface.deny_all_igw_traffic {
            return Ok(PathStatus::Blocked(format!("{id} drops traffic from internet gateways (DenyAllIgwTraffic)")));
        }
        if matches!(interface.interface_type.as_str(), "nat_gateway" | "natGateway") {
            return Ok(PathStatus::Incomplete(format!("{id} is a NAT gateway, which accepts no connections")));
        }
        if interface.status == "available" {
            return Ok(PathStatus::Incomplete(format!("{id} is not attached to anything")));
        }
        self.path_via(interface, addresses)
    }

    /// The traffic that reaches the public addresses of `interface`.
    ///
    /// # Errors
    /// As for [`PathAnalysis::path_to`].
    pub(super) fn reached(&self, interface: &NetworkInterface) -> Result<Reached, Missing> {
        let hops = self.hops(interface);
        let hops = Result::as_ref(&hops).map_err(Missing::clone)?;
        let layers: Vec<&Layer> = hops.layers.iter().map(|(_, layer)| layer).collect();
        let (mut reached, opened) = (Reached::default(), self.constraint.opened);
        for (family, _) in public_addresses(interface) {
            if opened.is_none_or(|opened| opened.families.contains(&family)) {
                reached |= reached_through(family, &layers, opened.map(|opened| &opened.traffic));
            }
        }
        Ok(reached)
    }

    /// The path from the internet to `interface` if it has these addresses.
    pub(super) fn path_via(
        &self,
        interface: &NetworkInterface,
        addresses: Vec<(Family, String)>,
    ) -> Result<PathStatus, Missing> {
        let lookup = self.lookup;
        // All queries are recorded before the first response is required.
        let instance = instance_of(interface);
        let state = instance.map(|id| lookup.get(Instance::BY_ID, id));
        let block = lookup.get(BlockPublicAccess::OF_REGION, "");
        let hops = self.hops(interface);
        if let (Some(id), Some(instances)) = (instance, state) {
            // The instance exists, because it has an interface. In a shared VPC it may belong to another account.
            let Some(instance) = instances?.first() else {
                return Err(Missing::Unavailable(format!(
                    "instance {id}, which has {}, is not visible",
                    interface.network_interface_id
                )));
            };
            let state = instance.state.name.as_str();
            if !matches!(state, "running" | "pending") {
                return Ok(PathStatus::Incomplete(format!("instance {id} is {state}")));
            }
        }
        let (hops, block) = (Result::as_ref(&hops).map_err(Missing::clone)?, block?);
        let Some(block) = block.first() else {
            return Err(Missing::Unavailable("the state of VPC block public access is empty".to_owned()));
        };
        let mut best: Result<Option<PathStatus>, Missing> = Ok(None);
        for (family, address) in addresses {
            let path = self.path_over(family, &address, interface, hops, block);
            best = match (best, path) {
                // An open path decides, even if state of the other IP version is missing.
                (Ok(Some(open @ PathStatus::Open(_))), _) | (_, Ok(open @ PathStatus::Open(_))) => Ok(Some(open)),
                (Err(missing), _) | (_, Err(missing)) => Err(missing),
                (Ok(Some(blocked @ PathStatus::Blocked(_))), Ok(PathStatus::Incomplete(_))) => Ok(Some(blocked)),
                (Ok(_), Ok(path)) => Ok(Some(path)),
            };
        }
        best?.ok_or(Missing::Pending)
    }

    /// The path from the internet to `interface` over one IP version.
    fn path_over(
        &self,
        family: Family,
        address: &str,
        interface: &NetworkInterface,
        hops: &Hops<'_>,
        block: &BlockPublicAccess,
    ) -> Result<PathStatus, Missing> {
        let (id, vpc) = (&interface.network_interface_id, &interface.vpc_id);
        let instance = instance_of(interface);
        let unknown = |reason: String| Err(Missing::Unavailable(reason));
        Ok(match hops.obstacle(family, self.constraint.opened.map(|opened| &opened.traffic)) {
            Ok(traffic) => match blocks(block, interface) {
                Some(reason) if hops.is_shared => {
                    return unknown(format!("{reason} in this account, but {vpc} belongs to another account"));
                }
                Some(reason) => PathStatus::Blocked(reason),
                None => PathStatus::Open(hops.path(interface, address, family, &traffic, instance)),
            },
            Err(Hop::Route) => match &hops.middlebox {
                Some(target) => {
                    return unknown(format!("traffic from the internet passes {target}, which decides"));
                }
                None => PathStatus::Incomplete(format!(
                    "{} has no {} route to an internet gateway",
                    hops.table.route_table_id,
                    family.as_str()
                )),
            },
            Err(Hop::Gateway) if hops.is_shared => {
                return unknown(format!("{vpc} belongs to another account, and its internet gateway is not visible"));
            }
            Err(Hop::Gateway) => PathStatus::Incomplete(format!(
                "internet gateway {} is not attached to {vpc}",
                hops.gateways.join(", ")
            )),
            Err(Hop::Inbound) => PathStatus::Blocked(format!("network ACL {} blocks it", hops.acl)),
            Err(Hop::ReturnTraffic) => {
                PathStatus::Blocked(format!("network ACL {} blocks the return traffic", hops.acl))
            }
            Err(Hop::Groups) => PathStatus::Blocked(match hops.groups.as_slice() {
                [] => format!("no security group of {id} allows it"),
                [group] => format!("{group} allows neither the world nor a large part of it"),
                groups => format!("{} allow neither the world nor a large part of it", groups.join(", ")),
            }),
        })
    }
}

/// The public addresses of an interface, one for each IP version.
pub(super) fn public_addresses(interface: &NetworkInterface) -> Vec<(Family, String)> {
    let secondary = interface.private_ip_addresses.iter().filter_map(|address| address.association.as_ref());
    let associations = interface.association.iter().chain(secondary);
    let v4 = associations.map(|association| &association.public_ip).find(|ip| !ip.is_empty());
    let is_global = |text: &&String| parse_network(text).is_some_and(|network| is_global(&network));
    let v6 = interface.ipv6_addresses.iter().map(|address| &address.ipv6_address).find(is_global);
    let prefix = interface.ipv6_prefixes.iter().map(|prefix| &prefix.ipv6_prefix);
    let prefix = prefix.into_iter().find(is_global);
    let v6 = v6.or(prefix);
    let with_family = |family, address: Option<&String>| address.map(|address| (family, address.clone()));
    [with_family(Family::V4, v4), with_family(Family::V6, v6)].into_iter().flatten().collect()
}

/// The instance to which an interface is attached.
fn instance_of(interface: &NetworkInterface) -> Option<&String> {
    interface.attachment.as_ref()?.instance_id.as_ref().filter(|id| !id.is_empty())
}

/// The hops to `interface`. With `only`, only this security group counts.
fn hops<'k>(lookup: &Lookup<'k>, interface: &NetworkInterface, only: Option<&str>) -> Result<Hops<'k>, Missing> {
    let (vpc, subnet) = (&interface.vpc_id, &interface.subnet_id);
    // All queries are recorded before the first response is required.
    let tables = lookup.get(RouteTable::BY_VPC, vpc);
    let attached = lookup.get(InternetGateway::BY_VPC, vpc);
    let acls = lookup.get(NetworkAcl::BY_VPC, vpc);
    let all = interface.groups.iter().map(|group| group.group_id.as_str());
    let groups: Vec<&str> = all.filter(|id| only.is_none_or(|only| only == *id)).collect();
    let rules: Vec<_> = groups.iter().map(|id| rules_of(lookup, id)).collect();
    let allowed: Vec<_> = rules.into_iter().map(|rules| ingress(lookup, rules?)).collect();
    let owner = lookup.get(Vpc::BY_ID, vpc);
    let tables = tables?;
    // Every subnet has a route table.
    let table = table_of(tables, subnet)
        .ok_or_else(|| Missing::Unavailable(format!("the route table of {subnet} is not visible")))?;
    let routes = routes(lookup, table);
    let (routes, attached, acl) = (routes?, attached?, acl_of(acls?, subnet));
    // If VPCs cannot be read, the VPC counts as owned by the account.
    let owner = match owner {
        Ok(vpcs) => vpcs.first().map_or("", |vpc| vpc.owner_id.as_str()),
        Err(Missing::Unavailable(_)) => "",
        Err(Missing::Pending) => return Err(Missing::Pending),
    };
    let is_shared = !owner.is_empty() && owner != lookup.account();
    let allowed: Vec<Entry> = allowed.into_iter().collect::<Result<Vec<_>, Missing>>()?.concat();
    let is_attached =
        |id: &str| attached.iter().any(|gateway| gateway.internet_gateway_id == id && leads_to(gateway, vpc));
    let mut layers =
        vec![(Hop::Route, to_gateways(&routes, |_| true)), (Hop::Gateway, to_gateways(&routes, is_attached))];
    if let Some(acl) = acl {
        layers.extend([(Hop::Inbound, inbound(acl)), (Hop::ReturnTraffic, return_traffic(acl))]);
    }
    // Network load balancers without security groups allow all traffic.
    if !interface.groups.is_empty() {
        layers.push((Hop::Groups, Layer::any_of(allowed)));
    }
    let mut gateways: Vec<&str> = routes.iter().filter_map(|route| route.gateway).collect();
    gateways.dedup();
    let (groups, obstacles) = (groups.into_iter().map(str::to_owned).collect(), RefCell::default());
    let middlebox = middlebox(tables, table);
    Ok(Hops {
        table,
        middlebox,
        is_shared,
        layers,
        gateways,
        groups,
        obstacles,
        acl: acl.map_or("", |acl| &acl.network_acl_id),
    })
}

/// The target of a table's routes, such as a firewall, if a gateway route table of the VPC sends inbound traffic to it first.
fn middlebox(tables: &[RouteTable], table: &RouteTable) -> Option<String> {
    let is_at_gateway = |table: &RouteTable| {
        let mut gateways = table.associations.iter().filter_map(|association| association.gateway_id.as_deref());
        gateways.any(|id| id.starts_with("igw-"))
    };
    if !tables.iter().any(is_at_gateway) {
        return None;
    }
    table.routes.iter().filter(|route| route.state == "active").find_map(|route| {
        let endpoint = route.gateway_id.as_ref().filter(|id| id.starts_with("vpce-"));
        endpoint.or(route.network_interface_id.as_ref()).cloned()
    })
}

/// The rules of a security group of an interface. The group exists, so if it has no visible rules, it must be visible itself.
fn rules_of<'k>(lookup: &Lookup<'k>, id: &str) -> Result<&'k [SecurityGroupRule], Missing> {
    let rules = lookup.get(SecurityGroupRule::BY_GROUP, id)?;
    if rules.is_empty() && lookup.get(SecurityGroup::BY_ID, id)?.is_empty() {
        return Err(Missing::Unavailable(format!("the security group {id} is not visible")));
    }
    Ok(rules)
}

/// Whether an internet gateway is attached to `vpc`.
pub(super) fn leads_to(gateway: &InternetGateway, vpc: &str) -> bool {
    let is_attached = |state: &str| matches!(state, "available" | "attached");
    gateway.attachments.iter().any(|attachment| attachment.vpc_id == vpc && is_attached(&attachment.state))
}

impl Hops<'_> {
    /// The part of `traffic` that passes from the internet or a large part of it, or the first hop that blocks all of it.
    fn obstacle(&self, family: Family, traffic: Option<&Traffic>) -> Result<Traffic, Hop> {
        let mut obstacles = self.obstacles.borrow_mut();
        obstacles.entry(family).or_insert_with(|| self.find_obstacle(family, traffic)).clone()
    }

    fn find_obstacle(&self, family: Family, traffic: Option<&Traffic>) -> Result<Traffic, Hop> {
        let layers: Vec<&Layer> = self.layers.iter().map(|(_, layer)| layer).collect();
        let open = open_through(family, &layers, traffic);
        if !open.is_empty() {
            return Ok(open);
        }
        let first = (1..=layers.len()).find(|count| {
            let layers = layers.get(..*count).unwrap_or_default();
            open_through(family, layers, traffic).is_empty()
        });
        let hop = first.and_then(|count| self.layers.get(count - 1)).map(|(hop, _)| *hop);
        Err(hop.unwrap_or(Hop::Groups))
    }

    fn path(
        &self,
        interface: &NetworkInterface,
        address: &str,
        family: Family,
        traffic: &Traffic,
        instance: Option<&String>,
    ) -> Path {
        let words = traffic.words();
        let mut hops = vec![format!("internet ({})", family.as_str())];
        hops.extend((!self.gateways.is_empty()).then(|| self.gateways.join(", ")));
        hops.push(format!("route table {}", self.table.route_table_id));
        hops.extend((!self.acl.is_empty()).then(|| format!("network ACL {}", self.acl)));
        hops.push(match self.groups.as_slice() {
            [] => format!("no security group ({})", words.join(", ")),
            groups => format!("{} ({})", groups.join(", "), words.join(", ")),
        });
        hops.push(format!("{} ({address})", interface.network_interface_id));
        hops.extend(instance.cloned());
        Path {
            interface: interface.network_interface_id.clone(),
            address: address.to_owned(),
            instance: instance.cloned(),
            traffic: words,
            hops,
        }
    }
}

/// Traffic that reaches an interface from the internet.
#[derive(Debug, Clone, Default)]
pub(super) struct Reached {
    /// From all of the internet.
    pub(super) world: Traffic,
    /// From a large part of the internet.
    pub(super) wide: Traffic,
}

impl Reached {
    /// Both together.
    pub(super) fn traffic(&self) -> Traffic {
        let mut all = self.world.clone();
        all |= &self.wide;
        all
    }
}

impl std::ops::BitOrAssign for Reached {
    fn bitor_assign(&mut self, other: Self) {
        self.world |= &other.world;
        self.wide |= &other.wide;
        self.wide = self.wide.without(&self.world);
    }
}

/// The part of `traffic` that all layers allow from the internet or a large part of it.
pub(super) fn open_through(family: Family, layers: &[&Layer], traffic: Option<&Traffic>) -> Traffic {
    reached_through(family, layers, traffic).traffic()
}

/// The part of `traffic` that all layers allow, classified as for the openings of records.
fn reached_through(family: Family, layers: &[&Layer], traffic: Option<&Traffic>) -> Reached {
    let opening = Opening::of(&passing(family, layers));
    let limited = |open: Traffic| traffic.map_or_else(|| open.clone(), |traffic| &open & traffic);
    Reached { world: limited(opening.world), wide: limited(opening.wide) }
}

/// The reason if VPC block public access blocks the interface.
fn blocks(block: &BlockPublicAccess, interface: &NetworkInterface) -> Option<String> {
    let mode = block.internet_gateway_block_mode.as_str();
    if !matches!(mode, "block-bidirectional" | "block-ingress") {
        return None;
    }
    // An exclusion that is being created counts, so that it does not hide an opening.
    let excluded = block.exclusions.iter().any(|exclusion| {
        let applies_to = |id: &str| !id.is_empty() && exclusion.resource_arn.ends_with(&format!("/{id}"));
        (applies_to(&interface.vpc_id) || applies_to(&interface.subnet_id))
            && exclusion.internet_gateway_exclusion_mode == "allow-bidirectional"
            && !matches!(exclusion.state.as_str(), "create-failed" | "delete-complete" | "disable-complete")
    });
    (!excluded).then(|| format!("VPC block public access ({mode}) blocks the internet"))
}
