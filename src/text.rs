//! Makes untrusted text safe to show.
//!
//! An attacker may choose any string in a record: user agents, role names, tags, descriptions. Before such a string reaches a
//! sentence, a terminal or a log line, every character that could move the cursor, hide text or reorder it is escaped.

mod json;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use json::visible_json;

/// Maximum length in characters of a value in a sentence. The middle of a longer value is replaced by an ellipsis.
pub const MAX_IN_SENTENCE: usize = 320;

/// Escapes control characters (including ANSI escapes and line breaks), line separators and characters that reorder or hide
/// text, as `\u{1b}`. All other characters are unchanged.
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain || !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Shortens text to `max` characters. The middle is replaced by an ellipsis, because the ends of ARNs and names identify them.
pub fn shortened(text: &str, max: usize) -> Cow<'_, str> {
    // A text has at most as many characters as bytes.
    let length = if text.len() <= max { 0 } else { text.chars().count() };
    if length <= max {
        return Cow::Borrowed(text);
    }
    let head = max.saturating_sub(1) / 2;
    let tail = max.saturating_sub(1) - head;
    let mut short: String = text.chars().take(head).collect();
    short.push('…');
    short.extend(text.chars().skip(length - tail));
    Cow::Owned(short)
}

/// Applies [`visible`], then [`shortened`].
pub fn visible_at_most(text: &str, max: usize) -> Cow<'_, str> {
    match visible(text) {
        Cow::Borrowed(shown) => shortened(shown, max),
        Cow::Owned(shown) => Cow::Owned(shortened(&shown, max).into_owned()),
    }
}

/// Quotes text as one word of a POSIX shell command, so that a suggested command can be pasted. A `=` at the start is quoted,
/// because zsh replaces `=name` with the path of a program.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@,+%".contains(character);
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", visible(text).replace('\'', r"'\''")))
    }
}

/// Whether a character changes how the text around it is shown: control characters (Cc), line and paragraph separators, and
/// format characters (Cf) that set the direction, join characters or are invisible.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ansi_escapes_line_breaks_and_direction_marks_are_escaped() {
        assert_eq!(visible("a\u{1b}[31mred\r\nb"), r"a\u{1b}[31mred\u{d}\u{a}b");
        assert_eq!(visible("\u{202e}gpj.exe\u{9b}2J"), r"\u{202e}gpj.exe\u{9b}2J");
        assert_eq!(visible("Zoë opened 東京"), "Zoë opened 東京");
    }

    #[test]
    fn long_text_keeps_both_ends() {
        let long = format!("arn:aws:iam::111122223333:role/{}/last", "x".repeat(300));
        let short = visible_at_most(&long, 40);
        assert_eq!(short.chars().count(), 40);
        assert!(short.starts_with("arn:aws:iam::1111") && short.ends_with("/last"), "{short}");
    }

    #[test]
    fn a_shell_word_cannot_end_early() {
        assert_eq!(shell_word("arn:aws:iam::1:role/a_b-c"), "arn:aws:iam::1:role/a_b-c");
        assert_eq!(shell_word("x; rm -rf ~"), "'x; rm -rf ~'");
        assert_eq!(shell_word("it's $(id)"), r"'it'\''s $(id)'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("=ls"), "'=ls'");
    }

    proptest! {
        #[test]
        fn hidden_characters_are_escaped_at_any_position(before in "[ -~]{0,20}", hidden in "\\PC|[\u{0}-\u{1f}\u{7f}]", after in "[ -~]{0,20}") {
            let text = [before, hidden, after].concat();
            let escape = |character: char| format!("\\u{{{:x}}}", u32::from(character));
            let expected: String = text
                .chars()
                .map(|character| if is_hidden(character) { escape(character) } else { character.to_string() })
                .collect();
            prop_assert_eq!(visible(&text), expected);
        }

        #[test]
        fn nothing_hidden_survives(text: String, max in 1usize..60) {
            prop_assert!(!visible(&text).chars().any(is_hidden));
            prop_assert!(visible_at_most(&text, max).chars().count() <= max);
            prop_assert!(!shell_word(&text).chars().any(is_hidden));
        }
    }
}
