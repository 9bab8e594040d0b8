//! Instances that are given an address of the public internet, now or whenever a template is used.

use std::borrow::Cow;

use super::EC2;
use crate::address::{Space, parse_network};
use crate::event::{Event, Value};
use crate::facts::{Calls, Fact, Origin, Parameters, object, texts, wire};

/// The public addresses a call asks for.
pub(in crate::facts) const PUBLIC_ADDRESS: Fact = Fact {
    name: "exposure.public_address",
    doc: "That RunInstances, RequestSpotInstances, RequestSpotFleet, CreateFleet, CreateLaunchTemplate or \
          CreateLaunchTemplateVersion asks for addresses of the public internet. `addresses` has a member for each: \
          `family`, which is ipv4 (`associatePublicIpAddress`) or ipv6 (global unicast addresses, asked for or given), \
          `fields` (where it stands in the record) and `summary`; `interfaces` the network interfaces of started instances, and `undo` the command that \
          takes the started or created thing away, as arguments of `aws`.",
    calls: Calls::These(&[
        (EC2, "RunInstances"),
        (EC2, "RequestSpotInstances"),
        (EC2, "RequestSpotFleet"),
        (EC2, "CreateFleet"),
        (EC2, "CreateLaunchTemplate"),
        (EC2, "CreateLaunchTemplateVersion"),
    ]),
    origin: Origin::Derived(public_address),
};

/// An argument of a command, and the path of its value in the response.
type Argument = (&'static str, &'static str);

/// For each call what undoes it: the command and its arguments.
const UNDO: &[(&str, &str, &[Argument])] = &[
    ("RunInstances", "terminate-instances", &[("--instance-ids", "instancesSet.instanceId")]),
    (
        "RequestSpotInstances",
        "cancel-spot-instance-requests",
        &[("--spot-instance-request-ids", "spotInstanceRequestSet.spotInstanceRequestId")],
    ),
    ("RequestSpotFleet", "cancel-spot-fleet-requests", &[("--spot-fleet-request-ids", "spotFleetRequestId")]),
    ("CreateFleet", "delete-fleets", &[("--fleet-ids", "fleetId")]),
    ("CreateLaunchTemplate", "delete-launch-template", &[("--launch-template-id", "launchTemplate.launchTemplateId")]),
    (
        "CreateLaunchTemplateVersion",
        "delete-launch-template-versions",
        &[
            ("--launch-template-id", "launchTemplateVersion.launchTemplateId"),
            ("--versions", "launchTemplateVersion.versionNumber"),
        ],
    ),
];

fn public_address<'e>(event: &'e Event<'_>) -> Option<Value<'e>> {
    let (request, response) = (wire::request(event), wire::response(event));
    let asked = |key| request.iter().flat_map(move |request| request.holders_of(key));
    let mut found: Vec<(&str, String)> = Vec::new();
    for holder in asked("associatePublicIpAddress") {
        if holder.flag_of("associatePublicIpAddress") == Some(true) {
            found.push(("ipv4", path_of(&holder, "associatePublicIpAddress")));
        }
    }
    for holder in asked("ipv6AddressCount") {
        if holder.number_of("ipv6AddressCount").is_some_and(|count| count > 0) {
            found.push(("ipv6", path_of(&holder, "ipv6AddressCount")));
        }
    }
    let given = response.iter().flat_map(|response| response.holders_of("ipv6Address"));
    for holder in asked("ipv6Address").chain(given) {
        let address = holder.text_of("ipv6Address").and_then(|text| parse_network(&text));
        if address.is_some_and(|address| Space::of(&address) == Space::Public) {
            found.push(("ipv6", path_of(&holder, "ipv6Address")));
        }
    }
    if found.is_empty() {
        return None;
    }
    let addresses = found.into_iter().map(|(family, field)| {
        let summary = if family == "ipv4" { "a public IPv4 address" } else { "a global IPv6 address" };
        object(vec![("family", Value::from(family)), ("fields", texts([field])), ("summary", Value::from(summary))])
    });
    let addresses = Value::Array(addresses.collect());
    let in_response = |path: &str| -> Vec<Cow<'e, str>> {
        let values = response.iter().flat_map(|response| response.select(path));
        values.filter_map(crate::event::scalar_text).collect()
    };
    let mut undo: Vec<Cow<'e, str>> = Vec::new();
    if let Some((_, command, arguments)) = UNDO.iter().find(|(name, ..)| event.name() == Some(name)) {
        undo.extend(["ec2".into(), (*command).into()]);
        for (argument, path) in *arguments {
            undo.push((*argument).into());
            undo.extend(in_response(path));
        }
    }
    Some(object(vec![
        ("addresses", addresses),
        ("interfaces", texts(in_response("instancesSet.networkInterfaceSet.networkInterfaceId"))),
        ("undo", texts(undo)),
    ]))
}

fn path_of(holder: &Parameters<'_>, key: &str) -> String {
    holder.get(key).map(|found| found.path().to_owned()).unwrap_or_default()
}
