//! The parts of a rule that are needed when one of its calls arrives: all but its name and call patterns.
//!
//! In: the parsed rule, or the text of a built-in rule, which is parsed when it is first needed.

use std::sync::Arc;

use rsigma_parser::{Level, SigmaRule, parse_sigma_yaml};

use crate::finding::{RuleInfo, Severity};
use crate::rules::load::attributes::{Attributes, Leveled};
use crate::rules::load::cases::{Case, Cases};
use crate::rules::load::header::Header;
use crate::rules::load::settings::Settings;
use crate::rules::sigma::call_pattern::CallPatterns;
use crate::rules::sigma::placeholder::{self, Placeholders};

/// The body of a rule.
#[derive(Debug)]
pub(in crate::rules) struct Body {
    pub(in crate::rules) info: Arc<RuleInfo>,
    /// The same with the severity of the escalation variant.
    pub(in crate::rules) raised_info: Arc<RuleInfo>,
    /// The same with the lower severity.
    pub(in crate::rules) lowered_info: Arc<RuleInfo>,
    pub(in crate::rules) cases: Cases,
    pub(in crate::rules) attributes: Attributes,
    /// The calls it can match.
    pub(in crate::rules) call_patterns: CallPatterns,
    /// The calls it could match if its placeholders had any value.
    pub(in crate::rules) open_call_patterns: CallPatterns,
    /// Its placeholders are filled.
    pub(in crate::rules) sigma: SigmaRule,
    /// Whether the configuration sets the level, which then applies to all findings.
    pub(in crate::rules) is_level_set: bool,
}

impl Body {
    /// From its parts. The rule belongs to `pack`; `level` is the one that somebody has set; `open_call_patterns` are the calls
    /// that it matches whatever fills its placeholders.
    pub(in crate::rules) fn new(
        mut sigma: SigmaRule,
        name: &str,
        pack: Option<&str>,
        attributes: Attributes,
        cases: Cases,
        level: Option<Level>,
        open_call_patterns: CallPatterns,
    ) -> Self {
        sigma.level = level.or(sigma.level);
        let info = info(&sigma, name, pack, &attributes);
        let with_level_of = |case: &Option<Leveled>| {
            let other = case.as_ref().map(|case| case.level).filter(|_| level.is_none());
            Arc::new(RuleInfo { severity: severity(other.or(sigma.level)), ..info.clone() })
        };
        let (raised_info, lowered_info) = (with_level_of(&attributes.raised), with_level_of(&attributes.lowered));
        Self {
            info: Arc::new(info),
            raised_info,
            lowered_info,
            cases,
            attributes,
            call_patterns: CallPatterns::of(&sigma.detection),
            open_call_patterns,
            sigma,
            is_level_set: level.is_some(),
        }
    }

    /// The information for findings that the record does not decide: one level lower.
    pub(in crate::rules) fn undecided_info(&self, info: &Arc<RuleInfo>) -> Arc<RuleInfo> {
        match self.is_level_set {
            true => Arc::clone(info),
            false => Arc::new(RuleInfo { severity: info.severity.lower(), ..RuleInfo::clone(info) }),
        }
    }
}

/// A built-in rule that is not parsed yet, and what the configuration says of it.
#[derive(Debug)]
pub(in crate::rules) struct Unread {
    name: &'static str,
    level: Option<Level>,
    /// Of its placeholders.
    values: Placeholders,
}

impl Unread {
    pub(in crate::rules) fn new(header: &Header, settings: &Settings) -> Self {
        let value = |name: &String| Some((name.clone(), settings.placeholders.get(name)?.clone()));
        let values = header.placeholders.iter().filter_map(value).collect();
        Self { name: header.name, level: settings.level(header.name), values }
    }

    /// The rule in this text; `None` if it cannot be used.
    pub(in crate::rules) fn read(&self, text: &str, pack: Option<&str>) -> Option<Body> {
        let mut sigma = parse_sigma_yaml(text).ok()?.rules.pop()?;
        let open = CallPatterns::of(&sigma.detection);
        placeholder::fill(&mut sigma, &self.values).ok()?;
        let mut reasons = Vec::new();
        let attributes = Attributes::of(&sigma, text, &mut reasons);
        sigma.custom_attributes.clear();
        let cases = Cases::new(Case::default(), &attributes);
        reasons.is_empty().then(|| Body::new(sigma, self.name, pack, attributes, cases, self.level, open))
    }
}

fn info(sigma: &SigmaRule, name: &str, pack: Option<&str>, attributes: &Attributes) -> RuleInfo {
    RuleInfo {
        name: name.to_owned(),
        pack: pack.map(str::to_owned),
        id: sigma.id.clone(),
        title: sigma.title.clone(),
        plural: attributes.plural.clone(),
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
