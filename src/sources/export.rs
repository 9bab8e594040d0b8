//! What commands, consoles and log stores export: the record is a string somewhere in an object of theirs.

use serde_json::value::RawValue;

use super::document;
use super::items::Items;
use super::members::{Members, string};

/// An event of `aws cloudtrail lookup-events`.
pub(super) fn lookup_event(members: &Members, items: &mut Items) {
    text_of(members, "CloudTrailEvent", items);
}

/// Whether an object is such an event without the record. Its members have CloudTrail's names, but for their case.
pub(super) fn is_summary(members: &Members) -> bool {
    members.has("EventName") && members.has("EventId") && !members.has("userIdentity")
}

/// The output of `aws cloudtrail lookup-events`.
pub(super) fn lookup_events(members: &Members, items: &mut Items) {
    elements(members, "Events", items, document::element);
}

/// A row of CloudTrail Lake, in which the record is a string.
pub(super) fn lake_record(members: &Members, items: &mut Items) {
    text_of(members, "eventJson", items);
}

/// Names of the list of rows in the result of a CloudTrail Lake query.
const LAKE_ROWS: [&str; 2] = ["QueryResultRows", "queryResultRows"];

pub(super) fn is_lake_result(members: &Members) -> bool {
    LAKE_ROWS.iter().any(|rows| members.has_list(rows))
}

/// The result of a CloudTrail Lake query. A row is a list of columns, each an object with one member.
pub(super) fn lake_result(members: &Members, items: &mut Items) {
    check_status(members, "QueryStatus", items);
    for rows in LAKE_ROWS {
        elements(members, rows, items, |row, items| {
            let columns = serde_json::from_str::<Vec<Members>>(row).unwrap_or_default();
            match columns.iter().find(|column| column.has("eventJson")) {
                Some(column) => lake_record(column, items),
                None => items.reject("a row of CloudTrail Lake without eventJson; select eventJson in the query"),
            }
        });
    }
}

/// The output of `aws logs filter-log-events`, `get-log-events` or `tail`.
pub(super) fn log_events(members: &Members, items: &mut Items) {
    elements(members, "events", items, |event, items| match document::members(event) {
        Ok(event) if event.has_string("message") => log_event(&event, items),
        _ => items.reject("the log event has no string `message`"),
    });
}

/// Whether an object is an event of that output, selected with `--query events`.
pub(super) fn is_log_event(members: &Members) -> bool {
    members.has_string("message") && (members.has("timestamp") || members.members.len() == 1)
}

/// An event of that output.
pub(super) fn log_event(members: &Members, items: &mut Items) {
    text_of(members, "message", items);
}

/// Rejects the result of a query that has not completed: rows may be missing.
fn check_status(members: &Members, key: &str, items: &mut Items) {
    const UNFINISHED: [&str; 8] =
        ["scheduled", "queued", "running", "failed", "cancelled", "timeout", "timed_out", "unknown"];
    let status = members.string(key).filter(|status| UNFINISHED.contains(&status.to_ascii_lowercase().as_str()));
    if let Some(status) = status {
        items.reject(format!("the query has not completed (`{key}` is `{status}`): rows may be missing; run it again"));
    }
}

/// A row of CloudWatch Logs Insights. The console exports `@message` as an object.
pub(super) fn insights_row(members: &Members, items: &mut Items) {
    if let Some(message) = members.get("@message") {
        value(message, items);
    }
}

/// The result of a CloudWatch Logs Insights query: each row is a list of fields. Splunk has a list of that name, too.
pub(super) fn insights_results(members: &Members, items: &mut Items) {
    check_status(members, "status", items);
    elements(members, "results", items, |row, items| {
        if row.starts_with('{') {
            return document::element(row, items);
        }
        let fields = serde_json::from_str::<Vec<Members>>(row).unwrap_or_default();
        match fields.iter().find(|field| field.string("field").is_some_and(|name| name == "@message")) {
            Some(field) => text_of(field, "value", items),
            None => {
                items.reject("a row of CloudWatch Logs Insights without @message; add `fields @message` to the query");
            }
        }
    });
}

/// An event of a Splunk export.
pub(super) fn splunk_event(members: &Members, items: &mut Items) {
    text_of(members, "_raw", items);
}

/// Whether an object is a line of a Splunk export.
pub(super) fn is_splunk_result(members: &Members) -> bool {
    members.object("result").is_some_and(|result| result.has("_raw") || members.has("preview"))
}

/// A line of a Splunk export.
pub(super) fn splunk_result(members: &Members, items: &mut Items) {
    match members.object("result") {
        Some(event) if event.has_string("_raw") => splunk_event(&event, items),
        _ => items.reject("an event of a Splunk export without _raw; add `| fields _raw` to the search"),
    }
}

/// Whether an object is an event as the Splunk HTTP Event Collector takes it.
pub(super) fn is_collector_event(members: &Members) -> bool {
    members.has("event") && ["sourcetype", "sourceType"].iter().any(|key| members.has(key))
}

pub(super) fn collector_event(members: &Members, items: &mut Items) {
    if let Some(event) = members.get("event") {
        value(event, items);
    }
}

/// Whether an object is a document of Elastic's CloudTrail integration.
pub(super) fn is_elastic(members: &Members) -> bool {
    let is_original = members.object("event").is_some_and(|event| event.has_string("original"));
    is_original
        || members.has_string("event.original")
        || members.has("@timestamp") && (members.has("event") || members.has("ecs") || members.has("message"))
}

/// An Elastic document. `event.original` is kept only where the integration is configured so.
pub(super) fn elastic(members: &Members, items: &mut Items) {
    let original = members.object("event").and_then(|event| event.string("original"));
    let original = original.or_else(|| members.string("event.original"));
    let message = || members.string("message").filter(|message| message.trim_start().starts_with('{'));
    match original.or_else(message) {
        Some(text) => items.text(&text),
        None => items.reject(
            "an Elastic document without event.original, which contains the record; preserve the original event in the integration",
        ),
    }
}

/// A hit of an Elastic search.
pub(super) fn elastic_hit(members: &Members, items: &mut Items) {
    if let Some(source) = members.get("_source") {
        value(source, items);
    }
}

pub(super) fn is_elastic_result(members: &Members) -> bool {
    members.object("hits").is_some_and(|hits| hits.has_list("hits"))
}

/// The result of an Elastic search.
pub(super) fn elastic_result(members: &Members, items: &mut Items) {
    if let Some(hits) = members.object("hits") {
        elements(&hits, "hits", items, document::element);
    }
}

/// Reads each element of the list `key`.
fn elements(members: &Members, key: &str, items: &mut Items, read: impl Fn(&str, &mut Items)) {
    for (element, position) in members.list(key).unwrap_or_default().into_iter().zip(1..) {
        items.place.record = Some(position);
        items.inside(|items| read(element.get(), items));
    }
    items.place.record = None;
}

/// Reads the member `key`, a string that contains the record.
fn text_of(members: &Members, key: &str, items: &mut Items) {
    match members.string(key) {
        Some(text) => items.text(&text),
        None => items.reject(format!("`{key}` is not a string that contains a record")),
    }
}

/// Reads an object, or a string that contains one.
fn value(value: &RawValue, items: &mut Items) {
    match string(value) {
        Some(text) => items.text(&text),
        None => items.inside(|items| document::element(value.get(), items)),
    }
}
