//! Whether filter patterns let through what rules need, judged by a matcher that shares nothing with what makes them.

mod event_matcher;
mod events;
mod matcher;

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use matcher::Matcher;
use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::event::Event;
use trailwarden::filter_pattern::{FilterPatterns, Limits, PatternError, of_call_patterns, of_rules};
use trailwarden::rules::{CallPattern, CallPatterns, Names, Options, RuleSet, Unusable, known_calls};

use crate::sigma::real_records;
use crate::support::{directory, fixture, public_data, root, rule_fixtures, run, stderr, stdout, told};
use crate::workload::generated::SEED;
use crate::workload::generated::record::Records;

/// The built-in rules, all of them and configured as their fixtures are.
fn all_rules(directories: Vec<std::path::PathBuf>) -> RuleSet {
    let set = RuleSet::load(&[]).unwrap();
    let enabled = set.rules().iter().filter(|rule| !rule.runs()).map(|rule| rule.info().name.clone()).collect();
    let file = ConfigurationFile::read(&fixture("rules/trailwarden.yml")).unwrap();
    let options = Configuration::of_file(file).rule_options();
    let options = Options { directories, enabled, unusable: Unusable::Skip, ..options };
    RuleSet::load_with(&options).unwrap()
}

/// The default rules and all rules, each with one pattern and with up to two. Shared, because making them takes a while.
static BUILT_IN: LazyLock<Vec<(RuleSet, Vec<FilterPatterns>)>> = LazyLock::new(|| {
    let both = [RuleSet::load(&[]).unwrap(), all_rules(Vec::new())].into_iter();
    both.map(|rules| {
        let of_filters = |filters| of_rules(&rules, Limits { filters, ..Limits::default() }).unwrap();
        let found = vec![of_filters(1), of_filters(2)];
        (rules, found)
    })
    .collect()
});

fn matchers(found: &FilterPatterns) -> Vec<Matcher> {
    found.patterns.iter().map(|one| Matcher::parse(&one.pattern)).collect()
}

/// How many of the patterns a call passes.
fn passed(matchers: &[Matcher], source: &str, name: &str) -> usize {
    let record = json!({"eventVersion": "1.11", "eventSource": source, "eventName": name}).to_string();
    matchers.iter().filter(|matcher| matcher.passes(&record)).count()
}

/// Every known call, those of AWS Lambda also with the version that it appends.
fn calls() -> impl Iterator<Item = (&'static str, String)> {
    const VERSIONS: [&str; 4] = ["", "20150331", "20150331v2", "20191007"];
    known_calls().flat_map(|(source, name)| {
        let versions = if source == "lambda.amazonaws.com" { &VERSIONS[..] } else { &VERSIONS[..1] };
        versions.iter().map(move |version| (source, format!("{name}{version}")))
    })
}

/// Every known call that the rules can match passes one of the patterns, no call passes two, and what is said to pass
/// needlessly is what does.
fn check(found: &FilterPatterns, call_patterns: &[&CallPatterns]) {
    let matchers = matchers(found);
    let all = CallPatterns(call_patterns.iter().flat_map(|one| one.0.clone()).collect());
    let needless: BTreeSet<(&str, &str)> = found.needless.iter().map(|call| (call.service, call.call)).collect();
    let known: BTreeSet<(&str, &str)> = known_calls().collect();
    for (source, name) in calls() {
        let (needed, passed) = (all.admit(source, &name), passed(&matchers, source, &name));
        assert!(passed <= 1, "{name} of {source} passes {passed} patterns");
        assert!(passed == 1 || !needed, "{name} of {source} does not pass");
        if known.contains(&(source, name.as_str())) {
            assert_eq!(needless.contains(&(source, name.as_str())), passed == 1 && !needed, "{name} of {source}");
        }
    }
}

/// The calls of running rules that a pattern must let through by their names: every call that changes something and is no
/// data event passes by `readOnly` and `managementEvent`.
fn of_running(rules: &RuleSet) -> Vec<CallPatterns> {
    let running = rules.rules().iter().filter(|rule| rule.runs()).map(|rule| rule.call_patterns_when_filled());
    running
        .map(|all| {
            CallPatterns(all.0.iter().filter(|one| !(one.writes_only && one.management_only)).cloned().collect())
        })
        .collect()
}

#[test]
fn every_call_that_changes_something_passes_one_pattern() {
    for (rules, found) in BUILT_IN.iter() {
        for found in found {
            assert_eq!(found.any_write, ["own-resource-changed"]);
            let matchers = matchers(found);
            for (source, name) in [("sqs.amazonaws.com", "PurgeQueue"), ("iam.amazonaws.com", "CreateRole")] {
                let is_named = of_running(rules).iter().any(|call_patterns| call_patterns.admit(source, name));
                let times = |read_only: Option<&Value>, management: Option<&Value>| {
                    let mut record = json!({"eventSource": source, "eventName": name});
                    for (field, value) in [("readOnly", read_only), ("managementEvent", management)] {
                        if let Some(value) = value {
                            record[field] = value.clone();
                        }
                    }
                    let record = record.to_string();
                    matchers.iter().filter(|matcher| matcher.passes(&record)).count()
                };
                let values = [json!(true), json!(false), json!(null), json!("false"), json!("true")];
                let values: Vec<Option<&Value>> = values.iter().map(Some).chain([None]).collect();
                for (read_only, management) in
                    values.iter().flat_map(|one| values.iter().map(move |other| (*one, *other)))
                {
                    let is_write = read_only == Some(&json!(false)) && management == Some(&json!(true));
                    let passed = times(read_only, management);
                    assert_eq!(passed, usize::from(is_write || is_named), "{name} {read_only:?} {management:?}");
                }
            }
        }
    }
}

/// Rules that match any call that changes something, and one that names its calls.
#[test]
fn data_events_pass_only_for_rules_that_match_them() {
    let any = CallPattern { source: Names::Any, name: Names::Any, writes_only: true, management_only: true };
    let management = CallPatterns(vec![any.clone()]);
    let all = CallPatterns(vec![CallPattern { management_only: false, ..any.clone() }]);
    let these = |name: &str| Names::These(vec![name.to_owned()]);
    // A write call that may be a data event, and a management event that may read.
    let data = CallPatterns(vec![CallPattern {
        source: these("s3.amazonaws.com"),
        name: these("DeleteObject"),
        writes_only: true,
        management_only: false,
    }]);
    let reads = CallPatterns(vec![CallPattern {
        source: these("kms.amazonaws.com"),
        name: these("Decrypt"),
        writes_only: false,
        management_only: true,
    }]);
    let record = |source: &str, name: &str, read_only: bool, management: bool| {
        json!({"eventSource": source, "eventName": name, "readOnly": read_only, "managementEvent": management})
            .to_string()
    };
    let puts = record("s3.amazonaws.com", "PutObject", false, false);
    let deletes = record("s3.amazonaws.com", "DeleteObject", false, false);
    let decrypts = record("kms.amazonaws.com", "Decrypt", true, true);
    let creates = record("s3.amazonaws.com", "CreateBucket", false, true);
    for filters in 1..=2 {
        let passing = |watched: &[&CallPatterns]| {
            let watched: Vec<(&str, &CallPatterns)> =
                watched.iter().map(|call_patterns| ("rule", *call_patterns)).collect();
            let found = of_call_patterns(&watched, Limits { filters, ..Limits::default() }).unwrap();
            let matchers = matchers(&found);
            [&puts, &deletes, &decrypts, &creates]
                .map(|record| matchers.iter().filter(|matcher| matcher.passes(record)).count())
        };
        assert_eq!(passing(&[&management]), [0, 0, 0, 1]);
        assert_eq!(passing(&[&all]), [1, 1, 0, 1]);
        assert_eq!(passing(&[&management, &all]), [1, 1, 0, 1]);
        assert_eq!(passing(&[&management, &data, &reads]), [0, 1, 1, 1]);
        assert_eq!(passing(&[&all, &data, &reads]), [1, 1, 1, 1]);
    }
}

#[test]
fn the_pattern_alone_goes_to_standard_output() {
    let output = run(&["filter-pattern"]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    assert!((1..=2).contains(&text.lines().count()), "{text}");
    text.lines().for_each(|line| drop(Matcher::parse(line)));
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn the_module_has_the_pattern_for_the_default_rules() {
    let written = fs::read_to_string(root().join("terraform/filter_pattern.txt")).unwrap();
    let now = stdout(&run(&["filter-pattern"]));
    assert!(written == now.trim_end(), "terraform/filter_pattern.txt is stale: run `tests/refresh`");
}

#[test]
fn every_call_that_a_built_in_rule_can_match_passes() {
    for (rules, found) in BUILT_IN.iter() {
        for (filters, found) in (1..).zip(found) {
            assert!((1..=filters).contains(&found.patterns.len()));
            assert!(found.as_written.is_empty(), "{:?}", found.as_written);
            check(found, &of_running(rules).iter().collect::<Vec<_>>());
        }
        // Reading calls are most of what a trail records. `DescribeExportImageTasks` passes where `ExportImage` does.
        let two = &found[1];
        let all = CallPatterns(of_running(rules).iter().flat_map(|one| one.0.clone()).collect());
        let watched: Vec<(&str, &str)> = known_calls().filter(|(source, name)| all.name(source, name)).collect();
        for call in two.needless.iter().filter(|call| call.read_only) {
            let is_around = watched.iter().any(|(source, name)| *source == call.service && call.call.contains(name));
            assert!(is_around, "{} of {} passes", call.call, call.service);
        }
        assert!(two.needless.len() < 250, "{} needless calls pass", two.needless.len());
    }
}

#[test]
fn there_are_two_patterns_where_one_is_not_enough() {
    let patterns = |arguments: &[&str]| -> Vec<String> {
        let output = run(&[&["filter-pattern"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output).lines().map(str::to_owned).collect()
    };
    let narrow = "rules: {own-resource-changed: {enabled: false}, own-resource-tagged: {enabled: false}}\n";
    let few = "packs: {blocked-actions: false, tamper: false}\n";
    let configurations = directory(&[("narrow.yml", narrow), ("few.yml", few)]);
    let path = |name: &str| configurations.path().join(name).display().to_string();
    let (narrow, few) = (path("narrow.yml"), path("few.yml"));
    // Within so few characters one lets much through.
    let two = patterns(&["--config", &narrow, "--max-length", "500"]);
    assert_eq!(two.len(), 2);
    assert!(two.iter().all(|pattern| pattern.len() <= 500));
    assert_eq!(patterns(&["--config", &narrow, "--max-length", "500", "--filters", "1"]).len(), 1);
    // Two would let less through, and are not needed.
    assert_eq!(patterns(&["--config", &few]).len(), 1);
    // One lets every call through that changes something, and two would do the same.
    assert_eq!(patterns(&[]).len(), 1);
}

/// A record each for every fixture, for calls beside its own, and for everyday work.
fn made_records() -> Vec<String> {
    let names: Vec<(&str, &str)> = known_calls().collect();
    let mut random = fastrand::Rng::with_seed(SEED);
    let fixtures = rule_fixtures().into_iter().flat_map(|fixture| {
        let record: Value = serde_json::from_str(&fixture.text).unwrap_or_default();
        let source = record["eventSource"].as_str().unwrap_or_default().to_owned();
        let near: Vec<&str> = names.iter().filter(|(service, _)| *service == source).map(|(_, name)| *name).collect();
        let others = (0..2).filter_map(|_| {
            let mut other = record.clone();
            other["eventName"] = (*random.choice(&near)?).into();
            Some(other.to_string())
        });
        others.chain([fixture.text]).collect::<Vec<_>>()
    });
    fixtures.chain(Records::new(SEED).take(1_000).map(|record| record.text)).collect()
}

#[test]
fn expressions_are_not_anchored_and_have_no_special_character_but_the_dot() {
    let expressions = BUILT_IN.iter().flat_map(|(_, found)| found).flat_map(matchers);
    for expression in expressions.flat_map(|matcher| matcher.expressions()) {
        let plain = expression.replace("\\.", "").replace('|', "");
        assert!(plain.chars().all(|one| one.is_ascii_alphanumeric() || "_-".contains(one)), "{expression}");
    }
}

/// Every record that a built-in rule matches passes exactly one pattern, and not everything passes.
fn assert_hits_pass(records: &[String], least: usize) {
    let (rules, found) = &BUILT_IN[1];
    let found: Vec<Vec<Matcher>> = found.iter().map(matchers).collect();
    let (mut hits, mut passing) = (0, 0);
    for record in records {
        let Ok(event) = Event::parse(record) else { continue };
        let passed: Vec<usize> =
            found.iter().map(|all| all.iter().filter(|matcher| matcher.passes(record)).count()).collect();
        passing += usize::from(passed.iter().any(|passed| *passed > 0));
        if !rules.evaluate(&event).is_empty() {
            hits += 1;
            assert!(passed.iter().all(|passed| *passed == 1), "passes {passed:?}: {record}");
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
fn every_public_record_that_hits_passes_and_few_others() {
    let records: Vec<String> = real_records().iter().map(Value::to_string).collect();
    assert_hits_pass(&records, 100);
    let (reading, writing): (Vec<&String>, Vec<&String>) =
        records.iter().partition(|record| !record.contains(r#""readOnly":false"#));
    for found in &BUILT_IN[0].1 {
        let matchers = matchers(found);
        let passing = |records: &[&String]| {
            records.iter().filter(|record| matchers.iter().any(|matcher| matcher.passes(record))).count()
        };
        let (read, written) = (passing(&reading), passing(&writing));
        assert!(read * 20 < reading.len(), "{read} of {} records pass that change nothing", reading.len());
        assert!((read + written) * 4 < records.len(), "{} of {} records pass", read + written, records.len());
    }
}

#[test]
#[ignore = "needs public data"]
fn rules_of_others_pass_or_are_refused_by_name() {
    let rules = all_rules(vec![public_data("sigma")]);
    let of_others: Vec<(&str, &CallPatterns)> = rules
        .rules()
        .iter()
        .filter(|rule| !rule.is_built_in())
        .map(|rule| (rule.info().name.as_str(), rule.call_patterns_when_filled()))
        .collect();
    let mut narrow = Vec::new();
    let mut refused = Vec::new();
    for (name, call_patterns) in of_others {
        match of_call_patterns(&[(name, call_patterns)], Limits::default()) {
            Ok(found) => {
                check(&found, &[call_patterns]);
                narrow.push((name, call_patterns));
            }
            Err(PatternError::AnyCall(names)) => refused.extend(names),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    insta::assert_debug_snapshot!(refused);
    let found = of_call_patterns(&narrow, Limits { filters: 2, ..Limits::default() }).unwrap();
    check(&found, &narrow.iter().map(|(_, call_patterns)| *call_patterns).collect::<Vec<_>>());
}

#[test]
fn a_pattern_that_cannot_be_is_refused_with_the_reason() {
    let any = "title: T\nname: any-call\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  s:\n    \
               userAgent|contains: x\n  condition: s\n";
    let none = "packs: {blocked-actions: false, data-events: false, exposure: false, heartbeat: false, tamper: false, \
                trust: false}\n";
    let files = directory(&[("rules/any.yml", any), ("none.yml", none)]);
    let all: Vec<String> = [
        &["filter-pattern", "--rules", "DIR/rules"][..],
        &["filter-pattern", "--config", "DIR/none.yml"],
        &["filter-pattern", "--max-length", "100"],
        &["filter-pattern", "--max-length", "1025"],
        &["filter-pattern", "--filters", "3"],
    ]
    .iter()
    .map(|arguments| {
        let (code, text, errors) = told(files.path(), arguments);
        assert_eq!((code, text.as_str()), (2, ""), "{arguments:?}");
        errors
    })
    .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn json_tells_everything() {
    let output = run(&["filter-pattern", "--format", "json", "--filters", "2", "--enable", "role-trust-external"]);
    assert_eq!(output.status.code(), Some(0));
    let document: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let report = &document["report"];
    assert_eq!(report["patterns"].as_array().unwrap().len(), 2);
    let first = &report["patterns"][0];
    assert_eq!(first["length"], first["pattern"].as_str().unwrap().len());
    let needless = report["needless"].as_array().unwrap();
    assert!(
        !needless.is_empty()
            && needless.iter().all(|call| call["service"].is_string() && call["read_only"].is_boolean())
    );
    assert!(report["unfilled"].as_array().unwrap().contains(&json!("own-function-changed")));
    assert_eq!(document["max_length"], 1024);
}

/// One call pattern.
fn call_pattern(sources: &[&str], names: &[&str]) -> CallPatterns {
    let these = |list: &[&str]| Names::These(list.iter().map(|one| (*one).to_owned()).collect());
    let names_or_any = |list: &[&str]| if list.is_empty() { Names::Any } else { these(list) };
    CallPatterns(vec![CallPattern {
        source: names_or_any(sources),
        name: names_or_any(names),
        writes_only: false,
        management_only: false,
    }])
}

fn one(call_patterns: &CallPatterns) -> FilterPatterns {
    of_call_patterns(&[("rule", call_patterns)], Limits::default()).unwrap()
}

#[test]
fn names_are_spelt_as_cloudtrail_does() {
    let lower = one(&call_pattern(&["CloudTrail.amazonaws.com"], &["stoplogging", "delete?rail"]));
    let found = matchers(&lower);
    assert_eq!(passed(&found, "cloudtrail.amazonaws.com", "StopLogging"), 1);
    assert_eq!(passed(&found, "cloudtrail.amazonaws.com", "DeleteTrail"), 1);
    assert!(lower.as_written.is_empty());

    // Of a name that is not known nothing tells how it is spelt.
    let unknown = one(&call_pattern(&["rds.amazonaws.com"], &["DeleteDBCluster"]));
    assert_eq!(passed(&matchers(&unknown), "rds.amazonaws.com", "DeleteDBCluster"), 1);
    assert_eq!(unknown.as_written[0].call, "DeleteDBCluster");
    let anywhere = one(&call_pattern(&[], &["createuser", "Invented"]));
    let found = matchers(&anywhere);
    assert_eq!(passed(&found, "iam.amazonaws.com", "CreateUser"), 1);
    assert_eq!(passed(&found, "other.amazonaws.com", "Invented"), 1);
    assert_eq!(anywhere.as_written.len(), 1);
    assert_eq!(anywhere.as_written[0].service, "*");
}

#[test]
fn a_rule_for_all_calls_of_a_service_lets_all_of_them_through() {
    let found = one(&call_pattern(&["sts.amazonaws.com"], &[]));
    insta::assert_snapshot!(found.patterns[0].pattern, @r#"{$.eventSource="sts.*"}"#);
    let few = one(&call_pattern(&["kms.amazonaws.com"], &["DisableKey"]));
    insta::assert_snapshot!(few.patterns[0].pattern);
    let anywhere = one(&call_pattern(&[], &["ConsoleLogin", "Delete*Policy"]));
    insta::assert_snapshot!(anywhere.patterns[0].pattern);
}

#[test]
fn what_is_special_in_a_pattern_does_not_get_into_it() {
    let odd = ["a\"||$.x=\"", "Delete%Role", "(x)", "a\\b", "Ünicode", "new\nline", "{y}", "a.b"];
    for name in odd {
        let found = one(&call_pattern(&["iam.amazonaws.com"], &[name, "CreateRole"]));
        assert_eq!(passed(&matchers(&found), "iam.amazonaws.com", "CreateRole"), 1, "{name}");
        assert_eq!(passed(&matchers(&found), "iam.amazonaws.com", name), 1, "{name}");
    }
    let source = one(&call_pattern(&["x\"||$.y=\"*"], &["CreateRole"]));
    assert_eq!(passed(&matchers(&source), "x\"||$.y=\"z", "CreateRole"), 1);
}

/// A name that rules may ask for, from one that is known: as it is, in other case, with a wildcard, or unknown.
fn asked(name: &str, how: u8, at: usize) -> String {
    let at = 1 + at % name.len().max(2).saturating_sub(1);
    match how {
        0 => name.to_lowercase(),
        1 => format!("{}*", &name[..at.min(name.len())]),
        2 => format!("*{}", &name[at.min(name.len())..]),
        3 => format!("{}?{}", &name[..at.min(name.len() - 1)], &name[at.min(name.len() - 1) + 1..]),
        4 => format!("{name}Unheard"),
        _ => name.to_owned(),
    }
}

fn any_call_patterns() -> impl Strategy<Value = CallPatterns> {
    let known: Vec<(&str, &str)> = known_calls().collect();
    let service = prop_oneof![
        8 => Just(None),
        1 => prop::sample::select(vec!["", "made.up", "rds.amazonaws.com", "LOGS.amazonaws.com", "s3*", "*.amazonaws.com"])
            .prop_map(Some),
    ];
    let one = (prop::sample::select(known), service, 0_u8..14, any::<usize>()).prop_map(
        |((source, name), other, how, at)| {
            let source = match other {
                Some("") => Names::Any,
                other => Names::These(vec![other.unwrap_or(source).to_owned()]),
            };
            // Few rules are for all calls of a service, and none for all of any.
            let is_whole = how == 13 && at % 4 == 0 && source != Names::Any;
            let name = if is_whole { Names::Any } else { Names::These(vec![asked(name, how, at)]) };
            CallPattern { source, name, writes_only: false, management_only: false }
        },
    );
    prop::collection::vec(one, 1..60).prop_map(CallPatterns)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_rules_ask_for_passes(call_patterns in any_call_patterns(), characters in 60_usize..1025, filters in 1_usize..3) {
        let limits = Limits { characters, filters };
        let watched = [("rule", &call_patterns)];
        match of_call_patterns(&watched, limits) {
            Ok(found) => {
                prop_assert!(found.patterns.len() <= filters);
                prop_assert!(found.patterns.iter().all(|one| one.length <= characters && one.length == one.pattern.len()));
                let matchers = matchers(&found);
                // Names that nobody knows are asked for too.
                for call_pattern in &call_patterns.0 {
                    let (Names::These(sources), Names::These(names)) = (&call_pattern.source, &call_pattern.name) else { continue };
                    let is_plain = |text: &str| !text.contains(['*', '?']);
                    if is_plain(&sources[0]) && names[0].ends_with("Unheard") {
                        let source = sources[0].to_lowercase();
                        prop_assert_eq!(passed(&matchers, &source, &names[0]), 1, "{} of {}", &names[0], source);
                    }
                }
                check_passing(&found, &call_patterns)?;
                prop_assert_eq!(&of_call_patterns(&watched, limits).unwrap(), &found);
            }
            Err(PatternError::TooLong { shortest, limit }) => {
                prop_assert_eq!(limit, characters);
                prop_assert!(shortest > limit);
            }
            Err(PatternError::AnyCall(_)) => {
                let is_any = |names: &Names| match names {
                    Names::Any => true,
                    Names::These(names) => names.iter().any(|name| name.starts_with('*') || name.ends_with('*')),
                };
                prop_assert!(call_patterns.0.iter().any(|one| is_any(&one.source) && is_any(&one.name)));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn check_passing(found: &FilterPatterns, call_patterns: &CallPatterns) -> Result<(), TestCaseError> {
    let matchers = matchers(found);
    for (source, name) in known_calls() {
        let passed = passed(&matchers, source, name);
        prop_assert!(passed <= 1, "{name} of {source} passes {passed} patterns");
        prop_assert!(passed == 1 || !call_patterns.admit(source, name), "{name} of {source} does not pass");
    }
    Ok(())
}
