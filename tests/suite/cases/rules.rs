//! Directories with rules, exemptions and configuration, good and bad.

use serde::Deserialize;

use super::{OneOrMany, assert_all_right, case_path, missing_words, present_words, read_cases, wrong_answer};
use crate::support::run_in;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesCase {
    dir: String,
    #[serde(rename = "kind")]
    _kind: String,
    what: String,
    run: Vec<String>,
    must_say: Vec<String>,
    #[serde(default)]
    must_not_say: Vec<String>,
    exit: OneOrMany<i32>,
}

impl RulesCase {
    fn judge(&self) -> Vec<String> {
        let arguments: Vec<&str> = self.run.iter().map(String::as_str).collect();
        let (code, text, errors) = run_in(&case_path("rules").join(&self.dir), &arguments);
        let text = text + &errors;
        let mut reasons = Vec::new();
        let missing = missing_words(&text, &self.must_say);
        if !missing.is_empty() {
            reasons.push(format!("does not say {missing:?}"));
        }
        let present = present_words(&text, &self.must_not_say);
        if !present.is_empty() {
            reasons.push(format!("says {present:?}"));
        }
        if !self.exit.as_slice().contains(&code) {
            reasons.push(format!("exit {code}, not {:?}", self.exit.as_slice()));
        }
        reasons
    }
}

#[test]
fn every_rules_directory_has_the_expected_result() {
    let cases = read_cases("rules.jsonl");
    assert_all_right(cases.iter().map(|case: &RulesCase| wrong_answer(&case.dir, &case.judge(), &case.what)));
}
