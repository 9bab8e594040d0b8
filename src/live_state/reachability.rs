//! Whether packets from the internet reach a network interface: address, route, internet gateway, VPC block public
//! access, network ACL both ways, security groups, and whether anything runs there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::describe::{BlockPublicAccess, InternetGateway, NetworkInterface, RouteTable, SecurityGroupRule};
use super::knowledge::{Gap, Inquiry};
use super::layers::{acl_of, answers, inbound, ingress, routes, table_of, to_gateways};
use super::question::Topic;
use crate::finding::Path;
use crate::network::{Entry, Family, Layer, Opening, Traffic, is_global, parse_network, passing};

/// What became of the way to one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// The internet gets there.
    Open(Path),
    /// It has no public address, and so concerns nobody on the internet; said in words.
    Private(String),
    /// A hop is missing; which.
    Missing(String),
    /// All hops are there, and a layer blocks; which.
    Blocked(String),
}

/// Through what it is asked whether the internet gets in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Through<'c> {
    /// Only this group counts, of all that the interface has.
    pub(super) group: Option<&'c str>,
    /// Only this counts.
    pub(super) opened: Option<&'c Opened>,
}

/// What was opened to the world or a large part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Opened {
    pub(super) traffic: Traffic,
    /// Over which IP versions.
    pub(super) families: Vec<Family>,
}

impl Opened {
    /// What of it all `layers` let in.
    pub(super) fn through(&self, layers: &[&Layer]) -> bool {
        self.families.iter().any(|family| !open_through(*family, layers, Some(&self.traffic)).is_nothing())
    }
}

/// Everything that decides about an interface.
struct Hops<'k> {
    table: &'k RouteTable,
    /// Where routes lead instead of an internet gateway, when that hands on what comes in there.
    middlebox: Option<String>,
    /// Whether the VPC belongs to another account.
    is_shared: bool,
    layers: Vec<(Hop, Layer)>,
    /// The internet gateways that the routes lead to.
    gateways: Vec<&'k str>,
    groups: Vec<String>,
    /// What was found for each IP version.
    obstacles: RefCell<HashMap<Family, Result<Traffic, Hop>>>,
    acl: &'k str,
}

/// What a layer stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hop {
    Route,
    Gateway,
    Inbound,
    Answers,
    Groups,
}

/// Looks at one interface after the other. Those in one subnet with the same groups share all but their address.
pub(super) struct Survey<'k, 's> {
    inquiry: &'s Inquiry<'k>,
    through: Through<'s>,
    /// What is on the way, by subnet and groups.
    known: RefCell<HashMap<(String, Vec<String>), Known<'k>>>,
}

/// What is on the way, if that is known.
type Known<'k> = Rc<Result<Hops<'k>, Gap>>;

impl<'k, 's> Survey<'k, 's> {
    pub(super) fn new(inquiry: &'s Inquiry<'k>, through: Through<'s>) -> Self {
        Self { inquiry, through, known: RefCell::default() }
    }

    /// What is on the way to `interface`.
    fn hops(&self, interface: &NetworkInterface) -> Known<'k> {
        let groups = interface.groups.iter().map(|group| group.group_id.clone()).collect();
        let mut known = self.known.borrow_mut();
        let entry = known.entry((interface.subnet_id.clone(), groups));
        Rc::clone(entry.or_insert_with(|| Rc::new(hops(self.inquiry, interface, self.through.group))))
    }

    /// How the internet reaches `interface`.
    pub(super) fn way_to(&self, interface: &NetworkInterface) -> Result<Way, Gap> {
        let through = self.through;
        let id = &interface.network_interface_id;
        let mut addresses = public_addresses(interface);
        if let Some(opened) = through.opened {
            addresses.retain(|(family, _)| opened.families.contains(family));
        }
        if addresses.is_empty() {
            let over = match through.opened.map(|opened| opened.families.as_slice()) {
                Some([family]) => format!("{} ", family.as_str()),
                _ => String::new(),
            };
            return Ok(Way::Private(format!("{id} has no public {over}address")));
        }
        if interface.deny_all_igw_traffic {
            return Ok(Way::Blocked(format!("{id} drops what comes from internet gateways (DenyAllIgwTraffic)")));
        }
        if matches!(interface.interface_type.as_str(), "nat_gateway" | "natGateway") {
            return Ok(Way::Missing(format!("{id} is a NAT gateway, which takes no connections")));
        }
        if interface.status == "available" {
            return Ok(Way::Missing(format!("{id} is not attached to anything")));
        }
        self.way_in(interface, addresses)
    }

    /// What gets to `interface` from how much of the internet, by the addresses it has.
    ///
    /// # Errors
    /// As for [`Survey::way_to`].
    pub(super) fn reached(&self, interface: &NetworkInterface) -> Result<Reached, Gap> {
        let hops = self.hops(interface);
        let hops = Result::as_ref(&hops).map_err(Gap::clone)?;
        let layers: Vec<&Layer> = hops.layers.iter().map(|(_, layer)| layer).collect();
        let (mut reached, opened) = (Reached::default(), self.through.opened);
        for (family, _) in public_addresses(interface) {
            if opened.is_none_or(|opened| opened.families.contains(&family)) {
                reached |= reached_through(family, &layers, opened.map(|opened| &opened.traffic));
            }
        }
        Ok(reached)
    }

    /// How the internet reaches `interface` by these addresses, whatever it has.
    pub(super) fn way_in(&self, interface: &NetworkInterface, addresses: Vec<(Family, String)>) -> Result<Way, Gap> {
        let inquiry = self.inquiry;
        // All of it is asked for before the first answer is needed.
        let instance = instance_of(interface);
        let state = instance.map(|id| inquiry.instances(Topic::Instance, id));
        let block = inquiry.block_public_access(Topic::BlockPublicAccess, "");
        let hops = self.hops(interface);
        if let (Some(id), Some(instances)) = (instance, state) {
            // An instance that has an interface is there: in a shared VPC it is another account's.
            let Some(instance) = instances?.first() else {
                return Err(Gap::Unknown(format!(
                    "instance {id}, which has {}, cannot be seen",
                    interface.network_interface_id
                )));
            };
            let state = instance.state.name.as_str();
            if !matches!(state, "running" | "pending") {
                return Ok(Way::Missing(format!("instance {id} is {state}")));
            }
        }
        let (hops, block) = (Result::as_ref(&hops).map_err(Gap::clone)?, block?);
        let mut best: Result<Option<Way>, Gap> = Ok(None);
        for (family, address) in addresses {
            let way = self.way_over(family, &address, interface, hops, block);
            best = match (best, way) {
                // A way that is open tells, whatever is not known of the other IP version.
                (Ok(Some(open @ Way::Open(_))), _) | (_, Ok(open @ Way::Open(_))) => Ok(Some(open)),
                (Err(gap), _) | (_, Err(gap)) => Err(gap),
                (Ok(Some(blocked @ Way::Blocked(_))), Ok(Way::Missing(_))) => Ok(Some(blocked)),
                (Ok(_), Ok(way)) => Ok(Some(way)),
            };
        }
        best?.ok_or(Gap::Open)
    }

    /// How the internet reaches `interface` over one IP version.
    fn way_over(
        &self,
        family: Family,
        address: &str,
        interface: &NetworkInterface,
        hops: &Hops<'_>,
        block: &BlockPublicAccess,
    ) -> Result<Way, Gap> {
        let (id, vpc) = (&interface.network_interface_id, &interface.vpc_id);
        let instance = instance_of(interface);
        let unknown = |why: String| Err(Gap::Unknown(why));
        Ok(match hops.obstacle(family, self.through.opened.map(|opened| &opened.traffic)) {
            Ok(traffic) => match blocks(block, interface) {
                Some(what) if hops.is_shared => {
                    return unknown(format!("{what} in this account, and {vpc} is another account's"));
                }
                Some(what) => Way::Blocked(what),
                None => Way::Open(hops.path(interface, address, family, &traffic, instance)),
            },
            Err(Hop::Route) => match &hops.middlebox {
                Some(target) => {
                    return unknown(format!("what comes from the internet goes through {target}, which decides"));
                }
                None => Way::Missing(format!(
                    "{} has no {} route to an internet gateway",
                    hops.table.route_table_id,
                    family.as_str()
                )),
            },
            Err(Hop::Gateway) if hops.is_shared => {
                return unknown(format!("{vpc} is another account's, whose internet gateway cannot be seen"));
            }
            Err(Hop::Gateway) => {
                Way::Missing(format!("internet gateway {} is not attached to {vpc}", hops.gateways.join(", ")))
            }
            Err(Hop::Inbound) => Way::Blocked(format!("network ACL {} keeps it out", hops.acl)),
            Err(Hop::Answers) => Way::Blocked(format!("network ACL {} keeps the answers in", hops.acl)),
            Err(Hop::Groups) => Way::Blocked(match hops.groups.as_slice() {
                [] => format!("{id} has no security group that lets it in"),
                [group] => format!("{group} lets in neither the world nor a large part of it"),
                groups => format!("{} let in neither the world nor a large part of it", groups.join(", ")),
            }),
        })
    }
}

/// The public addresses of an interface, one a family.
pub(super) fn public_addresses(interface: &NetworkInterface) -> Vec<(Family, String)> {
    let further = interface.private_ip_addresses.iter().filter_map(|one| one.association.as_ref());
    let v4 = interface.association.iter().chain(further).map(|one| &one.public_ip).find(|ip| !ip.is_empty());
    let is_global = |text: &&String| parse_network(text).is_some_and(|network| is_global(&network));
    let v6 = interface.ipv6_addresses.iter().map(|one| &one.ipv6_address).find(is_global);
    let prefix = interface.ipv6_prefixes.iter().map(|one| &one.ipv6_prefix);
    let prefix = prefix.into_iter().find(is_global);
    let v6 = v6.or(prefix);
    let of = |family, address: Option<&String>| address.map(|address| (family, address.clone()));
    [of(Family::V4, v4), of(Family::V6, v6)].into_iter().flatten().collect()
}

/// The instance that an interface is attached to.
fn instance_of(interface: &NetworkInterface) -> Option<&String> {
    interface.attachment.as_ref()?.instance_id.as_ref().filter(|id| !id.is_empty())
}

/// What is on the way to `interface`; with `only`, of its security groups just that one counts.
fn hops<'k>(inquiry: &Inquiry<'k>, interface: &NetworkInterface, only: Option<&str>) -> Result<Hops<'k>, Gap> {
    let (vpc, subnet) = (&interface.vpc_id, &interface.subnet_id);
    // All of it is asked for before the first answer is needed.
    let tables = inquiry.route_tables(Topic::RouteTablesOfVpc, vpc);
    let attached = inquiry.gateways(Topic::GatewaysOfVpc, vpc);
    let acls = inquiry.acls(Topic::AclsOfVpc, vpc);
    let all = interface.groups.iter().map(|group| group.group_id.as_str());
    let groups: Vec<&str> = all.filter(|id| only.is_none_or(|only| only == *id)).collect();
    let rules: Vec<_> = groups.iter().map(|id| rules_of(inquiry, id)).collect();
    let let_in: Vec<_> = rules.into_iter().map(|rules| ingress(inquiry, rules?)).collect();
    let owner = inquiry.vpcs(Topic::Vpc, vpc);
    let tables = tables?;
    // A subnet always has one.
    let table =
        table_of(tables, subnet).ok_or_else(|| Gap::Unknown(format!("the route table of {subnet} cannot be seen")))?;
    let routes = routes(inquiry, table);
    let (routes, attached, acl) = (routes?, attached?, acl_of(acls?, subnet));
    // Who may not read VPCs is told nothing wrong: then the VPC counts as one's own.
    let owner = match owner {
        Ok(vpcs) => vpcs.first().map_or("", |vpc| vpc.owner_id.as_str()),
        Err(Gap::Unknown(_)) => "",
        Err(Gap::Open) => return Err(Gap::Open),
    };
    let is_shared = !owner.is_empty() && owner != inquiry.account();
    let let_in: Vec<Entry> = let_in.into_iter().collect::<Result<Vec<_>, Gap>>()?.concat();
    let is_attached =
        |id: &str| attached.iter().any(|gateway| gateway.internet_gateway_id == id && leads_to(gateway, vpc));
    let mut layers =
        vec![(Hop::Route, to_gateways(&routes, |_| true)), (Hop::Gateway, to_gateways(&routes, is_attached))];
    if let Some(acl) = acl {
        layers.extend([(Hop::Inbound, inbound(acl)), (Hop::Answers, answers(acl))]);
    }
    // Some network load balancers have no security groups, and let everything in.
    if !interface.groups.is_empty() {
        layers.push((Hop::Groups, Layer::any_of(let_in)));
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

/// Where a table sends the internet, when a table of the VPC sends what comes in from the internet there first: a firewall.
fn middlebox(tables: &[RouteTable], table: &RouteTable) -> Option<String> {
    let is_at_gateway = |table: &RouteTable| {
        table.associations.iter().any(|one| one.gateway_id.as_deref().is_some_and(|id| id.starts_with("igw-")))
    };
    if !tables.iter().any(is_at_gateway) {
        return None;
    }
    table.routes.iter().filter(|route| route.state == "active").find_map(|route| {
        let endpoint = route.gateway_id.as_ref().filter(|id| id.starts_with("vpce-"));
        endpoint.or(route.network_interface_id.as_ref()).cloned()
    })
}

/// The rules of a group that an interface has. Such a group exists, so that one without rules has to be seen.
fn rules_of<'k>(inquiry: &Inquiry<'k>, id: &str) -> Result<&'k [SecurityGroupRule], Gap> {
    let rules = inquiry.group_rules(Topic::GroupRules, id)?;
    if rules.is_empty() && inquiry.groups(Topic::Group, id)?.is_empty() {
        return Err(Gap::Unknown(format!("the security group {id} cannot be seen")));
    }
    Ok(rules)
}

/// Whether an internet gateway is attached to `vpc`.
pub(super) fn leads_to(gateway: &InternetGateway, vpc: &str) -> bool {
    let works = |state: &str| matches!(state, "available" | "attached");
    gateway.attachments.iter().any(|attachment| attachment.vpc_id == vpc && works(&attachment.state))
}

impl Hops<'_> {
    /// What of `traffic` gets through from the world or a large part of it, or the first hop that leaves nothing of it.
    fn obstacle(&self, family: Family, traffic: Option<&Traffic>) -> Result<Traffic, Hop> {
        let mut known = self.obstacles.borrow_mut();
        known.entry(family).or_insert_with(|| self.find_obstacle(family, traffic)).clone()
    }

    fn find_obstacle(&self, family: Family, traffic: Option<&Traffic>) -> Result<Traffic, Hop> {
        let layers: Vec<&Layer> = self.layers.iter().map(|(_, layer)| layer).collect();
        let open = open_through(family, &layers, traffic);
        if !open.is_nothing() {
            return Ok(open);
        }
        let first = (1..=layers.len()).find(|count| {
            let layers = layers.get(..*count).unwrap_or_default();
            open_through(family, layers, traffic).is_nothing()
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

/// What gets in from how much of the internet.
#[derive(Debug, Clone, Default)]
pub(super) struct Reached {
    /// From all of it.
    pub(super) world: Traffic,
    /// From a large part of it.
    pub(super) wide: Traffic,
}

impl Reached {
    /// All of it.
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

/// What of `traffic` all layers let in from the world or a large part of it.
pub(super) fn open_through(family: Family, layers: &[&Layer], traffic: Option<&Traffic>) -> Traffic {
    reached_through(family, layers, traffic).traffic()
}

/// What of `traffic` all layers let in from how much of the internet: the same measure as for what a record opens.
fn reached_through(family: Family, layers: &[&Layer], traffic: Option<&Traffic>) -> Reached {
    let opening = Opening::of(&passing(family, layers));
    let wanted = |open: Traffic| traffic.map_or_else(|| open.clone(), |traffic| &open & traffic);
    Reached { world: wanted(opening.world), wide: wanted(opening.wide) }
}

/// Why VPC block public access keeps the interface off the internet, if it does.
fn blocks(block: &BlockPublicAccess, interface: &NetworkInterface) -> Option<String> {
    let mode = block.internet_gateway_block_mode.as_str();
    if !matches!(mode, "block-bidirectional" | "block-ingress") {
        return None;
    }
    // An exclusion that is on its way counts: it must not hide what is open.
    let excluded = block.exclusions.iter().any(|exclusion| {
        let of = |id: &str| !id.is_empty() && exclusion.resource_arn.ends_with(&format!("/{id}"));
        (of(&interface.vpc_id) || of(&interface.subnet_id))
            && exclusion.internet_gateway_exclusion_mode == "allow-bidirectional"
            && !matches!(exclusion.state.as_str(), "create-failed" | "delete-complete" | "disable-complete")
    });
    (!excluded).then(|| format!("VPC block public access ({mode}) keeps the internet out"))
}
