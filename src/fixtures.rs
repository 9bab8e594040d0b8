//! Fixtures: records that a rule must hit, and near misses that it must not.
//!
//! They are located in a directory named after the rule, in files named `hit-…` and `miss-…`. Each file contains one record
//! or several, in any form that can be evaluated; each record counts.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::event::Event;
use crate::finding::Trace;
use crate::rules::RuleSet;
use crate::sources::{Content, Item, Reader};

/// What the fixtures of one rule come to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Records that must be hit.
    pub hits: usize,
    /// Records that must not be.
    pub misses: usize,
    /// What is not as it must be.
    pub failures: Vec<Failure>,
}

/// A fixture that is not as it must be.
#[derive(Debug)]
pub struct Failure {
    /// The file, and the record in it.
    pub place: String,
    /// What is wrong.
    pub reason: String,
    /// How the rule came to its verdict, when it judged the record.
    pub trace: Option<Trace>,
}

/// The directory of the fixtures of the rules below `rules`, unless it is named: `fixtures/rules` beside the directory of
/// the rules, otherwise `fixtures` in it. For a single file, the same of a directory above it.
pub fn directory_for(rules: &Path) -> PathBuf {
    if rules.is_file() {
        let whole = rules.canonicalize().unwrap_or_else(|_| rules.to_owned());
        let found = whole.ancestors().skip(1).map(of_directory).find(|fixtures| fixtures.is_dir());
        return found.unwrap_or_else(|| rules.parent().unwrap_or_else(|| Path::new("")).join("fixtures"));
    }
    of_directory(rules)
}

fn of_directory(rules: &Path) -> PathBuf {
    // `.` and `..` have no parent that is written down.
    let whole = rules.canonicalize().ok().filter(|_| rules.file_name().is_none());
    let rules = whole.as_deref().unwrap_or(rules);
    let beside = rules.parent().unwrap_or_else(|| Path::new("")).join("fixtures/rules");
    if beside.is_dir() { beside } else { rules.join("fixtures") }
}

/// The names of the rules that a directory has fixtures for, in order.
pub fn names(directory: &Path) -> Vec<String> {
    let is_visible = |name: &String| !name.starts_with('.');
    let directories = fs::read_dir(directory).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        directories.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(is_visible).collect();
    names.sort();
    names
}

/// Runs the fixtures of the rule called `name`, below `directory`. The rule runs also when it is off.
pub fn run(rules: &RuleSet, name: &str, directory: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    let directory = directory.join(name);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        // A rule without fixtures has none of either kind, which is for the caller to judge.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return outcome,
        Err(error) => {
            outcome.fail(&directory.display().to_string(), format!("cannot be read: {error}"));
            return outcome;
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        file(rules, name, &path, &mut outcome);
    }
    outcome
}

fn file(rules: &RuleSet, name: &str, path: &Path, outcome: &mut Outcome) {
    let shown = path.display().to_string();
    let stem = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let must_hit = match stem.split(['-', '.']).next() {
        Some("hit") => true,
        Some("miss") => false,
        _ => return outcome.fail(&shown, "is called neither hit-… nor miss-…".to_owned()),
    };
    let reader = match File::open(path) {
        Ok(file) => Reader::stream(&shown, BufReader::new(file)),
        Err(error) => Reader::unreadable(&shown, format!("cannot be opened: {error}")),
    };
    let mut records = 0;
    for Item { place, content } in reader {
        let json = match content {
            Content::Record(record) => Ok(record.into_json()),
            Content::Rejected(reason) => Err(reason),
            Content::Failed(error) => Err(error.reason),
            Content::Control | Content::Nested(_) | Content::Object(_) => continue,
        };
        records += 1;
        match json
            .as_deref()
            .map_err(Clone::clone)
            .and_then(|json| Event::parse(json).map_err(|error| error.to_string()))
        {
            Ok(event) => outcome.judge(rules, name, &event, &place.to_string(), must_hit),
            Err(reason) => outcome.fail(&place.to_string(), reason),
        }
    }
    if records == 0 {
        outcome.fail(&shown, "holds no record".to_owned());
    }
}

impl Outcome {
    fn fail(&mut self, place: &str, reason: String) {
        self.failures.push(Failure { place: place.to_owned(), reason, trace: None });
    }

    fn judge(&mut self, rules: &RuleSet, name: &str, event: &Event<'_>, place: &str, must_hit: bool) {
        *(if must_hit { &mut self.hits } else { &mut self.misses }) += 1;
        let is_hit = rules.judge(name, event).is_some();
        if is_hit != must_hit {
            let reason = if must_hit { "must be hit and is not" } else { "must not be hit and is" };
            let trace = rules.explain(name, event);
            self.failures.push(Failure { place: place.to_owned(), reason: reason.to_owned(), trace });
        }
    }
}
