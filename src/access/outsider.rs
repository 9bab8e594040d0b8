//! Who the outsider is, and what the variables of the policy are for them.

use std::collections::HashSet;

use super::issuer;
use super::key::{Barrier, Key, KeyKind, Side, THE_TAG, View};
use super::solve::{Clause, Scene, Search};
use crate::arn::is_account_id;
use crate::policy::{Caller, Context, Policy, Version};

/// Stands for `${*}` and its like: a character that is no wildcard and that no value has.
const NO_WILDCARD: &str = "\u{e000}";

/// What is known of a request.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) context: Context,
    /// Keys that callers choose and that were given a value because the policy compares something with them.
    assumed: HashSet<String>,
}

impl<'p> Search<'p> {
    /// The key, in lower case, as the outsider sees it.
    pub(super) fn model(&self, key: &str) -> Key {
        let name = match self.caller {
            Caller::Federated(name) => issuer::name_of(name),
            Caller::Service(name) => name,
            Caller::Aws { .. } => "",
        };
        let Scene { outsider, role, .. } = self.scene;
        let view = View { side: self.side, name, outsider, account: role.account, now: role.now };
        let model = Key::of(key, view);
        match (key, self.caller) {
            // Whom the statement lets in, before others, or alone.
            ("aws:principalarn" | "aws:principalaccount", Caller::Aws { arn, account }) => {
                let own = std::iter::once((if key.ends_with("arn") { arn } else { account }.clone(), false));
                match self.is_one {
                    true if key.ends_with("account") => Key { kind: KeyKind::Given, own: own.collect(), ..model },
                    true => Key { own: own.chain(self.names_of_account(account)).collect(), ..model },
                    false => Key { own: own.chain(model.own).collect(), ..model },
                }
            }
            _ => model,
        }
    }

    /// The principals of an account, where the caller is the account itself.
    fn names_of_account(&self, account: &str) -> Vec<(String, bool)> {
        let is_root = matches!(self.caller, Caller::Aws { arn, .. } if arn.ends_with(":root"));
        let names = ["role/evil", "user/evil"].map(|name| (format!("arn:aws:iam::{account}:{name}"), false));
        if is_root { names.to_vec() } else { Vec::new() }
    }

    /// What holds of the outsider whatever the policy says, with values for the variables in `clauses`, of which `keys` are
    /// yet to be solved.
    pub(super) fn known(&self, clauses: &[Clause<'p>], keys: &HashSet<String>) -> Known {
        let mut known = Known { context: self.outsider(), assumed: HashSet::new() };
        for (condition, _) in clauses {
            for value in &condition.values {
                for variable in self.variables_of_callers(value) {
                    if keys.contains(&variable) || known.context.get(&variable).is_some() {
                        continue;
                    }
                    let model = self.model(&variable);
                    let chosen = matches!(model.kind, KeyKind::Chosen);
                    // Whoever may choose takes what it is compared with.
                    let is_all = value.eq_ignore_ascii_case(&format!("${{{variable}}}"));
                    let same = self.model(&condition.key.to_ascii_lowercase());
                    let values = if chosen && is_all {
                        same.own.into_iter().chain(model.own).next()
                    } else {
                        model.own.into_iter().next()
                    };
                    if let Some((value, _)) = values {
                        known.context.set(&variable, vec![value]);
                        if chosen {
                            known.assumed.insert(variable);
                        }
                    }
                }
            }
        }
        known
    }

    /// Weak where a clause compares with what callers had to choose.
    pub(super) fn barrier_of_assumed(&self, clauses: &[Clause<'p>], known: &Known) -> Barrier {
        let values = clauses.iter().flat_map(|(condition, _)| &condition.values);
        let mut variables = values.flat_map(|value| self.variables_of_callers(value));
        if variables.any(|variable| known.assumed.contains(&variable)) { Barrier::Weak } else { Barrier::Free }
    }

    /// The caller, as the context says: conditions may have made them somebody else, whose ARN and account agree.
    pub(super) fn caller_in(&self, context: &mut Context) -> Caller {
        let Caller::Aws { arn, account } = self.caller else { return self.caller.clone() };
        let said = |key: &str, context: &Context| context.variable(key);
        let (mut new_arn, mut new_account) = (arn.clone(), account.clone());
        match (said("aws:PrincipalArn", context), said("aws:PrincipalAccount", context)) {
            (Some(other), _) if other != *arn => {
                let theirs = other.split(':').nth(4).filter(|part| is_account_id(part)).map(str::to_owned);
                new_account = theirs.unwrap_or(new_account);
                new_arn = other;
            }
            (_, Some(other)) if other != *account => {
                new_arn = arn.replacen(account.as_str(), &other, 1);
                new_account = other;
            }
            _ => {}
        }
        if let Some(known) = said("aws:PrincipalAccount", context)
            && known != new_account
            && known != *account
        {
            // Both were asked for, and do not agree; the policy is evaluated for the caller that it names.
            new_account = known;
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
        // Tags of the role are what they are; a caller who is to have the same can.
        for name in &self.scene.role_tags {
            set(&mut context, &[(name, THE_TAG)]);
        }
        set(&mut context, &[("aws:SecureTransport", "true"), ("sts:RoleSessionName", "evil-3f1c2a9b")]);
        if let (Side::Tenant(issuer, _), Caller::Federated(name)) = (self.side, self.caller) {
            let claims = issuer.outsider.iter().filter_map(|(claim, values)| Some((claim, values.first()?)));
            for (claim, value) in claims {
                let key =
                    if claim.contains(':') { claim.clone() } else { format!("{}:{claim}", issuer::name_of(name)) };
                set(&mut context, &[(&key, value)]);
            }
        }
        if let Some(own) = self.scene.role.account {
            set(&mut context, &[("aws:ResourceAccount", own)]);
        }
        context
    }

    /// The value of a variable: of the outsider, or of the role, whose organization and tags are not known.
    pub(super) fn variable(&self, name: &str, known: &Context) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        known.variable(name).or_else(|| {
            let role = self.model(&lower);
            let is_of_role = matches!(role.kind, KeyKind::Role | KeyKind::Given) && lower.starts_with("aws:resource");
            role.own.into_iter().next().filter(|_| is_of_role).map(|(value, _)| value)
        })
    }

    /// The variables of a value that say something of the caller, in lower case; those of the role are left out.
    pub(super) fn variables_of_callers(&self, value: &str) -> Vec<String> {
        let is_of_role = |name: &String| name.starts_with("aws:resource") || name.starts_with("iam:resource");
        let has_variables = self.policy.version == Version::V2012 && value.contains("${");
        let all = if has_variables { variables(value) } else { Vec::new() };
        all.into_iter().filter(|name| !is_of_role(name)).collect()
    }

    /// A value of the policy with `*` for what follows the caller, and whether there is any.
    pub(super) fn without_callers(&self, value: &str, known: &Context) -> (String, bool) {
        let theirs = self.variables_of_callers(value);
        let text = self.replaced(value, |name| match theirs.contains(&name.to_ascii_lowercase()) {
            true => Some("*".to_owned()),
            false => self.variable(name, known),
        });
        (text, !theirs.is_empty())
    }

    /// A value of the policy with its variables filled in, as text.
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

/// The tags of the role that the policy compares with.
pub(super) fn role_tags(policy: &Policy) -> Vec<String> {
    let values = policy.statements.iter().flat_map(|one| &one.conditions).flat_map(|one| &one.values);
    let names: HashSet<String> =
        values.filter(|value| value.contains("${")).flat_map(|value| variables(value)).collect();
    names.into_iter().filter(|name| name.contains("resourcetag/")).collect()
}

/// The names of the variables of a value, in lower case, without defaults and without `${*}` and its like.
fn variables(value: &str) -> Vec<String> {
    let names = value.split("${").skip(1).filter_map(|rest| rest.split(['}', ',']).next());
    let names = names.map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !matches!(name.as_str(), "*" | "?" | "$" | "")).collect()
}
