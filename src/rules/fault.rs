//! Why rules cannot be used, or should be looked at.

use std::fmt;

use serde::Serialize;

use super::placeholder::{PLACEHOLDERS, Unfilled};
use super::settings::did_you_mean;
use crate::text::visible;

/// How much a fault matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// The rule runs, but does not do what it seems to.
    Warning,
    /// The rule asks for what this evaluator cannot do. Such rules can be skipped.
    Unsupported,
    /// The rule is wrong.
    Error,
}

impl FaultKind {
    /// In lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Unsupported => "unsupported",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong with one file or rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleFault {
    /// The file, as named on the command line or, for built-in rules, in the repository.
    pub file: String,
    /// The line in it, from 1, when it is known.
    pub line: Option<usize>,
    /// The rule, when the fault is not the whole file's.
    pub rule: Option<String>,
    /// How much it matters.
    pub kind: FaultKind,
    /// What is wrong and what to do.
    pub reason: String,
}

/// What is wrong, before it is known where that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) kind: FaultKind,
    pub(super) text: String,
    /// Where it is in the file.
    pub(super) at: Option<At>,
}

/// Where in a document something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    /// On the line that has this word.
    Word(String),
    /// On this line of the document, from 1.
    Line(usize),
}

impl Reason {
    pub(super) fn error(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Error, text: text.into(), at: None }
    }

    pub(super) fn unsupported(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Unsupported, ..Self::error(text) }
    }

    pub(super) fn warning(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Warning, ..Self::error(text) }
    }

    /// The reason, about this word of the file.
    pub(super) fn at(self, word: impl Into<String>) -> Self {
        Self { at: Some(At::Word(word.into())), ..self }
    }

    /// The reason, about this line of the document, from 1.
    pub(super) fn on(self, line: usize) -> Self {
        Self { at: Some(At::Line(line)), ..self }
    }

    /// The fault, in a file with this text.
    pub(super) fn in_file(self, file: &str, text: &str, rule: Option<&str>) -> RuleFault {
        self.in_part(file, text, 0, rule)
    }

    /// The fault, in a part of a file that has this text and `above` lines before it.
    pub(super) fn in_part(self, file: &str, text: &str, above: usize, rule: Option<&str>) -> RuleFault {
        let quoted = self.text.split('`').nth(1);
        let line = match &self.at {
            Some(At::Line(line)) => Some(*line),
            Some(At::Word(word)) => line_in_message(&self.text).or_else(|| line_of(text, word)),
            None => line_in_message(&self.text),
        };
        let line = line
            .or_else(|| quoted.and_then(|word| line_of(text, word)))
            .or_else(|| text.lines().position(|line| !line.trim().is_empty()).map(|place| place + 1));
        let message = if above > 0 { with_lines_below(&self.text, above) } else { self.text };
        RuleFault { line: line.map(|line| line + above), kind: self.kind, ..RuleFault::new(file, rule, message) }
    }
}

impl RuleFault {
    /// A fault of a whole file.
    pub fn of_file(file: &str, reason: String) -> Self {
        Self::new(file, None, reason)
    }

    /// A fault of a file with this text, at the line that contains `word` or that `reason` names.
    pub fn in_text(file: &str, text: &str, word: Option<&str>, reason: String) -> Self {
        let reason = Reason::error(reason);
        let reason = match word {
            Some(word) => reason.at(word),
            None => reason,
        };
        reason.in_file(file, text, None)
    }

    pub(super) fn new(file: &str, rule: Option<&str>, reason: String) -> Self {
        // Parsers draw pictures over several lines; a fault is one line.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { file: file.to_owned(), line: None, rule: rule.map(str::to_owned), kind: FaultKind::Error, reason }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&visible(&self.file))?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        formatter.write_str(": ")?;
        if self.kind != FaultKind::Error {
            write!(formatter, "{}: ", self.kind.as_str())?;
        }
        if let Some(rule) = &self.rule {
            write!(formatter, "rule `{}`: ", visible(rule))?;
        }
        formatter.write_str(&visible(&self.reason))
    }
}

impl From<Unfilled> for Reason {
    fn from(Unfilled { field, name }: Unfilled) -> Self {
        let known: Vec<&str> = PLACEHOLDERS.iter().map(|(known, _)| *known).collect();
        let text = format!(
            "`{field}|expand` has the placeholder `%{name}%`{}, and there is nothing to fill it with; list its values under \
             `placeholders:` in the configuration file",
            did_you_mean(&name, &known)
        );
        Self::unsupported(text).at(format!("%{name}%"))
    }
}

/// All faults of a rule set. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleFaults(pub Vec<RuleFault>);

impl fmt::Display for RuleFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            if place > 0 {
                formatter.write_str("\n")?;
            }
            fault.fmt(formatter)?;
        }
        Ok(())
    }
}

/// The line, from 1, that has `word` as a key or value; otherwise the first that contains it. Case does not matter.
fn line_of(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (&text.to_ascii_lowercase(), &word.to_ascii_lowercase());
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let stands_alone = |line: &str| {
        line.match_indices(word.as_str()).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    };
    let code = |line: &str| !line.trim_start().starts_with('#');
    let place = text.lines().position(|line| code(line) && stands_alone(line));
    place.or_else(|| text.lines().position(|line| line.contains(word.as_str()))).map(|place| place + 1)
}

/// How YAML parsers name a line in their messages.
const LINE: &str = " line ";

/// The `line 7` of a YAML parser's message.
fn line_in_message(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once(LINE)?;
    rest.split(|one: char| !one.is_ascii_digit()).next()?.parse().ok()
}

/// A message of a YAML parser about a part of a file with `above` lines before it: its lines are those of the file.
fn with_lines_below(message: &str, above: usize) -> String {
    let mut parts = message.split(LINE);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at_checked(digits).unwrap_or(("", part));
        text.push_str(LINE);
        match number.parse::<usize>() {
            Ok(line) => text.push_str(&(line + above).to_string()),
            Err(_) => text.push_str(number),
        }
        text.push_str(rest);
    }
    text
}
