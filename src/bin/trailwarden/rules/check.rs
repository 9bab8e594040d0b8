//! `trailwarden rules check`.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use trailwarden::fixtures;
use trailwarden::rules::{DiagnosticKind, Rule, RuleDiagnostic, RuleSet};
use trailwarden::text::visible_json;

use super::Own;
use crate::output::{Format, fail, print};

const AFTER_HELP: &str = "Exit codes:
  0  no errors or warnings
  1  a rule or the configuration has errors or warnings
  2  the configuration cannot be read

Examples:
  Check your own rules in a pipeline:
    trailwarden rules check rules/ --format json";

/// Check rules and their configuration, and list errors and warnings with file and line.
///
/// A rule with an error cannot be used. A rule that uses an unsupported feature can be skipped with `--allow-unsupported`. A
/// rule with a warning is used, but a part of it has no effect or no fixture.
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
    let (rules, mut faults) = match arguments.own.load() {
        Ok(loaded) => loaded,
        Err(fault) => return fail(fault),
    };
    let directory = arguments.own.fixtures();
    let meant = arguments.own.rules(&rules);
    // Those of the built-in rules are not part of the binary.
    let has_fixtures = arguments.own.directory.is_some() || directory.is_dir();
    for rule in meant.iter().filter(|_| has_fixtures) {
        faults.extend(without_fixtures(rule, &rules, &directory));
    }
    // A file is checked alone, and the fixtures beside it are also those of others.
    if arguments.own.directory.as_deref().is_none_or(Path::is_dir) {
        faults.extend(without_rule(&rules, &faults, &directory));
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
            let (errors, unsupported) = (count(DiagnosticKind::Error), count(DiagnosticKind::Unsupported));
            let warnings = count(DiagnosticKind::Warning);
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

/// A warning of a rule that lacks fixtures, with the files to create.
fn without_fixtures(rule: &Rule, rules: &RuleSet, directory: &Path) -> Option<RuleDiagnostic> {
    let name = &rule.info().name;
    let outcome = fixtures::run(rules, name, directory);
    let of_rule = directory.join(name);
    let hit = format!("a record that it hits (`{}`)", of_rule.join("hit-….json").display());
    let miss = format!("a record that it misses (`{}`)", of_rule.join("miss-….json").display());
    let missing = match (outcome.hits, outcome.misses) {
        (0, 0) => format!("{hit} and {miss}"),
        (0, _) => hit,
        (_, 0) => miss,
        _ => return None,
    };
    let reason = format!("its fixtures lack {missing}: see `trailwarden rules test --help`");
    let fault = RuleDiagnostic::of_file(rule.file(), reason);
    Some(RuleDiagnostic { line: Some(rule.line()), rule: Some(name.clone()), kind: DiagnosticKind::Warning, ..fault })
}

/// A warning of each directory of fixtures that belongs to no rule.
fn without_rule(rules: &RuleSet, faults: &[RuleDiagnostic], directory: &Path) -> Vec<RuleDiagnostic> {
    let faulty = faults.iter().filter_map(|fault| fault.rule.as_deref());
    let known: HashSet<&str> = rules.rules().iter().map(Rule::name).chain(faulty).collect();
    let orphans = fixtures::names(directory).into_iter().filter(|name| !known.contains(name.as_str()));
    let fault = |name: String| {
        let near = rules.did_you_mean(&name);
        let reason = format!("these fixtures belong to no rule: there is none called `{name}`{near}");
        let fault = RuleDiagnostic::of_file(&directory.join(&name).display().to_string(), reason);
        RuleDiagnostic { kind: DiagnosticKind::Warning, ..fault }
    };
    orphans.map(fault).collect()
}
