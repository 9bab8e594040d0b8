//! Filters findings by properties that a user selects.

use jiff::Timestamp;
use wildmatch::WildMatchPattern;

use crate::finding::{Finding, RuleInfo, Severity, Status};
use crate::sources::LogFileName;

/// A case-insensitive name or pattern with `*` and `?`.
type Pattern = WildMatchPattern<'*', '?'>;

/// A status that findings can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// The resource does not comply with the rule.
    NonCompliant,
    /// The record does not show whether the resource complies with the rule.
    Warning,
    /// An exemption suppresses the finding.
    Suppressed,
}

impl StatusFilter {
    fn matches(self, finding: &Finding) -> bool {
        let is_suppressed = finding.suppression.is_some();
        match self {
            Self::NonCompliant => !is_suppressed && finding.status == Status::NonCompliant,
            Self::Warning => !is_suppressed && finding.status == Status::Warning,
            Self::Suppressed => is_suppressed,
        }
    }
}

/// Conditions for findings. A finding must match all of them. An empty list and `None` match every finding, and other lists
/// match if any of their entries does.
#[derive(Debug, Clone, Default)]
pub struct FindingFilter {
    /// Minimum severity.
    pub min_severity: Option<Severity>,
    /// Statuses.
    pub statuses: Vec<StatusFilter>,
    /// Names of rules; `*` and `?` are wildcards.
    pub rules: Vec<String>,
    /// Names of packs.
    pub packs: Vec<String>,
    /// Ids of accounts.
    pub accounts: Vec<String>,
    /// AWS Regions.
    pub regions: Vec<String>,
    /// Names or ARNs of actors; `*` and `?` are wildcards.
    pub actors: Vec<String>,
    /// Earliest time of the event. A finding without a time always matches.
    pub since: Option<Timestamp>,
    /// Latest time of the event. A finding without a time always matches.
    pub until: Option<Timestamp>,
}

impl FindingFilter {
    /// Whether the filter matches every finding.
    pub fn is_empty(&self) -> bool {
        let Self { min_severity, statuses, rules, packs, accounts, regions, actors, since, until } = self;
        let lists = [rules, packs, accounts, regions, actors];
        min_severity.is_none()
            && statuses.is_empty()
            && lists.iter().all(|list| list.is_empty())
            && since.is_none()
            && until.is_none()
    }

    /// Whether findings of records in a CloudTrail log file of this name may match.
    pub fn may_match_in(&self, file: &LogFileName) -> bool {
        let is_one_of =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one.eq_ignore_ascii_case(name));
        is_one_of(&self.accounts, &file.account)
            && is_one_of(&self.regions, &file.region)
            && file.may_contain_events(self.since, self.until)
    }

    /// Whether `pattern` matches the name of a rule.
    pub fn pattern_matches_rule(pattern: &str, rule: &RuleInfo) -> bool {
        pattern_matches(pattern, &rule.name)
    }

    /// Whether the finding matches the filter.
    pub fn matches(&self, finding: &Finding) -> bool {
        let Self { min_severity, statuses, rules, packs, accounts, regions, actors, since, until } = self;
        let rule = &finding.rule;
        let actor = &finding.actor;
        let is_one_of = |names: &[String], value: Option<&str>| {
            names.is_empty() || value.is_some_and(|value| names.iter().any(|name| name.eq_ignore_ascii_case(value)))
        };
        let any_matches = |patterns: &[String], values: &[Option<&str>]| {
            let matches = |pattern: &String| values.iter().flatten().any(|value| pattern_matches(pattern, value));
            patterns.is_empty() || patterns.iter().any(matches)
        };
        min_severity.is_none_or(|minimum| finding.severity() >= minimum)
            && (statuses.is_empty() || statuses.iter().any(|status| status.matches(finding)))
            && any_matches(rules, &[Some(&rule.name)])
            && is_one_of(packs, rule.pack.as_deref())
            && is_one_of(accounts, Some(&finding.origin.account))
            && is_one_of(regions, Some(&finding.origin.region))
            && any_matches(actors, &[Some(&actor.name), actor.arn.as_deref(), actor.session_issuer.as_deref()])
            && since.is_none_or(|since| finding.origin.time.is_none_or(|time| time >= since))
            && until.is_none_or(|until| finding.origin.time.is_none_or(|time| time <= until))
    }
}

/// Whether `pattern` matches `value`, ignoring case.
fn pattern_matches(pattern: &str, value: &str) -> bool {
    Pattern::new_case_insensitive(pattern).matches(value)
}
