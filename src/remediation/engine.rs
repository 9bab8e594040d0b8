//! Decides, records, acts, verifies and tells.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::announcement::Announcement;
use super::brakes::{self, Reservation};
use super::message::Notice;
use super::policy::{Mode, RemediationPolicy, ResourceContext};
use super::record::{ActionRecord, ActionStatus};
use super::resolved;
use super::traits::{Announcer, Approvals, Cloud, CloudError, FailureKind, Store, StoredItem};
use crate::actions::{AccountRegion, Action, ApiCall, NextStep, Tags, Target};
use crate::text::visible;

/// How long one instance works on a record alone. Longer than an invocation may take.
const CLAIM: SignedDuration = SignedDuration::from_secs(90);

/// How often a record is taken up before a person has to look.
const MAX_ATTEMPTS: u32 = 5;

/// Maximum number of reads of one action, and of steps up the tree of organizational units.
const MAX_READS: usize = 8;

/// The deployment that the remediator belongs to.
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    /// Its account.
    pub account: String,
    /// Its Region.
    pub region: String,
    /// Ids and ARNs of its resources, with `*` and `?`. They are never touched, except to restore them.
    pub resources: Vec<String>,
    /// ARNs of its roles, whose calls are never undone. The account may be `*`.
    pub roles: Vec<String>,
    /// Name of the SSM parameter that is the kill switch.
    pub switch: String,
}

/// The result of handling a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// It is not to be acted on, for this reason. People know of it from the finding alone.
    LeftAlone(String),
    /// A record of it exists, with this status.
    Recorded(ActionStatus, String),
}

/// Why a notice is to be delivered again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Retry(pub String);

/// A person's answer to a request for approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// ARN of the person.
    pub person: String,
    /// Whether they approve.
    pub is_yes: bool,
}

/// Why an answer or an undo is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no such record.
    #[error("there is no action `{0}`")]
    Unknown(String),
    /// It cannot be done, for this reason.
    #[error("{0}")]
    No(String),
    /// It may be possible later.
    #[error(transparent)]
    Later(#[from] Retry),
}

/// The remediator.
#[derive(Debug)]
pub struct Engine<C, S, T, A> {
    /// AWS.
    pub cloud: C,
    /// Records and limits.
    pub store: S,
    /// People and programs.
    pub announcer: T,
    /// Approvals.
    pub approvals: A,
    /// The policy file.
    pub policy: RemediationPolicy,
    /// What the remediator belongs to.
    pub deployment: Deployment,
}

/// The assessment of a target's current state.
struct Examined {
    decision: NextStep,
    state: Value,
}

/// The reason why a target's state is unknown.
enum ReadError {
    Retry(Retry),
    /// A person has to change something first.
    Denied(String),
}

impl From<CloudError> for ReadError {
    fn from(error: CloudError) -> Self {
        match error.failure {
            FailureKind::Transient => Self::Retry(Retry(error.message)),
            FailureKind::Missing | FailureKind::Denied | FailureKind::Refused => Self::Denied(error.message),
        }
    }
}

fn retry(reason: String) -> Retry {
    Retry(reason)
}

impl<C: Cloud, S: Store, T: Announcer, A: Approvals> Engine<C, S, T, A> {
    /// Handles a notice.
    ///
    /// # Errors
    /// [`Retry`], if it is to be delivered again.
    pub async fn handle(&self, notice: &Notice, now: Timestamp) -> Result<Disposition, Retry> {
        let left_alone = |reason: &str| Ok(Disposition::LeftAlone(reason.to_owned()));
        let Some((name, arguments)) = &notice.action else {
            return left_alone("No action undoes the finding.");
        };
        if let Some((version, record)) = self.load(&notice.action_id()).await? {
            return self.resume(version, record, now).await;
        }
        let stale = || brakes::stale(notice.event_time, &self.policy.limits, now);
        if let Some(reason) = brakes::inactive(notice).or_else(stale) {
            return Ok(Disposition::LeftAlone(reason));
        }
        if self.is_own(notice) || self.policy.trusts(&notice.caller.role) || self.policy.trusts(&notice.caller.arn) {
            return left_alone("A trusted role made the call.");
        }
        let action = Action::named(name).filter(|action| action.rules.contains(&notice.rule.as_str()));
        let Some(action) = action else {
            return left_alone("The finding requests an action that does not belong to its rule.");
        };
        if !self.policy.may_act(&notice.rule, &notice.place.account) {
            return left_alone("The mode is tell.");
        }
        let target = match Target::new(action, notice.place.clone(), arguments.clone()) {
            Ok(target) => target,
            Err(reason) => return Ok(Disposition::LeftAlone(format!("The requested action is malformed: {reason}."))),
        };
        self.decide(notice, action, &target, now).await
    }

    /// Decides what to do with an admissible notice.
    async fn decide(
        &self,
        notice: &Notice,
        action: &'static Action,
        target: &Target,
        now: Timestamp,
    ) -> Result<Disposition, Retry> {
        let record = |mode| ActionRecord::new(notice, action, target, mode, now);
        let context = match self.context(notice, action, target).await {
            Ok(context) => context,
            Err(ReadError::Retry(retry)) => return Err(retry),
            Err(ReadError::Denied(reason)) => {
                return self.conclude(0, record(Mode::Tell).with(ActionStatus::Failed, reason), now).await;
            }
        };
        let tags = context.tags.as_deref().unwrap_or_default();
        let iac = brakes::iac(&notice.caller, tags);
        let account = &notice.place.account;
        let mut choice = self.policy.mode(action, &notice.rule, account, &context, iac.as_deref(), now);
        if choice.mode == Mode::Tell {
            return Ok(Disposition::LeftAlone(
                format!("The mode is tell. {}", choice.reasons.join(" ")).trim().to_owned(),
            ));
        }
        let record = record(choice.mode);
        if let Some(entry) = self.never(notice, action, target, tags) {
            let reason = format!("The resource is never touched ({}).", visible(&entry));
            return self.conclude(0, record.with(ActionStatus::Refused, reason), now).await;
        }
        let Examined { decision, state } = match self.examine(action, target).await {
            Ok(examined) => examined,
            Err(ReadError::Retry(retry)) => return Err(retry),
            Err(ReadError::Denied(reason)) => {
                return self.conclude(0, record.with(ActionStatus::Failed, reason), now).await;
            }
        };
        let plan = match decision {
            NextStep::NothingToDo(reason) => {
                return self.conclude(0, record.with(ActionStatus::NothingToDo, reason), now).await;
            }
            NextStep::Differs(reason) => {
                return self.conclude(0, record.with(ActionStatus::Refused, reason), now).await;
            }
            NextStep::Pending(reason) => return Err(Retry(reason)),
            NextStep::Act(plan) => plan,
        };
        choice.require_approval(plan.approval);
        if choice.mode == Mode::Approve && !self.approvals.is_configured() {
            choice.mode = Mode::Plan;
            choice.reasons.push("It needs approval, and no state machine for approvals is configured.".to_owned());
        }
        let record = ActionRecord { mode: choice.mode, ..record.with_plan(plan, state) };
        let reasons = choice.reasons.join(" ");
        let detail =
            if reasons.is_empty() { action.summary.to_owned() } else { format!("{} {reasons}", action.summary) };
        match choice.mode {
            Mode::Tell | Mode::Plan => self.conclude(0, record.with(ActionStatus::Planned, detail), now).await,
            Mode::Approve => {
                let limit = SignedDuration::from_mins(i64::from(self.policy.limits.approval_minutes));
                let until = now.checked_add(limit).unwrap_or(now);
                let record = ActionRecord { until, ..record.with(ActionStatus::AwaitingApproval, detail) };
                let version = self.write(0, &record).await?;
                self.approvals.request(&record).await.map_err(retry)?;
                self.announce(version, record, now).await
            }
            Mode::Auto => self.start(0, record, now).await,
        }
    }

    /// Whether the deployment itself made the call.
    fn is_own(&self, notice: &Notice) -> bool {
        let caller = &notice.caller;
        self.deployment.roles.iter().any(|role| {
            // A session's ARN has the role's name and not its path.
            let name = role.rsplit('/').next().unwrap_or_default();
            let account = role.split(':').nth(4).unwrap_or_default();
            let mut parts = caller.arn.split(':').skip(4);
            let session = parts.next().is_some_and(|caller| account == "*" || account == caller)
                && parts.next().is_some_and(|rest| {
                    rest.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next()) == Some(name)
                });
            *role == caller.role || *role == caller.arn || session
        })
    }

    /// The entry that forbids to touch the resource.
    fn never(&self, notice: &Notice, action: &Action, target: &Target, tags: &[(String, String)]) -> Option<String> {
        // A record names some resources without their ARN.
        let AccountRegion { partition, account, .. } = target.place();
        let (arn, is_own_role) = match action.tags {
            Tags::Role(argument) => {
                let arn = format!("arn:{partition}:iam::{account}:role/{}", target.text(argument));
                let is_own = self.deployment.roles.iter().any(|role| is_same_role(role, &arn));
                (Some(arn), is_own)
            }
            Tags::Trail(argument) => (Some(target.trail_arn(argument)), false),
            Tags::Ec2(_) | Tags::None => (None, false),
        };
        if is_own_role {
            return Some("a role of the deployment".to_owned());
        }
        let arguments = target.arguments().values().filter_map(Value::as_str).chain(arn.as_deref());
        let ids: Vec<&str> = notice.resources.iter().map(String::as_str).chain(arguments).collect();
        let is_own = |pattern: &&String| {
            let pattern = wildmatch::WildMatch::new(pattern);
            ids.iter().any(|id| pattern.matches(id))
        };
        let own = self.deployment.resources.iter().find(is_own).filter(|_| !action.restores_own);
        own.cloned().or_else(|| self.policy.never(&ids, tags))
    }

    /// Reads the tags of the resource and, if the policy asks for them, the organizational units of the account.
    async fn context(&self, notice: &Notice, action: &Action, target: &Target) -> Result<ResourceContext, ReadError> {
        let call = match action.tags {
            Tags::None => None,
            Tags::Ec2(argument) => {
                let filter = json!([{"Name": "resource-id", "Values": [target.text(argument)]}]);
                Some(target.call("ec2", "DescribeTags", json!({"Filters": filter})))
            }
            Tags::Role(argument) => {
                Some(target.call("iam", "ListRoleTags", json!({"RoleName": target.text(argument)})))
            }
            Tags::Trail(argument) => {
                let arn = target.trail_arn(argument);
                Some(target.call("cloudtrail", "ListTags", json!({"ResourceIdList": [arn]})))
            }
        };
        let tags = match call {
            None => Vec::new(),
            Some(call) => match self.cloud.read(&call).await {
                Ok(response) => tags(&response),
                // A resource that does not exist has no tags.
                Err(error) if error.failure == FailureKind::Missing => Vec::new(),
                Err(error) => return Err(error.into()),
            },
        };
        let account = &notice.place.account;
        let units =
            if self.policy.needs_units(&notice.rule, account) { Some(self.units(account).await?) } else { None };
        Ok(ResourceContext { tags: Some(tags), units })
    }

    /// The organizational units that contain an account.
    async fn units(&self, account: &str) -> Result<Vec<String>, ReadError> {
        let mut units: Vec<String> = Vec::new();
        for _ in 0..MAX_READS {
            let child = units.last().map_or(account, String::as_str);
            let call = self.own_call("organizations", "ListParents", json!({"ChildId": child}));
            let response = self.cloud.read(&call).await?;
            let Some(parent) = response.pointer("/Parents/0/Id").and_then(Value::as_str) else { break };
            let is_root = parent.starts_with("r-");
            units.push(parent.to_owned());
            if is_root {
                break;
            }
        }
        Ok(units)
    }

    /// A call in the deployment's account and Region.
    fn own_call(&self, service: &str, operation: &str, parameters: Value) -> ApiCall {
        ApiCall {
            service: service.to_owned(),
            operation: operation.to_owned(),
            account: self.deployment.account.clone(),
            region: self.deployment.region.clone(),
            parameters,
        }
    }

    /// Reads the state of a target and decides.
    async fn examine(&self, action: &Action, target: &Target) -> Result<Examined, ReadError> {
        let mut responses = Vec::new();
        while let Some(call) = (action.next_read)(target, &responses) {
            if responses.len() >= MAX_READS {
                break;
            }
            responses.push(match self.cloud.read(&call).await {
                Ok(response) => response,
                Err(error) if error.failure == FailureKind::Missing => Value::Null,
                Err(error) => return Err(error.into()),
            });
        }
        Ok(Examined { decision: (action.decide)(target, &responses), state: (action.state)(target, &responses) })
    }

    /// Whether the kill switch lets the remediator act. Anything but `on` stops it.
    async fn is_switched_on(&self) -> Result<bool, Retry> {
        let call = self.own_call("ssm", "GetParameter", json!({"Name": self.deployment.switch}));
        match self.cloud.read(&call).await {
            Ok(response) => Ok(response.pointer("/Parameter/Value").and_then(Value::as_str) == Some("on")),
            Err(error) if error.failure == FailureKind::Transient => Err(Retry(error.message)),
            Err(_) => Ok(false),
        }
    }

    /// Checks the limits, writes the record and acts. `version` is that of the record in the store, zero for a new one.
    async fn start(&self, version: u64, record: ActionRecord, now: Timestamp) -> Result<Disposition, Retry> {
        if !self.is_switched_on().await? {
            let detail = format!("The kill switch {} is not `on`.", self.deployment.switch);
            return self.conclude(version, record.with(ActionStatus::Refused, detail), now).await;
        }
        let reservation = brakes::reserve(&self.store, &record, &self.policy.limits, now).await.map_err(retry)?;
        if let Reservation::Denied(reason) = reservation {
            return self.conclude(version, record.with(ActionStatus::Refused, reason), now).await;
        }
        let record = claimed(record.with(ActionStatus::Started, "The calls are being made."), now);
        let version = self.write(version, &record).await?;
        self.perform(version, record, now).await
    }

    /// Takes up the record of a notice that was delivered before.
    async fn resume(&self, version: u64, record: ActionRecord, now: Timestamp) -> Result<Disposition, Retry> {
        if record.status.is_final() || record.status == ActionStatus::AwaitingApproval {
            if record.status == ActionStatus::AwaitingApproval && !record.is_announced {
                self.approvals.request(&record).await.map_err(retry)?;
            } else if !record.is_announced && record.until > now {
                return Err(Retry("another instance tells people".to_owned()));
            }
            return self.announce(version, record, now).await;
        }
        if record.until > now {
            return Err(Retry("another instance works on the action".to_owned()));
        }
        if record.attempts >= MAX_ATTEMPTS {
            let detail = format!("The action was tried {MAX_ATTEMPTS} times and is not complete.");
            return self.conclude(version, record.with(ActionStatus::Failed, detail), now).await;
        }
        if record.status == ActionStatus::Undoing {
            let detail = "An undo was interrupted. Compare the resource with the state before, and complete it.";
            return self.conclude(version, record.with(ActionStatus::Failed, detail), now).await;
        }
        let record = claimed(record, now);
        let version = self.write(version, &record).await?;
        let (action, target) = match record.target() {
            Ok(target) => target,
            Err(reason) => return self.conclude(version, record.with(ActionStatus::Failed, reason), now).await,
        };
        match self.examine(action, &target).await {
            Err(ReadError::Retry(retry)) => self.release(version, record, now, retry).await,
            Err(ReadError::Denied(reason)) => {
                self.conclude(version, record.with(ActionStatus::Failed, reason), now).await
            }
            Ok(Examined { decision: NextStep::NothingToDo(_), state }) => {
                self.verified(version, record, state, now).await
            }
            Ok(Examined { decision: NextStep::Pending(reason), .. }) => {
                self.release(version, record, now, Retry(reason)).await
            }
            Ok(Examined { decision: NextStep::Differs(reason), .. }) => {
                self.conclude(version, record.with(ActionStatus::Failed, reason), now).await
            }
            Ok(Examined { decision: NextStep::Act(plan), state }) => {
                // A person approved calls about an event that may have become old since.
                let stale = brakes::stale(record.event_time, &self.policy.limits, now);
                if let Some(reason) = stale.filter(|_| record.person.is_none()) {
                    let detail = format!("The action was interrupted. {reason}");
                    return self.conclude(version, record.with(ActionStatus::Failed, detail), now).await;
                }
                if !self.is_switched_on().await? {
                    let detail = format!("The kill switch {} is not `on`.", self.deployment.switch);
                    return self.conclude(version, record.with(ActionStatus::Refused, detail), now).await;
                }
                // Part of the calls may have been made: what is left is derived from the state now. The record keeps the
                // state and the inverse from before the first call.
                let record = ActionRecord { calls: plan.calls, ..record };
                let record =
                    if state == record.before { ActionRecord { inverse: plan.inverse, ..record } } else { record };
                self.perform(version, record, now).await
            }
        }
    }

    /// Makes the calls of a started record and verifies the state.
    async fn perform(&self, version: u64, record: ActionRecord, now: Timestamp) -> Result<Disposition, Retry> {
        let mut failure = None;
        for call in &record.calls {
            let error = match self.cloud.act(&record.id, call).await {
                Ok(response) => match refusal(&response) {
                    None => continue,
                    Some(message) => CloudError { failure: FailureKind::Refused, message },
                },
                // The resource is gone since it was read. Verification tells whether that is all.
                Err(error) if error.failure == FailureKind::Missing => continue,
                Err(error) => error,
            };
            if error.failure == FailureKind::Transient {
                return self.release(version, record, now, Retry(error.message)).await;
            }
            failure = Some(format!("{} failed: {}", call.operation, visible(&error.message)));
            break;
        }
        let (action, target) = match record.target() {
            Ok(target) => target,
            Err(reason) => return self.conclude(version, record.with(ActionStatus::Failed, reason), now).await,
        };
        match (self.examine(action, &target).await, failure) {
            // After a failure too: AWS refuses a call that is sent again because its response was lost.
            (Ok(Examined { decision: NextStep::NothingToDo(_), state }), _) => {
                self.verified(version, record, state, now).await
            }
            (_, Some(detail)) => self.conclude(version, record.with(ActionStatus::Failed, detail), now).await,
            (Ok(Examined { decision: NextStep::Act(_), .. }), None) => {
                // AWS shows some changes only after seconds.
                self.release(version, record, now, Retry("the change is not visible yet".to_owned())).await
            }
            (Ok(Examined { decision: NextStep::Pending(reason), .. }), None) => {
                self.release(version, record, now, Retry(reason)).await
            }
            (Ok(Examined { decision: NextStep::Differs(reason), .. }), None) => {
                self.conclude(version, record.with(ActionStatus::Failed, reason), now).await
            }
            (Err(ReadError::Retry(retry)), None) => self.release(version, record, now, retry).await,
            (Err(ReadError::Denied(reason)), None) => {
                self.conclude(version, record.with(ActionStatus::Failed, reason), now).await
            }
        }
    }

    /// Completes a record whose state is as intended.
    async fn verified(
        &self,
        version: u64,
        record: ActionRecord,
        state: Value,
        now: Timestamp,
    ) -> Result<Disposition, Retry> {
        let summary = record.target().map(|(action, _)| action.summary).unwrap_or_default();
        let record = ActionRecord { after: state, ..record.with(ActionStatus::Done, summary) };
        let version = self.write(version, &record).await?;
        self.announce(version, record, now).await
    }

    /// Gives up a claim, so that the next delivery takes the record up at once.
    async fn release(
        &self,
        version: u64,
        record: ActionRecord,
        now: Timestamp,
        reason: Retry,
    ) -> Result<Disposition, Retry> {
        let is_waiting = record.status == ActionStatus::AwaitingApproval;
        let until = if is_waiting { record.until } else { now };
        self.write(version, &ActionRecord { until, ..record }).await?;
        Err(reason)
    }

    /// Writes a record that is not to change any more by itself, and tells people.
    async fn conclude(&self, version: u64, record: ActionRecord, now: Timestamp) -> Result<Disposition, Retry> {
        let record = claimed(record, now);
        let version = self.write(version, &record).await?;
        self.announce(version, record, now).await
    }

    /// Tells people the status of a record, unless they were told.
    async fn announce(&self, version: u64, record: ActionRecord, now: Timestamp) -> Result<Disposition, Retry> {
        let outcome = Disposition::Recorded(record.status, record.detail.clone());
        if record.is_announced {
            return Ok(outcome);
        }
        if let Err(reason) = self.publish(&record, now).await {
            return self.release(version, record, now, Retry(reason)).await;
        }
        self.write(version, &ActionRecord { is_announced: true, ..record }).await?;
        Ok(outcome)
    }

    async fn publish(&self, record: &ActionRecord, now: Timestamp) -> Result<(), String> {
        if let Some(announcement) = Announcement::of(record) {
            self.announcer.announce(&announcement).await?;
        }
        if record.status == ActionStatus::Done {
            self.announcer.resolved(&resolved::document(record, now)).await?;
        }
        Ok(())
    }

    pub(super) async fn load(&self, id: &str) -> Result<Option<(u64, ActionRecord)>, Retry> {
        let Some(StoredItem { version, value }) = self.store.get(&ActionRecord::key_of(id)).await.map_err(retry)?
        else {
            return Ok(None);
        };
        let record =
            serde_json::from_value(value).map_err(|error| Retry(format!("the record is malformed: {error}")))?;
        Ok(Some((version, record)))
    }

    /// Writes a record over a version of it, and returns the new version.
    async fn write(&self, version: u64, record: &ActionRecord) -> Result<u64, Retry> {
        let value = serde_json::to_value(record).map_err(|error| Retry(error.to_string()))?;
        let key = ActionRecord::key_of(&record.id);
        match self.store.put(&key, &value, version, record.expires()).await.map_err(retry)? {
            true => Ok(version + 1),
            false => Err(Retry("another instance works on the action".to_owned())),
        }
    }

    /// Takes a person's answer to a request for approval. An answer counts once. The same answer again completes calls that
    /// were interrupted.
    ///
    /// # Errors
    /// [`RequestError`], if the answer does not count or is to be given again.
    pub async fn answer(&self, id: &str, answer: &Answer, now: Timestamp) -> Result<Disposition, RequestError> {
        let (version, record) = self.load(id).await?.ok_or_else(|| RequestError::Unknown(id.to_owned()))?;
        if record.status == ActionStatus::Started && answer.is_yes && record.person.as_ref() == Some(&answer.person) {
            return Ok(self.resume(version, record, now).await?);
        }
        if record.status != ActionStatus::AwaitingApproval {
            return Err(RequestError::No(format!("the action is {}", record.status.as_str())));
        }
        if record.until <= now {
            return Ok(self.expired(version, record, now).await?);
        }
        if record.is_of_caller(&answer.person) {
            return Err(RequestError::No("the caller of the call cannot answer; ask somebody else".to_owned()));
        }
        let record = ActionRecord { person: Some(answer.person.clone()), ..record };
        if !answer.is_yes {
            return Ok(self.conclude(version, record.with(ActionStatus::Refused, "A person said no."), now).await?);
        }
        let (action, target) = record.target().map_err(RequestError::No)?;
        match self.examine(action, &target).await {
            Err(ReadError::Retry(retry)) => Err(retry.into()),
            Err(ReadError::Denied(reason)) => {
                Ok(self.conclude(version, record.with(ActionStatus::Failed, reason), now).await?)
            }
            Ok(Examined { decision: NextStep::NothingToDo(reason), .. }) => {
                Ok(self.conclude(version, record.with(ActionStatus::NothingToDo, reason), now).await?)
            }
            Ok(Examined { decision: NextStep::Differs(reason), .. }) => {
                Ok(self.conclude(version, record.with(ActionStatus::Refused, reason), now).await?)
            }
            Ok(Examined { decision: NextStep::Pending(reason), .. }) => Err(Retry(reason).into()),
            Ok(Examined { decision: NextStep::Act(plan), state }) => {
                if state != record.before {
                    let reason = "The resource was changed since the approval was requested.";
                    return Ok(self.conclude(version, record.with(ActionStatus::Refused, reason), now).await?);
                }
                // A person approved these calls and no others.
                if plan.calls != record.calls {
                    let reason = "The calls are others than those that a person approved.";
                    return Ok(self.conclude(version, record.with(ActionStatus::Refused, reason), now).await?);
                }
                Ok(self.start(version, record, now).await?)
            }
        }
    }

    /// Ends a request for approval that nobody answered in time.
    ///
    /// # Errors
    /// [`RequestError`], if the record is not waiting, or later.
    pub async fn expire(&self, id: &str, now: Timestamp) -> Result<Disposition, RequestError> {
        let (version, record) = self.load(id).await?.ok_or_else(|| RequestError::Unknown(id.to_owned()))?;
        if record.status != ActionStatus::AwaitingApproval || record.until > now {
            return Err(RequestError::No(format!("the action is {} until {}", record.status.as_str(), record.until)));
        }
        Ok(self.expired(version, record, now).await?)
    }

    async fn expired(&self, version: u64, record: ActionRecord, now: Timestamp) -> Result<Disposition, Retry> {
        self.conclude(version, record.with(ActionStatus::Refused, "Nobody answered in time."), now).await
    }

    /// Undoes an action: restores the state from before, if nobody changed the resource since. Completes an undo that was
    /// interrupted.
    ///
    /// # Errors
    /// [`RequestError`], if the action cannot be undone or AWS is still carrying out the change.
    pub async fn undo(&self, id: &str, person: &str, now: Timestamp) -> Result<Disposition, RequestError> {
        let (version, record) = self.load(id).await?.ok_or_else(|| RequestError::Unknown(id.to_owned()))?;
        let is_interrupted = record.status == ActionStatus::Undoing;
        if record.status != ActionStatus::Done && !is_interrupted {
            return Err(RequestError::No(format!(
                "only an action that is done can be undone; it is {}",
                record.status.as_str()
            )));
        }
        if is_interrupted && record.until > now {
            return Err(Retry(format!("another undo works on the action until {}", record.until)).into());
        }
        if record.inverse.is_empty() {
            return Err(RequestError::No(format!("the action {} has no inverse", record.action)));
        }
        let (action, target) = record.target().map_err(RequestError::No)?;
        let Examined { decision, state } = self.examined(action, &target).await?;
        if is_interrupted && state == record.before {
            return self.undone(version, record, now).await;
        }
        if let NextStep::Pending(reason) = decision {
            return Err(Retry(format!("{reason} Run the command again.")).into());
        }
        if state != record.after {
            let reason = "somebody changed the resource since; compare it with the record and change it by hand";
            return Err(RequestError::No(reason.to_owned()));
        }
        // First, so that the finding that the undo causes is not acted on.
        brakes::hold(&self.store, &record, now).await.map_err(retry)?;
        let record = ActionRecord { person: Some(person.to_owned()), ..claimed(record, now) };
        let record = record.with(ActionStatus::Undoing, "The inverse calls are being made.");
        let version = self.write(version, &record).await?;
        let mut failure = None;
        for call in &record.inverse {
            let error = match self.cloud.act(&record.id, call).await {
                Ok(response) => match refusal(&response) {
                    None => continue,
                    Some(message) => message,
                },
                Err(error) => error.message,
            };
            failure = Some(format!("{} failed: {}", call.operation, visible(&error)));
            break;
        }
        let Examined { decision, state } = self.examined(action, &target).await?;
        if state == record.before {
            return self.undone(version, record, now).await;
        }
        if let (NextStep::Pending(reason), None) = (decision, &failure) {
            let reason = Retry(format!("{reason} Run the command again."));
            return Ok(self.release(version, record, now, reason).await?);
        }
        let detail =
            failure.unwrap_or_else(|| "The inverse calls were made, and the state is not yet as before.".to_owned());
        Ok(self.conclude(version, record.with(ActionStatus::Failed, detail), now).await?)
    }

    async fn undone(&self, version: u64, record: ActionRecord, now: Timestamp) -> Result<Disposition, RequestError> {
        let record = record.with(ActionStatus::Undone, "The state from before is restored.");
        Ok(self.conclude(version, record, now).await?)
    }

    async fn examined(&self, action: &Action, target: &Target) -> Result<Examined, RequestError> {
        match self.examine(action, target).await {
            Ok(examined) => Ok(examined),
            Err(ReadError::Retry(retry)) => Err(retry.into()),
            Err(ReadError::Denied(reason)) => Err(RequestError::No(reason)),
        }
    }
}

/// Whether an ARN is of a role of the deployment, whatever its path: names of roles are unique in an account.
fn is_same_role(own: &str, arn: &str) -> bool {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
    name(own) == name(arn) && (account(own) == "*" || account(own) == account(arn))
}

/// The record as one that this instance works on.
fn claimed(record: ActionRecord, now: Timestamp) -> ActionRecord {
    ActionRecord { until: now.checked_add(CLAIM).unwrap_or(now), attempts: record.attempts + 1, ..record }
}

/// What a response refuses although the call succeeded.
///
/// In a default VPC, `RevokeSecurityGroupIngress` succeeds and lists the rules that it did not revoke.
fn refusal(response: &Value) -> Option<String> {
    if response.get("Return").and_then(Value::as_bool) == Some(false) {
        return Some("AWS returned false".to_owned());
    }
    let lists = ["UnknownIpPermissions", "Unsuccessful"];
    let list = lists
        .into_iter()
        .find(|name| response.get(*name).and_then(Value::as_array).is_some_and(|elements| !elements.is_empty()));
    list.map(|name| format!("AWS returned `{name}`: it did not do all of it"))
}

/// The tags in a response of `ec2:DescribeTags` or `cloudtrail:ListTags`.
fn tags(response: &Value) -> Vec<(String, String)> {
    let members = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let of_trails = members(response, "ResourceTagList").into_iter().flat_map(|trail| members(&trail, "TagsList"));
    let all = members(response, "Tags").into_iter().chain(of_trails);
    all.filter_map(|tag| {
        let text = |name: &str| tag.get(name).and_then(Value::as_str);
        Some((text("Key")?.to_owned(), text("Value").unwrap_or_default().to_owned()))
    })
    .collect()
}
