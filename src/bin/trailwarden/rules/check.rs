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

use super::RulesPath;
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
/// rule with a warning is used, but part of it has no effect, or it lacks a fixture.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    path: RulesPath,

    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (rules, mut diagnostics) = match arguments.path.load() {
        Ok(loaded) => loaded,
        Err(diagnostic) => return fail(diagnostic),
    };
    let directory = arguments.path.fixtures();
    let selected = arguments.path.rules(&rules);
    // The binary does not contain the fixtures of built-in rules.
    let has_fixtures = arguments.path.directory.is_some() || directory.is_dir();
    for rule in selected.iter().filter(|_| has_fixtures) {
        diagnostics.extend(without_fixtures(rule, &rules, &directory));
    }
    // The fixtures beside a single file may belong to rules in other files.
    if arguments.path.directory.as_deref().is_none_or(Path::is_dir) {
        diagnostics.extend(without_rule(&rules, &diagnostics, &directory));
    }
    diagnostics.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
    let code = u8::from(!diagnostics.is_empty());
    let count = |kind| diagnostics.iter().filter(|diagnostic| diagnostic.kind == kind).count();
    match arguments.format {
        Format::Text => {
            let mut text = String::new();
            for diagnostic in &diagnostics {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{diagnostic}");
            }
            let (errors, unsupported) = (count(DiagnosticKind::Error), count(DiagnosticKind::Unsupported));
            let warnings = count(DiagnosticKind::Warning);
            let _ = writeln!(
                text,
                "{} rules are valid: {errors} errors, {unsupported} unsupported, {warnings} warnings",
                selected.len()
            );
            print(&text, code)
        }
        Format::Json => {
            let document = json!({"rules": selected.len(), "faults": diagnostics});
            print(&format!("{}\n", visible_json(&document)), code)
        }
    }
}

/// Returns a warning for a rule that lacks fixtures, with the files to create.
fn without_fixtures(rule: &Rule, rules: &RuleSet, directory: &Path) -> Option<RuleDiagnostic> {
    let name = &rule.info().name;
    let outcome = fixtures::run(rules, name, directory);
    let rule_directory = directory.join(name);
    let hit = format!("a record that it matches (`{}`)", rule_directory.join("hit-….json").display());
    let miss = format!("a record that it does not match (`{}`)", rule_directory.join("miss-….json").display());
    let missing = match (outcome.hits, outcome.misses) {
        (0, 0) => format!("{hit} and {miss}"),
        (0, _) => hit,
        (_, 0) => miss,
        _ => return None,
    };
    let reason = format!("its fixtures lack {missing}: see `trailwarden rules test --help`");
    let diagnostic = RuleDiagnostic::of_file(rule.file(), reason);
    Some(RuleDiagnostic {
        line: Some(rule.line()),
        rule: Some(name.clone()),
        kind: DiagnosticKind::Warning,
        ..diagnostic
    })
}

/// Returns a warning for each fixture directory without a rule.
fn without_rule(rules: &RuleSet, diagnostics: &[RuleDiagnostic], directory: &Path) -> Vec<RuleDiagnostic> {
    let invalid = diagnostics.iter().filter_map(|diagnostic| diagnostic.rule.as_deref());
    let known: HashSet<&str> = rules.rules().iter().map(Rule::name).chain(invalid).collect();
    let orphans = fixtures::names(directory).into_iter().filter(|name| !known.contains(name.as_str()));
    let diagnostic = |name: String| {
        let near = rules.did_you_mean(&name);
        let reason = format!("there is no rule `{name}` for these fixtures{near}");
        let diagnostic = RuleDiagnostic::of_file(&directory.join(&name).display().to_string(), reason);
        RuleDiagnostic { kind: DiagnosticKind::Warning, ..diagnostic }
    };
    orphans.map(diagnostic).collect()
}
