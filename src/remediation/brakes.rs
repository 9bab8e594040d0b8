//! Limits on when and how often the remediator acts.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::message::{Caller, Notice};
use super::policy::Limits;
use super::record::ActionRecord;
use super::traits::Store;

/// How far in the future an event may lie, for clocks that differ.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Window of the rounds of one resource, and how long a person's undo keeps the remediator away from it.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Window of the acts of one rule in one account.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// How often a write is tried again when another instance was faster.
const MAX_CONFLICTS: u32 = 10;

/// Parts of user agents of infrastructure as code, in lower case. They are written by callers, so they only withhold action.
const IAC_AGENTS: [&str; 9] = [
    "terraform",
    "hashicorp",
    "opentofu",
    "pulumi",
    "cloudformation",
    "aws-cdk",
    "crossplane",
    "ansible",
    "serverless-framework",
];

/// Services that create resources from templates.
const IAC_SERVICES: [&str; 3] =
    ["cloudformation.amazonaws.com", "servicecatalog.amazonaws.com", "elasticbeanstalk.amazonaws.com"];

/// Key of the tag that CloudFormation sets on what it creates.
const STACK_TAG: &str = "aws:cloudformation:stack-name";

/// Why an event is too old or lies in the future; `None` if it is recent.
pub fn stale(event_time: Timestamp, limits: &Limits, now: Timestamp) -> Option<String> {
    let age = now.duration_since(event_time);
    if age > limits.max_age() {
        Some(format!("The event is older than {} minutes.", limits.max_age_minutes))
    } else if age < -MAX_SKEW {
        Some("The event lies in the future.".to_owned())
    } else {
        None
    }
}

/// The sign that infrastructure as code made a call.
pub fn iac(caller: &Caller, tags: &[(String, String)]) -> Option<String> {
    let service = [&caller.invoked_by, &caller.service].into_iter().find(|name| IAC_SERVICES.contains(&name.as_str()));
    let agent = caller.user_agent.to_ascii_lowercase();
    let agent = IAC_AGENTS.iter().find(|part| agent.contains(*part));
    let stack = tags.iter().find(|(key, _)| key == STACK_TAG);
    service
        .map(|service| format!("called by {service}"))
        .or_else(|| stack.map(|(_, name)| format!("stack {name}")))
        .or_else(|| agent.map(|agent| format!("user agent of {agent}")))
}

/// The acts for one rule on one resource, and until when a person keeps the remediator away.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Acts {
    #[serde(default)]
    acts: Vec<Act>,
    #[serde(default)]
    held_until: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Act {
    id: String,
    at: Timestamp,
}

/// The acts for one rule in one account, and whether the breaker has tripped.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Breaker {
    #[serde(default)]
    acts: Vec<Act>,
    #[serde(default)]
    tripped: Option<Timestamp>,
}

/// Whether an act is within the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// It is, and it counts from now on.
    Granted,
    /// It is not, for this reason.
    Denied(String),
}

/// Reserves an act: it counts towards the limits even if it fails. Reserving again for the same record changes nothing.
///
/// # Errors
/// When the store fails or other instances are always faster.
pub async fn reserve<S: Store>(
    store: &S,
    record: &ActionRecord,
    limits: &Limits,
    now: Timestamp,
) -> Result<Reservation, String> {
    let resource = reserve_resource(store, record, limits, now).await?;
    if resource != Reservation::Granted {
        return Ok(resource);
    }
    reserve_hour(store, record, limits, now).await
}

async fn reserve_resource<S: Store>(
    store: &S,
    record: &ActionRecord,
    limits: &Limits,
    now: Timestamp,
) -> Result<Reservation, String> {
    let cool_down = SignedDuration::from_mins(i64::from(limits.cool_down_minutes));
    update(store, &resource_key(record), now, |acts: &mut Acts| {
        acts.acts.retain(|act| now.duration_since(act.at) < DAY);
        if acts.acts.iter().any(|act| act.id == record.id) {
            return Reservation::Granted;
        }
        if acts.held_until.is_some_and(|until| until > now) {
            return Reservation::Denied("A person undid an action on this resource within the last day.".to_owned());
        }
        let rounds = usize::from(limits.max_rounds);
        if acts.acts.len() >= rounds {
            return Reservation::Denied(format!(
                "It came back {rounds} times within a day. Something makes the change again: stop that first."
            ));
        }
        if acts.acts.iter().any(|act| now.duration_since(act.at) < cool_down) {
            return Reservation::Denied(format!(
                "Trailwarden acted on the resource within the last {} minutes.",
                limits.cool_down_minutes
            ));
        }
        acts.acts.push(Act { id: record.id.clone(), at: now });
        Reservation::Granted
    })
    .await
}

async fn reserve_hour<S: Store>(
    store: &S,
    record: &ActionRecord,
    limits: &Limits,
    now: Timestamp,
) -> Result<Reservation, String> {
    update(store, &breaker_key(&record.rule, &record.account), now, |breaker: &mut Breaker| {
        breaker.acts.retain(|act| now.duration_since(act.at) < HOUR);
        if breaker.acts.iter().any(|act| act.id == record.id) {
            return Reservation::Granted;
        }
        if breaker.tripped.is_none() && breaker.acts.len() >= usize::from(limits.max_per_hour) {
            breaker.tripped = Some(now);
        }
        if let Some(tripped) = breaker.tripped {
            return Reservation::Denied(format!(
                "The breaker of the rule in the account tripped at {tripped}: more than {} acts within an hour. A person \
                 has to reset it.",
                limits.max_per_hour
            ));
        }
        breaker.acts.push(Act { id: record.id.clone(), at: now });
        Reservation::Granted
    })
    .await
}

/// Keeps the remediator away from a record's resource for a day, because a person undid the action.
///
/// # Errors
/// When the store fails or other instances are always faster.
pub async fn hold<S: Store>(store: &S, record: &ActionRecord, now: Timestamp) -> Result<(), String> {
    let key = resource_key(record);
    let held = update(store, &key, now, |acts: &mut Acts| {
        acts.held_until = now.checked_add(DAY).ok();
        Reservation::Granted
    });
    held.await.map(|_| ())
}

/// Resets the breaker of a rule in an account. Returns whether there was one.
///
/// # Errors
/// When the store fails or other instances are always faster.
pub async fn reset<S: Store>(store: &S, rule: &str, account: &str, now: Timestamp) -> Result<bool, String> {
    let key = breaker_key(rule, account);
    if store.get(&key).await?.is_none() {
        return Ok(false);
    }
    let reset = update(store, &key, now, |breaker: &mut Breaker| {
        *breaker = Breaker::default();
        Reservation::Granted
    });
    reset.await.map(|_| true)
}

fn resource_key(record: &ActionRecord) -> String {
    crate::finding::derived_id(&["resource", &record.rule, &record.account, &record.region, &record.resource])
}

fn breaker_key(rule: &str, account: &str) -> String {
    format!("breaker/{account}/{rule}")
}

/// Reads, changes and writes an item until no other instance was faster.
async fn update<S: Store, T: Default + Serialize + for<'de> Deserialize<'de>>(
    store: &S,
    key: &str,
    now: Timestamp,
    mut change: impl FnMut(&mut T) -> Reservation,
) -> Result<Reservation, String> {
    let expires = now.checked_add(super::record::KEPT).unwrap_or(Timestamp::MAX);
    for _ in 0..MAX_CONFLICTS {
        let item = store.get(key).await?;
        let version = item.as_ref().map_or(0, |item| item.version);
        let mut content: T = match item {
            Some(item) => serde_json::from_value(item.value).map_err(|error| error.to_string())?,
            None => T::default(),
        };
        let reservation = change(&mut content);
        let content = serde_json::to_value(&content).map_err(|error| error.to_string())?;
        if store.put(key, &content, version, expires).await? {
            return Ok(reservation);
        }
    }
    Err("other instances write the same item all the time".to_owned())
}

/// Why the status of a finding keeps the remediator from acting.
pub fn inactive(notice: &Notice) -> Option<String> {
    if !notice.is_non_compliant {
        return Some("The finding is a warning or resolved.".to_owned());
    }
    notice.is_suppressed.then(|| "The finding is suppressed.".to_owned())
}
