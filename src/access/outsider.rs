//! The outsider's request context, and the values of policy variables in it.

use std::collections::HashSet;

use super::issuer;
use super::key::{Barrier, CallerKind, CallerView, KeyKind, KeyModel, ROLE_TAG};
use super::solve::{AccessSearch, Analysis, Clause};
use crate::arn::is_account_id;
use crate::policy::{Caller, Context, Policy, Version};

/// Replaces `${*}`, `${?}` and `${$}`: a character that is not a wildcard and that no value contains.
const NO_WILDCARD: &str = "\u{e000}";

/// The context of a request as far as it is known.
#[derive(Debug, Default)]
pub(super) struct KnownContext {
    pub(super) context: Context,
    /// Keys that the caller chooses, whose values were assumed because the policy compares another key with them.
    assumed: HashSet<String>,
}

impl<'p> AccessSearch<'p> {
    /// The model of a key, which is in lower case.
    pub(super) fn model(&self, key: &str) -> KeyModel {
        let name = match self.caller {
            Caller::Federated(name) => issuer::name_of(name),
            Caller::Service(name) => name,
            Caller::Aws { .. } => "",
        };
        let Analysis { outsider, role, .. } = self.analysis;
        let view = CallerView { caller_kind: self.caller_kind, name, outsider, account: role.account, now: role.now };
        let model = KeyModel::of(key, view);
        match (key, self.caller) {
            // The caller comes before other examples, or is the only one.
            ("aws:principalarn", Caller::Aws { arn, account }) => {
                let own = std::iter::once((arn.clone(), false));
                let own: Vec<_> = if self.is_specific {
                    own.chain(self.principals_of_account(account)).collect()
                } else {
                    own.chain(model.own).collect()
                };
                KeyModel { own, ..model }
            }
            ("aws:principalaccount", Caller::Aws { account, .. }) => {
                let own = std::iter::once((account.clone(), false));
                if self.is_specific {
                    KeyModel { kind: KeyKind::Given, own: own.collect(), ..model }
                } else {
                    KeyModel { own: own.chain(model.own).collect(), ..model }
                }
            }
            _ => model,
        }
    }

    /// Example principals of an account, if the caller is the account itself.
    fn principals_of_account(&self, account: &str) -> Vec<(String, bool)> {
        let is_root = matches!(self.caller, Caller::Aws { arn, .. } if arn.ends_with(":root"));
        let names = ["role/evil", "user/evil"].map(|name| (format!("arn:aws:iam::{account}:{name}"), false));
        if is_root { names.to_vec() } else { Vec::new() }
    }

    /// The context of the outsider independent of the policy, with values for the variables in `clauses`. Excludes `keys`,
    /// which are yet to be solved.
    pub(super) fn known_context(&self, clauses: &[Clause<'p>], keys: &HashSet<String>) -> KnownContext {
        let mut known = KnownContext { context: self.outsider(), assumed: HashSet::new() };
        for (condition, _) in clauses {
            for value in &condition.values {
                for variable in self.caller_variables(value) {
                    if keys.contains(&variable) || known.context.get(&variable).is_some() {
                        continue;
                    }
                    let model = self.model(&variable);
                    let is_chosen = matches!(model.kind, KeyKind::Chosen);
                    let is_whole_value = value.eq_ignore_ascii_case(&format!("${{{variable}}}"));
                    // The caller chooses the value of the key that is compared with it.
                    let compared = self.model(&condition.key.to_ascii_lowercase());
                    let example = if is_chosen && is_whole_value {
                        compared.own.into_iter().chain(model.own).next()
                    } else {
                        model.own.into_iter().next()
                    };
                    if let Some((value, _)) = example {
                        known.context.set(&variable, vec![value]);
                        if is_chosen {
                            known.assumed.insert(variable);
                        }
                    }
                }
            }
        }
        known
    }

    /// Weak if a clause compares its key with an assumed value.
    pub(super) fn assumed_barrier(&self, clauses: &[Clause<'p>], known: &KnownContext) -> Barrier {
        let values = clauses.iter().flat_map(|(condition, _)| &condition.values);
        let mut variables = values.flat_map(|value| self.caller_variables(value));
        if variables.any(|variable| known.assumed.contains(&variable)) { Barrier::Weak } else { Barrier::Free }
    }

    /// The caller in a solved context, with consistent ARN and account. Conditions may require another caller than the
    /// example.
    pub(super) fn caller_in(&self, context: &mut Context) -> Caller {
        let Caller::Aws { arn, account } = self.caller else { return self.caller.clone() };
        let (mut new_arn, mut new_account) = (arn.clone(), account.clone());
        match (context.variable("aws:PrincipalArn"), context.variable("aws:PrincipalAccount")) {
            (Some(other), _) if other != *arn => {
                let account_in_arn = other.split(':').nth(4).filter(|part| is_account_id(part)).map(str::to_owned);
                new_account = account_in_arn.unwrap_or(new_account);
                new_arn = other;
            }
            (_, Some(other)) if other != *account => {
                new_arn = arn.replacen(account.as_str(), &other, 1);
                new_account = other;
            }
            _ => {}
        }
        if let Some(required) = context.variable("aws:PrincipalAccount")
            && required != new_account
            && required != *account
        {
            // Conditions on both keys contradict each other. The evaluation of the witness decides.
            new_account = required;
        }
        context.set("aws:PrincipalArn", vec![new_arn.clone()]);
        context.set("aws:PrincipalAccount", vec![new_account.clone()]);
        Caller::Aws { arn: new_arn, account: new_account }
    }

    fn outsider(&self) -> Context {
        let mut context = Context::default();
        let set = |context: &mut Context, pairs: &[(&str, &str)]| {
            for (key, value) in pairs {
                context.set(key, vec![(*value).to_owned()]);
            }
        };
        if let Caller::Aws { arn, account } = self.caller {
            let names =
                [("aws:PrincipalArn", arn.as_str()), ("aws:PrincipalAccount", account), ("aws:username", "evil")];
            set(&mut context, &names);
        }
        // The caller can have a tag with the same value as the role.
        for name in &self.analysis.role_tags {
            set(&mut context, &[(name, ROLE_TAG)]);
        }
        set(&mut context, &[("aws:SecureTransport", "true"), ("sts:RoleSessionName", "evil-3f1c2a9b")]);
        if let (CallerKind::Tenant(issuer, _), Caller::Federated(name)) = (self.caller_kind, self.caller) {
            let claims = issuer.outsider.iter().filter_map(|(claim, values)| Some((claim, values.first()?)));
            for (claim, value) in claims {
                let key =
                    if claim.contains(':') { claim.clone() } else { format!("{}:{claim}", issuer::name_of(name)) };
                set(&mut context, &[(&key, value)]);
            }
        }
        if let Some(own) = self.analysis.role.account {
            set(&mut context, &[("aws:ResourceAccount", own)]);
        }
        context
    }

    /// The value of a variable. For properties of the role that are unknown, it is a placeholder.
    pub(super) fn variable(&self, name: &str, known: &Context) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        known.variable(name).or_else(|| {
            let role = self.model(&lower);
            let is_of_role = matches!(role.kind, KeyKind::Role | KeyKind::Given) && lower.starts_with("aws:resource");
            role.own.into_iter().next().filter(|_| is_of_role).map(|(value, _)| value)
        })
    }

    /// The variables in a value that describe the caller, in lower case. Excludes properties of the role.
    pub(super) fn caller_variables(&self, value: &str) -> Vec<String> {
        let is_of_role = |name: &String| name.starts_with("aws:resource") || name.starts_with("iam:resource");
        let has_variables = self.policy.version == Version::V2012 && value.contains("${");
        let all = if has_variables { variables(value) } else { Vec::new() };
        all.into_iter().filter(|name| !is_of_role(name)).collect()
    }

    /// A value of the policy with `*` in place of variables that describe the caller, and whether there are any.
    pub(super) fn generalized(&self, value: &str, known: &Context) -> (String, bool) {
        let variables = self.caller_variables(value);
        let is_of_caller = |name: &str| variables.contains(&name.to_ascii_lowercase());
        let text = self
            .replaced(value, |name| if is_of_caller(name) { Some("*".to_owned()) } else { self.variable(name, known) });
        (text, !variables.is_empty())
    }

    /// A value of the policy with the values of its variables.
    pub(super) fn filled(&self, value: &str, known: &Context) -> String {
        self.replaced(value, |name| self.variable(name, known))
    }

    fn replaced(&self, value: &str, variable: impl Fn(&str) -> Option<String>) -> String {
        let mut text = String::new();
        let mut rest = value;
        while self.policy.version == Version::V2012
            && let Some((before, after)) = rest.split_once("${")
            && let Some((name, after)) = after.split_once('}')
        {
            text.push_str(before);
            let (key, default) = match name.split_once(',') {
                Some((key, default)) => (key.trim(), Some(default.trim().trim_matches('\'').to_owned())),
                None => (name.trim(), None),
            };
            match key {
                "*" | "?" | "$" => text.push_str(NO_WILDCARD),
                key => match variable(key).or(default) {
                    Some(value) => text.push_str(&value),
                    None => text.push_str(&format!("${{{name}}}")),
                },
            }
            rest = after;
        }
        text.push_str(rest);
        text
    }
}

/// The keys of the role's tags that are variables in the policy.
pub(super) fn role_tags(policy: &Policy) -> Vec<String> {
    let conditions = policy.statements.iter().flat_map(|statement| &statement.conditions);
    let values = conditions.flat_map(|condition| &condition.values);
    let names: HashSet<String> =
        values.filter(|value| value.contains("${")).flat_map(|value| variables(value)).collect();
    names.into_iter().filter(|name| name.contains("resourcetag/")).collect()
}

/// The names of the variables in a value, in lower case. Excludes defaults and the escapes `${*}`, `${?}` and `${$}`.
fn variables(value: &str) -> Vec<String> {
    let names = value.split("${").skip(1).filter_map(|rest| rest.split(['}', ',']).next());
    let names = names.map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !matches!(name.as_str(), "*" | "?" | "$" | "")).collect()
}
