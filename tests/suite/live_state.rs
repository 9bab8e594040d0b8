//! What live state says of findings, from snapshots: the way packets take, with each hop taken away in turn.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use trailwarden::alert::{AlertPolicy, groups};
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::finding::{Finding, Outcome as Live, Severity, ocsf};
use trailwarden::live_state::Snapshot;
use trailwarden::pipeline::{Input, Outcome, Pipeline, Tally};
use walkdir::WalkDir;

use crate::support::{fixture, json, run, stderr, stdout};

const REGION: &str = "111122223333/eu-west-1";
const ROLES: &str = "111122223333/get-account-authorization-details.json";

/// The files of `fixtures/live-state`: an instance on the internet, with everything that is on the way.
struct World(BTreeMap<String, Value>);

impl World {
    fn whole() -> Self {
        let root = fixture("live-state");
        let files = WalkDir::new(&root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let name = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        Self(files.map(|entry| (name(entry.path()), json(entry.path()))).collect())
    }

    /// The same, but for one place in one file of the region.
    fn with(mut self, file: &str, pointer: &str, value: Value) -> Self {
        let document = self.0.get_mut(&format!("{REGION}/{file}.json")).unwrap();
        *document.pointer_mut(pointer).unwrap_or_else(|| panic!("{file} has no {pointer}")) = value;
        self
    }

    fn without(mut self, file: &str) -> Self {
        self.0.remove(&format!("{REGION}/{file}.json")).unwrap();
        self
    }

    /// An account of which nothing can be read.
    fn unread() -> Self {
        let mut world = Self::whole();
        world.0.retain(|name, _| name.ends_with("/snapshot.json"));
        world
    }

    fn snapshot(&self) -> Snapshot {
        let directory = tempfile::tempdir().unwrap();
        for (name, document) in &self.0 {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, document.to_string()).unwrap();
        }
        Snapshot::open(directory.path()).unwrap()
    }
}

fn pipeline(configuration: &str) -> Pipeline {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("configuration.yml");
    fs::write(&path, configuration).unwrap();
    Configuration::of_file(ConfigurationFile::read(&path).unwrap()).pipeline().unwrap()
}

/// The findings of a payload, settled, with the tally.
fn settled(pipeline: &Pipeline, payload: &str, world: &World) -> (Vec<Finding>, Tally) {
    let mut findings = Vec::new();
    let mut outcomes = |outcome: Outcome| match outcome {
        Outcome::Finding(finding, _) => findings.push(*finding),
        Outcome::Item(_) => {}
        Outcome::Rejection(rejection) => panic!("{rejection}"),
    };
    let (mut tally, cases) = pipeline.run_for_live_state("test", Input::Payload(payload), &mut outcomes);
    pollster::block_on(pipeline.settle(cases, &world.snapshot(), &mut tally, &mut outcomes));
    assert!(tally.balances(), "{tally}");
    (findings, tally)
}

/// What live state says of the finding of `rule` for a record.
fn says(rule: &str, record: &str, world: &World) -> Option<(Live, String)> {
    let text = fs::read_to_string(fixture(record)).unwrap();
    let (findings, _) = settled(&pipeline(""), &text, world);
    let live = findings.into_iter().find(|finding| finding.rule.name == rule)?.live;
    live.map(|live| (live.outcome, live.summary))
}

const OPENED: &str = "rules/sg-ingress-world-admin/hit-items.json";
const OPENED_V6: &str = "rules/sg-ingress-world-admin/hit-ipv6.json";

fn opened(world: World) -> (Live, String) {
    says("sg-ingress-world-admin", OPENED, &world).unwrap()
}

fn opened_v6(world: World) -> (Live, String) {
    says("sg-ingress-world-admin", OPENED_V6, &world).unwrap()
}

#[test]
fn the_whole_way_is_confirmed_over_either_ip_version() {
    let (outcome, summary) = opened(World::whole());
    assert_eq!(outcome, Live::Confirmed);
    insta::assert_snapshot!(summary, @"Confirmed: the internet reaches i-0123456789abcdef0 at 198.51.100.7 on tcp port 22.");
    let (outcome, summary) = opened_v6(World::whole());
    assert_eq!(outcome, Live::Confirmed);
    insta::assert_snapshot!(summary, @"Confirmed: the internet reaches i-0123456789abcdef0 at 2001:db8:1234::7 on tcp port 22.");
}

#[test]
fn each_hop_that_is_taken_away_is_named() {
    let mut told = Vec::new();
    let mut tell = |what: &str, (outcome, summary): (Live, String)| {
        assert_ne!(outcome, Live::Confirmed, "{what}");
        told.push(format!("{what}\n  {}: {summary}", outcome.as_str()));
    };
    let interface = |pointer: &str, value: Value| {
        World::whole().with("describe-network-interfaces", &format!("/NetworkInterfaces/0{pointer}"), value)
    };
    let no_address = interface("/Association", Value::Null).with(
        "describe-network-interfaces",
        "/NetworkInterfaces/0/PrivateIpAddresses",
        json!([]),
    );
    tell("address", opened(no_address));
    tell("IPv6 address", opened_v6(interface("/Ipv6Addresses", json!([]))));
    tell("interface", opened(World::whole().with("describe-network-interfaces", "/NetworkInterfaces", json!([]))));
    tell("attachment", opened(interface("/Status", json!("available"))));
    let route = |number: usize, member: &str, value: Value| {
        World::whole().with("describe-route-tables", &format!("/RouteTables/0/Routes/{number}/{member}"), value)
    };
    tell("route", opened(route(1, "GatewayId", json!("vgw-0123456789abcdef0"))));
    tell("route that is a black hole", opened(route(1, "State", json!("blackhole"))));
    tell("IPv6 route", opened_v6(route(2, "State", json!("blackhole"))));
    let main = World::whole().with("describe-route-tables", "/RouteTables/0/Associations", json!([]));
    tell("association with the table", opened(main));
    let gateways = |value| World::whole().with("describe-internet-gateways", "/InternetGateways", value);
    tell("internet gateway", opened(gateways(json!([]))));
    let rules = "/SecurityGroupRules/0/CidrIpv4";
    tell("rule", opened(World::whole().with("describe-security-group-rules", rules, json!("203.0.113.0/24"))));
    let entries = |place: usize, action: &str| {
        World::whole().with(
            "describe-network-acls",
            &format!("/NetworkAcls/0/Entries/{place}/RuleAction"),
            json!(action),
        )
    };
    tell("network ACL in", opened(entries(0, "deny")));
    tell("network ACL in for IPv6", opened_v6(entries(1, "deny")));
    tell("network ACL out", opened(entries(4, "deny")));
    let state =
        |state: &str| World::whole().with("describe-instances", "/Reservations/0/Instances/0/State/Name", json!(state));
    tell("instance", opened(state("stopped")));
    let options = "describe-vpc-block-public-access-options";
    let mode = "/VpcBlockPublicAccessOptions/InternetGatewayBlockMode";
    tell("block public access", opened(World::whole().with(options, mode, json!("block-bidirectional"))));
    tell("block public access for ingress", opened_v6(World::whole().with(options, mode, json!("block-ingress"))));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_only_seems_to_be_in_the_way_is_not() {
    let confirmed = |what: &str, world: World| assert_eq!(opened(world).0, Live::Confirmed, "{what}");
    let exclusion = |mode: &str, state: &str, arn: &str| {
        let options = "/VpcBlockPublicAccessOptions/InternetGatewayBlockMode";
        let exclusion = json!([{"ResourceArn": arn, "InternetGatewayExclusionMode": mode, "State": state}]);
        World::whole().with("describe-vpc-block-public-access-options", options, json!("block-bidirectional")).with(
            "describe-vpc-block-public-access-exclusions",
            "/VpcBlockPublicAccessExclusions",
            exclusion,
        )
    };
    let vpc = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0123456789abcdef0";
    let subnet = "arn:aws:ec2:eu-west-1:111122223333:subnet/subnet-0123456789abcdef0";
    confirmed("excluded VPC", exclusion("allow-bidirectional", "create-complete", vpc));
    confirmed("excluded subnet", exclusion("allow-bidirectional", "update-complete", subnet));
    for (what, world) in [
        ("exclusion for egress", exclusion("allow-egress", "create-complete", vpc)),
        ("exclusion that is gone", exclusion("allow-bidirectional", "delete-complete", vpc)),
        (
            "exclusion of another",
            exclusion("allow-bidirectional", "create-complete", "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1"),
        ),
    ] {
        assert_eq!(opened(world).0, Live::Mitigated, "{what}");
    }
    let denied = |cidr: &str, protocol: &str, range: Value| {
        let mut entries = json(&fixture(&format!("live-state/{REGION}/describe-network-acls.json")));
        let entries = entries.pointer_mut("/NetworkAcls/0/Entries").unwrap().as_array_mut().unwrap();
        let deny = json!({"RuleNumber": 1, "Egress": false, "Protocol": protocol, "RuleAction": "deny",
                          "CidrBlock": cidr, "PortRange": range});
        entries.push(deny);
        World::whole().with("describe-network-acls", "/NetworkAcls/0/Entries", Value::Array(entries.clone()))
    };
    confirmed("a network that is shut out", denied("203.0.113.0/24", "-1", Value::Null));
    confirmed("another port that is shut", denied("0.0.0.0/0", "6", json!({"From": 443, "To": 443})));
    confirmed("another protocol that is shut", denied("0.0.0.0/0", "17", Value::Null));
    assert_eq!(opened(denied("0.0.0.0/0", "6", json!({"From": 0, "To": 1023}))).0, Live::Mitigated);
    // Half of the internet is still a large part of it.
    confirmed("half of the internet that is shut out", denied("0.0.0.0/1", "-1", Value::Null));
}

#[test]
fn only_latent_and_mitigated_lower_the_severity() {
    let severity = |world: World| {
        let text = fs::read_to_string(fixture(OPENED)).unwrap();
        let (findings, _) = settled(&pipeline(""), &text, &world);
        findings[0].severity()
    };
    assert_eq!(severity(World::whole()), Severity::Critical);
    assert_eq!(
        severity(World::whole().with("describe-internet-gateways", "/InternetGateways", json!([]))),
        Severity::High
    );
    let denied = "/NetworkAcls/0/Entries/0/RuleAction";
    assert_eq!(severity(World::whole().with("describe-network-acls", denied, json!("deny"))), Severity::High);
    assert_eq!(
        severity(World::whole().with("describe-security-group-rules", "/SecurityGroupRules", json!([]))),
        Severity::Critical
    );
    assert_eq!(severity(World::whole().without("describe-route-tables")), Severity::Critical);
}

#[test]
fn what_cannot_be_read_is_named_and_changes_nothing_else() {
    let text = fs::read_to_string(fixture(OPENED)).unwrap();
    let without = settled(&pipeline(""), &text, &World::unread()).0;
    insta::assert_snapshot!(without[0].live_state(), @"Live state is unknown: the snapshot has no file 111122223333/eu-west-1/describe-security-group-rules.json; in that account, `aws ec2 describe-security-group-rules --region eu-west-1` prints it.");
    let mut plain = without.clone();
    plain.iter_mut().for_each(|finding| finding.live = None);
    let mut findings = Vec::new();
    pipeline("").run("test", Input::Payload(&text), &mut |outcome| {
        if let Outcome::Finding(finding, _) = outcome {
            findings.push(*finding);
        }
    });
    assert_eq!(plain, findings);
    assert_eq!(without[0].live.as_ref().unwrap().outcome, Live::Unknown);
    // One hop that is not known makes the whole way unknown, unless another way is open.
    for file in [
        "describe-route-tables",
        "describe-network-acls",
        "describe-internet-gateways",
        "describe-instances",
        "describe-security-group-rules",
        "describe-network-interfaces",
        "describe-vpc-block-public-access-options",
    ] {
        let (outcome, summary) = opened(World::whole().without(file));
        assert_eq!(outcome, Live::Unknown, "{file}");
        assert!(summary.contains(file), "{file}: {summary}");
    }
}

#[test]
fn every_kind_of_finding_that_asks_is_judged() {
    let mut told = Vec::new();
    for (rule, record) in [
        ("igw-attached", "igw-attached/hit.json"),
        ("route-to-igw", "route-to-igw/hit-default.json"),
        ("route-to-igw-associated", "route-to-igw-associated/hit-associated.json"),
        ("eip-associated", "eip-associated/hit-instance.json"),
        ("instance-public-ip", "instance-public-ip/hit-subnet-default-live.json"),
        ("nacl-ingress-world-admin", "nacl-ingress-world-admin/hit-ssh.json"),
        ("subnet-auto-public-ip", "subnet-auto-public-ip/hit.json"),
        ("sg-ingress-world-attached", "sg-ingress-world-attached/hit-interface-ssh.json"),
        ("role-trust-public", "role-trust-public/hit-masked-live.json"),
    ] {
        let (outcome, summary) = says(rule, &format!("rules/{record}"), &World::whole()).unwrap();
        told.push(format!("{rule}\n  {}: {summary}", outcome.as_str()));
    }
    insta::assert_snapshot!(told.join("\n"));
}

/// What a record gives with live state that leaves open what it means by itself.
fn completed(record: &str, world: &World) -> Vec<String> {
    let mut record = json(&fixture(&format!("rules/{record}")));
    record.as_object_mut().unwrap().remove("liveState");
    let (findings, _) = settled(&pipeline(""), &record.to_string(), world);
    findings.iter().map(|finding| format!("{} {}", finding.rule.name, finding.status.code())).collect()
}

#[test]
fn what_only_state_can_decide_becomes_a_finding_or_silence() {
    let rule = |member: &str, value: Value| {
        World::whole().with("describe-security-group-rules", &format!("/SecurityGroupRules/0/{member}"), value)
    };
    let closed = || World::whole().with("describe-security-group-rules", "/SecurityGroupRules", json!([]));
    let none: [&str; 0] = [];
    // ModifySecurityGroupRules does not tell the direction.
    let modified = "sg-ingress-world-admin/hit-modified-live.json";
    assert_eq!(completed(modified, &World::whole()), ["sg-ingress-world-admin NON_COMPLIANT"]);
    assert_eq!(completed(modified, &rule("IsEgress", json!(true))), none);
    // A rule that is gone leaves the direction open.
    assert_eq!(completed(modified, &closed()), ["sg-ingress-world-admin WARNING"]);
    // Prefix lists.
    let list = "sg-ingress-world-admin/hit-prefix-list-live.json";
    assert_eq!(completed(list, &World::whole()), ["sg-ingress-world-admin NON_COMPLIANT"]);
    let mut narrow = World::whole();
    let entries = format!("{REGION}/get-managed-prefix-list-entries/pl-0123456789abcdef0.json");
    narrow.0.insert(entries.clone(), json!({"Entries": [{"Cidr": "203.0.113.0/24"}]}));
    assert_eq!(completed(list, &narrow), none);
    narrow.0.remove(&entries);
    assert_eq!(completed(list, &narrow), ["exposure-undecidable-prefix-list WARNING"]);
    assert_eq!(completed("route-to-igw/hit-prefix-list-live.json", &World::whole()), ["route-to-igw NON_COMPLIANT"]);
    // Parameters that are masked.
    assert_eq!(
        completed("exposure-undecidable/miss-masked-live.json", &World::whole()),
        ["sg-ingress-world-admin NON_COMPLIANT"]
    );
    assert_eq!(completed("exposure-undecidable/miss-masked-live.json", &closed()), none);
    // Subnets hand out addresses when instances start.
    let started = "instance-public-ip/miss-subnet-default.json";
    assert_eq!(completed(started, &World::whole()), ["instance-public-ip NON_COMPLIANT"]);
    let private = World::whole().with("describe-network-interfaces", "/NetworkInterfaces", json!([]));
    assert_eq!(completed(started, &private), none);
    // Groups of interfaces and instances.
    let blocked = "blocked-action NON_COMPLIANT";
    let attached = "sg-ingress-world-attached/miss-without-live-state.json";
    assert_eq!(completed(attached, &World::whole()), [blocked, "sg-ingress-world-attached NON_COMPLIANT"]);
    assert_eq!(completed(attached, &closed()), [blocked]);
    let instance = "sg-ingress-world-attached/hit-prefix-list.json";
    assert_eq!(completed(instance, &World::whole()), ["sg-ingress-world-attached NON_COMPLIANT"]);
    // Route tables of subnets.
    let associated = "route-to-igw-associated/hit-associated.json";
    assert_eq!(completed(associated, &World::whole()), ["route-to-igw-associated NON_COMPLIANT"]);
    let local = World::whole().with("describe-route-tables", "/RouteTables/0/Routes/1/State", json!("blackhole"));
    assert_eq!(
        completed(
            associated,
            &local.with("describe-route-tables", "/RouteTables/0/Routes/2/State", json!("blackhole"))
        ),
        none
    );
    // Trust policies that are not in the record, and what makes a role an administrator.
    let trust = "role-trust-undecidable/miss-live.json";
    assert_eq!(
        completed(trust, &World::whole()),
        ["role-trust-public-admin NON_COMPLIANT", "role-trust-public NON_COMPLIANT"]
    );
    let policy = "role-trust-public-admin/miss-without-live-state.json";
    assert_eq!(completed(policy, &World::whole()), ["role-trust-public-admin NON_COMPLIANT"]);
    let mut unread = World::whole();
    unread.0.remove(ROLES);
    assert_eq!(completed(trust, &unread), ["role-trust-undecidable WARNING"]);
    assert_eq!(completed(policy, &unread), ["role-trust-unanswered WARNING"]);
    // What cannot be asked is told, where nothing would be found without it.
    let unread = |file: &str| World::whole().without(file);
    let undecided = "exposure-unanswered WARNING";
    assert_eq!(completed(started, &unread("describe-network-interfaces")), [undecided]);
    assert_eq!(completed(associated, &unread("describe-route-tables")), [undecided]);
    assert_eq!(completed(instance, &unread("describe-security-group-rules")), [undecided]);
    assert!(completed(attached, &unread("describe-security-group-rules")).contains(&undecided.to_owned()));
}

#[test]
fn vpcs_are_exempt_by_state_only_when_configured() {
    let text = fs::read_to_string(fixture(OPENED)).unwrap();
    let default = || World::whole().with("describe-vpcs", "/Vpcs/0/IsDefault", json!(true));
    let tagged = || World::whole().with("describe-vpcs", "/Vpcs/0/Tags/0/Key", json!("INTERNAL_NETWORK"));
    let of_tags = "live-state: {exempt-vpc-tags: [INTERNAL_NETWORK]}";
    let of_default = "live-state: {exempt-default-vpc: true}";
    let exempt = |configuration: &str, world: World| {
        let (findings, tally) = settled(&pipeline(configuration), &text, &world);
        assert_eq!(tally.exempt + tally.matched, 1);
        findings[0].suppression.as_ref().map(|suppression| suppression.sentence())
    };
    assert_eq!(exempt("", default()), None);
    assert_eq!(exempt("", tagged()), None);
    assert_eq!(exempt(of_tags, World::whole()), None);
    assert_eq!(exempt(of_tags, default()), None);
    assert_eq!(exempt(of_default, tagged()), None);
    insta::assert_snapshot!(exempt(of_tags, tagged()).unwrap(), @"exempt by live-state of the configuration: vpc-0123456789abcdef0 has the tag INTERNAL_NETWORK");
    insta::assert_snapshot!(exempt(of_default, default()).unwrap(), @"exempt by live-state of the configuration: vpc-0123456789abcdef0 is the default VPC");
    // What cannot be read exempts nothing.
    assert_eq!(exempt(of_tags, tagged().without("describe-vpcs")), None);
    assert_eq!(exempt(of_tags, tagged().without("describe-security-groups")), None);
}

#[test]
fn whoever_can_tag_cannot_hide_it() {
    let text = fs::read_to_string(fixture("rules/exempting-tag-changed/hit-set.json")).unwrap();
    let is_found = |configuration: &str| {
        let (findings, _) = settled(&pipeline(configuration), &text, &World::whole());
        findings.iter().any(|finding| finding.rule.name == "exempting-tag-changed")
    };
    assert!(is_found("live-state: {exempt-vpc-tags: [INTERNAL_NETWORK]}"));
    assert!(!is_found(""));
    assert!(!is_found("live-state: {exempt-vpc-tags: [OTHER]}"));
}

#[test]
fn accounts_have_the_names_that_are_configured() {
    let text = fs::read_to_string(fixture(OPENED)).unwrap();
    let named = pipeline("account-names: {\"111122223333\": production}");
    let finding = &settled(&named, &text, &World::whole()).0[0];
    assert_eq!(finding.account(), "production (111122223333)");
    let document = ocsf::document(finding, "2026-03-04T16:30:00Z".parse().unwrap());
    assert_eq!(document["cloud"]["account"]["name"], "production");
}

#[test]
fn the_document_has_the_verdict_and_the_way_as_evidence() {
    let text = fs::read_to_string(fixture(OPENED)).unwrap();
    let finding = &settled(&pipeline(""), &text, &World::whole()).0[0];
    let document = ocsf::document(finding, "2026-03-04T16:30:00Z".parse().unwrap());
    insta::assert_snapshot!(serde_json::to_string_pretty(&document["evidences"][1]).unwrap());
}

#[test]
fn people_are_told_the_way_in_and_the_name_of_the_account() {
    let text = fs::read_to_string(fixture(OPENED)).unwrap();
    let named = pipeline("account-names: {\"111122223333\": production}");
    let (findings, _) = settled(&named, &text, &World::whole());
    let all = groups(findings.into_iter().map(Arc::new), &AlertPolicy::at_least(Severity::Low));
    let [group] = all.as_slice() else { panic!("{} alerts", all.len()) };
    let alert = group.alert().unwrap();
    let now = "2026-03-04T16:30:00Z".parse().unwrap();
    let chat: Value = serde_json::from_str(&alert.chat(now)).unwrap();
    assert!(alert.email(now).lines().count() <= 48);
    let chat = chat["content"]["description"].as_str().unwrap();
    insta::assert_snapshot!(format!("{}\n\n{}\n{chat}\n\n{}", alert.subject(), alert.email(now), alert.sms()));
}

#[test]
fn the_command_line_confirms_with_a_snapshot() {
    let directory = fixture("live-state");
    let output = run(&["evaluate", "--snapshot", directory.to_str().unwrap(), fixture(OPENED).to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&output));
    let output = run(&["evaluate", "--snapshot", "/nonexistent", fixture(OPENED).to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).is_empty());
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn what_others_wrote_into_the_state_is_shown_escaped() {
    let evil = "i-\u{1b}[31m\u{202e}\nx";
    let world = World::whole()
        .with("describe-network-interfaces", "/NetworkInterfaces/0/Attachment/InstanceId", json!(evil))
        .with("describe-instances", "/Reservations/0/Instances/0/InstanceId", json!(evil));
    let text = fs::read_to_string(fixture(OPENED)).unwrap();
    let finding = &settled(&pipeline(""), &text, &world).0[0];
    assert_eq!(finding.live.as_ref().unwrap().outcome, Live::Confirmed);
    for shown in [finding.live_state(), finding.access_paths().join(" ")] {
        assert!(shown.contains("i-"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\n']), "{shown:?}");
    }
}

/// The world with the interface of its instance changed, and these interfaces beside it.
fn with_interfaces(change: impl Fn(&mut Value), more: &[Value]) -> World {
    let mut world = World::whole();
    let document = world.0.get_mut(&format!("{REGION}/describe-network-interfaces.json")).unwrap();
    let interfaces = document["NetworkInterfaces"].as_array_mut().unwrap();
    change(&mut interfaces[0]);
    interfaces.extend(more.iter().cloned());
    world
}

fn private(interface: &mut Value) {
    interface["Association"] = Value::Null;
    interface["PrivateIpAddresses"] = json!([]);
    interface["Ipv6Addresses"] = json!([]);
}

#[test]
fn what_may_hand_connections_on_is_not_taken_for_safety() {
    // A target of a network load balancer needs no public address, and its group has to be open.
    let balancer = json!({
        "NetworkInterfaceId": "eni-0123456789abcdef9", "VpcId": "vpc-0123456789abcdef0", "Status": "in-use",
        "SubnetId": "subnet-0123456789abcdef0", "InterfaceType": "network_load_balancer", "Description": "ELB net/edge/1",
        "Association": {"PublicIp": "198.51.100.9"},
    });
    let (outcome, summary) = opened(with_interfaces(private, std::slice::from_ref(&balancer)));
    assert_eq!(outcome, Live::Unknown);
    assert!(summary.contains("ELB net/edge/1"), "{summary}");
    let mut internal = balancer;
    internal["Association"] = Value::Null;
    assert_eq!(opened(with_interfaces(private, &[internal])).0, Live::Latent);
    // A firewall between the gateway and the subnet decides by itself.
    let behind = |target: &str| {
        let mut world =
            World::whole().with("describe-route-tables", "/RouteTables/0/Routes/1/GatewayId", json!(target));
        let tables = world.0.get_mut(&format!("{REGION}/describe-route-tables.json")).unwrap();
        let edge = json!({"RouteTableId": "rtb-0123456789abcdef9", "VpcId": "vpc-0123456789abcdef0", "Routes": [],
                          "Associations": [{"GatewayId": "igw-0123456789abcdef0"}]});
        tables["RouteTables"].as_array_mut().unwrap().push(edge);
        world
    };
    let (outcome, summary) = opened(behind("vpce-0123456789abcdef0"));
    assert_eq!(outcome, Live::Unknown);
    assert!(summary.contains("vpce-0123456789abcdef0"), "{summary}");
    assert_eq!(opened(behind("vgw-0123456789abcdef0")).0, Live::Latent);
    // Over IPv6 the way is open as before, whatever is not known of IPv4.
    let (outcome, _) =
        says("eip-associated", "rules/eip-associated/hit-instance.json", &behind("vpce-0123456789abcdef0")).unwrap();
    assert_eq!(outcome, Live::Confirmed);
}

#[test]
fn what_cannot_be_gone_is_not_seen() {
    let unknown = |what: &str, world: World| assert_eq!(opened(world).0, Live::Unknown, "{what}");
    unknown("instance", World::whole().with("describe-instances", "/Reservations", json!([])));
    unknown("route table", World::whole().with("describe-route-tables", "/RouteTables", json!([])));
    let shared = World::whole().with("describe-vpcs", "/Vpcs/0/Tags", json!([]));
    let mut shared = shared.with("describe-internet-gateways", "/InternetGateways", json!([]));
    shared.0.get_mut(&format!("{REGION}/describe-vpcs.json")).unwrap()["Vpcs"][0]["OwnerId"] = json!("999988887777");
    unknown("gateway of the owner of a shared VPC", shared);
    // The interface has another group too, of which nothing is known.
    let other = json!([{"GroupId": "sg-0123456789abcdef9"}]);
    let world = World::whole().with("describe-network-interfaces", "/NetworkInterfaces/0/Groups", other);
    let (outcome, summary) = says("eip-associated", "rules/eip-associated/hit-instance.json", &world).unwrap();
    assert_eq!(outcome, Live::Unknown, "{summary}");
}

#[test]
fn a_state_from_before_the_call_calms_nobody() {
    let text = fs::read_to_string(fixture(OPENED)).unwrap();
    let closed = World::whole().with("describe-security-group-rules", "/SecurityGroupRules", json!([]));
    let at = |time: &str| {
        let mut record: Value = serde_json::from_str(&text).unwrap();
        record["eventTime"] = json!(time);
        settled(&pipeline(""), &record.to_string(), &closed).0[0].live.clone().unwrap().outcome
    };
    assert_eq!(at("2026-03-04T16:19:59Z"), Live::Remediated);
    assert_eq!(at("2026-03-04T16:20:01Z"), Live::Unknown);
}

#[test]
fn the_time_of_a_state_is_told_in_whole_seconds() {
    let text = fs::read_to_string(fixture(OPENED)).unwrap();
    let world = World::whole().with("snapshot", "/CheckedAt", json!("2026-03-04T16:20:00.75Z"));
    let said = settled(&pipeline(""), &text, &world).0[0].live_state();
    assert!(said.ends_with(" Checked at 2026-03-04T16:20:00Z."), "{said}");
}

#[test]
fn claims_are_judged_by_what_was_done_and_not_by_the_host() {
    let attached = |world: &World| {
        says("sg-ingress-world-attached", "rules/sg-ingress-world-attached/hit-interface-ssh.json", world).unwrap()
    };
    assert_eq!(attached(&with_interfaces(private, &[])).0, Live::Latent);
    let swapped =
        World::whole().with("describe-network-interfaces", "/NetworkInterfaces/0/Groups/0/GroupId", json!("sg-1"));
    assert_eq!(attached(&swapped).0, Live::Remediated);
    let subnet = |world: World| says("subnet-auto-public-ip", "rules/subnet-auto-public-ip/hit.json", &world).unwrap();
    let options = "describe-vpc-block-public-access-options";
    let mode = "/VpcBlockPublicAccessOptions/InternetGatewayBlockMode";
    assert_eq!(subnet(World::whole().with(options, mode, json!("block-ingress"))).0, Live::Mitigated);
    assert_eq!(
        subnet(World::whole().with("describe-internet-gateways", "/InternetGateways", json!([]))).0,
        Live::Latent
    );
    let other = World::whole().with("describe-subnets", "/Subnets/0/MapPublicIpOnLaunch", json!(false));
    assert_eq!(
        subnet(other.with("describe-subnets", "/Subnets/0/AssignIpv6AddressOnCreation", json!(true))).0,
        Live::Remediated
    );
    let acl =
        |world: &World| says("nacl-ingress-world-admin", "rules/nacl-ingress-world-admin/hit-ssh.json", world).unwrap();
    let deny = json!([
        {"RuleNumber": 50, "Egress": false, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"},
        {"RuleNumber": 100, "Egress": false, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"},
    ]);
    assert_eq!(acl(&World::whole().with("describe-network-acls", "/NetworkAcls/0/Entries", deny)).0, Live::Mitigated);
    assert_eq!(
        acl(&World::whole().with("describe-network-acls", "/NetworkAcls/0/Entries", json!([]))).0,
        Live::Remediated
    );
    // An instance that does not run may get its address back.
    let started = |world: &World| {
        says("instance-public-ip", "rules/instance-public-ip/hit.json", world).map(|(outcome, _)| outcome)
    };
    let stopped = with_interfaces(private, &[]).with(
        "describe-instances",
        "/Reservations/0/Instances/0/State/Name",
        json!("stopped"),
    );
    assert_eq!(started(&stopped), Some(Live::Latent));
    assert_eq!(started(&with_interfaces(private, &[])), Some(Live::Remediated));
}

#[test]
fn small_parts_of_the_internet_may_be_a_large_part_together() {
    let allowing = |networks: u8| {
        let allow = |place: u8| {
            let cidr = format!("{}.0.0.0/9", 20 + place);
            json!({"RuleNumber": place, "Egress": false, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": cidr})
        };
        let out =
            json!({"RuleNumber": 1, "Egress": true, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"});
        let entries: Vec<Value> = (0..networks).map(allow).chain([out]).collect();
        World::whole().with("describe-network-acls", "/NetworkAcls/0/Entries", json!(entries))
    };
    assert_eq!(opened(allowing(18)).0, Live::Confirmed);
    assert_eq!(opened(allowing(1)).0, Live::Mitigated);
}

#[test]
fn an_unread_list_that_leads_elsewhere_does_not_matter() {
    let route =
        json!({"DestinationPrefixListId": "pl-63a5400a", "GatewayId": "vpce-0123456789abcdef0", "State": "active"});
    let world = World::whole().with("describe-route-tables", "/RouteTables/0/Routes/0", route);
    assert_eq!(opened(world).0, Live::Confirmed);
}

/// The routes of the table of the instance's subnet, in this order.
fn routed(routes: Value) -> World {
    let mut world = World::whole().with("describe-route-tables", "/RouteTables/0/Routes", routes);
    let entries = format!("{REGION}/get-managed-prefix-list-entries/pl-0123456789abcdef0.json");
    world.0.insert(entries, json!({"Entries": [{"Cidr": "0.0.0.0/0"}, {"Cidr": "::/0"}]}));
    world
}

#[test]
fn routes_for_the_same_network_go_by_their_origin() {
    let route = |destination: &str, target: &str, state: &str, origin: &str| {
        let key = match destination {
            list if list.starts_with("pl-") => "DestinationPrefixListId",
            network if network.contains(':') => "DestinationIpv6CidrBlock",
            _ => "DestinationCidrBlock",
        };
        let of = if target.starts_with("tgw-") { "TransitGatewayId" } else { "GatewayId" };
        json!({key: destination, of: target, "State": state, "Origin": origin})
    };
    let (gateway, list) = ("igw-0123456789abcdef0", "pl-0123456789abcdef0");
    let (made, brought) = ("CreateRoute", "EnableVgwRoutePropagation");
    let (vpn, transit) = ("vgw-0123456789abcdef0", "tgw-0123456789abcdef0");
    for (what, first, second, expected) in [
        (
            "static before propagated",
            route("0.0.0.0/0", gateway, "active", made),
            route("0.0.0.0/0", vpn, "active", brought),
            Live::Confirmed,
        ),
        (
            "a black hole before propagated",
            route("0.0.0.0/0", transit, "blackhole", made),
            route("0.0.0.0/0", gateway, "active", "Advertisement"),
            Live::Latent,
        ),
        (
            "static before a list",
            route("0.0.0.0/0", gateway, "active", made),
            route(list, transit, "active", made),
            Live::Confirmed,
        ),
        (
            "static elsewhere before a list",
            route("0.0.0.0/0", transit, "active", made),
            route(list, gateway, "active", made),
            Live::Latent,
        ),
        (
            "a list before propagated",
            route(list, gateway, "active", made),
            route("0.0.0.0/0", vpn, "active", brought),
            Live::Confirmed,
        ),
        (
            "smaller networks before all",
            json!([route("0.0.0.0/1", vpn, "active", brought), route("128.0.0.0/1", vpn, "active", brought)]),
            route("0.0.0.0/0", gateway, "active", made),
            Live::Latent,
        ),
        (
            "half of it",
            route("0.0.0.0/1", vpn, "active", brought),
            route("0.0.0.0/0", gateway, "active", made),
            Live::Confirmed,
        ),
    ] {
        let flat = |routes: &[&Value]| {
            let all = routes.iter().flat_map(|one| one.as_array().cloned().unwrap_or_else(|| vec![(*one).clone()]));
            Value::Array(all.collect())
        };
        assert_eq!(opened(routed(flat(&[&first, &second]))).0, expected, "{what}");
        assert_eq!(opened(routed(flat(&[&second, &first]))).0, expected, "{what}, the other way round");
    }
    // A subnet is put behind a table whose way to the gateway does not count.
    let associated = "route-to-igw-associated/hit-associated.json";
    let routes = json!([route("0.0.0.0/0", transit, "active", made), route(list, gateway, "active", made)]);
    let v6 = json!([route("::/0", transit, "active", made)]);
    let all = [routes.as_array().unwrap().as_slice(), v6.as_array().unwrap().as_slice()].concat();
    assert_eq!(completed(associated, &routed(json!(all))), [""; 0]);
    assert_eq!(completed(associated, &routed(routes)), ["route-to-igw-associated NON_COMPLIANT"]);
    for (first, expected) in [(made, Live::Confirmed), (brought, Live::Latent)] {
        let routes = json!([
            route("::/0", gateway, "active", first),
            route("::/0", vpn, "active", if first == made { brought } else { made }),
        ]);
        assert_eq!(opened_v6(routed(routes)).0, expected, "IPv6 {first}");
    }
}

#[test]
fn an_interface_that_drops_what_gateways_hand_to_it_is_not_reached() {
    let dropping = || with_interfaces(|interface| interface["DenyAllIgwTraffic"] = json!(true), &[]);
    let (outcome, summary) = opened_v6(dropping());
    assert_eq!(outcome, Live::Mitigated);
    assert!(summary.contains("DenyAllIgwTraffic"), "{summary}");
    assert_eq!(opened(dropping()).0, Live::Mitigated);
    assert_eq!(opened_v6(with_interfaces(|one| one["DenyAllIgwTraffic"] = json!(false), &[])).0, Live::Confirmed);
    // Neither does an internal load balancer of both IP versions hand on what comes from the internet.
    let balancer = json!({
        "NetworkInterfaceId": "eni-0123456789abcdef9", "VpcId": "vpc-0123456789abcdef0", "Status": "in-use",
        "SubnetId": "subnet-0123456789abcdef0", "InterfaceType": "network_load_balancer", "Description": "ELB net/edge/1",
        "Ipv6Addresses": [{"Ipv6Address": "2600:1f18::9"}], "DenyAllIgwTraffic": true,
    });
    assert_eq!(opened(with_interfaces(private, &[balancer])).0, Live::Latent);
}

#[test]
fn icmp_goes_by_type_and_code() {
    let rule = "rules/sg-ingress-world-icmp/hit-ping.json";
    /// The type and code of the group's rule, and those of the entries of the ACL that come before what allows all.
    fn world(rule: [i64; 2], entries: &[(&str, &str, Option<[i64; 2]>)]) -> World {
        let described = json!([{
            "SecurityGroupRuleId": "sgr-0123456789abcde01", "GroupId": "sg-0aaa1111bbb22222c", "IsEgress": false,
            "IpProtocol": "icmp", "FromPort": rule[0], "ToPort": rule[1], "CidrIpv4": "0.0.0.0/0",
        }]);
        let entry = |(place, (action, protocol, icmp)): (usize, &(&str, &str, Option<[i64; 2]>))| {
            let icmp = icmp.map(|[kind, code]| json!({"Type": kind, "Code": code}));
            json!({"RuleNumber": place + 1, "Egress": false, "Protocol": protocol, "RuleAction": action,
                   "CidrBlock": "0.0.0.0/0", "IcmpTypeCode": icmp})
        };
        let all = |egress: bool| json!({"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"});
        let entries: Vec<Value> = entries.iter().enumerate().map(entry).chain([all(false), all(true)]).collect();
        World::whole().with("describe-security-group-rules", "/SecurityGroupRules", described).with(
            "describe-network-acls",
            "/NetworkAcls/0/Entries",
            json!(entries),
        )
    }
    let record = |[kind, code]: [i64; 2]| {
        let mut record = json(&fixture(rule));
        let items = json!([{"ipProtocol": "icmp", "fromPort": kind, "toPort": code,
                            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]);
        record["requestParameters"] = json!({"groupId": "sg-0aaa1111bbb22222c", "ipPermissions": {"items": items}});
        record["responseElements"] = json!({"_return": true});
        record.to_string()
    };
    let outcome = |rule: [i64; 2], entries: &[(&str, &str, Option<[i64; 2]>)]| {
        let live = judged(&record(rule), &world(rule, entries))[0].live.clone().unwrap();
        (live.outcome, live.summary)
    };
    let (all, echo) = ([-1, -1], [8, -1]);
    for (what, rule, entries, expected) in [
        ("all types", all, vec![("deny", "1", Some(all))], Live::Mitigated),
        ("one type of all", all, vec![("deny", "1", Some(echo))], Live::Confirmed),
        ("the type that is open", echo, vec![("deny", "1", Some(echo))], Live::Mitigated),
        ("another type", echo, vec![("deny", "1", Some([13, -1]))], Live::Confirmed),
        ("one code", [8, 0], vec![("deny", "1", Some([8, 0]))], Live::Mitigated),
        ("one code of the type", echo, vec![("deny", "1", Some([8, 1]))], Live::Confirmed),
        ("the type of a code", [8, 0], vec![("deny", "1", Some(echo))], Live::Mitigated),
        ("another protocol", all, vec![("deny", "6", None)], Live::Confirmed),
        ("ICMPv6", all, vec![("deny", "58", Some(all))], Live::Confirmed),
        ("no type", all, vec![("deny", "1", None)], Live::Confirmed),
        ("after it is allowed", echo, vec![("allow", "1", Some(echo)), ("deny", "1", Some(all))], Live::Confirmed),
        ("but for another", echo, vec![("allow", "1", Some([0, -1])), ("deny", "1", Some(all))], Live::Mitigated),
        ("all protocols", echo, vec![("deny", "-1", None)], Live::Mitigated),
    ] {
        let (outcome, summary) = outcome(rule, &entries);
        assert_eq!(outcome, expected, "{what}: {summary}");
    }
    let (_, summary) = outcome(all, &[("deny", "1", Some([13, -1]))]);
    assert!(summary.contains("on icmp types 0-12, icmp types 14-255."), "{summary}");
}

/// A record of a call, with these parameters.
fn call(source: &str, name: &str, request: Value, response: Value) -> String {
    let mut record = json(&fixture("rules/sg-ingress-world-reached/miss-without-live-state.json"));
    record["eventSource"] = json!(format!("{source}.amazonaws.com"));
    record["eventName"] = json!(name);
    record["requestParameters"] = request;
    record["responseElements"] = response;
    record.to_string()
}

/// The findings of a record by the built-in rules.
fn judged(record: &str, world: &World) -> Vec<Finding> {
    thread_local! {
        static PIPELINE: Pipeline = pipeline("");
    }
    PIPELINE.with(|pipeline| settled(pipeline, record, world).0)
}

/// The findings of a record but for `blocked-action`, with their severities and what live state says.
fn found(record: &str, world: &World) -> Vec<String> {
    let findings = judged(record, world);
    let others = findings.iter().filter(|finding| !finding.rule.name.starts_with("blocked-action"));
    let words = |finding: &Finding| {
        let live = finding.live.as_ref().map_or("nothing", |live| live.outcome.as_str());
        format!("{} {:?} {live}", finding.rule.name, finding.severity()).to_lowercase()
    };
    others.map(words).collect()
}

#[test]
fn calls_that_complete_an_opening_are_found_when_it_is_reached() {
    let (instance, interface) = ("i-0123456789abcdef0", "eni-0123456789abcdef0");
    let started = json!({"instancesSet": {"items": [{"instanceId": instance}]}});
    let after =
        |state: &str| json!({"instancesSet": {"items": [{"instanceId": instance, "previousState": {"name": state}}]}});
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/edge/50dc6c495c0c9188";
    let groups = json!(["sg-0aaa1111bbb22222c"]);
    let elb = "elasticloadbalancing";
    let calls = [
        call("ec2", "StartInstances", started.clone(), after("stopped")),
        call("ec2", "StartInstances", started.clone(), Value::Null),
        call(
            "ec2",
            "AttachNetworkInterface",
            json!({"networkInterfaceId": interface, "instanceId": instance}),
            json!({}),
        ),
        call(
            "ec2",
            "CreateNetworkInterface",
            json!({}),
            json!({"networkInterface": {"networkInterfaceId": interface}}),
        ),
        call(
            "ec2",
            "AssignIpv6Addresses",
            json!({"AssignIpv6AddressesRequest": {"NetworkInterfaceId": interface}}),
            json!({}),
        ),
        call(
            "ec2",
            "AssociateSubnetCidrBlock",
            json!({"AssociateSubnetCidrBlockRequest": {
                "SubnetId": "subnet-0123456789abcdef0", "Ipv6CidrBlock": "2001:db8:1234::/64"}}),
            json!({}),
        ),
        call(elb, "SetSecurityGroups", json!({"loadBalancerArn": arn, "securityGroups": groups}), json!({})),
        call(
            elb,
            "ApplySecurityGroupsToLoadBalancer",
            json!({"loadBalancerName": "edge", "securityGroups": groups}),
            json!({}),
        ),
    ];
    let balanced = |description: &str| {
        let described = json!(description);
        move |interface: &mut Value| interface["Description"] = described.clone()
    };
    let world_of = |record: &str| match record {
        v2 if v2.contains("SetSecurityGroups") => with_interfaces(balanced("ELB app/edge/50dc6c495c0c9188"), &[]),
        classic if classic.contains("ApplySecurityGroups") => with_interfaces(balanced("ELB edge"), &[]),
        _ => World::whole(),
    };
    let reached = "sg-ingress-world-reached critical confirmed";
    let none: [&str; 0] = [];
    for record in &calls {
        assert_eq!(found(record, &world_of(record)), [reached], "{record}");
        // Neighbours in which it is not reached.
        let closed = |file: &str, pointer: &str, value: Value| {
            assert_eq!(found(record, &world_of(record).with(file, pointer, value)), none, "{file}: {record}");
        };
        closed("describe-security-group-rules", "/SecurityGroupRules", json!([]));
        closed("describe-internet-gateways", "/InternetGateways", json!([]));
        closed("describe-network-acls", "/NetworkAcls/0/Entries", json!([]));
        closed("describe-network-interfaces", "/NetworkInterfaces/0/Status", json!("available"));
        closed("describe-network-interfaces", "/NetworkInterfaces", json!([]));
        for state in ["stopped", "stopping", "terminated", "shutting-down"] {
            closed("describe-instances", "/Reservations/0/Instances/0/State/Name", json!(state));
        }
        let options = "describe-vpc-block-public-access-options";
        closed(options, "/VpcBlockPublicAccessOptions/InternetGatewayBlockMode", json!("block-ingress"));
        // A call that failed completes nothing.
        let mut failed: Value = serde_json::from_str(record).unwrap();
        failed["errorCode"] = json!("Client.UnauthorizedOperation");
        assert_eq!(found(&failed.to_string(), &world_of(record)), none);
        // What cannot be read is told.
        let unread = world_of(record).without("describe-network-interfaces");
        assert_eq!(found(record, &unread), ["exposure-unanswered low unknown"], "{record}");
    }
    // The web ports are meant to be open.
    let web = json!([{"SecurityGroupRuleId": "sgr-0123456789abcde01", "GroupId": "sg-0aaa1111bbb22222c", "IsEgress": false,
                      "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0"}]);
    let web = World::whole().with("describe-security-group-rules", "/SecurityGroupRules", web);
    assert_eq!(found(&calls[0], &web), none);
    // One that ran before was not started.
    assert_eq!(found(&call("ec2", "StartInstances", started, after("running")), &World::whole()), none);
    // IPv6 addresses do not answer for what IPv4 lets in, nor those of another network.
    let over_v4 = with_interfaces(|interface| interface["Ipv6Addresses"] = json!([]), &[]);
    assert_eq!(found(&calls[4], &over_v4), none);
    assert_eq!(found(&calls[5], &over_v4), none);
    assert_eq!(found(&calls[5].replace("2001:db8:1234::/64", "2001:db8:4321::/64"), &World::whole()), none);
}

#[test]
fn what_a_group_lets_in_now_is_judged_as_a_whole() {
    let group = "sg-0aaa1111bbb22222c";
    let world = |rules: &[(&str, u16, &str)]| {
        let rule = |(place, (protocol, port, network)): (usize, &(&str, u16, &str))| {
            let key = if network.contains(':') { "CidrIpv6" } else { "CidrIpv4" };
            json!({"SecurityGroupRuleId": format!("sgr-0123456789abcde{place:02}"), "GroupId": group, "IsEgress": false,
                   "IpProtocol": protocol, "FromPort": port, "ToPort": port, key: network})
        };
        let rules: Vec<Value> = rules.iter().enumerate().map(rule).collect();
        World::whole().with("describe-security-group-rules", "/SecurityGroupRules", json!(rules))
    };
    let authorized = |protocol: &str, port: u16, network: &str| {
        let (ranges, key) = if network.contains(':') { ("ipv6Ranges", "cidrIpv6") } else { ("ipRanges", "cidrIp") };
        let items =
            json!([{"ipProtocol": protocol, "fromPort": port, "toPort": port, ranges: {"items": [{key: network}]}}]);
        call(
            "ec2",
            "AuthorizeSecurityGroupIngress",
            json!({"groupId": group, "ipPermissions": {"items": items}}),
            json!({"_return": true}),
        )
    };
    let ssh = |network| authorized("tcp", 22, network);
    let (low, high) = (("tcp", 22, "0.0.0.0/1"), ("tcp", 22, "128.0.0.0/1"));
    let world_open = "sg-ingress-world-admin critical confirmed".to_owned();
    let named = |record: &str, world: &World| found(record, world);
    assert_eq!(named(&ssh("128.0.0.0/1"), &world(&[low, high])), [world_open.as_str()]);
    assert_eq!(
        named(&authorized("tcp", 22, "a000::/1"), &world(&[("tcp", 22, "a000::/1")])),
        named(&authorized("tcp", 22, "a000::/1"), &World::whole()),
        "nothing of the internet"
    );
    assert_eq!(
        named(&ssh("2800::/5"), &world(&[("tcp", 22, "2000::/5"), ("tcp", 22, "2800::/5")])),
        [world_open.as_str()]
    );
    // A rule for all traffic is the other half of any port.
    assert_eq!(named(&ssh("128.0.0.0/1"), &world(&[("-1", 0, "0.0.0.0/1"), high])), [world_open.as_str()]);
    // Halves of different ports, of another group's, or that are gone are no whole.
    let alone = named(&ssh("128.0.0.0/1"), &world(&[high]));
    assert!(!alone.contains(&world_open), "{alone:?}");
    assert_eq!(named(&ssh("128.0.0.0/1"), &world(&[("tcp", 443, "0.0.0.0/1"), high])), alone);
    let remediated = named(&ssh("128.0.0.0/1"), &world(&[]));
    assert!(remediated.iter().all(|one| one.ends_with("remediated")), "{remediated:?}");
    // What is already open further by a larger network is not opened by this one.
    let covered = named(&ssh("128.0.0.0/1"), &world(&[("tcp", 22, "0.0.0.0/0"), high]));
    assert!(!covered.contains(&world_open), "{covered:?}");
    // Only the call's own ports count.
    let more = [low, high, ("tcp", 3306, "0.0.0.0/0")];
    assert_eq!(named(&ssh("128.0.0.0/1"), &world(&more)), [world_open.as_str()]);
    // Two small halves of a large part.
    let halves = [("tcp", 22, "52.0.0.0/9"), ("tcp", 22, "52.128.0.0/9")];
    let wide = named(&ssh("52.128.0.0/9"), &world(&halves));
    assert!(wide.iter().any(|one| one.starts_with("sg-ingress-wide") && one.ends_with("confirmed")), "{wide:?}");
    // The message names both halves.
    let message = judged(&ssh("128.0.0.0/1"), &world(&[low, high]))[0].message.clone();
    assert!(message.contains("from 128.0.0.0/1") && message.contains("from 0.0.0.0/1"), "{message}");
    // A group that cannot be read leaves the call as it is.
    let unread = World::whole().without("describe-security-group-rules");
    assert!(named(&ssh("128.0.0.0/1"), &unread).iter().all(|one| one.ends_with("unknown")));
    // A changed rule is judged in the same way.
    let modified = call(
        "ec2",
        "ModifySecurityGroupRules",
        json!({"ModifySecurityGroupRulesRequest": {"GroupId": group, "SecurityGroupRule": {
            "SecurityGroupRuleId": "sgr-0123456789abcde01", "tag": 1,
            "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "128.0.0.0/1"}}}}),
        json!({}),
    );
    assert_eq!(named(&modified, &world(&[low, high])), [world_open.as_str()]);
}

#[test]
fn what_an_acl_or_a_prefix_list_lets_in_now_is_judged_as_a_whole() {
    let allowed = |number: i32, network: &str| {
        json!({"RuleNumber": number, "Egress": false, "Protocol": "6", "RuleAction": "allow", "CidrBlock": network,
               "PortRange": {"From": 22, "To": 22}})
    };
    let out =
        json!({"RuleNumber": 1, "Egress": true, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"});
    let entry = call(
        "ec2",
        "CreateNetworkAclEntry",
        json!({"networkAclId": "acl-0123456789abcdef0", "ruleNumber": 90, "egress": false, "ruleAction": "allow",
               "portRange": {"from": 22, "to": 22}, "aclProtocol": "6", "cidrBlock": "128.0.0.0/1"}),
        json!({"_return": true}),
    );
    let acl = |entries: Value| {
        found(&entry, &World::whole().with("describe-network-acls", "/NetworkAcls/0/Entries", entries))
    };
    let is_whole = |found: &[String]| found.iter().any(|one| one.starts_with("nacl-ingress-world-admin "));
    let (low, high) = (allowed(80, "0.0.0.0/1"), allowed(90, "128.0.0.0/1"));
    assert!(is_whole(&acl(json!([low, high, out]))));
    assert!(!is_whole(&acl(json!([high, out]))));
    let denied =
        json!({"RuleNumber": 80, "Egress": false, "Protocol": "6", "RuleAction": "deny", "CidrBlock": "0.0.0.0/1"});
    assert!(!is_whole(&acl(json!([denied, high, out]))));
    let modified = call(
        "ec2",
        "ModifyManagedPrefixList",
        json!({"ModifyManagedPrefixListRequest": {"PrefixListId": "pl-0123456789abcdef0", "CurrentVersion": 1,
               "AddEntry": {"Cidr": "128.0.0.0/1", "tag": 1}}}),
        json!({}),
    );
    let list = |entries: Value| {
        let mut world = World::whole();
        let name = format!("{REGION}/get-managed-prefix-list-entries/pl-0123456789abcdef0.json");
        world.0.insert(name, json!({"Entries": entries}));
        found(&modified, &world)
    };
    let (low, high) = (json!({"Cidr": "0.0.0.0/1"}), json!({"Cidr": "128.0.0.0/1"}));
    assert_eq!(list(json!([low, high])), ["prefix-list-world high nothing"]);
    assert!(!list(json!([high])).iter().any(|one| one.starts_with("prefix-list-world ")));
}

#[test]
fn a_boundary_takes_away_what_it_does_not_allow() {
    let policy = "role-trust-public-admin/miss-without-live-state.json";
    let world = |actions: &str, boundary: &str| {
        let document = json!({"Version": "2012-10-17",
                              "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
        let mut world = World::whole();
        let details = world.0.get_mut(ROLES).unwrap();
        details["RoleDetailList"][0]["PermissionsBoundary"] =
            json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary});
        details["Policies"] = json!([{
            "PolicyName": "bounds", "Arn": "arn:aws:iam::111122223333:policy/bounds", "DefaultVersionId": "v2",
            "PolicyVersionList": [{"VersionId": "v2", "Document": document}],
        }]);
        world
    };
    let bounds = "arn:aws:iam::111122223333:policy/bounds";
    let administrator = ["role-trust-public-admin NON_COMPLIANT"];
    assert_eq!(completed(policy, &world("s3:*", bounds)), [""; 0]);
    assert_eq!(completed(policy, &world("iam:*", bounds)), administrator);
    assert_eq!(completed(policy, &world("s3:*", "arn:aws:iam::aws:policy/AdministratorAccess")), administrator);
    // One that is not in the snapshot takes nothing away.
    assert_eq!(completed(policy, &world("s3:*", "arn:aws:iam::111122223333:policy/other")), administrator);
}
