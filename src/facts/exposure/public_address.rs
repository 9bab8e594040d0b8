//! Instances that are given an address of the public internet, now or whenever a template is used.

use std::borrow::Cow;

use crate::event::{Event, Value};
use crate::facts::{Calls, Fact, Origin, Parameters, calls, object, texts, wire};
use crate::network::{is_global, parse_network};

/// The public addresses a call asks for.
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
    doc: "That RunInstances, ModifyNetworkInterfaceAttribute, RequestSpotInstances, RequestSpotFleet, \
          CreateLaunchTemplate or CreateLaunchTemplateVersion asks for addresses of the public internet. `addresses` has a member for each: \
          `family`, which is ipv4 (`associatePublicIpAddress`), carrier (`associateCarrierIpAddress`, in a Wavelength Zone) or \
          ipv6 (global unicast addresses, asked for or given), \
          `fields` (where it stands in the record, or in what live state adds to it) and `summary`; `interfaces` the network interfaces of started instances, and `undo` the command that \
          takes the started or created thing away, as arguments of `aws`.",
    origin: Origin::Derived(public_address),
};

/// That a public IPv4 address is asked for.
const PUBLIC: &str = "associatePublicIpAddress";

/// That a carrier IP address is asked for, which the network of a carrier and the internet reach.
const CARRIER: &str = "associateCarrierIpAddress";

/// How many addresses of IPv6 are asked for, or prefixes.
const COUNTS: [&str; 2] = ["ipv6AddressCount", "ipv6PrefixCount"];

/// Which of them.
const NETWORKS: [&str; 2] = ["ipv6Address", "ipv6Prefix"];

/// Arguments of a command before a value, and the path of the value in the response.
type Argument = (&'static str, &'static str);

/// For each call what undoes it: the command and its arguments.
const UNDO: &[(&str, &str, &[Argument])] = &[
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
    let holders = |side: &Option<Parameters<'e>>, keys: &[&str]| -> Vec<Parameters<'e>> {
        side.as_ref().map(|side| side.holders_of(keys)).unwrap_or_default()
    };
    let of_request = holders(&request, &[&[PUBLIC, CARRIER][..], &COUNTS, &NETWORKS].concat());
    let of_response = holders(&response, &NETWORKS);
    let asked = |key| of_request.iter().filter(move |holder| holder.has(key));
    let mut found: Vec<(&str, String)> = Vec::new();
    for (key, family) in [(PUBLIC, "ipv4"), (CARRIER, "carrier")] {
        for holder in asked(key).filter(|holder| holder.flag_of(key) == Some(true)) {
            found.push((family, path_of(holder, key)));
        }
    }
    for key in COUNTS {
        for holder in asked(key).filter(|holder| holder.number_of(key).is_some_and(|count| count > 0)) {
            found.push(("ipv6", path_of(holder, key)));
        }
    }
    for key in NETWORKS {
        let given = of_response.iter().filter(|holder| holder.has(key));
        for holder in asked(key).chain(given) {
            let network = holder.text_of(key).and_then(|text| parse_network(&text));
            if network.is_some_and(|network| is_global(&network)) {
                found.push(("ipv6", path_of(holder, key)));
            }
        }
    }
    let live = wire::live(event).filter(|_| event.name() == Some("RunInstances"));
    let described = live.map(|live| live.list("networkInterfaces")).unwrap_or_default();
    for interface in &described {
        if let Some(address) = interface.get("association").and_then(|one| one.get("publicIp")) {
            found.push(("ipv4", address.path()));
        }
    }
    if found.is_empty() {
        return None;
    }
    let addresses = found.into_iter().map(|(family, field)| {
        let summary = match family {
            "ipv4" => "a public IPv4 address",
            "carrier" => "a carrier IP address",
            _ => "a global IPv6 address",
        };
        object(vec![("family", Value::from(family)), ("fields", texts([field])), ("summary", Value::from(summary))])
    });
    let addresses = Value::Array(addresses.collect());
    let in_response = |path: &str| -> Vec<Cow<'e, str>> {
        let values = response.iter().flat_map(|response| response.select(path));
        values.filter_map(crate::event::scalar_text).collect()
    };
    let mut members = vec![
        ("addresses", addresses),
        ("interfaces", texts(in_response("instancesSet.networkInterfaceSet.networkInterfaceId"))),
    ];
    if let Some((_, command, arguments)) = UNDO.iter().find(|(name, ..)| event.name() == Some(name)) {
        let mut undo: Vec<Cow<'e, str>> = vec!["ec2".into(), (*command).into()];
        let values = arguments.iter().map(|(argument, path)| (*argument, in_response(path))).collect::<Vec<_>>();
        if values.iter().all(|(_, values)| !values.is_empty()) {
            undo.extend(values.into_iter().flat_map(|(argument, values)| {
                argument.split(' ').map(Cow::Borrowed).chain(values).collect::<Vec<_>>()
            }));
            members.push(("undo", texts(undo)));
        }
    }
    Some(object(members))
}

/// Whether a call asks for a public IPv4 address.
pub(in crate::facts) fn asks_for_ipv4(event: &Event<'_>) -> bool {
    let asks = |holder: &Parameters<'_>| holder.flag_of(PUBLIC) == Some(true);
    wire::request(event).is_some_and(|request| request.holders_of(&[PUBLIC]).iter().any(asks))
}

fn path_of(holder: &Parameters<'_>, key: &str) -> String {
    holder.get(key).map(|found| found.path()).unwrap_or_default()
}
