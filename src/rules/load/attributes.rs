//! The `trailwarden:` key of a rule file, which extends Sigma. Other Sigma tools ignore it.

use rsigma_parser::{Level, SigmaRule};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::finding::{Confirm, Control, Status};
use crate::rules::load::check::unknown_fact;
use crate::rules::load::diagnostic::Reason;
use crate::rules::load::spelling::{did_you_mean, is_slip};
use crate::rules::load::yaml;
use crate::rules::text::remediation::RemediationTemplate;
use crate::rules::text::template::Template;

/// The `trailwarden:` key. Every key in it is optional. Unknown keys are errors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct Attributes {
    /// The finding's sentence.
    pub(in crate::rules) message: Option<Template>,
    /// How to undo it.
    pub(in crate::rules) remediation: Option<RemediationTemplate>,
    /// Locations of the resource. The first one that the record contains is used.
    #[serde(default)]
    pub(in crate::rules) resource: Vec<ResourceSpec>,
    /// Controls of compliance frameworks that the rule implements.
    #[serde(default)]
    pub(in crate::rules) compliance: Vec<Control>,
    /// Compliance status of its findings.
    #[serde(default, deserialize_with = "status")]
    pub(in crate::rules) status: Status,
    /// Warning variant: the detection under which a finding is a warning, one level lower.
    pub(in crate::rules) undecided: Option<Undecided>,
    /// Escalation variant: the detection under which a finding has a higher level.
    pub(in crate::rules) raised: Option<Raised>,
    /// The live state check that confirms or mitigates its findings.
    pub(in crate::rules) confirm: Option<Confirm>,
    /// Whether it runs by default.
    #[serde(default = "yes")]
    pub(in crate::rules) enabled: bool,
    /// Whether it judges the calls it matches. A rule that only lists calls does not count as covering them.
    #[serde(default = "yes")]
    pub(in crate::rules) judges: bool,
    /// Paths of the accounts it is about: when all of them, and all organizations, are trusted, it finds nothing.
    #[serde(default, deserialize_with = "paths")]
    pub(in crate::rules) accounts: Vec<String>,
    /// Paths of the organizations and organizational units it is about.
    #[serde(default, deserialize_with = "paths")]
    pub(in crate::rules) organizations: Vec<String>,
    /// Whether it reports only events that no other rule of its pack reports.
    #[serde(default)]
    pub(in crate::rules) fallback: bool,
}

fn yes() -> bool {
    true
}

/// The case in which a record that matches does not decide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct Undecided {
    /// The detection that holds then.
    pub(in crate::rules) when: String,
    /// The finding's sentence in that case.
    pub(in crate::rules) message: Option<Template>,
    /// How to find out, and to undo it.
    pub(in crate::rules) remediation: Option<RemediationTemplate>,
}

/// The case in which a record that matches is worse.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::rules) struct Raised {
    /// The detection that holds then.
    pub(in crate::rules) when: String,
    /// The level its findings have.
    pub(in crate::rules) level: Level,
}

/// One place to look for the resource.
#[derive(Debug, Deserialize)]
#[serde(try_from = "WrittenResourceSpec")]
pub(in crate::rules) enum ResourceSpec {
    /// A field that holds an id.
    Field {
        /// CloudFormation type.
        kind: String,
        /// Path of the field or fact.
        id: String,
        /// The ARN, with `{partition}`, `{region}`, `{account}`, `{id}` or a path in its holes.
        arn: Option<Template>,
    },
    /// A fact that is a list of `id`, `type` and `arn`.
    Fact(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenResourceSpec {
    r#type: Option<String>,
    id: Option<String>,
    arn: Option<Template>,
    fact: Option<String>,
}

impl TryFrom<WrittenResourceSpec> for ResourceSpec {
    type Error = &'static str;

    fn try_from(written: WrittenResourceSpec) -> Result<Self, Self::Error> {
        match written {
            WrittenResourceSpec { r#type: Some(kind), id: Some(id), arn, fact: None } => {
                Ok(Self::Field { kind, id, arn })
            }
            WrittenResourceSpec { r#type: None, id: None, arn: None, fact: Some(fact) } => Ok(Self::Fact(fact)),
            _ => Err("a `resource` has `type` and `id`, and perhaps `arn`; or it has only `fact`"),
        }
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            message: None,
            remediation: None,
            resource: Vec::new(),
            compliance: Vec::new(),
            status: Status::default(),
            undecided: None,
            raised: None,
            confirm: None,
            enabled: true,
            judges: true,
            accounts: Vec::new(),
            organizations: Vec::new(),
            fallback: false,
        }
    }
}

impl Attributes {
    /// The attributes of a rule with this document; what is wrong with them goes to `reasons`.
    pub(in crate::rules) fn of(rule: &SigmaRule, document: &str, reasons: &mut Vec<Reason>) -> Self {
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
        reasons.extend(paths.chain(specs).chain(attributes.others()).filter_map(unknown_fact));
        attributes
    }

    /// Paths of the accounts and organizations it is about.
    pub(in crate::rules) fn others(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().chain(&self.organizations).map(String::as_str)
    }

    /// The sentences.
    pub(in crate::rules) fn templates(&self) -> Vec<&Template> {
        let messages = [&self.message].into_iter().chain(self.undecided.iter().map(|case| &case.message));
        messages.flatten().chain(self.remediations().map(RemediationTemplate::template)).collect()
    }

    /// The remediations of all cases.
    pub(in crate::rules) fn remediations(&self) -> impl Iterator<Item = &RemediationTemplate> {
        let undecided = self.undecided.iter().filter_map(|case| case.remediation.as_ref());
        self.remediation.iter().chain(undecided)
    }

    /// The detections that cases refer to.
    pub(in crate::rules) fn detections(&self) -> Vec<&str> {
        let undecided = self.undecided.iter().map(|case| case.when.as_str());
        undecided.chain(self.raised.iter().map(|case| case.when.as_str())).collect()
    }
}

/// The key of our attributes.
const KEY: &str = "trailwarden";

/// Reads the value of the key `trailwarden:`.
///
/// # Errors
/// The first value that is not as it must be.
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
    /// The keys and positions that lead to it.
    path: Vec<String>,
    text: String,
}

impl AttributeError {
    /// An error at a key below `trailwarden:`; of all of it without one.
    pub fn new(key: Option<&str>, text: String) -> Self {
        Self { path: key.map(str::to_owned).into_iter().collect(), text }
    }

    /// The reason, in a document.
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
                let near = keys.into_iter().find(|(_, text)| is_slip(text, KEY));
                return match near {
                    Some((key, text)) => {
                        Reason::error(format!("{} (is `{text}` meant for it?)", self.text)).on(key.line)
                    }
                    None => Reason::error(self.text),
                };
            }
        };
        // What is unknown is named by the message.
        let known = match (unknown, self.path.split_last()) {
            (Some((name, _)), Some((last, above))) if last == name => above,
            _ => &self.path,
        };
        let shown = shown_path(known);
        let written = node.text().unwrap_or_default();
        let text = if self.text.contains("expected a string") && node.is_no_string() {
            format!("`{shown}: {written}` is no string in YAML; put it in quotes: \"{written}\"")
        } else {
            let advice = match self.text.ends_with("expected a boolean") {
                true => "; write `true` or `false` without quotes".to_owned(),
                false => unknown.map(|(name, known)| did_you_mean(name, known)).unwrap_or_default(),
            };
            match known.is_empty() {
                true => format!("its `{KEY}:` key: {}{advice}", self.text),
                false => format!("its `{shown}`: {}{advice}", self.text),
            }
        };
        Reason::error(text).on(line)
    }
}

/// `compliance[0].control`
fn shown_path(path: &[String]) -> String {
    let mut shown = String::new();
    for step in path {
        match step.bytes().all(|byte| byte.is_ascii_digit()) {
            true => shown.push_str(&format!("[{step}]")),
            false if shown.is_empty() => shown.push_str(step),
            false => shown.push_str(&format!(".{step}")),
        }
    }
    shown
}

/// One path, or a list of them.
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
    [Status::NonCompliant, Status::Warning]
        .into_iter()
        .find(|status| status.code() == word)
        .ok_or_else(|| serde::de::Error::custom(format!("`status` is NON_COMPLIANT or WARNING, not {word:?}")))
}
