//! What a start needs to know of a built-in rule, read off its text.
//!
//! To parse all built-in rules takes longer than all else that a start does, and most are never needed. So a built-in rule
//! is parsed when a record arrives whose call its detections name, or when somebody asks for it. A test compares headers
//! with parsed rules.

use std::hash::{DefaultHasher, Hasher as _};

use super::placeholder;
use crate::facts::{self, Calls, FACTS, without_version};

/// The header of a built-in rule.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// Its name.
    pub(super) name: &'static str,
    /// Its id.
    pub(super) id: Option<&'static str>,
    /// Whether it runs by default.
    pub(super) enabled: bool,
    /// The names of its placeholders, in order.
    pub(super) placeholders: Vec<String>,
    /// The text of its detections.
    detection: &'static str,
}

/// The calls that detections may be about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Any.
    Any,
    /// Those of which the names have these [keys](key), and perhaps others.
    Keys(Vec<u64>),
}

impl Header {
    /// The header of a text with one rule; `None` if the text holds anything else.
    pub(super) fn read(text: &'static str) -> Option<Self> {
        if text.lines().any(|line| line.trim_end() == "---" || line.starts_with("action:")) {
            return None;
        }
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let is_plain =
            |value: &&str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let (_, detection) = text.split_once("\ndetection:\n")?;
        let is_end = |line: &&str| line.starts_with(|one: char| !one.is_whitespace() && one != '#');
        let end: usize = detection.split_inclusive('\n').take_while(|line| !is_end(line)).map(str::len).sum();
        let detection = detection.get(..end)?;
        let mut placeholders = Vec::new();
        detection.lines().for_each(|line| placeholder::collect_names(line, &mut placeholders));
        placeholders.sort_unstable();
        placeholders.dedup();
        Some(Self {
            name: value("name:").filter(is_plain)?,
            id: value("id:").filter(is_plain),
            enabled: !text.contains("\n  enabled: false\n"),
            placeholders,
            detection,
        })
    }

    /// The calls that the detections may be about: every word in them may be the name of a call, and every fact stands for
    /// its own. A rule with `call.named` watches calls of any name.
    pub(super) fn named(&self) -> Named {
        let (mut keys, mut names_calls) = (Vec::new(), false);
        let is_of_word = |one: char| one.is_ascii_alphanumeric() || one == '.' || one == '_';
        let detection = self.detection.to_ascii_lowercase();
        for word in detection.split(|one| !is_of_word(one)).filter(|word| word.len() > 2) {
            if let Some(fact) = facts::find(word).and_then(|(place, _)| FACTS.get(place)) {
                if word.starts_with("call.named") {
                    return Named::Any;
                }
                names_calls |= word == "call.operation";
                if let Calls::These(pairs) = fact.calls {
                    names_calls = true;
                    keys.extend(pairs.iter().map(|(_, name)| key(&name.to_ascii_lowercase())));
                }
            } else {
                names_calls |= word == "eventname";
                keys.push(key(word));
            }
        }
        if names_calls { Named::Keys(keys) } else { Named::Any }
    }
}

/// The keys under which rules about calls of a name, in lower case, are found: AWS Lambda appends a version to names, which
/// `call.operation` leaves out.
pub(super) fn keys(name: &str) -> [u64; 2] {
    [key(name), key(without_version(name))]
}

/// A hash of a name in lower case. Rules about names with the same key are only looked at in vain.
fn key(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.bytes().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
    hasher.finish()
}
