//! Sentences with holes: `{actor} opened {exposure.ingress.ports} of {resource}`.
//!
//! A hole names a field, a fact, or one of `actor`, `resource`, `account`, `region`, `partition`; after a `|` stands another
//! to take when it is not there, and after the last what to say when none is. `{{` and `}}` are braces of the text itself. What fills a hole is text from the record and is made safe for where it goes: between
//! backticks stands a command, and there it is one shell word.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

/// Bytes that hold most filled templates.
const USUAL: usize = 256;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Hole {
        paths: Vec<String>,
        otherwise: String,
        /// Whether it is between backticks.
        in_command: bool,
    },
}

impl Template {
    /// `{actor} called {eventName} of {eventSource}: title`, for rules that bring no sentence.
    pub(super) fn standard_message(title: &str) -> Self {
        Self(vec![
            Part::hole("actor"),
            Part::Literal(" called ".to_owned()),
            Part::hole("eventName"),
            Part::Literal(" of ".to_owned()),
            Part::hole("eventSource"),
            Part::Literal(format!(": {title}.")),
        ])
    }

    /// For rules that bring no remediation.
    pub(super) fn standard_remediation() -> Self {
        Self(vec![
            Part::Literal("Ask ".to_owned()),
            Part::hole("actor"),
            Part::Literal(" whether this was meant, and undo it if it was not.".to_owned()),
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
                let (hole, after) = after
                    .split_once('}')
                    .ok_or_else(|| format!("a brace is not closed: `{{` without `}}` in {text:?}"))?;
                if hole.contains('{') {
                    return Err(format!(
                        "the brace of `{{{hole}}}` in {text:?} is not closed; one of the text itself is written twice"
                    ));
                }
                let (paths, otherwise) = hole.rsplit_once('|').unwrap_or((hole, "unknown"));
                let paths: Vec<String> = paths.split('|').map(|path| path.trim().to_owned()).collect();
                if paths.iter().any(String::is_empty) {
                    return Err(format!("`{{}}` names nothing in {text:?}"));
                }
                in_command ^= literal.matches('`').count() % 2 == 1;
                parts.push(Part::Literal(std::mem::take(&mut literal)));
                parts.push(Part::Hole { paths, otherwise: otherwise.to_owned(), in_command });
                rest = after;
            } else {
                return Err(format!("`}}` without `{{` in {text:?}; a brace of the text itself is written twice"));
            }
        }
        literal.push_str(rest);
        parts.push(Part::Literal(literal));
        Ok(Self(parts))
    }

    /// A template of these parts.
    pub(super) fn of(parts: Vec<Part>) -> Self {
        Self(parts)
    }

    /// Its parts, in order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The paths its holes name.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        let paths = self.0.iter().flat_map(|part| match part {
            Part::Hole { paths, .. } => paths.as_slice(),
            Part::Literal(_) => &[],
        });
        paths.map(String::as_str)
    }

    /// The names in braces that belong to the text itself.
    pub(super) fn escaped(&self) -> Vec<&str> {
        let literals = self.0.iter().filter_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Hole { .. } => None,
        });
        let names = literals.flat_map(|text| text.split('{').skip(1)).filter_map(|rest| rest.split_once('}'));
        names.map(|(name, _)| name.trim()).filter(|name| !name.is_empty()).collect()
    }

    /// The text, with each hole filled by what `fill` finds for its path; it is told whether the hole is in a command.
    pub(super) fn fill<'f>(&self, fill: impl Fn(&str, bool) -> Option<Cow<'f, str>>) -> String {
        let text = self.fill_untrimmed(fill);
        match text.trim() {
            trimmed if trimmed.len() < text.len() => trimmed.to_owned(),
            _ => text,
        }
    }

    /// The same with the white space at both ends, for a part of a sentence.
    pub(super) fn fill_untrimmed<'f>(&self, fill: impl Fn(&str, bool) -> Option<Cow<'f, str>>) -> String {
        let mut text = String::with_capacity(USUAL);
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Hole { paths, otherwise, in_command } => {
                    let found = paths.iter().find_map(|path| fill(path, *in_command));
                    match found {
                        // A backtick of the record would end a command, or begin one.
                        Some(found) if found.contains('`') => text.push_str(&found.replace('`', "\u{2cb}")),
                        Some(found) => text.push_str(&found),
                        None => text.push_str(otherwise),
                    }
                }
            }
        }
        text
    }
}

impl fmt::Display for Template {
    /// The sentence with the first name of each hole in braces.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Literal(text) => formatter.write_str(text)?,
                Part::Hole { paths, .. } => write!(formatter, "{{{}}}", paths.first().map_or("", String::as_str))?,
            }
        }
        Ok(())
    }
}

/// What stands before the first brace, the brace, and what follows.
fn split_at_brace(text: &str) -> Option<(&str, char, &str)> {
    let (at, brace) = text.char_indices().find(|(_, one)| matches!(one, '{' | '}'))?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, brace, rest.strip_prefix(brace)?))
}

impl Part {
    fn hole(path: &str) -> Self {
        Self::Hole { paths: vec![path.to_owned()], otherwise: "unknown".to_owned(), in_command: false }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
