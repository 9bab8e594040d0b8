//! Terraform plans: the calls they make are evaluated by the same rules as records.

use std::collections::BTreeSet;
use std::fs;

use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::terraform_plan::{Plan, PlanContext, PlanError, mapped_types};

use crate::support::{fixture, root, run, stderr, stdout};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// The findings of plans in the JSON format.
fn report(arguments: &[&str]) -> Value {
    let output = run(&[&["plan", "--format", "json"], arguments].concat());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Rule, severity and address of each finding, one a line.
fn lines(findings: &Value) -> String {
    let line = |finding: &Value| {
        let text = |pointer: &str| finding.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
        format!("{} {} {}", text("/severity"), text("/rule/name"), text("/terraform_address"))
    };
    findings["findings"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A plan with one change.
fn plan(kind: &str, actions: &[&str], before: &Value, after: &Value, unknown: &Value) -> Value {
    json!({
        "format_version": "1.2",
        "terraform_version": "1.11.0",
        "resource_changes": [{
            "address": format!("{kind}.it"),
            "type": kind,
            "change": {"actions": actions, "before": before, "after": after, "after_unknown": unknown},
        }],
    })
}

/// The findings of a plan in memory.
fn found(plan: &Value) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plan.json");
    fs::write(&path, plan.to_string()).unwrap();
    lines(&report(&[path.to_str().unwrap(), "--default-account", "111122223333"]))
}

#[test]
fn each_mapped_type_is_reported_as_the_calls_that_terraform_makes() {
    let path = fixture("terraform-plan/plan.json");
    insta::assert_snapshot!(
        "plan_findings",
        lines(&report(&[path.to_str().unwrap(), "--default-account", "111122223333"]))
    );
}

#[test]
fn what_people_read_names_the_resource_and_no_caller() {
    let path = fixture("terraform-plan/plan.json");
    let arguments = [
        "plan",
        path.to_str().unwrap(),
        "--rule",
        "sg-ingress-world*",
        "--rule",
        "exposure-undecidable",
        "--no-summary",
    ];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&output));
    let output = run(&[&arguments[..], &["--format", "github"]].concat());
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn an_update_is_about_what_it_adds_and_has_the_ids_of_the_run_time() {
    let rule = |port: u16, network: &str| json!({"protocol": "tcp", "from_port": port, "to_port": port, "cidr_blocks": [network]});
    let before = json!({
        "id": "sg-0123456789abcdef0",
        "arn": "arn:aws:ec2:eu-west-1:444455556666:security-group/sg-0123456789abcdef0",
        "ingress": [rule(22, "0.0.0.0/0")],
    });
    let after = json!({"region": "eu-west-1", "ingress": [rule(22, "0.0.0.0/0"), rule(5432, "0.0.0.0/0")]});
    let plan = plan("aws_security_group", &["update"], &before, &after, &json!({}));
    let context = PlanContext::default();
    let read = Plan::read(plan.to_string().as_bytes(), &context, NOW).unwrap();
    let records: Value = serde_json::from_str(&read.cloudtrail_file()).unwrap();
    let record = &records["Records"][0];
    assert_eq!(record["recipientAccountId"], "444455556666");
    assert_eq!(record["awsRegion"], "eu-west-1");
    assert_eq!(record["requestParameters"]["groupId"], "sg-0123456789abcdef0");
    assert_eq!(record["requestParameters"]["ipPermissions"]["items"].as_array().unwrap().len(), 1);
    assert_eq!(found(&plan), "high sg-ingress-world-database aws_security_group.it");
}

#[test]
fn deletions_and_settings_that_are_turned_off_are_reported() {
    let nothing = json!({});
    for (kind, actions, before, after, expected) in [
        (
            "aws_cloudtrail",
            &["delete"][..],
            json!({"name": "team"}),
            Value::Null,
            "high trail-stopped aws_cloudtrail.it",
        ),
        (
            "aws_cloudtrail",
            &["update"],
            json!({"name": "team", "is_multi_region_trail": true, "enable_logging": true}),
            json!({"name": "team", "is_multi_region_trail": false, "enable_logging": true}),
            "medium trail-weakened aws_cloudtrail.it",
        ),
        (
            "aws_flow_log",
            &["delete"],
            json!({"id": "fl-0123456789abcdef0"}),
            Value::Null,
            "high detection-disabled-flow-logs aws_flow_log.it",
        ),
        (
            "aws_vpc_block_public_access_options",
            &["delete"],
            json!({"internet_gateway_block_mode": "block-bidirectional"}),
            Value::Null,
            "high block-public-access-weakened-vpc aws_vpc_block_public_access_options.it",
        ),
        // What is deleted opens nothing.
        ("aws_route", &["delete"], json!({"gateway_id": "igw-0123456789abcdef0"}), Value::Null, ""),
        ("aws_security_group", &["no-op"], json!({}), json!({}), ""),
    ] {
        assert_eq!(found(&plan(kind, actions, &before, &after, &nothing)), expected, "{kind} {actions:?}");
    }
}

#[test]
fn the_document_lists_the_mapped_types() {
    let document = fs::read_to_string(root().join("docs/plans.md")).unwrap();
    let listed: BTreeSet<&str> =
        document.split('`').skip(1).step_by(2).filter(|text| text.starts_with("aws_")).collect();
    let listed: BTreeSet<&str> =
        listed.into_iter().filter(|text| !text.contains('.') && *text != "aws_caller_identity").collect();
    assert_eq!(listed, mapped_types().collect());
}

#[test]
fn a_file_that_is_no_plan_is_refused_with_what_to_do() {
    let read = |text: &[u8]| Plan::read(text, &PlanContext::default(), NOW);
    assert_eq!(read(b"PK\x03\x04rest"), Err(PlanError::Binary));
    assert!(matches!(read(b"Terraform will perform"), Err(PlanError::NotJson(_))));
    assert_eq!(read(b"{\"Records\":[]}"), Err(PlanError::NotAPlan));
    let malformed = json!({"format_version": "1.2", "resource_changes": [{"address": "a.b"}]});
    assert_eq!(read(malformed.to_string().as_bytes()), Err(PlanError::Malformed(1)));
    let output = run(&["plan", "no-such-plan.json"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = stderr(&output);
    assert!(errors.contains("no-such-plan.json: cannot be read"), "{errors}");
}

#[test]
fn an_address_cannot_forge_lines_or_commands() {
    let after = json!({"type": "ingress", "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"], "security_group_id": "sg-0123456789abcdef0"});
    let mut hostile = plan("aws_security_group_rule", &["create"], &Value::Null, &after, &json!({}));
    hostile["resource_changes"][0]["address"] = json!("aws_security_group_rule.it[\"\u{1b}[2J\n::error title=x::y\"]");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plan.json");
    fs::write(&path, hostile.to_string()).unwrap();
    for format in ["text", "github", "markdown", "sarif"] {
        let output = run(&["plan", path.to_str().unwrap(), "--format", format]);
        let text = stdout(&output);
        assert!(!text.contains('\u{1b}') && !text.contains("\n::error title=x"), "{format}: {text}");
        assert!(text.contains("sg-ingress-world-admin"), "{format}: {text}");
    }
}
