//! The calls a rule can match.

use proptest::prelude::*;

use super::configuration::configured;
use super::*;

#[test]
fn call_patterns_are_extracted_from_detections() {
    let reported: Vec<String> = [
        "  s:\n    eventSource: ec2.amazonaws.com\n    eventName: [CreateVpc, DeleteVpc]\n  condition: s",
        "  s:\n    eventSource: ec2.amazonaws.com\n  t:\n    eventName|startswith: Create\n  condition: s and t",
        "  s:\n    eventName: A\n  t:\n    eventName: B\n  condition: s or t",
        "  s:\n    eventName: A\n  t:\n    eventName: B\n  condition: s and t",
        "  s:\n    eventName: Create*\n  t:\n    eventName: [CreateVpc, DeleteVpc]\n  condition: all of them",
        "  s_1:\n    eventName: A\n  s_2:\n    eventName: B\n  f:\n    eventName: C\n  condition: 1 of s_* and not f",
        "  s:\n    eventName|re: '^A'\n  condition: s",
        "  s:\n    userAgent|contains: x\n  condition: s",
        "  s:\n    - eventName: A\n      eventSource: a\n    - eventName: B\n  condition: s",
        "  s:\n    exposure.route.entries[any]:\n      reach: world\n  condition: s",
        "  s:\n    trust.policy: null\n  condition: s",
        "  s:\n    call.operation: DeleteFunction\n    eventSource: lambda.amazonaws.com\n  condition: s",
        "  s:\n    call.target.names|expand: '%own_roles%'\n  condition: s",
    ]
    .iter()
    .map(|detection| {
        let rules = rule_with("name: r\nsigma-version: 3", detection);
        configured(&rules, "").unwrap().rules()[0].call_patterns().to_string()
    })
    .collect();
    insta::assert_snapshot!(reported.join("\n"), @"
    ec2.amazonaws.com: CreateVpc, DeleteVpc
    ec2.amazonaws.com: Create*
    any service: A; any service: B
    none
    any service: CreateVpc
    any service: A; any service: B
    any service: any call
    any service: any call
    a: A; any service: B
    ec2.amazonaws.com: CreateRoute, ReplaceRoute
    any service: any call
    lambda.amazonaws.com: DeleteFunction, DeleteFunction20*
    none
    ");
}

proptest! {
    /// A rule only matches calls in its call patterns, for every shape of condition.
    #[test]
    fn no_rule_matches_outside_its_call_patterns(
        shape in prop::sample::select(vec![
            "s and t", "s or t", "s and not t", "0 of s*", "not s", "1 of them", "all of them", "1 of s*", "not (s or t)",
            "s or (t and not s)",
        ]),
        s in selection(), t in selection(),
        source in prop::sample::select(vec!["ec2.amazonaws.com", "IAM.amazonaws.com", "x"]),
        name in prop::sample::select(vec!["CreateVpc", "createvpc", "DeleteVpc", "Create", "x*"]),
    ) {
        let rules = rule_with("name: r", &format!("  s:\n{s}  t:\n{t}  condition: {shape}"));
        let set = configured(&rules, "placeholders: {own_roles: [CreateVpc]}").unwrap();
        let event = serde_json::json!({"eventSource": source, "eventName": name}).to_string();
        // `explain` does not use call patterns.
        if set.explain("r", &Event::parse(&event).unwrap()).unwrap().matched {
            let call_patterns = set.rules()[0].call_patterns();
            prop_assert!(call_patterns.matches(source, name), "{source} {name} is not among {call_patterns} of {rules}");
        }
    }
}

#[test]
fn names_that_are_not_ascii_strings_are_compared_by_the_evaluator() {
    let rules = rule_with("name: r", "  s:\n    eventSource: kms.amazonaws.com\n    eventName: PutKey\n  condition: s");
    let set = configured(&rules, "").unwrap();
    let mut hits = 0;
    for name in [r#""PutKey""#, r#""putkey""#, r#""Put\u212aey""#, r#"["Other","PutKey"]"#, "null", "5", r#""Other""#] {
        for source in [r#""kms.amazonaws.com""#, r#""KMS.amazonaws.com""#, r#"["kms.amazonaws.com"]"#, "null"] {
            let json = format!(r#"{{"eventSource":{source},"eventName":{name}}}"#);
            let event = Event::parse(&json).unwrap();
            let is_hit = set.explain("r", &event).unwrap().matched;
            assert_eq!(set.evaluate(&event).len(), usize::from(is_hit), "{json}");
            hits += usize::from(is_hit);
        }
    }
    assert_eq!(hits, 12);
}

/// Generates a selection on names, as YAML.
fn selection() -> impl Strategy<Value = String> {
    let item = prop::sample::select(vec![
        "eventSource: ec2.amazonaws.com",
        "eventSource: [ec2.amazonaws.com, iam.amazonaws.com]",
        "eventSource|startswith: ec2",
        "eventName: CreateVpc",
        "eventName|cased: CreateVpc",
        "eventName: [Create*, 'Delete???']",
        "eventName|contains|all: [Create, Vpc]",
        "eventName|endswith: Vpc",
        "eventName|expand: '%own_roles%'",
        "eventName|expand: '%own_topics%'",
        "eventName|expand|neq: '%own_topics%'",
        "call.operation|neq|expand: '%own_topics%'",
        "eventName|re: '^C'",
        "eventName|exists: true",
        "eventName: null",
        "eventName: 'x\\\\*'",
        "call.operation: CreateVpc",
        "awsRegion: null",
        "ec2.request.x|exists: 'no'",
        "ec2.request.x|exists: false",
    ]);
    let items = || {
        prop::collection::vec(item.clone(), 1..3).prop_map(|mut items| {
            items.sort_unstable_by_key(|item| item.split(':').next());
            items.dedup_by_key(|item| item.split(':').next());
            items
        })
    };
    prop_oneof![
        items().prop_map(|items| items.iter().map(|item| format!("    {item}\n")).collect::<String>()),
        prop::collection::vec(items(), 1..3).prop_map(|maps| {
            maps.iter().map(|items| format!("    - {}\n", items.join("\n      "))).collect::<String>()
        }),
    ]
}
