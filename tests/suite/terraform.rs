//! The Terraform module's documentation, lists and policies agree with the code.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;

use crate::support::{generated, root, rule_fixtures};

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

/// The quoted words of the list `name` in terraform/tampering.tf.
pub(crate) fn tampering_list(name: &str) -> BTreeSet<String> {
    let text = read("terraform/tampering.tf");
    let (_, list) = text.split_once(&format!("\n  {name} = [\n")).unwrap();
    let (list, _) = list.split_once(']').unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The parameters by which EventBridge sees a part of the deployment: the keys of four objects in terraform/tampering.tf.
pub(crate) fn tampering_parameters() -> BTreeSet<String> {
    let text = read("terraform/tampering.tf");
    let key = Regex::new(r"(?m)^ {4,6}(\w+) += ").unwrap();
    let begins = [
        "tampering_targets = {",
        "tampering_inputs = {",
        "tampering_stores = merge(",
        "tampering_watchers = {",
        "tampering_remediation = {",
    ];
    let objects = begins.map(|begin| {
        let (_, object) = text.split_once(&format!("\n  {begin}\n")).unwrap();
        object.split("\n  }\n").next().unwrap().split("\n  )\n").next().unwrap()
    });
    let found = objects.iter().flat_map(|object| key.captures_iter(object)).map(|found| found[1].to_owned());
    found.chain(["bucketName".to_owned()]).collect()
}

/// Whether EventBridge sees the function in the response of a call on an event source mapping.
pub(crate) fn names_function_of_mapping(call: &str, response: &serde_json::Value) -> bool {
    let text = read("terraform/tampering.tf");
    let (_, list) = text.split_once("\n  tampering_mapping_calls = [").unwrap();
    let begin = Regex::new(r#"\{ prefix = "(\w+)" \}"#).unwrap();
    let mut begins = begin.captures_iter(list.split(']').next().unwrap());
    response.get("functionArn").is_some() && begins.any(|found| call.starts_with(&found[1]))
}

#[test]
fn eventbridge_leaves_out_the_calls_that_the_rule_takes_for_harmless() {
    let rule = read("rules/tamper/own-resource-changed.yml");
    let (_, list) = rule.split_once("  harmless:\n    call.operation|cased:\n").unwrap();
    let lines = list.lines().take_while(|line| line.starts_with("      "));
    let harmless: BTreeSet<String> =
        lines.filter_map(|line| line.strip_prefix("      - ")).map(str::to_owned).collect();
    let both = [tampering_list("tampering_harmless"), tampering_list("tampering_harmless_to_watchers")];
    assert!(both[0].is_disjoint(&both[1]));
    assert_eq!(&both[0] | &both[1], harmless);
}

/// Calls on own resources that only the log group shows: EventBridge would have to look for names in places where it cannot,
/// or the module has no such resource.
const BY_LOG_GROUP_ALONE: [&str; 12] = [
    "AddTagsToResource",
    "CreateEventDataStore",
    "CreatePipe",
    "PublishLayerVersion20181031",
    "PutCompositeAlarm",
    "PutDashboard",
    "PutDestinationPolicy",
    "RemoveTagsFromResource",
    "ReplicateKey",
    "RetireGrant",
    "TagResources",
    "UntagResources",
];

#[test]
fn eventbridge_sees_the_calls_that_the_rules_about_own_resources_report() {
    let (parameters, trail_calls) = (tampering_parameters(), tampering_list("tampering_trail_calls"));
    let harmless = &tampering_list("tampering_harmless") | &tampering_list("tampering_harmless_to_watchers");
    let mut unseen = BTreeSet::new();
    for hit in rule_fixtures() {
        let is_own = hit.rule.starts_with("own-") || ["trail-stopped", "trail-weakened"].contains(&hit.rule.as_str());
        if !is_own || !hit.name.starts_with("hit") {
            continue;
        }
        let event: serde_json::Value = serde_json::from_str(&hit.text).unwrap();
        let call = event["eventName"].as_str().unwrap();
        assert!(!harmless.contains(call), "{call}");
        let named = event["requestParameters"].as_object();
        let is_seen = trail_calls.contains(call)
            || names_function_of_mapping(call, &event["responseElements"])
            || named.is_some_and(|members| members.keys().any(|parameter| parameters.contains(parameter)));
        if !is_seen {
            unseen.insert(call.to_owned());
        }
    }
    let known: BTreeSet<String> = BY_LOG_GROUP_ALONE.map(str::to_owned).into();
    assert!(unseen.is_subset(&known), "{:?}", unseen.difference(&known));
}

/// The JSON documents in docs/security.md: the service control policy and the permissions boundary.
fn protection_policies() -> Vec<serde_json::Value> {
    let text = read("docs/security.md");
    let blocks = text.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap()).collect()
}

/// The actions and resources that a policy denies.
fn denied(policy: &serde_json::Value) -> BTreeSet<(String, String)> {
    let strings = |value: &serde_json::Value| match value {
        serde_json::Value::String(one) => vec![one.clone()],
        several => several.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
    };
    let statements = policy["Statement"].as_array().unwrap().iter().filter(|statement| statement["Effect"] == "Deny");
    let pairs = statements.flat_map(|statement| {
        let resources = strings(&statement["Resource"]);
        let actions = strings(&statement["Action"]);
        actions.into_iter().flat_map(move |action| {
            resources.clone().into_iter().map(move |resource| (action.clone(), resource)).collect::<Vec<_>>()
        })
    });
    pairs.collect()
}

#[test]
fn the_policies_to_copy_fit_and_protect_the_same() {
    let policies = protection_policies();
    let [control, boundary] = policies.as_slice() else { panic!("{} documents", policies.len()) };
    // https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
    assert!(control.to_string().len() <= 5_120);
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert!(boundary.to_string().len() <= 6_144);
    assert!(denied(control).is_subset(&denied(boundary)));
    for statement in control["Statement"].as_array().unwrap() {
        assert!(statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"].is_array(), "{statement}");
    }
}

#[test]
fn each_promise_of_the_threat_model_has_a_test() {
    let test = Regex::new(r"`([\w/.-]+)::(\w+)`").unwrap();
    let text = read("docs/security.md");
    let (_, promises) = text.split_once("\n## Promises\n").unwrap();
    let (promises, _) = promises.split_once("\n## ").unwrap();
    for promise in promises.lines().filter(|line| line.starts_with("| ")).skip(1) {
        assert!(test.is_match(promise), "{promise}");
        for named in test.captures_iter(promise) {
            assert!(read(&named[1]).contains(&named[2]), "{}", &named[0]);
        }
    }
}

#[test]
fn live_state_may_do_what_it_does_and_no_more() {
    let actions = serde_json::to_string_pretty(&trailwarden::live_state::resources::actions()).unwrap() + "\n";
    generated("terraform/modules/live-state-policy/actions.json", &actions);
}
