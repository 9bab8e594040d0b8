//! The report as SARIF 2.1.0, <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Entry, Report, json};
use crate::finding::{RuleInfo, Severity, Status};
use crate::text::visible_json;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Characters of a path that mean something else in a URI, and those that a URI cannot contain.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b':');

pub(super) fn begin() -> String {
    format!("{{\"version\":\"2.1.0\",\n\"$schema\":\"{SCHEMA}\",\n\"runs\":[{{\"results\":[\n")
}

pub(super) fn entry(entry: Entry<'_>) -> String {
    let finding = entry.finding;
    let mut logical: Vec<Value> = finding
        .resources
        .iter()
        .map(|one| {
            json!({
                "name": one.id,
                "fullyQualifiedName": one.arn.as_ref().unwrap_or(&one.id),
                "kind": "resource",
                "properties": {"type": one.kind},
            })
        })
        .collect();
    if let Some(address) = &finding.terraform_address {
        logical.insert(0, json!({"name": address, "fullyQualifiedName": address, "kind": "resource"}));
    }
    let mut location = json!({"logicalLocations": logical});
    if let Some(members) = location.as_object_mut().filter(|_| entry.is_file) {
        members.insert("physicalLocation".to_owned(), json!({"artifactLocation": {"uri": uri(entry.input)}}));
    }
    let mut result = json!({
        "ruleId": finding.rule.name,
        "level": level(finding.severity()),
        "message": {"text": plain(&finding.full_message())},
        "locations": [location],
        "guid": finding.message_uid(),
        "partialFingerprints": {"trailwardenProblem/v1": finding.uid()},
        "properties": {
            "severity": json::severity(finding.severity()),
            "status": finding.status.code(),
            "undecided": finding.status == Status::Warning,
            "account": finding.origin.account,
            "region": finding.origin.region,
            "actor": finding.actor.name,
            "sourceAddress": finding.call.source_address,
            "event": {"id": finding.origin.event_id, "source": finding.call.service, "name": finding.call.operation},
            "time": finding.origin.time.map(|time| time.to_string()),
            "evidence": finding.evidence.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(),
            "liveState": finding.live.as_ref().map(|live| live.outcome.as_str()),
            "remediation": finding.remediation.text(),
        },
    });
    // A result without suppressions is one that nobody has suppressed; an empty list says the same.
    if let (Some(suppression), Some(members)) = (&finding.suppression, result.as_object_mut()) {
        let accepted = json!([{"kind": "external", "status": "accepted", "justification": suppression.sentence()}]);
        members.insert("suppressions".to_owned(), accepted);
    }
    visible_json(&result)
}

pub(super) fn end(report: &Report) -> String {
    let rules: Vec<Value> = report.summary.found_by.values().map(|rule| descriptor(rule)).collect();
    let driver = json!({
        "name": "Trailwarden",
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let rejections = &report.rejections;
    let notification = |text: &str| json!({"level": "error", "message": {"text": plain(text)}});
    let mut notifications: Vec<Value> = rejections.listed().iter().map(|text| notification(text)).collect();
    if rejections.others() > 0 {
        notifications.push(notification(&format!("{} more rejections", rejections.others())));
    }
    let invocation = json!({
        "executionSuccessful": report.is_complete,
        "toolExecutionNotifications": notifications,
    });
    format!(
        "\n],\n\"tool\":{{\"driver\":{}}},\n\"invocations\":[{}],\n\"columnKind\":\"unicodeCodePoints\"}}]}}\n",
        visible_json(&driver),
        visible_json(&invocation),
    )
}

fn descriptor(rule: &RuleInfo) -> Value {
    let mut descriptor = json!({
        "id": rule.name,
        "shortDescription": {"text": plain(&rule.title)},
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {
            "tags": rule.tags,
            "security-severity": score(rule.severity),
            "controls": rule.controls.iter().map(|one| format!("{} {}", one.framework, one.control)).collect::<Vec<_>>(),
        },
    });
    if let Some(members) = descriptor.as_object_mut() {
        if let Some(description) = &rule.description {
            members.insert("fullDescription".to_owned(), json!({"text": plain(description)}));
        }
        let is_web = |reference: &&String| {
            reference.starts_with("https://") && reference.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if let Some(reference) = rule.references.iter().find(is_web) {
            members.insert("helpUri".to_owned(), json!(reference));
        }
    }
    descriptor
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "note",
    }
}

/// The number by which GitHub sorts alerts.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Informational => "1.0",
    }
}

/// The text as a plain text message: brackets would make links (section 3.11.6), and braces placeholders (section 3.11.5).
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '[' | ']' => escaped.extend(['\\', character]),
            '{' | '}' => escaped.extend([character, character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let encoded = utf8_percent_encode(path, NOT_IN_A_PATH).to_string();
    if encoded.starts_with('/') { format!("file://{encoded}") } else { encoded }
}
