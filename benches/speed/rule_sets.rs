//! The whole path with 10, 100 and 1,000 rules, compared with rsigma-eval with the same rules.

use std::collections::BTreeSet;

use criterion::Criterion;
use trailwarden::pipeline::{Input, Pipeline};
use trailwarden::rules::RuleSet;

use crate::race::race;
use crate::table::{Table, counted};
use crate::workload::SEED;
use crate::workload::batch::Workload;
use crate::workload::rules::{GeneratedRule, alone, generated_rules};
use crate::{limit, rsigma, whole};

/// The number of rules.
pub(crate) const COUNTS: [usize; 3] = [10, 100, 1_000];

/// Maximum ratio of the time with the most rules to the time with the fewest.
const MAX_RATIO: f64 = 1.15;

/// The rules, compiled for both engines.
struct Set {
    count: usize,
    /// `ours with 10 rules`
    ours: String,
    theirs: String,
    pipeline: Pipeline,
    rsigma: rsigma::Peer,
    ids: BTreeSet<String>,
}

impl Set {
    fn new(count: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rules = generated_rules(SEED, count);
        GeneratedRule::write_all(&rules, directory.path());
        let pipeline = Pipeline::new(RuleSet::load_with(&alone(directory.path())).unwrap());
        Self {
            count,
            ours: format!("ours with {} rules", counted(count)),
            theirs: format!("rsigma-eval with {}", counted(count)),
            pipeline,
            rsigma: rsigma::Peer::new(&rules),
            ids: rules.into_iter().map(|rule| rule.id).collect(),
        }
    }

    /// Asserts that both find the same, and as many as known. The built-in rules are off.
    fn check(&self, workload: &Workload) {
        let mut ours = BTreeSet::new();
        for payload in &workload.payloads {
            let evaluated = self.pipeline.gather("payload", Input::Payload(&payload.text));
            let findings = evaluated.findings.into_iter();
            ours.extend(findings.map(|finding| (finding.rule.id.clone().unwrap(), finding.origin.event_id)));
        }
        assert!(ours == self.rsigma.findings(workload), "{} rules, {}: findings differ", self.count, workload.name);
        assert!(ours.iter().all(|(rule, _)| self.ids.contains(rule)), "{} rules: other rules run", self.count);
        let may_find_nothing = workload.interesting == 0;
        assert!(may_find_nothing || !ours.is_empty(), "{} rules, {}: nothing is found", self.count, workload.name);
    }
}

pub(crate) fn run(criterion: &mut Criterion, table: &mut Table, workloads: &[&Workload]) {
    let sets = COUNTS.map(Set::new);
    for workload in workloads {
        measure(criterion, table, &sets, workload);
    }
}

fn measure(criterion: &mut Criterion, table: &mut Table, sets: &[Set], workload: &Workload) {
    let [fewest, .., most] = sets else { return };
    let times = race(criterion, "rules", workload.name, &most.ours, || {
        let mut lanes = vec![limit::lane(workload)];
        for set in sets {
            set.check(workload);
            lanes.push(whole::lane(&set.ours, &set.pipeline, workload));
            lanes.push(set.rsigma.lane(&set.theirs, workload));
        }
        lanes
    });
    let Some(times) = times else { return };
    for set in sets {
        table.whole(
            workload,
            &format!("{} generated", counted(set.count)),
            &set.ours,
            None,
            &times,
            ("-", &set.theirs),
        );
    }
    let ratio = times.ratio(&most.ours, &fewest.ours).unwrap();
    table.note(format!(
        "On {}, {} rules take {ratio:.2} times as long as {} (at most {MAX_RATIO}).",
        workload.name,
        counted(most.count),
        counted(fewest.count)
    ));
}
