//! Events for PagerDuty, by its Events API v2. The event is complete but for `routing_key`, which is secret.
//!
//! After <https://developer.pagerduty.com/docs/send-alert-event>.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::content::{self, Step};
use super::teams::{self, shown};
use super::{Alert, Resolved, email};
use crate::finding::Severity;
use crate::text::{shortened, visible};

/// Maximum characters of a summary.
const MAX_SUMMARY: usize = 1024;
/// Maximum characters of a detail.
const MAX_DETAIL: usize = 2000;
/// Characters of the list of all resources.
const MAX_LIST: usize = 20_000;

/// The event that triggers an incident, or adds to the one that has the same `dedup_key`: the problem's id, or for several
/// findings that of what they have in common.
pub(super) fn trigger(alert: &Alert<'_>, now: Timestamp) -> Value {
    let finding = alert.lead;
    let mut details: Map<String, Value> = content::rows(alert, now)
        .into_iter()
        .map(|(label, text)| (label.to_owned(), shown(&text, MAX_DETAIL).into()))
        .collect();
    let undo: String = content::steps(&finding.remediation).into_iter().map(step).collect();
    details.insert("Undo".to_owned(), shortened(&undo, MAX_DETAIL).into());
    if !alert.more.is_empty() {
        let list = content::listed(content::resources(alert, MAX_LIST, |name| shown(name, MAX_DETAIL)));
        details.insert(format!("All {}", alert.count()), list.into());
    }
    details.insert("Rule".to_owned(), finding.rule.name.clone().into());
    details.insert("Ids".to_owned(), shown(&finding.ids(), MAX_DETAIL).into());
    let links: Vec<Value> =
        alert.links().into_iter().map(|link| json!({"href": link.url, "text": link.label})).collect();
    let resource = finding.primary_resource().filter(|_| !finding.names_no_resource());
    let mut payload = json!({
        "summary": shortened(&format!("{}: {}", shown(&content::head(alert), MAX_SUMMARY), shown(&alert.sentence(), MAX_SUMMARY)), MAX_SUMMARY),
        "source": shown(&finding.place(), MAX_DETAIL),
        "severity": severity(alert.severity()),
        "component": resource.map(|resource| shown(&resource.id, MAX_DETAIL)),
        "group": shown(&finding.account(), MAX_DETAIL),
        "class": finding.rule.name,
        "custom_details": details,
    });
    if let (Some(time), Some(members)) = (alert.times().1, payload.as_object_mut()) {
        members.insert("timestamp".to_owned(), time.to_string().into());
    }
    json!({
        "event_action": "trigger",
        "dedup_key": alert.thread(),
        "client": "Trailwarden",
        "payload": payload,
        "links": links,
    })
}

/// The event that resolves the incident of a problem.
pub(super) fn resolve(resolved: &Resolved) -> Value {
    json!({"event_action": "resolve", "dedup_key": resolved.finding_uid})
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "info",
    }
}

fn step(step: Step<'_>) -> String {
    match step {
        Step::Withheld => content::WITHHELD.to_owned(),
        Step::Text(text) => email::plain(&visible(text)),
        Step::Command(command) => teams::inert_command(&command),
    }
}
