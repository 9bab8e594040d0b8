//! The document, from its JSON.

use std::borrow::Cow;
use std::collections::HashSet;

use percent_encoding::percent_decode_str;
use serde_json_borrow::{ObjectAsVec as Object, Value};

use super::condition::{Condition, Operator};
use super::pattern::Pattern;

/// How often a document may have been percent-encoded.
const MAX_ENCODINGS: usize = 3;

/// Why a policy document, or a statement of it, could not be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PolicyError {
    /// The text is not JSON. The parser's words are kept, the text is not.
    #[error("the policy is not JSON: {0}")]
    Json(String),
    /// An element has a form IAM does not define.
    #[error("the policy's `{element}` must be {expected}")]
    Form {
        /// The element, such as `Statement`.
        element: &'static str,
        /// What IAM defines it to be.
        expected: &'static str,
    },
    /// A condition operator that IAM does not have.
    #[error("the condition operator {0:?} is not known")]
    Operator(String),
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `Version`, which says whether there are variables.
    pub version: Version,
    /// Its statements, in order.
    pub statements: Vec<Statement>,
}

/// The version of the policy language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`, also when none is given: `${…}` is plain text.
    V2008,
    /// `2012-10-17`
    V2012,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`, when it has one.
    pub sid: Option<String>,
    /// `Effect`; `None` when it is not understood.
    pub effect: Option<Effect>,
    /// `Principal` or `NotPrincipal`, when it has one that is understood.
    pub principals: Option<Principals>,
    /// `Action` or `NotAction`.
    pub actions: Actions,
    /// `Condition`: all of them have to hold.
    pub conditions: Vec<Condition>,
    /// What was not understood. A statement with faults must not be taken at its word.
    pub faults: Vec<PolicyError>,
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
    /// `"Principal": {"AWS": […], "Service": […], …}`
    Named(Vec<Principal>),
    /// `NotPrincipal`: everybody but these.
    AllBut(Vec<Principal>),
}

/// One principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its type.
    pub kind: PrincipalKind,
    /// As written.
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
    /// Reads a document from its JSON, plain or percent-encoded.
    ///
    /// # Errors
    /// [`PolicyError`], when the document as a whole is not understood. Faults of one statement stay with it.
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

/// The JSON of a document, plain or percent-encoded.
pub(super) fn decoded(text: &str) -> Result<Cow<'_, str>, PolicyError> {
    let blank = |one: char| one.is_whitespace() || one == '\u{feff}';
    let mut json = Cow::Borrowed(text.trim_matches(blank));
    // Some tools encode what is encoded already, and write blanks as `+`, which is itself written as `%2B`.
    for _ in 0..MAX_ENCODINGS {
        if !json.starts_with('%') {
            break;
        }
        let spaced = json.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8();
        let decoded = decoded.map_err(|error| PolicyError::Json(error.to_string()))?;
        json = Cow::Owned(decoded.trim_matches(blank).to_owned());
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
            faults: Vec::new(),
        };
        match value.as_object() {
            Some(object) => statement.read(object).unwrap_or_else(|fault| statement.faults.push(fault)),
            None => statement.faults.push(PolicyError::Form { element: "Statement", expected: "an object" }),
        }
        statement
    }

    /// Reads what it can; the first fault of an element ends it.
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
            // Without a type, which IAM does not take and other tools do.
            (Some(untyped @ (Value::Str(_) | Value::Array(_))), None) => Some(Principals::Named(of_aws(untyped)?)),
            (None, Some(untyped @ (Value::Str(_) | Value::Array(_)))) => Some(Principals::AllBut(of_aws(untyped)?)),
            _ => {
                let expected = "there once, as Principal or NotPrincipal, and \"*\" or an object";
                return Err(PolicyError::Form { element: "Principal", expected });
            }
        };
        self.actions = match (element(object, "Action")?, element(object, "NotAction")?) {
            (Some(action), None) => Actions::These(strings(action, "Action")?),
            (None, Some(action)) => Actions::AllBut(strings(action, "NotAction")?),
            _ => {
                return Err(PolicyError::Form { element: "Action", expected: "there once, as Action or NotAction" });
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
        let known = KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, kind) = known.ok_or(PolicyError::Form { element: "Principal", expected })?;
        let values = scalars(values, "Principal")?;
        principals.extend(values.into_iter().map(|value| Principal { kind: *kind, value }));
    }
    Ok(principals)
}

fn conditions(operators: &Object<'_>) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    only_once(operators)?;
    for (name, keys) in operators.iter() {
        let operator = Operator::parse(name).ok_or_else(|| PolicyError::Operator(name.to_owned()))?;
        let form = PolicyError::Form { element: "Condition", expected: "an object of objects" };
        let keys = keys.as_object().ok_or(form)?;
        only_once(keys)?;
        for (key, values) in keys.iter() {
            conditions.push(Condition { operator, key: key.to_owned(), values: scalars(values, "Condition")? });
        }
    }
    Ok(conditions)
}

/// A condition that is there twice leaves open which counts.
fn only_once(members: &Object<'_>) -> Result<(), PolicyError> {
    let mut seen = HashSet::new();
    match members.iter().all(|(name, _)| seen.insert(name.to_ascii_lowercase())) {
        true => Ok(()),
        false => {
            Err(PolicyError::Form { element: "Condition", expected: "an object in which each name is there once" })
        }
    }
}

/// A member by its name in any case. One that is there twice leaves open which counts.
fn element<'v, 'a>(object: &'v Object<'a>, name: &'static str) -> Result<Option<&'v Value<'a>>, PolicyError> {
    let mut found = object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(PolicyError::Form { element: name, expected: "there only once" }),
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

/// Strings, numbers and booleans, one or a list; IAM compares them all as text.
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
        one => text(one).map(|text| vec![text]).ok_or(form),
    }
}
