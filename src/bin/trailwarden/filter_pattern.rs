//! `trailwarden filter-pattern`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::process::ExitCode;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use serde_json::json;
use trailwarden::filter_pattern::{
    FilterPatterns, Limits, MAX_CHARACTERS, MAX_EVENT_PATTERN_CHARACTERS, MAX_FILTERS, every_event, of_rules,
    of_rules_as_needed, of_rules_for_events,
};
use trailwarden::text::{visible, visible_json};

use crate::output::{fail, print};
use crate::selection::{Loaded, Selection};

const AFTER_HELP: &str = "Exit codes:
  0  the pattern was printed
  2  there is none: the rules cannot be used, one of them can match any call, or it does not fit;
     or a rule was refused, and the pattern that was printed is for the others

Examples:
  Generate the pattern for your configuration:
    trailwarden filter-pattern --config trailwarden.yml > filter_pattern.txt
  Generate event patterns for EventBridge rules, one per line:
    trailwarden filter-pattern --config trailwarden.yml --format eventbridge > event_patterns.txt";

/// Generate a CloudWatch Logs or EventBridge pattern that passes every event the enabled rules can match.
///
/// The pattern is written to standard output. If one pattern is not enough, there are two, one per line: a log group can have
/// two subscription filters. A report on their length, and on events that pass although no rule matches them, is written to
/// standard error. The pattern is for the log group that CloudTrail writes to. Generate it again after rules have changed.
/// Rules with unset placeholders are treated as enabled.
///
/// With `--format eventbridge`, each line is an event pattern for an EventBridge rule of its own. No event passes two of them.
/// Events that only read (`readOnly`: true) reach a rule only in the state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS.
///
/// Filter patterns are case-sensitive and rules are not. Names of calls are written as CloudTrail writes them. Unknown names
/// are written as in the rule, and listed on standard error.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// The maximum number of characters of a CloudWatch Logs pattern [default: 1024].
    #[arg(long, value_name = "N", value_parser = within(1..=MAX_CHARACTERS))]
    max_length: Option<usize>,

    /// The maximum number of CloudWatch Logs patterns. Each is for one subscription filter. No event passes both of two
    /// patterns, so none is delivered twice. With 2, there are two if they pass fewer unneeded events than one. By default,
    /// there are two only if one does not fit, or passes more than twice as many unneeded events.
    #[arg(long, value_name = "N", value_parser = within(1..=MAX_FILTERS))]
    filters: Option<usize>,

    /// Pass every CloudTrail event. Requires `--format eventbridge`. In CloudWatch Logs, the empty pattern does the same.
    #[arg(long)]
    all: bool,

    /// The format of the pattern. JSON contains the report too.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CloudWatch Logs filter patterns, one per line.
    Text,
    /// CloudWatch Logs filter patterns and the report as JSON.
    Json,
    /// EventBridge event patterns, one per line.
    Eventbridge,
}

fn within(range: RangeInclusive<usize>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(*range.start() as u64..=*range.end() as u64)
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let for_events = arguments.format == Format::Eventbridge;
    if arguments.all && !for_events {
        return fail("--all needs --format eventbridge; in CloudWatch Logs, the empty pattern passes every event");
    }
    if for_events && (arguments.max_length.is_some() || arguments.filters.is_some()) {
        return fail("--max-length and --filters are for CloudWatch Logs; leave them out with --format eventbridge");
    }
    if arguments.all {
        return print(&format!("{}\n", every_event()), 0);
    }
    let Some(Loaded { rules, refused, .. }) = arguments.selection.load(false) else { return ExitCode::from(2) };
    let characters =
        if for_events { MAX_EVENT_PATTERN_CHARACTERS } else { arguments.max_length.unwrap_or(MAX_CHARACTERS) };
    let found = match arguments.filters {
        _ if for_events => of_rules_for_events(&rules),
        Some(filters) => of_rules(&rules, Limits { characters, filters }),
        None => of_rules_as_needed(&rules, characters),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return fail(visible(&error.to_string())),
    };
    let code = if refused { 2 } else { 0 };
    match arguments.format {
        Format::Text | Format::Eventbridge => {
            // Nothing can be done about a closed standard error.
            let _ = anstream::stderr().write_all(report(&found, characters).as_bytes());
            let lines: String = found.patterns.iter().map(|one| format!("{}\n", one.pattern)).collect();
            print(&lines, code)
        }
        Format::Json => {
            let document = json!({"max_length": characters, "report": found});
            print(&format!("{}\n", visible_json(&document)), code)
        }
    }
}

/// What there is to know about the patterns, for people.
fn report(found: &FilterPatterns, characters: usize) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for (number, one) in (1..).zip(&found.patterns) {
        let _ = writeln!(text, "pattern {number}: {} of {characters} characters, {} terms", one.length, one.terms);
    }
    let reading = found.needless.iter().filter(|call| call.read_only).count();
    let _ = writeln!(
        text,
        "needless: {} of {} known calls pass though none of {} rules watches them, {reading} of these read only{}",
        found.needless.len(),
        found.unwatched,
        found.rules,
        by_service(found)
    );
    if !found.any_write.is_empty() {
        let _ = writeln!(
            text,
            "every {} that changes something passes, for {}, which can match any of them",
            if found.any_data_write { "call" } else { "management event" },
            visible(&found.any_write.join(", "))
        );
    }
    if !found.unfilled.is_empty() {
        let _ = writeln!(
            text,
            "counted as if the configuration named what is one's own: {}; turn off what is not wanted",
            visible(&found.unfilled.join(", "))
        );
    }
    if !found.as_written.is_empty() {
        let calls: Vec<String> =
            found.as_written.iter().map(|one| format!("{} of {}", one.call, one.service)).collect();
        let _ = writeln!(text, "not known, so that case counts as written in the rule: {}", visible(&calls.join(", ")));
    }
    let _ = writeln!(text, "names of calls: {}", found.source);
    text
}

/// `: ec2 41, s3 2`, the most first.
fn by_service(found: &FilterPatterns) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &found.needless {
        *counts.entry(call.service.trim_end_matches(".amazonaws.com")).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    // The order of those of the same number stays.
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let told: Vec<String> = counts.iter().map(|(service, count)| format!("{service} {count}")).collect();
    if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) }
}
