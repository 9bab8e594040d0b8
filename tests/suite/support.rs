//! What several tests need.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::configuration_item::ItemEvaluation;
use trailwarden::event::{Event, LIVE_STATE};
use trailwarden::finding::Finding;
use trailwarden::pipeline::{Input, Outcome, Pipeline, Rejection, Tally};
use trailwarden::rules::RuleSet;
use trailwarden::sources::{Fetch, FetchError, ObjectName};

/// The repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a generated file with what it should be, or writes it if `tests/refresh` runs the test.
pub(crate) fn generated(path: &str, content: &str) {
    let file = root().join(path);
    if std::env::var_os("TRAILWARDEN_REFRESH").is_some() {
        fs::write(file, content).unwrap();
    } else {
        let written = fs::read_to_string(file).unwrap_or_default();
        let differs = content.lines().zip(written.lines().chain(std::iter::repeat(""))).find(|(new, old)| new != old);
        assert!(written == content, "{path} is stale: run `tests/refresh`. First difference: {differs:?}");
    }
}

/// A path below `fixtures/`.
pub(crate) fn fixture(path: &str) -> PathBuf {
    root().join("fixtures").join(path)
}

/// A path in the public data, which is not part of the repository. Tests that use it are ignored unless asked for.
pub(crate) fn public_data(path: &str) -> PathBuf {
    let Some(directory) = std::env::var_os("TRAILWARDEN_PUBLIC_DATA") else {
        panic!("set TRAILWARDEN_PUBLIC_DATA to the directory with the public data, or leave the ignored tests out");
    };
    let path = root().join(directory).join(path);
    assert!(path.exists(), "TRAILWARDEN_PUBLIC_DATA lacks {}", path.display());
    path
}

/// The lines of a file of JSON Lines.
pub(crate) fn json_lines(path: &Path) -> Vec<Value> {
    let lines = fs::read_to_string(path).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The files directly in a directory, by name.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// One record that a rule must hit or miss.
#[derive(Debug)]
pub(crate) struct RuleFixture {
    /// The rule's name.
    pub(crate) rule: String,
    /// The file it stands in, with the line in a file of JSON Lines: `hit-calls.jsonl:3`.
    pub(crate) name: String,
    /// The record.
    pub(crate) text: String,
}

/// The fixtures of all rules; each line of a file of JSON Lines is one of its own.
pub(crate) fn rule_fixtures() -> Vec<RuleFixture> {
    let mut fixtures = Vec::new();
    for directory in files(&fixture("rules")).into_iter().filter(|path| path.is_dir()) {
        let rule = directory.file_name().unwrap().to_string_lossy().into_owned();
        for path in files(&directory) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            if name.ends_with(".jsonl") {
                let lines = text.lines().enumerate();
                fixtures.extend(lines.map(|(place, line)| RuleFixture {
                    rule: rule.clone(),
                    name: format!("{name}:{}", place + 1),
                    text: line.to_owned(),
                }));
            } else {
                fixtures.push(RuleFixture { rule: rule.clone(), name, text });
            }
        }
    }
    fixtures
}

/// The pipeline with the built-in rules.
static PIPELINE: LazyLock<Pipeline> = LazyLock::new(|| Pipeline::new(RuleSet::load(&[]).unwrap()));

/// The pipeline with all built-in rules, also those that are off unless enabled, as the fixtures are configured.
static ALL_RULES: LazyLock<Pipeline> = LazyLock::new(|| {
    let set = RuleSet::load(&[]).unwrap();
    let off = set.rules().iter().filter(|rule| !rule.runs()).map(|rule| rule.info().name.clone()).collect();
    let file = ConfigurationFile::read(&fixture("rules/trailwarden.yml")).unwrap();
    Configuration { enabled_rules: off, file, ..Configuration::default() }.pipeline().unwrap()
});

/// The command line, run from the repository.
pub(crate) fn trailwarden(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailwarden"));
    command
        .args(arguments)
        .current_dir(root())
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null());
    command
}

/// Runs the command line.
pub(crate) fn run(arguments: &[&str]) -> Output {
    trailwarden(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a run yields.
#[derive(Debug, Default)]
pub(crate) struct Yield {
    pub(crate) findings: Vec<Finding>,
    pub(crate) rejections: Vec<Rejection>,
    pub(crate) items: Vec<ItemEvaluation>,
    pub(crate) tally: Tally,
}

impl Yield {
    /// `rule: reason` of each rejection.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.rejections.iter().map(ToString::to_string).collect()
    }
}

/// Runs bytes through the pipeline as a file called `input`.
pub(crate) fn stream(bytes: &[u8]) -> Yield {
    run_through(&PIPELINE, Input::Stream(Box::new(Cursor::new(bytes.to_vec()))))
}

/// The same with the rules that are off unless enabled.
pub(crate) fn stream_by_all_rules(bytes: &[u8]) -> Yield {
    run_through(&ALL_RULES, Input::Stream(Box::new(Cursor::new(bytes.to_vec()))))
}

/// Runs text through the pipeline as a Lambda payload.
pub(crate) fn payload(text: &str) -> Yield {
    run_through(&PIPELINE, Input::Payload(text))
}

/// Objects by their names (`s3://bucket/key`).
pub(crate) struct Bucket(pub(crate) BTreeMap<String, Result<Vec<u8>, FetchError>>);

impl Fetch for Bucket {
    fn fetch(&self, object: &ObjectName) -> Result<Box<dyn Read>, FetchError> {
        let missing = || Err(FetchError { reason: "NoSuchKey".to_owned(), is_transient: false });
        let content = self.0.get(&object.to_string()).cloned().unwrap_or_else(missing)?;
        Ok(Box::new(Cursor::new(content)))
    }
}

/// Runs bytes through the pipeline as a file, with the objects that they name.
pub(crate) fn stream_with_objects(bytes: &[u8], objects: &dyn Fetch) -> Yield {
    let file = Input::Stream(Box::new(Cursor::new(bytes.to_vec())));
    run_through(&PIPELINE, Input::WithObjects(Box::new(file), objects))
}

/// Runs text through the pipeline as a Lambda payload, with the objects that it names.
pub(crate) fn payload_with_objects(text: &str, objects: &dyn Fetch) -> Yield {
    run_through(&PIPELINE, Input::WithObjects(Box::new(Input::Payload(text)), objects))
}

/// The same with the rules that are off unless enabled, and with what the fixtures take for one's own. Fixtures may contain
/// what live state adds to a record; the pipeline would ignore it.
pub(crate) fn payload_by_all_rules(text: &str) -> Yield {
    match Event::parse(text) {
        Ok(event) if event.has(LIVE_STATE) => {
            let findings = ALL_RULES.rules().evaluate(&event);
            let (matched, found) = (u64::from(!findings.is_empty()), findings.len() as u64);
            let tally = Tally { received: 1, matched, clean: 1 - matched, findings: found, ..Tally::default() };
            Yield { findings, tally, ..Yield::default() }
        }
        _ => run_through(&ALL_RULES, Input::Payload(text)),
    }
}

fn run_through(pipeline: &Pipeline, input: Input<'_>) -> Yield {
    let mut result = Yield::default();
    let tally = pipeline.run("input", input, &mut |outcome| match outcome {
        Outcome::Finding(finding, _) => result.findings.push(*finding),
        Outcome::Item(item) => result.items.push(item.evaluation),
        Outcome::Rejection(rejection) => result.rejections.push(rejection),
    });
    assert!(tally.balances(), "{tally}");
    assert_eq!(tally.rejected, result.rejections.len() as u64);
    assert_eq!(tally.findings, result.findings.len() as u64);
    result.tally = tally;
    result
}

/// A fixture's JSON.
pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A directory with these files.
pub(crate) fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// Runs `trailwarden`. `DIR` in the arguments is replaced by the path of `directory`, and the path in the output by `DIR`.
/// Returns exit code, standard output and standard error.
pub(crate) fn run_in(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let path = directory.to_str().unwrap();
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("DIR", path)).collect();
    let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let plain = |text: String| text.replace(path, "DIR");
    (output.status.code().unwrap(), plain(stdout(&output)), plain(stderr(&output)))
}
