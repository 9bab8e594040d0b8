//! `trailwarden snapshot`, and that what it writes says the same as AWS.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;
use trailwarden::live_state::Snapshot;
use trailwarden::live_state::resources::block_public_access::BlockPublicAccess;
use trailwarden::live_state::resources::instance::Instance;
use trailwarden::live_state::resources::internet_gateway::InternetGateway;
use trailwarden::live_state::resources::network_acl::NetworkAcl;
use trailwarden::live_state::resources::network_interface::NetworkInterface;
use trailwarden::live_state::resources::prefix_list::PrefixListEntry;
use trailwarden::live_state::resources::role::Role;
use trailwarden::live_state::resources::route_table::RouteTable;
use trailwarden::live_state::resources::security_group::SecurityGroup;
use trailwarden::live_state::resources::security_group_rule::SecurityGroupRule;
use trailwarden::live_state::resources::subnet::Subnet;
use trailwarden::live_state::resources::vpc::Vpc;

use super::stub::{Call, Reply, Stub, ec2, ec2_error, query, query_error};
use super::{ACCOUNT, MEMBER, REGION, config, id, named, of, page, run, select, session, stub};
use super::{AnyQueryKind, AwsState, LiveState, Query, Resolved};

fn snapshot(stub: &Stub, directory: &Path, arguments: &[&str]) -> Output {
    command(&stub.url, directory).args(arguments).output().unwrap()
}

fn command(endpoint: &str, directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailwarden"));
    command
        .arg("snapshot")
        .arg(directory)
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKIAOWN")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", REGION);
    command
}

/// A proxy that denies every tunnel and sends the first line of each request.
fn proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            sender.send(line).unwrap();
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    (url, receiver)
}

#[test]
fn a_proxy_of_the_environment_is_used_for_all_hosts_but_those_of_no_proxy() {
    let directory = tempfile::tempdir().unwrap();
    let (url, requests) = proxy();
    let output = command("https://sts.aws.invalid", directory.path()).env("HTTPS_PROXY", &url).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(requests.recv().unwrap(), "CONNECT sts.aws.invalid:443 HTTP/1.1\r\n");
    let (url, requests) = proxy();
    let stub = stub(region);
    let mut direct = command(&stub.url, directory.path());
    assert_eq!(direct.env("HTTP_PROXY", &url).env("NO_PROXY", "127.0.0.1").status().unwrap().code(), Some(0));
    assert!(requests.try_recv().is_err());
}

fn errors(output: &Output, directory: &Path) -> String {
    let all = String::from_utf8_lossy(&output.stderr).replace(&directory.display().to_string(), "DIR");
    all.lines().filter(|line| !line.starts_with("wrote")).map(|line| format!("{line}\n")).collect()
}

fn tag(name: &str, value: &str) -> String {
    format!("<{name}>{value}</{name}>")
}

fn items(name: &str, entries: &[String]) -> String {
    tag(name, &entries.iter().map(|entry| tag("item", entry)).collect::<String>())
}

/// A region with one of each kind, and 250 security groups.
fn region(call: &Call) -> Reply {
    let vpc = tag("vpcId", &id("vpc", 1));
    let subnet = tag("subnetId", &id("subnet", 1));
    let acl_entry = "<ruleNumber>100</ruleNumber><protocol>6</protocol><ruleAction>allow</ruleAction><egress>false</egress>\
        <cidrBlock>0.0.0.0/0</cidrBlock><portRange><from>1024</from><to>65535</to></portRange>";
    let inner = match call.action.as_str() {
        "DescribeNetworkInterfaces" => {
            let address = "<association><publicIp>198.51.100.7</publicIp><allocationId>eipalloc-00000001</allocationId></association>";
            let instance = tag("attachment", &tag("instanceId", &id("i", 1)));
            let groups = items("groupSet", &[tag("groupId", &id("sg", 7))]);
            let addresses = items("privateIpAddressesSet", &[address.to_owned()]);
            let v6 = items("ipv6AddressesSet", &[tag("ipv6Address", "2001:db8::7")]);
            let rest =
                "<status>in-use</status><interfaceType>interface</interfaceType><description>\u{202e}</description>";
            let eni = tag("networkInterfaceId", &id("eni", 1));
            let interface = format!("{eni}{vpc}{subnet}{rest}{groups}{address}{addresses}{v6}{instance}");
            items("networkInterfaceSet", &[interface])
        }
        "DescribeSecurityGroupRules" => named(&page(call, 2_500, super::rule), "securityGroupRuleSet"),
        "DescribeSecurityGroups" => {
            let group = |number| tag("groupId", &id("sg", number)) + &tag("vpcId", &id("vpc", 1));
            named(&page(call, 250, group), "securityGroupInfo")
        }
        "DescribeRouteTables" => {
            let route = "<destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId><state>active</state>";
            let association = tag("routeTableAssociationId", &id("rtbassoc", 1)) + &subnet + "<main>false</main>";
            let routes = items("routeSet", &[route.to_owned()]);
            let table = tag("routeTableId", &id("rtb", 1)) + &vpc + &routes + &items("associationSet", &[association]);
            items("routeTableSet", &[table])
        }
        "DescribeInternetGateways" => {
            let attachments = items("attachmentSet", &[vpc + "<state>available</state>"]);
            items("internetGatewaySet", &[tag("internetGatewayId", &id("igw", 1)) + &attachments])
        }
        "DescribeNetworkAcls" => {
            let entries = items("entrySet", &[acl_entry.to_owned()]);
            let associations = items("associationSet", &[subnet]);
            let acl = tag("networkAclId", &id("acl", 1)) + &vpc + "<default>true</default>" + &entries + &associations;
            items("networkAclSet", &[acl])
        }
        "DescribeVpcs" => {
            let tags = items("tagSet", &["<key>INTERNAL_NETWORK</key><value>true</value>".to_owned()]);
            items("vpcSet", &[vpc + "<isDefault>true</isDefault>" + &tags])
        }
        "DescribeSubnets" => items("subnetSet", &[subnet + &vpc + "<mapPublicIpOnLaunch>true</mapPublicIpOnLaunch>"]),
        "DescribeInstances" => {
            let instance = tag("instanceId", &id("i", 1)) + "<instanceState><name>running</name></instanceState>";
            items("reservationSet", &[items("instancesSet", &[instance])])
        }
        "DescribeVpcBlockPublicAccessOptions" => {
            let mode = tag("internetGatewayBlockMode", "block-bidirectional");
            tag("vpcBlockPublicAccessOptions", &mode)
        }
        "DescribeVpcBlockPublicAccessExclusions" => {
            let exclusion = "<resourceArn>arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1</resourceArn>\
                <internetGatewayExclusionMode>allow-bidirectional</internetGatewayExclusionMode><state>create-complete</state>";
            items("vpcBlockPublicAccessExclusionSet", &[exclusion.to_owned()])
        }
        "DescribeManagedPrefixLists" => items("prefixListSet", &[tag("prefixListId", &id("pl", 1))]),
        "GetManagedPrefixListEntries" => items("entrySet", &[tag("cidr", "0.0.0.0/1"), tag("cidr", "128.0.0.0/1")]),
        _ => return account(call),
    };
    ec2(&call.action, &inner)
}

/// One role, whichever way it is asked for.
fn account(call: &Call) -> Reply {
    let trust = "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22n%22%3A%221%2E50%25%22%7D%5D%7D";
    let (own, version) = (
        "arn:aws:iam::111122223333:policy/own",
        "<VersionId>v2</VersionId><Document>%7B%22Own%22%3A1.50%7D</Document>",
    );
    let attached = format!(
        "<member><PolicyName>own</PolicyName><PolicyArn>{own}</PolicyArn></member><member>\
         <PolicyName>IAMFullAccess</PolicyName><PolicyArn>arn:aws:iam::aws:policy/IAMFullAccess</PolicyArn></member>"
    );
    let inline = "<PolicyName>inline</PolicyName><PolicyDocument>%7B%22Inline%22%3A1%7D</PolicyDocument>";
    let role = format!(
        "<Path>/</Path><RoleName>deploy</RoleName><RoleId>AROA1</RoleId><Arn>arn:aws:iam::111122223333:role/deploy</Arn>\
         <CreateDate>2026-03-04T10:00:00Z</CreateDate><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>"
    );
    let inner = match call.action.as_str() {
        "GetAccountAuthorizationDetails" if call.get("Marker").is_empty() => {
            let lists = tag("RolePolicyList", &tag("member", inline)) + &tag("AttachedManagedPolicies", &attached);
            let roles = tag("RoleDetailList", &tag("member", &(role + &lists)));
            roles + "<IsTruncated>true</IsTruncated><Marker>2</Marker>"
        }
        "GetAccountAuthorizationDetails" => {
            let old = tag("member", "<VersionId>v1</VersionId><Document>%7B%7D</Document>");
            let versions = tag("PolicyVersionList", &(old + &tag("member", version)));
            let policy = tag("PolicyName", "own") + &tag("Arn", own) + &tag("DefaultVersionId", "v2") + &versions;
            tag("Policies", &tag("member", &policy)) + "<IsTruncated>false</IsTruncated>"
        }
        "GetRole" => tag("Role", &role),
        "ListAttachedRolePolicies" => tag("AttachedPolicies", &attached),
        "ListRolePolicies" => tag("PolicyNames", &tag("member", "inline")),
        "GetRolePolicy" => inline.to_owned(),
        "GetPolicy" => tag("Policy", &tag("DefaultVersionId", "v2")),
        "GetPolicyVersion" => tag("PolicyVersion", version),
        action => return query_error(400, "InvalidAction", action),
    };
    query(&call.action, &inner)
}

/// A query of each kind, each with a response.
fn queries() -> Vec<Query> {
    let kinds: [(AnyQueryKind, String); 22] = [
        (NetworkInterface::BY_ID.into(), id("eni", 1)),
        (NetworkInterface::BY_INSTANCE.into(), id("i", 1)),
        (NetworkInterface::BY_GROUP.into(), id("sg", 7)),
        (NetworkInterface::BY_SUBNET.into(), id("subnet", 1)),
        (NetworkInterface::BY_VPC.into(), id("vpc", 1)),
        (NetworkInterface::BY_ADDRESS.into(), "198.51.100.7".to_owned()),
        (NetworkInterface::BY_ADDRESS.into(), "eipalloc-00000001".to_owned()),
        (NetworkInterface::BY_LOAD_BALANCER.into(), "none".to_owned()),
        (SecurityGroupRule::BY_GROUP.into(), id("sg", 2_400)),
        (SecurityGroupRule::BY_ID.into(), id("sgr", 2_499)),
        (SecurityGroup::BY_ID.into(), id("sg", 249)),
        (RouteTable::BY_VPC.into(), id("vpc", 1)),
        (RouteTable::BY_ID.into(), id("rtb", 1)),
        (InternetGateway::BY_VPC.into(), id("vpc", 1)),
        (NetworkAcl::BY_VPC.into(), id("vpc", 1)),
        (NetworkAcl::BY_ID.into(), id("acl", 1)),
        (Vpc::BY_ID.into(), id("vpc", 1)),
        (Subnet::BY_ID.into(), id("subnet", 1)),
        (Instance::BY_ID.into(), id("i", 1)),
        (PrefixListEntry::BY_LIST.into(), id("pl", 1)),
        (BlockPublicAccess::OF_REGION.into(), String::new()),
        (Role::BY_NAME.into(), "deploy".to_owned()),
    ];
    kinds.into_iter().map(|(kind, id)| select(kind, &id)).collect()
}

fn sorted(resolved: Vec<Resolved>) -> Vec<(Query, String)> {
    let mut all: Vec<_> = resolved.into_iter().map(|one| (one.query, format!("{:?}", one.response.unwrap()))).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

#[test]
fn a_snapshot_answers_as_aws_does() {
    let stub = stub(region);
    let directory = tempfile::tempdir().unwrap();
    let output = snapshot(&stub, directory.path(), &[]);
    assert_eq!((errors(&output, directory.path()).as_str(), output.status.code()), ("", Some(0)));
    let written = Snapshot::open(directory.path()).unwrap();
    let offline = run(written.resolve(queries()));
    assert!(offline.iter().all(|one| one.checked_at.is_some()));
    let live = run(async { AwsState::new(&config(&stub).await, None).resolve(queries()).await });
    let (offline, live) = (sorted(offline), sorted(live));
    assert_eq!(offline.len(), queries().len());
    for (offline, live) in offline.iter().zip(&live) {
        assert_eq!(offline, live);
    }
    // Nothing else lies about, such as a half-written file.
    let region = directory.path().join(ACCOUNT).join(REGION);
    let names = fs::read_dir(region).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| name.ends_with(".json") || name == "get-managed-prefix-list-entries"));
}

#[test]
fn the_policy_in_the_help_allows_what_is_called_and_no_more() {
    let stub = stub(region);
    let directory = tempfile::tempdir().unwrap();
    snapshot(&stub, directory.path(), &[]);
    let help = String::from_utf8(snapshot(&stub, directory.path(), &["--help"]).stdout).unwrap();
    let (start, end) = (help.find('{').unwrap(), help.rfind('}').unwrap());
    let policy: Value = serde_json::from_str(&help[start..=end]).unwrap();
    let allowed: BTreeSet<&str> =
        policy["Statement"][0]["Action"].as_array().unwrap().iter().map(|action| action.as_str().unwrap()).collect();
    let counts = stub.counts();
    let called = counts.keys().filter(|action| *action != "GetCallerIdentity");
    let called: BTreeSet<String> = called
        .map(|action| format!("{}:{action}", if action == "GetAccountAuthorizationDetails" { "iam" } else { "ec2" }))
        .collect();
    assert_eq!(called.iter().map(String::as_str).collect::<BTreeSet<_>>(), allowed);
}

#[test]
fn what_is_denied_is_said_and_its_older_file_does_not_stay() {
    let directory = tempfile::tempdir().unwrap();
    let complete = stub(region);
    assert_eq!(snapshot(&complete, directory.path(), &[]).status.code(), Some(0));
    let denying = stub(|call| match call.action.as_str() {
        "DescribeVpcBlockPublicAccessExclusions" | "DescribeRouteTables" => {
            ec2_error(403, "UnauthorizedOperation", "Not allowed \u{202e}.")
        }
        "GetAccountAuthorizationDetails" => query_error(403, "AccessDenied", "Not allowed."),
        "DescribeManagedPrefixLists" => ec2(&call.action, ""),
        _ => region(call),
    });
    let output = snapshot(&denying, directory.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(errors(&output, directory.path()));
    let there = Snapshot::open(directory.path()).unwrap();
    let resolved = run(there.resolve(queries()));
    let missing: BTreeSet<_> = resolved.iter().filter(|one| one.response.is_err()).map(|one| one.query.kind).collect();
    let expected = BTreeSet::from([
        PrefixListEntry::BY_LIST.into(),
        RouteTable::BY_VPC.into(),
        RouteTable::BY_ID.into(),
        BlockPublicAccess::OF_REGION.into(),
    ]);
    assert_eq!(missing, expected);
}

#[test]
fn an_account_that_cannot_be_read_keeps_what_was_written_before() {
    let directory = tempfile::tempdir().unwrap();
    let member = ["--account", MEMBER, "--member-role-name", "Reader", "--member-role-external-id", "tw"];
    let open = stub(|call| if call.action == "AssumeRole" { session(60) } else { region(call) });
    let both = [&member[..], &["--account", ACCOUNT, "--region", REGION, "--region", "us-east-1"]].concat();
    assert_eq!(snapshot(&open, directory.path(), &both).status.code(), Some(0));
    let of_keys = open.calls().into_iter().filter(|call| call.action == "DescribeVpcs").map(|call| call.key);
    assert_eq!(of_keys.collect::<Vec<_>>(), ["ASIAMEMBER", "ASIAMEMBER", "AKIAOWN", "AKIAOWN"]);
    let shut = stub(|call| match call.action.as_str() {
        "AssumeRole" => query_error(403, "AccessDenied", "Not allowed."),
        _ => region(call),
    });
    let output = snapshot(&shut, directory.path(), &member);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        errors(&output, directory.path()),
        "error: account 444455556666 cannot be read: sts:AssumeRole on arn:aws:iam::444455556666:role/Reader: \
         AccessDenied: Not allowed.\n"
    );
    // Nor does a region of which nothing can be read.
    let down = stub(|call| ec2_error(400, "AuthFailure", &call.action));
    assert_eq!(snapshot(&down, directory.path(), &[]).status.code(), Some(2));
    let there = Snapshot::open(directory.path()).unwrap();
    let vpc = id("vpc", 1);
    let mut elsewhere = select(Vpc::BY_ID, &vpc);
    elsewhere.scope.region = "us-east-1".to_owned();
    let asked =
        vec![select(Vpc::BY_ID, &vpc), of(MEMBER, Vpc::BY_ID, &vpc), elsewhere, of(MEMBER, Role::BY_NAME, "deploy")];
    assert!(run(there.resolve(asked)).iter().all(|one| one.response.is_ok() && one.checked_at.is_some()));
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error() {
    let stub = stub(region);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let output = snapshot(&stub, &file, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output, &file).contains("DIR/111122223333/eu-west-1/describe-vpcs.json: cannot be written"));
}
