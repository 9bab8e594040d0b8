//! Which findings a user wants to see.

use jiff::Timestamp;
use wildmatch::WildMatchPattern;

use crate::finding::{Finding, RuleInfo, Severity, Status};

/// A name or a pattern with `*` and `?`, in either case.
type Pattern = WildMatchPattern<'*', '?'>;

/// A status that findings can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// The resource breaks the rule.
    NonCompliant,
    /// The record does not decide whether the resource breaks the rule.
    Warning,
    /// An exemption covers the finding.
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

/// Conditions that findings have to meet. An empty list and `None` match every finding; a finding has to meet one condition
/// of each list that has some.
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
    /// Whether every finding matches.
    pub fn is_empty(&self) -> bool {
        let Self { min_severity, statuses, rules, packs, accounts, regions, actors, since, until } = self;
        let lists = [rules, packs, accounts, regions, actors];
        min_severity.is_none()
            && statuses.is_empty()
            && lists.iter().all(|list| list.is_empty())
            && since.is_none()
            && until.is_none()
    }

    /// Whether `pattern` is the name of this rule, or a pattern that matches it.
    pub fn names_rule(pattern: &str, rule: &RuleInfo) -> bool {
        like(pattern, &rule.name)
    }

    /// Whether the finding meets the conditions.
    pub fn matches(&self, finding: &Finding) -> bool {
        let Self { min_severity, statuses, rules, packs, accounts, regions, actors, since, until } = self;
        let rule = &finding.rule;
        let actor = &finding.actor;
        let is_one_of = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|one| one.eq_ignore_ascii_case(value)))
        };
        let is_like = |patterns: &[String], values: &[Option<&str>]| {
            patterns.is_empty() || patterns.iter().any(|one| values.iter().flatten().any(|value| like(one, value)))
        };
        min_severity.is_none_or(|least| finding.severity() >= least)
            && (statuses.is_empty() || statuses.iter().any(|status| status.matches(finding)))
            && is_like(rules, &[Some(&rule.name)])
            && is_one_of(packs, rule.pack.as_deref())
            && is_one_of(accounts, Some(&finding.origin.account))
            && is_one_of(regions, Some(&finding.origin.region))
            && is_like(actors, &[Some(&actor.name), actor.arn.as_deref(), actor.session_issuer.as_deref()])
            && since.is_none_or(|since| finding.origin.time.is_none_or(|time| time >= since))
            && until.is_none_or(|until| finding.origin.time.is_none_or(|time| time <= until))
    }
}

/// Whether `value` is what `pattern` names.
fn like(pattern: &str, value: &str) -> bool {
    Pattern::new_case_insensitive(pattern).matches(value)
}
