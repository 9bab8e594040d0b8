//! Restores the trust policy of a role, or denies those whom a statement lets in.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::ec2::{response, text};
use super::{
    Action, ApiCall, Argument, ArgumentKind, ArgumentSource, CallPlan, IamStatement, NextStep, Reversibility, Tags,
    Target, history,
};

/// The row.
pub(super) const ACTION: Action = Action {
    name: "restore-role-trust",
    summary: "Restores the trust policy that AWS Config recorded before the call. If it recorded none, adds Deny statements \
              for those whom the reported statements let in, and keeps the rest.",
    precondition: "The trust policy of the role is the one that the call set.",
    rules: &["role-trust-external", "role-trust-public", "role-trust-public-admin"],
    reversibility: Reversibility::Exact,
    approval: None,
    restores_own: false,
    tags: Tags::Role("role_name"),
    arguments: &[
        Argument { name: "role_name", kind: ArgumentKind::RoleName },
        Argument { name: "policy", kind: ArgumentKind::PolicyDocument },
        Argument { name: "statements", kind: ArgumentKind::Numbers },
        Argument { name: "changed_at", kind: ArgumentKind::Time },
    ],
    requested,
    next_read,
    state: |_, responses| current(responses).unwrap_or_default().into(),
    expected: |target| {
        let policy = target.text("policy");
        let role = json!({"RoleName": target.text("role_name"), "RoleId": "AROA", "AssumeRolePolicyDocument": policy});
        vec![json!({"Role": role}), Value::Null]
    },
    decide,
    permissions: &[
        IamStatement {
            actions: &["iam:GetRole", "iam:ListRoleTags", "iam:UpdateAssumeRolePolicy"],
            resources: &["arn:{partition}:iam::{account}:role/*"],
            conditions: &[],
        },
        IamStatement { actions: &["config:GetResourceConfigHistory"], resources: &["*"], conditions: &[] },
    ],
};

/// How the ids of added statements begin.
const QUARANTINE: &str = "TrailwardenQuarantine";

/// Maximum length of a trust policy that AWS accepts without white space, with the largest quota.
const MAX_POLICY: usize = 4096;

fn requested(source: &ArgumentSource<'_>) -> Option<Map<String, Value>> {
    let policy = match () {
        () if source.is("UpdateAssumeRolePolicy") => source.text("requestParameters.policyDocument")?,
        () if source.is("CreateRole") => source.text("requestParameters.assumeRolePolicyDocument")?,
        () => return None,
    };
    let statements = source.matched("trust.policy.statements").into_iter();
    let numbers: Option<Vec<Value>> = statements.map(|statement| statement.get("statement").cloned()).collect();
    let mut arguments = source.all(&[("role_name", "requestParameters.roleName")])?;
    arguments.insert("policy".to_owned(), policy.into());
    arguments.insert("statements".to_owned(), numbers?.into());
    arguments.insert("changed_at".to_owned(), source.time()?.to_string().into());
    Some(arguments)
}

fn next_read(target: &Target, responses: &[Value]) -> Option<ApiCall> {
    match responses {
        [] => Some(target.call("iam", "GetRole", json!({"RoleName": target.text("role_name")}))),
        [role] => {
            let id = role.pointer("/Role/RoleId")?.as_str()?;
            Some(history::read(target, "AWS::IAM::Role", id))
        }
        _ => None,
    }
}

/// The text of the trust policy now; IAM returns it percent-encoded.
fn current(responses: &[Value]) -> Option<String> {
    decoded(text(response(responses).get("Role")?, "AssumeRolePolicyDocument"))
}

/// The text of the trust policy before the call, from AWS Config.
fn before(responses: &[Value]) -> Option<String> {
    let configuration = history::configuration(responses.get(1))?;
    decoded(text(&configuration, "assumeRolePolicyDocument"))
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?.into_owned();
    parsed(&text).is_some().then_some(text)
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

fn decide(target: &Target, responses: &[Value]) -> NextStep {
    let role = target.text("role_name");
    let Some(now) = current(responses) else {
        return NextStep::NothingToDo(format!("The role {role} does not exist."));
    };
    let (set, before) = (parsed(target.text("policy")), before(responses));
    let policy = parsed(&now);
    if policy != set {
        if before.as_deref().and_then(parsed) == policy {
            return NextStep::NothingToDo(format!("The role {role} has its former trust policy."));
        }
        return match policy.map(without_quarantine) == set {
            true => NextStep::NothingToDo(format!("The statements of the role {role} are denied.")),
            false => NextStep::Differs(format!("The trust policy of the role {role} was changed since the call.")),
        };
    }
    let update = |document: String| {
        let parameters = json!({"RoleName": role, "PolicyDocument": document});
        target.call("iam", "UpdateAssumeRolePolicy", parameters)
    };
    if let Some(before) = before.filter(|before| parsed(before) != set) {
        return NextStep::Act(CallPlan { calls: vec![update(before)], inverse: vec![update(now)], approval: None });
    }
    match set.and_then(|set| quarantined(set, target)) {
        Some(document) => NextStep::Act(CallPlan {
            calls: vec![update(document)],
            inverse: vec![update(now)],
            approval: Some("AWS Config has no former trust policy, so the reported statements are denied."),
        }),
        None => NextStep::Differs(format!("The former trust policy of the role {role} is not known. Set it by hand.")),
    }
}

/// The statements of a policy as a list.
fn statements(policy: &mut Value) -> Option<&mut Vec<Value>> {
    let statements = policy.get_mut("Statement")?;
    if statements.is_object() {
        *statements = Value::Array(vec![statements.take()]);
    }
    statements.as_array_mut()
}

/// The policy with a Deny statement for each reported statement; `None` if one of them does not exist or AWS would not
/// accept the length.
///
/// A Deny statement repeats the principal, the actions and the conditions of the reported statement, so that it denies
/// nothing else. Principals of the role's own account are left out of it.
fn quarantined(mut policy: Value, target: &Target) -> Option<String> {
    let account = target.place().account.as_str();
    let all = statements(&mut policy)?;
    let mut denied = Vec::new();
    for (place, number) in target.list("statements").iter().enumerate() {
        let index = usize::try_from(number.as_u64()?).ok()?.checked_sub(1)?;
        let mut statement = all.get(index)?.as_object()?.clone();
        if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
            return None;
        }
        statement.insert("Effect".to_owned(), "Deny".into());
        statement.insert("Sid".to_owned(), format!("{QUARANTINE}{}", place + 1).into());
        let is_federated = statement.get("Principal").and_then(|principal| principal.get("Federated")).is_some();
        if !is_federated {
            let conditions = statement.entry("Condition").or_insert_with(|| json!({}));
            let keys = conditions.as_object_mut()?.entry("StringNotEquals").or_insert_with(|| json!({}));
            keys.as_object_mut()?.entry("aws:PrincipalAccount").or_insert_with(|| account.into());
        }
        denied.push(Value::Object(statement));
    }
    if denied.is_empty() {
        return None;
    }
    all.extend(denied);
    let text = policy.to_string();
    (text.len() <= MAX_POLICY).then_some(text)
}

/// The policy without added statements. A single statement may stand without a list.
fn without_quarantine(mut policy: Value) -> Value {
    if let Some(all) = statements(&mut policy) {
        all.retain(|statement| !text(statement, "Sid").starts_with(QUARANTINE));
        if let [only] = all.as_mut_slice() {
            let only = only.take();
            if let Some(members) = policy.as_object_mut() {
                members.insert("Statement".to_owned(), only);
            }
        }
    }
    policy
}
