//! `trailwarden rules test`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use trailwarden::fixtures::{self, FixtureResults};
use trailwarden::rules::DiagnosticKind;
use trailwarden::text::{visible, visible_json};

use super::Own;
use crate::output::{Format, fail, print};

const AFTER_HELP: &str = "Exit codes:
  0  every rule matches its hits and none of its misses
  1  a rule does not, or lacks fixtures of one kind
  2  the rules cannot be used, or there are none

Examples:
  Test your own rules:
    trailwarden rules test rules/";

/// Test rules against their fixtures: records that a rule must match, and near misses that it must not match.
///
/// Fixtures are files `hit-….json` and `miss-….json` in a directory with the name of the rule. For a rule that fails, the
/// evaluation of its condition is shown.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    own: Own,

    /// The format of the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (rules, faults) = match arguments.own.load() {
        Ok(loaded) => loaded,
        Err(fault) => return fail(fault),
    };
    let errors: Vec<String> =
        faults.iter().filter(|fault| fault.kind == DiagnosticKind::Error).map(ToString::to_string).collect();
    if !errors.is_empty() {
        return fail(format!("these rules cannot be used\n{}", errors.join("\n")));
    }
    let directory = arguments.own.fixtures();
    if !directory.is_dir() {
        return fail(format!("there are no fixtures at {}; name their directory with --fixtures", directory.display()));
    }
    let meant = arguments.own.rules(&rules);
    if meant.is_empty() {
        return fail("there is no rule to test");
    }
    let outcomes: Vec<(&str, FixtureResults)> = meant
        .iter()
        .map(|rule| (rule.info().name.as_str(), fixtures::run(&rules, &rule.info().name, &directory)))
        .collect();
    let is_good = |outcome: &FixtureResults| outcome.failures.is_empty() && outcome.hits > 0 && outcome.misses > 0;
    let failed = outcomes.iter().filter(|(_, outcome)| !is_good(outcome)).count();
    let code = u8::from(failed > 0);
    match arguments.format {
        Format::Text => {
            let mut text = String::new();
            for (name, outcome) in outcomes.iter().filter(|(_, outcome)| !is_good(outcome)) {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{name}: {} hits, {} misses", outcome.hits, outcome.misses);
                for failure in &outcome.failures {
                    let _ = writeln!(text, "  {}: {}", visible(&failure.place), visible(&failure.reason));
                    let trace = failure.trace.as_ref().map(ToString::to_string).unwrap_or_default();
                    for line in trace.lines() {
                        let _ = writeln!(text, "    {line}");
                    }
                }
            }
            let records: usize = outcomes.iter().map(|(_, outcome)| outcome.hits + outcome.misses).sum();
            let _ = writeln!(text, "{} rules, {records} records: {failed} rules failed", outcomes.len());
            print(&text, code)
        }
        Format::Json => {
            let rules: Vec<Value> = outcomes.iter().map(|(name, outcome)| document(name, outcome)).collect();
            print(&format!("{}\n", visible_json(&json!({"failed": failed, "rules": rules}))), code)
        }
    }
}

fn document(name: &str, outcome: &FixtureResults) -> Value {
    let failures = outcome.failures.iter();
    let failures: Vec<Value> = failures
        .map(|failure| json!({"place": failure.place, "reason": failure.reason, "trace": failure.trace}))
        .collect();
    json!({"rule": name, "hits": outcome.hits, "misses": outcome.misses, "failures": failures})
}
