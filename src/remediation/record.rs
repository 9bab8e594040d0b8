//! The record of one action, written before anything is changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::message::Notice;
use super::policy::Mode;
use crate::actions::{AccountRegion, Action, ApiCall, CallPlan, Target};

/// How long records are kept.
pub(super) const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 400);

/// The state of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionStatus {
    /// The calls were told to people and not made.
    Planned,
    /// A person is to approve the calls.
    AwaitingApproval,
    /// The calls are about to be made, or were made.
    Started,
    /// The calls were made, and the state is as intended.
    Done,
    /// The record's change was no longer there.
    NothingToDo,
    /// A limit, the policy or a person prevented the calls, or the resource was changed since.
    Refused,
    /// The calls failed. A person has to look.
    Failed,
    /// The inverse calls are about to be made, or were made.
    Undoing,
    /// The state from before is restored.
    Undone,
}

impl ActionStatus {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Planned,
        Self::AwaitingApproval,
        Self::Started,
        Self::Done,
        Self::NothingToDo,
        Self::Refused,
        Self::Failed,
        Self::Undoing,
        Self::Undone,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::AwaitingApproval => "awaiting-approval",
            Self::Started => "started",
            Self::Done => "done",
            Self::NothingToDo => "nothing-to-do",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }

    /// Whether nothing more will happen by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::AwaitingApproval | Self::Started | Self::Undoing)
    }
}

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// Its id, derived from the message that caused it.
    pub id: String,
    /// Name of the action.
    pub action: String,
    /// Its state.
    pub status: ActionStatus,
    /// Why, as a sentence.
    pub detail: String,
    /// The rule.
    pub rule: String,
    /// Partition, such as `aws`.
    pub partition: String,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The resource that the finding is about.
    pub resource: String,
    /// The action's arguments.
    pub arguments: Map<String, Value>,
    /// `finding_info.uid` of the finding.
    pub finding_uid: String,
    /// `metadata.uid` of the message.
    pub message_uid: String,
    /// The CloudTrail `eventID`.
    pub event_id: String,
    /// The CloudTrail `eventTime`.
    pub event_time: Timestamp,
    /// Who made the call that is undone.
    pub caller: String,
    /// The mode that applied.
    pub mode: Mode,
    /// Who approved or undid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The calls.
    pub calls: Vec<ApiCall>,
    /// The calls that restore the state from before.
    pub inverse: Vec<ApiCall>,
    /// The state before the calls.
    pub before: Value,
    /// The state after them.
    #[serde(default)]
    pub after: Value,
    /// When the record was written.
    pub created: Timestamp,
    /// Until when the instance that wrote it may work on it alone, or an approval may be given.
    pub until: Timestamp,
    /// How often the work was taken up.
    pub attempts: u32,
    /// Whether people were told the status.
    pub is_announced: bool,
    /// The finding, for the message that resolves it.
    pub document: Value,
}

impl ActionRecord {
    /// A record of an action that a message causes.
    pub(super) fn new(notice: &Notice, action: &Action, target: &Target, mode: Mode, now: Timestamp) -> Self {
        Self {
            id: notice.action_id(),
            action: action.name.to_owned(),
            status: ActionStatus::Planned,
            detail: String::new(),
            rule: notice.rule.clone(),
            partition: notice.place.partition.clone(),
            account: notice.place.account.clone(),
            region: notice.place.region.clone(),
            resource: notice.primary_resource().to_owned(),
            arguments: target.arguments().clone(),
            finding_uid: notice.finding_uid.clone(),
            message_uid: notice.message_uid.clone(),
            event_id: notice.event_id.clone(),
            event_time: notice.event_time,
            caller: notice.caller.arn.clone(),
            mode,
            person: None,
            calls: Vec::new(),
            inverse: Vec::new(),
            before: Value::Null,
            after: Value::Null,
            created: now,
            until: now,
            attempts: 0,
            is_announced: false,
            document: notice.document.clone(),
        }
    }

    /// The record with the calls of a plan.
    pub(super) fn with_plan(self, plan: CallPlan, before: Value) -> Self {
        Self { calls: plan.calls, inverse: plan.inverse, before, ..self }
    }

    /// The record with another status.
    pub(super) fn with(self, status: ActionStatus, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), is_announced: false, ..self }
    }

    /// The key of the record with an id.
    pub fn key_of(id: &str) -> String {
        format!("action/{id}")
    }

    /// Its action and target.
    ///
    /// # Errors
    /// A sentence, if this version has no such action or it takes other arguments.
    pub fn target(&self) -> Result<(&'static Action, Target), String> {
        let action = Action::named(&self.action).ok_or("this version of Trailwarden has no such action")?;
        let place = AccountRegion {
            partition: self.partition.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
        };
        Ok((action, Target::new(action, place, self.arguments.clone())?))
    }

    /// Whether a person made the call that is undone.
    pub(super) fn is_of_caller(&self, person: &str) -> bool {
        is_same_person(person, &self.caller)
    }

    /// When the store may delete it.
    pub(super) fn expires(&self) -> Timestamp {
        self.created.checked_add(KEPT).unwrap_or(Timestamp::MAX)
    }
}

/// Whether two ARNs are of the same person: equal, or sessions of one name.
fn is_same_person(one: &str, other: &str) -> bool {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    one == other || (!name(one).is_empty() && name(one) == name(other))
}
