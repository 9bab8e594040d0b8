mod budget;
mod builtin;
mod call_patterns;
mod configuration;
mod evidence;
mod not_empty;
mod success;

use std::path::Path;

use proptest::prelude::*;
use rsigma_eval::{Event as _, JsonEvent};

use super::*;
use crate::finding::Severity;

/// The diagnostics of one file called `r.yml`, beside the built-in rules.
fn diagnostics(text: &str) -> String {
    let mut files = files::builtin();
    files.push(RuleFile::new(Path::new(""), Path::new("r.yml"), text.to_owned()));
    RuleSet::compile(&files, &Options::default(), Vec::new())
        .map(|_| "none".to_owned())
        .unwrap_or_else(|diagnostics| diagnostics.to_string())
}

fn rule_with(head: &str, detection: &str) -> String {
    format!("title: T\n{head}\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n{detection}\n")
}

const SELECTION: &str = "  s:\n    eventName: A\n  condition: s";

fn matches(detection: &str, json: &str) -> Vec<Finding> {
    let file = RuleFile::new(Path::new(""), Path::new("r.yml"), rule_with("sigma-version: 3", detection));
    RuleSet::compile(&[file], &Options::default(), Vec::new()).unwrap().evaluate(&Event::parse(json).unwrap())
}

#[test]
fn the_built_in_rules_load() {
    assert!(RuleSet::load(&[]).unwrap().infos().count() >= 4);
}

#[test]
fn invalid_rules_have_clear_diagnostics() {
    let attribute = |attributes: &str| rule_with(&format!("trailwarden: {attributes}"), SELECTION);
    let reported: Vec<String> = [
        String::new(),
        "title: [".to_owned(),
        "- a list".to_owned(),
        "title: T".to_owned(),
        rule_with("", "  s:\n    eventName: A\n  condition: s and other"),
        rule_with("", "  s:\n    eventName: A\n  condition: s and ("),
        rule_with("", "  s:\n    eventName|sounds_like: A\n  condition: s"),
        rule_with("", "  s:\n    eventName|re: '('\n  condition: s"),
        rule_with("", "  s:\n    eventName|expand: '%names%'\n  condition: s"),
        rule_with("", "  s:\n    eventName: A\n  timeframe: 5m\n  condition: s"),
        rule_with("", "  s:\n    exposure.egress: world\n  condition: s"),
        rule_with("sigma-version: 3", "  s:\n    trust.granted[any]:\n      verdict: public\n  condition: s"),
        rule_with("name: blocked-action", SELECTION),
        rule_with("id: 3F0C2B5E-7A61-4D0E-9B1C-5D8E6F4A2C17", SELECTION),
        rule_with("", SELECTION).replace("cloudtrail", "vpcflow"),
        "title: T\nlogsource: {product: windows}\ndetection:\n  s:\n    a: b\n  condition: s\n".to_owned(),
        attribute("{mesage: x}"),
        attribute("{message: 'who {actor'}"),
        attribute("{message: '{}'}"),
        attribute("{message: '{exposure.inbound}'}"),
        attribute("{status: MAYBE}"),
        attribute("{message: 'a } alone'}"),
        attribute("{confirm: maybe}"),
        attribute("{raised: {when: other, level: high}}"),
        rule_with("", "  s:\n    eventName: A\n  condition: s | count() by userIdentity.arn > 5"),
        attribute("{undecided: {when: other}}"),
        attribute("{undecided: {when: s, message: '{exposure.inbound}'}}"),
        attribute("{resource: [{fact: ec2.resource}]}"),
        attribute("{resource: [{id: a}]}"),
        "title: T\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [b]\n  timespan: 1m\n  condition: {gte: 3}\n"
            .to_owned(),
    ]
    .iter()
    .map(|text| diagnostics(text))
    .collect();
    insta::assert_snapshot!(reported.join("\n"));
}

#[test]
fn every_diagnostic_is_reported_not_only_the_first() {
    let two = rule_with("name: two\ntrailwarden: {status: MAYBE}", "  s:\n    trust.x: y\n  condition: s");
    assert_eq!(diagnostics(&two).lines().count(), 2, "{}", diagnostics(&two));
}

#[test]
fn third_party_rules_need_no_name_or_attributes() {
    let two = format!("{}---\n{}", rule_with("", SELECTION), rule_with("", SELECTION));
    let files = [RuleFile::new(Path::new(""), Path::new("some_rule.yml"), two)];
    let set = RuleSet::compile(&files, &Options::default(), Vec::new()).unwrap();
    let event = Event::parse(r#"{"eventName":"A","eventSource":"ec2.amazonaws.com"}"#).unwrap();
    let findings = set.evaluate(&event);
    let names: Vec<&str> = findings.iter().map(|finding| finding.rule.name.as_str()).collect();
    assert_eq!(names, ["some_rule", "some_rule-2"]);
    insta::assert_snapshot!(findings[0].message, @"an unnamed caller called A of ec2.amazonaws.com: T.");
    insta::assert_snapshot!(findings[0].remediation, @"Ask an unnamed caller whether this was meant, and undo it if it was not.");
    assert_eq!(findings[0].rule.severity, Severity::Medium);
}

#[test]
fn third_party_rules_get_names_without_special_characters() {
    let named = rule_with("name: Two words / ü", SELECTION);
    let file = |path: &str, text: &str| RuleFile::new(Path::new(""), Path::new(path), text.to_owned());
    let unnamed = rule_with("", SELECTION);
    let files =
        [file("a/r.yml", &unnamed), file("b/r.yml", &unnamed), file("c.yml", &named), file("d e.yml", &unnamed)];
    let set = RuleSet::compile(&files, &Options::default(), Vec::new()).unwrap();
    let names: Vec<&str> = set.infos().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["r", "r-2", "Two-words----", "d-e"]);
}

#[test]
fn a_directory_without_rules_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let reported = RuleSet::load(&[directory.path().to_owned(), directory.path().join("absent")]).unwrap_err();
    assert_eq!(reported.0.len(), 2, "{reported}");
}

#[test]
fn templates_are_filled_from_the_record_and_shortened() {
    let rule = "trailwarden:\n  message: '{actor} {a.list} {a.flag} {a.missing} {a.gone|nothing} {a.long}'\n  \
                remediation: 'run {a.name} {a.list}'";
    let file = RuleFile::new(Path::new(""), Path::new("r.yml"), rule_with(rule, SELECTION));
    let long = "x".repeat(400);
    let json = format!(
        r#"{{"eventName":"A","userIdentity":{{"userName":"eve\u001b[31m"}},
            "a":{{"list":[1,2,3,4,5,6,7],"flag":true,"name":"$(id)","long":"{long}"}}}}"#
    );
    let finding = RuleSet::compile(&[file], &Options::default(), Vec::new())
        .unwrap()
        .evaluate(&Event::parse(&json).unwrap())
        .remove(0);
    insta::assert_snapshot!(finding.message, @r"eve\u{1b}[31m 1, 2, 3, 4, 5 and 2 more true unknown nothing xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    insta::assert_snapshot!(finding.remediation, @"run $(id) 1, 2, 3, 4, 5 and 2 more");
}

#[test]
fn evidence_contains_matching_clauses_and_no_excluded_ones() {
    let detection = "  call:\n    eventName:\n      - A\n      - B\n    requestParameters.port|gte: 20\n  other:\n    \
                     eventName: B\n  failed:\n    errorCode|exists: true\n  none:\n    userAgent: null\n  \
                     condition: (call or other) and none and not failed";
    let findings = matches(detection, r#"{"eventName":"A","requestParameters":{"port":22}}"#);
    let reported: Vec<&str> = findings[0].evidence.iter().map(|clause| clause.text.as_str()).collect();
    insta::assert_snapshot!(reported.join("\n"), @"
    eventName is A
    port is 22
    userAgent is absent
    ");
}

#[test]
fn evidence_of_a_keyword_names_no_field() {
    for detection in ["  s: [tool]\n  condition: s", "  s: [none]\n  t:\n    '|all': [tool]\n  condition: s or t"] {
        let findings = matches(detection, r#"{"eventName":"A","userAgent":"a tool of theirs"}"#);
        let reported: Vec<&str> = findings[0].evidence.iter().map(|clause| clause.text.as_str()).collect();
        assert_eq!(reported, ["the record contains a keyword of the rule"], "{detection}");
    }
}

#[test]
fn facts_and_fields_can_be_combined() {
    let json = r#"{"eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","awsRegion":"eu-west-1",
                   "requestParameters":{"groupId":"sg-1","ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"::/0"}}"#;
    for (detection, expected) in [
        (
            "  s:\n    awsRegion: eu-*\n    exposure.ingress.entries[any]:\n      reach: world\n      from_port: 22\n  condition: s",
            1,
        ),
        ("  s:\n    exposure.ingress.entries[any]:\n      reach: world\n      from_port: 23\n  condition: s", 0),
        ("  s:\n    exposure.ingress.entries[0].reach: world\n  condition: s", 1),
        ("  s:\n    exposure.ingress.entries.protocol: TCP\n  condition: s", 1),
        ("  s:\n    ec2.request.GroupId: sg-1\n    ec2.request.fromPort|gte: 22\n  condition: s", 1),
        ("  s:\n    ec2.request.toPort|gt: 22\n  condition: s", 0),
        ("  s:\n    trust.policy.verdict: public\n  condition: s", 0),
        ("  s:\n    trust.policy: null\n  condition: s", 1),
        ("  s:\n    - '*groupid*'\n    - sg-1\n  condition: s", 1),
    ] {
        assert_eq!(matches(detection, json).len(), expected, "{detection}");
    }
}

/// JSON of some depth, with keys that paths use.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "[a-c*]{0,3}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[abc]|a\\[|b\\]", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// The JSON event of `rsigma-eval` is the oracle for our look-up of fields.
    #[test]
    fn field_lookup_agrees_with_another_evaluator(
        inner in json(),
        path in r"[abc](\[-?[0-2]\])?(\.([abc]|a\\\[|b\\\]|x)(\[-?[0-2]\])?){0,4}",
    ) {
        let document = serde_json::json!({"eventName": "A", "a": inner, "b": [inner], "c": {"a": inner}});
        let text = document.to_string();
        let event = Event::parse(&text).unwrap();
        let subject = Subject::new(&event);
        let mut ours: Vec<serde_json::Value> = subject.select(&path).into_iter().map(Into::into).collect();
        let ours = if ours.len() > 1 { Some(ours.into()) } else { ours.pop() };
        let theirs = JsonEvent::borrow(&document);
        prop_assert_eq!(ours, theirs.get_field(&path).map(|value| value.to_json()), "{} in {}", path, document);
    }
}
