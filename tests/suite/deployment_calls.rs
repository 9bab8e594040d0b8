//! Each call that changes the deployment reaches people by at least one path: a rule, a pattern of EventBridge, or an alarm.
//!
//! `docs/deployment-calls.md` is the table of them. `tests/refresh` writes it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::finding::Severity;
use trailwarden::pipeline::Input;

use crate::support::{generated, root};
use crate::terraform::{names_function_of_mapping, tampering_list, tampering_parameters};

const CALLS: &str = "tests/cases/hardening/deployment-calls.jsonl";
const TABLE: &str = "docs/deployment-calls.md";

const HEAD: &str = "\
# Calls that change the deployment, and what reports them

Every call that changes or silences a part of the deployment, and what reports it. `tests/refresh` writes this table from
`tests/cases/hardening/deployment-calls.jsonl`. A test fails if nothing reports a call.

* **Rule**: the record passes through the trail, the log group and the function, and becomes a finding and an alert.
* **EventBridge**: a rule of the module (`terraform/tampering.tf`) sends the call to the alerts topic and to the function. It
  needs neither the trail's log group nor the subscription filter nor the function.
* **Alarm**: an alarm of the module fires when the call has its usual effect. It needs neither of the other two.

| service | call | on | rule | EventBridge | alarm |
|---|---|---|---|---|---|
";

#[derive(Deserialize)]
struct Call {
    service: String,
    call: String,
    request: Value,
    #[serde(default)]
    response: Value,
    alarm: Option<String>,
}

impl Call {
    fn record(&self) -> Value {
        json!({
            "eventVersion": "1.11", "eventID": "change", "eventTime": "2026-03-04T10:00:00Z",
            "eventSource": format!("{}.amazonaws.com", self.service), "eventName": self.call,
            "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "sourceIPAddress": "203.0.113.9",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/u", "accountId": "111122223333"},
            "requestParameters": self.request, "responseElements": self.response, "readOnly": false, "managementEvent": true,
        })
    }

    /// The parameter that names the part of the deployment.
    fn parameter(&self) -> String {
        let named =
            self.request.as_object().unwrap().iter().find(|(_, value)| value.to_string().contains("trailwarden"));
        let first = || self.request.as_object().unwrap().iter().next();
        named.or_else(first).map(|(name, _)| name.clone()).unwrap_or_default()
    }
}

fn calls() -> Vec<Call> {
    let text = fs::read_to_string(root().join(CALLS)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The alarms of the module, and those of the remediator.
fn alarms() -> BTreeSet<String> {
    let lists = [
        ("defaults", "toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["),
        ("remediation", "toset(keys(local.remediation_alarms)) == toset(["),
    ];
    let alarms = lists.iter().flat_map(|(file, begin)| {
        let text = fs::read_to_string(root().join(format!("terraform/tests/{file}.tftest.hcl"))).unwrap();
        let (_, list) = text.split_once(begin).unwrap();
        let list = list.split(']').next().unwrap().to_owned();
        list.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    });
    alarms.collect()
}

#[test]
fn every_call_that_changes_the_deployment_reaches_people() {
    let file = ConfigurationFile::read(&root().join("tests/cases/hardening/own.yml")).unwrap();
    let pipeline = Configuration::of_file(file).pipeline().unwrap();
    let (parameters, trail_calls, alarms) = (tampering_parameters(), tampering_list("tampering_trail_calls"), alarms());
    let harmless = &tampering_list("tampering_harmless") | &tampering_list("tampering_harmless_to_watchers");
    let (mut table, mut silent) = (HEAD.to_owned(), Vec::new());
    for call in calls() {
        let evaluated = pipeline.gather("call", Input::Payload(&call.record().to_string()));
        let rules: BTreeSet<&str> = evaluated
            .findings
            .iter()
            // What makes an alert by default.
            .filter(|finding| finding.severity() >= Severity::Low)
            .map(|finding| finding.rule.name.as_str())
            .collect();
        let named = call.request.as_object().unwrap();
        let is_seen = call.service == "cloudtrail" && trail_calls.contains(&call.call)
            || names_function_of_mapping(&call.call, &call.response)
            || !harmless.contains(&call.call) && named.keys().any(|parameter| parameters.contains(parameter));
        if let Some(alarm) = &call.alarm {
            assert!(alarms.contains(alarm), "{alarm} is no alarm of the module");
        }
        if rules.is_empty() && !is_seen && call.alarm.is_none() {
            silent.push(format!("{} {}", call.service, call.call));
        }
        let rules: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
        writeln!(
            table,
            "| {} | {} | `{}` | {} | {} | {} |",
            call.service,
            call.call,
            call.parameter(),
            if rules.is_empty() { "–".to_owned() } else { rules.join(", ") },
            if is_seen { "yes" } else { "–" },
            call.alarm.map_or("–".to_owned(), |alarm| format!("`{alarm}`")),
        )
        .unwrap();
    }
    assert!(silent.is_empty(), "nobody gets to know of these calls:\n{}", silent.join("\n"));
    generated(TABLE, &table);
}
