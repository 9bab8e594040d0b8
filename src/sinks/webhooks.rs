//! Alerts by webhook: Slack, Microsoft Teams, PagerDuty and programs that accept JSON.
//!
//! A webhook that does not answer delays no other destination. What it does not accept within a few seconds goes to the outbox, a queue
//! that invokes the function again, and so does everything that follows until its pause is over. Without an outbox, the
//! invocation fails, and its retry posts what is missing.

mod outbox;
mod request;
mod secrets;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use self::outbox::{Waiting, waiting_post};
use self::request::{Answer, Request};
use self::secrets::Secrets;
use super::accepted::Accepted;
use super::alert_state::AlertState;
use super::{Delivery, Failure, Terms};
use crate::alert::{AlertGroup, Post, Resolved, Webhook};
use crate::aws::SdkConfig;
use crate::http::HttpClient;
use crate::queue::Queue;
use crate::text::visible;

pub use outbox::{MEMBER as OUTBOX_MEMBER, resolved_message};

/// Maximum time of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum time for all messages of a delivery to one webhook, if there is an outbox for the others.
const PATIENCE: Duration = Duration::from_secs(6);

/// Maximum number of attempts to post a message, and the wait before the second one, which doubles before each further one.
const MAX_ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How long messages go to the outbox after a failure for which the service demands no other time, and the maximum.
const PAUSE: Duration = Duration::from_secs(30);
const MAX_PAUSE: Duration = Duration::from_mins(5);

/// All webhooks of a configuration.
#[derive(Debug)]
pub struct Webhooks {
    destinations: Vec<Destination>,
    http: HttpClient,
    secrets: Secrets,
    outbox: Option<Queue>,
    /// Where threads of Slack are kept.
    state: Option<AlertState>,
    /// The pack of each rule, by name.
    packs: HashMap<String, String>,
}

/// A webhook and what is known of it.
#[derive(Debug)]
struct Destination {
    webhook: Webhook,
    accepted: Accepted,
    paused_until: Mutex<Option<Instant>>,
}

/// Why a message was not posted. Safe to show.
#[derive(Debug)]
struct PostError {
    reason: String,
    retryable: bool,
    /// For how long the next message would fail, too.
    pause: Option<Duration>,
}

impl Destination {
    fn is_paused(&self) -> bool {
        let until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn pause(&self, time: Option<Duration>) {
        let until = time.map(|time| Instant::now() + time.min(MAX_PAUSE));
        *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn failure(&self, post: &Post, reason: &str, retryable: bool) -> Failure {
        let reason = format!("webhook {}: {reason}", self.webhook.name);
        Failure { uid: post.uid.clone(), reason, retryable }
    }
}

impl Webhooks {
    /// Sinks for these webhooks. What they do not accept goes to `outbox`, and `state` keeps the threads of Slack.
    pub fn new(config: &SdkConfig, webhooks: Vec<Webhook>, outbox: Option<Queue>, state: Option<AlertState>) -> Self {
        let destinations = webhooks.into_iter().map(|webhook| Destination {
            webhook,
            accepted: Accepted::default(),
            paused_until: Mutex::default(),
        });
        Self {
            destinations: destinations.collect(),
            http: HttpClient::default(),
            secrets: Secrets::new(config),
            outbox,
            state,
            packs: HashMap::new(),
        }
    }

    /// Adds the pack of each rule, by which messages of resolved problems are routed.
    #[must_use]
    pub fn with_packs(self, packs: HashMap<String, String>) -> Self {
        Self { packs, ..self }
    }

    /// Posts the alerts of these groups to every webhook that receives them.
    pub async fn deliver(&self, groups: &[AlertGroup], terms: Terms) -> Delivery {
        let mut delivery = Delivery::default();
        let delivered = self.destinations.iter().map(|destination| {
            let admitted = groups.iter().filter(|group| destination.webhook.route.admits(group));
            let alerts = admitted.filter_map(AlertGroup::alert);
            let posts = alerts.map(|alert| destination.webhook.post(&alert, terms.now)).collect();
            self.deliver_to(destination, posts, terms)
        });
        future::join_all(delivered).await.into_iter().for_each(|one| delivery.add(one));
        delivery
    }

    /// Posts a message of the outbox.
    ///
    /// # Errors
    /// Returns the reason if it was not posted, so that it must stay in the queue. Safe to show.
    pub async fn deliver_waiting(&self, message: &str, terms: Terms) -> Result<(), String> {
        match Waiting::parse(message) {
            None => Err("it is no message of the outbox".to_owned()),
            Some(Waiting::Post { webhook, post }) => {
                let destination = self.destinations.iter().find(|one| one.webhook.name == webhook);
                let Some(destination) = destination else {
                    return Err(format!("the configuration has no webhook `{}`", visible(&webhook)));
                };
                if destination.is_paused() {
                    return Err(format!("webhook {webhook}: it waits after the last failure"));
                }
                let posted = self.post_once(destination, &post, terms).await;
                posted.map_err(|error| format!("webhook {webhook}: {}", error.reason))
            }
            Some(Waiting::Resolved(document)) => self.resolve(&document, terms).await,
        }
    }

    /// Tells every webhook that a problem is resolved.
    async fn resolve(&self, document: &Value, terms: Terms) -> Result<(), String> {
        let Some(resolved) = Resolved::of(document) else {
            return Err("its document does not close a finding".to_owned());
        };
        let resolved = resolved.with_pack(|rule| self.packs.get(rule).cloned());
        let admitted = self.destinations.iter().filter(|one| one.webhook.route.admits_resolved(&resolved));
        let told = admitted
            .map(|destination| self.deliver_to(destination, vec![destination.webhook.resolved(&resolved)], terms));
        let failures = future::join_all(told).await.into_iter().flat_map(|delivery| delivery.failures);
        let reasons: Vec<String> = failures.map(|failure| failure.reason).collect();
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }

    /// Posts messages to one webhook, or puts them into the outbox.
    async fn deliver_to(&self, destination: &Destination, posts: Vec<Post>, terms: Terms) -> Delivery {
        let mut delivery = Delivery::default();
        let mut deadline = Instant::from_std(terms.deadline);
        if self.outbox.is_some() {
            deadline = deadline.min(Instant::now() + PATIENCE);
        }
        // Without an outbox, a webhook that failed once is not tried again in this delivery.
        let mut failed: Option<String> = None;
        for post in posts {
            if destination.accepted.contains(&post.uid) {
                delivery.accepted += 1;
                continue;
            }
            let error = match &failed {
                Some(reason) => PostError { reason: reason.clone(), retryable: true, pause: None },
                None if self.outbox.is_some() && destination.is_paused() => {
                    let reason = "it waits after the last failure".to_owned();
                    PostError { reason, retryable: true, pause: None }
                }
                None => match self.post(destination, &post, MAX_ATTEMPTS, deadline, terms.now).await {
                    Ok(retried) => {
                        delivery.accepted += 1;
                        delivery.retried += retried;
                        continue;
                    }
                    Err(error) => {
                        destination.pause(error.pause);
                        error
                    }
                },
            };
            match &self.outbox {
                Some(outbox) => match self.wait(outbox, destination, &post, &error, terms).await {
                    Ok(()) => delivery.accepted += 1,
                    Err(reason) => delivery.failures.push(destination.failure(&post, &reason, true)),
                },
                None => {
                    failed = failed.or_else(|| error.pause.map(|_| error.reason.clone()));
                    delivery.failures.push(destination.failure(&post, &error.reason, error.retryable));
                }
            }
        }
        delivery
    }

    /// Puts a message into the outbox.
    async fn wait(
        &self,
        outbox: &Queue,
        destination: &Destination,
        post: &Post,
        error: &PostError,
        terms: Terms,
    ) -> Result<(), String> {
        let (name, reason) = (&destination.webhook.name, &error.reason);
        let sending = outbox.send(waiting_post(name, post));
        let sent = tokio::time::timeout_at(Instant::from_std(terms.deadline), sending).await;
        match sent {
            Ok(Ok(())) => {
                destination.accepted.remember(&post.uid);
                tracing::warn!(webhook = %name, message_uid = %post.uid, error = %reason, "put into the outbox");
                Ok(())
            }
            Ok(Err(error)) => Err(format!("{reason}; the outbox: {error}")),
            Err(_) => Err(format!("{reason}; the outbox did not answer in time")),
        }
    }

    /// Posts a message of the outbox. SQS delivers it again if that fails.
    async fn post_once(&self, destination: &Destination, post: &Post, terms: Terms) -> Result<(), PostError> {
        let posted = self.post(destination, post, 1, Instant::from_std(terms.deadline), terms.now).await;
        destination.pause(posted.as_ref().err().and_then(|error| error.pause));
        posted.map(|_| ())
    }

    /// Posts a message, and returns how often it was sent again.
    fn post<'w>(
        &'w self,
        destination: &'w Destination,
        post: &'w Post,
        max_attempts: u32,
        deadline: Instant,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<usize, PostError>> + 'w>> {
        // Boxed, because the compiler limits how deep types of futures are.
        Box::pin(self.post_unboxed(destination, post, max_attempts, deadline, now))
    }

    async fn post_unboxed(
        &self,
        destination: &Destination,
        post: &Post,
        max_attempts: u32,
        deadline: Instant,
        now: Timestamp,
    ) -> Result<usize, PostError> {
        let webhook = &destination.webhook;
        let later = |reason: String, after: Option<Duration>| PostError {
            reason,
            retryable: true,
            pause: Some(after.unwrap_or(PAUSE)),
        };
        let secret = tokio::time::timeout_at(deadline, self.secrets.get(&webhook.secret)).await;
        let secret = secret.unwrap_or_else(|_| Err("no answer before the deadline".to_owned()));
        let mut secret = secret.map_err(|error| later(format!("its secret cannot be read: {error}"), None))?;
        let (mut attempt, mut retried, mut is_changed) = (1, 0, false);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(later("no time was left".to_owned(), Some(Duration::ZERO)));
            }
            let first = self.thread(webhook, post).await;
            let Request { url, headers, body } = Request::new(webhook, post, &secret, first.as_deref(), now);
            let response = self.http.post_json(&url, &headers, body, left.min(ATTEMPT_TIMEOUT)).await;
            let (reason, after) = match Answer::of(response, webhook, now) {
                Answer::Accepted(timestamp) => {
                    destination.accepted.remember(&post.uid);
                    if let (Some(timestamp), None) = (timestamp, first) {
                        self.keep_thread(webhook, post, &timestamp, now).await;
                    }
                    tracing::info!(webhook = %webhook.name, message_uid = %post.uid, "posted");
                    return Ok(retried);
                }
                Answer::SecretRefused(reason) => {
                    let changed = if is_changed { None } else { self.secrets.changed(&webhook.secret, &secret).await };
                    let Some(changed) = changed else {
                        return Err(later(format!("{reason}; its secret may be wrong"), None));
                    };
                    (secret, is_changed) = (changed, true);
                    retried += 1;
                    continue;
                }
                Answer::Rejected(reason) => return Err(PostError { reason, retryable: false, pause: None }),
                Answer::Later { reason, after } => (reason, after),
            };
            let wait = after.unwrap_or_default().max(FIRST_WAIT * 2_u32.pow(attempt - 1));
            if attempt == max_attempts || Instant::now() + wait >= deadline {
                return Err(later(reason, after));
            }
            tokio::time::sleep(wait).await;
            (attempt, retried) = (attempt + 1, retried + 1);
        }
    }

    /// The timestamp of the first message of a thread. Only bots of Slack have threads.
    async fn thread(&self, webhook: &Webhook, post: &Post) -> Option<String> {
        let state = self.state.as_ref().filter(|_| webhook.channel.is_some())?;
        state.thread(&webhook.name, &post.thread).await.unwrap_or_else(|error| {
            tracing::warn!(webhook = %webhook.name, %error, "the state table cannot be used; the message begins a thread");
            None
        })
    }

    async fn keep_thread(&self, webhook: &Webhook, post: &Post, timestamp: &str, now: Timestamp) {
        let Some(state) = self.state.as_ref().filter(|_| webhook.channel.is_some()) else { return };
        if let Err(error) = state.keep_thread(&webhook.name, &post.thread, timestamp, now).await {
            tracing::warn!(webhook = %webhook.name, %error, "the state table cannot be used; the thread is not kept");
        }
    }
}
