//! `trailwarden evaluate` over many files at a time.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::support::{fixture, json, public_data, run, run_in, stderr, stdout, trailwarden};

const HIT: &str = "rules/sg-ingress-world-admin/hit-items.json";
const MISS: &str = "rules/sg-ingress-world-admin/miss-narrow.json";

/// `count` records of a fixture as JSON Lines, each with an event id of its own.
fn records(path: &str, file: usize, count: usize) -> String {
    let mut record = json(&fixture(path));
    let lines = (0..count).map(|number| {
        record["eventID"] = format!("{file:08}-0000-0000-0000-{number:012}").into();
        format!("{record}\n")
    });
    lines.collect()
}

/// Files of every kind, of very different length; the first is the longest, so that the others are done before it.
fn fill(directory: &Path) {
    let gz = fs::read(fixture("first-run/cloudtrail.json.gz")).unwrap();
    fs::create_dir(directory.join("deep")).unwrap();
    for file in 0..60 {
        let path =
            |kind: &str| directory.join(if file % 3 == 0 { "deep" } else { "." }).join(format!("{file:02}{kind}"));
        let count = if file == 0 { 400 } else { 1 + file % 7 };
        match file % 6 {
            0 => fs::write(path(".jsonl"), records(HIT, file, count)).unwrap(),
            1 => fs::write(path(".jsonl"), records(MISS, file, 3 * count)).unwrap(),
            2 => fs::write(path(".json.gz"), &gz).unwrap(),
            3 => fs::write(path(".json.gz"), &gz[..gz.len() / 2]).unwrap(),
            4 => fs::write(path(".jsonl"), records(HIT, file, 2) + "{\"eventName\" 1}\n" + &records(HIT, file, 1))
                .unwrap(),
            _ => symlink("no such file", path(".json")).unwrap(),
        }
    }
}

#[test]
fn output_does_not_depend_on_the_number_of_threads() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    for more in [&[][..], &["--explain"], &["--snapshot", "fixtures/live-state"]] {
        let with = |threads: &str| {
            run_in(
                directory.path(),
                &[&["evaluate", "DIR", "no/such/file", "DIR/02.json.gz", "--threads", threads], more].concat(),
            )
        };
        let alone = with("1");
        assert_eq!(alone.0, 2);
        assert!(alone.1.matches("sg-ingress-world-admin").count() > 400, "{}", alone.1);
        // The truncated, the broken and the missing, and one more that is named.
        assert_eq!(alone.2.matches("rejected: DIR").count(), 30, "{}", alone.2);
        assert_eq!(alone.2.matches("rejected: no/such/file").count(), 1, "{}", alone.2);
        for threads in ["2", "8", "2", "8", "8"] {
            assert_eq!(with(threads), alone, "{threads} threads {more:?}");
        }
    }
}

/// Evaluates each input with the prefilter and without, and compares what is printed.
fn compare_with_and_without_prefilter(inputs: &[PathBuf]) {
    for input in inputs {
        for more in [&["--explain"][..], &["--snapshot", "fixtures/live-state"], &["--format", "ocsf"]] {
            let with = |option: &[&str]| {
                let (code, findings, errors) = run_in(input, &[&["evaluate", "DIR"], more, option].concat());
                let findings: Vec<String> = findings.lines().map(without_time).collect();
                (code, findings, errors)
            };
            let filtered = with(&[]);
            assert!(filtered.1.len() > 50, "{}", filtered.2);
            // The second is the former name of the first.
            for option in ["--no-prefilter", "--no-screen"] {
                let whole = with(&[option]);
                // Not shown in full: it is long.
                assert!(filtered == whole, "{}: {more:?}\n{}\n{}", input.display(), filtered.2, whole.2);
            }
        }
    }
}

#[test]
fn output_does_not_depend_on_the_prefilter() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    compare_with_and_without_prefilter(&[directory.path().to_path_buf(), fixture("")]);
}

#[test]
#[ignore = "needs public data"]
fn output_for_public_logs_does_not_depend_on_the_prefilter() {
    compare_with_and_without_prefilter(&[public_data("cloudtrail")]);
}

/// A line of output without the time at which it was made.
fn without_time(line: &str) -> String {
    match serde_json::from_str::<Value>(line) {
        Ok(mut finding) => {
            finding["time"].take();
            finding["finding_info"]["created_time"].take();
            finding.to_string()
        }
        Err(_) => line.to_owned(),
    }
}

#[test]
fn zero_threads_is_an_error() {
    let output = run(&["evaluate", "fixtures/first-run", "--threads", "0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--threads"), "{}", stderr(&output));
}

#[test]
fn a_closed_pipe_ends_all_threads() {
    let directory = tempfile::tempdir().unwrap();
    for file in 0..8 {
        fs::write(directory.path().join(format!("{file}.jsonl")), records(HIT, file, 300)).unwrap();
    }
    // Standard input stays open: who still reads it does not end by itself.
    let arguments = ["evaluate", directory.path().to_str().unwrap(), "-", "--threads", "4"];
    let mut command = trailwarden(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    let mut reader = child.stdout.take().unwrap();
    reader.read_exact(&mut [0; 10]).unwrap();
    drop(reader);
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!((stderr(&output).as_str(), output.status.code()), ("", Some(1)));
}

#[test]
fn a_closed_pipe_ends_reading_of_standard_input() {
    let mut command = trailwarden(&["evaluate"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let hits = records(HIT, 0, 100);
    stdin.write_all(hits.as_bytes()).unwrap();
    let mut reader = child.stdout.take().unwrap();
    reader.read_exact(&mut [0; 10]).unwrap();
    drop(reader);
    // Far more than fits into the pipe.
    assert!((0..1000).any(|_| stdin.write_all(hits.as_bytes()).is_err()));
    let output = child.wait_with_output().unwrap();
    assert_eq!((stderr(&output).as_str(), output.status.code()), ("", Some(1)));
}

#[test]
fn standard_input_given_twice_is_read_once() {
    let mut command = trailwarden(&["evaluate", "-", "-", "fixtures/first-run", "-", "--threads", "8", "--no-summary"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(records(HIT, 0, 2).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(stderr(&output).starts_with("9 records"), "{}", stderr(&output));
    let first = stdout(&run(&["evaluate", "fixtures/first-run", "--no-summary"]));
    assert!(stdout(&output).ends_with(&first), "{}", stdout(&output));
}
