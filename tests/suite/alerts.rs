//! What people are told: which findings make an alert, and how it reads on each medium.

use std::fs;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden::alert::limit::{AlertLimit, MAX_ALERTS, PERIOD};
use trailwarden::alert::{Alert, AlertPolicy, alerts};
use trailwarden::finding::{Finding, Live, Outcome, Severity, Suppression};

use crate::support::{fixture, json as record, payload_by_all_rules};

fn at_least(min_severity: Severity) -> AlertPolicy {
    AlertPolicy { min_severity, own_roles: Vec::new(), account: None }
}

fn findings(path: &str, rule: &str) -> Vec<Finding> {
    let all = payload_by_all_rules(&fs::read_to_string(fixture(path)).unwrap()).findings;
    all.into_iter().filter(|finding| finding.rule.name == rule).collect()
}

fn finding(path: &str, rule: &str) -> Finding {
    findings(path, rule).remove(0)
}

/// A blocked action on each of these resources.
fn blocked(vpcs: &[&str]) -> Vec<Finding> {
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
    let chat: Value = serde_json::from_str(&alert.chat()).unwrap();
    let chat = serde_json::to_string_pretty(&chat).unwrap();
    format!("Subject: {}\n\n{}\n--- sms\n{}\n--- chat\n{chat}\n", alert.subject(), alert.email(), alert.sms())
}

#[test]
fn each_kind_of_alert_reads_like_this() {
    let mut told_of = Vec::new();
    for (path, rule) in [
        ("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin"),
        ("rules/role-trust-public/hit-github-any-repository.json", "role-trust-public"),
        ("rules/role-trust-undecidable/hit-omitted.json", "role-trust-undecidable"),
    ] {
        let all = [finding(path, rule)];
        told_of.push(told(&alerts(&all, &at_least(Severity::Low))[0]));
    }
    let many: Vec<String> = (0..12).map(|place| format!("vpc-{place:017x}")).collect();
    let many = blocked(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let grouped = alerts(&many, &at_least(Severity::Low));
    assert_eq!((grouped.len(), grouped[0].count()), (1, 12));
    told_of.push(told(&grouped[0]));
    insta::assert_snapshot!(told_of.join("\n==========\n\n"));
}

#[test]
fn people_are_told_of_what_is_severe_enough_and_not_exempt() {
    let mut all = blocked(&["vpc-1"]);
    assert_eq!(alerts(&all, &at_least(Severity::Medium)).len(), 1);
    assert_eq!(alerts(&all, &at_least(Severity::High)).len(), 0);
    let [exemption, owner, reason, expires] = ["e", "o", "r", "9999-12-31"].map(str::to_owned);
    all[0].suppression =
        Some(Suppression { exemption, owner, reason, ticket: None, expires: Some(expires), also: Vec::new() });
    assert_eq!(alerts(&all, &at_least(Severity::Low)).len(), 0);
}

#[test]
fn one_caller_and_rule_is_one_alert_that_names_every_resource() {
    let mut all = blocked(&["vpc-1", "vpc-2", "vpc-3"]);
    all[2].actor.access_key_id = Some("ASIAEXAMPLEOTHER0001".to_owned());
    let counts: Vec<usize> = alerts(&all, &at_least(Severity::Low)).iter().map(Alert::count).collect();
    assert_eq!(counts, [2, 1]);
    let critical = finding("rules/sg-ingress-world-admin/hit-items.json", "sg-ingress-world-admin");
    assert_eq!(critical.rule.severity, Severity::Critical);
    assert_eq!(alerts(&[critical.clone(), critical.clone()], &at_least(Severity::Low)).len(), 1);
    // What differs in severity stays apart.
    let mut latent = critical.clone();
    latent.live =
        Some(Live { outcome: Outcome::Latent, summary: "Latent.".to_owned(), paths: Vec::new(), checked_at: None });
    assert_eq!(alerts(&[critical, latent], &at_least(Severity::Low)).len(), 2);

    let names: Vec<String> = (0..200).map(|place| format!("vpc-{place:017x}")).collect();
    let many = blocked(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let told = alerts(&many, &at_least(Severity::Low));
    assert_eq!(told.len(), 1);
    let email = told[0].email();
    assert!(names.iter().all(|name| email.contains(name.as_str())), "{email}");
}

#[test]
fn alerts_of_one_rule_and_caller_are_limited_and_the_rest_is_one_digest() {
    let at = |minutes: i64| Timestamp::from_second(1_772_618_400 + 60 * minutes).unwrap();
    let policy = at_least(Severity::Low);
    let mut limit = AlertLimit::default();
    let mut admitted = |findings: &[Finding], minutes: i64| -> Vec<usize> {
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
    let finding = Arc::new(blocked(&["vpc-1"]).remove(0));
    let mut told = 0;
    for _ in 0..2000 {
        let groups = limit.admit([Arc::clone(&finding)], &policy, now);
        told += groups.iter().map(|group| group.alert().unwrap().count()).sum::<usize>();
        // What cannot be published is a part of the next digest.
        if groups.iter().any(|group| group.alert().unwrap().count() > 1) {
            told -= groups.iter().map(|group| group.alert().unwrap().count()).sum::<usize>();
            limit.put_back(groups, now);
        }
    }
    let rest = limit.admit([], &policy, now + PERIOD);
    assert_eq!(told + rest.iter().map(|group| group.alert().unwrap().count()).sum::<usize>(), 2000);
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
        let policy = AlertPolicy { min_severity: Severity::Low, own_roles: vec![own.to_owned()], account };
        alerts(&all, &policy).iter().map(|alert| alert.lead().rule.name.clone()).collect::<Vec<_>>()
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
    let uid = |all: &[Finding]| alerts(all, &at_least(Severity::Low))[0].uid();
    assert_eq!(uid(&all), uid(&all));
    assert_ne!(uid(&all), uid(&all[..1]));
}

/// Text that means something to a terminal, a mail program, a chat application or a phone.
const HOSTILE: &str = "\u{1b}[2J\r\nSubject: x\u{202e}<!channel> <@U1> @here [click](https://evil.example) *b* _i_ \
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
    let alert = &alerts(&all, &at_least(Severity::Low))[0];
    let hidden = |text: &str| text.contains(['\u{1b}', '\r', '\u{202e}', '\u{0}', '\u{2028}']);

    let subject = alert.subject();
    assert!(subject.len() < 100 && subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{subject:?}");
    let email = alert.email();
    assert!(!hidden(&email), "{email}");
    for mark in ["http://", "https://", "\u{2705}"] {
        assert!(!email.contains(mark) && !alert.sms().contains(mark), "{mark} in {email}");
    }
    // A command that is to be pasted keeps names as they are.
    let texts: Vec<&str> = email.lines().filter(|line| !line.contains(" aws iam ")).collect();
    assert!(!texts.join(" ").contains(" evil.example") && !alert.sms().contains(" evil.example"), "{email}");
    assert!(!hidden(&alert.sms()) && !alert.sms().contains(['\n']) && !alert.sms().contains("://"));
    let chat: Value = serde_json::from_str(&alert.chat()).unwrap();
    let mut texts = Vec::new();
    strings(&chat, &mut texts);
    for text in texts {
        assert!(!hidden(&text), "{text:?}");
        for mark in ["<!", "<@", "@here", "](", "http://", "https://", "<script", "\u{2705}", ":white_check_mark:"] {
            assert!(!text.contains(mark), "{mark} in {text:?}");
        }
    }
    let body = alert.body(Timestamp::UNIX_EPOCH);
    assert!(!hidden(&body));
    let body: Value = serde_json::from_str(&body).unwrap();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["default", "email", "https", "lambda", "sms", "sqs"]);
    assert_eq!(serde_json::from_str::<Value>(body["sqs"].as_str().unwrap()).unwrap()["class_uid"], 2003);
}

fn strings(value: &Value, texts: &mut Vec<String>) {
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
        let all: Vec<Finding> = std::iter::repeat_n(all[0].clone(), count).collect();
        let told = alerts(&all, &at_least(Severity::Low));
        prop_assert_eq!(told.len(), 1);
        let email = told[0].email();
        let listed = if count > 1 { count + 2 } else { 0 };
        prop_assert!(email.lines().count() <= 40 + listed, "{email}");
        prop_assert!(told[0].subject().len() < 100);
        prop_assert!(told[0].sms().chars().count() <= 300);
        prop_assert!(serde_json::from_str::<Value>(&told[0].chat()).is_ok());
    }
}
