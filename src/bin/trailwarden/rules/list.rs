//! `trailwarden rules list`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use trailwarden::rules::Rule;
use trailwarden::text::{shortened, visible, visible_json};

use super::loaded;
use crate::output::{Format, print};
use crate::selection::Selection;

/// Maximum length, in characters, of the call patterns of a rule.
const MAX_CALLS: usize = 90;

const EXAMPLES: &str = "Examples:
  List the rules that a configuration enables:
    trailwarden rules list --config trailwarden.yml";

/// List rules with name, level, state (on or off), pack and call patterns.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
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
    let rules = rules.rules();
    match arguments.format {
        Format::Text => {
            let width =
                |text: fn(&Rule) -> &str| rules.iter().map(|rule| text(rule).chars().count()).max().unwrap_or(0);
            let (name_width, pack_width) = (width(|rule| &rule.info().name), width(pack));
            let mut table = String::new();
            for rule in rules {
                let level = rule.info().severity.caption().to_lowercase();
                let runs = if rule.runs() { "on" } else { "off" };
                let calls = rule.call_patterns_when_filled().to_string();
                // Writing to a String cannot fail.
                let _ = writeln!(
                    table,
                    "{:name_width$}  {level:<13}  {runs:<3}  {:pack_width$}  {}",
                    visible(&rule.info().name),
                    visible(pack(rule)),
                    visible(&shortened(&calls, MAX_CALLS))
                );
            }
            print(&table, 0)
        }
        Format::Json => {
            let rules: Vec<Value> = rules.iter().map(document).collect();
            print(&format!("{}\n", visible_json(&Value::from(rules))), 0)
        }
    }
}

fn pack(rule: &Rule) -> &str {
    rule.info().pack.as_deref().unwrap_or("-")
}

fn document(rule: &Rule) -> Value {
    let info = rule.info();
    json!({"name": info.name, "id": info.id, "title": info.title, "level": info.severity.caption().to_lowercase(),
           "runs": rule.runs(), "pack": info.pack, "file": rule.file(),
           "calls": rule.call_patterns_when_filled().to_string(), "facts": rule.facts(),
           "placeholders": rule.placeholders()})
}
