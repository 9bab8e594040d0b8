//! `trailwarden rules reference`.

use std::process::ExitCode;

use clap::Args;
use trailwarden::rules::RuleSet;

use crate::output::{fail, print};

const EXAMPLES: &str = "Examples:
  Write the reference to a file:
    trailwarden rules reference > rules.md";

/// Print the reference of all built-in rules and facts as Markdown.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

pub(crate) fn run() -> ExitCode {
    match RuleSet::load(&[]) {
        Ok(rules) => print(&rules.reference(), 0),
        Err(diagnostics) => fail(diagnostics),
    }
}
