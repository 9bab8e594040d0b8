//! JSON files as the AWS CLI prints them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The file with the time at which the other files in its directory were written.
pub(super) const SNAPSHOT: &str = "snapshot.json";

/// The members of a file, not yet parsed.
type Members<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// Reads files and collects all errors.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The errors.
    pub(super) errors: Vec<String>,
}

/// The content of [`SNAPSHOT`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SnapshotInfo {
    pub(super) checked_at: Timestamp,
}

impl Reader {
    fn error(&mut self, path: &Path, message: impl std::fmt::Display) {
        self.errors.push(format!("{}: {message}", path.display()));
    }

    /// The bytes of a file. `None` if the file does not exist or cannot be read.
    fn bytes(&mut self, path: &Path) -> Option<Vec<u8>> {
        match fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                self.error(path, format_args!("cannot be read: {error}"));
                None
            }
        }
    }

    /// The time at which the files of a directory were written, from its `snapshot.json`.
    pub(super) fn checked_at(&mut self, path: &Path) -> Option<Timestamp> {
        let bytes = self.bytes(path)?;
        match serde_json::from_slice(&bytes) {
            Ok(SnapshotInfo { checked_at }) => Some(checked_at),
            Err(error) => {
                self.error(path, format_args!("must be {{\"CheckedAt\": \"2026-03-04T10:00:00Z\"}}: {error}"));
                None
            }
        }
    }

    /// The entries of a list. `is_complete` is whether an entry has its id.
    pub(super) fn list<T: DeserializeOwned>(
        &mut self,
        path: &Path,
        key: &str,
        is_complete: fn(&T) -> bool,
    ) -> Option<Vec<T>> {
        let bytes = self.bytes(path)?;
        let members = self.members(path, &bytes)?;
        self.entries(path, &members, key, is_complete)
    }

    /// The lists under two keys of one file.
    pub(super) fn two_lists<A: DeserializeOwned, B: DeserializeOwned>(
        &mut self,
        path: &Path,
        (first, is_first_complete): (&str, fn(&A) -> bool),
        (second, is_second_complete): (&str, fn(&B) -> bool),
    ) -> Option<(Vec<A>, Vec<B>)> {
        let bytes = self.bytes(path)?;
        let members = self.members(path, &bytes)?;
        let first = self.entries(path, &members, first, is_first_complete);
        let second = self.entries(path, &members, second, is_second_complete);
        first.zip(second)
    }

    /// The value of a key.
    pub(super) fn one<T: DeserializeOwned>(
        &mut self,
        path: &Path,
        key: &str,
        is_complete: fn(&T) -> bool,
    ) -> Option<T> {
        let bytes = self.bytes(path)?;
        let members = self.members(path, &bytes)?;
        let raw = self.member(path, &members, key)?;
        self.parsed(path, key, raw, is_complete)
    }

    fn members<'a>(&mut self, path: &Path, bytes: &'a [u8]) -> Option<Members<'a>> {
        let members: Members<'_> = match serde_json::from_slice(bytes) {
            Ok(members) => members,
            Err(error) => {
                self.error(path, format_args!("must be a JSON object as the AWS CLI prints it: {error}"));
                return None;
            }
        };
        // Resources on other pages would count as deleted.
        let is_page = members.get("NextToken").is_some_and(|token| !matches!(token.get(), "null" | "\"\""))
            || members.get("IsTruncated").is_some_and(|truncated| truncated.get() == "true");
        if is_page {
            self.error(
                path,
                "is one page of several; print it without --max-items, --no-paginate and --starting-token",
            );
            return None;
        }
        Some(members)
    }

    fn member<'a>(&mut self, path: &Path, members: &Members<'a>, key: &str) -> Option<&'a RawValue> {
        let raw = members.get(key).copied();
        if raw.is_none() {
            self.error(path, format_args!("has no `{key}`; it must be what the AWS CLI prints, with no --query"));
        }
        raw
    }

    fn entries<T: DeserializeOwned>(
        &mut self,
        path: &Path,
        members: &Members<'_>,
        key: &str,
        is_complete: fn(&T) -> bool,
    ) -> Option<Vec<T>> {
        let raw = self.member(path, members, key)?;
        let entries: Vec<&RawValue> = match serde_json::from_str(raw.get()) {
            Ok(entries) => entries,
            Err(error) => {
                self.error(path, format_args!("`{key}` must be a list: {}", without_position(&error)));
                return None;
            }
        };
        let entries = entries.iter().enumerate();
        entries.map(|(index, entry)| self.parsed(path, &format!("{key}[{index}]"), entry, is_complete)).collect()
    }

    fn parsed<T: DeserializeOwned>(
        &mut self,
        path: &Path,
        key: &str,
        raw: &RawValue,
        is_complete: fn(&T) -> bool,
    ) -> Option<T> {
        match serde_json::from_str(raw.get()) {
            Ok(entry) if is_complete(&entry) => Some(entry),
            Ok(_) => {
                self.error(path, format_args!("`{key}` has no id or mode; it must be what the AWS CLI prints"));
                None
            }
            Err(error) => {
                self.error(path, format_args!("`{key}` cannot be parsed: {}", without_position(&error)));
                None
            }
        }
    }

    /// The entries of a directory as `(name, path)`, sorted by name. Empty if the directory does not exist.
    pub(super) fn directory(&mut self, path: &Path) -> Vec<(String, PathBuf)> {
        let listed = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.error(path, format_args!("cannot be read: {error}"));
                return Vec::new();
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        entries.iter().filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
    }
}

/// The message without line and column, because they are counted in a part of the file.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned()
}

/// Writes a list under a key.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn write_list<T: Serialize>(path: &Path, key: &str, entries: &[T]) -> io::Result<()> {
    write(path, &BTreeMap::from([(key, entries)]))
}

/// Writes a temporary file and renames it, so that a file is always complete.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let part = path.with_extension("json.part");
    let written = File::create(&part)
        .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first error is reported. A temporary file that remains is not part of the snapshot.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Removes a file. Returns whether it existed.
///
/// # Errors
/// If the file cannot be removed.
pub(super) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
