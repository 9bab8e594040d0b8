//! JSON whose text is safe to show.

use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter};

use super::is_hidden;

/// Writes a value on one line, with hidden characters as JSON escapes such as `\\u202e`. The value is unchanged.
pub fn visible_json(value: &Value) -> String {
    let mut bytes = Vec::with_capacity(4096);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Visible);
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        // Serializing a Value into a Vec never fails.
        Err(_) => String::new(),
    }
}

/// Formats compact JSON with hidden characters escaped.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((index, hidden)) = rest.char_indices().find(|(_, character)| is_hidden(*character)) {
            let (shown, after) = rest.split_at(index);
            CompactFormatter.write_string_fragment(writer, shown)?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = after.get(hidden.len_utf8()..).unwrap_or_default();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}
