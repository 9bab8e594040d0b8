//! Extracts trust policies from documents: output of the AWS CLI, CloudTrail records, Config items, and templates.

use jiff::Timestamp;
use serde_json::Value;
use trailwarden::policy::{Actions, Policy, Principals};

/// A role in a document.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: Option<String>,
    pub(crate) arn: Option<String>,
    pub(crate) account: Option<String>,
    /// The time of the call that set the policy.
    pub(crate) time: Option<Timestamp>,
    /// Whether the policy was read from IAM.
    pub(crate) is_stored: bool,
    /// The text of the policy, or the reason why there is none.
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
            policy: Err(
                "is neither a trust policy nor a role: it has no Statement and no AssumeRolePolicyDocument".to_owned()
            ),
        }
    }
}

/// Returns the roles in a document, and whether the document is a list. A policy without a role becomes a role without a
/// name.
pub(crate) fn roles(text: &str) -> (Vec<Role>, bool) {
    let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else {
        // The text may be percent-encoded. The policy parser reports text that is not a policy.
        return (vec![unnamed_role(text.to_owned())], false);
    };
    if let Some(list) = list(&value) {
        let roles = list.iter().enumerate().map(|(index, entry)| {
            let role = single_role(entry);
            let is_known = role.name.is_some() || role.arn.is_some();
            if is_known { role } else { Role { name: Some(format!("entry {}", index + 1)), ..role } }
        });
        let mut roles: Vec<Role> = roles.collect();
        // Most records of a trail are about other calls.
        if value.get("Records").is_some() && roles.iter().any(|role| role.policy.is_ok()) {
            roles.retain(|role| role.policy.is_ok());
        }
        return (roles, true);
    }
    match template_roles(&value) {
        Some(roles) => (roles, true),
        None => (vec![single_role(&value)], false),
    }
}

/// Returns the entries of a document that is a list of roles or records.
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

/// Returns the roles in a Terraform plan or state, or a CloudFormation template; `None` for other documents.
fn template_roles(value: &Value) -> Option<Vec<Role>> {
    if let Some(resources) = value.get("Resources").and_then(Value::as_object) {
        let roles =
            resources.iter().filter(|(_, entry)| entry.get("Type").is_some_and(|kind| kind == "AWS::IAM::Role"));
        let role = |(name, entry): (&String, &Value)| {
            let policy = entry.get("Properties").and_then(|properties| properties.get("AssumeRolePolicyDocument"));
            named_role(name, policy, "is a role of a CloudFormation template without AssumeRolePolicyDocument")
        };
        return Some(or_missing(roles.map(role).collect(), "is a CloudFormation template without a role"));
    }
    let state = value.get("resources").filter(|_| value.get("version").is_some()).and_then(Value::as_array);
    let is_plan = value.get("terraform_version").is_some() || value.get("resource_changes").is_some();
    if !is_plan && state.is_none() {
        return None;
    }
    let mut roles = Vec::new();
    state.into_iter().flatten().for_each(|resource| add_state_roles(resource, &mut roles));
    match value.get("resource_changes").and_then(Value::as_array) {
        Some(changes) => changes.iter().for_each(|change| {
            let after = change.get("change").and_then(|change| change.get("after"));
            roles.extend(terraform_role(change, after));
        }),
        None => ["planned_values", "values"]
            .iter()
            .filter_map(|name| value.get(*name)?.get("root_module"))
            .for_each(|module| add_module_roles(module, &mut roles)),
    }
    Some(or_missing(roles, "is a Terraform plan or state without an aws_iam_role"))
}

/// Adds the roles of a resource in a Terraform state file.
fn add_state_roles(resource: &Value, roles: &mut Vec<Role>) {
    let text = |key: &str| resource.get(key).and_then(Value::as_str);
    let is_managed = text("mode").is_none_or(|mode| mode == "managed");
    let instances = resource.get("instances").and_then(Value::as_array).filter(|_| is_managed);
    for instance in instances.into_iter().flatten() {
        let Some(role) = terraform_role(resource, instance.get("attributes")) else { continue };
        let name = text("name").map(|name| format!("aws_iam_role.{name}"));
        let arn = instance.pointer("/attributes/arn").and_then(Value::as_str).map(str::to_owned);
        let account = arn.as_deref().and_then(account_of).map(str::to_owned);
        roles.push(Role { name: name.or(role.name), arn, account, is_stored: true, ..role });
    }
}

/// Adds the roles of a Terraform module and its child modules.
fn add_module_roles(module: &Value, roles: &mut Vec<Role>) {
    let elements = |name: &str| module.get(name).and_then(Value::as_array).into_iter().flatten();
    roles.extend(elements("resources").filter_map(|resource| terraform_role(resource, resource.get("values"))));
    elements("child_modules").for_each(|module| add_module_roles(module, roles));
}

/// Returns a Terraform resource as a role, if it is one and is not deleted.
fn terraform_role(resource: &Value, attributes: Option<&Value>) -> Option<Role> {
    let is_role = resource.get("type")? == "aws_iam_role";
    let attributes = attributes.filter(|attributes| is_role && attributes.is_object())?;
    let address = resource.get("address").and_then(Value::as_str).unwrap_or("aws_iam_role");
    let missing = "has no assume_role_policy in the Terraform plan; it may be known only after apply";
    Some(named_role(address, attributes.get("assume_role_policy"), missing))
}

fn or_missing(roles: Vec<Role>, why: &str) -> Vec<Role> {
    if roles.is_empty() { vec![Role { policy: Err(why.to_owned()), ..Role::default() }] } else { roles }
}

fn unnamed_role(text: String) -> Role {
    Role { policy: Ok(text), ..Role::default() }
}

fn named_role(name: &str, policy: Option<&Value>, missing: &str) -> Role {
    let policy = policy.filter(|policy| !policy.is_null()).map(policy_text).ok_or_else(|| missing.to_owned());
    Role { name: Some(name.to_owned()), policy, ..Role::default() }
}

/// Returns a policy as text, whether it is a JSON string or an object.
fn policy_text(policy: &Value) -> String {
    policy.as_str().map_or_else(|| policy.to_string(), str::to_owned)
}

/// Returns the role in a document that is not a list.
fn single_role(value: &Value) -> Role {
    let value = ["Role", "detail", "configurationItem"].iter().find_map(|name| value.get(*name)).unwrap_or(value);
    if value.get("eventSource").is_some() || value.get("eventName").is_some() {
        return record_role(value);
    }
    if value.get("configuration").is_some() && value.get("resourceType").is_some() {
        return config_item_role(value);
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    // Output of commands such as `aws s3api get-bucket-policy`. `check_trust_policy` explains that it is not a trust policy.
    let is_policy = |policy: &&Value| policy.is_string() || policy.get("Statement").is_some();
    let other = ["Policy", "PolicyDocument"].iter().find_map(|name| value.get(*name)).filter(is_policy);
    if let (Some(policy), None) = (other, value.get("AssumeRolePolicyDocument")) {
        return unnamed_role(policy_text(policy));
    }
    let policy = match (value.get("AssumeRolePolicyDocument"), value.get("Statement")) {
        (Some(policy), _) => Ok(policy_text(policy)),
        // A policy alone. The policy parser reports errors in it.
        (None, Some(_)) => return unnamed_role(value.to_string()),
        (None, None) if value.is_string() => return unnamed_role(policy_text(value)),
        (None, None) => Role::default().policy,
    };
    let arn = text("Arn");
    let account = arn.as_deref().and_then(account_of).map(str::to_owned);
    Role { name: text("RoleName"), arn, account, is_stored: true, policy, ..Role::default() }
}

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// Returns the role of a CloudTrail record.
fn record_role(record: &Value) -> Role {
    let text = |path: &str| {
        let value = path.split('.').try_fold(record, |value, name| value.get(name))?;
        (!value.is_null()).then(|| policy_text(value))
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
            format!("is a CloudTrail record of {call} without a trust policy; use `trailwarden evaluate` for records")
        }),
    }
}

/// Returns the role of an AWS Config item.
fn config_item_role(item: &Value) -> Role {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let parsed = item.get("configuration").and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
    let configuration = parsed.as_ref().or_else(|| item.get("configuration")).unwrap_or(&Value::Null);
    let kind = text(item, "resourceType").unwrap_or_default();
    let policy = configuration.get("assumeRolePolicyDocument").filter(|policy| !policy.is_null()).map(policy_text);
    Role {
        name: text(item, "resourceName").or_else(|| text(configuration, "roleName")),
        arn: text(item, "ARN").or_else(|| text(item, "arn")).or_else(|| text(configuration, "arn")),
        account: text(item, "awsAccountId").or_else(|| text(item, "accountId")),
        time: None,
        is_stored: true,
        policy: policy.ok_or_else(|| format!("is an AWS Config item of {kind} without a trust policy")),
    }
}

/// Checks that a policy controls who can assume a role.
///
/// # Errors
/// Returns the reason why it is not a trust policy.
pub(crate) fn check_trust_policy(policy: &Policy) -> Result<(), String> {
    let sts_actions = [
        "sts:AssumeRole",
        "sts:AssumeRoleWithSAML",
        "sts:AssumeRoleWithWebIdentity",
        "sts:SetContext",
        "sts:SetSourceIdentity",
        "sts:TagSession",
    ];
    let covers_sts = |actions: &Actions| sts_actions.iter().any(|action| actions.cover(action));
    let statements = &policy.statements;
    let has_principals = |principals: &Option<Principals>| principals.is_some();
    if !statements.is_empty() && !statements.iter().any(|entry| has_principals(&entry.principals)) {
        return Err("is not a trust policy: its statements have no supported Principal".to_owned());
    }
    if statements.is_empty() || statements.iter().any(|entry| !entry.errors.is_empty() || covers_sts(&entry.actions)) {
        return Ok(());
    }
    let first = statements.iter().find_map(|entry| match &entry.actions {
        Actions::These(actions) => actions.first().cloned(),
        Actions::AllBut(_) => None,
    });
    let subject = first.map(|action| format!("it allows or denies {action}, not"));
    let subject = subject.unwrap_or_else(|| "it does not allow or deny".to_owned());
    Err(format!("is not a trust policy: {subject} sts:AssumeRole or a similar action"))
}
