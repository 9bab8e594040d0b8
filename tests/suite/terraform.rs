//! The Terraform module says of itself what is so.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use walkdir::WalkDir;

use crate::support::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `(name, description)` of each block of a kind, such as `variable`.
fn described(kind: &str, path: &str) -> Vec<(String, String)> {
    let block = Regex::new(&format!(r#"(?m)^{kind} "(\w+)" \{{\n  description = "(.*)"$"#)).unwrap();
    let text = read(path);
    let found: Vec<_> = block.captures_iter(&text).map(|block| (block[1].to_owned(), block[2].to_owned())).collect();
    let blocks = text.lines().filter(|line| line.starts_with(&format!("{kind} "))).count();
    assert_eq!(found.len(), blocks, "{path}: a {kind} does not begin with its description");
    found
}

/// `(first cell, last cell)` of the rows below a heading of the module's README.
fn rows(heading: &str) -> Vec<(String, String)> {
    let readme = read("terraform/README.md");
    let (_, section) = readme.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let cells = rows.map(|row| (row.split_once("` |").unwrap().0, row.rsplit_once(" | ").unwrap().1));
    cells.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

#[test]
fn every_variable_and_output_of_the_module_is_in_its_readme() {
    assert_eq!(rows("Variables"), described("variable", "terraform/variables.tf"));
    let shown: Vec<_> = rows("Outputs");
    assert_eq!(shown, described("output", "terraform/outputs.tf"));
    let readme = read("terraform/README.md");
    for (name, _) in described("variable", "terraform/modules/member-role/variables.tf") {
        assert!(readme.contains(&format!("`{name}`")), "{name} of modules/member-role");
    }
}

/// The actions of EC2 and IAM that stand in a text.
fn actions(text: &str) -> BTreeSet<String> {
    let action = Regex::new(r"\b(?:ec2|iam):[A-Z]\w+").unwrap();
    action.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

#[test]
fn live_state_may_do_what_it_does_and_no_more() {
    let about = read("src/confirm/aws.rs");
    let snapshots = about.lines().find(|line| line.starts_with("//! | snapshots |")).map(actions).unwrap();
    let files = WalkDir::new(root().join("src/confirm/aws")).into_iter().map(Result::unwrap);
    let code = files.filter(|file| file.file_type().is_file()).map(|file| fs::read_to_string(file.path()).unwrap());
    let used: BTreeSet<String> = code.flat_map(|text| actions(&text)).collect();
    assert!(used.is_superset(&snapshots), "{snapshots:?}");
    let needed: BTreeSet<String> = used.difference(&snapshots).cloned().collect();
    assert_eq!(actions(&read("terraform/modules/live-state-policy/main.tf")), needed);
}
