//! Fixtures of rules: records that a rule must match, and near misses that it must not match.
//!
//! A rule's fixtures are in a directory named after the rule, in files named `hit-…` and `miss-…`. A file contains one or more
//! records in any form that `trailwarden evaluate` accepts.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::event::Event;
use crate::finding::Trace;
use crate::rules::RuleSet;
use crate::sources::{Content, Item, Reader};

/// The error for a configuration item.
const NOT_A_RECORD: &str = "a configuration item of AWS Config and no CloudTrail record; fixtures are records";

/// The result of running the fixtures of one rule.
#[derive(Debug, Default)]
pub struct FixtureResults {
    /// Number of records that the rule must match.
    pub hits: usize,
    /// Number of records that the rule must not match.
    pub misses: usize,
    /// Fixtures that failed.
    pub failures: Vec<FixtureFailure>,
}

/// A fixture that failed.
#[derive(Debug)]
pub struct FixtureFailure {
    /// The file, and the record in it.
    pub place: String,
    /// The error in words.
    pub reason: String,
    /// The trace of the rule, if it evaluated the record.
    pub trace: Option<Trace>,
}

/// The default fixture directory for the rules in directory `rules`: `fixtures/rules` in its parent directory if that exists,
/// otherwise its subdirectory `fixtures`. For a single rule file, the nearest such directory of a directory above the file.
pub fn directory_for(rules: &Path) -> PathBuf {
    if rules.is_file() {
        let absolute = rules.canonicalize().unwrap_or_else(|_| rules.to_owned());
        let existing = absolute.ancestors().skip(1).map(for_rule_directory).find(|fixtures| fixtures.is_dir());
        return existing.unwrap_or_else(|| rules.parent().unwrap_or_else(|| Path::new("")).join("fixtures"));
    }
    for_rule_directory(rules)
}

fn for_rule_directory(rules: &Path) -> PathBuf {
    // The text of `.` and `..` does not contain a parent directory.
    let absolute = rules.canonicalize().ok().filter(|_| rules.file_name().is_none());
    let rules = absolute.as_deref().unwrap_or(rules);
    let beside = rules.parent().unwrap_or_else(|| Path::new("")).join("fixtures/rules");
    if beside.is_dir() { beside } else { rules.join("fixtures") }
}

/// The names of the rules that have fixtures in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let is_visible = |name: &String| !name.starts_with('.');
    let directories = fs::read_dir(directory).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        directories.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(is_visible).collect();
    names.sort();
    names
}

/// Runs the fixtures of the rule called `name` in `directory`, even if the rule is off.
pub fn run(rules: &RuleSet, name: &str, directory: &Path) -> FixtureResults {
    let mut results = FixtureResults::default();
    let directory = directory.join(name);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        // The caller decides whether a rule needs fixtures.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return results,
        Err(error) => {
            results.fail(&directory.display().to_string(), format!("cannot be read: {error}"));
            return results;
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        run_file(rules, name, &path, &mut results);
    }
    results
}

fn run_file(rules: &RuleSet, name: &str, path: &Path, results: &mut FixtureResults) {
    let shown = path.display().to_string();
    let stem = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let must_hit = match stem.split(['-', '.']).next() {
        Some("hit") => true,
        Some("miss") => false,
        _ => return results.fail(&shown, "is named neither hit-… nor miss-…".to_owned()),
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
            Content::ConfigurationItem(_) => Err(NOT_A_RECORD.to_owned()),
            Content::OversizedItem(_) | Content::Control | Content::Nested(_) | Content::Object(_) => continue,
        };
        records += 1;
        match json
            .as_deref()
            .map_err(Clone::clone)
            .and_then(|json| Event::parse(json).map_err(|error| error.to_string()))
        {
            Ok(event) => results.evaluate(rules, name, &event, &place.to_string(), must_hit),
            Err(reason) => results.fail(&place.to_string(), reason),
        }
    }
    if records == 0 {
        results.fail(&shown, "contains no record".to_owned());
    }
}

impl FixtureResults {
    fn fail(&mut self, place: &str, reason: String) {
        self.failures.push(FixtureFailure { place: place.to_owned(), reason, trace: None });
    }

    fn evaluate(&mut self, rules: &RuleSet, name: &str, event: &Event<'_>, place: &str, must_hit: bool) {
        *(if must_hit { &mut self.hits } else { &mut self.misses }) += 1;
        let is_hit = rules.evaluate_rule(name, event).is_some();
        if is_hit != must_hit {
            let reason = if must_hit { "must match and does not" } else { "must not match and does" };
            let trace = rules.explain(name, event);
            self.failures.push(FixtureFailure { place: place.to_owned(), reason: reason.to_owned(), trace });
        }
    }
}
