//! The rule set: Sigma rules, loaded, compiled and matched.
//!
//! In: YAML files, those under `rules/` that are part of the binary and those of the user's directories. Out: findings
//! for an event. A rule that cannot be used becomes a diagnostic with its file, name and reason. All diagnostics are reported
//! together. They prevent the rule set from loading, or the rule set names the rules it lacks, so that no rule is skipped
//! silently. Only this module knows the Sigma parser.

mod correlation;
mod docs;
mod filter;
mod index;
mod lint;
mod load;
mod report;
mod rule;
mod sigma;
mod text;
mod trusted;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use docs::coverage::{Coverage, Unwatched};
pub use filter::Filter;
pub use load::attributes::{AttributeError, read_attributes};
pub use load::diagnostic::{DiagnosticKind, RuleDiagnostic, RuleDiagnostics};
pub use load::operations::{Class, Danger, Operation, known_calls, operations, provenance};
pub use load::settings::{RuleSetting, Settings};
pub use load::spelling::{did_you_mean, with_suggestion};
pub use rule::Rule;
pub use sigma::call_pattern::{CallPattern, CallPatterns, Names};
pub use sigma::placeholder::{EXEMPT_VPC_TAGS, PLACEHOLDERS};
pub use sigma::required_literals::RequiredLiterals;
pub use trusted::{is_account, organization_id};

use crate::event::Event;
use crate::facts::Zone;
use crate::finding::{Finding, RuleInfo, Trace};
use correlation::Correlation;
use index::Index;
use load::files::{self, Document, RuleFile};
use load::settings::Known;
use load::{diagnostic, spelling, yaml};
use sigma::placeholder::Placeholders;
use sigma::subject::Subject;

/// Rules that can be run.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    index: Index,
    /// Your own accounts and organizations.
    zone: Arc<Zone>,
    skipped: Vec<RuleDiagnostic>,
    /// Names of rules that cannot be used.
    unusable: Vec<String>,
    placeholders: Placeholders,
    explain: bool,
}

/// Selects the rules to run and configures them.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directories of rules beside the built-in ones.
    pub directories: Vec<PathBuf>,
    /// The settings of rules in the configuration file.
    pub settings: Settings,
    /// Names of rules to run that are off by default.
    pub enabled: Vec<String>,
    /// Your own accounts, organizations, tenants and identity providers. Rules about other accounts find nothing where only
    /// these are named.
    pub zone: Zone,
    /// Whether findings contain the full evaluation of the condition.
    pub explain: bool,
    /// The handling of rules that cannot be used.
    pub unusable: Unusable,
}

/// The handling of rules that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unusable {
    /// No rule runs.
    #[default]
    Stop,
    /// They are skipped, and [`RuleSet::skipped`] names them. If a directory cannot be read, still no rule runs.
    Skip,
}

impl RuleSet {
    /// Loads the built-in rules and every `*.yml` and `*.yaml` file below `directories`.
    ///
    /// # Errors
    /// Returns every diagnostic of every file.
    pub fn load(directories: &[PathBuf]) -> Result<Self, RuleDiagnostics> {
        Self::load_with(&Options { directories: directories.to_vec(), ..Options::default() })
    }

    /// Loads rules as `options` say.
    ///
    /// # Errors
    /// Returns every diagnostic of every file, and one for each rule to run that does not exist.
    pub fn load_with(options: &Options) -> Result<Self, RuleDiagnostics> {
        let mut diagnostics = Vec::new();
        let files = Self::files(options, &mut diagnostics);
        Self::compile(&files, options, diagnostics)
    }

    /// The built-in files, except those of which the user's directories contain an exact copy, and the user's files.
    fn files(options: &Options, diagnostics: &mut Vec<RuleDiagnostic>) -> Vec<RuleFile> {
        let own: Vec<RuleFile> =
            options.directories.iter().flat_map(|directory| files::below(directory, diagnostics)).collect();
        let mut files = files::builtin();
        files.retain(|file| own.iter().all(|own| own.text != file.text));
        files.extend(own);
        files
    }

    /// Loads rules as `options` say, as far as they can be used, with everything that is wrong with them: what cannot be
    /// used, what is not supported, and what runs but does less than it seems to.
    pub fn check(options: &Options) -> (Self, Vec<RuleDiagnostic>) {
        let mut diagnostics = Vec::new();
        let mut files = Self::files(options, &mut diagnostics);
        // Built-in rules are parsed too, so that the author of one sees its diagnostics.
        files.iter_mut().for_each(|file| file.header = None);
        let Parsed { mut rules, correlations } = Self::parse(&files, &options.settings, &mut diagnostics);
        let unusable_before = unusable(&diagnostics);
        let ids = rules.iter().filter_map(Rule::id);
        let names: Vec<&str> =
            rules.iter().map(Rule::name).chain(ids).chain(unusable_before.iter().map(String::as_str)).collect();
        diagnostics.extend(correlation::unresolved(&correlations, &names));
        let running: HashSet<(String, usize)> =
            rules.iter().map(|rule| (rule.file().to_owned(), rule.above())).collect();
        diagnostics.extend(rules.iter().flat_map(lint::warnings));
        Self::leave_out(&mut rules, &correlations, options, &mut diagnostics);
        let unusable = unusable(&diagnostics);
        diagnostics
            .extend(options.settings.diagnostics(|| Known::of(&rules, &unusable, &options.settings.placeholders)));
        let reported: HashSet<(String, Option<usize>)> =
            diagnostics.iter().map(|diagnostic| (diagnostic.file.clone(), diagnostic.line)).collect();
        for file in &files {
            for document in file.documents() {
                let runs = running.contains(&(file.name.to_string(), document.above));
                let more = lint::document(&file.name, &document, runs).into_iter();
                // The parser has reported the same.
                diagnostics.extend(
                    more.filter(|diagnostic| runs || !reported.contains(&(diagnostic.file.clone(), diagnostic.line))),
                );
            }
        }
        diagnostics.sort_by(|one, other| (&one.file, one.line, &one.rule).cmp(&(&other.file, other.line, &other.rule)));
        (
            Self {
                index: Index::new(&rules),
                rules,
                zone: Arc::new(options.zone.clone()),
                skipped: Vec::new(),
                unusable,
                placeholders: options.settings.placeholders.clone(),
                explain: false,
            },
            diagnostics,
        )
    }

    fn compile(
        files: &[RuleFile],
        options: &Options,
        mut diagnostics: Vec<RuleDiagnostic>,
    ) -> Result<Self, RuleDiagnostics> {
        let Parsed { mut rules, correlations } = Self::parse(files, &options.settings, &mut diagnostics);
        Self::leave_out(&mut rules, &correlations, options, &mut diagnostics);
        let unusable = unusable(&diagnostics);
        let mut skipped = Vec::new();
        if options.unusable == Unusable::Skip {
            let is_directory =
                |diagnostic: &RuleDiagnostic| options.directories.iter().any(|one| Path::new(&diagnostic.file) == one);
            (diagnostics, skipped) = diagnostics.into_iter().partition(is_directory);
        }
        diagnostics
            .extend(options.settings.diagnostics(|| Known::of(&rules, &unusable, &options.settings.placeholders)));
        for name in &options.enabled {
            match rules.iter_mut().find(|rule| rule.name() == name) {
                Some(rule) => rule.enable(),
                None => {
                    let names: Vec<&str> = rules.iter().map(Rule::name).collect();
                    let reason = format!("there is no such rule{}", spelling::did_you_mean(name, &names));
                    diagnostics.push(RuleDiagnostic::new("rules to enable", Some(name), reason));
                }
            }
        }
        let set = Self {
            index: Index::new(&rules),
            rules,
            zone: Arc::new(options.zone.clone()),
            skipped,
            unusable,
            placeholders: options.settings.placeholders.clone(),
            explain: options.explain,
        };
        if diagnostics.is_empty() { Ok(set) } else { Err(RuleDiagnostics(diagnostics)) }
    }

    /// The rules that can be used, each name and id once.
    fn parse(files: &[RuleFile], settings: &Settings, diagnostics: &mut Vec<RuleDiagnostic>) -> Parsed {
        let mut rules: Vec<Rule> = Vec::with_capacity(files.len());
        let mut correlations = Vec::new();
        let mut seen: HashMap<String, Taken<'_>> = HashMap::new();
        // Those of built-in rules differ, as a test shows.
        let may_repeat = files.iter().any(|file| file.header.is_none());
        for file in files {
            if file.header.is_none() {
                correlations
                    .extend(file.documents().iter().flat_map(|document| correlation::of_document(file, document)));
            }
            for rule in rule::parse(file, settings, |name| seen.contains_key(name), diagnostics) {
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
                        let reason = diagnostic::Reason::error(reason);
                        diagnostics.push(rule.diagnostic(match yaml::line_of(&lines, &[part]) {
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
    fn leave_out(
        rules: &mut Vec<Rule>,
        correlations: &[Correlation],
        options: &Options,
        diagnostics: &mut Vec<RuleDiagnostic>,
    ) {
        let is_enabled =
            |name: &str| options.settings.enables(name) || options.enabled.iter().any(|enabled| enabled == name);
        correlation::leave_out(rules, correlations, is_enabled, diagnostics);
    }

    /// Warnings about the rules that are not built in: they run, but some part of them has no effect.
    pub fn warnings(&self) -> Vec<RuleDiagnostic> {
        let own: Vec<&Rule> = self.rules.iter().filter(|rule| !rule.is_built_in()).collect();
        let mut warnings: Vec<RuleDiagnostic> = own.iter().flat_map(|rule| lint::warnings(rule)).collect();
        let mut seen = HashSet::new();
        for rule in own.into_iter().filter(|rule| seen.insert((rule.file(), rule.above()))) {
            let document = Document { name: rule.name().to_owned(), text: rule.text().to_owned(), above: rule.above() };
            warnings.extend(lint::document(rule.file(), &document, true));
        }
        warnings
    }

    /// The findings of all rules for `event`, in the order of the rules. Only rules that watch its call are evaluated.
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

    /// The same with every rule, whatever calls it watches. Tests compare it with [`RuleSet::evaluate`].
    pub fn evaluate_all(&self, event: &Event<'_>) -> Vec<Finding> {
        self.findings(self.running(), &Subject::within(event, &self.zone))
    }

    fn findings<'r>(&self, rules: impl Iterator<Item = &'r Rule>, subject: &Subject<'_>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let mut fallbacks = Vec::new();
        let evaluate = |rule: &Rule| rule.evaluate(subject, self.explain);
        for rule in rules {
            if rule.is_fallback() {
                fallbacks.push(rule);
                continue;
            }
            let Some(finding) = evaluate(rule) else { continue };
            if findings.is_empty() {
                // Most records have one finding. By default a list has room for four, of a kilobyte each.
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
        rule.is_fallback() && others().any(|other| other.evaluate(subject, false).is_some())
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
    /// Every diagnostic in it, and what `check` finds.
    pub fn filters<A>(
        &self,
        path: &Path,
        text: String,
        check: impl Fn(&Filter) -> Result<A, Vec<AttributeError>>,
    ) -> Result<Vec<(Filter, A)>, RuleDiagnostics> {
        let mut diagnostics = Vec::new();
        let file = RuleFile::new(Path::new(""), path, text);
        let mut filters = filter::parse(&file, &self.known(), check, &mut diagnostics);
        filters.iter_mut().for_each(|(filter, _)| filter.zone = Arc::clone(&self.zone));
        let mut seen = HashMap::new();
        filters.retain(|(filter, _)| match seen.get(&filter.name) {
            Some(line) => {
                let reason = format!("exemption `{}`: its name is taken by the one on line {line}", filter.name);
                let diagnostic = RuleDiagnostic::of_file(&file.name, reason);
                diagnostics.push(RuleDiagnostic { line: Some(filter.line), ..diagnostic });
                false
            }
            None => seen.insert(filter.name.clone(), filter.line).is_none(),
        });
        if diagnostics.is_empty() { Ok(filters) } else { Err(RuleDiagnostics(diagnostics)) }
    }

    /// The finding of the rule called `name` for `event`, also when the rule is off.
    pub fn judge(&self, name: &str, event: &Event<'_>) -> Option<Finding> {
        let rule = self.rules.iter().find(|rule| rule.name() == name)?;
        let subject = Subject::within(event, &self.zone);
        let finding = rule.evaluate(&subject, self.explain)?;
        (!self.is_covered(rule, &subject)).then_some(finding)
    }

    /// How each part of the rule `name` evaluates on `event`; `None` if there is no such rule.
    pub fn explain(&self, name: &str, event: &Event<'_>) -> Option<Trace> {
        let rule = self.rules.iter().find(|rule| rule.name() == name)?;
        let subject = Subject::within(event, &self.zone);
        let trace = rule.explain(&subject);
        if !(trace.matched && self.is_covered(rule, &subject)) {
            return Some(trace);
        }
        let covered = Trace::of("another rule of its pack reports it", true, Vec::new());
        Some(Trace::of(trace.what, false, trace.parts.into_iter().chain([covered]).collect()))
    }

    /// The rule name most similar to `name`, if one is similar.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        spelling::nearest(name, &self.rules.iter().map(Rule::name).collect::<Vec<_>>())
    }

    /// Every rule, in the order in which they run; also those that are off.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The metadata of each rule, in the order in which they run.
    pub fn infos(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().map(Rule::info)
    }

    /// The diagnostics of skipped rules.
    pub fn skipped(&self) -> &[RuleDiagnostic] {
        &self.skipped
    }

    fn known(&self) -> Known<'_> {
        Known::of(&self.rules, &self.unusable, &self.placeholders)
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

/// The rules that diagnostics are about.
fn unusable(diagnostics: &[RuleDiagnostic]) -> Vec<String> {
    diagnostics.iter().filter_map(|diagnostic| diagnostic.rule.clone()).collect()
}

impl<'r> Known<'r> {
    /// Of these rules, and of those that cannot be used.
    fn of(rules: &'r [Rule], unusable: &'r [String], values: &'r Placeholders) -> Self {
        let own = rules.iter().flat_map(Rule::placeholders).map(String::as_str);
        Self {
            rules: rules.iter().map(Rule::name).chain(unusable.iter().map(String::as_str)).collect(),
            ids: rules.iter().filter_map(Rule::id).collect(),
            packs: rules.iter().filter_map(Rule::pack).collect(),
            placeholders: own.chain(PLACEHOLDERS.iter().map(|(name, _)| *name)).collect(),
            values,
        }
    }
}

#[cfg(test)]
mod tests;
