//! What of a rule is needed when one of its calls arrives, or somebody asks: all but what it is called and watches.
//!
//! In: the parsed rule, or the text of a built-in one, which is parsed when it is first needed.

use std::sync::Arc;

use rsigma_parser::{Level, SigmaRule, parse_sigma_yaml};

use super::attributes::Attributes;
use super::cases::{Case, Cases};
use super::header::Header;
use super::placeholder::{self, Placeholders};
use super::settings::Settings;
use super::trigger::Triggers;
use crate::finding::{RuleInfo, Severity};

/// The body of a rule.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) info: Arc<RuleInfo>,
    /// The same with the severity of the case that is worse.
    pub(super) raised_info: Arc<RuleInfo>,
    pub(super) cases: Cases,
    pub(super) attributes: Attributes,
    /// The calls it can match.
    pub(super) triggers: Triggers,
    /// The calls it could match if its placeholders had any value.
    pub(super) open_triggers: Triggers,
    /// Its placeholders are filled.
    pub(super) sigma: SigmaRule,
    /// Whether somebody has set the level, which then holds for all findings.
    pub(super) is_level_set: bool,
}

impl Body {
    /// From its parts. The rule belongs to `pack`; `level` is the one that somebody has set; `open_triggers` are the calls
    /// that it matches whatever fills its placeholders.
    pub(super) fn new(
        mut sigma: SigmaRule,
        name: &str,
        pack: Option<&str>,
        attributes: Attributes,
        cases: Cases,
        level: Option<Level>,
        open_triggers: Triggers,
    ) -> Self {
        sigma.level = level.or(sigma.level);
        let info = info(&sigma, name, pack, &attributes);
        let raised_to = attributes.raised.as_ref().map(|case| case.level).filter(|_| level.is_none());
        let raised_info = RuleInfo { severity: severity(raised_to.or(sigma.level)), ..info.clone() };
        Self {
            info: Arc::new(info),
            raised_info: Arc::new(raised_info),
            cases,
            attributes,
            triggers: Triggers::of(&sigma.detection),
            open_triggers,
            sigma,
            is_level_set: level.is_some(),
        }
    }

    /// The information for findings that the record does not decide: one level lower.
    pub(super) fn undecided_info(&self, info: &Arc<RuleInfo>) -> Arc<RuleInfo> {
        match self.is_level_set {
            true => Arc::clone(info),
            false => Arc::new(RuleInfo { severity: info.severity.lower(), ..RuleInfo::clone(info) }),
        }
    }
}

/// A built-in rule that is not parsed yet, and what the configuration says of it.
#[derive(Debug)]
pub(super) struct Unread {
    name: &'static str,
    level: Option<Level>,
    /// Of its placeholders.
    values: Placeholders,
}

impl Unread {
    pub(super) fn new(header: &Header, settings: &Settings) -> Self {
        let value = |name: &String| Some((name.clone(), settings.placeholders.get(name)?.clone()));
        let values = header.placeholders.iter().filter_map(value).collect();
        Self { name: header.name, level: settings.level(header.name), values }
    }

    /// The rule in this text; `None` if it cannot be used.
    pub(super) fn read(&self, text: &str, pack: Option<&str>) -> Option<Body> {
        let mut sigma = parse_sigma_yaml(text).ok()?.rules.pop()?;
        let open = Triggers::of(&sigma.detection);
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
