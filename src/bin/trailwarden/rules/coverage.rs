//! `trailwarden rules coverage`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use trailwarden::rules::{Coverage, Danger};
use trailwarden::text::{visible, visible_json};

use super::loaded;
use crate::output::{Format, print};
use crate::selection::Selection;

/// Tells what no rule that runs watches, and which rules stand for which ATT&CK technique and control.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let coverage = match loaded(&arguments.selection) {
        Ok(rules) => rules.coverage(),
        Err(code) => return code,
    };
    match arguments.format {
        Format::Text => print(&text(&coverage), 0),
        Format::Json => {
            let document = serde_json::to_value(&coverage).unwrap_or_default();
            print(&format!("{}\n", visible_json(&document)), 0)
        }
    }
}

fn text(coverage: &Coverage) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for (danger, heading) in [
        (Danger::Exposure, "Calls that can expose, and that no rule that runs watches"),
        (Danger::Blinding, "Calls that can blind the trail, and that no rule that runs watches"),
    ] {
        let _ = writeln!(text, "{heading}:");
        let mut any = false;
        for one in coverage.unwatched.iter().filter(|one| one.can == danger) {
            let off = match one.off.as_slice() {
                [] => String::new(),
                off => format!(" (off: {})", off.join(", ")),
            };
            let _ = writeln!(text, "  {} {}{}", one.service, one.call, visible(&off));
            any = true;
        }
        if !any {
            text.push_str("  none\n");
        }
    }
    text.push_str("ATT&CK techniques:\n");
    for (technique, rules) in &coverage.techniques {
        let _ = writeln!(text, "  {} {}", visible(technique), visible(&rules.join(", ")));
    }
    for (framework, controls) in &coverage.controls {
        let _ = writeln!(text, "{}:", visible(framework));
        for (control, rules) in controls {
            let _ = writeln!(text, "  {} {}", visible(control), visible(&rules.join(", ")));
        }
    }
    let _ = writeln!(text, "Names of calls: {}.", coverage.source);
    text
}
