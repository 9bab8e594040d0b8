//! `trailwarden rules show`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use trailwarden::text::{visible, visible_json};

use super::loaded;
use crate::output::{Format, fail, print};
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

    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
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
    if matches!(arguments.format, Format::Json) {
        let document = json!({
            "rule": rule.info(),
            "enabled": rule.runs(),
            "calls": rule.call_patterns_when_filled().to_string(),
            "file": rule.file(),
            "source": rule.text(),
        });
        return print(&format!("{}\n", visible_json(&document)), 0);
    }
    let state = if rule.runs() { "This rule is enabled." } else { "This rule is disabled." };
    let lines = |text: &str| text.lines().map(|line| format!("{}\n", visible(line))).collect::<String>();
    let text = format!("{}\n{state}\n\n{}:\n\n{}", rule.reference(), rule.file(), rule.text().trim_start());
    print(&lines(&text), 0)
}
