//! `trailwarden rules reference`.

use std::process::ExitCode;

use clap::Args;
use trailwarden::rules::RuleSet;

use crate::output::{fail, print};

/// Print the reference of all built-in rules and facts as Markdown.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(crate) fn run() -> ExitCode {
    match RuleSet::load(&[]) {
        Ok(rules) => print(&rules.reference(), 0),
        Err(faults) => fail(faults),
    }
}
