//! IAM policy documents as types.
//!
//! Lenient in form, as IAM is: the document may be plain or percent-encoded JSON, `Statement` one object or a list, a
//! value one string or a list, and element names may be written in any case. Strict in meaning: what is not understood
//! is an error, so that nobody mistakes it for harmless.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use wildmatch::WildMatch;

/// Why a policy document could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PolicyError {
    /// The text is not JSON. The parser's words are kept, the text is not.
    #[error("the policy is not JSON: {0}")]
    Json(String),
    /// An element has a form IAM does not define.
    #[error("the policy's `{element}` is not {expected}")]
    Form {
        /// The element, such as `Statement`.
        element: &'static str,
        /// What IAM defines it to be.
        expected: &'static str,
    },
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its statements, in order.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`, when it has one.
    pub sid: Option<String>,
    /// `Effect`.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`, when it has one.
    pub principals: Option<Principals>,
    /// `Action` or `NotAction`.
    pub actions: Actions,
    /// `Condition`; empty when it is missing or `{}`.
    pub condition: Map<String, Value>,
}

/// `Effect`. Its value is case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// Whom a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principals {
    /// `"Principal": "*"`
    Anyone,
    /// `"Principal": {"AWS": […], "Service": […], …}` as pairs of type and value.
    Named(Vec<(String, String)>),
    /// `NotPrincipal`: everybody but somebody.
    AllBut,
}

impl Principals {
    /// The plain `*`, for people of any account: `"*"` or `{"AWS": "*"}`.
    pub fn has_plain_star(&self) -> bool {
        match self {
            Self::Anyone => true,
            Self::Named(pairs) => pairs.iter().any(|(kind, value)| kind.eq_ignore_ascii_case("AWS") && value == "*"),
            Self::AllBut => false,
        }
    }

    /// Whether more is admitted than what is named in full: a wildcard anywhere, or everybody but somebody.
    pub fn is_open_ended(&self) -> bool {
        match self {
            Self::Anyone | Self::AllBut => true,
            Self::Named(pairs) => pairs.iter().any(|(_, value)| value.contains(['*', '?'])),
        }
    }
}

/// What a statement is about, as patterns with `*` and `?`, compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actions {
    /// `Action`
    These(Vec<String>),
    /// `NotAction`
    AllBut(Vec<String>),
}

impl Actions {
    /// Whether `action`, such as `sts:AssumeRole`, is meant.
    pub fn cover(&self, action: &str) -> bool {
        let matches = |patterns: &[String]| {
            patterns.iter().any(|pattern| WildMatch::new_case_insensitive(pattern).matches(action))
        };
        match self {
            Self::These(patterns) => matches(patterns),
            Self::AllBut(patterns) => !matches(patterns),
        }
    }
}

impl Policy {
    /// Reads a document from its JSON, plain or percent-encoded.
    ///
    /// # Errors
    /// [`PolicyError`], when a part of it is not understood.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        let json = if trimmed.starts_with('%') {
            percent_decode_str(trimmed).decode_utf8().map_err(|error| PolicyError::Json(error.to_string()))?
        } else {
            Cow::Borrowed(trimmed)
        };
        let value: Value = serde_json::from_str(&json).map_err(|error| PolicyError::Json(error.to_string()))?;
        Self::from_value(&value)
    }

    fn from_value(value: &Value) -> Result<Self, PolicyError> {
        let document = object(value, "policy document")?;
        let statements = match element(document, "Statement") {
            Some(Value::Array(statements)) => statements.iter().map(Statement::from_value).collect(),
            Some(single @ Value::Object(_)) => Statement::from_value(single).map(|statement| vec![statement]),
            _ => Err(PolicyError::Form { element: "Statement", expected: "an object or a list of objects" }),
        }?;
        Ok(Self { statements })
    }
}

impl Statement {
    fn from_value(value: &Value) -> Result<Self, PolicyError> {
        let statement = object(value, "Statement")?;
        let effect = match element(statement, "Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => {
                return Err(PolicyError::Form { element: "Effect", expected: "Allow or Deny" });
            }
        };
        let principals = match (element(statement, "Principal"), element(statement, "NotPrincipal")) {
            (Some(principal), None) => Some(principals(principal)?),
            (None, Some(_)) => Some(Principals::AllBut),
            (None, None) => None,
            (Some(_), Some(_)) => {
                return Err(PolicyError::Form { element: "Principal", expected: "alone, without NotPrincipal" });
            }
        };
        let actions = match (element(statement, "Action"), element(statement, "NotAction")) {
            (Some(action), None) => Actions::These(strings(action, "Action")?),
            (None, Some(action)) => Actions::AllBut(strings(action, "NotAction")?),
            _ => {
                return Err(PolicyError::Form { element: "Action", expected: "there once, as Action or NotAction" });
            }
        };
        let condition = match element(statement, "Condition") {
            None | Some(Value::Null) => Map::new(),
            Some(condition) => object(condition, "Condition")?.clone(),
        };
        let sid = element(statement, "Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty()).map(str::to_owned);
        Ok(Self { sid, effect, principals, actions, condition })
    }
}

fn principals(value: &Value) -> Result<Principals, PolicyError> {
    match value {
        Value::String(star) if star == "*" => Ok(Principals::Anyone),
        Value::Object(by_type) => {
            let mut pairs = Vec::new();
            for (kind, values) in by_type {
                pairs.extend(strings(values, "Principal")?.into_iter().map(|value| (kind.clone(), value)));
            }
            Ok(Principals::Named(pairs))
        }
        _ => Err(PolicyError::Form { element: "Principal", expected: "\"*\" or an object" }),
    }
}

/// A member by its name in any case.
fn element<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn object<'v>(value: &'v Value, element: &'static str) -> Result<&'v Map<String, Value>, PolicyError> {
    value.as_object().ok_or(PolicyError::Form { element, expected: "an object" })
}

fn strings(value: &Value, element: &'static str) -> Result<Vec<String>, PolicyError> {
    let form = PolicyError::Form { element, expected: "a string or a list of strings" };
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(values) => {
            values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or(form)
        }
        _ => Err(form),
    }
}

#[cfg(test)]
mod tests;
