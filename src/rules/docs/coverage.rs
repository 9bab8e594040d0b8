//! Sensitive calls, and the rules that judge them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rules::load::operations::{Class, Danger, operations, provenance};
use crate::rules::{Rule, RuleSet};

/// What rules cover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Sensitive calls that no enabled rule judges.
    pub unwatched: Vec<Unwatched>,
    /// Number of sensitive calls that are known.
    pub sensitive: usize,
    /// Enabled rules, by ATT&CK technique, such as `T1190`.
    pub techniques: BTreeMap<String, Vec<String>>,
    /// Enabled rules, by framework and control.
    pub controls: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Source and date of the names of the calls.
    pub source: String,
}

/// A sensitive call that no rule judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unwatched {
    /// `eventSource`.
    pub service: &'static str,
    /// `eventName`.
    pub call: &'static str,
    /// What it can do, coarsely.
    pub can: Danger,
    /// What it can do.
    pub class: Class,
    /// Why it is of this class.
    pub reason: &'static str,
    /// Enabled rules that list the call without judging it.
    pub listed_by: Vec<String>,
    /// Rules that would match it, and are off or have no values for their placeholders.
    pub off: Vec<String>,
}

impl RuleSet {
    /// What the enabled rules cover.
    pub fn coverage(&self) -> Coverage {
        let matches = |rule: &&Rule, service, call| rule.runs() && rule.call_patterns().name(service, call);
        let names = |rules: &mut dyn Iterator<Item = &Rule>| rules.map(|rule| rule.name().to_owned()).collect();
        let mut unwatched = Vec::new();
        let mut sensitive = 0;
        for one in operations().filter(|one| one.class != Class::Harmless) {
            sensitive += 1;
            let matching = || self.rules().iter().filter(|rule| matches(rule, one.service, one.call));
            if matching().any(Rule::judges) {
                continue;
            }
            let could = |rule: &&Rule| rule.call_patterns_when_filled().name(one.service, one.call);
            unwatched.push(Unwatched {
                service: one.service,
                call: one.call,
                can: one.class.danger(),
                class: one.class,
                reason: one.reason,
                listed_by: names(&mut matching()),
                off: names(&mut self.rules().iter().filter(could).filter(|rule| !matches(rule, one.service, one.call))),
            });
        }
        let mut techniques: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut controls: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        // Without values for its placeholders an enabled rule matches nothing.
        let watching = self.rules().iter().filter(|rule| rule.runs() && !rule.call_patterns().0.is_empty());
        for rule in watching.map(Rule::info) {
            for tag in rule.tags.iter().filter_map(|tag| tag.strip_prefix("attack.t")) {
                techniques.entry(format!("T{tag}")).or_default().push(rule.name.clone());
            }
            for control in &rule.controls {
                let framework = controls.entry(control.framework.clone()).or_default();
                framework.entry(control.control.clone()).or_default().push(rule.name.clone());
            }
        }
        Coverage { unwatched, sensitive, techniques, controls, source: provenance() }
    }
}
