//! `trailwarden rules check`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use trailwarden::fixtures;
use trailwarden::rules::{FaultKind, RuleFault};
use trailwarden::text::visible_json;

use super::Own;
use crate::output::{Format, fail, print};

const EXIT_CODES: &str = "Exit codes:
  0  nothing is wrong
  1  something is wrong with a rule or the configuration
  2  the configuration cannot be read";

/// Lists everything that is wrong with rules and their configuration, with file and line.
///
/// Errors keep a rule from being used; what is unsupported can be left out with `--allow-unsupported`; of a rule with
/// warnings, some part does nothing, or has no fixture that shows what it does.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    own: Own,

    /// How the faults are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (rules, mut faults) = match arguments.own.load() {
        Ok(loaded) => loaded,
        Err(fault) => return fail(fault),
    };
    let directory = arguments.own.fixtures();
    let meant = arguments.own.rules(&rules);
    // Those of the built-in rules are not part of the binary.
    let shown = arguments.own.directory.is_some() || directory.is_dir();
    for rule in meant.iter().filter(|_| shown) {
        let name = &rule.info().name;
        let outcome = fixtures::run(&rules, name, &directory);
        let missing = match (outcome.hits, outcome.misses) {
            (0, 0) => "a record that it hits and one that it misses",
            (0, _) => "a record that it hits",
            (_, 0) => "a record that it misses",
            _ => continue,
        };
        let reason = format!("its fixtures lack {missing}: see `trailwarden rules test --help`");
        let fault = RuleFault::of_file(rule.file(), reason);
        let line = Some(rule.text().bytes().take_while(|byte| *byte == b'\n').count() + 1);
        faults.push(RuleFault { line, rule: Some(name.clone()), kind: FaultKind::Warning, ..fault });
    }
    faults.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    let code = u8::from(!faults.is_empty());
    let count = |kind| faults.iter().filter(|fault| fault.kind == kind).count();
    match arguments.format {
        Format::Text => {
            let mut text = String::new();
            for fault in &faults {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{fault}");
            }
            let (errors, unsupported) = (count(FaultKind::Error), count(FaultKind::Unsupported));
            let warnings = count(FaultKind::Warning);
            let _ = writeln!(
                text,
                "{} rules can be used: {errors} errors, {unsupported} unsupported, {warnings} warnings",
                meant.len()
            );
            print(&text, code)
        }
        Format::Json => {
            let document = json!({"rules": meant.len(), "faults": faults});
            print(&format!("{}\n", visible_json(&document)), code)
        }
    }
}
