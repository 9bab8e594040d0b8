//! Verifies each kind of assertion.

use super::layers::{inbound, ingress, is_main, routes, table_of, to_gateways};
use super::path::{Constraint, OpenedTraffic, PathAnalysis, PathStatus, leads_to, open_through, public_addresses};
use super::path_analysis::{Paths, Verification};
use super::query::{AccountRegion, QueryKind};
use super::resources::instance::Instance;
use super::resources::internet_gateway::InternetGateway;
use super::resources::network_acl::NetworkAcl;
use super::resources::network_interface::NetworkInterface;
use super::resources::role::Role;
use super::resources::route_table::RouteTable;
use super::resources::security_group_rule::SecurityGroupRule;
use super::resources::subnet::Subnet;
use super::store::{Lookup, Missing};
use crate::access::{Verdict, assess};
use crate::finding::Outcome;
use crate::network::{Family, Layer, Traffic};
use crate::policy::Policy;

pub(super) fn group(lookup: &Lookup<'_>, id: &str, asserted: &OpenedTraffic) -> Result<Verification, Missing> {
    let rules = lookup.get(SecurityGroupRule::BY_GROUP, id);
    let interfaces = lookup.get(NetworkInterface::BY_GROUP, id);
    let entries = ingress(lookup, rules?);
    let constraint = Constraint { group: Some(id), opened: Some(asserted) };
    let paths = interfaces.and_then(|interfaces| Paths::to(lookup, interfaces, constraint));
    let layer = Layer::any_of(entries?);
    if !asserted.passes(&[&layer]) {
        return Ok((Outcome::Remediated, format!("{id} no longer allows it"), Vec::new()));
    }
    Ok(paths?.verified(&format!("no network interface uses {id}")))
}

pub(super) fn acl(lookup: &Lookup<'_>, id: &str, asserted: &OpenedTraffic) -> Result<Verification, Missing> {
    let acls = lookup.get(NetworkAcl::BY_ID, id)?;
    let Some(acl) = acls.first() else {
        return Ok((Outcome::Remediated, format!("{id} no longer exists"), Vec::new()));
    };
    let layer = inbound(acl);
    if !asserted.passes(&[&layer]) {
        // The entry still exists if only another entry overrides it.
        let allowing = acl.entries.iter().filter(|entry| entry.rule_action.eq_ignore_ascii_case("allow"));
        let alone = NetworkAcl { entries: allowing.cloned().collect(), ..acl.clone() };
        return Ok(if asserted.passes(&[&inbound(&alone)]) {
            (Outcome::Mitigated, format!("an entry of {id} with a lower number denies it"), Vec::new())
        } else {
            (Outcome::Remediated, format!("{id} no longer allows it"), Vec::new())
        });
    }
    let subnets = acl.associations.iter().map(|association| association.subnet_id.as_str());
    let constraint = Constraint { group: None, opened: Some(asserted) };
    Ok(in_subnets(lookup, subnets, constraint)?.verified(&format!("no network interface is in a subnet of {id}")))
}

pub(super) fn route_table(lookup: &Lookup<'_>, id: &str) -> Result<Verification, Missing> {
    let Some(table) = lookup.get(RouteTable::BY_ID, id)?.first() else {
        return Ok((Outcome::Remediated, format!("{id} no longer exists"), Vec::new()));
    };
    if !leads_to_the_internet(lookup, table)? {
        return Ok((Outcome::Remediated, format!("{id} no longer has a route to an internet gateway"), Vec::new()));
    }
    let constraint = Constraint { group: None, opened: None };
    let none = format!("no network interface is in a subnet of {id}");
    if !is_main(table) {
        let subnets = table.associations.iter().filter_map(|association| association.subnet_id.as_deref());
        return Ok(in_subnets(lookup, subnets, constraint)?.verified(&none));
    }
    let tables = lookup.get(RouteTable::BY_VPC, &table.vpc_id);
    let interfaces = lookup.get(NetworkInterface::BY_VPC, &table.vpc_id);
    let (tables, interfaces) = (tables?, interfaces?);
    let uses_table = |interface: &&NetworkInterface| {
        table_of(tables, &interface.subnet_id).is_some_and(|table| table.route_table_id == id)
    };
    Ok(Paths::to(lookup, interfaces.iter().filter(uses_table), constraint)?.verified(&none))
}

/// Whether a table routes the internet or a large part of it to an internet gateway.
pub(super) fn leads_to_the_internet(lookup: &Lookup<'_>, table: &RouteTable) -> Result<bool, Missing> {
    let routes = routes(lookup, table)?;
    let layer = to_gateways(&routes, |_| true);
    Ok([Family::V4, Family::V6].into_iter().any(|family| !open_through(family, &[&layer], None).is_empty()))
}

pub(super) fn vpc(lookup: &Lookup<'_>, id: &str) -> Result<Verification, Missing> {
    let gateways = lookup.get(InternetGateway::BY_VPC, id);
    let interfaces = lookup.get(NetworkInterface::BY_VPC, id);
    let paths =
        interfaces.and_then(|interfaces| Paths::to(lookup, interfaces, Constraint { group: None, opened: None }));
    if !gateways?.iter().any(|gateway| leads_to(gateway, id)) {
        return Ok((Outcome::Remediated, format!("{id} no longer has an internet gateway"), Vec::new()));
    }
    Ok(paths?.verified(&format!("no network interface is in {id}")))
}

pub(super) fn subnet(lookup: &Lookup<'_>, id: &str, family: Family) -> Result<Verification, Missing> {
    let Some(subnet) = lookup.get(Subnet::BY_ID, id)?.first() else {
        return Ok((Outcome::Remediated, format!("{id} no longer exists"), Vec::new()));
    };
    let assigns_public = match family {
        Family::V4 => subnet.map_public_ip_on_launch,
        Family::V6 => subnet.assign_ipv6_address_on_creation,
    };
    if !assigns_public {
        let reason = format!("{id} no longer assigns public {} addresses", family.as_str());
        return Ok((Outcome::Remediated, reason, Vec::new()));
    }
    // A network interface that is created in the subnet now.
    let interface = NetworkInterface {
        network_interface_id: "a new network interface".to_owned(),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: id.to_owned(),
        ..NetworkInterface::default()
    };
    let analysis = PathAnalysis::new(lookup, Constraint { group: None, opened: None });
    Ok(match analysis.path_via(&interface, vec![(family, String::new())])? {
        PathStatus::Open(_) => {
            let reason = format!("{id} assigns public {} addresses that the internet reaches", family.as_str());
            (Outcome::Confirmed, reason, Vec::new())
        }
        PathStatus::Blocked(reason) => (Outcome::Mitigated, reason, Vec::new()),
        PathStatus::Incomplete(reason) | PathStatus::Private(reason) => (Outcome::Latent, reason, Vec::new()),
    })
}

/// The interfaces that any of the ids selects.
fn all_of<'k>(
    lookup: &Lookup<'k>,
    by: &'static QueryKind<NetworkInterface>,
    ids: &[String],
) -> Result<Vec<&'k NetworkInterface>, Missing> {
    let interfaces: Vec<_> = ids.iter().map(|id| lookup.get(by, id)).collect();
    Ok(interfaces.into_iter().collect::<Result<Vec<_>, Missing>>()?.into_iter().flatten().collect())
}

pub(super) fn interfaces(
    lookup: &Lookup<'_>,
    by: &'static QueryKind<NetworkInterface>,
    ids: &[String],
    families: &[Family],
) -> Result<Verification, Missing> {
    let selected = all_of(lookup, by, ids)?;
    let names = ids.join(", ");
    if selected.is_empty() && by == NetworkInterface::BY_LOAD_BALANCER {
        return Err(Missing::Unavailable(format!(
            "{names} has no network interface: it is being created or was deleted"
        )));
    }
    if selected.is_empty() {
        return Ok((Outcome::Remediated, format!("{names} no longer has a network interface"), Vec::new()));
    }
    if selected.iter().all(|interface| public_addresses(interface).is_empty()) {
        return without_address(lookup, &selected, &names);
    }
    let opened = OpenedTraffic { traffic: Traffic::all(), families: families.to_vec() };
    Ok(Paths::to(lookup, selected, Constraint { group: None, opened: Some(&opened) })?
        .verified("there are no network interfaces"))
}

/// The outcome for interfaces without a public address. A stopped instance may get one when it starts.
fn without_address(lookup: &Lookup<'_>, selected: &[&NetworkInterface], names: &str) -> Result<Verification, Missing> {
    let instances = selected.iter().filter_map(|one| one.attachment.as_ref()?.instance_id.as_ref());
    let instances: Vec<_> = instances.map(|id| (id, lookup.get(Instance::BY_ID, id))).collect();
    for (id, instances) in instances {
        if instances?.first().is_some_and(|instance| instance.state.name.starts_with("stop")) {
            return Ok((Outcome::Latent, format!("{id} is stopped and may get an address when it starts"), Vec::new()));
        }
    }
    Ok((Outcome::Remediated, format!("{names} no longer has a public address"), Vec::new()))
}

/// Verifies that the internet passes the security groups that a call assigned to interfaces.
pub(super) fn with_groups(
    lookup: &Lookup<'_>,
    by: &'static QueryKind<NetworkInterface>,
    ids: &[String],
    groups: &[String],
) -> Result<Verification, Missing> {
    let mut selected = all_of(lookup, by, ids)?;
    selected.retain(|interface| interface.groups.iter().any(|group| groups.contains(&group.group_id)));
    if selected.is_empty() {
        let reason = format!("{} no longer has the security groups {}", ids.join(", "), groups.join(", "));
        return Ok((Outcome::Remediated, reason, Vec::new()));
    }
    Ok(Paths::to(lookup, selected, Constraint { group: None, opened: None })?
        .verified("there are no network interfaces"))
}

/// Verifies that an Elastic IP address, identified by its id or address, is still associated.
pub(super) fn address(
    lookup: &Lookup<'_>,
    by: &'static QueryKind<NetworkInterface>,
    ids: &[String],
    address: Option<&str>,
) -> Result<Verification, Missing> {
    let selected = all_of(lookup, by, ids)?;
    let has_address = |interface: &&NetworkInterface| {
        let secondary = interface.private_ip_addresses.iter().filter_map(|address| address.association.as_ref());
        let mut associations = interface.association.iter().chain(secondary);
        address.is_none_or(|address| {
            associations.any(|association| {
                association.public_ip == address || association.allocation_id.as_deref() == Some(address)
            })
        })
    };
    // Not every response contains allocation ids.
    let is_comparable = |interface: &&NetworkInterface| {
        address.is_none_or(|address| !address.starts_with("eipalloc-"))
            || interface.association.as_ref().is_some_and(|association| association.allocation_id.is_some())
    };
    if selected.iter().any(is_comparable) && !selected.iter().any(has_address) {
        let reason = format!("{} is no longer associated with {}", address.unwrap_or("the address"), ids.join(", "));
        return Ok((Outcome::Remediated, reason, Vec::new()));
    }
    interfaces(lookup, by, ids, &[Family::V4, Family::V6])
}

fn in_subnets<'s>(
    lookup: &Lookup<'_>,
    subnets: impl Iterator<Item = &'s str>,
    constraint: Constraint<'_>,
) -> Result<Paths, Missing> {
    let selected: Vec<_> = subnets.map(|subnet| lookup.get(NetworkInterface::BY_SUBNET, subnet)).collect();
    let selected = selected.into_iter().collect::<Result<Vec<_>, Missing>>()?;
    Paths::to(lookup, selected.into_iter().flatten(), constraint)
}

pub(super) fn role(
    lookup: &Lookup<'_>,
    scope: &AccountRegion,
    name: &str,
    asserted: Verdict,
) -> Result<Verification, Missing> {
    let Some(role) = lookup.get(Role::BY_NAME, name)?.first() else {
        return Ok((Outcome::Remediated, format!("the role {name} no longer exists"), Vec::new()));
    };
    let now = Policy::parse(&role.assume_role_policy_document)
        .map_or(Verdict::Undecidable, |policy| assess(&policy, Some(&scope.account)).verdict);
    let reason = format!("the trust policy of {name} is {} now", now.as_str());
    match now {
        Verdict::Undecidable => Err(Missing::Unavailable(reason)),
        now if now < asserted => Ok((Outcome::Remediated, reason, Vec::new())),
        _ => Ok((Outcome::Confirmed, reason, Vec::new())),
    }
}
