//! How to undo a finding: sentences, and the AWS API calls between them as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::command::Command;

/// How to undo a finding. The text shown to people is rendered from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Remediation {
    /// Sentences and commands in the order in which they are read.
    pub parts: Vec<RemediationPart>,
}

/// One part of a remediation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemediationPart {
    /// Part of a sentence, safe to show.
    Text(String),
    /// One AWS API call.
    Command(Command),
    /// A shell command that is not one AWS API call, such as a loop. It is quoted and safe to paste.
    Script(String),
}

impl Remediation {
    /// A remediation of one sentence. `text` must be safe to show.
    pub fn of_text(text: impl Into<String>) -> Self {
        Self { parts: vec![RemediationPart::Text(text.into())] }
    }

    /// The AWS API calls in it.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.parts.iter().filter_map(|part| match part {
            RemediationPart::Command(command) => Some(command),
            RemediationPart::Text(_) | RemediationPart::Script(_) => None,
        })
    }

    /// The text of it, with commands between backticks, safe to show and to paste.
    pub fn text(&self) -> String {
        self.to_string()
    }
}

impl RemediationPart {
    /// The command to paste, without backticks; `None` for a sentence.
    pub fn command_line(&self) -> Option<String> {
        match self {
            Self::Text(_) => None,
            Self::Command(command) => Some(without_backticks(&command.to_string())),
            Self::Script(script) => Some(without_backticks(script)),
        }
    }

    /// The same, comparing the account first if the command would act in any. A script cannot be checked and stays as it is.
    pub fn guarded_command_line(&self) -> Option<String> {
        match self {
            Self::Command(command) => Some(without_backticks(&command.guarded())),
            other => other.command_line(),
        }
    }

    /// Whether it is a command that deletes or disconnects something. Scripts count as such.
    pub fn is_destructive(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Command(command) => command.is_destructive(),
            Self::Script(_) => true,
        }
    }
}

impl fmt::Display for Remediation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match (part, part.command_line()) {
            (_, Some(command)) => write!(formatter, "`{command}`"),
            (RemediationPart::Text(text), None) => formatter.write_str(text),
            (_, None) => Ok(()),
        })
    }
}

/// A backtick in text from a record would end the command, or begin another.
fn without_backticks(text: &str) -> String {
    text.replace('`', "\u{2cb}")
}
