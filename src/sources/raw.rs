//! Raw JSON of a record, before anything of it is parsed.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use crate::event::repaired;

/// A part of a text that several items share, so that a batch is held in memory once.
#[derive(Debug, Clone, Default)]
pub struct SharedText {
    whole: Rc<String>,
    range: Range<usize>,
}

impl SharedText {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.whole.get(self.range.clone()).unwrap_or_default()
    }

    /// The same text without copying it, for `range` of this one.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        let start = self.range.start;
        Self { whole: Rc::clone(&self.whole), range: start + range.start..start + range.end }
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        Self { range: 0..text.len(), whole: Rc::new(text) }
    }
}

/// How JSON is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// As JSON.
    Plain,
    /// As a JSON string that contains the JSON, with its quotes: log events contain records in this form.
    Escaped,
}

/// JSON of what may be a record, which is unescaped only when it is needed.
#[derive(Debug, Clone)]
pub struct Raw {
    text: SharedText,
    writing: Writing,
}

impl Raw {
    /// JSON.
    pub(super) fn plain(text: impl Into<SharedText>) -> Self {
        Self { text: text.into(), writing: Writing::Plain }
    }

    /// A JSON string that contains JSON. `literal` includes its quotes.
    pub(super) fn escaped(literal: SharedText) -> Self {
        Self { text: literal, writing: Writing::Escaped }
    }

    /// The text as it is written, without the quotes around an escaped one.
    pub fn as_str(&self) -> &str {
        let text = self.text.as_str();
        match self.writing {
            Writing::Plain => text,
            Writing::Escaped => text.get(1..text.len().saturating_sub(1)).unwrap_or_default(),
        }
    }

    /// How the text is written.
    pub fn writing(&self) -> Writing {
        self.writing
    }

    /// The JSON. Lone surrogates are replaced where the parser does not accept them.
    pub fn json(&self) -> Cow<'_, str> {
        match self.writing {
            Writing::Plain => Cow::Borrowed(self.text.as_str()),
            Writing::Escaped => {
                let literal = self.text.as_str();
                let parsed = serde_json::from_str(literal).or_else(|_| serde_json::from_str(&repaired(literal)));
                parsed.map_or(Cow::Borrowed(self.as_str()), Cow::Owned)
            }
        }
    }

    /// The JSON as a text of its own.
    pub fn into_json(self) -> String {
        self.json().into_owned()
    }
}
