//! Changed fixtures, as the fuzz targets in `tests/fuzz` take them: no panic, and every record is counted once.

use std::fs;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::support::{files, root};

#[path = "../fuzz/inputs/mod.rs"]
#[expect(clippy::expect_used, reason = "a test may stop at the first surprise")]
mod inputs;

/// Maximum time for one input, without optimisation and on a busy machine.
const MAX_TIME: Duration = Duration::from_secs(30);

fn seeds(directories: &[&str]) -> Vec<Vec<u8>> {
    let paths = directories.iter().flat_map(|directory| files(&root().join(directory)));
    let seeds: Vec<Vec<u8>> = paths.map(|path| fs::read(path).unwrap()).filter(|bytes| bytes.len() < 20_000).collect();
    assert!(!seeds.is_empty(), "{directories:?}");
    seeds
}

/// Bytes that mean something in one of the formats.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "*",
    "?",
    "${",
    ":",
    ",",
    "\n",
    "  ",
    "- ",
    "|",
    "%",
    "null",
    "1e999",
    "\\ud800",
    "-1",
    "\u{0}",
    "\u{202e}",
    "aws:",
    "arn:aws:iam::*:role/*",
    "&a",
    "*a",
    "!!",
    "---",
    "0.0.0.0/0",
    "::/0",
    "condition: ",
    "1 of ",
];

/// A seed with a few changes: bytes are replaced, removed, repeated, or exchanged for those of another seed.
fn changed(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut bytes = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..6) {
        let (start, end) = (random.usize(..=bytes.len()), random.usize(..=bytes.len()));
        let range = start.min(end)..start.max(end).min(start.min(end) + 64);
        let new: Vec<u8> = match random.usize(..5) {
            0 => Vec::new(),
            1 => vec![random.u8(..)],
            2 => bytes[range.clone()].repeat(2),
            3 => {
                let other = &seeds[random.usize(..seeds.len())];
                let at = random.usize(..=other.len());
                other[at..other.len().min(at + 64)].to_vec()
            }
            _ => WORDS[random.usize(..WORDS.len())].as_bytes().to_vec(),
        };
        bytes.splice(range, new);
    }
    bytes
}

fn run(check: fn(&[u8]), seeds: &[Vec<u8>], count: usize) {
    let mut random = Rng::with_seed(20_261_130);
    for seed in seeds.iter().take(count / 4) {
        check(seed);
    }
    for _ in 0..count {
        let bytes = changed(seeds, &mut random);
        let begin = Instant::now();
        check(&bytes);
        assert!(begin.elapsed() < MAX_TIME, "{:?}: {}", begin.elapsed(), String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn changed_records_are_counted() {
    run(
        inputs::record,
        &seeds(&["fixtures/rules/blocked-action", "fixtures/rules/sg-ingress-world", "fixtures/rules/trail-weakened"]),
        400,
    );
}

#[test]
fn changed_policies_are_assessed() {
    let text = fs::read_to_string(root().join("tests/cases/trust.jsonl")).unwrap();
    let policies = text.lines().filter_map(|line| {
        let case: serde_json::Value = serde_json::from_str(line).ok()?;
        case.get("policy").map(|policy| policy.as_str().map_or_else(|| policy.to_string(), str::to_owned).into_bytes())
    });
    let policies: Vec<Vec<u8>> = policies.collect();
    assert!(policies.len() > 10, "{}", policies.len());
    run(inputs::policy, &policies, 400);
}

#[test]
fn changed_rules_are_loaded_or_refused() {
    run(inputs::rule, &seeds(&["rules/tamper", "rules/trust"]), 12);
}

#[test]
fn changed_exemptions_are_read_or_refused() {
    run(inputs::exemptions, &seeds(&["fixtures/exemptions"]), 300);
}

#[test]
fn changed_configurations_are_read_or_refused() {
    let mut seeds = seeds(&["fixtures/exemptions"]);
    seeds.push(fs::read(root().join("tests/cases/trailwarden.yml")).unwrap());
    seeds.push(fs::read(root().join("tests/cases/hardening/own.yml")).unwrap());
    seeds.push(fs::read(root().join("tests/cases/hardening/identities.yml")).unwrap());
    run(inputs::configuration, &seeds, 40);
}

#[test]
fn changed_envelopes_are_read_or_refused() {
    run(inputs::wrapper, &seeds(&["fixtures/envelopes"]), 400);
}
