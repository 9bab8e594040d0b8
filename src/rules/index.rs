//! Finds the rules that may match a call.

use std::collections::HashMap;

use super::rule::Rule;
use crate::rules::load::header::{self, CallKeys};
use crate::rules::sigma::call_pattern::{Names, has_wildcard};

/// The enabled rules by the names of the calls that they can match. A rule is its index in the rule set.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Built-in rules, by the keys of the words in their detections.
    by_key: HashMap<u64, Vec<usize>>,
    /// Other rules, by name in lower case.
    by_name: HashMap<String, Vec<usize>>,
    /// Rules that can match names with wildcards, or any name.
    any_name: Vec<usize>,
}

impl Index {
    /// Indexes those of `rules` that are enabled.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (position, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.runs()) {
            match rule.header().map(header::Header::call_keys) {
                Some(CallKeys::These(keys)) => {
                    keys.into_iter().for_each(|key| push(index.by_key.entry(key).or_default(), position));
                }
                Some(CallKeys::Any) => index.any_name.push(position),
                None => index.add(position, rule),
            }
        }
        index
    }

    fn add(&mut self, position: usize, rule: &Rule) {
        for call_pattern in &rule.call_patterns().0 {
            match &call_pattern.name {
                Names::These(names) if !names.iter().any(|name| has_wildcard(name)) => {
                    for name in names {
                        push(self.by_name.entry(name.to_ascii_lowercase()).or_default(), position);
                    }
                }
                Names::These(_) | Names::Any => push(&mut self.any_name, position),
            }
        }
    }

    /// Returns the indices of rules that may match a call of this name, in order.
    pub(super) fn find(&self, name: &str) -> Vec<usize> {
        let name = name.to_ascii_lowercase();
        let by_key = header::keys(&name).into_iter().filter_map(|key| self.by_key.get(&key)).flatten();
        let by_name = self.by_name.get(&name).into_iter().flatten();
        let mut indices: Vec<usize> = by_key.chain(by_name).chain(&self.any_name).copied().collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}

fn push(indices: &mut Vec<usize>, index: usize) {
    if indices.last() != Some(&index) {
        indices.push(index);
    }
}
