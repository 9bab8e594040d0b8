//! Assesses one principal of a statement.

use super::advice;
use super::issuer;
use super::key::{Barrier, CallerKind, TokenHolder};
use super::principal::{self, PrincipalGroup};
use super::solve::{AccessSearch, Analysis, NamedParties, Solution, deny_of, describe};
use super::witness::Witness;
use super::{MAX_NAMES, Verdict};
use crate::arn::is_account_id;
use crate::policy::{Caller, Decision, Effect, Policy, Principals, Request, Statement};

/// The assessment of a group of callers that a principal admits.
#[derive(Debug)]
pub(super) struct GroupAssessment {
    pub(super) verdict: Verdict,
    pub(super) reason: Reason,
    pub(super) witness: Option<Witness>,
    pub(super) fix: Option<String>,
    pub(super) named: NamedParties,
    pub(super) provider: Option<String>,
    pub(super) unguarded_service: Option<String>,
}

/// The reason for a verdict, as the end of a sentence that begins with the statement.
#[derive(Debug)]
pub(super) enum Reason {
    /// The object of `lets in`. Groups with the same verdict are listed in one sentence.
    LetsIn(String),
    /// The whole end of the sentence.
    Sentence(String),
}

impl GroupAssessment {
    fn new(verdict: Verdict, reason: Reason) -> Self {
        Self {
            verdict,
            reason,
            witness: None,
            fix: None,
            named: NamedParties::default(),
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

/// Condition keys by which named principals of another account may turn out to be your own, or to have no access.
const KEYS_FOR_NAMED_PRINCIPALS: [&str; 7] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:TokenIssueTime",
];

/// The reason if the budget is spent.
const TOO_COMPLEX: &str = "is too complex to decide";

/// Assesses one group of callers.
pub(super) fn assess_group(
    policy: &Policy,
    index: usize,
    statement: &Statement,
    group: &PrincipalGroup,
    analysis: &Analysis<'_>,
) -> GroupAssessment {
    let search = |caller, caller_kind, is_specific| AccessSearch {
        policy,
        statement,
        caller,
        is_specific,
        caller_kind,
        keys: None,
        analysis,
    };
    match group {
        PrincipalGroup::Named(name) => GroupAssessment::lets_in(Verdict::Scoped, name),
        PrincipalGroup::Unknown(value) => {
            let reason = format!("names a principal in an unknown form: {value}");
            let fix = advice::for_named(Verdict::Undecidable, group);
            GroupAssessment { fix, ..GroupAssessment::sentence(Verdict::Undecidable, reason) }
        }
        PrincipalGroup::Provider(value) => {
            let name = value.split_once(":saml-provider/").map_or(issuer::name_of(value), |(_, name)| name);
            if analysis.zone.has_provider(name) != Some(false) {
                return GroupAssessment::lets_in(Verdict::Scoped, value);
            }
            let reason = format!("users of the identity provider {name}, which is not listed as your own");
            let provider = Some(name.to_owned());
            let fix = advice::for_named(Verdict::External, group);
            GroupAssessment { provider, fix, ..GroupAssessment::lets_in(Verdict::External, reason) }
        }
        PrincipalGroup::Foreign(account, caller) => {
            let restricted =
                AccessSearch { keys: Some(&KEYS_FOR_NAMED_PRINCIPALS), ..search(caller, CallerKind::Aws, true) };
            if let Caller::Aws { account, .. } = caller
                && is_account_id(account)
                && !analysis.budget.is_spent()
                && let Some((solution, _)) = restricted.worst()
                && matches!(solution.barrier, Barrier::Own | Barrier::Nobody)
                && !analysis.budget.is_spent()
            {
                let reason = reason(policy, Verdict::Scoped, &format!("principals of account {account}"), &solution);
                return GroupAssessment::sentence(Verdict::Scoped, reason);
            }
            let named = NamedParties { accounts: vec![account.clone()], ..NamedParties::default() };
            let fix = advice::for_named(Verdict::External, group);
            let who = if principal::is_unique_id(account) {
                format!("the principal with the unique id {account}, which does not show its account")
            } else {
                format!("principals of account {account}")
            };
            GroupAssessment { named, fix, ..GroupAssessment::lets_in(Verdict::External, who) }
        }
        PrincipalGroup::Service(caller, name) => {
            if analysis.budget.is_spent() {
                let unguarded_service = Some(name.clone());
                return GroupAssessment { unguarded_service, ..GroupAssessment::lets_in(Verdict::Scoped, name) };
            }
            let solution = search(caller, CallerKind::Service, true).worst().map(|(solution, _)| solution);
            let unguarded_service = match &solution {
                Some(solution) if solution.barrier < Barrier::Fixed => Some(name.clone()),
                _ => None,
            };
            let assessment = match solution {
                Some(solution) if solution.barrier == Barrier::Foreign => {
                    let reason = format!("{name} for {}", others(&solution.named, "resources"));
                    let fix = advice::for_named(Verdict::External, group);
                    GroupAssessment {
                        named: solution.named,
                        fix,
                        ..GroupAssessment::lets_in(Verdict::External, reason)
                    }
                }
                Some(solution) => {
                    GroupAssessment { named: solution.named, ..GroupAssessment::lets_in(Verdict::Scoped, name) }
                }
                None => GroupAssessment::lets_in(Verdict::Scoped, name),
            };
            GroupAssessment { unguarded_service, ..assessment }
        }
        PrincipalGroup::Everybody(caller, who) => {
            let caller_kind = if matches!(caller, Caller::Service(_)) { CallerKind::Service } else { CallerKind::Aws };
            let assessment = assess_open(search(caller, caller_kind, false), index, group, who);
            with_exempted_accounts(assessment, search(caller, caller_kind, false))
        }
        PrincipalGroup::InAccount(caller, who) => {
            let mut assessment = assess_open(search(caller, CallerKind::Aws, true), index, group, who);
            if let Caller::Aws { account, .. } = caller
                && !principal::is_own(account, &analysis.role, analysis.zone)
                && assessment.verdict >= Verdict::External
            {
                assessment.named.accounts.push(account.clone());
            }
            assessment
        }
        PrincipalGroup::Tenants(issuer, caller) => assess_open(
            search(caller, CallerKind::Tenant(issuer, TokenHolder::SignedIn), false),
            index,
            group,
            &issuer.who,
        ),
    }
}

/// Assesses a principal that admits many callers.
fn assess_open(search: AccessSearch<'_>, index: usize, group: &PrincipalGroup, who: &str) -> GroupAssessment {
    let AccessSearch { policy, statement, analysis, caller_kind, .. } = search;
    let too_complex = || {
        let fix = Some("write the conditions and Deny statements in a simpler way".to_owned());
        GroupAssessment { fix, ..GroupAssessment::sentence(Verdict::Undecidable, TOO_COMPLEX) }
    };
    if analysis.budget.is_spent() {
        return too_complex();
    }
    let Some((mut solution, mut action)) = search.worst() else {
        return GroupAssessment::sentence(Verdict::Scoped, format!("lets nobody in: {who} would use another action"));
    };
    if analysis.budget.is_spent() && solution.barrier != Barrier::Free {
        return too_complex();
    }
    let mut verdict = verdict_of(solution.barrier, caller_kind);
    let mut named = std::mem::take(&mut solution.named);
    let mut admits_guests = false;
    if let (CallerKind::Tenant(issuer, _), Barrier::Fixed | Barrier::Foreign | Barrier::Own) =
        (caller_kind, solution.barrier)
        && issuer.has_guests
    {
        // The pool is fixed, but anybody can be a guest of the pool.
        let search = AccessSearch { caller_kind: CallerKind::Tenant(issuer, TokenHolder::Guest), ..search };
        let has_amr = statement.conditions.iter().any(|condition| condition.key.to_ascii_lowercase().ends_with(":amr"));
        if let Some((guest_solution, guest_action)) = search.worst()
            && guest_solution.barrier < Barrier::Unknown
        {
            verdict = if has_amr { Verdict::Public } else { Verdict::Weak };
            (solution, action, admits_guests) = (guest_solution, guest_action, true);
        }
    }
    if matches!(group, PrincipalGroup::InAccount(..)) {
        verdict = verdict.min(Verdict::Weak);
    }
    if verdict < Verdict::Weak {
        let fix = match verdict {
            Verdict::Undecidable => Some(advice::undecidable(&solution)),
            Verdict::External => Some(advice::for_others(&named)),
            _ => None,
        };
        let reason = match verdict {
            Verdict::External => {
                Reason::LetsIn(format!("{}{}", others(&named, "principals"), in_parentheses(policy, &solution)))
            }
            _ => Reason::Sentence(reason(policy, verdict, who, &solution)),
        };
        if verdict == Verdict::Undecidable {
            named = NamedParties::default();
        }
        return GroupAssessment { fix, named, ..GroupAssessment::new(verdict, reason) };
    }
    let request = search.request(&mut solution, action);
    if !analysis.budget.spend(policy.statements.iter().map(Statement::size).sum()) {
        return too_complex();
    }
    // Another statement may allow the same request. No statement may deny it.
    if policy.evaluate(&request) != Decision::Allowed {
        return GroupAssessment::sentence(Verdict::Undecidable, "has conditions beyond this analysis");
    }
    let who = match (&request.caller, search.caller) {
        _ if admits_guests => "any guest of the identity pool, without signing in",
        (Caller::Service(_), Caller::Aws { .. }) => "any AWS account through a service that acts for it",
        _ => who,
    };
    let witness = Witness::new(who, request, &solution);
    let reason = format!("lets in {}", witness.summary);
    let fix = advice::for_open(policy, index, statement, group, &solution, admits_guests);
    if !admits_guests {
        named = NamedParties::default();
    }
    GroupAssessment { witness: Some(witness), fix: Some(fix), named, ..GroupAssessment::sentence(verdict, reason) }
}

/// Adds the accounts that `NotPrincipal` of Deny statements exempts. They may have access even if nobody else has.
fn with_exempted_accounts(mut assessment: GroupAssessment, search: AccessSearch<'_>) -> GroupAssessment {
    let AccessSearch { policy, analysis, .. } = search;
    let denies = policy.statements.iter().enumerate().filter(|(_, statement)| statement.effect == Some(Effect::Deny));
    for (index, deny) in denies {
        let Some(Principals::AllBut(principals)) = &deny.principals else { continue };
        if !analysis.budget.spend(principals.len()) {
            break;
        }
        for (caller, account) in principal::exempt(principals, &analysis.role, analysis.zone) {
            if assessment.named.accounts.contains(&account) || !analysis.budget.spend(1) {
                continue;
            }
            let search = AccessSearch { caller: &caller, is_specific: true, caller_kind: CallerKind::Aws, ..search };
            let has_access =
                search.worst().is_some_and(|(solution, _)| !matches!(solution.barrier, Barrier::Own | Barrier::Nobody));
            if !has_access {
                continue;
            }
            assessment.named.accounts.push(account.clone());
            if assessment.verdict < Verdict::External {
                assessment.verdict = Verdict::External;
                let reason = format!("principals of account {account}, whom statement {} does not deny", index + 1);
                assessment.reason = Reason::LetsIn(reason);
                assessment.fix = Some(advice::for_others(&assessment.named));
            }
        }
    }
    assessment
}

impl AccessSearch<'_> {
    /// The request of a solution. If only a service can send it, the caller is that service.
    fn request(&self, solution: &mut Solution<'_>, action: String) -> Request {
        let source = ["aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths"];
        let acts_for = source.iter().find_map(|key| solution.context.get(key)?.first());
        let caller = match (acts_for, self.caller) {
            (Some(value), Caller::Aws { .. }) => {
                let service = value.split(':').nth(2).filter(|service| !service.is_empty()).unwrap_or("sns");
                let name = format!("{service}.amazonaws.com");
                for key in ["aws:PrincipalArn", "aws:PrincipalAccount", "aws:username"] {
                    solution.context.remove(key);
                }
                Caller::Service(name)
            }
            _ => self.caller_in(&mut solution.context),
        };
        Request { caller, action, context: solution.context.clone() }
    }
}

fn verdict_of(barrier: Barrier, caller_kind: CallerKind) -> Verdict {
    let is_tenant = matches!(caller_kind, CallerKind::Tenant(..));
    match barrier {
        // It is not known whether an issuer that is not in the table serves other tenants.
        Barrier::Free if matches!(caller_kind, CallerKind::Tenant(issuer, _) if issuer.is_unlisted) => Verdict::Weak,
        Barrier::Free => Verdict::Public,
        Barrier::Weak => Verdict::Weak,
        Barrier::Unknown => Verdict::Undecidable,
        Barrier::Foreign => Verdict::External,
        Barrier::Fixed | Barrier::Own | Barrier::Nobody if is_tenant => Verdict::Scoped,
        Barrier::Fixed | Barrier::Own | Barrier::Nobody => Verdict::Constrained,
    }
}

/// Describes the named parties: `principals of accounts 111122223333 and 444455556666`.
fn others(named: &NamedParties, noun: &str) -> String {
    let (ids, accounts): (Vec<String>, Vec<String>) =
        named.accounts.iter().cloned().partition(|account| principal::is_unique_id(account));
    let list = |noun: &str, all: &[String]| match all {
        [] => None,
        [name] => Some(format!("{noun} {name}")),
        all if all.len() > MAX_NAMES => {
            let first = all.get(..MAX_NAMES).unwrap_or_default().join(", ");
            Some(format!("{noun}s {first} and {} more", all.len() - MAX_NAMES))
        }
        [first @ .., last] => Some(format!("{noun}s {} and {last}", first.join(", "))),
    };
    let parts = [
        list("account", &accounts).map(|all| format!("{noun} of {all}")),
        list("principal", &ids),
        list("organization", &named.organizations).map(|all| format!("{noun} of {all}")),
        list("tenant", &named.tenants),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The clause that names the parties: ` (StringEquals aws:PrincipalAccount 444455556666)`.
fn in_parentheses(policy: &Policy, solution: &Solution<'_>) -> String {
    let Some(clause) = solution.clause else { return String::new() };
    match deny_of(policy, clause) {
        Some(deny) => format!(" (statement {deny} denies where {})", describe(clause)),
        None => format!(" ({})", describe(clause)),
    }
}

fn reason(policy: &Policy, verdict: Verdict, who: &str, solution: &Solution<'_>) -> String {
    let clause = solution.clause.map(describe);
    let deny = solution.deny.or_else(|| deny_of(policy, solution.clause?));
    match (verdict, clause, deny) {
        (Verdict::Undecidable, Some(clause), _) => {
            format!("admits {who}, restricted by a condition that is not known: {clause}")
        }
        (Verdict::Undecidable, None, _) => format!("admits {who}, restricted by a statement that is not understood"),
        (_, Some(clause), Some(deny)) => {
            format!("admits {who}, restricted by statement {deny}, which denies where {clause}")
        }
        (_, None, Some(deny)) => format!("admits {who}, but statement {deny} denies it"),
        (_, Some(clause), None) => format!("admits {who}, restricted by {clause}"),
        (_, None, None) => format!("admits {who}, but nobody meets its conditions"),
    }
}
