//! The command line.

mod actions;
mod documents;
mod evaluate;
mod exemptions;
mod explain;
mod facts;
mod filter_pattern;
mod input;
mod output;
mod plan;
mod remediate;
#[cfg(feature = "lambda")]
mod replay;
mod rules;
mod selection;
mod shell;
#[cfg(feature = "live")]
mod snapshot;
mod trust;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use trailwarden::pipeline;
use trailwarden::rules::organization_id;

/// Evaluate CloudTrail records against Sigma rules and report non-compliant changes. Evaluation needs no AWS account.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Evaluate(Box<evaluate::Arguments>),
    #[cfg(feature = "lambda")]
    Replay(replay::Arguments),
    Explain(explain::Arguments),
    Rules(rules::Arguments),
    Exemptions(exemptions::Arguments),
    Facts(facts::Arguments),
    FilterPattern(filter_pattern::Arguments),
    Plan(Box<plan::Arguments>),
    Trust(trust::Arguments),
    Completions(shell::CompletionsArguments),
    Man(shell::ManArguments),
    Remediate(remediate::Arguments),
    Actions(actions::Arguments),
    #[cfg(feature = "live")]
    Snapshot(snapshot::Arguments),
}

/// Parses an account id.
fn account(text: &str) -> Result<String, &'static str> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { Ok(text.to_owned()) } else { Err("an account id has twelve digits") }
}

/// Parses the id or ARN of an organization or organizational unit.
fn organization(text: &str) -> Result<String, &'static str> {
    let expected = "expected the id or ARN of an organization (`o-…`) or organizational unit (`ou-…`)";
    organization_id(text).map(|_| text.to_owned()).ok_or(expected)
}

fn main() -> ExitCode {
    pipeline::hide_panic_messages();
    match Cli::parse().command {
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        #[cfg(feature = "lambda")]
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Exemptions(arguments) => exemptions::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Facts(facts::Arguments {}) => facts::run(),
        Command::FilterPattern(arguments) => filter_pattern::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Trust(arguments) => trust::run(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments, Cli::command()),
        Command::Man(arguments) => shell::man(&arguments, Cli::command()),
        Command::Remediate(arguments) => remediate::run(&arguments),
        Command::Actions(arguments) => actions::run(&arguments),
        #[cfg(feature = "live")]
        Command::Snapshot(arguments) => snapshot::run(&arguments),
    }
}
