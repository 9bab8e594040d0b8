//! `trailwarden rules`, `explain` and `facts`, on the built-in rules and on those of a directory.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use trailwarden::rules::{RuleSet, known_calls, operations};

use crate::support::{directory, public_data, root, run, run_in, stderr, stdout, trailwarden};

/// A rule with the name `name`, and lines before and in its detection.
fn rule(name: &str, head: &str, selection: &str) -> String {
    format!(
        "title: T\nname: {name}\n{head}logsource: {{product: aws, service: cloudtrail}}\ndetection:\n  s:\n    {selection}\n  \
         condition: s\nlevel: low\n"
    )
}

#[test]
fn check_lists_diagnostics_of_every_kind_with_their_lines() {
    let vpc = "eventSource: ec2.amazonaws.com\n    eventName: CreateVpc";
    let good = rule("good", "", vpc);
    let event = r#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVpc"}"#;
    let files = [
        ("rules/a-yaml.yml", "title: [\n".to_owned()),
        ("rules/b-structure.yml", "title: T\nlogsource: {product: aws, service: cloudtrail}\nlevel: low\n".to_owned()),
        ("rules/c-modifier.yml", rule("c-modifier", "", "eventName|sounds_like: a")),
        ("rules/d-fact.yml", rule("d-fact", "", "exposure.ingres.world: all")),
        ("rules/e-name.yml", rule("good", "", vpc)),
        ("rules/f-id.yml", rule("f-id", "id: 3f0c2b5e-7a61-4d0e-9b1c-5d8e6f4a2c17\n", vpc)),
        ("rules/g-field.yml", rule("g-field", "", "eventname: CreateVpc")),
        ("rules/h-call.yml", rule("h-call", "", "eventSource: ec2.amazonaws.com\n    eventName: CreateVpcs")),
        (
            "rules/i-never.yml",
            rule("i-never", "", vpc).replace("condition: s", "t: {eventName: DeleteVpc}\n  condition: s and t"),
        ),
        ("rules/j-source.yml", rule("j-source", "", "eventSource: ec2\n    eventName: CreateVpc")),
        ("rules/k-placeholder.yml", rule("k-placeholder", "", "userAgent|expand: '%agents%'")),
        ("rules/l-count.yml", rule("l-count", "", vpc).replace("condition: s", "condition: s | count() > 5")),
        ("rules/m-level.yml", rule("m-level", "", vpc).replace("level: low", "level: loud")),
        ("rules/n-condition.yml", rule("n-condition", "", vpc).replace("condition: s", "condition: s and other")),
        ("rules/p/good.yml", good),
        ("fixtures/rules/good/hit-one.json", event.to_owned()),
        ("fixtures/rules/good/miss-one.json", event.replace("CreateVpc", "DeleteVpc")),
        ("trailwarden.yml", "packs: {q: true}\nrules:\n  goood: {enabled: true}\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let directory = directory(&files);
    let check = ["rules", "check", "DIR/rules", "--config", "DIR/trailwarden.yml"];
    let (code, text, _) = run_in(directory.path(), &check);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text);

    let (code, text, _) = run_in(directory.path(), &[&check[..], &["--format", "json"]].concat());
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, 1);
    let faults = document["faults"].as_array().unwrap();
    assert!(faults.iter().all(|fault| fault["line"].is_number()), "{text}");
    let kinds: Vec<&str> = faults.iter().map(|fault| fault["kind"].as_str().unwrap()).collect();
    for kind in ["error", "unsupported", "warning"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
}

#[test]
fn the_built_in_rules_have_no_diagnostics() {
    for arguments in [&["rules", "check"][..], &["rules", "check", "rules"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    }
    let output = run(&["rules", "test"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let rules = RuleSet::load(&[]).unwrap().rules().len();
    assert!(stdout(&output).starts_with(&format!("{rules} rules, ")), "{}", stdout(&output));
}

#[test]
fn all_diagnostics_of_a_rule_are_reported() {
    let wrong = rule("wrong", "", "eventName|contans: a\n    exposure.ingres.world|strtswith: all\n    evntName: x");
    let directory = directory(&[("rules/wrong.yml", &wrong.replace("title: T\n", ""))]);
    let (_, text, _) = run_in(directory.path(), &["rules", "check", "DIR/rules"]);
    for part in ["`contans`", "`strtswith`", "title", "exposure.ingres.world"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_directory_named_rules_and_the_current_directory_are_checked() {
    let vpc = rule("mine", "", "eventSource: ec2.amazonaws.com\n    eventName: CreateVpc");
    let event = |name: &str| format!(r#"{{"eventSource":"ec2.amazonaws.com","eventName":"{name}"}}"#);
    let (hit, miss) = (event("CreateVpc"), event("DeleteVpc"));
    let directory = directory(&[
        ("rules/mine.yml", vpc.as_str()),
        ("fixtures/rules/mine/hit-a.json", &hit),
        ("fixtures/rules/mine/miss-a.json", &miss),
    ]);
    for (at, named) in [("", "rules"), ("rules", ".")] {
        for command in ["check", "test"] {
            let mut child = trailwarden(&["rules", command, named]);
            let output = child.current_dir(directory.path().join(at)).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{command} {named}: {}{}", stdout(&output), stderr(&output));
            assert!(stdout(&output).contains("1 rule"), "{}", stdout(&output));
        }
    }
    let mut elsewhere = trailwarden(&["rules", "check"]);
    assert_eq!(elsewhere.current_dir(directory.path().join("fixtures")).output().unwrap().status.code(), Some(0));
}

#[test]
fn explain_respects_trusted_accounts() {
    let event = "fixtures/rules/role-trust-external/hit-account.json";
    let explain = |more: &[&str]| stdout(&run(&[&["explain", "--rule", "role-trust-external", event], more].concat()));
    assert!(explain(&[]).contains(": matches"));
    let trusted = explain(&["--trusted-account", "444455556666"]);
    assert!(
        trusted.contains("does not match") && trusted.contains("trust.policy.verdict: external; found scoped"),
        "{trusted}"
    );
}

#[test]
fn fixture_failures_are_explained() {
    let event = |name: &str| format!(r#"{{"eventSource":"ec2.amazonaws.com","eventName":"{name}"}}"#);
    let all = [event("CreateVpc"), event("DeleteVpc")].join("\n");
    let other = event("CreateTags");
    let vpc = rule("mine", "", "eventSource: ec2.amazonaws.com\n    eventName: CreateVpc");
    let twin = rule("twin", "", "eventName: CreateVpc");
    let directory = directory(&[
        ("rules/mine.yml", &vpc),
        ("rules/twin.yml", &twin),
        ("fixtures/rules/mine/hit-both.jsonl", &all),
        ("fixtures/rules/mine/miss-other.json", &other),
        ("fixtures/rules/mine/miss-broken.json", "{"),
        ("fixtures/rules/mine/other.json", &other),
    ]);
    let (code, text, _) = run_in(directory.path(), &["rules", "test", "DIR/rules"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text);
    let (code, text, _) = run_in(directory.path(), &["rules", "test", "DIR/rules", "--format", "json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &document["failed"]), (1, &json!(2)));
    assert_eq!(document["rules"][0]["failures"][0]["trace"]["matched"], false);

    fs::remove_dir_all(directory.path().join("fixtures")).unwrap();
    let (code, _, errors) = run_in(directory.path(), &["rules", "test", "DIR/rules"]);
    assert_eq!(
        (code, errors.as_str()),
        (2, "error: there are no fixtures at DIR/rules/fixtures; use --fixtures to give their directory\n")
    );
}

#[test]
fn explain_shows_values_for_hits_and_misses() {
    let explain = |event: &str| {
        let path = format!("fixtures/rules/sg-ingress-world-admin/{event}.json");
        let output = run(&["explain", "--rule", "sg-ingress-world-admin", &path]);
        assert_eq!(output.status.code(), Some(0));
        stdout(&output)
    };
    insta::assert_snapshot!(explain("hit-items"));
    let other = run(&["explain", "--rule", "sg-ingress-world-admin", "fixtures/rules/trail-stopped/hit-calls.jsonl"]);
    assert!(stdout(&other).contains("does not match"), "{}", stdout(&other));

    let json = run(&["explain", "--rule", "trail-stopped", "--format", "json", "fixtures/rules/trail-stopped"]);
    let documents: Vec<Value> = stdout(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(documents.iter().any(|one| one["matched"] == true) && documents.iter().any(|one| one["matched"] == false));

    let unknown = run(&["explain", "--rule", "trail-stoped", "fixtures/first-run"]);
    assert_eq!(unknown.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&unknown), @"error: there is no rule `trail-stoped` (did you mean `trail-stopped`?)");
}

#[test]
fn explain_escapes_text_from_records() {
    let event = r#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVpc","userAgent":"\u001b[2J\u202e"}"#;
    let agent = rule("agent", "", "userAgent|contains: x\n    eventName: CreateVpc");
    let directory = directory(&[("rules/agent.yml", &agent), ("event.json", event)]);
    for format in ["text", "json"] {
        let arguments = ["explain", "--rules", "DIR/rules", "--rule", "agent", "DIR/event.json", "--format", format];
        let (code, text, _) = run_in(directory.path(), &arguments);
        assert_eq!(code, 0);
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && text.contains("[2J"), "{text:?}");
    }
}

#[test]
fn explanations_use_the_source_of_the_rule() {
    let event = r#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVpc","userAgent":"aws-cli/2.15",
        "requestParameters":{"list":[{"k":"v"},{"k":""}]}}"#;
    let items = "userAgent: 'aws-cli/*'\n    eventName|cased: [CreateVpc, 'Delete*']\n    awsRegion|re|i: '^eu-'\n    \
                 errorCode|neq: [null, a]\n    readOnly: false\n    requestParameters.list[any]: {k|contains|all: [v, w]}";
    let rule = rule("words", "", items).replace("name: words", "name: words\nsigma-version: 3");
    let directory = directory(&[("rules/words.yml", &rule), ("event.json", &event.replace('\n', ""))]);
    let (_, text, _) =
        run_in(directory.path(), &["explain", "--rules", "DIR/rules", "--rule", "words", "DIR/event.json"]);
    insta::assert_snapshot!(text, @"
    DIR/event.json:1: CreateVpc of ec2.amazonaws.com, event unknown: does not match
    no  words
    no    s
    yes     userAgent: 'aws-cli/*'; found aws-cli/2.15
    yes     eventName|cased: [CreateVpc, 'Delete*']; found CreateVpc
    no      awsRegion|re|i: '^eu-'; absent
    no      errorCode|neq: [null, a]; absent
    no      readOnly: false; absent
    no      any of requestParameters.list: 0 of 2 held
    no        requestParameters.list[0]
    no          k|contains|all: [v, w]; found v
    no        requestParameters.list[1]
    no          k|contains|all: [v, w]; found an empty string
    ");
}

#[test]
fn evaluate_explains_findings_on_request() {
    let hit = "fixtures/rules/trail-stopped/hit-calls.jsonl";
    let text = stdout(&run(&["evaluate", "--explain", hit]));
    assert!(
        text.contains("yes trail-stopped")
            && text.contains("eventName|cased: [StopLogging, DeleteTrail]; found StopLogging"),
        "{text}"
    );
    assert!(!stdout(&run(&["evaluate", hit])).contains("yes trail-stopped"));
    let line = stdout(&run(&["evaluate", "--explain", "--format", "ocsf", hit]));
    let document: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(document["unmapped"]["explain"]["what"], "trail-stopped");
}

#[test]
fn list_and_show_snapshots() {
    let output = run(&["rules", "list"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(stdout(&output));
    let rules: Value = serde_json::from_str(&stdout(&run(&["rules", "list", "--format", "json"]))).unwrap();
    let loaded = RuleSet::load(&[]).unwrap();
    assert_eq!(rules.as_array().unwrap().len(), loaded.rules().len());
    assert!(rules[0]["calls"].as_str().unwrap().starts_with("ec2.amazonaws.com: AcceptTransitGatewayVpcAttachment"));
    insta::assert_snapshot!(stdout(&run(&["rules", "show", "igw-attached"])));
    let unknown = run(&["rules", "show", "igw-attachd"]);
    assert_eq!(unknown.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&unknown), @"error: there is no rule `igw-attachd` (did you mean `igw-attached`?)");
}

#[test]
fn coverage_lists_calls_that_blocked_actions_omit() {
    let only_the_list = "packs: {exposure: false, trust: false, tamper: false, data-events: false}\n";
    let directory = directory(&[("trailwarden.yml", only_the_list)]);
    let (code, text, _) =
        run_in(directory.path(), &["rules", "coverage", "--config", "DIR/trailwarden.yml", "--format", "json"]);
    assert_eq!(code, 0);
    let coverage: Value = serde_json::from_str(&text).unwrap();
    let unwatched: Vec<&str> =
        coverage["unwatched"].as_array().unwrap().iter().map(|one| one["call"].as_str().unwrap()).collect();
    for call in ["CreateRoute", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", "StopLogging"] {
        assert!(unwatched.contains(&call), "{call} is not among {unwatched:?}");
    }
    // A rule only lists this call.
    let vpc = coverage["unwatched"].as_array().unwrap().iter().find(|one| one["call"] == "CreateDefaultVpc").unwrap();
    assert_eq!((&vpc["listed_by"], &vpc["class"]), (&json!(["blocked-action"]), &json!("reachability")));
    assert!(vpc["off"].as_array().unwrap().contains(&json!("default-vpc-created")), "{vpc}");
    assert_eq!(coverage["techniques"]["T1578"], json!(["blocked-action"]));
    let text = stdout(&run(&["rules", "coverage"]));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn every_mutating_ec2_operation_has_one_class() {
    let reads = ["Describe", "Get", "List", "Search"];
    let known: BTreeSet<&str> =
        known_calls().filter(|(source, _)| *source == "ec2.amazonaws.com").map(|(_, call)| call).collect();
    let logged_alone = [
        "BidEvictedEvent",
        "DeleteLocalGatewayRouteTablePermission",
        "DisassociateVerifiedAccessInstanceWebAcl",
        "SharedSnapshotCopyInitiated",
        "SharedSnapshotVolumeCreated",
    ];
    let changing: BTreeSet<&str> = known
        .into_iter()
        .filter(|call| !reads.iter().any(|read| call.starts_with(read)) && !logged_alone.contains(call))
        .collect();
    let classed: Vec<&str> =
        operations().filter(|one| one.service == "ec2.amazonaws.com").map(|one| one.call).collect();
    assert_eq!(classed.len(), classed.iter().collect::<BTreeSet<_>>().len(), "a call has two classes");
    assert_eq!(classed.into_iter().collect::<BTreeSet<_>>(), changing);
    let names: BTreeSet<(&str, &str)> = known_calls().collect();
    for one in operations() {
        assert!(names.contains(&(one.service, one.call)), "{one:?} is not a call that is known");
        assert!(!one.reason.is_empty() && one.reason.len() <= 72, "{one:?}");
    }
}

#[test]
fn the_rule_reference_is_current() {
    let written = fs::read_to_string(root().join("rules/README.md")).unwrap();
    let now = stdout(&run(&["rules", "reference"]));
    assert!(written == now, "rules/README.md is stale: run `tests/refresh`");
    for rule in RuleSet::load(&[]).unwrap().infos() {
        assert!(now.contains(&format!("### `{}`", rule.name)), "{}", rule.name);
    }
}

#[test]
fn every_fact_is_listed() {
    let text = stdout(&run(&["facts"]));
    for fact in trailwarden::facts::FACTS {
        assert!(text.contains(fact.name) && text.contains(fact.doc), "{}", fact.name);
    }
}

#[test]
#[ignore = "needs public data"]
fn unsupported_rules_are_rejected_or_skipped_and_others_run() {
    let (sigma, event) = (public_data("sigma").display().to_string(), "fixtures/rules/trail-stopped/hit-calls.jsonl");
    let rejected = run(&["evaluate", "--rules", &sigma, event]);
    assert_eq!(rejected.status.code(), Some(2));
    assert!(
        stderr(&rejected).contains("rejected: ") && stderr(&rejected).contains("susp_locations"),
        "{}",
        stderr(&rejected)
    );
    assert!(stdout(&rejected).contains("aws_cloudtrail_disable_logging"), "{}", stdout(&rejected));
    let skipped = run(&["evaluate", "--rules", &sigma, "--allow-unsupported", event]);
    assert_eq!(skipped.status.code(), Some(1));
    assert!(stderr(&skipped).contains("skipped: "), "{}", stderr(&skipped));
}

/// A rule written from an event passes its own checks and tests, also when values contain wildcards and quotes.
#[test]
fn a_new_rule_matches_its_event_and_not_the_call_that_failed() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let event = json!({
        "eventVersion": "1.11",
        "eventID": "7c9b1d52-0b5e-4d0c-a1a4-4f1d0c6a9d11",
        "eventTime": "2026-03-04T10:00:00Z",
        "eventSource": "ssm.amazonaws.com",
        "eventName": "ModifyDocumentPermission",
        "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333",
        "requestParameters": {
            "name": "ro\\ta?te-*\": 'pass' #{word} \u{202e}%x%",
            "permissionType": "Share",
            "count": 3,
            "is": {"very": {"deep": true}},
            "accountIdsToAdd": ["all"],
        },
    });
    fs::write(path("event.json"), json!({"Records": [event]}).to_string()).unwrap();
    let new = |name: &str| run(&["rules", "new", name, "--from", &path("event.json"), "--rules", &path("rules")]);
    let output = new("document-shared");
    assert_eq!((stderr(&output).as_str(), output.status.code()), ("", Some(0)));
    let text = fs::read_to_string(path("rules/document-shared.yml")).unwrap();
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("id: ")).collect();
    insta::assert_snapshot!(text.join("\n"), @r##"
    title: "ModifyDocumentPermission was called"
    name: document-shared
    status: experimental
    description: |
      Why the call is a problem, and what it allows.
    logsource: {product: aws, service: cloudtrail}
    detection:
      call:
        eventSource: "ssm.amazonaws.com"
        eventName|cased: "ModifyDocumentPermission"
      # Keep the parameters that make the call worth a finding.
      parameters:
        requestParameters.count: 3
        requestParameters.is.very.deep: true
        requestParameters.name: "ro\\\\ta\\?te-\\*\": 'pass' #{word} \u202e%x%"
        requestParameters.permissionType: "Share"
      failed:
        errorCode: '?*'
      condition: call and parameters and not failed
    falsepositives:
      - When the call is harmless.
    level: medium
    trailwarden:
      message: "{actor} called {eventName} on {resource} in {region}."
      resource:
        - type: AWS
          id: requestParameters.name
    "##);
    for command in ["check", "test"] {
        let output = run(&["rules", command, &path("rules")]);
        assert_eq!(output.status.code(), Some(0), "{command}: {}{}", stdout(&output), stderr(&output));
    }
    let output = new("document-shared");
    assert!(stderr(&output).contains("document-shared.yml exists") && output.status.code() == Some(2));
    assert_eq!(new("Not a name").status.code(), Some(2));
    fs::write(path("event.json"), "{}").unwrap();
    let output = new("another");
    assert!(stderr(&output).contains("event.json: ") && output.status.code() == Some(2), "{}", stderr(&output));
}
