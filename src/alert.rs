//! Alerts: messages for people about findings.
//!
//! Suppressed findings and findings below the minimum severity cause no alert. Findings of one rule, severity and caller in one
//! account are one alert, which counts every action and lists every resource.

mod actions;
mod chat;
mod content;
mod email;
mod group;
pub mod limit;
mod links;
mod pagerduty;
mod plain;
mod resolved;
mod slack;
mod sms;
mod teams;
mod text_message;
mod webhook;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::finding::{Finding, Severity, Status, derived_id, ocsf};
use crate::text::visible_json;

pub use actions::ActionCount;
pub use group::{AlertGroup, groups};
pub use links::{Link, is_link};
pub use resolved::Resolved;
pub use text_message::TextMessage;
pub use webhook::{Post, Route, SecretName, Webhook, WebhookKind, check_url};

/// One finding, or several of one rule by one caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert<'f> {
    /// Findings of destructive actions first. Never empty.
    lead: &'f Finding,
    more: Vec<&'f Finding>,
    /// Findings of a digest that are counted but not listed.
    unlisted: u64,
    /// Whether it contains the findings after the first alert of a quiet period.
    is_digest: bool,
    history: Option<History>,
    runbook: Option<&'f str>,
}

/// The earlier occurrences of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// How often it was found, this time included.
    pub occurrences: u64,
    /// When it was found first.
    pub first_seen: Timestamp,
    /// When it was found last.
    pub last_seen: Timestamp,
}

/// Which findings cause alerts, and what alerts say beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertPolicy {
    /// The minimum severity.
    pub min_severity: Severity,
    /// Your own roles, by ARN, or by name for roles of your own account. Their findings cause no alert unless they are
    /// tampering or critical, so that no alert can cause another.
    pub own_roles: Vec<String>,
    /// The account of roles that are listed by name: that of the deployment. Without it, such names match no role.
    pub account: Option<String>,
    /// URLs of runbooks, by name of a rule or of a pack.
    pub runbooks: BTreeMap<String, String>,
}

impl AlertPolicy {
    /// A policy with this minimum severity, without own roles and runbooks.
    pub fn at_least(min_severity: Severity) -> Self {
        Self { min_severity, own_roles: Vec::new(), account: None, runbooks: BTreeMap::new() }
    }

    fn admits(&self, finding: &Finding) -> bool {
        finding.status != Status::Compliant
            && finding.suppression.is_none()
            && finding.severity() >= self.min_severity
            && !self.is_own(finding)
    }

    /// The runbook of the finding's rule, or else of its pack.
    fn runbook(&self, finding: &Finding) -> Option<&str> {
        let names = std::iter::once(finding.rule.name.as_str()).chain(finding.rule.pack.as_deref());
        names.filter_map(|name| self.runbooks.get(name)).map(String::as_str).next()
    }

    fn is_own(&self, finding: &Finding) -> bool {
        let tampers = finding.rule.pack.as_deref() == Some("tamper");
        if tampers || finding.severity() == Severity::Critical {
            return false;
        }
        finding
            .actor
            .session_issuer
            .as_deref()
            .is_some_and(|arn| self.own_roles.iter().any(|own| self.is_role(own, arn)))
    }

    /// Whether a configured role is the one with this ARN.
    fn is_role(&self, own: &str, arn: &str) -> bool {
        if own.starts_with("arn:") {
            return own == arn;
        }
        // arn:aws:iam::111122223333:role/path/name
        let mut parts = arn.splitn(6, ':').skip(4);
        let (account, role) = (parts.next(), parts.next().and_then(|role| role.strip_prefix("role/")));
        let name = role.and_then(|role| role.rsplit('/').next());
        name == Some(own) && account.is_some() && account == self.account.as_deref()
    }
}

impl<'f> Alert<'f> {
    /// The number of its findings.
    pub fn count(&self) -> u64 {
        u64::try_from(1 + self.more.len()).unwrap_or(u64::MAX).saturating_add(self.unlisted)
    }

    /// The severity, which all its findings have.
    pub fn severity(&self) -> Severity {
        self.lead.severity()
    }

    /// The first finding: one of the most destructive action.
    pub fn lead(&self) -> &Finding {
        self.lead
    }

    /// The findings that it lists, those of destructive actions first.
    pub fn findings(&self) -> impl Iterator<Item = &'f Finding> {
        std::iter::once(self.lead).chain(self.more.iter().copied())
    }

    /// The id, equal on every retry.
    pub fn uid(&self) -> String {
        let mut uids: Vec<String> = self.findings().map(Finding::message_uid).collect();
        uids.sort_unstable();
        derived_id(&[&["alert"][..], &uids.iter().map(String::as_str).collect::<Vec<_>>()].concat())
    }

    /// The id of what later messages have in common with it: the problem's id, or for several findings and for digests that of
    /// their group.
    pub fn thread(&self) -> String {
        if self.count() == 1 && !self.is_digest { self.lead.uid() } else { group::id(self.lead) }
    }

    /// The subject of the email: ASCII, without control characters, shorter than SNS's limit of 100 characters.
    pub fn subject(&self) -> String {
        email::subject(self)
    }

    /// The text of the email, which is sent at `now`.
    pub fn email(&self, now: Timestamp) -> String {
        email::body(self, now)
    }

    /// The custom notification for Amazon Q Developer in chat applications, as JSON, which is sent at `now`.
    pub fn chat(&self, now: Timestamp) -> String {
        chat::notification(self, now)
    }

    /// The text message: one line.
    pub fn sms(&self) -> String {
        sms::line(self)
    }

    /// The body of a message with `MessageStructure=json`: a text for each kind of subscriber. Queues and functions receive the
    /// OCSF document of the first finding without its record, created at `now`. The findings topic has all findings.
    pub fn body(&self, now: Timestamp) -> String {
        let document = ocsf::line_without_record(self.lead, now);
        let email = self.email(now);
        visible_json(&json!({"default": email, "email": email, "https": self.chat(now), "sms": self.sms(),
                             "sqs": document, "lambda": document}))
    }

    /// The same without the document, if it is too long. Lines of the email beyond its maximum length are left out.
    pub fn body_without_document(&self, now: Timestamp) -> String {
        let email = email::cut(self.email(now));
        visible_json(&json!({"default": email, "email": email, "https": self.chat(now), "sms": self.sms()}))
    }

    /// One sentence: for one finding its message, for several the number of each action by whom and when.
    fn sentence(&self) -> String {
        if self.count() == 1 && !self.is_digest {
            return self.lead.full_message();
        }
        let rule = &self.lead.rule;
        let counted = match &rule.plural {
            Some(plural) if self.count() > 1 => format!("{} {plural}", self.count()),
            _ => format!("{} × \"{}\"", self.count(), rule.title),
        };
        let more = if self.is_digest { "Since the last alert: " } else { "" };
        let actions: Vec<String> = actions::counted(self.findings()).iter().map(ToString::to_string).collect();
        let unlisted = match self.unlisted {
            0 => String::new(),
            unlisted => format!(", and {unlisted} more that only the findings topic lists"),
        };
        format!("{more}{counted} by {}, {}: {}{unlisted}.", self.callers(), self.time_span(), actions.join(", "))
    }

    /// The names of all callers, which are sessions of one role if there are several.
    fn callers(&self) -> String {
        const MAX_CALLERS: usize = 3;
        let mut names: Vec<&str> = Vec::new();
        for finding in self.findings() {
            if !names.contains(&finding.actor.name.as_str()) {
                names.push(&finding.actor.name);
            }
        }
        let shown = names.iter().take(MAX_CALLERS).copied().collect::<Vec<_>>().join(", ");
        let shown = crate::text::visible_at_most(&shown, crate::text::MAX_IN_SENTENCE).into_owned();
        match names.len().saturating_sub(MAX_CALLERS) {
            0 => shown,
            more => format!("{shown} and {more} more sessions"),
        }
    }

    /// The times of the first and the last call, in UTC: `2026-03-04 10:00:15–10:04:51`.
    fn time_span(&self) -> String {
        let (Some(first), Some(last)) = self.times() else { return "time unknown".to_owned() };
        let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
        let clock = |time: Timestamp| time.strftime("%H:%M:%S").to_string();
        if first == last {
            format!("{} {} UTC", day(first), clock(first))
        } else if day(first) == day(last) {
            format!("{} {}–{} UTC", day(first), clock(first), clock(last))
        } else {
            format!("{} {} – {} {} UTC", day(first), clock(first), day(last), clock(last))
        }
    }

    /// The times of the first and of the last call.
    fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let times = || self.findings().filter_map(|finding| finding.origin.time);
        (times().min(), times().max())
    }

    /// The time of the only call, or of the first and the last, and its age at `now`.
    fn when(&self, now: Timestamp) -> String {
        let (Some(first), Some(last)) = self.times() else { return self.lead.when() };
        let span = if first == last { self.lead.when() } else { self.time_span() };
        format!("{span} ({})", age(now.duration_since(last)))
    }

    /// How often the problem of the only finding was found. Empty for the first time.
    fn seen(&self) -> String {
        match &self.history {
            Some(History { occurrences, first_seen, last_seen }) if *occurrences > 1 && self.count() == 1 => {
                let at = |time: &Timestamp| time.strftime("%Y-%m-%d %H:%M UTC").to_string();
                format!("{occurrences} times, first {}, last {}", at(first_seen), at(last_seen))
            }
            _ => String::new(),
        }
    }

    fn links(&self) -> Vec<Link> {
        links::of(self.lead, self.runbook)
    }
}

/// `4 minutes ago`
fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs();
    let (number, unit) = match seconds {
        ..60 => return "less than a minute ago".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}

/// The words of `text` that fit into `most` characters, followed by `...` if some do not.
fn words_of(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub("...".len());
    let mut short = String::new();
    for word in text.split(' ') {
        let separator = usize::from(!short.is_empty());
        if short.chars().count() + separator + word.chars().count() > room {
            break;
        }
        if separator > 0 {
            short.push(' ');
        }
        short.push_str(word);
    }
    if short.is_empty() {
        // One word that is too long, such as a forged name.
        short = text.chars().take(room).collect();
    }
    format!("{}...", short.trim_end_matches([',', ':', ' ']))
}
