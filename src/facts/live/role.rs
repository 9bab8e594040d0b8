//! What a role may do, beside whom it lets in.

use std::borrow::Cow;

use crate::access::{Role, Zone, assess_within};
use crate::event::{Event, Value};
use crate::facts::trust::{self, assessed};
use crate::facts::{Calls, Fact, Origin, Parameters, calls, texts, wire};
use crate::policy::{Held, Holder, Policy};

/// Whom a role lets in, and which of its policies make it an administrator.
pub(in crate::facts) const ROLE: Fact = Fact {
    name: "live.role",
    calls: Calls::These(&[
        (calls::IAM, "CreateRole"),
        (calls::IAM, "UpdateAssumeRolePolicy"),
        (calls::IAM, "AttachRolePolicy"),
        (calls::IAM, "PutRolePolicy"),
    ]),
    doc: "By live state, the role that CreateRole, UpdateAssumeRolePolicy, AttachRolePolicy or PutRolePolicy is about. It \
          has the members of `trust.policy`, for its trust policy as it is now, and `administrator`: the names of the \
          policies that let it do everything or give itself what it wants; absent when there is none, and \
          for roles that are not public, weak or undecidable, of which AWS is not asked for policies. `escalation` names \
          the permissions: everything, those that change IAM or its credentials (such as iam:PutRolePolicy or \
          iam:CreateAccessKey), iam:PassRole with what runs code as the role, sts:AssumeRole on any role, or those that \
          take over a workload (such as lambda:UpdateFunctionCode), by whatever wildcards, less what a Deny statement or \
          the permissions boundary takes away. `unread` says why it cannot be told whether there is one.",
    origin: Origin::DerivedWithin(role),
};

fn role<'e>(event: &'e Event<'_>, zone: &Zone) -> Option<Value<'e>> {
    let role = wire::live(event)?.get("role")?;
    let arn = role.text_of("arn").unwrap_or_default();
    let text = role.text_of("assumeRolePolicyDocument")?;
    let policy = Policy::parse(&text).ok()?;
    let policies = role.list("policies");
    let texts_of = |policy: &Parameters<'e>| ["policyName", "policyArn", "document"].map(|name| policy.text_of(name));
    let policies: Vec<_> = policies.iter().map(texts_of).collect();
    let boundary = role.get("permissionsBoundary").as_ref().map(texts_of);
    let holder =
        Holder { arn: &arn, policies: policies.iter().map(held).collect(), boundary: boundary.as_ref().map(held) };
    let administrator = holder.administrator();
    let subject = Role { is_stored: true, ..trust::role(event) };
    let mut value = assessed(&text, &assess_within(&policy, &subject, zone), zone);
    if let Value::Object(members) = &mut value {
        match (administrator, role.text_of("policiesUnanswered")) {
            (Ok(Some(administrator)), _) => {
                members.insert("administrator", texts(administrator.policies));
                members.insert("escalation", texts(administrator.permissions));
            }
            (Err(error), _) => {
                members.insert("unread", Value::from(error.to_string()));
            }
            (Ok(None), Some(why)) => {
                members.insert("unread", Value::Str(why));
            }
            (Ok(None), None) => {}
        }
    }
    Some(value)
}

fn held<'p>([name, arn, document]: &'p [Option<Cow<'_, str>>; 3]) -> Held<'p> {
    Held { name: name.as_deref().unwrap_or_default(), arn: arn.as_deref(), document: document.as_deref() }
}
