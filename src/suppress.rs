//! Exemptions: findings that somebody has accepted, for a reason and until a day.
//!
//! An exempt finding is kept and marked. When its exemption has run out it is a finding as before, and says so.

pub mod state;

use std::fs;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::Deserialize;

use crate::event::Event;
use crate::finding::{Finding, Suppression};
use crate::rules::{AttributeError, Filter, RuleFault, RuleFaults, RuleSet, read_attributes};
use crate::text::visible;

/// The exemptions of one file.
#[derive(Debug, Default)]
pub struct Exemptions(Vec<Exemption>);

/// One exemption.
#[derive(Debug)]
pub struct Exemption {
    filter: Filter,
    terms: Terms,
}

/// The key `trailwarden:` of an exemption; a key that is not listed here is a fault.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    /// Who answers for it.
    owner: String,
    /// Why it is acceptable.
    reason: String,
    /// Where it was decided.
    ticket: Option<String>,
    /// The last day, in UTC, on which it counts.
    #[serde(deserialize_with = "day")]
    expires: Date,
}

fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |()| serde::de::Error::custom(format!("it is a day such as 2027-03-31, not {text:?}"));
    // A time of day would be read and forgotten.
    if text.trim().len() != "2027-03-31".len() {
        return Err(wrong(()));
    }
    text.trim().parse().map_err(|_| wrong(()))
}

impl Exemptions {
    /// Reads the file of exemptions, which refer to `rules`.
    ///
    /// # Errors
    /// Every fault in it.
    pub fn read(path: &Path, rules: &RuleSet) -> Result<Self, RuleFaults> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| RuleFaults(vec![RuleFault::of_file(&name, format!("cannot be read: {error}"))]))?;
        let parsed = rules.filters(path, text, |filter| {
            let terms: Terms = read_attributes(&filter.attributes).map_err(|error| {
                let missing = "it needs the key `trailwarden:` with `owner`, `reason` and `expires`";
                vec![match filter.attributes.is_null() {
                    true => AttributeError::new(None, missing.to_owned()),
                    false => error,
                }]
            })?;
            let written = [("owner", &terms.owner), ("reason", &terms.reason)];
            let empty = written.iter().filter(|(_, text)| text.trim().is_empty());
            let empty: Vec<AttributeError> =
                empty.map(|(name, _)| AttributeError::new(Some(name), "it is empty".to_owned())).collect();
            if empty.is_empty() { Ok(terms) } else { Err(empty) }
        })?;
        Ok(Self(parsed.into_iter().map(|(filter, terms)| Exemption { filter, terms }).collect()))
    }

    /// Every exemption, in the order of the file.
    pub fn all(&self) -> &[Exemption] {
        &self.0
    }

    /// Marks a finding for `event` that is exempt at `now`; of one whose exemptions have run out, says so.
    pub fn apply(&self, event: &Event<'_>, finding: &mut Finding, now: Timestamp) {
        let meant =
            self.0.iter().filter(|one| one.filter.is_about(&finding.rule)).filter(|one| one.filter.exempts(event));
        let (expired, valid): (Vec<&Exemption>, Vec<&Exemption>) = meant.partition(|one| one.is_expired(now));
        if let Some((exemption, others)) = valid.split_first() {
            let also = others.iter().map(|other| other.name().to_owned()).collect();
            finding.suppression = Some(Suppression { also, ..exemption.suppression() });
        } else if let Some(exemption) = expired.first() {
            let Terms { owner, expires, .. } = &exemption.terms;
            let note = format!("The exemption {} of {owner} expired on {expires}.", exemption.filter.name);
            finding.notes.push(visible(&note).into_owned());
        }
    }
}

impl Exemption {
    /// What people call it by.
    pub fn name(&self) -> &str {
        &self.filter.name
    }

    /// One line on what it exempts.
    pub fn title(&self) -> &str {
        &self.filter.title
    }

    /// What findings say of it.
    pub fn suppression(&self) -> Suppression {
        let Terms { owner, reason, ticket, expires } = self.terms.clone();
        Suppression {
            exemption: self.filter.name.clone(),
            owner,
            reason,
            ticket,
            expires: Some(expires.to_string()),
            also: Vec::new(),
        }
    }

    /// Whether it has run out: its last day, in UTC, is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_within(0, now)
    }

    /// Whether it will have run out `days` from now.
    pub fn expires_within(&self, days: u32, now: Timestamp) -> bool {
        let today = now.to_zoned(TimeZone::UTC).date();
        let then = today.saturating_add(Span::new().days(i64::from(days.min(1_000_000))));
        self.terms.expires < then
    }
}
