//! One rule: from the Sigma file to what can be run.

use std::collections::HashSet;
use std::sync::Arc;

use rsigma_parser::{ConditionExpr, Level, SigmaCollection, SigmaRule, parse_sigma_yaml};

use super::attributes::Attributes;
use super::evidence::Matched;
use super::fault::{Reason, RuleFault};
use super::files::{Document, RuleFile};
use super::matcher::Matcher;
use super::need::Needs;
use super::settings::Settings;
use super::subject::Subject;
use super::trigger::Triggers;
use super::{check, explain, placeholder, report};
use crate::facts::{FACTS, Fact};
use crate::finding::{Finding, RuleInfo, Severity, Trace};

/// More faults of the parser than this are not looked for in one document.
const MOST_FAULTS: usize = 20;

/// A rule that can be run, and what its findings say.
#[derive(Debug)]
pub struct Rule {
    info: Arc<RuleInfo>,
    /// The same with the severity of the case that is worse.
    raised_info: Arc<RuleInfo>,
    matcher: Matcher,
    attributes: Attributes,
    /// The case in which its findings are a warning, as a rule of its own.
    undecided: Option<Matcher>,
    /// The case in which they are worse.
    raised: Option<Matcher>,
    runs: bool,
    triggers: Triggers,
    /// The calls it could match if its placeholders had any value.
    open_triggers: Triggers,
    sigma: SigmaRule,
    placeholders: Vec<String>,
    file: String,
    built_in: bool,
    /// The YAML document, on the lines on which it stands in the file.
    text: String,
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
        &self.open_triggers
    }

    /// The facts that its file names.
    pub fn facts(&self) -> Vec<&'static str> {
        let is_named = |fact: &&&Fact| self.text.contains(fact.name);
        FACTS.iter().filter(is_named).map(|fact| fact.name).collect()
    }

    /// What a record needs to say somewhere for the rule to match.
    pub fn needs(&self) -> Needs {
        Needs::of(&self.sigma().detection)
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
        self.raised.is_some().then_some(self.raised_info.severity)
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
        if !self.matcher.holds(subject) || self.is_trusted(subject, trusted) {
            return None;
        }
        let explanation = self.matcher.explain(subject);
        let matched = Matched::of(&explanation, subject);
        let holds = |case: &Option<Matcher>| case.as_ref().is_some_and(|case| case.holds(subject));
        let case = self.attributes.undecided.as_ref().filter(|_| holds(&self.undecided));
        let info = if holds(&self.raised) { &self.raised_info } else { &self.info };
        let mut finding = report::finding(info, &self.attributes, case, subject, matched);
        finding.trace = explain.then(|| explain::trace(&self.info.name, &explanation));
        Some(finding)
    }

    /// How the rule judges an event, whether it matches or not.
    pub(super) fn explain(&self, subject: &Subject<'_>, trusted: &[String]) -> Trace {
        let trace = explain::trace(&self.info.name, &self.matcher.explain(subject));
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

/// What the parser makes of a document. It stops at the first fault; what it says of some is put right and it is asked
/// again, so that all are found. Such a document is not to be used.
fn parsed(document: &Document, told: &mut Vec<Reason>) -> Option<SigmaCollection> {
    let mut text = document.text.clone();
    for _ in 0..MOST_FAULTS {
        let error = match parse_sigma_yaml(&text) {
            Ok(collection) => match collection.errors.first().cloned() {
                Some(error) if collection.rules.is_empty() => error,
                _ => return Some(collection),
            },
            Err(error) => error.to_string(),
        };
        told.push(of_parser(&error, document));
        let quoted = error.split('\'').nth(1).unwrap_or_default();
        if error.contains("Unknown modifier") && !quoted.is_empty() {
            text = text.replace(&format!("|{quoted}"), "");
        } else if error.contains("'title'") && !text.contains("\ntitle:") {
            text.push_str("\ntitle: untitled\n");
        } else {
            return None;
        }
    }
    None
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

/// What the parser says, in words that tell what to do.
pub(super) fn of_parser(message: &str, document: &Document) -> Reason {
    let condition = document.text.lines().find(|line| line.trim_start().starts_with("condition:"));
    if message.contains("Condition parse error")
        && let Some(condition) = condition.filter(|line| line.contains('|'))
    {
        let text = format!(
            "`{}` counts over time (`| count()`, `| near`), which is not supported: each record is judged by itself",
            condition.trim()
        );
        return Reason::unsupported(text).at("condition");
    }
    let place = ["condition", "detection", "logsource", "title"].into_iter();
    let quoted = message.split('\'').nth(1).map(str::to_owned);
    let named = message.rsplit(": ").next().map(str::to_owned).filter(|word| !word.contains(' '));
    let word = quoted.or(named).filter(|word| document.text.contains(word.as_str()));
    let word = word.or_else(|| place.into_iter().find(|word| message.to_lowercase().contains(word)).map(str::to_owned));
    let reason = Reason::error(message);
    match word {
        Some(word) => reason.at(word),
        None => reason,
    }
}

/// What the compiler says, about the name at its end if there is one.
fn of_compiler(message: &str) -> Reason {
    let named = message.rsplit_once(": ").map(|(_, word)| word).filter(|word| !word.contains(char::is_whitespace));
    Reason::error(message).at(named.unwrap_or("detection"))
}

fn rule(
    mut sigma: SigmaRule,
    name: &str,
    file: &RuleFile,
    document: &Document,
    settings: &Settings,
) -> Result<Rule, Vec<Reason>> {
    let mut reasons = check::reasons_against(&sigma);
    let placeholders = placeholder::names(&sigma);
    let open_triggers = Triggers::of(&sigma.detection);
    if let Err(open) = placeholder::fill(&mut sigma, &settings.placeholders) {
        reasons.extend(open);
        return Err(reasons);
    }
    sigma.level = settings.level(name).or(sigma.level);
    let matcher = Matcher::new(&sigma).map_err(|error| reasons.push(of_compiler(&error.to_string()))).ok();
    let attributes = match &matcher {
        Some(matcher) => Attributes::of(matcher.compiled(), &mut reasons),
        None => Attributes::default(),
    };
    let mut case = |attribute: &str, when: Option<&String>| {
        when.and_then(|when| compile_detection(&sigma, attribute, when).map_err(|reason| reasons.push(reason)).ok())
    };
    let undecided = case("undecided", attributes.undecided.as_ref().map(|case| &case.when));
    let raised = case("raised", attributes.raised.as_ref().map(|case| &case.when));
    let Some(matcher) = matcher.filter(|_| reasons.is_empty()) else { return Err(reasons) };
    let info = info(&sigma, name, file, &attributes);
    // A level that somebody has set holds for all findings.
    let raised_to = attributes.raised.as_ref().map(|case| case.level).filter(|_| settings.level(name).is_none());
    let raised_info = RuleInfo { severity: severity(raised_to.or(sigma.level)), ..info.clone() };
    Ok(Rule {
        runs: settings.runs(name, file.pack.as_deref(), attributes.enabled),
        triggers: Triggers::of(&sigma.detection),
        open_triggers,
        info: Arc::new(info),
        raised_info: Arc::new(raised_info),
        matcher,
        attributes,
        undecided,
        raised,
        sigma,
        placeholders,
        file: file.name.clone(),
        built_in: file.built_in,
        text: document.text.clone(),
    })
}

/// One detection of a rule as a rule of its own.
fn compile_detection(sigma: &SigmaRule, attribute: &str, detection: &str) -> Result<Matcher, Reason> {
    if !sigma.detection.named.contains_key(detection) {
        let text = format!("its `{attribute}.when` names `{detection}`, which is none of its detections");
        return Err(Reason::error(text).at(attribute));
    }
    let mut alone = sigma.clone();
    alone.detection.conditions = vec![ConditionExpr::Identifier(detection.to_owned())];
    alone.detection.condition_strings = vec![detection.to_owned()];
    Matcher::new(&alone).map_err(|error| Reason::error(error.to_string()))
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
