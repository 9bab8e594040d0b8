//! What a role may do, beside whom it lets in.

use crate::event::{Event, Value};
use crate::facts::trust::{self, assessed};
use crate::facts::{Fact, Origin, calls, texts, wire};
use crate::policy::{Policy, grants_everything, is_administrator};
use crate::trust::{Role, Zone, assess_within};

/// Whom a role lets in, and which of its policies make it an administrator.
pub(in crate::facts) const ROLE: Fact = Fact {
    scope: calls::LIVE_ROLE,
    doc: "By live state, the role that CreateRole, UpdateAssumeRolePolicy, AttachRolePolicy or PutRolePolicy is about. It \
          has the members of `trust.policy`, for its trust policy as it is now, and `administrator`: the names of the \
          policies that let it do everything, or give permissions to any role, user or policy (AdministratorAccess, \
          IAMFullAccess, `*` or `iam:*` or such as `iam:Put*`, by whatever wildcards); absent when there is none, and \
          for roles that are not public, weak or undecidable, of which AWS is not asked for policies. `unread` says why \
          it cannot be told whether there is one.",
    origin: Origin::DerivedWithin(role),
};

fn role<'e>(event: &'e Event<'_>, zone: &Zone) -> Option<Value<'e>> {
    let role = wire::live(event)?.get("role")?;
    let arn = role.text_of("arn").unwrap_or_default();
    let policy = Policy::parse(&role.text_of("assumeRolePolicyDocument")?).ok()?;
    let administrator: Vec<_> = role
        .list("policies")
        .into_iter()
        .filter(|policy| {
            policy.text_of("policyArn").is_some_and(|arn| is_administrator(&arn))
                || policy.text_of("document").is_some_and(|text| grants_everything(&text, &arn))
        })
        .filter_map(|policy| policy.text_of("policyName"))
        .collect();
    let subject = Role { is_stored: true, ..trust::role(event) };
    let mut value = assessed(&assess_within(&policy, &subject, zone), zone);
    if let Value::Object(members) = &mut value {
        match role.text_of("policiesUnanswered") {
            _ if !administrator.is_empty() => {
                members.insert("administrator", texts(administrator));
            }
            Some(why) => {
                members.insert("unread", Value::Str(why));
            }
            None => {}
        }
    }
    Some(value)
}
