//! `trailwarden snapshot`.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use trailwarden::app::{external_id, member_role};
use trailwarden::live_state::aws::{AwsState, MemberRole, is_region};
use trailwarden::live_state::kind::ResourceKind;
use trailwarden::live_state::resources::{RESOURCES, snapshot_actions};
use trailwarden::live_state::snapshot::Writer;
use trailwarden::live_state::{AccountRegion, Response, Unavailable};
use trailwarden::text::visible;

/// Returns the sections of the long help about permissions, exit codes and examples.
fn help() -> String {
    let actions: Vec<String> = snapshot_actions().into_iter().map(|action| format!("          {action:?}")).collect();
    format!(
        r#"Permissions:
  The credentials, or the role in the other account, need only the permissions of this policy:

  {{
    "Version": "2012-10-17",
    "Statement": [
      {{
        "Sid": "TrailwardenSnapshot",
        "Effect": "Allow",
        "Action": [
{}
        ],
        "Resource": "*"
      }}
    ]
  }}

  To read other accounts, the credentials need sts:AssumeRole on the role there.

Exit codes:
  0  all files were written
  2  a request was denied or a file could not be written; all other files were written

Examples:
  Write the state of the credentials' account, and verify findings with it:
    trailwarden snapshot state/
    trailwarden evaluate logs/ --snapshot state/"#,
        actions.join(",\n")
    )
}

/// Write the live state of an account to files: networks, security groups, interfaces, instances and roles.
///
/// DIR/ACCOUNT/REGION contains a file for each list, in the format of the AWS CLI but with the fields that Trailwarden
/// uses. It may also contain files that were written by `aws ec2 describe-vpcs` and similar commands. Credentials and
/// Region come from the same places as for the AWS CLI: the environment, profiles, or the role of the machine.
#[derive(Debug, Args)]
#[command(after_long_help = help())]
pub(crate) struct Arguments {
    /// Directory to write to. Older files of the same account and Region are replaced.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Read this Region. May be repeated. The default is the Region of the environment or the profile.
    #[arg(long = "region", value_name = "REGION", value_parser = region)]
    regions: Vec<String>,

    /// Read this account. May be repeated. The default is the account of the credentials.
    #[arg(long = "account", value_name = "ID", value_parser = crate::account)]
    accounts: Vec<String>,

    /// Assume the role of this name in other accounts.
    #[arg(long, value_name = "NAME", value_parser = member_role)]
    member_role_name: Option<String>,

    /// The external id that the trust policy of that role requires.
    #[arg(long, value_name = "ID", value_parser = external_id, requires = "member_role_name")]
    member_role_external_id: Option<String>,
}

fn region(text: &str) -> Result<String, &'static str> {
    if is_region(text) { Ok(text.to_owned()) } else { Err("a Region has a name such as eu-west-1") }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let is_complete = match runtime {
        Ok(runtime) => runtime.block_on(all(arguments)),
        Err(error) => {
            report(&format!("error: cannot start: {error}"));
            false
        }
    };
    ExitCode::from(if is_complete { 0 } else { 2 })
}

fn report(line: &str) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(anstream::stderr(), "{}", visible(line));
}

/// Writes all files. Returns whether all of them are complete.
async fn all(arguments: &Arguments) -> bool {
    let member = arguments.member_role_name.clone().map(|name| MemberRole {
        name,
        external_id: arguments.member_role_external_id.clone(),
        session_name: "trailwarden-snapshot".to_owned(),
    });
    let state = AwsState::new(&trailwarden::aws::sdk_config().await, member);
    let regions = match (arguments.regions.as_slice(), state.region()) {
        ([], Some(region)) if is_region(region) => vec![region.to_owned()],
        ([], _) => {
            report("error: no Region; use --region or set AWS_REGION");
            return false;
        }
        (regions, _) => regions.to_vec(),
    };
    let state = regions.iter().take(1).fold(state, |state, region| state.or_region(region));
    let accounts = if arguments.accounts.is_empty() {
        match state.own_account().await {
            Ok(account) => vec![account],
            Err(Unavailable(reason)) => {
                report(&format!("error: the account of the credentials is not known: {reason}"));
                return false;
            }
        }
    } else {
        arguments.accounts.clone()
    };
    let mut is_complete = true;
    for account in &accounts {
        let mut access_error = None;
        if let Some(region) = regions.first() {
            let scope = AccountRegion { account: account.clone(), region: region.clone() };
            access_error = state.open(&scope).await.err();
        }
        if let Some(Unavailable(reason)) = access_error {
            report(&format!("error: account {account} cannot be read: {reason}"));
            is_complete = false;
            continue;
        }
        let scopes = regions.iter().map(|region| AccountRegion { account: account.clone(), region: region.clone() });
        for (index, scope) in scopes.enumerate() {
            let mut snapshot =
                Snapshot { state: &state, writer: Writer::new(&arguments.directory), scope, is_complete: true };
            if index == 0 {
                snapshot.write(true).await;
            }
            snapshot.write(false).await;
            is_complete &= snapshot.is_complete;
        }
    }
    is_complete
}

/// The snapshot of an account and Region.
struct Snapshot<'a> {
    state: &'a AwsState,
    writer: Writer,
    scope: AccountRegion,
    is_complete: bool,
}

/// The resources of a kind.
enum List {
    Whole(Response),
    ById(Vec<(String, Result<Response, Unavailable>)>),
}

impl Snapshot<'_> {
    /// Writes the files of the account, or of the Region, and their time. If nothing could be read, older files are kept.
    async fn write(&mut self, is_global: bool) {
        let checked_at = Timestamp::now();
        let mut lists = Vec::new();
        for kind in RESOURCES.iter().copied().filter(|kind| kind.is_global() == is_global) {
            let list = match self.state.list_by_id(&self.scope, kind).await {
                Some(lists) => lists.map(List::ById),
                None => self.state.list(&self.scope, kind).await.map(List::Whole),
            };
            lists.push((kind, list));
        }
        let Some((first, _)) = lists.first() else { return };
        let directory = self.writer.directory(&self.scope, first);
        if lists.iter().all(|(_, list)| list.is_err()) {
            for (kind, list) in lists {
                // Kinds with ids cannot be listed for the same reason as the others.
                if let (Err(Unavailable(reason)), false) = (list, kind.has_ids()) {
                    self.report_missing(&self.writer.path(&self.scope, kind), &reason);
                }
            }
            return;
        }
        self.succeeded(self.writer.begin(&directory), &directory);
        for (kind, list) in lists {
            match list {
                Ok(List::Whole(list)) => {
                    let path = self.writer.path(&self.scope, kind);
                    self.report_written(self.writer.write(&self.scope, kind, &list), &path);
                }
                Ok(List::ById(lists)) => self.write_ids(kind, lists),
                Err(error) => self.missing(kind, &error),
            }
        }
        self.succeeded(self.writer.finish(&directory, checked_at), &directory);
    }

    fn write_ids(&mut self, kind: &ResourceKind, lists: Vec<(String, Result<Response, Unavailable>)>) {
        let directory = self.writer.path(&self.scope, kind);
        let mut written = HashSet::new();
        for (id, list) in lists {
            let path = directory.join(format!("{id}.json"));
            match list {
                Ok(list) => {
                    self.report_written(self.writer.write_id(&self.scope, kind, &id, &list), &path);
                    written.insert(id);
                }
                Err(Unavailable(reason)) => self.report_missing(&path, &reason),
            }
        }
        self.succeeded(self.writer.remove_ids_except(&self.scope, kind, &written), &directory);
    }

    fn report_written(&mut self, result: io::Result<()>, path: &Path) {
        if self.succeeded(result, path) {
            report(&format!("wrote {}", path.display()));
        }
    }

    /// Returns whether an operation succeeded, and reports an error.
    fn succeeded<T>(&mut self, result: io::Result<T>, path: &Path) -> bool {
        match result {
            Ok(_) => true,
            Err(error) => {
                self.report_missing(path, &format!("cannot be written: {error}"));
                false
            }
        }
    }

    fn missing(&mut self, kind: &ResourceKind, Unavailable(reason): &Unavailable) {
        let path = self.writer.path(&self.scope, kind);
        self.report_missing(&path, reason);
        match self.writer.remove(&self.scope, kind) {
            Ok(true) => report(&format!("removed the older {}, which is no longer current", path.display())),
            Ok(false) => {}
            Err(error) => {
                self.report_missing(&path, &format!("is older than the other files and cannot be removed: {error}"))
            }
        }
    }

    fn report_missing(&mut self, path: &Path, reason: &str) {
        self.is_complete = false;
        report(&format!("error: {}: {reason}", path.display()));
    }
}
