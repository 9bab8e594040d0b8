//! Several JSON values in one text: one after the other, with white space or commas between them, or with nothing, as
//! Firehose joins what it is sent.

use memchr::memchr;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Returns the length of the broken value at the beginning of `bytes`: up to the bracket that closes its first one. `Ok(None)`
/// if the end is missing, an error if its brackets do not match.
pub(super) fn end_of_broken(bytes: &[u8]) -> Result<Option<usize>, Unbalanced> {
    let mut open = Vec::new();
    let (mut in_string, mut is_escaped) = (false, false);
    for (byte, end) in bytes.iter().zip(1..) {
        match byte {
            // A string that is cut off would include the lines that follow.
            b'\n' if in_string => return Err(Unbalanced),
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' if open.pop() != Some(*byte) => return Err(Unbalanced),
            b'}' | b']' if open.is_empty() => return Ok(Some(end)),
            _ if open.is_empty() => return Err(Unbalanced),
            _ => {}
        }
    }
    Ok(None)
}

/// Brackets that do not match.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

/// The values of a text.
#[derive(Debug)]
pub(super) struct Values<'t> {
    text: &'t str,
    at: usize,
}

/// Whether a character may separate two values: white space, a comma, a byte order mark, or the record separator of
/// JSON text sequences (RFC 7464).
fn is_between(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | ',' | '\u{feff}' | '\u{1e}')
}

impl<'t> Values<'t> {
    /// The values from the byte `at`.
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    /// The text after the values that have been read, with a value that could not be read.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The number of bytes before the rest.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Skips a value that could not be read, if its brackets show its end. Returns whether they do.
    pub(super) fn skip_broken(&mut self) -> bool {
        let end = end_of_broken(self.rest().as_bytes()).ok().flatten();
        self.at += end.unwrap_or_default();
        end.is_some()
    }

    /// Skips the rest of a line that does not begin a value. Returns whether it did so and another line follows.
    pub(super) fn skip_line(&mut self) -> bool {
        let rest = self.rest();
        let Some(end) = memchr(b'\n', rest.as_bytes()).filter(|_| !rest.starts_with(['{', '['])) else { return false };
        self.at += end + 1;
        true
    }

    /// The text of the next value.
    ///
    /// # Errors
    /// When it is not JSON. The position is relative to the rest.
    pub(super) fn next(&mut self) -> Result<Option<&'t str>, serde_json::Error> {
        Ok(self.next_as::<&RawValue>()?.map(RawValue::get))
    }

    /// The next value, deserialized.
    ///
    /// # Errors
    /// When it is not JSON, or not a `T`. The position is relative to the rest.
    pub(super) fn next_as<T: Deserialize<'t>>(&mut self) -> Result<Option<T>, serde_json::Error> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_between).len();
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<T>();
        match values.next() {
            None => Ok(None),
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(Some(value))
            }
            Some(Err(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_value_ends_where_its_brackets_do() {
        for (text, end) in [
            (r#"{"a":NaN},{}"#, Ok(Some(9))),
            (r#"{"a":"}\x\"}"}{}"#, Ok(Some(14))),
            ("[{},]", Ok(Some(5))),
            (r#"{"a":[1}"#, Err(Unbalanced)),
            ("{\"a\":\"b\n{}", Err(Unbalanced)),
            ("word", Err(Unbalanced)),
            (r#"{"a":{"#, Ok(None)),
        ] {
            assert_eq!(end_of_broken(text.as_bytes()), end, "{text}");
        }
    }

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
