//! Policies that make their holder an administrator.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::condition::{self, Condition, Operator};
use super::document::{Version, decoded};
use super::escalation::{ESCALATIONS, Escalation, resources};
use super::pattern::Pattern;
use crate::arn::Arn;

/// Managed policies of AWS that let their holder do everything, or give itself everything, and the actions they allow.
const ADMINISTRATORS: [(&str, &str); 2] = [("AdministratorAccess", "*"), ("IAMFullAccess", "iam:*")];

/// Whether the ARN is that of a managed policy of AWS, in any partition, that makes its holder an administrator.
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

/// A role with its policies.
#[derive(Debug, Clone, Default)]
pub struct Holder<'p> {
    /// Its ARN.
    pub arn: &'p str,
    /// Its policies, attached and inline.
    pub policies: Vec<Held<'p>>,
    /// Its permissions boundary. One of which it is not known what it says takes nothing away.
    pub boundary: Option<Held<'p>>,
}

/// A policy of a role.
#[derive(Debug, Clone, Default)]
pub struct Held<'p> {
    /// Its name.
    pub name: &'p str,
    /// Its ARN, unless it is an inline policy.
    pub arn: Option<&'p str>,
    /// What it says, where that is known.
    pub document: Option<&'p str>,
}

/// What makes a role an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// The names of the policies.
    pub policies: Vec<String>,
    /// The permissions, such as `iam:PassRole with lambda:CreateFunction and lambda:InvokeFunction`. Some, when there are
    /// many.
    pub permissions: Vec<String>,
}

/// Most sets of permissions that are named.
const MAX_PERMISSIONS: usize = 5;
/// Maximum number of Regions that a role's permissions are tried in.
const MAX_REGIONS: usize = 4;
/// Maximum number of characters that are compared for one role. The largest sets of policies in use take about a tenth.
const MAX_COMPARISONS: u64 = 10_000_000;

/// The policies of a role are too complex to decide within the budget of comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its policies are too complex to decide")]
pub struct TooComplex;

/// The comparisons of characters that are left.
#[derive(Debug)]
struct Budget(Cell<u64>);

impl Budget {
    /// Whether any pattern matches the text; not, when the budget is spent.
    fn any_matches(&self, patterns: &[Pattern], text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let mut left = self.0.get();
        let matches = |pattern: &Pattern| pattern.matches_within(&text, &mut left).unwrap_or(false);
        let found = patterns.iter().any(matches);
        self.0.set(left);
        found
    }

    /// Takes the comparisons that a condition makes with a value of this length in bytes.
    fn spend_on(&self, condition: &Condition, length: usize) {
        let all = condition.values.iter().map(String::len).sum::<usize>();
        let has_wildcards = condition.values.iter().any(|value| value.contains('*'));
        let comparisons = all.saturating_mul(if has_wildcards { length.max(1) } else { 1 });
        self.0.set(self.0.get().saturating_sub(u64::try_from(comparisons).unwrap_or(u64::MAX)));
    }

    fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

impl Holder<'_> {
    /// What makes it an administrator: the sets of permissions by which it can give itself whatever it wants, on any
    /// resource of the account, by whatever wildcards and in whichever of its policies. A Deny statement counts, and so
    /// does the boundary. Conditions are evaluated for what is known of such a request; the rest counts as met where it
    /// allows and as not met where it denies. `None` when there is no such set.
    ///
    /// # Errors
    /// When the policies take more comparisons than the budget of a role, and no set was found before.
    pub fn administrator(&self) -> Result<Option<Administrator>, TooComplex> {
        let role = Role::of(self.arn);
        let policies = self.policies.iter().enumerate();
        let statements = policies
            .flat_map(|(place, policy)| policy.statements(&role).into_iter().map(move |statement| (place, statement)));
        let statements: Vec<(usize, Statement)> = statements.collect();
        let boundary = self.boundary.as_ref().map(|boundary| boundary.statements(&role));
        let is_own =
            |arn: &&str| !role.account.is_empty() && Arn::parse(arn).is_some_and(|arn| arn.account == role.account);
        let trial = Trial {
            role,
            own_policies: self.policies.iter().filter_map(|policy| policy.arn).filter(is_own).collect(),
            regions: regions(&statements),
            statements,
            boundary: boundary.filter(|statements| !statements.is_empty()),
            budget: Budget(Cell::new(MAX_COMPARISONS)),
        };
        let mut places = BTreeSet::new();
        let mut permissions = Vec::new();
        if let Some(place) = trial.allows_everything() {
            places.insert(place);
            permissions.push("everything".to_owned());
        } else {
            for (found, words) in ESCALATIONS.iter().filter_map(|escalation| trial.allows(escalation)) {
                places.extend(found);
                permissions.push(words);
            }
        }
        let more = permissions.len().saturating_sub(MAX_PERMISSIONS);
        permissions.truncate(MAX_PERMISSIONS);
        if more > 0 {
            permissions.push(format!("{more} more"));
        }
        let name = |place: usize| self.policies.get(place).map(|policy| policy.name.to_owned());
        let policies: Vec<String> = places.into_iter().filter_map(name).collect();
        match (policies.is_empty(), trial.budget.is_spent()) {
            (true, true) => Err(TooComplex),
            (true, false) => Ok(None),
            (false, _) => Ok(Some(Administrator { policies, permissions })),
        }
    }
}

/// The regions that statements limit themselves to, and one more.
fn regions(statements: &[(usize, Statement)]) -> Vec<String> {
    let mut regions = vec!["us-east-1".to_owned()];
    for region in statements.iter().filter(|(_, one)| one.allows).flat_map(|(_, one)| &one.regions) {
        if regions.len() < MAX_REGIONS && !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    regions
}

/// The region that a pattern for ARNs names.
fn region_of(resource: &str) -> Option<&str> {
    let region = resource.split(':').nth(3)?;
    (!region.is_empty() && !region.contains(['*', '?', '$'])).then_some(region)
}

/// Patterns that are meant, or all but which are.
#[derive(Debug, Clone)]
struct Meant {
    patterns: Vec<Pattern>,
    is_negated: bool,
}

impl Meant {
    fn covers(&self, text: &str, budget: &Budget) -> bool {
        budget.any_matches(&self.patterns, text) != self.is_negated
    }
}

/// A statement of an identity policy.
#[derive(Debug, Clone)]
struct Statement {
    allows: bool,
    version: Version,
    actions: Meant,
    resources: Meant,
    /// The regions that the resources are limited to.
    regions: Vec<String>,
    /// `None` for one that is not understood.
    conditions: Vec<Option<Condition>>,
}

impl Held<'_> {
    /// What it says; nothing where that is not known or not understood.
    fn statements(&self, role: &Role<'_>) -> Vec<Statement> {
        let known = self.arn.and_then(allowed_by).map(|actions| {
            let one = |text: &str| Meant { patterns: vec![Pattern::glob(text)], is_negated: false };
            let (actions, resources, regions, conditions) = (one(actions), one("*"), Vec::new(), Vec::new());
            Statement { allows: true, version: Version::V2012, actions, resources, regions, conditions }
        });
        match (known, self.document) {
            (Some(known), _) => vec![known],
            (None, Some(text)) => statements(text, role),
            (None, None) => Vec::new(),
        }
    }
}

fn statements(text: &str, role: &Role<'_>) -> Vec<Statement> {
    let document: Option<Value> = decoded(text).ok().and_then(|json| serde_json::from_str(&json).ok());
    let Some(document) = document else { return Vec::new() };
    let version = match member(&document, "Version").and_then(Value::as_str) {
        Some("2012-10-17") => Version::V2012,
        _ => Version::V2008,
    };
    let all = member(&document, "Statement").map(list).unwrap_or_default();
    all.into_iter().filter_map(|statement| Statement::of(statement, version, role)).collect()
}

impl Statement {
    fn of(value: &Value, version: Version, role: &Role<'_>) -> Option<Self> {
        let allows = match member(value, "Effect")?.as_str()? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        };
        let meant = |name: &str, but: &str| {
            let found = member(value, name).map(|found| (found, false));
            let (found, is_negated) = found.or_else(|| Some((member(value, but)?, true)))?;
            Some((list(found).into_iter().filter_map(Value::as_str), is_negated))
        };
        let (actions, is_negated) = meant("Action", "NotAction")?;
        let patterns = actions.map(|text| Pattern::glob(&text.to_ascii_lowercase())).collect();
        let actions = Meant { patterns, is_negated };
        let (resources, is_negated) = meant("Resource", "NotResource")?;
        let variable = |name: &str| role.context(&name.to_ascii_lowercase()).value();
        let patterns = resources.clone().filter_map(|text| condition::pattern(text, true, version, &variable));
        let regions = resources.clone().filter_map(region_of).map(str::to_owned).collect();
        let resources = Meant { patterns: patterns.collect(), is_negated };
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

    /// Whether it decides about `request`.
    fn applies(&self, request: &Request<'_>, budget: &Budget) -> bool {
        let variable = |name: &str| request.context(&name.to_ascii_lowercase()).value();
        self.actions.covers(request.action, budget)
            && self.resources.covers(&request.resource, budget)
            && self.conditions.iter().all(|one| {
                let Some(one) = one else { return self.allows };
                let found = match request.context(&one.key.to_ascii_lowercase()) {
                    Known::Value(value) => Some(vec![value.into_owned()]),
                    Known::Absent => None,
                    Known::Not => return self.allows,
                };
                budget.spend_on(one, found.iter().flatten().map(String::len).sum());
                one.holds(found.as_deref(), self.version, &variable)
            })
    }
}

/// Who makes requests.
#[derive(Debug, Clone, Copy)]
struct Role<'r> {
    arn: &'r str,
    partition: &'r str,
    account: &'r str,
}

/// A request that an escalation makes.
struct Request<'r> {
    role: Role<'r>,
    /// In lower case.
    action: &'r str,
    resource: String,
    /// The service that a role is passed to.
    passed_to: Option<&'r str>,
    /// The policy of AWS that is attached.
    attached: Option<&'r str>,
}

/// What is known of a key of a request's context.
enum Known<'r> {
    Value(Cow<'r, str>),
    Absent,
    Not,
}

impl Known<'_> {
    fn value(self) -> Option<String> {
        match self {
            Self::Value(value) => Some(value.into_owned()),
            Self::Absent | Self::Not => None,
        }
    }
}

impl<'r> Role<'r> {
    fn of(arn: &'r str) -> Self {
        let parts = Arn::parse(arn);
        let (partition, account) = parts.map(|parts| (parts.partition, parts.account)).unwrap_or_default();
        Self { arn, partition, account }
    }

    /// What is known of a key, in lower case, in all requests of the role.
    fn context(&self, key: &str) -> Known<'r> {
        let value = |value| Known::Value(Cow::Borrowed(value));
        match key {
            "aws:principalarn" => value(self.arn),
            "aws:principalaccount" | "aws:resourceaccount" => value(self.account),
            "aws:principaltype" => value("AssumedRole"),
            "aws:principalisawsservice" | "aws:viaawsservice" => value("false"),
            "aws:securetransport" => value("true"),
            "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" | "aws:username" => Known::Absent,
            // Whoever is to be given everything has no boundary.
            "iam:permissionsboundary" => Known::Absent,
            // Permissions for resources with a tag are not for any resource.
            key if key.contains(":resourcetag/") => Known::Absent,
            _ => Known::Not,
        }
    }
}

impl<'r> Request<'r> {
    /// What is known of a key, in lower case.
    fn context(&self, key: &str) -> Known<'r> {
        match key {
            "iam:passedtoservice" => self.passed_to.map_or(Known::Absent, |host| Known::Value(host.into())),
            "iam:policyarn" => self.attached.map_or(Known::Absent, |name| {
                Known::Value(format!("arn:{}:iam::aws:policy/{name}", self.role.partition).into())
            }),
            key => self.role.context(key),
        }
    }
}

/// The statements that decide about a role.
struct Trial<'h> {
    role: Role<'h>,
    /// The ARNs of its own policies that it could change.
    own_policies: Vec<&'h str>,
    /// With the place of their policy.
    statements: Vec<(usize, Statement)>,
    boundary: Option<Vec<Statement>>,
    regions: Vec<String>,
    budget: Budget,
}

impl Trial<'_> {
    /// The policies that allow all that an escalation needs, and the permissions in words.
    fn allows(&self, escalation: &Escalation) -> Option<(Vec<usize>, String)> {
        let (mut places, mut words) = (Vec::new(), Vec::new());
        for alternatives in escalation.needs {
            let found = alternatives.iter().find_map(|action| Some((*action, self.allowed(action, None)?)));
            let (action, place) = found?;
            words.push(action);
            places.push(place);
        }
        let words = words.join(" and ");
        let Some(service) = escalation.passed_to else { return Some((places, words)) };
        places.push(self.allowed("iam:PassRole", Some(service))?);
        Some((places, format!("iam:PassRole with {words}")))
    }

    /// The policy that allows everything on everything.
    fn allows_everything(&self) -> Option<usize> {
        let resource = "*".to_owned();
        let request = Request { role: self.role, action: "trailwarden:any", resource, passed_to: None, attached: None };
        self.allowed("iam:AttachRolePolicy", None).and_then(|_| self.place(&request))
    }

    /// The policy that allows an action on any resource, or on what is the role's own where that is enough.
    fn allowed(&self, action: &str, service: Option<&str>) -> Option<usize> {
        let lower = action.to_ascii_lowercase();
        let covers = |statement: &Statement| statement.allows && statement.actions.covers(&lower, &self.budget);
        if self.budget.is_spent() || !self.statements.iter().any(|(_, statement)| covers(statement)) {
            return None;
        }
        let Role { arn, partition, account } = self.role;
        let (of, is_regional, names) = resources(action);
        let nowhere = [String::new()];
        let regions = if is_regional { self.regions.as_slice() } else { nowhere.as_slice() };
        let any = regions
            .iter()
            .flat_map(|region| names.iter().map(move |name| format!("arn:{partition}:{of}:{region}:{account}:{name}")));
        let own: &[&str] = match action {
            "iam:AttachRolePolicy" | "iam:PutRolePolicy" => &[arn],
            "iam:CreatePolicyVersion" | "iam:SetDefaultPolicyVersion" => &self.own_policies,
            _ => &[],
        };
        // Services in China have hosts of either form.
        let ends: &[&str] = if partition == "aws-cn" { &["", ".cn"] } else { &[""] };
        let hosts = ends.iter().map(|end| service.map(|service| format!("{service}.amazonaws.com{end}")));
        let hosts: Vec<Option<String>> = hosts.collect();
        let attached: &[Option<&str>] = match action.starts_with("iam:Attach") {
            true => &[Some("AdministratorAccess"), Some("IAMFullAccess")],
            false => &[None],
        };
        any.chain(own.iter().map(|arn| (*arn).to_owned())).find_map(|resource| {
            let each = hosts.iter().flat_map(|host| attached.iter().map(move |attached| (host, attached)));
            each.into_iter().find_map(|(host, attached)| {
                let (resource, passed_to) = (resource.clone(), host.as_deref());
                self.place(&Request { role: self.role, action: &lower, resource, passed_to, attached: *attached })
            })
        })
    }

    /// The policy that allows a request, unless a statement denies it or the boundary does not allow it.
    fn place(&self, request: &Request<'_>) -> Option<usize> {
        let applies = |statement: &Statement, allows| {
            !self.budget.is_spent() && statement.allows == allows && statement.applies(request, &self.budget)
        };
        let (place, _) = self.statements.iter().find(|(_, statement)| applies(statement, true))?;
        let is_denied = self.statements.iter().any(|(_, statement)| applies(statement, false));
        let is_within = self.boundary.as_ref().is_none_or(|boundary| {
            let any = |allows| boundary.iter().any(|statement| applies(statement, allows));
            any(true) && !any(false)
        });
        // A Deny statement may not have been compared.
        (!is_denied && is_within && !self.budget.is_spent()).then_some(*place)
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

/// The member `name`; IAM takes names in any case.
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
