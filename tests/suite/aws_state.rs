//! Live state from AWS, against an endpoint on loopback.

mod command;
mod http;
pub(crate) mod stub;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use stub::{Call, Reply, Stub, ec2, ec2_error, query, query_error};
use trailwarden::aws::ProxyConfig;
use trailwarden::live_state::aws::{AwsState, MemberRole};
use trailwarden::live_state::resources::actions;
use trailwarden::live_state::resources::block_public_access::BlockPublicAccess;
use trailwarden::live_state::resources::internet_gateway::InternetGateway;
use trailwarden::live_state::resources::network_acl::NetworkAcl;
use trailwarden::live_state::resources::network_interface::NetworkInterface;
use trailwarden::live_state::resources::prefix_list::PrefixListEntry;
use trailwarden::live_state::resources::role::Role;
use trailwarden::live_state::resources::route_table::RouteTable;
use trailwarden::live_state::resources::security_group_rule::SecurityGroupRule;
use trailwarden::live_state::resources::subnet::Subnet;
use trailwarden::live_state::resources::vpc::Vpc;
use trailwarden::live_state::{
    AccountRegion, AnyQueryKind, LiveState, Query, QueryKind, Resolved, Resource, Unavailable,
};
use trailwarden::pipeline::aws::AwsLive;
use trailwarden::pipeline::{Input, Pipeline};
use trailwarden::rules::RuleSet;

const ACCOUNT: &str = "111122223333";
const MEMBER: &str = "444455556666";
const REGION: &str = "eu-west-1";

fn select(kind: impl Into<AnyQueryKind>, id: &str) -> Query {
    of(ACCOUNT, kind, id)
}

fn of(account: &str, kind: impl Into<AnyQueryKind>, id: &str) -> Query {
    let scope = AccountRegion { account: account.to_owned(), region: REGION.to_owned() };
    Query { scope, kind: kind.into(), id: id.to_owned() }
}

/// The id of the resource of a number.
fn id(prefix: &str, number: usize) -> String {
    format!("{prefix}-{number:017x}")
}

/// Runs in a runtime of its own.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) async fn config(stub: &Stub) -> SdkConfig {
    let credentials = Credentials::new("AKIAOWN", "secret", None, None, "test");
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(&stub.url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(trailwarden::aws::http_client(ProxyConfig::disabled()))
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        // Whoever waits for what does not come fails.
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(60)).build())
        .load()
        .await
}

/// A stub that knows whose credentials these are, and else answers as it is told.
fn stub(answers: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Stub {
    Stub::new(move |call| match call.action.as_str() {
        "GetCallerIdentity" => identity("aws"),
        _ => answers(call),
    })
}

fn identity(partition: &str) -> Reply {
    let arn = format!("<Arn>arn:{partition}:sts::{ACCOUNT}:assumed-role/trailwarden/trailwarden</Arn>");
    query("GetCallerIdentity", &format!("<Account>{ACCOUNT}</Account>{arn}"))
}

fn resolve(stub: &Stub, queries: Vec<Query>) -> Vec<Resolved> {
    let resolved = run(async { AwsState::new(&config(stub).await, None).resolve(queries).await });
    assert_allowed(stub);
    resolved
}

/// The policy of the Terraform module allows every call.
fn assert_allowed(stub: &Stub) {
    let allowed: BTreeSet<&str> = actions().into_values().flatten().collect();
    for action in stub.counts().keys().filter(|action| *action != "GetCallerIdentity") {
        let is_allowed = ["ec2", "iam"].iter().any(|service| allowed.contains(format!("{service}:{action}").as_str()));
        assert!(is_allowed, "the policy does not allow {action}");
    }
}

fn resolve_one<T: Resource>(stub: &Stub, kind: &'static QueryKind<T>, id: &str) -> Result<Vec<T>, String> {
    let [resolved] = resolve(stub, vec![select(kind, id)]).try_into().unwrap();
    let response = resolved.response.map_err(|Unavailable(reason)| reason)?;
    Ok(response.resources().unwrap().to_vec())
}

/// A page of entries, of as many as may be on one, with the token of the next.
fn page(call: &Call, all: usize, entry: impl Fn(usize) -> String) -> String {
    let first = call.get("NextToken").parse().unwrap_or(0);
    let most: usize = call.get("MaxResults").parse().unwrap();
    let entries: String =
        (first..all.min(first + most)).map(|number| format!("<item>{}</item>", entry(number))).collect();
    let next = if first + most < all { format!("<nextToken>{}</nextToken>", first + most) } else { String::new() };
    format!("<entries>{entries}</entries>{next}")
}

/// The entries under the name that they have in the answer of a call.
fn named(page: &str, name: &str) -> String {
    page.replace("entries>", &format!("{name}>"))
}

fn rule(number: usize) -> String {
    format!(
        "<securityGroupRuleId>{}</securityGroupRuleId><groupId>{}</groupId><isEgress>false</isEgress>\
         <ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4>",
        id("sgr", number),
        id("sg", number)
    )
}

/// A region with 10,000 groups of one rule each, of which every hundredth has an interface.
fn large_vpc(call: &Call) -> Reply {
    let interface = |number: usize| {
        let group = format!("<groupSet><item><groupId>{}</groupId></item></groupSet>", id("sg", number * 100));
        format!("<networkInterfaceId>{}</networkInterfaceId>{group}", id("eni", number))
    };
    match call.action.as_str() {
        "DescribeSecurityGroupRules" => ec2(&call.action, &named(&page(call, 10_000, rule), "securityGroupRuleSet")),
        "DescribeNetworkInterfaces" => ec2(&call.action, &named(&page(call, 100, interface), "networkInterfaceSet")),
        "DescribeVpcBlockPublicAccessOptions" => {
            let mode = "<internetGatewayBlockMode>off</internetGatewayBlockMode>";
            ec2(&call.action, &format!("<vpcBlockPublicAccessOptions>{mode}</vpcBlockPublicAccessOptions>"))
        }
        action => ec2(action, ""),
    }
}

#[test]
fn ten_thousand_groups_of_one_vpc_cost_a_handful_of_calls() {
    let stub = stub(large_vpc);
    let mut queries: Vec<Query> = Vec::new();
    for number in 0..10_000 {
        queries.push(select(SecurityGroupRule::BY_GROUP, &id("sg", number)));
        queries.push(select(NetworkInterface::BY_GROUP, &id("sg", number)));
    }
    let vpc = id("vpc", 1);
    let of_vpc: [AnyQueryKind; 4] =
        [Vpc::BY_ID.into(), RouteTable::BY_VPC.into(), InternetGateway::BY_VPC.into(), NetworkAcl::BY_VPC.into()];
    queries.extend(of_vpc.map(|kind| select(kind, &vpc)));
    queries.push(select(BlockPublicAccess::OF_REGION, ""));
    let resolved = resolve(&stub, queries.clone());
    assert_eq!(resolved.len(), queries.len());
    let mut reachable = 0;
    for one in &resolved {
        assert!(one.checked_at.is_some());
        let response = one.response.as_ref().unwrap();
        if let Some(rules) = response.resources::<SecurityGroupRule>() {
            assert_eq!((rules.len(), &rules[0].group_id), (1, &one.query.id));
        }
        reachable += response.resources::<NetworkInterface>().map_or(0, <[_]>::len);
    }
    assert_eq!(reachable, 100);
    insta::assert_debug_snapshot!(stub.counts(), @r#"
    {
        "DescribeInternetGateways": 1,
        "DescribeNetworkAcls": 1,
        "DescribeNetworkInterfaces": 1,
        "DescribeRouteTables": 1,
        "DescribeSecurityGroupRules": 10,
        "DescribeVpcBlockPublicAccessOptions": 1,
        "DescribeVpcs": 1,
        "GetCallerIdentity": 1,
    }
    "#);
}

#[test]
fn ids_go_two_hundred_to_a_call_and_each_response_to_its_query() {
    let stub = stub(|call| {
        let numbers = call.values().into_iter().map(|id| usize::from_str_radix(&id[3..], 16).unwrap());
        let rules: String = numbers.map(|number| format!("<item>{}</item>", rule(number))).collect();
        ec2(&call.action, &format!("<securityGroupRuleSet>{rules}</securityGroupRuleSet>"))
    });
    let queries: Vec<_> = (0..450).map(|number| select(SecurityGroupRule::BY_GROUP, &id("sg", number))).collect();
    for one in resolve(&stub, queries) {
        let response = one.response.unwrap();
        let rules = response.resources::<SecurityGroupRule>().unwrap();
        assert_eq!((rules.len(), &rules[0].group_id), (1, &one.query.id));
    }
    let calls = stub.calls();
    let mut sizes: Vec<_> = calls.iter().map(|call| (call.get("Filter.1.Name"), call.values().len())).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [("", 0), ("group-id", 50), ("group-id", 200), ("group-id", 200)]);
}

#[test]
fn a_throttled_call_is_tried_again_and_then_unknown() {
    let throttled = std::sync::atomic::AtomicUsize::new(0);
    let stub = stub(move |call| {
        let subnets = call.action == "DescribeSubnets";
        if subnets && throttled.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 2 {
            return ec2(
                &call.action,
                &format!("<subnetSet><item><subnetId>{}</subnetId></item></subnetSet>", id("subnet", 1)),
            );
        }
        ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.")
    });
    let Ok(found) = resolve_one(&stub, Subnet::BY_ID, &id("subnet", 1)) else { panic!() };
    assert_eq!(found.len(), 1);
    let reason = resolve_one(&stub, RouteTable::BY_ID, &id("rtb", 1)).unwrap_err();
    assert_eq!(reason, "ec2:DescribeRouteTables: RequestLimitExceeded: Request limit exceeded.");
    assert_eq!((stub.counts()["DescribeSubnets"], stub.counts()["DescribeRouteTables"]), (3, 3));
}

#[test]
fn a_denied_call_names_the_action_and_costs_no_other_answer() {
    let message = format!("You are not authorized to perform this operation. Encoded: {}", "x".repeat(3_000));
    let stub = stub(move |call| match call.action.as_str() {
        "DescribeRouteTables" => ec2_error(403, "UnauthorizedOperation", &message),
        action => ec2(action, ""),
    });
    let queries = vec![select(RouteTable::BY_VPC, &id("vpc", 1)), select(Vpc::BY_ID, &id("vpc", 1))];
    for one in resolve(&stub, queries) {
        match one.response {
            Ok(response) => {
                assert_eq!(one.query.kind, Vpc::BY_ID.into());
                assert_eq!(response.resources(), Some(&[] as &[Vpc]));
            }
            Err(Unavailable(reason)) => {
                assert!(reason.starts_with("ec2:DescribeRouteTables: UnauthorizedOperation: You are not"), "{reason}");
                assert!(reason.len() < 250, "{reason}");
            }
        }
    }
    assert_eq!(stub.counts()["DescribeRouteTables"], 1);
}

#[test]
fn what_is_not_answered_in_time_is_left_and_the_rest_is_kept() {
    let stub = stub(|call| match call.action.as_str() {
        "DescribeRouteTables" => Reply::Never,
        action => ec2(action, ""),
    });
    let queries = vec![select(RouteTable::BY_VPC, &id("vpc", 1)), select(Vpc::BY_ID, &id("vpc", 1))];
    let resolved = run(async {
        let state = AwsState::new(&config(&stub).await, None);
        let mut resolved = state.within(Duration::from_millis(500)).resolve(queries).await;
        // When time is over, nothing is begun.
        resolved.extend(state.within(Duration::ZERO).resolve(vec![select(NetworkAcl::BY_ID, &id("acl", 1))]).await);
        resolved
    });
    for one in resolved {
        let error = one.response.map(drop).err().map(|Unavailable(reason)| reason);
        match one.query.kind.resource().name() {
            "describe-vpcs" => assert_eq!(error, None),
            "describe-network-acls" => assert_eq!(error.as_deref(), Some("no time left: ec2:DescribeNetworkAcls")),
            _ => assert_eq!(error.as_deref(), Some("no time left: ec2:DescribeRouteTables")),
        }
    }
    assert!(!stub.counts().contains_key("DescribeNetworkAcls"));
}

#[test]
fn what_is_no_id_or_no_region_is_never_asked() {
    let stub = stub(|call| ec2(&call.action, ""));
    let mut elsewhere = select(Vpc::BY_ID, &id("vpc", 1));
    elsewhere.scope.region = "x.attacker.example/".to_owned();
    let queries = vec![
        select(SecurityGroupRule::BY_GROUP, "sg-*"),
        select(NetworkInterface::BY_ADDRESS, "198.51.100.7.attacker"),
        of("../../x", Role::BY_NAME, "x"),
        elsewhere,
    ];
    let mut reasons: Vec<_> = resolve(&stub, queries).into_iter().map(|one| one.response.unwrap_err().0).collect();
    reasons.sort_unstable();
    insta::assert_debug_snapshot!(reasons, @r#"
    [
        "../../x is not an account id",
        "198.51.100.7.attacker is not an id of the form eipalloc-0123456789abcdef0",
        "sg-* is not an id of the form sg-0123456789abcdef0",
        "x.attacker.example/ is not a region",
    ]
    "#);
    assert_eq!(stub.calls().len(), 0);
    // A name may hold anything, and stands for itself.
    assert_eq!(resolve_one(&stub, NetworkInterface::BY_LOAD_BALANCER, "a*b?"), Ok(Vec::new()));
    assert_eq!(stub.calls()[1].values(), [r"ELB a\*b\?"]);
}

#[test]
fn block_public_access_is_off_only_where_that_is_certain() {
    let answer = |options: fn() -> Reply| {
        let stub = stub(move |call| match call.action.as_str() {
            "DescribeVpcBlockPublicAccessOptions" => options(),
            action => {
                let next = if call.get("NextToken").is_empty() { "<nextToken>2</nextToken>" } else { "" };
                let state = if next.is_empty() { "delete-complete" } else { "create-complete" };
                let entry = format!(
                    "<resourceArn>arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1</resourceArn>\
                     <internetGatewayExclusionMode>allow-egress</internetGatewayExclusionMode><state>{state}</state>"
                );
                let set = "vpcBlockPublicAccessExclusionSet";
                ec2(action, &format!("<{set}><item>{entry}</item></{set}>{next}"))
            }
        });
        let answer = resolve_one(&stub, BlockPublicAccess::OF_REGION, "");
        (answer, stub.calls().len() - 1)
    };
    let on = || {
        let mode = "<internetGatewayBlockMode>block-ingress</internetGatewayBlockMode>";
        let options = format!("<vpcBlockPublicAccessOptions>{mode}</vpcBlockPublicAccessOptions>");
        ec2("DescribeVpcBlockPublicAccessOptions", &options)
    };
    let (Ok(found), 3) = answer(on) else { panic!() };
    assert_eq!(found[0].internet_gateway_block_mode, "block-ingress");
    let states: Vec<_> = found[0].exclusions.iter().map(|exclusion| exclusion.state.as_str()).collect();
    assert_eq!(states, ["create-complete", "delete-complete"]);
    let absent = || ec2_error(400, "InvalidAction", "The action is not valid for this web service.");
    let (Ok(found), 1) = answer(absent) else { panic!() };
    assert_eq!(found[0].internet_gateway_block_mode, "off");
    let (Err(reason), 1) = answer(|| ec2_error(400, "UnsupportedOperation", "No.")) else { panic!() };
    assert_eq!(reason, "ec2:DescribeVpcBlockPublicAccessOptions: UnsupportedOperation: No.");
    let html = || Reply::Now(500, "<!doctype html><title>500 Internal Server Error</title>".to_owned());
    let (Err(reason), 3) = answer(html) else { panic!() };
    assert!(reason.starts_with("ec2:DescribeVpcBlockPublicAccessOptions: HTTP status 500"), "{reason}");
}

#[test]
fn a_prefix_list_that_cannot_be_seen_is_unknown() {
    let stub = stub(|call| match call.get("PrefixListId") {
        gone if gone == id("pl", 1) => ec2_error(400, "InvalidPrefixListID.NotFound", "does not exist"),
        _ => {
            let entries = page(call, 150, |number| format!("<cidr>10.0.{number}.0/24</cidr>"));
            ec2(&call.action, &named(&entries, "entrySet"))
        }
    });
    let reason = resolve_one(&stub, PrefixListEntry::BY_LIST, &id("pl", 1)).unwrap_err();
    insta::assert_snapshot!(reason, @"pl-00000000000000001 is not visible to this account: ec2:GetManagedPrefixListEntries: InvalidPrefixListID.NotFound: does not exist");
    let Ok(found) = resolve_one(&stub, PrefixListEntry::BY_LIST, &id("pl", 2)) else { panic!() };
    assert_eq!((found.len(), found[149].cidr.as_str()), (150, "10.0.149.0/24"));
}

/// An answer to AssumeRole that is good for so many minutes.
fn session(minutes: i64) -> Reply {
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
    query(
        "AssumeRole",
        &format!(
            "<Credentials><AccessKeyId>ASIAMEMBER</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>{end:.0}</Expiration></Credentials>"
        ),
    )
}

fn reader() -> MemberRole {
    MemberRole {
        name: "audit/Reader".to_owned(),
        external_id: Some("tw-1".to_owned()),
        session_name: "trailwarden".to_owned(),
    }
}

/// Asks about two accounts, twice.
fn ask_members(stub: &Stub, member: Option<MemberRole>) -> Vec<Resolved> {
    run(async {
        let state = AwsState::new(&config(stub).await, member);
        let queries = |number| {
            let (vpc, table) = (id("vpc", number), id("rtb", number));
            vec![select(Vpc::BY_ID, &vpc), of(MEMBER, Vpc::BY_ID, &vpc), of(MEMBER, RouteTable::BY_ID, &table)]
        };
        let mut resolved = state.resolve(queries(1)).await;
        resolved.extend(state.resolve(queries(2)).await);
        resolved
    })
}

#[test]
fn other_accounts_are_read_with_a_role_whose_session_is_kept() {
    for (minutes, sessions) in [(60, 1), (4, 2)] {
        let stub = stub(move |call| match call.action.as_str() {
            "AssumeRole" => session(minutes),
            action => ec2(action, ""),
        });
        assert!(ask_members(&stub, Some(reader())).iter().all(|one| one.response.is_ok()));
        let calls = stub.calls();
        let assumed: Vec<_> = calls.iter().filter(|call| call.action == "AssumeRole").collect();
        assert_eq!(assumed.len(), sessions);
        assert_eq!(assumed[0].get("RoleArn"), "arn:aws:iam::444455556666:role/audit/Reader");
        assert_eq!((assumed[0].get("ExternalId"), assumed[0].get("RoleSessionName")), ("tw-1", "trailwarden"));
        let of_tables: Vec<_> = calls.iter().filter(|call| call.action == "DescribeRouteTables").collect();
        assert!(of_tables.iter().all(|call| call.key == "ASIAMEMBER"));
        let mut keys: Vec<_> =
            calls.iter().filter(|call| call.action == "DescribeVpcs").map(|call| call.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["AKIAOWN", "AKIAOWN", "ASIAMEMBER", "ASIAMEMBER"]);
    }
}

#[test]
fn the_role_is_one_of_the_partition_that_the_credentials_are_of() {
    for (partition, region) in [("aws-us-gov", "us-gov-west-1"), ("aws-eusc", "eusc-de-east-1")] {
        let stub = Stub::new(move |call| match call.action.as_str() {
            "GetCallerIdentity" => identity(partition),
            "AssumeRole" => session(60),
            action => ec2(action, ""),
        });
        let mut query = of(MEMBER, Vpc::BY_ID, &id("vpc", 1));
        query.scope.region = region.to_owned();
        let resolved = run(async { AwsState::new(&config(&stub).await, Some(reader())).resolve(vec![query]).await });
        assert!(resolved[0].response.is_ok(), "{:?}", resolved[0].response);
        let calls = stub.calls();
        let assumed = calls.iter().find(|call| call.action == "AssumeRole").unwrap();
        assert_eq!(assumed.get("RoleArn"), format!("arn:{partition}:iam::{MEMBER}:role/audit/Reader"));
    }
}

#[test]
fn an_account_that_stays_shut_is_unknown_and_costs_no_other() {
    let stub = stub(|call| match call.action.as_str() {
        "AssumeRole" => query_error(403, "AccessDenied", "not authorized to perform: sts:AssumeRole"),
        action => ec2(action, ""),
    });
    for (member, expected) in [
        (
            Some(reader()),
            "sts:AssumeRole on arn:aws:iam::444455556666:role/audit/Reader: AccessDenied: not authorized to perform: sts:AssumeRole",
        ),
        (None, "no role to read account 444455556666; set MEMBER_ROLE_NAME"),
    ] {
        for one in ask_members(&stub, member) {
            match one.response {
                Ok(_) => assert_eq!(one.query.scope.account, ACCOUNT),
                Err(Unavailable(reason)) => {
                    assert_eq!((reason.as_str(), one.query.scope.account.as_str()), (expected, MEMBER))
                }
            }
        }
    }
    // One a round, however many queries.
    assert_eq!(stub.counts()["AssumeRole"], 2);
}

/// A trust policy, as IAM encodes it.
fn trust(principal: &str) -> String {
    let policy = format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}]}}"#);
    policy.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn role_answers(call: &Call) -> Reply {
    let own = "arn:aws:iam::111122223333:policy/own";
    let inner = match call.action.as_str() {
        "GetRole" if call.get("RoleName") == "gone" => {
            return query_error(404, "NoSuchEntity", "The role with name gone cannot be found.");
        }
        "GetRole" => {
            let name = call.get("RoleName");
            let trust = match name {
                "scoped" => trust(&format!(r#"{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}}"#)),
                "external" => trust(&format!(r#"{{"AWS":"arn:aws:iam::{MEMBER}:root"}}"#)),
                "garbled" => "%7B".to_owned(),
                _ => trust(r#""*""#),
            };
            let boundary = match name {
                "bounded" => format!(
                    "<PermissionsBoundary><PermissionsBoundaryArn>{own}</PermissionsBoundaryArn></PermissionsBoundary>"
                ),
                _ => String::new(),
            };
            format!(
                "<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROA1</RoleId>\
                 <Arn>arn:aws:iam::111122223333:role/{name}</Arn><CreateDate>2026-03-04T10:00:00Z</CreateDate>\
                 {boundary}\
                 <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></Role>"
            )
        }
        "ListAttachedRolePolicies" if call.get("Marker").is_empty() => "<AttachedPolicies><member>\
             <PolicyName>AdministratorAccess</PolicyName><PolicyArn>arn:aws:iam::aws:policy/AdministratorAccess</PolicyArn>\
             </member></AttachedPolicies><IsTruncated>true</IsTruncated><Marker>2</Marker>"
            .to_owned(),
        "ListAttachedRolePolicies" => format!(
            "<AttachedPolicies><member><PolicyName>own</PolicyName><PolicyArn>{own}</PolicyArn></member>\
             </AttachedPolicies><IsTruncated>false</IsTruncated>"
        ),
        "ListRolePolicies" => "<PolicyNames><member>inline</member></PolicyNames><IsTruncated>false</IsTruncated>".to_owned(),
        "GetRolePolicy" => "<RoleName>r</RoleName><PolicyName>inline</PolicyName>\
             <PolicyDocument>%7B%22Inline%22%3A1%7D</PolicyDocument>"
            .to_owned(),
        "GetPolicy" => format!("<Policy><Arn>{own}</Arn><DefaultVersionId>v3</DefaultVersionId></Policy>"),
        "GetPolicyVersion" => format!(
            "<PolicyVersion><VersionId>{}</VersionId><Document>%7B%22Own%22%3A1%7D</Document></PolicyVersion>",
            call.get("VersionId")
        ),
        _ => return query_error(400, "InvalidAction", "?"),
    };
    query(&call.action, &inner)
}

#[test]
fn a_role_comes_with_the_texts_of_its_policies() {
    let stub = stub(role_answers);
    let queries = ["deploy", "other", "gone"].map(|name| select(Role::BY_NAME, name));
    for one in resolve(&stub, queries.to_vec()) {
        let response = one.response.unwrap();
        let roles = response.resources::<Role>().unwrap();
        let Some(role) = roles.first() else {
            assert_eq!(one.query.id, "gone");
            continue;
        };
        assert_eq!(role.role_name, one.query.id);
        assert!(role.assume_role_policy_document.starts_with(r#"{"Statement":[{"#));
        assert_eq!(role.policies_unanswered, None);
        let policies: Vec<_> =
            role.policies.iter().map(|policy| (policy.policy_name.as_str(), policy.document.as_deref())).collect();
        let expected =
            [("AdministratorAccess", None), ("own", Some(r#"{"Own":1}"#)), ("inline", Some(r#"{"Inline":1}"#))];
        assert_eq!(policies, expected);
    }
}

#[test]
fn a_role_comes_with_the_text_of_its_boundary() {
    let boundary = |stub: &Stub, name: &str| {
        let Ok(roles) = resolve_one(stub, Role::BY_NAME, name) else { panic!("{name}") };
        roles[0].permissions_boundary.clone().map(|boundary| (boundary.policy_name, boundary.document))
    };
    let text = Some(r#"{"Own":1}"#.to_owned());
    assert_eq!(boundary(&stub(role_answers), "bounded"), Some(("own".to_owned(), text)));
    assert_eq!(boundary(&stub(role_answers), "deploy"), None);
}

#[test]
fn what_decides_about_routes_interfaces_and_icmp_is_read() {
    let stub = stub(|call| match call.action.as_str() {
        action @ "DescribeNetworkInterfaces" => {
            let interface = format!("<networkInterfaceId>{}</networkInterfaceId>", id("eni", 1));
            let denying = "<denyAllIgwTraffic>true</denyAllIgwTraffic>";
            ec2(action, &format!("<networkInterfaceSet><item>{interface}{denying}</item></networkInterfaceSet>"))
        }
        action @ "DescribeRouteTables" => {
            let table = format!("<routeTableId>{}</routeTableId>", id("rtb", 1));
            let route = "<routeSet><item><origin>EnableVgwRoutePropagation</origin></item></routeSet>";
            ec2(action, &format!("<routeTableSet><item>{table}{route}</item></routeTableSet>"))
        }
        action => {
            let acl = format!("<networkAclId>{}</networkAclId>", id("acl", 1));
            let icmp = "<icmpTypeCode><code>-1</code><type>8</type></icmpTypeCode>";
            let entries = format!("<entrySet><item><ruleNumber>1</ruleNumber>{icmp}</item></entrySet>");
            ec2(action, &format!("<networkAclSet><item>{acl}{entries}</item></networkAclSet>"))
        }
    });
    let interfaces = resolve_one(&stub, NetworkInterface::BY_ID, &id("eni", 1)).unwrap();
    assert!(interfaces[0].deny_all_igw_traffic);
    let tables = resolve_one(&stub, RouteTable::BY_ID, &id("rtb", 1)).unwrap();
    assert_eq!(tables[0].routes[0].origin, "EnableVgwRoutePropagation");
    let acls = resolve_one(&stub, NetworkAcl::BY_ID, &id("acl", 1)).unwrap();
    let icmp = acls[0].entries[0].icmp_type_code.clone().unwrap();
    assert_eq!((icmp.kind, icmp.code), (Some(8), Some(-1)));
}

#[test]
fn what_a_group_lets_in_now_is_asked_for_where_a_call_may_be_a_part_of_it() {
    let group = "sg-0aaa1111bbb22222c";
    let stub = stub(move |call| match call.action.as_str() {
        action @ "DescribeSecurityGroupRules" => {
            let rule = |(place, network): (usize, &str)| {
                format!(
                    "<item><securityGroupRuleId>{}</securityGroupRuleId><groupId>{group}</groupId><isEgress>false</isEgress>\
                     <ipProtocol>tcp</ipProtocol><fromPort>22</fromPort><toPort>22</toPort><cidrIpv4>{network}</cidrIpv4>\
                     </item>",
                    id("sgr", place)
                )
            };
            let rules: String = ["0.0.0.0/1", "128.0.0.0/1"].into_iter().enumerate().map(rule).collect();
            ec2(action, &format!("<securityGroupRuleSet>{rules}</securityGroupRuleSet>"))
        }
        action => ec2(action, ""),
    });
    let found = |network: &str| {
        let record = std::fs::read_to_string(crate::support::fixture("rules/sg-ingress-world-admin/hit-items.json"));
        let mut record: serde_json::Value = serde_json::from_str(&record.unwrap()).unwrap();
        record["requestParameters"] = serde_json::json!({"groupId": group, "ipPermissions": {"items": [
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": network}]}}]}});
        record["responseElements"] = serde_json::json!({"_return": true});
        let record = record.to_string();
        let evaluated = run(async {
            let pipeline = Pipeline::new(RuleSet::load(&[]).unwrap());
            let input = Input::Stream(Box::new(record.as_bytes()));
            let live = AwsLive::new(&config(&stub).await, None, false);
            live.gather(&pipeline, "record", input, Duration::from_secs(60)).await
        });
        evaluated.findings.into_iter().map(|finding| finding.rule.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found("128.0.0.0/1"), ["sg-ingress-world-admin"]);
    let asked = stub.calls().len();
    // One address is no part worth a call.
    assert!(found("203.0.113.7/32").is_empty());
    assert_eq!(stub.calls().len(), asked);
}

#[test]
fn policies_are_read_only_of_roles_that_may_let_in_strangers() {
    for (name, policies) in [("scoped", 0), ("external", 0), ("garbled", 3), ("open", 3)] {
        let stub = stub(role_answers);
        let Ok(roles) = resolve_one(&stub, Role::BY_NAME, name) else { panic!("{name}") };
        assert_eq!((roles[0].policies.len(), &roles[0].policies_unanswered), (policies, &None), "{name}");
        assert_eq!(stub.calls().len(), if policies == 0 { 2 } else { 8 }, "{name}");
    }
}

#[test]
fn names_of_accounts_are_asked_for_once_each_and_together() {
    let asked = std::sync::Barrier::new(2);
    let stub = stub(move |call| {
        if call.action != "DescribeAccount" {
            return ec2_error(403, "UnauthorizedOperation", "no");
        }
        // Only two calls at the same time get past this.
        asked.wait();
        Reply::Now(200, r#"{"Account": {"Name": "named"}}"#.to_owned())
    });
    let records = [ACCOUNT, MEMBER, ACCOUNT, MEMBER].into_iter().enumerate().map(|(place, account)| {
        let record =
            std::fs::read_to_string(crate::support::fixture("rules/blocked-action/hit-created-subnet.json")).unwrap();
        let mut record: serde_json::Value = serde_json::from_str(&record.replace(ACCOUNT, account)).unwrap();
        record["eventID"] = place.to_string().into();
        record.to_string()
    });
    let records = format!("[{}]", records.collect::<Vec<_>>().join(","));
    let evaluated = run(async {
        let pipeline = Pipeline::new(RuleSet::load(&[]).unwrap());
        let input = Input::Stream(Box::new(records.as_bytes()));
        let live = AwsLive::new(&config(&stub).await, None, true);
        live.gather(&pipeline, "records", input, Duration::from_secs(60)).await
    });
    assert_eq!(evaluated.findings.len(), 4);
    assert!(evaluated.findings.iter().all(|finding| finding.origin.account_name.as_deref() == Some("named")));
    assert_eq!(stub.counts()["DescribeAccount"], 2);
}

#[test]
fn policies_that_are_not_answered_do_not_cost_the_role() {
    for (denied, expected) in [
        ("ListAttachedRolePolicies", &["inline"][..]),
        ("GetPolicyVersion", &["AdministratorAccess", "own", "inline"]),
        ("ListRolePolicies", &["AdministratorAccess", "own"]),
        ("GetRolePolicy", &["AdministratorAccess", "own", "inline"]),
    ] {
        let stub =
            stub(
                move |call| {
                    if call.action == denied { query_error(403, "AccessDenied", "no") } else { role_answers(call) }
                },
            );
        let Ok(roles) = resolve_one(&stub, Role::BY_NAME, "deploy") else { panic!("{denied}") };
        let names: Vec<_> = roles[0].policies.iter().map(|policy| policy.policy_name.as_str()).collect();
        assert_eq!(names, expected, "{denied}");
        assert_eq!(roles[0].policies_unanswered, Some(format!("iam:{denied}: AccessDenied: no")));
    }
}

#[test]
fn accounts_have_the_names_that_organizations_gives_them() {
    let stub = stub(|call| {
        assert_eq!(call.action, "DescribeAccount");
        Reply::Now(200, format!(r#"{{"Account": {{"Id": "{MEMBER}", "Name": "payments-prod"}}}}"#))
    });
    let denying = Stub::new(|_| Reply::Now(400, r#"{"__type": "AccessDeniedException", "Message": "no"}"#.to_owned()));
    let alone = Stub::new(|_| Reply::Now(400, r#"{"__type": "AWSOrganizationsNotInUseException"}"#.to_owned()));
    for (stub, expected) in [
        (&stub, Ok(Some("payments-prod".to_owned()))),
        (&denying, Err(Unavailable("organizations:DescribeAccount: AccessDeniedException: no".to_owned()))),
        (&alone, Ok(None)),
    ] {
        run(async {
            let state = AwsState::new(&config(stub).await, None);
            assert_eq!(state.account_name(MEMBER).await, expected);
            assert_eq!(state.account_name(MEMBER).await, expected);
        });
        assert_eq!(stub.counts()["DescribeAccount"], 1);
    }
}
