//! The text message: one line.

use super::Alert;
use super::plain::defused;
use crate::finding::Outcome;
use crate::text::{shortened, visible};

/// Maximum characters: two text messages.
const MAX_CHARACTERS: usize = 300;

pub(super) fn line(alert: &Alert<'_>) -> String {
    let (finding, rule) = (alert.lead, &alert.lead.rule);
    let severity = alert.severity().caption().to_uppercase();
    let more = if alert.count() > 1 { format!(" And {} more.", alert.count() - 1) } else { String::new() };
    let account = visible(finding.origin.account_name.as_ref().unwrap_or(&finding.origin.account)).into_owned();
    let live = finding.live.as_ref().filter(|live| live.outcome == Outcome::Confirmed);
    let live = live.map_or(String::new(), |live| format!(" {}", live.summary));
    let line = format!("{severity} {account} {}: {}{live}{more}", rule.name, finding.message);
    shortened(&defused(&line, &[]), MAX_CHARACTERS).into_owned()
}
