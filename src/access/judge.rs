//! The verdict on one group of principals of a statement.

use super::advice;
use super::issuer;
use super::key::{Barrier, Guest, Side};
use super::principal::{self, Group};
use super::solve::{Named, Scene, Search, Way, deny_of, written};
use super::witness::Witness;
use super::{MAX_NAMES, Verdict};
use crate::arn::is_account_id;
use crate::policy::{Caller, Decision, Effect, Policy, Principals, Request, Statement};

/// What a group of principals comes to.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) reason: Reason,
    pub(super) witness: Option<Witness>,
    pub(super) fix: Option<String>,
    pub(super) named: Named,
    pub(super) provider: Option<String>,
    pub(super) unguarded_service: Option<String>,
}

/// Why, as the end of a sentence that begins with the statement.
#[derive(Debug)]
pub(super) enum Reason {
    /// `lets in` these, which are listed with others of the same verdict.
    LetsIn(String),
    /// All of it.
    Sentence(String),
}

impl Finding {
    fn new(verdict: Verdict, reason: Reason) -> Self {
        Self {
            verdict,
            reason,
            witness: None,
            fix: None,
            named: Named::default(),
            provider: None,
            unguarded_service: None,
        }
    }

    fn lets_in(verdict: Verdict, name: impl Into<String>) -> Self {
        Self::new(verdict, Reason::LetsIn(name.into()))
    }

    fn sentence(verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self::new(verdict, Reason::Sentence(sentence.into()))
    }
}

/// Conditions that can show that principals of another account are your own after all, or that the door is closed.
const KEYS_OF_NAMED: [&str; 7] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:TokenIssueTime",
];

/// Why what the budget does not suffice for is not decided.
const TOO_COMPLEX: &str = "is too complex to decide";

/// Judges one group of principals of a statement.
pub(super) fn judge(policy: &Policy, place: usize, statement: &Statement, group: &Group, scene: &Scene<'_>) -> Finding {
    let search = |caller, side, is_one| Search { policy, statement, caller, is_one, side, keys: None, scene };
    match group {
        Group::Named(name) => Finding::lets_in(Verdict::Scoped, name),
        Group::Unknown(value) => {
            let told = format!("names a principal of a form that is not known: {value}");
            let fix = advice::for_named(Verdict::Undecidable, group);
            Finding { fix, ..Finding::sentence(Verdict::Undecidable, told) }
        }
        Group::Provider(value) => {
            let name = value.split_once(":saml-provider/").map_or(issuer::name_of(value), |(_, name)| name);
            if scene.zone.has_provider(name) != Some(false) {
                return Finding::lets_in(Verdict::Scoped, value);
            }
            let told = format!("whom the identity provider {name} vouches for, which is not listed as your own");
            let provider = Some(name.to_owned());
            let fix = advice::for_named(Verdict::External, group);
            Finding { provider, fix, ..Finding::lets_in(Verdict::External, told) }
        }
        Group::Foreign(account, caller) => {
            let held = Search { keys: Some(&KEYS_OF_NAMED), ..search(caller, Side::Aws, true) };
            if let Caller::Aws { account, .. } = caller
                && is_account_id(account)
                && !scene.budget.is_spent()
                && let Some((way, _)) = held.worst()
                && matches!(way.barrier, Barrier::Own | Barrier::Nobody)
                && !scene.budget.is_spent()
            {
                let told = reason(policy, Verdict::Scoped, &format!("principals of account {account}"), &way);
                return Finding::sentence(Verdict::Scoped, told);
            }
            let named = Named { accounts: vec![account.clone()], ..Named::default() };
            let fix = advice::for_named(Verdict::External, group);
            let who = match principal::is_unique_id(account) {
                true => format!("the principal with the unique id {account}, whose account it does not show"),
                false => format!("principals of account {account}"),
            };
            Finding { named, fix, ..Finding::lets_in(Verdict::External, who) }
        }
        Group::Service(caller, name) => {
            if scene.budget.is_spent() {
                let unguarded_service = Some(name.clone());
                return Finding { unguarded_service, ..Finding::lets_in(Verdict::Scoped, name) };
            }
            let way = search(caller, Side::Service, true).worst().map(|(way, _)| way);
            let unguarded_service = match &way {
                Some(way) if way.barrier < Barrier::Fixed => Some(name.clone()),
                _ => None,
            };
            let finding = match way {
                Some(way) if way.barrier == Barrier::Foreign => {
                    let told = format!("{name} for {}", others(&way.named, "resources"));
                    let fix = advice::for_named(Verdict::External, group);
                    Finding { named: way.named, fix, ..Finding::lets_in(Verdict::External, told) }
                }
                Some(way) => Finding { named: way.named, ..Finding::lets_in(Verdict::Scoped, name) },
                None => Finding::lets_in(Verdict::Scoped, name),
            };
            Finding { unguarded_service, ..finding }
        }
        Group::Everybody(caller, who) => {
            let side = if matches!(caller, Caller::Service(_)) { Side::Service } else { Side::Aws };
            let finding = open(search(caller, side, false), place, group, who);
            with_exempted(finding, search(caller, side, false))
        }
        Group::InAccount(caller, who) => {
            let mut finding = open(search(caller, Side::Aws, true), place, group, who);
            if let Caller::Aws { account, .. } = caller
                && !principal::is_own(account, &scene.role, scene.zone)
                && finding.verdict >= Verdict::External
            {
                finding.named.accounts.push(account.clone());
            }
            finding
        }
        Group::Tenants(issuer, caller) => {
            open(search(caller, Side::Tenant(issuer, Guest::No), false), place, group, &issuer.who)
        }
    }
}

/// Judges principals that stand for many.
fn open(search: Search<'_>, place: usize, group: &Group, who: &str) -> Finding {
    let Search { policy, statement, scene, side, .. } = search;
    let too_complex = || {
        let fix = Some("write the conditions and Deny statements in a simpler way".to_owned());
        Finding { fix, ..Finding::sentence(Verdict::Undecidable, TOO_COMPLEX) }
    };
    if scene.budget.is_spent() {
        return too_complex();
    }
    let Some((mut way, mut action)) = search.worst() else {
        return Finding::sentence(Verdict::Scoped, format!("lets nobody in: {who} would need another action"));
    };
    if scene.budget.is_spent() && way.barrier != Barrier::Free {
        return too_complex();
    }
    let mut verdict = verdict_of(way.barrier, side);
    let mut named = std::mem::take(&mut way.named);
    let mut guests = false;
    if let (Side::Tenant(issuer, _), Barrier::Fixed | Barrier::Foreign | Barrier::Own) = (side, way.barrier)
        && issuer.guests
    {
        // The pool is fixed; whoever it lets in without signing in is still anybody.
        let search = Search { side: Side::Tenant(issuer, Guest::Yes), ..search };
        let is_asked = statement.conditions.iter().any(|one| one.key.to_ascii_lowercase().ends_with(":amr"));
        if let Some((guest, by)) = search.worst()
            && guest.barrier < Barrier::Unknown
        {
            verdict = if is_asked { Verdict::Public } else { Verdict::Weak };
            (way, action, guests) = (guest, by, true);
        }
    }
    if matches!(group, Group::InAccount(..)) {
        verdict = verdict.min(Verdict::Weak);
    }
    if verdict < Verdict::Weak {
        let fix = match verdict {
            Verdict::Undecidable => Some(advice::undecidable(&way)),
            Verdict::External => Some(advice::for_others(&named)),
            _ => None,
        };
        let told = match verdict {
            Verdict::External => Reason::LetsIn(format!("{}{}", others(&named, "principals"), by_what(policy, &way))),
            _ => Reason::Sentence(reason(policy, verdict, who, &way)),
        };
        if verdict == Verdict::Undecidable {
            named = Named::default();
        }
        return Finding { fix, named, ..Finding::new(verdict, told) };
    }
    let request = search.request(&mut way, action);
    if !scene.budget.spend(policy.statements.iter().map(Statement::size).sum()) {
        return too_complex();
    }
    // Another statement may let the same request in, but it must not be denied.
    if policy.evaluate(&request) != Decision::Allowed {
        return Finding::sentence(Verdict::Undecidable, "has conditions beyond this analysis");
    }
    let who = match (&request.caller, search.caller) {
        _ if guests => "any guest of the identity pool, who need not sign in",
        (Caller::Service(_), Caller::Aws { .. }) => "any AWS account that has a service act for it",
        _ => who,
    };
    let witness = Witness::new(who, request, &way);
    let told = format!("lets in {}", witness.summary);
    let fix = advice::for_open(policy, place, statement, group, &way, guests);
    if !guests {
        named = Named::default();
    }
    Finding { witness: Some(witness), fix: Some(fix), named, ..Finding::sentence(verdict, told) }
}

/// The same with the accounts that NotPrincipal of Deny statements exempts, and which get in where nobody else does.
fn with_exempted(mut finding: Finding, search: Search<'_>) -> Finding {
    let Search { policy, scene, .. } = search;
    let denies = policy.statements.iter().enumerate().filter(|(_, one)| one.effect == Some(Effect::Deny));
    for (place, deny) in denies {
        let Some(Principals::AllBut(principals)) = &deny.principals else { continue };
        if !scene.budget.spend(principals.len()) {
            break;
        }
        for (caller, account) in principal::exempt(principals, &scene.role, scene.zone) {
            if finding.named.accounts.contains(&account) || !scene.budget.spend(1) {
                continue;
            }
            let search = Search { caller: &caller, is_one: true, side: Side::Aws, ..search };
            let gets_in = search.worst().is_some_and(|(way, _)| !matches!(way.barrier, Barrier::Own | Barrier::Nobody));
            if !gets_in {
                continue;
            }
            finding.named.accounts.push(account.clone());
            if finding.verdict < Verdict::External {
                finding.verdict = Verdict::External;
                let told = format!("principals of account {account}, whom statement {} does not deny", place + 1);
                finding.reason = Reason::LetsIn(told);
                finding.fix = Some(advice::for_others(&finding.named));
            }
        }
    }
    finding
}

impl Search<'_> {
    /// The request that goes the way. What only a service can send is sent by one.
    fn request(&self, way: &mut Way<'_>, action: String) -> Request {
        let source = ["aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths"];
        let acts_for = source.iter().find_map(|key| way.context.get(key)?.first());
        let caller = match (acts_for, self.caller) {
            (Some(value), Caller::Aws { .. }) => {
                let service = value.split(':').nth(2).filter(|service| !service.is_empty()).unwrap_or("sns");
                let name = format!("{service}.amazonaws.com");
                for key in ["aws:PrincipalArn", "aws:PrincipalAccount", "aws:username"] {
                    way.context.remove(key);
                }
                Caller::Service(name)
            }
            _ => self.caller_in(&mut way.context),
        };
        Request { caller, action, context: way.context.clone() }
    }
}

fn verdict_of(barrier: Barrier, side: Side) -> Verdict {
    let is_tenant = matches!(side, Side::Tenant(..));
    match barrier {
        // Of an issuer that is not in the table it is not known that others have tokens of it.
        Barrier::Free if matches!(side, Side::Tenant(issuer, _) if issuer.is_unlisted) => Verdict::Weak,
        Barrier::Free => Verdict::Public,
        Barrier::Weak => Verdict::Weak,
        Barrier::Unknown => Verdict::Undecidable,
        Barrier::Foreign => Verdict::External,
        Barrier::Fixed | Barrier::Own | Barrier::Nobody if is_tenant => Verdict::Scoped,
        Barrier::Fixed | Barrier::Own | Barrier::Nobody => Verdict::Constrained,
    }
}

/// Who the named are: `principals of accounts 111122223333 and 444455556666`.
fn others(named: &Named, what: &str) -> String {
    let (ids, accounts): (Vec<String>, Vec<String>) =
        named.accounts.iter().cloned().partition(|account| principal::is_unique_id(account));
    let listed = |noun: &str, all: &[String]| match all {
        [] => None,
        [one] => Some(format!("{noun} {one}")),
        all if all.len() > MAX_NAMES => {
            let first = all.get(..MAX_NAMES).unwrap_or_default().join(", ");
            Some(format!("{noun}s {first} and {} more", all.len() - MAX_NAMES))
        }
        [first @ .., last] => Some(format!("{noun}s {} and {last}", first.join(", "))),
    };
    let parts = [
        listed("account", &accounts).map(|all| format!("{what} of {all}")),
        listed("principal", &ids),
        listed("organization", &named.organizations).map(|all| format!("{what} of {all}")),
        listed("tenant", &named.tenants),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The clause that names them: ` (StringEquals aws:PrincipalAccount 444455556666)`.
fn by_what(policy: &Policy, way: &Way<'_>) -> String {
    let Some(clause) = way.clause else { return String::new() };
    match deny_of(policy, clause) {
        Some(deny) => format!(" (statement {deny} denies where {})", written(clause)),
        None => format!(" ({})", written(clause)),
    }
}

fn reason(policy: &Policy, verdict: Verdict, who: &str, way: &Way<'_>) -> String {
    let clause = way.clause.map(written);
    let deny = way.deny.or_else(|| deny_of(policy, way.clause?));
    match (verdict, clause, deny) {
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
