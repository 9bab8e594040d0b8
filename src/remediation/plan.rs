//! The forecast for a finding, from files alone.

use jiff::Timestamp;

use super::brakes;
use super::message::Notice;
use super::policy::{ModeChoice, RemediationPolicy, ResourceContext};
use crate::actions::{Action, CallPlan, NextStep, Tags, Target};

/// The forecast for a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Forecast {
    /// Nothing, for this reason.
    Nothing(String),
    /// These calls, if the resource still is as the record implies.
    Calls {
        /// The action.
        action: &'static str,
        /// What must hold when AWS is read.
        precondition: &'static str,
        /// The mode.
        choice: ModeChoice,
        /// The calls and their inverse.
        plan: CallPlan,
    },
}

/// The calls for a notice and their inverse, if the resource is as the record implies.
///
/// # Errors
/// A sentence, if no action undoes the finding.
pub fn planned(notice: &Notice) -> Result<CallPlan, String> {
    let (action, target) = requested(notice)?;
    match (action.decide)(&target, &(action.expected)(&target)) {
        NextStep::Act(plan) => Ok(plan),
        NextStep::NothingToDo(reason) | NextStep::Differs(reason) | NextStep::Pending(reason) => Err(reason),
    }
}

fn requested(notice: &Notice) -> Result<(&'static Action, Target), String> {
    let (name, arguments) = notice.action.as_ref().ok_or("No action undoes the finding.")?;
    let action = Action::named(name).filter(|action| action.rules.contains(&notice.rule.as_str()));
    let action = action.ok_or("The finding requests an action that does not belong to its rule.")?;
    let target = Target::new(action, notice.place.clone(), arguments.clone());
    Ok((action, target.map_err(|reason| format!("The requested action is malformed: {reason}."))?))
}

/// Forecasts the handling of a finding whose message arrives in time, under the policy at `now`.
pub fn forecast(policy: &RemediationPolicy, notice: &Notice, now: Timestamp) -> Forecast {
    if let Some(reason) = brakes::inactive(notice) {
        return Forecast::Nothing(reason);
    }
    let (action, target) = match requested(notice) {
        Ok(requested) => requested,
        Err(reason) => return Forecast::Nothing(reason),
    };
    if policy.trusts(&notice.caller.role) || policy.trusts(&notice.caller.arn) {
        return Forecast::Nothing("A trusted role made the call.".to_owned());
    }
    let ids: Vec<&str> = notice.resources.iter().map(String::as_str).collect();
    if let Some(entry) = policy.never(&ids, &[]) {
        return Forecast::Nothing(format!("The resource is never touched ({entry})."));
    }
    let context = ResourceContext { tags: matches!(action.tags, Tags::None).then(Vec::new), units: None };
    let iac = brakes::iac(&notice.caller, &[]);
    let mut choice = policy.mode(action, &notice.rule, &notice.place.account, &context, iac.as_deref(), now);
    match (action.decide)(&target, &(action.expected)(&target)) {
        NextStep::Act(plan) => {
            choice.require_approval(plan.approval);
            Forecast::Calls { action: action.name, precondition: action.precondition, choice, plan }
        }
        NextStep::NothingToDo(reason) | NextStep::Differs(reason) | NextStep::Pending(reason) => {
            Forecast::Nothing(reason)
        }
    }
}
