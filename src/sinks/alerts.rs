//! Alerts for people, by an SNS topic and by webhooks: each of one finding or of several by one caller.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::alert_state::{Admission, AlertState, StateError};
use super::batch::Message;
use super::sns::SnsTopic;
use super::webhooks::Webhooks;
use super::{Delivery, DeliveryFuture, Sink, Terms, Timing};
use crate::alert::limit::AlertLimit;
use crate::alert::{AlertGroup, AlertPolicy, groups};
use crate::finding::{Finding, Severity};

/// Maximum number of groups whose state is read at a time.
const MAX_REQUESTS: usize = 8;

/// Milliseconds between two searches for due digests by one environment, beside those that a schedule requests.
const SEARCH_INTERVAL: i64 = 300_000;

/// Publishes alerts about the findings that its policy admits.
#[derive(Debug)]
pub struct Alerts {
    topic: Option<AlertsTopic>,
    webhooks: Option<Arc<Webhooks>>,
    policy: AlertPolicy,
    memory: AlertMemory,
}

/// The SNS topic for people.
#[derive(Debug)]
pub struct AlertsTopic {
    /// The topic.
    pub topic: SnsTopic,
    /// The minimum severity of alerts.
    pub min_severity: Severity,
}

/// What a sink remembers of earlier alerts.
#[derive(Debug)]
pub enum AlertMemory {
    /// Nothing.
    None,
    /// A limit on alerts, in the memory of the process. Findings beyond it wait for a later payload.
    Process(Box<Mutex<AlertLimit>>),
    /// Quiet periods, in a table that all environments share, and the time of the last search for due digests in milliseconds.
    Table(AlertState, AtomicI64),
}

impl AlertMemory {
    /// Quiet periods in a table.
    pub fn table(state: AlertState) -> Self {
        Self::Table(state, AtomicI64::new(i64::MIN))
    }

    /// A limit on alerts.
    pub fn process() -> Self {
        Self::Process(Box::default())
    }
}

impl Alerts {
    /// A sink that publishes alerts to a topic and to webhooks. `policy` has the least of their minimum severities.
    pub fn new(
        topic: Option<AlertsTopic>,
        webhooks: Option<Arc<Webhooks>>,
        policy: AlertPolicy,
        memory: AlertMemory,
    ) -> Self {
        Self { topic, webhooks, policy, memory }
    }

    async fn publish(&self, groups: &[AlertGroup], terms: Terms) -> Delivery {
        let topic = async {
            let Some(AlertsTopic { topic, min_severity }) = &self.topic else { return Delivery::default() };
            let alerts = groups.iter().filter_map(AlertGroup::alert);
            let alerts = alerts.filter(|alert| alert.severity() >= *min_severity);
            let messages = alerts.map(|alert| Message::of_alert(&alert, terms.now)).collect();
            topic.publish(messages, terms.deadline).await
        };
        let webhooks = async {
            match &self.webhooks {
                Some(webhooks) => webhooks.deliver(groups, terms).await,
                None => Delivery::default(),
            }
        };
        let (mut delivery, posted) = tokio::join!(topic, webhooks);
        delivery.add(posted);
        delivery
    }

    async fn deliver_limited(&self, limit: &Mutex<AlertLimit>, findings: &[Arc<Finding>], terms: Terms) -> Delivery {
        let limit = || limit.lock().unwrap_or_else(PoisonError::into_inner);
        let groups = limit().admit(findings.iter().cloned(), &self.policy, terms.now);
        let delivery = self.publish(&groups, terms).await;
        if !delivery.failures.is_empty() {
            limit().put_back(groups, terms.now);
        }
        delivery
    }

    /// Publishes the alerts whose quiet period begins. Without the table, all of them.
    async fn deliver_with(&self, state: &AlertState, findings: &[Arc<Finding>], terms: Terms) -> Delivery {
        let is_broken = AtomicBool::new(false);
        let admitted = groups(findings.iter().cloned(), &self.policy).into_iter().map(|mut group| {
            let is_broken = &is_broken;
            async move {
                if is_broken.load(Ordering::Relaxed) {
                    return Some((group, false));
                }
                match admit(state, &mut group, terms.now).await {
                    Ok(Admission::Later) => None,
                    Ok(Admission::Now) => Some((group, true)),
                    Err(error) => {
                        // The other groups do not wait for a table that does not answer.
                        if !is_broken.swap(true, Ordering::Relaxed) {
                            tracing::warn!(%error, "the state table cannot be used; alerts are published without quiet periods");
                        }
                        Some((group, false))
                    }
                }
            }
        });
        let admitted: Vec<(AlertGroup, bool)> = stream::iter(admitted)
            .buffered(MAX_REQUESTS)
            .filter_map(|admitted| async move { admitted })
            .collect()
            .await;
        let (groups, opened): (Vec<AlertGroup>, Vec<bool>) = admitted.into_iter().unzip();
        let delivery = self.publish(&groups, terms).await;
        for (group, _) in groups.iter().zip(opened).filter(|(_, opened)| *opened) {
            let uid = group.alert().map(|alert| alert.uid());
            if delivery.failures.iter().any(|failure| Some(&failure.uid) == uid.as_ref())
                && let Err(error) = state.reopen(group).await
            {
                // The retry of this delivery publishes it, because it opened the period.
                tracing::warn!(%error, "a quiet period could not be ended");
            }
        }
        delivery
    }

    /// Publishes the digests that are due.
    async fn publish_digests(&self, state: &AlertState, terms: Terms) -> Delivery {
        let mut delivery = Delivery::default();
        let digests = match state.due(&self.policy, terms.now).await {
            Ok(digests) => digests,
            Err(error) => {
                tracing::warn!(%error, "the state table cannot be used; digests are published later");
                return delivery;
            }
        };
        for digest in digests {
            let published = self.publish(std::slice::from_ref(&digest.group), terms).await;
            if published.failures.is_empty()
                && let Err(error) = state.published(&digest).await
            {
                tracing::warn!(%error, "a digest is published again, because the state table cannot be used");
            }
            delivery.add(published);
        }
        delivery
    }
}

/// Decides when a group is published, and counts its problems.
async fn admit(state: &AlertState, group: &mut AlertGroup, now: Timestamp) -> Result<Admission, StateError> {
    let history = state.count(group, now).await?;
    group.set_history(history);
    state.admit(group, now).await
}

impl Sink for Alerts {
    fn timing(&self) -> Timing {
        Timing::Grouped
    }

    fn deliver<'s>(&'s self, findings: &'s [Arc<Finding>], terms: Terms) -> DeliveryFuture<'s> {
        Box::pin(async move {
            match &self.memory {
                AlertMemory::None => self.publish(&groups(findings.iter().cloned(), &self.policy), terms).await,
                AlertMemory::Process(limit) => self.deliver_limited(limit, findings, terms).await,
                AlertMemory::Table(state, searched) => {
                    let mut delivery = self.deliver_with(state, findings, terms).await;
                    let now = terms.now.as_millisecond();
                    if now.saturating_sub(searched.load(Ordering::Relaxed)) >= SEARCH_INTERVAL {
                        searched.store(now, Ordering::Relaxed);
                        delivery.add(self.publish_digests(state, terms).await);
                    }
                    delivery
                }
            }
        })
    }

    fn flush(&self, terms: Terms) -> DeliveryFuture<'_> {
        Box::pin(async move {
            match &self.memory {
                AlertMemory::Table(state, _) => self.publish_digests(state, terms).await,
                AlertMemory::None | AlertMemory::Process(_) => Delivery::default(),
            }
        })
    }
}
