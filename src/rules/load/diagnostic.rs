//! Diagnostics: why a rule cannot be used, or what it does less than its text suggests.

use std::fmt;

use serde::Serialize;

use crate::rules::load::spelling::did_you_mean;
use crate::rules::sigma::placeholder::{PLACEHOLDERS, Unfilled};
use crate::text::visible;

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiagnosticKind {
    /// The rule runs, but a part of it has no effect.
    Warning,
    /// The rule needs a feature of Sigma that is not supported. Such rules can be skipped.
    Unsupported,
    /// The rule is invalid.
    Error,
}

impl DiagnosticKind {
    /// In lower case.
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
    /// The file, as named on the command line or, for built-in rules, in the repository.
    pub file: String,
    /// The line in it, from 1, if it is known.
    pub line: Option<usize>,
    /// The rule, unless the diagnostic is about the whole file.
    pub rule: Option<String>,
    /// Its severity.
    pub kind: DiagnosticKind,
    /// The error and how to correct it.
    pub reason: String,
}

/// A diagnostic before its file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct Reason {
    pub(in crate::rules) kind: DiagnosticKind,
    pub(in crate::rules) text: String,
    /// Where it is in the file.
    pub(in crate::rules) at: Option<At>,
}

/// A position in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) enum At {
    /// On the line that has this word.
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

    /// The reason, about this word of the file.
    pub(in crate::rules) fn at(self, word: impl Into<String>) -> Self {
        Self { at: Some(At::Word(word.into())), ..self }
    }

    /// The reason, about this line of the document, from 1.
    pub(in crate::rules) fn on(self, line: usize) -> Self {
        Self { at: Some(At::Line(line)), ..self }
    }

    /// The diagnostic, in a file with this text.
    pub(in crate::rules) fn in_file(self, file: &str, text: &str, rule: Option<&str>) -> RuleDiagnostic {
        self.in_part(file, text, 0, rule)
    }

    /// The diagnostic, in a part of a file that has this text and `above` lines before it.
    pub(in crate::rules) fn in_part(self, file: &str, text: &str, above: usize, rule: Option<&str>) -> RuleDiagnostic {
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
        RuleDiagnostic {
            line: line.map(|line| line + above),
            kind: self.kind,
            ..RuleDiagnostic::new(file, rule, message)
        }
    }
}

impl RuleDiagnostic {
    /// A diagnostic of a whole file.
    pub fn of_file(file: &str, reason: String) -> Self {
        Self::new(file, None, reason)
    }

    /// A diagnostic of a file with this text, at the line that contains `word` or that `reason` names.
    pub fn in_text(file: &str, text: &str, word: Option<&str>, reason: String) -> Self {
        let reason = Reason::error(reason);
        let reason = match word {
            Some(word) => reason.at(word),
            None => reason,
        };
        reason.in_file(file, text, None)
    }

    pub(in crate::rules) fn new(file: &str, rule: Option<&str>, reason: String) -> Self {
        // Messages of parsers have several lines. A diagnostic has one.
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

/// All diagnostics of a rule set. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleDiagnostics(pub Vec<RuleDiagnostic>);

impl fmt::Display for RuleDiagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, diagnostic) in self.0.iter().enumerate() {
            if place > 0 {
                formatter.write_str("\n")?;
            }
            diagnostic.fmt(formatter)?;
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
