//! Calls that may expose something through an existing opening: they start an instance, attach or create an interface,
//! assign an address, or set the security groups of a load balancer.

use std::net::Ipv6Addr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::path::{Constraint, OpenedTraffic, PathAnalysis, PathStatus, Reached};
use super::query::QueryKind;
use super::resources::network_interface::NetworkInterface;
use super::store::{Lookup, Missing};
use crate::event::{Event, scalar_text};
use crate::facts;
use crate::network::{Family, Traffic, TrafficKind, parse_network, services_in};

/// The calls, by `eventSource`.
pub(super) const COMPLETING: [(&str, &[&str]); 2] = [
    (
        "ec2.amazonaws.com",
        &[
            "StartInstances",
            "AttachNetworkInterface",
            "CreateNetworkInterface",
            "AssignIpv6Addresses",
            "AssociateSubnetCidrBlock",
        ],
    ),
    ("elasticloadbalancing.amazonaws.com", &["SetSecurityGroups", "ApplySecurityGroupsToLoadBalancer"]),
];

/// The interfaces that such a call may have exposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExposedInterfaces {
    /// The kind of `ids`.
    pub(super) by: &'static QueryKind<NetworkInterface>,
    pub(super) ids: Vec<String>,
    /// The IP versions that the call affects.
    pub(super) families: Vec<Family>,
    /// The only network whose addresses count, if the call names one.
    network: Option<IpNet>,
}

impl ExposedInterfaces {
    /// The interfaces of a call. `None` for other calls and for calls without ids.
    pub(super) fn of(event: &Event<'_>) -> Option<Self> {
        let is_listed = |(source, name): (&str, &str)| {
            COMPLETING.iter().any(|(known, names)| *known == source && names.contains(&name))
        };
        if !event.source().zip(event.name()).is_some_and(is_listed) {
            return None;
        }
        let request = |path| selected(facts::ec2_request(event), path);
        let response = |path| selected(facts::ec2_response(event), path);
        let both = || vec![Family::V4, Family::V6];
        let (by, ids, families) = match event.name()? {
            "StartInstances" => (NetworkInterface::BY_INSTANCE, started(event), both()),
            "AttachNetworkInterface" => (NetworkInterface::BY_ID, request("networkInterfaceId"), both()),
            "CreateNetworkInterface" => {
                (NetworkInterface::BY_ID, response("networkInterface.networkInterfaceId"), both())
            }
            "AssignIpv6Addresses" => (NetworkInterface::BY_ID, request("networkInterfaceId"), vec![Family::V6]),
            "AssociateSubnetCidrBlock" => (NetworkInterface::BY_SUBNET, request("subnetId"), vec![Family::V6]),
            "SetSecurityGroups" => (NetworkInterface::BY_LOAD_BALANCER, request("loadBalancerArn"), both()),
            _ => (NetworkInterface::BY_LOAD_BALANCER, request("loadBalancerName"), both()),
        };
        let associated = [response("ipv6CidrBlockAssociation.ipv6CidrBlock"), request("ipv6CidrBlock")].concat();
        let network = associated.first().and_then(|text| parse_network(text));
        (!ids.is_empty()).then_some(Self { by, ids, families, network })
    }

    /// The interfaces that the internet reaches: the value of `reached` in `liveState`. `None` if it reaches none.
    ///
    /// # Errors
    /// [`Missing`] if a query is pending, or if none is reached and a query failed.
    pub(super) fn reached(&self, lookup: &Lookup<'_>) -> Result<Option<Value>, Missing> {
        let interfaces: Vec<_> = self.ids.iter().map(|id| lookup.get(self.by, id)).collect();
        let interfaces = interfaces.into_iter().collect::<Result<Vec<_>, Missing>>()?;
        let everything = OpenedTraffic { traffic: Traffic::all(), families: self.families.clone() };
        let analysis = PathAnalysis::new(lookup, Constraint { group: None, opened: Some(&everything) });
        let paths: Vec<_> = interfaces
            .into_iter()
            .flatten()
            .filter(|interface| self.includes(interface))
            .map(|interface| (interface, analysis.path_to(interface)))
            .collect();
        if paths.iter().any(|(_, path)| matches!(path, Err(Missing::Pending))) {
            return Err(Missing::Pending);
        }
        let (mut reached, mut open) = (Reached::default(), Vec::new());
        for (interface, path) in &paths {
            if let Ok(PathStatus::Open(path)) = path {
                reached |= analysis.reached(interface)?;
                open.push((*interface, path));
            }
        }
        if open.is_empty() {
            // An open path decides, even if state of the others is missing.
            return paths.into_iter().find_map(|(_, path)| path.err()).map_or(Ok(None), Err);
        }
        let kind = |traffic: &Traffic| TrafficKind::of(traffic).map(TrafficKind::as_str);
        let traffic = reached.traffic();
        let groups = open.iter().flat_map(|(interface, _)| interface.groups.iter().map(|group| &group.group_id));
        let instances: Vec<_> = open.iter().filter_map(|(_, path)| path.instance.as_ref()).collect();
        Ok(Some(json!({
            "world": kind(&reached.world),
            "wide": kind(&reached.wide),
            "services": services_in(&traffic),
            "traffic": traffic.words(),
            "interfaces": open.iter().map(|(interface, _)| &interface.network_interface_id).collect::<Vec<_>>(),
            "addresses": open.iter().map(|(_, path)| &path.address).collect::<Vec<_>>(),
            "instances": instances,
            "groups": groups.collect::<std::collections::BTreeSet<_>>(),
        })))
    }

    fn includes(&self, interface: &NetworkInterface) -> bool {
        let is_in = |network: &IpNet, text: &str| {
            text.parse::<Ipv6Addr>().is_ok_and(|address| network.contains(&std::net::IpAddr::V6(address)))
        };
        self.network.as_ref().is_none_or(|network| {
            let contains = |text: &str| parse_network(text).is_some_and(|prefix| network.contains(&prefix));
            interface.ipv6_addresses.iter().any(|address| is_in(network, &address.ipv6_address))
                || interface.ipv6_prefixes.iter().any(|prefix| contains(&prefix.ipv6_prefix))
        })
    }
}

fn selected(parameters: Option<facts::Parameters<'_>>, path: &str) -> Vec<String> {
    let values = parameters.map(|parameters| parameters.select(path)).unwrap_or_default();
    values.into_iter().filter_map(scalar_text).map(|text| text.into_owned()).filter(|text| !text.is_empty()).collect()
}

/// The instances that StartInstances started, except those that ran before according to the response.
fn started(event: &Event<'_>) -> Vec<String> {
    let response = |path| selected(facts::ec2_response(event), path);
    let (ids, before) = (response("instancesSet.instanceId"), response("instancesSet.previousState.name"));
    if ids.is_empty() {
        return selected(facts::ec2_request(event), "instancesSet.instanceId");
    }
    if ids.len() != before.len() {
        return ids;
    }
    let started = ids.into_iter().zip(before).filter(|(_, before)| before != "running");
    started.map(|(id, _)| id).collect()
}
