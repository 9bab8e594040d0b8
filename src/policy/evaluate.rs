//! What a policy says to one request.

use std::collections::BTreeMap;

use super::document::{Actions, Effect, Policy, Principal, PrincipalKind, Principals, Statement};
use super::pattern::Pattern;

/// A request to assume a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// Such as `sts:AssumeRole`.
    pub action: String,
    /// The request's context.
    pub context: Context,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A role, user, session or root of an account.
    Aws {
        /// ARN.
        arn: String,
        /// Account id.
        account: String,
    },
    /// An AWS service.
    Service(String),
    /// Somebody with a token of this identity provider.
    Federated(String),
}

/// Context keys and their values. Keys have no case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// Sets a key.
    pub fn set(&mut self, key: &str, values: Vec<String>) {
        self.0.insert(key.to_ascii_lowercase(), values);
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(&key.to_ascii_lowercase());
    }

    /// The values of a key; `None` when it is missing.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// The value of a variable: that of a key with a single one.
    pub fn variable(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    /// All keys, in lower case, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

/// What a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Some statement allows it and none denies it.
    Allowed,
    /// Some statement denies it.
    Denied,
    /// No statement allows it.
    ImplicitDeny,
}

impl Policy {
    /// What the policy says to `request`. Statements with faults say nothing.
    pub fn evaluate(&self, request: &Request) -> Decision {
        let says = |effect| {
            let statements = self.statements.iter().filter(move |one| one.effect == Some(effect));
            statements.filter(|one| one.faults.is_empty()).any(|one| self.applies(one, request))
        };
        match (says(Effect::Deny), says(Effect::Allow)) {
            (true, _) => Decision::Denied,
            (false, true) => Decision::Allowed,
            (false, false) => Decision::ImplicitDeny,
        }
    }

    fn applies(&self, statement: &Statement, request: &Request) -> bool {
        let context = &request.context;
        statement.mean(&request.caller)
            && statement.actions.cover(&request.action)
            && statement.conditions.iter().all(|condition| {
                condition.holds(context.get(&condition.key), self.version, &|name| context.variable(name))
            })
    }
}

impl Statement {
    /// The patterns of principals and actions that a request is compared with.
    pub fn size(&self) -> usize {
        let principals = match &self.principals {
            Some(Principals::Named(all) | Principals::AllBut(all)) => all.len(),
            Some(Principals::Anyone) | None => 0,
        };
        let (Actions::These(actions) | Actions::AllBut(actions)) = &self.actions;
        1 + principals + actions.len()
    }

    /// Whether it is about the caller. Wildcards inside of a principal, which IAM does not take, count where that lets in
    /// more.
    pub fn mean(&self, caller: &Caller) -> bool {
        let allows = self.effect != Some(Effect::Deny);
        match &self.principals {
            None => false,
            Some(Principals::Anyone) => true,
            Some(Principals::Named(principals)) => principals.iter().any(|one| one.means(caller, allows)),
            Some(Principals::AllBut(principals)) => !principals.iter().any(|one| one.means(caller, !allows)),
        }
    }
}

impl Principal {
    /// Whether it is the caller; `wild` says whether wildcards inside of its value are any.
    fn means(&self, caller: &Caller, wild: bool) -> bool {
        let pattern = if wild { Pattern::glob(&self.value) } else { Pattern::literal(&self.value) };
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
