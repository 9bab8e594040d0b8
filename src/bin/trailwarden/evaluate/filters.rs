//! The options that filter findings and determine the exit code.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use trailwarden::finding::Severity;
use trailwarden::report::{DayEdge, FindingFilter, StatusFilter, instant};
use trailwarden::rules::RuleSet;
use trailwarden::text::visible;

use crate::account;

/// A severity on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    #[value(alias = "info")]
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Informational => Self::Informational,
            Level::Low => Self::Low,
            Level::Medium => Self::Medium,
            Level::High => Self::High,
            Level::Critical => Self::Critical,
        }
    }
}

/// The minimum severity of findings for exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    #[value(alias = "info")]
    Informational,
    Low,
    Medium,
    High,
    Critical,
    Never,
}

impl FailOn {
    /// Whether a finding of this severity results in exit code 1.
    pub(super) fn includes(self, severity: Severity) -> bool {
        let minimum = match self {
            Self::Never => return false,
            Self::Informational => Severity::Informational,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        };
        severity >= minimum
    }
}

/// A status on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    NonCompliant,
    Warning,
    Suppressed,
}

impl From<Status> for StatusFilter {
    fn from(status: Status) -> Self {
        match status {
            Status::NonCompliant => Self::NonCompliant,
            Status::Warning => Self::Warning,
            Status::Suppressed => Self::Suppressed,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filters {
    /// Show only findings of this severity or a higher one.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    min_severity: Option<Level>,

    /// Show only findings with this status.
    #[arg(long, value_enum, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<Status>,

    /// Show only findings of this rule; `*` and `?` are wildcards.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    rule: Vec<String>,

    /// Show only findings of the rules in this pack.
    #[arg(long, value_name = "PACK", value_delimiter = ',')]
    pack: Vec<String>,

    /// Show only findings in this account.
    #[arg(long, value_name = "ID", value_parser = account, value_delimiter = ',')]
    account: Vec<String>,

    /// Show only findings in this AWS Region.
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    region: Vec<String>,

    /// Show only findings whose actor has this name, ARN or role ARN; `*` and `?` are wildcards.
    #[arg(long, value_name = "NAME")]
    actor: Vec<String>,

    /// Show only findings of events at or after this time: `2026-03-04`, `2026-03-04T10:00:00Z`, `yesterday`, `2 days ago`.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Show only findings of events at or before this time. A date includes the whole day, in UTC.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Exit with 1 only if a finding that matches the filters has this severity or a higher one.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Informational)]
    pub(super) fail_on: FailOn,
}

impl Filters {
    /// Builds the filter.
    ///
    /// # Errors
    /// Returns an error for an invalid time, and for a rule or pack that does not exist, which would hide every finding.
    pub(super) fn build(&self, rules: &RuleSet, now: Timestamp) -> Result<FindingFilter, String> {
        let time = |name: &str, text: &Option<String>, edge| {
            let time = text.as_deref().map(|text| instant(text, now, edge)).transpose();
            time.map_err(|reason| format!("--{name} {}: {reason}", visible(text.as_deref().unwrap_or_default())))
        };
        let since = time("since", &self.since, DayEdge::Start)?;
        let until = time("until", &self.until, DayEdge::End)?;
        if since.zip(until).is_some_and(|(since, until)| since > until) {
            return Err("--since is later than --until: no finding can match".to_owned());
        }
        let filter = FindingFilter {
            min_severity: self.min_severity.map(Severity::from),
            statuses: self.status.iter().copied().map(StatusFilter::from).collect(),
            rules: self.rule.clone(),
            packs: self.pack.clone(),
            accounts: self.account.clone(),
            regions: self.region.clone(),
            actors: self.actor.clone(),
            since,
            until,
        };
        for pattern in &filter.rules {
            if !rules.infos().any(|rule| FindingFilter::pattern_matches_rule(pattern, rule)) {
                let near = rules.did_you_mean(pattern);
                return Err(format!("--rule {}: there is no such rule{near}", visible(pattern)));
            }
        }
        for pack in &filter.packs {
            if !rules.infos().any(|rule| rule.pack.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(pack))) {
                let mut names: Vec<&str> = rules.infos().filter_map(|rule| rule.pack.as_deref()).collect();
                names.sort_unstable();
                names.dedup();
                return Err(format!("--pack {}: there is no such pack; there are {}", visible(pack), names.join(", ")));
            }
        }
        Ok(filter)
    }
}
