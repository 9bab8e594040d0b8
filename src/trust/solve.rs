//! The cheapest way in.
//!
//! What an outsider has to meet: every condition of the Allow statement, and of each Deny statement that is about them
//! at least one condition not. Conditions on different keys do not get in each other's way, so that each key is solved
//! alone, with a few values that stand for all there are.

use super::issuer::{self, COGNITO};
use super::key::{Class, Guest, Hold, Key, Side, could_be, is_everywhere, is_fixed, values_for};
use super::principal::Group;
use super::witness::Witness;
use super::{ASSUME, Verdict, advice};
use crate::policy::{Caller, Condition, Context, Decision, Effect, Policy, Request, Statement, Test, Version};

/// More ways around the Deny statements than this are not tried: such a policy is undecidable.
const MOST_WAYS: usize = 512;

/// Of more clauses on one key than this, the selections are not tried.
const MOST_CLAUSES: usize = 4;

/// A condition, and whether it has to hold or must not.
type Clause<'p> = (&'p Condition, bool);

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

/// Judges one group of principals of a statement.
pub(super) fn judge(policy: &Policy, place: usize, statement: &Statement, group: &Group, own: Option<&str>) -> Outcome {
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
    let search = Search { policy, statement, caller, side, own };
    let Some((mut way, mut action)) = search.cheapest() else {
        return (Verdict::Scoped, "is denied to everybody".to_owned(), None, None);
    };
    let mut verdict = verdict_of(way.hold, side);
    let mut guests = false;
    if let (Side::Tenant(issuer, _), Hold::Strong) = (side, way.hold)
        && issuer.name == COGNITO
        && way.deny.is_none()
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
    let request = Request { caller: caller.clone(), action, context: way.context.clone() };
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
        (Hold::Free, _) => Verdict::Public,
        (Hold::Weak, _) => Verdict::Weak,
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

#[derive(Clone, Copy)]
struct Search<'p> {
    policy: &'p Policy,
    statement: &'p Statement,
    caller: &'p Caller,
    side: Side,
    own: Option<&'p str>,
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
        let actions = if covered.contains(&natural) { vec![natural] } else { covered };
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
            if !deny.faults.is_empty() {
                unsure = true;
                continue;
            }
            let about_them = deny.principals.as_ref().is_some_and(|principals| principals.mean(self.caller));
            if !about_them || !deny.actions.cover(action) {
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
        keys.sort_by_key(|key| !is_variable(key));
        let mut way = Way { hold: Hold::Free, context: self.outsider(), clause: None, deny: None, told: Vec::new() };
        for key in keys {
            let on_key: Vec<Clause<'p>> =
                clauses.iter().copied().filter(|(condition, _)| condition.key.eq_ignore_ascii_case(&key)).collect();
            let (hold, value, clause) = self.solve_key(&key, &on_key, &way.context);
            match value {
                Some(values) => way.context.set(&key, values),
                None => way.context.remove(&key),
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
        way
    }

    /// The number of the Deny statement a condition stands in.
    fn deny_of(&self, clause: &Condition) -> Option<usize> {
        let is_here = |one: &Statement| one.conditions.iter().any(|condition| std::ptr::eq(condition, clause));
        let place = self.policy.statements.iter().position(|one| one.effect == Some(Effect::Deny) && is_here(one))?;
        Some(place + 1)
    }

    /// What it takes to meet the clauses on one key, and with which values (`None`: without the key). `base` is what is
    /// known of the request so far.
    fn solve_key(
        &self,
        key: &str,
        clauses: &[Clause<'p>],
        base: &Context,
    ) -> (Hold, Option<Vec<String>>, Option<&'p Condition>) {
        let issuer_name = match self.caller {
            Caller::Federated(name) => issuer::name_of(name),
            Caller::Aws { .. } | Caller::Service(_) => "",
        };
        let model = Key::of(key, self.side, issuer_name);
        let version = self.policy.version;
        let meets = |values: Option<&[String]>| {
            let variable = |name: &str| match (name.eq_ignore_ascii_case(key), values) {
                (true, Some([one])) => Some(one.clone()),
                (true, _) => None,
                (false, _) => self.variable(name, base),
            };
            clauses.iter().all(|(condition, wanted)| condition.holds(values, version, &variable) == *wanted)
        };
        if model.may_be_missing && meets(None) {
            return (Hold::Free, None, None);
        }
        if model.class == Class::Missing {
            return (Hold::Strong, None, clauses.first().map(|(condition, _)| *condition));
        }
        let filled = |value: &str| self.filled(value, version, base);
        if let Class::Identity(shape) = model.class {
            // Whatever value meets such a clause is somebody's in particular.
            let holds_the_door = |(condition, wanted): &&Clause<'p>| {
                let wild = matches!(condition.operator.test, Test::StringLike | Test::Arn);
                let equality = [Test::StringEquals, Test::StringEqualsIgnoreCase, Test::StringLike, Test::Arn]
                    .contains(&condition.operator.test);
                let asks_for_one = condition.operator.negated != *wanted && equality;
                let is_own = |value: &String| value.eq_ignore_ascii_case(&format!("${{{key}}}"));
                asks_for_one
                    && condition.values.iter().all(|value| !is_own(value) && is_fixed(shape, &filled(value), wild))
            };
            if let Some((clause, _)) = clauses.iter().find(holds_the_door) {
                return (Hold::Strong, None, Some(clause));
            }
        }
        let mut best: Option<(Hold, Vec<String>)> = None;
        let given = model.class == Class::Given;
        let from_policy = clauses.iter().filter(|_| !given).flat_map(|(condition, _)| {
            let values = condition.values.iter().map(|value| filled(value));
            let found = values.flat_map(|value| values_for(condition, &value, &model.class));
            let found = found.filter(|(value, _)| could_be(key, value));
            found.collect::<Vec<_>>()
        });
        for (value, particular) in model.own.iter().cloned().chain(from_policy) {
            let values = vec![value];
            if !meets(Some(&values)) {
                continue;
            }
            let hold = self.hold(&model.class, clauses, particular);
            if best.as_ref().is_none_or(|(least, _)| hold < *least) {
                best = Some((hold, values));
            }
        }
        let first = clauses.first().map(|(condition, _)| *condition);
        let (hold, values) = match best {
            Some((hold, values)) => (hold, Some(values)),
            None if given => (Hold::Strong, None),
            None => (Hold::Unknown, None),
        };
        // Whoever meets all of them meets each selection of them, which may ask for more than the value found shows.
        match self.hardest_of_fewer(key, clauses, base) {
            Some((least, clause)) if least > hold => (least, values.filter(|_| least < Hold::Unknown), clause),
            _ => (hold, values, first),
        }
    }

    /// The most that some of `clauses` alone ask for, as far as it is known.
    fn hardest_of_fewer(
        &self,
        key: &str,
        clauses: &[Clause<'p>],
        base: &Context,
    ) -> Option<(Hold, Option<&'p Condition>)> {
        if !(2..=MOST_CLAUSES).contains(&clauses.len()) {
            return None;
        }
        let fewer = (0..clauses.len()).map(|without| {
            let others = clauses.iter().enumerate().filter(|(place, _)| *place != without);
            self.solve_key(key, &others.map(|(_, clause)| *clause).collect::<Vec<_>>(), base)
        });
        let known = fewer.filter(|(hold, ..)| *hold != Hold::Unknown).map(|(hold, _, clause)| (hold, clause));
        known.max_by_key(|(hold, _)| *hold)
    }

    fn hold(&self, class: &Class, clauses: &[Clause<'p>], particular: bool) -> Hold {
        match class {
            Class::Identity(_) if particular => Hold::Strong,
            Class::Chosen if particular => Hold::Weak,
            Class::Time => Hold::Weak,
            Class::Network => {
                let narrows = clauses.iter().any(|(condition, wanted)| {
                    condition.operator.test == Test::IpAddress
                        && condition.operator.negated != *wanted
                        && !is_everywhere(&condition.values)
                });
                if narrows { Hold::Weak } else { Hold::Free }
            }
            Class::Unknown => Hold::Unknown,
            Class::Identity(_) | Class::Chosen | Class::Common | Class::Given => Hold::Free,
            Class::Missing => Hold::Strong,
        }
    }

    /// What holds of the outsider whatever the policy says.
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
        for value in self.policy.statements.iter().flat_map(|one| &one.conditions).flat_map(|one| &one.values) {
            for name in value.split("${").skip(1).filter_map(|rest| rest.split('}').next()) {
                if name.to_ascii_lowercase().contains("resourcetag/") {
                    set(&mut context, &[(name.trim(), "the tag of the role")]);
                }
            }
        }
        set(&mut context, &[("aws:SecureTransport", "true"), ("sts:RoleSessionName", "evil")]);
        if let (Side::Tenant(issuer, _), Caller::Federated(name)) = (self.side, self.caller)
            && !issuer.tenancy.contains(':')
        {
            set(&mut context, &[(&format!("{}:{}", issuer::name_of(name), issuer.tenancy), issuer.stranger)]);
        }
        if let Some(own) = self.own {
            set(&mut context, &[("aws:ResourceAccount", own)]);
        }
        context
    }

    /// The value of a variable: of the outsider, or of the role, whose organization and tags are not known.
    fn variable(&self, name: &str, base: &Context) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        base.variable(name).or_else(|| match lower.as_str() {
            "aws:resourceaccount" => Some("the account of the role".to_owned()),
            "aws:resourceorgid" => Some("the organization of the role".to_owned()),
            _ => None,
        })
    }

    /// A value of the policy with its variables filled in, as text.
    fn filled(&self, value: &str, version: Version, base: &Context) -> String {
        let mut text = String::new();
        let mut rest = value;
        while version == Version::V2012
            && let Some((before, after)) = rest.split_once("${")
            && let Some((name, after)) = after.split_once('}')
        {
            text.push_str(before);
            match self.variable(name.trim(), base) {
                Some(known) => text.push_str(&known),
                None => text.push_str(&format!("${{{name}}}")),
            }
            rest = after;
        }
        text.push_str(rest);
        text
    }
}
