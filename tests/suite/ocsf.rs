//! The wire shape: a snapshot, and the published schema where it is present.

use std::fs;

use jiff::Timestamp;
use serde_json::Value;
use trailwarden::finding::{Finding, Status, ocsf};
use trailwarden::pipeline::{Input, Pipeline};
use trailwarden::rules::RuleSet;
use trailwarden::text::is_hidden;

use crate::support::{fixture, json, payload, payload_by_all_rules, root, rule_fixtures};

fn findings() -> Vec<Finding> {
    let mut findings = Vec::new();
    for fixture in rule_fixtures() {
        findings.extend(payload_by_all_rules(&fixture.text).findings);
    }
    // Records that miss nearly everything, and one from a service.
    let bare = r#"{"eventSource":"ec2.amazonaws.com","eventName":"DeleteVpc"}"#;
    findings.extend(payload(bare).findings);
    assert!(findings.len() > 10);
    findings
}

fn now() -> Timestamp {
    "2026-03-04T10:07:00Z".parse().unwrap()
}

#[test]
fn the_document_looks_like_this() {
    let path = fixture("rules/sg-ingress-world-admin/hit-items.json");
    let finding = payload(&fs::read_to_string(path).unwrap()).findings.remove(0);
    let document = serde_json::to_string_pretty(&ocsf::document(&finding, now())).unwrap();
    insta::assert_snapshot!(document.replace(env!("CARGO_PKG_VERSION"), "[version]"));
}

/// The document of the finding of this record, by a pipeline whose findings contain records or do not.
fn document_of(record: &str, with_records: bool) -> Value {
    let pipeline = Pipeline::new(RuleSet::load(&[]).unwrap()).with_records(with_records);
    ocsf::document(&pipeline.gather("input", Input::Payload(record)).findings[0], now())
}

#[test]
fn a_document_contains_its_record_unless_it_is_turned_off_or_long() {
    let record = fs::read_to_string(fixture("envelopes/bare-record.json")).unwrap();
    let document = document_of(&record, true);
    let raw_data = document["raw_data"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(raw_data).unwrap(), serde_json::from_str::<Value>(&record).unwrap());
    assert_eq!(faults(&document), Vec::<String>::new());
    let mut without = document.clone();
    without.as_object_mut().unwrap().remove("raw_data");
    assert_eq!(document_of(&record, false), without);
    let mut long: Value = serde_json::from_str(&record).unwrap();
    long["additionalEventData"] = "x".repeat(64 * 1024).into();
    assert_eq!(document_of(&long.to_string(), true), without);
}

#[test]
fn the_person_or_vendor_behind_a_call_is_in_the_document() {
    let mut record = json(&fixture("envelopes/bare-record.json"));
    let before = document_of(&record.to_string(), false);
    record["userIdentity"]["invokedByDelegate"] = serde_json::json!({"accountId": "444455556666"});
    record["userIdentity"]["onBehalfOf"] = serde_json::json!({"userId": "94e8", "identityStoreArn": "arn"});
    record["userIdentity"]["inScopeOf"] =
        serde_json::json!({"credentialsIssuedTo": "arn:aws:lambda:eu-west-1:111122223333:function:f"});
    let document = document_of(&record.to_string(), false);
    let actor = &document["evidences"][0]["actor"];
    assert_eq!(actor["user"]["name"], "account 444455556666 as Identity Center user 94e8 through NetOps/dana");
    assert_eq!(actor["app_uid"], "arn:aws:lambda:eu-west-1:111122223333:function:f");
    assert_eq!(
        (&document["unmapped"]["delegate_account"], &document["unmapped"]["on_behalf_of"]),
        (&"444455556666".into(), &"94e8".into())
    );
    assert_eq!(faults(&document), Vec::<String>::new());
    for id in ["/metadata/uid", "/finding_info/uid"] {
        assert_eq!(document.pointer(id), before.pointer(id));
    }
}

/// What the schema finds wrong with a document.
pub(crate) fn faults(document: &Value) -> Vec<String> {
    let schema = json(&root().join("tests/schema/compliance_finding-1.5.0.schema.json"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_document_is_valid_ocsf_and_uses_nothing_deprecated() {
    let schema = json(&root().join("tests/schema/compliance_finding-1.5.0.schema.json"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for finding in findings() {
        let document = ocsf::document(&finding, now());
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{document:#}");
        assert_eq!(deprecated(&schema, &schema, &document, ""), Vec::<String>::new());
    }
}

/// Paths of deprecated attributes in `value`.
fn deprecated(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => &root["$defs"][reference.rsplit('/').next().unwrap()],
        None => schema,
    };
    let mut found = Vec::new();
    if let Some(members) = value.as_object() {
        for (key, member) in members {
            let attribute = &schema["properties"][key];
            let path = format!("{path}.{key}");
            if attribute["deprecated"] == true {
                found.push(path.clone());
            }
            found.extend(deprecated(root, attribute, member, &path));
        }
    }
    for element in value.as_array().into_iter().flatten() {
        found.extend(deprecated(root, &schema["items"], element, path));
    }
    found
}

#[test]
fn the_schema_check_can_fail() {
    let schema = json(&root().join("tests/schema/compliance_finding-1.5.0.schema.json"));
    let mut document = ocsf::document(&findings().remove(0), now());
    document["resource"] = serde_json::json!({});
    assert_eq!(deprecated(&schema, &schema, &document, ""), [".resource"]);
    document["invented"] = 1.into();
    assert!(!jsonschema::is_valid(&schema, &document));
}

#[test]
fn what_consumers_script_against_is_always_there() {
    for finding in findings() {
        let document = ocsf::document(&finding, now());
        let at = |pointer: &str| document.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {document:#}"));
        assert_eq!(at("/class_uid"), 2003);
        assert_eq!(at("/compliance/control"), finding.rule.name.as_str());
        assert_eq!(at("/finding_info/uid"), finding.uid().as_str());
        assert_eq!(at("/metadata/uid"), finding.message_uid().as_str());
        for pointer in [
            "/compliance/status_id",
            "/compliance/status_code",
            "/finding_info/related_events/0/uid",
            "/severity_id",
            "/cloud/account/uid",
            "/cloud/region",
            "/resources/0/uid",
            "/remediation/desc",
            "/message",
            "/evidences/0/actor/user/name",
            "/evidences/0/api/operation",
            "/evidences/0/data/matched/0/field",
        ] {
            assert!(!at(pointer).is_null());
        }
        let (id, code) = match finding.status {
            Status::Compliant => (1, "COMPLIANT"),
            Status::Warning => (2, "WARNING"),
            Status::NonCompliant => (3, "NON_COMPLIANT"),
        };
        assert_eq!(at("/compliance/status_id"), id);
        assert_eq!(at("/compliance/status_code"), code);
        let is_heartbeat = finding.rule.pack.as_deref() == Some("heartbeat");
        assert_eq!(finding.status == Status::Compliant, is_heartbeat, "{}", finding.rule.name);
    }
}

#[test]
fn a_line_is_one_line_and_shows_no_hidden_character_but_keeps_every_value() {
    let mut event = json(&fixture("rules/sg-ingress-world-admin/hit-items.json"));
    let hostile = "curl\n\u{1b}[2J\u{7f}\u{9b}31m\u{202e}txt\u{2028}\u{e0041}\"\\";
    event["userAgent"] = hostile.into();
    event["userIdentity"]["arn"] = format!("arn:aws:sts::111122223333:assumed-role/x/{hostile}").into();
    let finding = payload(&event.to_string()).findings.remove(0);
    let line = ocsf::line(&finding, now());
    assert!(!line.chars().any(is_hidden), "{line}");
    assert!(!finding.message.chars().any(is_hidden), "{}", finding.message);
    let document: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(document["evidences"][0]["http_request"]["user_agent"], hostile);
    assert_eq!(document, ocsf::document(&finding, now()));
}

#[test]
fn no_record_makes_a_finding_too_long_for_sns() {
    let huge = "\u{202e}東".repeat(3_000);
    let mut found = 0;
    for hit in rule_fixtures().into_iter().filter(|fixture| fixture.name.starts_with("hit")) {
        let mut event: Value = serde_json::from_str(&hit.text).unwrap();
        for key in ["eventID", "userAgent", "sourceIPAddress", "awsRegion", "recipientAccountId", "requestID"] {
            event[key] = huge.as_str().into();
        }
        event["userIdentity"] = serde_json::json!({"type": huge, "arn": huge, "principalId": huge, "accountId": huge});
        event["requestParameters"]["roleName"] = huge.as_str().into();
        event["requestParameters"]["groupId"] = serde_json::Value::from(vec![huge.as_str(); 30]);
        for finding in payload_by_all_rules(&event.to_string()).findings {
            let length = ocsf::line(&finding, now()).len();
            assert!(length < 200_000, "{}: {length} bytes", hit.name);
            found += 1;
        }
    }
    assert!(found > 10);
}

#[test]
fn a_group_with_thousands_of_open_rules_makes_no_finding_too_long_for_sns() {
    let mut event = json(&fixture("rules/sg-ingress-world/hit-8443.json"));
    let permission = |port: u64| {
        serde_json::json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port,
                           "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}})
    };
    event["requestParameters"]["ipPermissions"]["items"] = (40_000..44_000).map(permission).collect();
    let finding = payload(&event.to_string()).findings.remove(0);
    let length = ocsf::line(&finding, now()).len();
    assert!(
        finding.remediation.text().contains("IpProtocol=tcp,FromPort=40001,ToPort=40001,IpRanges=[{CidrIp=0.0.0.0/0}]")
    );
    assert!(length < 200_000, "{length} bytes");
}
