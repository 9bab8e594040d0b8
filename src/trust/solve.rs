//! The cheapest way in.
//!
//! What an outsider has to meet: every condition of the Allow statement, and of each Deny statement that is about them
//! at least one condition not. Conditions on different keys do not get in each other's way, so that each key is solved
//! alone, with a few values that stand for all there are.

use super::key::{Class, Guest, Hold, STRANGERS, Side, could_be, is_everywhere, is_fixed, values_for};
use super::outsider::Known;
use super::principal::Group;
use super::witness::Witness;
use super::{ASSUME, Verdict, advice};
use crate::policy::{Caller, Condition, Context, Decision, Effect, Policy, Principals, Request, Statement, Test};

/// More ways around the Deny statements than this are not tried: such a policy is undecidable.
const MOST_WAYS: usize = 512;

/// Of more clauses on one key than this, the selections are not tried.
const MOST_CLAUSES: usize = 4;

/// More values than this are not tried for a key.
const MOST_VALUES: usize = 512;

/// A condition, and whether it has to hold or must not.
pub(super) type Clause<'p> = (&'p Condition, bool);

/// A way in.
#[derive(Debug)]
pub(super) struct Way<'p> {
    pub(super) hold: Hold,
    pub(super) context: Context,
    /// What holds the door, or would if it were stronger.
    pub(super) clause: Option<&'p Condition>,
    /// The Deny statement it stands in, by its number.
    pub(super) deny: Option<usize>,
    /// The keys that have to have one value in particular, which anybody could send.
    pub(super) told: Vec<String>,
}

type Outcome = (Verdict, String, Option<Witness>, Option<String>);

/// An account that the policy does not mention, if there is one: whom it names is no stranger.
pub(super) fn stranger(policy: &Policy) -> &'static str {
    let principals = policy.statements.iter().flat_map(|one| match &one.principals {
        Some(Principals::Named(all) | Principals::AllBut(all)) => all.as_slice(),
        Some(Principals::Anyone) | None => &[],
    });
    let values = policy.statements.iter().flat_map(|one| &one.conditions).flat_map(|one| &one.values);
    let texts: Vec<&String> = principals.map(|principal| &principal.value).chain(values).collect();
    let is_new = |account: &&&str| !texts.iter().any(|text| text.contains(**account));
    STRANGERS.iter().find(is_new).copied().unwrap_or("999999999999")
}

/// Judges one group of principals of a statement.
pub(super) fn judge(
    policy: &Policy,
    place: usize,
    statement: &Statement,
    group: &Group,
    own: Option<&str>,
    stranger: &'static str,
) -> Outcome {
    if let Some((verdict, reason)) = group.settled() {
        let fix = advice::for_named(verdict, group);
        return (verdict, reason, None, fix);
    }
    let (caller, who, side, least) = match group {
        Group::Everybody(caller, who) => (caller, who.clone(), Side::Aws, Verdict::Public),
        Group::InAccount(caller, who) => (caller, who.clone(), Side::Aws, Verdict::Weak),
        Group::Tenants(issuer, caller) => {
            (caller, issuer.who.to_owned(), Side::Tenant(issuer, Guest::No), Verdict::Public)
        }
        Group::Foreign(_) | Group::Named(_) | Group::Service(_) | Group::Unknown(_) => {
            return (Verdict::Undecidable, "is not understood".to_owned(), None, None);
        }
    };
    let search = Search { policy, statement, caller, side, own, stranger };
    let Some((mut way, mut action)) = search.cheapest() else {
        return (Verdict::Scoped, "is denied to everybody".to_owned(), None, None);
    };
    let mut verdict = verdict_of(way.hold, side);
    let mut guests = false;
    if let (Side::Tenant(issuer, _), Hold::Strong) = (side, way.hold)
        && issuer.has_guests()
    {
        // The pool is fixed; whoever it lets in without signing in is still anybody.
        let search = Search { side: Side::Tenant(issuer, Guest::Yes), ..search };
        let is_asked = statement.conditions.iter().any(|one| one.key.to_ascii_lowercase().ends_with(":amr"));
        if let Some((guest, by)) = search.cheapest()
            && guest.hold < Hold::Unknown
        {
            verdict = if is_asked { Verdict::Public } else { Verdict::Weak };
            (way, action, guests) = (guest, by, true);
        }
    }
    verdict = verdict.min(least);
    if verdict < Verdict::Weak {
        let fix = (verdict == Verdict::Undecidable).then(|| advice::undecidable(&way));
        return (verdict, reason(verdict, &who, &way), None, fix);
    }
    let request = Request { caller: search.caller_in(&mut way.context), action, context: way.context.clone() };
    // Another statement may let the same request in, but it must not be denied.
    if policy.evaluate(&request) != Decision::Allowed {
        return (Verdict::Undecidable, "has conditions beyond this analysis".to_owned(), None, None);
    }
    let who = if guests { "any guest of the identity pool, who need not sign in".to_owned() } else { who };
    let witness = Witness::new(&who, request, &way);
    let reason = format!("lets in {}", witness.summary);
    let fix = advice::for_open(policy, place, statement, group, &way, guests);
    (verdict, reason, Some(witness), Some(fix))
}

fn verdict_of(hold: Hold, side: Side) -> Verdict {
    match (hold, side) {
        // Whatever else a tenant has to meet, it does not tell whose tenant they are.
        (Hold::Free, _) | (Hold::Weak, Side::Tenant(..)) => Verdict::Public,
        (Hold::Weak, Side::Aws) => Verdict::Weak,
        (Hold::Unknown, _) => Verdict::Undecidable,
        (Hold::Strong, Side::Aws) => Verdict::Constrained,
        (Hold::Strong, Side::Tenant(..)) => Verdict::Scoped,
    }
}

fn reason(verdict: Verdict, who: &str, way: &Way<'_>) -> String {
    let clause = way.clause.map(written);
    match (verdict, clause, way.deny) {
        (Verdict::Undecidable, Some(clause), _) => {
            format!("admits {who}, held by a condition that is not known: {clause}")
        }
        (Verdict::Undecidable, None, _) => format!("admits {who}, held by what is not understood"),
        (_, Some(clause), Some(deny)) => {
            format!("admits {who}, held by statement {deny}, which denies where {clause}")
        }
        (_, None, Some(deny)) => format!("admits {who}, held by statement {deny}, which denies it"),
        (_, Some(clause), None) => format!("admits {who}, held by {clause}"),
        (_, None, None) => format!("admits {who}, and nobody meets its conditions"),
    }
}

/// A condition in words: `StringEquals aws:PrincipalOrgID o-abc123def4`.
pub(super) fn written(condition: &Condition) -> String {
    format!("{} {} {}", condition.operator.name(), condition.key, condition.values.join(", "))
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
    pub(super) side: Side,
    pub(super) own: Option<&'p str>,
    pub(super) stranger: &'static str,
}

impl<'p> Search<'p> {
    /// The cheapest way in and the action it is by; `None` when a Deny statement leaves none.
    fn cheapest(&self) -> Option<(Way<'p>, String)> {
        let natural = match self.caller {
            Caller::Aws { .. } | Caller::Service(_) => "sts:AssumeRole",
            Caller::Federated(name) if name.contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
            Caller::Federated(_) => "sts:AssumeRoleWithWebIdentity",
        };
        let covered: Vec<&str> = ASSUME.into_iter().filter(|action| self.statement.actions.cover(action)).collect();
        // `*` is also whoever has a token; of anybody else it is known how they ask.
        let anyhow = !matches!(self.statement.principals, Some(Principals::Named(_)));
        let actions = if covered.contains(&natural) && !anyhow { vec![natural] } else { covered };
        let ways = actions.into_iter().filter_map(|action| Some((self.by(action)?, action.to_owned())));
        ways.min_by_key(|(way, _)| way.hold)
    }

    /// The cheapest way in by one action.
    fn by(&self, action: &str) -> Option<Way<'p>> {
        let base: Vec<Clause<'p>> = self.statement.conditions.iter().map(|condition| (condition, true)).collect();
        let mut ways: Vec<Vec<Clause<'p>>> = vec![base];
        let mut unsure = false;
        let denies = self.policy.statements.iter().enumerate().filter(|(_, one)| one.effect == Some(Effect::Deny));
        for (place, deny) in denies {
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
                return Some(Way {
                    hold: Hold::Strong,
                    context: Context::default(),
                    clause: None,
                    deny: Some(place + 1),
                    told: Vec::new(),
                });
            }
            if ways.len().saturating_mul(deny.conditions.len()) > MOST_WAYS {
                unsure = true;
                continue;
            }
            let around = ways.iter().flat_map(|clauses| {
                let more = |condition| clauses.iter().copied().chain([(condition, false)]).collect();
                deny.conditions.iter().map(more)
            });
            ways = around.collect();
        }
        let solved = ways.iter().map(|clauses| self.solve(clauses));
        let mut way = solved.min_by_key(|way| way.hold)?;
        if unsure && way.hold < Hold::Unknown {
            way.hold = Hold::Unknown;
            way.clause = None;
        }
        Some(way)
    }

    /// What it takes to meet all of `clauses`.
    fn solve(&self, clauses: &[Clause<'p>]) -> Way<'p> {
        let mut keys: Vec<String> = clauses.iter().map(|(condition, _)| condition.key.to_ascii_lowercase()).collect();
        keys.sort_unstable();
        keys.dedup();
        // A key whose value another one is compared with comes first.
        let is_variable = |key: &String| {
            let values = clauses.iter().flat_map(|(condition, _)| &condition.values);
            values.into_iter().any(|value| value.to_ascii_lowercase().contains(&format!("${{{key}")))
        };
        let (mut keys, others): (Vec<String>, Vec<String>) = keys.into_iter().partition(is_variable);
        keys.extend(others);
        let mut known = self.known(clauses, &keys);
        let mut way = Way { hold: Hold::Free, context: Context::default(), clause: None, deny: None, told: Vec::new() };
        for key in keys {
            let on_key: Vec<Clause<'p>> =
                clauses.iter().copied().filter(|(condition, _)| condition.key.eq_ignore_ascii_case(&key)).collect();
            let (hold, value, clause) = self.solve_key(&key, &on_key, &known);
            match value {
                Some(values) => known.context.set(&key, values),
                // Met without it.
                None if hold == Hold::Free => known.context.remove(&key),
                None => {}
            }
            if hold == Hold::Weak {
                way.told.push(key.clone());
            }
            if hold > way.hold || way.clause.is_none() {
                way.clause = clause.or(on_key.first().map(|(condition, _)| *condition));
                way.deny = way.clause.and_then(|clause| self.deny_of(clause));
            }
            way.hold = way.hold.max(hold);
        }
        way.context = known.context;
        way
    }

    /// The number of the Deny statement a condition stands in.
    fn deny_of(&self, clause: &Condition) -> Option<usize> {
        let is_here = |one: &Statement| one.conditions.iter().any(|condition| std::ptr::eq(condition, clause));
        let place = self.policy.statements.iter().position(|one| one.effect == Some(Effect::Deny) && is_here(one))?;
        Some(place + 1)
    }

    /// What it takes to meet the clauses on one key, and with which values (`None`: without the key). `known` is what is
    /// known of the request so far.
    fn solve_key(
        &self,
        key: &str,
        clauses: &[Clause<'p>],
        known: &Known,
    ) -> (Hold, Option<Vec<String>>, Option<&'p Condition>) {
        let model = self.model(key, clauses.iter().any(|(_, wanted)| *wanted));
        let version = self.policy.version;
        let meets = |values: Option<&[String]>| {
            let variable = |name: &str| match (name.eq_ignore_ascii_case(key), values) {
                (true, Some([one])) => Some(one.clone()),
                (true, _) => None,
                (false, _) => self.variable(name, &known.context),
            };
            clauses.iter().all(|(condition, wanted)| condition.holds(values, version, &variable) == *wanted)
        };
        if model.may_be_missing && meets(None) {
            return (Hold::Free, None, None);
        }
        if matches!(model.class, Class::Missing) {
            return (Hold::Strong, None, clauses.first().map(|(condition, _)| *condition));
        }
        let filled = |value: &str| self.filled(value, &known.context);
        if let Class::Identity(shape) = model.class {
            // Whatever value meets such a clause is somebody's in particular.
            let holds_the_door = |(condition, wanted): &&Clause<'p>| {
                let wild = matches!(condition.operator.test, Test::StringLike | Test::Arn);
                let asks_for_one = condition.operator.negated != *wanted && is_equality(condition.operator.test);
                let is_one = |value: &String| {
                    let (value, open) = self.without_callers(value, &known.context);
                    is_fixed(shape, &value, wild || open)
                };
                asks_for_one && condition.values.iter().all(is_one)
            };
            if let Some((clause, _)) = clauses.iter().find(holds_the_door) {
                return (Hold::Strong, None, Some(clause));
            }
        }
        let mut best: Option<(Hold, Vec<String>)> = None;
        let given = matches!(model.class, Class::Given);
        let is_role = matches!(model.class, Class::Role);
        let from_policy = clauses.iter().filter(|_| !given).flat_map(|(condition, _)| {
            // What the role has does not follow what a caller sends.
            let values =
                condition.values.iter().filter(|value| !is_role || self.variables_of_callers(value).is_empty());
            let found = values.flat_map(|value| {
                // Whoever has what they are compared with is nobody in particular.
                let is_theirs = !self.variables_of_callers(value).is_empty();
                let found = values_for(condition, &filled(value), &model.class, self.stranger).into_iter();
                found.map(move |(value, particular)| (value, particular && !is_theirs))
            });
            let found = found.filter(|(value, _)| could_be(key, value));
            found.collect::<Vec<_>>()
        });
        for (value, particular) in model.own.iter().cloned().chain(from_policy).take(MOST_VALUES) {
            let values = vec![value];
            if !meets(Some(&values)) {
                continue;
            }
            let hold = self.hold(&model.class, clauses, particular).max(self.hold_of_assumed(clauses, known));
            if best.as_ref().is_none_or(|(least, _)| hold < *least) {
                best = Some((hold, values));
            }
        }
        let first = clauses.first().map(|(condition, _)| *condition);
        let (hold, values) = match best {
            Some((hold, values)) => (hold, Some(values)),
            None if given || is_role => (Hold::Strong, None),
            None => (Hold::Unknown, None),
        };
        // Whoever meets all of them meets each selection of them, which may ask for more than the value found shows.
        match self.hardest_of_fewer(key, clauses, known) {
            Some((least, clause)) if least > hold => (least, values.filter(|_| least < Hold::Unknown), clause),
            _ => (hold, values, first),
        }
    }

    /// The most that some of `clauses` alone ask for, as far as it is known.
    fn hardest_of_fewer(
        &self,
        key: &str,
        clauses: &[Clause<'p>],
        known: &Known,
    ) -> Option<(Hold, Option<&'p Condition>)> {
        if !(2..=MOST_CLAUSES).contains(&clauses.len()) {
            return None;
        }
        let fewer = (0..clauses.len()).map(|without| {
            let others = clauses.iter().enumerate().filter(|(place, _)| *place != without);
            self.solve_key(key, &others.map(|(_, clause)| *clause).collect::<Vec<_>>(), known)
        });
        let decided = fewer.filter(|(hold, ..)| *hold != Hold::Unknown).map(|(hold, _, clause)| (hold, clause));
        decided.max_by_key(|(hold, _)| *hold)
    }

    fn hold(&self, class: &Class, clauses: &[Clause<'p>], particular: bool) -> Hold {
        match class {
            Class::Identity(_) if particular => Hold::Strong,
            Class::Chosen if particular => Hold::Weak,
            Class::Time => Hold::Weak,
            Class::Network if particular => Hold::Weak,
            Class::Network => {
                let narrows = clauses.iter().any(|(condition, wanted)| {
                    condition.operator.test == Test::IpAddress
                        && condition.operator.negated != *wanted
                        && !is_everywhere(&condition.values)
                });
                if narrows { Hold::Weak } else { Hold::Free }
            }
            Class::Unknown => Hold::Unknown,
            Class::Identity(_) | Class::Chosen | Class::Common | Class::Role | Class::Given => Hold::Free,
            Class::Missing => Hold::Strong,
        }
    }
}
