//! Which rules watch a call.

use std::collections::HashMap;

use super::rule::Rule;
use super::trigger::Names;

/// The rules that run, by the names of the calls that they watch; each as its place in the set.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By name in lower case.
    by_name: HashMap<String, Vec<usize>>,
    /// Those that watch names with wildcards, or any.
    others: Vec<usize>,
}

impl Index {
    /// Of those of `rules` that run.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (place, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.runs()) {
            for trigger in &rule.triggers().0 {
                match &trigger.name {
                    Names::These(names) if names.iter().all(|name| !name.contains(['*', '?'])) => {
                        for name in names {
                            push(index.by_name.entry(name.to_ascii_lowercase()).or_default(), place);
                        }
                    }
                    Names::These(_) | Names::Any => push(&mut index.others, place),
                }
            }
        }
        index
    }

    /// The places of rules that may watch a call of that name, in order.
    pub(super) fn places(&self, name: &str) -> Vec<usize> {
        let by_name = self.by_name.get(&name.to_ascii_lowercase()).into_iter().flatten();
        let mut places: Vec<usize> = by_name.chain(&self.others).copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

fn push(places: &mut Vec<usize>, place: usize) {
    if places.last() != Some(&place) {
        places.push(place);
    }
}
