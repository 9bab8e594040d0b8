//! What of a detection held, without the engine's trace.
//!
//! In: a compiled rule. Out: for each of its detections the clauses that hold whenever it does. Only where a detection
//! holds by one of several ways does a trace have to tell which; it describes each pattern that was tried, and a list of
//! calls has dozens.

use std::collections::HashMap;
use std::sync::Arc;

use rsigma_eval::{CompiledDetection, CompiledRule};
use rsigma_parser::ConditionExpr;

/// A detection, as what is to be told of it once it holds.
#[derive(Debug)]
pub(super) enum Clauses {
    /// All of these fields fit; one without a name is a keyword.
    Fields(Vec<Option<String>>),
    /// All of these hold.
    All(Vec<Self>),
    /// The trace of this rule tells.
    Traced(Box<CompiledRule>),
}

impl Clauses {
    /// Those of each detection of `rule`, by its name.
    pub(super) fn of(rule: &CompiledRule) -> HashMap<String, Self> {
        let clauses = |(name, detection): (&String, _)| (name.clone(), Self::of_detection(detection, rule));
        rule.detections.iter().map(clauses).collect()
    }

    fn of_detection(detection: &CompiledDetection, rule: &CompiledRule) -> Self {
        match detection {
            CompiledDetection::AllOf(items) => Self::Fields(items.iter().map(|item| item.field.clone()).collect()),
            CompiledDetection::And(parts) => {
                Self::All(parts.iter().map(|part| Self::of_detection(part, rule)).collect())
            }
            CompiledDetection::AnyOf(_)
            | CompiledDetection::Keywords(_)
            | CompiledDetection::ArrayMatch { .. }
            | CompiledDetection::Conditional { .. } => Self::Traced(Box::new(alone(detection.clone(), rule))),
        }
    }
}

/// A rule that is this detection of another.
fn alone(detection: CompiledDetection, rule: &CompiledRule) -> CompiledRule {
    let name = "detection";
    CompiledRule {
        title: String::new(),
        id: None,
        level: None,
        tags: Vec::new(),
        description: None,
        falsepositives: Vec::new(),
        logsource: rule.logsource.clone(),
        detections: HashMap::from([(name.to_owned(), detection)]),
        conditions: vec![ConditionExpr::Identifier(name.to_owned())],
        include_event: false,
        custom_attributes: Arc::default(),
    }
}
