//! Findings that become one alert.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::actions::{Impact, counted};
use super::{Alert, AlertPolicy, History};
use crate::finding::{Finding, derived_id};

/// Findings of one rule, severity and status by one caller in one account. Never empty.
#[derive(Debug, Clone)]
pub struct AlertGroup {
    /// Those of the most destructive actions first.
    findings: Vec<Arc<Finding>>,
    unlisted: u64,
    is_digest: bool,
    history: Option<History>,
    runbook: Option<String>,
}

/// What the findings of a group have in common: rule, severity, status, account and caller. All sessions of a role are one
/// caller, because a caller chooses the names of sessions. Any other caller is identified by its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn of(finding: &Finding) -> Self {
        let actor = &finding.actor;
        let caller = actor.session_issuer.as_ref().or(actor.arn.as_ref()).unwrap_or(&actor.name);
        let severity = finding.severity().caption();
        Self(derived_id(&[
            "group",
            &finding.rule.name,
            severity,
            finding.status.code(),
            &finding.origin.account,
            caller,
        ]))
    }
}

/// The id of the group of a finding.
pub(super) fn id(finding: &Finding) -> String {
    Key::of(finding).0
}

/// Returns the alerts of one payload, in the order of their first findings. Findings with the same message id are one.
pub fn groups(findings: impl IntoIterator<Item = Arc<Finding>>, policy: &AlertPolicy) -> Vec<AlertGroup> {
    let (mut places, mut groups) = (HashMap::new(), Vec::<Vec<Arc<Finding>>>::new());
    let mut seen = HashSet::new();
    for finding in findings {
        if !policy.admits(&finding) || !seen.insert(finding.message_uid()) {
            continue;
        }
        let place = *places.entry(Key::of(&finding)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups.into_iter().filter_map(|findings| AlertGroup::new(findings, policy)).collect()
}

impl AlertGroup {
    /// The group of these findings; `None` if there are none.
    pub fn new(mut findings: Vec<Arc<Finding>>, policy: &AlertPolicy) -> Option<Self> {
        let order = counted(findings.iter().map(AsRef::as_ref));
        let place = |finding: &Finding| order.iter().position(|one| one.action == finding.call.operation);
        findings.sort_by_cached_key(|finding| {
            (Reverse(Impact::of(&finding.call.operation)), place(finding), finding.origin.time)
        });
        let runbook = policy.runbook(findings.first()?).map(str::to_owned);
        Some(Self { findings, unlisted: 0, is_digest: false, history: None, runbook })
    }

    /// The same as a digest: what came after the first alert of a quiet period. `unlisted` findings are only counted.
    #[must_use]
    pub fn into_digest(self, unlisted: u64) -> Self {
        Self { is_digest: true, unlisted, ..self }
    }

    /// Adds the earlier occurrences of its first problem.
    pub fn set_history(&mut self, history: Option<History>) {
        self.history = history;
    }

    /// Whether it is a digest.
    pub fn is_digest(&self) -> bool {
        self.is_digest
    }

    /// Its findings, those of the most destructive actions first.
    pub fn findings(&self) -> &[Arc<Finding>] {
        &self.findings
    }

    /// Returns its findings.
    pub fn into_findings(self) -> Vec<Arc<Finding>> {
        self.findings
    }

    /// The id of what its findings have in common: rule, severity, status, account and caller.
    pub fn id(&self) -> String {
        self.findings.first().map(|first| id(first)).unwrap_or_default()
    }

    /// The alert. `None` for no findings, which does not happen.
    pub fn alert(&self) -> Option<Alert<'_>> {
        let (lead, more) = self.findings.split_first()?;
        Some(Alert {
            lead,
            more: more.iter().map(AsRef::as_ref).collect(),
            unlisted: self.unlisted,
            is_digest: self.is_digest,
            history: self.history,
            runbook: self.runbook.as_deref(),
        })
    }
}
