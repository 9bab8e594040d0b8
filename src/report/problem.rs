//! Findings grouped by the problem they are about.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::finding::{Finding, RuleInfo, Severity, Status};

/// Maximum number of problems that are kept.
const MAX_PROBLEMS: usize = 5000;

/// What is kept of each problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Details {
    /// What a line of a table shows.
    #[default]
    Brief,
    /// Also its latest finding.
    Full,
}

/// All findings of one rule about one resource, in one account and Region.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Id of the problem, `finding_info.uid` in OCSF.
    pub uid: String,
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Highest severity of its findings.
    pub severity: Severity,
    /// `NonCompliant` if one of its findings has that status.
    pub status: Status,
    /// Id of the resource, with hidden characters escaped.
    pub resource: String,
    /// CloudFormation type of the resource.
    pub kind: String,
    /// Id of the account, and its name where it is known.
    pub account: String,
    /// AWS Region.
    pub region: String,
    /// Number of findings that are not suppressed.
    pub findings: u64,
    /// Number of suppressed findings.
    pub suppressed: u64,
    /// Time of the earliest event.
    pub first_seen: Option<Timestamp>,
    /// Time of the latest event.
    pub last_seen: Option<Timestamp>,
    /// The latest finding, one that is not suppressed if there is one. Kept with [`Details::Full`].
    pub latest: Option<Box<Finding>>,
}

impl Problem {
    fn new(uid: String, finding: &Finding) -> Self {
        let resource = finding.primary_resource();
        let shown = |text: &str| crate::text::visible(text).into_owned();
        Self {
            uid,
            rule: Arc::clone(&finding.rule),
            severity: finding.severity(),
            status: finding.status,
            resource: shown(resource.map_or("", |resource| &resource.id)),
            kind: shown(resource.map_or("", |resource| &resource.kind)),
            account: finding.account(),
            region: shown(&finding.origin.region),
            findings: 0,
            suppressed: 0,
            first_seen: None,
            last_seen: None,
            latest: None,
        }
    }

    /// Whether an exemption covers all its findings.
    pub fn is_suppressed(&self) -> bool {
        self.findings == 0
    }

    fn add(&mut self, finding: Box<Finding>, details: Details) {
        let is_suppressed = finding.suppression.is_some();
        let is_first_open = !is_suppressed && self.findings == 0;
        let time = finding.origin.time;
        let is_latest = time >= self.last_seen;
        *(if is_suppressed { &mut self.suppressed } else { &mut self.findings }) += 1;
        // What is suppressed says nothing about how bad the rest is.
        if is_first_open {
            (self.severity, self.status) = (finding.severity(), finding.status);
        } else if !is_suppressed || self.findings == 0 {
            self.severity = self.severity.max(finding.severity());
            if finding.status == Status::NonCompliant {
                self.status = Status::NonCompliant;
            }
        }
        self.first_seen = self.first_seen.into_iter().chain(time).min();
        self.last_seen = self.last_seen.max(time);
        let is_better = is_first_open || (is_latest && (!is_suppressed || self.findings == 0));
        if details == Details::Full && (self.latest.is_none() || is_better) {
            self.latest = Some(finding);
        }
    }
}

/// The problems of a run.
#[derive(Debug, Default)]
pub struct Problems {
    details: Details,
    problems: HashMap<String, Problem>,
    unlisted: u64,
}

impl Problems {
    pub(super) fn new(details: Details) -> Self {
        Self { details, ..Self::default() }
    }

    pub(super) fn add(&mut self, finding: Box<Finding>) {
        let uid = finding.uid();
        if let Some(problem) = self.problems.get_mut(&uid) {
            problem.add(finding, self.details);
        } else if self.problems.len() < MAX_PROBLEMS {
            let mut problem = Problem::new(uid.clone(), &finding);
            problem.add(finding, self.details);
            self.problems.insert(uid, problem);
        } else {
            self.unlisted += 1;
        }
    }

    /// Number of problems that are kept, suppressed ones among them.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether there are no problems.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Number of findings, suppressed ones among them, whose problem came after the maximum of problems was reached.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// The problems, those with the highest severity and the most findings first; suppressed ones come last.
    pub fn by_severity(&self) -> Vec<&Problem> {
        let mut problems: Vec<&Problem> = self.problems.values().collect();
        problems.sort_by(|one, other| {
            let key = |problem: &Problem| (!problem.is_suppressed(), problem.severity, problem.findings);
            let by_rank = key(other).cmp(&key(one));
            by_rank.then_with(|| {
                (&one.rule.name, one.first_seen, &one.uid).cmp(&(&other.rule.name, other.first_seen, &other.uid))
            })
        });
        problems
    }
}
