//! Policies for `trailwarden trust`, and the same policies in CreateRole events.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Evaluation, OcsfFinding, assert_all_right, evaluate_events, missing_words, read_cases, wrong_answer};
use crate::support::{directory, run_in};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustCase {
    name: String,
    #[serde(rename = "kind")]
    _kind: String,
    own_account: String,
    policy: Value,
    verdict: Vec<String>,
    why: String,
    #[serde(default)]
    strangers: BTreeSet<String>,
    #[serde(default)]
    unguarded: BTreeSet<String>,
    #[serde(default)]
    guarded: bool,
    #[serde(default)]
    input_only: bool,
    #[serde(default)]
    must_say: Vec<String>,
    #[serde(default)]
    must_say_when_undecidable: Vec<String>,
}

/// Findings that say that outsiders can assume a role.
const OPEN: [&str; 3] = ["role-trust-public", "role-trust-weak", "role-trust-external"];

impl TrustCase {
    fn event_id(&self) -> String {
        format!("trust-{}", self.name)
    }

    /// The call that gives a role this policy.
    fn event(&self) -> Value {
        let (own, name) = (&self.own_account, &self.name);
        json!({
            "eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateRole", "awsRegion": "us-east-1",
            "eventTime": "2026-03-04T10:00:00Z", "eventID": self.event_id(), "eventType": "AwsApiCall", "readOnly": false,
            "recipientAccountId": own,
            "userIdentity": {"type": "IAMUser", "accountId": own, "arn": format!("arn:aws:iam::{own}:user/u"), "userName": "u"},
            "requestParameters": {"roleName": name, "assumeRolePolicyDocument": self.policy.to_string()},
            "responseElements": {"role": {"arn": format!("arn:aws:iam::{own}:role/{name}")}},
        })
    }

    fn findings<'f>(&self, evaluation: &'f Evaluation) -> Vec<&'f OcsfFinding> {
        let id = self.event_id();
        evaluation.findings.iter().filter(|finding| finding.event_id() == id).collect()
    }

    /// The verdict of `trailwarden trust`, and what is wrong with its answer.
    fn judge_command(&self) -> (String, Vec<String>) {
        let files = directory(&[]);
        fs::write(files.path().join("policy.json"), self.policy.to_string()).unwrap();
        let arguments = ["trust", "--account", &self.own_account, "DIR/policy.json"];
        let (_, text, errors) = run_in(files.path(), &arguments);
        let (code, document, _) = run_in(files.path(), &[&arguments[..], &["--format", "json"]].concat());
        let mut report: Value = serde_json::from_str(&document).unwrap_or_default();
        if report.is_array() {
            report = report[0].take();
        }
        let verdict = match report["verdict"].as_str() {
            Some(verdict) => verdict.to_owned(),
            None if code == 2 => "undecidable".to_owned(),
            None => format!("exit {code}"),
        };
        let mut reasons = Vec::new();
        let expected_code = match verdict.as_str() {
            "public" | "weak" | "external" => 1,
            "scoped" | "constrained" => 0,
            _ => 2,
        };
        if !self.verdict.contains(&verdict) {
            reasons.push(format!("{verdict}, not {}", self.verdict.join("/")));
        } else if code != expected_code {
            reasons.push(format!("{verdict} with exit {code}"));
        }
        let listed = |key: &str| -> BTreeSet<String> {
            let statements = report["statements"].as_array().into_iter().flatten();
            let values = statements.flat_map(|statement| statement[key].as_array().into_iter().flatten());
            values.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (accounts, unguarded) = (listed("accounts"), listed("unguarded_services"));
        if !self.strangers.is_subset(&accounts) {
            reasons.push(format!("names the accounts {accounts:?}"));
        }
        if verdict == "scoped" && !self.unguarded.is_subset(&unguarded) {
            reasons.push(format!("unguarded services are {unguarded:?}"));
        }
        if self.guarded && !unguarded.is_empty() {
            reasons.push(format!("{unguarded:?} taken for unguarded"));
        }
        let mut words = self.must_say.clone();
        if verdict == "undecidable" {
            words.extend(self.must_say_when_undecidable.clone());
        }
        let missing = missing_words(&(text + &errors), &words);
        if !missing.is_empty() {
            reasons.push(format!("does not say {missing:?}"));
        }
        (verdict, reasons)
    }

    /// What is wrong with the findings for the CreateRole event, when `trailwarden trust` gives this verdict.
    fn judge_event(&self, verdict: &str, found: &Evaluation, trusting: &Evaluation) -> Vec<String> {
        let findings = self.findings(found);
        let is_open =
            |finding: &&OcsfFinding| finding.is_non_compliant() && OPEN.iter().any(|rule| finding.is_of(rule));
        let open: Vec<&str> = findings.iter().copied().filter(is_open).map(OcsfFinding::control).collect();
        let expected = OPEN.into_iter().find(|rule| rule.strip_prefix("role-trust-") == Some(verdict));
        let mut reasons = Vec::new();
        match expected {
            Some(rule) if !open.iter().any(|name| name.starts_with(rule)) => {
                reasons.push(format!("CreateRole gives {open:?}, not {rule}"));
            }
            None if !open.is_empty() => reasons.push(format!("CreateRole gives {open:?}")),
            _ => {}
        }
        if verdict == "undecidable" && !findings.iter().any(|finding| finding.is_warning()) {
            reasons.push("CreateRole gives no warning".to_owned());
        }
        let is_service = |finding: &&OcsfFinding| finding.control() == "role-trust-service";
        if !self.unguarded.is_empty() && verdict == "scoped" && !findings.iter().any(is_service) {
            reasons.push("CreateRole gives no role-trust-service".to_owned());
        }
        let mut trusted = self.findings(trusting).into_iter();
        if !self.strangers.is_empty() && trusted.any(|finding| finding.control() == "role-trust-external") {
            reasons.push("found though the accounts are trusted".to_owned());
        }
        reasons
    }
}

#[test]
fn every_trust_case_gets_its_verdict() {
    let cases: Vec<TrustCase> = read_cases("trust.jsonl");
    let events: Vec<Value> = cases.iter().filter(|case| !case.input_only).map(TrustCase::event).collect();
    let enabled = ["--enable", "role-trust-external", "--enable", "role-trust-service"];
    let found = evaluate_events(&events, &enabled);
    let strangers: BTreeSet<&str> = cases.iter().flat_map(|case| &case.strangers).map(String::as_str).collect();
    let trusted = strangers.into_iter().flat_map(|account| ["--trusted-account", account]);
    let trusting = evaluate_events(&events, &enabled.into_iter().chain(trusted).collect::<Vec<_>>());
    assert_all_right(cases.iter().map(|case| {
        let (verdict, mut reasons) = case.judge_command();
        if reasons.is_empty() && !case.input_only {
            reasons = case.judge_event(&verdict, &found, &trusting);
        }
        wrong_answer(&case.name, &reasons, &case.why)
    }));
}
