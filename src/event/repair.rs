//! Repairs JSON that a strict parser rejects although its meaning is clear.
//!
//! Input: the text of a record. Output: the same text with each lone surrogate (`\\ud800`) replaced by the replacement
//! character, and each number beyond the range of a 64-bit float (`1e999`) by the largest float. The caller of an API can put
//! both into a record, and must not be able to hide the record by it.

use std::borrow::Cow;

/// The largest 64-bit float. Replaces larger numbers.
const MAX_NUMBER: &str = "1.7976931348623157e308";

/// The replacement character, escaped.
const REPLACEMENT: &str = "\\ufffd";

/// Replaces lone surrogates and numbers out of range. Text with any other error stays invalid.
pub fn repaired(text: &str) -> Cow<'_, str> {
    let mut output = String::new();
    // The number of bytes of the text that were copied to the output.
    let mut copied = 0;
    let mut at = 0;
    let mut in_string = false;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        let (length, replacement) = match byte {
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            b'\\' if in_string => escape(bytes, at),
            b'-' | b'0'..=b'9' if !in_string => number(text, at),
            _ => (1, None),
        };
        if let Some(replacement) = replacement {
            output.push_str(text.get(copied..at).unwrap_or_default());
            output.push_str(replacement);
            copied = at + length;
        }
        at += length;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    output.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(output)
}

/// The length in bytes of the escape at `at`, and its replacement if it has one.
fn escape(bytes: &[u8], at: usize) -> (usize, Option<&'static str>) {
    match unit(bytes, at) {
        Some(0xd800..=0xdbff) if matches!(unit(bytes, at + 6), Some(0xdc00..=0xdfff)) => (12, None),
        Some(0xd800..=0xdfff) => (6, Some(REPLACEMENT)),
        Some(_) => (6, None),
        None => (2, None),
    }
}

/// The UTF-16 code unit of the escape `\\uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    u16::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| is_hexadecimal)?, 16).ok()
}

/// The length in bytes of the number at `at`, and its replacement if it has one.
fn number(text: &str, at: usize) -> (usize, Option<&'static str>) {
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)).count();
    let value: Option<f64> = rest.get(..length).and_then(|number| number.parse().ok());
    let is_beyond = value.is_some_and(f64::is_infinite);
    match rest.strip_prefix('-') {
        // The sign is kept: only the digits after it are replaced.
        Some(_) if is_beyond => (1, None),
        _ => (length.max(1), is_beyond.then_some(MAX_NUMBER)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_and_huge_numbers_are_replaced_and_nothing_else_is() {
        for (text, expected) in [
            (r#"["x\ud800"]"#, r#"["x\ufffd"]"#),
            (r#"["\udc00\ud800\ud83d\ude00"]"#, r#"["\ufffd\ufffd\ud83d\ude00"]"#),
            (r#"["\uD800\uD83D\uDE00"]"#, r#"["\ufffd\uD83D\uDE00"]"#),
            (r#"{"\ud800":1}"#, r#"{"\ufffd":1}"#),
            (r#"["\\ud800","\"","1e999"]"#, r#"["\\ud800","\"","1e999"]"#),
            ("[1e999,-1E+400,1e-999,0]", "[1.7976931348623157e308,-1.7976931348623157e308,1e-999,0]"),
            (r#"["\ud8"#, r#"["\ud8"#),
            ("é", "é"),
        ] {
            assert_eq!(repaired(text), expected, "{text}");
        }
        let many = format!("[{}]", "9".repeat(400));
        assert_eq!(repaired(&many), "[1.7976931348623157e308]");
        assert!(serde_json::from_str::<serde_json::Value>(&repaired(&many)).is_ok());
    }
}
