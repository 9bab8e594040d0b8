//! How a rule came to its verdict, as a tree.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// One part of a rule: what it asked for, what it found, whether that held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    /// What was asked, in words, safe to show.
    pub what: String,
    /// Whether it held.
    pub matched: bool,
    /// The value that was found, of a comparison; long ones are shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The parts that decided it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Trace>,
}

impl Trace {
    /// A part with parts of its own.
    pub fn of(what: impl Into<String>, matched: bool, parts: Vec<Self>) -> Self {
        Self { what: what.into(), matched, value: None, parts }
    }

    fn write(&self, depth: usize, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.matched { "yes" } else { "no " };
        writeln!(formatter, "{verdict} {}{}", "  ".repeat(depth), self.what)?;
        self.parts.iter().try_for_each(|part| part.write(depth + 1, formatter))
    }
}

impl fmt::Display for Trace {
    /// One line a part, each with its verdict, indented by its depth.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(0, formatter)
    }
}
