//! The command line.

#[path = "trailwarden/evaluate.rs"]
mod evaluate;

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
}

fn main() -> ExitCode {
    pipeline::hide_panic_messages();
    match Cli::parse().command {
        Command::Evaluate(arguments) => evaluate::run(&arguments),
    }
}
