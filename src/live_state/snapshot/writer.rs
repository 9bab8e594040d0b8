//! Writes the files of a snapshot as the AWS CLI would print them, reduced to the fields that live state reads.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::live_state::files::{SNAPSHOT, SnapshotInfo, remove, write};
use crate::live_state::kind::{Location, ResourceKind};
use crate::live_state::query::AccountRegion;
use crate::live_state::response::Response;

/// Writes a snapshot into a directory. A file is always complete. An older file that could not be replaced is removed, because
/// it would appear to be as new as the others.
#[derive(Debug, Clone)]
pub struct Writer {
    directory: PathBuf,
}

impl Writer {
    /// Creates a writer for `directory`, which need not exist.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The directory for the files of an account or Region.
    pub fn directory(&self, scope: &AccountRegion, kind: &ResourceKind) -> PathBuf {
        let account = self.directory.join(&scope.account);
        if kind.location == Location::Account { account } else { account.join(&scope.region) }
    }

    /// The file of a list, or the directory of a kind with one file per id.
    pub fn path(&self, scope: &AccountRegion, kind: &ResourceKind) -> PathBuf {
        let directory = self.directory(scope, kind);
        match kind.location {
            Location::RegionById(_) => directory.join(kind.name()),
            Location::Region | Location::Account => directory.join(format!("{}.json", kind.name())),
        }
    }

    /// Writes a list.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, scope: &AccountRegion, kind: &ResourceKind, list: &Response) -> io::Result<()> {
        (kind.write)(&self.path(scope, kind), list)
    }

    /// Writes the list of one id.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_id(&self, scope: &AccountRegion, kind: &ResourceKind, id: &str, list: &Response) -> io::Result<()> {
        (kind.write)(&self.path(scope, kind).join(format!("{id}.json")), list)
    }

    /// Removes the files of a kind. Returns whether there were any.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn remove(&self, scope: &AccountRegion, kind: &ResourceKind) -> io::Result<bool> {
        if let Location::RegionById(_) = kind.location {
            return self.remove_ids_except(scope, kind, &HashSet::new());
        }
        let directory = self.directory(scope, kind);
        let mut any = false;
        for file in kind.files {
            any |= remove(&directory.join(format!("{file}.json")))?;
        }
        Ok(any)
    }

    /// Removes the files of ids that are not in `keep`. Returns whether there were any.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn remove_ids_except(
        &self,
        scope: &AccountRegion,
        kind: &ResourceKind,
        keep: &HashSet<String>,
    ) -> io::Result<bool> {
        let entries = match fs::read_dir(self.path(scope, kind)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut any = false;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
            if id.is_some_and(|id| !keep.contains(id)) {
                any |= remove(&entry.path())?;
            }
        }
        Ok(any)
    }

    /// Removes the time of a directory before its files are written, in case writing is interrupted.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn begin(&self, directory: &Path) -> io::Result<()> {
        remove(&directory.join(SNAPSHOT)).map(drop)
    }

    /// Writes the time of a directory after its files were written.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(&self, directory: &Path, checked_at: Timestamp) -> io::Result<()> {
        write(&directory.join(SNAPSHOT), &SnapshotInfo { checked_at })
    }
}
