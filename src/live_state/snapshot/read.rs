//! Reads the files of a snapshot.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A file as its members, not yet understood.
type Members<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

/// Reads files and keeps everything that is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) faults: Vec<String>,
}

/// What `snapshot.json` says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct About {
    pub(super) checked_at: Timestamp,
}

impl Reader {
    fn fault(&mut self, path: &Path, what: impl std::fmt::Display) {
        self.faults.push(format!("{}: {what}", path.display()));
    }

    /// The bytes of a file; `None` when there is no such file, or it cannot be read.
    fn bytes(&mut self, path: &Path) -> Option<Vec<u8>> {
        match fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                self.fault(path, format_args!("cannot be read: {error}"));
                None
            }
        }
    }

    /// When the files of a directory were made, where it says so.
    pub(super) fn checked_at(&mut self, path: &Path) -> Option<Timestamp> {
        let bytes = self.bytes(path)?;
        match serde_json::from_slice(&bytes) {
            Ok(About { checked_at }) => Some(checked_at),
            Err(error) => {
                self.fault(path, format_args!("must be {{\"CheckedAt\": \"2026-03-04T10:00:00Z\"}}: {error}"));
                None
            }
        }
    }

    /// The entries of a list that the AWS CLI printed; `complete` says whether an entry has what questions ask for.
    pub(super) fn list<T: DeserializeOwned>(
        &mut self,
        path: &Path,
        key: &str,
        complete: fn(&T) -> bool,
    ) -> Option<Vec<T>> {
        let bytes = self.bytes(path)?;
        let members = self.members(path, &bytes)?;
        self.entries(path, &members, key, complete)
    }

    /// The lists under two keys of one file.
    pub(super) fn two_lists<A: DeserializeOwned, B: DeserializeOwned>(
        &mut self,
        path: &Path,
        (first, first_complete): (&str, fn(&A) -> bool),
        (second, second_complete): (&str, fn(&B) -> bool),
    ) -> Option<(Vec<A>, Vec<B>)> {
        let bytes = self.bytes(path)?;
        let members = self.members(path, &bytes)?;
        let first = self.entries(path, &members, first, first_complete);
        let second = self.entries(path, &members, second, second_complete);
        first.zip(second)
    }

    /// What stands under a key of a file.
    pub(super) fn one<T: DeserializeOwned>(&mut self, path: &Path, key: &str, complete: fn(&T) -> bool) -> Option<T> {
        let bytes = self.bytes(path)?;
        let members = self.members(path, &bytes)?;
        let raw = self.member(path, &members, key)?;
        self.understood(path, key, raw, complete)
    }

    fn members<'a>(&mut self, path: &Path, bytes: &'a [u8]) -> Option<Members<'a>> {
        let members: Members<'_> = match serde_json::from_slice(bytes) {
            Ok(members) => members,
            Err(error) => {
                self.fault(path, format_args!("must be a JSON object as the AWS CLI prints it: {error}"));
                return None;
            }
        };
        // A page taken for the whole would make what is not on it seem gone.
        let is_page = members.get("NextToken").is_some_and(|token| !matches!(token.get(), "null" | "\"\""))
            || members.get("IsTruncated").is_some_and(|truncated| truncated.get() == "true");
        if is_page {
            self.fault(
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
            self.fault(path, format_args!("has no `{key}`; it must be what the AWS CLI prints, with no --query"));
        }
        raw
    }

    fn entries<T: DeserializeOwned>(
        &mut self,
        path: &Path,
        members: &Members<'_>,
        key: &str,
        complete: fn(&T) -> bool,
    ) -> Option<Vec<T>> {
        let raw = self.member(path, members, key)?;
        let entries: Vec<&RawValue> = match serde_json::from_str(raw.get()) {
            Ok(entries) => entries,
            Err(error) => {
                self.fault(path, format_args!("`{key}` must be a list: {}", without_place(&error)));
                return None;
            }
        };
        let entries = entries.iter().enumerate();
        entries.map(|(place, entry)| self.understood(path, &format!("{key}[{place}]"), entry, complete)).collect()
    }

    fn understood<T: DeserializeOwned>(
        &mut self,
        path: &Path,
        place: &str,
        raw: &RawValue,
        complete: fn(&T) -> bool,
    ) -> Option<T> {
        match serde_json::from_str(raw.get()) {
            Ok(entry) if complete(&entry) => Some(entry),
            Ok(_) => {
                self.fault(path, format_args!("`{place}` lacks its id or mode; it must be what the AWS CLI prints"));
                None
            }
            Err(error) => {
                self.fault(path, format_args!("`{place}` is not understood: {}", without_place(&error)));
                None
            }
        }
    }

    /// What is in a directory, in the order of names: `(name, path)`. Nothing when there is no such directory.
    pub(super) fn directory(&mut self, path: &Path) -> Vec<(String, PathBuf)> {
        let listed = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.fault(path, format_args!("cannot be read: {error}"));
                return Vec::new();
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        let named = entries.iter().filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
        named.collect()
    }
}

/// What is wrong with a part of a file; the parser's line and column count from the start of the part.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what).to_owned()
}
