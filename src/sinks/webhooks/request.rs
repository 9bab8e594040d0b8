//! The request by which a message is posted, and what a response means.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use ring::hmac;
use serde_json::{Value, json};

use super::secrets::Secret;
use crate::alert::{Post, Webhook, WebhookKind};
use crate::http::{RequestError, Response};
use crate::text::{visible_at_most, visible_json};

/// Maximum characters of an error code of Slack.
const MAX_CODE: usize = 60;

/// The URLs of the services.
const SLACK: &str = "https://slack.com/api/chat.postMessage";
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Error codes of Slack after which another token may work, and those after which the same request may.
/// <https://docs.slack.dev/reference/methods/chat.postMessage#errors>
const REFUSED_TOKEN: [&str; 6] =
    ["account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked", "no_permission"];
const TRANSIENT: [&str; 6] =
    ["fatal_error", "internal_error", "rate_limited", "ratelimited", "request_timeout", "service_unavailable"];

/// A request.
pub(super) struct Request {
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was accepted. A bot gets the timestamp of the message, by which others reply to it.
    Accepted(Option<String>),
    /// The service does not accept the secret.
    SecretRefused(String),
    /// It may be accepted later.
    Later {
        reason: String,
        /// The time that the service demands.
        after: Option<Duration>,
    },
    /// It is not accepted as it is.
    Rejected(String),
}

impl Request {
    /// The request for `post` at `now`. `reply_to` is the timestamp of the first message of its thread.
    pub(super) fn new(webhook: &Webhook, post: &Post, secret: &Secret, reply_to: Option<&str>, now: Timestamp) -> Self {
        let mut body = post.body.clone();
        let mut set = |name: &str, value: Value| {
            if let Some(members) = body.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        let url = |default: &str| webhook.url.clone().unwrap_or_else(|| default.to_owned());
        let mut headers = Vec::new();
        let url = match (webhook.kind, &webhook.channel) {
            (WebhookKind::Slack, Some(channel)) => {
                set("channel", json!(channel));
                if let Some(first) = reply_to {
                    set("thread_ts", json!(first));
                }
                headers.push(("authorization", format!("Bearer {}", secret.value())));
                url(SLACK)
            }
            (WebhookKind::PagerDuty, _) => {
                set("routing_key", json!(secret.value()));
                url(PAGERDUTY)
            }
            (WebhookKind::Slack | WebhookKind::Teams, _) => secret.value().to_owned(),
            (WebhookKind::Json, _) => url(""),
        };
        let body = visible_json(&body);
        if webhook.kind == WebhookKind::Json {
            let timestamp = now.as_second().to_string();
            let signature = signature(secret.value(), &timestamp, &body);
            headers.push(("x-trailwarden-timestamp", timestamp));
            headers.push(("x-trailwarden-signature", signature));
            headers.push(("x-trailwarden-id", post.uid.clone()));
        }
        Self { url, headers, body }
    }
}

/// `v1=` and HMAC-SHA256 of `timestamp.body` in hexadecimal digits.
fn signature(key: &str, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let tag = hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={digits}")
}

impl Answer {
    /// What the response to a message for `webhook` means. Of its body, only error codes of Slack are shown.
    pub(super) fn of(response: Result<Response, RequestError>, webhook: &Webhook, now: Timestamp) -> Self {
        let response = match response {
            Ok(response) => response,
            Err(error @ RequestError::Invalid(_)) => return Self::SecretRefused(error.to_string()),
            Err(error) => return Self::Later { reason: error.to_string(), after: None },
        };
        let reason = format!("HTTP status {}", response.status);
        match response.status {
            200..=299 if webhook.kind == WebhookKind::Slack && webhook.channel.is_some() => Self::of_slack(&response),
            200..=299 => Self::Accepted(None),
            // A webhook that was deleted answers 404 or 410: its URL is the secret.
            401 | 403 | 404 | 410 => Self::SecretRefused(reason),
            // PagerDuty answers so to an integration key that it does not know.
            400 if webhook.kind == WebhookKind::PagerDuty => Self::SecretRefused(reason),
            408 | 425 | 429 | 500..=599 => {
                let after = response.retry_after.and_then(|after| retry_after(&after, now));
                Self::Later { reason, after }
            }
            _ => Self::Rejected(reason),
        }
    }

    /// <https://docs.slack.dev/apis/web-api/#responses>
    fn of_slack(response: &Response) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(&response.body) else {
            return Self::Later { reason: "the response is not JSON".to_owned(), after: None };
        };
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        if body.get("ok") == Some(&Value::Bool(true)) {
            return Self::Accepted(text("ts").map(str::to_owned));
        }
        let code = text("error").unwrap_or("no error code");
        let reason = format!("Slack answered {}", visible_at_most(code, MAX_CODE));
        if REFUSED_TOKEN.contains(&code) {
            Self::SecretRefused(reason)
        } else if TRANSIENT.contains(&code) {
            Self::Later { reason, after: None }
        } else {
            Self::Rejected(reason)
        }
    }
}

/// The time from `Retry-After`: seconds, or a date.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_can_be_verified_with_any_library() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'a-key-of-some-length'
        let expected = "v1=5f11ca058feed98c82b4a00d9e560b8c52c5f4160098768c8f98ed931e9ac6f2";
        assert_eq!(signature("a-key-of-some-length", "1700000000", r#"{"a":1}"#), expected);
    }

    #[test]
    fn retry_after_has_two_forms() {
        let now: Timestamp = "2026-03-04T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after("30", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(" 0.5 ", now), Some(Duration::from_millis(500)));
        assert_eq!(retry_after("Wed, 04 Mar 2026 10:01:00 GMT", now), Some(Duration::from_mins(1)));
        assert_eq!(retry_after("Wed, 04 Mar 2026 09:01:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("-1", now), None);
        assert_eq!(retry_after("soon", now), None);
    }
}
