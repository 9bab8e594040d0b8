//! Who in the world can assume a role, decided from its trust policy.
//!
//! Every Allow statement is judged for each of its principals. For those that stand for everybody (`*`, a shared identity
//! provider, …) the question is what an outsider needs to get in: `solve` looks for the cheapest request that every
//! condition and no Deny statement keeps out. That request is the witness; the policy is evaluated for it once more, by
//! code that knows nothing of the search, and a verdict they do not agree on is undecidable.

mod advice;
mod issuer;
mod key;
mod outsider;
mod principal;
mod solve;
mod witness;

use std::collections::HashSet;

use crate::policy::{Effect, Policy, Principals, Statement};
use principal::Group;

pub use witness::Witness;

/// The calls that let somebody assume a role. Tagging a session alone does not.
pub const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"];

/// Who gets in, in rising order of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Only principals of the own account, named services, and providers that are one's own or held to a tenant.
    Scoped,
    /// Everybody by the principal, but a condition or a Deny statement fixes who.
    Constrained,
    /// Named principals of other accounts.
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
    /// Accounts that are named and not the own.
    pub accounts: Vec<String>,
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

/// Judges a trust policy. `own` is the account of the role: principals of any other are external, and of all when it is
/// not known.
pub fn assess(policy: &Policy, own: Option<&str>) -> Assessment {
    let numbered = policy.statements.iter().enumerate();
    let judged = numbered.filter_map(|(place, statement)| judge(policy, place, statement, own));
    let statements: Vec<Judgement> = judged.collect();
    let verdict = statements.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Scoped);
    Assessment { verdict, statements }
}

fn judge(policy: &Policy, place: usize, statement: &Statement, own: Option<&str>) -> Option<Judgement> {
    let mut judgement = Judgement {
        number: place + 1,
        sid: statement.sid.clone(),
        verdict: Verdict::Scoped,
        reason: String::new(),
        witness: None,
        fix: None,
        accounts: Vec::new(),
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
    let stranger = solve::stranger(policy);
    let groups: Vec<Group> = match &statement.principals {
        Some(principals @ (Principals::Anyone | Principals::AllBut(_))) => vec![Group::everybody(principals, stranger)],
        Some(Principals::Named(principals)) => {
            // What is there twice is judged once.
            let mut seen = HashSet::new();
            let once = principals.iter().filter(|one| seen.insert((one.kind, one.value.as_str())));
            once.map(|principal| Group::of(principal, own, stranger)).collect()
        }
        None => Vec::new(),
    };
    judgement.reason = "names nobody".to_owned();
    let mut first = true;
    for group in groups {
        group.note(statement, &mut judgement);
        let (verdict, reason, witness, fix) = solve::judge(policy, place, statement, &group, own, stranger);
        if first || verdict > judgement.verdict {
            (judgement.verdict, judgement.reason, judgement.witness, judgement.fix) = (verdict, reason, witness, fix);
        }
        first = false;
    }
    Some(judgement)
}

#[cfg(test)]
mod tests;
