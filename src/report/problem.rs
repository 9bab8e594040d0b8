//! Findings grouped by the problem they are about.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::finding::{Finding, RuleInfo, Severity, Status};

/// Maximum number of stored problems.
const MAX_PROBLEMS: usize = 5000;

/// The detail that is stored for each problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProblemDetail {
    /// The columns of a table.
    #[default]
    Brief,
    /// Also the latest finding.
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
    /// Id of the account, and its name if known.
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
    /// The latest finding that is not suppressed, otherwise the latest finding. Stored with [`ProblemDetail::Full`].
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

    /// Whether exemptions suppress all its findings.
    pub fn is_suppressed(&self) -> bool {
        self.findings == 0
    }

    fn add(&mut self, finding: Box<Finding>, details: ProblemDetail) {
        let is_suppressed = finding.suppression.is_some();
        let is_first_open = !is_suppressed && self.findings == 0;
        let time = finding.origin.time;
        let is_latest = time >= self.last_seen;
        *(if is_suppressed { &mut self.suppressed } else { &mut self.findings }) += 1;
        // Suppressed findings do not affect the severity of the others.
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
        let replaces_latest = is_first_open || (is_latest && (!is_suppressed || self.findings == 0));
        if details == ProblemDetail::Full && (self.latest.is_none() || replaces_latest) {
            self.latest = Some(finding);
        }
    }
}

/// The problems of a run.
#[derive(Debug, Default)]
pub struct Problems {
    details: ProblemDetail,
    problems: HashMap<String, Problem>,
    unlisted: u64,
}

impl Problems {
    pub(super) fn new(details: ProblemDetail) -> Self {
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

    /// Returns the number of stored problems, including suppressed ones.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether there are no problems.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns the number of findings, including suppressed ones, whose problems are beyond the maximum.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Returns the problems, by severity and number of findings in descending order. Suppressed problems come last.
    pub fn by_severity(&self) -> Vec<&Problem> {
        let mut problems: Vec<&Problem> = self.problems.values().collect();
        problems.sort_by(|left, right| {
            let key = |problem: &Problem| (!problem.is_suppressed(), problem.severity, problem.findings);
            let by_rank = key(right).cmp(&key(left));
            by_rank.then_with(|| {
                (&left.rule.name, left.first_seen, &left.uid).cmp(&(&right.rule.name, right.first_seen, &right.uid))
            })
        });
        problems
    }
}
