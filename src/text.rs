//! Makes text written by others safe to show.
//!
//! Everything in a record may be chosen by an attacker: user agents, role names, tags, descriptions. Before it stands in
//! a sentence, on a terminal or in a log line, whatever could move a cursor, hide or re-order text is spelt out.

mod json;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use json::visible_json;

/// Maximum number of characters of a value in a sentence. The middle of a longer one is left out.
pub const MAX_IN_SENTENCE: usize = 320;

/// Spells out control characters (ANSI escapes and line breaks among them), line separators and the characters that
/// re-order or hide text, as `\u{1b}`. Everything else stays.
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

/// No more than `most` characters of the text: the middle is left out, since the ends of ARNs and names tell most.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    // Fewer bytes than `most` are fewer characters too.
    let length = if text.len() <= most { 0 } else { text.chars().count() };
    if length <= most {
        return Cow::Borrowed(text);
    }
    let head = most.saturating_sub(1) / 2;
    let tail = most.saturating_sub(1) - head;
    let mut short: String = text.chars().take(head).collect();
    short.push('…');
    short.extend(text.chars().skip(length - tail));
    Cow::Owned(short)
}

/// [`visible`] and [`shortened`].
pub fn visible_at_most(text: &str, most: usize) -> Cow<'_, str> {
    match visible(text) {
        Cow::Borrowed(shown) => shortened(shown, most),
        Cow::Owned(shown) => Cow::Owned(shortened(&shown, most).into_owned()),
    }
}

/// The text as one word of a POSIX shell command, so that a suggested command can be pasted. A `=` at the start is quoted,
/// because zsh replaces `=name` with the path of a program.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@,+%".contains(character);
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", visible(text).replace('\'', r"'\''")))
    }
}

/// Whether a character would change how the text around it is shown: controls (Cc), line and paragraph separators, and
/// the format characters (Cf) that set direction, join or are not visible at all.
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
    fn escapes_line_breaks_and_direction_marks_are_spelt_out() {
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
        fn what_is_hidden_is_told_wherever_it_is(before in "[ -~]{0,20}", hidden in "\\PC|[\u{0}-\u{1f}\u{7f}]", after in "[ -~]{0,20}") {
            let text = [before, hidden, after].concat();
            let spelt: String = text.chars().map(|one| match is_hidden(one) {
                true => format!("\\u{{{:x}}}", u32::from(one)),
                false => one.to_string(),
            }).collect();
            prop_assert_eq!(visible(&text), spelt);
        }

        #[test]
        fn nothing_hidden_survives(text: String, most in 1usize..60) {
            prop_assert!(!visible(&text).chars().any(is_hidden));
            prop_assert!(visible_at_most(&text, most).chars().count() <= most);
            prop_assert!(!shell_word(&text).chars().any(is_hidden));
        }
    }
}
