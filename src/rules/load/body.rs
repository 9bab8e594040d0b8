//! The body of a rule: the parts that are needed when a record with one of its calls arrives.
//!
//! In: a parsed rule, or the text of a built-in rule, which is parsed on first use.

use std::sync::Arc;

use rsigma_parser::{Level, SigmaRule, parse_sigma_yaml};

use crate::finding::{RuleInfo, Severity};
use crate::rules::load::attributes::{Attributes, LevelVariant};
use crate::rules::load::header::Header;
use crate::rules::load::matchers::{LazyMatcher, RuleMatchers};
use crate::rules::load::settings::Settings;
use crate::rules::sigma::call_pattern::CallPatterns;
use crate::rules::sigma::placeholder::{self, Placeholders};

/// The body of a rule.
#[derive(Debug)]
pub(in crate::rules) struct Body {
    pub(in crate::rules) info: Arc<RuleInfo>,
    /// The metadata with the severity of the escalation variant.
    pub(in crate::rules) escalated_info: Arc<RuleInfo>,
    /// The metadata with the severity of the reduction variant.
    pub(in crate::rules) reduced_info: Arc<RuleInfo>,
    pub(in crate::rules) matchers: RuleMatchers,
    pub(in crate::rules) attributes: Attributes,
    /// The calls that the rule can match.
    pub(in crate::rules) call_patterns: CallPatterns,
    /// The calls that the rule could match if its placeholders had values.
    pub(in crate::rules) call_patterns_when_filled: CallPatterns,
    /// The syntax tree, with placeholders filled.
    pub(in crate::rules) sigma: SigmaRule,
    /// Whether the configuration sets the level. It then applies to all findings.
    pub(in crate::rules) has_configured_level: bool,
}

impl Body {
    /// A body of its parts. `level` is the configured level, and `call_patterns_when_filled` are the calls that the rule
    /// could match if its placeholders had values.
    pub(in crate::rules) fn new(
        mut sigma: SigmaRule,
        name: &str,
        pack: Option<&str>,
        attributes: Attributes,
        matchers: RuleMatchers,
        level: Option<Level>,
        call_patterns_when_filled: CallPatterns,
    ) -> Self {
        sigma.level = level.or(sigma.level);
        let info = info(&sigma, name, pack, &attributes);
        let with_level_of = |variant: &Option<LevelVariant>| {
            let other = variant.as_ref().map(|variant| variant.level).filter(|_| level.is_none());
            Arc::new(RuleInfo { severity: severity(other.or(sigma.level)), ..info.clone() })
        };
        let (escalated_info, reduced_info) =
            (with_level_of(&attributes.escalation), with_level_of(&attributes.reduction));
        Self {
            info: Arc::new(info),
            escalated_info,
            reduced_info,
            matchers,
            attributes,
            call_patterns: CallPatterns::of(&sigma.detection),
            call_patterns_when_filled,
            sigma,
            has_configured_level: level.is_some(),
        }
    }

    /// Returns the metadata for warnings, one level lower than `info` unless the configuration sets the level.
    pub(in crate::rules) fn warning_info(&self, info: &Arc<RuleInfo>) -> Arc<RuleInfo> {
        if self.has_configured_level {
            Arc::clone(info)
        } else {
            Arc::new(RuleInfo { severity: info.severity.lower(), ..RuleInfo::clone(info) })
        }
    }
}

/// The body of a built-in rule that is not parsed yet, with its configuration.
#[derive(Debug)]
pub(in crate::rules) struct DeferredBody {
    name: &'static str,
    level: Option<Level>,
    /// The values of its placeholders.
    placeholders: Placeholders,
}

impl DeferredBody {
    pub(in crate::rules) fn new(header: &Header, settings: &Settings) -> Self {
        let value = |name: &String| Some((name.clone(), settings.placeholders.get(name)?.clone()));
        let placeholders = header.placeholders.iter().filter_map(value).collect();
        Self { name: header.name, level: settings.level(header.name), placeholders }
    }

    /// Parses the text of the rule; `None` if it is not valid.
    pub(in crate::rules) fn parse(&self, text: &str, pack: Option<&str>) -> Option<Body> {
        let mut sigma = parse_sigma_yaml(text).ok()?.rules.pop()?;
        let call_patterns_when_filled = CallPatterns::of(&sigma.detection);
        placeholder::fill(&mut sigma, &self.placeholders).ok()?;
        let mut reasons = Vec::new();
        let attributes = Attributes::parse(&sigma, text, &mut reasons);
        sigma.custom_attributes.clear();
        let matchers = RuleMatchers::new(LazyMatcher::default(), &attributes);
        reasons
            .is_empty()
            .then(|| Body::new(sigma, self.name, pack, attributes, matchers, self.level, call_patterns_when_filled))
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
