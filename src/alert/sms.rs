//! The text message: one line.

use super::Alert;
use crate::text::{shortened, visible};

/// Two messages of a phone.
const MOST: usize = 300;

pub(super) fn line(alert: &Alert<'_>) -> String {
    let (finding, rule) = (alert.lead, &alert.lead.rule);
    let severity = finding.severity().caption().to_uppercase();
    let more = if alert.count() > 1 { format!(" And {} more.", alert.count() - 1) } else { String::new() };
    let account = visible(&finding.origin.account).into_owned();
    let line = format!("{severity} {account} {}: {}{more}", rule.name, finding.message);
    shortened(&line.replace("://", "[:]//"), MOST).into_owned()
}
