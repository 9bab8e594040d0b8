//! Forms of input for `trailwarden evaluate`: read, or refused by name.

use serde::Deserialize;

use super::{Evaluation, OneOrMany, assert_all_right, case_path, evaluate, missing_words, read_cases, wrong_answer};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCase {
    file: String,
    #[serde(rename = "kind")]
    _kind: String,
    what: String,
    right: OneOrMany<Right>,
    must_say: Vec<String>,
    expect_findings: usize,
    /// Of the first right answer.
    exit: i32,
}

/// A right answer.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Right {
    /// It is read, with findings.
    Findings,
    /// It is rejected by name.
    Refuse,
    /// It contains no records, which is no error.
    Control,
    /// It contains records without a finding.
    Clean,
    /// The exit code is not 0.
    NotSuccess,
}

impl FileCase {
    /// The difference between the result and this right answer, if there is one.
    fn difference(&self, right: Right, evaluation: &Evaluation) -> Option<String> {
        let Evaluation { code, findings, errors } = evaluation;
        let summary = errors.lines().last().unwrap_or_default();
        let missing = missing_words(errors, &self.must_say);
        let says_all = || (!missing.is_empty()).then(|| format!("does not say {missing:?}: {errors}"));
        match right {
            Right::Findings => {
                let is_only = self.right.as_slice().len() == 1;
                let expected = if is_only { self.exit } else { 1 };
                let is_right = findings.len() == self.expect_findings && *code == expected;
                (!is_right).then(|| {
                    format!(
                        "{} findings, exit {code}, not {}, exit {expected}: {summary}",
                        findings.len(),
                        self.expect_findings
                    )
                })
            }
            Right::Control => {
                let is_right = findings.is_empty() && *code == 0 && format!(" {summary}").contains(" 0 records");
                (!is_right).then(|| format!("{} findings, exit {code}: {summary}", findings.len()))
            }
            Right::Clean => {
                let is_right = findings.is_empty() && *code == 0;
                (!is_right).then(|| format!("{} findings, exit {code}: {summary}", findings.len()))
            }
            Right::NotSuccess if *code == 0 => Some(format!("exit 0: {summary}")),
            Right::Refuse if *code != 2 || !findings.is_empty() => {
                Some(format!("not refused: {} findings, exit {code}: {summary}", findings.len()))
            }
            Right::NotSuccess | Right::Refuse => says_all(),
        }
    }
}

#[test]
fn every_file_is_read_or_refused_by_name() {
    assert_all_right(read_cases("files.jsonl").iter().map(|case: &FileCase| {
        let evaluation = evaluate(&case_path("files").join(&case.file), &[]);
        let differences = case.right.as_slice().iter().map(|right| case.difference(*right, &evaluation));
        let differences: Option<Vec<String>> = differences.collect();
        let reasons = differences.and_then(|all| all.into_iter().next());
        wrong_answer(&case.file, &reasons.into_iter().collect::<Vec<_>>(), &case.what)
    }));
}
