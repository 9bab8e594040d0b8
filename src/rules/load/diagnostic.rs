//! Diagnostics: errors in rules, and parts of rules that have no effect.

use std::fmt;

use serde::Serialize;

use crate::rules::load::spelling::did_you_mean;
use crate::rules::sigma::placeholder::{PLACEHOLDERS, UnknownPlaceholder};
use crate::text::visible;

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiagnosticKind {
    /// The rule runs, but part of it has no effect.
    Warning,
    /// The rule uses a Sigma feature that is not supported. Such rules can be skipped.
    Unsupported,
    /// The rule is invalid.
    Error,
}

impl DiagnosticKind {
    /// Returns the kind in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Unsupported => "unsupported",
            Self::Error => "error",
        }
    }
}

/// A diagnostic about one file or rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleDiagnostic {
    /// The path of the file: for built-in rules, in the repository.
    pub file: String,
    /// The line, from 1, if known.
    pub line: Option<usize>,
    /// The rule, unless the diagnostic is about the whole file.
    pub rule: Option<String>,
    /// The severity.
    pub kind: DiagnosticKind,
    /// The error and how to correct it.
    pub reason: String,
}

/// A diagnostic whose file is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct Reason {
    pub(in crate::rules) kind: DiagnosticKind,
    pub(in crate::rules) text: String,
    /// Its position in the file.
    pub(in crate::rules) at: Option<At>,
}

/// A position in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) enum At {
    /// On the line that contains this word.
    Word(String),
    /// On this line of the document, from 1.
    Line(usize),
}

impl Reason {
    pub(in crate::rules) fn error(text: impl Into<String>) -> Self {
        Self { kind: DiagnosticKind::Error, text: text.into(), at: None }
    }

    pub(in crate::rules) fn unsupported(text: impl Into<String>) -> Self {
        Self { kind: DiagnosticKind::Unsupported, ..Self::error(text) }
    }

    pub(in crate::rules) fn warning(text: impl Into<String>) -> Self {
        Self { kind: DiagnosticKind::Warning, ..Self::error(text) }
    }

    /// Returns the reason, located at this word of the file.
    pub(in crate::rules) fn at(self, word: impl Into<String>) -> Self {
        Self { at: Some(At::Word(word.into())), ..self }
    }

    /// Returns the reason, located on this line of the document, from 1.
    pub(in crate::rules) fn on(self, line: usize) -> Self {
        Self { at: Some(At::Line(line)), ..self }
    }

    /// Returns the reason, located on a line of the document if that is known, and otherwise at a word.
    pub(in crate::rules) fn on_or_at(self, line: Option<usize>, word: impl Into<String>) -> Self {
        match line {
            Some(line) => self.on(line),
            None => self.at(word),
        }
    }

    /// Returns the diagnostic for a file with this text.
    pub(in crate::rules) fn in_file(self, file: &str, text: &str, rule: Option<&str>) -> RuleDiagnostic {
        self.in_document(file, text, 0, rule)
    }

    /// Returns the diagnostic for a document with this text that begins after `line_offset` lines of the file.
    pub(in crate::rules) fn in_document(
        self,
        file: &str,
        text: &str,
        line_offset: usize,
        rule: Option<&str>,
    ) -> RuleDiagnostic {
        let quoted = self.text.split('`').nth(1);
        let line = match &self.at {
            Some(At::Line(line)) => Some(*line),
            Some(At::Word(word)) => line_in_message(&self.text).or_else(|| line_containing(text, word)),
            None => line_in_message(&self.text),
        };
        let line = line
            .or_else(|| quoted.and_then(|word| line_containing(text, word)))
            .or_else(|| text.lines().position(|line| !line.trim().is_empty()).map(|index| index + 1));
        let message = if line_offset > 0 { shift_lines(&self.text, line_offset) } else { self.text };
        RuleDiagnostic {
            line: line.map(|line| line + line_offset),
            kind: self.kind,
            ..RuleDiagnostic::new(file, rule, message)
        }
    }
}

impl RuleDiagnostic {
    /// A diagnostic about a whole file.
    pub fn of_file(file: &str, reason: String) -> Self {
        Self::new(file, None, reason)
    }

    /// A diagnostic about a file with this text, on the line that contains `word` or that `reason` names.
    pub fn in_text(file: &str, text: &str, word: Option<&str>, reason: String) -> Self {
        let reason = Reason::error(reason);
        let reason = match word {
            Some(word) => reason.at(word),
            None => reason,
        };
        reason.in_file(file, text, None)
    }

    pub(in crate::rules) fn new(file: &str, rule: Option<&str>, reason: String) -> Self {
        // Parsers write several lines. A diagnostic is one line.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { file: file.to_owned(), line: None, rule: rule.map(str::to_owned), kind: DiagnosticKind::Error, reason }
    }
}

impl fmt::Display for RuleDiagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&visible(&self.file))?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        formatter.write_str(": ")?;
        if self.kind != DiagnosticKind::Error {
            write!(formatter, "{}: ", self.kind.as_str())?;
        }
        if let Some(rule) = &self.rule {
            write!(formatter, "rule `{}`: ", visible(rule))?;
        }
        formatter.write_str(&visible(&self.reason))
    }
}

impl From<UnknownPlaceholder> for Reason {
    fn from(UnknownPlaceholder { field, name }: UnknownPlaceholder) -> Self {
        let known: Vec<&str> = PLACEHOLDERS.iter().map(|(known, _)| *known).collect();
        let text = format!(
            "`{field}|expand` has the placeholder `%{name}%`{}, which has no values; list them under `placeholders:` in the \
             configuration file",
            did_you_mean(&name, &known)
        );
        Self::unsupported(text).at(format!("%{name}%"))
    }
}

/// The diagnostics of a rule set. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleDiagnostics(pub Vec<RuleDiagnostic>);

impl fmt::Display for RuleDiagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            diagnostic.fmt(formatter)?;
        }
        Ok(())
    }
}

/// Returns the line, from 1, that contains `word` as a whole word outside comments, otherwise the first that contains it.
/// Ignores case.
fn line_containing(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (&text.to_ascii_lowercase(), &word.to_ascii_lowercase());
    let is_word_character = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let has_word = |line: &str| {
        line.match_indices(word.as_str()).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(is_word_character) && !after.is_some_and(is_word_character)
        })
    };
    let is_code = |line: &str| !line.trim_start().starts_with('#');
    let index = text.lines().position(|line| is_code(line) && has_word(line));
    index.or_else(|| text.lines().position(|line| line.contains(word.as_str()))).map(|index| index + 1)
}

/// The word before a line number in messages of YAML parsers.
const LINE: &str = " line ";

/// Returns the line that a YAML parser's message names: 7 for `at line 7`.
fn line_in_message(message: &str) -> Option<usize> {
    let (_, rest) = message.split_once(LINE)?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// Adds an offset to the line numbers in a YAML parser's message.
fn shift_lines(message: &str, offset: usize) -> String {
    let mut parts = message.split(LINE);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at_checked(digits).unwrap_or(("", part));
        text.push_str(LINE);
        match number.parse::<usize>() {
            Ok(line) => text.push_str(&(line + offset).to_string()),
            Err(_) => text.push_str(number),
        }
        text.push_str(rest);
    }
    text
}
