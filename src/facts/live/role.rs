//! Who can assume a role, and whether its policies make it an administrator.

use std::borrow::Cow;

use crate::access::{Role, Zone, assess_within};
use crate::event::{Event, Value};
use crate::facts::trust::{self, assessed};
use crate::facts::{Calls, Derivation, Fact, Parameters, calls, texts, wire};
use crate::policy::{Policy, RolePolicies, RolePolicy};

/// The trust policy of a role, and the policies that make it an administrator.
pub(in crate::facts) const ROLE: Fact = Fact {
    name: "live.role",
    calls: Calls::These(&[
        (calls::IAM, "CreateRole"),
        (calls::IAM, "UpdateAssumeRolePolicy"),
        (calls::IAM, "AttachRolePolicy"),
        (calls::IAM, "PutRolePolicy"),
    ]),
    doc: "The role of CreateRole, UpdateAssumeRolePolicy, AttachRolePolicy or PutRolePolicy according to live state. It \
          has the members of `trust.policy`, for its current trust policy, and `administrator`: the names of the policies \
          that allow everything or let the role give itself any permission. `administrator` is absent if there is no such \
          policy. Policies are read only for roles that are public, weak or undecidable. `escalation` names the \
          permissions: everything, permissions to change IAM or its credentials (such as iam:PutRolePolicy or \
          iam:CreateAccessKey), iam:PassRole with permissions to run code as the role, sts:AssumeRole on any role, or \
          permissions to take over a workload (such as lambda:UpdateFunctionCode). Wildcards, Deny statements and the \
          permissions boundary are taken into account. `unread` is the reason if this cannot be decided.",
    derivation: Derivation::FromRecordAndZone(role),
};

fn role<'e>(event: &'e Event<'_>, zone: &Zone) -> Option<Value<'e>> {
    let role = wire::live(event)?.get("role")?;
    let arn = role.text_of("arn").unwrap_or_default();
    let policy = Policy::parse(&role.text_of("assumeRolePolicyDocument")?).ok()?;
    let policies = role.list("policies");
    let members = |policy: &Parameters<'e>| ["policyName", "policyArn", "document"].map(|name| policy.text_of(name));
    let policies: Vec<_> = policies.iter().map(members).collect();
    let boundary = role.get("permissionsBoundary").as_ref().map(members);
    let policies = policies.iter().map(role_policy).collect();
    let role_policies = RolePolicies { arn: &arn, policies, boundary: boundary.as_ref().map(role_policy) };
    let administrator = role_policies.administrator();
    let subject = Role { is_stored: true, ..trust::role(event) };
    let mut value = assessed(&assess_within(&policy, &subject, zone), zone);
    if let Value::Object(members) = &mut value {
        match (administrator, role.text_of("policiesUnanswered")) {
            (Ok(Some(administrator)), _) => {
                members.insert("administrator", texts(administrator.policies));
                members.insert("escalation", texts(administrator.permissions));
            }
            (Err(error), _) => {
                members.insert("unread", Value::from(error.to_string()));
            }
            (Ok(None), Some(reason)) => {
                members.insert("unread", Value::Str(reason));
            }
            (Ok(None), None) => {}
        }
    }
    Some(value)
}

fn role_policy<'p>([name, arn, document]: &'p [Option<Cow<'_, str>>; 3]) -> RolePolicy<'p> {
    RolePolicy { name: name.as_deref().unwrap_or_default(), arn: arn.as_deref(), document: document.as_deref() }
}
