//! One rule: from the Sigma file to what can be run.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::OnceLock;

use rsigma_parser::SigmaRule;

use super::report;
use super::sigma::Verdict;
use super::trusted::is_trusted;
use crate::facts::{FACTS, Fact};
use crate::finding::{Finding, RuleInfo, Severity, Trace};
use crate::rules::load::attributes::Attributes;
use crate::rules::load::body::{Body, Unread};
use crate::rules::load::cases::{Case, Cases};
use crate::rules::load::check;
use crate::rules::load::condition;
use crate::rules::load::culprit;
use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::load::files::{Document, RuleFile};
use crate::rules::load::header::Header;
use crate::rules::load::parser::{of_parser, parsed};
use crate::rules::load::settings::Settings;
use crate::rules::sigma::call_pattern::CallPatterns;
use crate::rules::sigma::placeholder;
use crate::rules::sigma::required_literals::RequiredLiterals;
use crate::rules::sigma::subject::Subject;
use crate::rules::sigma::success;
use crate::rules::text::evidence::Matched;
use crate::rules::text::explain;

/// A rule that can be run, with the text of its findings.
#[derive(Debug)]
pub struct Rule {
    name: Cow<'static, str>,
    id: Option<Cow<'static, str>>,
    pack: Option<Cow<'static, str>>,
    runs: bool,
    runs_by_default: bool,
    placeholders: Vec<String>,
    required_literals: OnceLock<RequiredLiterals>,
    body: OnceLock<Box<Body>>,
    /// The source of the body of a built-in rule, which is read when it is first needed.
    unread: Option<Unread>,
    /// The fields of a built-in rule that are known without parsing it.
    header: Option<Header>,
    file: Cow<'static, str>,
    built_in: bool,
    /// The YAML document.
    text: Cow<'static, str>,
    /// The number of lines above it in the file.
    above: usize,
}

impl Rule {
    /// Its name, which findings show and exemptions refer to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its UUID, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The pack it belongs to, if any.
    pub fn pack(&self) -> Option<&str> {
        self.pack.as_deref()
    }

    /// Its metadata.
    pub fn info(&self) -> &RuleInfo {
        &self.body().info
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.runs
    }

    /// Whether it runs when nothing is configured.
    pub fn runs_by_default(&self) -> bool {
        self.runs_by_default
    }

    /// The calls it can match.
    pub fn call_patterns(&self) -> &CallPatterns {
        &self.body().call_patterns
    }

    /// The calls it could match if its placeholders had any value.
    pub fn call_patterns_when_filled(&self) -> &CallPatterns {
        &self.body().open_call_patterns
    }

    /// Whether it could match such a call.
    pub(super) fn watches(&self, source: &str, name: &str) -> bool {
        self.call_patterns().admit(source, name)
    }

    /// Whether it reports only events that no other rule of its pack reports.
    pub(super) fn is_fallback(&self) -> bool {
        self.body().attributes.fallback
    }

    /// The facts that its file names.
    pub fn facts(&self) -> Vec<&'static str> {
        let text = self.text();
        let is_named = |fact: &&&Fact| text.contains(fact.name);
        FACTS.iter().filter(is_named).map(|fact| fact.name).collect()
    }

    /// Literals that the text of a record must contain for the rule to match.
    pub fn required_literals(&self) -> &RequiredLiterals {
        self.required_literals.get_or_init(|| RequiredLiterals::of(&self.sigma().detection))
    }

    /// Whether it matches no record of a call that failed: one whose `errorCode` says something.
    pub fn needs_success(&self) -> bool {
        success::is_needed(&self.sigma().detection)
    }

    /// The file it stands in.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether it is part of the binary.
    pub fn is_built_in(&self) -> bool {
        self.built_in
    }

    /// Its YAML document.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line of the file, from 1, on which it begins.
    pub fn line(&self) -> usize {
        self.above + self.head()
    }

    /// The first line of its document that is neither empty nor a comment, from 1.
    pub(super) fn head(&self) -> usize {
        let is_code = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        self.text().lines().position(is_code).map_or(1, |place| place + 1)
    }

    /// The number of lines above its document in the file.
    pub(super) fn above(&self) -> usize {
        self.above
    }

    /// The diagnostic of the rule.
    pub(super) fn diagnostic(&self, reason: Reason) -> RuleDiagnostic {
        reason.in_part(self.file(), self.text(), self.above, Some(self.name()))
    }

    pub(super) fn attributes(&self) -> &Attributes {
        &self.body().attributes
    }

    /// The names of the placeholders it leaves open.
    pub fn placeholders(&self) -> &[String] {
        &self.placeholders
    }

    /// What can make it match though all is well.
    pub fn false_positives(&self) -> &[String] {
        &self.sigma().falsepositives
    }

    /// The severity of its findings where they are worse than its own, if it has such a case.
    pub fn raised_severity(&self) -> Option<Severity> {
        let Body { cases, raised_info, .. } = self.body();
        cases.raised.is_some().then_some(raised_info.severity)
    }

    /// How to undo what it finds, with its holes; `None` when the rule says nothing.
    pub fn remediation(&self) -> Option<String> {
        self.body().attributes.remediation.as_ref().map(ToString::to_string)
    }

    /// A rule of a file, of which nothing else is known.
    fn of(file: &RuleFile, text: Cow<'static, str>) -> Self {
        Self {
            name: Cow::default(),
            id: None,
            pack: file.pack.clone(),
            runs: false,
            runs_by_default: false,
            placeholders: Vec::new(),
            required_literals: OnceLock::new(),
            body: OnceLock::new(),
            unread: None,
            header: None,
            file: file.name.clone(),
            built_in: file.built_in,
            text,
            above: 0,
        }
    }

    pub(super) fn enable(&mut self) {
        self.runs = true;
    }

    /// Whether it judges the calls it matches, and does not only list them.
    pub fn judges(&self) -> bool {
        self.body().attributes.judges
    }

    /// The fields of a built-in rule that are known without parsing it.
    pub(super) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    pub(super) fn sigma(&self) -> &SigmaRule {
        &self.body().sigma
    }

    /// The body, read by now.
    #[expect(
        clippy::expect_used,
        reason = "only built-in rules are not read when they are loaded, and tests read each; one that silently does not \
                  run would be worse than none"
    )]
    fn body(&self) -> &Body {
        let read = || self.unread.as_ref().and_then(|unread| unread.read(self.text(), self.pack()));
        self.body.get_or_init(|| Box::new(read().expect("a built-in rule can be read")))
    }

    /// The rule's finding for an event, if it matches.
    pub(super) fn evaluate(&self, subject: &Subject<'_>, explain: bool) -> Option<Finding> {
        // Facts cost more than this, and most of what is made to cost much failed.
        if subject.event.error_code().is_some_and(|code| !code.is_empty()) && self.needs_success() {
            return None;
        }
        let body = self.body();
        let Body { info, raised_info, cases, attributes, sigma, .. } = body;
        let matcher = cases.whole.matcher(sigma);
        let verdict = matcher.verdict(subject);
        if verdict == Verdict::NoMatch || self.is_about_trusted(subject) {
            return None;
        }
        let case = |case: &Option<Case>| case.as_ref().map(|case| case.matcher(sigma).verdict(subject));
        let (undecided, raised) = (case(&cases.undecided), case(&cases.raised));
        // A severity that cannot be decided is the higher one.
        let info = if matches!(raised, None | Some(Verdict::NoMatch)) { info } else { raised_info };
        if verdict == Verdict::TooComplex || undecided == Some(Verdict::TooComplex) {
            let is_watched = subject.call.is_none_or(|(source, name)| self.watches(source, name));
            let finding = || report::too_complex(&body.undecided_info(info), attributes, subject);
            return is_watched.then(finding);
        }
        let trace = matcher.trace(subject);
        let matched = Matched::of(&trace);
        let case = attributes.undecided.as_ref().filter(|_| undecided == Some(Verdict::Match));
        let info = if case.is_some() { &body.undecided_info(info) } else { info };
        let mut finding = report::finding(info, attributes, case, subject, matched);
        finding.trace = explain.then(|| explain::trace(&info.name, &trace));
        Some(finding)
    }

    /// How the rule judges an event, whether it matches or not.
    pub(super) fn explain(&self, subject: &Subject<'_>) -> Trace {
        let matcher = self.body().cases.whole.matcher(self.sigma());
        let trace = matcher.trace(subject);
        let is_too_complex = trace.is_too_complex;
        let trace = explain::trace(&self.name, &trace);
        if is_too_complex {
            let note =
                Trace::of("the record is too complex to decide; later parts were not compared", false, Vec::new());
            return Trace::of(trace.what, false, trace.parts.into_iter().chain([note]).collect());
        }
        if !(trace.matched && self.is_about_trusted(subject)) {
            return trace;
        }
        let trusted = Trace::of("every account and organization it is about is trusted", true, Vec::new());
        Trace::of(trace.what, false, trace.parts.into_iter().chain([trusted]).collect())
    }

    /// Whether it is about accounts or organizations, and all that the event names are trusted.
    fn is_about_trusted(&self, subject: &Subject<'_>) -> bool {
        let values: Vec<_> = self.body().attributes.others().flat_map(|path| subject.select(path)).collect();
        let others = report::texts(&values);
        !others.is_empty() && others.iter().all(|other| is_trusted(other, subject.zone, subject.event))
    }
}

/// The rules of one file that can be used; a diagnostic for each that cannot be used.
///
/// A rule that does not say what it is called gets a name that is not `taken`, by another file or in this one.
pub(super) fn parse(
    file: &RuleFile,
    settings: &Settings,
    taken: impl Fn(&str) -> bool,
    diagnostics: &mut Vec<RuleDiagnostic>,
) -> Vec<Rule> {
    if let Some(rule) = built_in(file, settings) {
        return vec![rule];
    }
    let before = diagnostics.len();
    let mut rules = Vec::new();
    let mut here = HashSet::new();
    for document in file.documents() {
        let shown = slug(&document.shown_name());
        let mut diagnostic =
            |rule: &str, reason: Reason| diagnostics.push(document.diagnostic(&file.name, Some(rule), reason));
        let mut reasons = Vec::new();
        let collection = parsed(&document, &mut reasons);
        let errors = collection.iter().flat_map(|collection| &collection.errors);
        // Whether a rule runs does not depend on its metadata; the lints warn about that.
        reasons.extend(errors.filter(|error| !is_of_metadata(error)).map(|error| of_parser(error, &document)));
        let is_whole = reasons.is_empty();
        reasons.into_iter().for_each(|reason| diagnostic(&shown, reason));
        let Some(collection) = collection else { continue };
        for correlation in &collection.correlations {
            let name = correlation.name.as_deref().unwrap_or(&shown);
            let text = "correlation over time is not supported: each record is judged by itself";
            diagnostic(name, Reason::unsupported(text).at("correlation"));
        }
        for _ in &collection.filters {
            let text = "this is a filter; give files of filters with `--exemptions`";
            diagnostic(&shown, Reason::unsupported(text).at("filter"));
        }
        for sigma in &collection.rules {
            let name = match &sigma.name {
                Some(name) => slug(name),
                None => free(&slug(&document.name), |name| taken(name) || here.contains(name)),
            };
            here.insert(name.clone());
            match rule(sigma.clone(), &name, file, &document, settings) {
                Ok(rule) if is_whole => rules.push(rule),
                // Something of it was not understood, and is already reported.
                Ok(_) => {}
                Err(reasons) => reasons.into_iter().for_each(|reason| diagnostic(&name, reason)),
            }
        }
    }
    if rules.is_empty() && diagnostics.len() == before {
        diagnostics.push(RuleDiagnostic::new(&file.name, None, "there is no rule in it".to_owned()));
    }
    rules
}

/// Whether an error of the parser is about a part of the document that matching does not depend on.
fn is_of_metadata(error: &str) -> bool {
    error.starts_with("invalid status") || error.starts_with("related[") || error.starts_with("'related'")
}

/// The name, numbered where it is taken.
fn free(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
}

/// A name that can be written anywhere: others' rules have names with blanks.
pub(super) fn slug(name: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
    let plain: String = name.trim().chars().map(|one| if is_plain(one) { one } else { '-' }).collect();
    if plain.is_empty() { "rule".to_owned() } else { plain }
}

/// The built-in rule of a file. Nothing is wrong with it, as tests show, so that it is parsed and compiled when the first of
/// its calls arrives.
fn built_in(file: &RuleFile, settings: &Settings) -> Option<Rule> {
    let header = file.header.clone()?;
    Some(Rule {
        name: Cow::Borrowed(header.name),
        id: header.id.map(Cow::Borrowed),
        runs: settings.runs(header.name, file.pack.as_deref(), header.enabled),
        runs_by_default: header.enabled,
        placeholders: header.placeholders.clone(),
        unread: Some(Unread::new(&header, settings)),
        header: Some(header),
        ..Rule::of(file, file.text.clone())
    })
}

fn rule(
    mut sigma: SigmaRule,
    name: &str,
    file: &RuleFile,
    document: &Document,
    settings: &Settings,
) -> Result<Rule, Vec<Reason>> {
    let mut reasons = check::reasons_against(&sigma);
    reasons.extend(condition::unknown(&sigma, &document.text));
    let placeholders = placeholder::names(&sigma);
    let open_call_patterns = CallPatterns::of(&sigma.detection);
    if let Err(unfilled) = placeholder::fill(&mut sigma, &settings.placeholders) {
        reasons.extend(unfilled.into_iter().map(Reason::from));
        return Err(reasons);
    }
    let whole = Case::default();
    let attributes = Attributes::of(&sigma, &document.text, &mut reasons);
    if let Err(errors) = whole.compile(&sigma) {
        culprit::add(&errors, &document.text, &mut reasons);
    }
    // What was in them has been read.
    sigma.custom_attributes.clear();
    let cases = Cases::new(whole, &attributes);
    cases.compile(&sigma, &mut reasons);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let pack = file.pack.as_deref();
    let (runs_by_default, id) = (attributes.enabled, sigma.id.clone());
    let body = Body::new(sigma, name, pack, attributes, cases, settings.level(name), open_call_patterns);
    Ok(Rule {
        name: Cow::Owned(name.to_owned()),
        id: id.map(Cow::Owned),
        runs: settings.runs(name, pack, runs_by_default),
        runs_by_default,
        placeholders,
        body: OnceLock::from(Box::new(body)),
        above: document.above,
        ..Rule::of(file, Cow::Owned(document.text.clone()))
    })
}
