//! Which module may import which, and that paths and links in the documents exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use regex::Regex;
use walkdir::WalkDir;

use crate::support::{files, root};

/// Each module and the modules of this crate that it may import. `text` makes text from records safe to show.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("network", &[]),
    ("actions", &["event", "facts", "finding", "network", "text"]),
    ("alert", &["finding", "text"]),
    ("arn", &[]),
    ("aws", &["text"]),
    ("config_rule", &["arn", "aws", "configuration_item", "sources", "text"]),
    (
        "app",
        &[
            "access",
            "alert",
            "arn",
            "aws",
            "config_rule",
            "finding",
            "live_state",
            "objects",
            "pipeline",
            "queue",
            "remediation",
            "rules",
            "sinks",
            "sources",
            "suppress",
            "text",
        ],
    ),
    ("configuration_item", &["derived_call", "event", "finding", "network", "text"]),
    ("derived_call", &[]),
    ("live_state", &["network", "aws", "event", "facts", "finding", "policy", "text", "access"]),
    ("sources", &["event", "text"]),
    ("event", &[]),
    ("suppress", &["live_state", "event", "finding", "rules", "text"]),
    ("facts", &["network", "event", "policy", "access", "arn"]),
    ("filter_pattern", &["rules"]),
    ("finding", &["text"]),
    ("fixtures", &["sources", "event", "finding", "rules"]),
    ("metrics", &["finding", "pipeline", "sinks"]),
    ("objects", &["aws", "sources"]),
    (
        "pipeline",
        &[
            "actions",
            "aws",
            "config_rule",
            "configuration_item",
            "live_state",
            "objects",
            "sources",
            "event",
            "suppress",
            "facts",
            "finding",
            "prefilter",
            "rules",
            "text",
        ],
    ),
    ("policy", &["arn"]),
    ("prefilter", &["event", "rules", "sources"]),
    ("http", &["alert", "text"]),
    ("sinks", &["alert", "aws", "finding", "http", "queue", "text"]),
    ("queue", &["arn", "aws"]),
    ("report", &["finding", "pipeline", "sinks", "sources", "text"]),
    ("remediation", &["actions", "alert", "aws", "finding", "metrics", "queue", "sinks", "text"]),
    ("rules", &["arn", "event", "facts", "finding", "text"]),
    ("terraform_plan", &["derived_call", "finding", "text"]),
    ("text", &[]),
    ("access", &["network", "policy", "arn"]),
];

/// The modules of `live_state`. Each may import only those before it.
const LIVE_STATE: &[&str] = &[
    "response",
    "files",
    "session",
    "kind",
    "query",
    "resources",
    "store",
    "cache",
    "snapshot",
    "aws",
    "layers",
    "path",
    "path_analysis",
    "target",
    "verify",
    "assertion",
    "enrich",
];

/// The modules of `rules`. Each may import only those before it, and the types of the rule set itself.
const RULES: &[&str] =
    &["sigma", "text", "load", "trusted", "finding_builder", "rule", "index", "correlation", "lint", "filter", "docs"];

/// Crates that only some files may name: the Sigma engine, the AWS SDK and its HTTP client stay replaceable.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("rsigma", &["src/rules.rs", "src/rules/"]),
    ("aws_sdk_s3", &["src/objects.rs"]),
    ("aws_sdk_sns", &["src/sinks/sns.rs"]),
    ("aws_sdk_sqs", &["src/queue.rs"]),
    (
        "aws_sdk_ec2",
        &["src/live_state/aws/", "src/live_state/resources", "src/live_state/session.rs", "src/remediation/aws"],
    ),
    (
        "aws_sdk_iam",
        &["src/live_state/aws/", "src/live_state/resources", "src/live_state/session.rs", "src/remediation/aws"],
    ),
    ("aws_sdk_organizations", &["src/live_state/aws/", "src/remediation/aws"]),
    ("aws_sdk_sts", &["src/aws.rs", "src/live_state/aws/", "src/remediation/aws"]),
    ("aws_sdk_cloudtrail", &["src/remediation/aws"]),
    ("aws_sdk_config", &["src/config_rule/service.rs", "src/remediation/aws"]),
    ("aws_sdk_dynamodb", &["src/sinks/alert_state.rs", "src/sinks/problems.rs", "src/remediation/aws"]),
    ("aws_sdk_eventbridge", &["src/remediation/aws", "src/sinks/event_bus.rs"]),
    ("aws_sdk_guardduty", &["src/remediation/aws"]),
    ("aws_sdk_kms", &["src/remediation/aws"]),
    ("aws_sdk_lambda", &["src/remediation/aws"]),
    ("aws_sdk_sfn", &["src/remediation/aws"]),
    ("aws_sdk_ssm", &["src/remediation/aws", "src/sinks/webhooks/secrets.rs"]),
    ("aws_config", &["src/aws.rs", "src/live_state/aws.rs", "src/live_state/aws/"]),
    ("aws_credential_types", &["src/aws.rs"]),
    ("aws_smithy", &["src/aws.rs", "src/http.rs"]),
    ("aws_types", &["src/aws.rs"]),
    ("lambda_runtime", &["src/bin/bootstrap.rs", "src/bin/remediator.rs"]),
    ("rustls", &["src/aws.rs", "src/http.rs"]),
];

/// `(path from the root, text)` of each Rust file below `src/`.
fn sources() -> Vec<(String, String)> {
    let files = WalkDir::new(root().join("src")).sort_by_file_name().into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .map(|entry| {
            let path = entry.path().strip_prefix(root()).unwrap().display().to_string();
            (path, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

/// The modules of ours that `text` names, by `crate::…`.
fn imports(text: &str) -> BTreeSet<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = code.flat_map(|line| line.split("crate::").skip(1));
    named.filter_map(|rest| rest.split(|one: char| !one.is_ascii_lowercase() && one != '_').next()).collect()
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut seen = BTreeSet::new();
    for (path, text) in sources() {
        // Unit tests of the rules read configuration files, as every binary does.
        if path.starts_with("src/rules/tests") {
            continue;
        }
        let Some(module) = module(&path) else { continue };
        let (_, allowed) = MAY_IMPORT
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module} is not in the table"));
        seen.insert(module.to_owned());
        for import in imports(&text) {
            assert!(import == module || allowed.contains(&import), "{path}: {module} must not import {import}");
        }
    }
    let listed: BTreeSet<String> = MAY_IMPORT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(seen, listed);
}

#[test]
fn modules_of_live_state_import_only_earlier_ones() {
    assert_order("live_state", LIVE_STATE);
}

#[test]
fn modules_of_rules_import_only_earlier_ones() {
    assert_order("rules", RULES);
}

/// Asserts that each module of `room` imports only modules of it that are before it in `order`.
fn assert_order(room: &str, order: &[&str]) {
    let position = |name: &str| order.iter().position(|module| *module == name);
    let (directory, absolute) = (format!("src/{room}/"), format!("crate::{room}::"));
    let mut seen = BTreeSet::new();
    for (path, text) in sources() {
        let Some(inner) = path.strip_prefix(&directory) else { continue };
        let (module, prefixes) = match inner.split_once('/') {
            Some((module, _)) => (module, &[absolute.as_str()][..]),
            None => (inner.strip_suffix(".rs").unwrap(), &[absolute.as_str(), "use super::"][..]),
        };
        // Unit tests of the whole room.
        if module == "tests" {
            continue;
        }
        let own = position(module).unwrap_or_else(|| panic!("{module} is not in the order of {room}"));
        seen.insert(module.to_owned());
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for rest in code.flat_map(|line| prefixes.iter().flat_map(|prefix| line.split(prefix).skip(1))) {
            let import = rest.split(|one: char| !one.is_ascii_lowercase() && one != '_').next().unwrap();
            // A type of the room itself is not a module.
            let allowed = match import {
                "" => {
                    let names = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or(rest);
                    names.split(", ").all(|name| name.starts_with(|one: char| one.is_ascii_uppercase()))
                }
                import => position(import).is_some_and(|import| import <= own),
            };
            assert!(allowed, "{path}: {module} must not import {import}");
        }
    }
    assert_eq!(seen, order.iter().map(|module| (*module).to_owned()).collect());
}

/// `src/facts/trust.rs` belongs to `facts`; the bins, the build script and the crate's root to no module.
fn module(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?;
    match inner.split_once('/') {
        Some(("bin", _)) => None,
        Some((module, _)) => Some(module),
        None => inner.strip_suffix(".rs").filter(|name| !matches!(*name, "lib" | "build")),
    }
}

#[test]
fn some_crates_are_known_to_few_files() {
    for (path, text) in sources() {
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        // Strings contain names of Terraform resource types, such as aws_config_….
        let code: String = code.split('"').step_by(2).collect();
        for (name, files) in ONLY_IN {
            let allowed = files.iter().any(|file| path.starts_with(file));
            assert!(allowed || !code.contains(name), "{path} must not know {name}");
        }
    }
}

/// The documents for people: at the top, in `docs` and beside the Terraform module.
fn documents() -> Vec<PathBuf> {
    let terraform = WalkDir::new(root().join("terraform")).into_iter().map(|entry| entry.unwrap().into_path());
    let all = files(&root()).into_iter().chain(files(&root().join("docs"))).chain(terraform);
    all.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

#[test]
fn paths_named_in_the_documents_exist() {
    let top = ["src", "rules", "fixtures", "tests", "terraform", "benches", "docs", ".github"];
    let mut seen = 0;
    for document in documents() {
        // The changelog names what was there at the time.
        if document.ends_with("CHANGELOG.md") {
            continue;
        }
        let text = fs::read_to_string(&document).unwrap();
        let words = text.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
        for word in words.filter(|word| word.split_once('/').is_some_and(|(head, _)| top.contains(&head))) {
            let path = word.split("::").next().unwrap();
            let concrete = !path.contains(['<', '*', '…', '$']);
            assert!(!concrete || root().join(path).exists(), "{} names {path}, which is missing", document.display());
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

/// The anchors of a Markdown text's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let words = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"));
    words.map(|word| word.chars().filter(|one| one.is_alphanumeric() || matches!(one, '-' | '_')).collect()).collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for found in link.captures_iter(&text) {
            let target = &found[1];
            if target.contains("://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
            assert!(file.exists(), "{} links to {target}", document.display());
            let known = anchor.is_empty() || anchors(&fs::read_to_string(&file).unwrap()).contains(anchor);
            assert!(known, "{} links to {target}, and there is no such heading", document.display());
        }
    }
}
