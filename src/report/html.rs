//! The report as one HTML page that works offline and without scripts.
//!
//! `maud` escapes all text and attributes. Hidden characters are escaped beforehand. In addition, a content security policy
//! allows only the page's own style sheet.

mod chart;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::details::details;
use super::terminal::{format_minute, headline, pluralized};
use super::{Problem, Report, json};
use crate::finding::{Finding, RemediationPart, RuleInfo};
use crate::text::visible;

/// The style sheet.
const STYLE: &str = include_str!("html/style.css");

/// SHA-256 of the style sheet in base64, for the content security policy.
const STYLE_HASH: &str = "Rf+UtDCL/2/QaHIfR+PXurhdFGVi/Gs5QGQi9OrD8aw=";

/// Maximum number of values in each chart.
const MAX_VALUES: usize = 10;

pub(super) fn document(report: &Report) -> String {
    let policy = format!("default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'");
    let problems = report.summary.problems.by_severity();
    let (open, suppressed): (Vec<&Problem>, Vec<&Problem>) =
        problems.into_iter().partition(|problem| !problem.is_suppressed());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "Trailwarden report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(report))
                main {
                    (summary(report))
                    (section("problems", "Problems", &open, report.summary.problems.unlisted()))
                    (section("suppressed", "Suppressed", &suppressed, 0))
                    (coverage(report))
                    (input(report))
                }
                footer {
                    "Trailwarden " (env!("CARGO_PKG_VERSION")) ". Times are in UTC. This page contains no scripts and loads nothing."
                }
            }
        }
    };
    page.into_string()
}

fn header(report: &Report) -> Markup {
    let summary = &report.summary;
    html! {
        header {
            h1 { "Trailwarden report" }
            p { (headline(summary)) "." }
            p.muted {
                @if let Some((first, last)) = summary.first_seen.zip(summary.last_seen) {
                    "Events from " (format_minute(first)) " to " (format_minute(last)) ". "
                }
                "Created " (format_minute(report.created)) " UTC."
                @if !report.is_complete { " Some input could not be evaluated; see " a href="#input" { "Input" } "." }
            }
            nav aria-label="Sections" {
                ul {
                    @for (id, title) in [
                        ("summary", "Summary"), ("problems", "Problems"), ("suppressed", "Suppressed"), ("coverage", "Coverage"), ("input", "Input"),
                    ] {
                        li { a href={ "#" (id) } { (title) } }
                    }
                }
            }
        }
    }
}

fn summary(report: &Report) -> Markup {
    let summary = &report.summary;
    html! {
        section aria-labelledby="summary" {
            h2 id="summary" { "Summary" }
            ul.tiles {
                @for (severity, count) in summary.severities.iter() {
                    li class=(json::severity(severity)) { strong { (count) } (severity.caption()) }
                }
                li { strong { (summary.suppressed) } "Suppressed" }
            }
            @if report.filtered_out > 0 {
                p { "Findings hidden by filters: " (report.filtered_out) "." }
            }
            @if summary.findings() > 0 {
                (chart::timeline(&summary.timeline))
                div.charts {
                    (chart::bars("By rule", "Rule", &summary.rules, MAX_VALUES))
                    (chart::bars("By account", "Account", &summary.accounts, MAX_VALUES))
                    (chart::bars("By actor", "Actor", &summary.actors, MAX_VALUES))
                    (chart::bars("By Region", "Region", &summary.regions, MAX_VALUES))
                    (chart::bars("By source address", "Address", &summary.addresses, MAX_VALUES))
                }
            }
        }
    }
}

fn section(id: &str, title: &str, problems: &[&Problem], unlisted: u64) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            @if problems.is_empty() { p { "None." } }
            @for problem in problems { (self::problem(problem)) }
            @if unlisted > 0 {
                p { (pluralized(unlisted, "finding")) " belong to problems beyond the maximum number of listed problems." }
            }
        }
    }
}

fn problem(problem: &Problem) -> Markup {
    let rule = &problem.rule;
    let severity = json::severity(problem.severity);
    let count = if problem.is_suppressed() { problem.suppressed } else { problem.findings };
    let is_open = problem.severity == crate::finding::Severity::Critical && !problem.is_suppressed();
    html! {
        details open[is_open] {
            summary {
                span class={ "badge " (severity) } { (problem.severity.caption()) }
                h3 { (visible(&rule.title)) }
                @if let Some(live) = problem.latest.as_deref().and_then(|finding| finding.live.as_ref()) {
                    " " span.badge { "Live state: " (live.outcome.as_str()) }
                }
                @if problem.status == crate::finding::Status::Warning { " " span.badge { "Undecided" } }
                span.where {
                    span.mono { (problem.resource) } " in " (problem.account) ", " (problem.region) " "
                    span.muted { "(" (pluralized(count, "finding")) ")" }
                }
            }
            div.inside {
                @if let Some(finding) = problem.latest.as_deref() { (self::finding(problem, finding)) }
            }
        }
    }
}

fn finding(problem: &Problem, finding: &Finding) -> Markup {
    let rule = &problem.rule;
    html! {
        p { (finding.full_message()) }
        @if let Some(description) = &rule.description { p.muted { (visible(description)) } }
        @if let Some(live) = &finding.live {
            @for path in &live.paths {
                p { "Path to " span.mono { (visible(&path.address)) } " for " (visible(&path.traffic.join(", "))) ":" }
                ol.path { @for hop in &path.hops { li { span { (visible(hop)) } } } }
            }
        }
        dl {
            @if let Some((first, last)) = problem.first_seen.zip(problem.last_seen).filter(|(first, last)| first != last) {
                dt { "Seen" }
                dd { (format_minute(first)) " to " (format_minute(last)) "; the latest:" }
            }
            @for (label, texts) in details(finding).into_iter().filter(|(label, _)| *label != "Paths") {
                dt { (label) }
                dd {
                    @match texts.as_slice() {
                        [_] if label == "Remediation" => { p { (remediation(finding)) } }
                        [text] => { p { (text) } }
                        texts => { ul { @for text in texts { li { (text) } } } }
                    }
                }
            }
            dt { "Rule" }
            dd { code { (visible(&rule.name)) } @if let Some(pack) = &rule.pack { " of pack " (visible(pack)) } }
            @let references: Vec<&String> = rule.references.iter().filter(|reference| reference.starts_with("https://")).collect();
            @if !references.is_empty() {
                dt { "References" }
                dd { ul { @for reference in references { li { a href=(reference) rel="noopener noreferrer" { (visible(reference)) } } } } }
            }
        }
    }
}

/// Renders the sentences and commands of the remediation.
fn remediation(finding: &Finding) -> Markup {
    html! {
        @for part in &finding.remediation.parts {
            @if let Some(command) = part.command_line() { code { (command) } }
            @if let RemediationPart::Text(text) = part { (text) }
        }
    }
}

/// Renders the coverage by the rules that ran.
fn coverage(report: &Report) -> Markup {
    let summary = &report.summary;
    let found = |rule: &RuleInfo| summary.matched_rules.contains_key(&rule.name);
    let mut without_findings: Vec<&RuleInfo> =
        report.rules.iter().map(|rule| &**rule).filter(|rule| !found(rule)).collect();
    without_findings.sort_by(|left, right| left.name.cmp(&right.name));
    let mut controls: std::collections::BTreeMap<(&str, &str), (Vec<&str>, bool)> = std::collections::BTreeMap::new();
    for rule in &report.rules {
        for control in &rule.controls {
            let (rules, has_findings) = controls.entry((&control.framework, &control.control)).or_default();
            rules.push(&rule.name);
            *has_findings |= found(rule) && !control.related;
        }
    }
    let calls = report.coverage;
    html! {
        section aria-labelledby="coverage" {
            h2 id="coverage" { "Coverage" }
            p {
                (report.rules.len()) " rules ran, and " (summary.matched_rules.len()) " of them had findings."
                @if calls.sensitive > 0 {
                    " They cover " (calls.sensitive.saturating_sub(calls.uncovered)) " of " (calls.sensitive)
                    " known sensitive API calls; " code { "trailwarden rules coverage" } " lists the others."
                }
            }
            @if !without_findings.is_empty() {
                details {
                    summary { h3 { (without_findings.len()) " rules had no findings" } }
                    div.inside { ul { @for rule in without_findings { li { code { (visible(&rule.name)) } ": " (visible(&rule.title)) } } } }
                }
            }
            @if !controls.is_empty() {
                details {
                    summary { h3 { (controls.len()) " controls of compliance frameworks" } }
                    div.inside {
                        table {
                            thead { tr { th scope="col" { "Control" } th scope="col" { "Rules" } th scope="col" { "Findings" } } }
                            tbody {
                                @for ((framework, control), (rules, has_findings)) in &controls {
                                    tr {
                                        th scope="row" { (visible(framework)) " " (visible(control)) }
                                        td { (visible(&rules.join(", "))) }
                                        td { @if *has_findings { "yes" } @else { "none" } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn input(report: &Report) -> Markup {
    let tally = &report.tally;
    let rejections = &report.rejections;
    html! {
        section aria-labelledby="input" {
            h2 id="input" { "Input" }
            table {
                tbody {
                    @for (label, count) in [
                        ("Records received", tally.received),
                        ("Clean: no rule matched", tally.clean),
                        ("Matched: a rule matched", tally.matched),
                        ("Exempt: every finding is suppressed", tally.exempt),
                        ("Rejected: could not be evaluated", tally.rejected),
                        ("Duplicates (not counted as received)", tally.duplicates),
                        ("Messages without records (not counted as received)", tally.control),
                    ] {
                        tr { th scope="row" { (label) } td.number { (count) } }
                    }
                }
            }
            @if !rejections.listed().is_empty() {
                details {
                    summary { h3 { "Rejections" } }
                    div.inside {
                        ul { @for rejection in rejections.listed() { li { (visible(rejection)) } } }
                        @if rejections.unlisted() > 0 { p { "and " (rejections.unlisted()) " more" } }
                    }
                }
            }
        }
    }
}
