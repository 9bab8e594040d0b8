//! Coverage of sensitive API calls by rules.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rules::load::operations::{CoarseClass, OperationClass, operations, provenance};
use crate::rules::{Rule, RuleSet};

/// The coverage of sensitive calls, ATT&CK techniques and controls by enabled rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Sensitive calls that no enabled rule covers.
    #[serde(rename = "unwatched")]
    pub uncovered: Vec<UncoveredCall>,
    /// Number of known sensitive calls.
    pub sensitive: usize,
    /// Enabled rules, by ATT&CK technique, such as `T1190`.
    pub techniques: BTreeMap<String, Vec<String>>,
    /// Enabled rules, by framework and control.
    pub controls: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Source and date of the names of the calls.
    pub source: String,
}

/// A sensitive call that no enabled rule covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UncoveredCall {
    /// `eventSource`.
    pub service: &'static str,
    /// `eventName`.
    pub call: &'static str,
    /// Its coarse class.
    #[serde(rename = "can")]
    pub coarse_class: CoarseClass,
    /// Its class.
    pub class: OperationClass,
    /// The reason for the class.
    pub reason: &'static str,
    /// Enabled rules that only list the call.
    pub listed_by: Vec<String>,
    /// Rules that would cover it but are disabled or have empty placeholders.
    pub off: Vec<String>,
}

impl RuleSet {
    /// Returns the coverage by the enabled rules.
    pub fn coverage(&self) -> Coverage {
        let matches = |rule: &&Rule, service, call| rule.runs() && rule.call_patterns().matches_by_name(service, call);
        let names = |rules: &mut dyn Iterator<Item = &Rule>| rules.map(|rule| rule.name().to_owned()).collect();
        let mut uncovered = Vec::new();
        let mut sensitive = 0;
        for operation in operations().filter(|operation| operation.class != OperationClass::Harmless) {
            sensitive += 1;
            let matching = || self.rules().iter().filter(|rule| matches(rule, operation.service, operation.call));
            if matching().any(Rule::counts_as_coverage) {
                continue;
            }
            let could_match =
                |rule: &&Rule| rule.call_patterns_when_filled().matches_by_name(operation.service, operation.call);
            uncovered.push(UncoveredCall {
                service: operation.service,
                call: operation.call,
                coarse_class: operation.class.coarse(),
                class: operation.class,
                reason: operation.reason,
                listed_by: names(&mut matching()),
                off: names(
                    &mut self
                        .rules()
                        .iter()
                        .filter(could_match)
                        .filter(|rule| !matches(rule, operation.service, operation.call)),
                ),
            });
        }
        let mut techniques: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut controls: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        // An enabled rule with empty placeholders matches nothing.
        let effective = self.rules().iter().filter(|rule| rule.runs() && !rule.call_patterns().0.is_empty());
        for rule in effective.map(Rule::info) {
            for tag in rule.tags.iter().filter_map(|tag| tag.strip_prefix("attack.t")) {
                techniques.entry(format!("T{tag}")).or_default().push(rule.name.clone());
            }
            for control in &rule.controls {
                let framework = controls.entry(control.framework.clone()).or_default();
                framework.entry(control.control.clone()).or_default().push(rule.name.clone());
            }
        }
        Coverage { uncovered, sensitive, techniques, controls, source: provenance() }
    }
}
