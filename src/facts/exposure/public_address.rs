//! Public addresses that a call requests for instances, directly or through a launch template.

use std::borrow::Cow;

use crate::event::{Event, Value};
use crate::facts::{Calls, Derivation, Fact, Parameters, calls, object, texts, wire};
use crate::network::{is_global, parse_network};

/// The public addresses that a call requests.
pub(in crate::facts) const PUBLIC_ADDRESS: Fact = Fact {
    name: "exposure.public_address",
    calls: Calls::These(&[
        (calls::EC2, "RunInstances"),
        (calls::EC2, "ModifyNetworkInterfaceAttribute"),
        (calls::EC2, "RequestSpotInstances"),
        (calls::EC2, "RequestSpotFleet"),
        (calls::EC2, "CreateLaunchTemplate"),
        (calls::EC2, "CreateLaunchTemplateVersion"),
    ]),
    doc: "Addresses of the public internet that RunInstances, ModifyNetworkInterfaceAttribute, RequestSpotInstances, \
          RequestSpotFleet, CreateLaunchTemplate or CreateLaunchTemplateVersion requests. `addresses` has an element for \
          each: `family`, which is ipv4 (`associatePublicIpAddress`), carrier (`associateCarrierIpAddress`, in a Wavelength \
          Zone) or ipv6 (global unicast addresses, requested or assigned), `fields` (the path in the record or in live \
          state) and `summary`. `interfaces` are the network interfaces of started instances, and `undo` is the command \
          that removes the started or created resource, as arguments of `aws`.",
    derivation: Derivation::FromRecord(public_address),
};

/// Requests a public IPv4 address.
const PUBLIC: &str = "associatePublicIpAddress";

/// Requests a carrier IP address, which is reachable from the carrier's network and the internet.
const CARRIER: &str = "associateCarrierIpAddress";

/// Request a number of IPv6 addresses or prefixes.
const COUNTS: [&str; 2] = ["ipv6AddressCount", "ipv6PrefixCount"];

/// Request specific IPv6 addresses or prefixes.
const NETWORKS: [&str; 2] = ["ipv6Address", "ipv6Prefix"];

/// Arguments of a command before a value, and the path of the value in the response.
type UndoArgument = (&'static str, &'static str);

/// For each call, the command that undoes it and its arguments.
const UNDO: &[(&str, &str, &[UndoArgument])] = &[
    ("RunInstances", "terminate-instances", &[("--instance-ids", "instancesSet.instanceId")]),
    (
        "RequestSpotInstances",
        "cancel-spot-instance-requests",
        &[("--spot-instance-request-ids", "spotInstanceRequestSet.spotInstanceRequestId")],
    ),
    (
        "RequestSpotFleet",
        "cancel-spot-fleet-requests",
        &[("--terminate-instances --spot-fleet-request-ids", "spotFleetRequestId")],
    ),
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
    let objects_with = |side: &Option<Parameters<'e>>, keys: &[&str]| -> Vec<Parameters<'e>> {
        side.as_ref().map(|side| side.objects_with(keys)).unwrap_or_default()
    };
    let in_request = objects_with(&request, &[&[PUBLIC, CARRIER][..], &COUNTS, &NETWORKS].concat());
    let in_response = objects_with(&response, &NETWORKS);
    let requested = |key| in_request.iter().filter(move |object| object.has(key));
    let mut addresses: Vec<(&str, String)> = Vec::new();
    for (key, family) in [(PUBLIC, "ipv4"), (CARRIER, "carrier")] {
        for object in requested(key).filter(|object| object.flag_of(key) == Some(true)) {
            addresses.push((family, path_of(object, key)));
        }
    }
    for key in COUNTS {
        for object in requested(key).filter(|object| object.number_of(key).is_some_and(|count| count > 0)) {
            addresses.push(("ipv6", path_of(object, key)));
        }
    }
    for key in NETWORKS {
        let assigned = in_response.iter().filter(|object| object.has(key));
        for object in requested(key).chain(assigned) {
            let network = object.text_of(key).and_then(|text| parse_network(&text));
            if network.is_some_and(|network| is_global(&network)) {
                addresses.push(("ipv6", path_of(object, key)));
            }
        }
    }
    let live = wire::live(event).filter(|_| event.name() == Some("RunInstances"));
    let described = live.map(|live| live.list("networkInterfaces")).unwrap_or_default();
    for interface in &described {
        if let Some(address) = interface.get("association").and_then(|association| association.get("publicIp")) {
            addresses.push(("ipv4", address.path()));
        }
    }
    if addresses.is_empty() {
        return None;
    }
    let addresses = addresses.into_iter().map(|(family, field)| {
        let summary = match family {
            "ipv4" => "a public IPv4 address",
            "carrier" => "a carrier IP address",
            _ => "a global IPv6 address",
        };
        object(vec![("family", Value::from(family)), ("fields", texts([field])), ("summary", Value::from(summary))])
    });
    let addresses = Value::Array(addresses.collect());
    let response_texts = |path: &str| -> Vec<Cow<'e, str>> {
        let values = response.iter().flat_map(|response| response.select(path));
        values.filter_map(crate::event::scalar_text).collect()
    };
    let mut members = vec![
        ("addresses", addresses),
        ("interfaces", texts(response_texts("instancesSet.networkInterfaceSet.networkInterfaceId"))),
    ];
    if let Some((_, command, arguments)) = UNDO.iter().find(|(name, ..)| event.name() == Some(name)) {
        let mut undo: Vec<Cow<'e, str>> = vec!["ec2".into(), (*command).into()];
        let values = arguments.iter().map(|(argument, path)| (*argument, response_texts(path))).collect::<Vec<_>>();
        if values.iter().all(|(_, values)| !values.is_empty()) {
            undo.extend(values.into_iter().flat_map(|(argument, values)| {
                argument.split(' ').map(Cow::Borrowed).chain(values).collect::<Vec<_>>()
            }));
            members.push(("undo", texts(undo)));
        }
    }
    Some(object(members))
}

/// Whether a call requests a public IPv4 address.
pub(in crate::facts) fn asks_for_ipv4(event: &Event<'_>) -> bool {
    let is_requested = |object: &Parameters<'_>| object.flag_of(PUBLIC) == Some(true);
    wire::request(event).is_some_and(|request| request.objects_with(&[PUBLIC]).iter().any(is_requested))
}

fn path_of(object: &Parameters<'_>, key: &str) -> String {
    object.get(key).map(|member| member.path()).unwrap_or_default()
}
