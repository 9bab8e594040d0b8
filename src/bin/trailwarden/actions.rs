//! `trailwarden actions`.

#[cfg(feature = "remediation")]
mod records;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use trailwarden::actions::{ACTIONS, Action, reference};
use trailwarden::text::visible;

use crate::output::{fail, print};

/// Show the remediation actions, and list, approve and undo those of a remediator.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List every action with the rules whose findings it undoes.
    #[command(after_help = "Examples:\n  trailwarden actions table")]
    Table,
    /// Print the reference of the actions as Markdown.
    #[command(after_help = "Examples:\n  trailwarden actions reference > actions.md")]
    Reference,
    /// Print the IAM statements that each action needs, as JSON.
    Iam(Iam),
    #[cfg(feature = "remediation")]
    List(records::List),
    #[cfg(feature = "remediation")]
    Show(records::Show),
    #[cfg(feature = "remediation")]
    Undo(records::Undo),
    /// Approve an action that waits for approval.
    #[cfg(feature = "remediation")]
    Approve(records::AnswerOptions),
    /// Refuse an action that waits for approval.
    #[cfg(feature = "remediation")]
    Deny(records::AnswerOptions),
    #[cfg(feature = "remediation")]
    Reset(records::Reset),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  Print the statements for logging on again:\n    trailwarden actions iam --action restart-trail"
)]
struct Iam {
    /// Print the statements of this action only. May be repeated.
    #[arg(long, value_name = "NAME")]
    action: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match &arguments.command {
        Command::Table => {
            let line = |action: &&Action| format!("{}  {}\n", action.name, action.rules.join(", "));
            print(&ACTIONS.iter().map(line).collect::<String>(), 0)
        }
        Command::Reference => print(&reference::markdown(), 0),
        Command::Iam(Iam { action }) => iam(action),
        #[cfg(feature = "remediation")]
        Command::List(arguments) => records::list(arguments),
        #[cfg(feature = "remediation")]
        Command::Show(arguments) => records::show(arguments),
        #[cfg(feature = "remediation")]
        Command::Undo(arguments) => records::undo(arguments),
        #[cfg(feature = "remediation")]
        Command::Approve(arguments) => records::answer(arguments, true),
        #[cfg(feature = "remediation")]
        Command::Deny(arguments) => records::answer(arguments, false),
        #[cfg(feature = "remediation")]
        Command::Reset(arguments) => records::reset(arguments),
    }
}

fn iam(names: &[String]) -> ExitCode {
    if let Some(name) = names.iter().find(|name| Action::named(name).is_none()) {
        return fail(format_args!("there is no action `{}`; `trailwarden actions table` lists them", visible(name)));
    }
    let mut statements = reference::statements();
    if let Some(members) = statements.as_object_mut().filter(|_| !names.is_empty()) {
        members.retain(|name, _| names.contains(name));
    }
    match serde_json::to_string_pretty(&statements) {
        Ok(text) => print(&format!("{text}\n"), 0),
        Err(error) => fail(error),
    }
}
