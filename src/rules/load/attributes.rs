//! The key `trailwarden:` of a rule file, which extends Sigma. Other Sigma tools ignore it.

use std::collections::BTreeMap;

use rsigma_parser::{Level, SigmaRule};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::finding::{Confirm, Control, Status};
use crate::rules::load::check::unknown_fact;
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::{did_you_mean, is_typo};
use crate::rules::load::yaml;
use crate::rules::text::remediation::RemediationTemplate;
use crate::rules::text::template::Template;

/// The value of `trailwarden:`. Every key in it is optional. Unknown keys are errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct Attributes {
    /// The message of its findings.
    pub(in crate::rules) message: Option<Template>,
    /// The remediation of its findings.
    pub(in crate::rules) remediation: Option<RemediationTemplate>,
    /// A noun for several of its findings.
    pub(in crate::rules) plural: Option<String>,
    /// The remediation of single calls, by name. Other calls have the remediation above.
    #[serde(default)]
    pub(in crate::rules) remediation_by_call: BTreeMap<String, RemediationTemplate>,
    /// Locations of the resource. The first one that the record contains is used.
    #[serde(default)]
    pub(in crate::rules) resource: Vec<ResourceSpec>,
    /// Controls of compliance frameworks that the rule implements.
    #[serde(default)]
    pub(in crate::rules) compliance: Vec<Control>,
    /// Compliance status of its findings.
    #[serde(default, deserialize_with = "status")]
    pub(in crate::rules) status: Status,
    /// The detection under which a finding is a warning, one level lower.
    #[serde(rename = "undecided")]
    pub(in crate::rules) warning: Option<WarningVariant>,
    /// The detection under which a finding has a higher level.
    #[serde(rename = "raised")]
    pub(in crate::rules) escalation: Option<LevelVariant>,
    /// The detection under which a finding has a lower level.
    #[serde(rename = "lowered")]
    pub(in crate::rules) reduction: Option<LevelVariant>,
    /// The live state check that verifies its findings.
    pub(in crate::rules) confirm: Option<Confirm>,
    /// Whether the rule is enabled by default.
    #[serde(default = "yes")]
    pub(in crate::rules) enabled: bool,
    /// Whether the calls that the rule matches count as covered. A rule that only lists calls sets it to false.
    #[serde(default = "yes", rename = "judges")]
    pub(in crate::rules) counts_as_coverage: bool,
    /// Paths of the accounts to which the call gives access. If all of them and all organizations are trusted, there is no
    /// finding.
    #[serde(default, deserialize_with = "paths")]
    pub(in crate::rules) accounts: Vec<String>,
    /// Paths of the organizations and organizational units to which the call gives access.
    #[serde(default, deserialize_with = "paths")]
    pub(in crate::rules) organizations: Vec<String>,
    /// Whether the rule reports only events that no other rule of its pack reports.
    #[serde(default)]
    pub(in crate::rules) fallback: bool,
}

fn yes() -> bool {
    true
}

/// The warning variant of a rule: the record matches, but does not show whether the resource is compliant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct WarningVariant {
    /// The name of its detection.
    pub(in crate::rules) when: String,
    /// The message of its findings.
    pub(in crate::rules) message: Option<Template>,
    /// The remediation of its findings.
    pub(in crate::rules) remediation: Option<RemediationTemplate>,
}

/// The escalation or reduction variant of a rule: the record matches, and the finding has another level.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct LevelVariant {
    /// The name of its detection.
    pub(in crate::rules) when: String,
    /// The level of its findings.
    pub(in crate::rules) level: Level,
}

/// A location of the affected resource.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawResourceSpec")]
pub(in crate::rules) enum ResourceSpec {
    /// A field that contains the id.
    Field {
        /// CloudFormation type of the resource.
        kind: String,
        /// Path of the field or fact.
        id: String,
        /// The ARN, with the placeholders `{partition}`, `{region}`, `{account}` and `{id}`, or paths.
        arn: Option<Template>,
    },
    /// A fact whose value is a list of objects with `id`, `type` and `arn`.
    Fact(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawResourceSpec {
    r#type: Option<String>,
    id: Option<String>,
    arn: Option<Template>,
    fact: Option<String>,
}

impl TryFrom<RawResourceSpec> for ResourceSpec {
    type Error = &'static str;

    fn try_from(raw: RawResourceSpec) -> Result<Self, Self::Error> {
        match raw {
            RawResourceSpec { r#type: Some(kind), id: Some(id), arn, fact: None } => Ok(Self::Field { kind, id, arn }),
            RawResourceSpec { r#type: None, id: None, arn: None, fact: Some(fact) } => Ok(Self::Fact(fact)),
            _ => Err("a `resource` has `type` and `id`, and perhaps `arn`; or it has only `fact`"),
        }
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            message: None,
            remediation: None,
            plural: None,
            remediation_by_call: BTreeMap::new(),
            resource: Vec::new(),
            compliance: Vec::new(),
            status: Status::default(),
            warning: None,
            escalation: None,
            reduction: None,
            confirm: None,
            enabled: true,
            counts_as_coverage: true,
            accounts: Vec::new(),
            organizations: Vec::new(),
            fallback: false,
        }
    }
}

impl Attributes {
    /// Parses the attributes of a rule in a document. Errors are added to `reasons`.
    pub(in crate::rules) fn parse(rule: &SigmaRule, document: &str, reasons: &mut Vec<Reason>) -> Self {
        let Some(value) = rule.custom_attributes.get(KEY) else {
            return Self::default();
        };
        let value = match serde_json::to_value(value) {
            Ok(value) => value,
            Err(error) => {
                reasons.push(AttributeError::new(None, error.to_string()).reason(document));
                return Self::default();
            }
        };
        let attributes: Self = match read_attributes(&value) {
            Ok(attributes) => attributes,
            Err(error) => {
                reasons.push(error.reason(document));
                return Self::default();
            }
        };
        let specs = attributes.resource.iter().map(|spec| match spec {
            ResourceSpec::Field { id, .. } => id.as_str(),
            ResourceSpec::Fact(fact) => fact.as_str(),
        });
        let templates = attributes.templates();
        let paths = templates.iter().flat_map(|template| template.paths());
        reasons.extend(paths.chain(specs).chain(attributes.principal_paths()).filter_map(unknown_fact));
        attributes
    }

    /// Returns the paths of the accounts and organizations to which the call gives access.
    pub(in crate::rules) fn principal_paths(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().chain(&self.organizations).map(String::as_str)
    }

    /// Returns the templates of all messages and remediations.
    pub(in crate::rules) fn templates(&self) -> Vec<&Template> {
        let messages = [&self.message].into_iter().chain(self.warning.iter().map(|variant| &variant.message));
        messages.flatten().chain(self.remediations().map(RemediationTemplate::template)).collect()
    }

    /// Returns the remediations of the rule and its variants.
    pub(in crate::rules) fn remediations(&self) -> impl Iterator<Item = &RemediationTemplate> {
        let warning = self.warning.iter().filter_map(|variant| variant.remediation.as_ref());
        self.remediation.iter().chain(self.remediation_by_call.values()).chain(warning)
    }

    /// Returns the names of the detections of variants.
    pub(in crate::rules) fn variant_detections(&self) -> Vec<&str> {
        let warning = self.warning.iter().map(|variant| variant.when.as_str());
        let levels = self.escalation.iter().chain(&self.reduction).map(|variant| variant.when.as_str());
        warning.chain(levels).collect()
    }
}

/// The key of the attributes in a rule file.
const KEY: &str = "trailwarden";

/// Reads the value of the key `trailwarden:`.
///
/// # Errors
/// Returns the first invalid value.
pub fn read_attributes<T: DeserializeOwned>(value: &Value) -> Result<T, AttributeError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let steps = error.path().iter();
        let path = steps.filter_map(|step| match step {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        });
        AttributeError { path: path.collect(), text: error.inner().to_string() }
    })
}

/// An error in the value of the key `trailwarden:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeError {
    /// The keys and indices that lead to the value.
    path: Vec<String>,
    text: String,
}

impl AttributeError {
    /// An error at a key below `trailwarden:`, or at `trailwarden:` itself.
    pub fn new(key: Option<&str>, text: String) -> Self {
        Self { path: key.map(str::to_owned).into_iter().collect(), text }
    }

    /// Locates the error in a document.
    pub(in crate::rules) fn reason(self, document: &str) -> Reason {
        let documents = yaml::documents(document);
        let holder = documents.iter().find(|node| node.get(KEY).is_some());
        let names: Vec<&str> = self.text.split('`').skip(1).step_by(2).collect();
        let unknown = names.split_first().filter(|_| self.text.contains("unknown "));
        let mut path = vec![KEY.to_owned()];
        path.extend(self.path.iter().cloned());
        // The path of an unknown key may end above it.
        if let Some((name, _)) = unknown.filter(|(name, _)| path.last().is_none_or(|last| last != *name)) {
            path.push((*name).to_owned());
        }
        let (line, node) = match holder {
            Some(holder) => holder.find(&path),
            None => {
                let keys =
                    documents.iter().flat_map(|node| node.entries()).filter_map(|(key, _)| Some((key, key.text()?)));
                let near = keys.into_iter().find(|(_, text)| is_typo(text, KEY));
                return match near {
                    Some((key, text)) => {
                        Reason::error(format!("{} (is `{text}` meant for it?)", self.text)).on(key.line)
                    }
                    None => Reason::error(self.text),
                };
            }
        };
        // The message already names the unknown key.
        let known = match (unknown, self.path.split_last()) {
            (Some((name, _)), Some((last, above))) if last == name => above,
            _ => &self.path,
        };
        let shown = path_text(known);
        let written = node.text().unwrap_or_default();
        let text = if self.text.contains("expected a string") && node.is_non_string() {
            format!("`{shown}: {written}` is not a string in YAML; put it in quotes: \"{written}\"")
        } else {
            let advice = if self.text.ends_with("expected a boolean") {
                "; write `true` or `false` without quotes".to_owned()
            } else {
                unknown.map(|(name, known)| did_you_mean(name, known)).unwrap_or_default()
            };
            if known.is_empty() {
                format!("its `{KEY}:` key: {}{advice}", self.text)
            } else {
                format!("its `{shown}`: {}{advice}", self.text)
            }
        };
        Reason::error(text).on(line)
    }
}

/// Returns a path as text: `compliance[0].control`.
fn path_text(path: &[String]) -> String {
    let mut text = String::new();
    for step in path {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            text.push_str(&format!("[{step}]"));
        } else if text.is_empty() {
            text.push_str(step);
        } else {
            text.push_str(&format!(".{step}"));
        }
    }
    text
}

/// Deserializes a path or a list of paths.
fn paths<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a path or a list of paths")]
    enum Paths {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Paths::deserialize(deserializer)? {
        Paths::One(path) => vec![path],
        Paths::Several(paths) => paths,
    })
}

fn status<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Status, D::Error> {
    let word = String::deserialize(deserializer)?;
    [Status::NonCompliant, Status::Warning, Status::Compliant]
        .into_iter()
        .find(|status| status.code() == word)
        .ok_or_else(|| {
            serde::de::Error::custom(format!("`status` is NON_COMPLIANT, WARNING or COMPLIANT, not {word:?}"))
        })
}
