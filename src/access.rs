//! Who in the world can assume a role, decided from its trust policy.
//!
//! Every Allow statement is judged for each of its principals. For those that stand for everybody (`*`, a shared identity
//! provider, …) the question is what an outsider needs to get in: `solve` looks for the request that takes least, past
//! every condition and Deny statement. That request is the witness; the policy is evaluated for it once more, by code that
//! knows nothing of the search, and a verdict they do not agree on is undecidable. Where a condition fixes an account, an
//! organization or a tenant, `whose` reads it from the value, and it is compared with the zone of trust.

mod advice;
mod issuer;
mod judge;
mod key;
mod outsider;
mod principal;
mod solve;
mod whose;
mod witness;
mod zone;

use std::collections::HashSet;

use jiff::Timestamp;

use crate::policy::{Effect, Policy, Principals, Statement};
use judge::Finding;
use principal::Group;
use solve::Scene;
use zone::Budget;

pub use issuer::shared_issuers;
pub use witness::Witness;
pub use zone::{Role, Zone};

/// The calls that let somebody assume a role. Tagging a session alone does not.
pub const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"];

/// Who gets in, in rising order of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Only principals of your own accounts, named services, and providers of your own or held to a tenant.
    Scoped,
    /// Everybody by the principal, but a condition or a Deny statement fixes who, and it is not known to be anybody else.
    Constrained,
    /// Principals of other accounts, organizations or tenants than your own, whether the principal or a condition names
    /// them.
    External,
    /// It cannot be told.
    Undecidable,
    /// Everybody who meets something that anybody could meet: an external id, a network, MFA, a tag.
    Weak,
    /// Everybody.
    Public,
}

impl Verdict {
    /// The word rules compare with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scoped => "scoped",
            Self::Constrained => "constrained",
            Self::External => "external",
            Self::Undecidable => "undecidable",
            Self::Weak => "weak",
            Self::Public => "public",
        }
    }
}

/// What a trust policy comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The worst of its statements; scoped when none lets anybody in.
    pub verdict: Verdict,
    /// Its Allow statements that are about assuming the role, in order.
    pub statements: Vec<Judgement>,
}

/// What one Allow statement comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Its place in the policy, from 1.
    pub number: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// The worst of its principals.
    pub verdict: Verdict,
    /// Why, as the end of a sentence that begins with the statement: `lets in any AWS account, e.g. 999999999999`.
    pub reason: String,
    /// For public and weak: who would be let in.
    pub witness: Option<Witness>,
    /// The smallest change that would do, for all but scoped and constrained.
    pub fix: Option<String>,
    /// Accounts that are let in and not your own; of principals named by a unique id, that id.
    pub accounts: Vec<String>,
    /// Organizations that are let in and not known to be your own.
    pub organizations: Vec<String>,
    /// Tenants of shared identity providers that are let in and not known to be your own: `gitlab.com acme`.
    pub tenants: Vec<String>,
    /// Identity providers that are let in and not among those of your own, once some are configured.
    pub providers: Vec<String>,
    /// Services that are named, without a condition on whose resources they act for.
    pub unguarded_services: Vec<String>,
}

impl Judgement {
    /// `statement 2 (Sid) lets in …`
    pub fn sentence(&self) -> String {
        match &self.sid {
            Some(sid) => format!("statement {} ({sid}) {}", self.number, self.reason),
            None => format!("statement {} {}", self.number, self.reason),
        }
    }
}

impl Assessment {
    /// The worst statement, the first of several.
    pub fn worst(&self) -> Option<&Judgement> {
        self.statements.iter().find(|one| one.verdict == self.verdict)
    }
}

/// Judges a trust policy now, with nothing configured as your own. `own` is the account of the role: principals of any
/// other are external, and of all when it is not known.
pub fn assess(policy: &Policy, own: Option<&str>) -> Assessment {
    let role = Role { account: own, now: Some(Timestamp::now()), is_stored: false };
    assess_within(policy, &role, &Zone::default())
}

/// Judges the trust policy of a role. Whoever is in the zone is no outsider.
///
/// The work is bounded by a count of comparisons; what is not decided by then is undecidable.
pub fn assess_within(policy: &Policy, role: &Role<'_>, zone: &Zone) -> Assessment {
    let scene = Scene {
        role: *role,
        zone,
        outsider: solve::outsider(policy, role, zone),
        role_tags: outsider::role_tags(policy),
        budget: Budget::new(),
    };
    let numbered = policy.statements.iter().enumerate();
    let judged = numbered.filter_map(|(place, statement)| judge_statement(policy, place, statement, &scene));
    let statements: Vec<Judgement> = judged.collect();
    let verdict = statements.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Scoped);
    Assessment { verdict, statements }
}

fn judge_statement(policy: &Policy, place: usize, statement: &Statement, scene: &Scene<'_>) -> Option<Judgement> {
    let mut judgement = Judgement {
        number: place + 1,
        sid: statement.sid.clone(),
        verdict: Verdict::Scoped,
        reason: String::new(),
        witness: None,
        fix: None,
        accounts: Vec::new(),
        organizations: Vec::new(),
        tenants: Vec::new(),
        providers: Vec::new(),
        unguarded_services: Vec::new(),
    };
    if let Some(fault) = statement.faults.first() {
        if statement.effect == Some(Effect::Deny) {
            return None;
        }
        judgement.verdict = Verdict::Undecidable;
        judgement.reason = format!("is not understood: {fault}");
        return Some(judgement);
    }
    if statement.effect != Some(Effect::Allow) || !ASSUME.iter().any(|action| statement.actions.cover(action)) {
        return None;
    }
    let groups: Vec<Group> = match &statement.principals {
        Some(principals @ (Principals::Anyone | Principals::AllBut(_))) => {
            vec![Group::everybody(principals, scene.outsider)]
        }
        Some(Principals::Named(principals)) => {
            // What is there twice is judged once.
            let mut seen = HashSet::new();
            let once = principals.iter().filter(|one| seen.insert((one.kind, one.value.as_str())));
            once.map(|principal| Group::of(principal, &scene.role, scene.zone, scene.outsider)).collect()
        }
        None => Vec::new(),
    };
    let found: Vec<Finding> = groups.iter().map(|group| judge::judge(policy, place, statement, group, scene)).collect();
    judgement.verdict = found.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Scoped);
    judgement.reason = reason(&found, judgement.verdict);
    let mut providers = Vec::new();
    let mut named = solve::Named::default();
    for one in found {
        if one.verdict == judgement.verdict && judgement.fix.is_none() {
            (judgement.witness, judgement.fix) = (one.witness, one.fix);
        }
        named.add(one.named);
        providers.extend(one.provider);
        judgement.unguarded_services.extend(one.unguarded_service);
    }
    judgement.accounts = once(named.accounts);
    judgement.organizations = once(named.organizations);
    judgement.tenants = once(named.tenants);
    judgement.providers = once(providers);
    Some(judgement)
}

/// Names of principals that a sentence lists before it says how many more there are.
const MAX_NAMES: usize = 12;

/// Why: of the worst principals, who they are where no more is to be said, else the first of them.
fn reason(found: &[Finding], verdict: Verdict) -> String {
    let worst = || found.iter().filter(|one| one.verdict == verdict);
    let mut names: Vec<&str> = Vec::new();
    for one in worst() {
        match &one.reason {
            judge::Reason::LetsIn(name) if !names.contains(&name.as_str()) => names.push(name),
            judge::Reason::LetsIn(_) => {}
            judge::Reason::Sentence(sentence) => return sentence.clone(),
        }
        if names.len() > MAX_NAMES {
            break;
        }
    }
    let more = worst().count().saturating_sub(MAX_NAMES);
    match names.as_slice() {
        [] => "names nobody".to_owned(),
        [one] => format!("lets in {one}"),
        all if all.len() > MAX_NAMES => {
            format!("lets in {} and {more} more", all.get(..MAX_NAMES).unwrap_or_default().join(", "))
        }
        [first @ .., last] => format!("lets in {} and {last}", first.join(", ")),
    }
}

/// The texts, each once, in order.
fn once(texts: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}

#[cfg(test)]
mod tests;
