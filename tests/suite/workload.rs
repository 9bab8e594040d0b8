//! The workload that the benchmarks run on: what they measure is what they say.

#[path = "../../benches/workload/mod.rs"]
#[expect(dead_code, reason = "the benchmarks need more of it")]
pub(crate) mod generated;

use std::collections::BTreeSet;

use generated::SEED;
use generated::batch::{MEDIUM, SMALL, Size, Workload};
use generated::record::Records;
use generated::rules::{GeneratedRule, alone, generated_rules};
use trailwarden::pipeline::{Input, Pipeline, Tally};
use trailwarden::rules::RuleSet;

use crate::support::{Yield, payload, stream};

/// As many payloads as tell enough.
const FEW: Size = Size { payloads: 32, ..SMALL };

/// What becomes of all payloads together.
fn evaluated(workload: &Workload) -> Yield {
    let mut all = Yield::default();
    for one in &workload.payloads {
        let result = payload(&one.text);
        all.tally.add(&result.tally);
        all.findings.extend(result.findings);
        all.rejections.extend(result.rejections);
    }
    all
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let texts = |seed| -> Vec<String> {
        Workload::generate(seed, FEW).payloads.into_iter().map(|payload| payload.text).collect()
    };
    assert_eq!(texts(SEED), texts(SEED));
    assert_ne!(texts(SEED), texts(SEED + 1));
    let rules = |count| -> Vec<String> { generated_rules(SEED, count).into_iter().map(|rule| rule.text).collect() };
    assert_eq!(rules(100)[..10], rules(10));
}

#[test]
fn one_record_in_a_hundred_is_reported_and_none_is_refused() {
    let workload = Workload::generate(SEED, FEW);
    let all = evaluated(&workload);
    assert_eq!(all.reasons(), Vec::<String>::new());
    assert!(all.tally.balances(), "{}", all.tally);
    assert_eq!(all.tally.received, workload.records() as u64);
    assert_eq!(all.tally.matched, workload.interesting as u64);
    let one_in = workload.records() / workload.interesting;
    assert!((80..=120).contains(&one_in), "one in {one_in}");
}

#[test]
fn exactly_the_records_meant_to_be_reported_are() {
    let mut kinds = BTreeSet::new();
    for record in Records::new(SEED).take(1_700) {
        let result = stream(record.text.as_bytes());
        assert_eq!(result.tally.matched == 1, record.is_interesting, "{}", record.text);
        kinds.extend(result.findings.into_iter().map(|finding| finding.rule.name.clone()));
    }
    assert!(kinds.len() > 10, "{kinds:?}");
}

#[test]
fn sizes_are_those_of_real_deliveries() {
    for size in [FEW, Size { payloads: 2, ..MEDIUM }] {
        let workload = Workload::generate(SEED, size);
        let mean = workload.bytes() / workload.records();
        assert!((1_680..=1_880).contains(&mean), "{}: {mean} bytes a record", size.name);
        let gzip: usize = workload.payloads.iter().map(|payload| payload.gzip_bytes).sum();
        let ratio = workload.bytes() * 10 / gzip;
        assert!((50..=72).contains(&ratio), "{}: gzip {ratio} : 10", size.name);
        for payload in &workload.payloads {
            assert!((size.bytes..size.bytes + 8_192).contains(&payload.bytes), "{} bytes", payload.bytes);
        }
    }
}

#[test]
fn generated_rules_load_and_find_something() {
    let directory = tempfile::tempdir().unwrap();
    let rules = generated_rules(SEED, 1_000);
    GeneratedRule::write_all(&rules, directory.path());
    let pipeline = Pipeline::new(RuleSet::load_with(&alone(directory.path())).unwrap());
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let mut found = BTreeSet::new();
    let mut all = Tally::default();
    for payload in &Workload::generate(SEED, FEW).payloads {
        let result = pipeline.gather("payload", Input::Payload(&payload.text));
        all.add(&result.tally);
        found.extend(result.findings.into_iter().map(|finding| finding.rule.id.clone().unwrap()));
    }
    assert!(found.iter().all(|id| ids.contains(id.as_str())));
    assert!(found.len() > 5, "{found:?}");
    // As rare as in life, and few for each record.
    assert!((30..200).contains(&(all.received / all.matched)), "{all}");
    assert!(all.findings < 4 * all.matched, "{all}");
}

#[test]
fn the_more_rules_the_more_records_have_a_name_that_one_of_them_is_about() {
    let records: Vec<String> = Records::new(SEED).take(2_000).map(|record| record.text).collect();
    let shares = [10, 100, 1_000].map(|count| {
        let rules = generated_rules(SEED, count);
        let names =
            rules.iter().filter_map(|rule| rule.text.lines().find_map(|line| line.strip_prefix("    eventName: ")));
        let named: BTreeSet<String> = names.map(|name| format!(r#""eventName":"{name}""#)).collect();
        let looked_at = records.iter().filter(|text| named.iter().any(|name| text.contains(name.as_str())));
        looked_at.count() * 100 / records.len()
    });
    assert!((8..18).contains(&shares[0]), "{shares:?}");
    assert!((18..34).contains(&shares[1]), "{shares:?}");
    assert!((40..60).contains(&shares[2]), "{shares:?}");
}
