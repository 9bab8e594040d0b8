//! What the rules that run watch, and what they do not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::RuleSet;
use super::operations::{DANGEROUS, Danger, provenance};

/// What rules cover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Calls that can expose or blind, and that no rule that runs watches.
    pub unwatched: Vec<Unwatched>,
    /// Rules that run, by ATT&CK technique, such as `T1190`.
    pub techniques: BTreeMap<String, Vec<String>>,
    /// Rules that run, by framework and control.
    pub controls: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Where the names of the calls come from.
    pub source: String,
}

/// A call that no rule watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unwatched {
    /// `eventSource`.
    pub service: &'static str,
    /// `eventName`.
    pub call: &'static str,
    /// What it can do.
    pub can: Danger,
    /// Rules that would watch it, and are off or have no values for their placeholders.
    pub off: Vec<String>,
}

impl RuleSet {
    /// What the rules that run cover.
    pub fn coverage(&self) -> Coverage {
        let dangerous =
            DANGEROUS.iter().flat_map(|(can, service, calls)| calls.iter().map(move |call| (*can, *service, *call)));
        let is_watched = |service: &str, call: &str| {
            self.rules().iter().any(|rule| rule.runs() && rule.triggers().name(service, call))
        };
        // Off, or without values for its placeholders.
        let would_watch = |service: &str, call: &str| {
            let rules = self.rules().iter().filter(|rule| rule.triggers_when_filled().name(service, call));
            rules.map(|rule| rule.name().to_owned()).collect::<Vec<_>>()
        };
        let unwatched = dangerous.filter(|(_, service, call)| !is_watched(service, call));
        let mut seen = BTreeSet::new();
        let unwatched = unwatched
            .map(|(can, service, call)| Unwatched { service, call, can, off: would_watch(service, call) })
            .filter(|one| seen.insert((one.service, one.call)))
            .collect();
        let mut techniques: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut controls: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        // Without values for its placeholders a rule runs and watches nothing.
        let watching = self.rules().iter().filter(|rule| rule.runs() && !rule.triggers().0.is_empty());
        for rule in watching.map(super::Rule::info) {
            for tag in rule.tags.iter().filter_map(|tag| tag.strip_prefix("attack.t")) {
                techniques.entry(format!("T{tag}")).or_default().push(rule.name.clone());
            }
            for control in &rule.controls {
                let framework = controls.entry(control.framework.clone()).or_default();
                framework.entry(control.control.clone()).or_default().push(rule.name.clone());
            }
        }
        Coverage { unwatched, techniques, controls, source: provenance() }
    }
}
