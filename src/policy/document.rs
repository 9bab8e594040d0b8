//! Parses policy documents.

use std::borrow::Cow;
use std::collections::HashSet;

use percent_encoding::percent_decode_str;
use serde_json_borrow::{ObjectAsVec as Object, Value};

use super::condition::{Condition, Operator};
use super::pattern::Pattern;

/// Maximum number of times that a document may be percent-encoded.
const MAX_ENCODINGS: usize = 3;

/// Why a policy document, or a statement of it, could not be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PolicyError {
    /// The text is not JSON. Contains the parser's message, which does not quote the text.
    #[error("the policy is not JSON: {0}")]
    Json(String),
    /// An element has a form that IAM does not define.
    #[error("the policy's `{element}` must be {expected}")]
    Form {
        /// The element, such as `Statement`.
        element: &'static str,
        /// The form that IAM defines.
        expected: &'static str,
    },
    /// The condition operator does not exist in IAM.
    #[error("the condition operator {0:?} is not known")]
    Operator(String),
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `Version`, which decides whether the policy has variables.
    pub version: Version,
    /// The statements, in order.
    pub statements: Vec<Statement>,
}

/// The version of the policy language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`, the default: `${…}` is literal text.
    V2008,
    /// `2012-10-17`
    V2012,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`, if not empty.
    pub sid: Option<String>,
    /// `Effect`. `None` if it is not understood.
    pub effect: Option<Effect>,
    /// `Principal` or `NotPrincipal`. `None` if it is missing or not understood.
    pub principals: Option<Principals>,
    /// `Action` or `NotAction`.
    pub actions: Actions,
    /// `Condition`. All conditions must hold.
    pub conditions: Vec<Condition>,
    /// Elements that were not understood. The other fields of a statement with errors may be incomplete.
    pub errors: Vec<PolicyError>,
}

/// `Effect`. Its value is case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// The principals of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principals {
    /// `"Principal": "*"`
    Anyone,
    /// `"Principal": {"AWS": […], "Service": […], …}`
    Named(Vec<Principal>),
    /// `NotPrincipal`: everybody except these.
    AllBut(Vec<Principal>),
}

/// One principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The type.
    pub kind: PrincipalKind,
    /// The value as written.
    pub value: String,
}

/// The type of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// `AWS`: an account, role, user or session.
    Aws,
    /// `Service`
    Service,
    /// `Federated`: an identity provider.
    Federated,
    /// `CanonicalUser`: an account by its S3 id.
    CanonicalUser,
}

/// The actions of a statement, as case-insensitive patterns with `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actions {
    /// `Action`
    These(Vec<String>),
    /// `NotAction`
    AllBut(Vec<String>),
}

impl Actions {
    /// Whether the statement covers `action`, such as `sts:AssumeRole`.
    pub fn cover(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let matches = |patterns: &[String]| {
            patterns.iter().any(|pattern| Pattern::glob(&pattern.to_ascii_lowercase()).matches(&action))
        };
        match self {
            Self::These(patterns) => matches(patterns),
            Self::AllBut(patterns) => !matches(patterns),
        }
    }
}

impl Policy {
    /// Parses a document from plain or percent-encoded JSON.
    ///
    /// # Errors
    /// [`PolicyError`] if the document as a whole is not understood. Errors in a statement are in [`Statement::errors`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let json = decoded(text)?;
        let value: Value<'_> = serde_json::from_str(&json).map_err(|error| PolicyError::Json(error.to_string()))?;
        if let Value::Str(inner) = &value
            && inner.trim_start().starts_with(['{', '%'])
        {
            return Self::parse(inner);
        }
        let document = value.as_object().ok_or(PolicyError::Form { element: "document", expected: "an object" })?;
        let version = match element(document, "Version")?.and_then(Value::as_str) {
            Some("2012-10-17") => Version::V2012,
            _ => Version::V2008,
        };
        let statements = match element(document, "Statement")? {
            Some(Value::Array(statements)) => statements.iter().map(Statement::from_value).collect(),
            Some(single @ Value::Object(_)) => vec![Statement::from_value(single)],
            _ => {
                return Err(PolicyError::Form { element: "Statement", expected: "an object or a list of objects" });
            }
        };
        Ok(Self { version, statements })
    }
}

/// Decodes a plain or percent-encoded document to JSON.
pub(super) fn decoded(text: &str) -> Result<Cow<'_, str>, PolicyError> {
    let is_blank = |character: char| character.is_whitespace() || character == '\u{feff}';
    let mut json = Cow::Borrowed(text.trim_matches(is_blank));
    // Some tools encode an encoded document again, and encode a space as `+`. A plus sign is encoded as `%2B`.
    for _ in 0..MAX_ENCODINGS {
        if !json.starts_with('%') {
            break;
        }
        let spaced = json.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8();
        let decoded = decoded.map_err(|error| PolicyError::Json(error.to_string()))?;
        json = Cow::Owned(decoded.trim_matches(is_blank).to_owned());
    }
    Ok(json)
}

impl Statement {
    fn from_value(value: &Value<'_>) -> Self {
        let mut statement = Self {
            sid: None,
            effect: None,
            principals: None,
            actions: Actions::AllBut(Vec::new()),
            conditions: Vec::new(),
            errors: Vec::new(),
        };
        match value.as_object() {
            Some(object) => statement.read(object).unwrap_or_else(|error| statement.errors.push(error)),
            None => statement.errors.push(PolicyError::Form { element: "Statement", expected: "an object" }),
        }
        statement
    }

    /// Reads the elements up to the first error.
    fn read(&mut self, object: &Object<'_>) -> Result<(), PolicyError> {
        self.sid = element(object, "Sid")?.and_then(Value::as_str).filter(|sid| !sid.is_empty()).map(str::to_owned);
        self.effect = match element(object, "Effect")?.and_then(Value::as_str) {
            Some("Allow") => Some(Effect::Allow),
            Some("Deny") => Some(Effect::Deny),
            _ => return Err(PolicyError::Form { element: "Effect", expected: "Allow or Deny" }),
        };
        self.principals = match (element(object, "Principal")?, element(object, "NotPrincipal")?) {
            (Some(Value::Str(star)), None) if star == "*" => Some(Principals::Anyone),
            (Some(Value::Object(by_type)), None) => Some(Principals::Named(principals(by_type)?)),
            (None, Some(Value::Object(by_type))) => Some(Principals::AllBut(principals(by_type)?)),
            (None, Some(Value::Str(star))) if star == "*" => Some(Principals::Named(Vec::new())),
            // Without a type. Other tools accept this form, IAM does not.
            (Some(untyped @ (Value::Str(_) | Value::Array(_))), None) => Some(Principals::Named(of_aws(untyped)?)),
            (None, Some(untyped @ (Value::Str(_) | Value::Array(_)))) => Some(Principals::AllBut(of_aws(untyped)?)),
            _ => {
                let expected = "present once, as Principal or NotPrincipal, and \"*\" or an object";
                return Err(PolicyError::Form { element: "Principal", expected });
            }
        };
        self.actions = match (element(object, "Action")?, element(object, "NotAction")?) {
            (Some(action), None) => Actions::These(strings(action, "Action")?),
            (None, Some(action)) => Actions::AllBut(strings(action, "NotAction")?),
            _ => {
                return Err(PolicyError::Form { element: "Action", expected: "present once, as Action or NotAction" });
            }
        };
        self.conditions = match element(object, "Condition")? {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(operators)) => conditions(operators)?,
            Some(_) => return Err(PolicyError::Form { element: "Condition", expected: "an object" }),
        };
        Ok(())
    }
}

fn of_aws(untyped: &Value<'_>) -> Result<Vec<Principal>, PolicyError> {
    let values = strings(untyped, "Principal")?;
    Ok(values.into_iter().map(|value| Principal { kind: PrincipalKind::Aws, value }).collect())
}

fn principals(by_type: &Object<'_>) -> Result<Vec<Principal>, PolicyError> {
    const KINDS: [(&str, PrincipalKind); 4] = [
        ("AWS", PrincipalKind::Aws),
        ("Service", PrincipalKind::Service),
        ("Federated", PrincipalKind::Federated),
        ("CanonicalUser", PrincipalKind::CanonicalUser),
    ];
    let mut principals = Vec::new();
    for (name, values) in by_type.iter() {
        let expected = "of the type AWS, Service, Federated or CanonicalUser";
        let kind = KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, kind) = kind.ok_or(PolicyError::Form { element: "Principal", expected })?;
        let values = scalars(values, "Principal")?;
        principals.extend(values.into_iter().map(|value| Principal { kind: *kind, value }));
    }
    Ok(principals)
}

fn conditions(operators: &Object<'_>) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    require_unique_names(operators)?;
    for (name, keys) in operators.iter() {
        let operator = Operator::parse(name).ok_or_else(|| PolicyError::Operator(name.to_owned()))?;
        let form = PolicyError::Form { element: "Condition", expected: "an object of objects" };
        let keys = keys.as_object().ok_or(form)?;
        require_unique_names(keys)?;
        for (key, values) in keys.iter() {
            conditions.push(Condition { operator, key: key.to_owned(), values: scalars(values, "Condition")? });
        }
    }
    Ok(conditions)
}

/// Rejects repeated names, because it is undefined which of the members counts.
fn require_unique_names(members: &Object<'_>) -> Result<(), PolicyError> {
    let mut seen = HashSet::new();
    if members.iter().all(|(name, _)| seen.insert(name.to_ascii_lowercase())) {
        Ok(())
    } else {
        Err(PolicyError::Form { element: "Condition", expected: "an object with unique names" })
    }
}

/// A member by its name in any case. Rejects repeated names, because it is undefined which of the members counts.
fn element<'v, 'a>(object: &'v Object<'a>, name: &'static str) -> Result<Option<&'v Value<'a>>, PolicyError> {
    let mut values = object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(PolicyError::Form { element: name, expected: "present only once" }),
    }
}

fn strings(value: &Value<'_>, element: &'static str) -> Result<Vec<String>, PolicyError> {
    let form = PolicyError::Form { element, expected: "a string or a list of strings" };
    match value {
        Value::Str(text) => Ok(vec![text.to_string()]),
        Value::Array(values) => {
            values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or(form)
        }
        _ => Err(form),
    }
}

/// A scalar or a list of scalars, as text. IAM compares numbers and booleans as text too.
fn scalars(value: &Value<'_>, element: &'static str) -> Result<Vec<String>, PolicyError> {
    let text = |value: &Value<'_>| match value {
        Value::Str(text) => Some(text.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let form = PolicyError::Form { element, expected: "a string, a number, a boolean or a list of these" };
    match value {
        Value::Array(values) => values.iter().map(text).collect::<Option<_>>().ok_or(form),
        scalar => text(scalar).map(|text| vec![text]).ok_or(form),
    }
}
