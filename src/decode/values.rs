//! Several JSON values in one text: one after the other, with white space or commas between them, or with nothing, as
//! Firehose joins what it is sent.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::value::RawValue;

/// What is between two objects that are joined, also where the text is still escaped. Inside one object it is in strings
/// alone.
static JOINTS: LazyLock<[Finder<'static>; 4]> =
    LazyLock::new(|| ["}{", "} {", "}\n{", r"}\n{"].map(|joint| Finder::new(joint.as_bytes()).into_owned()));

/// Whether several objects may be joined in the text.
pub(super) fn may_be_several(text: &str) -> bool {
    JOINTS.iter().any(|joint| joint.find(text.as_bytes()).is_some())
}

/// The values of a text.
#[derive(Debug)]
pub(super) struct Values<'t> {
    text: &'t str,
    at: usize,
}

/// Whether a character may stand between two values: white space, a comma, a byte order mark, or the record separator of
/// JSON text sequences (RFC 7464).
fn is_between(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | ',' | '\u{feff}' | '\u{1e}')
}

impl<'t> Values<'t> {
    /// The values from the byte `at`.
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    /// What follows the values that have been read; where the last one could not be read, from its beginning.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The number of bytes before the rest.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The text of the next value.
    ///
    /// # Errors
    /// When it is no JSON; the position is that in the rest.
    pub(super) fn next(&mut self) -> Result<Option<&'t str>, serde_json::Error> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_between).len();
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<&RawValue>();
        match values.next() {
            None => Ok(None),
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(Some(value.get()))
            }
            Some(Err(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_one_by_one_and_what_is_broken_is_left() {
        for (text, expected, rest) in [
            (r#"{"a":1}{"b":2}"#, vec![r#"{"a":1}"#, r#"{"b":2}"#], ""),
            ("{} , {}\n[1]\t\"x\"", vec!["{}", "{}", "[1]", "\"x\""], ""),
            ("\u{feff}{},\u{1e}{},", vec!["{}", "{}"], ""),
            (r#"{"a":1}{"b":"#, vec![r#"{"a":1}"#], r#"{"b":"#),
            ("{} words", vec!["{}"], "words"),
        ] {
            let mut values = Values::new(text, 0);
            let read: Vec<&str> = std::iter::from_fn(|| values.next().ok().flatten()).collect();
            assert_eq!((read, values.rest()), (expected, rest), "{text}");
        }
    }
}
