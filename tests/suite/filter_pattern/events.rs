//! Whether event patterns let through what rules need, judged by a matcher that shares nothing with what makes them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden::event::Event;
use trailwarden::filter_pattern::{FilterPatterns, PatternError, of_call_patterns_for_events, of_rules_for_events};
use trailwarden::rules::{CallPattern, CallPatterns, Names, RuleSet, known_calls};

use super::event_matcher::EventMatcher;
use super::{all_rules, any_call_patterns, call_pattern, calls, made_records, of_running};
use crate::sigma::real_records;
use crate::support::{directory, generated, public_data, run, stderr, stdout, told};

/// The default rules and all rules.
static BUILT_IN: LazyLock<Vec<(RuleSet, FilterPatterns)>> = LazyLock::new(|| {
    let both = [RuleSet::load(&[]).unwrap(), all_rules(Vec::new())].into_iter();
    both.map(|rules| {
        let found = of_rules_for_events(&rules).unwrap();
        (rules, found)
    })
    .collect()
});

fn matchers(found: &FilterPatterns) -> Vec<EventMatcher> {
    found.patterns.iter().map(|one| EventMatcher::parse(&one.pattern)).collect()
}

/// An event with a record, as CloudTrail sends it to EventBridge.
fn event(record: Value) -> Value {
    let source = record["eventSource"].as_str().unwrap_or_default();
    let source = source.strip_suffix(".amazonaws.com").unwrap_or(source);
    let kind = match record["eventType"].as_str() {
        Some("AwsServiceEvent") => "AWS Service Event via CloudTrail",
        Some("AwsConsoleSignIn") => "AWS Console Sign In via CloudTrail",
        Some("AwsConsoleAction") => "AWS Console Action via CloudTrail",
        _ => "AWS API Call via CloudTrail",
    };
    json!({
        "version": "0", "id": "1", "detail-type": kind, "source": format!("aws.{source}"), "account": "111122223333",
        "time": "2026-03-04T10:00:00Z", "region": "eu-west-1", "resources": [], "detail": record,
    })
}

fn matched(matchers: &[EventMatcher], record: Value) -> usize {
    let event = event(record);
    matchers.iter().filter(|matcher| matcher.matches(&event)).count()
}

fn of_call(source: &str, name: &str) -> Value {
    json!({"eventVersion": "1.11", "eventSource": source, "eventName": name})
}

/// Every known call that is needed passes one pattern, no call passes two, and what is said to pass needlessly is what does.
fn check(found: &FilterPatterns, needed: &CallPatterns) -> Result<(), TestCaseError> {
    let matchers = matchers(found);
    let needless: BTreeSet<(&str, &str)> = found.needless.iter().map(|call| (call.service, call.call)).collect();
    let known: BTreeSet<(&str, &str)> = known_calls().collect();
    for (source, name) in calls() {
        let (is_needed, passed) = (needed.admit(source, &name), matched(&matchers, of_call(source, &name)));
        prop_assert!(passed <= 1, "{name} of {source} passes {passed} patterns");
        prop_assert!(passed == 1 || !is_needed, "{name} of {source} does not pass");
        if known.contains(&(source, name.as_str())) {
            let is_told = needless.contains(&(source, name.as_str()));
            prop_assert_eq!(is_told, passed == 1 && !is_needed, "{} of {}", name, source);
        }
    }
    Ok(())
}

#[test]
fn every_call_that_a_built_in_rule_can_match_passes() {
    for (rules, found) in BUILT_IN.iter() {
        assert!(found.as_written.is_empty(), "{:?}", found.as_written);
        let needed = CallPatterns(of_running(rules).iter().flat_map(|one| one.0.clone()).collect());
        check(found, &needed).unwrap();
        // Of the calls of several services in one pattern, those with the same name pass for all of them.
        assert!(found.needless.len() < 150, "{} needless calls pass", found.needless.len());
    }
}

#[test]
fn every_call_that_changes_something_passes_one_pattern() {
    for (_, found) in BUILT_IN.iter() {
        let matchers = matchers(found);
        for (source, name) in [("sqs.amazonaws.com", "PurgeQueue"), ("iam.amazonaws.com", "CreateRole")] {
            let is_named = source == "iam.amazonaws.com";
            let values = [None, Some(json!(true)), Some(json!(false)), Some(json!(null))];
            for (read_only, management) in values.iter().flat_map(|one| values.iter().map(move |other| (one, other))) {
                let mut record = of_call(source, name);
                for (field, value) in [("readOnly", read_only), ("managementEvent", management)] {
                    if let Some(value) = value {
                        record[field] = value.clone();
                    }
                }
                let is_write = *read_only == Some(json!(false)) && *management == Some(json!(true));
                let passed = matched(&matchers, record);
                assert_eq!(passed, usize::from(is_write || is_named), "{name} {read_only:?} {management:?}");
            }
        }
    }
}

/// Every record that a built-in rule matches passes exactly one pattern, and not everything passes.
fn assert_hits_pass(records: &[String], least: usize) {
    let (rules, found) = &BUILT_IN[1];
    let matchers = matchers(found);
    let (mut hits, mut passing) = (0, 0);
    for text in records {
        let Ok(event) = Event::parse(text) else { continue };
        let passed = matched(&matchers, serde_json::from_str(text).unwrap());
        assert!(passed <= 1, "passes {passed} patterns: {text}");
        passing += passed;
        if !rules.evaluate(&event).is_empty() {
            hits += 1;
            assert_eq!(passed, 1, "does not pass: {text}");
        }
    }
    assert!(hits > least, "{hits} of {} records hit", records.len());
    assert!(passing < records.len(), "all of {} records pass", records.len());
}

#[test]
fn every_record_that_hits_passes() {
    assert_hits_pass(&made_records(), 300);
}

#[test]
#[ignore = "needs public data"]
fn every_public_record_that_hits_passes() {
    assert_hits_pass(&real_records().iter().map(Value::to_string).collect::<Vec<_>>(), 100);
}

#[test]
#[ignore = "needs public data"]
fn rules_of_others_pass_or_are_refused_by_name() {
    let rules = all_rules(vec![public_data("sigma")]);
    let mut narrow = Vec::new();
    let mut refused = Vec::new();
    for rule in rules.rules().iter().filter(|rule| !rule.is_built_in()) {
        let (name, call_patterns) = (rule.info().name.as_str(), rule.call_patterns_when_filled());
        match of_call_patterns_for_events(&[(name, call_patterns)]) {
            Ok(found) => {
                check(&found, call_patterns).unwrap();
                narrow.push((name, call_patterns));
            }
            Err(PatternError::AnyCall(names)) => refused.extend(names),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert!(refused.len() * 4 < narrow.len(), "{refused:?}");
    let found = of_call_patterns_for_events(&narrow).unwrap();
    let all = CallPatterns(narrow.iter().flat_map(|(_, call_patterns)| call_patterns.0.clone()).collect());
    check(&found, &all).unwrap();
}

#[test]
fn what_others_put_on_the_bus_does_not_pass() {
    let records = || ["iam.amazonaws.com", "signin.amazonaws.com"].map(|source| of_call(source, "CreateRole"));
    let every = EventMatcher::parse(stdout(&run(&["filter-pattern", "--format", "eventbridge", "--all"])).trim_end());
    for record in records() {
        assert!(every.matches(&event(record.clone())));
        // PutEvents takes no source that begins with `aws.`.
        let made_up = json!({"source": "custom.iam", "detail-type": "AWS API Call via CloudTrail", "detail": record});
        assert!(!every.matches(&made_up));
        assert!(BUILT_IN.iter().all(|(_, found)| !matchers(found).iter().any(|one| one.matches(&made_up))));
    }
    let other = json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}});
    assert!(!every.matches(&other));
}

#[test]
fn each_kind_of_event_passes() {
    let every = EventMatcher::parse(stdout(&run(&["filter-pattern", "--format", "eventbridge", "--all"])).trim_end());
    for kind in ["AwsApiCall", "AwsServiceEvent", "AwsConsoleSignIn", "AwsConsoleAction"] {
        let record = json!({"eventType": kind, "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin"});
        assert!(every.matches(&event(record)), "{kind}");
    }
}

#[test]
fn the_modules_have_the_patterns_for_the_default_rules() {
    let output = run(&["filter-pattern", "--format", "eventbridge"]);
    assert_eq!(output.status.code(), Some(0));
    stdout(&output).lines().for_each(|line| drop(EventMatcher::parse(line)));
    generated("terraform/event_patterns.txt", stdout(&output).trim_end());
}

#[test]
fn the_patterns_alone_go_to_standard_output() {
    let output = run(&["filter-pattern", "--format", "eventbridge"]);
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let any = "title: T\nname: any-call\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  s:\n    \
               userAgent|contains: x\n  condition: s\n";
    let files = directory(&[("rules/any.yml", any)]);
    let all: Vec<String> = [
        &["filter-pattern", "--format", "eventbridge", "--rules", "DIR/rules"][..],
        &["filter-pattern", "--format", "eventbridge", "--filters", "2"],
        &["filter-pattern", "--all"],
    ]
    .iter()
    .map(|arguments| {
        let (code, text, errors) = told(files.path(), arguments);
        assert_eq!((code, text.as_str()), (2, ""), "{arguments:?}");
        errors
    })
    .collect();
    insta::assert_snapshot!(all.join("\n"), @"
    error: no pattern can tell which records these rules need, because they do not say which calls they are about: any-call; name `eventSource` or `eventName` in them, turn them off, or let every record through: with an empty pattern of a subscription filter, or with `--format eventbridge --all`

    error: --max-length and --filters are for CloudWatch Logs; leave them out with --format eventbridge

    error: --all needs --format eventbridge; in CloudWatch Logs, the empty pattern passes every event
    ");
}

fn one(call_patterns: &CallPatterns) -> FilterPatterns {
    of_call_patterns_for_events(&[("rule", call_patterns)]).unwrap()
}

#[test]
fn names_read_like_this() {
    let mut call_patterns =
        call_pattern(&["iam.amazonaws.com"], &["CreateRole", "*Policy", "Delete*", "Put?olePolicy"]);
    call_patterns.0.extend(call_pattern(&["sts.amazonaws.com"], &[]).0);
    call_patterns.0.extend(call_pattern(&[], &["ConsoleLogin"]).0);
    let found = one(&call_patterns);
    let patterns: Vec<&str> = found.patterns.iter().map(|one| one.pattern.as_str()).collect();
    insta::assert_snapshot!(patterns.join("\n"), @r#"
    {"detail":{"eventName":[{"suffix":"Policy"},"ConsoleLogin","CreateRole",{"prefix":"Delete"}],"eventSource":["iam.amazonaws.com"]},"detail-type":["AWS API Call via CloudTrail",{"prefix":"AWS Console "},"AWS Service Event via CloudTrail"],"source":[{"prefix":"aws."}]}
    {"detail":{"eventSource":["sts.amazonaws.com"]},"detail-type":["AWS API Call via CloudTrail",{"prefix":"AWS Console "},"AWS Service Event via CloudTrail"],"source":[{"prefix":"aws."}]}
    {"detail":{"eventName":["ConsoleLogin"],"eventSource":[{"anything-but":["iam.amazonaws.com","sts.amazonaws.com"]}]},"detail-type":["AWS API Call via CloudTrail",{"prefix":"AWS Console "},"AWS Service Event via CloudTrail"],"source":[{"prefix":"aws."}]}
    "#);
}

#[test]
fn the_names_of_a_service_take_as_many_patterns_as_they_need() {
    let names: Vec<String> = (0..300).map(|number| format!("MadeUpCall{number}")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("Delete*");
    let found = one(&call_pattern(&["ec2.amazonaws.com"], &names));
    assert!(found.patterns.len() > 2);
    let matchers = matchers(&found);
    for name in names.iter().map(|name| name.replace('*', "Vpc")) {
        assert_eq!(matched(&matchers, of_call("ec2.amazonaws.com", &name)), 1, "{name}");
        assert_eq!(matched(&matchers, of_call("iam.amazonaws.com", &name)), 0, "{name}");
    }
}

#[test]
fn wildcards_that_do_not_fit_are_refused() {
    let names: Vec<String> = (0..200).map(|number| format!("MadeUpCall{number:03}*")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for sources in [&["ec2.amazonaws.com"][..], &[]] {
        let error = of_call_patterns_for_events(&[("rule", &call_pattern(sources, &names))]).unwrap_err();
        let service = sources.first().copied().unwrap_or("*");
        assert!(matches!(&error, PatternError::TooManyWildcards(of) if of == service), "{error}");
    }
}

#[test]
fn what_is_special_in_a_pattern_does_not_get_into_it() {
    for name in ["a\"}]", "Delete\\Role", "Ünicode", "new\nline", "a**b", "{\"prefix\":\"\"}"] {
        let found = one(&call_pattern(&["iam.amazonaws.com"], &[name, "CreateRole"]));
        assert_eq!(matched(&matchers(&found), of_call("iam.amazonaws.com", "CreateRole")), 1, "{name}");
        assert_eq!(matched(&matchers(&found), of_call("iam.amazonaws.com", name)), 1, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_rules_ask_for_passes(call_patterns in any_call_patterns(), any_write in any::<bool>()) {
        let mut watched = vec![("rule", &call_patterns)];
        let all = CallPattern { source: Names::Any, name: Names::Any, writes_only: true, management_only: true };
        let writes = CallPatterns(vec![all]);
        if any_write {
            watched.push(("writes", &writes));
        }
        match of_call_patterns_for_events(&watched) {
            Ok(found) => {
                prop_assert!(found.patterns.iter().all(|one| one.length <= 2048 && one.length == one.pattern.len()));
                check(&found, &call_patterns)?;
                let write = json!({
                    "eventSource": "sqs.amazonaws.com", "eventName": "SetQueueAttributes",
                    "readOnly": false, "managementEvent": true,
                });
                let is_named = call_patterns.admit("sqs.amazonaws.com", "SetQueueAttributes");
                let passed = matched(&matchers(&found), write);
                prop_assert!(passed <= 1 && (passed == 1 || !(any_write || is_named)));
                prop_assert_eq!(&of_call_patterns_for_events(&watched).unwrap(), &found);
            }
            Err(PatternError::AnyCall(_)) => {
                let is_wide = |names: &Names| match names {
                    Names::Any => true,
                    Names::These(names) => names.iter().any(|name| name.contains(['*', '?'])),
                };
                prop_assert!(call_patterns.0.iter().any(|one| is_wide(&one.source) && is_wide(&one.name)));
            }
            Err(PatternError::TooManyWildcards(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
