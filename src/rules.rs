//! The rule set: Sigma rules, loaded, compiled and matched.
//!
//! In: YAML files, those in `rules/`, which are built into the binary, and those in the user's directories. Out: findings
//! for an event. An invalid rule becomes a diagnostic with its file, name and reason. No rule is skipped silently: either
//! all diagnostics are returned as an error, or the rule set lists the rules that it skipped. Only this module uses the
//! Sigma parser.

mod correlation;
mod docs;
mod filter;
mod finding_builder;
mod index;
mod lint;
mod load;
mod rule;
mod sigma;
mod text;
mod trusted;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use docs::coverage::{Coverage, UncoveredCall};
pub use filter::Filter;
pub use load::attributes::{AttributeError, read_attributes};
pub use load::diagnostic::{DiagnosticKind, RuleDiagnostic, RuleDiagnostics};
pub use load::operations::{CoarseClass, Operation, OperationClass, known_calls, operations, provenance};
pub use load::settings::{RuleSetting, Settings};
pub use load::spelling::{did_you_mean, with_suggestion};
pub use rule::Rule;
pub use sigma::call_pattern::{CallPattern, CallPatterns, Names};
pub use sigma::placeholder::{EXEMPT_VPC_TAGS, PLACEHOLDERS};
pub use sigma::required_literals::RequiredLiterals;
pub use trusted::organization_id;

use crate::event::Event;
use crate::facts::Zone;
use crate::finding::{Finding, RuleInfo, Trace};
use correlation::Correlation;
use index::Index;
use load::files::{self, Document, RuleFile};
use load::settings::KnownNames;
use load::{diagnostic, spelling, yaml};
use sigma::placeholder::Placeholders;
use sigma::subject::Subject;
use text::explain;

/// Rules that can be evaluated.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    index: Index,
    /// Your own accounts and organizations.
    zone: Arc<Zone>,
    skipped: Vec<RuleDiagnostic>,
    /// Names of invalid rules.
    invalid_names: Vec<String>,
    placeholders: Placeholders,
    explain: bool,
}

/// Options for loading rules.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directories of rules beside the built-in rules.
    pub directories: Vec<PathBuf>,
    /// The settings of rules in the configuration file.
    pub settings: Settings,
    /// Names of rules to enable that are disabled by default.
    pub enabled: Vec<String>,
    /// Your own accounts, organizations, tenants and identity providers. Rules about access by others have no findings for
    /// them.
    pub zone: Zone,
    /// Whether findings contain a trace of the condition.
    pub explain: bool,
    /// How invalid rules are handled.
    pub unusable: UnusableRules,
}

/// How invalid and unsupported rules are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnusableRules {
    /// Loading fails.
    #[default]
    Stop,
    /// They are skipped and listed by [`RuleSet::skipped`]. Loading still fails if a directory cannot be read.
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

    /// Loads rules with `options`.
    ///
    /// # Errors
    /// Returns every diagnostic of every file, and one for each rule to enable that does not exist.
    pub fn load_with(options: &Options) -> Result<Self, RuleDiagnostics> {
        let mut diagnostics = Vec::new();
        let files = Self::files(options, &mut diagnostics);
        Self::compile(&files, options, diagnostics)
    }

    /// Returns the user's files and the built-in files, except built-in files of which the user's directories contain a
    /// copy.
    fn files(options: &Options, diagnostics: &mut Vec<RuleDiagnostic>) -> Vec<RuleFile> {
        let user_files: Vec<RuleFile> =
            options.directories.iter().flat_map(|directory| files::in_directory(directory, diagnostics)).collect();
        let mut files = files::builtin();
        files.retain(|file| user_files.iter().all(|user_file| user_file.text != file.text));
        files.extend(user_files);
        files
    }

    /// Loads the valid rules, and returns them with every diagnostic: errors, unsupported features, and warnings about parts
    /// of rules that have no effect.
    pub fn check(options: &Options) -> (Self, Vec<RuleDiagnostic>) {
        let mut diagnostics = Vec::new();
        let mut files = Self::files(options, &mut diagnostics);
        // Parse built-in rules too, to report their diagnostics to their authors.
        files.iter_mut().for_each(|file| file.header = None);
        let ParsedFiles { mut rules, correlations } = Self::parse(&files, &options.settings, &mut diagnostics);
        let invalid = names_of_invalid(&diagnostics);
        let ids = rules.iter().filter_map(Rule::id);
        let names: Vec<&str> =
            rules.iter().map(Rule::name).chain(ids).chain(invalid.iter().map(String::as_str)).collect();
        diagnostics.extend(correlation::unresolved(&correlations, &names));
        let valid: HashSet<(String, usize)> =
            rules.iter().map(|rule| (rule.file().to_owned(), rule.line_offset())).collect();
        diagnostics.extend(rules.iter().flat_map(lint::warnings));
        Self::remove_correlated(&mut rules, &correlations, options, &mut diagnostics);
        let invalid_names = names_of_invalid(&diagnostics);
        diagnostics.extend(
            options.settings.diagnostics(|| KnownNames::of(&rules, &invalid_names, &options.settings.placeholders)),
        );
        let reported: HashSet<(String, Option<usize>)> =
            diagnostics.iter().map(|diagnostic| (diagnostic.file.clone(), diagnostic.line)).collect();
        for file in &files {
            for document in file.documents() {
                let is_valid = valid.contains(&(file.name.to_string(), document.line_offset));
                let more = lint::document(&file.name, &document, is_valid).into_iter();
                // Errors that the parser has already reported on the same line are omitted.
                let is_new = |diagnostic: &RuleDiagnostic| {
                    is_valid || !reported.contains(&(diagnostic.file.clone(), diagnostic.line))
                };
                diagnostics.extend(more.filter(is_new));
            }
        }
        diagnostics
            .sort_by(|left, right| (&left.file, left.line, &left.rule).cmp(&(&right.file, right.line, &right.rule)));
        (
            Self {
                index: Index::new(&rules),
                rules,
                zone: Arc::new(options.zone.clone()),
                skipped: Vec::new(),
                invalid_names,
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
        let ParsedFiles { mut rules, correlations } = Self::parse(files, &options.settings, &mut diagnostics);
        Self::remove_correlated(&mut rules, &correlations, options, &mut diagnostics);
        let invalid_names = names_of_invalid(&diagnostics);
        let mut skipped = Vec::new();
        if options.unusable == UnusableRules::Skip {
            let is_directory = |diagnostic: &RuleDiagnostic| {
                options.directories.iter().any(|path| Path::new(&diagnostic.file) == path)
            };
            (diagnostics, skipped) = diagnostics.into_iter().partition(is_directory);
        }
        diagnostics.extend(
            options.settings.diagnostics(|| KnownNames::of(&rules, &invalid_names, &options.settings.placeholders)),
        );
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
            invalid_names,
            placeholders: options.settings.placeholders.clone(),
            explain: options.explain,
        };
        if diagnostics.is_empty() { Ok(set) } else { Err(RuleDiagnostics(diagnostics)) }
    }

    /// Parses files into valid rules with unique names and ids, and correlations.
    fn parse(files: &[RuleFile], settings: &Settings, diagnostics: &mut Vec<RuleDiagnostic>) -> ParsedFiles {
        let mut rules: Vec<Rule> = Vec::with_capacity(files.len());
        let mut correlations = Vec::new();
        let mut owners: HashMap<String, NameOwner<'_>> = HashMap::new();
        // A test shows that the names and ids of built-in rules are unique.
        let may_repeat = files.iter().any(|file| file.header.is_none());
        for file in files {
            if file.header.is_none() {
                correlations
                    .extend(file.documents().iter().flat_map(|document| correlation::of_document(file, document)));
            }
            for rule in rule::parse(file, settings, |name| owners.contains_key(name), diagnostics) {
                if !may_repeat {
                    rules.push(rule);
                    continue;
                }
                let keys = [Some(rule.name().to_owned()), rule.id().map(str::to_ascii_lowercase)];
                let mut is_unique = true;
                for key in keys.into_iter().flatten() {
                    if let Some(owner) = owners.get(&key) {
                        let reason = format!("`{key}` is taken by a rule in {owner}");
                        let lines = yaml::documents(rule.text());
                        let part = if key == rule.name() { "name" } else { "id" };
                        let reason = diagnostic::Reason::error(reason).on_or_at(yaml::line_of(&lines, &[part]), &key);
                        diagnostics.push(rule.diagnostic(reason));
                        is_unique = false;
                    } else {
                        let line = (!file.built_in).then(|| rule.line());
                        owners.insert(key, NameOwner { file: &file.name, line, name: rule.name().to_owned() });
                    }
                }
                if is_unique {
                    rules.push(rule);
                }
            }
        }
        ParsedFiles { rules, correlations }
    }

    /// Removes the rules to which only correlations refer.
    fn remove_correlated(
        rules: &mut Vec<Rule>,
        correlations: &[Correlation],
        options: &Options,
        diagnostics: &mut Vec<RuleDiagnostic>,
    ) {
        let is_enabled =
            |name: &str| options.settings.enables(name) || options.enabled.iter().any(|enabled| enabled == name);
        correlation::remove_referenced(rules, correlations, is_enabled, diagnostics);
    }

    /// Returns warnings about parts of the user's rules that have no effect.
    pub fn warnings(&self) -> Vec<RuleDiagnostic> {
        let user_rules: Vec<&Rule> = self.rules.iter().filter(|rule| !rule.is_built_in()).collect();
        let mut warnings: Vec<RuleDiagnostic> = user_rules.iter().flat_map(|rule| lint::warnings(rule)).collect();
        let mut seen = HashSet::new();
        for rule in user_rules.into_iter().filter(|rule| seen.insert((rule.file(), rule.line_offset()))) {
            let document = Document {
                name: rule.name().to_owned(),
                text: rule.text().to_owned(),
                line_offset: rule.line_offset(),
            };
            warnings.extend(lint::document(rule.file(), &document, true));
        }
        warnings
    }

    /// Returns the findings of all enabled rules for `event`, in the order of the rules. Only rules that may match its call
    /// are evaluated.
    pub fn evaluate(&self, event: &Event<'_>) -> Vec<Finding> {
        let subject = Subject::in_zone(event, &self.zone);
        match subject.call {
            Some((source, name)) => self.findings(self.rules_for_call(source, name), &subject),
            None => self.findings(self.running(), &subject),
        }
    }

    /// The same where it is known which rules watch the call: those in these [indices](Self::indices_for_call).
    pub fn evaluate_selected(&self, indices: &[usize], event: &Event<'_>) -> Vec<Finding> {
        let rules = indices.iter().filter_map(|index| self.rules.get(*index));
        self.findings(rules, &Subject::in_zone(event, &self.zone))
    }

    /// Returns the findings of all enabled rules for `event`, without using call patterns. Tests compare it with
    /// [`RuleSet::evaluate`].
    pub fn evaluate_all(&self, event: &Event<'_>) -> Vec<Finding> {
        self.findings(self.running(), &Subject::in_zone(event, &self.zone))
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
                // Most records have one finding. By default, a `Vec` allocates room for four, of a kilobyte each.
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

    /// Whether the rule is a fallback and another rule of its pack matches the event.
    fn is_covered(&self, rule: &Rule, subject: &Subject<'_>) -> bool {
        let others = || self.running().filter(|other| other.pack() == rule.pack() && !other.is_fallback());
        rule.is_fallback() && others().any(|other| other.evaluate(subject, false).is_some())
    }

    fn running(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.runs())
    }

    /// Returns the enabled rules that may match a call. `source` and `name` must be ASCII: rules compare other names in
    /// lower case, where some become ASCII.
    pub fn rules_for_call<'r>(&'r self, source: &'r str, name: &'r str) -> impl Iterator<Item = &'r Rule> {
        self.indices_for_call(source, name).filter_map(|index| self.rules.get(index))
    }

    /// Returns the indices in [`RuleSet::rules`] of the enabled rules that may match a call.
    pub fn indices_for_call<'r>(&'r self, source: &'r str, name: &'r str) -> impl Iterator<Item = usize> + 'r {
        let may_match =
            move |index: &usize| self.rules.get(*index).is_some_and(|rule| rule.may_match_call(source, name));
        self.index.find(name).into_iter().filter(may_match)
    }

    /// Parses the Sigma filters in the text of a file, which refer to these rules. `check` parses the key `trailwarden:` of
    /// each.
    ///
    /// # Errors
    /// Returns every diagnostic, including the errors of `check`.
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
                let reason = format!("exemption `{}`: its name is taken by the exemption on line {line}", filter.name);
                let diagnostic = RuleDiagnostic::of_file(&file.name, reason);
                diagnostics.push(RuleDiagnostic { line: Some(filter.line), ..diagnostic });
                false
            }
            None => seen.insert(filter.name.clone(), filter.line).is_none(),
        });
        if diagnostics.is_empty() { Ok(filters) } else { Err(RuleDiagnostics(diagnostics)) }
    }

    /// Returns the finding of the rule `name` for `event`, even if the rule is disabled.
    pub fn evaluate_rule(&self, name: &str, event: &Event<'_>) -> Option<Finding> {
        let rule = self.rules.iter().find(|rule| rule.name() == name)?;
        let subject = Subject::in_zone(event, &self.zone);
        let finding = rule.evaluate(&subject, self.explain)?;
        (!self.is_covered(rule, &subject)).then_some(finding)
    }

    /// Explains how each part of the rule `name` evaluates on `event`; `None` if there is no such rule.
    pub fn explain(&self, name: &str, event: &Event<'_>) -> Option<Trace> {
        let rule = self.rules.iter().find(|rule| rule.name() == name)?;
        let subject = Subject::in_zone(event, &self.zone);
        let trace = rule.explain(&subject);
        if !(trace.matched && self.is_covered(rule, &subject)) {
            return Some(trace);
        }
        Some(explain::overridden(trace, "another rule of its pack reports the event", true))
    }

    /// Returns ` (did you mean `…`?)` with the rule name most similar to `name`, or an empty string if none is similar.
    pub fn did_you_mean(&self, name: &str) -> String {
        spelling::did_you_mean(name, &self.rules.iter().map(Rule::name).collect::<Vec<_>>())
    }

    /// Returns every rule in evaluation order, including disabled rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the metadata of every rule in evaluation order.
    pub fn infos(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().map(Rule::info)
    }

    /// Returns the diagnostics of skipped rules.
    pub fn skipped(&self) -> &[RuleDiagnostic] {
        &self.skipped
    }

    fn known(&self) -> KnownNames<'_> {
        KnownNames::of(&self.rules, &self.invalid_names, &self.placeholders)
    }
}

/// The content of rule files.
struct ParsedFiles {
    rules: Vec<Rule>,
    correlations: Vec<Correlation>,
}

/// The rule that uses a name or id.
struct NameOwner<'f> {
    file: &'f str,
    /// `None` for a built-in rule.
    line: Option<usize>,
    name: String,
}

impl fmt::Display for NameOwner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, name } = self;
        match line {
            Some(line) => write!(formatter, "{file}:{line}; names and ids must be unique"),
            None => write!(
                formatter,
                "{file}; names and ids must be unique. To replace the built-in rule, give this rule another name and id, \
                 and disable the built-in rule in the configuration file: `rules: {{{name}: {{enabled: false}}}}`"
            ),
        }
    }
}

/// Returns the names of the rules that have diagnostics.
fn names_of_invalid(diagnostics: &[RuleDiagnostic]) -> Vec<String> {
    diagnostics.iter().filter_map(|diagnostic| diagnostic.rule.clone()).collect()
}

impl<'r> KnownNames<'r> {
    /// The names of valid rules, and of invalid ones.
    fn of(rules: &'r [Rule], invalid_names: &'r [String], values: &'r Placeholders) -> Self {
        let placeholders = rules.iter().flat_map(Rule::placeholders).map(String::as_str);
        Self {
            rules: rules.iter().map(Rule::name).chain(invalid_names.iter().map(String::as_str)).collect(),
            ids: rules.iter().filter_map(Rule::id).collect(),
            packs: rules.iter().filter_map(Rule::pack).collect(),
            placeholders: placeholders.chain(PLACEHOLDERS.iter().map(|(name, _)| *name)).collect(),
            values,
        }
    }
}

#[cfg(test)]
mod tests;
