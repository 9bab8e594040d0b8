//! `trailwarden filter-pattern`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
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

use crate::output::{fail, message, print};
use crate::selection::{Loaded, Selection};

const AFTER_HELP: &str = "Exit codes:
  0  the pattern was printed
  2  there is no pattern, because the rules are invalid, a rule can match any call, or the pattern
     is too long; or a rule was rejected, and the pattern is for the other rules

Examples:
  Generate the pattern for your configuration:
    trailwarden filter-pattern --config trailwarden.yml > filter_pattern.txt
  Generate event patterns for EventBridge rules, one per line:
    trailwarden filter-pattern --config trailwarden.yml --format eventbridge > event_patterns.txt";

/// Generate a CloudWatch Logs or EventBridge pattern that passes every event the enabled rules can match.
///
/// Standard output is the pattern. If one pattern is not enough, there are two, one per line: a log group can have two
/// subscription filters. A report on their length, and on events that pass although no rule can match them, is written to
/// standard error. The pattern is for the log group that CloudTrail writes to. Generate it again after rules have changed.
/// Rules with unset placeholders are treated as enabled.
///
/// With `--format eventbridge`, each line is an event pattern for an EventBridge rule of its own. No event passes two of
/// them. Events that only read (`readOnly`: true) reach a rule only in the state
/// ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS.
///
/// Filter patterns are case-sensitive and rules are not. Names of calls are written as CloudTrail writes them. Unknown names
/// are written as in the rule, and listed on standard error.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    selection: Selection,

    /// Maximum length of a CloudWatch Logs pattern, in characters [default: 1024].
    #[arg(long, value_name = "N", value_parser = within(1..=MAX_CHARACTERS))]
    max_length: Option<usize>,

    /// Maximum number of CloudWatch Logs patterns, each for one subscription filter. No event passes two patterns, so none is
    /// delivered twice. With 2, there are two patterns if they pass fewer unneeded events than one. By default, there are
    /// two only if one is too long, or passes more than twice as many unneeded events.
    #[arg(long, value_name = "N", value_parser = within(1..=MAX_FILTERS))]
    filters: Option<usize>,

    /// Pass every CloudTrail event. Requires `--format eventbridge`. In CloudWatch Logs, the empty pattern does the same.
    #[arg(long)]
    all: bool,

    /// Output format. JSON also contains the report.
    #[arg(long, value_enum, default_value_t = PatternFormat::Text)]
    format: PatternFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PatternFormat {
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
    let for_events = arguments.format == PatternFormat::Eventbridge;
    if arguments.all && !for_events {
        return fail("--all needs --format eventbridge; in CloudWatch Logs, the empty pattern passes every event");
    }
    if for_events && (arguments.max_length.is_some() || arguments.filters.is_some()) {
        return fail("--max-length and --filters are for CloudWatch Logs; leave them out with --format eventbridge");
    }
    if arguments.all {
        return print(&format!("{}\n", every_event()), 0);
    }
    let Some(Loaded { rules, has_rejected_rules, .. }) = arguments.selection.load(false) else {
        return ExitCode::from(2);
    };
    let characters =
        if for_events { MAX_EVENT_PATTERN_CHARACTERS } else { arguments.max_length.unwrap_or(MAX_CHARACTERS) };
    let generated = match arguments.filters {
        _ if for_events => of_rules_for_events(&rules),
        Some(filters) => of_rules(&rules, Limits { characters, filters }),
        None => of_rules_as_needed(&rules, characters),
    };
    let generated = match generated {
        Ok(generated) => generated,
        Err(error) => return fail(visible(&error.to_string())),
    };
    let code = if has_rejected_rules { 2 } else { 0 };
    match arguments.format {
        PatternFormat::Text | PatternFormat::Eventbridge => {
            message(report(&generated, characters).trim_end());
            let lines: String = generated.patterns.iter().map(|pattern| format!("{}\n", pattern.pattern)).collect();
            print(&lines, code)
        }
        PatternFormat::Json => {
            let document = json!({"max_length": characters, "report": generated});
            print(&format!("{}\n", visible_json(&document)), code)
        }
    }
}

/// Formats the report on the patterns.
fn report(generated: &FilterPatterns, characters: usize) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for (number, pattern) in (1..).zip(&generated.patterns) {
        let _ =
            writeln!(text, "pattern {number}: {} of {characters} characters, {} terms", pattern.length, pattern.terms);
    }
    let reading = generated.needless.iter().filter(|call| call.read_only).count();
    let _ = writeln!(
        text,
        "unneeded: {} of {} known calls pass although none of {} rules can match them; {reading} of these only read{}",
        generated.needless.len(),
        generated.unwatched,
        generated.rules,
        by_service(generated)
    );
    if !generated.any_write.is_empty() {
        let _ = writeln!(
            text,
            "every {} that is not read-only passes, because {} can match any of them",
            if generated.any_data_write { "call" } else { "management event" },
            visible(&generated.any_write.join(", "))
        );
    }
    if !generated.unfilled.is_empty() {
        let _ = writeln!(
            text,
            "treated as enabled although their placeholders are not set: {}; disable rules that you do not need",
            visible(&generated.unfilled.join(", "))
        );
    }
    if !generated.as_written.is_empty() {
        let calls: Vec<String> =
            generated.as_written.iter().map(|call| format!("{} of {}", call.call, call.service)).collect();
        let _ = writeln!(
            text,
            "unknown calls, matched case-sensitively as written in the rule: {}",
            visible(&calls.join(", "))
        );
    }
    let _ = writeln!(text, "names of calls: {}", generated.source);
    text
}

/// Returns the number of calls by service, in descending order: `: ec2 41, s3 2`.
fn by_service(generated: &FilterPatterns) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &generated.needless {
        *counts.entry(call.service.trim_end_matches(".amazonaws.com")).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    // The sort is stable, so services with the same number stay in alphabetical order.
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let listed: Vec<String> = counts.iter().map(|(service, count)| format!("{service} {count}")).collect();
    if listed.is_empty() { String::new() } else { format!(": {}", listed.join(", ")) }
}
