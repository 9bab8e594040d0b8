//! The settings of rules in the configuration file: which run, the levels of their findings, and the values of placeholders.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::Level;
use serde::Deserialize;

use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::sigma::placeholder::{PLACEHOLDERS, Placeholders};

/// The names that settings and exemptions can refer to.
#[derive(Debug)]
pub(in crate::rules) struct Known<'r> {
    pub(in crate::rules) rules: BTreeSet<&'r str>,
    pub(in crate::rules) ids: BTreeSet<&'r str>,
    pub(in crate::rules) packs: BTreeSet<&'r str>,
    pub(in crate::rules) placeholders: BTreeSet<&'r str>,
    /// The values of the placeholders.
    pub(in crate::rules) values: &'r Placeholders,
}

/// The settings of rules in the configuration file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Whether the rules of a pack run. The setting of a single rule has precedence.
    packs: BTreeMap<String, bool>,
    /// Settings of single rules, by name.
    rules: BTreeMap<String, RuleSetting>,
    /// Values for the `%placeholders%` of rules.
    pub(in crate::rules) placeholders: Placeholders,
    /// Names of rules or packs that other parts of the file contain.
    others: Vec<String>,
    /// The name of the file in messages, and its text.
    source: (String, String),
}

/// The setting of a single rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSetting {
    /// Whether it runs.
    enabled: Option<bool>,
    /// The level of its findings.
    level: Option<Level>,
}

impl Settings {
    /// Settings of packs, rules and placeholders from a file. `source` is its name in messages, and its text.
    pub fn new(
        packs: BTreeMap<String, bool>,
        rules: BTreeMap<String, RuleSetting>,
        placeholders: BTreeMap<String, Vec<String>>,
        source: (String, String),
    ) -> Self {
        Self { packs, rules, placeholders, others: Vec::new(), source }
    }

    /// The same, reporting those of `names` that are neither rules nor packs.
    #[must_use]
    pub fn with_names(self, names: impl IntoIterator<Item = String>) -> Self {
        Self { others: names.into_iter().collect(), ..self }
    }

    /// Returns the configured values of a placeholder.
    pub fn placeholder(&self, name: &str) -> &[String] {
        self.placeholders.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the rule runs; `enabled` is its own default.
    pub(in crate::rules) fn runs(&self, rule: &str, pack: Option<&str>, enabled: bool) -> bool {
        let own = self.rules.get(rule).and_then(|setting| setting.enabled);
        own.or_else(|| self.packs.get(pack?).copied()).unwrap_or(enabled)
    }

    /// Whether the file itself turns the rule on.
    pub(in crate::rules) fn enables(&self, rule: &str) -> bool {
        self.rules.get(rule).is_some_and(|setting| setting.enabled == Some(true))
    }

    /// The configured level of the rule's findings.
    pub(in crate::rules) fn level(&self, rule: &str) -> Option<Level> {
        self.rules.get(rule)?.level
    }

    /// Names that do not exist, and values that can never match. `known` is called only if the file names something.
    pub(in crate::rules) fn diagnostics<'k>(&self, known: impl FnOnce() -> Known<'k>) -> Vec<RuleDiagnostic> {
        let names_nothing =
            self.rules.is_empty() && self.packs.is_empty() && self.placeholders.is_empty() && self.others.is_empty();
        let mut reasons = if names_nothing { Vec::new() } else { self.unknown(&known()) };
        let own = self.placeholders.iter().filter(|(name, _)| PLACEHOLDERS.iter().any(|(known, _)| known == name));
        for value in own.flat_map(|(_, values)| values).filter(|value| value.starts_with("arn:")) {
            reasons.push(Reason::error(format!("`{value}` is an ARN; give the name alone")).at(value));
        }
        let has = |name: &str| self.placeholders.get(name).is_some_and(|values| !values.is_empty());
        for needed in ["own_log_groups", "own_buckets"] {
            if has("own_trails") && !has(needed) {
                let text = format!("`own_trails` is set and `{needed}` is not: name those that these trails write to");
                reasons.push(Reason::error(text).at("own_trails"));
            }
        }
        let (file, text) = &self.source;
        reasons.into_iter().map(|reason| reason.in_file(file, text, None)).collect()
    }

    /// Names that do not exist.
    fn unknown(&self, known: &Known<'_>) -> Vec<Reason> {
        let unknown = |what: &str, name: &String, known: &BTreeSet<&str>| {
            let known: Vec<&str> = known.iter().copied().collect();
            Reason::error(format!("there is no {what} `{name}`{}", did_you_mean(name, &known))).at(name)
        };
        let missing = |names: Vec<&String>, what: &'static str, known: &BTreeSet<&str>| -> Vec<Reason> {
            let missing = names.into_iter().filter(|name| !known.contains(name.as_str()));
            missing.map(|name| unknown(what, name, known)).collect()
        };
        let mut reasons = missing(self.rules.keys().collect(), "rule", &known.rules);
        reasons.extend(missing(self.packs.keys().collect(), "pack", &known.packs));
        reasons.extend(missing(self.placeholders.keys().collect(), "placeholder", &known.placeholders));
        let rules_and_packs: BTreeSet<&str> = known.rules.union(&known.packs).copied().collect();
        reasons.extend(missing(self.others.iter().collect(), "rule or pack", &rules_and_packs));
        reasons
    }
}

/// Returns the known name most similar to `name` in any case, if one is similar.
pub(in crate::rules) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_lowercase();
    let scored = known.iter().filter_map(|one| {
        let lower = one.to_lowercase();
        let score = strsim::jaro_winkler(&name, &lower);
        let is_near =
            score > 0.8 || is_slip(&name, &lower) || (name.len() == 5 && strsim::osa_distance(&name, &lower) == 2);
        is_near.then_some((is_slip(&name, &lower), score, *one))
    });
    scored
        .max_by(|one, other| (one.0, one.1).partial_cmp(&(other.0, other.1)).unwrap_or(Ordering::Equal))
        .map(|one| one.2)
}

/// Whether two names differ by a typing error: one or two characters added, missing, wrong or swapped.
pub(in crate::rules) fn is_slip(name: &str, known: &str) -> bool {
    let max = match name.len() {
        0..3 => return false,
        3..6 => 1,
        _ => 2,
    };
    name.len().abs_diff(known.len()) <= max && strsim::osa_distance(name, known) <= max
}

/// Returns ` (did you mean `…`?)` with the known name most similar to `name`, or an empty string if none is similar.
pub fn did_you_mean(name: &str, known: &[&str]) -> String {
    nearest(name, known).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default()
}

/// Returns an error message of serde; one about an unknown name ends with the most similar known name.
pub fn with_suggestion(message: String) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = names.split_first().filter(|_| message.contains("unknown "));
    let near = unknown.map(|(name, known)| did_you_mean(name, known)).unwrap_or_default();
    message + &near
}
