//! Which rules watch a call.

use std::collections::HashMap;

use super::outline::{BUILTIN, WATCHED};
use super::rule::Rule;
use super::trigger::Names;

/// The rules that run, by the names of the calls that they watch; each as its place in the set.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The places of the built-in rules that have an outline and run, by their places among the built-in.
    outlined: Vec<Option<usize>>,
    /// Those of other rules, by name in lower case.
    by_name: HashMap<String, Vec<usize>>,
    /// Those of other rules that watch names with wildcards, or any.
    others: Vec<usize>,
}

impl Index {
    /// Of those of `rules` that run.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self { outlined: vec![None; BUILTIN.len()], ..Self::default() };
        for (place, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.runs()) {
            if let Some(outlined) = rule.outlined().and_then(|outlined| index.outlined.get_mut(outlined)) {
                *outlined = Some(place);
                continue;
            }
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
        let name = name.to_ascii_lowercase();
        let outlined = WATCHED.by(&name).filter_map(|outlined| self.outlined.get(outlined).copied().flatten());
        let by_name = self.by_name.get(&name).into_iter().flatten();
        let mut places: Vec<usize> = outlined.chain(by_name.chain(&self.others).copied()).collect();
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
