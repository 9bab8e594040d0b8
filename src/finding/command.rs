//! One AWS API call as data, and the AWS CLI command that makes it.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::text::shell_word;

/// Ids that AWS assigns, which no other account has.
#[expect(clippy::expect_used, reason = "the expression is constant and covered by tests")]
static UNIQUE_ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[a-z]+-[0-9a-f]{8,17}\b").expect("valid"));

/// First words of operations that delete or disconnect.
const DESTRUCTIVE: [&str; 9] =
    ["delete", "deregister", "detach", "disassociate", "reject", "release", "remove", "stop", "terminate"];

/// First words of operations that change nothing.
const READ_ONLY: [&str; 4] = ["describe", "get", "list", "lookup"];

/// One AWS API call, by its names in the AWS CLI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The service, such as `ec2`.
    pub service: String,
    /// The operation, such as `revoke-security-group-ingress`.
    pub operation: String,
    /// The account that the call is for. The AWS CLI has no option for it: credentials decide.
    pub account: String,
    /// The Region that the call is for; `None` for services that have one endpoint.
    pub region: Option<String>,
    /// The parameters in order, without the Region.
    pub parameters: Vec<Parameter>,
}

/// One option of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name, such as `--group-id`.
    pub name: String,
    /// The values; none for a switch such as `--enable`.
    pub values: Vec<String>,
}

/// One word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text, without quotes.
    pub text: String,
    /// Whether it may be an option. Text from a record is a value, also when it begins with `--`.
    pub may_be_option: bool,
}

/// A reason why words are not one AWS CLI command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The command does not begin with `aws SERVICE OPERATION`.
    #[error("it does not begin with `aws`, the name of a service and the name of an operation")]
    Names,
    /// A word is neither an option nor the value of one.
    #[error("it has a word that is neither an option (`--name`) nor the value of one")]
    Positional,
    /// `--region` does not have exactly one value.
    #[error("its `--region` does not have exactly one value")]
    Region,
}

impl Command {
    /// Parses the words of an AWS CLI command, the first of which is `aws`, for the account with the id `account`.
    ///
    /// # Errors
    /// Returns the reason why the words are not such a command.
    pub fn parse(words: impl IntoIterator<Item = Word>, account: &str) -> Result<Self, CommandError> {
        let mut words = words.into_iter();
        let program = words.next().filter(|word| word.text == "aws");
        let mut name = || words.next().filter(|word| is_name(&word.text)).map(|word| word.text);
        let (Some(_), Some(service), Some(operation)) = (program, name(), name()) else {
            return Err(CommandError::Names);
        };
        let mut parameters: Vec<Parameter> = Vec::new();
        for Word { text, may_be_option } in words {
            match option(&text).filter(|_| may_be_option) {
                Some((name, value)) => parameters
                    .push(Parameter { name: name.to_owned(), values: value.map(str::to_owned).into_iter().collect() }),
                None => parameters.last_mut().ok_or(CommandError::Positional)?.values.push(text),
            }
        }
        let mut region = None;
        if let Some(place) = parameters.iter().position(|parameter| parameter.name == "--region") {
            let mut values = parameters.remove(place).values.into_iter();
            region = values.next();
            if region.is_none() || values.next().is_some() {
                return Err(CommandError::Region);
            }
        }
        Ok(Self { service, operation, account: account.to_owned(), region, parameters })
    }

    /// Whether it deletes or disconnects something.
    pub fn is_destructive(&self) -> bool {
        begins_with(&self.operation, &DESTRUCTIVE)
    }

    /// Whether it changes nothing.
    pub fn is_read_only(&self) -> bool {
        begins_with(&self.operation, &READ_ONLY)
    }

    /// Whether it fails with the credentials of another account, because it names the account or an id that AWS assigned.
    pub fn names_its_account(&self) -> bool {
        let names_it = |value: &String| value.contains(&self.account) || UNIQUE_ID.is_match(value);
        self.parameters.iter().flat_map(|parameter| &parameter.values).any(names_it)
    }

    /// The command for a POSIX shell. If it would act in whatever account the credentials are for, it first compares the
    /// account.
    pub fn guarded(&self) -> String {
        if self.is_read_only() || self.names_its_account() {
            return self.to_string();
        }
        let account = shell_word(&self.account);
        format!(r#"[ "$(aws sts get-caller-identity --query Account --output text)" = {account} ] && {self}"#)
    }
}

/// Whether `operation`, such as `delete-vpc`, begins with one of these words.
fn begins_with(operation: &str, words: &[&str]) -> bool {
    operation.split('-').next().is_some_and(|first| words.contains(&first))
}

impl fmt::Display for Command {
    /// Writes the command for a POSIX shell. Every value is one word and no value can be read as an option.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, operation, region, parameters, .. } = self;
        write!(formatter, "aws {service} {operation}")?;
        if let Some(region) = region {
            write_option(formatter, "--region", std::slice::from_ref(region))?;
        }
        parameters.iter().try_for_each(|parameter| write_option(formatter, &parameter.name, &parameter.values))
    }
}

fn write_option(formatter: &mut fmt::Formatter<'_>, name: &str, values: &[String]) -> fmt::Result {
    match values {
        // `--name=value` is one word: the AWS CLI cannot read the value as an option.
        [value] if value.starts_with('-') => write!(formatter, " {name}={}", shell_word(value)),
        // The AWS CLI takes a list also as a JSON array, whose first character is no dash.
        values if values.iter().any(|value| value.starts_with('-')) => {
            let array = serde_json::Value::from(values).to_string();
            write!(formatter, " {name} {}", shell_word(&array))
        }
        values => {
            write!(formatter, " {name}")?;
            values.iter().try_for_each(|value| write!(formatter, " {}", shell_word(value)))
        }
    }
}

/// Whether `text` can be the name of a service or an operation.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The name and the value of `--name` or `--name=value`.
fn option(text: &str) -> Option<(&str, Option<&str>)> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    name.strip_prefix("--").filter(|bare| is_name(bare)).map(|_| (name, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(words: &[(&str, bool)]) -> Result<Command, CommandError> {
        let words =
            words.iter().map(|(text, may_be_option)| Word { text: (*text).to_owned(), may_be_option: *may_be_option });
        Command::parse(words, "111122223333")
    }

    fn written(line: &str) -> Result<Command, CommandError> {
        parse(&line.split(' ').map(|word| (word, true)).collect::<Vec<_>>())
    }

    #[test]
    fn a_command_is_read_as_data() {
        let command =
            written("aws ec2 revoke-security-group-ingress --group-id sg-1 --ids=a b --dry-run --region eu-1");
        let command = command.unwrap();
        assert_eq!((command.service.as_str(), command.operation.as_str()), ("ec2", "revoke-security-group-ingress"));
        assert_eq!((command.account.as_str(), command.region.as_deref()), ("111122223333", Some("eu-1")));
        let parameters: Vec<_> = command.parameters.iter().map(|one| (one.name.as_str(), one.values.len())).collect();
        assert_eq!(parameters, [("--group-id", 1), ("--ids", 2), ("--dry-run", 0)]);
        let text = "aws ec2 revoke-security-group-ingress --region eu-1 --group-id sg-1 --ids a b --dry-run";
        assert_eq!(command.to_string(), text);
    }

    #[test]
    fn other_words_are_no_command() {
        for (line, error) in [
            ("", CommandError::Names),
            ("aws ec2", CommandError::Names),
            ("aws --debug ec2", CommandError::Names),
            ("rm ec2 x", CommandError::Names),
            ("aws s3 cp a b", CommandError::Positional),
            ("aws ec2 describe-vpcs --region", CommandError::Region),
            ("aws ec2 describe-vpcs --region a b", CommandError::Region),
        ] {
            assert_eq!(written(line), Err(error), "{line}");
        }
    }

    #[test]
    fn a_value_is_never_an_option() {
        let one = parse(&[("aws", true), ("iam", true), ("get-role", true), ("--role-name", true), ("--debug", false)]);
        assert_eq!(one.unwrap().to_string(), "aws iam get-role --role-name=--debug");
        let two = parse(&[("aws", true), ("a", true), ("b", true), ("--ids", true), ("-x", false), ("=y", false)]);
        assert_eq!(two.unwrap().to_string(), r#"aws a b --ids '["-x","=y"]'"#);
    }

    proptest! {
        #[test]
        fn text_of_a_record_stays_one_value(value in "\\PC{0,40}") {
            let command = parse(&[("aws", true), ("a", true), ("b", true), ("--x", true), (&value, false)]).unwrap();
            prop_assert_eq!(&command.parameters[0].values, std::slice::from_ref(&value));
            let text = command.to_string();
            let word = text.strip_prefix("aws a b --x").unwrap();
            let (separator, expected) = (if value.starts_with('-') { '=' } else { ' ' }, shell_word(&value));
            prop_assert_eq!(word, format!("{separator}{expected}"));
        }
    }
}
