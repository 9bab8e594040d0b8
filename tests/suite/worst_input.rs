//! The most expensive records that CloudTrail can write: each is evaluated within a bound of CPU time and of memory, and one
//! that is too complex to decide is reported as a Warning.
//!
//! A record has at most 256 KB (CloudTrail user guide). CloudTrail leaves out parameters of more than 100 KB; the records here
//! have longer ones, as nothing in the input guarantees that limit.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use fastrand::Rng;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use trailwarden::pipeline::{Input, Pipeline};
use trailwarden::rules::RuleSet;

use crate::support::directory;

/// Maximum length of a record, in bytes.
const MAX_RECORD: usize = 256 * 1024;

/// Maximum length of the generated part of a record, in bytes.
const MAX_PART: usize = 200 * 1024;

/// Maximum CPU time for one record: 50 ms in an optimised build. One without optimisation is slower by a factor of 10 to 30.
const MAX_CPU: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1500 } else { 50 });

/// Maximum size of data, in KB, of a process that evaluates them one after the other.
const MAX_MEMORY_KB: u64 = 64 * 1024;

/// A security group.
const GROUP: &str = "sg-0aaa1111bbb22222c";

fn record(service: &str, name: &str, request: Value) -> Value {
    json!({
        "eventVersion": "1.11", "eventID": "worst", "eventTime": "2026-03-04T10:00:00Z",
        "eventSource": format!("{service}.amazonaws.com"), "eventName": name,
        "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "sourceIPAddress": "203.0.113.9",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/u", "accountId": "111122223333"},
        "requestParameters": request, "responseElements": null,
    })
}

/// As many values as fit.
fn fill(value: impl Fn(usize) -> Value) -> Vec<Value> {
    fill_within(MAX_PART, value)
}

fn fill_within(bytes: usize, value: impl Fn(usize) -> Value) -> Vec<Value> {
    let (mut values, mut length) = (Vec::new(), 0);
    while length < bytes {
        let value = value(values.len());
        length += value.to_string().len() + 1;
        values.push(value);
    }
    values
}

/// `{"key": {"key": … leaf}}`
fn nested(depth: usize, key: &str, leaf: Value) -> Value {
    (0..depth).fold(leaf, |leaf, _| json!({ key: leaf }))
}

fn members(name: impl Fn(usize) -> String, count: usize) -> Value {
    Value::Object((0..count).map(|number| (name(number), json!("x"))).collect::<Map<_, _>>())
}

/// Calls whose facts walk through all parameters.
const WALKED: [(&str, &str); 4] = [
    ("ec2", "AuthorizeSecurityGroupIngress"),
    ("ec2", "ModifySnapshotAttribute"),
    ("ec2", "RunInstances"),
    ("cloudtrail", "UpdateTrail"),
];

/// Parameters that make a walk long, deep or wide, and paths long.
fn shapes() -> Vec<(&'static str, Value)> {
    vec![
        ("numbers", json!({"a": vec![1; 100_000]})),
        ("numbers in a list", json!({"networkInterfaceSet": {"items": vec![1; 100_000]}})),
        ("empty objects", json!({"networkInterfaceSet": {"items": vec![json!({}); 66_000]}})),
        ("arrays", json!({"a": vec![json!([[1]]); 33_000]})),
        ("objects", json!({"a": vec![json!({"b": 1}); 25_000]})),
        ("deep objects", json!({"a": vec![nested(100, "a", json!(1)); 300]})),
        ("deep lists", json!({"a": vec![nested(100, "items", json!(1)); 180]})),
        ("wide objects", json!({"a": vec![members(|number| format!("k{number}"), 1000); 15]})),
        ("many members", members(|number| format!("k{number}"), 15_000)),
        ("masked values", nested(90, &"k".repeat(1000), json!({"add": vec!["**"; 20_000]}))),
        ("masked permissions", nested(40, &"k".repeat(2000), json!({"ipPermissions": vec!["**"; 20_000]}))),
        ("ids", json!({"a": fill(|number| json!(format!("vpc-{number:08x}")))})),
        ("short texts", json!({"functionName": vec!["x"; 50_000]})),
        ("ARNs", json!({"a": fill(|number| json!(format!("arn:aws:sqs:eu-west-1:111122223333:q{number}")))})),
        ("a long text", json!({"name": "x".repeat(MAX_PART), "snapshotId": "\u{202e}".repeat(10_000)})),
    ]
}

/// Security group rules, prefix lists, shares and selectors.
fn lists() -> Vec<(&'static str, Value)> {
    let ingress = |permissions: Vec<Value>| {
        record(
            "ec2",
            "AuthorizeSecurityGroupIngress",
            json!({"groupId": GROUP, "ipPermissions": {"items": permissions}}),
        )
    };
    let ranges = |key: &str, list: &str, cidr: &dyn Fn(usize) -> String| {
        let ranges = fill(|number| json!({ key: cidr(number) }));
        ingress(vec![json!({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, list: {"items": ranges}})])
    };
    vec![
        ("ranges", ranges("cidrIp", "ipRanges", &|n| format!("{}.{}.0.0/16", n % 223, n / 223))),
        ("small ranges", ranges("cidrIp", "ipRanges", &|n| format!("{}.{}.{}.0/24", n % 223, n * 7 % 256, n % 256))),
        ("ranges of IPv6", ranges("cidrIpv6", "ipv6Ranges", &|n| format!("2{:03x}:{:x}::/32", n % 4096, n % 65_536))),
        ("nested ranges", ranges("cidrIp", "ipRanges", &|n| format!("52.0.0.0/{}", 8 + n % 24))),
        ("no ranges", ranges("cidrIp", "ipRanges", &|_| "x".to_owned())),
        ("prefix lists", ranges("prefixListId", "prefixListIds", &|n| format!("p{n}"))),
        (
            "many permissions",
            ingress(fill(|n| {
                json!({"ipProtocol": "tcp", "fromPort": n * 2 % 65_000, "toPort": n * 2 % 65_000,
                       "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}})
            })),
        ),
        (
            "overlapping permissions",
            ingress(fill(|n| {
                json!({"ipProtocol": (n % 256).to_string(), "fromPort": n * 2 % 65_000, "toPort": n * 3 % 65_000,
                       "ipRanges": {"items": [{"cidrIp": format!("{}.0.0.0/2", n % 4 * 64)}]}})
            })),
        ),
        (
            "entries",
            record(
                "ec2",
                "ModifyManagedPrefixList",
                json!({"ModifyManagedPrefixListRequest": {"PrefixListId": "pl-0aaa1111bbb22222c",
                       "AddEntry": fill(|n| json!({"Cidr": format!("{}.{}.0.0/16", n % 223, n / 223), "tag": n}))}}),
            ),
        ),
        (
            "shares",
            record(
                "ec2",
                "ModifySnapshotAttribute",
                json!({"snapshotId": "snap-0aaa1111bbb22222c", "createVolumePermission": {"add":
                       {"items": fill(|n| json!({"userId": format!("{n:012}")}))}}}),
            ),
        ),
        (
            "principals",
            record("ram", "CreateResourceShare", json!({"principals": fill(|n| json!(format!("{n:012}")))})),
        ),
        (
            "selectors",
            record(
                "cloudtrail",
                "PutEventSelectors",
                json!({"trailName": "t", "eventSelectors": fill(|n| json!({
                    "includeManagementEvents": true, "readWriteType": "All",
                    "excludeManagementEventSources": [format!("s{n}.amazonaws.com")]}))}),
            ),
        ),
        (
            "nested brackets",
            record(
                "ec2",
                "ModifyVerifiedAccessGroupPolicy",
                json!({"ModifyVerifiedAccessGroupPolicyRequest": {"PolicyEnabled": true, "PolicyDocument":
                       format!("permit(principal,action,resource)when{{{}true}};", "(".repeat(MAX_PART / 2))}}),
            ),
        ),
    ]
}

fn role(policy: &str) -> Value {
    record("iam", "CreateRole", json!({"roleName": "r", "assumeRolePolicyDocument": policy}))
}

fn trust(statements: &[Value]) -> Value {
    role(&json!({"Version": "2012-10-17", "Statement": statements}).to_string())
}

fn statement(effect: &str, principal: Value, conditions: Value) -> Value {
    json!({"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", "Condition": conditions})
}

/// Trust policies.
fn policies() -> Vec<(&'static str, Value)> {
    let allow = |conditions| statement("Allow", json!("*"), conditions);
    let deny = |conditions| statement("Deny", json!("*"), conditions);
    let of_length = |bytes, value: &dyn Fn(usize) -> Value| fill_within(bytes, value);
    // Quotes are escaped once more, so that half as much fits.
    let values = |value: &dyn Fn(usize) -> String| of_length(MAX_PART / 2, &|number| json!(value(number)));
    let denies = |count: usize, conditions: &dyn Fn(usize) -> Value| -> Vec<Value> {
        std::iter::once(allow(json!({}))).chain((0..count).map(|number| deny(conditions(number)))).collect()
    };
    vec![
        ("principals of AWS", trust(&[statement("Allow", json!({"AWS": values(&|n| format!("{n:012}"))}), json!({}))])),
        ("statements", trust(&of_length(MAX_PART / 2, &|_| allow(json!({}))))),
        (
            "values of a condition",
            trust(&[allow(json!({"StringEquals": {"aws:PrincipalOrgID": values(&|n| format!("o-{n:010}"))}}))]),
        ),
        (
            "keys of conditions",
            trust(&[allow(json!({"StringEquals": members(|number| format!("aws:k{number}"), 9000)}))]),
        ),
        (
            "networks of a condition",
            trust(&[allow(
                json!({"IpAddress": {"aws:SourceIp": values(&|n| format!("{}.{}.0.0/24", n % 223, n / 223))}}),
            )]),
        ),
        ("a long pattern", trust(&[allow(json!({"StringLike": {"aws:PrincipalArn": "*a".repeat(50_000)}}))])),
        (
            "a long pattern and a long value",
            trust(&[allow(json!({"StringLike": {"sts:ExternalId": ["*a".repeat(20_000), "a".repeat(40_000)]},
                                 "StringNotLike": {"sts:ExternalId": "*b*a".repeat(10_000)}}))]),
        ),
        (
            "a long action",
            trust(&[json!({"Effect": "Allow", "Principal": "*", "Action": [format!("{}x", "*s".repeat(50_000))]})]),
        ),
        (
            "paths around Deny statements",
            trust(&denies(9, &|n| {
                json!({"StringNotLike": {"aws:PrincipalArn": format!("*{n}*")},
                       "StringNotEquals": {"aws:PrincipalAccount": n.to_string()}})
            })),
        ),
        (
            "paths with many values",
            trust(&denies(9, &|n| {
                json!({"StringNotLike": {"aws:PrincipalArn": (0..60).map(|m| format!("*{m}*{n}*")).collect::<Vec<_>>()},
                       "StringNotEquals": {"aws:PrincipalAccount": vec![n.to_string(); 60]}})
            })),
        ),
        (
            "paths with variables",
            trust(&denies(9, &|n| {
                json!({"StringNotLike": {"aws:PrincipalTag/a": format!("${{aws:PrincipalTag/b}}*{n}")},
                       "StringNotEquals": {"aws:PrincipalTag/b": format!("${{aws:PrincipalTag/a}}{n}")}})
            })),
        ),
        ("percent signs", role(&"%2525257B".repeat(20_000))),
        ("brackets", role(&format!("{{\"Statement\":{}", "[".repeat(MAX_PART)))),
    ]
}

fn all() -> Vec<(String, Value)> {
    let walked = WALKED.iter().flat_map(|(service, name)| {
        shapes().into_iter().map(move |(shape, request)| (format!("{name}, {shape}"), record(service, name, request)))
    });
    let others = lists().into_iter().chain(policies()).map(|(name, record)| (name.to_owned(), record));
    let mut all: Vec<(String, Value)> = walked.chain(others).collect();
    for service in ["ec2", "cloudtrail"] {
        for (name, long) in [("quotes", "\\\"<&"), ("hidden characters", "\u{202e}"), ("letters", "x")] {
            let mut record = record(service, if service == "ec2" { "CreateVpc" } else { "StopLogging" }, json!({}));
            for member in ["userAgent", "errorMessage", "sourceIPAddress"] {
                record[member] = json!(long.repeat(60_000 / json!(long).to_string().len()));
            }
            all.push((format!("{service}, {name}"), record));
        }
    }
    all
}

fn pipeline() -> Pipeline {
    Pipeline::new(RuleSet::load(&[]).unwrap())
}

/// The CPU time that the record takes and the statuses of its findings.
fn evaluated(pipeline: &Pipeline, record: &Value) -> (Duration, Vec<String>) {
    let text = record.to_string();
    assert!(text.len() <= MAX_RECORD, "the record is longer than CloudTrail's: {}", text.len());
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
    };
    let begin = now();
    let evaluated = pipeline.gather("worst", Input::Payload(&text));
    let took = now() - begin;
    assert!(evaluated.tally.balances(), "{}", evaluated.tally);
    assert_eq!((evaluated.tally.received, evaluated.tally.rejected), (1, 0), "{:?}", evaluated.rejections);
    (took, evaluated.findings.iter().map(|finding| finding.rule.name.clone()).collect())
}

#[test]
fn every_record_takes_a_bounded_time() {
    let pipeline = pipeline();
    let mut slow = Vec::new();
    for (name, record) in all() {
        // The first run compiles rules, and another process may take the cache.
        let took = (0..3).map(|_| evaluated(&pipeline, &record).0).find(|took| *took <= MAX_CPU);
        if took.is_none() {
            slow.push(format!("{name}: {:?}", evaluated(&pipeline, &record).0));
        }
    }
    assert!(slow.is_empty(), "over {MAX_CPU:?}:\n{}", slow.join("\n"));
}

/// Keys that conditions of trust policies use, with values for them.
const KEYS: &[(&str, &[&str])] = &[
    (
        "aws:PrincipalArn",
        &["*", "*1*2*", "arn:aws:iam::*:role/*", "arn:aws:iam::999999999999:role/a*b*c", "*a*a*a*a*b"],
    ),
    ("aws:PrincipalAccount", &["*", "111122223333", "9*", "*1*"]),
    ("aws:PrincipalOrgID", &["o-*", "o-abc1234567", "*"]),
    ("aws:SourceIp", &["0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24"]),
    ("aws:userid", &["AROA*", "*:*", "${aws:username}"]),
    ("aws:PrincipalTag/a", &["${aws:PrincipalTag/b}", "x*", "*"]),
    ("aws:PrincipalTag/b", &["${aws:PrincipalTag/a}", "*y", ""]),
    ("sts:ExternalId", &["secret", "*", "${aws:PrincipalAccount}"]),
    ("aws:CurrentTime", &["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
];

const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "ForAnyValue:StringLike",
    "ForAllValues:StringNotLike",
    "StringLikeIfExists",
    "ArnLike",
    "ArnNotLike",
    "IpAddress",
    "NotIpAddress",
    "DateLessThan",
    "Null",
];

fn random_policy(random: &mut Rng) -> Value {
    let statements: Vec<Value> = (0..random.usize(1..30))
        .map(|_| {
            let mut conditions = Map::new();
            for _ in 0..random.usize(0..4) {
                let operator = OPERATORS[random.usize(..OPERATORS.len())];
                let (key, values) = KEYS[random.usize(..KEYS.len())];
                let count = [1, 1, 2, 5, 40][random.usize(..5)];
                let values: Vec<&str> = (0..count).map(|_| values[random.usize(..values.len())]).collect();
                let on_operator = conditions.entry(operator).or_insert_with(|| json!({}));
                on_operator[key] = json!(values);
            }
            let principal = match random.usize(..4) {
                0 => json!({"AWS": ["111122223333", "arn:aws:iam::444455556666:root", "*"]}),
                1 => json!({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}),
                _ => json!("*"),
            };
            statement(if random.bool() { "Allow" } else { "Deny" }, principal, Value::Object(conditions))
        })
        .collect();
    trust(&statements)
}

#[test]
fn no_random_trust_policy_takes_longer() {
    let pipeline = pipeline();
    let mut random = Rng::with_seed(20_261_130);
    evaluated(&pipeline, &random_policy(&mut random));
    for number in 0..if cfg!(debug_assertions) { 50 } else { 3000 } {
        let record = random_policy(&mut random);
        let (took, findings) = evaluated(&pipeline, &record);
        assert!(took <= MAX_CPU, "policy {number} takes {took:?} and gives {findings:?}: {record}");
    }
}

#[test]
fn every_record_takes_a_bounded_amount_of_memory() {
    let text: String = all().iter().map(|(_, record)| format!("{record}\n")).collect();
    let files = directory(&[("worst.jsonl", &text)]);
    let script = format!("ulimit -d {MAX_MEMORY_KB} && exec \"$0\" evaluate --format ocsf \"$1\"");
    let output = files.path().join("findings.jsonl");
    let status = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_trailwarden"), files.path().join("worst.jsonl").to_str().unwrap()])
        .stdout(fs::File::create(&output).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&status.stderr);
    assert_eq!(status.status.code(), Some(1), "{errors}");
    assert!(errors.contains(" + 0 rejected"), "{errors}");
}

#[test]
fn a_record_that_is_too_complex_to_decide_is_a_warning() {
    let pipeline = pipeline();
    for name in ["small ranges", "prefix lists", "paths around Deny statements", "paths with variables"] {
        let (_, record) = all().into_iter().find(|(known, _)| known == name).unwrap();
        let evaluated = pipeline.gather("worst", Input::Payload(&record.to_string()));
        let warns = evaluated
            .findings
            .iter()
            .any(|finding| finding.message.contains("too complex to decide") && finding.origin.event_id == "worst");
        let messages: Vec<&String> = evaluated.findings.iter().map(|finding| &finding.message).collect();
        assert!(warns, "{name}: {messages:?}");
    }
}
