//! The text message: one line.

use super::plain::defused;
use super::{Alert, email};
use crate::finding::Outcome;
use crate::text::{shortened, visible};

/// Maximum characters: two text messages.
const MAX_CHARACTERS: usize = 300;

/// No part of it is a command: a phone is no place to run one.
pub(super) fn line(alert: &Alert<'_>) -> String {
    let finding = alert.lead;
    let label = email::label(finding.severity(), finding.status);
    let account = visible(finding.origin.account_name.as_ref().unwrap_or(&finding.origin.account)).into_owned();
    // Other characters than those of GSM 03.38 halve the length of a text message.
    let sentence =
        alert.sentence().replace('\u{d7}', "x").replace(['\u{2013}', '\u{2014}'], "-").replace('\u{2026}', "...");
    let live = finding.live.as_ref().filter(|live| live.outcome == Outcome::Confirmed && alert.count() == 1);
    let live = live.map_or(String::new(), |live| format!(" {}", live.summary));
    // The sentence of several contains their times.
    let when = match finding.origin.time.filter(|_| alert.count() == 1) {
        Some(time) => time.strftime(" %H:%M UTC.").to_string(),
        None => String::new(),
    };
    shortened(&defused(&format!("{label} {account}: {sentence}{live}{when}"), &[]), MAX_CHARACTERS).into_owned()
}
