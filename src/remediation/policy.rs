//! The policy file: the findings that may be remediated, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::actions::{ACTIONS, Action};
use crate::text::visible;

/// Key of a tag that keeps Trailwarden away from a resource, whatever its value.
const BREAK_GLASS: &str = "break-glass";

/// How far Trailwarden goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The finding tells people. Trailwarden does nothing more.
    #[default]
    Tell,
    /// Trailwarden tells people the calls that it would make.
    Plan,
    /// Trailwarden makes the calls if a person approves them.
    Approve,
    /// Trailwarden makes the calls.
    Auto,
}

impl Mode {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tell => "tell",
            Self::Plan => "plan",
            Self::Approve => "approve",
            Self::Auto => "auto",
        }
    }
}

/// The policy file. Nothing is remediated unless a statement allows it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RemediationPolicy {
    /// The first statement that matches a finding decides.
    #[serde(default)]
    statements: Vec<ModeStatement>,
    /// What is never touched.
    #[serde(default)]
    never: Never,
    /// Names or ARNs of roles whose calls are never undone, with `*` and `?`.
    #[serde(default)]
    trusted_roles: Vec<String>,
    /// How often and how late Trailwarden acts.
    #[serde(default)]
    pub limits: Limits,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ModeStatement {
    /// Names of rules, with `*` and `?`.
    rules: Vec<String>,
    /// Accounts; all if it is empty.
    #[serde(default)]
    accounts: Vec<String>,
    /// Organizational units that contain the account, at any depth; all if it is empty.
    #[serde(default)]
    organizational_units: Vec<String>,
    /// Tags that the resource has, with `*` and `?` in values.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    mode: Mode,
    /// The last day, in UTC, of `auto`.
    until: Option<Date>,
}

/// What is never touched.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Never {
    /// Ids and ARNs, with `*` and `?`.
    #[serde(default)]
    resources: Vec<String>,
    /// Tags, with `*` and `?` in values.
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// How often and how late Trailwarden acts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Limits {
    /// Maximum age of an event, in minutes.
    pub max_age_minutes: u16,
    /// Minimum time between two acts for one rule on one resource, in minutes.
    pub cool_down_minutes: u16,
    /// Maximum number of acts for one rule on one resource within 24 hours.
    pub max_rounds: u8,
    /// Maximum number of acts for one rule in one account within an hour. One more trips the breaker.
    pub max_per_hour: u16,
    /// How long an approval may be given, in minutes.
    pub approval_minutes: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_age_minutes: 15, cool_down_minutes: 10, max_rounds: 3, max_per_hour: 10, approval_minutes: 60 }
    }
}

impl Limits {
    /// Maximum age of an event.
    pub fn max_age(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.max_age_minutes))
    }
}

/// Something that is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The file.
    pub file: String,
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
    /// Whether the file can be used all the same.
    pub is_warning: bool,
    /// What is wrong and what to do.
    pub reason: String,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&visible(&self.file))?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {}{}", if self.is_warning { "warning: " } else { "" }, visible(&self.reason))
    }
}

/// What is known about a finding's resource and account.
#[derive(Debug, Clone, Default)]
pub struct ResourceContext {
    /// Tags of the resource; `None` if they were not read.
    pub tags: Option<Vec<(String, String)>>,
    /// Organizational units of the account; `None` if they were not read.
    pub units: Option<Vec<String>>,
}

/// The mode for a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeChoice {
    /// The mode.
    pub mode: Mode,
    /// Sentences that say why the mode is lower than the policy's, or what it depends on.
    pub reasons: Vec<String>,
}

impl ModeChoice {
    /// Lowers `auto` to `approve` if there is a reason why a person must approve.
    pub(super) fn require_approval(&mut self, reason: Option<&str>) {
        if let Some(reason) = reason.filter(|_| self.mode == Mode::Auto) {
            self.mode = Mode::Approve;
            self.reasons.push(reason.to_owned());
        }
    }
}

impl RemediationPolicy {
    /// Parses the text of a policy file.
    ///
    /// # Errors
    /// The fault, if it is malformed.
    pub fn parse(file: &str, text: &str) -> Result<Self, PolicyFault> {
        let policy: Option<Self> = yaml_serde::from_str(text).map_err(|error| PolicyFault {
            file: file.to_owned(),
            line: error.location().map(|location| location.line()),
            is_warning: false,
            reason: error.to_string(),
        })?;
        Ok(policy.unwrap_or_default())
    }

    /// What is wrong with the file, given its text: values that cannot be, names that do not exist, what has expired.
    pub fn check(&self, file: &str, text: &str, now: Timestamp) -> Vec<PolicyFault> {
        let mut faults = Vec::new();
        let mut fault = |is_warning: bool, word: &str, reason: String| {
            let line = text.lines().position(|line| !line.trim_start().starts_with('#') && line.contains(word));
            faults.push(PolicyFault { file: file.to_owned(), line: line.map(|line| line + 1), is_warning, reason });
        };
        let known: BTreeSet<&str> = ACTIONS.iter().flat_map(|action| action.rules).copied().collect();
        for statement in &self.statements {
            let ModeStatement { rules, accounts, organizational_units, mode, until, .. } = statement;
            if rules.is_empty() {
                fault(false, "rules", "a statement has an empty list of `rules`".to_owned());
            }
            for pattern in rules.iter().filter(|pattern| !known.iter().any(|rule| matches(pattern, rule))) {
                let nearest = known.iter().max_by(|one, other| {
                    let score = |rule: &str| strsim::jaro_winkler(pattern, rule);
                    score(one).total_cmp(&score(other))
                });
                let nearest = nearest.filter(|rule| strsim::jaro_winkler(pattern, rule) > 0.8);
                let hint = nearest.map(|rule| format!(" (did you mean `{rule}`?)")).unwrap_or_default();
                fault(false, pattern, format!("no action undoes findings of a rule `{pattern}`{hint}"));
            }
            for account in accounts.iter().filter(|account| !crate::actions::is_account(account)) {
                let reason = format!("`{account}` is not an account id: write its twelve digits in quotes");
                fault(false, account, reason);
            }
            for unit in organizational_units.iter().filter(|unit| !is_unit(unit)) {
                fault(
                    false,
                    unit,
                    format!("`{unit}` is not the id of an organizational unit (`ou-…`) or root (`r-…`)"),
                );
            }
            match (mode, until) {
                (Mode::Auto, None) => {
                    fault(false, "auto", "`mode: auto` needs `until` with its last day, such as 2027-03-31".to_owned());
                }
                (Mode::Auto, Some(day)) if is_over(*day, now) => {
                    let reason = format!("`mode: auto` ended on {day}: its findings are only told");
                    fault(true, &day.to_string(), reason);
                }
                (Mode::Tell | Mode::Plan | Mode::Approve, Some(day)) => {
                    fault(false, &day.to_string(), "`until` belongs to `mode: auto`".to_owned());
                }
                _ => {}
            }
        }
        let Limits { max_age_minutes, cool_down_minutes, max_rounds, max_per_hour, approval_minutes } = &self.limits;
        for (name, value, least, most) in [
            ("max-age-minutes", *max_age_minutes, 1, 60),
            ("cool-down-minutes", *cool_down_minutes, 1, 1440),
            ("max-rounds", u16::from(*max_rounds), 1, 20),
            ("max-per-hour", *max_per_hour, 1, 1000),
            ("approval-minutes", *approval_minutes, 1, 1440),
        ] {
            if !(least..=most).contains(&value) {
                fault(false, name, format!("`{name}` is {value}; it must be from {least} to {most}"));
            }
        }
        faults
    }

    /// Whether a statement may allow more than telling for a rule and account, whatever the tags and units.
    pub fn may_act(&self, rule: &str, account: &str) -> bool {
        self.statements.iter().any(|statement| statement.mode > Mode::Tell && statement.is_about(rule, account))
    }

    /// Whether the mode for a rule and account depends on organizational units.
    pub fn needs_units(&self, rule: &str, account: &str) -> bool {
        let mut about = self.statements.iter().filter(|statement| statement.is_about(rule, account));
        about.any(|statement| !statement.organizational_units.is_empty())
    }

    /// Whether a role's calls are never undone.
    pub fn trusts(&self, role_arn: &str) -> bool {
        let name = role_arn.rsplit('/').next().unwrap_or_default();
        !role_arn.is_empty() && self.trusted_roles.iter().any(|role| matches(role, role_arn) || matches(role, name))
    }

    /// The entry of the list of resources that are never touched that covers one of these ids and ARNs, or these tags.
    pub fn never(&self, ids: &[&str], tags: &[(String, String)]) -> Option<String> {
        let resource = self.never.resources.iter().find(|pattern| ids.iter().any(|id| matches(pattern, id)));
        let is_break_glass = tags.iter().any(|(key, _)| key == BREAK_GLASS).then(|| format!("tag {BREAK_GLASS}"));
        let tagged = self.never.tags.iter().find(|(key, value)| has_tag(tags, key, value));
        resource.cloned().or(is_break_glass).or_else(|| tagged.map(|(key, value)| format!("tag {key}={value}")))
    }

    /// The mode for a finding of a rule in an account. `is_iac` says that infrastructure as code made the call.
    ///
    /// What is not known of the context never raises the mode: the first statement that may match counts as the lower of
    /// itself and the statements after it.
    pub fn mode(
        &self,
        action: &Action,
        rule: &str,
        account: &str,
        context: &ResourceContext,
        iac: Option<&str>,
        now: Timestamp,
    ) -> ModeChoice {
        let mut reasons = Vec::new();
        let mode = self.matched(rule, account, context, now, &mut reasons);
        let mut choice = ModeChoice { mode, reasons };
        choice.require_approval(action.approval);
        let change = iac.map(|reason| format!("Infrastructure as code made the change ({reason})."));
        choice.require_approval(change.as_deref());
        choice
    }

    fn matched(
        &self,
        rule: &str,
        account: &str,
        context: &ResourceContext,
        now: Timestamp,
        reasons: &mut Vec<String>,
    ) -> Mode {
        let mut ceiling = Mode::Auto;
        for statement in self.statements.iter().filter(|statement| statement.is_about(rule, account)) {
            let mode = match (statement.mode, statement.until) {
                (Mode::Auto, Some(day)) if is_over(day, now) => {
                    reasons.push(format!("`auto` ended on {day}."));
                    Mode::Tell
                }
                (mode, _) => mode,
            };
            match statement.admits(context) {
                Some(true) => return mode.min(ceiling),
                Some(false) => {}
                None => {
                    reasons.push("The mode depends on tags or organizational units that were not read.".to_owned());
                    ceiling = ceiling.min(mode);
                }
            }
        }
        Mode::Tell
    }
}

impl ModeStatement {
    fn is_about(&self, rule: &str, account: &str) -> bool {
        self.rules.iter().any(|pattern| matches(pattern, rule))
            && (self.accounts.is_empty() || self.accounts.iter().any(|one| one == account))
    }

    /// Whether the context has the statement's tags and units; `None` if that is not known.
    fn admits(&self, context: &ResourceContext) -> Option<bool> {
        let units = match (&context.units, self.organizational_units.as_slice()) {
            (_, []) => Some(true),
            (Some(units), wanted) => Some(units.iter().any(|unit| wanted.contains(unit))),
            (None, _) => None,
        };
        let tags = match &context.tags {
            _ if self.tags.is_empty() => Some(true),
            Some(tags) => Some(self.tags.iter().all(|(key, value)| has_tag(tags, key, value))),
            None => None,
        };
        match (units, tags) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}

fn has_tag(tags: &[(String, String)], key: &str, value: &str) -> bool {
    tags.iter().any(|(one, text)| one == key && matches(value, text))
}

fn is_unit(text: &str) -> bool {
    let rest = text.strip_prefix("ou-").or_else(|| text.strip_prefix("r-"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// Whether a day is over in UTC.
fn is_over(day: Date, now: Timestamp) -> bool {
    day < now.to_zoned(TimeZone::UTC).date()
}
