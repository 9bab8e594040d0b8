//! What opens something to the internet: expected verdicts, the verdicts of another tool, and what must hold for any
//! request.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden::event::Event;
use trailwarden::facts::{Calls, FACTS};
use trailwarden::finding::{Finding, Severity, Status};

use crate::support::{json_lines, payload, public_data, root, stream, stream_by_all_rules};

const GROUP: &str = "sg-0aaa1111bbb22222c";

/// Whether `name` is `slug` or `slug` with a suffix.
fn is_of(name: &str, slug: &str) -> bool {
    name.strip_prefix(slug).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// A call of EC2 with these parameters.
fn call(name: &str, request: &Value) -> Value {
    json!({
        "eventSource": "ec2.amazonaws.com", "eventName": name, "eventID": "e", "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "requestParameters": request,
        "responseElements": {"requestId": "r", "_return": true},
    })
}

/// The findings for a call, but for the one that it was called at all.
fn findings(record: &Value) -> Vec<Finding> {
    let mut findings = payload(&record.to_string()).findings;
    findings.retain(|finding| finding.rule.name != "blocked-action");
    findings
}

/// A fact of a record, without the places where things stand in it.
fn fact(name: &str, record: &Value) -> Value {
    let text = record.to_string();
    let event = Event::parse(&text).unwrap();
    let fact = FACTS.iter().find(|fact| fact.name == name).unwrap();
    let mut value = fact.of(&event).map_or(Value::Null, |value| Value::from(&value));
    without_places(&mut value);
    value
}

fn without_places(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("fields");
            members.values_mut().for_each(without_places);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_places),
        _ => {}
    }
}

#[test]
fn every_vector_gives_exactly_what_it_expects() {
    let vectors = json_lines(&root().join("tests/vectors/exposure.jsonl"));
    assert!(vectors.len() > 50);
    for vector in vectors {
        let (name, why) = (&vector["name"], &vector["why"]);
        let findings = payload(&vector["event"].to_string()).findings;
        let names: Vec<&str> = findings.iter().map(|finding| finding.rule.name.as_str()).collect();
        let expected: Vec<&str> =
            vector["expect"].as_array().unwrap().iter().map(|slug| slug.as_str().unwrap()).collect();
        for slug in &expected {
            let found = names.iter().filter(|name| is_of(name, slug)).count();
            assert_eq!(found, 1, "{name}: {slug}, because {why}; found {names:?}");
        }
        for other in findings.iter().filter(|one| !expected.iter().any(|slug| is_of(&one.rule.name, slug))) {
            let may_be = vector["needs_live"] == true
                && other.status == Status::Warning
                && is_of(&other.rule.name, "exposure-undecidable");
            assert!(may_be, "{name}: {} is not expected, because {why}", other.rule.name);
        }
    }
}

/// An ingress rule as EC2 describes it, as the request that makes it.
fn as_request(rule: &Value) -> Value {
    call("AuthorizeSecurityGroupIngress", &json!({"GroupId": GROUP, "IpPermissions": rule}))
}

/// Whether some entry of `fact` that reaches at least as far as one of `reaches` admits `port`, or anything at all when
/// there is none, over `protocol`.
fn admits(fact: &Value, reaches: &[&str], protocol: &str, port: Option<u64>) -> bool {
    let mut entries = fact["entries"].as_array().into_iter().flatten();
    entries.any(|entry| {
        let same_protocol = entry["protocol"].is_null() || entry["protocol"] == protocol;
        let in_range = match (port, entry["from_port"].as_u64(), entry["to_port"].as_u64()) {
            (Some(port), Some(from), Some(to)) => (from..=to).contains(&port),
            _ => true,
        };
        reaches.iter().any(|reach| entry["reach"] == *reach) && same_protocol && in_range
    })
}

#[test]
#[ignore = "needs public data"]
fn prowler_agrees_on_security_groups_but_where_it_says_why_not() {
    let mut compared = 0;
    let mut differ = Vec::new();
    for verdict in json_lines(&public_data("verdicts/prowler_security_group.jsonl")) {
        let name = verdict["test"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        // With `any_address` Prowler asks for everything, without it for any address that is globally routed.
        let reaches: &[&str] = if verdict["any_address"] == true { &["world"] } else { &["world", "wide", "public"] };
        let rule = match verdict["cidr"].as_str() {
            Some(cidr) if cidr.contains(':') => json!({"IpProtocol": "-1", "Ipv6Ranges": {"CidrIpv6": cidr}}),
            Some(cidr) => json!({"IpProtocol": "-1", "IpRanges": {"CidrIp": cidr}}),
            None => verdict["ingress_rule"].clone(),
        };
        let ingress = fact("exposure.ingress", &as_request(&rule));
        let port = verdict["ports"].get(0).and_then(Value::as_u64);
        let protocol = verdict["protocol"].as_str().filter(|protocol| *protocol != "-1").unwrap_or("tcp");
        let ours = admits(&ingress, reaches, protocol, port);
        compared += 1;
        if ours != verdict["expected"] {
            differ.push(name);
        }
    }
    assert_eq!(compared, 41);
    differ.sort();
    // `cafe:cafe:cafe:cafe::/64` is global to Prowler. It lies outside of 2000::/3, which is all that is handed out, so
    // nothing can come from there.
    assert_eq!(differ, ["test__is_cidr_public_Public_IPv6", "test_public_ipv6_address_open_22_tcp"]);
}

/// What an ACL with `entries` lets in, judged one entry at a time, as the calls that made them.
fn acl_lets_in(entries: &[Value], port: u64) -> bool {
    entries.iter().any(|entry| {
        let request = json!({
            "networkAclId": entry["NetworkAclId"], "ruleNumber": entry["RuleNumber"], "egress": entry["Egress"],
            "ruleAction": entry["RuleAction"], "aclProtocol": entry["Protocol"], "icmpTypeCode": {},
            "portRange": {"from": entry["PortRange"]["From"], "to": entry["PortRange"]["To"]},
            "cidrBlock": entry["CidrBlock"], "ipv6CidrBlock": entry["Ipv6CidrBlock"],
        });
        let record = call("CreateNetworkAclEntry", &request);
        let found = findings(&record).iter().any(|finding| is_of(&finding.rule.name, "nacl-ingress-world"));
        found && admits(&fact("exposure.network_acl", &record), &["world"], "tcp", Some(port))
    })
}

#[test]
#[ignore = "needs public data"]
fn prowler_agrees_on_network_acls_but_where_a_lower_number_denies_first() {
    let mut compared = 0;
    for verdict in json_lines(&public_data("verdicts/prowler_network_acl.jsonl")) {
        let entries = verdict["entries"].as_array().unwrap();
        let port = verdict["port"].as_u64().unwrap();
        let ours = acl_lets_in(entries, port);
        let theirs = verdict["expected"].as_bool().unwrap();
        // One record holds one entry. Where Prowler, which sees them all, says no to what an entry allows, an entry with
        // a lower number must deny it: that is what the rules' description warns of.
        if ours && !theirs {
            let number = |entry: &Value| entry["RuleNumber"].as_u64().unwrap();
            let ingress = || entries.iter().filter(|entry| entry["Egress"] == false);
            let allowed = ingress().filter(|entry| entry["RuleAction"] == "allow").map(number).max().unwrap();
            let denied_first = ingress().any(|entry| entry["RuleAction"] == "deny" && number(entry) < allowed);
            assert!(denied_first, "{}", verdict["test"]);
        } else {
            assert_eq!(ours, theirs, "{}", verdict["test"]);
        }
        compared += 1;
    }
    assert_eq!(compared, 30);
}

/// Parameters apart from how they are written.
#[derive(Debug, Clone)]
enum Logical {
    Scalar(Value),
    List(Vec<Logical>),
    Map(Vec<(&'static str, Logical)>),
}

use Logical::{List, Map, Scalar};

impl Logical {
    /// lowerCamelCase, with lists under `items`.
    fn legacy(&self) -> Value {
        match self {
            Scalar(value) => value.clone(),
            List(elements) if elements.is_empty() => json!({}),
            List(elements) => json!({"items": elements.iter().map(Self::legacy).collect::<Vec<_>>()}),
            Map(members) => members.iter().map(|(key, value)| ((*key).to_owned(), value.legacy())).collect(),
        }
    }

    /// PascalCase; a list is its one element or an array, each element with a tag.
    fn wrapped(&self) -> Value {
        match self {
            Scalar(value) => value.clone(),
            List(elements) => {
                let tagged = |(place, element): (usize, &Self)| match element.wrapped() {
                    Value::Object(mut members) => {
                        members.insert("tag".to_owned(), json!(place + 1));
                        Value::Object(members)
                    }
                    scalar => json!({"content": scalar, "tag": place + 1}),
                };
                let mut elements: Vec<Value> = elements.iter().enumerate().map(tagged).collect();
                match elements.len() {
                    0 => json!(""),
                    1 => elements.remove(0),
                    _ => Value::Array(elements),
                }
            }
            Map(members) if members.is_empty() => json!(""),
            Map(members) => {
                let pascal = |key: &str| key[..1].to_uppercase() + &key[1..];
                members.iter().map(|(key, value)| (pascal(key), value.wrapped())).collect()
            }
        }
    }

    fn in_both_styles(&self, name: &str) -> [Value; 2] {
        let wrapper = format!("{name}Request");
        [call(name, &self.legacy()), call(name, &json!({wrapper: self.wrapped()}))]
    }
}

fn scalar(value: impl Into<Value>) -> Logical {
    Scalar(value.into())
}

/// A permission: protocol, ports and networks.
type Permission = (&'static str, i64, i64, Vec<&'static str>);

fn permission() -> impl Strategy<Value = Permission> {
    let network = prop::sample::select(vec![
        "0.0.0.0/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "8.0.0.0/8",
        "10.0.0.0/8",
        "203.0.113.0/24",
        "198.51.100.7/0",
        "::/0",
        "2000::/4",
        "3000::/4",
        "2600::/12",
        "fd00::/8",
    ]);
    let ports = prop_oneof![Just((22, 22)), Just((80, 80)), Just((443, 443)), Just((0, 65_535)), Just((8443, 8444))];
    (prop::sample::select(vec!["tcp", "udp", "icmp", "-1", "6"]), ports, vec(network, 0..4))
        .prop_map(|(protocol, (from, to), networks)| (protocol, from, to, networks))
}

fn ingress(permissions: &[Permission]) -> Logical {
    let networks = |networks: &[&'static str], key: &'static str, v6: bool| {
        let of_version = networks.iter().filter(|network| network.contains(':') == v6);
        List(of_version.map(|network| Map(vec![(key, scalar(*network))])).collect())
    };
    let permissions = permissions.iter().map(|(protocol, from, to, sources)| {
        Map(vec![
            ("ipProtocol", scalar(*protocol)),
            ("fromPort", scalar(*from)),
            ("toPort", scalar(*to)),
            ("ipRanges", networks(sources, "cidrIp", false)),
            ("ipv6Ranges", networks(sources, "cidrIpv6", true)),
        ])
    });
    Map(vec![("groupId", scalar(GROUP)), ("ipPermissions", List(permissions.collect()))])
}

fn authorize(permissions: &[Permission]) -> Value {
    call("AuthorizeSecurityGroupIngress", &ingress(permissions).legacy())
}

/// The one finding for a group, as its rule and severity; `None` when there is none.
fn judged(record: &Value) -> Option<(String, Severity)> {
    let findings = findings(record);
    assert!(findings.len() <= 1, "one opened resource gives one finding, not {}", findings.len());
    findings.first().map(|finding| (finding.rule.name.clone(), finding.rule.severity))
}

proptest! {
    #[test]
    fn both_wire_styles_give_the_same_ingress(permissions in vec(permission(), 0..4)) {
        let [legacy, wrapped] = ingress(&permissions).in_both_styles("AuthorizeSecurityGroupIngress");
        prop_assert_eq!(fact("exposure.ingress", &legacy), fact("exposure.ingress", &wrapped));
        prop_assert_eq!(judged(&legacy), judged(&wrapped));
    }

    #[test]
    fn both_wire_styles_give_the_same_everything_else(
        networks in vec(prop::sample::select(vec!["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8"]), 1..4),
        flag: bool,
        group in prop::sample::select(vec!["all", "none"]),
        port in prop::sample::select(vec![22, 443, 8443]),
    ) {
        let entries = networks.iter().map(|network| Map(vec![("cidr", scalar(*network))]));
        let acl = Map(vec![
            ("networkAclId", scalar("acl-1")), ("ruleNumber", scalar(90)), ("egress", scalar(flag)),
            ("ruleAction", scalar("allow")), ("cidrBlock", scalar(networks[0])), ("protocol", scalar("6")),
            ("portRange", Map(vec![("from", scalar(port)), ("to", scalar(port))])),
        ]);
        let interface = Map(vec![("deviceIndex", scalar(0)), ("associatePublicIpAddress", scalar(flag))]);
        let permission = Map(vec![("add", List(vec![Map(vec![("group", scalar(group))])]))]);
        for (name, parameters) in [
            ("ModifyManagedPrefixList", Map(vec![("prefixListId", scalar("pl-1")), ("addEntry", List(entries.collect()))])),
            ("CreateNetworkAclEntry", acl),
            ("CreateRoute", Map(vec![("destinationCidrBlock", scalar(networks[0])), ("gatewayId", scalar("igw-1"))])),
            ("RunInstances", Map(vec![("networkInterface", List(vec![interface]))])),
            ("ModifySubnetAttribute", Map(vec![("mapPublicIpOnLaunch", Map(vec![("value", scalar(flag))]))])),
            ("ModifySnapshotAttribute", Map(vec![("createVolumePermission", permission)])),
            ("ModifyVpcEndpointServicePermissions", Map(vec![("addAllowedPrincipals", List(vec![scalar("*")]))])),
        ] {
            let [legacy, wrapped] = parameters.in_both_styles(name);
            for fact_of in FACTS {
                prop_assert_eq!(fact(fact_of.name, &legacy), fact(fact_of.name, &wrapped), "{} of {}", fact_of.name, name);
            }
            prop_assert_eq!(judged(&legacy), judged(&wrapped), "{}", name);
        }
    }

    #[test]
    fn more_permissions_never_make_it_less(permissions in vec(permission(), 1..4), more in permission()) {
        let before = judged(&authorize(&permissions)).map(|(_, severity)| severity);
        let after = judged(&authorize(&[permissions, vec![more]].concat())).map(|(_, severity)| severity);
        prop_assert!(before <= after, "{before:?} became {after:?}");
    }

    #[test]
    fn the_order_of_permissions_does_not_matter(permissions in vec(permission(), 0..4)) {
        let mut turned = permissions.clone();
        turned.reverse();
        prop_assert_eq!(judged(&authorize(&permissions)), judged(&authorize(&turned)));
    }

    #[test]
    fn a_network_cut_into_halves_is_judged_the_same((protocol, from, to, networks) in permission()) {
        let halves = networks.iter().flat_map(|network| match *network {
            "0.0.0.0/0" | "198.51.100.7/0" => vec!["0.0.0.0/1", "128.0.0.0/1"],
            "::/0" => vec!["::/1", "8000::/1"],
            "8.0.0.0/8" => vec!["8.0.0.0/9", "8.128.0.0/9"],
            other => vec![other],
        });
        let cut = (protocol, from, to, halves.collect());
        prop_assert_eq!(judged(&authorize(&[(protocol, from, to, networks)])), judged(&authorize(&[cut])));
    }

    #[test]
    fn calls_that_failed_are_silent(permissions in vec(permission(), 1..4), code in "Client\\.[A-Z][a-z]{2,8}") {
        let mut record = authorize(&permissions);
        record["errorCode"] = code.into();
        prop_assert_eq!(judged(&record), None);
    }
}

/// A payload of these records, each with an id of its own.
fn lines_of(records: &[Value]) -> String {
    let numbered = records.iter().enumerate().map(|(number, record)| {
        let mut record = record.clone();
        record["eventID"] = format!("event-{number}").into();
        format!("{record}\n")
    });
    numbered.collect()
}

/// For each record of a payload the rules that find something, but for the one that it was called at all; the same with the
/// prefilter and without.
fn found_in(records: &[Value]) -> Vec<Vec<String>> {
    let text = lines_of(records);
    let by_record = |findings: &[Finding]| -> Vec<Vec<String>> {
        let of = |number: usize| {
            let id = format!("event-{number}");
            let of_record =
                findings.iter().filter(|one| one.origin.event_id == id && !one.rule.name.starts_with("blocked-action"));
            of_record.map(|finding| finding.rule.name.clone()).collect()
        };
        (0..records.len()).map(of).collect()
    };
    let found = by_record(&stream(text.as_bytes()).findings);
    assert_eq!(found, by_record(&stream_by_all_rules(text.as_bytes()).findings));
    found
}

fn ssh_from(networks: &[&'static str]) -> Value {
    authorize(&[("tcp", 22, 22, networks.to_vec())])
}

#[test]
fn openings_add_up_over_the_calls_of_a_payload() {
    let [first, second] = [ssh_from(&["52.0.0.0/9"]), ssh_from(&["52.128.0.0/9"])];
    let none: Vec<String> = Vec::new();
    let wide = vec!["sg-ingress-wide-admin".to_owned()];
    assert_eq!(found_in(&[first.clone(), second.clone()]), [none.clone(), wide.clone()]);
    assert_eq!(found_in(&[second.clone(), first.clone()]), [none.clone(), wide.clone()]);
    // Another call in between, and a later one that adds little.
    let office = ssh_from(&["198.51.101.0/24"]);
    let calls = [first.clone(), office.clone(), second.clone(), office, ssh_from(&["10.0.0.0/8"])];
    assert_eq!(found_in(&calls), [none.clone(), none.clone(), wide.clone(), none.clone(), none.clone()]);
    // The halves of the internet, each wide by itself.
    let halves = [ssh_from(&["0.0.0.0/1"]), ssh_from(&["128.0.0.0/1"])];
    assert_eq!(found_in(&halves), [wide.clone(), vec!["sg-ingress-world-admin".to_owned()]]);
    let nothing = [none.clone(), none];
    for (place, other) in [
        ("/requestParameters/groupId", json!("sg-0bbb1111bbb22222c")),
        ("/recipientAccountId", json!("444455556666")),
        ("/awsRegion", json!("eu-west-2")),
        ("/requestParameters/ipPermissions/items/0/toPort", json!(23)),
        ("/requestParameters/ipPermissions/items/0/fromPort", json!(22)),
    ] {
        let mut elsewhere = second.clone();
        *elsewhere.pointer_mut(place).unwrap() = other;
        let is_same_port = place.starts_with("/requestParameters/ipPermissions");
        let found = found_in(&[first.clone(), elsewhere]);
        assert_eq!(found == nothing, !is_same_port, "{place}: {found:?}");
    }
    let mut failed = first;
    failed["errorCode"] = json!("Client.UnauthorizedOperation");
    assert_eq!(found_in(&[failed, second]), nothing);
}

#[test]
fn a_finding_over_several_calls_names_their_networks() {
    let text = lines_of(&[ssh_from(&["52.0.0.0/9"]), ssh_from(&["52.128.0.0/9"])]);
    let findings = stream(text.as_bytes()).findings;
    let finding = findings.iter().find(|finding| finding.rule.name == "sg-ingress-wide-admin").unwrap();
    assert!(finding.message.contains("52.128.0.0/9"), "{}", finding.message);
    assert!(finding.message.contains("52.0.0.0/9 (by the earlier call event-0)"), "{}", finding.message);
    assert!(finding.remediation.text().contains("CidrIp=52.0.0.0/9"), "{}", finding.remediation);
}

#[test]
fn prefix_lists_and_network_acls_add_up_too() {
    let list = |network: &str| {
        call(
            "ModifyManagedPrefixList",
            &json!({"ModifyManagedPrefixListRequest": {
            "PrefixListId": "pl-0abc", "CurrentVersion": 1, "AddEntry": {"Cidr": network, "tag": 1}}}),
        )
    };
    let found = found_in(&[list("52.0.0.0/9"), list("52.128.0.0/9")]);
    assert_eq!(found[1], ["prefix-list-wide"]);
    let entry = |network: &str| {
        call(
            "CreateNetworkAclEntry",
            &json!({
            "networkAclId": "acl-0abc", "ruleNumber": 90, "egress": false, "ruleAction": "allow", "aclProtocol": "6",
            "portRange": {"from": 22, "to": 22}, "cidrBlock": network}),
        )
    };
    let found = found_in(&[entry("0.0.0.0/1"), entry("128.0.0.0/1")]);
    assert_eq!(found, [["nacl-ingress-wide"], ["nacl-ingress-world-admin"]]);
}

#[test]
fn more_networks_than_any_resource_has_are_a_warning_unless_they_open_anyway() {
    let single = |number: u32| format!("11.{}.{}.{}/32", number >> 16, number >> 8 & 255, number & 255);
    let with = |first: &str| {
        let networks = std::iter::once(first.to_owned()).chain((0..60_000).map(single));
        let ranges: Vec<Value> = networks.map(|network| json!({"cidrIp": network})).collect();
        let permission = json!({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": ranges}});
        call("AuthorizeSecurityGroupIngress", &json!({"groupId": GROUP, "ipPermissions": {"items": [permission]}}))
    };
    let found = |record: &Value| -> Vec<(String, Status)> {
        findings(record).into_iter().map(|finding| (finding.rule.name.clone(), finding.status)).collect()
    };
    assert_eq!(found(&with("10.0.0.0/8")), [("exposure-undecidable".to_owned(), Status::Warning)]);
    assert_eq!(found(&with("0.0.0.0/0")), [("sg-ingress-world-admin".to_owned(), Status::NonCompliant)]);
}

#[test]
fn too_many_calls_to_compare_are_a_warning() {
    let on_port = |port: u16, networks: &[String]| {
        let ranges: Vec<Value> = networks.iter().map(|network| json!({"cidrIp": network})).collect();
        let permission = json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": {"items": ranges}});
        call("AuthorizeSecurityGroupIngress", &json!({"groupId": GROUP, "ipPermissions": {"items": [permission]}}))
    };
    let network = |number: u32| format!("{}.{}.0.0/16", 11 + number / 128, number % 128 * 2);
    let many: Vec<String> = (0..900).map(network).collect();
    let calls = (0..400).map(|port| on_port(20_000 + port, &[network(u32::from(port))]));
    let records: Vec<Value> = std::iter::once(on_port(10_000, &many)).chain(calls).collect();
    let findings = stream(lines_of(&records).as_bytes()).findings;
    let undecided: Vec<&Finding> =
        findings.iter().filter(|finding| finding.rule.name == "exposure-undecidable").collect();
    assert!(!undecided.is_empty() && undecided.len() < 300, "{}", undecided.len());
    assert!(undecided.iter().all(|finding| finding.status == Status::Warning));
    assert!(undecided[0].message.contains("too complex to decide"), "{}", undecided[0].message);
}

#[test]
fn a_warning_is_one_level_below_a_finding() {
    let rule = json!({"IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0"});
    let changed = json!({"SecurityGroupRuleId": "sgr-0123456789abcdef0", "SecurityGroupRule": rule, "tag": 1});
    let request = json!({"ModifySecurityGroupRulesRequest": {"GroupId": GROUP, "SecurityGroupRule": changed}});
    let found = findings(&call("ModifySecurityGroupRules", &request));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].status, found[0].rule.severity), (Status::Warning, Severity::High));
}

#[test]
fn everybody_is_found_in_every_form_of_a_permission() {
    for (name, permission, rule) in [
        ("ModifyImageAttribute", "launchPermission", "image-public"),
        ("ModifySnapshotAttribute", "createVolumePermission", "snapshot-public"),
    ] {
        for (request, is_public) in [
            (json!({permission: {"add": {"items": [{"group": "all"}]}}}), true),
            (json!({"attribute": permission, "operationType": "add", "userGroups": ["all"]}), true),
            (json!({"attribute": permission, "userGroups": ["all"]}), true),
            (
                json!({"attribute": permission, "operationType": "add", "userGroups": {"items": [{"group": "all"}]}}),
                true,
            ),
            (json!({"attribute": permission, "operationType": "remove", "userGroups": ["all"]}), false),
            (json!({permission: {"remove": {"items": [{"group": "all"}]}}}), false),
        ] {
            let found = findings(&call(name, &request));
            let names: Vec<&str> = found.iter().map(|finding| finding.rule.name.as_str()).collect();
            assert_eq!(names, if is_public { vec![rule] } else { vec![] }, "{name} {request}");
        }
    }
}

/// Every call some fact is derived from, as `(eventSource, eventName)`.
fn calls() -> Vec<(&'static str, &'static str)> {
    let pairs = FACTS.iter().filter_map(|fact| match fact.calls {
        Calls::These(pairs) => Some(pairs),
        Calls::AllOf(_) | Calls::All => None,
    });
    pairs.flatten().copied().collect()
}

/// JSON of the words and values that analysers look for, in any arrangement.
fn parameters() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "10.0.0.0/8",
            "***",
            "",
            "null",
            "tcp",
            "-1",
            "22",
            "true",
            "false",
            "all",
            "*",
            "igw-1",
            "cagw-1",
            "pl-1",
            "allow",
            "deny",
            "internet-facing",
            "optional",
            "off",
            "add",
            "2600::1",
        ])
        .prop_map(Value::from),
        prop::sample::select(vec![i64::MIN, -1, 0, 1, 22, 443, 65_535, 65_536, i64::MAX]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!(1.5)),
    ];
    let keys = prop::sample::select(vec![
        "items",
        "item",
        "content",
        "tag",
        "value",
        "groupId",
        "ipPermissions",
        "ipProtocol",
        "fromPort",
        "toPort",
        "ipRanges",
        "cidrIp",
        "ipv6Ranges",
        "cidrIpv6",
        "CidrIpv4",
        "prefixListIds",
        "prefixListId",
        "securityGroupRuleSet",
        "SecurityGroupRule",
        "SecurityGroupRuleId",
        "isEgress",
        "destinationCidrBlock",
        "destinationPrefixListId",
        "gatewayId",
        "aclProtocol",
        "portRange",
        "from",
        "to",
        "egress",
        "ruleAction",
        "cidrBlock",
        "AddEntry",
        "Cidr",
        "currentVersion",
        "networkInterfaceSet",
        "associatePublicIpAddress",
        "associateCarrierIpAddress",
        "carrierGatewayId",
        "httpTokensEnforced",
        "ipv6AddressCount",
        "ipv6Address",
        "scheme",
        "loadBalancers",
        "type",
        "dNSName",
        "peerOwnerId",
        "vpcPeeringConnection",
        "requesterVpcInfo",
        "ownerId",
        "createVolumePermission",
        "launchPermission",
        "add",
        "group",
        "addAllowedPrincipals",
        "httpTokens",
        "state",
        "ModifySecurityGroupRulesRequest",
        "RunInstancesRequest",
        "policyDocument",
        "assumeRolePolicyDocument",
        "role",
    ]);
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let object = vec((keys.clone(), inner.clone()), 0..6);
        prop_oneof![
            3 => object.prop_map(|members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            1 => vec(inner, 0..6).prop_map(Value::from),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_parameters_are_clean_found_or_a_warning(
        (source, name) in prop::sample::select(calls()),
        request in parameters(),
        response in parameters(),
        other in parameters(),
    ) {
        let record = json!({
            "eventSource": source, "eventName": name, "eventID": "e", "recipientAccountId": other, "awsRegion": other,
            "userIdentity": other,
            "requestParameters": request, "responseElements": response,
        });
        let result = payload(&record.to_string());
        prop_assert_eq!(result.tally.rejected, 0);
        for finding in result.findings {
            prop_assert!(!finding.message.is_empty() && !finding.remediation.text().is_empty() && !finding.uid().is_empty());
        }
    }
}
