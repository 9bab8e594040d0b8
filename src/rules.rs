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
mod report;
mod subject;
mod template;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rsigma_eval::{CompiledRule, compile_rule, evaluate_rule, explain_rule};
use rsigma_parser::{ConditionExpr, Level, SigmaRule, parse_sigma_yaml};

pub use fault::{RuleFault, RuleFaults};

use crate::event::Event;
use crate::finding::{Finding, RuleInfo, Severity};
use attributes::Attributes;
use evidence::Matched;
use files::RuleFile;
use subject::Subject;

/// Rules that can be run.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    trusted_accounts: Vec<String>,
}

/// Which rules to run, and on what terms.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directories of rules beside the built-in ones.
    pub directories: Vec<PathBuf>,
    /// Names of rules to run that are off unless asked for.
    pub enabled: Vec<String>,
    /// Ids of accounts that are trusted: rules about other accounts find nothing where only these are named.
    pub trusted_accounts: Vec<String>,
}

/// One compiled rule and what its findings say.
#[derive(Debug)]
struct Rule {
    info: Arc<RuleInfo>,
    compiled: CompiledRule,
    attributes: Attributes,
    /// The case in which its findings are a warning, as a rule of its own.
    undecided: Option<CompiledRule>,
    /// Whether it runs.
    runs: bool,
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
        let mut set = Self::compile(&files, faults)?;
        let mut faults = Vec::new();
        for name in &options.enabled {
            match set.rules.iter_mut().find(|rule| rule.info.name == *name) {
                Some(rule) => rule.runs = true,
                None => faults.push(RuleFault::new("rules to enable", Some(name), "there is no such rule".to_owned())),
            }
        }
        set.trusted_accounts.clone_from(&options.trusted_accounts);
        if faults.is_empty() { Ok(set) } else { Err(RuleFaults(faults)) }
    }

    fn compile(files: &[RuleFile], mut faults: Vec<RuleFault>) -> Result<Self, RuleFaults> {
        let mut rules = Vec::new();
        let mut seen: HashMap<String, &str> = HashMap::new();
        for file in files {
            for rule in parse(file, &mut faults) {
                let known_as = [Some(rule.info.name.clone()), rule.info.id.as_ref().map(|id| id.to_ascii_lowercase())];
                let mut fresh = true;
                for key in known_as.into_iter().flatten() {
                    if let Some(first) = seen.insert(key.clone(), &file.name) {
                        let reason = format!("`{key}` is taken by a rule in {first}; names and ids must be unique");
                        faults.push(RuleFault::new(&file.name, Some(&rule.info.name), reason));
                        fresh = false;
                    }
                }
                if fresh {
                    rules.push(rule);
                }
            }
        }
        if faults.is_empty() { Ok(Self { rules, trusted_accounts: Vec::new() }) } else { Err(RuleFaults(faults)) }
    }

    /// The findings of all rules for `event`, in the order of the rules.
    pub fn evaluate(&self, event: &Event<'_>) -> Vec<Finding> {
        let subject = Subject::new(event);
        let run = self.rules.iter().filter(|rule| rule.runs);
        let matches = run.filter(|rule| evaluate_rule(&rule.compiled, &subject).is_some());
        let matches = matches.filter(|rule| !self.is_trusted(rule, &subject));
        matches
            .map(|rule| {
                let matched = Matched::of(&explain_rule(&rule.compiled, &subject), &subject);
                let holds = |case: &CompiledRule| evaluate_rule(case, &subject).is_some();
                let case = rule.attributes.undecided.as_ref().filter(|_| rule.undecided.as_ref().is_some_and(holds));
                report::finding(&rule.info, &rule.attributes, case, &subject, matched)
            })
            .collect()
    }

    /// Whether a rule is about accounts, and all that the event names are trusted.
    fn is_trusted(&self, rule: &Rule, subject: &Subject<'_>) -> bool {
        let Some(path) = &rule.attributes.accounts else { return false };
        let accounts = report::texts(&subject.select(path));
        !accounts.is_empty() && accounts.iter().all(|account| self.trusted_accounts.contains(account))
    }

    /// What there is to know about each rule, in the order in which they run.
    pub fn infos(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().map(|rule| rule.info.as_ref())
    }
}

/// The rules of one file that can be used; a fault for each that cannot.
fn parse(file: &RuleFile, faults: &mut Vec<RuleFault>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for document in file.documents() {
        let mut fault = |rule: &str, reason: String| faults.push(RuleFault::new(&file.name, Some(rule), reason));
        let collection = match parse_sigma_yaml(&document.text) {
            Ok(collection) => collection,
            Err(error) => {
                fault(&document.name, error.to_string());
                continue;
            }
        };
        for error in &collection.errors {
            fault(&document.name, error.clone());
        }
        for _ in &collection.correlations {
            fault(&document.name, "correlation over time is not supported".to_owned());
        }
        for _ in &collection.filters {
            fault(&document.name, "filter rules are not supported".to_owned());
        }
        for sigma in &collection.rules {
            let name = sigma.name.as_deref().unwrap_or(&document.name);
            match rule(sigma, name) {
                Ok(rule) => rules.push(rule),
                Err(reasons) => reasons.into_iter().for_each(|reason| fault(name, reason)),
            }
        }
    }
    if rules.is_empty() && !faults.iter().any(|fault| fault.file == file.name) {
        faults.push(RuleFault::new(&file.name, None, "there is no rule in it".to_owned()));
    }
    rules
}

fn rule(sigma: &SigmaRule, name: &str) -> Result<Rule, Vec<String>> {
    let mut reasons = check::reasons_against(sigma, name);
    let compiled = compile_rule(sigma).map_err(|error| reasons.push(error.to_string())).ok();
    let attributes = match &compiled {
        Some(compiled) => Attributes::of(compiled, &mut reasons),
        None => Attributes::default(),
    };
    let undecided = attributes
        .undecided
        .as_ref()
        .and_then(|case| compile_detection(sigma, &case.when).map_err(|reason| reasons.push(reason)).ok());
    match compiled {
        Some(compiled) if reasons.is_empty() => {
            let (info, runs) = (Arc::new(info(sigma, name, &attributes)), attributes.enabled);
            Ok(Rule { info, compiled, attributes, undecided, runs })
        }
        _ => Err(reasons),
    }
}

/// One detection of a rule as a rule of its own.
fn compile_detection(sigma: &SigmaRule, detection: &str) -> Result<CompiledRule, String> {
    if !sigma.detection.named.contains_key(detection) {
        return Err(format!("its `undecided.when` names `{detection}`, which is none of its detections"));
    }
    let mut alone = sigma.clone();
    alone.detection.conditions = vec![ConditionExpr::Identifier(detection.to_owned())];
    alone.detection.condition_strings = vec![detection.to_owned()];
    compile_rule(&alone).map_err(|error| error.to_string())
}

fn info(sigma: &SigmaRule, name: &str, attributes: &Attributes) -> RuleInfo {
    RuleInfo {
        name: name.to_owned(),
        id: sigma.id.clone(),
        title: sigma.title.clone(),
        description: sigma.description.as_ref().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")),
        severity: match sigma.level {
            Some(Level::Informational) => Severity::Informational,
            Some(Level::Low) => Severity::Low,
            Some(Level::Medium) | None => Severity::Medium,
            Some(Level::High) => Severity::High,
            Some(Level::Critical) => Severity::Critical,
        },
        confirm: attributes.confirm,
        enabled: attributes.enabled,
        references: sigma.references.clone(),
        tags: sigma.tags.clone(),
        controls: attributes.compliance.clone(),
    }
}

#[cfg(test)]
mod tests;
