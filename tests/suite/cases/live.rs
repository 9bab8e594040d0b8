//! Snapshots that confirm or lower a finding, for `trailwarden evaluate --snapshot`.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{OcsfFinding, OneOrMany, assert_all_right, case_path, evaluate, wrong_answer};
use crate::support::{files, json};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LiveCase {
    outcome: OneOrMany<String>,
    #[serde(default)]
    severity: Vec<String>,
    why: String,
}

/// The outcomes of live state that findings state, in lower case.
fn outcomes(findings: &[&OcsfFinding]) -> BTreeSet<String> {
    let evidence = findings.iter().flat_map(|finding| finding.0["evidences"].as_array().into_iter().flatten());
    let live = evidence.filter(|evidence| evidence["name"] == "Live state");
    live.map(|evidence| evidence["data"]["outcome"].as_str().unwrap_or_default().to_lowercase()).collect()
}

fn judge(directory: &Path, case: &LiveCase) -> Vec<String> {
    let evaluation = evaluate(&directory.join("event.json"), &["--snapshot", directory.to_str().unwrap()]);
    if evaluation.code == 2 {
        return vec![evaluation.errors];
    }
    let findings: Vec<&OcsfFinding> =
        evaluation.findings.iter().filter(|finding| !finding.is_blocked_action()).collect();
    let allowed: BTreeSet<String> = case.outcome.as_slice().iter().map(|outcome| outcome.to_lowercase()).collect();
    if findings.is_empty() {
        return if allowed.contains("silent") { Vec::new() } else { vec!["no finding".to_owned()] };
    }
    let outcomes = outcomes(&findings);
    if outcomes.is_disjoint(&allowed) {
        return vec![format!("outcome is {outcomes:?}, not one of {allowed:?}")];
    }
    let levels: BTreeSet<String> = findings.iter().map(|finding| finding.severity()).collect();
    if !case.severity.is_empty() && !case.severity.iter().any(|level| levels.contains(level)) {
        return vec![format!("severity is {levels:?}, not {}", case.severity.join("/"))];
    }
    Vec::new()
}

#[test]
fn every_live_state_case_has_its_outcome() {
    assert_all_right(files(&case_path("live")).into_iter().map(|directory| {
        let case: Value = json(&directory.join("expect.json"));
        let case: LiveCase = serde_json::from_value(case).unwrap();
        let name = directory.file_name().unwrap().to_string_lossy().into_owned();
        wrong_answer(&name, &judge(&directory, &case), &case.why)
    }));
}
