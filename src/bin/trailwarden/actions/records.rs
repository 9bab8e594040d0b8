//! The commands about actions of a deployed remediator.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use trailwarden::app::{alerts_topic, external_id, member_role};
use trailwarden::aws::{SdkConfig, sdk_config};
use trailwarden::remediation::aws::approvals::StateMachine;
use trailwarden::remediation::aws::store::DynamoStore;
use trailwarden::remediation::aws::topics::Topics;
use trailwarden::remediation::aws::{AwsCloud, RemediationRole, answer, caller};
use trailwarden::remediation::engine::{Disposition, Engine};
use trailwarden::remediation::{ActionRecord, ActionStatus, Deployment, RemediationPolicy, Store as _, brakes};
use trailwarden::sinks::sns::SnsTopic;
use trailwarden::text::{visible, visible_at_most, visible_json};

use crate::output::{Format, fail, print};

const CREDENTIALS: &str = "\
Credentials and Region come from the same places as for the AWS CLI.";

/// The table of the remediator.
#[derive(Debug, Args)]
struct Table {
    /// The DynamoDB table of the remediator.
    #[arg(long, value_name = "NAME")]
    table: String,
}

/// List the actions of a remediator, the latest first. Needs dynamodb:Scan on the table.
#[derive(Debug, Args)]
#[command(after_help = format!("{CREDENTIALS}\n\nExamples:\n  Show what failed:\n    trailwarden actions list --table NAME --status failed"))]
pub(super) struct List {
    #[command(flatten)]
    table: Table,

    /// List the actions with this status only. May be repeated.
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Vec<ActionStatus>,

    /// List the actions in this account only.
    #[arg(long, value_name = "ID", value_parser = crate::account)]
    account: Option<String>,

    /// List the actions since this time or day (UTC), such as 2026-06-01T12:00:00Z or 2026-06-01.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,

    /// How the result is printed. With `json`, each line is a record.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Show the record of an action: the calls, their inverse, the state before and after. Needs dynamodb:GetItem on the table.
#[derive(Debug, Args)]
#[command(after_help = format!("{CREDENTIALS}\n\nExamples:\n  Show what was changed, and how to change it back:\n    trailwarden actions show ID --table NAME"))]
pub(super) struct Show {
    /// The id of the action.
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    table: Table,

    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER_UNDO: &str = "\
The inverse calls are made with your credentials, because the role of the remediator cannot make them. You need permission
for the inverse calls that `actions show` prints, for reading the resource, and dynamodb:GetItem and dynamodb:PutItem on the
table. After an undo, the remediator leaves the resource alone for 24 hours.

Credentials and Region come from the same places as for the AWS CLI.

Examples:
  Undo an action in another account:
    trailwarden actions undo ID --table NAME --role-name trailwarden-undo

Exit codes:
  0  the state from before is restored
  1  the inverse calls failed or did not restore the state
  2  the action cannot be undone, or a request failed; nothing was changed";

/// Undo an action: restore the state from before, if nobody changed the resource since.
#[derive(Debug, Args)]
#[command(after_help = AFTER_UNDO)]
pub(super) struct Undo {
    /// The id of the action.
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    table: Table,

    /// Assume the role of this name if the action is in another account than that of the credentials.
    #[arg(long, value_name = "NAME", value_parser = member_role)]
    role_name: Option<String>,

    /// The external id that the trust policy of that role requires.
    #[arg(long, value_name = "ID", value_parser = external_id, requires = "role_name")]
    external_id: Option<String>,

    /// Tell people on this SNS topic.
    #[arg(long, value_name = "ARN", value_parser = alerts_topic)]
    alerts_topic: Option<String>,
}

const AFTER_ANSWER: &str = "\
The request is signed with your credentials, which need lambda:InvokeFunctionUrl on the function. The caller of the call that
would be undone cannot answer. The first answer counts.

Examples:
  trailwarden actions approve ID --code CODE
  trailwarden actions deny ID --code CODE --url https://ID.lambda-url.eu-west-1.on.aws/

Exit codes:
  0  the answer is recorded; the alerts topic receives what comes of it
  2  the answer was not accepted";

/// An answer to a request for approval.
#[derive(Debug, Args)]
#[command(after_help = AFTER_ANSWER)]
pub(super) struct AnswerOptions {
    /// The id of the action.
    #[arg(value_name = "ID")]
    id: String,

    /// The code in the request for approval.
    #[arg(long, value_name = "CODE")]
    code: String,

    /// The URL of the remediator. The default is that in the environment variable TRAILWARDEN_REMEDIATOR_URL.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Let the remediator act again for a rule in an account after too many acts within an hour. Needs dynamodb:GetItem and
/// dynamodb:PutItem on the table.
#[derive(Debug, Args)]
#[command(after_help = format!("{CREDENTIALS}\n\nExamples:\n  trailwarden actions reset sg-ingress-world-admin 111122223333 --table NAME"))]
pub(super) struct Reset {
    /// The rule.
    #[arg(value_name = "RULE")]
    rule: String,

    /// The account.
    #[arg(value_name = "ACCOUNT", value_parser = crate::account)]
    account: String,

    #[command(flatten)]
    table: Table,
}

fn status(text: &str) -> Result<ActionStatus, String> {
    let status = serde_json::from_value(text.into());
    let names: Vec<&str> = ActionStatus::ALL.iter().map(|status| status.as_str()).collect();
    status.map_err(|_| format!("give one of {}", names.join(", ")))
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    text.parse().ok().or_else(day).ok_or("give a time such as 2026-06-01T12:00:00Z or a day such as 2026-06-01")
}

/// Runs a command on AWS.
fn with_aws<F: Future<Output = ExitCode>>(command: impl FnOnce(SdkConfig) -> F) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async { command(sdk_config().await).await }),
        Err(error) => fail(format_args!("no request to AWS can be made: {error}")),
    }
}

/// Reports an error whose text may come from others.
fn failed(reason: &str) -> ExitCode {
    fail(visible(reason))
}

pub(super) fn list(arguments: &List) -> ExitCode {
    with_aws(async |config| {
        let mut records = match DynamoStore::new(&config, arguments.table.table.clone()).records().await {
            Ok(records) => records,
            Err(reason) => return failed(&reason),
        };
        records.retain(|record| {
            (arguments.status.is_empty() || arguments.status.contains(&record.status))
                && arguments.account.as_ref().is_none_or(|account| *account == record.account)
                && arguments.since.is_none_or(|since| record.created >= since)
        });
        records.sort_by(|one, other| other.created.cmp(&one.created).then_with(|| one.id.cmp(&other.id)));
        let lines = records.iter().map(|record| match arguments.format {
            Format::Text => line(record),
            Format::Json => json(record),
        });
        print(&lines.collect::<String>(), 0)
    })
}

fn line(record: &ActionRecord) -> String {
    let ActionRecord { id, status, created, action, account, region, resource, .. } = record;
    let created = created.strftime("%Y-%m-%dT%H:%M:%SZ");
    let resource = visible_at_most(resource, 80);
    let line = format!("{created}  {:<17}  {action}  {account}  {region}  {resource}  {id}", status.as_str());
    format!("{}\n", visible(&line))
}

fn json(record: &ActionRecord) -> String {
    format!("{}\n", visible_json(&serde_json::to_value(record).unwrap_or_default()))
}

pub(super) fn show(arguments: &Show) -> ExitCode {
    with_aws(async |config| {
        let store = DynamoStore::new(&config, arguments.table.table.clone());
        let record = match store.get(&ActionRecord::key_of(&arguments.id)).await {
            Ok(Some(item)) => serde_json::from_value::<ActionRecord>(item.value).map_err(|error| error.to_string()),
            Ok(None) => Err(format!("there is no action `{}` in the table", arguments.id)),
            Err(reason) => Err(reason),
        };
        match record {
            Ok(record) => match arguments.format {
                Format::Text => print(&text(&record), 0),
                Format::Json => print(&json(&record), 0),
            },
            Err(reason) => failed(&reason),
        }
    })
}

fn text(record: &ActionRecord) -> String {
    let mut text = String::new();
    let mut row = |label: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:<9} {}", visible(value));
        }
    };
    row("Action", &format!("{} ({})", record.action, record.id));
    row("Status", &format!("{}: {}", record.status.as_str(), record.detail));
    row("Finding", &format!("{} ({})", record.rule, record.finding_uid));
    row("Resource", &record.resource);
    row("Account", &format!("{}, {}", record.account, record.region));
    row("Caller", &record.caller);
    row("Event", &format!("{} at {}", record.event_id, record.event_time));
    row("Mode", record.mode.as_str());
    row("By", record.person.as_deref().unwrap_or_default());
    row("Created", &record.created.to_string());
    for call in &record.calls {
        row("Call", &call.command());
    }
    for call in &record.inverse {
        row("Undo", &call.command());
    }
    row("Before", &visible_json(&record.before));
    row("After", &visible_json(&record.after));
    text
}

pub(super) fn undo(arguments: &Undo) -> ExitCode {
    with_aws(async |config| {
        let (account, person) = match caller(&config).await {
            Ok(caller) => caller,
            Err(reason) => return failed(&reason),
        };
        let partition = person.split(':').nth(1).unwrap_or_default().to_owned();
        let external_id = arguments.external_id.clone();
        let role = arguments.role_name.clone().map(|name| RemediationRole { name, external_id, partition });
        let alerts = arguments.alerts_topic.clone().map(|arn| SnsTopic::new(&config, arn));
        let engine = Engine {
            cloud: AwsCloud::new(&config, account, role),
            store: DynamoStore::new(&config, arguments.table.table.clone()),
            announcer: Topics { alerts, findings: None, outbox: None },
            approvals: None::<StateMachine>,
            policy: RemediationPolicy::default(),
            deployment: Deployment::default(),
        };
        match engine.undo(&arguments.id, &person, Timestamp::now()).await {
            Ok(Disposition::Recorded(status, detail)) => {
                let code = u8::from(status != ActionStatus::Undone);
                print(&format!("{}: {}\n", status.as_str(), visible(&detail)), code)
            }
            Ok(Disposition::LeftAlone(reason)) => failed(&reason),
            Err(error) => failed(&error.to_string()),
        }
    })
}

pub(super) fn answer(arguments: &AnswerOptions, is_yes: bool) -> ExitCode {
    let variable = || std::env::var("TRAILWARDEN_REMEDIATOR_URL").ok().filter(|url| !url.is_empty());
    let Some(url) = arguments.url.clone().or_else(variable) else {
        return fail("give the URL of the remediator with --url or in TRAILWARDEN_REMEDIATOR_URL");
    };
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return fail("the URL of the remediator begins with https://");
    }
    with_aws(async |config| match answer::send(&config, &url, &arguments.id, &arguments.code, is_yes).await {
        Ok(message) => print(&format!("{message}\n"), 0),
        Err(reason) => failed(&reason),
    })
}

pub(super) fn reset(arguments: &Reset) -> ExitCode {
    with_aws(async |config| {
        let store = DynamoStore::new(&config, arguments.table.table.clone());
        let Reset { rule, account, .. } = arguments;
        match brakes::reset(&store, rule, account, Timestamp::now()).await {
            Ok(true) => print("The remediator acts again.\n", 0),
            Ok(false) => failed(&format!(
                "the remediator has not acted for the rule `{rule}` in account {account}; nothing was reset"
            )),
            Err(reason) => failed(&reason),
        }
    })
}
