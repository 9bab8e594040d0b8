//! `trailwarden snapshot`.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use trailwarden::app::{external_id, member_role};
use trailwarden::live_state::aws::{AwsState, MemberRole, is_region};
use trailwarden::live_state::listing::Listing;
use trailwarden::live_state::snapshot::{OF_A_REGION, Writer};
use trailwarden::live_state::{Answer, Place, Unanswered};
use trailwarden::text::visible;

const PERMISSIONS: &str = r#"Permissions:
  The credentials, or the role in the other account, need no more than this policy allows:

  {
    "Version": "2012-10-17",
    "Statement": [
      {
        "Sid": "TrailwardenSnapshot",
        "Effect": "Allow",
        "Action": [
          "ec2:DescribeInstances",
          "ec2:DescribeInternetGateways",
          "ec2:DescribeManagedPrefixLists",
          "ec2:DescribeNetworkAcls",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeRouteTables",
          "ec2:DescribeSecurityGroupRules",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcBlockPublicAccessExclusions",
          "ec2:DescribeVpcBlockPublicAccessOptions",
          "ec2:DescribeVpcs",
          "ec2:GetManagedPrefixListEntries",
          "iam:GetAccountAuthorizationDetails"
        ],
        "Resource": "*"
      }
    ]
  }

  To read other accounts, the credentials need sts:AssumeRole on the role there.

Exit codes:
  0  all files were written
  2  a request was denied or a file could not be written; the others were written"#;

/// Write the live state of an account to files: networks, security groups, interfaces, instances and roles.
///
/// DIR/ACCOUNT/REGION contains a file for each list, in the format of the AWS CLI but with the fields that Trailwarden uses. It
/// may also contain files that were written by `aws ec2 describe-vpcs` and similar commands. Credentials and Region come from
/// the same places as for the AWS CLI: the environment, profiles, or the role of the machine.
#[derive(Debug, Args)]
#[command(after_long_help = PERMISSIONS)]
pub(crate) struct Arguments {
    /// The directory to write to. Earlier files of the same account and Region are replaced.
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
    if is_region(text) { Ok(text.to_owned()) } else { Err("a region looks like eu-west-1") }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let complete = match runtime {
        Ok(runtime) => runtime.block_on(all(arguments)),
        Err(error) => {
            say(&format!("error: cannot start: {error}"));
            false
        }
    };
    ExitCode::from(if complete { 0 } else { 2 })
}

fn say(line: &str) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(anstream::stderr(), "{}", visible(line));
}

/// Writes everything, and tells whether nothing is missing.
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
            say("error: no region; give --region or set AWS_REGION");
            return false;
        }
        (regions, _) => regions.to_vec(),
    };
    let state = regions.iter().take(1).fold(state, |state, region| state.or_region(region));
    let accounts = if arguments.accounts.is_empty() {
        match state.own_account().await {
            Ok(account) => vec![account],
            Err(Unanswered(reason)) => {
                say(&format!("error: whose credentials these are is not known: {reason}"));
                return false;
            }
        }
    } else {
        arguments.accounts.clone()
    };
    let mut complete = true;
    for account in &accounts {
        let mut shut = None;
        if let Some(region) = regions.first() {
            let place = Place { account: account.clone(), region: region.clone() };
            shut = state.open(&place).await.err();
        }
        if let Some(Unanswered(reason)) = shut {
            say(&format!("error: account {account} cannot be read: {reason}"));
            complete = false;
            continue;
        }
        let places = regions.iter().map(|region| Place { account: account.clone(), region: region.clone() });
        for (number, place) in places.enumerate() {
            let mut snapshot =
                Snapshot { state: &state, writer: Writer::new(&arguments.directory), place, complete: true };
            if number == 0 {
                snapshot.roles().await;
            }
            snapshot.region().await;
            complete &= snapshot.complete;
        }
    }
    complete
}

/// The files of one account and region.
struct Snapshot<'a> {
    state: &'a AwsState,
    writer: Writer,
    place: Place,
    complete: bool,
}

impl Snapshot<'_> {
    async fn roles(&mut self) {
        let checked_at = Timestamp::now();
        let path = self.writer.path(&self.place, Listing::Roles);
        match self.state.authorization_details(&self.place).await {
            Ok(details) => {
                self.done(self.writer.begin(&self.place, Listing::Roles), &path);
                self.wrote(self.writer.roles(&self.place.account, &details), &path);
                self.done(self.writer.finish(&self.place, Listing::Roles, checked_at), &path);
            }
            // It is the only file of its directory, which says how old it is.
            Err(Unanswered(reason)) => self.lacks(&path, &reason),
        }
    }

    async fn region(&mut self) {
        let checked_at = Timestamp::now();
        let mut lists = Vec::new();
        for listing in OF_A_REGION.into_iter().chain([Listing::BlockPublicAccess]) {
            lists.push((listing, self.state.list(&self.place, listing).await));
        }
        let prefix_lists = self.state.prefix_lists(&self.place).await;
        if prefix_lists.is_err() && lists.iter().all(|(_, answer)| answer.is_err()) {
            for (listing, answer) in lists {
                if let Err(Unanswered(reason)) = answer {
                    self.lacks(&self.writer.path(&self.place, listing), &reason);
                }
            }
            return;
        }
        let directory = self.writer.directory(&self.place);
        self.done(self.writer.begin(&self.place, Listing::Vpcs), &directory);
        for (listing, answer) in lists {
            match answer {
                Ok(answer) => {
                    let path = self.writer.path(&self.place, listing);
                    self.wrote(self.writer.list(&self.place, listing, &answer), &path);
                }
                Err(refusal) => self.missing(listing, &refusal),
            }
        }
        match prefix_lists {
            Ok(lists) => self.prefix_lists(lists),
            Err(refusal) => self.missing(Listing::PrefixListEntries, &refusal),
        }
        self.done(self.writer.finish(&self.place, Listing::Vpcs, checked_at), &directory);
    }

    fn prefix_lists(&mut self, lists: Vec<(String, Result<Answer, Unanswered>)>) {
        let directory = self.writer.path(&self.place, Listing::PrefixListEntries);
        let mut written = HashSet::new();
        for (id, entries) in lists {
            let path = directory.join(format!("{id}.json"));
            match entries {
                Ok(entries) => {
                    self.wrote(self.writer.prefix_list(&self.place, &id, &entries), &path);
                    written.insert(id);
                }
                Err(Unanswered(reason)) => self.lacks(&path, &reason),
            }
        }
        self.done(self.writer.retract_prefix_lists_but(&self.place, &written), &directory);
    }

    fn wrote(&mut self, result: io::Result<()>, path: &Path) {
        if self.done(result, path) {
            say(&format!("wrote {}", path.display()));
        }
    }

    /// Whether that went well; says so if it did not.
    fn done<T>(&mut self, result: io::Result<T>, path: &Path) -> bool {
        match result {
            Ok(_) => true,
            Err(error) => {
                self.lacks(path, &format!("cannot be written: {error}"));
                false
            }
        }
    }

    fn missing(&mut self, listing: Listing, Unanswered(reason): &Unanswered) {
        let path = self.writer.path(&self.place, listing);
        self.lacks(&path, reason);
        match self.writer.retract(&self.place, listing) {
            Ok(true) => say(&format!("removed the older {}, which would pass for current", path.display())),
            Ok(false) => {}
            Err(error) => self.lacks(&path, &format!("is older than the rest and cannot be removed: {error}")),
        }
    }

    fn lacks(&mut self, path: &Path, reason: &str) {
        self.complete = false;
        say(&format!("error: {}: {reason}", path.display()));
    }
}
