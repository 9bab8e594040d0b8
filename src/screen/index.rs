//! Which rules watch a call.

use std::collections::HashMap;

use super::{Lookout, Watched};
use crate::rules::{Names, Rule, RuleSet};

/// The rules that run, by the names of the calls that they watch; each as its place in the set.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By name in lower case.
    by_name: HashMap<String, Vec<usize>>,
    /// Those that watch names with wildcards, or any.
    others: Vec<usize>,
}

impl Index {
    pub(super) fn new(rules: &RuleSet) -> Self {
        let mut index = Self::default();
        for (place, rule) in rules.rules().iter().enumerate().filter(|(_, rule)| rule.runs()) {
            index.add(place, rule);
        }
        index
    }

    fn add(&mut self, place: usize, rule: &Rule) {
        for trigger in &rule.triggers().0 {
            match &trigger.name {
                Names::These(names) if names.iter().all(|name| !name.contains(['*', '?'])) => {
                    for name in names {
                        push(self.by_name.entry(name.to_ascii_lowercase()).or_default(), place);
                    }
                }
                Names::These(_) | Names::Any => push(&mut self.others, place),
            }
        }
    }

    /// What is to be done with the records of a call.
    pub(super) fn watched(&self, rules: &RuleSet, source: &str, name: &str) -> Watched {
        if !(source.is_ascii() && name.is_ascii()) {
            // Letters beyond ASCII may match others in lower case.
            return Watched::Always;
        }
        let by_name = self.by_name.get(&name.to_ascii_lowercase()).into_iter().flatten();
        let places = by_name.chain(&self.others).copied();
        let found = places.filter_map(|place| rules.rules().get(place));
        let watching: Vec<&Rule> = found.filter(|rule| rule.triggers().admit(source, name)).collect();
        if watching.is_empty() {
            return Watched::Never;
        }
        Lookout::for_any_of(watching.into_iter().map(Rule::needs)).map_or(Watched::Always, Watched::With)
    }
}

fn push(places: &mut Vec<usize>, place: usize) {
    if places.last() != Some(&place) {
        places.push(place);
    }
}
