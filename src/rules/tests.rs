use std::path::Path;

use proptest::prelude::*;
use rsigma_eval::{Event as _, JsonEvent};

use super::*;
use crate::finding::Severity;

/// The faults of one file called `r.yml`, beside the built-in rules.
fn faults(text: &str) -> String {
    let mut files = files::builtin();
    files.push(RuleFile::new(Path::new(""), Path::new("r.yml"), text.to_owned()));
    RuleSet::compile(&files, &Options::default(), Vec::new())
        .map(|_| "none".to_owned())
        .unwrap_or_else(|faults| faults.to_string())
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
fn the_built_in_rules_can_be_used() {
    assert!(RuleSet::load(&[]).unwrap().infos().count() >= 4);
}

#[test]
fn a_rule_that_cannot_be_used_says_why() {
    let attribute = |attributes: &str| rule_with(&format!("trailwarden: {attributes}"), SELECTION);
    let told: Vec<String> = [
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
    .map(|text| faults(text))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_fault_is_reported_not_only_the_first() {
    let two = rule_with("name: two\ntrailwarden: {status: MAYBE}", "  s:\n    trust.x: y\n  condition: s");
    assert_eq!(faults(&two).lines().count(), 2, "{}", faults(&two));
}

#[test]
fn a_rule_of_others_needs_no_name_and_no_attributes_of_ours() {
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
fn rules_of_others_get_names_that_can_be_written() {
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
fn a_directory_without_rules_is_a_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let told = RuleSet::load(&[directory.path().to_owned(), directory.path().join("absent")]).unwrap_err();
    assert_eq!(told.0.len(), 2, "{told}");
}

#[test]
fn sentences_are_filled_from_the_record_and_shortened() {
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
fn evidence_is_what_held_and_not_what_was_excluded() {
    let detection = "  call:\n    eventName:\n      - A\n      - B\n    requestParameters.port|gte: 20\n  other:\n    \
                     eventName: B\n  failed:\n    errorCode|exists: true\n  none:\n    userAgent: null\n  \
                     condition: (call or other) and none and not failed";
    let findings = matches(detection, r#"{"eventName":"A","requestParameters":{"port":22}}"#);
    let told: Vec<&str> = findings[0].evidence.iter().map(|clause| clause.text.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    eventName is A
    requestParameters.port is 22
    userAgent is absent
    ");
}

#[test]
fn facts_and_fields_stand_side_by_side() {
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

/// The rules of one file in the pack `p`, as the configuration file says.
fn configured(rules: &str, settings: &str) -> Result<RuleSet, RuleFaults> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trailwarden.yml");
    std::fs::write(&path, settings).unwrap();
    let file = RuleFile::new(Path::new("r"), Path::new("r/p/r.yml"), rules.to_owned());
    let shorter = |fault: RuleFault| RuleFault { file: "trailwarden.yml".to_owned(), ..fault };
    let settings = Settings::read(&path).map_err(|fault| RuleFaults(vec![shorter(fault)]))?;
    let result = RuleSet::compile(&[file], &Options { settings, ..Options::default() }, Vec::new());
    result.map_err(|RuleFaults(faults)| {
        let is_rule = |fault: &RuleFault| fault.file.starts_with("r/");
        RuleFaults(faults.into_iter().map(|fault| if is_rule(&fault) { fault } else { shorter(fault) }).collect())
    })
}

fn names_found(set: &RuleSet, json: &str) -> Vec<(String, Severity)> {
    let findings = set.evaluate(&Event::parse(json).unwrap());
    findings.iter().map(|finding| (finding.rule.name.clone(), finding.rule.severity)).collect()
}

#[test]
fn rules_and_packs_are_switched_and_levels_set() {
    let off = rule_with("name: off\nlevel: low\ntrailwarden: {enabled: false}", SELECTION);
    let on = rule_with("name: on\nlevel: low", SELECTION);
    let rules = format!("{off}---\n{on}");
    for (settings, found) in [
        ("", vec![("on", Severity::Low)]),
        ("packs: {p: true}", vec![("off", Severity::Low), ("on", Severity::Low)]),
        ("packs: {p: false}", vec![]),
        ("packs: {p: false}\nrules: {on: {enabled: true}}", vec![("on", Severity::Low)]),
        ("rules: {on: {enabled: false}, off: {enabled: true, level: high}}", vec![("off", Severity::High)]),
    ] {
        let set = configured(&rules, settings).unwrap();
        let told = names_found(&set, r#"{"eventName":"A"}"#);
        let found: Vec<_> = found.into_iter().map(|(name, severity)| (name.to_owned(), severity)).collect();
        assert_eq!(told, found, "{settings}");
    }
}

#[test]
fn a_worse_case_raises_the_level_unless_somebody_set_it() {
    let rule = rule_with(
        "name: r\nlevel: low\ntrailwarden: {raised: {when: own, level: critical}}",
        "  s:\n    eventName: A\n  own:\n    awsRegion: eu-west-1\n  condition: s",
    );
    let own = r#"{"eventName":"A","awsRegion":"eu-west-1"}"#;
    for (settings, json, severity) in [
        ("", own, Severity::Critical),
        ("", r#"{"eventName":"A"}"#, Severity::Low),
        ("rules: {r: {level: medium}}", own, Severity::Medium),
        ("rules: {r: {level: low}}", own, Severity::Low),
    ] {
        let set = configured(&rule, settings).unwrap();
        assert_eq!(names_found(&set, json), [("r".to_owned(), severity)], "{settings} {json}");
    }
}

#[test]
fn placeholders_are_filled_from_the_configuration() {
    let rule =
        |value: &str| rule_with("name: r", &format!("  s:\n    userIdentity.arn|expand: '{value}'\n  condition: s"));
    let json = r#"{"eventName":"A","userIdentity":{"arn":"user/eve"}}"#;
    for (value, settings, hit) in [
        ("%who%", "placeholders: {who: [user/bob, user/eve]}", true),
        ("%who%", "placeholders: {who: ['user/*']}", true),
        ("%who%", "placeholders: {who: []}", false),
        ("user/%who%", "placeholders: {who: [eve]}", true),
        ("%what%/%who%", "placeholders: {who: [bob, eve], what: [role, user]}", true),
        ("%who%", "placeholders: {who: ['%who%']}", false),
        // Those of the built-in rules are empty unless configured.
        ("%own_roles%", "", false),
        ("%own_roles%", "placeholders: {own_roles: [user/eve]}", true),
    ] {
        let set = configured(&rule(value), settings).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(!names_found(&set, json).is_empty(), hit, "{value} {settings}");
    }
}

#[test]
fn a_configuration_that_cannot_be_meant_says_why() {
    let rule = rule_with("name: some-rule", "  s:\n    a|expand: '%who%'\n  condition: s");
    let told: Vec<String> = [
        "rules: [",
        "rule: {}",
        "rules: {some-rule: {level: loud}}",
        "placeholders: {whom: [a], own_trails: ['arn:aws:cloudtrail:eu-west-1:111122223333:trail/t']}\npacks: {q: true}\n\
         rules: {some-rul: {enabled: true}}\ntrusted-accounts: [acme]",
    ]
    .iter()
    .map(|settings| configured(&rule, settings).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    trailwarden.yml:1: rules: invalid type: sequence, expected a map at line 1 column 8
    trailwarden.yml:1: unknown field `rule`, expected one of `packs`, `rules`, `trusted-accounts`, `placeholders`
    trailwarden.yml:1: rules.some-rule.level: unknown variant `loud`, expected one of `informational`, `low`, `medium`, `high`, `critical` at line 1 column 28
    r/p/r.yml:6: unsupported: rule `some-rule`: `a|expand` has the placeholder `%who%`, and there is nothing to fill it with; list its values under `placeholders:` in the configuration file
    trailwarden.yml:3: there is no rule `some-rul` (did you mean `some-rule`?)
    trailwarden.yml:2: there is no pack `q`
    trailwarden.yml:1: there is no placeholder `whom`
    trailwarden.yml:4: `acme` is not an account id, which has twelve digits and stands in quotes
    trailwarden.yml:1: `arn:aws:cloudtrail:eu-west-1:111122223333:trail/t` is an ARN; give the name alone
    trailwarden.yml:1: `own_trails` is set and `own_log_groups` is not: name those that these trails write to
    trailwarden.yml:1: `own_trails` is set and `own_buckets` is not: name those that these trails write to
    ");
}

#[test]
fn what_is_not_supported_is_left_out_when_that_is_asked_for() {
    let count = rule_with("name: count", "  s:\n    eventName: A\n  condition: s | count() > 5");
    let open = rule_with("name: open", "  s:\n    a|expand: '%names%'\n  condition: s");
    let good = rule_with("name: good", SELECTION);
    let wrong = rule_with("name: wrong", "  s:\n    a|foo: b\n  condition: s");
    let options = Options { unusable: Unusable::Skip, ..Options::default() };
    let load = |rules: &[&String]| {
        let text = rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>().join("---\n");
        RuleSet::compile(&[RuleFile::new(Path::new(""), Path::new("r.yml"), text)], &options, Vec::new())
    };
    let set = load(&[&count, &good, &open]).unwrap();
    let left_out: Vec<_> = set.skipped().iter().map(|fault| (fault.rule.as_deref(), fault.line)).collect();
    assert_eq!(left_out, [(Some("r"), Some(7)), (Some("open"), Some(22))]);
    assert_eq!(names_found(&set, r#"{"eventName":"A"}"#).len(), 1);
    let skipped = load(&[&count, &good, &wrong]).unwrap();
    let kinds: Vec<_> = skipped.skipped().iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::Unsupported, FaultKind::Error]);
}

#[test]
fn triggers_are_read_off_the_detection() {
    let told: Vec<String> = [
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
        configured(&rules, "").unwrap().rules()[0].triggers().to_string()
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
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
    /// What a rule matches is among its triggers, whatever the shape of its condition.
    #[test]
    fn no_rule_matches_outside_its_triggers(
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
        if !set.evaluate(&Event::parse(&event).unwrap()).is_empty() {
            let triggers = set.rules()[0].triggers();
            prop_assert!(triggers.admit(source, name), "{source} {name} is not among {triggers} of {rules}");
        }
    }
}

/// A selection on names, as text.
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
    /// The engine's own JSON event is the oracle for ours.
    #[test]
    fn fields_are_looked_up_as_the_engine_does(
        inner in json(),
        path in r"[abc](\[-?[0-2]\])?(\.([abc]|a\\\[|b\\\]|x)(\[-?[0-2]\])?){0,4}",
    ) {
        let document = serde_json::json!({"eventName": "A", "a": inner, "b": [inner], "c": {"a": inner}});
        let text = document.to_string();
        let event = Event::parse(&text).unwrap();
        let (ours, theirs) = (Subject::new(&event), JsonEvent::borrow(&document));
        prop_assert_eq!(ours.get_field(&path), theirs.get_field(&path), "{} in {}", path, document);
    }

    #[test]
    fn strings_are_walked_as_the_engine_does(inner in json()) {
        let document = serde_json::json!({"eventName": "A", "a": inner});
        let text = document.to_string();
        let event = Event::parse(&text).unwrap();
        let (ours, theirs) = (Subject::new(&event), JsonEvent::borrow(&document));
        prop_assert_eq!(ours.to_json(), theirs.to_json());
        let (mut ours, mut theirs) = (ours.all_string_values(), theirs.all_string_values());
        ours.sort();
        theirs.sort();
        prop_assert_eq!(ours, theirs);
    }
}
