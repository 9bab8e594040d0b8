//! The parameters of a Config rule.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::arn::is_account_id;
use crate::text::{MAX_IN_SENTENCE, visible_at_most};

/// Characters of a tag key, after AWS's own limits.
/// <https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html>
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;

/// The known parameters.
const NAMES: [&str; 3] = ["trustedAccounts", "allowedPorts", "exemptTags"];

/// The parameters of a Config rule. All are optional. They apply to this rule alone, beside the configuration of the function.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Parameters {
    /// `trustedAccounts`: account ids, separated by commas, that are trusted like those of the configuration file.
    pub trusted_accounts: BTreeSet<String>,
    /// `allowedPorts`: ports and ranges of ports, separated by commas, that may be open to the internet.
    pub allowed_ports: Vec<PortRange>,
    /// `exemptTags`: tags, `KEY` or `KEY=VALUE`, separated by commas. Resources with one of them are exempt.
    pub exempt_tags: Vec<Tag>,
}

/// A range of ports, with both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// The first port.
    pub from: u16,
    /// The last port.
    pub to: u16,
}

/// A tag, with any value or with this value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value. `None` for any value.
    pub value: Option<String>,
}

impl Parameters {
    /// Reads `ruleParameters`: a JSON object of strings. An empty text means no parameters.
    ///
    /// # Errors
    /// Names the first parameter that is unknown or has another form, and the valid form. Safe to show.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parameters = Self::default();
        if text.trim().is_empty() {
            return Ok(parameters);
        }
        let members: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| "ruleParameters is not a JSON object".to_owned())?;
        for (name, value) in &members {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Null => continue,
                _ => return Err(format!("the parameter {} is not a string", shown(name))),
            };
            match name.as_str() {
                "trustedAccounts" => {
                    parameters.trusted_accounts =
                        each(name, &value, "account ids of twelve digits", account)?.into_iter().collect();
                }
                "allowedPorts" => {
                    parameters.allowed_ports =
                        each(name, &value, "ports from 0 to 65535 or ranges such as 8000-8080", ports)?;
                }
                "exemptTags" => {
                    parameters.exempt_tags = each(name, &value, "tags, KEY or KEY=VALUE", tag)?;
                }
                other => return Err(unknown(other)),
            }
        }
        Ok(parameters)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// Whether these ports may be open to the internet: all of them are in one allowed range.
    pub fn allows_ports(&self, from: u16, to: u16) -> bool {
        self.allowed_ports.iter().any(|range| range.from <= from && to <= range.to)
    }

    /// The first exempt tag that a resource with these tags has.
    pub fn exempt_tag<'t>(&'t self, tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Option<&'t Tag> {
        let tags: Vec<(&str, &str)> = tags.into_iter().collect();
        self.exempt_tags.iter().find(|exempt| {
            tags.iter()
                .any(|(key, value)| *key == exempt.key && exempt.value.as_deref().is_none_or(|exempt| exempt == *value))
        })
    }
}

fn shown(text: &str) -> String {
    visible_at_most(text, MAX_IN_SENTENCE).into_owned()
}

fn unknown(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let nearest = NAMES
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&lower, &known.to_ascii_lowercase()), known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let hint = match nearest {
        Some((_, known)) => format!("; did you mean {known}?"),
        None => format!("; use {}", NAMES.join(", ")),
    };
    format!("unknown parameter {}{hint}", shown(name))
}

/// The elements of a list that is separated by commas.
fn each<T>(name: &str, value: &str, form: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    value
        .split(',')
        .map(|element| {
            let element = element.trim();
            parse(element).ok_or_else(|| {
                format!("the parameter {name} contains `{}`: use {form}, separated by commas", shown(element))
            })
        })
        .collect()
}

fn account(text: &str) -> Option<String> {
    is_account_id(text).then(|| text.to_owned())
}

fn ports(text: &str) -> Option<PortRange> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    // `parse` accepts a sign.
    let port = |text: &str| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten()
    };
    let range = PortRange { from: port(from)?, to: port(to)? };
    (range.from <= range.to).then_some(range)
}

fn tag(text: &str) -> Option<Tag> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key.trim(), Some(value.trim().to_owned())),
        None => (text, None),
    };
    let is_valid = !key.is_empty()
        && key.chars().count() <= MAX_TAG_KEY
        && value.as_ref().is_none_or(|value| value.chars().count() <= MAX_TAG_VALUE);
    is_valid.then(|| Tag { key: key.to_owned(), value })
}
