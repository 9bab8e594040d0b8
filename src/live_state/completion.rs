//! Calls after which the internet may get through an opening that was there before: they start an instance, attach or
//! make an interface, give it an address, or give a load balancer security groups.

use std::net::Ipv6Addr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::describe::NetworkInterface;
use super::knowledge::{Gap, Inquiry};
use super::question::Topic;
use super::reachability::{Opened, Reached, Survey, Through, Way};
use crate::event::{Event, scalar_text};
use crate::facts;
use crate::network::{Family, Kind, Traffic, parse_network, services_in};

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

/// The interfaces that such a call may have made reachable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// How `ids` name them.
    pub(super) topic: Topic,
    pub(super) ids: Vec<String>,
    /// The IP versions that the call is about.
    pub(super) families: Vec<Family>,
    /// The only network whose addresses count, when the call is about one.
    network: Option<IpNet>,
}

impl Target {
    /// The target of a call; `None` for other calls, and for those that name nothing.
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
        let (topic, ids, families) = match event.name()? {
            "StartInstances" => (Topic::InterfacesOfInstance, started(event), both()),
            "AttachNetworkInterface" => (Topic::Interface, request("networkInterfaceId"), both()),
            "CreateNetworkInterface" => (Topic::Interface, response("networkInterface.networkInterfaceId"), both()),
            "AssignIpv6Addresses" => (Topic::Interface, request("networkInterfaceId"), vec![Family::V6]),
            "AssociateSubnetCidrBlock" => (Topic::InterfacesOfSubnet, request("subnetId"), vec![Family::V6]),
            "SetSecurityGroups" => (Topic::InterfacesOfLoadBalancer, request("loadBalancerArn"), both()),
            _ => (Topic::InterfacesOfLoadBalancer, request("loadBalancerName"), both()),
        };
        let associated = [response("ipv6CidrBlockAssociation.ipv6CidrBlock"), request("ipv6CidrBlock")].concat();
        let network = associated.first().and_then(|text| parse_network(text));
        (!ids.is_empty()).then_some(Self { topic, ids, families, network })
    }

    /// What the internet reaches of it now: the value of `reached` of `liveState`; `None` when it reaches nothing.
    ///
    /// # Errors
    /// [`Gap`], while there is something to ask, or when nothing is reached and something could not be told.
    pub(super) fn reached(&self, inquiry: &Inquiry<'_>) -> Result<Option<Value>, Gap> {
        let found: Vec<_> = self.ids.iter().map(|id| inquiry.interfaces(self.topic, id)).collect();
        let found = found.into_iter().collect::<Result<Vec<_>, Gap>>()?;
        let everything = Opened { traffic: Traffic::all(), families: self.families.clone() };
        let survey = Survey::new(inquiry, Through { group: None, opened: Some(&everything) });
        let ways: Vec<_> = found
            .into_iter()
            .flatten()
            .filter(|interface| self.is_about(interface))
            .map(|interface| (interface, survey.way_to(interface)))
            .collect();
        if ways.iter().any(|(_, way)| matches!(way, Err(Gap::Open))) {
            return Err(Gap::Open);
        }
        let (mut reached, mut open) = (Reached::default(), Vec::new());
        for (interface, way) in &ways {
            if let Ok(Way::Open(path)) = way {
                reached |= survey.reached(interface)?;
                open.push((*interface, path));
            }
        }
        if open.is_empty() {
            // A way that is open tells, whatever is not known of the others.
            return ways.into_iter().find_map(|(_, way)| way.err()).map_or(Ok(None), Err);
        }
        let kind = |traffic: &Traffic| Kind::of(traffic).map(Kind::as_str);
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

    fn is_about(&self, interface: &NetworkInterface) -> bool {
        let is_in = |network: &IpNet, text: &str| {
            text.parse::<Ipv6Addr>().is_ok_and(|address| network.contains(&std::net::IpAddr::V6(address)))
        };
        self.network.as_ref().is_none_or(|network| {
            interface.ipv6_addresses.iter().any(|one| is_in(network, &one.ipv6_address))
                || interface
                    .ipv6_prefixes
                    .iter()
                    .any(|one| parse_network(&one.ipv6_prefix).is_some_and(|prefix| network.contains(&prefix)))
        })
    }
}

fn selected(parameters: Option<facts::Parameters<'_>>, path: &str) -> Vec<String> {
    let found = parameters.map(|parameters| parameters.select(path)).unwrap_or_default();
    found.into_iter().filter_map(scalar_text).map(|text| text.into_owned()).filter(|text| !text.is_empty()).collect()
}

/// The instances that StartInstances started: those that ran before are not among them, where the response tells.
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
