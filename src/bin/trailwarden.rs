//! The command line.

#[path = "trailwarden/evaluate.rs"]
mod evaluate;
#[path = "trailwarden/selection.rs"]
mod selection;
#[path = "trailwarden/trust.rs"]
mod trust;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trailwarden::pipeline;

/// Evaluates CloudTrail records against Sigma rules and reports what is not compliant. Needs no AWS account.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Evaluate(evaluate::Arguments),
    Trust(trust::Arguments),
}

/// An account id.
fn account(text: &str) -> Result<String, &'static str> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { Ok(text.to_owned()) } else { Err("an account id has twelve digits") }
}

fn main() -> ExitCode {
    pipeline::hide_panic_messages();
    match Cli::parse().command {
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Trust(arguments) => trust::run(&arguments),
    }
}
