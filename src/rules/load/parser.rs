//! Runs the Sigma parser until it has reported every error of a document.
//!
//! In: a YAML document. Out: what it holds, and what the parser and the compiler say against it in words that tell what to
//! do.

use rsigma_parser::{SigmaCollection, parse_sigma_yaml};

use crate::rules::load::diagnostic::Reason;
use crate::rules::load::files::Document;
use crate::rules::load::spelling::{did_you_mean, nearest};
use crate::rules::load::yaml::{self, Node};

/// The modifiers of Sigma, and those of the parser beyond them.
const MODIFIERS: &[&str] = &[
    "all",
    "base64",
    "base64offset",
    "cased",
    "cidr",
    "contains",
    "day",
    "dotall",
    "endswith",
    "exists",
    "expand",
    "fieldref",
    "gt",
    "gte",
    "hour",
    "i",
    "ignorecase",
    "lt",
    "lte",
    "minute",
    "month",
    "multiline",
    "neq",
    "re",
    "startswith",
    "utf16",
    "utf16be",
    "utf16le",
    "week",
    "wide",
    "windash",
    "year",
];
/// Those that most rules need.
const USUAL: &[&str] = &[
    "all",
    "cased",
    "cidr",
    "contains",
    "endswith",
    "exists",
    "expand",
    "fieldref",
    "gt",
    "gte",
    "lt",
    "lte",
    "neq",
    "re",
    "startswith",
];
const LEVELS: &[&str] = &["informational", "low", "medium", "high", "critical"];
/// Keys of a rule.
pub(in crate::rules) const SIGMA_KEYS: &[&str] = &[
    "action",
    "author",
    "correlation",
    "custom_attributes",
    "date",
    "description",
    "detection",
    "falsepositives",
    "fields",
    "filter",
    "id",
    "level",
    "license",
    "logsource",
    "modified",
    "name",
    "references",
    "related",
    "scope",
    "sigma-version",
    "status",
    "tags",
    "taxonomy",
    "title",
];

/// Maximum number of errors reported for one document.
const MAX_ERRORS: usize = 20;

/// Parses a document. The parser stops at the first error. Some errors are corrected in a copy and the parser runs again, to
/// report the others too. A document with errors must not be used.
pub(in crate::rules) fn parsed(document: &Document, reasons: &mut Vec<Reason>) -> Option<SigmaCollection> {
    let mut text = document.text.clone();
    for _ in 0..MAX_ERRORS {
        let error = match parse_sigma_yaml(&text) {
            Ok(collection) => match collection.errors.first().cloned() {
                Some(error) if collection.rules.is_empty() => error,
                _ => return Some(collection),
            },
            Err(error) => error.to_string(),
        };
        reasons.push(of_parser(&error, document));
        let quoted = error.split('\'').nth(1).unwrap_or_default();
        if error.contains("Unknown modifier") && !quoted.is_empty() {
            text = text.replace(&format!("|{quoted}"), "");
        } else if error.contains("'title'") && !text.contains("\ntitle:") {
            text.push_str("\ntitle: untitled\n");
        } else {
            return None;
        }
    }
    None
}

/// Returns an error of the parser with advice.
pub(in crate::rules) fn of_parser(message: &str, document: &Document) -> Reason {
    let condition = document.text.lines().find(|line| line.trim_start().starts_with("condition:"));
    if message.contains("Condition parse error")
        && let Some(condition) = condition
    {
        return of_condition(condition.trim(), message);
    }
    let quoted = message.split('\'').nth(1).unwrap_or_default();
    let known = if message.starts_with("Unknown modifier") {
        Some(unknown_modifier(quoted, document))
    } else if message.starts_with("invalid level") {
        Some(unknown_level(quoted, document))
    } else if message.starts_with("Missing required field") {
        Some(missing(quoted, document))
    } else {
        None
    };
    known.unwrap_or_else(|| located(message, document))
}

/// Why a line with a condition cannot be parsed.
fn of_condition(condition: &str, message: &str) -> Reason {
    const AGGREGATIONS: [&str; 6] = ["count", "near", "min", "max", "avg", "sum"];
    let after = condition.split_once('|').map(|(_, rest)| rest.trim_start()).unwrap_or_default();
    if AGGREGATIONS.iter().any(|word| after.starts_with(word)) {
        let text = format!(
            "`{condition}` counts over time (`| count()`, `| near`), which is not supported: each record is judged by itself"
        );
        return Reason::unsupported(text).at("condition");
    }
    let is_foreign =
        |word: &str| ["AND", "OR", "NOT", "&&", "||", "&", "|", "!"].contains(&word) || word.starts_with('!');
    let advice = match condition.split_whitespace().any(is_foreign) {
        true => "; write `and`, `or` and `not`, in lower case",
        false => "",
    };
    Reason::error(format!("`{condition}`: {message}{advice}")).at("condition")
}

/// A message of the parser as it is, on the line of a word in it.
fn located(message: &str, document: &Document) -> Reason {
    let place = ["condition", "detection", "logsource", "title"].into_iter();
    let quoted = message.split('\'').nth(1).map(str::to_owned);
    let named = message.rsplit(": ").next().map(str::to_owned).filter(|word| !word.contains(' '));
    let word = quoted.or(named).filter(|word| !word.is_empty() && document.text.contains(word.as_str()));
    let word = word.or_else(|| place.into_iter().find(|word| message.to_lowercase().contains(word)).map(str::to_owned));
    let reason = Reason::error(message);
    match word {
        Some(word) => reason.at(word),
        None => reason,
    }
}

fn unknown_modifier(name: &str, document: &Document) -> Reason {
    let end = format!("|{name}");
    let mut keys = Vec::new();
    yaml::documents(&document.text).iter().for_each(|node| keys_of(node, &mut keys));
    let key = keys.into_iter().find(|(key, _)| key.ends_with(&end) || key.contains(&format!("{end}|")));
    let near = did_you_mean(name, MODIFIERS);
    let advice = if near.is_empty() { format!("; the usual ones are {}", USUAL.join(", ")) } else { near };
    match key {
        Some((key, line)) => Reason::error(format!("`{key}`: there is no modifier `{name}`{advice}")).on(line),
        None => Reason::error(format!("there is no modifier `{name}`{advice}")).at(end),
    }
}

/// Every key below a node, with its line.
fn keys_of(node: &Node, keys: &mut Vec<(String, usize)>) {
    for (key, value) in node.entries() {
        keys.extend(key.text().map(|text| (text.to_owned(), key.line)));
        keys_of(value, keys);
    }
    node.elements().iter().for_each(|element| keys_of(element, keys));
}

fn unknown_level(level: &str, document: &Document) -> Reason {
    let near = did_you_mean(&level.to_lowercase(), LEVELS);
    let text = format!("`level: {level}` is none of {}{near}", LEVELS.join(", "));
    let line = yaml::documents(&document.text).iter().find_map(|node| node.entry("level").map(|(key, _)| key.line));
    match line {
        Some(line) => Reason::error(text).on(line),
        None => Reason::error(text).at("level"),
    }
}

/// A key that a rule must have, with the one that was probably meant for it.
fn missing(key: &str, document: &Document) -> Reason {
    let documents = yaml::documents(&document.text);
    let siblings = documents.iter().flat_map(|node| match key {
        "condition" => node.get("detection").or_else(|| node.get("filter")).map(Node::entries).unwrap_or_default(),
        _ => node.entries(),
    });
    let written = siblings.clone().find(|(name, _)| name.text() == Some(key));
    if let Some((name, value)) = written.filter(|(_, value)| value.is_no_string()) {
        let text = value.text().unwrap_or_default();
        return Reason::error(format!("`{key}: {text}` is no string in YAML; put it in quotes")).on(name.line);
    }
    let names: Vec<&str> = siblings.clone().filter_map(|(name, _)| name.text()).collect();
    let near = nearest(key, &names).filter(|near| !SIGMA_KEYS.contains(near));
    let line = near.and_then(|near| siblings.clone().find(|(name, _)| name.text() == Some(near)));
    let reason = match near {
        Some(near) => Reason::error(format!("Missing required field '{key}' (is `{near}` meant for it?)")),
        None => Reason::error(format!("Missing required field '{key}'")),
    };
    match line {
        Some((name, _)) => reason.on(name.line),
        None if key == "condition" => reason.at("detection"),
        None => reason,
    }
}
