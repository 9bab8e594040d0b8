//! Evaluates a policy for a request.

use std::collections::BTreeMap;

use super::document::{Actions, Effect, Policy, Principal, PrincipalKind, Principals, Statement};
use super::pattern::Pattern;

/// A request to assume a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The caller.
    pub caller: Caller,
    /// The action, such as `sts:AssumeRole`.
    pub action: String,
    /// The request context.
    pub context: Context,
}

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A role, user, session or root of an account.
    Aws {
        /// The ARN.
        arn: String,
        /// The account id.
        account: String,
    },
    /// An AWS service.
    Service(String),
    /// A caller with a token of this identity provider.
    Federated(String),
}

/// Context keys and their values. Keys are case-insensitive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Sets a key.
    pub fn set(&mut self, key: &str, values: Vec<String>) {
        self.0.insert(key.to_ascii_lowercase(), values);
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(&key.to_ascii_lowercase());
    }

    /// The values of a key. Returns `None` if it is missing.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// The value of a key as a policy variable, if it has exactly one value.
    pub fn variable(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            [value] => Some(value.clone()),
            _ => None,
        }
    }

    /// All keys, in lower case, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

/// The decision of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows the request, and none denies it.
    Allowed,
    /// A statement denies the request.
    Denied,
    /// No statement allows or denies the request.
    ImplicitDeny,
}

impl Policy {
    /// Evaluates the policy for `request`. Ignores statements with errors.
    pub fn evaluate(&self, request: &Request) -> Decision {
        let has_match = |effect| {
            let statements = self.statements.iter().filter(move |statement| statement.effect == Some(effect));
            statements.filter(|statement| statement.errors.is_empty()).any(|statement| self.matches(statement, request))
        };
        if has_match(Effect::Deny) {
            Decision::Denied
        } else if has_match(Effect::Allow) {
            Decision::Allowed
        } else {
            Decision::ImplicitDeny
        }
    }

    fn matches(&self, statement: &Statement, request: &Request) -> bool {
        let context = &request.context;
        statement.applies_to(&request.caller)
            && statement.actions.cover(&request.action)
            && statement.conditions.iter().all(|condition| {
                condition.holds(context.get(&condition.key), self.version, &|name| context.variable(name))
            })
    }
}

impl Statement {
    /// The number of principals and actions with which a request is compared, plus one.
    pub fn size(&self) -> usize {
        let principals = match &self.principals {
            Some(Principals::Named(all) | Principals::AllBut(all)) => all.len(),
            Some(Principals::Anyone) | None => 0,
        };
        let (Actions::These(actions) | Actions::AllBut(actions)) = &self.actions;
        1 + principals + actions.len()
    }

    /// Whether the statement applies to the caller. IAM rejects wildcards within a principal. Here they are wildcards where
    /// this admits more callers, and literal text elsewhere.
    pub fn applies_to(&self, caller: &Caller) -> bool {
        let is_allow = self.effect != Some(Effect::Deny);
        let any_matches = |principals: &[Principal], wildcards: bool| {
            principals.iter().any(|principal| principal.matches(caller, wildcards))
        };
        match &self.principals {
            None => false,
            Some(Principals::Anyone) => true,
            Some(Principals::Named(principals)) => any_matches(principals, is_allow),
            Some(Principals::AllBut(principals)) => !any_matches(principals, !is_allow),
        }
    }
}

impl Principal {
    /// Whether the principal is the caller. `wildcards` is whether `*` and `?` within its value are wildcards.
    fn matches(&self, caller: &Caller, wildcards: bool) -> bool {
        let pattern = if wildcards { Pattern::glob(&self.value) } else { Pattern::literal(&self.value) };
        let matches = |text: &str| pattern.matches(text);
        match (self.kind, caller) {
            (PrincipalKind::Aws, _) if self.value == "*" => true,
            (PrincipalKind::Service, Caller::Service(_)) | (PrincipalKind::Federated, Caller::Federated(_))
                if self.value == "*" =>
            {
                true
            }
            (PrincipalKind::Aws, Caller::Aws { arn, account }) => {
                let of_account = self.value == *account
                    || self.value.strip_suffix(":root").is_some_and(|root| root.ends_with(&format!("::{account}")));
                of_account || matches(arn) || matches(&format!("arn:aws:iam::{account}:root")) || matches(account)
            }
            (PrincipalKind::Service, Caller::Service(name)) | (PrincipalKind::Federated, Caller::Federated(name)) => {
                matches(name)
            }
            _ => false,
        }
    }
}
