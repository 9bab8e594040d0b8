//! `trailwarden rules coverage`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use trailwarden::rules::{Coverage, OperationClass};
use trailwarden::text::{visible, visible_json};

use super::loaded;
use crate::output::print;
use crate::selection::Selection;

const EXAMPLES: &str = "Examples:
  List the sensitive calls that no enabled rule covers:
    trailwarden rules coverage --config trailwarden.yml
  Write a layer for the ATT&CK Navigator:
    trailwarden rules coverage --format navigator > layer.json";

/// List sensitive API calls that no enabled rule covers, and coverage by ATT&CK technique and control.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// Output format.
    #[arg(long, value_enum, default_value_t = CoverageFormat::Text)]
    format: CoverageFormat,
}

/// The format of the coverage.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CoverageFormat {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
    /// A layer of the ATT&CK Navigator: the techniques that enabled rules report.
    Navigator,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let coverage = match loaded(&arguments.selection) {
        Ok(rules) => rules.coverage(),
        Err(code) => return code,
    };
    match arguments.format {
        CoverageFormat::Text => print(&text(&coverage), 0),
        CoverageFormat::Navigator => print(&format!("{}\n", visible_json(&layer(&coverage))), 0),
        CoverageFormat::Json => {
            let document = serde_json::to_value(&coverage).unwrap_or_default();
            print(&format!("{}\n", visible_json(&document)), 0)
        }
    }
}

/// A layer of the ATT&CK Navigator.
/// <https://github.com/mitre-attack/attack-navigator/blob/master/layers/LAYERFORMATv4_5.md>
fn layer(coverage: &Coverage) -> Value {
    let techniques = coverage.techniques.iter().map(|(technique, rules)| {
        json!({"techniqueID": technique, "score": rules.len(), "comment": rules.join(", "), "enabled": true})
    });
    let most = coverage.techniques.values().map(Vec::len).max().unwrap_or_default();
    json!({
        "name": "Trailwarden",
        "versions": {"attack": "17", "navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": "Techniques that enabled rules report. The score is the number of rules.",
        "filters": {"platforms": ["IaaS"]},
        "techniques": techniques.collect::<Vec<_>>(),
        "gradient": {"colors": ["#ffffff", "#66b1ff"], "minValue": 0, "maxValue": most},
        "showTacticRowBackground": true,
        "hideDisabled": false,
    })
}

/// Maximum number of characters in a line.
const MAX_WIDTH: usize = 80;

fn text(coverage: &Coverage) -> String {
    // Writing to a String cannot fail.
    let mut text = String::new();
    let (uncovered, sensitive) = (coverage.uncovered.len(), coverage.sensitive);
    let _ = writeln!(text, "Sensitive calls that no enabled rule covers: {uncovered} of {sensitive}");
    for class in OperationClass::SENSITIVE {
        let calls = coverage.uncovered.iter().filter(|call| call.class == class);
        let mut reason = None;
        for call in calls {
            if reason.is_none() {
                let _ = writeln!(text, "\n{}:", class.heading());
            }
            if reason != Some(call.reason) {
                write_wrapped(&mut text, "  ", call.reason, &[]);
                reason = Some(call.reason);
            }
            let service = call.service.split('.').next().unwrap_or_default();
            let mut notes = Vec::new();
            if !call.listed_by.is_empty() {
                notes.push(format!("only listed by {}", call.listed_by.join(", ")));
            }
            if !call.off.is_empty() {
                notes.push(format!("off: {}", call.off.join(", ")));
            }
            let notes = if notes.is_empty() { Vec::new() } else { vec![format!("({})", notes.join("; "))] };
            write_wrapped(&mut text, "    ", &format!("{service} {}", call.call), &notes);
        }
    }
    text.push_str("\nATT&CK techniques:\n");
    for (technique, rules) in &coverage.techniques {
        write_wrapped(&mut text, "  ", technique, &[rules.join(", ")]);
    }
    for (framework, controls) in &coverage.controls {
        let _ = writeln!(text, "\n{}:", visible(framework));
        for (control, rules) in controls {
            write_wrapped(&mut text, "  ", control, &[rules.join(", ")]);
        }
    }
    text.push('\n');
    write_wrapped(&mut text, "", &format!("Names of calls: {}.", coverage.source), &[]);
    text
}

/// Writes words in lines of at most [`MAX_WIDTH`] characters. The first line starts with `indent`, others with four more
/// blanks.
fn write_wrapped(text: &mut String, indent: &str, first: &str, rest: &[String]) {
    let rest = rest.iter().flat_map(|rest| rest.split(' '));
    let mut line = String::from(indent);
    for word in first.split(' ').chain(rest) {
        let word = visible(word);
        if line.trim().is_empty() {
            line.push_str(&word);
        } else if line.chars().count() + 1 + word.chars().count() <= MAX_WIDTH {
            line.push(' ');
            line.push_str(&word);
        } else {
            let _ = writeln!(text, "{line}");
            line = format!("{indent}    {word}");
        }
    }
    let _ = writeln!(text, "{line}");
}
