//! Summaries, filters and reports, as the command line writes them.

use std::fs;

use jiff::Timestamp;
use serde_json::Value;
use sha2::Digest as _;
use trailwarden::finding::{Finding, Live, Outcome, Path as LivePath, Remediation, Status, Suppression, Trace};
use trailwarden::report::{Entry, Extent, Format, ProblemDetail, Rejections, Report, Summary, terminal_summary};
use trailwarden::text::is_hidden;

use crate::support::{json, payload_by_all_rules, root, rule_fixtures, run, stderr, stdout};

/// A finding of every rule.
fn findings() -> Vec<Finding> {
    let fixtures = rule_fixtures();
    let findings: Vec<Finding> =
        fixtures.iter().flat_map(|fixture| payload_by_all_rules(&fixture.text).findings).collect();
    assert!(findings.len() > 100);
    findings
}

fn summary(findings: &[Finding], details: ProblemDetail) -> Summary {
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
fn summary_snapshot() {
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
    let summary = summary(&findings, ProblemDetail::Brief);
    for width in [40, 60, 89, 90, 96, 100, 160, 200] {
        for extent in [Extent::BRIEF, Extent::FULL] {
            let text = plain(&terminal_summary(&summary, extent, width));
            let longest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
            assert!(longest.chars().count() <= width, "{width}: {longest}");
        }
    }
    let small = self::summary(&findings[..20], ProblemDetail::Brief);
    insta::assert_snapshot!("the_summary_at_60_columns", plain(&terminal_summary(&small, Extent::BRIEF, 60)));
    insta::assert_snapshot!("the_summary_at_200_columns", plain(&terminal_summary(&small, Extent::BRIEF, 200)));
}

#[test]
fn many_values_and_problems_are_counted_in_bounded_memory() {
    let one = findings().remove(0);
    let mut summary = Summary::new(ProblemDetail::Full);
    for number in 0..10_100 {
        let mut finding = one.clone();
        finding.actor.name = format!("actor-{number}");
        finding.resources[0].id = format!("sg-{number}");
        summary.add(Box::new(finding));
    }
    assert_eq!((summary.problems.len(), summary.problems.unlisted()), (5000, 5100));
    assert_eq!((summary.actors.by_frequency().len(), summary.actors.unlisted()), (10_000, 100));
    let text = plain(&terminal_summary(&summary, Extent::BRIEF, 100));
    assert!(text.starts_with("10100 findings of 5000 problems or more"), "{text}");
    assert!(text.contains("10095  with more than 9995 others"), "{text}");
    assert!(text.ends_with("… 4990 more problems, and others with 5100 findings\n"), "{text}");
}

#[test]
fn a_problem_has_the_highest_severity_of_its_open_findings() {
    let mut finding = findings().into_iter().find(|one| one.rule.name == "sg-ingress-world-admin").unwrap();
    let at = |finding: &Finding, time: &str| {
        let mut finding = finding.clone();
        finding.origin.time = time.parse().ok();
        Box::new(finding)
    };
    let mut summary = Summary::new(ProblemDetail::Brief);
    summary.add(at(&finding, "2026-03-02T00:00:00Z"));
    summary.add(at(&finding, "2026-03-01T00:00:00Z"));
    finding.suppression = Some(Suppression {
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
fn filters_select_findings_and_determine_the_exit_code() {
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
fn filters_that_would_hide_everything_are_errors() {
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
fn quiet_runs_print_only_errors() {
    let output = run(&["evaluate", LOGS, "--quiet"]);
    assert_eq!((output.status.code(), stdout(&output).as_str(), stderr(&output).as_str()), (Some(1), "", ""));
    let output = run(&["evaluate", "tests/cases/files/archive.zip", "-q"]);
    assert_eq!((output.status.code(), stderr(&output).lines().count()), (Some(2), 1));
}

/// The report of the fixtures in a format, as a run writes it.
fn render(format: Format, findings: &[Finding]) -> String {
    let report = report(findings);
    let entry = |finding| Entry { finding, input: "logs/a b#%.json", is_file: true, now: Timestamp::UNIX_EPOCH };
    let entries: Vec<String> = findings.iter().map(|finding| format.entry(entry(finding))).collect();
    [format.begin(), entries.join(format.separator()), format.end(&report)].concat()
}

fn report(findings: &[Finding]) -> Report {
    let mut rejections = Rejections::default();
    rejections.add("logs/b.json: no CloudTrail record: [x](https://example.com) {0}");
    Report {
        summary: summary(findings, ProblemDetail::Full),
        rejections,
        rules: findings.iter().map(|finding| finding.rule.clone()).collect(),
        ..Report::default()
    }
}

/// Findings of every kind: of every rule, suppressed, confirmed, explained, and full of what a format could take for its own.
fn varied_findings() -> Vec<Finding> {
    let mut findings = findings();
    let evil = "=cmd|' /C calc'!A0\u{1b}[31m\u{202e}</script><img src=x onerror=alert(1)>`x` ]]> \",\n| [a](https://e.example) @all {0}";
    let finding = &mut findings[0];
    finding.suppression = Some(Suppression {
        exemption: "one".to_owned(),
        owner: evil.to_owned(),
        reason: "because".to_owned(),
        ticket: Some("T-1".to_owned()),
        expires: Some("2027-01-01".to_owned()),
        also: vec!["two".to_owned()],
    });
    let finding = &mut findings[1];
    finding.live = Some(Live {
        outcome: Outcome::Confirmed,
        summary: "It is reachable.".to_owned(),
        paths: vec![LivePath {
            interface: "eni-0".to_owned(),
            address: "198.51.100.1".to_owned(),
            instance: Some("i-0".to_owned()),
            traffic: vec!["tcp port 22".to_owned()],
            hops: vec!["internet".to_owned(), "igw-0".to_owned(), "eni-0 198.51.100.1".to_owned()],
        }],
        checked_at: "2026-03-04T10:05:00Z".parse().ok(),
    });
    finding.trace = Some(Trace::of("all of", true, vec![Trace::of("eventName is x", true, Vec::new())]));
    let finding = &mut findings[2];
    finding.actor.name = evil.to_owned();
    finding.actor.arn = Some(evil.to_owned());
    finding.call.user_agent = Some(evil.to_owned());
    finding.call.source_address = Some(evil.to_owned());
    finding.call.operation = evil.to_owned();
    finding.origin.account = evil.to_owned();
    finding.origin.region = evil.to_owned();
    finding.origin.time_text = Some(evil.to_owned());
    finding.resources[0].id = evil.to_owned();
    finding.resources[0].arn = Some(evil.to_owned());
    // These are always escaped.
    finding.message = trailwarden::text::visible(evil).into_owned();
    finding.remediation = Remediation::of_text(finding.message.clone());
    finding.evidence[0].text = finding.message.clone();
    findings
}

/// The schema, in which an object may have no property that is not described.
fn strict(mut schema: Value) -> Value {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(members) => {
                if members.get("type") == Some(&"object".into()) {
                    members.insert("additionalProperties".to_owned(), false.into());
                }
                members.values_mut().for_each(close);
            }
            Value::Array(elements) => elements.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    schema
}

fn errors(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).unwrap();
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_format_escapes_text_from_records() {
    for format in Format::ALL {
        let text = render(format, &varied_findings());
        let text = if format == Format::Text { plain(&text) } else { text };
        assert!(!text.is_empty());
        let hidden: Vec<char> =
            text.chars().filter(|one| is_hidden(*one) && !matches!(one, '\n' | '\t' | '\r')).collect();
        assert_eq!(hidden, Vec::<char>::new(), "{format:?}");
    }
}

#[test]
fn json_follows_its_schema() {
    let schema = strict(json(&root().join("docs/report.schema.json")));
    let document: Value = serde_json::from_str(&render(Format::Json, &varied_findings())).unwrap();
    assert_eq!(errors(&schema, &document), Vec::<String>::new());
    assert_eq!(document["findings"].as_array().unwrap().len(), varied_findings().len());
    let mut other = document.clone();
    other["findings"][0]["invented"] = 1.into();
    assert_eq!(errors(&schema, &other).len(), 1);
    let nothing: Value = serde_json::from_str(&render(Format::Json, &[])).unwrap();
    assert_eq!(errors(&schema, &nothing), Vec::<String>::new());
}

#[test]
fn sarif_follows_its_schema() {
    let schema = json(&root().join("tests/schema/sarif-2.1.0.schema.json"));
    let document: Value = serde_json::from_str(&render(Format::Sarif, &varied_findings())).unwrap();
    assert_eq!(errors(&schema, &document), Vec::<String>::new());
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), varied_findings().len());
    let rules: Vec<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(results.iter().all(|result| rules.contains(&result["ruleId"].as_str().unwrap())));
    let location = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(location, "logs/a%20b%23%25.json");
    assert_eq!(results[0]["suppressions"][0]["status"], "accepted");
    // Neither a link nor a placeholder.
    let message = results[2]["message"]["text"].as_str().unwrap();
    assert!(message.ends_with(r"| \[a\](https://e.example) @all {{0}}"), "{message}");
    let rejection = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(rejection, r"logs/b.json: no CloudTrail record: \[x\](https://example.com) {{0}}");
    let nothing: Value = serde_json::from_str(&render(Format::Sarif, &[])).unwrap();
    assert_eq!(errors(&schema, &nothing), Vec::<String>::new());
}

#[test]
fn csv_has_a_row_for_each_finding_and_no_formulas() {
    let findings = varied_findings();
    let text = render(Format::Csv, &findings);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), findings.len());
    for cell in rows.iter().flatten().chain(reader.headers().unwrap()) {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell}");
    }
    assert!(rows[2].iter().any(|cell| cell.starts_with("'=cmd|")));
}

#[test]
fn junit_has_a_failure_for_each_problem_and_a_success_for_each_other_rule() {
    let findings = varied_findings();
    let document = quick_junit::Report::deserialize_from_str(&render(Format::Junit, &findings)).unwrap();
    let summary = summary(&findings, ProblemDetail::Full);
    let problems = summary.problems.by_severity();
    let suppressed = problems.iter().filter(|problem| problem.is_suppressed()).count();
    let compliant = problems.iter().filter(|problem| problem.status == Status::Compliant).count();
    assert_eq!((document.errors, document.failures), (1, problems.len() - suppressed - compliant));
    assert_eq!(document.tests, problems.len() + 1);
    let nothing = Report { rules: vec![findings[0].rule.clone()], ..Report::default() };
    let document = quick_junit::Report::deserialize_from_str(&Format::Junit.end(&nothing)).unwrap();
    assert_eq!((document.tests, document.failures, document.errors), (1, 0, 0));
}

#[test]
fn markdown_contains_no_markup_of_records() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let text = render(Format::Markdown, &varied_findings());
    let mut codes = 0;
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("{html}"),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => panic!("{dest_url}"),
            Event::Text(text) => assert!(!text.contains(['@', '<', '`']) && !text.contains("://"), "{text}"),
            Event::Code(code) => codes += usize::from(code.contains("<img src=x onerror=alert(1)>`x` ]]>")),
            _ => {}
        }
    }
    assert!(codes > 5, "{codes}");
}

#[test]
fn html_is_one_page_without_scripts_that_loads_nothing() {
    let findings = varied_findings();
    let page = render(Format::Html, &findings);
    // Everything that a browser could run or load is an element or an attribute, and text has neither.
    let mut names: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split(|one: char| !one.is_ascii_alphanumeric()).next().unwrap();
        names.push(name);
        let inside = tag.split_once('>').unwrap().0;
        for attribute in ["src=", "srcset=", "style=", "data=", "action=", "poster=", " on"] {
            assert!(!inside.contains(attribute), "{inside}");
        }
        assert!(
            !inside.contains("href=") || inside.contains("href=\"#") || inside.contains("href=\"https://"),
            "{inside}"
        );
    }
    for name in ["script", "img", "link", "iframe", "object", "embed", "form", "base", "audio", "video", "use", "image"]
    {
        assert!(!names.contains(&name), "{name}");
    }
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
    // The policy names the style sheet that is there.
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, sha2::Sha256::digest(style));
    assert!(
        page.contains(&format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"))
    );
    // Each problem, the path of a confirmed exposure, the charts and what was rejected are there.
    let summary = summary(&findings, ProblemDetail::Full);
    assert_eq!(names.iter().filter(|name| **name == "dl").count(), summary.problems.len());
    for part in [
        "<ol class=\"path\"><li><span>internet</span></li>",
        "Findings over time",
        "By rule",
        "By account",
        "logs/b.json: no",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn report_snapshots() {
    let finding = varied_findings().into_iter().find(|one| one.rule.name == "sg-ingress-world-admin").unwrap();
    for format in [Format::Csv, Format::Html, Format::Json, Format::Junit, Format::Markdown, Format::Sarif] {
        let mut text = render(format, std::slice::from_ref(&finding));
        if format == Format::Html {
            // The style sheet is no text that people read, and a line for each element is easier to compare.
            let (head, rest) = text.split_once("<style>").unwrap();
            text = [head, rest.split_once("</style>").unwrap().1].concat().replace("><", ">\n<");
        }
        insta::assert_snapshot!(format!("report_{format:?}"), text.replace(env!("CARGO_PKG_VERSION"), "[version]"));
    }
}

#[test]
fn several_reports_are_written_in_one_run() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let names = ["r.txt", "r.json", "r.jsonl", "r.csv", "r.md", "r.sarif", "r.xml", "r.html"];
    let mut arguments =
        vec!["evaluate".to_owned(), LOGS.to_owned(), "--output".to_owned(), format!("json={}", file("x"))];
    arguments.extend(names.iter().flat_map(|name| ["--output".to_owned(), file(name)]));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run(&arguments);
    // Standard output and the exit code are those of a run without files.
    let without = run(&["evaluate", LOGS]);
    assert_eq!((stdout(&output), stderr(&output)), (stdout(&without), stderr(&without)));
    assert_eq!(output.status.code(), Some(1));
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    assert_eq!(read("x"), read("r.json"));
    assert_eq!(read("r.txt"), stdout(&output));
    for (name, format) in names.iter().zip(["text", "json", "ocsf", "csv", "markdown", "sarif", "junit", "html"]) {
        let printed = stdout(&run(&["evaluate", LOGS, "--format", format]));
        let clock = regex_of_clocks();
        assert_eq!(clock(&read(name)), clock(&printed), "{name}");
    }
    let document: Value = serde_json::from_str(&read("r.json")).unwrap();
    assert_eq!(document["findings"][0]["input"].as_str().unwrap().split('/').next(), Some("fixtures"));
}

/// Leaves out the creation times of OCSF documents.
fn regex_of_clocks() -> impl Fn(&str) -> String {
    |text| {
        let mut parts = text.split("\"created_time\":");
        let first = parts.next().unwrap().to_owned();
        let text = parts.fold(first, |text, rest| text + rest.trim_start_matches(|one: char| one.is_ascii_digit()));
        let mut parts = text.split("\"time\":");
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |text, rest| text + rest.trim_start_matches(|one: char| one.is_ascii_digit()))
    }
}

#[test]
fn files_that_cannot_be_written_are_reported_before_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log.json");
    fs::copy(root().join("fixtures/rules/blocked-action/hit-wrapped.json"), &log).unwrap();
    let before = fs::read(&log).unwrap();
    let log = log.to_str().unwrap();
    for (outputs, reason) in [
        (&["--output", "report.pdf"][..], "unknown extension"),
        (&["--output", "report"], "unknown extension"),
        (&["--output", log], "this file is an input"),
        (&["--output", "/nonexistent/r.json"], "cannot be written"),
        (&["--output", "/dev/null", "--output", "csv=/dev/null", "--format", "json"], "this file is given twice"),
    ] {
        let output = run(&[&["evaluate", log], outputs].concat());
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{outputs:?}");
        assert!(stderr(&output).contains(reason), "{outputs:?}: {}", stderr(&output));
    }
    assert_eq!(fs::read(log).unwrap(), before);
    // A disk that is full is an error, and the other outputs are written nevertheless.
    let output = run(&["evaluate", LOGS, "--output", "json=/dev/full", "--no-summary"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: /dev/full cannot be written"), "{}", stderr(&output));
    assert_eq!(stdout(&output), stdout(&run(&["evaluate", LOGS, "--no-summary"])));
}

#[test]
fn a_run_without_findings_writes_complete_reports() {
    for format in ["json", "sarif", "junit", "markdown", "csv", "html"] {
        let output = run(&["evaluate", LOGS, "--until", "2001-01-01", "--format", format]);
        assert_eq!((output.status.code(), stdout(&output).is_empty()), (Some(0), false), "{format}");
    }
    let output = run(&["evaluate", LOGS, "--until", "2001-01-01", "--format", "json"]);
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(document["summary"]["left_out_by_filters"], 4);
}

#[test]
fn shells_complete_commands_and_options_and_manuals_describe_them() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        for word in ["evaluate", "min-severity", "exemptions"] {
            assert!(stdout(&output).contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completions", "cmd"]).status.code(), Some(2));
    let page = stdout(&run(&["man"]));
    assert!(page.contains(".TH trailwarden 1") && page.contains("filter\\-pattern"), "{page}");
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("new/man1");
    let output = run(&["man", "--output-dir", pages.to_str().unwrap()]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), ""));
    for (name, content) in [
        ("trailwarden.1", "SUBCOMMANDS"),
        ("trailwarden-evaluate.1", "fail\\-on"),
        ("trailwarden-rules-check.1", "Exit codes"),
    ] {
        let page = fs::read_to_string(pages.join(name)).unwrap();
        assert!(page.contains(content), "{name}: {page}");
    }
    let output = run(&["man", "--output-dir", "/dev/null/x"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_help_of_every_command_has_examples() {
    let reference = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    let sections = reference.split("\n## trailwarden ").skip(1);
    // Commands that only have other commands below them, and those that are compiled with a feature.
    let has_none = ["rules", "exemptions", "actions", "replay", "snapshot"];
    for (name, text) in sections.map(|section| section.split_once('\n').unwrap()) {
        assert!(has_none.contains(&name) || text.contains("\nExamples:\n"), "{name}");
    }
}
