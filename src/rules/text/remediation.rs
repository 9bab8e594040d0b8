//! The remediation of a rule: sentences, and AWS CLI commands between backticks, which are parsed into structured actions.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

use crate::finding::command::{Command, CommandError, Word};
use crate::finding::remediation::{Remediation, RemediationPart};
use crate::rules::text::template::{Template, TemplatePart};
use crate::text::shell_word;

/// A parsed remediation with its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct RemediationTemplate {
    /// The whole remediation.
    template: Template,
    pieces: Vec<RemediationPiece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum RemediationPiece {
    /// Text outside backticks.
    Text(Template),
    /// The words of an AWS CLI command.
    Command(Vec<Vec<TemplatePart>>),
    /// Any other command.
    Script(Template),
}

/// The source of the values of placeholders.
pub(in crate::rules) trait PlaceholderValues {
    /// Returns the values at a path.
    fn values(&self, path: &str) -> Vec<Cow<'_, str>>;

    /// Whether the path names a fact. Only facts may provide options of a command.
    fn is_fact(&self, path: &str) -> bool;

    /// Returns the values at a path as text for a sentence or a script; `None` if there are none.
    fn text(&self, path: &str, in_command: bool) -> Option<Cow<'_, str>>;
}

impl RemediationTemplate {
    /// The remediation of rules without one.
    pub(in crate::rules) fn standard() -> Self {
        Self::new(Template::default_remediation())
    }

    /// The remediation of the rule `name` for a record that exceeds its work budget.
    pub(in crate::rules) fn too_complex(name: &str) -> Self {
        Self::new(Template::review_record(name))
    }

    fn new(template: Template) -> Self {
        let mut pieces = Vec::new();
        for (index, parts) in split_at_backticks(template.parts()).into_iter().enumerate() {
            if parts.is_empty() {
                continue;
            }
            let in_backticks = index % 2 == 1;
            pieces.push(if !in_backticks {
                RemediationPiece::Text(Template::from_parts(parts))
            } else if let Some(Ok(words)) = command_words(&parts) {
                RemediationPiece::Command(words)
            } else {
                RemediationPiece::Script(Template::from_parts(parts))
            });
        }
        Self { template, pieces }
    }

    /// Returns the whole remediation as one template.
    pub(in crate::rules) fn template(&self) -> &Template {
        &self.template
    }

    /// Returns the commands that begin with `aws` but cannot be parsed as one AWS CLI command, with the error.
    pub(in crate::rules) fn invalid_commands(&self) -> Vec<(String, CommandSyntaxError)> {
        let commands = split_at_backticks(self.template.parts()).into_iter().skip(1).step_by(2);
        let errors = commands.filter_map(|parts| {
            let error = command_words(&parts)?.err()?;
            Some((Template::from_parts(parts).to_string(), error))
        });
        errors.collect()
    }

    /// Returns the remediation with placeholders replaced by `values`, for the account with the id `account`.
    pub(in crate::rules) fn fill(&self, values: &impl PlaceholderValues, account: &str) -> Remediation {
        let text = |template: &Template| template.fill(|path, in_command| values.text(path, in_command));
        let parts = self.pieces.iter().map(|piece| match piece {
            RemediationPiece::Text(template) => {
                RemediationPart::Text(template.fill_untrimmed(|path, _| values.text(path, false)))
            }
            RemediationPiece::Script(template) => RemediationPart::Script(text(template)),
            RemediationPiece::Command(words) => {
                let words = filled_words(words, values);
                match Command::parse(words.iter().cloned(), account) {
                    Ok(command) => RemediationPart::Command(command),
                    // A placeholder for the service or operation has no value.
                    Err(_) => RemediationPart::Script(
                        words.iter().map(|word| shell_word(&word.text)).collect::<Vec<_>>().join(" "),
                    ),
                }
            }
        });
        Remediation { parts: parts.collect() }
    }
}

/// A reason why a command in a rule cannot be parsed as an AWS CLI command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::rules) enum CommandSyntaxError {
    /// A quote is not closed.
    #[error("a quote in it is not closed")]
    Quote,
    /// The command contains a shell operator.
    #[error("it contains the shell operator `{0}`")]
    Operator(char),
    /// The words are not an AWS CLI command.
    #[error(transparent)]
    Words(#[from] CommandError),
}

/// Characters that have a meaning for the shell outside quotes.
const OPERATORS: [char; 9] = ['|', '&', ';', '<', '>', '$', '(', ')', '*'];

/// Splits parts at backticks: sentences at even indices, commands at odd ones.
fn split_at_backticks(parts: &[TemplatePart]) -> Vec<Vec<TemplatePart>> {
    let mut pieces = vec![Vec::new()];
    for part in parts {
        match part {
            TemplatePart::Literal(text) => {
                for (number, text) in text.split('`').enumerate() {
                    if number > 0 {
                        pieces.push(Vec::new());
                    }
                    if let Some(piece) = pieces.last_mut().filter(|_| !text.is_empty()) {
                        piece.push(TemplatePart::Literal(text.to_owned()));
                    }
                }
            }
            placeholder @ TemplatePart::Placeholder { .. } => {
                pieces.last_mut().into_iter().for_each(|piece| piece.push(placeholder.clone()))
            }
        }
    }
    pieces
}

/// Splits a command into words as a POSIX shell does; `None` if it does not begin with `aws`.
fn command_words(parts: &[TemplatePart]) -> Option<Result<Vec<Vec<TemplatePart>>, CommandSyntaxError>> {
    let Some(TemplatePart::Literal(first)) = parts.first() else { return None };
    (first.starts_with("aws ") || first == "aws").then(|| {
        let words = words(parts)?;
        // Check the command with a sample value for each placeholder. A word that is only a placeholder may have several
        // values, including options.
        let mut samples = Vec::new();
        for (index, word) in words.iter().enumerate() {
            match word.as_slice() {
                [TemplatePart::Placeholder { default, .. }] if !follows_option(&words, index) => {
                    let fallback = default.split_whitespace().map(str::to_owned);
                    match index {
                        1 if default.split_whitespace().count() < 2 => {
                            samples.extend(["service".to_owned(), "operation".to_owned()]);
                        }
                        1 => samples.extend(fallback),
                        _ if default.starts_with("--") => samples.extend(fallback),
                        // Its number of values is not known.
                        _ => {}
                    }
                }
                word => samples.push(word.iter().map(sample).collect()),
            }
        }
        let sample_word = |text: String| Word { text, may_be_option: true };
        Command::parse(samples.into_iter().map(sample_word), "")?;
        Ok(words)
    })
}

/// Returns a literal, or a sample value for a placeholder.
fn sample(part: &TemplatePart) -> &str {
    match part {
        TemplatePart::Literal(text) => text,
        TemplatePart::Placeholder { .. } => "value",
    }
}

fn words(parts: &[TemplatePart]) -> Result<Vec<Vec<TemplatePart>>, CommandSyntaxError> {
    let mut words: Vec<Vec<TemplatePart>> = Vec::new();
    let mut word: Option<Vec<TemplatePart>> = None;
    let mut quote = None;
    for part in parts {
        let TemplatePart::Literal(text) = part else {
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
                (None, operator) if OPERATORS.contains(&operator) => {
                    return Err(CommandSyntaxError::Operator(operator));
                }
                (_, character) => push(&mut word, character),
            }
        }
    }
    if quote.is_some() {
        return Err(CommandSyntaxError::Quote);
    }
    words.extend(word);
    Ok(words)
}

fn push(word: &mut Option<Vec<TemplatePart>>, character: char) {
    let word = word.get_or_insert_default();
    match word.last_mut() {
        Some(TemplatePart::Literal(text)) => text.push(character),
        _ => word.push(TemplatePart::Literal(character.to_string())),
    }
}

/// Whether the word at `index` comes after an option that the rule names.
fn follows_option(words: &[Vec<TemplatePart>], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| words.get(before));
    matches!(before.map(Vec::as_slice), Some([TemplatePart::Literal(text)]) if text.starts_with("--") && !text.contains('='))
}

/// Fills the placeholders in the words of a command.
fn filled_words(words: &[Vec<TemplatePart>], values: &impl PlaceholderValues) -> Vec<Word> {
    let mut filled = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match word.as_slice() {
            [TemplatePart::Placeholder { paths, default, .. }] => {
                let is_value = follows_option(words, index);
                let found = paths.iter().map(|path| (path, values.values(path))).find(|(_, found)| !found.is_empty());
                match found {
                    Some((path, found)) => {
                        let may_be_option = !is_value && values.is_fact(path);
                        filled.extend(
                            found.iter().map(|text| Word { text: not_a_file(text.to_string()), may_be_option }),
                        );
                    }
                    None => filled.extend(
                        default.split_whitespace().map(|text| Word { text: text.to_owned(), may_be_option: !is_value }),
                    ),
                }
            }
            word => {
                let mut text = String::new();
                for part in word {
                    match part {
                        TemplatePart::Literal(literal) => text.push_str(literal),
                        TemplatePart::Placeholder { paths, default, .. } => {
                            let found = paths.iter().map(|path| values.values(path)).find(|found| !found.is_empty());
                            // The AWS CLI splits lists inside a value at commas.
                            text.push_str(&found.map_or_else(|| default.clone(), |found| found.join(",")));
                        }
                    }
                }
                // Only the rule can make a word an option or a file name, by its first literal.
                let may_be_option = matches!(word.first(), Some(TemplatePart::Literal(_)));
                filled.push(Word { text: if may_be_option { text } else { not_a_file(text) }, may_be_option });
            }
        }
    }
    filled
}

/// Escapes a value that the AWS CLI would replace by the content of a local file.
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html>
fn not_a_file(text: String) -> String {
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

    impl PlaceholderValues for Record {
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

        fn text(&self, path: &str, in_command: bool) -> Option<Cow<'_, str>> {
            let value = self.values(path).into_iter().next()?;
            Some(if in_command { shell_word(&value).into_owned().into() } else { value })
        }
    }

    fn template(text: &str) -> RemediationTemplate {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn values_from_a_record_never_become_options() {
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
        // A value that follows no option would be read as one.
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
        let errors: Vec<String> = scripts
            .iter()
            .flat_map(|script| template(&format!("Run `{script}`")).invalid_commands())
            .map(|(command, error)| format!("{command}: {error}"))
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @"
        aws a b --x y | head: it contains the shell operator `|`
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
