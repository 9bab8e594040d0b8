//! Sentences with holes: `{actor} opened {exposure.ingress.ports} of {resource}`.
//!
//! A hole names a field, a fact, or one of `actor`, `resource`, `account`, `region`, `partition`; after a `|` stands another
//! to take when it is not there, and after the last what to say when none is. `{{` and `}}` are braces of the text itself. What fills a hole is text from the record and is made safe for where it goes: between
//! backticks stands a command, and there it is one shell word.

use std::fmt;

use serde::Deserialize;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Hole { paths: Vec<String>, otherwise: String },
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
        let mut rest = text;
        while let Some((before, brace, after)) = split_at_brace(rest) {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push(brace);
                rest = after;
            } else if brace == '{' {
                let (hole, after) = after.split_once('}').ok_or_else(|| format!("`{{` without `}}` in {text:?}"))?;
                let (paths, otherwise) = hole.rsplit_once('|').unwrap_or((hole, "unknown"));
                let paths: Vec<String> = paths.split('|').map(|path| path.trim().to_owned()).collect();
                if paths.iter().any(String::is_empty) {
                    return Err(format!("`{{}}` names nothing in {text:?}"));
                }
                parts.push(Part::Literal(std::mem::take(&mut literal)));
                parts.push(Part::Hole { paths, otherwise: otherwise.to_owned() });
                rest = after;
            } else {
                return Err(format!("`}}` without `{{` in {text:?}; a brace of the text itself is written twice"));
            }
        }
        literal.push_str(rest);
        parts.push(Part::Literal(literal));
        Ok(Self(parts))
    }

    /// The paths its holes name.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        let paths = self.0.iter().flat_map(|part| match part {
            Part::Hole { paths, .. } => paths.as_slice(),
            Part::Literal(_) => &[],
        });
        paths.map(String::as_str)
    }

    /// The text, with each hole filled by what `fill` finds for its path; it is told whether the hole is in a command.
    pub(super) fn fill(&self, fill: impl Fn(&str, bool) -> Option<String>) -> String {
        let mut text = String::new();
        let mut in_command = false;
        for part in &self.0 {
            match part {
                Part::Literal(literal) => {
                    in_command ^= literal.matches('`').count() % 2 == 1;
                    text.push_str(literal);
                }
                Part::Hole { paths, otherwise } => {
                    let found = paths.iter().find_map(|path| fill(path, in_command));
                    // A backtick of the record would end a command, or begin one.
                    let found = found.map(|text| text.replace('`', "\u{2cb}"));
                    text.push_str(found.as_deref().unwrap_or(otherwise));
                }
            }
        }
        text.trim().to_owned()
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
        Self::Hole { paths: vec![path.to_owned()], otherwise: "unknown".to_owned() }
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
