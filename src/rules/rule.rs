//! One rule: from the Sigma file to what can be run.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use rsigma_parser::{Level, SigmaRule};

use super::attributes::Attributes;
use super::cases::{Case, Cases};
use super::embedded::Embedded;
use super::evidence::Matched;
use super::fault::{Reason, RuleFault};
use super::files::{Document, RuleFile};
use super::need::Needs;
use super::parser::{of_compiler, of_parser, parsed};
use super::settings::Settings;
use super::subject::Subject;
use super::trigger::Triggers;
use super::{check, explain, placeholder, report};
use crate::facts::{FACTS, Fact};
use crate::finding::{Finding, RuleInfo, Severity, Trace};

/// A rule that can be run, and what its findings say.
#[derive(Debug)]
pub struct Rule {
    info: Arc<RuleInfo>,
    /// The same with the severity of the case that is worse.
    raised_info: Arc<RuleInfo>,
    cases: Cases,
    attributes: Attributes,
    runs: bool,
    triggers: Triggers,
    /// The calls it could match if its placeholders had any value, where it has some.
    open_triggers: Option<Triggers>,
    needs: OnceLock<Needs>,
    sigma: SigmaRule,
    placeholders: Vec<String>,
    file: String,
    built_in: bool,
    /// The YAML document, on the lines on which it stands in the file.
    text: Cow<'static, str>,
}

impl Rule {
    /// What there is to know about it.
    pub fn info(&self) -> &RuleInfo {
        &self.info
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.runs
    }

    /// Whether it runs when nothing is configured.
    pub fn runs_by_default(&self) -> bool {
        self.attributes.enabled
    }

    /// The calls it can match.
    pub fn triggers(&self) -> &Triggers {
        &self.triggers
    }

    /// The calls it could match if its placeholders had any value.
    pub fn triggers_when_filled(&self) -> &Triggers {
        self.open_triggers.as_ref().unwrap_or(&self.triggers)
    }

    /// The facts that its file names.
    pub fn facts(&self) -> Vec<&'static str> {
        let is_named = |fact: &&&Fact| self.text.contains(fact.name);
        FACTS.iter().filter(is_named).map(|fact| fact.name).collect()
    }

    /// What a record needs to say somewhere for the rule to match.
    pub fn needs(&self) -> &Needs {
        self.needs.get_or_init(|| Needs::of(&self.sigma().detection))
    }

    /// The file it stands in.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether it is part of the binary.
    pub fn is_built_in(&self) -> bool {
        self.built_in
    }

    /// Its YAML document, after as many empty lines as precede it in the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the placeholders it leaves open.
    pub fn placeholders(&self) -> &[String] {
        &self.placeholders
    }

    /// What can make it match though all is well.
    pub fn false_positives(&self) -> &[String] {
        &self.sigma.falsepositives
    }

    /// The severity of its findings where they are worse than its own, if it has such a case.
    pub fn raised_severity(&self) -> Option<Severity> {
        self.cases.raised.is_some().then_some(self.raised_info.severity)
    }

    /// How to undo what it finds, with its holes; `None` when the rule says nothing.
    pub fn remediation(&self) -> Option<String> {
        self.attributes.remediation.as_ref().map(ToString::to_string)
    }

    pub(super) fn enable(&mut self) {
        self.runs = true;
    }

    pub(super) fn sigma(&self) -> &SigmaRule {
        &self.sigma
    }

    /// The rule's finding for an event, if it matches.
    pub(super) fn evaluate(&self, subject: &Subject<'_>, trusted: &[String], explain: bool) -> Option<Finding> {
        let matcher = self.cases.whole.matcher(&self.sigma);
        let hold = matcher.holding(subject);
        if hold.is_empty() || self.is_trusted(subject, trusted) {
            return None;
        }
        let matched = Matched::of(matcher, &hold, subject);
        let holds = |case: &Option<Case>| case.as_ref().is_some_and(|case| case.matcher(&self.sigma).holds(subject));
        let case = self.attributes.undecided.as_ref().filter(|_| holds(&self.cases.undecided));
        let info = if holds(&self.cases.raised) { &self.raised_info } else { &self.info };
        let mut finding = report::finding(info, &self.attributes, case, subject, matched);
        finding.trace = explain.then(|| explain::trace(&self.info.name, &matcher.explain(subject)));
        Some(finding)
    }

    /// How the rule judges an event, whether it matches or not.
    pub(super) fn explain(&self, subject: &Subject<'_>, trusted: &[String]) -> Trace {
        let trace = explain::trace(&self.info.name, &self.cases.whole.matcher(&self.sigma).explain(subject));
        if !(trace.matched && self.is_trusted(subject, trusted)) {
            return trace;
        }
        let trusted = Trace::of("all accounts it is about are trusted", true, Vec::new());
        Trace::of(trace.what, false, trace.parts.into_iter().chain([trusted]).collect())
    }

    /// Whether it is about accounts, and all that the event names are trusted.
    fn is_trusted(&self, subject: &Subject<'_>, trusted: &[String]) -> bool {
        let Some(path) = &self.attributes.accounts else { return false };
        let accounts = report::texts(&subject.select(path));
        !accounts.is_empty() && accounts.iter().all(|account| trusted.contains(account))
    }
}

/// The rules of one file that can be used; a fault for each that cannot.
///
/// A rule that does not say what it is called gets a name that is not `taken`, by another file or in this one.
pub(super) fn parse(
    file: &RuleFile,
    settings: &Settings,
    taken: impl Fn(&str) -> bool,
    faults: &mut Vec<RuleFault>,
) -> Vec<Rule> {
    if let Some(rule) = embedded(file, settings) {
        return vec![rule];
    }
    let before = faults.len();
    let mut rules = Vec::new();
    let mut here = HashSet::new();
    for document in file.documents() {
        let mut fault = |rule: &str, reason: Reason| {
            faults.push(reason.in_file(&file.name, &document.text, Some(rule)));
        };
        let mut told = Vec::new();
        let collection = parsed(&document, &mut told);
        let is_whole = told.is_empty() && collection.as_ref().is_some_and(|collection| collection.errors.is_empty());
        told.into_iter().for_each(|reason| fault(&document.name, reason));
        let Some(collection) = collection else { continue };
        for error in &collection.errors {
            fault(&document.name, of_parser(error, &document));
        }
        for correlation in &collection.correlations {
            let name = correlation.name.as_deref().unwrap_or(&document.name);
            let text = "correlation over time is not supported: each record is judged by itself";
            fault(name, Reason::unsupported(text).at("correlation"));
        }
        for _ in &collection.filters {
            let text = "this is a filter; give files of filters with `--exemptions`";
            fault(&document.name, Reason::unsupported(text).at("filter"));
        }
        for sigma in &collection.rules {
            let name = match &sigma.name {
                Some(name) => slug(name),
                None => free(&slug(&document.name), |name| taken(name) || here.contains(name)),
            };
            here.insert(name.clone());
            match rule(sigma.clone(), &name, file, &document, settings) {
                Ok(rule) if is_whole => rules.push(rule),
                // Something of it was not understood, and has been told.
                Ok(_) => {}
                Err(reasons) => reasons.into_iter().for_each(|reason| fault(&name, reason)),
            }
        }
    }
    if rules.is_empty() && faults.len() == before {
        faults.push(RuleFault::new(&file.name, None, "there is no rule in it".to_owned()));
    }
    rules
}

/// The name, numbered where it is taken.
fn free(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
}

/// A name that can be written anywhere: others' rules have names with blanks.
fn slug(name: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
    let plain: String = name.trim().chars().map(|one| if is_plain(one) { one } else { '-' }).collect();
    if plain.is_empty() { "rule".to_owned() } else { plain }
}

/// The built-in rule that the build script has parsed. Nothing is wrong with it, as tests show, so that it is compiled when
/// the first of its calls arrives. Where the configuration fills more than names into it, it is compiled here; `None` when
/// that fails: then it is parsed, and its faults are told, like those of any other.
fn embedded(file: &RuleFile, settings: &Settings) -> Option<Rule> {
    let Embedded { mut sigma, attributes } = Embedded::read(file.parsed?)?;
    let open = Open::fill(&mut sigma, settings).ok()?;
    let cases = Cases::new(Case::default(), &attributes);
    let mut values = open.placeholders.iter().filter_map(|name| settings.placeholders.get(name)).flatten();
    if !values.all(|value| placeholder::is_name(value)) {
        let mut reasons = Vec::new();
        cases.whole.compile(&sigma).ok()?;
        cases.compile(&sigma, &mut reasons);
        reasons.is_empty().then_some(())?;
    }
    let name = slug(sigma.name.as_deref()?);
    Some(assembled(sigma, &name, open, attributes, cases, (file, file.text.clone()), settings))
}

fn rule(
    mut sigma: SigmaRule,
    name: &str,
    file: &RuleFile,
    document: &Document,
    settings: &Settings,
) -> Result<Rule, Vec<Reason>> {
    let mut reasons = check::reasons_against(&sigma);
    let open = match Open::fill(&mut sigma, settings) {
        Ok(open) => open,
        Err(unfilled) => {
            reasons.extend(unfilled);
            return Err(reasons);
        }
    };
    let whole = Case::default();
    let attributes = match whole.compile(&sigma) {
        Ok(matcher) => Attributes::of(matcher.compiled(), &mut reasons),
        Err(error) => {
            reasons.push(of_compiler(&error.to_string()));
            Attributes::default()
        }
    };
    // What was in them has been read.
    sigma.custom_attributes.clear();
    let cases = Cases::new(whole, &attributes);
    cases.compile(&sigma, &mut reasons);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let text = document.text.clone().into();
    Ok(assembled(sigma, name, open, attributes, cases, (file, text), settings))
}

/// What a rule leaves to the configuration.
struct Open {
    placeholders: Vec<String>,
    /// The calls it could match whatever fills them; as they stand when there are none.
    triggers: Option<Triggers>,
}

impl Open {
    /// Fills the placeholders of a rule.
    fn fill(sigma: &mut SigmaRule, settings: &Settings) -> Result<Self, Vec<Reason>> {
        let placeholders = placeholder::names(sigma);
        let triggers = (!placeholders.is_empty()).then(|| Triggers::of(&sigma.detection));
        placeholder::fill(sigma, &settings.placeholders)?;
        Ok(Self { placeholders, triggers })
    }
}

/// A rule from its parts, and the text of the document in which it stands in the file.
fn assembled(
    mut sigma: SigmaRule,
    name: &str,
    open: Open,
    attributes: Attributes,
    cases: Cases,
    (file, text): (&RuleFile, Cow<'static, str>),
    settings: &Settings,
) -> Rule {
    sigma.level = settings.level(name).or(sigma.level);
    let info = info(&sigma, name, file, &attributes);
    // A level that somebody has set holds for all findings.
    let raised_to = attributes.raised.as_ref().map(|case| case.level).filter(|_| settings.level(name).is_none());
    let raised_info = RuleInfo { severity: severity(raised_to.or(sigma.level)), ..info.clone() };
    Rule {
        runs: settings.runs(name, file.pack.as_deref(), attributes.enabled),
        triggers: Triggers::of(&sigma.detection),
        open_triggers: open.triggers,
        needs: OnceLock::new(),
        info: Arc::new(info),
        raised_info: Arc::new(raised_info),
        cases,
        attributes,
        sigma,
        placeholders: open.placeholders,
        file: file.name.clone(),
        built_in: file.built_in,
        text,
    }
}

fn info(sigma: &SigmaRule, name: &str, file: &RuleFile, attributes: &Attributes) -> RuleInfo {
    RuleInfo {
        name: name.to_owned(),
        pack: file.pack.clone(),
        id: sigma.id.clone(),
        title: sigma.title.clone(),
        description: sigma.description.as_ref().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")),
        severity: severity(sigma.level),
        confirm: attributes.confirm,
        references: sigma.references.clone(),
        tags: sigma.tags.clone(),
        controls: attributes.compliance.clone(),
    }
}

fn severity(level: Option<Level>) -> Severity {
    match level {
        Some(Level::Informational) => Severity::Informational,
        Some(Level::Low) => Severity::Low,
        Some(Level::Medium) | None => Severity::Medium,
        Some(Level::High) => Severity::High,
        Some(Level::Critical) => Severity::Critical,
    }
}
