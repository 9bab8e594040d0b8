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
mod schema;
mod selection;
mod shell;
#[cfg(feature = "live")]
mod snapshot;
mod trust;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use trailwarden::arn::is_account_id;
use trailwarden::pipeline;
use trailwarden::rules::organization_id;

/// Evaluate CloudTrail records against Sigma rules and report non-compliant changes. Evaluation needs no AWS account.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    color: colorchoice_clap::Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    Evaluate(Box<evaluate::Arguments>),
    #[cfg(feature = "lambda")]
    Replay(replay::Arguments),
    #[cfg(not(feature = "lambda"))]
    #[command(hide = true)]
    Replay(OtherBuild),
    Explain(explain::Arguments),
    Rules(rules::Arguments),
    Exemptions(exemptions::Arguments),
    Facts(facts::Arguments),
    FilterPattern(filter_pattern::Arguments),
    Plan(Box<plan::Arguments>),
    Trust(trust::Arguments),
    Schema(schema::Arguments),
    Completions(shell::CompletionsArguments),
    Man(shell::ManArguments),
    Remediate(remediate::Arguments),
    Actions(actions::Arguments),
    #[cfg(feature = "live")]
    Snapshot(snapshot::Arguments),
    #[cfg(not(feature = "live"))]
    #[command(hide = true)]
    Snapshot(OtherBuild),
}

/// The arguments of a command that this build lacks.
#[cfg(not(all(feature = "lambda", feature = "live")))]
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
struct OtherBuild {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<std::ffi::OsString>,
}

#[cfg(not(all(feature = "lambda", feature = "live")))]
impl OtherBuild {
    /// Names the feature with which the command is compiled.
    fn run(&self, feature: &str) -> ExitCode {
        let Self { arguments: _ } = self;
        output::fail(format_args!(
            "this `trailwarden` was built without this command; build it with `--features {feature}`"
        ))
    }
}

/// Parses an account id.
fn account(text: &str) -> Result<String, &'static str> {
    if is_account_id(text) { Ok(text.to_owned()) } else { Err("an account id has twelve digits") }
}

/// Parses the id or ARN of an organization or organizational unit.
fn organization(text: &str) -> Result<String, &'static str> {
    let expected = "expected the id or ARN of an organization (`o-…`) or organizational unit (`ou-…`)";
    organization_id(text).map(|_| text.to_owned()).ok_or(expected)
}

fn main() -> ExitCode {
    pipeline::hide_panic_messages();
    let Cli { command, color } = Cli::parse();
    color.write_global();
    match command {
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        #[cfg(feature = "lambda")]
        Command::Replay(arguments) => replay::run(&arguments),
        #[cfg(not(feature = "lambda"))]
        Command::Replay(arguments) => arguments.run("lambda"),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Exemptions(arguments) => exemptions::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Facts(facts::Arguments {}) => facts::run(),
        Command::FilterPattern(arguments) => filter_pattern::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Trust(arguments) => trust::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments, Cli::command()),
        Command::Man(arguments) => shell::man(&arguments, Cli::command()),
        Command::Remediate(arguments) => remediate::run(&arguments),
        Command::Actions(arguments) => actions::run(&arguments),
        #[cfg(feature = "live")]
        Command::Snapshot(arguments) => snapshot::run(&arguments),
        #[cfg(not(feature = "live"))]
        Command::Snapshot(arguments) => arguments.run("live"),
    }
}
