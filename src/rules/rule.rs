//! A rule: parsed from a Sigma file and evaluated on events.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::OnceLock;

use rsigma_parser::SigmaRule;

use super::finding_builder;
use super::sigma::MatchResult;
use super::trusted::is_trusted;
use crate::facts::{FACTS, Fact};
use crate::finding::{Finding, RuleInfo, Severity, Trace};
use crate::rules::load::attributes::Attributes;
use crate::rules::load::body::{Body, DeferredBody};
use crate::rules::load::check;
use crate::rules::load::compile_errors;
use crate::rules::load::condition;
use crate::rules::load::diagnostic::{Reason, RuleDiagnostic};
use crate::rules::load::files::{Document, RuleFile, first_code_line};
use crate::rules::load::header::Header;
use crate::rules::load::matchers::{LazyMatcher, RuleMatchers};
use crate::rules::load::parser::{parse_document, parser_error};
use crate::rules::load::settings::Settings;
use crate::rules::sigma::call_pattern::CallPatterns;
use crate::rules::sigma::placeholder;
use crate::rules::sigma::required_literals::RequiredLiterals;
use crate::rules::sigma::subject::Subject;
use crate::rules::sigma::success;
use crate::rules::text::evidence::MatchDetails;
use crate::rules::text::explain;

/// A rule that can be evaluated.
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
    /// The body of a built-in rule before it is parsed, on first use.
    deferred: Option<DeferredBody>,
    /// The header of a built-in rule, available without parsing the rule.
    header: Option<Header>,
    file: Cow<'static, str>,
    is_built_in: bool,
    /// The YAML document.
    text: Cow<'static, str>,
    /// Number of lines before the document in the file.
    line_offset: usize,
}

impl Rule {
    /// Returns the name, which findings show and exemptions refer to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the UUID, if the rule has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the pack of the rule, if any.
    pub fn pack(&self) -> Option<&str> {
        self.pack.as_deref()
    }

    /// Returns the metadata.
    pub fn info(&self) -> &RuleInfo {
        &self.body().info
    }

    /// Whether the rule is enabled.
    pub fn runs(&self) -> bool {
        self.runs
    }

    /// Whether the rule is enabled without configuration.
    pub fn runs_by_default(&self) -> bool {
        self.runs_by_default
    }

    /// Returns the calls that the rule can match.
    pub fn call_patterns(&self) -> &CallPatterns {
        &self.body().call_patterns
    }

    /// Returns the calls that the rule could match if its placeholders had values.
    pub fn call_patterns_when_filled(&self) -> &CallPatterns {
        &self.body().call_patterns_when_filled
    }

    /// Whether the rule could match a call.
    pub(super) fn may_match_call(&self, source: &str, name: &str) -> bool {
        self.call_patterns().matches(source, name)
    }

    /// Whether the rule reports only events that no other rule of its pack reports.
    pub(super) fn is_fallback(&self) -> bool {
        self.body().attributes.fallback
    }

    /// Returns the facts that the rule refers to.
    pub fn facts(&self) -> Vec<&'static str> {
        let text = self.text();
        let is_named = |fact: &&&Fact| text.contains(fact.name);
        FACTS.iter().filter(is_named).map(|fact| fact.name).collect()
    }

    /// Returns literals that the text of a record must contain for the rule to match.
    pub fn required_literals(&self) -> &RequiredLiterals {
        self.required_literals.get_or_init(|| RequiredLiterals::of(&self.sigma().detection))
    }

    /// Whether the rule can match only successful calls, and never a record with an `errorCode`.
    pub fn requires_success(&self) -> bool {
        success::is_required(&self.sigma().detection)
    }

    /// Returns the path of its file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether the rule is built in.
    pub fn is_built_in(&self) -> bool {
        self.is_built_in
    }

    /// Returns its YAML document.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the line of the file, from 1, on which the rule begins.
    pub fn line(&self) -> usize {
        self.line_offset + self.first_line()
    }

    /// Returns the first line of its document, from 1, that is neither empty nor a comment.
    pub(super) fn first_line(&self) -> usize {
        first_code_line(self.text())
    }

    /// Returns the number of lines before its document in the file.
    pub(super) fn line_offset(&self) -> usize {
        self.line_offset
    }

    /// Returns a diagnostic about the rule.
    pub(super) fn diagnostic(&self, reason: Reason) -> RuleDiagnostic {
        reason.in_document(self.file(), self.text(), self.line_offset, Some(self.name()))
    }

    pub(super) fn attributes(&self) -> &Attributes {
        &self.body().attributes
    }

    /// Returns the names of its placeholders.
    pub fn placeholders(&self) -> &[String] {
        &self.placeholders
    }

    /// Returns descriptions of known false positives.
    pub fn false_positives(&self) -> &[String] {
        &self.sigma().falsepositives
    }

    /// Returns the severity of its escalation variant, if it has one.
    pub fn escalated_severity(&self) -> Option<Severity> {
        let Body { matchers, escalated_info, .. } = self.body();
        matchers.escalation.is_some().then_some(escalated_info.severity)
    }

    /// Returns the severity of the reduction variant, if there is one.
    pub fn reduced_severity(&self) -> Option<Severity> {
        let Body { matchers, reduced_info, .. } = self.body();
        matchers.reduction.is_some().then_some(reduced_info.severity)
    }

    /// Returns the remediation with its placeholders, if the rule has one.
    pub fn remediation(&self) -> Option<String> {
        self.body().attributes.remediation.as_ref().map(ToString::to_string)
    }

    /// A rule with only the fields of its file.
    fn in_file(file: &RuleFile, text: Cow<'static, str>) -> Self {
        Self {
            name: Cow::default(),
            id: None,
            pack: file.pack.clone(),
            runs: false,
            runs_by_default: false,
            placeholders: Vec::new(),
            required_literals: OnceLock::new(),
            body: OnceLock::new(),
            deferred: None,
            header: None,
            file: file.name.clone(),
            is_built_in: file.built_in,
            text,
            line_offset: 0,
        }
    }

    pub(super) fn enable(&mut self) {
        self.runs = true;
    }

    /// Whether the calls that the rule matches count as covered. They do not if the rule only lists calls.
    pub fn counts_as_coverage(&self) -> bool {
        self.body().attributes.counts_as_coverage
    }

    /// Returns the header of a built-in rule.
    pub(super) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    pub(super) fn sigma(&self) -> &SigmaRule {
        &self.body().sigma
    }

    /// Returns the body, parsed on first use.
    #[expect(
        clippy::expect_used,
        reason = "only built-in rules are parsed after load, and tests parse each; a rule that silently does not run would \
                  be worse than a panic"
    )]
    fn body(&self) -> &Body {
        let parse = || self.deferred.as_ref().and_then(|deferred| deferred.parse(self.text(), self.pack()));
        self.body.get_or_init(|| Box::new(parse().expect("a built-in rule is valid")))
    }

    /// Evaluates the rule on an event. Returns a finding if it matches.
    pub(super) fn evaluate(&self, subject: &Subject<'_>, explain: bool) -> Option<Finding> {
        // Cheaper than deriving facts, and most requests crafted to be expensive fail.
        if subject.event.error_code().is_some_and(|code| !code.is_empty()) && self.requires_success() {
            return None;
        }
        let body = self.body();
        let Body { info, escalated_info, reduced_info, matchers, attributes, sigma, .. } = body;
        let matcher = matchers.condition.matcher(sigma);
        let result = matcher.evaluate(subject);
        if result == MatchResult::NoMatch || self.names_only_trusted_principals(subject) {
            return None;
        }
        let evaluate =
            |matcher: &Option<LazyMatcher>| matcher.as_ref().map(|matcher| matcher.matcher(sigma).evaluate(subject));
        let (warning, escalation) = (evaluate(&matchers.warning), evaluate(&matchers.escalation));
        // If the escalation variant cannot be evaluated, the higher severity applies.
        let info = if !matches!(escalation, None | Some(MatchResult::NoMatch)) {
            escalated_info
        } else if evaluate(&matchers.reduction) == Some(MatchResult::Match) {
            reduced_info
        } else {
            info
        };
        if result == MatchResult::TooComplex || warning == Some(MatchResult::TooComplex) {
            let may_match = subject.call.is_none_or(|(source, name)| self.may_match_call(source, name));
            let finding = || finding_builder::too_complex(&body.warning_info(info), attributes, subject);
            return may_match.then(finding);
        }
        let trace = matcher.trace(subject);
        let matched = MatchDetails::from_trace(&trace);
        let variant = attributes.warning.as_ref().filter(|_| warning == Some(MatchResult::Match));
        let info = if variant.is_some() { &body.warning_info(info) } else { info };
        let mut finding = finding_builder::finding(info, attributes, variant, subject, matched);
        finding.trace = explain.then(|| explain::trace(&info.name, &trace));
        Some(finding)
    }

    /// Explains how each part of the rule evaluates on an event, whether the rule matches or not.
    pub(super) fn explain(&self, subject: &Subject<'_>) -> Trace {
        let matcher = self.body().matchers.condition.matcher(self.sigma());
        let trace = matcher.trace(subject);
        let is_too_complex = trace.is_too_complex;
        let trace = explain::trace(&self.name, &trace);
        if is_too_complex {
            let note = "the record exceeds the work budget; later parts were not evaluated";
            return explain::overridden(trace, note, false);
        }
        if !(trace.matched && self.names_only_trusted_principals(subject)) {
            return trace;
        }
        explain::overridden(trace, "every account and organization that gets access is trusted", true)
    }

    /// Whether the event names accounts or organizations that get access, and all of them are trusted.
    fn names_only_trusted_principals(&self, subject: &Subject<'_>) -> bool {
        let values: Vec<_> = self.body().attributes.principal_paths().flat_map(|path| subject.select(path)).collect();
        let principals = finding_builder::texts(&values);
        !principals.is_empty() && principals.iter().all(|principal| is_trusted(principal, subject.zone, subject.event))
    }
}

/// Parses the rules of a file. Adds a diagnostic for each invalid rule.
///
/// A rule without a name gets a default name that is not `taken` by a rule of another file or of this one.
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
    let mut names_in_file = HashSet::new();
    for document in file.documents() {
        let shown = slug(&document.shown_name());
        let mut diagnostic =
            |rule: &str, reason: Reason| diagnostics.push(document.diagnostic(&file.name, Some(rule), reason));
        let mut reasons = Vec::new();
        let collection = parse_document(&document, &mut reasons);
        let errors = collection.iter().flat_map(|collection| &collection.errors);
        // Errors in metadata do not affect matching. The lints warn about them.
        reasons.extend(errors.filter(|error| !is_of_metadata(error)).map(|error| parser_error(error, &document)));
        let is_valid = reasons.is_empty();
        reasons.into_iter().for_each(|reason| diagnostic(&shown, reason));
        let Some(collection) = collection else { continue };
        for correlation in &collection.correlations {
            let name = correlation.name.as_deref().unwrap_or(&shown);
            let text = "correlation over time is not supported: each record is evaluated alone";
            diagnostic(name, Reason::unsupported(text).at("correlation"));
        }
        for _ in &collection.filters {
            let text = "this is a filter; use `--exemptions` for files of filters";
            diagnostic(&shown, Reason::unsupported(text).at("filter"));
        }
        for sigma in &collection.rules {
            let name = match &sigma.name {
                Some(name) => slug(name),
                None => unique_name(&slug(&document.name), |name| taken(name) || names_in_file.contains(name)),
            };
            names_in_file.insert(name.clone());
            match rule(sigma.clone(), &name, file, &document, settings) {
                Ok(rule) if is_valid => rules.push(rule),
                // The parser rejected a part of the document, which is already reported.
                Ok(_) => {}
                Err(reasons) => reasons.into_iter().for_each(|reason| diagnostic(&name, reason)),
            }
        }
    }
    if rules.is_empty() && diagnostics.len() == before {
        diagnostics.push(RuleDiagnostic::new(&file.name, None, "it contains no rule".to_owned()));
    }
    rules
}

/// Whether an error of the parser is about metadata, which does not affect matching.
fn is_of_metadata(error: &str) -> bool {
    error.starts_with("invalid status") || error.starts_with("related[") || error.starts_with("'related'")
}

/// Returns the name, with a number if it is taken.
fn unique_name(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_else(|| name.to_owned())
}

/// Replaces characters of a name that cannot be used everywhere, such as blanks.
pub(super) fn slug(name: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let plain: String =
        name.trim().chars().map(|character| if is_plain(character) { character } else { '-' }).collect();
    if plain.is_empty() { "rule".to_owned() } else { plain }
}

/// Returns the built-in rule of a file. Tests show that it is valid, so it is parsed and compiled on first use.
fn built_in(file: &RuleFile, settings: &Settings) -> Option<Rule> {
    let header = file.header.clone()?;
    Some(Rule {
        name: Cow::Borrowed(header.name),
        id: header.id.map(Cow::Borrowed),
        runs: settings.is_enabled(header.name, file.pack.as_deref(), header.enabled),
        runs_by_default: header.enabled,
        placeholders: header.placeholders.clone(),
        deferred: Some(DeferredBody::new(&header, settings)),
        header: Some(header),
        ..Rule::in_file(file, file.text.clone())
    })
}

/// Checks and compiles a rule.
fn rule(
    mut sigma: SigmaRule,
    name: &str,
    file: &RuleFile,
    document: &Document,
    settings: &Settings,
) -> Result<Rule, Vec<Reason>> {
    let mut reasons = check::check_support(&sigma);
    reasons.extend(condition::unknown(&sigma, &document.text));
    let placeholders = placeholder::names(&sigma);
    let call_patterns_when_filled = CallPatterns::of(&sigma.detection);
    if let Err(unknown) = placeholder::fill(&mut sigma, &settings.placeholders) {
        reasons.extend(unknown.into_iter().map(Reason::from));
        return Err(reasons);
    }
    let condition_matcher = LazyMatcher::default();
    let attributes = Attributes::parse(&sigma, &document.text, &mut reasons);
    if let Err(errors) = condition_matcher.compile(&sigma) {
        compile_errors::add(&errors, &document.text, &mut reasons);
    }
    // The attributes have been parsed.
    sigma.custom_attributes.clear();
    let matchers = RuleMatchers::new(condition_matcher, &attributes);
    matchers.compile_variants(&sigma, &mut reasons);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let pack = file.pack.as_deref();
    let (runs_by_default, id) = (attributes.enabled, sigma.id.clone());
    let body = Body::new(sigma, name, pack, attributes, matchers, settings.level(name), call_patterns_when_filled);
    Ok(Rule {
        name: Cow::Owned(name.to_owned()),
        id: id.map(Cow::Owned),
        runs: settings.is_enabled(name, pack, runs_by_default),
        runs_by_default,
        placeholders,
        body: OnceLock::from(Box::new(body)),
        line_offset: document.line_offset,
        ..Rule::in_file(file, Cow::Owned(document.text.clone()))
    })
}
