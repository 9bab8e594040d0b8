//! Which rules watch a call.

use std::collections::HashMap;

use super::header::{self, Named};
use super::rule::Rule;
use super::trigger::Names;

/// The rules that run, by the names of the calls that they watch; each as its place in the set.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Built-in rules, by the keys of the words in their detections.
    by_key: HashMap<u64, Vec<usize>>,
    /// Other rules, by name in lower case.
    by_name: HashMap<String, Vec<usize>>,
    /// Rules that watch names with wildcards, or any.
    others: Vec<usize>,
}

impl Index {
    /// Of those of `rules` that run.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (place, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.runs()) {
            match rule.header().map(header::Header::named) {
                Some(Named::Keys(keys)) => {
                    keys.into_iter().for_each(|key| push(index.by_key.entry(key).or_default(), place));
                }
                Some(Named::Any) => index.others.push(place),
                None => index.add(place, rule),
            }
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

    /// The places of rules that may watch a call of that name, in order.
    pub(super) fn places(&self, name: &str) -> Vec<usize> {
        let name = name.to_ascii_lowercase();
        let by_key = header::keys(&name).into_iter().filter_map(|key| self.by_key.get(&key)).flatten();
        let by_name = self.by_name.get(&name).into_iter().flatten();
        let mut places: Vec<usize> = by_key.chain(by_name).chain(&self.others).copied().collect();
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
