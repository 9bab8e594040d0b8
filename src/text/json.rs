//! JSON whose text is safe to show.

use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter};

use super::is_hidden;

/// The value on one line, hidden characters written as `\\u202e`: the value stays the same.
pub fn visible_json(value: &Value) -> String {
    let mut bytes = Vec::with_capacity(4096);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Visible);
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        // A Value always serialises and a Vec always takes it.
        Err(_) => String::new(),
    }
}

/// Compact JSON without characters that are acted upon instead of shown.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((place, hidden)) = rest.char_indices().find(|(_, character)| is_hidden(*character)) {
            let (shown, after) = rest.split_at(place);
            CompactFormatter.write_string_fragment(writer, shown)?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = after.get(hidden.len_utf8()..).unwrap_or_default();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}
