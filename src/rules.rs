//! The rule set: Sigma rules, loaded, compiled and matched.
//!
//! In: YAML files, those under `rules/` that are part of the binary and those of the user's directories. Out: findings
//! for an event. A rule that cannot be used is a fault with its file, name and reason; faults are reported all at once. No
//! rule set comes of them, or one that names what it lacks: a rule that silently does not run is worse than none. Only
//! this module knows the Sigma parser.

mod attributes;
mod body;
mod cases;
mod check;
mod condition;
mod correlation;
mod coverage;
mod culprit;
mod evidence;
mod explain;
mod fault;
mod files;
mod filter;
mod header;
mod index;
mod lint;
mod operations;
mod parser;
mod placeholder;
mod reference;
mod remediation;
mod report;
mod required_literals;
mod rule;
mod selector;
mod settings;
mod sigma;
mod subject;
mod success;
mod template;
mod trigger;
mod trusted;
mod yaml;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use attributes::{AttributeError, read_attributes};
pub use coverage::{Coverage, Unwatched};
pub use fault::{FaultKind, RuleFault, RuleFaults};
pub use filter::Filter;
pub use operations::{Class, Danger, Operation, known_calls, operations, provenance};
pub use placeholder::{EXEMPT_VPC_TAGS, PLACEHOLDERS};
pub use required_literals::RequiredLiterals;
pub use rule::Rule;
pub use settings::{RuleSetting, Settings, did_you_mean, with_suggestion};
pub use trigger::{Names, Trigger, Triggers};
pub use trusted::{is_account, organization_id};

use crate::event::Event;
use crate::facts::Zone;
use crate::finding::{Finding, RuleInfo, Trace};
use correlation::Correlation;
use files::{Document, RuleFile};
use index::Index;
use placeholder::Placeholders;
use subject::Subject;
use trusted::Trusted;

/// Rules that can be run.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    index: Index,
    trusted: Trusted,
    /// What is configured as your own.
    zone: Arc<Zone>,
    skipped: Vec<RuleFault>,
    /// Names of rules that cannot be used.
    faulty: Vec<String>,
    placeholders: Placeholders,
    explain: bool,
}

/// Which rules to run, and on what terms.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directories of rules beside the built-in ones.
    pub directories: Vec<PathBuf>,
    /// What the configuration file says of rules.
    pub settings: Settings,
    /// Names of rules to run that are off unless asked for.
    pub enabled: Vec<String>,
    /// Your own accounts, organizations, tenants and identity providers. Rules about other accounts find nothing where only
    /// these are named.
    pub zone: Zone,
    /// Whether findings say in full how they came about.
    pub explain: bool,
    /// What becomes of rules that cannot be used.
    pub unusable: Unusable,
}

/// What becomes of rules that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unusable {
    /// They keep all others from running.
    #[default]
    Stop,
    /// They are left out, and [`RuleSet::skipped`] names them. A directory that cannot be read still stops all.
    Skip,
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
        let files = Self::files(options, &mut faults);
        Self::compile(&files, options, faults)
    }

    /// The built-in files, but for those that are among the user's own word for word, and the user's.
    fn files(options: &Options, faults: &mut Vec<RuleFault>) -> Vec<RuleFile> {
        let own: Vec<RuleFile> =
            options.directories.iter().flat_map(|directory| files::below(directory, faults)).collect();
        let mut files = files::builtin();
        files.retain(|file| own.iter().all(|own| own.text != file.text));
        files.extend(own);
        files
    }

    /// Loads rules as `options` say, as far as they can be used, with everything that is wrong with them: what cannot be
    /// used, what is not supported, and what runs but does less than it seems to.
    pub fn check(options: &Options) -> (Self, Vec<RuleFault>) {
        let mut faults = Vec::new();
        let mut files = Self::files(options, &mut faults);
        // What is wrong with a built-in rule is what the tests say, and whoever writes one wants to see it here.
        files.iter_mut().for_each(|file| file.header = None);
        let Parsed { mut rules, correlations } = Self::parse(&files, &options.settings, &mut faults);
        let faulty_before = faulty(&faults);
        let ids = rules.iter().filter_map(Rule::id);
        let names: Vec<&str> =
            rules.iter().map(Rule::name).chain(ids).chain(faulty_before.iter().map(String::as_str)).collect();
        faults.extend(correlation::unresolved(&correlations, &names));
        let running: HashSet<(String, usize)> =
            rules.iter().map(|rule| (rule.file().to_owned(), rule.above())).collect();
        faults.extend(rules.iter().flat_map(lint::warnings));
        Self::leave_out(&mut rules, &correlations, options, &mut faults);
        let faulty = faulty(&faults);
        faults.extend(options.settings.faults(|| Known::of(&rules, &faulty, &options.settings.placeholders)));
        let told: HashSet<(String, Option<usize>)> =
            faults.iter().map(|fault| (fault.file.clone(), fault.line)).collect();
        for file in &files {
            for document in file.documents() {
                let runs = running.contains(&(file.name.to_string(), document.above));
                let more = lint::document(&file.name, &document, runs).into_iter();
                // The parser has said the same in its own words.
                faults.extend(more.filter(|fault| runs || !told.contains(&(fault.file.clone(), fault.line))));
            }
        }
        faults.sort_by(|one, other| (&one.file, one.line, &one.rule).cmp(&(&other.file, other.line, &other.rule)));
        (
            Self {
                index: Index::new(&rules),
                rules,
                trusted: Trusted::of(&options.zone),
                zone: Arc::new(options.zone.clone()),
                skipped: Vec::new(),
                faulty,
                placeholders: options.settings.placeholders.clone(),
                explain: false,
            },
            faults,
        )
    }

    fn compile(files: &[RuleFile], options: &Options, mut faults: Vec<RuleFault>) -> Result<Self, RuleFaults> {
        let Parsed { mut rules, correlations } = Self::parse(files, &options.settings, &mut faults);
        Self::leave_out(&mut rules, &correlations, options, &mut faults);
        let faulty = faulty(&faults);
        let mut skipped = Vec::new();
        if options.unusable == Unusable::Skip {
            let is_directory = |fault: &RuleFault| options.directories.iter().any(|one| Path::new(&fault.file) == one);
            (faults, skipped) = faults.into_iter().partition(is_directory);
        }
        faults.extend(options.settings.faults(|| Known::of(&rules, &faulty, &options.settings.placeholders)));
        for name in &options.enabled {
            match rules.iter_mut().find(|rule| rule.name() == name) {
                Some(rule) => rule.enable(),
                None => {
                    let names: Vec<&str> = rules.iter().map(Rule::name).collect();
                    let reason = format!("there is no such rule{}", settings::did_you_mean(name, &names));
                    faults.push(RuleFault::new("rules to enable", Some(name), reason));
                }
            }
        }
        let set = Self {
            index: Index::new(&rules),
            rules,
            trusted: Trusted::of(&options.zone),
            zone: Arc::new(options.zone.clone()),
            skipped,
            faulty,
            placeholders: options.settings.placeholders.clone(),
            explain: options.explain,
        };
        if faults.is_empty() { Ok(set) } else { Err(RuleFaults(faults)) }
    }

    /// The rules that can be used, each name and id once.
    fn parse(files: &[RuleFile], settings: &Settings, faults: &mut Vec<RuleFault>) -> Parsed {
        let mut rules: Vec<Rule> = Vec::with_capacity(files.len());
        let mut correlations = Vec::new();
        let mut seen: HashMap<String, Taken<'_>> = HashMap::new();
        // Those of built-in rules differ, as a test shows.
        let may_repeat = files.iter().any(|file| file.header.is_none());
        for file in files {
            for rule in rule::parse(file, settings, |name| seen.contains_key(name), &mut correlations, faults) {
                if !may_repeat {
                    rules.push(rule);
                    continue;
                }
                let known_as = [Some(rule.name().to_owned()), rule.id().map(str::to_ascii_lowercase)];
                let mut fresh = true;
                for key in known_as.into_iter().flatten() {
                    if let Some(taken) = seen.get(&key) {
                        let reason = format!("`{key}` is taken by a rule in {taken}");
                        let lines = yaml::documents(rule.text());
                        let part = if key == rule.name() { "name" } else { "id" };
                        let reason = fault::Reason::error(reason);
                        faults.push(rule.fault(match yaml::line_of(&lines, &[part]) {
                            Some(line) => reason.on(line),
                            None => reason,
                        }));
                        fresh = false;
                    } else {
                        let line = (!file.built_in).then(|| rule.line());
                        seen.insert(key, Taken { file: &file.name, line, name: rule.name().to_owned() });
                    }
                }
                if fresh {
                    rules.push(rule);
                }
            }
        }
        Parsed { rules, correlations }
    }

    /// Removes the rules that only correlations refer to.
    fn leave_out(rules: &mut Vec<Rule>, correlations: &[Correlation], options: &Options, faults: &mut Vec<RuleFault>) {
        let is_enabled =
            |name: &str| options.settings.enables(name) || options.enabled.iter().any(|enabled| enabled == name);
        correlation::leave_out(rules, correlations, is_enabled, faults);
    }

    /// Warnings about the rules that are not built in: they run, but some part of them has no effect.
    pub fn warnings(&self) -> Vec<RuleFault> {
        let own: Vec<&Rule> = self.rules.iter().filter(|rule| !rule.is_built_in()).collect();
        let mut warnings: Vec<RuleFault> = own.iter().flat_map(|rule| lint::warnings(rule)).collect();
        let mut seen = HashSet::new();
        for rule in own.into_iter().filter(|rule| seen.insert((rule.file(), rule.above()))) {
            let document = Document { name: rule.name().to_owned(), text: rule.text().to_owned(), above: rule.above() };
            warnings.extend(lint::document(rule.file(), &document, true));
        }
        warnings
    }

    /// The findings of all rules for `event`, in the order of the rules. Only rules that watch its call are asked.
    pub fn evaluate(&self, event: &Event<'_>) -> Vec<Finding> {
        let subject = Subject::within(event, &self.zone);
        match subject.call {
            Some((source, name)) => self.findings(self.watching(source, name), &subject),
            None => self.findings(self.running(), &subject),
        }
    }

    /// The same where it is known which rules watch the call: those in these [places](Self::places_watching).
    pub fn evaluate_by(&self, places: &[usize], event: &Event<'_>) -> Vec<Finding> {
        let rules = places.iter().filter_map(|place| self.rules.get(*place));
        self.findings(rules, &Subject::within(event, &self.zone))
    }

    /// The same by asking every rule, without regard to what it watches: a check on that.
    pub fn evaluate_all(&self, event: &Event<'_>) -> Vec<Finding> {
        self.findings(self.running(), &Subject::within(event, &self.zone))
    }

    fn findings<'r>(&self, rules: impl Iterator<Item = &'r Rule>, subject: &Subject<'_>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let mut fallbacks = Vec::new();
        let evaluate = |rule: &Rule| rule.evaluate(subject, &self.trusted, self.explain);
        for rule in rules {
            if rule.is_fallback() {
                fallbacks.push(rule);
                continue;
            }
            let Some(finding) = evaluate(rule) else { continue };
            if findings.is_empty() {
                // Mostly it is the only one; a list grows to four of them by itself, of a kilobyte each.
                findings.reserve_exact(1);
            }
            findings.push(finding);
        }
        for rule in fallbacks {
            if findings.iter().all(|finding| finding.rule.pack.as_deref() != rule.pack()) {
                findings.extend(evaluate(rule));
            }
        }
        findings
    }

    /// Whether the rule is a fallback and another rule of its pack reports the event.
    fn is_covered(&self, rule: &Rule, subject: &Subject<'_>) -> bool {
        let others = || self.running().filter(|other| other.pack() == rule.pack() && !other.is_fallback());
        rule.is_fallback() && others().any(|other| other.evaluate(subject, &self.trusted, false).is_some())
    }

    fn running(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.runs())
    }

    /// The rules that run and could match a call of that source and name, which are of ASCII letters: others may match
    /// some of these in lower case.
    pub fn watching<'r>(&'r self, source: &'r str, name: &'r str) -> impl Iterator<Item = &'r Rule> {
        self.places_watching(source, name).filter_map(|place| self.rules.get(place))
    }

    /// The same as their places among [`RuleSet::rules`].
    pub fn places_watching<'r>(&'r self, source: &'r str, name: &'r str) -> impl Iterator<Item = usize> + 'r {
        let watches = move |place: &usize| self.rules.get(*place).is_some_and(|rule| rule.watches(source, name));
        self.index.places(name).into_iter().filter(watches)
    }

    /// The Sigma filters in the text of a file, which are about these rules. `check` reads the key `trailwarden:` of each.
    ///
    /// # Errors
    /// Every fault in it, and what `check` finds.
    pub fn filters<A>(
        &self,
        path: &Path,
        text: String,
        check: impl Fn(&Filter) -> Result<A, Vec<AttributeError>>,
    ) -> Result<Vec<(Filter, A)>, RuleFaults> {
        let mut faults = Vec::new();
        let file = RuleFile::new(Path::new(""), path, text);
        let mut filters = filter::parse(&file, &self.known(), check, &mut faults);
        filters.iter_mut().for_each(|(filter, _)| filter.zone = Arc::clone(&self.zone));
        let mut seen = HashMap::new();
        filters.retain(|(filter, _)| match seen.get(&filter.name) {
            Some(line) => {
                let reason = format!("exemption `{}`: its name is taken by the one on line {line}", filter.name);
                let fault = RuleFault::of_file(&file.name, reason);
                faults.push(RuleFault { line: Some(filter.line), ..fault });
                false
            }
            None => seen.insert(filter.name.clone(), filter.line).is_none(),
        });
        if faults.is_empty() { Ok(filters) } else { Err(RuleFaults(faults)) }
    }

    /// The finding of the rule called `name` for `event`, also when the rule is off.
    pub fn judge(&self, name: &str, event: &Event<'_>) -> Option<Finding> {
        let rule = self.rules.iter().find(|rule| rule.name() == name)?;
        let subject = Subject::within(event, &self.zone);
        let finding = rule.evaluate(&subject, &self.trusted, self.explain)?;
        (!self.is_covered(rule, &subject)).then_some(finding)
    }

    /// How the rule called `name` judges `event`, whether it matches or not; `None` when there is no such rule.
    pub fn explain(&self, name: &str, event: &Event<'_>) -> Option<Trace> {
        let rule = self.rules.iter().find(|rule| rule.name() == name)?;
        let subject = Subject::within(event, &self.zone);
        let trace = rule.explain(&subject, &self.trusted);
        if !(trace.matched && self.is_covered(rule, &subject)) {
            return Some(trace);
        }
        let covered = Trace::of("another rule of its pack reports it", true, Vec::new());
        Some(Trace::of(trace.what, false, trace.parts.into_iter().chain([covered]).collect()))
    }

    /// The name of a rule that looks most like `name`, if one does.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        settings::nearest(name, &self.rules.iter().map(Rule::name).collect::<Vec<_>>())
    }

    /// Every rule, in the order in which they run; also those that are off.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What there is to know about each rule, in the order in which they run.
    pub fn infos(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().map(Rule::info)
    }

    /// Why rules were left out.
    pub fn skipped(&self) -> &[RuleFault] {
        &self.skipped
    }

    fn known(&self) -> Known<'_> {
        Known::of(&self.rules, &self.faulty, &self.placeholders)
    }
}

/// The content of rule files.
struct Parsed {
    rules: Vec<Rule>,
    correlations: Vec<Correlation>,
}

/// The rule that has a name or id.
struct Taken<'f> {
    file: &'f str,
    /// `None` for a built-in rule.
    line: Option<usize>,
    name: String,
}

impl fmt::Display for Taken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, name } = self;
        match line {
            Some(line) => write!(formatter, "{file}:{line}; names and ids must be unique"),
            None => write!(
                formatter,
                "{file}; names and ids must be unique. To replace the built-in rule, give this one another name and id, \
                 and turn that one off in the configuration file: `rules: {{{name}: {{enabled: false}}}}`"
            ),
        }
    }
}

/// The rules that faults are about.
fn faulty(faults: &[RuleFault]) -> Vec<String> {
    faults.iter().filter_map(|fault| fault.rule.clone()).collect()
}

/// What settings and exemptions can refer to.
#[derive(Debug)]
struct Known<'r> {
    rules: BTreeSet<&'r str>,
    ids: BTreeSet<&'r str>,
    packs: BTreeSet<&'r str>,
    placeholders: BTreeSet<&'r str>,
    /// The values of the placeholders.
    values: &'r Placeholders,
}

impl<'r> Known<'r> {
    /// Of these rules, and of those that cannot be used.
    fn of(rules: &'r [Rule], faulty: &'r [String], values: &'r Placeholders) -> Self {
        let own = rules.iter().flat_map(Rule::placeholders).map(String::as_str);
        Self {
            rules: rules.iter().map(Rule::name).chain(faulty.iter().map(String::as_str)).collect(),
            ids: rules.iter().filter_map(Rule::id).collect(),
            packs: rules.iter().filter_map(Rule::pack).collect(),
            placeholders: own.chain(PLACEHOLDERS.iter().map(|(name, _)| *name)).collect(),
            values,
        }
    }
}

#[cfg(test)]
mod tests;
