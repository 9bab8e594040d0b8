//! The report as one JSON document with a stable shape, described by `docs/report.schema.json`. Fields are only ever added.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Entry, Problem, Report, Summary, ValueCounts};
use crate::finding::{Control, Finding, Path, Severity, Trace};
use crate::text::visible_json;

/// Version of the shape: another number means that a reader has to change.
const VERSION: u64 = 1;

/// One finding.
#[derive(Serialize)]
struct FindingJson<'f> {
    id: String,
    problem_id: String,
    rule: RuleJson<'f>,
    severity: &'static str,
    status: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    account: AccountJson<'f>,
    region: &'f str,
    partition: &'f str,
    actor: ActorJson<'f>,
    event: EventJson<'f>,
    resources: Vec<ResourceJson<'f>>,
    evidence: Vec<EvidenceJson<'f>>,
    remediation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    live_state: Option<LiveStateJson<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression: Option<SuppressionJson<'f>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'f Trace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terraform_address: Option<&'f str>,
    input: &'f str,
}

#[derive(Serialize)]
struct RuleJson<'f> {
    name: &'f str,
    title: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'f str>,
    tags: &'f [String],
    controls: Vec<ControlJson<'f>>,
    references: &'f [String],
}

#[derive(Serialize)]
struct ControlJson<'f> {
    framework: &'f str,
    control: &'f str,
}

#[derive(Serialize)]
struct AccountJson<'f> {
    id: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'f str>,
}

#[derive(Serialize)]
struct ActorJson<'f> {
    name: &'f str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<&'f str>,
}

#[derive(Serialize)]
struct EventJson<'f> {
    id: &'f str,
    source: &'f str,
    name: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_address: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'f str>,
}

#[derive(Serialize)]
struct ResourceJson<'f> {
    id: &'f str,
    #[serde(rename = "type")]
    kind: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'f str>,
}

#[derive(Serialize)]
struct EvidenceJson<'f> {
    field: &'f str,
    value: &'f Value,
    text: &'f str,
}

#[derive(Serialize)]
struct LiveStateJson<'f> {
    outcome: &'static str,
    summary: &'f str,
    paths: &'f [Path],
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct SuppressionJson<'f> {
    exemption: &'f str,
    owner: &'f str,
    reason: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<&'f str>,
    also: &'f [String],
}

impl<'f> FindingJson<'f> {
    fn new(finding: &'f Finding, input: &'f str) -> Self {
        let Finding { actor, call, origin, rule, .. } = finding;
        Self {
            id: finding.message_uid(),
            problem_id: finding.uid(),
            rule: RuleJson {
                name: &rule.name,
                title: &rule.title,
                id: rule.id.as_deref(),
                pack: rule.pack.as_deref(),
                description: rule.description.as_deref(),
                tags: &rule.tags,
                controls: rule.controls.iter().map(ControlJson::new).collect(),
                references: &rule.references,
            },
            severity: severity(finding.severity()),
            status: finding.status_word(),
            message: finding.full_message(),
            time: origin.time,
            account: AccountJson { id: &origin.account, name: origin.account_name.as_deref() },
            region: &origin.region,
            partition: &origin.partition,
            actor: ActorJson {
                name: &actor.name,
                kind: actor.kind.as_deref(),
                arn: actor.arn.as_deref(),
                principal_id: actor.principal_id.as_deref(),
                account: actor.account.as_deref(),
                access_key_id: actor.access_key_id.as_deref(),
                role_arn: actor.session_issuer.as_deref(),
                mfa: actor.mfa,
                invoked_by: actor.invoked_by.as_deref(),
            },
            event: EventJson {
                id: &origin.event_id,
                source: &call.service,
                name: &call.operation,
                request_id: call.request_id.as_deref(),
                source_address: call.source_address.as_deref(),
                user_agent: call.user_agent.as_deref(),
            },
            resources: finding
                .resources
                .iter()
                .map(|one| ResourceJson { id: &one.id, kind: &one.kind, arn: one.arn.as_deref() })
                .collect(),
            evidence: finding
                .evidence
                .iter()
                .map(|one| EvidenceJson { field: &one.field, value: &one.value, text: &one.text })
                .collect(),
            remediation: finding.remediation.text(),
            live_state: finding.live.as_ref().map(|live| LiveStateJson {
                outcome: live.outcome.as_str(),
                summary: &live.summary,
                paths: &live.paths,
                checked_at: live.checked_at,
            }),
            suppression: finding.suppression.as_ref().map(|one| SuppressionJson {
                exemption: &one.exemption,
                owner: &one.owner,
                reason: &one.reason,
                ticket: one.ticket.as_deref(),
                expires: one.expires.as_deref(),
                also: &one.also,
            }),
            explanation: finding.trace.as_ref(),
            terraform_address: finding.terraform_address.as_deref(),
            input,
        }
    }
}

impl<'f> ControlJson<'f> {
    fn new(control: &'f Control) -> Self {
        Self { framework: &control.framework, control: &control.control }
    }
}

/// A severity in lower case.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "informational",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

pub(super) fn begin() -> String {
    let tool = visible_json(&json!({"name": "Trailwarden", "version": env!("CARGO_PKG_VERSION")}));
    format!("{{\"version\":{VERSION},\n\"tool\":{tool},\n\"findings\":[\n")
}

pub(super) fn entry(entry: Entry<'_>) -> String {
    // A value that serialises to objects with string keys always serialises.
    visible_json(&serde_json::to_value(FindingJson::new(entry.finding, entry.input)).unwrap_or_default())
}

pub(super) fn end(report: &Report) -> String {
    let Report { tally, rejections, .. } = report;
    let summary = visible_json(&summary(report));
    let records = visible_json(&json!({
        "received": tally.received,
        "clean": tally.clean,
        "matched": tally.matched,
        "exempt": tally.exempt,
        "rejected": tally.rejected,
        "control": tally.control,
        "duplicates": tally.duplicates,
    }));
    let rejections = visible_json(&json!({"listed": rejections.listed(), "others": rejections.others()}));
    format!("\n],\n\"summary\":{summary},\n\"records\":{records},\n\"rejections\":{rejections}}}\n")
}

fn summary(report: &Report) -> Value {
    let summary: &Summary = &report.summary;
    let by_severity: serde_json::Map<String, Value> =
        summary.severities.iter().map(|(one, count)| (severity(one).to_owned(), count.into())).collect();
    let problems: Vec<Value> = summary.problems.by_severity().into_iter().map(problem).collect();
    json!({
        "findings": summary.findings(),
        "warnings": summary.warnings,
        "suppressed": summary.suppressed,
        "left_out_by_filters": report.left_out,
        "by_severity": by_severity,
        "by_rule": values(&summary.rules),
        "by_actor": values(&summary.actors),
        "by_account": values(&summary.accounts),
        "by_region": values(&summary.regions),
        "by_source_address": values(&summary.addresses),
        "first_seen": summary.first_seen.map(|time| time.to_string()),
        "last_seen": summary.last_seen.map(|time| time.to_string()),
        "problems": {"listed": problems, "findings_of_others": summary.problems.unlisted()},
    })
}

fn values(counts: &ValueCounts) -> Value {
    let listed: Vec<Value> =
        counts.by_frequency().into_iter().map(|(value, count)| json!({"value": value, "findings": count})).collect();
    json!({"listed": listed, "findings_of_others": counts.others()})
}

fn problem(problem: &Problem) -> Value {
    json!({
        "id": problem.uid,
        "rule": problem.rule.name,
        "severity": severity(problem.severity),
        "status": if problem.is_suppressed() { "SUPPRESSED" } else { problem.status.code() },
        "resource": {"id": problem.resource, "type": problem.kind},
        "account": problem.account,
        "region": problem.region,
        "findings": problem.findings,
        "suppressed": problem.suppressed,
        "first_seen": problem.first_seen.map(|time| time.to_string()),
        "last_seen": problem.last_seen.map(|time| time.to_string()),
    })
}
