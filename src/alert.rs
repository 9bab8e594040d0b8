//! Alerts: messages for people about the findings of one payload.
//!
//! Suppressed findings and findings below the minimum severity cause no alert. Several findings of one rule, severity and
//! caller, such as those of one run of a deployment tool, are one alert that lists every resource.

mod chat;
mod email;
pub mod limit;
mod plain;
mod sms;
mod text_message;

use jiff::Timestamp;
use serde_json::json;

use crate::finding::{Finding, Severity, Status, derived_id, ocsf};
use crate::text::visible_json;

pub use text_message::TextMessage;

/// One finding, or several of one rule by one caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert<'f> {
    /// The first.
    lead: &'f Finding,
    /// The others.
    more: Vec<&'f Finding>,
}

/// Which findings make alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertPolicy {
    /// The minimum severity.
    pub min_severity: Severity,
    /// Your own roles, by ARN, or by name for roles of your own account. Their findings cause no alert unless they are
    /// tampering or critical, so that no alert can cause another.
    pub own_roles: Vec<String>,
    /// The account of roles that are listed by name: that of the deployment. Without it, such names match no role.
    pub account: Option<String>,
}

impl AlertPolicy {
    fn admits(&self, finding: &Finding) -> bool {
        finding.suppression.is_none() && finding.severity() >= self.min_severity && !self.is_own(finding)
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

/// Returns the alerts of one payload, in the order of their first findings.
pub fn alerts<'f>(findings: impl IntoIterator<Item = &'f Finding>, policy: &AlertPolicy) -> Vec<Alert<'f>> {
    let mut alerts: Vec<Alert<'_>> = Vec::new();
    for finding in findings.into_iter().filter(|one| policy.admits(one)) {
        let same = |alert: &&mut Alert<'_>| alert.takes(finding);
        match alerts.iter_mut().find(same) {
            Some(alert) => alert.more.push(finding),
            None => alerts.push(Alert { lead: finding, more: Vec::new() }),
        }
    }
    alerts
}

/// The caller. The access key distinguishes runs of a tool.
fn caller(finding: &Finding) -> (Option<&str>, Option<&str>, &str) {
    let actor = &finding.actor;
    (actor.access_key_id.as_deref(), actor.arn.as_deref(), &actor.name)
}

/// Whether two findings make one alert: those of one rule, severity and status, in one account, by one caller.
fn is_same(one: &Finding, other: &Finding) -> bool {
    fn key(one: &Finding) -> (&str, Severity, Status, &str) {
        (&one.rule.name, one.severity(), one.status, &one.origin.account)
    }
    key(one) == key(other) && caller(one) == caller(other)
}

impl Alert<'_> {
    fn takes(&self, finding: &Finding) -> bool {
        is_same(self.lead, finding)
    }

    /// The number of its findings.
    pub fn count(&self) -> usize {
        1 + self.more.len()
    }

    /// The highest severity of its findings.
    pub fn severity(&self) -> Severity {
        let all = std::iter::once(&self.lead).chain(&self.more).map(|finding| finding.severity());
        all.max().unwrap_or(Severity::Informational)
    }

    /// The first finding.
    pub fn lead(&self) -> &Finding {
        self.lead
    }

    /// The id, equal on every retry.
    pub fn uid(&self) -> String {
        let uids: Vec<String> = std::iter::once(&self.lead).chain(&self.more).map(|one| one.message_uid()).collect();
        derived_id(&[&["alert"][..], &uids.iter().map(String::as_str).collect::<Vec<_>>()].concat())
    }

    /// The subject of the email: ASCII, without control characters, shorter than SNS's limit of 100 characters.
    pub fn subject(&self) -> String {
        email::subject(self)
    }

    /// The text of the email.
    pub fn email(&self) -> String {
        email::body(self)
    }

    /// The custom notification for Amazon Q Developer in chat applications, as JSON.
    pub fn chat(&self) -> String {
        chat::notification(self)
    }

    /// The text message: one line.
    pub fn sms(&self) -> String {
        sms::line(self)
    }

    /// The body of a message with `MessageStructure=json`: a text for each kind of subscriber. Queues and functions receive the
    /// OCSF document of the first finding without its record, created at `now`. The findings topic has all findings.
    pub fn body(&self, now: Timestamp) -> String {
        let document = ocsf::line_without_record(self.lead, now);
        let email = self.email();
        visible_json(&json!({"default": email, "email": email, "https": self.chat(), "sms": self.sms(),
                             "sqs": document, "lambda": document}))
    }

    /// The same without the document, if it is too long. Lines of the email beyond its maximum length are left out.
    pub fn body_without_document(&self) -> String {
        let email = email::cut(self.email());
        visible_json(&json!({"default": email, "email": email, "https": self.chat(), "sms": self.sms()}))
    }
}
