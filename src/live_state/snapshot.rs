//! Live state from files, for the command line and for tests. Each file is the output of an AWS CLI command.
//!
//! ```text
//! DIR/ACCOUNT/snapshot.json                              {"CheckedAt": "2026-03-04T10:00:00Z"}, optional
//! DIR/ACCOUNT/get-account-authorization-details.json     aws iam get-account-authorization-details
//! DIR/ACCOUNT/REGION/snapshot.json                       as above
//! DIR/ACCOUNT/REGION/describe-network-interfaces.json    aws ec2 describe-network-interfaces
//! DIR/ACCOUNT/REGION/describe-….json                     aws ec2 describe-…
//! DIR/ACCOUNT/REGION/get-managed-prefix-list-entries/PREFIX_LIST.json
//! ```
//!
//! If a file is missing, its resources are unavailable. A resource that a file does not contain does not exist.

mod writer;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use jiff::Timestamp;

use super::files::{Reader, SNAPSHOT};
use super::kind::{Location, ResourceKind};
use super::query::{AccountRegion, LiveState, Query, Resolved, share};
use super::resources::RESOURCES;
use super::response::{Response, Unavailable};
use crate::text::shell_word;

pub use writer::Writer;

/// A snapshot of accounts.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    accounts: HashMap<String, Directory>,
    regions: HashMap<AccountRegion, Directory>,
}

/// The files of an account or of one of its Regions.
#[derive(Debug, Clone, Default)]
struct Directory {
    checked_at: Option<Timestamp>,
    /// By the name of the kind. The error is the missing file.
    lists: HashMap<&'static str, Result<Response, &'static str>>,
    /// By the name of the kind and the id.
    by_id: HashMap<(&'static str, String), Response>,
}

/// All errors in a snapshot. Never empty. Not yet safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SnapshotErrors(pub Vec<String>);

impl fmt::Display for SnapshotErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl Snapshot {
    /// Reads all files below a directory.
    ///
    /// # Errors
    /// All errors, if a file cannot be read, is not what the AWS CLI prints, or is one page of several, or if there is no
    /// account.
    pub fn open(directory: &Path) -> Result<Self, SnapshotErrors> {
        let mut reader = Reader::default();
        let mut snapshot = Self::default();
        for (account, path) in reader.directory(directory) {
            let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
            if !is_account || !path.is_dir() {
                continue;
            }
            for (region, path) in reader.directory(&path) {
                if path.is_dir() {
                    let scope = AccountRegion { account: account.clone(), region };
                    let is_regional = |kind: &ResourceKind| kind.location != Location::Account;
                    snapshot.regions.insert(scope, Directory::read(&mut reader, &path, is_regional));
                }
            }
            let is_global = |kind: &ResourceKind| kind.location == Location::Account;
            snapshot.accounts.insert(account, Directory::read(&mut reader, &path, is_global));
        }
        if snapshot.accounts.is_empty() && reader.errors.is_empty() {
            reader.errors.push(format!(
                "{}: contains no snapshot of an account; expected files such as 111122223333/eu-west-1/describe-vpcs.json",
                directory.display()
            ));
        }
        if reader.errors.is_empty() { Ok(snapshot) } else { Err(SnapshotErrors(reader.errors)) }
    }

    fn directory(&self, query: &Query) -> Option<&Directory> {
        match query.kind.resource().location {
            Location::Account => self.accounts.get(&query.scope.account),
            Location::Region | Location::RegionById(_) => self.regions.get(&query.scope),
        }
    }
}

impl Directory {
    fn read(reader: &mut Reader, path: &Path, is_here: impl Fn(&ResourceKind) -> bool) -> Self {
        let mut directory = Self { checked_at: reader.checked_at(&path.join(SNAPSHOT)), ..Self::default() };
        for kind in RESOURCES.iter().filter(|kind| is_here(kind)) {
            let name = kind.name();
            if let Location::RegionById(_) = kind.location {
                for (file, path) in reader.directory(&path.join(name)) {
                    let Some(id) = file.strip_suffix(".json") else { continue };
                    if let Ok(response) = (kind.read)(reader, &path) {
                        directory.by_id.insert((name, id.to_owned()), response);
                    }
                }
            } else {
                directory.lists.insert(name, (kind.read)(reader, &path.join(format!("{name}.json"))));
            }
        }
        directory
    }

    /// The list for a query. The error is the name of the missing file.
    fn list(&self, query: &Query) -> Result<&Response, &'static str> {
        let name = query.kind.resource().name();
        match query.kind.resource().location {
            Location::RegionById(_) => self.by_id.get(&(name, query.id.clone())).ok_or(name),
            Location::Region | Location::Account => match self.lists.get(name) {
                Some(list) => list.as_ref().map_err(|missing| *missing),
                None => Err(name),
            },
        }
    }
}

impl LiveState for Snapshot {
    async fn resolve(&self, queries: Vec<Query>) -> Vec<Resolved> {
        // Queries for one list share a pass over it.
        let mut batches: HashMap<(AccountRegion, &str, Option<String>), Vec<Query>> = HashMap::new();
        for query in queries {
            let kind = query.kind.resource();
            let id = matches!(kind.location, Location::RegionById(_)).then(|| query.id.clone());
            batches.entry((query.scope.clone(), kind.name(), id)).or_default().push(query);
        }
        let mut resolved = Vec::new();
        for queries in batches.into_values() {
            let Some(first) = queries.first() else { continue };
            let directory = self.directory(first);
            let checked_at = directory.and_then(|directory| directory.checked_at);
            match directory.map_or(Err(first.kind.resource().name()), |directory| directory.list(first)) {
                Ok(list) => resolved.extend(share(queries, list, checked_at)),
                Err(file) => resolved.extend(queries.into_iter().map(|query| {
                    let response = Err(Unavailable(missing(&query, file)));
                    Resolved { query, response, checked_at }
                })),
            }
        }
        resolved
    }
}

/// The error for a missing file, with the command that prints it.
fn missing(query: &Query, command: &str) -> String {
    let AccountRegion { account, region } = &query.scope;
    let id = &query.id;
    match query.kind.resource().location {
        Location::Account => {
            format!("the snapshot has no file {account}/{command}.json; in that account, `aws iam {command}` prints it")
        }
        Location::RegionById(option) => format!(
            "the snapshot has no file {account}/{region}/{command}/{id}.json; in that account, \
             `aws ec2 {command} --region {} {option} {}` prints it",
            shell_word(region),
            shell_word(id)
        ),
        Location::Region => format!(
            "the snapshot has no file {account}/{region}/{command}.json; in that account, \
             `aws ec2 {command} --region {}` prints it",
            shell_word(region)
        ),
    }
}

#[cfg(test)]
mod tests;
