//! Security groups, network ACLs and routes as layers that filter traffic from the internet.

use ipnet::IpNet;

use super::resources::network_acl::{NetworkAcl, NetworkAclEntry};
use super::resources::prefix_list::PrefixListEntry;
use super::resources::route_table::{Route, RouteTable};
use super::resources::security_group_rule::SecurityGroupRule;
use super::store::{Lookup, Missing};
use crate::network::{Entry, Layer, LayerRule, Protocol, Traffic, parse_network};

/// The traffic that the rules allow. Rules that reference security groups allow nothing from the internet.
pub(super) fn ingress(lookup: &Lookup<'_>, rules: &[SecurityGroupRule]) -> Result<Vec<Entry>, Missing> {
    let mut entries = Vec::new();
    let lists = rules.iter().filter(|rule| !rule.is_egress).map(|rule| (rule, networks_of(lookup, rule)));
    // All prefix lists are queried before the first response is required.
    for (rule, networks) in lists.collect::<Vec<_>>() {
        let port = |port: Option<i32>| i64::from(port.unwrap_or(-1));
        // An unknown protocol counts as all protocols, so that it does not hide an opening.
        let traffic = Traffic::permitted(&rule.ip_protocol, port(rule.from_port), port(rule.to_port));
        let traffic = traffic.unwrap_or_else(Traffic::all);
        entries.extend(networks?.into_iter().map(|network| Entry { network, traffic: traffic.clone() }));
    }
    Ok(entries)
}

fn networks_of(lookup: &Lookup<'_>, rule: &SecurityGroupRule) -> Result<Vec<IpNet>, Missing> {
    let own = [&rule.cidr_ipv4, &rule.cidr_ipv6].into_iter().flatten().filter_map(|text| parse_network(text));
    let mut networks: Vec<IpNet> = own.collect();
    if let Some(list) = &rule.prefix_list_id {
        networks.extend(prefix_list(lookup, list)?);
    }
    Ok(networks)
}

/// The networks in a prefix list.
pub(super) fn prefix_list(lookup: &Lookup<'_>, id: &str) -> Result<Vec<IpNet>, Missing> {
    let entries = lookup.get(PrefixListEntry::BY_LIST, id)?;
    Ok(entries.iter().filter_map(|entry| parse_network(&entry.cidr)).collect())
}

/// The route table of a subnet: its own, or else the main one of the VPC.
pub(super) fn table_of<'t>(tables: &'t [RouteTable], subnet: &str) -> Option<&'t RouteTable> {
    let own = |table: &&RouteTable| {
        table.associations.iter().any(|association| association.subnet_id.as_deref() == Some(subnet))
    };
    tables.iter().find(own).or_else(|| tables.iter().find(|table| is_main(table)))
}

pub(super) fn is_main(table: &RouteTable) -> bool {
    table.associations.iter().any(|association| association.main)
}

/// A route with its target.
pub(super) struct Routed<'t> {
    pub(super) network: IpNet,
    /// The internet gateway, if that is the target and the route is active.
    pub(super) gateway: Option<&'t str>,
    priority: Priority,
}

/// The order in which routes for the same network apply (VPC user guide, "Route priority"). A blackhole route counts: it drops
/// the traffic that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Priority {
    /// A static or local route for a network.
    Static,
    /// A route for an entry of a prefix list.
    PrefixList,
    /// A route that a gateway or a route server propagated.
    Propagated,
}

impl Priority {
    fn of(route: &Route) -> Self {
        match route.origin.as_str() {
            "EnableVgwRoutePropagation" | "Advertisement" => Self::Propagated,
            _ if route.destination_prefix_list_id.is_some() => Self::PrefixList,
            _ => Self::Static,
        }
    }
}

/// The routes of a table. Routes for the same network are in the order of their priority.
pub(super) fn routes<'t>(lookup: &Lookup<'_>, table: &'t RouteTable) -> Result<Vec<Routed<'t>>, Missing> {
    let lists = table.routes.iter().map(|route| (route, destinations(lookup, route))).collect::<Vec<_>>();
    let mut routes = Vec::new();
    for (route, networks) in lists {
        let gateway = route.gateway_id.as_deref().filter(|id| id.starts_with("igw-") && route.state == "active");
        let networks = match networks {
            // A route to another target can only reduce the reach. Its list may be unavailable, such as that of an S3 endpoint.
            Err(Missing::Unavailable(_)) if gateway.is_none() => continue,
            networks => networks?,
        };
        let priority = Priority::of(route);
        routes.extend(networks.into_iter().map(|network| Routed { network, gateway, priority }));
    }
    // EC2 may use either of two prefix lists with the same network. A route to the internet takes precedence here.
    routes.sort_by_key(|route| (route.priority, route.gateway.is_none()));
    Ok(routes)
}

fn destinations(lookup: &Lookup<'_>, route: &Route) -> Result<Vec<IpNet>, Missing> {
    let own = [&route.destination_cidr_block, &route.destination_ipv6_cidr_block];
    let mut networks: Vec<IpNet> = own.into_iter().flatten().filter_map(|text| parse_network(text)).collect();
    if let Some(list) = &route.destination_prefix_list_id {
        networks.extend(prefix_list(lookup, list)?);
    }
    Ok(networks)
}

/// The layer of routes to the internet gateways for which `counts` is true.
pub(super) fn to_gateways(routes: &[Routed<'_>], counts: impl Fn(&str) -> bool) -> Layer {
    let rules = routes.iter().map(|route| LayerRule {
        network: route.network,
        traffic: Traffic::all(),
        allow: route.gateway.is_some_and(&counts),
    });
    Layer::longest_prefix(rules.collect())
}

/// The network ACL of a subnet: its own, or else the default one of the VPC.
pub(super) fn acl_of<'a>(acls: &'a [NetworkAcl], subnet: &str) -> Option<&'a NetworkAcl> {
    let own = |acl: &&NetworkAcl| acl.associations.iter().any(|association| association.subnet_id == subnet);
    acls.iter().find(own).or_else(|| acls.iter().find(|acl| acl.is_default))
}

/// The layer of an ACL's inbound entries.
pub(super) fn inbound(acl: &NetworkAcl) -> Layer {
    Layer::first_match(acl_rules(acl, false))
}

/// The layer of an ACL's outbound entries, for return traffic.
pub(super) fn return_traffic(acl: &NetworkAcl) -> Layer {
    Layer::for_return_traffic(acl_rules(acl, true))
}

fn acl_rules(acl: &NetworkAcl, egress: bool) -> Vec<LayerRule> {
    let mut entries: Vec<&NetworkAclEntry> = acl.entries.iter().filter(|entry| entry.egress == egress).collect();
    entries.sort_by_key(|entry| entry.rule_number);
    entries.into_iter().filter_map(acl_rule).collect()
}

/// Returns `None` for a deny entry without known effect, such as ICMP without a type.
fn acl_rule(entry: &NetworkAclEntry) -> Option<LayerRule> {
    let allow = entry.rule_action.eq_ignore_ascii_case("allow");
    let network = entry.cidr_block.as_ref().or(entry.ipv6_cidr_block.as_ref()).and_then(|text| parse_network(text))?;
    let numbers = match Protocol::parse(&entry.protocol).filter(|protocol| protocol.is_icmp()) {
        Some(_) => match &entry.icmp_type_code {
            Some(icmp) => (icmp.kind, icmp.code),
            None if allow => (None, None),
            None => return None,
        },
        None => entry.port_range.as_ref().map_or((None, None), |range| (range.from, range.to)),
    };
    let number = |number: Option<i32>| i64::from(number.unwrap_or(-1));
    let traffic = Traffic::permitted(&entry.protocol, number(numbers.0), number(numbers.1));
    match (traffic, allow) {
        (Some(traffic), _) => Some(LayerRule { network, traffic, allow }),
        // Unknown traffic must not hide an opening.
        (None, true) => Some(LayerRule { network, traffic: Traffic::all(), allow }),
        (None, false) => None,
    }
}
