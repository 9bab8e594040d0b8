//! The finding on the wire: OCSF 1.5.0 Compliance Finding (class 2003) with the `cloud` profile.
//!
//! Attribute names and numbers are those of <https://schema.ocsf.io/1.5.0/classes/compliance_finding>; deprecated
//! attributes are not used. Times are milliseconds since 1970.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Actor, Finding, Live, LogSource, RequestedAction, Resource, Status};
use crate::text;

/// Version of the OCSF schema the document follows.
pub const OCSF_VERSION: &str = "1.5.0";

/// Maximum characters of the `desc` of a finding: descriptions of rules have no limit.
const MAX_DESCRIPTION: usize = 4096;

/// Maximum bytes of a record in `raw_data`. A longer one is left out. SNS charges each 64 KB of a message as one request.
const MAX_RAW_DATA: usize = 64 * 1024;

/// Returns the finding as an OCSF document, created at `now`.
pub fn document(finding: &Finding, now: Timestamp) -> Value {
    let rule = &finding.rule;
    let time = finding.origin.time.map(Timestamp::as_millisecond);
    let cloud = cloud(finding);
    let (status_id, status) = if finding.suppression.is_some() { (3, "Suppressed") } else { (1, "New") };
    let mut document = json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200_301,
        "type_name": "Compliance Finding: Create",
        "time": now.as_millisecond(),
        "severity_id": finding.severity().id(),
        "severity": finding.severity().caption(),
        "status_id": status_id,
        "status": status,
        "message": finding.full_message(),
        "metadata": metadata(finding),
        "cloud": cloud,
        "compliance": compliance(finding),
        "finding_info": finding_info(finding, now),
        "resources": finding.resources.iter().map(|one| resource(one, finding, &cloud)).collect::<Vec<_>>(),
        "evidences": std::iter::once(evidence(finding)).chain(finding.live.as_ref().map(live_state)).collect::<Vec<_>>(),
        "remediation": without_empty(json!({"desc": finding.remediation.text(), "references": rule.references})),
    });
    if let Some(members) = document.as_object_mut() {
        let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
        if let Some(time) = time {
            set("start_time", time.into());
            set("end_time", time.into());
        }
        if let Some(record) = finding.record.as_deref().filter(|record| record.len() <= MAX_RAW_DATA) {
            set("raw_data", record.into());
        }
        if let Some(suppression) = &finding.suppression {
            set("status_detail", suppression.sentence().into());
            set("comment", suppression.sentence().into());
        }
        let related = rule.controls.iter().filter(|control| control.related);
        let related: Vec<String> = related.map(|one| format!("{} {}", one.framework, one.control)).collect();
        let unmapped = without_empty(json!({
            "action": finding.action.as_ref().map(action),
            "explain": finding.trace,
            // The resource does not break these. They demand monitoring, which the finding provides.
            "related_requirements": related,
            "terraform_address": finding.terraform_address,
            "on_behalf_of": finding.actor.on_behalf_of,
            "delegate_account": finding.actor.delegate_account,
        }));
        if unmapped.as_object().is_some_and(|members| !members.is_empty()) {
            set("unmapped", unmapped);
        }
    }
    document
}

/// The document as one line of JSON, in which every character that a terminal or an editor would act on is written as a
/// `\u` escape; a parser reads the same values.
pub fn line(finding: &Finding, now: Timestamp) -> String {
    text::visible_json(&document(finding, now))
}

/// The same without the record.
pub fn line_without_record(finding: &Finding, now: Timestamp) -> String {
    line(&Finding { record: None, ..finding.clone() }, now)
}

/// The action as a name and arguments. The remediator checks both and derives the calls itself.
fn action(action: &RequestedAction) -> Value {
    json!({"name": action.name, "arguments": action.arguments})
}

fn metadata(finding: &Finding) -> Value {
    without_empty(json!({
        "version": OCSF_VERSION,
        "uid": finding.message_uid(),
        "profiles": ["cloud"],
        "log_name": finding.origin.log.name(),
        "log_provider": "AWS",
        "event_code": finding.call.operation,
        "original_time": finding.origin.time_text,
        "product": {"name": "Trailwarden", "vendor_name": "Trailwarden", "version": env!("CARGO_PKG_VERSION")},
    }))
}

fn cloud(finding: &Finding) -> Value {
    without_empty(json!({
        "provider": "AWS",
        "account": without_empty(json!({"uid": finding.origin.account, "name": finding.origin.account_name, "type_id": 10, "type": "AWS Account"})),
        "region": finding.origin.region,
        "cloud_partition": finding.origin.partition,
    }))
}

fn compliance(finding: &Finding) -> Value {
    let rule = &finding.rule;
    let (status_id, status) = match finding.status {
        Status::NonCompliant => (3, "Fail"),
        Status::Warning => (2, "Warning"),
        Status::Compliant => (1, "Pass"),
    };
    let mut standards: Vec<&str> = Vec::new();
    let broken = || rule.controls.iter().filter(|control| !control.related);
    for control in broken() {
        if !standards.contains(&control.framework.as_str()) {
            standards.push(&control.framework);
        }
    }
    let requirements: Vec<String> =
        broken().map(|control| format!("{} {}", control.framework, control.control)).collect();
    let live = finding.live.iter().map(|live| live.summary.as_str());
    let details: Vec<&str> = finding.evidence.iter().map(|clause| clause.text.as_str()).chain(live).collect();
    let check = without_empty(json!({
        "uid": rule.id,
        "name": rule.name,
        "desc": rule.title,
        "severity_id": rule.severity.id(),
        "severity": rule.severity.caption(),
        "standards": standards,
        "status_id": status_id,
        "status": status,
    }));
    without_empty(json!({
        "control": rule.name,
        "status_id": status_id,
        "status": status,
        "status_code": finding.status.code(),
        "status_details": details,
        "standards": standards,
        "requirements": requirements,
        "checks": [check],
    }))
}

fn finding_info(finding: &Finding, now: Timestamp) -> Value {
    let rule = &finding.rule;
    let time = finding.origin.time.map(Timestamp::as_millisecond);
    let description = rule.description.as_deref().map(|text| text::visible_at_most(text, MAX_DESCRIPTION));
    let data_source = match finding.origin.log {
        LogSource::CloudTrail => "AWS CloudTrail",
        LogSource::Config => "AWS Config",
    };
    let event = without_empty(json!({
        "uid": finding.origin.event_id,
        "type": finding.call.operation,
        "created_time": time,
    }));
    // CloudTrail events that led to the state of a configuration item.
    let related = finding.origin.related_events.iter().map(|id| json!({"uid": id}));
    without_empty(json!({
        "uid": finding.uid(),
        "title": rule.title,
        "desc": description,
        "created_time": now.as_millisecond(),
        "first_seen_time": time,
        "last_seen_time": time,
        "data_sources": [data_source],
        "analytic": without_empty(json!({"type_id": 1, "type": "Rule", "uid": rule.id, "name": rule.name})),
        "attacks": rule.tags.iter().filter_map(|tag| attack(tag)).collect::<Vec<_>>(),
        "related_events": std::iter::once(event).chain(related).collect::<Vec<_>>(),
    }))
}

/// `attack.t1562.007` as a MITRE ATT&CK technique; other tags are not.
fn attack(tag: &str) -> Option<Value> {
    let technique = tag.strip_prefix("attack.")?.to_ascii_uppercase();
    let digits = technique.strip_prefix('T')?;
    if !digits.chars().all(|character| character.is_ascii_digit() || character == '.') {
        return None;
    }
    Some(match technique.split_once('.') {
        Some((parent, _)) => json!({"technique": {"uid": parent}, "sub_technique": {"uid": technique}}),
        None => json!({"technique": {"uid": technique}}),
    })
}

fn resource(resource: &Resource, finding: &Finding, cloud: &Value) -> Value {
    without_empty(json!({
        "uid": resource.arn.as_ref().unwrap_or(&resource.id),
        "name": resource.id,
        "type": resource.kind,
        "region": finding.origin.region,
        "cloud_partition": finding.origin.partition,
        "cloud": cloud,
    }))
}

fn evidence(finding: &Finding) -> Value {
    let call = &finding.call;
    let matched: Vec<Value> =
        finding.evidence.iter().map(|clause| json!({"field": clause.field, "value": clause.value})).collect();
    if finding.origin.log == LogSource::Config {
        // AWS Config records neither a caller nor a call.
        return without_empty(json!({
            "uid": finding.origin.event_id,
            "name": "Configuration item",
            "data": {"matched": matched},
        }));
    }
    without_empty(json!({
        "uid": finding.origin.event_id,
        "name": "CloudTrail record",
        "actor": actor(&finding.actor),
        "api": without_empty(json!({
            "operation": call.operation,
            "service": without_empty(json!({"name": call.service})),
            "request": call.request_id.as_ref().map(|id| json!({"uid": id})),
        })),
        "src_endpoint": call.source_address.as_deref().map(source),
        "http_request": call.user_agent.as_ref().map(|agent| json!({"user_agent": agent})),
        "data": {"matched": matched},
    }))
}

/// The result of live state as evidence beside the record.
fn live_state(live: &Live) -> Value {
    let data = without_empty(json!({
        "outcome": live.outcome.as_str(),
        "summary": live.summary,
        "paths": live.paths,
        "checked_at": live.checked_at.map(|at| at.to_string()),
    }));
    json!({"name": "Live state", "data": data})
}

/// An IP address is an `ip`. AWS services call from a DNS name or from `AWS Internal`.
fn source(address: &str) -> Value {
    match address.parse::<IpAddr>() {
        Ok(_) => json!({"ip": address}),
        Err(_) => json!({"svc_name": address}),
    }
}

fn actor(actor: &Actor) -> Value {
    let (type_id, kind) = match actor.kind.as_deref() {
        None => (0, "Unknown"),
        Some("IAMUser") => (1, "User"),
        Some("Root") => (2, "Admin"),
        Some("AWSService") => (3, "System"),
        Some(other) => (99, other),
    };
    let user = without_empty(json!({
        "uid": actor.arn.as_ref().or(actor.principal_id.as_ref()).or(actor.on_behalf_of.as_ref()),
        "uid_alt": actor.principal_id,
        "name": actor.name,
        "type_id": type_id,
        "type": kind,
        "account": actor.account.as_ref().map(|account| json!({"uid": account, "type_id": 10, "type": "AWS Account"})),
        "credential_uid": actor.access_key_id,
    }));
    let session = without_empty(json!({"issuer": actor.session_issuer, "is_mfa": actor.mfa}));
    without_empty(json!({
        "user": user,
        "session": session,
        "app_name": actor.invoked_by,
        "app_uid": actor.in_scope_of,
    }))
}

/// The object without empty members: null, `""`, `[]` and `{}`.
fn without_empty(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let is_filled = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    // Extended, because a map that is collected is sorted first, by code of its own for each kind of iterator.
    let mut kept = Map::new();
    kept.extend(members.into_iter().filter(|(_, value)| is_filled(value)));
    Value::Object(kept)
}
