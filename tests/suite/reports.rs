//! Summaries, filters and reports, as the command line writes them.

use trailwarden::finding::Finding;
use trailwarden::report::{Details, Extent, Summary, terminal_summary};

use crate::support::{payload_by_all_rules, rule_fixtures, run, stderr, stdout};

/// A finding of every rule.
fn findings() -> Vec<Finding> {
    let fixtures = rule_fixtures();
    let findings: Vec<Finding> =
        fixtures.iter().flat_map(|fixture| payload_by_all_rules(&fixture.text).findings).collect();
    assert!(findings.len() > 100);
    findings
}

fn summary(findings: &[Finding], details: Details) -> Summary {
    let mut summary = Summary::new(details);
    for finding in findings {
        summary.add(Box::new(finding.clone()));
    }
    summary
}

/// The text without ANSI escapes.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

const LOGS: &str = "fixtures/first-run";

#[test]
fn the_summary_reads_like_this() {
    let output = run(&["evaluate", LOGS, "--summary"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(stdout(&output));
    let all = stdout(&run(&["evaluate", LOGS]));
    let findings = stdout(&run(&["evaluate", LOGS, "--no-summary"]));
    assert_eq!(all.strip_prefix(&findings), Some(stdout(&output).as_str()));
    let nothing = run(&["evaluate", LOGS, "--summary", "--until", "2001-01-01"]);
    assert_eq!((nothing.status.code(), stdout(&nothing).as_str()), (Some(0), "No findings\n"));
}

#[test]
fn the_summary_fits_the_terminal() {
    let findings = findings();
    let summary = summary(&findings, Details::Brief);
    for width in [40, 60, 89, 90, 96, 100, 160, 200] {
        for extent in [Extent::BRIEF, Extent::FULL] {
            let text = plain(&terminal_summary(&summary, extent, width));
            let longest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
            assert!(longest.chars().count() <= width, "{width}: {longest}");
        }
    }
    let small = self::summary(&findings[..20], Details::Brief);
    insta::assert_snapshot!("the_summary_at_60_columns", plain(&terminal_summary(&small, Extent::BRIEF, 60)));
    insta::assert_snapshot!("the_summary_at_200_columns", plain(&terminal_summary(&small, Extent::BRIEF, 200)));
}

#[test]
fn many_values_and_problems_are_counted_in_bounded_memory() {
    let one = findings().remove(0);
    let mut summary = Summary::new(Details::Full);
    for number in 0..10_100 {
        let mut finding = one.clone();
        finding.actor.name = format!("actor-{number}");
        finding.resources[0].id = format!("sg-{number}");
        summary.add(Box::new(finding));
    }
    assert_eq!((summary.problems.len(), summary.problems.unlisted()), (5000, 5100));
    assert_eq!((summary.actors.by_frequency().len(), summary.actors.others()), (10_000, 100));
    let text = plain(&terminal_summary(&summary, Extent::BRIEF, 100));
    assert!(text.starts_with("10100 findings of 5000 problems or more"), "{text}");
    assert!(text.contains("10095  with more than 9995 others"), "{text}");
    assert!(text.ends_with("… 4990 problems more, and others with 5100 findings\n"), "{text}");
}

#[test]
fn a_problem_is_as_bad_as_its_worst_finding_that_is_not_suppressed() {
    let mut finding = findings().into_iter().find(|one| one.rule.name == "sg-ingress-world-admin").unwrap();
    let at = |finding: &Finding, time: &str| {
        let mut finding = finding.clone();
        finding.origin.time = time.parse().ok();
        Box::new(finding)
    };
    let mut summary = Summary::new(Details::Brief);
    summary.add(at(&finding, "2026-03-02T00:00:00Z"));
    summary.add(at(&finding, "2026-03-01T00:00:00Z"));
    finding.suppression = Some(trailwarden::finding::Suppression {
        exemption: "one".to_owned(),
        owner: "team".to_owned(),
        reason: "because".to_owned(),
        ticket: None,
        expires: None,
        also: Vec::new(),
    });
    summary.add(at(&finding, "2026-03-03T00:00:00Z"));
    let problems = summary.problems.by_severity();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((problem.findings, problem.suppressed, problem.is_suppressed()), (2, 1, false));
    assert_eq!(problem.first_seen, "2026-03-01T00:00:00Z".parse().ok());
    assert_eq!(problem.last_seen, "2026-03-03T00:00:00Z".parse().ok());
    assert_eq!((summary.findings(), summary.suppressed), (2, 1));
}

#[test]
fn filters_choose_findings_and_decide_the_exit_code() {
    // Rule, severity, account and Region of each finding that is left, and the exit code.
    let left = |filters: &[&str]| {
        let output = run(&[&["evaluate", LOGS, "--no-summary"], filters].concat());
        let text = stdout(&output);
        let titles = text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
        let rules: Vec<String> = titles.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
        (rules.join(" "), output.status.code().unwrap())
    };
    let is = |rules: &str, code: i32| (rules.to_owned(), code);
    let all = "sg-ingress-world-admin blocked-action role-trust-public blocked-action";
    assert_eq!(left(&[]), is(all, 1));
    assert_eq!(left(&["--min-severity", "info"]), is(all, 1));
    assert_eq!(left(&["--min-severity", "high"]), is("sg-ingress-world-admin role-trust-public", 1));
    assert_eq!(left(&["--rule", "sg-*"]), is("sg-ingress-world-admin", 1));
    assert_eq!(
        left(&["--rule", "SG-ingress-world-admin,role-trust-public"]),
        is("sg-ingress-world-admin role-trust-public", 1)
    );
    assert_eq!(left(&["--pack", "trust"]), is("role-trust-public", 1));
    assert_eq!(left(&["--account", "111122223333"]), is(all, 1));
    assert_eq!(left(&["--account", "999999999999"]), is("", 0));
    assert_eq!(left(&["--region", "us-east-1"]), is("role-trust-public", 1));
    assert_eq!(left(&["--actor", "*/dana"]), is(all, 1));
    assert_eq!(left(&["--actor", "arn:aws:sts::111122223333:assumed-role/NetOps/dana"]), is(all, 1));
    assert_eq!(left(&["--actor", "eve"]), is("", 0));
    assert_eq!(left(&["--status", "non-compliant"]), is(all, 1));
    assert_eq!(left(&["--status", "warning,suppressed"]), is("", 0));
    assert_eq!(left(&["--since", "2026-03-04", "--until", "2026-03-04"]), is(all, 1));
    assert_eq!(left(&["--since", "2026-03-04T10:00:22Z", "--rule", "role-*"]), is("role-trust-public", 1));
    assert_eq!(left(&["--since", "2026-03-05"]), is("", 0));
    assert_eq!(left(&["--until", "2026-03-03"]), is("", 0));
    assert_eq!(left(&["--since", "200 years ago", "--until", "now"]).1, 1);
    // What is left decides, and not what was found.
    assert_eq!(left(&["--fail-on", "critical"]), is(all, 1));
    assert_eq!(left(&["--fail-on", "high", "--rule", "blocked-action"]), is("blocked-action blocked-action", 0));
    assert_eq!(left(&["--fail-on", "never"]), is(all, 0));

    let output = run(&["evaluate", LOGS, "--rule", "role-*"]);
    insta::assert_snapshot!(stderr(&output), @r"
    7 records = 3 clean + 4 matched + 0 exempt + 0 rejected; 4 findings
    3 of 4 findings do not match the filters
    ");
    // A record that is rejected is an error whatever the filters are.
    let output = run(&["evaluate", "tests/cases/files/archive.zip", "--fail-on", "never", "--rule", "role-*"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn filters_that_would_hide_everything_are_refused() {
    let mut refusals = String::new();
    for filters in [
        &["--rule", "role-trust-pubic"][..],
        &["--rule", "zzz*\u{1b}[2J"],
        &["--pack", "trusts"],
        &["--since", "soon"],
        &["--since", "today", "--until", "yesterday"],
        &["--account", "1"],
    ] {
        let output = run(&[&["evaluate", LOGS], filters].concat());
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{filters:?}");
        refusals.push_str(stderr(&output).lines().next().unwrap());
        refusals.push('\n');
    }
    insta::assert_snapshot!(refusals);
}

#[test]
fn quiet_runs_print_errors_alone() {
    let output = run(&["evaluate", LOGS, "--quiet"]);
    assert_eq!((output.status.code(), stdout(&output).as_str(), stderr(&output).as_str()), (Some(1), "", ""));
    let output = run(&["evaluate", "tests/cases/files/archive.zip", "-q"]);
    assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(2), 1));
}
