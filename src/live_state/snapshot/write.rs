//! Writes the files of a snapshot, as the AWS CLI would print them, of what decides alone.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::layout::{EXCLUSIONS, EXCLUSIONS_KEY, PREFIX_LISTS, ROLES, SNAPSHOT, file};
use super::read::About;
use super::roles::AuthorizationDetails;
use crate::live_state::listing::Listing;
use crate::live_state::question::{Answer, Place};

/// Writes below a directory. A file is there whole or not at all; what could not be read anew is taken away, since it
/// would pass for as new as the rest.
#[derive(Debug, Clone)]
pub struct Writer {
    directory: PathBuf,
}

impl Writer {
    /// Writes below `directory`, which need not exist.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The file of a list.
    pub fn path(&self, place: &Place, listing: Listing) -> PathBuf {
        match listing {
            Listing::Roles => self.of_account(&place.account).join(ROLES),
            listing => self.directory(place).join(file(listing).0),
        }
    }

    fn of_account(&self, account: &str) -> PathBuf {
        self.directory.join(account)
    }

    /// The directory of a region.
    pub fn directory(&self, place: &Place) -> PathBuf {
        self.of_account(&place.account).join(&place.region)
    }

    /// Writes a list of a region.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn list(&self, place: &Place, listing: Listing, answer: &Answer) -> io::Result<()> {
        let path = self.path(place, listing);
        let (_, key) = file(listing);
        match answer {
            Answer::Interfaces(all) => write_list(&path, key, all),
            Answer::GroupRules(all) => write_list(&path, key, all),
            Answer::Groups(all) => write_list(&path, key, all),
            Answer::RouteTables(all) => write_list(&path, key, all),
            Answer::Gateways(all) => write_list(&path, key, all),
            Answer::Acls(all) => write_list(&path, key, all),
            Answer::Vpcs(all) => write_list(&path, key, all),
            Answer::Subnets(all) => write_list(&path, key, all),
            Answer::Instances(all) => write_list(&path, key, &[json!({"Instances": all})]),
            Answer::PrefixList(all) => write_list(&path, key, all),
            Answer::Roles(all) => write_list(&path, key, all),
            Answer::BlockPublicAccess(access) => {
                let exclusions = self.directory(place).join(EXCLUSIONS);
                // While it is off, what it does not count for was not read.
                if access.internet_gateway_block_mode == "off" {
                    remove(&exclusions)?;
                } else {
                    write_list(&exclusions, EXCLUSIONS_KEY, &access.exclusions)?;
                }
                write(&path, &json!({key: {"InternetGatewayBlockMode": access.internet_gateway_block_mode}}))
            }
        }
    }

    /// Takes away the file of a list, with what belongs to it; tells whether it was there.
    ///
    /// # Errors
    /// When it cannot be taken away.
    pub fn retract(&self, place: &Place, listing: Listing) -> io::Result<bool> {
        match listing {
            Listing::PrefixListEntries => self.retract_prefix_lists_but(place, &HashSet::new()),
            Listing::BlockPublicAccess => {
                let exclusions = remove(&self.directory(place).join(EXCLUSIONS))?;
                Ok(remove(&self.path(place, listing))? || exclusions)
            }
            listing => remove(&self.path(place, listing)),
        }
    }

    /// Writes what is in a prefix list.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn prefix_list(&self, place: &Place, id: &str, entries: &Answer) -> io::Result<()> {
        let Answer::PrefixList(entries) = entries else { return Ok(()) };
        write_list(&self.directory(place).join(PREFIX_LISTS).join(format!("{id}.json")), "Entries", entries)
    }

    /// Takes away the files of prefix lists but those; tells whether there were any.
    ///
    /// # Errors
    /// When one cannot be taken away.
    pub fn retract_prefix_lists_but(&self, place: &Place, stay: &HashSet<String>) -> io::Result<bool> {
        let entries = match fs::read_dir(self.directory(place).join(PREFIX_LISTS)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut any = false;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
            if id.is_some_and(|id| !stay.contains(id)) {
                any |= remove(&entry.path())?;
            }
        }
        Ok(any)
    }

    /// Writes the roles of an account.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn roles(&self, account: &str, details: &AuthorizationDetails) -> io::Result<()> {
        write(&self.of_account(account).join(ROLES), details)
    }

    /// Before the files of a place are written: nothing is said of how old they are, in case the work is broken off.
    ///
    /// # Errors
    /// When what was said cannot be taken away.
    pub fn begin(&self, place: &Place, listing: Listing) -> io::Result<()> {
        remove(&self.path(place, listing).with_file_name(SNAPSHOT)).map(drop)
    }

    /// After the files of a place are written: how old they are at most.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(&self, place: &Place, listing: Listing, checked_at: Timestamp) -> io::Result<()> {
        write(&self.path(place, listing).with_file_name(SNAPSHOT), &About { checked_at })
    }
}

fn write_list<T: Serialize>(path: &Path, key: &str, all: &[T]) -> io::Result<()> {
    write(path, &BTreeMap::from([(key, all)]))
}

/// Writes beside the file and puts it in its place when all is written.
fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
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
        // What is wrong was said; a part that cannot be removed either is no file of a snapshot.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Whether there was such a file.
fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
