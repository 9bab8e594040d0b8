//! Events that expose or hand over something, for `trailwarden evaluate`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{
    OcsfFinding, assert_all_right, case_path, evaluate_events, missing_words, present_words, read_cases, wrong_answer,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExposureCase {
    name: String,
    #[serde(rename = "kind")]
    _kind: String,
    event: Value,
    expect: Vec<String>,
    why: String,
    needs_live: bool,
    #[serde(default)]
    may: Vec<String>,
    #[serde(default)]
    severity: Vec<String>,
    #[serde(default)]
    warning: bool,
    #[serde(default)]
    proposed: bool,
    #[serde(default)]
    enable: Vec<String>,
    #[serde(default)]
    trusted: Vec<String>,
    #[serde(default)]
    must_say: Vec<String>,
    #[serde(default)]
    must_not_say: Vec<String>,
}

impl ExposureCase {
    /// The options with which it is evaluated, apart from the configuration.
    fn options(&self) -> Vec<&str> {
        let enable = self.enable.iter().flat_map(|rule| ["--enable", rule]);
        enable.chain(self.trusted.iter().flat_map(|account| ["--trusted-account", account])).collect()
    }

    fn is_expected(&self, finding: &OcsfFinding) -> bool {
        self.expect.iter().any(|slug| finding.is_of(slug))
    }

    /// The findings that are right for one of the expected slugs.
    fn matching<'f>(&self, slug: &str, findings: &[&'f OcsfFinding]) -> Vec<&'f OcsfFinding> {
        let is_enough = |finding: &OcsfFinding| finding.is_non_compliant() || self.warning || self.needs_live;
        let matching = |is_right: &dyn Fn(&OcsfFinding) -> bool| -> Vec<&'f OcsfFinding> {
            findings.iter().copied().filter(|finding| is_right(finding)).collect()
        };
        let matched = matching(&|finding| finding.is_of(slug) && is_enough(finding));
        if matched.is_empty() && self.proposed && !slug.starts_with("blocked-action") {
            return matching(&|finding| !finding.is_blocked_action() && !finding.control().starts_with("exposure-un"));
        }
        matched
    }

    fn judge(&self, findings: &[&OcsfFinding]) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut matched: Vec<&OcsfFinding> = Vec::new();
        for slug in &self.expect {
            let matching = self.matching(slug, findings);
            if matching.is_empty() {
                reasons.push(format!("no {slug}"));
            }
            matched.extend(matching);
        }
        for finding in findings {
            let is_matched = matched.iter().any(|matched| std::ptr::eq(*matched, *finding));
            let is_allowed = self.may.iter().any(|slug| finding.is_of(slug))
                || (!finding.is_non_compliant() && (self.needs_live || self.is_expected(finding)));
            if !is_matched && !is_allowed {
                reasons.push(format!("{} is not expected", finding.control()));
            }
        }
        if !reasons.is_empty() {
            return reasons;
        }
        matched.retain(|finding| !finding.is_blocked_action());
        let levels: BTreeSet<String> = matched.iter().map(|finding| finding.severity()).collect();
        if !self.severity.is_empty() && !self.severity.iter().any(|level| levels.contains(level)) {
            reasons.push(format!("severity is {levels:?}, not {}", self.severity.join("/")));
        }
        let text = matched.iter().map(|finding| finding.message()).collect::<Vec<_>>().join(" ");
        let missing = missing_words(&text, &self.must_say);
        if !missing.is_empty() {
            reasons.push(format!("does not say {missing:?}"));
        }
        let present = present_words(&text, &self.must_not_say);
        if !present.is_empty() {
            reasons.push(format!("says {present:?}"));
        }
        reasons
    }
}

#[test]
fn every_exposure_case_gives_exactly_its_findings() {
    let mut cases: Vec<ExposureCase> = read_cases("exposure.jsonl");
    for (number, case) in cases.iter_mut().enumerate() {
        case.event["eventID"] = format!("{number}-{}", case.event["eventID"].as_str().unwrap_or_default()).into();
    }
    let mut groups: BTreeMap<Vec<&str>, Vec<&ExposureCase>> = BTreeMap::new();
    for case in &cases {
        groups.entry(case.options()).or_default().push(case);
    }
    let configuration = case_path("trailwarden.yml");
    let evaluations: Vec<_> = groups
        .iter()
        .map(|(options, cases)| {
            let options = [&["--config", configuration.to_str().unwrap()], options.as_slice()].concat();
            evaluate_events(cases.iter().map(|case| &case.event), &options)
        })
        .collect();
    let mut by_event: BTreeMap<&str, Vec<&OcsfFinding>> = BTreeMap::new();
    for finding in evaluations.iter().flat_map(|evaluation| &evaluation.findings) {
        by_event.entry(finding.event_id()).or_default().push(finding);
    }
    assert_all_right(cases.iter().map(|case| {
        let findings = by_event.get(case.event["eventID"].as_str().unwrap());
        wrong_answer(&case.name, &case.judge(findings.map_or(&[][..], Vec::as_slice)), &case.why)
    }));
}
