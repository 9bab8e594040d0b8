//! The rule set: Sigma rules, loaded, compiled and matched.
//!
//! In: YAML files, those under `rules/` that are part of the binary and those of the user's directories. Out: findings
//! for an event. A rule that cannot be used is a fault with its file, name and reason; faults are reported all at once
//! and no rule set comes of them, because a rule that silently does not run is worse than none. Only this module knows
//! the Sigma engine.

mod attributes;
mod check;
mod evidence;
mod fault;
mod files;
mod placeholder;
mod report;
mod rule;
mod settings;
mod subject;
mod template;
mod trigger;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

pub use fault::{FaultKind, RuleFault, RuleFaults};
pub use placeholder::PLACEHOLDERS;
pub use rule::Rule;
pub use settings::Settings;
pub use trigger::{Names, Trigger, Triggers};

use crate::event::Event;
use crate::finding::{Finding, RuleInfo};
use files::RuleFile;
use subject::Subject;

/// Rules that can be run.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    trusted_accounts: Vec<String>,
    skipped: Vec<RuleFault>,
}

/// Which rules to run, and on what terms.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directories of rules beside the built-in ones.
    pub directories: Vec<PathBuf>,
    /// The configuration file's content.
    pub settings: Settings,
    /// Names of rules to run that are off unless asked for.
    pub enabled: Vec<String>,
    /// Ids of accounts that are trusted beside those of the settings: rules about other accounts find nothing where only
    /// these are named.
    pub trusted_accounts: Vec<String>,
    /// Whether rules that ask for what is not supported are left out; otherwise they are faults.
    pub skip_unsupported: bool,
}

impl RuleSet {
    /// Loads the built-in rules and every `*.yml` and `*.yaml` file below `directories`.
    ///
    /// # Errors
    /// Every fault of every file, when there is one.
    pub fn load(directories: &[PathBuf]) -> Result<Self, RuleFaults> {
        Self::load_with(&Options { directories: directories.to_vec(), ..Options::default() })
    }

    /// Loads rules as `options` say.
    ///
    /// # Errors
    /// Every fault of every file, and each name of a rule to run that there is not.
    pub fn load_with(options: &Options) -> Result<Self, RuleFaults> {
        let mut faults = Vec::new();
        let mut files = files::builtin();
        for directory in &options.directories {
            files.extend(files::below(directory, &mut faults));
        }
        Self::compile(&files, options, faults)
    }

    fn compile(files: &[RuleFile], options: &Options, mut faults: Vec<RuleFault>) -> Result<Self, RuleFaults> {
        let mut rules = Self::parse(files, &options.settings, &mut faults);
        faults.extend(options.settings.faults(&Known::of(&rules, &faults)));
        for name in &options.enabled {
            match rules.iter_mut().find(|rule| rule.info().name == *name) {
                Some(rule) => rule.enable(),
                None => faults.push(RuleFault::new("rules to enable", Some(name), "there is no such rule".to_owned())),
            }
        }
        let mut skipped = Vec::new();
        if options.skip_unsupported {
            (skipped, faults) = faults.into_iter().partition(rule::can_be_skipped);
        }
        let trusted_accounts = [&options.settings.trusted_accounts[..], &options.trusted_accounts].concat();
        if faults.is_empty() { Ok(Self { rules, trusted_accounts, skipped }) } else { Err(RuleFaults(faults)) }
    }

    /// The rules that can be used, each name and id once.
    fn parse(files: &[RuleFile], settings: &Settings, faults: &mut Vec<RuleFault>) -> Vec<Rule> {
        let mut rules = Vec::new();
        let mut seen: HashMap<String, &str> = HashMap::new();
        for file in files {
            for rule in rule::parse(file, settings, faults) {
                let info = rule.info();
                let known_as = [Some(info.name.clone()), info.id.as_ref().map(|id| id.to_ascii_lowercase())];
                let mut fresh = true;
                for key in known_as.into_iter().flatten() {
                    if let Some(first) = seen.insert(key.clone(), &file.name) {
                        let reason = format!("`{key}` is taken by a rule in {first}; names and ids must be unique");
                        faults.push(fault::Reason::error(reason).at(&key).in_file(
                            &file.name,
                            &file.text,
                            Some(&info.name),
                        ));
                        fresh = false;
                    }
                }
                if fresh {
                    rules.push(rule);
                }
            }
        }
        rules
    }

    /// The findings of all rules for `event`, in the order of the rules.
    pub fn evaluate(&self, event: &Event<'_>) -> Vec<Finding> {
        let subject = Subject::new(event);
        let run = self.rules.iter().filter(|rule| rule.runs());
        run.filter_map(|rule| rule.evaluate(&subject, &self.trusted_accounts)).collect()
    }

    /// Every rule, in the order in which they run; also those that are off.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What there is to know about each rule, in the order in which they run.
    pub fn infos(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().map(Rule::info)
    }

    /// Rules that were left out because they ask for what is not supported.
    pub fn skipped(&self) -> &[RuleFault] {
        &self.skipped
    }
}

/// The names that settings can refer to.
#[derive(Debug)]
struct Known {
    rules: BTreeSet<String>,
    packs: BTreeSet<String>,
    placeholders: BTreeSet<String>,
}

impl Known {
    fn of(rules: &[Rule], faults: &[RuleFault]) -> Self {
        let names = rules.iter().map(|rule| rule.info().name.clone());
        let faulty = faults.iter().filter_map(|fault| fault.rule.clone());
        let built_in = PLACEHOLDERS.iter().map(|(name, _)| (*name).to_owned());
        Self {
            rules: names.chain(faulty).collect(),
            packs: rules.iter().filter_map(|rule| rule.info().pack.clone()).collect(),
            placeholders: rules.iter().flat_map(|rule| rule.placeholders().to_vec()).chain(built_in).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
