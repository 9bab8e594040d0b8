//! `trailwarden explain`.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;
use trailwarden::configuration_item::{ConfigurationItem, STATE_PACKS, judges_state};
use trailwarden::event::Event;
use trailwarden::rules::RuleSet;
use trailwarden::sources::{Content, Item, ItemText, LogStreams, Place};
use trailwarden::text::{visible, visible_json};

use crate::input::{Opened, open, sources};
use crate::output::{Format, ended, fail, message};
use crate::selection::{Loaded, Selection};

const AFTER_HELP: &str = "Exit codes:
  0  every record was evaluated
  2  an input could not be read, there is no such rule, or a rule is invalid

Examples:
  Show why a rule matches, or does not match, these records:
    trailwarden explain --rule role-trust-public logs/";

/// Show how each part of a rule's condition evaluates on records.
///
/// Takes the same input as `evaluate`. The rule need not be enabled.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The name of the rule.
    #[arg(long, value_name = "NAME")]
    rule: String,

    /// Files and directories. `-` is standard input.
    #[arg(value_name = "EVENT", required = true)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    selection: Selection,

    /// Output format. JSON is one object per line and record.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Some(Loaded { rules, .. }) = arguments.selection.load(false) else { return ExitCode::from(2) };
    if !rules.rules().iter().any(|rule| rule.name() == arguments.rule) {
        let near = rules.did_you_mean(&arguments.rule);
        return fail(format_args!("there is no rule `{}`{near}", visible(&arguments.rule)));
    }
    let mut output = BufWriter::new(anstream::stdout());
    let mut has_rejections = false;
    let mut write_error: Option<io::Error> = None;
    let items = sources(&arguments.paths).into_iter().flat_map(|source| {
        let Opened { name, input, .. } = open(&source, &ProgressBar::hidden());
        input.into_reader(&name, &LogStreams::ALL)
    });
    for Item { place, content } in items {
        let result = match content {
            Content::Record(record) => explain_record(&rules, arguments, &place, &record.json(), &mut output),
            Content::Rejected(reason) => Err(reason),
            Content::Failed(error) => Err(error.reason),
            Content::ConfigurationItem(item) => explain_item(&rules, arguments, &place, &item, &mut output),
            Content::OversizedItem(_) | Content::Control | Content::Nested(_) | Content::Object(_) => continue,
        };
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                write_error = Some(error);
                break;
            }
            Err(reason) => {
                has_rejections = true;
                message(format_args!("rejected: {place}: {}", visible(&reason)));
            }
        }
    }
    ended(write_error.map_or_else(|| output.flush(), Err), if has_rejections { 2 } else { 0 })
}

/// Writes how each part of the rule evaluates on the calls that lead to the state of a configuration item.
fn explain_item(
    rules: &RuleSet,
    arguments: &Arguments,
    place: &Place,
    item: &ItemText,
    output: &mut dyn Write,
) -> Result<io::Result<()>, String> {
    let rule = rules.rules().iter().find(|rule| rule.name() == arguments.rule);
    if !rule.is_some_and(|rule| judges_state(rule.info())) {
        return Err(format!("a configuration item; only rules of the packs {} judge it", STATE_PACKS.join(" and ")));
    }
    let item = ConfigurationItem::parse(&item.json, item.left_scope).map_err(|error| error.to_string())?;
    let records = item.records(true).map_err(|error| error.to_string())?;
    if records.is_empty() {
        message(format_args!("{place}: no call leads to the state of this configuration item"));
    }
    for record in records {
        let written = explain_record(rules, arguments, place, &record.to_string(), output)?;
        if written.is_err() {
            return Ok(written);
        }
    }
    Ok(Ok(()))
}

/// Writes how each part of the rule evaluates on a record.
fn explain_record(
    rules: &RuleSet,
    arguments: &Arguments,
    place: &Place,
    text: &str,
    output: &mut dyn Write,
) -> Result<io::Result<()>, String> {
    let event = Event::parse(text).map_err(|error| error.to_string())?;
    let trace = rules.explain(&arguments.rule, &event).ok_or_else(|| "there is no such rule".to_owned())?;
    let shown = |text: Option<&str>| visible(text.unwrap_or("unknown")).into_owned();
    Ok(match arguments.format {
        Format::Text => {
            let verdict = if trace.matched { "matches" } else { "does not match" };
            let (call, service) = (shown(event.name()), shown(event.source()));
            writeln!(output, "{place}: {call} of {service}, event {}: {verdict}", shown(event.id()))
                .and_then(|()| writeln!(output, "{trace}"))
        }
        Format::Json => {
            let document = json!({"place": place.to_string(), "event": event.id(), "rule": arguments.rule,
                                  "matched": trace.matched, "trace": trace});
            writeln!(output, "{}", visible_json(&document))
        }
    })
}
