//! The webhooks of the configuration file.

use serde::Deserialize;

use super::DEFAULT_MIN_ALERT_SEVERITY;
use super::values::severity;
use crate::alert::{Route, SecretName, Webhook, WebhookKind, check_url};
use crate::arn::is_account_id;
use crate::rules::did_you_mean;

/// Maximum characters of a name and of a channel.
const MAX_NAME: usize = 64;
const MAX_CHANNEL: usize = 80;

/// One entry of `webhooks`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WebhookEntry {
    /// Its name, in logs and in the outbox.
    name: String,
    /// `slack`, `teams`, `pagerduty` or `json`.
    kind: String,
    /// `ssm:NAME` or `secretsmanager:NAME`.
    secret: String,
    #[serde(default)]
    url: Option<String>,
    /// The id of a Slack channel, to which the bot posts whose token is the secret.
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    min_severity: Option<String>,
    /// Names of rules and packs.
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    accounts: Vec<String>,
    #[serde(default)]
    except_rules: Vec<String>,
    #[serde(default)]
    except_accounts: Vec<String>,
}

/// Returns the valid webhooks, and each invalid value of the others with the reason.
pub(super) fn checked(entries: &[WebhookEntry]) -> (Vec<Webhook>, Vec<(String, String)>) {
    let (mut webhooks, mut faults): (Vec<Webhook>, _) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry.webhook() {
            Ok(webhook) if webhooks.iter().any(|other| other.name == webhook.name) => {
                let reason = format!("two webhooks have the name `{}`: messages in the outbox name one", webhook.name);
                faults.push((webhook.name, reason));
            }
            Ok(webhook) => webhooks.push(webhook),
            Err(of_entry) => faults.extend(of_entry),
        }
    }
    (webhooks, faults)
}

impl WebhookEntry {
    /// The names of rules and packs that it mentions.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.rules.iter().chain(&self.except_rules)
    }

    fn webhook(&self) -> Result<Webhook, Vec<(String, String)>> {
        let mut faults = Vec::new();
        let name = &self.name;
        let mut fault =
            |word: &str, reason: String| faults.push((word.to_owned(), format!("webhook `{name}`: {reason}")));
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_name_byte) {
            fault(name, format!("a name has 1 to {MAX_NAME} letters, digits and characters of -_"));
        }
        let kind = WebhookKind::ALL.into_iter().find(|kind| kind.name() == self.kind);
        if kind.is_none() {
            let known = WebhookKind::ALL.map(WebhookKind::name);
            let suggestion = did_you_mean(&self.kind, &known);
            fault(&self.kind, format!("`{}` is no kind of webhook{suggestion}: use {}", self.kind, known.join(", ")));
        }
        let secret = SecretName::parse(&self.secret).map_err(|reason| fault(&self.secret, reason.to_owned()));
        let (url, channel) = (self.url.as_deref(), self.channel.as_deref());
        match (kind, url) {
            (_, Some(url)) if check_url(url).is_err() => {
                fault(url, format!("its `url` is {}", check_url(url).err().unwrap_or_default()));
            }
            (Some(WebhookKind::Json), None) => {
                fault(
                    name,
                    "a webhook of the kind `json` needs a `url`; its secret is the key of the signature".to_owned(),
                );
            }
            (Some(WebhookKind::Teams), Some(url)) => {
                fault(url, "the URL of a workflow is secret: it belongs into the secret, not into `url`".to_owned());
            }
            (Some(WebhookKind::Slack), Some(url)) if channel.is_none() => {
                let reason = "the URL of an incoming webhook is secret: it belongs into the secret, not into `url`";
                fault(url, reason.to_owned());
            }
            _ => {}
        }
        if let Some(channel) = channel {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_#.".contains(&byte);
            if kind.is_some_and(|kind| kind != WebhookKind::Slack) {
                fault(channel, "only a webhook of the kind `slack` has a `channel`".to_owned());
            } else if !(1..=MAX_CHANNEL).contains(&channel.len()) || !channel.bytes().all(fits) {
                fault(channel, "its `channel` is not the id of a Slack channel, such as C0123456789".to_owned());
            }
        }
        let min_severity = match &self.min_severity {
            None => Some(DEFAULT_MIN_ALERT_SEVERITY),
            Some(text) => {
                severity(text).map_err(|reason| fault(text, format!("`{text}` is no severity: {reason}"))).ok()
            }
        };
        for account in self.accounts.iter().chain(&self.except_accounts).filter(|account| !is_account_id(account)) {
            fault(account, format!("`{account}` is not an account id: write its twelve digits in quotes"));
        }
        match (kind, secret, min_severity) {
            (Some(kind), Ok(secret), Some(min_severity)) if faults.is_empty() => Ok(Webhook {
                name: name.clone(),
                kind,
                secret,
                url: self.url.clone(),
                channel: self.channel.clone(),
                route: Route {
                    min_severity,
                    rules: self.rules.clone(),
                    accounts: self.accounts.clone(),
                    except_rules: self.except_rules.clone(),
                    except_accounts: self.except_accounts.clone(),
                },
            }),
            _ => Err(faults),
        }
    }
}
