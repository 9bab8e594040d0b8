//! Metrics of an invocation as one log line in the CloudWatch embedded metric format.
//!
//! Source: CloudWatch user guide, "Embedded metric format specification".

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::finding::{Finding, Severity};
use crate::pipeline::Tally;
use crate::sinks::DeliveryCounts;

/// Namespace of the metrics.
pub const NAMESPACE: &str = "Trailwarden";

/// Returns the log line of an invocation that ends at `now`.
pub fn line<F: AsRef<Finding>>(
    request_id: &str,
    tally: &Tally,
    findings: &[F],
    delivered: DeliveryCounts,
    now: Timestamp,
) -> String {
    let open = || findings.iter().map(AsRef::as_ref).filter(|finding| finding.suppression.is_none());
    let with_severity = |severity| open().filter(|finding| finding.severity() == severity).count();
    let count = |count: usize| Value::from(u64::try_from(count).unwrap_or(u64::MAX));
    let mut metrics: Vec<(&str, &str, Value)> = vec![
        ("RecordsReceived", "Count", tally.received.into()),
        ("RecordsClean", "Count", tally.clean.into()),
        ("RecordsMatched", "Count", tally.matched.into()),
        ("RecordsExempt", "Count", tally.exempt.into()),
        ("RecordsRejected", "Count", tally.rejected.into()),
        ("ControlMessages", "Count", tally.control.into()),
        ("Findings", "Count", tally.findings.into()),
        ("FindingsSuppressed", "Count", tally.suppressed.into()),
        ("FindingsCritical", "Count", count(with_severity(Severity::Critical))),
        ("FindingsHigh", "Count", count(with_severity(Severity::High))),
        ("FindingsMedium", "Count", count(with_severity(Severity::Medium))),
        ("FindingsLow", "Count", count(with_severity(Severity::Low))),
        ("FindingsInformational", "Count", count(with_severity(Severity::Informational))),
        ("MessagesPublished", "Count", count(delivered.published)),
        ("MessagesFailed", "Count", count(delivered.failed)),
        ("MessagesRetried", "Count", count(delivered.retried)),
    ];
    if tally.lookups > 0 {
        metrics.push(("LiveLookups", "Count", tally.lookups.into()));
        metrics.push(("LiveLookupsFailed", "Count", tally.lookups_failed.into()));
    }
    if let Some(lag) = tally.longest_lag {
        metrics.push(("Lag", "Milliseconds", lag.into()));
    }
    embedded("evaluated", request_id, &[("balances", tally.balances().into())], metrics, now)
}

/// Returns a log line with these members and metrics: name, unit and value.
pub(crate) fn embedded(
    message: &str,
    request_id: &str,
    others: &[(&str, Value)],
    metrics: Vec<(&str, &str, Value)>,
    now: Timestamp,
) -> String {
    let definitions: Vec<Value> = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": definitions});
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
    set("timestamp", now.to_string().into());
    set("level", "INFO".into());
    set("message", message.into());
    set("request_id", request_id.into());
    for (name, value) in others {
        set(name, value.clone());
    }
    set("_aws", json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]}));
    for (name, _, value) in metrics {
        set(name, value);
    }
    Value::Object(members).to_string()
}
