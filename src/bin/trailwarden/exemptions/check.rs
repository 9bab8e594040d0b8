//! `trailwarden exemptions check`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::pipeline::{Outcome, Pipeline};
use trailwarden::suppress::Exemptions;
use trailwarden::text::{visible, visible_json};

use crate::input::{Opened, open, sources};
use crate::output::{Format, message, print};
use crate::selection::{Loaded, Selection};

const AFTER_HELP: &str = "Exit codes:
  0  every exemption is valid and in use
  1  there is no exemption, or an exemption has expired, expires soon, or covers nothing in the log
  2  the file cannot be used, or part of the log could not be read

Examples:
  List exemptions that are about to expire, or cover nothing in a log:
    trailwarden exemptions check exemptions.yml --over logs/";

/// Check an exemptions file for errors, and for exemptions that have expired, expire soon or cover nothing.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The exemptions file.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Count the findings that each exemption covers in this log. Takes the same input as `evaluate`. May be repeated.
    #[arg(long, value_name = "PATH")]
    over: Vec<PathBuf>,

    /// List exemptions that expire within this many days.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    within: u32,

    #[command(flatten)]
    selection: Selection,

    /// Output format.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Some(Loaded { configuration, rules, .. }) = arguments.selection.load(false) else { return ExitCode::from(2) };
    let exemptions = match Exemptions::read(&arguments.file, &rules) {
        Ok(exemptions) => exemptions,
        Err(diagnostics) => {
            message(diagnostics);
            return ExitCode::from(2);
        }
    };
    if exemptions.all().is_empty() {
        message(format_args!("{}: it contains no exemption", visible(&arguments.file.display().to_string())));
    }
    let pipeline = configuration.pipeline_of(rules, exemptions);
    let (covered, rejected) = covered(&pipeline, &arguments.over);
    let now = Timestamp::now();
    let mut has_problems = pipeline.exemptions().all().is_empty();
    let mut entries: Vec<Value> = Vec::new();
    let mut lines = String::new();
    for exemption in pipeline.exemptions().all() {
        let suppression = exemption.suppression();
        let findings = covered.get(exemption.name()).copied().unwrap_or(0);
        let mut problems = Vec::new();
        if exemption.is_expired(now) {
            problems.push("has expired".to_owned());
        } else if exemption.expires_within(arguments.within, now) {
            problems.push(format!("expires within {} days", arguments.within));
        }
        if !arguments.over.is_empty() && findings == 0 && !exemption.is_expired(now) {
            problems.push("covers nothing in the log".to_owned());
        }
        has_problems |= !problems.is_empty();
        let state = if problems.is_empty() { "is valid".to_owned() } else { problems.join(" and ") };
        let counted = if arguments.over.is_empty() { String::new() } else { format!(", {findings} findings covered") };
        let line = format!(
            "{} {state}: until {}, {} ({}){counted}",
            suppression.exemption,
            suppression.expires.as_deref().unwrap_or_default(),
            suppression.owner,
            exemption.title()
        );
        lines.push_str(&visible(&line));
        lines.push('\n');
        entries.push(
            json!({"exemption": suppression.exemption, "title": exemption.title(), "owner": suppression.owner,
                         "ticket": suppression.ticket, "expires": suppression.expires, "faults": problems,
                         "covered": (!arguments.over.is_empty()).then_some(findings)}),
        );
    }
    let code = match (rejected, has_problems) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    };
    match arguments.format {
        Format::Text => print(&lines, code),
        Format::Json => print(&format!("{}\n", visible_json(&Value::from(entries))), code),
    }
}

/// Counts the findings that each exemption covers. Also returns whether a record was rejected.
fn covered(pipeline: &Pipeline, paths: &[PathBuf]) -> (BTreeMap<String, u64>, bool) {
    let mut covered = BTreeMap::new();
    let mut rejected = false;
    // `sources` reads standard input if there is no path.
    let inputs = if paths.is_empty() { Vec::new() } else { sources(paths) };
    for source in inputs {
        let Opened { name, input, .. } = open(&source, &ProgressBar::hidden());
        pipeline.run(&name, input, &mut |outcome| match outcome {
            Outcome::Finding(finding, _) => {
                if let Some(suppression) = finding.suppression {
                    for name in std::iter::once(suppression.exemption).chain(suppression.also) {
                        *covered.entry(name).or_insert(0) += 1;
                    }
                }
            }
            Outcome::Item(_) => {}
            Outcome::Rejection(rejection) => {
                rejected = true;
                message(format_args!("rejected: {rejection}"));
            }
        });
    }
    (covered, rejected)
}
