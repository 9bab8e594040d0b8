//! The trust policies in documents that people have.

use jiff::Timestamp;
use serde_json::Value;
use trailwarden::policy::{Actions, Policy, Principals};

/// A role, as far as it is known.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: Option<String>,
    pub(crate) arn: Option<String>,
    pub(crate) account: Option<String>,
    /// The time of the call that set the policy.
    pub(crate) time: Option<Timestamp>,
    /// Whether IAM has returned the policy.
    pub(crate) is_stored: bool,
    /// The text of the policy, or why there is none.
    pub(crate) policy: Result<String, String>,
}

impl Default for Role {
    fn default() -> Self {
        Self {
            name: None,
            arn: None,
            account: None,
            time: None,
            is_stored: false,
            policy: Err("is not a trust policy and not a role: it has neither Statement nor AssumeRolePolicyDocument"
                .to_owned()),
        }
    }
}

/// The roles in a text, and whether it is a list of them. A bare policy is a role without a name.
pub(crate) fn roles(text: &str) -> (Vec<Role>, bool) {
    let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else {
        // Percent-encoded, or not JSON at all: reading it as a policy tells.
        return (vec![bare(text.to_owned())], false);
    };
    if let Some(list) = list(&value) {
        let roles = list.iter().enumerate().map(|(place, one)| {
            let role = one_role(one);
            let is_known = role.name.is_some() || role.arn.is_some();
            if is_known { role } else { Role { name: Some(format!("entry {}", place + 1)), ..role } }
        });
        let mut roles: Vec<Role> = roles.collect();
        // Of the records of a trail, most are about something else.
        if value.get("Records").is_some() && roles.iter().any(|role| role.policy.is_ok()) {
            roles.retain(|role| role.policy.is_ok());
        }
        return (roles, true);
    }
    match several(&value) {
        Some(roles) => (roles, true),
        None => (vec![one_role(&value)], false),
    }
}

/// The elements of documents that are lists of roles or of records.
fn list(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(roles) => Some(roles),
        Value::Object(members) => {
            let names = ["Roles", "RoleDetailList", "Records", "configurationItems"];
            names.iter().find_map(|name| members.get(*name)?.as_array())
        }
        _ => None,
    }
}

/// The roles of a Terraform plan or state, or of a CloudFormation template; `None` when it is neither.
fn several(value: &Value) -> Option<Vec<Role>> {
    if let Some(resources) = value.get("Resources").and_then(Value::as_object) {
        let roles = resources.iter().filter(|(_, one)| one.get("Type").is_some_and(|kind| kind == "AWS::IAM::Role"));
        let role = |(name, one): (&String, &Value)| {
            let policy = one.get("Properties").and_then(|properties| properties.get("AssumeRolePolicyDocument"));
            named(name, policy, "is a role of a CloudFormation template without AssumeRolePolicyDocument")
        };
        return Some(or_none(roles.map(role).collect(), "is a CloudFormation template without a role"));
    }
    let state = value.get("resources").filter(|_| value.get("version").is_some()).and_then(Value::as_array);
    let is_plan = value.get("terraform_version").is_some() || value.get("resource_changes").is_some();
    if !is_plan && state.is_none() {
        return None;
    }
    let mut roles = Vec::new();
    state.into_iter().flatten().for_each(|resource| of_state(resource, &mut roles));
    match value.get("resource_changes").and_then(Value::as_array) {
        Some(changes) => changes.iter().for_each(|change| {
            let after = change.get("change").and_then(|change| change.get("after"));
            roles.extend(of_terraform(change, after));
        }),
        None => ["planned_values", "values"]
            .iter()
            .filter_map(|name| value.get(*name)?.get("root_module"))
            .for_each(|module| of_module(module, &mut roles)),
    }
    Some(or_none(roles, "is a Terraform plan or state without an aws_iam_role"))
}

/// The instances of a resource in a Terraform state file.
fn of_state(resource: &Value, roles: &mut Vec<Role>) {
    let text = |key: &str| resource.get(key).and_then(Value::as_str);
    let is_managed = text("mode").is_none_or(|mode| mode == "managed");
    let instances = resource.get("instances").and_then(Value::as_array).filter(|_| is_managed);
    for instance in instances.into_iter().flatten() {
        let Some(role) = of_terraform(resource, instance.get("attributes")) else { continue };
        let name = text("name").map(|name| format!("aws_iam_role.{name}"));
        let arn = instance.pointer("/attributes/arn").and_then(Value::as_str).map(str::to_owned);
        let account = arn.as_deref().and_then(account_of).map(str::to_owned);
        roles.push(Role { name: name.or(role.name), arn, account, is_stored: true, ..role });
    }
}

fn of_module(module: &Value, roles: &mut Vec<Role>) {
    let elements = |name: &str| module.get(name).and_then(Value::as_array).into_iter().flatten();
    roles.extend(elements("resources").filter_map(|resource| of_terraform(resource, resource.get("values"))));
    elements("child_modules").for_each(|module| of_module(module, roles));
}

/// A resource of Terraform with its attributes, when it is a role that remains.
fn of_terraform(resource: &Value, attributes: Option<&Value>) -> Option<Role> {
    let is_role = resource.get("type")? == "aws_iam_role";
    let attributes = attributes.filter(|attributes| is_role && attributes.is_object())?;
    let address = resource.get("address").and_then(Value::as_str).unwrap_or("aws_iam_role");
    let missing = "has no assume_role_policy in the Terraform plan; it may be known after apply only";
    Some(named(address, attributes.get("assume_role_policy"), missing))
}

fn or_none(roles: Vec<Role>, why: &str) -> Vec<Role> {
    if roles.is_empty() { vec![Role { policy: Err(why.to_owned()), ..Role::default() }] } else { roles }
}

fn bare(text: String) -> Role {
    Role { policy: Ok(text), ..Role::default() }
}

fn named(name: &str, policy: Option<&Value>, missing: &str) -> Role {
    let policy = policy.filter(|policy| !policy.is_null()).map(text_of).ok_or_else(|| missing.to_owned());
    Role { name: Some(name.to_owned()), policy, ..Role::default() }
}

/// A policy that is text, or the policy itself.
fn text_of(policy: &Value) -> String {
    policy.as_str().map_or_else(|| policy.to_string(), str::to_owned)
}

/// The role in one document.
fn one_role(value: &Value) -> Role {
    let value = ["Role", "detail", "configurationItem"].iter().find_map(|name| value.get(*name)).unwrap_or(value);
    if value.get("eventSource").is_some() || value.get("eventName").is_some() {
        return of_record(value);
    }
    if value.get("configuration").is_some() && value.get("resourceType").is_some() {
        return of_item(value);
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    // The output of commands such as `aws s3api get-bucket-policy`: reading the policy in it tells that it is no trust policy.
    let is_policy = |policy: &&Value| policy.is_string() || policy.get("Statement").is_some();
    let other = ["Policy", "PolicyDocument"].iter().find_map(|name| value.get(*name)).filter(is_policy);
    if let (Some(policy), None) = (other, value.get("AssumeRolePolicyDocument")) {
        return bare(text_of(policy));
    }
    let policy = match (value.get("AssumeRolePolicyDocument"), value.get("Statement")) {
        (Some(policy), _) => Ok(text_of(policy)),
        // A policy alone, or one that reading tells what is wrong with.
        (None, Some(_)) => return bare(value.to_string()),
        (None, None) if value.is_string() => return bare(text_of(value)),
        (None, None) => Role::default().policy,
    };
    let arn = text("Arn");
    let account = arn.as_deref().and_then(account_of).map(str::to_owned);
    Role { name: text("RoleName"), arn, account, is_stored: true, policy, ..Role::default() }
}

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// The role of a CloudTrail record.
fn of_record(record: &Value) -> Role {
    let text = |path: &str| {
        let value = path.split('.').try_fold(record, |value, name| value.get(name))?;
        (!value.is_null()).then(|| text_of(value))
    };
    let policy = match text("eventName").as_deref() {
        Some("CreateRole") => text("requestParameters.assumeRolePolicyDocument")
            .or_else(|| text("responseElements.role.assumeRolePolicyDocument")),
        Some("UpdateAssumeRolePolicy") => text("requestParameters.policyDocument"),
        _ => None,
    };
    let call = text("eventName").unwrap_or_else(|| "an unknown call".to_owned());
    Role {
        name: text("requestParameters.roleName").or_else(|| text("responseElements.role.roleName")),
        arn: text("responseElements.role.arn"),
        account: text("recipientAccountId"),
        time: text("eventTime").and_then(|time| time.parse().ok()),
        is_stored: false,
        policy: policy.ok_or_else(|| {
            format!("is a CloudTrail record of {call} without a trust policy; `trailwarden evaluate` judges records")
        }),
    }
}

/// The role of an AWS Config item.
fn of_item(item: &Value) -> Role {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let parsed = item.get("configuration").and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    let configuration = parsed.as_ref().or_else(|| item.get("configuration")).unwrap_or(&Value::Null);
    let kind = text(item, "resourceType").unwrap_or_default();
    let policy = configuration.get("assumeRolePolicyDocument").filter(|policy| !policy.is_null()).map(text_of);
    Role {
        name: text(item, "resourceName").or_else(|| text(configuration, "roleName")),
        arn: text(item, "ARN").or_else(|| text(item, "arn")).or_else(|| text(configuration, "arn")),
        account: text(item, "awsAccountId").or_else(|| text(item, "accountId")),
        time: None,
        is_stored: true,
        policy: policy.ok_or_else(|| format!("is an AWS Config item of {kind} without a trust policy")),
    }
}

/// Whether a policy is about assuming a role, as far as its statements are understood.
///
/// # Errors
/// What it is about instead.
pub(crate) fn is_of_trust(policy: &Policy) -> Result<(), String> {
    let of_sts = [
        "sts:AssumeRole",
        "sts:AssumeRoleWithSAML",
        "sts:AssumeRoleWithWebIdentity",
        "sts:SetContext",
        "sts:SetSourceIdentity",
        "sts:TagSession",
    ];
    let is_of_sts = |actions: &Actions| of_sts.iter().any(|action| actions.cover(action));
    let statements = &policy.statements;
    let has_principals = |principals: &Option<Principals>| principals.is_some();
    if !statements.is_empty() && !statements.iter().any(|one| has_principals(&one.principals)) {
        return Err("is not a trust policy: its statements have no Principal that is understood".to_owned());
    }
    if statements.is_empty() || statements.iter().any(|one| !one.errors.is_empty() || is_of_sts(&one.actions)) {
        return Ok(());
    }
    let first = statements.iter().find_map(|one| match &one.actions {
        Actions::These(actions) => actions.first().cloned(),
        Actions::AllBut(_) => None,
    });
    let about = first.map(|action| format!("it is about {action}, not about")).unwrap_or("it is not about".to_owned());
    Err(format!("is not a trust policy: {about} sts:AssumeRole and its like"))
}
