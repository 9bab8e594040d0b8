//! The report as JUnit XML: a test suite per rule that ran, with a failed test per problem, or a passed test if there is
//! none.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::details::details;
use super::terminal::pluralized;
use super::{Problem, Report};
use crate::finding::Status;
use crate::text::visible;

pub(super) fn document(report: &Report) -> String {
    let mut document = Document::new("Trailwarden");
    let problems = report.summary.problems.by_severity();
    let matched_rules = report.summary.matched_rules.values();
    let mut rules: Vec<&str> = report.rules.iter().chain(matched_rules).map(|rule| rule.name.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        let mut suite = TestSuite::new(rule);
        let rule_problems = problems.iter().filter(|problem| problem.rule.name == rule);
        suite.add_test_cases(rule_problems.map(|problem| test_case(problem)));
        if suite.test_cases.is_empty() {
            suite.add_test_case(new_test_case(rule, "no findings", TestCaseStatus::success()));
        }
        document.add_test_suite(suite);
    }
    let unlisted = report.summary.problems.unlisted();
    let mut errors: Vec<String> = report.rejections.listed().to_vec();
    if report.rejections.unlisted() > 0 {
        errors.push(format!("{} more rejections", report.rejections.unlisted()));
    }
    if unlisted > 0 {
        errors.push(format!("{} belong to problems that are not listed", pluralized(unlisted, "finding")));
    }
    if !errors.is_empty() {
        let mut suite = TestSuite::new("input");
        for error in errors {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(error.as_str());
            suite.add_test_case(new_test_case("input", &error, status));
        }
        document.add_test_suite(suite);
    }
    // Writing to memory cannot fail.
    document.to_string().unwrap_or_default()
}

fn test_case(problem: &Problem) -> TestCase {
    let status = match problem.latest.as_deref() {
        Some(finding) if problem.is_suppressed() => {
            let mut status = TestCaseStatus::skipped();
            let sentence = finding.suppression.as_ref().map(|suppression| suppression.sentence()).unwrap_or_default();
            status.set_message(visible(&sentence).into_owned());
            status
        }
        Some(finding) if finding.status == Status::Compliant => TestCaseStatus::success(),
        finding => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(problem.severity.caption());
            if let Some(finding) = finding {
                status.set_message(finding.full_message());
                let lines =
                    details(finding).into_iter().map(|(label, texts)| format!("{label}: {}", texts.join("\n  ")));
                let lines: Vec<String> = lines.collect();
                status.set_description(format!("{}\n{}", pluralized(problem.findings, "finding"), lines.join("\n")));
            }
            status
        }
    };
    let name = format!("{} ({}, {})", problem.resource, problem.account, problem.region);
    new_test_case(&problem.rule.name, &name, status)
}

fn new_test_case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut test_case = TestCase::new(name, status);
    test_case.set_classname(class);
    test_case
}
