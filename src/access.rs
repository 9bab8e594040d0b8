//! Analyses a trust policy: who can assume the role.
//!
//! Each principal of each Allow statement is assessed. If a principal admits everybody (`*`, a shared identity provider, …),
//! `solve` searches for the request by which an outsider assumes the role with the least effort, past all conditions and Deny
//! statements. This request is the witness. The policy is then evaluated for the witness by code that is independent of the
//! search. If the results differ, the verdict is undecidable. If a condition limits access to an account, an organization or
//! a tenant, `owner` reads it from the value of the condition, and it is compared with the zone of trust.

mod advice;
mod group;
mod issuer;
mod key;
mod outsider;
mod owner;
mod principal;
mod solve;
mod witness;
mod zone;

use std::collections::HashSet;

use jiff::Timestamp;

use crate::policy::{Effect, Policy, Principals, Statement};
use group::GroupAssessment;
use principal::PrincipalGroup;
use solve::Analysis;
use zone::Budget;

pub use issuer::shared_issuers;
pub use witness::Witness;
pub use zone::{Role, Zone};

/// The actions that assume a role. `sts:TagSession` alone does not.
pub const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"];

/// Who can assume the role, in ascending order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Only principals of your own accounts, named services, and identity providers that are your own or limited to a tenant.
    Scoped,
    /// The principal admits everybody, but a condition or a Deny statement limits access to a party that is not known to be
    /// external.
    Constrained,
    /// Principals of accounts, organizations or tenants that are not your own, named by the principal or by a condition.
    External,
    /// The analysis cannot decide.
    Undecidable,
    /// Everybody who meets a condition that anybody could meet: an external id, a network, MFA, a tag.
    Weak,
    /// Everybody.
    Public,
}

impl Verdict {
    /// The value in facts.
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

/// The assessment of a trust policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The most severe verdict of its statements. Scoped if no statement admits anybody.
    pub verdict: Verdict,
    /// The Allow statements that allow assuming the role, in order.
    pub statements: Vec<StatementAssessment>,
}

/// The assessment of an Allow statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementAssessment {
    /// The number of the statement in the policy, from 1.
    pub number: usize,
    /// `Sid`.
    pub sid: Option<String>,
    /// The most severe verdict of its principals.
    pub verdict: Verdict,
    /// The reason, as the end of a sentence that begins with the statement: `lets in any AWS account, e.g. 999999999999`.
    pub reason: String,
    /// An outsider that the statement lets in, for public and weak.
    pub witness: Option<Witness>,
    /// The smallest change that fixes the statement, unless the verdict is scoped or constrained.
    pub fix: Option<String>,
    /// Accounts with access that are not your own. For a principal that is named by a unique id, that id.
    pub accounts: Vec<String>,
    /// Organizations with access that are not known to be your own.
    pub organizations: Vec<String>,
    /// Tenants of shared identity providers with access that are not known to be your own: `gitlab.com acme`.
    pub tenants: Vec<String>,
    /// Identity providers with access that are not among your own, if any of your own are configured.
    pub providers: Vec<String>,
    /// Named services without a condition that limits the resources for which they act.
    pub unguarded_services: Vec<String>,
}

impl StatementAssessment {
    /// The full sentence: `statement 2 (Sid) lets in …`.
    pub fn sentence(&self) -> String {
        match &self.sid {
            Some(sid) => format!("statement {} ({sid}) {}", self.number, self.reason),
            None => format!("statement {} {}", self.number, self.reason),
        }
    }
}

impl Assessment {
    /// The first statement with the most severe verdict.
    pub fn worst(&self) -> Option<&StatementAssessment> {
        self.statements.iter().find(|statement| statement.verdict == self.verdict)
    }
}

/// Assesses a trust policy as of now, with an empty zone of trust. `own` is the account of the role: principals of other
/// accounts are external. Without it, principals of all accounts are external.
pub fn assess(policy: &Policy, own: Option<&str>) -> Assessment {
    let role = Role { account: own, now: Some(Timestamp::now()), is_stored: false };
    assess_within(policy, &role, &Zone::default())
}

/// Assesses the trust policy of a role. Parties in the zone of trust are not outsiders.
///
/// The number of comparisons is limited. If the limit is reached, the verdict is undecidable.
pub fn assess_within(policy: &Policy, role: &Role<'_>, zone: &Zone) -> Assessment {
    let analysis = Analysis {
        role: *role,
        zone,
        outsider: solve::outsider(policy, role, zone),
        role_tags: outsider::role_tags(policy),
        budget: Budget::new(),
    };
    let indexed = policy.statements.iter().enumerate();
    let statements: Vec<StatementAssessment> =
        indexed.filter_map(|(index, statement)| assess_statement(policy, index, statement, &analysis)).collect();
    let verdict = statements.iter().map(|statement| statement.verdict).max().unwrap_or(Verdict::Scoped);
    Assessment { verdict, statements }
}

fn assess_statement(
    policy: &Policy,
    index: usize,
    statement: &Statement,
    analysis: &Analysis<'_>,
) -> Option<StatementAssessment> {
    let mut assessment = StatementAssessment {
        number: index + 1,
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
    if let Some(error) = statement.errors.first() {
        if statement.effect == Some(Effect::Deny) {
            return None;
        }
        assessment.verdict = Verdict::Undecidable;
        assessment.reason = format!("is not understood: {error}");
        return Some(assessment);
    }
    if statement.effect != Some(Effect::Allow) || !ASSUME.iter().any(|action| statement.actions.cover(action)) {
        return None;
    }
    let groups: Vec<PrincipalGroup> = match &statement.principals {
        Some(principals @ (Principals::Anyone | Principals::AllBut(_))) => {
            vec![PrincipalGroup::everybody(principals, analysis.outsider)]
        }
        Some(Principals::Named(principals)) => {
            let mut seen = HashSet::new();
            let unique = principals.iter().filter(|principal| seen.insert((principal.kind, principal.value.as_str())));
            unique
                .map(|principal| PrincipalGroup::of(principal, &analysis.role, analysis.zone, analysis.outsider))
                .collect()
        }
        None => Vec::new(),
    };
    let groups: Vec<GroupAssessment> =
        groups.iter().map(|group| group::assess_group(policy, index, statement, group, analysis)).collect();
    assessment.verdict = groups.iter().map(|group| group.verdict).max().unwrap_or(Verdict::Scoped);
    assessment.reason = reason(&groups, assessment.verdict);
    let mut providers = Vec::new();
    let mut named = solve::NamedParties::default();
    for group in groups {
        if group.verdict == assessment.verdict && assessment.fix.is_none() {
            (assessment.witness, assessment.fix) = (group.witness, group.fix);
        }
        named.add(group.named);
        providers.extend(group.provider);
        assessment.unguarded_services.extend(group.unguarded_service);
    }
    assessment.accounts = unique(named.accounts);
    assessment.organizations = unique(named.organizations);
    assessment.tenants = unique(named.tenants);
    assessment.providers = unique(providers);
    Some(assessment)
}

/// Maximum number of principals that a sentence lists by name.
const MAX_NAMES: usize = 12;

/// The reason for a verdict: the names of the groups with this verdict, or the sentence of the first such group that has one.
fn reason(groups: &[GroupAssessment], verdict: Verdict) -> String {
    let worst = || groups.iter().filter(|group| group.verdict == verdict);
    let mut names: Vec<&str> = Vec::new();
    for group in worst() {
        match &group.reason {
            group::Reason::LetsIn(name) if !names.contains(&name.as_str()) => names.push(name),
            group::Reason::LetsIn(_) => {}
            group::Reason::Sentence(sentence) => return sentence.clone(),
        }
        if names.len() > MAX_NAMES {
            break;
        }
    }
    let more = worst().count().saturating_sub(MAX_NAMES);
    match names.as_slice() {
        [] => "names nobody".to_owned(),
        [name] => format!("lets in {name}"),
        all if all.len() > MAX_NAMES => {
            format!("lets in {} and {more} more", all.get(..MAX_NAMES).unwrap_or_default().join(", "))
        }
        [first @ .., last] => format!("lets in {} and {last}", first.join(", ")),
    }
}

/// Removes repeats. Keeps the order.
fn unique(texts: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}

#[cfg(test)]
mod tests;
