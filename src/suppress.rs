//! Suppression of findings by exemptions. An exemption has an owner, a reason and a last day.
//!
//! A suppressed finding is still published, with the exemption. After its last day (UTC) an exemption stops working, and the
//! finding says that it expired.

mod vpc;

use std::fs;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::Deserialize;

use crate::event::Event;
use crate::finding::{Finding, Suppression};
use crate::rules::{AttributeError, Filter, RuleDiagnostic, RuleDiagnostics, RuleSet, read_attributes};
use crate::text::visible;

pub use vpc::VpcExemptions;

/// The exemptions of one file.
#[derive(Debug, Default)]
pub struct Exemptions(Vec<Exemption>);

/// One exemption.
#[derive(Debug)]
pub struct Exemption {
    filter: Filter,
    terms: Terms,
}

/// The key `trailwarden:` of an exemption. A key that is not listed here is an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    /// The owner.
    owner: String,
    /// The reason for which the finding is accepted.
    reason: String,
    /// The ticket of the decision.
    ticket: Option<String>,
    /// The last day (UTC) on which it works.
    #[serde(deserialize_with = "day")]
    expires: Date,
}

fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    let error = || serde::de::Error::custom(format!("it is a day such as 2027-03-31, not {text:?}"));
    // The parser would ignore a time of day.
    if text.trim().len() != "2027-03-31".len() {
        return Err(error());
    }
    text.trim().parse().map_err(|_| error())
}

impl Exemptions {
    /// Reads a file of exemptions from findings of `rules`.
    ///
    /// # Errors
    /// Returns every error in it.
    pub fn read(path: &Path, rules: &RuleSet) -> Result<Self, RuleDiagnostics> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| {
            RuleDiagnostics(vec![RuleDiagnostic::of_file(&name, format!("cannot be read: {error}"))])
        })?;
        let parsed = rules.filters(path, text, |filter| {
            let terms: Terms = read_attributes(&filter.attributes).map_err(|error| {
                let missing = "it needs the key `trailwarden:` with `owner`, `reason` and `expires`";
                let is_missing = filter.attributes.is_null();
                vec![if is_missing { AttributeError::new(None, missing.to_owned()) } else { error }]
            })?;
            let required = [("owner", &terms.owner), ("reason", &terms.reason)];
            let empty = required.iter().filter(|(_, text)| text.trim().is_empty());
            let empty: Vec<AttributeError> =
                empty.map(|(name, _)| AttributeError::new(Some(name), "it is empty".to_owned())).collect();
            if empty.is_empty() { Ok(terms) } else { Err(empty) }
        })?;
        Ok(Self(parsed.into_iter().map(|(filter, terms)| Exemption { filter, terms }).collect()))
    }

    /// All exemptions, in the order of the file.
    pub fn all(&self) -> &[Exemption] {
        &self.0
    }

    /// Suppresses a finding of `event` if an exemption matches at `now`. If only expired ones match, adds a note.
    pub fn apply(&self, event: &Event<'_>, finding: &mut Finding, now: Timestamp) {
        let matches =
            |exemption: &&Exemption| exemption.filter.is_about(&finding.rule) && exemption.filter.exempts(event);
        let (expired, valid): (Vec<&Exemption>, Vec<&Exemption>) =
            self.0.iter().filter(matches).partition(|exemption| exemption.is_expired(now));
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
    /// The name.
    pub fn name(&self) -> &str {
        &self.filter.name
    }

    /// The one-line title.
    pub fn title(&self) -> &str {
        &self.filter.title
    }

    /// The suppression that a finding shows.
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

    /// Whether its last day (UTC) is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_within(0, now)
    }

    /// Whether it expires within `days` from now.
    pub fn expires_within(&self, days: u32, now: Timestamp) -> bool {
        let today = now.to_zoned(TimeZone::UTC).date();
        let then = today.saturating_add(Span::new().days(i64::from(days.min(1_000_000))));
        self.terms.expires < then
    }
}
