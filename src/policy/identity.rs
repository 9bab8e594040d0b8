//! Decides whether the policies of a role make it an administrator.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::condition::{self, Condition, Operator};
use super::document::{Version, decoded};
use super::escalation::{ESCALATIONS, Escalation, resources};
use super::pattern::Pattern;
use crate::arn::Arn;

/// AWS managed policies that make a role an administrator, and the actions that they allow.
const ADMINISTRATORS: [(&str, &str); 2] = [("AdministratorAccess", "*"), ("IAMFullAccess", "iam:*")];

/// Whether an ARN is that of an AWS managed policy, in any partition, that makes a role an administrator.
pub fn is_administrator(arn: &str) -> bool {
    allowed_by(arn).is_some()
}

fn allowed_by(arn: &str) -> Option<&'static str> {
    let Arn { service: "iam", region: "", account: "aws", resource: policy, .. } = Arn::parse(arn)? else {
        return None;
    };
    let name = policy.rsplit('/').next()?;
    ADMINISTRATORS.iter().find(|(known, _)| *known == name).map(|(_, actions)| *actions)
}

/// The identity-based policies of a role.
#[derive(Debug, Clone, Default)]
pub struct RolePolicies<'p> {
    /// The ARN of the role.
    pub arn: &'p str,
    /// The attached and inline policies.
    pub policies: Vec<RolePolicy<'p>>,
    /// The permissions boundary. A boundary without a known document removes no permission.
    pub boundary: Option<RolePolicy<'p>>,
}

/// A policy of a role.
#[derive(Debug, Clone, Default)]
pub struct RolePolicy<'p> {
    /// The name.
    pub name: &'p str,
    /// The ARN. `None` for an inline policy.
    pub arn: Option<&'p str>,
    /// The document, if known.
    pub document: Option<&'p str>,
}

/// The reasons why a role is an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// The names of the policies.
    pub policies: Vec<String>,
    /// The sets of permissions, such as `iam:PassRole with lambda:CreateFunction and lambda:InvokeFunction`. If there are many,
    /// the first of them and the number of the others.
    pub permissions: Vec<String>,
}

/// Maximum number of sets of permissions that are listed.
const MAX_PERMISSIONS: usize = 5;
/// Maximum number of Regions in which a role's permissions are evaluated.
const MAX_REGIONS: usize = 4;
/// Maximum number of characters that are compared for one role. The largest policies in use need about a tenth.
const MAX_COMPARISONS: u64 = 10_000_000;

/// Error: the policies of a role need more comparisons than the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its policies are too complex to decide")]
pub struct TooComplex;

/// The number of character comparisons that remain.
#[derive(Debug)]
struct CharacterBudget(Cell<u64>);

impl CharacterBudget {
    /// Whether any pattern matches the text. False if the budget is spent.
    fn any_matches(&self, patterns: &[Pattern], text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let mut remaining = self.0.get();
        let matches = |pattern: &Pattern| pattern.matches_within(&text, &mut remaining).unwrap_or(false);
        let any_matches = patterns.iter().any(matches);
        self.0.set(remaining);
        any_matches
    }

    /// Subtracts the comparisons of a condition with a value of `length` bytes.
    fn spend_on(&self, condition: &Condition, length: usize) {
        let total = condition.values.iter().map(String::len).sum::<usize>();
        let has_wildcards = condition.values.iter().any(|value| value.contains('*'));
        let comparisons = total.saturating_mul(if has_wildcards { length.max(1) } else { 1 });
        self.0.set(self.0.get().saturating_sub(u64::try_from(comparisons).unwrap_or(u64::MAX)));
    }

    fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

impl RolePolicies<'_> {
    /// Finds the sets of permissions by which the role can give itself any permission on any resource of the account. Takes
    /// wildcards, all policies, Deny statements and the boundary into account. Conditions on keys with unknown values count as
    /// met in Allow statements and as not met in Deny statements. Returns `None` if there is no such set.
    ///
    /// # Errors
    /// [`TooComplex`] if the budget is spent before a set is found.
    pub fn administrator(&self) -> Result<Option<Administrator>, TooComplex> {
        let role = RequestingRole::of(self.arn);
        let policies = self.policies.iter().enumerate();
        let statements = policies
            .flat_map(|(index, policy)| policy.statements(&role).into_iter().map(move |statement| (index, statement)));
        let statements: Vec<(usize, RoleStatement)> = statements.collect();
        let boundary = self.boundary.as_ref().map(|boundary| boundary.statements(&role));
        let is_own =
            |arn: &&str| !role.account.is_empty() && Arn::parse(arn).is_some_and(|arn| arn.account == role.account);
        let evaluation = RoleEvaluation {
            role,
            own_policies: self.policies.iter().filter_map(|policy| policy.arn).filter(is_own).collect(),
            regions: regions(&statements),
            statements,
            boundary: boundary.filter(|statements| !statements.is_empty()),
            budget: CharacterBudget(Cell::new(MAX_COMPARISONS)),
        };
        let mut indices = BTreeSet::new();
        let mut permissions = Vec::new();
        if let Some(index) = evaluation.policy_allowing_everything() {
            indices.insert(index);
            permissions.push("everything".to_owned());
        } else {
            for (policies, description) in ESCALATIONS.iter().filter_map(|escalation| evaluation.allows(escalation)) {
                indices.extend(policies);
                permissions.push(description);
            }
        }
        let more = permissions.len().saturating_sub(MAX_PERMISSIONS);
        permissions.truncate(MAX_PERMISSIONS);
        if more > 0 {
            permissions.push(format!("{more} more"));
        }
        let name = |index: usize| self.policies.get(index).map(|policy| policy.name.to_owned());
        let policies: Vec<String> = indices.into_iter().filter_map(name).collect();
        match (policies.is_empty(), evaluation.budget.is_spent()) {
            (true, true) => Err(TooComplex),
            (true, false) => Ok(None),
            (false, _) => Ok(Some(Administrator { policies, permissions })),
        }
    }
}

/// The Regions to which Allow statements are limited, and us-east-1.
fn regions(statements: &[(usize, RoleStatement)]) -> Vec<String> {
    let mut regions = vec!["us-east-1".to_owned()];
    let allowing = statements.iter().map(|(_, statement)| statement).filter(|statement| statement.allows);
    for region in allowing.flat_map(|statement| &statement.regions) {
        if regions.len() < MAX_REGIONS && !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    regions
}

/// The Region in an ARN pattern, if it is literal.
fn region_of(resource: &str) -> Option<&str> {
    let region = resource.split(':').nth(3)?;
    (!region.is_empty() && !region.contains(['*', '?', '$'])).then_some(region)
}

/// A list of patterns, or its complement (`NotAction`, `NotResource`).
#[derive(Debug, Clone)]
struct PatternSet {
    patterns: Vec<Pattern>,
    is_negated: bool,
}

impl PatternSet {
    fn covers(&self, text: &str, budget: &CharacterBudget) -> bool {
        budget.any_matches(&self.patterns, text) != self.is_negated
    }
}

/// A statement of an identity policy.
#[derive(Debug, Clone)]
struct RoleStatement {
    allows: bool,
    version: Version,
    actions: PatternSet,
    resources: PatternSet,
    /// The Regions to which the resources are limited.
    regions: Vec<String>,
    /// The conditions. `None` for a condition that is not understood.
    conditions: Vec<Option<Condition>>,
}

impl RolePolicy<'_> {
    /// The statements. Empty if the document is not known or not understood.
    fn statements(&self, role: &RequestingRole<'_>) -> Vec<RoleStatement> {
        let managed = self.arn.and_then(allowed_by).map(|actions| {
            let single = |text: &str| PatternSet { patterns: vec![Pattern::glob(text)], is_negated: false };
            let (actions, resources, regions, conditions) = (single(actions), single("*"), Vec::new(), Vec::new());
            RoleStatement { allows: true, version: Version::V2012, actions, resources, regions, conditions }
        });
        match (managed, self.document) {
            (Some(managed), _) => vec![managed],
            (None, Some(text)) => statements(text, role),
            (None, None) => Vec::new(),
        }
    }
}

fn statements(text: &str, role: &RequestingRole<'_>) -> Vec<RoleStatement> {
    let document: Option<Value> = decoded(text).ok().and_then(|json| serde_json::from_str(&json).ok());
    let Some(document) = document else { return Vec::new() };
    let version = match member(&document, "Version").and_then(Value::as_str) {
        Some("2012-10-17") => Version::V2012,
        _ => Version::V2008,
    };
    let statements = member(&document, "Statement").map(list).unwrap_or_default();
    statements.into_iter().filter_map(|statement| RoleStatement::of(statement, version, role)).collect()
}

impl RoleStatement {
    fn of(value: &Value, version: Version, role: &RequestingRole<'_>) -> Option<Self> {
        let allows = match member(value, "Effect")?.as_str()? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        };
        let element = |name: &str, negated_name: &str| {
            let (element, is_negated) = match member(value, name) {
                Some(element) => (element, false),
                None => (member(value, negated_name)?, true),
            };
            Some((list(element).into_iter().filter_map(Value::as_str), is_negated))
        };
        let (actions, is_negated) = element("Action", "NotAction")?;
        let patterns = actions.map(|text| Pattern::glob(&text.to_ascii_lowercase())).collect();
        let actions = PatternSet { patterns, is_negated };
        let (resources, is_negated) = element("Resource", "NotResource")?;
        let variable = |name: &str| role.context(&name.to_ascii_lowercase()).value();
        let patterns = resources.clone().filter_map(|text| condition::pattern(text, true, version, &variable));
        let regions = resources.clone().filter_map(region_of).map(str::to_owned).collect();
        let resources = PatternSet { patterns: patterns.collect(), is_negated };
        let by_operator = member(value, "Condition").and_then(Value::as_object).into_iter().flatten();
        let conditions = by_operator.flat_map(|(operator, keys)| {
            let operator = Operator::parse(operator);
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, values)| {
                let values = list(values).into_iter().map(scalar).collect::<Option<Vec<_>>>()?;
                Some(Condition { operator: operator?, key: key.clone(), values })
            })
        });
        Some(Self { allows, version, actions, resources, regions, conditions: conditions.collect() })
    }

    /// Whether the statement matches `request`.
    fn matches(&self, request: &RoleRequest<'_>, budget: &CharacterBudget) -> bool {
        let variable = |name: &str| request.context(&name.to_ascii_lowercase()).value();
        self.actions.covers(request.action, budget)
            && self.resources.covers(&request.resource, budget)
            && self.conditions.iter().all(|condition| {
                let Some(condition) = condition else { return self.allows };
                let actual = match request.context(&condition.key.to_ascii_lowercase()) {
                    ContextValue::Value(value) => Some(vec![value.into_owned()]),
                    ContextValue::Absent => None,
                    ContextValue::Unknown => return self.allows,
                };
                budget.spend_on(condition, actual.iter().flatten().map(String::len).sum());
                condition.holds(actual.as_deref(), self.version, &variable)
            })
    }
}

/// The role that makes requests.
#[derive(Debug, Clone, Copy)]
struct RequestingRole<'r> {
    arn: &'r str,
    partition: &'r str,
    account: &'r str,
}

/// A request that is part of an escalation.
struct RoleRequest<'r> {
    role: RequestingRole<'r>,
    /// In lower case.
    action: &'r str,
    resource: String,
    /// The service to which a role is passed.
    passed_to: Option<&'r str>,
    /// The AWS managed policy that is attached.
    attached: Option<&'r str>,
}

/// The value of a context key.
enum ContextValue<'r> {
    Value(Cow<'r, str>),
    Absent,
    Unknown,
}

impl ContextValue<'_> {
    fn value(self) -> Option<String> {
        match self {
            Self::Value(value) => Some(value.into_owned()),
            Self::Absent | Self::Unknown => None,
        }
    }
}

impl<'r> RequestingRole<'r> {
    fn of(arn: &'r str) -> Self {
        let parts = Arn::parse(arn);
        let (partition, account) = parts.map(|parts| (parts.partition, parts.account)).unwrap_or_default();
        Self { arn, partition, account }
    }

    /// The value of a key, in lower case, in every request of the role.
    fn context(&self, key: &str) -> ContextValue<'r> {
        let value = |value| ContextValue::Value(Cow::Borrowed(value));
        match key {
            "aws:principalarn" => value(self.arn),
            "aws:principalaccount" | "aws:resourceaccount" => value(self.account),
            "aws:principaltype" => value("AssumedRole"),
            "aws:principalisawsservice" | "aws:viaawsservice" => value("false"),
            "aws:securetransport" => value("true"),
            "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" | "aws:username" => ContextValue::Absent,
            // A role that gets every permission has no boundary.
            "iam:permissionsboundary" => ContextValue::Absent,
            // A permission for resources with a tag is not a permission for all resources.
            key if key.contains(":resourcetag/") => ContextValue::Absent,
            _ => ContextValue::Unknown,
        }
    }
}

impl<'r> RoleRequest<'r> {
    /// The value of a key, in lower case.
    fn context(&self, key: &str) -> ContextValue<'r> {
        match key {
            "iam:passedtoservice" => {
                self.passed_to.map_or(ContextValue::Absent, |host| ContextValue::Value(host.into()))
            }
            "iam:policyarn" => self.attached.map_or(ContextValue::Absent, |name| {
                ContextValue::Value(format!("arn:{}:iam::aws:policy/{name}", self.role.partition).into())
            }),
            key => self.role.context(key),
        }
    }
}

/// Evaluates requests of a role against its policies.
struct RoleEvaluation<'h> {
    role: RequestingRole<'h>,
    /// The ARNs of the role's policies that belong to its account, so that they can be changed.
    own_policies: Vec<&'h str>,
    /// The statements, each with the index of its policy.
    statements: Vec<(usize, RoleStatement)>,
    boundary: Option<Vec<RoleStatement>>,
    regions: Vec<String>,
    budget: CharacterBudget,
}

impl RoleEvaluation<'_> {
    /// The indices of the policies that together allow an escalation, and the permissions in words. Returns `None` if they do
    /// not.
    fn allows(&self, escalation: &Escalation) -> Option<(Vec<usize>, String)> {
        let (mut indices, mut actions) = (Vec::new(), Vec::new());
        for alternatives in escalation.required {
            let (action, index) =
                alternatives.iter().find_map(|action| Some((*action, self.policy_allowing(action, None)?)))?;
            actions.push(action);
            indices.push(index);
        }
        let actions = actions.join(" and ");
        let Some(service) = escalation.passed_to else { return Some((indices, actions)) };
        indices.push(self.policy_allowing("iam:PassRole", Some(service))?);
        Some((indices, format!("iam:PassRole with {actions}")))
    }

    /// The index of the policy that allows every action on every resource.
    fn policy_allowing_everything(&self) -> Option<usize> {
        let resource = "*".to_owned();
        let request =
            RoleRequest { role: self.role, action: "trailwarden:any", resource, passed_to: None, attached: None };
        self.policy_allowing("iam:AttachRolePolicy", None).and_then(|_| self.deciding_policy(&request))
    }

    /// The index of the policy that allows an action on all resources, or on the role's own resources if that suffices.
    fn policy_allowing(&self, action: &str, service: Option<&str>) -> Option<usize> {
        let lower = action.to_ascii_lowercase();
        let covers = |statement: &RoleStatement| statement.allows && statement.actions.covers(&lower, &self.budget);
        if self.budget.is_spent() || !self.statements.iter().any(|(_, statement)| covers(statement)) {
            return None;
        }
        let RequestingRole { arn, partition, account } = self.role;
        let (arn_service, is_regional, names) = resources(action);
        let no_region = [String::new()];
        let regions = if is_regional { self.regions.as_slice() } else { no_region.as_slice() };
        let any = regions.iter().flat_map(|region| {
            names.iter().map(move |name| format!("arn:{partition}:{arn_service}:{region}:{account}:{name}"))
        });
        let own: &[&str] = match action {
            "iam:AttachRolePolicy" | "iam:PutRolePolicy" => &[arn],
            "iam:CreatePolicyVersion" | "iam:SetDefaultPolicyVersion" => &self.own_policies,
            _ => &[],
        };
        // Hosts of services in China have either suffix.
        let suffixes: &[&str] = if partition == "aws-cn" { &["", ".cn"] } else { &[""] };
        let hosts = suffixes.iter().map(|suffix| service.map(|service| format!("{service}.amazonaws.com{suffix}")));
        let hosts: Vec<Option<String>> = hosts.collect();
        let attached: &[Option<&str>] = if action.starts_with("iam:Attach") {
            &[Some("AdministratorAccess"), Some("IAMFullAccess")]
        } else {
            &[None]
        };
        any.chain(own.iter().map(|arn| (*arn).to_owned())).find_map(|resource| {
            let mut combinations = hosts.iter().flat_map(|host| attached.iter().map(move |attached| (host, attached)));
            combinations.find_map(|(host, attached)| {
                let (resource, passed_to) = (resource.clone(), host.as_deref());
                self.deciding_policy(&RoleRequest {
                    role: self.role,
                    action: &lower,
                    resource,
                    passed_to,
                    attached: *attached,
                })
            })
        })
    }

    /// The index of the policy that allows a request, unless a statement denies it or the boundary does not allow it.
    fn deciding_policy(&self, request: &RoleRequest<'_>) -> Option<usize> {
        let matches = |statement: &RoleStatement, allows| {
            !self.budget.is_spent() && statement.allows == allows && statement.matches(request, &self.budget)
        };
        let (index, _) = self.statements.iter().find(|(_, statement)| matches(statement, true))?;
        let is_denied = self.statements.iter().any(|(_, statement)| matches(statement, false));
        let is_within = self.boundary.as_ref().is_none_or(|boundary| {
            let any_matches = |allows| boundary.iter().any(|statement| matches(statement, allows));
            any_matches(true) && !any_matches(false)
        });
        // If the budget is spent, a Deny statement may not have been compared.
        (!is_denied && is_within && !self.budget.is_spent()).then_some(*index)
    }
}

/// A scalar as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The member `name`, in any case.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        single => vec![single],
    }
}

#[cfg(test)]
mod tests;
