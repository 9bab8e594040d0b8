//! Webhooks: destinations of alerts by HTTPS, the alerts that each of them receives, and what is posted.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Alert, AlertGroup, Resolved, pagerduty, slack, teams};
use crate::finding::{Severity, ocsf};
use crate::text::{visible, visible_json};

/// Maximum bytes of the OCSF documents in a JSON message. A message of SQS, in which a message waits that could not be
/// delivered, has at most 256 KiB.
const MAX_DOCUMENTS: usize = 160 * 1024;

/// The version of the JSON messages.
const VERSION: &str = "1";

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name, unique among the webhooks of a configuration.
    pub name: String,
    /// The service.
    pub kind: WebhookKind,
    /// Where its secret is.
    pub secret: SecretName,
    /// The URL, if that is not secret or not that of the service.
    pub url: Option<String>,
    /// The id of the Slack channel to which a bot posts. Without it, the secret is the URL of an incoming webhook.
    pub channel: Option<String>,
    /// The alerts that it receives.
    pub route: Route,
}

/// The services that webhooks post to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookKind {
    /// Slack. The secret is the URL of an incoming webhook, or the token of a bot.
    Slack,
    /// Microsoft Teams. The secret is the URL of a workflow.
    Teams,
    /// PagerDuty. The secret is the integration key of a service.
    PagerDuty,
    /// Any program that accepts JSON. The secret is the key of the signature.
    Json,
}

impl WebhookKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Slack, Self::Teams, Self::PagerDuty, Self::Json];

    /// The name in the configuration file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::PagerDuty => "pagerduty",
            Self::Json => "json",
        }
    }
}

/// The name of a secret: a parameter of AWS Systems Manager, or a secret of AWS Secrets Manager, which Systems Manager reads
/// by a path of its own.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html>
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// Parses `ssm:NAME` or `secretsmanager:NAME`.
    ///
    /// # Errors
    /// Returns the reason why it is neither.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const USAGE: &str = "write `ssm:/path/of/parameter` or `secretsmanager:NAME`; the secret itself does not belong into \
                             the configuration";
        let (parameter, more, max) = match text.split_once(':') {
            Some(("ssm", name)) => (name.to_owned(), "", name),
            Some(("secretsmanager", name)) => (format!("/aws/reference/secretsmanager/{name}"), "+=@", name),
            _ => return Err(USAGE),
        };
        let fits =
            |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte) || more.as_bytes().contains(&byte);
        let is_name = (1..=512).contains(&max.len()) && max.bytes().all(fits);
        is_name.then_some(Self(parameter)).ok_or(USAGE)
    }

    /// The name of the parameter by which Systems Manager reads it.
    pub fn parameter(&self) -> &str {
        &self.0
    }
}

/// Which alerts a webhook receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The minimum severity.
    pub min_severity: Severity,
    /// Names of rules and of packs. If there are any, an alert of another rule is not sent.
    pub rules: Vec<String>,
    /// Ids of accounts. If there are any, an alert of another account is not sent.
    pub accounts: Vec<String>,
    /// Names of rules and of packs whose alerts are not sent.
    pub except_rules: Vec<String>,
    /// Ids of accounts whose alerts are not sent.
    pub except_accounts: Vec<String>,
}

impl Route {
    /// All alerts of at least this severity.
    pub fn at_least(min_severity: Severity) -> Self {
        let [rules, accounts, except_rules, except_accounts] = [const { Vec::new() }; 4];
        Self { min_severity, rules, accounts, except_rules, except_accounts }
    }

    /// Whether it receives an alert. All findings of one have the same severity, rule and account.
    pub fn admits(&self, group: &AlertGroup) -> bool {
        group.findings().first().is_some_and(|finding| {
            let names = [Some(finding.rule.name.as_str()), finding.rule.pack.as_deref()];
            finding.severity() >= self.min_severity && self.admits_names(&names, &finding.origin.account)
        })
    }

    /// Whether it receives the message of a resolved problem.
    pub fn admits_resolved(&self, resolved: &Resolved) -> bool {
        resolved.severity.is_none_or(|severity| severity >= self.min_severity)
            && self.admits_names(&[Some(&resolved.rule), resolved.pack.as_deref()], &resolved.account)
    }

    fn admits_names(&self, names: &[Option<&str>], account: &str) -> bool {
        let named = |list: &[String]| names.iter().flatten().any(|name| list.iter().any(|one| one == name));
        let of_account = |list: &[String]| list.iter().any(|one| one == account);
        (self.rules.is_empty() || named(&self.rules))
            && (self.accounts.is_empty() || of_account(&self.accounts))
            && !named(&self.except_rules)
            && !of_account(&self.except_accounts)
    }
}

/// A message for a webhook, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The id, equal on every retry.
    pub uid: String,
    /// What messages of one thread have in common: the problem's id, or for several findings that of their group.
    pub thread: String,
    /// The message.
    pub body: Value,
}

impl Webhook {
    /// The message of an alert, which is sent at `now`.
    pub fn post(&self, alert: &Alert<'_>, now: Timestamp) -> Post {
        let body = match self.kind {
            WebhookKind::Slack => slack::message(alert, now),
            WebhookKind::Teams => teams::message(alert, now),
            WebhookKind::PagerDuty => pagerduty::trigger(alert, now),
            WebhookKind::Json => message(alert, now),
        };
        Post { uid: alert.uid(), thread: alert.thread(), body }
    }

    /// The message of a resolved problem.
    pub fn resolved(&self, resolved: &Resolved) -> Post {
        let body = match self.kind {
            WebhookKind::Slack => slack::resolved(resolved),
            WebhookKind::Teams => teams::resolved(resolved),
            WebhookKind::PagerDuty => pagerduty::resolve(resolved),
            WebhookKind::Json => closing_message(resolved),
        };
        Post { uid: resolved.uid().to_owned(), thread: resolved.finding_uid.clone(), body }
    }
}

/// An alert for programs: a summary, and the OCSF documents of its findings without their records, as many as fit.
fn message(alert: &Alert<'_>, now: Timestamp) -> Value {
    let finding = alert.lead;
    let mut bytes = 0;
    let documents: Vec<Value> = alert
        .findings()
        .map_while(|finding| {
            let mut document = ocsf::document(finding, now);
            let members = document.as_object_mut()?;
            members.remove("raw_data");
            bytes += visible_json(&document).len();
            (bytes <= MAX_DOCUMENTS).then_some(document)
        })
        .collect();
    let omitted = alert.count().saturating_sub(u64::try_from(documents.len()).unwrap_or(u64::MAX));
    json!({
        "version": VERSION,
        "kind": if alert.is_digest { "digest" } else { "alert" },
        "id": alert.uid(),
        "thread": alert.thread(),
        "severity": alert.severity().caption(),
        "status": finding.status_word(),
        "rule": finding.rule.name,
        "pack": finding.rule.pack,
        "title": finding.rule.title,
        "account": finding.origin.account,
        "region": finding.origin.region,
        "message": visible(&alert.sentence()),
        "count": alert.count(),
        "findings": documents,
        "omitted": omitted,
    })
}

fn closing_message(resolved: &Resolved) -> Value {
    json!({
        "version": VERSION,
        "kind": "resolved",
        "id": resolved.uid(),
        "thread": resolved.finding_uid,
        "severity": resolved.severity.map(Severity::caption),
        "status": "COMPLIANT",
        "rule": resolved.rule,
        "pack": resolved.pack,
        "title": resolved.title,
        "account": resolved.account,
        "region": resolved.region,
        "message": resolved.sentence,
        "count": 1,
        "findings": [],
        "omitted": 0,
    })
}

/// Checks that a URL is one of HTTPS. HTTP is allowed to the own machine.
///
/// # Errors
/// Returns the reason if it is not.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    let host = |rest: &str| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        (!host.is_empty() && !host.contains('@')).then(|| host.to_owned())
    };
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    let is_valid = is_plain
        && match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => host(rest).is_some(),
            (None, Some(rest)) => host(rest).is_some_and(|host| {
                let name =
                    if host.starts_with('[') { host.as_str() } else { host.split(':').next().unwrap_or_default() };
                matches!(name, "127.0.0.1" | "localhost") || name.starts_with("[::1]")
            }),
            (None, None) => false,
        };
    is_valid.then_some(()).ok_or("not an `https://` URL without a user name, quotes and brackets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_https_but_on_the_own_machine() {
        for url in [
            "https://hooks.slack.com/services/T/B/x",
            "http://127.0.0.1:8000/a?b=c",
            "http://[::1]:1/",
            "http://localhost/",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "hooks.slack.com/services",
            "http://hooks.slack.com/",
            "http://127.0.0.1.evil.example/",
            "http://localhost@evil.example/",
            "https://user:secret@evil.example/",
            "https:///path",
            "https://a b/",
            "ftp://a/",
            "https://a/\r\nx",
        ] {
            assert!(check_url(url).is_err(), "{url:?}");
        }
    }
}
