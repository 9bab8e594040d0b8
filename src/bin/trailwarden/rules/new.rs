//! `trailwarden rules new`.

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::finding::derived_id;
use trailwarden::fixtures::directory_for;
use trailwarden::sources::{Content, Reader};
use trailwarden::text::{visible, visible_json};

use crate::output::{fail, print};

/// Maximum number of request parameters in the new rule.
const MAX_PARAMETERS: usize = 10;

/// Maximum length of the value of a request parameter in the new rule, in bytes.
const MAX_VALUE: usize = 200;

/// Maximum depth of a request parameter below `requestParameters`.
const MAX_DEPTH: usize = 3;

const AFTER_HELP: &str = "Exit codes:
  0  the rule and its fixtures were written
  2  the event cannot be read, or a file exists

Examples:
  Write a rule for a call that you found in your logs:
    trailwarden rules new ssm-document-public --from event.json --rules my/rules
  Then test it:
    trailwarden rules test my/rules";

/// Write a rule and its fixtures from an event.
///
/// The rule matches the event's call with the same request parameters. Remove the parameters that do not matter. The first
/// fixture is the event, which the rule must match. The second is the same call when it fails, which the rule must not match.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Name of the rule: lower-case words with hyphens between them.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,

    /// Read the event from FILE, in any form that `evaluate` reads. The first record counts.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,

    /// Directory of the rule. Fixtures are written to `fixtures/rules` beside it if that exists, or else to `fixtures` in it.
    #[arg(long, value_name = "DIR", default_value = "rules")]
    rules: PathBuf,
}

/// Parses the name of a rule.
fn name(text: &str) -> Result<String, &'static str> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_name = text.split('-').all(is_word);
    if is_name { Ok(text.to_owned()) } else { Err("a name has lower-case letters, digits and single hyphens") }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let record = match record(&arguments.from) {
        Ok(record) => record,
        Err(reason) => return fail(format_args!("{}: {reason}", visible(&arguments.from.display().to_string()))),
    };
    let fixtures = directory_for(&arguments.rules).join(&arguments.name);
    let mut failed = record.clone();
    if let Some(members) = failed.as_object_mut() {
        members.insert("errorCode".to_owned(), "AccessDenied".into());
        members.insert("responseElements".to_owned(), Value::Null);
    }
    let files = [
        (arguments.rules.join(format!("{}.yml", arguments.name)), rule(&arguments.name, &record, Timestamp::now())),
        (fixtures.join("hit.json"), format!("{record:#}\n")),
        (fixtures.join("miss-failed.json"), format!("{failed:#}\n")),
    ];
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return fail(format_args!("{} exists; choose another name", visible(&path.display().to_string())));
    }
    let mut written = String::new();
    for (path, text) in &files {
        let path_text = visible(&path.display().to_string()).into_owned();
        if let Err(error) = write(path, text) {
            return fail(format_args!("{path_text} cannot be written: {error}"));
        }
        written.push_str(&format!("wrote {path_text}\n"));
    }
    let directory = visible(&arguments.rules.display().to_string()).into_owned();
    print(&format!("{written}Edit the rule, then run `trailwarden rules test {directory}`.\n"), 0)
}

/// The first record of a file.
fn record(path: &Path) -> Result<Value, String> {
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut reason = "it contains no CloudTrail record".to_owned();
    for item in Reader::stream("event", BufReader::new(file)) {
        match item.content {
            Content::Record(record) => match serde_json::from_str::<Value>(&record.into_json()) {
                Ok(record) if has_call(&record) => return Ok(record),
                Ok(_) => reason = "the first record has no eventSource or no eventName".to_owned(),
                Err(error) => reason = format!("the first record is not JSON: {error}"),
            },
            Content::Rejected(rejected) => reason = rejected,
            _ => {}
        }
    }
    Err(reason)
}

fn has_call(record: &Value) -> bool {
    ["eventSource", "eventName"].iter().all(|key| record.get(key).is_some_and(Value::is_string))
}

/// Writes a new file, and the directories above it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

/// The rule as YAML. Values come from a record, so that each is quoted as JSON, which is YAML too.
fn rule(name: &str, record: &Value, now: Timestamp) -> String {
    let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
    let (source, operation) = (text("eventSource"), text("eventName"));
    let id = derived_id(&["rule", name, text("eventID"), &now.to_string()]);
    let mut parameters = Vec::new();
    if let Some(request) = record.get("requestParameters") {
        collect("requestParameters", request, 0, &mut parameters);
    }
    parameters.truncate(MAX_PARAMETERS);
    let (selection, condition) = if parameters.is_empty() {
        (String::new(), "call and not failed")
    } else {
        let lines: String = parameters.iter().map(|(field, value)| format!("    {field}: {value}\n")).collect();
        (
            format!("  # Keep the parameters that make the call worth a finding.\n  parameters:\n{lines}"),
            "call and parameters and not failed",
        )
    };
    let is_id = |field: &str| ["name", "id", "arn"].iter().any(|end| field.to_ascii_lowercase().ends_with(end));
    let resource = parameters.iter().find(|(field, _)| is_id(field)).or(parameters.first());
    let resource = resource.map_or("requestParameters.id", |(field, _)| field.as_str());
    let title = quoted(&format!("{operation} was called"));
    format!(
        "title: {title}\n\
         id: {id}\n\
         name: {name}\n\
         status: experimental\n\
         description: |\n  Why the call is a problem, and what it allows.\n\
         logsource: {{product: aws, service: cloudtrail}}\n\
         detection:\n  call:\n    eventSource: {}\n    eventName|cased: {}\n{selection}  failed:\n    errorCode: '?*'\n  condition: {condition}\n\
         falsepositives:\n  - When the call is harmless.\n\
         level: medium\n\
         trailwarden:\n  message: \"{{actor}} called {{eventName}} on {{resource}} in {{region}}.\"\n  resource:\n    - type: AWS\n      id: {resource}\n",
        quoted(&escaped(source)),
        quoted(&escaped(operation)),
    )
}

/// The parameters that a rule can name: strings, numbers and booleans in objects, with their paths.
fn collect(path: &str, value: &Value, depth: usize, parameters: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if depth < MAX_DEPTH => {
            for (name, member) in members {
                if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
                    collect(&format!("{path}.{name}"), member, depth + 1, parameters);
                }
            }
        }
        Value::String(text) if (1..=MAX_VALUE).contains(&text.len()) => {
            parameters.push((path.to_owned(), quoted(&escaped(text))));
        }
        Value::Bool(_) | Value::Number(_) => parameters.push((path.to_owned(), value.to_string())),
        _ => {}
    }
}

/// A value without wildcards.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?")
}

fn quoted(text: &str) -> String {
    visible_json(&json!(text))
}
