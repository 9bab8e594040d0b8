//! `trailwarden rules show`.

use std::process::ExitCode;

use clap::Args;
use trailwarden::text::visible;

use super::loaded;
use crate::output::{fail, print};
use crate::selection::Selection;

const EXAMPLES: &str = "Examples:
  Read a rule before you copy it:
    trailwarden rules show role-trust-public";

/// Show one rule: its description, remediation and source.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The name of the rule.
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    selection: Selection,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let rules = match loaded(&arguments.selection) {
        Ok(rules) => rules,
        Err(code) => return code,
    };
    let Some(rule) = rules.rules().iter().find(|rule| rule.info().name == arguments.name) else {
        let near = rules.did_you_mean(&arguments.name);
        return fail(format!("there is no rule `{}`{near}", visible(&arguments.name)));
    };
    let state = if rule.runs() { "This rule is enabled." } else { "This rule is disabled." };
    let lines = |text: &str| text.lines().map(|line| format!("{}\n", visible(line))).collect::<String>();
    let text = format!("{}\n{state}\n\n{}:\n\n{}", rule.reference(), rule.file(), rule.text().trim_start());
    print(&lines(&text), 0)
}
