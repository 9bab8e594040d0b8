//! `trailwarden facts`.

use std::process::ExitCode;

use clap::Args;
use trailwarden::facts::{Calls, FACTS};

use crate::output::print;

const EXAMPLES: &str = "Examples:
  List the facts about security groups:
    trailwarden facts | grep -A 3 '^exposure'";

/// List the facts that rules can use in addition to the fields of a record.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

pub(crate) fn run() -> ExitCode {
    let mut text = String::new();
    for fact in FACTS {
        let calls = match fact.calls {
            Calls::All => "all calls".to_owned(),
            Calls::AllOf(sources) => format!("all calls of {}", sources.join(", ")),
            Calls::These(pairs) => pairs.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", "),
        };
        text.push_str(&format!("{}\n  for {calls}\n  {}\n\n", fact.name, fact.doc));
    }
    print(&text, 0)
}
