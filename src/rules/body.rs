//! What of a rule is needed when one of its calls arrives, or somebody asks: all but what it is called and watches.
//!
//! In: the parsed rule, or, of a built-in one, what the build script has made of it, which is read when it is first needed.

use std::sync::Arc;

use rsigma_parser::{Level, SigmaRule};

use super::attributes::Attributes;
use super::cases::{Case, Cases};
use super::embedded::Embedded;
use super::outline::Outline;
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
    /// Its placeholders are filled.
    pub(super) sigma: SigmaRule,
    /// Whether somebody has set the level, which then holds for all findings.
    pub(super) is_level_set: bool,
}

impl Body {
    /// From its parts. The rule belongs to `pack`; `level` is the one that somebody has set.
    pub(super) fn new(
        mut sigma: SigmaRule,
        name: &str,
        pack: Option<&str>,
        attributes: Attributes,
        cases: Cases,
        level: Option<Level>,
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

/// A built-in rule of which no more than the outline is known yet, and what the configuration says of it.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) outline: &'static Outline,
    level: Option<Level>,
    /// Of its placeholders.
    values: Placeholders,
}

impl Unread {
    pub(super) fn new(outline: &'static Outline, settings: &Settings) -> Self {
        let value = |name: &&str| Some(((*name).to_owned(), settings.placeholders.get(*name)?.clone()));
        // Collecting would sort them first, by code of its own.
        let mut values = Placeholders::new();
        values.extend(outline.placeholders.iter().filter_map(value));
        Self { outline, level: settings.level(outline.name), values }
    }

    /// The calls it can match, where that is known.
    pub(super) fn triggers(&self) -> Option<Triggers> {
        let text = match self.outline.unfilled {
            None => self.outline.triggers,
            Some(unfilled) => Some(unfilled).filter(|_| self.values.values().all(Vec::is_empty))?,
        };
        Some(Triggers::read(text))
    }

    /// The rule; `None` when the build script has written something else.
    pub(super) fn read(&self, pack: Option<&str>) -> Option<Body> {
        let Embedded { mut sigma, attributes } = Embedded::read(self.outline)?;
        placeholder::fill(&mut sigma, &self.values).ok()?;
        let cases = Cases::new(Case::default(), &attributes);
        Some(Body::new(sigma, self.outline.name, pack, attributes, cases, self.level))
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
