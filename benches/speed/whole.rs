//! The whole path with the built-in rules: from the JSON of a Lambda event to findings.

use std::hint::black_box;

use criterion::Criterion;
use trailwarden::pipeline::{Input, Pipeline};
use trailwarden::rules::RuleSet;

use crate::race::{Lane, OURS, race};
use crate::table::Table;
use crate::workload::batch::Workload;
use crate::{limit, python};

/// Maximum multiple of the limit for generated records, of which few match, and for real ones, of which many do.
const MAX_GENERATED: f64 = 2.0;
const MAX_REAL: f64 = 3.3;

pub(crate) fn run(criterion: &mut Criterion, table: &mut Table, generated: &[&Workload], real: Option<&Workload>) {
    let pipeline = Pipeline::new(RuleSet::load(&[]).unwrap());
    for workload in generated {
        measure(criterion, table, &pipeline, workload, MAX_GENERATED);
    }
    if let Some(real) = real {
        measure(criterion, table, &pipeline, real, MAX_REAL);
    }
}

fn measure(criterion: &mut Criterion, table: &mut Table, pipeline: &Pipeline, workload: &Workload, most: f64) {
    let times = race(criterion, "whole", workload.name, OURS, || {
        check(pipeline, workload);
        let lanes = [limit::lane(workload), lane(OURS, pipeline, workload)];
        lanes.into_iter().chain(python::lane(workload)).collect()
    });
    if let Some(times) = times {
        table.workload(workload);
        table.whole(workload, "built-in", OURS, Some(most), &times, (python::LANE, "-"));
    }
}

/// The lane of the whole path for a workload.
pub(crate) fn lane<'l>(name: &str, pipeline: &'l Pipeline, workload: &'l Workload) -> Lane<'l> {
    Lane::new(name, move || {
        for payload in &workload.payloads {
            black_box(pipeline.gather("payload", Input::Payload(&payload.text)));
        }
    })
}

/// Asserts that every record is evaluated and that all known findings are found.
fn check(pipeline: &Pipeline, workload: &Workload) {
    let evaluated = workload.payloads.iter().map(|payload| pipeline.gather("payload", Input::Payload(&payload.text)));
    let (mut received, mut rejected, mut matched) = (0, 0, 0);
    for one in evaluated {
        received += one.tally.received;
        rejected += one.tally.rejected;
        matched += one.tally.matched;
    }
    assert_eq!((received, rejected), (workload.records() as u64, 0), "{}", workload.name);
    assert!(workload.interesting == 0 || matched == workload.interesting as u64, "{}: {matched}", workload.name);
}
