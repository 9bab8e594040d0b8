//! What the documents show is what the programs print. `tests/refresh` writes the generated parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize as _;
use serde_json::Value;
use tempfile::tempdir;
use trailwarden::app::{Configuration, ConfigurationFile};
use walkdir::WalkDir;

use crate::support::{generated, root, run, stdout};

/// Compares the generated block `name` of a Markdown file with the text it should contain, or writes it.
fn block(path: &str, name: &str, content: &str) {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->\n"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{path} has no block {name}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{path} does not end the block {name}"));
    generated(path, &format!("{before}{begin}\n```text\n{}\n```\n\n{end}{after}", content.trim_end()));
}

/// The same for Markdown, which is not quoted as text.
fn markdown_block(path: &str, name: &str, content: &str) {
    let text = fs::read_to_string(root().join(path)).unwrap();
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->\n"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{path} has no block {name}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{path} does not end the block {name}"));
    generated(path, &format!("{before}{begin}\n{}\n\n{end}{after}", content.trim_end()));
}

/// The content of the fenced code blocks of a language in a Markdown text.
fn code<'a>(markdown: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    markdown.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_readme_shows_a_finding_and_an_alert() {
    let printed = stdout(&run(&["evaluate", "fixtures/first-run"]));
    block("README.md", "finding", printed.split("\n\n").find(|finding| finding.contains("role-trust-public")).unwrap());
    let alerts = "tests/suite/snapshots/suite__alerts__each_kind_of_alert_reads_like_this.snap";
    let alerts = fs::read_to_string(root().join(alerts)).unwrap();
    let (_, email) = alerts.split_once("Subject: ").unwrap();
    block("README.md", "alert", &format!("Subject: {}", email.split("\n--- ").next().unwrap()));
}

#[test]
fn the_page_about_evaluating_shows_who_can_assume_a_role() {
    let policy = "fixtures/rules/role-trust-public/hit-github-any-repository.json";
    block("docs/evaluate.md", "trust", &stdout(&run(&["trust", policy])));
}

#[test]
fn the_page_about_live_state_shows_a_confirmed_finding() {
    let record = "fixtures/rules/sg-ingress-world-admin/hit-items.json";
    let printed = stdout(&run(&["evaluate", "--snapshot", "fixtures/live-state", record]));
    let shown: Vec<&str> = printed.lines().filter(|line| !line.starts_with("  ids ")).collect();
    block("docs/live-state.md", "live-state", &shown.join("\n"));
}

#[test]
fn the_worked_example_of_a_rule_works() {
    let page = fs::read_to_string(root().join("docs/rules.md")).unwrap();
    let rule = code(&page, "yaml").into_iter().find(|text| text.contains("\ndetection:\n")).unwrap();
    let records = code(&page, "json");
    let directory = tempdir().unwrap();
    let name = "ssm-document-public";
    let (rules, fixtures) =
        (directory.path().join("rules/sharing"), directory.path().join("fixtures/rules").join(name));
    fs::create_dir_all(&rules).unwrap();
    fs::create_dir_all(&fixtures).unwrap();
    fs::write(rules.join(format!("{name}.yml")), rule).unwrap();
    fs::write(fixtures.join("hit.json"), records[0]).unwrap();
    fs::write(fixtures.join("miss.json"), records[1]).unwrap();
    let rules = directory.path().join("rules");
    let rules = rules.to_str().unwrap();
    for command in ["check", "test"] {
        let output = run(&["rules", command, rules]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let output = run(&["evaluate", "--rules", rules, fixtures.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    block("docs/rules.md", "worked-example", &stdout(&output));
}

#[test]
fn configurations_and_exemptions_in_the_documents_can_be_used() {
    let pages = ["docs/rules.md", "docs/live-state.md"].map(|page| fs::read_to_string(root().join(page)).unwrap());
    let blocks: Vec<&str> = pages.iter().flat_map(|page| code(page, "yaml")).collect();
    let (documents, settings): (Vec<&str>, Vec<&str>) = blocks.into_iter().partition(|text| text.starts_with("title:"));
    let exemptions: Vec<&str> = documents.into_iter().filter(|text| text.contains("\nfilter:\n")).collect();
    assert_eq!((exemptions.len(), settings.len()), (1, 2));
    let directory = tempdir().unwrap();
    let file = directory.path().join("exemptions.yml");
    fs::write(&file, exemptions[0]).unwrap();
    let output = run(&["exemptions", "check", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let loaded = settings
        .into_iter()
        .map(|text| Configuration::of_file(ConfigurationFile::parse("docs", text.to_owned()).unwrap()));
    let [plain, live]: [Configuration; 2] = loaded.collect::<Vec<_>>().try_into().unwrap();
    assert!(plain.rules().unwrap().rules().iter().any(|rule| rule.info().name == "role-trust-service" && rule.runs()));
    assert!(live.rules().is_ok() && live.file.vpc_exemptions.exempt_default_vpc);
    assert_eq!(live.file.account_names["111122223333"], "production");
}

#[test]
fn the_page_about_remediation_lists_the_actions_and_its_policy_can_be_used() {
    markdown_block("docs/remediation.md", "actions", &stdout(&run(&["actions", "reference"])));
    generated("terraform/modules/remediation-policy/actions.json", &stdout(&run(&["actions", "iam"])));
    let page = fs::read_to_string(root().join("docs/remediation.md")).unwrap();
    let directory = tempdir().unwrap();
    let file = directory.path().join("remediation.yml");
    fs::write(&file, code(&page, "yaml")[0]).unwrap();
    let output = run(&["remediate", "--policy", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// The commands that only some features compile.
const WITH_FEATURES: [&str; 8] = [
    "replay",
    "snapshot",
    "actions list",
    "actions show",
    "actions undo",
    "actions approve",
    "actions deny",
    "actions reset",
];

/// `## trailwarden …` with the help of a command, and the same of each of its subcommands.
fn help(command: &[&str], sections: &mut BTreeMap<String, String>) {
    let text = stdout(&run(&[command, &["--help"]].concat()));
    let name = [&["trailwarden"], command].concat().join(" ");
    let commands = text.split_once("\nCommands:\n").map(|(_, commands)| commands.split("\n\n").next().unwrap());
    let names = commands.iter().flat_map(|commands| commands.lines()).filter_map(|line| line.split_whitespace().next());
    for subcommand in names.filter(|name| *name != "help") {
        help(&[command, &[subcommand]].concat(), sections);
    }
    // The list of commands depends on the features; each command has a section of its own.
    let is_optional = |line: &&str| {
        let first = line.strip_prefix("  ").and_then(|line| line.split(' ').next());
        first.is_some_and(|first| WITH_FEATURES.contains(&[command, &[first]].concat().join(" ").as_str()))
    };
    let shown: Vec<&str> = text.lines().filter(|line| !is_optional(line)).map(str::trim_end).collect();
    sections.insert(name, format!("```text\n{}\n```\n", shown.join("\n")));
}

const REFERENCE: &str = "docs/cli.md";

#[test]
fn the_command_line_reference_is_current() {
    let mut sections = BTreeMap::new();
    help(&[], &mut sections);
    // What this build leaves out stays as it is written.
    let written = fs::read_to_string(root().join(REFERENCE)).unwrap_or_default();
    for section in written.split("\n## ").skip(1) {
        let (name, text) = section.split_once("\n\n").unwrap();
        if WITH_FEATURES.iter().any(|command| name == format!("trailwarden {command}")) {
            sections.entry(name.to_owned()).or_insert_with(|| format!("{}\n", text.trim_end()));
        }
    }
    let mut page = "# Command-line reference\n\nThe output of `--help` for every command, written by `tests/refresh`. \
                    `replay` needs a build with the feature\n`lambda`, `snapshot` one with `live`, and the commands about \
                    actions of a remediator one with `remediation`: see\n[lambda.md](lambda.md).\n"
        .to_owned();
    for (name, text) in &sections {
        page.push_str(&format!("\n## {name}\n\n{text}"));
    }
    generated(REFERENCE, &page);
}

/// Splits a command as a shell does; of quotes, only single ones are known.
fn words(command: &str) -> Vec<String> {
    command.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn every_command_of_the_page_about_features_does_what_it_says() {
    let page = fs::read_to_string(root().join("docs/features.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.contains("| `trailwarden "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() > 35, "{}", rows.len());
    for row in rows {
        let [_, command, code, shown] = row[..] else { panic!("{row:?}") };
        let directory = tempdir().unwrap();
        let mut written = Vec::new();
        let mut arguments = words(command.trim_matches('`').strip_prefix("trailwarden ").unwrap());
        for place in 1..arguments.len() {
            if arguments[place - 1] == "--output" {
                let file = directory.path().join(&arguments[place]);
                arguments[place] = file.to_str().unwrap().to_owned();
                written.push(file);
            }
        }
        let output = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let text = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code.parse().unwrap()), "{command}: {text}");
        assert!(text.contains(shown.trim_matches('`')), "{command}: {text}");
        assert!(written.iter().all(|file| fs::metadata(file).unwrap().len() > 100), "{command}");
    }
}

fn schema(kind: &str) -> Value {
    serde_json::from_str(&stdout(&run(&["schema", kind]))).unwrap()
}

/// The documents of a YAML file.
fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    yaml_serde::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap()).collect()
}

/// The keys of an object in a schema, by the path to the object.
fn keys(schema: &Value, path: &str) -> BTreeSet<String> {
    schema.pointer(path).unwrap()["properties"].as_object().unwrap().keys().cloned().collect()
}

/// The keys that an error for an unknown key lists.
fn known_keys(error: &str) -> BTreeSet<String> {
    let (_, list) = error.split_once("expected one of ").unwrap_or_else(|| panic!("{error}"));
    let list = list.split(" at line").next().unwrap().split('(').next().unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_schemas_accept_our_files_and_have_the_keys_of_the_parsers() {
    let (rule, exemption, configuration) = (schema("rule"), schema("exemption"), schema("configuration"));
    let valid = |schema: &Value, document: &Value| {
        let errors: Vec<String> =
            jsonschema::validator_for(schema).unwrap().iter_errors(document).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{document}");
    };
    let rules = WalkDir::new(root().join("rules")).into_iter().map(|entry| entry.unwrap().into_path());
    for path in rules.filter(|path| path.extension().is_some_and(|name| name == "yml")) {
        documents(&path).iter().filter(|one| one.get("correlation").is_none()).for_each(|one| valid(&rule, one));
    }
    documents(&root().join("fixtures/exemptions/examples.yml")).iter().for_each(|one| valid(&exemption, one));
    for path in ["fixtures/rules/trailwarden.yml", "tests/cases/trailwarden.yml", "tests/cases/hardening/own.yml"] {
        documents(&root().join(path)).iter().for_each(|one| valid(&configuration, one));
    }
    let directory = tempdir().unwrap();
    let errors = |name: &str, text: &str, arguments: &[&str]| {
        let file = directory.path().join(name);
        fs::write(&file, text).unwrap();
        let arguments: Vec<&str> =
            arguments.iter().map(|one| if *one == "FILE" { file.to_str().unwrap() } else { one }).collect();
        let output = run(&arguments);
        stdout(&output) + &String::from_utf8_lossy(&output.stderr)
    };
    let text = errors("trailwarden.yml", "unheard-of: 1\n", &["rules", "check", "rules", "--config", "FILE"]);
    assert_eq!(known_keys(&text), keys(&configuration, ""));
    let head =
        "title: t\nid: 5a3e0b0e-3b0f-4d8e-9d37-0c1f2a3b4c5d\nname: t\nlogsource: {product: aws, service: cloudtrail}\n";
    let text = errors(
        "rule.yml",
        &format!(
            "{head}detection: {{a: {{eventName: StopLogging}}, condition: a}}\nlevel: low\ntrailwarden: {{unheard_of: 1}}\n"
        ),
        &["rules", "check", "FILE"],
    );
    assert_eq!(known_keys(&text), keys(&rule, "/properties/trailwarden"));
    let text = errors(
        "exemptions.yml",
        &format!(
            "{head}filter: {{rules: [trail-stopped], a: {{eventName: StopLogging}}, condition: not a}}\ntrailwarden: {{unheard_of: 1}}\n"
        ),
        &["exemptions", "check", "FILE"],
    );
    assert_eq!(known_keys(&text), keys(&exemption, "/properties/trailwarden"));
}
