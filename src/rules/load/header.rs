//! The fields of a built-in rule that are needed at start, extracted without parsing its YAML.
//!
//! Parsing all built-in rules takes longer than the rest of the start, and most are never needed. A built-in rule is parsed
//! when a record arrives whose call its detections name, or when a command reads the rule. A test compares headers with
//! parsed rules.

use std::hash::{DefaultHasher, Hasher as _};

use crate::facts::{self, Calls, FACTS, without_version};
use crate::rules::sigma::placeholder;

/// The header of a built-in rule.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Header {
    /// The name of the rule.
    pub(in crate::rules) name: &'static str,
    /// The id of the rule.
    pub(in crate::rules) id: Option<&'static str>,
    /// Whether the rule is enabled by default.
    pub(in crate::rules) enabled: bool,
    /// The names of its placeholders, in order.
    pub(in crate::rules) placeholders: Vec<String>,
    /// The text of its detections.
    detection: &'static str,
}

/// The names of calls that a rule may match.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::rules) enum CallKeys {
    /// Any name.
    Any,
    /// Names with these [keys](key). Other rules may share a key.
    These(Vec<u64>),
}

impl Header {
    /// Parses the header of a text with one rule; `None` if the text contains anything else.
    pub(in crate::rules) fn parse(text: &'static str) -> Option<Self> {
        if text.lines().any(|line| line.trim_end() == "---" || line.starts_with("action:")) {
            return None;
        }
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let is_plain =
            |value: &&str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let (_, detection) = text.split_once("\ndetection:\n")?;
        let is_end = |line: &&str| line.starts_with(|character: char| !character.is_whitespace() && character != '#');
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

    /// Returns the calls that the rule may match. Every word in its detections may be the name of a call, and every fact
    /// implies its calls. A rule with `call.named` may match calls of any name.
    pub(in crate::rules) fn call_keys(&self) -> CallKeys {
        let (mut keys, mut names_calls) = (Vec::new(), false);
        let is_word_character =
            |character: char| character.is_ascii_alphanumeric() || character == '.' || character == '_';
        let detection = self.detection.to_ascii_lowercase();
        for word in detection.split(|character| !is_word_character(character)).filter(|word| word.len() > 2) {
            if let Some(fact) = facts::find(word).and_then(|(index, _)| FACTS.get(index)) {
                if word.starts_with("call.named") {
                    return CallKeys::Any;
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
        if names_calls { CallKeys::These(keys) } else { CallKeys::Any }
    }
}

/// Returns the keys of rules that may match calls of a name, given in lower case. AWS Lambda appends a version to names,
/// which `call.operation` omits.
pub(in crate::rules) fn keys(name: &str) -> [u64; 2] {
    [key(name), key(without_version(name))]
}

/// Returns a hash of a name in lower case. On a collision, more rules than necessary are evaluated.
fn key(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.bytes().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
    hasher.finish()
}
