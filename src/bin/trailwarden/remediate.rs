//! `trailwarden remediate`.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::remediation::plan::{Forecast, forecast};
use trailwarden::remediation::{Mode, Notice, RemediationPolicy};
use trailwarden::text::{visible, visible_json};

use crate::output::{Format, fail, print};

/// Maximum length of a file of findings, in bytes.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

const AFTER_HELP: &str = "Exit codes:
  0  no call would be planned, put to approval or made
  1  some call would be
  2  the policy file has errors, or some finding could not be read

Examples:
  Check a policy:
    trailwarden remediate --policy remediation.yml
  Show the calls for the findings in a directory of logs:
    trailwarden evaluate --format ocsf logs | trailwarden remediate --policy remediation.yml --plan -";

/// Check a remediation policy, and show what it does about findings.
///
/// Reads files only and calls nothing. Whether the remediator acts also depends on the state of the resource, its tags, the
/// limits on how often it acts, and the kill switch.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,

    /// Show the calls for each finding in this file: the output of `evaluate --format ocsf`; `-` is standard input. Assumes
    /// that each finding arrives in time.
    #[arg(long, value_name = "FINDINGS")]
    plan: Option<PathBuf>,

    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let now = Timestamp::now();
    let file = arguments.policy.display().to_string();
    let text = match fs::read_to_string(&arguments.policy) {
        Ok(text) => text,
        Err(error) => return fail(format_args!("{}: cannot be read: {error}", visible(&file))),
    };
    let policy = match RemediationPolicy::parse(&file, &text) {
        Ok(policy) => policy,
        Err(fault) => return fail(fault),
    };
    let faults = policy.check(&file, &text, now);
    for fault in &faults {
        // Nothing can be done about a closed standard error.
        let _ = writeln!(anstream::stderr(), "{fault}");
    }
    if faults.iter().any(|fault| !fault.is_warning) {
        return ExitCode::from(2);
    }
    match &arguments.plan {
        None => ExitCode::SUCCESS,
        Some(path) => plan(&policy, path, arguments.format, now),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text)?;
    } else {
        fs::File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    }
    if text.len() as u64 == MAX_BYTES {
        return Err(io::Error::other("it is larger than 256 MiB"));
    }
    Ok(text)
}

fn plan(policy: &RemediationPolicy, path: &Path, format: Format, now: Timestamp) -> ExitCode {
    let name = path.display().to_string();
    let name = visible(&name);
    let text = match read(path) {
        Ok(text) => text,
        Err(error) => return fail(format_args!("{name}: cannot be read: {error}")),
    };
    let mut output = String::new();
    let (mut acts, mut unread) = (false, false);
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let document = serde_json::from_str::<Value>(line).map_err(|_| "it is not JSON".to_owned());
        let notice = match document.and_then(|document| Notice::of(document).map_err(|error| error.to_string())) {
            Ok(notice) => notice,
            Err(reason) => {
                unread = true;
                // Nothing can be done about a closed standard error.
                let _ = writeln!(anstream::stderr(), "{name}:{}: {}", place + 1, visible(&reason));
                continue;
            }
        };
        let forecast = forecast(policy, &notice, now);
        acts |= matches!(&forecast, Forecast::Calls { choice, .. } if choice.mode > Mode::Tell);
        output.push_str(&match format {
            Format::Text => text_of(&notice, &forecast),
            Format::Json => format!("{}\n", visible_json(&json_of(&notice, &forecast))),
        });
    }
    let code = match (unread, acts) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    };
    print(&output, code)
}

fn text_of(notice: &Notice, forecast: &Forecast) -> String {
    let place = &notice.place;
    let head = format!("{} {}, account {}, {}", notice.rule, notice.primary_resource(), place.account, place.region);
    let mut lines = vec![head];
    match forecast {
        Forecast::Nothing(reason) => lines.push(format!("  nothing: {reason}")),
        Forecast::Calls { action, precondition, choice, plan } => {
            lines.push(format!("  {}: {action}", choice.mode.as_str()));
            lines.extend(choice.reasons.iter().map(|reason| format!("  {reason}")));
            lines.push(format!("  Acts if: {precondition}"));
            lines.extend(plan.calls.iter().map(|call| format!("  {}", call.command())));
            lines.extend(plan.inverse.iter().map(|call| format!("  undo: {}", call.command())));
        }
    }
    lines.iter().map(|line| format!("{}\n", visible(line))).collect()
}

fn json_of(notice: &Notice, forecast: &Forecast) -> Value {
    let place = &notice.place;
    let mut json = json!({
        "finding_uid": notice.finding_uid,
        "message_uid": notice.message_uid,
        "rule": notice.rule,
        "account": place.account,
        "region": place.region,
        "resource": notice.primary_resource(),
    });
    let more = match forecast {
        Forecast::Nothing(reason) => json!({"mode": "none", "reasons": [reason]}),
        Forecast::Calls { action, precondition, choice, plan } => json!({
            "mode": choice.mode,
            "reasons": choice.reasons,
            "action": action,
            "acts_if": precondition,
            "calls": plan.calls,
            "inverse": plan.inverse,
        }),
    };
    if let (Some(members), Value::Object(more)) = (json.as_object_mut(), more) {
        members.extend(more);
    }
    json
}
