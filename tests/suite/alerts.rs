//! What people are told: which findings make an alert, and how it reads on each medium.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};
use trailwarden::alert::limit::{AlertLimit, MAX_ALERTS, PERIOD};
use trailwarden::alert::{Alert, AlertGroup, AlertPolicy, History, Resolved, WebhookKind, groups};
use trailwarden::finding::{Finding, Live, Outcome, Severity, Suppression, ocsf};

use crate::support::{files, fixture, generated, json as record, payload_by_all_rules, root, rule_fixtures};
use crate::webhooks::{self, harmless_posts, posts_text};

pub(crate) fn at_least(min_severity: Severity) -> AlertPolicy {
    AlertPolicy::at_least(min_severity)
}

/// The groups of these findings.
pub(crate) fn grouped(findings: &[Finding], policy: &AlertPolicy) -> Vec<AlertGroup> {
    groups(findings.iter().cloned().map(Arc::new), policy)
}

/// The time at which alerts are sent.
pub(crate) fn now() -> Timestamp {
    "2026-03-04T10:05:30Z".parse().unwrap()
}

fn findings(path: &str, rule: &str) -> Vec<Finding> {
    let all = payload_by_all_rules(&fs::read_to_string(fixture(path)).unwrap()).findings;
    all.into_iter().filter(|finding| finding.rule.name == rule).collect()
}

pub(crate) fn finding(path: &str, rule: &str) -> Finding {
    findings(path, rule).remove(0)
}

/// A blocked action on each of these resources.
pub(crate) fn blocked(vpcs: &[&str]) -> Vec<Finding> {
    let mut event = record(&fixture("rules/blocked-action/hit-wrapped.json"));
    let each = vpcs.iter().enumerate().flat_map(|(place, vpc)| {
        event["eventName"] = "DeleteVpc".into();
        event["eventID"] = format!("00000000-0000-4000-8000-{place:012}").into();
        event["requestParameters"] = json!({"vpcId": vpc});
        payload_by_all_rules(&event.to_string()).findings
    });
    each.filter(|finding| finding.rule.name == "blocked-action").collect()
}

fn told(alert: &Alert<'_>) -> String {
    let chat: Value = serde_json::from_str(&alert.chat(now())).unwrap();
    let chat = serde_json::to_string_pretty(&chat).unwrap();
    format!("Subject: {}\n\n{}\n--- sms\n{}\n--- chat\n{chat}\n", alert.subject(), alert.email(now()), alert.sms())
}

/// Many blocked actions of seven kinds, one every second.
pub(crate) fn storm(count: usize) -> Vec<Finding> {
    const CALLS: [(&str, &str, &str); 7] = [
        ("CreateVpc", "cidrBlock", "10.0.0.0/16"),
        ("DeleteVpc", "vpcId", "vpc-"),
        ("CreateSubnet", "vpcId", "vpc-"),
        ("DeleteRoute", "routeTableId", "rtb-"),
        ("DetachInternetGateway", "internetGatewayId", "igw-"),
        ("ModifyVpcAttribute", "vpcId", "vpc-"),
        ("DeleteVpcEndpoints", "vpcEndpointId", "vpce-"),
    ];
    let mut event = record(&fixture("rules/blocked-action/hit-wrapped.json"));
    let first: Timestamp = "2026-03-04T10:00:15Z".parse().unwrap();
    let each = (0..count).flat_map(|number| {
        let (name, parameter, prefix) = CALLS[number % CALLS.len()];
        let seconds = i64::try_from(number).unwrap();
        event["eventName"] = name.into();
        event["eventID"] = format!("00000000-0000-4000-8000-{number:012}").into();
        event["eventTime"] = Timestamp::from_second(first.as_second() + seconds).unwrap().to_string().into();
        event["requestParameters"] = json!({parameter: format!("{prefix}{number:017x}")});
        payload_by_all_rules(&event.to_string()).findings
    });
    each.filter(|finding| finding.rule.name == "blocked-action").collect()
}

#[test]
fn each_kind_of_alert_reads_like_this() {
    let mut told_of = Vec::new();
    for (path, rule) in [
        ("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin"),
        ("rules/role-trust-public/hit-github-any-repository.json", "role-trust-public"),
        ("rules/role-trust-undecidable/hit-omitted.json", "role-trust-undecidable"),
        ("rules/block-public-access-weakened-image/hit.json", "block-public-access-weakened-image"),
    ] {
        let all = [finding(path, rule)];
        let mut groups = grouped(&all, &at_least(Severity::Low));
        if rule == "sg-ingress-world-admin" {
            let [first_seen, last_seen] =
                ["2026-03-01T08:00:00Z", "2026-03-04T10:00:01Z"].map(|at| at.parse::<Timestamp>().unwrap());
            groups[0].set_history(Some(History { occurrences: 3, first_seen, last_seen }));
        }
        told_of.push(told(&groups[0].alert().unwrap()));
    }
    insta::assert_snapshot!(told_of.join("\n==========\n\n"));
}

#[test]
fn a_storm_and_its_digest_read_like_this() {
    let all = storm(24);
    let groups = grouped(&all, &at_least(Severity::Low));
    let [group] = groups.as_slice() else { panic!("{} alerts", groups.len()) };
    let alert = group.alert().unwrap();
    assert_eq!(alert.count(), 24);
    let digest = group.clone().into_digest(3);
    insta::assert_snapshot!([told(&alert), told(&digest.alert().unwrap())].join("\n==========\n\n"));
}

#[test]
fn a_storm_names_every_action_and_resource_with_destructive_ones_first() {
    let all = storm(200);
    let groups = grouped(&all, &at_least(Severity::Low));
    let [group] = groups.as_slice() else { panic!("{} alerts", groups.len()) };
    let alert = group.alert().unwrap();
    let first = "200 blocked EC2 actions by NetOps/dana, 2026-03-04 10:00:15–10:03:34 UTC: 29 × DeleteRoute, 29 × \
                 DeleteVpc, 28 × DeleteVpcEndpoints, 28 × DetachInternetGateway, 29 × CreateSubnet, 29 × CreateVpc, 28 × \
                 ModifyVpcAttribute.";
    let email = alert.email(now());
    assert_eq!(email.split("\n\n").next().unwrap().replace('\n', " "), first);
    for finding in &all {
        assert!(finding.names_no_resource() || email.contains(&finding.resources[0].id), "{email}");
    }
    assert_eq!(alert.subject(), "MEDIUM 111122223333: 200 blocked EC2 actions by NetOps/dana");
    assert!(alert.sms().contains("29 x DeleteVpc") && alert.sms().is_ascii(), "{}", alert.sms());
    assert!(alert.chat(now()).contains("29 × DeleteVpc"));
}

#[test]
fn links_lead_to_the_console_of_the_partition_and_nowhere_else() {
    let link = |change: fn(&mut Finding), label: &str| {
        let mut finding = finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin");
        change(&mut finding);
        let groups = grouped(&[finding], &at_least(Severity::Low));
        let email = groups[0].alert().unwrap().email(now());
        email.lines().find_map(|line| line.strip_prefix(label)).map(|url| url.trim().to_owned())
    };
    let in_partition = |change| link(change, "Resource  ");
    assert_eq!(
        in_partition(|_| {}).as_deref(),
        Some("https://console.aws.amazon.com/ec2/home?region=eu-west-1#SecurityGroup:groupId=sg-0aaa1111bbb22222c")
    );
    let of_gov = in_partition(|finding| {
        finding.origin.partition = "aws-us-gov".to_owned();
        finding.origin.region = "us-gov-west-1".to_owned();
    });
    assert!(of_gov.unwrap().starts_with("https://console.amazonaws-us-gov.com/ec2/home?region=us-gov-west-1#"));
    let of_china = in_partition(|finding| {
        finding.origin.partition = "aws-cn".to_owned();
        finding.origin.region = "cn-north-1".to_owned();
    });
    assert!(of_china.unwrap().starts_with("https://console.amazonaws.cn/ec2/home?region=cn-north-1#"));
    assert_eq!(in_partition(|finding| finding.origin.partition = "aws-iso".to_owned()), None);
    assert_eq!(in_partition(|finding| finding.origin.region = "evil.example/?x=".to_owned()), None);
    assert_eq!(in_partition(|finding| finding.resources[0].id = "sg-1&x=<script>".to_owned()), None);
    assert_eq!(link(|finding| finding.origin.event_id = "x\" onclick=".to_owned(), "Event "), None);
    let role = link(
        |finding| {
            finding.resources[0].kind = "AWS::IAM::Role".to_owned();
            finding.resources[0].id = "a/b?c#d e".to_owned();
        },
        "Resource  ",
    );
    assert_eq!(role.as_deref(), Some("https://console.aws.amazon.com/iam/home#/roles/details/a%2Fb%3Fc%23d%20e"));
}

#[test]
fn an_event_that_arrives_twice_is_told_once() {
    let all = blocked(&["vpc-1", "vpc-1"]);
    let again = [all[0].clone(), all[0].clone(), all[1].clone()];
    let counts = |findings: &[Finding]| -> Vec<u64> {
        grouped(findings, &at_least(Severity::Low)).iter().map(|group| group.alert().unwrap().count()).collect()
    };
    assert_eq!(counts(&again), [2]);
    assert_eq!(counts(&again[..2]), [1]);
}

#[test]
fn a_resolved_problem_reads_like_this() {
    let finding = finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin");
    let mut document = ocsf::document(&finding, now());
    assert_eq!(Resolved::of(&document), None);
    document["status_id"] = 4.into();
    document["message"] = "Trailwarden undid it with the action revoke-ingress-rules (a-1).".into();
    let resolved = Resolved::of(&document).unwrap();
    let chat: Value = serde_json::from_str(&resolved.chat()).unwrap();
    assert_eq!(chat["metadata"]["threadId"], finding.uid());
    let chat = serde_json::to_string_pretty(&chat).unwrap();
    insta::assert_snapshot!(format!(
        "Subject: {}\n\n{}\n--- sms\n{}\n--- chat\n{chat}\n",
        resolved.subject(),
        resolved.email(),
        resolved.sms()
    ));
    for pointer in ["/message", "/finding_info/title", "/cloud/account/uid", "/cloud/region", "/resources/0/name"] {
        *document.pointer_mut(pointer).unwrap() = HOSTILE.into();
    }
    let resolved = Resolved::of(&document).unwrap();
    let subject = resolved.subject();
    assert!(subject.len() < 100 && subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{subject:?}");
    assert_harmless(&resolved.email(), &resolved.sms(), &resolved.chat(), &[]);
    harmless_posts(&webhooks::resolved_posts(&resolved), &[]);
    serde_json::from_str::<Value>(&resolved.body()).unwrap();
}

#[test]
fn a_runbook_of_a_rule_goes_before_that_of_its_pack() {
    let all = blocked(&["vpc-1"]);
    let runbook = |runbooks: &[(&str, &str)]| {
        let runbooks: BTreeMap<String, String> =
            runbooks.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect();
        let groups = grouped(&all, &AlertPolicy { runbooks, ..at_least(Severity::Low) });
        let email = groups[0].alert().unwrap().email(now());
        email.lines().find_map(|line| line.strip_prefix("Runbook   ").map(str::to_owned))
    };
    let (of_pack, of_rule) = (("blocked-actions", "https://wiki/pack"), ("blocked-action", "https://wiki/rule"));
    assert_eq!(runbook(&[of_pack]).as_deref(), Some("https://wiki/pack"));
    assert_eq!(runbook(&[of_pack, of_rule]).as_deref(), Some("https://wiki/rule"));
    assert_eq!(runbook(&[]), None);
}

#[test]
fn people_are_told_of_what_is_severe_enough_and_not_exempt() {
    let mut all = blocked(&["vpc-1"]);
    assert_eq!(grouped(&all, &at_least(Severity::Medium)).len(), 1);
    assert_eq!(grouped(&all, &at_least(Severity::High)).len(), 0);
    let beat = finding("rules/heartbeat/hit.json", "heartbeat");
    assert_eq!(grouped(&[beat], &at_least(Severity::Informational)).len(), 0);
    let [exemption, owner, reason, expires] = ["e", "o", "r", "9999-12-31"].map(str::to_owned);
    all[0].suppression =
        Some(Suppression { exemption, owner, reason, ticket: None, expires: Some(expires), also: Vec::new() });
    assert_eq!(grouped(&all, &at_least(Severity::Low)).len(), 0);
}

#[test]
fn one_caller_and_rule_is_one_alert() {
    let mut all = blocked(&["vpc-1", "vpc-2", "vpc-3", "vpc-4"]);
    // Another session of the role, with keys and a name of its own.
    all[2].actor.access_key_id = Some("ASIAEXAMPLEOTHER0001".to_owned());
    all[2].actor.name = "NetOps/evan".to_owned();
    all[3].actor.session_issuer = Some("arn:aws:iam::111122223333:role/Other".to_owned());
    let groups = grouped(&all, &at_least(Severity::Low));
    let counts: Vec<u64> = groups.iter().map(|group| group.alert().unwrap().count()).collect();
    assert_eq!(counts, [3, 1]);
    assert!(groups[0].alert().unwrap().email(now()).contains("by NetOps/dana, NetOps/evan,"));
    let critical = finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin");
    assert_eq!(critical.rule.severity, Severity::Critical);
    let mut other = critical.clone();
    other.origin.event_id = "another".to_owned();
    assert_eq!(grouped(&[critical.clone(), other.clone()], &at_least(Severity::Low)).len(), 1);
    // Findings of another account, or of another severity, stay apart.
    other.origin.account = "444455556666".to_owned();
    assert_eq!(grouped(&[critical.clone(), other], &at_least(Severity::Low)).len(), 2);
    let mut latent = critical.clone();
    latent.origin.event_id = "another".to_owned();
    latent.live =
        Some(Live { outcome: Outcome::Latent, summary: "Latent.".to_owned(), paths: Vec::new(), checked_at: None });
    assert_eq!(grouped(&[critical, latent], &at_least(Severity::Low)).len(), 2);
}

#[test]
fn alerts_of_one_rule_and_caller_are_limited_and_the_rest_is_one_digest() {
    let at = |minutes: i64| Timestamp::from_second(1_772_618_400 + 60 * minutes).unwrap();
    let policy = at_least(Severity::Low);
    let mut limit = AlertLimit::default();
    let mut admitted = |findings: &[Finding], minutes: i64| -> Vec<u64> {
        let groups = limit.admit(findings.iter().cloned().map(Arc::new), &policy, at(minutes));
        groups.iter().map(|group| group.alert().unwrap().count()).collect()
    };
    let one = |number: usize| blocked(&[&format!("vpc-{number:017x}")]);
    for number in 0..MAX_ALERTS {
        assert_eq!(admitted(&one(number), 0), [1], "{number}");
    }
    // New names of sessions are no new callers.
    let mut renamed = one(100);
    renamed[0].actor.name = "NetOps/another".to_owned();
    renamed[0].actor.access_key_id = Some("ASIAEXAMPLEOTHER0001".to_owned());
    assert!(admitted(&renamed, 10).is_empty());
    assert!(admitted(&one(101), 59).is_empty());
    // Another rule, severity or caller is counted apart.
    let critical = finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin");
    assert_eq!(admitted(&[critical], 59), [1]);
    let mut other = one(102);
    other[0].actor.session_issuer = Some("arn:aws:iam::111122223333:role/Other".to_owned());
    assert_eq!(admitted(&other, 59), [1]);
    // The digest comes with the next delivery, whatever is in it, and counting begins anew.
    assert_eq!(admitted(&[], 60), [2]);
    assert!(admitted(&[], 61).is_empty());
    assert_eq!(admitted(&one(103), 61), [1]);
}

#[test]
fn findings_beyond_the_limit_are_never_dropped() {
    let policy = at_least(Severity::Low);
    let now = Timestamp::from_second(1_772_618_400).unwrap();
    let mut limit = AlertLimit::default();
    let finding = blocked(&["vpc-1"]).remove(0);
    let mut told = 0;
    for number in 0..2000 {
        let mut finding = finding.clone();
        finding.origin.event_id = number.to_string();
        let groups = limit.admit([Arc::new(finding)], &policy, now);
        told += groups.iter().map(|group| group.alert().unwrap().count()).sum::<u64>();
        // What cannot be published is a part of the next digest.
        if groups.iter().any(|group| group.alert().unwrap().count() > 1) {
            told -= groups.iter().map(|group| group.alert().unwrap().count()).sum::<u64>();
            limit.put_back(groups, now);
        }
    }
    let rest = limit.admit([], &policy, now + PERIOD);
    assert_eq!(told + rest.iter().map(|group| group.alert().unwrap().count()).sum::<u64>(), 2000);
}

#[test]
fn calls_of_own_roles_make_no_alert_unless_they_tamper_or_are_critical() {
    let mut all = blocked(&["vpc-1"]);
    all.push(finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin"));
    let stopped = fs::read_to_string(fixture("rules/trail-stopped/hit-calls.jsonl")).unwrap();
    all.extend(payload_by_all_rules(stopped.lines().next().unwrap()).findings);
    for finding in &mut all {
        finding.actor.session_issuer = Some("arn:aws:iam::111122223333:role/path/trailwarden".to_owned());
    }
    let alerted = |own: &str, account: Option<&str>| {
        let account = account.map(str::to_owned);
        let policy = AlertPolicy { own_roles: vec![own.to_owned()], account, ..at_least(Severity::Low) };
        let groups = grouped(&all, &policy);
        groups.iter().map(|group| group.alert().unwrap().lead().rule.name.clone()).collect::<Vec<_>>()
    };
    let muted = ["sg-ingress-world-admin", "trail-stopped"];
    assert_eq!(alerted("trailwarden", Some("111122223333")), muted);
    assert_eq!(alerted("arn:aws:iam::111122223333:role/path/trailwarden", None), muted);
    let everything = ["blocked-action", "sg-ingress-world-admin", "trail-stopped"];
    // A role of that name in another account, with another path, or with another name, is somebody else's.
    for (own, account) in [
        ("trailwarden", Some("444455556666")),
        ("trailwarden", None),
        ("trail", Some("111122223333")),
        ("arn:aws:iam::111122223333:role/trailwarden", Some("111122223333")),
        ("arn:aws:iam::444455556666:role/path/trailwarden", Some("111122223333")),
    ] {
        assert_eq!(alerted(own, account), everything, "{own} {account:?}");
    }
}

/// Publishing is what the function does of itself; should the trail record it, nothing comes of it.
#[test]
fn publishing_a_finding_causes_no_other() {
    let role = "arn:aws:iam::111122223333:role/trailwarden-role";
    for name in ["Publish", "PublishBatch"] {
        let event = json!({"eventSource": "sns.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333",
            "requestParameters": {"topicArn": "arn:aws:sns:eu-west-1:111122223333:trailwarden-findings"},
            "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": role}}}});
        assert_eq!(payload_by_all_rules(&event.to_string()).findings, []);
    }
}

#[test]
fn an_alert_has_one_id_for_the_same_findings() {
    let all = blocked(&["vpc-1", "vpc-2"]);
    let uid = |all: &[Finding]| grouped(all, &at_least(Severity::Low))[0].alert().unwrap().uid();
    assert_eq!(uid(&all), uid(&all));
    assert_ne!(uid(&all), uid(&all[..1]));
}

/// Text that means something to a terminal, a mail program, a chat application or a phone.
pub(crate) const HOSTILE: &str = "\u{1b}[2J\r\nSubject: x\u{202e}<!channel> <@U1> @here [click](https://evil.example) *b* _i_ \
                       `id` {\"json\":1} <script>alert(1)</script> \u{0}\u{2028} evil.example \u{2705} :white_check_mark:";

#[test]
fn text_of_attackers_is_safe_on_every_medium() {
    let mut event = record(&fixture("rules/role-trust-public/hit-create-role.json"));
    for pointer in [
        "/userAgent",
        "/requestParameters/roleName",
        "/userIdentity/arn",
        "/userIdentity/principalId",
        "/sourceIPAddress",
        "/eventTime",
        "/requestID",
        "/recipientAccountId",
        "/awsRegion",
    ] {
        if let Some(value) = event.pointer_mut(pointer) {
            *value = HOSTILE.into();
        }
    }
    event["responseElements"] = Value::Null;
    event["requestParameters"]["description"] = HOSTILE.into();
    event["requestParameters"]["tags"] = json!([{"key": HOSTILE, "value": HOSTILE}]);
    let all = payload_by_all_rules(&event.to_string()).findings;
    let groups = grouped(&all, &at_least(Severity::Low));
    let alert = groups[0].alert().unwrap();
    let subject = alert.subject();
    assert!(subject.len() < 100 && subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{subject:?}");
    // Links of the rule. Those to the console need a Region and an event id of the usual form.
    let links = all[0].rule.references.clone();
    assert_harmless(&alert.email(now()), &alert.sms(), &alert.chat(now()), &links);
    harmless_posts(&webhooks::posts(&alert, now()), &links);
    let body = alert.body(Timestamp::UNIX_EPOCH);
    assert!(!body.contains(HIDDEN));
    let body: Value = serde_json::from_str(&body).unwrap();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["default", "email", "https", "lambda", "sms", "sqs"]);
    assert_eq!(serde_json::from_str::<Value>(body["sqs"].as_str().unwrap()).unwrap()["class_uid"], 2003);
}

/// Characters that a terminal, a mail program or an editor acts on.
pub(crate) const HIDDEN: [char; 5] = ['\u{1b}', '\r', '\u{202e}', '\u{0}', '\u{2028}'];

/// Asserts that the texts contain no part of [`HOSTILE`] that a program acts on, and no URL but `links`.
fn assert_harmless(email: &str, sms: &str, chat: &str, links: &[String]) {
    let without_links = |text: &str| links.iter().fold(text.to_owned(), |text, link| text.replace(link.as_str(), ""));
    let email = without_links(email);
    assert!(!email.contains(HIDDEN), "{email}");
    for mark in ["http://", "https://", "\u{2705}"] {
        assert!(!email.contains(mark) && !sms.contains(mark), "{mark} in {email}");
    }
    // A command that is to be pasted keeps names as they are.
    let texts: Vec<&str> = email.lines().filter(|line| !line.contains(" aws iam ")).collect();
    assert!(!texts.join(" ").contains(" evil.example") && !sms.contains(" evil.example"), "{email}");
    assert!(!sms.contains(HIDDEN) && !sms.contains(['\n']) && !sms.contains("://") && !sms.contains("aws "), "{sms}");
    let mut texts = Vec::new();
    strings(&serde_json::from_str(chat).unwrap(), &mut texts);
    for text in texts.iter().map(|text| without_links(text)) {
        assert!(!text.contains(HIDDEN), "{text:?}");
        for mark in ["<!", "<@", "@here", "](", "http://", "https://", "<script", "\u{2705}", ":white_check_mark:"] {
            assert!(!text.contains(mark), "{mark} in {text:?}");
        }
    }
}

pub(crate) fn strings(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| strings(one, texts)),
        Value::Object(all) => all.values().for_each(|one| strings(one, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

proptest! {
    #[test]
    fn an_email_can_be_read_whatever_the_record_says(agent in "\\PC{0,400}", role in ".{0,400}", count in 1..30_usize) {
        let mut all = blocked(&["vpc-1"]);
        all[0].call.user_agent = Some(agent);
        all[0].resources[0].id = role;
        let all: Vec<Finding> = (0..count).map(|number| {
            let mut finding = all[0].clone();
            finding.origin.event_id = format!("{number}");
            finding
        }).collect();
        let groups = grouped(&all, &at_least(Severity::Low));
        prop_assert_eq!(groups.len(), 1);
        let alert = groups[0].alert().unwrap();
        let email = alert.email(now());
        let listed = if count > 1 { count + 2 } else { 0 };
        prop_assert!(email.lines().count() <= 48 + listed, "{email}");
        prop_assert!(alert.subject().len() < 100);
        prop_assert!(alert.sms().chars().count() <= 300);
        prop_assert!(serde_json::from_str::<Value>(&alert.chat(now())).is_ok());
    }
}

/// One alert about each rule: the first finding of its fixtures.
pub(crate) fn one_of_each_rule() -> BTreeMap<String, AlertGroup> {
    let mut groups = BTreeMap::new();
    for fixture in rule_fixtures().into_iter().filter(|fixture| fixture.name.starts_with("hit")) {
        if groups.contains_key(&fixture.rule) {
            continue;
        }
        let findings = payload_by_all_rules(&fixture.text).findings;
        let of_rule: Vec<Finding> = findings.into_iter().filter(|finding| finding.rule.name == fixture.rule).collect();
        if let Some(group) = grouped(&of_rule, &at_least(Severity::Informational)).into_iter().next() {
            groups.insert(fixture.rule, group);
        }
    }
    groups
}

/// Four minutes after the last call.
fn sent(alert: &Alert<'_>) -> Timestamp {
    let times = alert.findings().filter_map(|finding| finding.origin.time);
    times.max().map_or_else(now, |last| last + SignedDuration::from_mins(4))
}

#[test]
fn an_alert_of_every_rule_reads_like_its_snapshot() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/alerts");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let groups = one_of_each_rule();
    let differ: Vec<&String> = groups
        .iter()
        .filter(|(rule, group)| {
            let alert = group.alert().unwrap();
            let sent = sent(&alert);
            let chat = chat_text(&alert.chat(sent));
            let text = format!(
                "Subject: {}\n\n{}\n--- sms\n{}\n\n--- chat\n{chat}\n{}",
                alert.subject(),
                alert.email(sent),
                alert.sms(),
                posts_text(&webhooks::posts(&alert, sent))
            );
            let compare = || settings.bind(|| insta::assert_snapshot!(rule.as_str(), text));
            catch_unwind(AssertUnwindSafe(compare)).is_err()
        })
        .map(|(rule, _)| rule)
        .collect();
    assert!(differ.is_empty(), "`tests/refresh` writes these snapshots: {differ:?}");
    let snapshots = files(&root().join("tests/suite/snapshots/alerts")).into_iter();
    let names = snapshots.filter_map(|path| Some(path.file_name()?.to_str()?.strip_suffix(".snap")?.to_owned()));
    let stale: Vec<String> = names.filter(|name| !groups.contains_key(name)).collect();
    assert!(stale.is_empty(), "`tests/refresh` removes the snapshots of rules that are gone: {stale:?}");
}

/// What a chat application shows of a notification.
fn chat_text(chat: &str) -> String {
    let chat: Value = serde_json::from_str(chat).unwrap();
    let content = &chat["content"];
    let steps = content["nextSteps"].as_array().cloned().unwrap_or_default();
    let steps: Vec<String> = steps.iter().map(|step| format!("- {}", step.as_str().unwrap())).collect();
    let [title, description] = ["title", "description"].map(|name| content[name].as_str().unwrap_or_default());
    format!("{title}\n{description}\n{}", steps.join("\n"))
}

/// What an alert must answer within its first lines: who, what, where, when, why and how to undo it.
#[test]
fn every_alert_answers_the_questions_of_its_reader() {
    for (rule, group) in one_of_each_rule() {
        let alert = group.alert().unwrap();
        let email = alert.email(now());
        for label in ["Undo  ", "Who  ", "When  ", "Where  ", "What  ", "Why  "] {
            assert!(email.lines().take(40).any(|line| line.starts_with(label)), "{rule} has no {label}: {email}");
        }
        let undo = email.find("\nUndo").unwrap();
        assert!(undo < email.find("\nWho").unwrap(), "{rule}: {email}");
        // Facts are named in words.
        for line in email.lines().filter(|line| line.starts_with("Why")) {
            let is_path = |word: &str| {
                ["exposure.", "trust.", "live.", "trail.", "sharing.", "requestParameters."]
                    .iter()
                    .any(|path| word.starts_with(path))
            };
            assert!(!line.split(' ').any(is_path), "{rule}: {line}");
        }
        let (sms, subject) = (alert.sms(), alert.subject());
        assert!(!sms.contains(" aws ") && !sms.contains("aws sts"), "{rule}: {sms}");
        let severity = alert.severity().caption().to_uppercase();
        assert!(subject.starts_with(&severity) && sms.starts_with(&severity), "{rule}: {subject}");
        let steps = serde_json::from_str::<Value>(&alert.chat(now())).unwrap()["content"]["nextSteps"].to_string();
        for command in
            ["aws ec2 delete-", "aws iam delete-", "aws ec2 detach-", "aws ec2 disassociate-", "aws ec2 terminate-"]
        {
            assert!(!steps.contains(command), "{rule}: {steps}");
        }
    }
}

/// The page that shows what people read, from the same texts.
#[test]
fn the_page_of_examples_shows_the_messages() {
    let mut shown: Vec<(String, AlertGroup)> = Vec::new();
    for (title, rule) in [
        ("A security group opened to the internet", "sg-ingress-world-admin"),
        ("A role that anyone can assume", "role-trust-public"),
        ("A setting of the whole account", "block-public-access-weakened-image"),
        ("A trail that was stopped", "trail-stopped"),
    ] {
        shown.push((title.to_owned(), one_of_each_rule().remove(rule).unwrap()));
    }
    let many = grouped(&storm(24), &at_least(Severity::Low)).remove(0);
    shown.push(("A storm".to_owned(), many.clone()));
    shown.push(("The digest at the end of a quiet period".to_owned(), many.into_digest(0)));
    let mut messages: Vec<Shown> = shown
        .into_iter()
        .map(|(title, group)| {
            let alert = group.alert().unwrap();
            let sent = sent(&alert);
            Shown {
                title,
                subject: alert.subject(),
                email: alert.email(sent),
                sms: alert.sms(),
                chat: alert.chat(sent),
                posts: webhooks::posts(&alert, sent),
            }
        })
        .collect();
    let finding = finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin");
    let mut document = ocsf::document(&finding, now());
    document["status_id"] = 4.into();
    document["message"] = "Trailwarden undid it with the action revoke-ingress-rules (a-1).".into();
    let resolved = Resolved::of(&document).unwrap();
    messages.push(Shown {
        title: "A resolved problem".to_owned(),
        subject: resolved.subject(),
        email: resolved.email(),
        sms: resolved.sms(),
        chat: resolved.chat(),
        posts: webhooks::resolved_posts(&resolved),
    });
    generated("docs/alert-examples.html", &page(&messages));
}

/// One message on every medium.
struct Shown {
    title: String,
    subject: String,
    email: String,
    sms: String,
    chat: String,
    posts: Vec<(WebhookKind, Value)>,
}

const STYLE: &str = "\
body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;color:#1b1f24;background:#fff}\
h2{margin-top:2.5rem;border-top:1px solid #d0d7de;padding-top:1rem}h3{font-size:.95rem;color:#57606a;margin:1.2rem 0 .3rem}\
pre,.chat,.sms{border:1px solid #d0d7de;border-radius:8px;padding:.8rem;margin:0;overflow-wrap:anywhere}\
pre{white-space:pre-wrap;font:13px/1.4 ui-monospace,monospace}.chat,.sms{max-width:24rem;font-size:.9rem}\
.chat{border-left:4px solid #cf222e}.sms{background:#eaf5ea;border-radius:14px}.chat p{margin:.15rem 0}\
code{font:12px ui-monospace,monospace;background:#f0f1f3;padding:0 .2rem}b{font-weight:600}";

fn page(messages: &[Shown]) -> String {
    let page = maud::html! {
        (maud::DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Trailwarden: what alerts look like" }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                h1 { "What alerts look like" }
                p { "Each message as an email, by Amazon Q in a chat application, by webhook and as a text message. The tests of Trailwarden write this page." }
                @for Shown { title, subject, email, sms, chat, posts } in messages {
                    h2 { (title) }
                    h3 { "Email" }
                    pre { b { (subject) } "\n\n" (email) }
                    h3 { "Amazon Q in chat applications" }
                    div class="chat" {
                        @for (place, line) in chat_text(chat).lines().enumerate() {
                            @if place == 0 { p { b { (maud::PreEscaped(marked(line))) } } }
                            @else { p { (maud::PreEscaped(marked(line))) } }
                        }
                    }
                    @for (kind, body) in posts {
                        @let lines = webhooks::shown(*kind, body);
                        h3 { (webhooks::caption(*kind)) }
                        div class="chat" {
                            @for (place, line) in lines.iter().enumerate() {
                                @if place == 0 { p { b { (line) } } } @else { p { (line) } }
                            }
                        }
                    }
                    h3 { "Text message" }
                    div class="sms" { (sms) }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// A line of a chat message as HTML. Its text is escaped for chat applications, which HTML shares but for the backslashes.
fn marked(line: &str) -> String {
    let line = line.replace(":red_circle:", "&#x1f534;").replace(":large_orange_circle:", "&#x1f7e0;");
    let line = line.replace(":large_blue_circle:", "&#x1f535;").replace(":large_green_circle:", "&#x1f7e2;");
    let bold = Regex::new(r"^\*([A-Za-z0-9 ]+:)\*").unwrap().replace(&line, "<b>$1</b>").into_owned();
    let code = Regex::new(r"`([^`]*)`").unwrap().replace_all(&bold, "<code>$1</code>").into_owned();
    code.replace(r"\*", "*").replace(r"\_", "_").replace(r"\~", "~")
}
