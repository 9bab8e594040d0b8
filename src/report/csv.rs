//! The findings as CSV, one row per finding.

use csv::{Writer, WriterBuilder};

use super::{Entry, json};
use crate::text::visible;

/// Characters at the start of a cell that spreadsheets read as a formula, in half and full width.
const FORMULA_PREFIXES: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

const COLUMNS: [&str; 24] = [
    "time",
    "severity",
    "status",
    "rule",
    "title",
    "message",
    "account",
    "account_name",
    "region",
    "resource_type",
    "resource_id",
    "resource_arn",
    "actor",
    "actor_arn",
    "source_address",
    "user_agent",
    "event_source",
    "event_name",
    "event_id",
    "problem_id",
    "finding_id",
    "live_state",
    "suppression",
    "remediation",
];

pub(super) fn header() -> String {
    csv_line(&COLUMNS)
}

pub(super) fn row(entry: Entry<'_>) -> String {
    let finding = entry.finding;
    let resource = finding.primary_resource();
    let time = finding.origin.time.map(|time| time.to_string()).unwrap_or_default();
    let suppression = finding.suppression.as_ref().map(|suppression| suppression.sentence()).unwrap_or_default();
    let (message, problem, uid) = (finding.full_message(), finding.uid(), finding.message_uid());
    let remediation = finding.remediation.text();
    let cells: [&str; COLUMNS.len()] = [
        &time,
        json::severity(finding.severity()),
        finding.status_word(),
        &finding.rule.name,
        &finding.rule.title,
        &message,
        &finding.origin.account,
        finding.origin.account_name.as_deref().unwrap_or_default(),
        &finding.origin.region,
        resource.map_or("", |resource| &resource.kind),
        resource.map_or("", |resource| &resource.id),
        resource.and_then(|resource| resource.arn.as_deref()).unwrap_or_default(),
        &finding.actor.name,
        finding.actor.arn.as_deref().unwrap_or_default(),
        finding.call.source_address.as_deref().unwrap_or_default(),
        finding.call.user_agent.as_deref().unwrap_or_default(),
        &finding.call.service,
        &finding.call.operation,
        &finding.origin.event_id,
        &problem,
        &uid,
        finding.live.as_ref().map_or("", |live| live.outcome.as_str()),
        &suppression,
        &remediation,
    ];
    csv_line(&cells.map(cell))
}

/// Escapes hidden characters, and adds an apostrophe before text that a spreadsheet would read as a formula.
fn cell(text: &str) -> String {
    let text = visible(text);
    let is_formula = text.trim_start().starts_with(FORMULA_PREFIXES);
    if is_formula { format!("'{text}") } else { text.into_owned() }
}

fn csv_line<T: AsRef<[u8]>>(cells: &[T]) -> String {
    let mut writer: Writer<Vec<u8>> = WriterBuilder::new().from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(cells);
    String::from_utf8_lossy(&writer.into_inner().unwrap_or_default()).into_owned()
}
