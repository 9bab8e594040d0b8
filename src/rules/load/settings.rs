//! The settings of rules in the configuration file: which run, the levels of their findings, and the values of placeholders.

use std::collections::{BTreeMap, BTreeSet};

use rsigma_parser::Level;
use serde::Deserialize;

use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::load::spelling::did_you_mean;
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
        Self { packs, rules, placeholders, source }
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
        let names_nothing = self.rules.is_empty() && self.packs.is_empty() && self.placeholders.is_empty();
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
        reasons
    }
}
