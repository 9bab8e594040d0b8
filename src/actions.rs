//! The remediation actions.
//!
//! An action undoes what one CloudTrail record did. Each is one file and one row of [`ACTIONS`]: the rules it belongs to,
//! what it takes from the record, what it reads before it acts, the calls, their inverse and the IAM permissions. An action
//! performs no input or output: it names calls as data and reads responses, so that the same row serves plans, tests and the
//! function that acts.

mod arguments;
mod call;
mod ec2;
mod history;
pub mod reference;
mod source;
mod target;

mod block_public_images;
mod block_public_snapshots;
mod close_endpoint_service;
mod delete_block_public_access_exclusion;
mod delete_network_acl_entry;
mod delete_route;
mod detach_internet_gateway;
mod disassociate_address;
mod disassociate_route_table;
mod enable_detector;
mod enable_event_rule;
mod enable_key;
mod encrypt_new_volumes;
mod reject_peering;
mod release_function;
mod remove_interface_address;
mod require_imds_tokens;
mod require_imds_tokens_by_default;
mod restart_trail;
mod restore_network_acl_entry;
mod restore_prefix_list;
mod restore_role_trust;
mod restore_route;
mod revoke_ingress_rules;
mod start_config_recorder;
mod subnet_addresses;
mod unshare;

use serde_json::{Map, Value};

pub(crate) use arguments::is_account;
pub use arguments::{Argument, ArgumentKind};
pub use call::ApiCall;
pub use source::ArgumentSource;
pub use target::{AccountRegion, Target};

use crate::event::Event;
use crate::finding::{Finding, RequestedAction, Status};

/// Every action.
pub const ACTIONS: &[&Action] = &[
    &block_public_images::ACTION,
    &block_public_snapshots::ACTION,
    &close_endpoint_service::ACTION,
    &delete_block_public_access_exclusion::ACTION,
    &delete_network_acl_entry::ACTION,
    &delete_route::ACTION,
    &detach_internet_gateway::ACTION,
    &disassociate_address::ACTION,
    &disassociate_route_table::ACTION,
    &enable_detector::ACTION,
    &enable_event_rule::ACTION,
    &enable_key::ACTION,
    &encrypt_new_volumes::ACTION,
    &reject_peering::ACTION,
    &release_function::ACTION,
    &remove_interface_address::ACTION,
    &require_imds_tokens::ACTION,
    &require_imds_tokens_by_default::ACTION,
    &restart_trail::ACTION,
    &restore_network_acl_entry::ACTION,
    &restore_prefix_list::ACTION,
    &restore_role_trust::ACTION,
    &restore_route::ACTION,
    &revoke_ingress_rules::ACTION,
    &start_config_recorder::ACTION,
    &subnet_addresses::IPV4,
    &subnet_addresses::IPV6,
    &unshare::IMAGE,
    &unshare::SNAPSHOT,
];

/// One action.
#[derive(Debug)]
pub struct Action {
    /// Unique name, such as `revoke-ingress-rules`.
    pub name: &'static str,
    /// One sentence on what it does.
    pub summary: &'static str,
    /// One sentence on the state in which it acts.
    pub precondition: &'static str,
    /// Names of the rules whose findings it undoes.
    pub rules: &'static [&'static str],
    /// How far its inverse restores the state from before.
    pub reversibility: Reversibility,
    /// Why a person must approve each use, or `None` if the policy file alone decides.
    pub approval: Option<&'static str>,
    /// Whether it may act on Trailwarden's own resources, because it restores what they need.
    pub restores_own: bool,
    /// Where the tags of the resource are read.
    pub tags: Tags,
    /// The arguments that it takes from a record.
    pub arguments: &'static [Argument],
    /// The arguments in a record; `None` if the action cannot undo what the record did.
    pub requested: fn(&ArgumentSource<'_>) -> Option<Map<String, Value>>,
    /// The next call that reads state, after those with these responses; `None` when enough has been read. The response to
    /// a call about a resource that does not exist is null.
    pub next_read: fn(&Target, &[Value]) -> Option<ApiCall>,
    /// The state that the action changes and its inverse restores, without ids that AWS assigns anew.
    pub state: fn(&Target, &[Value]) -> Value,
    /// The responses in the state that the record implies. Plans are made from them where AWS cannot be read.
    pub expected: fn(&Target) -> Vec<Value>,
    /// What is to be done in the state that the responses show.
    pub decide: fn(&Target, &[Value]) -> NextStep,
    /// What its role must be allowed to do.
    pub permissions: &'static [IamStatement],
}

/// How far an inverse restores the state from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reversibility {
    /// Completely.
    Exact,
    /// Except for what this sentence names.
    WithLoss(&'static str),
    /// It has no inverse, for this reason.
    None(&'static str),
}

/// Where the tags of an action's resource are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tags {
    /// With `ec2:DescribeTags`, by the resource id in this argument.
    Ec2(&'static str),
    /// With `cloudtrail:ListTags`, by the trail in this argument.
    Trail(&'static str),
    /// With `iam:ListRoleTags`, by the name of a role in this argument.
    Role(&'static str),
    /// Nowhere: the action changes a setting of the account, or restores detection and Trailwarden itself.
    None,
}

/// A statement of an IAM policy.
#[derive(Debug)]
pub struct IamStatement {
    /// IAM actions, such as `ec2:DeleteRoute`.
    pub actions: &'static [&'static str],
    /// Resource ARNs with `{partition}`, `{region}` and `{account}`, or `*` for actions without resource types.
    pub resources: &'static [&'static str],
    /// Conditions: operator, key, value.
    pub conditions: &'static [(&'static str, &'static str, &'static str)],
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum NextStep {
    /// The record's change is no longer there.
    NothingToDo(String),
    /// The resource differs from the record, so that acting could undo the work of others.
    Differs(String),
    /// AWS is still carrying out a change of the resource. The state has to be read again later.
    Pending(String),
    /// These calls undo the record's change.
    Act(CallPlan),
}

/// Calls and their inverse.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPlan {
    /// The calls, in order.
    pub calls: Vec<ApiCall>,
    /// The calls that restore the state from before, in order; empty if there is no inverse.
    pub inverse: Vec<ApiCall>,
    /// Why a person must approve these calls, although the action does not always need approval.
    pub approval: Option<&'static str>,
}

impl CallPlan {
    /// A plan of one call that has no inverse.
    fn without_inverse(call: ApiCall) -> Self {
        Self { calls: vec![call], inverse: Vec::new(), approval: None }
    }
}

impl Action {
    /// The action with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().copied().find(|action| action.name == name)
    }

    /// The actions that undo findings of a rule.
    pub fn of_rule(rule: &str) -> impl Iterator<Item = &'static Self> {
        ACTIONS.iter().copied().filter(move |action| action.rules.contains(&rule))
    }
}

/// The action that undoes what `finding` reports of `event`, if there is one.
pub fn requested(event: &Event<'_>, finding: &Finding) -> Option<RequestedAction> {
    // A record that does not decide whether the resource breaks the rule is no reason to change it.
    if finding.status != Status::NonCompliant {
        return None;
    }
    let source = ArgumentSource::new(event, finding);
    Action::of_rule(&finding.rule.name).find_map(|action| {
        let arguments = (action.requested)(&source)?;
        arguments::check(action.arguments, &arguments).ok()?;
        Some(RequestedAction { name: action.name, arguments })
    })
}
