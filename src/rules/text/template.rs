//! Text with placeholders: `{actor} opened {exposure.ingress.ports} of {resource}`.
//!
//! A placeholder names a field, a fact, or one of `actor`, `resource`, `account`, `region` and `partition`. Alternatives
//! follow after `|`, and the text after the last `|` is used if none has a value. `{{` and `}}` are literal braces. Values
//! come from the record and are escaped for their position. Text between backticks is a command, in which a value is one
//! shell word.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// Initial capacity, in bytes, for a filled template. Most are shorter.
const CAPACITY: usize = 256;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct Template(Vec<TemplatePart>);

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) enum TemplatePart {
    Literal(String),
    Placeholder {
        /// Alternatives, in order of preference.
        paths: Vec<String>,
        default: String,
        /// Whether it is between backticks.
        in_command: bool,
    },
}

impl Template {
    /// The message of rules without one: `{actor} called {eventName} of {eventSource}: title`.
    pub(in crate::rules) fn default_message(title: &str) -> Self {
        Self(vec![
            TemplatePart::placeholder("actor"),
            TemplatePart::Literal(" called ".to_owned()),
            TemplatePart::placeholder("eventName"),
            TemplatePart::Literal(" of ".to_owned()),
            TemplatePart::placeholder("eventSource"),
            TemplatePart::Literal(format!(": {title}.")),
        ])
    }

    /// The message of the rule `name` for a record that exceeds its work budget.
    pub(in crate::rules) fn too_complex(name: &str) -> Self {
        Self(vec![
            TemplatePart::Literal("Record ".to_owned()),
            TemplatePart::placeholder("eventID"),
            TemplatePart::Literal(" is too complex to decide: ".to_owned()),
            TemplatePart::placeholder("actor"),
            TemplatePart::Literal(" called ".to_owned()),
            TemplatePart::placeholder("eventName"),
            TemplatePart::Literal(format!(" with values that are too long for the patterns of the rule {name}.")),
        ])
    }

    /// The remediation of the rule `name` for a record that exceeds its work budget.
    pub(in crate::rules) fn review_record(name: &str) -> Self {
        Self(vec![
            TemplatePart::Literal("Read record ".to_owned()),
            TemplatePart::placeholder("eventID"),
            TemplatePart::Literal(format!(
                " in CloudTrail and compare it with the rule {name}. Shorten the regular expressions and wildcards of the \
                 rule if this happens with harmless records."
            )),
        ])
    }

    /// The remediation of rules without one.
    pub(in crate::rules) fn default_remediation() -> Self {
        Self(vec![
            TemplatePart::Literal("Ask ".to_owned()),
            TemplatePart::placeholder("actor"),
            TemplatePart::Literal(" whether this was meant, and undo it if it was not.".to_owned()),
        ])
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut in_command = false;
        let mut rest = text;
        while let Some((before, brace, after)) = split_at_brace(rest) {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push(brace);
                rest = after;
            } else if brace == '{' {
                let (placeholder, after) = after
                    .split_once('}')
                    .ok_or_else(|| format!("a brace is not closed: `{{` without `}}` in {text:?}"))?;
                if placeholder.contains('{') {
                    return Err(format!(
                        "the brace of `{{{placeholder}}}` in {text:?} is not closed; write a literal brace twice"
                    ));
                }
                let (paths, default) = placeholder.rsplit_once('|').unwrap_or((placeholder, "unknown"));
                let paths: Vec<String> = paths.split('|').map(|path| path.trim().to_owned()).collect();
                if paths.iter().any(String::is_empty) {
                    return Err(format!("`{{}}` contains no name in {text:?}"));
                }
                in_command ^= literal.matches('`').count() % 2 == 1;
                parts.push(TemplatePart::Literal(std::mem::take(&mut literal)));
                parts.push(TemplatePart::Placeholder { paths, default: default.to_owned(), in_command });
                rest = after;
            } else {
                return Err(format!("`}}` without `{{` in {text:?}; write a literal brace twice"));
            }
        }
        literal.push_str(rest);
        parts.push(TemplatePart::Literal(literal));
        Ok(Self(parts))
    }

    /// A template of these parts.
    pub(in crate::rules) fn from_parts(parts: Vec<TemplatePart>) -> Self {
        Self(parts)
    }

    /// Returns the parts, in order.
    pub(in crate::rules) fn parts(&self) -> &[TemplatePart] {
        &self.0
    }

    /// Returns the paths in its placeholders.
    pub(in crate::rules) fn paths(&self) -> impl Iterator<Item = &str> {
        let paths = self.0.iter().flat_map(|part| match part {
            TemplatePart::Placeholder { paths, .. } => paths.as_slice(),
            TemplatePart::Literal(_) => &[],
        });
        paths.map(String::as_str)
    }

    /// Returns the names between literal braces.
    pub(in crate::rules) fn escaped(&self) -> Vec<&str> {
        let literals = self.0.iter().filter_map(|part| match part {
            TemplatePart::Literal(text) => Some(text.as_str()),
            TemplatePart::Placeholder { .. } => None,
        });
        let names = literals.flat_map(|text| text.split('{').skip(1)).filter_map(|rest| rest.split_once('}'));
        names.map(|(name, _)| name.trim()).filter(|name| !name.is_empty()).collect()
    }

    /// Fills each placeholder with the value that `fill` returns for a path. The second argument of `fill` is whether the
    /// placeholder is in a command. Trims the result.
    pub(in crate::rules) fn fill<'f>(&self, fill: impl Fn(&str, bool) -> Option<Cow<'f, str>>) -> String {
        let text = self.fill_untrimmed(fill);
        match text.trim() {
            trimmed if trimmed.len() < text.len() => trimmed.to_owned(),
            _ => text,
        }
    }

    /// Fills each placeholder and keeps the white space at both ends, for a part of a sentence.
    pub(in crate::rules) fn fill_untrimmed<'f>(&self, fill: impl Fn(&str, bool) -> Option<Cow<'f, str>>) -> String {
        let mut text = String::with_capacity(CAPACITY);
        for part in &self.0 {
            match part {
                TemplatePart::Literal(literal) => text.push_str(literal),
                TemplatePart::Placeholder { paths, default, in_command } => {
                    let found = paths.iter().find_map(|path| fill(path, *in_command));
                    match found {
                        // A backtick in a value would end or begin a command.
                        Some(found) if found.contains('`') => text.push_str(&found.replace('`', "\u{2cb}")),
                        Some(found) => text.push_str(&found),
                        None => text.push_str(default),
                    }
                }
            }
        }
        text
    }
}

impl fmt::Display for Template {
    /// Writes the text with the first name of each placeholder in braces.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                TemplatePart::Literal(text) => formatter.write_str(text)?,
                TemplatePart::Placeholder { paths, .. } => {
                    write!(formatter, "{{{}}}", paths.first().map_or("", String::as_str))?
                }
            }
        }
        Ok(())
    }
}

/// Splits text at its first brace: the text before it, the brace, and the text after it.
fn split_at_brace(text: &str) -> Option<(&str, char, &str)> {
    let (offset, brace) = text.char_indices().find(|(_, character)| matches!(character, '{' | '}'))?;
    let (before, rest) = text.split_at_checked(offset)?;
    Some((before, brace, rest.strip_prefix(brace)?))
}

impl TemplatePart {
    fn placeholder(path: &str) -> Self {
        Self::Placeholder { paths: vec![path.to_owned()], default: "unknown".to_owned(), in_command: false }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
