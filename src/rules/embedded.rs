//! Built-in rules as the build script leaves them: parsed, and written down as JSON.
//!
//! In: the outline of one rule and its JSON. Out: what the parser and [`Attributes`] make of its YAML; a test compares the
//! two for every rule. The engine's own types can be written and not read, so that what they hold is read into types of the
//! same shape.

use std::collections::HashMap;

use rsigma_parser::{
    ArrayQuantifier, ConditionExpr, Detection, DetectionItem, Detections, FieldSpec, Level, LogSource, Modifier,
    Related, SigmaRule, SigmaString, SigmaValue, Status,
};
use serde::de::{Deserialize, Deserializer, Error};

use super::attributes::Attributes;
use super::outline::Outline;
use super::packed::JSON;

/// A parsed rule.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Embedded {
    /// The rule, without custom attributes.
    #[serde(with = "Rule")]
    pub(super) sigma: SigmaRule,
    /// Its `trailwarden:` key.
    #[serde(default)]
    pub(super) attributes: Attributes,
}

impl Embedded {
    /// Reads what the build script has written; `None` when that is something else.
    pub(super) fn read(outline: &Outline) -> Option<Self> {
        let mut read: Self = serde_json::from_str(JSON.get(outline.json.clone())?).ok()?;
        read.sigma.name = Some(outline.name.to_owned());
        read.sigma.id = outline.id.map(str::to_owned);
        Some(read)
    }
}

#[derive(serde::Deserialize)]
#[serde(remote = "SigmaRule", deny_unknown_fields)]
struct Rule {
    title: String,
    logsource: LogSource,
    #[serde(deserialize_with = "detections")]
    detection: Detections,
    sigma_version: Option<u32>,
    #[serde(skip)]
    id: Option<String>,
    #[serde(skip)]
    name: Option<String>,
    #[serde(default)]
    related: Vec<Related>,
    taxonomy: Option<String>,
    status: Option<Status>,
    description: Option<String>,
    license: Option<String>,
    author: Option<String>,
    #[serde(default)]
    references: Vec<String>,
    date: Option<String>,
    modified: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    falsepositives: Vec<String>,
    level: Option<Level>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    scope: Vec<String>,
    #[serde(skip)]
    custom_attributes: HashMap<String, yaml_serde::Value>,
}

fn detections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Detections, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Read {
        named: HashMap<String, Selection>,
        #[serde(default)]
        conditions: Vec<ConditionExpr>,
        #[serde(default)]
        condition_strings: Vec<String>,
        timeframe: Option<String>,
    }
    let Read { named, conditions, condition_strings, timeframe } = Read::deserialize(deserializer)?;
    Ok(Detections { named: all_named(named), conditions, condition_strings, timeframe })
}

fn all_named(named: HashMap<String, Selection>) -> HashMap<String, Detection> {
    named.into_iter().map(|(name, selection)| (name, selection.into())).collect()
}

/// A [`Detection`].
#[derive(serde::Deserialize)]
enum Selection {
    AllOf(Vec<Item>),
    AnyOf(Vec<Selection>),
    Keywords(Vec<Scalar>),
    ArrayMatch { field: String, quantifier: ArrayQuantifier, body: Box<Selection> },
    And(Vec<Selection>),
    Conditional { named: HashMap<String, Selection>, condition: ConditionExpr },
}

impl From<Selection> for Detection {
    fn from(selection: Selection) -> Self {
        let all = |parts: Vec<Selection>| parts.into_iter().map(Self::from).collect();
        match selection {
            Selection::AllOf(items) => Self::AllOf(items.into_iter().map(DetectionItem::from).collect()),
            Selection::AnyOf(parts) => Self::AnyOf(all(parts)),
            Selection::Keywords(values) => Self::Keywords(values.into_iter().map(|value| value.of(false)).collect()),
            Selection::ArrayMatch { field, quantifier, body } => {
                Self::ArrayMatch { field, quantifier, body: Box::new(Self::from(*body)) }
            }
            Selection::And(parts) => Self::And(all(parts)),
            Selection::Conditional { named, condition } => Self::Conditional { named: all_named(named), condition },
        }
    }
}

/// A [`DetectionItem`].
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    #[serde(with = "Field")]
    field: FieldSpec,
    #[serde(default)]
    values: Vec<Scalar>,
}

impl From<Item> for DetectionItem {
    fn from(Item { field, values }: Item) -> Self {
        let is_regex = field.has_modifier(Modifier::Re);
        Self { field, values: values.into_iter().map(|value| value.of(is_regex)).collect() }
    }
}

#[derive(serde::Deserialize)]
#[serde(remote = "FieldSpec", deny_unknown_fields)]
struct Field {
    name: Option<String>,
    #[serde(default, deserialize_with = "modifiers")]
    modifiers: Vec<Modifier>,
}

fn modifiers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Modifier>, D::Error> {
    let words = Vec::<&str>::deserialize(deserializer)?;
    let modifier = |word: &str| word.parse().map_err(|()| Error::custom(format!("there is no modifier {word:?}")));
    words.into_iter().map(modifier).collect()
}

/// A [`SigmaValue`], with strings as they are written.
#[derive(serde::Deserialize)]
enum Scalar {
    String(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Null,
}

impl Scalar {
    /// The value; in a regular expression nothing is a wildcard.
    fn of(self, is_regex: bool) -> SigmaValue {
        match self {
            Self::String(text) if is_regex => SigmaValue::String(SigmaString::from_raw(&text)),
            Self::String(text) => SigmaValue::String(SigmaString::new(&text)),
            Self::Integer(number) => SigmaValue::Integer(number),
            Self::Float(number) => SigmaValue::Float(number),
            Self::Bool(flag) => SigmaValue::Bool(flag),
            Self::Null => SigmaValue::Null,
        }
    }
}
