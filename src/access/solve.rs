//! Searches for the request by which an outsider assumes a role with the least effort.
//!
//! The request must meet every condition of the Allow statement, and must not meet at least one condition of each Deny
//! statement that applies. Conditions on different keys are independent, so each key is solved separately, by trying a few
//! representative values.

use std::collections::{BTreeMap, HashSet};

use super::ASSUME;
use super::key::{Barrier, CallerKind, KeyKind, OUTSIDERS, are_private, could_be, is_everywhere, values_for};
use super::outsider::KnownContext;
use super::owner::{Owner, ROLE_ACCOUNT, ROLE_ORGANIZATION, ValuePattern, Wildcards};
use super::principal::is_own;
use super::zone::{Budget, Role, Zone};
use crate::policy::{Caller, Condition, Context, Effect, Policy, Principals, Statement, Test};

/// Maximum number of combinations of Deny conditions that are tried. A policy with more is undecidable.
const MAX_COMBINATIONS: usize = 512;

/// Maximum number of clauses on one key whose subsets are tried.
const MAX_CLAUSES: usize = 4;

/// Maximum number of values that are tried for a key.
const MAX_VALUES: usize = 512;

/// Maximum length of a pattern times the length of a value, both in bytes, that counts as one comparison.
const MAX_COMPARISON_SIZE: usize = 16 * 1024;

/// A condition, and whether the request must meet it.
pub(super) type Clause<'p> = (&'p Condition, bool);

/// The input and the budget that all searches through a policy share.
#[derive(Debug)]
pub(super) struct Analysis<'p> {
    pub(super) role: Role<'p>,
    pub(super) zone: &'p Zone,
    pub(super) outsider: &'static str,
    /// The tags of the role that the policy compares with.
    pub(super) role_tags: Vec<String>,
    pub(super) budget: Budget,
}

/// Parties that are named by conditions.
#[derive(Debug, Default, Clone)]
pub(super) struct NamedParties {
    pub(super) accounts: Vec<String>,
    pub(super) organizations: Vec<String>,
    pub(super) tenants: Vec<String>,
}

impl NamedParties {
    pub(super) fn add(&mut self, other: Self) {
        self.accounts.extend(other.accounts);
        self.organizations.extend(other.organizations);
        self.tenants.extend(other.tenants);
    }
}

/// The result of a search: a request context that meets all clauses, and the barrier to sending it.
#[derive(Debug)]
pub(super) struct Solution<'p> {
    pub(super) barrier: Barrier,
    pub(super) context: Context,
    /// The condition with the highest barrier.
    pub(super) clause: Option<&'p Condition>,
    /// Keys that need a specific value, which anybody could send.
    pub(super) chosen_keys: Vec<String>,
    /// Parties named by the conditions that are not known to be in the zone of trust.
    pub(super) named: NamedParties,
    /// The number of a Deny statement without conditions, which denies every request.
    pub(super) deny: Option<usize>,
}

/// The solution for the clauses on one key.
#[derive(Debug)]
struct KeySolution<'p> {
    barrier: Barrier,
    /// The values that meet the clauses. `None` if the key must be missing or no values are known.
    values: Option<Vec<String>>,
    clause: Option<&'p Condition>,
    /// Whether the clauses need a specific value, which anybody could send.
    is_chosen: bool,
    named: NamedParties,
}

impl<'p> KeySolution<'p> {
    fn new(barrier: Barrier, values: Option<Vec<String>>, clause: Option<&'p Condition>) -> Self {
        Self { barrier, values, clause, is_chosen: false, named: NamedParties::default() }
    }
}

/// An account that the policy does not mention, if there is one, because a party that the policy names is not an outsider.
pub(super) fn outsider(policy: &Policy, role: &Role<'_>, zone: &Zone) -> &'static str {
    let principals = policy.statements.iter().flat_map(|statement| match &statement.principals {
        Some(Principals::Named(all) | Principals::AllBut(all)) => all.as_slice(),
        Some(Principals::Anyone) | None => &[],
    });
    let conditions = policy.statements.iter().flat_map(|statement| &statement.conditions);
    let values = conditions.flat_map(|condition| &condition.values);
    let texts: Vec<&String> = principals.map(|principal| &principal.value).chain(values).collect();
    let is_new = |account: &&&str| !is_own(account, role, zone) && !texts.iter().any(|text| text.contains(**account));
    OUTSIDERS.iter().find(is_new).copied().unwrap_or("999999999999")
}

/// Describes a condition: `StringEquals aws:PrincipalOrgID o-abc123def4`.
pub(super) fn describe(condition: &Condition) -> String {
    format!("{} {} {}", condition.operator.name(), condition.key, condition.values.join(", "))
}

/// The number of the Deny statement that contains a condition, from 1.
pub(super) fn deny_of(policy: &Policy, clause: &Condition) -> Option<usize> {
    let contains = |statement: &Statement| statement.conditions.iter().any(|condition| std::ptr::eq(condition, clause));
    let is_deny = |statement: &Statement| statement.effect == Some(Effect::Deny) && contains(statement);
    Some(policy.statements.iter().position(is_deny)? + 1)
}

/// The cost of comparing a condition with a value of `length` bytes, in comparisons. Matching a long pattern with a long value
/// counts as several comparisons.
fn cost(condition: &Condition, length: usize) -> usize {
    let total = condition.values.iter().map(String::len).sum::<usize>();
    condition.values.len().max(1) + total.saturating_mul(length.max(64)) / MAX_COMPARISON_SIZE
}

/// Whether an operator limits a key to a few values.
fn is_equality(test: Test) -> bool {
    use Test::{Arn, NumericEquals, StringEquals, StringEqualsIgnoreCase, StringLike};
    matches!(test, StringEquals | StringEqualsIgnoreCase | StringLike | Arn | NumericEquals)
}

/// A search for the request with the lowest barrier that one statement allows.
#[derive(Clone, Copy)]
pub(super) struct AccessSearch<'p> {
    pub(super) policy: &'p Policy,
    pub(super) statement: &'p Statement,
    pub(super) caller: &'p Caller,
    /// Whether only this caller is meant. Otherwise it is an example.
    pub(super) is_specific: bool,
    pub(super) caller_kind: CallerKind,
    /// The keys whose conditions count. `None` means all keys.
    pub(super) keys: Option<&'static [&'static str]>,
    pub(super) analysis: &'p Analysis<'p>,
}

impl<'p> AccessSearch<'p> {
    /// The most severe solution and its action. Returns `None` if the statement allows no action that such a caller can use.
    pub(super) fn worst(&self) -> Option<(Solution<'p>, String)> {
        let default_action = match self.caller {
            Caller::Aws { .. } | Caller::Service(_) => "sts:AssumeRole",
            Caller::Federated(name) if name.contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
            Caller::Federated(_) => "sts:AssumeRoleWithWebIdentity",
        };
        let allowed: Vec<&str> = ASSUME.into_iter().filter(|action| self.statement.actions.cover(action)).collect();
        // `*` also admits callers with a token. The action of a named principal is known.
        let is_named = matches!(self.statement.principals, Some(Principals::Named(_)));
        let actions = match self.caller_kind {
            // A token can be exchanged by one action only.
            CallerKind::Tenant(..) => allowed.into_iter().filter(|action| *action == default_action).collect(),
            // The provider may be of either kind.
            _ if matches!(self.caller, Caller::Federated(_)) => {
                allowed.into_iter().filter(|action| *action != "sts:AssumeRole").collect()
            }
            CallerKind::Aws | CallerKind::Service if is_named && allowed.contains(&default_action) => {
                vec![default_action]
            }
            CallerKind::Aws | CallerKind::Service => allowed,
        };
        let mut worst: Option<(Solution<'p>, String)> = None;
        for action in actions {
            let Some(mut solution) = self.worst_by_action(action) else { continue };
            worst = Some(match worst {
                None => (solution, action.to_owned()),
                Some((mut known, known_action)) if known.barrier.severity() >= solution.barrier.severity() => {
                    known.named.add(solution.named);
                    (known, known_action)
                }
                Some((known, _)) => {
                    solution.named.add(known.named);
                    (solution, action.to_owned())
                }
            });
        }
        worst
    }

    /// The most severe solution by one action.
    fn worst_by_action(&self, action: &str) -> Option<Solution<'p>> {
        let mut denies: Vec<&'p [Condition]> = Vec::new();
        let (mut combinations, mut is_uncertain) = (1_usize, false);
        for (index, deny) in self.policy.statements.iter().enumerate() {
            if deny.effect != Some(Effect::Deny) {
                continue;
            }
            if !self.analysis.budget.spend(deny.size()) {
                is_uncertain = true;
                break;
            }
            if !deny.actions.cover(action) {
                continue;
            }
            if !deny.errors.is_empty() {
                is_uncertain = true;
                continue;
            }
            if !deny.applies_to(self.caller) {
                continue;
            }
            if deny.conditions.is_empty() {
                let named = NamedParties::default();
                let context = Context::default();
                return Some(Solution {
                    barrier: Barrier::Nobody,
                    context,
                    clause: None,
                    chosen_keys: vec![],
                    named,
                    deny: Some(index + 1),
                });
            }
            match combinations.checked_mul(deny.conditions.len()).filter(|product| *product <= MAX_COMBINATIONS) {
                Some(product) => {
                    combinations = product;
                    denies.push(&deny.conditions);
                }
                None => is_uncertain = true,
            }
        }
        let mut worst: Option<Solution<'p>> = None;
        for number in 0..combinations {
            let mut solution = self.solve(&self.clauses(&denies, number));
            if self.analysis.budget.is_spent() {
                solution.barrier = Barrier::Unknown;
            }
            let is_free = solution.barrier == Barrier::Free;
            match &mut worst {
                Some(known) if known.barrier.severity() >= solution.barrier.severity() => {
                    known.named.add(solution.named);
                }
                Some(known) => {
                    let named = std::mem::take(&mut known.named);
                    solution.named.add(named);
                    *known = solution;
                }
                None => worst = Some(solution),
            }
            if is_free || self.analysis.budget.is_spent() {
                break;
            }
        }
        let mut solution = worst?;
        if is_uncertain && solution.barrier < Barrier::Unknown {
            solution.barrier = Barrier::Unknown;
            solution.clause = None;
        }
        Some(solution)
    }

    /// The clauses of one combination: all conditions of the Allow statement, and for each Deny statement the condition that
    /// `number` selects, which must not hold.
    fn clauses(&self, denies: &[&'p [Condition]], number: usize) -> Vec<Clause<'p>> {
        let counts = |condition: &&Condition| {
            self.keys.is_none_or(|keys| keys.iter().any(|key| key.eq_ignore_ascii_case(&condition.key)))
        };
        let allow = self.statement.conditions.iter().filter(counts).map(|condition| (condition, true));
        let mut clauses: Vec<Clause<'p>> = allow.collect();
        let mut rest = number;
        let mut selected: Vec<Clause<'p>> = Vec::new();
        for conditions in denies.iter().rev() {
            let index = rest.checked_rem(conditions.len()).unwrap_or(0);
            rest = rest.checked_div(conditions.len()).unwrap_or(0);
            selected.extend(conditions.get(index).filter(counts).map(|condition| (condition, false)));
        }
        clauses.extend(selected.into_iter().rev());
        clauses
    }

    /// Solves all of `clauses`.
    fn solve(&self, clauses: &[Clause<'p>]) -> Solution<'p> {
        let values = clauses.iter().map(|(condition, _)| condition.values.len()).sum::<usize>();
        self.analysis.budget.spend(clauses.len() + values / 16);
        let mut by_key: BTreeMap<String, Vec<Clause<'p>>> = BTreeMap::new();
        for clause in clauses {
            by_key.entry(clause.0.key.to_ascii_lowercase()).or_default().push(*clause);
        }
        let keys: HashSet<String> = by_key.keys().cloned().collect();
        let values = clauses.iter().flat_map(|(condition, _)| &condition.values);
        let variables: HashSet<String> = values.flat_map(|value| self.caller_variables(value)).collect();
        let mut known = self.known_context(clauses, &keys);
        let mut solution = Solution {
            barrier: Barrier::Free,
            context: Context::default(),
            clause: None,
            chosen_keys: Vec::new(),
            named: NamedParties::default(),
            deny: None,
        };
        let mut named: Vec<(Barrier, NamedParties)> = Vec::new();
        // Keys that are used as variables in the conditions on other keys come first.
        let (variable_keys, other_keys): (Vec<_>, Vec<_>) =
            by_key.iter().partition(|(key, _)| variables.contains(*key));
        for (key, on_key) in variable_keys.into_iter().chain(other_keys) {
            if self.analysis.budget.is_spent() {
                solution.barrier = Barrier::Unknown;
                break;
            }
            let solved = self.solve_key(key, on_key, &known);
            match solved.values {
                Some(values) => known.context.set(key, values),
                // The clauses are met if the key is missing.
                None if solved.barrier == Barrier::Free => known.context.remove(key),
                None => {}
            }
            if solved.is_chosen {
                solution.chosen_keys.push(key.clone());
            }
            if solved.barrier > solution.barrier || solution.clause.is_none() {
                solution.clause = solved.clause.or(on_key.first().map(|(condition, _)| *condition));
            }
            solution.barrier = solution.barrier.max(solved.barrier);
            named.push((solved.barrier, solved.named));
        }
        if matches!(solution.barrier, Barrier::Fixed | Barrier::Foreign) {
            named.into_iter().for_each(|(_, named)| solution.named.add(named));
        }
        solution.context = known.context;
        solution
    }

    /// Whether these values of the key meet all clauses. False if the budget is spent.
    fn meets<'c>(
        &self,
        key: &str,
        clauses: impl IntoIterator<Item = &'c Clause<'p>>,
        values: Option<&[String]>,
        known: &KnownContext,
    ) -> bool
    where
        'p: 'c,
    {
        let variable = |name: &str| match (name.eq_ignore_ascii_case(key), values) {
            (true, Some([value])) => Some(value.clone()),
            (true, _) => None,
            (false, _) => self.variable(name, &known.context),
        };
        let length = values.into_iter().flatten().map(String::len).sum::<usize>();
        clauses.into_iter().all(|(condition, must_hold)| {
            self.analysis.budget.spend(cost(condition, length))
                && condition.holds(values, self.policy.version, &variable) == *must_hold
        })
    }

    /// Solves the clauses on one key. `known` is the context that is known so far.
    fn solve_key(&self, key: &str, clauses: &[Clause<'p>], known: &KnownContext) -> KeySolution<'p> {
        let model = self.model(key);
        let first = clauses.first().map(|(condition, _)| *condition);
        if model.may_be_missing
            && self.meets(key, clauses, None, known)
            && !is_always_present(key, &model.kind, clauses)
        {
            return KeySolution::new(Barrier::Free, None, None);
        }
        if matches!(model.kind, KeyKind::Missing) {
            return KeySolution::new(Barrier::Nobody, None, first);
        }
        if let KeyKind::Identity(pattern) = model.kind
            && let Some(solved) = self.solve_identity(key, pattern, &model.kind, clauses, known)
        {
            return solved;
        }
        let mut best: Option<(Barrier, Vec<String>, bool)> = None;
        let candidates = self.candidates(key, &model.kind, clauses, known);
        for (value, is_particular) in model.own.iter().cloned().chain(candidates).take(MAX_VALUES) {
            if self.analysis.budget.is_spent() {
                break;
            }
            let is_now = model.own.first().is_some_and(|(now, _)| *now == value);
            let own = self.barrier(&model.kind, clauses, is_particular, is_now);
            let values = vec![value];
            let is_better = best.as_ref().is_none_or(|(lowest, ..)| own < *lowest);
            if !is_better || !self.meets(key, clauses, Some(&values), known) {
                continue;
            }
            let assumed = self.assumed_barrier(clauses, known);
            let barrier =
                own.max(if matches!(self.caller_kind, CallerKind::Tenant(..)) { Barrier::Free } else { assumed });
            let is_chosen =
                barrier == Barrier::Weak || is_particular && matches!(model.kind, KeyKind::Chosen | KeyKind::Network);
            if best.as_ref().is_none_or(|(lowest, ..)| barrier < *lowest) {
                best = Some((barrier, values, is_chosen));
            }
            if barrier == Barrier::Free {
                break;
            }
        }
        let (barrier, values, is_chosen) = match best {
            Some((barrier, values, is_chosen)) => (barrier, Some(values), is_chosen),
            None if self.is_impossible(key, &model.kind, clauses, known) => (Barrier::Nobody, None, false),
            None => (Barrier::Unknown, None, false),
        };
        // A request that meets all clauses meets each subset of them, and a subset may have a higher barrier.
        match self.hardest_subset(key, clauses, known) {
            Some(harder) if harder.barrier > barrier => {
                let values = values.filter(|_| harder.barrier < Barrier::Unknown);
                KeySolution { values, is_chosen, ..harder }
            }
            _ => KeySolution { is_chosen, ..KeySolution::new(barrier, values, first) },
        }
    }

    /// Solves the clauses on a key that identifies the caller if some clause allows only values with a known owner. Returns
    /// `None` if no clause does.
    fn solve_identity(
        &self,
        key: &str,
        pattern: ValuePattern,
        kind: &KeyKind,
        clauses: &[Clause<'p>],
        known: &KnownContext,
    ) -> Option<KeySolution<'p>> {
        let restricting = clauses.iter().enumerate().filter_map(|(index, (condition, must_hold))| {
            let test = condition.operator.test;
            if condition.operator.negated == *must_hold || !is_equality(test) {
                return None;
            }
            let owner_of = |value: &String| {
                let (value, is_open) = self.generalized(value, &known.context);
                let wildcards = if is_open { Wildcards::Like } else { Wildcards::of(test) };
                let padded = match (test, pattern) {
                    (Test::NumericEquals, ValuePattern::Account) => format!("{value:0>12}"),
                    _ => value,
                };
                self.analysis.budget.spend(4);
                pattern.owner(&padded, wildcards)
            };
            let owned: Vec<(&String, Owner)> = condition.values.iter().map(|value| (value, owner_of(value))).collect();
            owned.iter().all(|(_, owner)| *owner != Owner::Anybody).then_some((index, *condition, owned))
        });
        let mut hardest: Option<KeySolution<'p>> = None;
        for (index, condition, owned) in restricting.collect::<Vec<_>>() {
            let others: Vec<Clause<'p>> =
                clauses.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, clause)| *clause).collect();
            let mut solved = KeySolution::new(Barrier::Nobody, None, Some(condition));
            for (value, owner) in owned {
                let Some(barrier) = self.barrier_of(pattern, &owner) else { continue };
                // A value that this clause allows must meet the other clauses too.
                let mut filled = self.filled(value, &known.context);
                if matches!((condition.operator.test, pattern), (Test::NumericEquals, ValuePattern::Account)) {
                    filled = format!("{filled:0>12}");
                }
                let is_pattern = Wildcards::of(condition.operator.test) != Wildcards::No && value.contains(['*', '?'])
                    || value.contains("${");
                let mut candidates = values_for(condition, &filled, kind, self.analysis.outsider);
                candidates.retain(|candidate| could_be(key, kind, candidate, self.analysis.role.now));
                let meets_others =
                    |candidate: &String| self.meets(key, &others, Some(std::slice::from_ref(candidate)), known);
                let candidate = candidates.into_iter().find(|candidate| others.is_empty() || meets_others(candidate));
                // Only some of the values that match a pattern were tried.
                if candidate.is_none() && !is_pattern {
                    continue;
                }
                self.record_party(barrier, pattern, owner, &mut solved.named);
                if barrier.severity() > solved.barrier.severity() {
                    solved.barrier = barrier;
                    solved.values = candidate.map(|candidate| vec![candidate]);
                }
            }
            if hardest.as_ref().is_none_or(|known| solved.barrier > known.barrier) {
                hardest = Some(solved);
            }
        }
        hardest
    }

    /// The barrier to being the owner of a value. Returns `None` if no caller can be.
    fn barrier_of(&self, pattern: ValuePattern, owner: &Owner) -> Option<Barrier> {
        let Analysis { role, zone, .. } = self.analysis;
        let by_zone = |is_own: Option<bool>| match is_own {
            Some(true) => Barrier::Own,
            Some(false) => Barrier::Foreign,
            None => Barrier::Fixed,
        };
        match (owner, pattern) {
            (Owner::Nobody | Owner::Anybody, _) => None,
            (Owner::Account(account), _) if account == ROLE_ACCOUNT || is_own(account, role, zone) => {
                Some(Barrier::Own)
            }
            (Owner::Account(account), ValuePattern::Account | ValuePattern::PrincipalArn)
                if self.is_denied(account) =>
            {
                None
            }
            (Owner::Account(_) | Owner::Id(_), _) => Some(Barrier::Foreign),
            (Owner::Organization(organization), _) if organization == ROLE_ORGANIZATION => Some(Barrier::Own),
            (Owner::Organization(path), _) => Some(by_zone(zone.has_organization(path))),
            (Owner::Tenant(tenant), ValuePattern::Tenant(issuer, _)) => {
                Some(by_zone(zone.has_tenant(self.issuer_name(&issuer.name), tenant)))
            }
            (Owner::Tenant(_) | Owner::Somebody, _) => Some(Barrier::Fixed),
        }
    }

    /// Whether a Deny statement without conditions denies every principal of an account.
    fn is_denied(&self, account: &str) -> bool {
        let CallerKind::Aws = self.caller_kind else { return false };
        let root = || Caller::Aws { arn: format!("arn:aws:iam::{account}:root"), account: account.to_owned() };
        self.policy.statements.iter().any(|statement| {
            statement.effect == Some(Effect::Deny)
                && statement.conditions.is_empty()
                && statement.errors.is_empty()
                && self.analysis.budget.spend(statement.size())
                && statement.actions.cover("sts:AssumeRole")
                && statement.applies_to(&root())
        })
    }

    /// The full name of the issuer. The table contains only a prefix or no name for some issuers.
    fn issuer_name<'n>(&'n self, name: &'n str) -> &'n str {
        match self.caller {
            Caller::Federated(principal) => super::issuer::name_of(principal),
            Caller::Aws { .. } | Caller::Service(_) => name,
        }
    }

    /// Adds the owner of a value to `named`, unless the owner is in the zone of trust.
    fn record_party(&self, barrier: Barrier, pattern: ValuePattern, owner: Owner, named: &mut NamedParties) {
        if !matches!(barrier, Barrier::Fixed | Barrier::Foreign) {
            return;
        }
        match (owner, pattern) {
            (Owner::Account(id) | Owner::Id(id), _) => named.accounts.push(id),
            (Owner::Organization(path), _) => {
                named.organizations.push(path.trim_end_matches('/').to_owned());
            }
            (Owner::Tenant(tenant), ValuePattern::Tenant(issuer, _)) if !issuer.is_unlisted => {
                named.tenants.push(format!("{} {tenant}", self.issuer_name(&issuer.name)));
            }
            _ => {}
        }
    }

    /// Values that may meet the clauses on a key, each with whether it is a specific value.
    fn candidates(
        &self,
        key: &str,
        kind: &KeyKind,
        clauses: &[Clause<'p>],
        known: &KnownContext,
    ) -> Vec<(String, bool)> {
        let mut candidates = Vec::new();
        if matches!(kind, KeyKind::Given) {
            return candidates;
        }
        let is_role = matches!(kind, KeyKind::Role);
        for (condition, _) in clauses {
            for value in &condition.values {
                if candidates.len() >= MAX_VALUES || !self.analysis.budget.spend(1) {
                    return candidates;
                }
                let follows_caller = !self.caller_variables(value).is_empty();
                // The properties of the role do not depend on the caller.
                if is_role && follows_caller {
                    continue;
                }
                let filled = self.filled(value, &known.context);
                let wildcards = Wildcards::of(condition.operator.test);
                let values = values_for(condition, &filled, kind, self.analysis.outsider);
                let values = values.into_iter().filter(|value| could_be(key, kind, value, self.analysis.role.now));
                let is_particular = match kind {
                    KeyKind::Identity(ValuePattern::Tenant(issuer, _)) => {
                        let claim = key.rsplit(':').next().unwrap_or_default();
                        issuer.is_weak(claim, &filled, wildcards != Wildcards::No)
                    }
                    KeyKind::Identity(_) => false,
                    KeyKind::Claim(issuer, claim) => issuer.is_weak(claim, &filled, wildcards != Wildcards::No),
                    // A value that follows the caller is not specific.
                    _ => !follows_caller,
                };
                let is_outsider = |value: &String| match kind {
                    KeyKind::Identity(
                        pattern @ (ValuePattern::Account
                        | ValuePattern::PrincipalArn
                        | ValuePattern::SourceArn
                        | ValuePattern::UserId),
                    ) => self.barrier_of(*pattern, &pattern.owner(value, Wildcards::No)) != Some(Barrier::Own),
                    _ => true,
                };
                candidates.extend(values.filter(is_outsider).map(|value| (value, is_particular)));
            }
        }
        candidates
    }

    /// Whether no request can meet the clauses on a key, given that no tried value does.
    fn is_impossible(&self, key: &str, kind: &KeyKind, clauses: &[Clause<'p>], known: &KnownContext) -> bool {
        let is_positive = |condition: &Condition, must_hold: bool| condition.operator.negated != must_hold;
        let is_date = |test: Test| {
            use Test::{DateEquals, DateGreaterThan, DateGreaterThanEquals, DateLessThan, DateLessThanEquals};
            matches!(test, DateEquals | DateGreaterThan | DateGreaterThanEquals | DateLessThan | DateLessThanEquals)
        };
        let is_unsatisfiable = |(condition, must_hold): &Clause<'p>| {
            let is_literal = matches!(condition.operator.test, Test::StringEquals | Test::StringEqualsIgnoreCase);
            let could_be =
                |value: &String| could_be(key, kind, &self.filled(value, &known.context), self.analysis.role.now);
            is_literal && is_positive(condition, *must_hold) && !condition.values.iter().any(could_be)
        };
        match kind {
            KeyKind::Given | KeyKind::Role => true,
            KeyKind::Time if clauses.iter().all(|(condition, _)| is_ordering(condition, is_date)) => true,
            KeyKind::Network => clauses.iter().any(|clause @ (condition, must_hold)| {
                let is_in = condition.operator.test == Test::IpAddress && is_positive(condition, *must_hold);
                is_in && key == "aws:sourceip" && are_private(&condition.values) || is_unsatisfiable(clause)
            }),
            _ => clauses.iter().any(is_unsatisfiable),
        }
    }

    /// The highest known barrier of the subsets of `clauses`.
    fn hardest_subset(&self, key: &str, clauses: &[Clause<'p>], known: &KnownContext) -> Option<KeySolution<'p>> {
        if !(2..=MAX_CLAUSES).contains(&clauses.len()) {
            return None;
        }
        let subsets = (0..clauses.len()).map(|without| {
            let others = clauses.iter().enumerate().filter(|(index, _)| *index != without);
            self.solve_key(key, &others.map(|(_, clause)| *clause).collect::<Vec<_>>(), known)
        });
        subsets.filter(|solved| solved.barrier != Barrier::Unknown).max_by_key(|solved| solved.barrier)
    }

    fn barrier(&self, kind: &KeyKind, clauses: &[Clause<'p>], is_particular: bool, is_now: bool) -> Barrier {
        // Other conditions on the holder of a token do not fix the tenant.
        let weak = if matches!(self.caller_kind, CallerKind::Tenant(..)) { Barrier::Free } else { Barrier::Weak };
        match kind {
            KeyKind::Identity(ValuePattern::Tenant(..)) | KeyKind::Claim(..) if is_particular => Barrier::Weak,
            KeyKind::Chosen if is_particular => weak,
            KeyKind::Time if is_now && self.analysis.role.now.is_some() => Barrier::Free,
            KeyKind::Time => Barrier::Weak,
            KeyKind::Network if is_particular => weak,
            KeyKind::Network => {
                let is_restricted = clauses.iter().any(|(condition, must_hold)| {
                    condition.operator.test == Test::IpAddress
                        && condition.operator.negated != *must_hold
                        && !is_everywhere(&condition.values)
                });
                if is_restricted { weak } else { Barrier::Free }
            }
            KeyKind::Unknown => Barrier::Unknown,
            KeyKind::Identity(_)
            | KeyKind::Claim(..)
            | KeyKind::Chosen
            | KeyKind::Common
            | KeyKind::Role
            | KeyKind::Given => Barrier::Free,
            KeyKind::Missing => Barrier::Nobody,
        }
    }
}

/// The claims of every token, and a parameter of every exchange of a token.
const ALWAYS_PRESENT: [&str; 3] = [":sub", ":aud", "sts:rolesessionname"];

/// Whether every request with a token has the key. A token has a subject and an audience, so `…IfExists` compares them. Tokens
/// of one issuer have the same claims, so `ForAllValues:` compares a claim that fixes the tenant.
fn is_always_present(key: &str, kind: &KeyKind, clauses: &[Clause<'_>]) -> bool {
    let is_compared = |(condition, must_hold): &Clause<'_>| {
        let operator = condition.operator;
        let has_quantifier = operator.quantifier.is_some() && operator.test != Test::Null;
        *must_hold && has_quantifier && !operator.if_exists && !operator.negated
    };
    matches!(kind, KeyKind::Identity(ValuePattern::Tenant(..)))
        && (ALWAYS_PRESENT.iter().any(|name| key.ends_with(name)) || clauses.iter().any(is_compared))
}

/// Whether a condition compares dates or numbers, or checks their presence.
fn is_ordering(condition: &Condition, is_date: impl Fn(Test) -> bool) -> bool {
    use Test::{NumericEquals, NumericGreaterThan, NumericGreaterThanEquals, NumericLessThan, NumericLessThanEquals};
    let test = condition.operator.test;
    let is_number = matches!(
        test,
        NumericEquals | NumericGreaterThan | NumericGreaterThanEquals | NumericLessThan | NumericLessThanEquals
    );
    is_number || is_date(test) || test == Test::Null
}
