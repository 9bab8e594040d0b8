//! The worst way in.
//!
//! What an outsider has to meet: every condition of the Allow statement, and of each Deny statement that is about them
//! at least one condition not. Conditions on different keys do not get in each other's way, so that each key is solved
//! alone, with a few values that stand for all there are.

use std::collections::{BTreeMap, HashSet};

use super::ASSUME;
use super::key::{Barrier, KeyKind, OUTSIDERS, Side, are_private, could_be, is_everywhere, values_for};
use super::outsider::Known;
use super::principal::is_own;
use super::whose::{THE_ACCOUNT, THE_ORGANIZATION, ValuePattern, Whose, Wildcards};
use super::zone::{Budget, Role, Zone};
use crate::policy::{Caller, Condition, Context, Effect, Policy, Principals, Statement, Test};

/// More ways around the Deny statements than this are not tried: such a policy is undecidable.
const MAX_WAYS: usize = 512;

/// Of more clauses on one key than this, the selections are not tried.
const MAX_CLAUSES: usize = 4;

/// More values than this are not tried for a key.
const MAX_VALUES: usize = 512;

/// Longest pattern times longest value, both in bytes, that count as one comparison.
const MAX_SHORT: usize = 16 * 1024;

/// A condition, and whether it has to hold or must not.
pub(super) type Clause<'p> = (&'p Condition, bool);

/// What every search through a policy shares.
#[derive(Debug)]
pub(super) struct Scene<'p> {
    pub(super) role: Role<'p>,
    pub(super) zone: &'p Zone,
    pub(super) outsider: &'static str,
    /// The tags of the role that the policy compares with.
    pub(super) role_tags: Vec<String>,
    pub(super) budget: Budget,
}

/// Whom conditions name.
#[derive(Debug, Default, Clone)]
pub(super) struct Named {
    pub(super) accounts: Vec<String>,
    pub(super) organizations: Vec<String>,
    pub(super) tenants: Vec<String>,
}

impl Named {
    pub(super) fn add(&mut self, other: Self) {
        self.accounts.extend(other.accounts);
        self.organizations.extend(other.organizations);
        self.tenants.extend(other.tenants);
    }
}

/// A way in.
#[derive(Debug)]
pub(super) struct Way<'p> {
    pub(super) barrier: Barrier,
    pub(super) context: Context,
    /// What holds the door, or would if it were stronger.
    pub(super) clause: Option<&'p Condition>,
    /// The keys that have to have one value in particular, which anybody could send.
    pub(super) told: Vec<String>,
    /// Whom its conditions name that are not known to be in the zone of trust.
    pub(super) named: Named,
    /// The Deny statement without conditions that leaves no way, by its number.
    pub(super) deny: Option<usize>,
}

/// What it takes to meet the clauses on one key.
#[derive(Debug)]
struct Solved<'p> {
    barrier: Barrier,
    /// With which values; `None`: without the key, or it is not known.
    values: Option<Vec<String>>,
    clause: Option<&'p Condition>,
    /// Whether the value is one in particular that anybody could send.
    is_told: bool,
    named: Named,
}

impl<'p> Solved<'p> {
    fn new(barrier: Barrier, values: Option<Vec<String>>, clause: Option<&'p Condition>) -> Self {
        Self { barrier, values, clause, is_told: false, named: Named::default() }
    }
}

/// An account that the policy does not mention, if there is one: whom it names is no outsider.
pub(super) fn outsider(policy: &Policy, role: &Role<'_>, zone: &Zone) -> &'static str {
    let principals = policy.statements.iter().flat_map(|one| match &one.principals {
        Some(Principals::Named(all) | Principals::AllBut(all)) => all.as_slice(),
        Some(Principals::Anyone) | None => &[],
    });
    let values = policy.statements.iter().flat_map(|one| &one.conditions).flat_map(|one| &one.values);
    let texts: Vec<&String> = principals.map(|principal| &principal.value).chain(values).collect();
    let is_new = |account: &&&str| !is_own(account, role, zone) && !texts.iter().any(|text| text.contains(**account));
    OUTSIDERS.iter().find(is_new).copied().unwrap_or("999999999999")
}

/// A condition in words: `StringEquals aws:PrincipalOrgID o-abc123def4`.
pub(super) fn written(condition: &Condition) -> String {
    format!("{} {} {}", condition.operator.name(), condition.key, condition.values.join(", "))
}

/// The number of the Deny statement a condition stands in.
pub(super) fn deny_of(policy: &Policy, clause: &Condition) -> Option<usize> {
    let is_here = |one: &Statement| one.conditions.iter().any(|condition| std::ptr::eq(condition, clause));
    let place = policy.statements.iter().position(|one| one.effect == Some(Effect::Deny) && is_here(one))?;
    Some(place + 1)
}

/// The comparisons that a condition makes with a value of that length. To match a long pattern with a long value takes as
/// long as many short ones.
fn cost(condition: &Condition, length: usize) -> usize {
    let all = condition.values.iter().map(String::len).sum::<usize>();
    condition.values.len().max(1) + all.saturating_mul(length.max(64)) / MAX_SHORT
}

/// Whether it asks for one value of a few.
fn is_equality(test: Test) -> bool {
    use Test::{Arn, NumericEquals, StringEquals, StringEqualsIgnoreCase, StringLike};
    matches!(test, StringEquals | StringEqualsIgnoreCase | StringLike | Arn | NumericEquals)
}

/// The search for a way in through one statement.
#[derive(Clone, Copy)]
pub(super) struct Search<'p> {
    pub(super) policy: &'p Policy,
    pub(super) statement: &'p Statement,
    pub(super) caller: &'p Caller,
    /// Whether the caller is this one, rather than an example of many.
    pub(super) is_one: bool,
    pub(super) side: Side,
    /// The keys whose conditions count; `None`: all.
    pub(super) keys: Option<&'static [&'static str]>,
    pub(super) scene: &'p Scene<'p>,
}

impl<'p> Search<'p> {
    /// The worst way in and the action it is by; `None` when no action lets such a caller in.
    pub(super) fn worst(&self) -> Option<(Way<'p>, String)> {
        let natural = match self.caller {
            Caller::Aws { .. } | Caller::Service(_) => "sts:AssumeRole",
            Caller::Federated(name) if name.contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
            Caller::Federated(_) => "sts:AssumeRoleWithWebIdentity",
        };
        let covered: Vec<&str> = ASSUME.into_iter().filter(|action| self.statement.actions.cover(action)).collect();
        // `*` is also whoever has a token; of anybody else it is known how they ask.
        let anyhow = !matches!(self.statement.principals, Some(Principals::Named(_)));
        let actions = match self.side {
            // A token is exchanged by one call alone.
            Side::Tenant(..) => covered.into_iter().filter(|action| *action == natural).collect(),
            // Of a provider whose kind is open, by one of two.
            _ if matches!(self.caller, Caller::Federated(_)) => {
                covered.into_iter().filter(|action| *action != "sts:AssumeRole").collect()
            }
            Side::Aws | Side::Service if covered.contains(&natural) && !anyhow => vec![natural],
            Side::Aws | Side::Service => covered,
        };
        let mut worst: Option<(Way<'p>, String)> = None;
        for action in actions {
            let Some(way) = self.by(action) else { continue };
            worst = Some(match worst {
                None => (way, action.to_owned()),
                Some((mut known, by)) if known.barrier.concern() >= way.barrier.concern() => {
                    known.named.add(way.named);
                    (known, by)
                }
                Some((known, _)) => {
                    let mut way = way;
                    way.named.add(known.named);
                    (way, action.to_owned())
                }
            });
        }
        worst
    }

    /// The worst way in by one action.
    fn by(&self, action: &str) -> Option<Way<'p>> {
        let mut denies: Vec<&'p [Condition]> = Vec::new();
        let (mut ways, mut unsure) = (1_usize, false);
        for (place, deny) in self.policy.statements.iter().enumerate() {
            if deny.effect != Some(Effect::Deny) {
                continue;
            }
            if !self.scene.budget.spend(deny.size()) {
                unsure = true;
                break;
            }
            if !deny.actions.cover(action) {
                continue;
            }
            if !deny.faults.is_empty() {
                unsure = true;
                continue;
            }
            if !deny.mean(self.caller) {
                continue;
            }
            if deny.conditions.is_empty() {
                let named = Named::default();
                let context = Context::default();
                return Some(Way {
                    barrier: Barrier::Nobody,
                    context,
                    clause: None,
                    told: vec![],
                    named,
                    deny: Some(place + 1),
                });
            }
            match ways.checked_mul(deny.conditions.len()).filter(|ways| *ways <= MAX_WAYS) {
                Some(more) => {
                    ways = more;
                    denies.push(&deny.conditions);
                }
                None => unsure = true,
            }
        }
        let mut worst: Option<Way<'p>> = None;
        for number in 0..ways {
            let mut way = self.solve(&self.clauses(&denies, number));
            if self.scene.budget.is_spent() {
                way.barrier = Barrier::Unknown;
            }
            let is_free = way.barrier == Barrier::Free;
            match &mut worst {
                Some(known) if known.barrier.concern() >= way.barrier.concern() => known.named.add(way.named),
                Some(known) => {
                    let named = std::mem::take(&mut known.named);
                    way.named.add(named);
                    *known = way;
                }
                None => worst = Some(way),
            }
            if is_free || self.scene.budget.is_spent() {
                break;
            }
        }
        let mut way = worst?;
        if unsure && way.barrier < Barrier::Unknown {
            way.barrier = Barrier::Unknown;
            way.clause = None;
        }
        Some(way)
    }

    /// The clauses of one way around the Deny statements: of each, the condition that the number picks does not hold.
    fn clauses(&self, denies: &[&'p [Condition]], number: usize) -> Vec<Clause<'p>> {
        let counts = |condition: &&Condition| {
            self.keys.is_none_or(|keys| keys.iter().any(|key| key.eq_ignore_ascii_case(&condition.key)))
        };
        let held = self.statement.conditions.iter().filter(counts).map(|condition| (condition, true));
        let mut clauses: Vec<Clause<'p>> = held.collect();
        let mut rest = number;
        let mut picked: Vec<Clause<'p>> = Vec::new();
        for conditions in denies.iter().rev() {
            let pick = rest.checked_rem(conditions.len()).unwrap_or(0);
            rest = rest.checked_div(conditions.len()).unwrap_or(0);
            picked.extend(conditions.get(pick).filter(counts).map(|condition| (condition, false)));
        }
        clauses.extend(picked.into_iter().rev());
        clauses
    }

    /// What it takes to meet all of `clauses`.
    fn solve(&self, clauses: &[Clause<'p>]) -> Way<'p> {
        let values = clauses.iter().map(|(condition, _)| condition.values.len()).sum::<usize>();
        self.scene.budget.spend(clauses.len() + values / 16);
        let mut by_key: BTreeMap<String, Vec<Clause<'p>>> = BTreeMap::new();
        for clause in clauses {
            by_key.entry(clause.0.key.to_ascii_lowercase()).or_default().push(*clause);
        }
        let keys: HashSet<String> = by_key.keys().cloned().collect();
        let values = clauses.iter().flat_map(|(condition, _)| &condition.values);
        let variables: HashSet<String> = values.flat_map(|value| self.variables_of_callers(value)).collect();
        let mut known = self.known(clauses, &keys);
        let mut way = Way {
            barrier: Barrier::Free,
            context: Context::default(),
            clause: None,
            told: Vec::new(),
            named: Named::default(),
            deny: None,
        };
        let mut named: Vec<(Barrier, Named)> = Vec::new();
        // A key whose value another one is compared with comes first.
        let (first, others): (Vec<_>, Vec<_>) = by_key.iter().partition(|(key, _)| variables.contains(*key));
        for (key, on_key) in first.into_iter().chain(others) {
            if self.scene.budget.is_spent() {
                way.barrier = Barrier::Unknown;
                break;
            }
            let solved = self.solve_key(key, on_key, &known);
            match solved.values {
                Some(values) => known.context.set(key, values),
                // Met without it.
                None if solved.barrier == Barrier::Free => known.context.remove(key),
                None => {}
            }
            if solved.is_told {
                way.told.push(key.clone());
            }
            if solved.barrier > way.barrier || way.clause.is_none() {
                way.clause = solved.clause.or(on_key.first().map(|(condition, _)| *condition));
            }
            way.barrier = way.barrier.max(solved.barrier);
            named.push((solved.barrier, solved.named));
        }
        if matches!(way.barrier, Barrier::Fixed | Barrier::Foreign) {
            named.into_iter().for_each(|(_, named)| way.named.add(named));
        }
        way.context = known.context;
        way
    }

    /// Whether clauses all hold, or do not, as they have to, for these values of the key; not, when the budget is spent.
    fn meets<'c>(
        &self,
        key: &str,
        clauses: impl IntoIterator<Item = &'c Clause<'p>>,
        values: Option<&[String]>,
        known: &Known,
    ) -> bool
    where
        'p: 'c,
    {
        let variable = |name: &str| match (name.eq_ignore_ascii_case(key), values) {
            (true, Some([one])) => Some(one.clone()),
            (true, _) => None,
            (false, _) => self.variable(name, &known.context),
        };
        let length = values.into_iter().flatten().map(String::len).sum::<usize>();
        clauses.into_iter().all(|(condition, wanted)| {
            self.scene.budget.spend(cost(condition, length))
                && condition.holds(values, self.policy.version, &variable) == *wanted
        })
    }

    /// What it takes to meet the clauses on one key. `known` is what is known of the request so far.
    fn solve_key(&self, key: &str, clauses: &[Clause<'p>], known: &Known) -> Solved<'p> {
        let model = self.model(key);
        let first = clauses.first().map(|(condition, _)| *condition);
        if model.may_be_missing && self.meets(key, clauses, None, known) && !is_always_there(key, &model.kind, clauses)
        {
            return Solved::new(Barrier::Free, None, None);
        }
        if matches!(model.kind, KeyKind::Missing) {
            return Solved::new(Barrier::Nobody, None, first);
        }
        if let KeyKind::Identity(pattern_kind) = model.kind
            && let Some(solved) = self.barrier_by_identity(key, pattern_kind, &model.kind, clauses, known)
        {
            return solved;
        }
        let mut best: Option<(Barrier, Vec<String>, bool)> = None;
        let candidates = self.candidates(key, &model.kind, clauses, known);
        for (value, particular) in model.own.iter().cloned().chain(candidates).take(MAX_VALUES) {
            if self.scene.budget.is_spent() {
                break;
            }
            let is_now = model.own.first().is_some_and(|(now, _)| *now == value);
            let own = self.barrier(&model.kind, clauses, particular, is_now);
            let values = vec![value];
            let is_better = best.as_ref().is_none_or(|(least, ..)| own < *least);
            if !is_better || !self.meets(key, clauses, Some(&values), known) {
                continue;
            }
            let assumed = self.barrier_of_assumed(clauses, known);
            let barrier = own.max(if matches!(self.side, Side::Tenant(..)) { Barrier::Free } else { assumed });
            let is_told =
                barrier == Barrier::Weak || particular && matches!(model.kind, KeyKind::Chosen | KeyKind::Network);
            if best.as_ref().is_none_or(|(least, ..)| barrier < *least) {
                best = Some((barrier, values, is_told));
            }
            if barrier == Barrier::Free {
                break;
            }
        }
        let (barrier, values, is_told) = match best {
            Some((barrier, values, is_told)) => (barrier, Some(values), is_told),
            None if self.is_impossible(key, &model.kind, clauses, known) => (Barrier::Nobody, None, false),
            None => (Barrier::Unknown, None, false),
        };
        // Whoever meets all of them meets each selection of them, which may ask for more than the value found shows.
        match self.hardest_of_fewer(key, clauses, known) {
            Some(harder) if harder.barrier > barrier => {
                let values = values.filter(|_| harder.barrier < Barrier::Unknown);
                Solved { values, is_told, ..harder }
            }
            _ => Solved { is_told, ..Solved::new(barrier, values, first) },
        }
    }

    /// What it takes where some clause leaves only values that are somebody's in particular; `None` where none does.
    fn barrier_by_identity(
        &self,
        key: &str,
        pattern_kind: ValuePattern,
        kind: &KeyKind,
        clauses: &[Clause<'p>],
        known: &Known,
    ) -> Option<Solved<'p>> {
        let doors = clauses.iter().enumerate().filter_map(|(place, (condition, wanted))| {
            let test = condition.operator.test;
            if condition.operator.negated == *wanted || !is_equality(test) {
                return None;
            }
            let whose = |value: &String| {
                let (value, is_open) = self.without_callers(value, &known.context);
                let wildcards = if is_open { Wildcards::Like } else { Wildcards::of(test) };
                let padded = match (test, pattern_kind) {
                    (Test::NumericEquals, ValuePattern::Account) => format!("{value:0>12}"),
                    _ => value,
                };
                self.scene.budget.spend(4);
                pattern_kind.whose(&padded, wildcards)
            };
            let all: Vec<(&String, Whose)> = condition.values.iter().map(|value| (value, whose(value))).collect();
            all.iter().all(|(_, whose)| *whose != Whose::Anybody).then_some((place, *condition, all))
        });
        let mut hardest: Option<Solved<'p>> = None;
        for (place, condition, all) in doors.collect::<Vec<_>>() {
            let others: Vec<Clause<'p>> =
                clauses.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, clause)| *clause).collect();
            let mut solved = Solved::new(Barrier::Nobody, None, Some(condition));
            for (value, whose) in all {
                let Some(barrier) = self.owner(pattern_kind, &whose) else { continue };
                // Some value that it admits has to meet the other clauses too.
                let mut filled = self.filled(value, &known.context);
                if matches!((condition.operator.test, pattern_kind), (Test::NumericEquals, ValuePattern::Account)) {
                    filled = format!("{filled:0>12}");
                }
                let is_pattern = Wildcards::of(condition.operator.test) != Wildcards::No && value.contains(['*', '?'])
                    || value.contains("${");
                let mut candidates = values_for(condition, &filled, kind, self.scene.outsider);
                candidates.retain(|candidate| could_be(key, kind, candidate, self.scene.role.now));
                let found = match others.is_empty() {
                    true => candidates.into_iter().next(),
                    false => candidates
                        .into_iter()
                        .find(|candidate| self.meets(key, &others, Some(std::slice::from_ref(candidate)), known)),
                };
                // Of a pattern, not all values were tried.
                if found.is_none() && !is_pattern {
                    continue;
                }
                self.name(barrier, pattern_kind, whose, &mut solved.named);
                if barrier.concern() > solved.barrier.concern() {
                    solved.barrier = barrier;
                    solved.values = found.map(|found| vec![found]);
                }
            }
            if hardest.as_ref().is_none_or(|known| solved.barrier > known.barrier) {
                hardest = Some(solved);
            }
        }
        hardest
    }

    /// What it takes to be whom a value names; `None` when it names nobody.
    fn owner(&self, pattern_kind: ValuePattern, whose: &Whose) -> Option<Barrier> {
        let Scene { role, zone, .. } = self.scene;
        let known = |is_own: Option<bool>| match is_own {
            Some(true) => Barrier::Own,
            Some(false) => Barrier::Foreign,
            None => Barrier::Fixed,
        };
        match (whose, pattern_kind) {
            (Whose::Nobody | Whose::Anybody, _) => None,
            (Whose::Account(account), _) if account == THE_ACCOUNT || is_own(account, role, zone) => Some(Barrier::Own),
            (Whose::Account(account), ValuePattern::Account | ValuePattern::PrincipalArn)
                if self.is_denied(account) =>
            {
                None
            }
            (Whose::Account(_) | Whose::Id(_), _) => Some(Barrier::Foreign),
            (Whose::Organization(organization), _) if organization == THE_ORGANIZATION => Some(Barrier::Own),
            (Whose::Organization(path), _) => Some(known(zone.has_organization(path))),
            (Whose::Tenant(tenant), ValuePattern::Tenant(issuer, _)) => {
                Some(known(zone.has_tenant(self.issuer_name(&issuer.name), tenant)))
            }
            (Whose::Tenant(_) | Whose::Somebody, _) => Some(Barrier::Fixed),
        }
    }

    /// Whether a Deny statement without conditions denies every principal of an account.
    fn is_denied(&self, account: &str) -> bool {
        let Side::Aws = self.side else { return false };
        let root = || Caller::Aws { arn: format!("arn:aws:iam::{account}:root"), account: account.to_owned() };
        self.policy.statements.iter().any(|one| {
            one.effect == Some(Effect::Deny)
                && one.conditions.is_empty()
                && one.faults.is_empty()
                && self.scene.budget.spend(one.size())
                && one.actions.cover("sts:AssumeRole")
                && one.mean(&root())
        })
    }

    /// The name of the issuer, where the table has the beginning of several or none.
    fn issuer_name<'n>(&'n self, name: &'n str) -> &'n str {
        match self.caller {
            Caller::Federated(principal) => super::issuer::name_of(principal),
            Caller::Aws { .. } | Caller::Service(_) => name,
        }
    }

    /// Adds whom a value names, where they are not known to be in the zone of trust.
    fn name(&self, barrier: Barrier, pattern_kind: ValuePattern, whose: Whose, to: &mut Named) {
        if !matches!(barrier, Barrier::Fixed | Barrier::Foreign) {
            return;
        }
        match (whose, pattern_kind) {
            (Whose::Account(id) | Whose::Id(id), _) => to.accounts.push(id),
            (Whose::Organization(path), _) => {
                to.organizations.push(path.trim_end_matches('/').to_owned());
            }
            (Whose::Tenant(tenant), ValuePattern::Tenant(issuer, _)) if !issuer.is_unlisted => {
                to.tenants.push(format!("{} {tenant}", self.issuer_name(&issuer.name)));
            }
            _ => {}
        }
    }

    /// Values for which the clauses on a key might hold, each with whether it is one in particular.
    fn candidates(&self, key: &str, kind: &KeyKind, clauses: &[Clause<'p>], known: &Known) -> Vec<(String, bool)> {
        let mut candidates = Vec::new();
        if matches!(kind, KeyKind::Given) {
            return candidates;
        }
        let is_role = matches!(kind, KeyKind::Role);
        for (condition, _) in clauses {
            for value in &condition.values {
                if candidates.len() >= MAX_VALUES || !self.scene.budget.spend(1) {
                    return candidates;
                }
                let is_theirs = !self.variables_of_callers(value).is_empty();
                // What the role has does not follow what a caller sends.
                if is_role && is_theirs {
                    continue;
                }
                let filled = self.filled(value, &known.context);
                let wildcards = Wildcards::of(condition.operator.test);
                let found = values_for(condition, &filled, kind, self.scene.outsider);
                let found = found.into_iter().filter(|found| could_be(key, kind, found, self.scene.role.now));
                let particular = match kind {
                    KeyKind::Identity(ValuePattern::Tenant(issuer, _)) => {
                        let claim = key.rsplit(':').next().unwrap_or_default();
                        issuer.is_weak(claim, &filled, wildcards != Wildcards::No)
                    }
                    KeyKind::Identity(_) => false,
                    KeyKind::Claim(issuer, claim) => issuer.is_weak(claim, &filled, wildcards != Wildcards::No),
                    // Whoever has what they are compared with is nobody in particular.
                    _ => !is_theirs,
                };
                let is_outsider = |found: &String| match kind {
                    KeyKind::Identity(
                        pattern_kind @ (ValuePattern::Account
                        | ValuePattern::PrincipalArn
                        | ValuePattern::SourceArn
                        | ValuePattern::UserId),
                    ) => self.owner(*pattern_kind, &pattern_kind.whose(found, Wildcards::No)) != Some(Barrier::Own),
                    _ => true,
                };
                candidates.extend(found.filter(is_outsider).map(|found| (found, particular)));
            }
        }
        candidates
    }

    /// Whether no request can meet the clauses on a key, as none of the values tried does.
    fn is_impossible(&self, key: &str, kind: &KeyKind, clauses: &[Clause<'p>], known: &Known) -> bool {
        let asks = |condition: &Condition, wanted: bool| condition.operator.negated != wanted;
        let is_date = |test: Test| {
            use Test::{DateEquals, DateGreaterThan, DateGreaterThanEquals, DateLessThan, DateLessThanEquals};
            matches!(test, DateEquals | DateGreaterThan | DateGreaterThanEquals | DateLessThan | DateLessThanEquals)
        };
        let is_literal = |(condition, wanted): &Clause<'p>| {
            let is_one = matches!(condition.operator.test, Test::StringEquals | Test::StringEqualsIgnoreCase);
            let could_be =
                |value: &String| could_be(key, kind, &self.filled(value, &known.context), self.scene.role.now);
            is_one && asks(condition, *wanted) && !condition.values.iter().any(could_be)
        };
        match kind {
            KeyKind::Given | KeyKind::Role => true,
            KeyKind::Time if clauses.iter().all(|(condition, _)| is_ordering(condition, is_date)) => true,
            KeyKind::Network => clauses.iter().any(|clause @ (condition, wanted)| {
                let is_in = condition.operator.test == Test::IpAddress && asks(condition, *wanted);
                is_in && key == "aws:sourceip" && are_private(&condition.values) || is_literal(clause)
            }),
            _ => clauses.iter().any(is_literal),
        }
    }

    /// The most that some of `clauses` alone ask for, as far as it is known.
    fn hardest_of_fewer(&self, key: &str, clauses: &[Clause<'p>], known: &Known) -> Option<Solved<'p>> {
        if !(2..=MAX_CLAUSES).contains(&clauses.len()) {
            return None;
        }
        let fewer = (0..clauses.len()).map(|without| {
            let others = clauses.iter().enumerate().filter(|(place, _)| *place != without);
            self.solve_key(key, &others.map(|(_, clause)| *clause).collect::<Vec<_>>(), known)
        });
        fewer.filter(|solved| solved.barrier != Barrier::Unknown).max_by_key(|solved| solved.barrier)
    }

    fn barrier(&self, kind: &KeyKind, clauses: &[Clause<'p>], particular: bool, is_now: bool) -> Barrier {
        // Whatever else the holder of a token has to meet, it does not tell whose tenant they are.
        let weak = if matches!(self.side, Side::Tenant(..)) { Barrier::Free } else { Barrier::Weak };
        match kind {
            KeyKind::Identity(ValuePattern::Tenant(..)) | KeyKind::Claim(..) if particular => Barrier::Weak,
            KeyKind::Chosen if particular => weak,
            KeyKind::Time if is_now && self.scene.role.now.is_some() => Barrier::Free,
            KeyKind::Time => Barrier::Weak,
            KeyKind::Network if particular => weak,
            KeyKind::Network => {
                let narrows = clauses.iter().any(|(condition, wanted)| {
                    condition.operator.test == Test::IpAddress
                        && condition.operator.negated != *wanted
                        && !is_everywhere(&condition.values)
                });
                if narrows { weak } else { Barrier::Free }
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

/// Claims that every token has, and the parameter that every exchange of one has.
const ALWAYS_THERE: [&str; 3] = [":sub", ":aud", "sts:rolesessionname"];

/// Whether every request has the key, although some clause would hold without it: a token has a subject and an audience,
/// which `…IfExists` therefore compares. `ForAllValues:` compares other claims that fix the tenant, too: tokens of
/// issuers that have these claims all have them.
fn is_always_there(key: &str, kind: &KeyKind, clauses: &[Clause<'_>]) -> bool {
    let is_compared = |(condition, wanted): &Clause<'_>| {
        let operator = condition.operator;
        let has_quantifier = operator.quantifier.is_some() && operator.test != Test::Null;
        *wanted && has_quantifier && !operator.if_exists && !operator.negated
    };
    matches!(kind, KeyKind::Identity(ValuePattern::Tenant(..)))
        && (ALWAYS_THERE.iter().any(|name| key.ends_with(name)) || clauses.iter().any(is_compared))
}

/// Whether it compares dates or numbers, or asks whether there is one.
fn is_ordering(condition: &Condition, is_date: impl Fn(Test) -> bool) -> bool {
    use Test::{NumericEquals, NumericGreaterThan, NumericGreaterThanEquals, NumericLessThan, NumericLessThanEquals};
    let test = condition.operator.test;
    let is_number = matches!(
        test,
        NumericEquals | NumericGreaterThan | NumericGreaterThanEquals | NumericLessThan | NumericLessThanEquals
    );
    is_number || is_date(test) || test == Test::Null
}
