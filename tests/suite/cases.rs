//! Inputs with the right answer, as `tests/cases/README.md` describes them: every kind of wrong answer that was ever found,
//! with near neighbours. All wrong answers of a file are listed in one failure.

mod exposure;
mod files;
mod hardening;
mod live;
mod rules;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::{root, run, stderr, stdout};

fn case_path(name: &str) -> PathBuf {
    root().join("tests/cases").join(name)
}

/// The cases of a file of JSON Lines.
fn read_cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let text = fs::read_to_string(case_path(name)).unwrap();
    let lines = text.lines().enumerate();
    let read =
        |(number, line)| serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}:{}: {error}", number + 1));
    lines.map(read).collect()
}

/// One value or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// Fails with every wrong answer. There is one entry a case, empty if its answer is right.
fn assert_all_right(wrong: impl IntoIterator<Item = Option<String>>) {
    let wrong: Vec<Option<String>> = wrong.into_iter().collect();
    let total = wrong.len();
    assert!(total > 0, "there are no cases");
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} of {total} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// `name: reason, reason (why)` if there are reasons.
fn wrong_answer(name: &str, reasons: &[String], why: &str) -> Option<String> {
    (!reasons.is_empty()).then(|| format!("  {name}: {} ({why})", reasons.join(", ")))
}

/// The words that `text` lacks. `a|b` means one of them.
fn missing_words(text: &str, words: &[String]) -> Vec<String> {
    let text = text.to_lowercase();
    let is_missing = |word: &&String| !word.split('|').any(|word| text.contains(&word.to_lowercase()));
    words.iter().filter(is_missing).cloned().collect()
}

/// The words that `text` contains.
fn present_words(text: &str, words: &[String]) -> Vec<String> {
    let text = text.to_lowercase();
    words.iter().filter(|word| text.contains(&word.to_lowercase())).cloned().collect()
}

/// The result of `trailwarden evaluate --format ocsf`.
#[derive(Debug)]
struct Evaluation {
    code: i32,
    findings: Vec<OcsfFinding>,
    errors: String,
}

fn evaluate(path: &Path, options: &[&str]) -> Evaluation {
    let path = path.to_str().unwrap();
    let output = run(&[&["evaluate", "--format", "ocsf"], options, &[path]].concat());
    let (text, errors) = (stdout(&output), stderr(&output).replace(path, "FILE"));
    let findings = text.lines().map(|line| OcsfFinding(serde_json::from_str(line).unwrap()));
    Evaluation { code: output.status.code().unwrap(), findings: findings.collect(), errors }
}

/// Evaluates these records from one file.
fn evaluate_events<'e>(events: impl IntoIterator<Item = &'e Value>, options: &[&str]) -> Evaluation {
    let text: String = events.into_iter().map(|event| format!("{event}\n")).collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.jsonl");
    fs::write(&path, text).unwrap();
    let evaluation = evaluate(&path, options);
    assert_ne!(evaluation.code, 2, "{}", evaluation.errors);
    evaluation
}

/// A finding as it is published.
#[derive(Debug)]
struct OcsfFinding(Value);

impl OcsfFinding {
    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {:#}", self.0))
    }

    fn control(&self) -> &str {
        self.text("/compliance/control")
    }

    /// Whether the control is one of `slugs`, which `|` separates, or begins with one and a hyphen.
    fn is_of(&self, slugs: &str) -> bool {
        let is_of =
            |slug: &str| self.control().strip_prefix(slug).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        slugs.split('|').any(is_of)
    }

    fn is_blocked_action(&self) -> bool {
        self.control().starts_with("blocked-action")
    }

    fn event_id(&self) -> &str {
        self.text("/finding_info/related_events/0/uid")
    }

    fn severity(&self) -> String {
        self.text("/severity").to_lowercase()
    }

    fn message(&self) -> &str {
        self.text("/message")
    }

    fn is_non_compliant(&self) -> bool {
        self.0["compliance"]["status_id"] == 3
    }

    fn is_warning(&self) -> bool {
        self.0["compliance"]["status_id"] == 2
    }
}
