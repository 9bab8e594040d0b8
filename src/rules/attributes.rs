//! What Sigma has no word for: the `trailwarden:` key of a rule file. A stock Sigma tool ignores it.

use rsigma_eval::CompiledRule;
use rsigma_parser::Level;
use serde::Deserialize;

use super::check::unknown_fact;
use super::fault::Reason;
use super::template::Template;
use crate::finding::{Confirm, Control, Status};

/// The `trailwarden:` key. Everything in it is optional; a key that is not listed here is a fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attributes {
    /// The finding's sentence.
    pub(super) message: Option<Template>,
    /// How to undo it.
    pub(super) remediation: Option<Template>,
    /// Where the resource stands: the first of these that is in the record.
    #[serde(default)]
    pub(super) resource: Vec<ResourceSpec>,
    /// Controls the rule stands for.
    #[serde(default)]
    pub(super) compliance: Vec<Control>,
    /// What its findings say.
    #[serde(default, deserialize_with = "status")]
    pub(super) status: Status,
    /// When its findings are a warning only, one level lower.
    pub(super) undecided: Option<Undecided>,
    /// When its findings are worse than its level says.
    pub(super) raised: Option<Raised>,
    /// The check of live state that would settle them.
    pub(super) confirm: Option<Confirm>,
    /// Whether it runs without being asked for.
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    /// Whether it judges the calls it matches. A rule that only lists calls does not count as covering them.
    #[serde(default = "yes")]
    pub(super) judges: bool,
    /// Paths of the accounts it is about: when all of them, and all organizations, are trusted, it finds nothing.
    #[serde(default, deserialize_with = "paths")]
    pub(super) accounts: Vec<String>,
    /// Paths of the organizations and organizational units it is about.
    #[serde(default, deserialize_with = "paths")]
    pub(super) organizations: Vec<String>,
}

fn yes() -> bool {
    true
}

/// The case in which a record that matches does not decide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Undecided {
    /// The detection that holds then.
    pub(super) when: String,
    /// The finding's sentence in that case.
    pub(super) message: Option<Template>,
    /// How to find out, and to undo it.
    pub(super) remediation: Option<Template>,
}

/// The case in which a record that matches is worse.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raised {
    /// The detection that holds then.
    pub(super) when: String,
    /// The level its findings have.
    pub(super) level: Level,
}

/// One place to look for the resource.
#[derive(Debug, Deserialize)]
#[serde(try_from = "WrittenResourceSpec")]
pub(super) enum ResourceSpec {
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
        }
    }
}

impl Attributes {
    /// The attributes of a rule; what is wrong with them goes to `reasons`.
    pub(super) fn of(rule: &CompiledRule, reasons: &mut Vec<Reason>) -> Self {
        let Some(value) = rule.custom_attributes.get("trailwarden") else {
            return Self::default();
        };
        let attributes: Self = match serde_json::from_value(value.clone()) {
            Ok(attributes) => attributes,
            Err(error) => {
                reasons.push(Reason::error(format!("its `trailwarden:` key: {error}")).at("trailwarden"));
                return Self::default();
            }
        };
        let undecided = attributes.undecided.iter().flat_map(|case| [&case.message, &case.remediation]);
        let templates = [&attributes.message, &attributes.remediation].into_iter().chain(undecided);
        let paths = templates.flatten().flat_map(Template::paths);
        let specs = attributes.resource.iter().map(|spec| match spec {
            ResourceSpec::Field { id, .. } => id.as_str(),
            ResourceSpec::Fact(fact) => fact.as_str(),
        });
        let others = attributes.others();
        reasons.extend(paths.chain(specs).chain(others).filter_map(unknown_fact));
        attributes
    }

    /// Paths of the accounts and organizations it is about.
    pub(super) fn others(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().chain(&self.organizations).map(String::as_str)
    }
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
