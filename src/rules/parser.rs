//! The Sigma parser, asked until it has told everything that is wrong with a document.
//!
//! In: a YAML document. Out: what it holds, and what the parser and the compiler say against it in words that tell what to
//! do.

use rsigma_parser::{SigmaCollection, parse_sigma_yaml};

use super::fault::Reason;
use super::files::Document;

/// More faults of the parser than this are not looked for in one document.
const MOST_FAULTS: usize = 20;

/// What the parser makes of a document. It stops at the first fault; what it says of some is put right and it is asked
/// again, so that all are found. Such a document is not to be used.
pub(super) fn parsed(document: &Document, told: &mut Vec<Reason>) -> Option<SigmaCollection> {
    let mut text = document.text.clone();
    for _ in 0..MOST_FAULTS {
        let error = match parse_sigma_yaml(&text) {
            Ok(collection) => match collection.errors.first().cloned() {
                Some(error) if collection.rules.is_empty() => error,
                _ => return Some(collection),
            },
            Err(error) => error.to_string(),
        };
        told.push(of_parser(&error, document));
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

/// What the parser says, in words that tell what to do.
pub(super) fn of_parser(message: &str, document: &Document) -> Reason {
    let condition = document.text.lines().find(|line| line.trim_start().starts_with("condition:"));
    if message.contains("Condition parse error")
        && let Some(condition) = condition.filter(|line| line.contains('|'))
    {
        let text = format!(
            "`{}` counts over time (`| count()`, `| near`), which is not supported: each record is judged by itself",
            condition.trim()
        );
        return Reason::unsupported(text).at("condition");
    }
    let place = ["condition", "detection", "logsource", "title"].into_iter();
    let quoted = message.split('\'').nth(1).map(str::to_owned);
    let named = message.rsplit(": ").next().map(str::to_owned).filter(|word| !word.contains(' '));
    let word = quoted.or(named).filter(|word| document.text.contains(word.as_str()));
    let word = word.or_else(|| place.into_iter().find(|word| message.to_lowercase().contains(word)).map(str::to_owned));
    let reason = Reason::error(message);
    match word {
        Some(word) => reason.at(word),
        None => reason,
    }
}

/// What the compiler says, about the name at its end if there is one.
pub(super) fn of_compiler(message: &str) -> Reason {
    let named = message.rsplit_once(": ").map(|(_, word)| word).filter(|word| !word.contains(char::is_whitespace));
    Reason::error(message).at(named.unwrap_or("detection"))
}
