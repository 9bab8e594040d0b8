//! The peer rsigma-eval: every record is parsed and evaluated by the engine. The steps before are the fastest available: the
//! decoding of the limit, and a borrowing parse of the envelope. Its generic functions are compiled with this crate.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hint::black_box;

use rsigma_eval::event::JsonEvent;
use rsigma_eval::{Engine, EvaluationResult};
use rsigma_parser::parse_sigma_yaml;
use serde::Deserialize;
use serde_json::Value;

use crate::limit::Decoder;
use crate::race::Lane;
use crate::workload::batch::{Payload, Workload};
use crate::workload::rules::GeneratedRule;

/// The engine, with rules.
pub(crate) struct Peer {
    engine: Engine,
}

#[derive(Deserialize)]
struct Batch<'b> {
    #[serde(borrow, rename = "logEvents")]
    log_events: Vec<LogEvent<'b>>,
}

#[derive(Deserialize)]
struct LogEvent<'b> {
    #[serde(borrow)]
    message: Cow<'b, str>,
}

impl Peer {
    pub(crate) fn new(rules: &[GeneratedRule]) -> Self {
        let mut engine = Engine::new();
        for rule in rules {
            engine.add_collection(&parse_sigma_yaml(&rule.text).unwrap()).unwrap();
        }
        Self { engine }
    }

    fn evaluate(&self, decoder: &mut Decoder, payload: &Payload, mut found: impl FnMut(&Value, Vec<EvaluationResult>)) {
        let batch: Batch<'_> = serde_json::from_slice(decoder.batch(payload)).unwrap();
        for one in batch.log_events {
            let record: Value = serde_json::from_str(&one.message).unwrap();
            found(&record, self.engine.evaluate(&JsonEvent::borrow(&record)));
        }
    }

    /// `(rule id, eventID)` of all matches.
    pub(crate) fn findings(&self, workload: &Workload) -> BTreeSet<(String, String)> {
        let mut findings = BTreeSet::new();
        let mut decoder = Decoder::new(workload);
        for payload in &workload.payloads {
            self.evaluate(&mut decoder, payload, |record, results| {
                let id = record["eventID"].as_str().unwrap();
                let rules = results.into_iter().map(|result| result.header.rule_id.unwrap());
                findings.extend(rules.map(|rule| (rule, id.to_owned())));
            });
        }
        findings
    }

    /// The lane of rsigma-eval for a workload.
    pub(crate) fn lane<'l>(&'l self, name: &str, workload: &'l Workload) -> Lane<'l> {
        let mut decoder = Decoder::new(workload);
        Lane::new(name, move || {
            for payload in &workload.payloads {
                self.evaluate(&mut decoder, payload, |_, results| {
                    black_box(results);
                });
            }
        })
    }
}
