//! `rules check`: diagnostics about invalid rules and about parts of rules that have no effect.

use std::fs;
use std::path::Path;

use crate::support::{directory, public_data, run_in};

/// A rule called `mine`, with these lines of detections.
fn rule(detections: &str) -> String {
    format!(
        "title: T\nname: mine\nstatus: test\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n{detections}\n\
         level: low\n"
    )
}

/// A rule about `CreateVpc` with one more line in its selection.
fn with(line: &str) -> String {
    rule(&format!(
        "  selection:\n    eventSource: ec2.amazonaws.com\n    eventName: CreateVpc\n    {line}\n  condition: selection"
    ))
}

/// A rule whose selection is this line.
fn only(line: &str) -> String {
    rule(&format!("  selection:\n    {line}\n  condition: selection"))
}

/// A rule with this condition over a selection and a filter.
fn condition(condition: &str) -> String {
    rule(&format!(
        "  selection:\n    eventSource: ec2.amazonaws.com\n    eventName: CreateVpc\n    awsRegion: eu-west-1\n  \
         filter_main:\n    awsRegion:\n      - eu-west-1\n      - eu-west-2\n  {condition}"
    ))
}

/// A rule with these lines under `trailwarden:`.
fn attributes(lines: &str) -> String {
    format!("{}trailwarden:\n{lines}\n", with("awsRegion: eu-west-1"))
}

/// What `rules check` says of a file, apart from missing fixtures, and its exit code.
fn checked(text: &str) -> (i32, String) {
    let directory = directory(&[("rules/r.yml", text)]);
    let (code, output, _) = run_in(directory.path(), &["rules", "check", "DIR/rules"]);
    let lines = output.lines().filter(|line| !line.contains("its fixtures lack"));
    (code, lines.collect::<Vec<_>>().join("\n"))
}

/// Asserts that each text has a diagnostic on its line with these words.
fn assert_reports(cases: &[(String, usize, &[&str])]) {
    for (text, line, words) in cases {
        let (_, output) = checked(text);
        let place = format!("DIR/rules/r.yml:{line}: ");
        let reported: Vec<&str> = output.lines().filter(|reported| reported.starts_with(&place)).collect();
        assert!(
            reported.iter().any(|reported| words.iter().all(|word| reported.contains(word))),
            "{words:?}, line {line}: {output}\n{text}"
        );
    }
}

#[test]
fn paths_that_no_record_contains_are_reported() {
    assert_reports(&[
        (
            with("requestParameters.tagSpecificationSet.items.0.tags.key: a"),
            9,
            &["`0`", "requestParameters.tagSpecificationSet.items.tags.key"],
        ),
        (with("requestParameters.items.1: a"), 9, &["`1`", "`requestParameters.items`"]),
        (with("requestParameters.items[*].fromPort: 22"), 9, &["items[*]", "`requestParameters.items.fromPort`"]),
        (with("requestParameters.items[].fromPort: 22"), 9, &["items[]"]),
        (with("'requestParameters.items{}.fromPort': 22"), 9, &["items{}"]),
        (with("requestParameters.*.fromPort: 22"), 9, &["`*`"]),
        (with("$.requestParameters.vpcId: a"), 9, &["`requestParameters.vpcId`"]),
        (with("requestParameters..vpcId: a"), 9, &["empty step"]),
        (with("requestParameters.items[0].fromPort: 22"), 9, &["sigma-version: 3"]),
        (with("requestParameters.items[any].fromPort: 22"), 9, &["sigma-version: 3"]),
        (with("'awsRegion ': eu-west-1"), 9, &["blank"]),
        (with("awsRegoin: a"), 9, &["did you mean `awsRegion`"]),
        (with("eventname: a"), 9, &["did you mean `eventName`"]),
        (with("eventName.text: a"), 9, &["`eventName` is not an object"]),
        (with("userIdentity.arnn|contains: a"), 9, &["`arnn`", "`arn`"]),
        (with("userIdentity.username: a"), 9, &["did you mean `userName`"]),
        (
            with("userIdentity.sessionContext.attributes.mfaAuthenticatd: 'true'"),
            9,
            &["did you mean `mfaAuthenticated`"],
        ),
        (with("userIdentity.sessionContext.sessionIssuer.username: a"), 9, &["did you mean `userName`"]),
        (with("userIdentity.inScopeOf.sourceAcount: a"), 9, &["did you mean `sourceAccount`"]),
        (with("tlsDetails.tlsVersoin: TLSv1.2"), 9, &["did you mean `tlsVersion`"]),
        (with("resources.accountID: '111122223333'"), 9, &["did you mean `accountId`"]),
    ]);
}

#[test]
fn members_and_values_that_a_fact_never_has_are_reported() {
    assert_reports(&[
        (only("exposure.ingress.worlds: admin"), 7, &["`worlds`", "did you mean `world`"]),
        (only("exposure.route.reach: wolrd"), 7, &["`wolrd`", "did you mean `world`"]),
        (only("exposure.ingress.entries.spce: public"), 7, &["did you mean `space`"]),
        (only("exposure.ingress.entries.space: pubic"), 7, &["did you mean `public`"]),
        (only("trust.policy.verdict: pubic"), 7, &["did you mean `public`"]),
        (only("trust.policy.verdicts: public"), 7, &["did you mean `verdict`"]),
        (only("trust.policy.statements.witnes: x"), 7, &["did you mean `witness`"]),
        (only("call.target.kind: buckt"), 7, &["did you mean `bucket`"]),
        (only("call.operation.name: CreateVpc"), 7, &["`call.operation` has no members"]),
        (only("exposure.load_balancer.scheme: internet_facing"), 7, &["did you mean `internet-facing`"]),
        (only("exposure.ingress.services: shh"), 7, &["`shh`", "did you mean `ssh`"]),
        (only("ec2.resources.kind: a"), 7, &["`kind`"]),
        (
            rule("  selection:\n    exposure.ingress.entries[any]:\n      reach: world\n      from_prt: 22\n  condition: selection")
                .replace("status: test", "sigma-version: 3"),
            9,
            &["did you mean `from_port`"],
        ),
        (
            rule("  selection:\n    exposure.ingress.entries[any]:\n      reach:\n        - world\n        - wyde\n  condition: selection")
                .replace("status: test", "sigma-version: 3"),
            10,
            &["did you mean `wide`"],
        ),
    ]);
}

#[test]
fn forms_that_are_not_sigma_are_reported() {
    assert_reports(&[
        (
            with("responseElements:\n      vpc:\n        vpcId: a"),
            9,
            &["`responseElements`", "map below", "`responseElements.vpc.vpcId`"],
        ),
        (with("requestParameters|contains:\n      cidrBlock: 0.0.0.0/0"), 9, &["`requestParameters`", "map below"]),
        (with("requestParameters.x:\n      - a: b"), 9, &["map below"]),
        (with("requestParameters.x: '*'"), 9, &["`\\*`"]),
        (with("requestParameters.x:\n      - a\n      - '*'"), 11, &["`\\*`"]),
        (condition("condition: selection"), 10, &["does not use", "`filter_main`"]),
        (
            condition("condition: 1 of selection* and not 1 of filtre_*"),
            14,
            &["`filtre_*`", "not one of its detections"],
        ),
    ]);
}

#[test]
fn conditions_that_contradict_themselves_are_reported() {
    assert_reports(&[
        (condition("condition: selection and not filter_main"), 14, &["can never match", "`not filter_main`"]),
        (condition("condition: selection and not 1 of filter_*"), 14, &["can never match"]),
        (condition("condition: selection and not selection"), 14, &["can never match"]),
        (
            condition("elsewhere: {awsRegion: us-east-1}\n  condition: selection and elsewhere"),
            15,
            &["`awsRegion`", "`us-east-1`"],
        ),
        (condition("elsewhere: {awsRegion: null}\n  condition: all of them"), 15, &["can never match", "null"]),
        (
            condition("failed: {errorCode: '?*'}\n  fine: {eventName: DeleteVpc}\n  condition: selection and fine"),
            16,
            &["`eventName`"],
        ),
    ]);
    for fine in [
        condition("condition: selection and filter_main"),
        condition("condition: selection or not filter_main"),
        condition("elsewhere: {awsRegion: us-*}\n  condition: selection or elsewhere"),
        condition(
            "elsewhere: {requestParameters.a: b}\n  more: {requestParameters.a: c}\n  condition: selection and elsewhere and more",
        ),
    ] {
        assert!(!checked(&fine).1.contains("never match"), "{fine}{}", checked(&fine).1);
    }
}

#[test]
fn calls_and_services_that_do_not_exist_are_reported() {
    let source = |source: &str, name: &str| {
        rule(&format!("  s:\n    eventSource: {source}\n    eventName: {name}\n  condition: s"))
    };
    assert_reports(&[
        (only("eventName: StopLoging"), 7, &["`StopLoging`", "did you mean `StopLogging`"]),
        (only("eventName: MakeEverythingPublic"), 7, &["`MakeEverythingPublic`"]),
        (only("eventName: 'iam:CreateUser'"), 7, &["`iam:CreateUser`", "eventName: CreateUser", "iam.amazonaws.com"]),
        (only("eventName:\n      - CreateVpc\n      - s3:PutObject"), 9, &["`s3:PutObject`"]),
        (only("eventName|startswith: 'ec2:'"), 7, &["IAM action"]),
        (only("call.operation: UpdateFunctionCod"), 7, &["did you mean `UpdateFunctionCode`"]),
        (source("iam.amazonaws.com", "CreateVpc"), 8, &["iam.amazonaws.com has no call `CreateVpc`"]),
        (source("ec2.amazonaws.com", "'CreateVpx*'"), 8, &["matches `CreateVpx*`"]),
        (source("cloudtrial.amazonaws.com", "StopLogging"), 7, &["did you mean `cloudtrail.amazonaws.com`"]),
        (source("aws.ec2", "CreateVpc"), 7, &["write `ec2.amazonaws.com`"]),
        (source("ec2", "CreateVpc"), 7, &["write `ec2.amazonaws.com`"]),
    ]);
    for fine in [
        only("eventName: ConsoleLogin"),
        only("eventName: UpdateFunctionCode20150331v2"),
        only("eventName|contains: Vpc"),
        source("dynamodb.amazonaws.com", "SomethingNew"),
        source("lambda.amazonaws.com", "'UpdateFunctionCode*'"),
        source("unheard-of.amazonaws.com", "SomethingNew"),
    ] {
        let (_, output) = checked(&fine);
        assert!(output.starts_with("1 rules are valid: 0 errors"), "{fine}{output}");
        assert!(!output.contains("r.yml"), "{fine}{output}");
    }
}

#[test]
fn placeholders_and_keys_that_do_not_exist_are_reported() {
    assert_reports(&[
        (attributes("  message: '{acter} did it.'"), 13, &["`{acter}`", "did you mean `actor`"]),
        (attributes("  message: >-\n    Somebody did it,\n    {usrAgent} for one."), 15, &["did you mean `userAgent`"]),
        (
            attributes("  remediation: 'Ask {userIdentity.usrName|nobody}.'"),
            13,
            &["`usrName`", "did you mean `userName`"],
        ),
        (attributes("  message: '{exposure.ingress.prts|no ports}'"), 13, &["`prts`"]),
        (attributes("  message: '{actor did {eventName}'"), 13, &["brace"]),
        (attributes("  message: 'x {actor'"), 13, &["brace"]),
        (
            attributes("  resource: [{type: AWS::EC2::VPC, id: requestParameter.vpcId}]"),
            13,
            &["did you mean `requestParameters`"],
        ),
        (
            attributes("  resource: [{type: AWS::EC2::VPC, id: requestParameters.vpcId, arn: 'arn:{partion}'}]"),
            13,
            &["did you mean `partition`"],
        ),
        (attributes("  accounts: trust.policy.acounts"), 13, &["did you mean `accounts`"]),
        (attributes("  mesage: x"), 13, &["`mesage`", "did you mean `message`"]),
        (attributes("  message: x\n  undecided:\n    wen: selection"), 15, &["did you mean `when`"]),
        (
            attributes("  message: x\n  compliance:\n    - framework: CIS\n      control: 5.10"),
            16,
            &["quotes", "\"5.10\""],
        ),
        (attributes("  compliance: [{framework: CIS, control: 3}]"), 13, &["quotes", "\"3\""]),
        (attributes("  resource:\n    - type: AWS::EC2::VPC\n      idd: x"), 15, &["did you mean `id`"]),
        (with("awsRegion: a") + "trail-warden: {message: x}\n", 12, &["did you mean `trailwarden`"]),
        (with("awsRegion: a") + "falsepositive: [x]\n", 12, &["did you mean `falsepositives`"]),
        (with("awsRegion: a") + "desciption: x\n", 12, &["did you mean `description`"]),
        (with("awsRegion: a").replace("service:", "sevice: x, service:"), 4, &["did you mean `service`"]),
        (with("awsRegion: a").replace("name: mine", "name: 2024"), 2, &["`name: 2024`", "quotes"]),
        (with("awsRegion: a").replace("name: mine", "name: two words"), 2, &["two words", "two-words"]),
        (with("awsRegion: a").replace("product: aws", "product: aws, category: cloud"), 4, &["category"]),
    ]);
}

#[test]
fn errors_contain_value_line_and_suggestion() {
    assert_reports(&[
        (with("awsRegion|startswth: eu"), 9, &["rule `mine`", "did you mean `startswith`"]),
        (with("awsRegion|endwith|cased: eu"), 9, &["`endwith`", "did you mean `endswith`"]),
        (with("awsRegion|contain: eu"), 9, &["did you mean `contains`"]),
        (with("awsRegion|regex: eu"), 9, &["`regex`", "re"]),
        (with("a: b").replace("level: low", "level: crtical"), 11, &["rule `mine`", "did you mean `critical`"]),
        (with("a: b").replace("level: low", "level: severe"), 11, &["informational, low, medium, high, critical"]),
        (condition("condition: selection and not filter_mian"), 14, &["`filter_mian`", "did you mean `filter_main`"]),
        (with("sourceIPAddress|cidr:\n      - 10.0.0.0/8\n      - 10.0.0/8"), 11, &["`10.0.0/8`"]),
        (with("userAgent|re: 'a('"), 9, &["`a(`"]),
        (with("requestParameters.a|gte: many"), 9, &["`many`"]),
        (with("a: b").replace("detection:", "detections:"), 5, &["'detection'", "`detections`"]),
        (condition("conditions: selection"), 14, &["'condition'", "`conditions`"]),
        (attributes("  raised: {when: selecton, level: high}"), 13, &["`selecton`"]),
        (with("exposure.ingres.world: admin"), 9, &["did you mean `exposure.ingress`"]),
    ]);
}

#[test]
fn lines_count_from_the_start_of_the_file_in_every_document() {
    let good = with("awsRegion: a").replace("name: mine", "name: first");
    let typo = with("awsRegoin: a");
    let broken = with("awsRegion|contans: a").replace("name: mine", "name: third");
    let (_, output) = checked(&format!("# rules\n{good}---\n{typo}---\n{broken}---\ntitle: [\n"));
    for place in ["r.yml:22: warning: rule `mine`", "r.yml:34: rule `third`", "line 39"] {
        assert!(output.contains(place), "{place}: {output}");
    }
}

#[test]
fn invalid_metadata_does_not_prevent_a_rule_from_running() {
    let rule = with("awsRegion: eu-west-1");
    for (metadata, word) in [
        ("date: 2021/06/15\nmodified: 2022/01/02", None),
        ("date: 2021-06-15", None),
        ("date: June 2021", Some("invalid_date")),
        ("modified: 2021/13/45", Some("invalid_modified")),
        ("id: 12", Some("quotes")),
        ("related: [{id: a, type: derved}]", Some("derved")),
    ] {
        let (_, output) = checked(&rule.replace("status: test", metadata));
        assert!(output.contains("1 rules are valid: 0 errors"), "{metadata}: {output}");
        assert_eq!(output.contains("r.yml"), word.is_some(), "{metadata}: {output}");
        assert!(word.is_none_or(|word| output.contains(word)), "{metadata}: {output}");
    }
    let (_, output) = checked(&rule.replace("status: test", "status: tested"));
    assert!(output.contains("1 rules are valid: 0 errors") && output.contains("tested"), "{output}");
}

#[test]
fn rules_of_correlations_are_skipped_with_them() {
    let base = |name: &str, id: &str| {
        with("awsRegion: eu-west-1")
            .replace("name: mine", &format!("name: {name}\nid: 49bb7b4a-dba3-5dbc-993e-7f3af28a{id}"))
    };
    let correlation = |name: &str, rules: &str, more: &str| {
        format!(
            "title: C\nname: {name}\ncorrelation: {{type: event_count, rules: {rules}, group-by: [userIdentity.arn], \
             timespan: 5m, condition: {{gte: 10}}{more}}}\nlevel: low\n"
        )
    };
    let by_id = "[49BB7B4A-dba3-5dbc-993e-7f3af28a0002]";
    let directory = directory(&[
        ("rules/a.yml", &base("by-name", "0001")),
        ("rules/b.yml", &base("by-id", "0002")),
        ("rules/c.yml", &base("generated", "0003")),
        ("rules/d.yml", &base("alone", "0004")),
        ("rules/e.yml", &base("nested", "0005")),
        ("rules/f.yml", &base("enabled", "0006")),
        ("rules/g.yml", &base("of-unknown-type", "0007")),
        ("rules/z/1.yml", &correlation("one", "[by-name, generated]", "")),
        ("rules/z/2.yml", &correlation("two", by_id, "")),
        ("rules/z/3.yml", &correlation("three", "[generated]", ", generate: true")),
        ("rules/z/4.yml", &(correlation("four", "nested", "") + "---\n" + &correlation("five", "[four]", ""))),
        ("rules/z/6.yml", &correlation("six", "[enabled, blocked-action, by-nam]", "")),
        ("rules/z/7.yml", &correlation("seven", "[of-unknown-type]", "").replace("event_count", "value_mode")),
        ("trailwarden.yml", "rules: {enabled: {enabled: true}}\n"),
        (
            "event.json",
            r#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVpc","awsRegion":"eu-west-1","eventID":"1"}"#,
        ),
    ]);
    let config = ["--config", "DIR/trailwarden.yml"];
    let (_, output, _) = run_in(directory.path(), &[&["rules", "check", "DIR/rules"][..], &config].concat());
    for name in ["by-name", "by-id", "nested", "of-unknown-type"] {
        assert!(output.contains(&format!("unsupported: rule `{name}`: it is skipped")), "{name}: {output}");
    }
    for name in ["generated", "alone", "enabled", "blocked-action"] {
        assert!(!output.contains(&format!("rule `{name}`: it is skipped")), "{name}: {output}");
    }
    assert!(
        output.contains("there is no rule `by-nam`, which the correlation refers to (did you mean `by-name`?)"),
        "{output}"
    );
    assert!(output.contains("3 rules are valid"), "{output}");

    let evaluate = ["evaluate", "--rules", "DIR/rules", "--allow-unsupported", "--format", "ocsf", "DIR/event.json"];
    let (_, output, errors) = run_in(directory.path(), &[&evaluate[..], &config].concat());
    let mut found: Vec<String> = output
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["compliance"]["control"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    found.sort();
    assert_eq!(found, ["alone", "blocked-action", "enabled", "generated"], "{errors}");
}

#[test]
fn hidden_files_and_workflows_are_skipped() {
    let rule = with("awsRegion: eu-west-1");
    let workflow = "name: CI\non: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n";
    let directory = directory(&[
        ("rules/r.yml", &rule),
        ("rules/.github/workflows/ci.yml", workflow),
        ("rules/.pre-commit-config.yaml", "repos: []\n"),
        ("rules/ci/build.yml", &workflow.replace("on:", "'on':")),
        ("rules/.hidden/other.yml", "title: [\n"),
    ]);
    let (_, output, _) = run_in(directory.path(), &["rules", "check", "DIR/rules"]);
    assert!(output.contains("1 rules are valid: 0 errors"), "{output}");
}

#[test]
fn field_names_are_exact_at_every_level() {
    let event = r#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVpc","eventID":"1",
                    "userIdentity":{"userName":"eve"},"requestParameters":{"cidrBlock":"10.0.0.0/8"}}"#;
    let lower = r#"{"eventsource":"ec2.amazonaws.com","eventname":"CreateVpc","eventid":"1","readonly":false}"#;
    for (selection, event, expected) in [
        ("eventName: createvpc", event, 1),
        ("eventname: CreateVpc", event, 0),
        ("userIdentity.userName: EVE", event, 1),
        ("userIdentity.username: eve", event, 0),
        ("requestParameters.cidrblock: 10.0.0.0/8", event, 0),
        ("requestParameters.cidrBlock: 10.0.0.0/8", event, 1),
        // Of records whose keys a pipeline has lower-cased, the fields are still found under their own names.
        ("eventName: CreateVpc", lower, 1),
        ("readOnly: false", lower, 1),
    ] {
        assert_eq!(found(selection, event), expected, "{selection}");
    }
}

#[test]
fn numbers_are_compared_by_value_in_quotes_or_not() {
    let event = |value: &str| {
        format!(
            r#"{{"eventSource":"a.amazonaws.com","eventName":"A","eventID":"1","requestParameters":{{"a":{value}}}}}"#
        )
    };
    for (rule, record, expected) in [
        ("a: '0.0'", "0.0", 1),
        ("a: '0.0'", "[1, 0.0]", 1),
        ("a: '0.0'", "0", 1),
        ("a: '0'", "0.0", 1),
        ("a: '5.50'", "5.5", 1),
        ("a: '1e3'", "1000", 1),
        ("a: '0.0'", "0.1", 0),
        ("a: '0.0'", "\"0.0\"", 1),
        ("a: '1.10'", "\"1.1\"", 0),
        ("a: '007'", "7", 0),
        ("a|neq: '0.0'", "0.0", 0),
        ("a: 0.0", "\"0.0\"", 1),
    ] {
        assert_eq!(found(&format!("requestParameters.{rule}"), &event(record)), expected, "{rule}, {record}");
    }
}

/// The number of findings of a rule with this selection for an event.
fn found(selection: &str, event: &str) -> usize {
    let directory = directory(&[("rules/r.yml", &only(selection)), ("event.json", &event.replace('\n', ""))]);
    let evaluate = ["evaluate", "--rules", "DIR/rules", "--format", "ocsf", "DIR/event.json"];
    let (_, output, _) = run_in(directory.path(), &evaluate);
    output.lines().filter(|line| line.contains(r#""control":"mine""#)).count()
}

#[test]
fn fixtures_without_rules_and_rules_without_fixtures_are_reported() {
    let rule = with("awsRegion: eu-west-1");
    let event = r#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVpc","awsRegion":"eu-west-1"}"#;
    let directory = directory(&[
        ("rules/pack/r.yml", &rule),
        ("fixtures/rules/mine/hit-a.json", event),
        ("fixtures/rules/mien/miss-a.json", &event.replace("CreateVpc", "DeleteVpc")),
    ]);
    let check = |path: &str| run_in(directory.path(), &["rules", "check", path]).1;
    let output = check("DIR/rules");
    assert!(output.contains("DIR/fixtures/rules/mine/miss-….json"), "{output}");
    assert!(output.contains("there is no rule `mien` for these fixtures (did you mean `mine`?)"), "{output}");
    assert!(!check("DIR/rules/pack/r.yml").contains("mien"));
    fs::rename(
        directory.path().join("fixtures/rules/mien/miss-a.json"),
        directory.path().join("fixtures/rules/mine/miss-a.json"),
    )
    .unwrap();
    let (code, output, errors) = run_in(directory.path(), &["rules", "test", "DIR/rules/pack/r.yml"]);
    assert_eq!((code, output.as_str()), (0, "1 rules, 2 records: 0 rules failed\n"), "{errors}");
}

#[test]
fn evaluate_reports_warnings_about_rules_in_one_line() {
    let event = r#"{"eventSource":"ec2.amazonaws.com","eventName":"CreateVpc","eventID":"1"}"#;
    let errors = |rule: &str| {
        let directory = directory(&[("rules/r.yml", rule), ("event.json", event)]);
        run_in(directory.path(), &["evaluate", "--rules", "DIR/rules", "DIR/event.json"]).2
    };
    let warnings = errors(&with("awsRegoin: a"));
    assert!(
        warnings.starts_with("warning: 1 warning about the rule `mine`; run `trailwarden rules check DIR/rules`\n"),
        "{warnings}"
    );
    assert!(!errors(&with("awsRegion: a")).contains("warning"));
}

#[test]
fn exemptions_are_checked_like_rules() {
    let exemption = |selection: &str| {
        format!(
            "title: T\nname: n\nlogsource: {{product: aws, service: cloudtrail}}\nfilter:\n  rules: [blocked-action]\n  \
             who:\n    {selection}\n  condition: not who\ntrailwarden: {{owner: team, reason: because, expires: 2099-12-31}}\n"
        )
    };
    let checked = |text: &str| {
        let directory = directory(&[("exemptions.yml", text)]);
        let (code, output, errors) = run_in(directory.path(), &["exemptions", "check", "DIR/exemptions.yml"]);
        (code, output + &errors)
    };
    let good = exemption("userIdentity.userName: deploy");
    assert_eq!(checked(&good).0, 0);
    for (text, words) in [
        (exemption("userIdentity.usrName: deploy"), &["yml:7", "did you mean `userName`"][..]),
        (exemption("exposure.ingress.wrld: admin"), &["yml:7", "did you mean `world`"]),
        (exemption("requestParameters.items.0.a: b"), &["yml:7", "`0`"]),
        (exemption("userIdentity:\n      userName: deploy"), &["yml:7", "map below"]),
        (exemption("userIdentity.userName|startwith: deploy"), &["yml:7", "did you mean `startswith`"]),
        (exemption("sourceIPAddress|cidr: 10.0.0.0/40"), &["yml:7", "`10.0.0.0/40`"]),
        (good.replace("not who", "not whom"), &["yml:8", "did you mean `who`"]),
        (good.replace("owner: team", "owner: 7"), &["yml:9", "quotes"]),
        (good.replace("owner: team", "ownr: team"), &["yml:9", "`ownr`", "did you mean `owner`"]),
        (good.replace("  condition", "  what: {eventName: CreateVpc}\n  condition"), &["yml:8", "`what`"]),
        (format!("{good}---\n# again\n{good}"), &["yml:13", "line 2"]),
        (String::new(), &["no exemption"]),
        ("# nothing yet\n".to_owned(), &["no exemption"]),
    ] {
        let (code, output) = checked(&text);
        assert!(code > 0 && words.iter().all(|word| output.contains(word)), "{words:?}: {output}");
    }
}

#[test]
#[ignore = "needs public data"]
fn correct_third_party_rules_have_no_warnings() {
    let sigma = public_data("sigma");
    let (_, output, _) = run_in(Path::new("/"), &["rules", "check", &sigma.display().to_string()]);
    let warned: Vec<&str> =
        output.lines().filter(|line| line.contains("warning: ") && !line.contains("its fixtures lack")).collect();
    // One names a field that no record has, and one names permissions in place of calls.
    assert!(
        warned.iter().all(|line| line.contains("`status`") || line.contains("s3.amazonaws.com has no call")),
        "{warned:#?}"
    );
    assert_eq!(warned.len(), 5);
}
