//! The settings of rules in the configuration file: enabled rules and packs, levels, and values of placeholders.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::Level;
use serde::Deserialize;

use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::load::spelling::did_you_mean;
use crate::rules::sigma::placeholder::{PLACEHOLDERS, Placeholders};

/// The names that settings and exemptions can refer to.
#[derive(Debug)]
pub(in crate::rules) struct KnownNames<'r> {
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
    /// Whether the rules of a pack are enabled. The setting of a single rule has precedence.
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
    /// Whether the rule is enabled.
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

    /// Whether the rule is enabled. `default` applies if neither the rule nor its pack is configured.
    pub(in crate::rules) fn is_enabled(&self, rule: &str, pack: Option<&str>, default: bool) -> bool {
        let configured = self.rules.get(rule).and_then(|setting| setting.enabled);
        configured.or_else(|| self.packs.get(pack?).copied()).unwrap_or(default)
    }

    /// Whether the file enables the rule by name.
    pub(in crate::rules) fn enables(&self, rule: &str) -> bool {
        self.rules.get(rule).is_some_and(|setting| setting.enabled == Some(true))
    }

    /// Returns the configured level of the rule's findings.
    pub(in crate::rules) fn level(&self, rule: &str) -> Option<Level> {
        self.rules.get(rule)?.level
    }

    /// Returns an error for each name that does not exist and each value that can never match. `known` is called only if
    /// the file contains names.
    pub(in crate::rules) fn diagnostics<'k>(&self, known: impl FnOnce() -> KnownNames<'k>) -> Vec<RuleDiagnostic> {
        let is_empty =
            self.rules.is_empty() && self.packs.is_empty() && self.placeholders.is_empty() && self.others.is_empty();
        let mut reasons = if is_empty { Vec::new() } else { self.unknown(&known()) };
        let built_in = self.placeholders.iter().filter(|(name, _)| PLACEHOLDERS.iter().any(|(known, _)| known == name));
        for value in built_in.flat_map(|(_, values)| values).filter(|value| value.starts_with("arn:")) {
            reasons.push(Reason::error(format!("`{value}` is an ARN; give only the name")).at(value));
        }
        let has = |name: &str| self.placeholders.get(name).is_some_and(|values| !values.is_empty());
        for required in ["own_log_groups", "own_buckets"] {
            if has("own_trails") && !has(required) {
                let text =
                    format!("`own_trails` is set and `{required}` is not: list those that these trails write to");
                reasons.push(Reason::error(text).at("own_trails"));
            }
        }
        let (file, text) = &self.source;
        reasons.into_iter().map(|reason| reason.in_file(file, text, None)).collect()
    }

    /// Returns an error for each name that does not exist.
    fn unknown(&self, known: &KnownNames<'_>) -> Vec<Reason> {
        let unknown = |noun: &str, name: &String, known: &BTreeSet<&str>| {
            let known: Vec<&str> = known.iter().copied().collect();
            Reason::error(format!("there is no {noun} `{name}`{}", did_you_mean(name, &known))).at(name)
        };
        let missing = |names: Vec<&String>, noun: &'static str, known: &BTreeSet<&str>| -> Vec<Reason> {
            let missing = names.into_iter().filter(|name| !known.contains(name.as_str()));
            missing.map(|name| unknown(noun, name, known)).collect()
        };
        let mut reasons = missing(self.rules.keys().collect(), "rule", &known.rules);
        reasons.extend(missing(self.packs.keys().collect(), "pack", &known.packs));
        reasons.extend(missing(self.placeholders.keys().collect(), "placeholder", &known.placeholders));
        let rules_and_packs: BTreeSet<&str> = known.rules.union(&known.packs).copied().collect();
        reasons.extend(missing(self.others.iter().collect(), "rule or pack", &rules_and_packs));
        reasons
    }
}
