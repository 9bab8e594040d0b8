//! The remediation of a rule: sentences, and between backticks AWS CLI commands, which are read as data.

use std::borrow::Cow;
use std::fmt;
use std::mem;

use serde::Deserialize;

use crate::finding::command::{Command, CommandError, Word};
use crate::finding::remediation::{Remediation, RemediationPart};
use crate::rules::text::template::{Part, Template};
use crate::text::shell_word;

/// A parsed remediation with its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct RemediationTemplate {
    /// All of it, as written.
    template: Template,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Part of a sentence.
    Text(Template),
    /// An AWS CLI command, by its words.
    Command(Vec<Vec<Part>>),
    /// Another command.
    Script(Template),
}

/// The source of the values of placeholders.
pub(in crate::rules) trait Values {
    /// Returns the values at a path.
    fn values(&self, path: &str) -> Vec<Cow<'_, str>>;

    /// Whether the path names a fact, whose values may be options of a command.
    fn is_fact(&self, path: &str) -> bool;

    /// Returns the values at a path as part of a sentence or of a script; `None` if there are none.
    fn shown(&self, path: &str, in_command: bool) -> Option<Cow<'_, str>>;
}

impl RemediationTemplate {
    /// The remediation of rules that have none.
    pub(in crate::rules) fn standard() -> Self {
        Self::new(Template::standard_remediation())
    }

    /// The remediation for a record that the rule `name` cannot decide.
    pub(in crate::rules) fn too_complex(name: &str) -> Self {
        Self::new(Template::review_record(name))
    }

    fn new(template: Template) -> Self {
        let mut pieces = Vec::new();
        for (place, parts) in split_at_backticks(template.parts()).into_iter().enumerate() {
            if parts.is_empty() {
                continue;
            }
            pieces.push(match place % 2 {
                0 => Piece::Text(Template::of(parts)),
                _ => match command_words(&parts) {
                    Some(Ok(words)) => Piece::Command(words),
                    Some(Err(_)) | None => Piece::Script(Template::of(parts)),
                },
            });
        }
        Self { template, pieces }
    }

    /// Returns all of it as one template.
    pub(in crate::rules) fn template(&self) -> &Template {
        &self.template
    }

    /// Returns the commands between backticks that begin with `aws` and are not one AWS CLI command, with the reason.
    pub(in crate::rules) fn unread_commands(&self) -> Vec<(String, CommandFault)> {
        let between = split_at_backticks(self.template.parts()).into_iter().skip(1).step_by(2);
        let errors = between.filter_map(|parts| {
            let error = command_words(&parts)?.err()?;
            Some((Template::of(parts).to_string(), error))
        });
        errors.collect()
    }

    /// Returns the remediation with placeholders replaced by `values`, for the account with the id `account`.
    pub(in crate::rules) fn fill(&self, values: &impl Values, account: &str) -> Remediation {
        let text = |template: &Template| template.fill(|path, in_command| values.shown(path, in_command));
        let parts = self.pieces.iter().map(|piece| match piece {
            Piece::Text(template) => {
                RemediationPart::Text(template.fill_untrimmed(|path, _| values.shown(path, false)))
            }
            Piece::Script(template) => RemediationPart::Script(text(template)),
            Piece::Command(words) => {
                let words = filled(words, values);
                match Command::parse(words.iter().cloned(), account) {
                    Ok(command) => RemediationPart::Command(command),
                    // A placeholder in the place of a name has no value.
                    Err(_) => RemediationPart::Script(
                        words.iter().map(|word| shell_word(&word.text)).collect::<Vec<_>>().join(" "),
                    ),
                }
            }
        });
        Remediation { parts: parts.collect() }
    }
}

/// A reason why a command in a rule is not read as data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::rules) enum CommandFault {
    /// A quote is not closed.
    #[error("a quote in it is not closed")]
    Quote,
    /// It contains a shell operator.
    #[error("it contains `{0}`, which the shell acts on")]
    Operator(char),
    /// Its words are not an AWS CLI command.
    #[error(transparent)]
    Words(#[from] CommandError),
}

/// Characters that have a meaning for the shell outside quotes.
const OPERATORS: [char; 9] = ['|', '&', ';', '<', '>', '$', '(', ')', '*'];

/// Divides parts at backticks: sentences at even places, commands at odd ones.
fn split_at_backticks(parts: &[Part]) -> Vec<Vec<Part>> {
    let mut pieces = vec![Vec::new()];
    for part in parts {
        match part {
            Part::Literal(text) => {
                for (number, text) in text.split('`').enumerate() {
                    if number > 0 {
                        pieces.push(Vec::new());
                    }
                    if let Some(piece) = pieces.last_mut().filter(|_| !text.is_empty()) {
                        piece.push(Part::Literal(text.to_owned()));
                    }
                }
            }
            hole @ Part::Hole { .. } => pieces.last_mut().into_iter().for_each(|piece| piece.push(hole.clone())),
        }
    }
    pieces
}

/// Divides a command into words as a POSIX shell does; `None` for a command that is not the AWS CLI's.
fn command_words(parts: &[Part]) -> Option<Result<Vec<Vec<Part>>, CommandFault>> {
    let Some(Part::Literal(first)) = parts.first() else { return None };
    (first.starts_with("aws ") || first == "aws").then(|| {
        let words = words(parts)?;
        // Checked with a value for each placeholder. One alone in a word may have several values, options among them.
        let mut samples = Vec::new();
        for (place, word) in words.iter().enumerate() {
            match word.as_slice() {
                [Part::Hole { otherwise, .. }] if !follows_option(&words, place) => {
                    let fallback = otherwise.split_whitespace().map(str::to_owned);
                    match place {
                        1 if otherwise.split_whitespace().count() < 2 => {
                            samples.extend(["service".to_owned(), "operation".to_owned()]);
                        }
                        1 => samples.extend(fallback),
                        _ if otherwise.starts_with("--") => samples.extend(fallback),
                        // Its values decide.
                        _ => {}
                    }
                }
                word => samples.push(word.iter().map(sample).collect()),
            }
        }
        let is_option = |text: String| Word { text, may_be_option: true };
        Command::parse(samples.into_iter().map(is_option), "")?;
        Ok(words)
    })
}

fn sample(part: &Part) -> &str {
    match part {
        Part::Literal(text) => text,
        Part::Hole { .. } => "value",
    }
}

fn words(parts: &[Part]) -> Result<Vec<Vec<Part>>, CommandFault> {
    let mut words: Vec<Vec<Part>> = Vec::new();
    let mut word: Option<Vec<Part>> = None;
    let mut quote = None;
    for part in parts {
        let Part::Literal(text) = part else {
            word.get_or_insert_default().push(part.clone());
            continue;
        };
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match (quote, character) {
                (Some(open), close) if open == close => quote = None,
                (None, open @ ('\'' | '"')) => {
                    quote = Some(open);
                    word.get_or_insert_default();
                }
                (None | Some('"'), '\\') => push(&mut word, characters.next().unwrap_or('\\')),
                (None, ' ' | '\n' | '\t') => words.extend(word.take()),
                (None, operator) if OPERATORS.contains(&operator) => return Err(CommandFault::Operator(operator)),
                (_, character) => push(&mut word, character),
            }
        }
    }
    if quote.is_some() {
        return Err(CommandFault::Quote);
    }
    words.extend(word);
    Ok(words)
}

fn push(word: &mut Option<Vec<Part>>, character: char) {
    let word = word.get_or_insert_default();
    match word.last_mut() {
        Some(Part::Literal(text)) => text.push(character),
        _ => word.push(Part::Literal(character.to_string())),
    }
}

/// Whether the word at `place` comes after an option that the rule names.
fn follows_option(words: &[Vec<Part>], place: usize) -> bool {
    let before = place.checked_sub(1).and_then(|before| words.get(before));
    matches!(before.map(Vec::as_slice), Some([Part::Literal(text)]) if text.starts_with("--") && !text.contains('='))
}

fn filled(words: &[Vec<Part>], values: &impl Values) -> Vec<Word> {
    let mut filled = Vec::new();
    for (place, word) in words.iter().enumerate() {
        match word.as_slice() {
            [Part::Hole { paths, otherwise, .. }] => {
                let is_value = follows_option(words, place);
                let found = paths.iter().map(|path| (path, values.values(path))).find(|(_, found)| !found.is_empty());
                match found {
                    Some((path, found)) => {
                        let may_be_option = !is_value && values.is_fact(path);
                        filled.extend(found.iter().map(|text| Word { text: no_file(text.to_string()), may_be_option }));
                    }
                    None => filled.extend(
                        otherwise
                            .split_whitespace()
                            .map(|text| Word { text: text.to_owned(), may_be_option: !is_value }),
                    ),
                }
            }
            word => {
                let mut text = String::new();
                for part in word {
                    match part {
                        Part::Literal(literal) => text.push_str(literal),
                        Part::Hole { paths, otherwise, .. } => {
                            let found = paths.iter().map(|path| values.values(path)).find(|found| !found.is_empty());
                            // The AWS CLI divides lists inside a value at commas.
                            text.push_str(&found.map_or_else(|| otherwise.clone(), |found| found.join(",")));
                        }
                    }
                }
                // What begins with a literal begins as the rule says.
                let may_be_option = matches!(word.first(), Some(Part::Literal(_)));
                let text = mem::take(&mut text);
                filled.push(Word { text: if may_be_option { text } else { no_file(text) }, may_be_option });
            }
        }
    }
    filled
}

/// A value from a record, which the AWS CLI must not read as the name of a local file to send.
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html>
fn no_file(text: String) -> String {
    if text.starts_with("file://") || text.starts_with("fileb://") { format!("./{text}") } else { text }
}

impl fmt::Display for RemediationTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.template.fmt(formatter)
    }
}

impl<'de> Deserialize<'de> for RemediationTemplate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Template::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record whose fact `fact` is two words of a command.
    struct Record(&'static str);

    impl Values for Record {
        fn values(&self, path: &str) -> Vec<Cow<'_, str>> {
            match path {
                "name" => vec![self.0.into()],
                "names" => vec![self.0.into(), "other".into()],
                "fact" => vec!["--ids".into(), "id-1".into()],
                _ => Vec::new(),
            }
        }

        fn is_fact(&self, path: &str) -> bool {
            path == "fact"
        }

        fn shown(&self, path: &str, in_command: bool) -> Option<Cow<'_, str>> {
            let value = self.values(path).into_iter().next()?;
            Some(if in_command { shell_word(&value).into_owned().into() } else { value })
        }
    }

    fn template(text: &str) -> RemediationTemplate {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn a_record_adds_values_and_no_options() {
        for (written, value, shown) in [
            ("Undo: `aws a b --region eu-1 --x {name}`.", "it's", r"Undo: `aws a b --region eu-1 --x 'it'\''s'`."),
            ("`aws a b --x {name}`", "--endpoint-url", "`aws a b --x=--endpoint-url`"),
            ("`aws a b --x {name}`", "file:///etc/passwd", "`aws a b --x ./file:///etc/passwd`"),
            ("`aws a b --x {name}-1`", "fileb://key", "`aws a b --x ./fileb://key-1`"),
            ("`aws a b --x file://{name}`", "policy.json", "`aws a b --x file://policy.json`"),
            ("`aws a b --x {names}`", "=ls", "`aws a b --x '=ls' other`"),
            ("`aws a b --x Key={names}`", "v;", "`aws a b --x 'Key=v;,other'`"),
            ("`aws a b --x {none|VALUE} --y`", "", "`aws a b --x VALUE --y`"),
            ("`aws a b {fact}`", "", "`aws a b --ids id-1`"),
            ("`aws {none|a b --x X}`", "", "`aws a b --x X`"),
            ("`aws a b --x '$Latest'`", "", "`aws a b --x '$Latest'`"),
            ("`aws a b --x {name}`", "`id`", "`aws a b --x '\u{2cb}id\u{2cb}'`"),
        ] {
            let remediation = template(written).fill(&Record(value), "111122223333");
            assert_eq!(remediation.text(), shown);
            assert_eq!(remediation.commands().count(), 1, "{written}");
        }
        // Beside no option, the name would be read as one.
        let positional = template("`aws a b --x y {name}`").fill(&Record("--debug"), "1");
        assert_eq!(positional.commands().next().unwrap().parameters[0].values, ["y", "--debug"]);
    }

    #[test]
    fn a_command_that_is_not_one_call_stays_a_script() {
        let scripts = [
            "for x in {name}; do aws a b --x \"$x\"; done",
            "aws a b --x y | head",
            "aws s3 cp a b",
            "aws a b --x 'y",
            "aws a b --region",
        ];
        let unread: Vec<String> = scripts
            .iter()
            .flat_map(|script| template(&format!("Run `{script}`")).unread_commands())
            .map(|(command, error)| format!("{command}: {error}"))
            .collect();
        insta::assert_snapshot!(unread.join("\n"), @"
        aws a b --x y | head: it contains `|`, which the shell acts on
        aws s3 cp a b: it has a word that is neither an option (`--name`) nor the value of one
        aws a b --x 'y: a quote in it is not closed
        aws a b --region: its `--region` does not have exactly one value
        ");
        for script in scripts {
            let remediation = template(&format!("`{script}`")).fill(&Record("v"), "1");
            assert_eq!(remediation.commands().count(), 0);
            assert_eq!(remediation.text(), format!("`{}`", script.replace("{name}", "v")));
        }
    }
}
