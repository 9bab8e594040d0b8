//! Hostile input: it is decided in bounded time, and what it opens or silences is reported.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Evaluation, OcsfFinding, assert_all_right, case_path, evaluate, evaluate_events, wrong_answer};
use crate::support::{directory, trailwarden};

/// How long an unoptimised build may take for a policy that an optimised one decides within 50 ms.
const DEADLINE: Duration = Duration::from_secs(20);

fn path(name: &str) -> std::path::PathBuf {
    case_path("hardening").join(name)
}

fn records(name: &str) -> Vec<Value> {
    fs::read_to_string(path(name)).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The findings for a record, other than that the call was made at all.
fn findings_for<'f>(evaluation: &'f Evaluation, record: &Value) -> Vec<&'f OcsfFinding> {
    let id = record["eventID"].as_str().unwrap();
    let is_for = |finding: &&OcsfFinding| finding.event_id() == id && !finding.is_blocked_action();
    evaluation.findings.iter().filter(is_for).collect()
}

/// `eventName requestParameters` as far as it fits into a line.
fn call(record: &Value) -> String {
    let text = format!("{} {}", record["eventName"].as_str().unwrap(), record["requestParameters"]);
    text.chars().take(200).collect()
}

#[test]
fn large_parts_of_the_internet_in_many_small_networks_are_reported() {
    let names = ["half-internet.jsonl", "sixty-rules.jsonl", "slash8.jsonl"];
    assert_all_right(names.map(|name| {
        let evaluation = evaluate(&path(name), &[]);
        let is_reported = evaluation.findings.iter().any(|finding| finding.is_of("sg-ingress-world|sg-ingress-wide"));
        let reasons: Vec<String> = (!is_reported).then(|| "no finding".to_owned()).into_iter().collect();
        wrong_answer(name, &reasons, "the networks add up")
    }));
}

#[test]
fn calls_that_silence_the_deployment_are_reported() {
    let records = records("silence.jsonl");
    let evaluation = evaluate_events(&records, &["--config", path("own.yml").to_str().unwrap()]);
    assert_all_right(records.iter().map(|record| {
        let is_reported = findings_for(&evaluation, record).iter().any(|finding| finding.is_non_compliant());
        let reasons: Vec<String> = (!is_reported).then(|| "no finding".to_owned()).into_iter().collect();
        wrong_answer(&call(record), &reasons, "it changes something of the deployment")
    }));
}

#[test]
fn a_trail_that_is_led_astray_is_reported_at_high_or_above() {
    let records = records("trail-role.jsonl");
    let evaluation = evaluate_events(&records, &["--config", path("own.yml").to_str().unwrap()]);
    assert_all_right(records.iter().map(|record| {
        let findings = findings_for(&evaluation, record);
        let levels: Vec<String> = findings.iter().map(|finding| finding.severity()).collect();
        let is_right = levels.iter().any(|level| level == "high" || level == "critical");
        let reasons: Vec<String> = (!is_right).then(|| format!("severities are {levels:?}")).into_iter().collect();
        wrong_answer(&call(record), &reasons, "the trail no longer reaches its log group")
    }));
}

/// Whether the record is about a foreign account, or about an identity provider itself.
fn needs_no_configuration(record: &Value) -> bool {
    let is_provider = record["eventName"] != "UpdateAssumeRolePolicy";
    let document = record["requestParameters"]["policyDocument"].as_str().unwrap_or_default();
    is_provider || (!document.contains("Federated") && !document.contains("aws:PrincipalOrgID"))
}

#[test]
fn every_way_to_let_an_attacker_assume_a_role_is_reported() {
    let records = records("trust.jsonl");
    let without = evaluate_events(&records, &[]);
    let with = evaluate_events(&records, &["--config", path("identities.yml").to_str().unwrap()]);
    assert_eq!(records.iter().filter(|record| needs_no_configuration(record)).count(), 6);
    assert_all_right(records.iter().map(|record| {
        let evaluation = if needs_no_configuration(record) { &without } else { &with };
        let is_reported = findings_for(evaluation, record).iter().any(|finding| finding.is_non_compliant());
        let reasons: Vec<String> = (!is_reported).then(|| "no finding".to_owned()).into_iter().collect();
        wrong_answer(&call(record), &reasons, "an attacker can assume the role")
    }));
}

#[test]
fn a_record_with_a_lone_surrogate_is_evaluated() {
    let evaluation = evaluate(&path("lone-surrogate.jsonl"), &[]);
    assert_eq!(evaluation.code, 1, "{}", evaluation.errors);
    assert!(evaluation.findings.iter().any(|finding| finding.severity() == "critical"), "{evaluation:?}");
}

#[test]
fn a_policy_that_takes_too_long_to_decide_is_a_warning_and_costs_no_neighbour() {
    let policy = fs::read_to_string(path("poison-policy.json")).unwrap();
    let poison = json!({
        "eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateRole", "eventID": "poison",
        "awsRegion": "us-east-1", "eventTime": "2026-03-04T10:00:00Z", "recipientAccountId": "111122223333",
        "requestParameters": {"roleName": "r", "assumeRolePolicyDocument": policy}, "responseElements": {},
    });
    let neighbour = |id: &str| {
        json!({
            "eventVersion": "1.11", "eventSource": "ec2.amazonaws.com", "eventName": "AuthorizeSecurityGroupIngress",
            "eventID": id, "awsRegion": "eu-west-1", "recipientAccountId": "111122223333",
            "requestParameters": {"groupId": "sg-0aaa1111bbb22222c", "ipPermissions": {"items": [
                {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}},
            ]}},
            "responseElements": {"_return": true},
        })
    };
    let document = json!({"Records": [neighbour("before"), poison, neighbour("after")]}).to_string();
    let files = directory(&[("records.json", &document)]);
    let output = files.path().join("findings.jsonl");
    let mut child = trailwarden(&["evaluate", "--format", "ocsf", files.path().join("records.json").to_str().unwrap()])
        .stdout(fs::File::create(&output).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > DEADLINE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it is not decided within {DEADLINE:?}");
        }
        sleep(Duration::from_millis(20));
    }
    let text = fs::read_to_string(&output).unwrap();
    let findings: Vec<OcsfFinding> =
        text.lines().map(|line| OcsfFinding(serde_json::from_str(line).unwrap())).collect();
    let has = |id: &str, is_right: &dyn Fn(&OcsfFinding) -> bool| {
        findings.iter().any(|finding| finding.event_id() == id && is_right(finding))
    };
    assert!(has("poison", &OcsfFinding::is_warning), "{text}");
    for id in ["before", "after"] {
        assert!(has(id, &|finding| finding.severity() == "critical"), "{text}");
    }
}
