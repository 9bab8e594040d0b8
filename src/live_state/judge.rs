//! What live state says of each kind of claim.

use super::describe::{NetworkAcl, NetworkInterface, RouteTable};
use super::knowledge::{Gap, Inquiry};
use super::layers::{inbound, ingress, is_main, routes, table_of, to_gateways};
use super::question::{Place, Topic};
use super::reachability::{Opened, Survey, Through, Way, leads_to, open_through, public_addresses};
use super::ways::Ways;
use crate::access::{Verdict, assess};
use crate::finding::{Outcome, Path};
use crate::network::{Family, Layer, Traffic};
use crate::policy::Policy;

/// The outcome, the reason as the rest of a sentence, and the ways in.
pub(super) type Judged = (Outcome, String, Vec<Path>);

pub(super) fn group(inquiry: &Inquiry<'_>, id: &str, claimed: &Opened) -> Result<Judged, Gap> {
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

pub(super) fn acl(inquiry: &Inquiry<'_>, id: &str, claimed: &Opened) -> Result<Judged, Gap> {
    let acls = inquiry.acls(Topic::Acl, id)?;
    let Some(acl) = acls.first() else {
        return Ok((Outcome::Remediated, format!("{id} is gone"), Vec::new()));
    };
    let layer = inbound(acl);
    if !claimed.through(&[&layer]) {
        // An entry that another one overrules is still there.
        let allowing = acl.entries.iter().filter(|entry| entry.rule_action.eq_ignore_ascii_case("allow"));
        let alone = NetworkAcl { entries: allowing.cloned().collect(), ..acl.clone() };
        return Ok(match claimed.through(&[&inbound(&alone)]) {
            true => (Outcome::Mitigated, format!("an entry of {id} with a lower number denies it"), Vec::new()),
            false => (Outcome::Remediated, format!("{id} does not let it in any more"), Vec::new()),
        });
    }
    let subnets = acl.associations.iter().map(|association| association.subnet_id.as_str());
    let through = Through { group: None, opened: Some(claimed) };
    Ok(in_subnets(inquiry, subnets, through)?.judged(&format!("no network interface is in a subnet of {id}")))
}

pub(super) fn route_table(inquiry: &Inquiry<'_>, id: &str) -> Result<Judged, Gap> {
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
pub(super) fn leads_to_the_internet(inquiry: &Inquiry<'_>, table: &RouteTable) -> Result<bool, Gap> {
    let routes = routes(inquiry, table)?;
    let layer = to_gateways(&routes, |_| true);
    Ok([Family::V4, Family::V6].into_iter().any(|family| !open_through(family, &[&layer], None).is_nothing()))
}

pub(super) fn vpc(inquiry: &Inquiry<'_>, id: &str) -> Result<Judged, Gap> {
    let gateways = inquiry.gateways(Topic::GatewaysOfVpc, id);
    let interfaces = inquiry.interfaces(Topic::InterfacesOfVpc, id);
    let ways = interfaces.and_then(|interfaces| Ways::to(inquiry, interfaces, Through { group: None, opened: None }));
    if !gateways?.iter().any(|gateway| leads_to(gateway, id)) {
        return Ok((Outcome::Remediated, format!("{id} has no internet gateway any more"), Vec::new()));
    }
    Ok(ways?.judged(&format!("no network interface is in {id}")))
}

pub(super) fn subnet(inquiry: &Inquiry<'_>, id: &str, family: Family) -> Result<Judged, Gap> {
    let Some(subnet) = inquiry.subnets(Topic::Subnet, id)?.first() else {
        return Ok((Outcome::Remediated, format!("{id} is gone"), Vec::new()));
    };
    let hands_out = match family {
        Family::V4 => subnet.map_public_ip_on_launch,
        Family::V6 => subnet.assign_ipv6_address_on_creation,
    };
    if !hands_out {
        let reason = format!("{id} hands out no public {} addresses any more", family.as_str());
        return Ok((Outcome::Remediated, reason, Vec::new()));
    }
    // Something that would be made in it now.
    let interface = NetworkInterface {
        network_interface_id: "whatever is made there".to_owned(),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: id.to_owned(),
        ..NetworkInterface::default()
    };
    let survey = Survey::new(inquiry, Through { group: None, opened: None });
    Ok(match survey.way_in(&interface, vec![(family, String::new())])? {
        Way::Open(_) => {
            let reason = format!("{id} hands out public {} addresses, and the internet gets there", family.as_str());
            (Outcome::Confirmed, reason, Vec::new())
        }
        Way::Blocked(what) => (Outcome::Mitigated, what, Vec::new()),
        Way::Missing(what) | Way::Private(what) => (Outcome::Latent, what, Vec::new()),
    })
}

/// The interfaces of all of these.
fn all_of<'k>(inquiry: &Inquiry<'k>, topic: Topic, ids: &[String]) -> Result<Vec<&'k NetworkInterface>, Gap> {
    let found: Vec<_> = ids.iter().map(|id| inquiry.interfaces(topic, id)).collect();
    Ok(found.into_iter().collect::<Result<Vec<_>, Gap>>()?.into_iter().flatten().collect())
}

pub(super) fn interfaces(
    inquiry: &Inquiry<'_>,
    topic: Topic,
    ids: &[String],
    families: &[Family],
) -> Result<Judged, Gap> {
    let found = all_of(inquiry, topic, ids)?;
    let names = ids.join(", ");
    if found.is_empty() && topic == Topic::InterfacesOfLoadBalancer {
        return Err(Gap::Unknown(format!("{names} has no network interface: it is being made, or gone")));
    }
    if found.is_empty() {
        return Ok((Outcome::Remediated, format!("{names} has no network interface any more"), Vec::new()));
    }
    if found.iter().all(|interface| public_addresses(interface).is_empty()) {
        return without_address(inquiry, &found, &names);
    }
    let opened = Opened { traffic: Traffic::all(), families: families.to_vec() };
    Ok(Ways::to(inquiry, found, Through { group: None, opened: Some(&opened) })?.judged("nothing is there"))
}

/// What has no public address now: one that does not run may get one again when it starts.
fn without_address(inquiry: &Inquiry<'_>, found: &[&NetworkInterface], names: &str) -> Result<Judged, Gap> {
    let instances = found.iter().filter_map(|one| one.attachment.as_ref()?.instance_id.as_ref());
    let instances: Vec<_> = instances.map(|id| (id, inquiry.instances(Topic::Instance, id))).collect();
    for (id, instances) in instances {
        if instances?.first().is_some_and(|instance| instance.state.name.starts_with("stop")) {
            return Ok((
                Outcome::Latent,
                format!("{id} does not run, and may get an address when it starts"),
                Vec::new(),
            ));
        }
    }
    Ok((Outcome::Remediated, format!("{names} has no public address any more"), Vec::new()))
}

/// Whether the internet gets through groups that something was put behind.
pub(super) fn behind(inquiry: &Inquiry<'_>, topic: Topic, ids: &[String], groups: &[String]) -> Result<Judged, Gap> {
    let mut found = all_of(inquiry, topic, ids)?;
    found.retain(|interface| interface.groups.iter().any(|group| groups.contains(&group.group_id)));
    if found.is_empty() {
        let reason = format!("{} is not behind {} any more", ids.join(", "), groups.join(", "));
        return Ok((Outcome::Remediated, reason, Vec::new()));
    }
    Ok(Ways::to(inquiry, found, Through { group: None, opened: None })?.judged("nothing is there"))
}

/// Whether an Elastic IP address, by its id or itself, still leads there.
pub(super) fn address(
    inquiry: &Inquiry<'_>,
    topic: Topic,
    ids: &[String],
    address: Option<&str>,
) -> Result<Judged, Gap> {
    let found = all_of(inquiry, topic, ids)?;
    let leads = |interface: &&NetworkInterface| {
        let further = interface.private_ip_addresses.iter().filter_map(|one| one.association.as_ref());
        let mut all = interface.association.iter().chain(further);
        address.is_none_or(|address| {
            all.any(|one| one.public_ip == address || one.allocation_id.as_deref() == Some(address))
        })
    };
    // Not every answer tells ids of allocations.
    let tells = |interface: &&NetworkInterface| {
        address.is_none_or(|address| !address.starts_with("eipalloc-"))
            || interface.association.as_ref().is_some_and(|one| one.allocation_id.is_some())
    };
    if found.iter().any(tells) && !found.iter().any(leads) {
        let reason = format!("{} does not lead to {} any more", address.unwrap_or("the address"), ids.join(", "));
        return Ok((Outcome::Remediated, reason, Vec::new()));
    }
    interfaces(inquiry, topic, ids, &[Family::V4, Family::V6])
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

pub(super) fn role(inquiry: &Inquiry<'_>, place: &Place, name: &str, claimed: Verdict) -> Result<Judged, Gap> {
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
