//! Every built-in rule against the fixtures that must hit and those that must not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::event::Event;
use trailwarden::live_state::Assertion;
use trailwarden::rules::{Names, RuleSet};

use crate::support::{RuleFixture, Yield, files, fixture, json, payload, payload_by_all_rules, root, rule_fixtures};

#[test]
fn every_rule_hits_its_hits_and_misses_its_misses() {
    let mut seen: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for RuleFixture { rule, name, text } in rule_fixtures() {
        let result = payload_by_all_rules(&text);
        assert_eq!(result.tally.received, 1, "{rule}/{name}");
        assert_eq!(result.tally.rejected, 0, "{rule}/{name}");
        let found = result.findings.iter().filter(|finding| finding.rule.name == rule).count();
        let (hits, misses) = seen.entry(rule.clone()).or_default();
        match name.split(['-', '.']).next() {
            Some("hit") => {
                assert_eq!(found, 1, "{rule}/{name} must hit");
                *hits += 1;
            }
            Some("miss") => {
                assert_eq!(found, 0, "{rule}/{name} must not hit");
                *misses += 1;
            }
            _ => panic!("{rule}/{name} is called neither hit-… nor miss-…"),
        }
    }
    for rule in RuleSet::load(&[]).unwrap().infos() {
        let (hits, misses) = seen.get(&rule.name).copied().unwrap_or_default();
        assert!(hits > 0 && misses > 0, "{} has {hits} hits and {misses} misses", rule.name);
    }
}

#[test]
fn every_fixture_belongs_to_a_rule() {
    let rules = RuleSet::load(&[]).unwrap();
    let names: BTreeSet<&str> = rules.infos().map(|rule| rule.name.as_str()).collect();
    for path in files(&fixture("rules")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(name.as_str()) || name == "trailwarden.yml", "no rule is called {name}");
    }
}

#[test]
fn every_fixture_record_has_a_unique_id() {
    let mut seen = BTreeMap::new();
    for fixture in rule_fixtures().into_iter().filter(|fixture| fixture.name.contains(".jsonl")) {
        let event: Value = serde_json::from_str(&fixture.text).unwrap();
        let place = format!("{}/{}", fixture.rule, fixture.name);
        if let Some(first) = seen.insert(event["eventID"].to_string(), place.clone()) {
            panic!("{place} has the id of {first}");
        }
    }
}

/// The rules of this pack divide the calls among each other.
#[test]
fn a_call_has_at_most_one_tampering_finding() {
    for RuleFixture { rule, name, text } in rule_fixtures() {
        let findings = payload_by_all_rules(&text).findings;
        let of_pack = findings.iter().filter(|finding| finding.rule.pack.as_deref() == Some("tamper"));
        let reported: Vec<&str> = of_pack.map(|finding| finding.rule.name.as_str()).collect();
        assert!(reported.len() <= 1, "{rule}/{name}: {reported:?}");
    }
}

#[test]
fn every_call_in_a_list_has_a_hit() {
    let file = ConfigurationFile::read(&fixture("rules/trailwarden.yml")).unwrap();
    let set = Configuration::of_file(file).rules().unwrap();
    let listed = ["tamper", "blocked-actions-extended", "data-events"].map(Some);
    for rule in set.rules().iter().filter(|rule| listed.contains(&rule.info().pack.as_deref())) {
        let name = &rule.info().name;
        let events = hits(name).into_iter().map(|hit| serde_json::from_str::<Value>(&hit.text).unwrap());
        let called: BTreeSet<(String, String)> =
            events.map(|event| (text_at(&event, "eventSource"), text_at(&event, "eventName"))).collect();
        assert!(!rule.call_patterns().0.is_empty(), "{name} matches nothing");
        for call_pattern in &rule.call_patterns().0 {
            let sources = match &call_pattern.source {
                Names::These(sources) => sources.clone(),
                // A rule about the resources that a call names.
                Names::Any if call_pattern.writes_only => vec![String::new()],
                Names::Any => panic!("{name} does not say which calls it is about"),
            };
            let Names::These(calls) = &call_pattern.name else {
                assert!(call_pattern.writes_only, "{name} does not say which calls it is about");
                continue;
            };
            for (source, call) in sources.iter().flat_map(|source| calls.iter().map(move |call| (source, call))) {
                let operation = call.strip_suffix("20*").unwrap_or(call);
                let is_this = |name: &str| {
                    name.strip_prefix(operation).is_some_and(|rest| rest.is_empty() || rest.starts_with("20"))
                };
                let is_shown = called.iter().any(|(at, name)| (at == source || source.is_empty()) && is_this(name));
                assert!(is_shown, "{name} has no hit for {call} of {source}");
            }
        }
    }
}

#[test]
fn every_reduction_variant_has_fixtures_at_both_levels() {
    let mut seen = 0;
    for rule in RuleSet::load(&[]).unwrap().rules() {
        let Some(milder) = rule.reduced_severity() else { continue };
        let name = &rule.info().name;
        let shown: BTreeSet<&str> = severities(name, payload_by_all_rules).into_iter().collect();
        assert_eq!(shown, BTreeSet::from([rule.info().severity.caption(), milder.caption()]), "{name}");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn every_escalation_variant_has_fixtures_at_both_levels() {
    for rule in RuleSet::load(&[]).unwrap().rules() {
        let Some(worse) = rule.escalated_severity() else { continue };
        let name = &rule.info().name;
        if name == "role-trust-external" {
            // The configuration raises it, not the record; the tests of the command line show both.
            continue;
        }
        let shown: BTreeSet<&str> = severities(name, payload_by_all_rules).into_iter().collect();
        assert_eq!(shown, BTreeSet::from([rule.info().severity.caption(), worse.caption()]), "{name}");
    }
}

fn text_at(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap().to_owned()
}

/// The records that the rule must hit.
fn hits(rule: &str) -> Vec<RuleFixture> {
    rule_fixtures().into_iter().filter(|fixture| fixture.rule == rule && fixture.name.starts_with("hit")).collect()
}

/// How bad a finding of `rule` is for each of its hits, in their order.
fn severities(rule: &str, run: fn(&str) -> Yield) -> Vec<&'static str> {
    let findings = hits(rule).into_iter().flat_map(|hit| run(&hit.text).findings);
    findings.filter(|finding| finding.rule.name == rule).map(|finding| finding.rule.severity.caption()).collect()
}

#[test]
fn without_configuration_no_resource_is_your_own() {
    for rule in RuleSet::load(&[]).unwrap().infos() {
        let needs_names = rule.name.starts_with("own-") || rule.name == "watched-bucket-written";
        if needs_names {
            assert_eq!(severities(&rule.name, payload), Vec::<&str>::new(), "{}", rule.name);
            assert!(!severities(&rule.name, payload_by_all_rules).is_empty(), "{}", rule.name);
        }
    }
    let stopped = severities("trail-stopped", payload);
    assert!(stopped.len() > 2 && stopped.iter().all(|severity| *severity == "High"), "{stopped:?}");
    let deleted = severities("log-group-deleted", payload);
    assert!(deleted.len() > 2 && deleted.iter().all(|severity| *severity == "Low"), "{deleted:?}");
}

/// Whether sending the trail `org-trail` to this log group weakens it, by this configuration.
fn is_weakened_by(log_group: &str, placeholders: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trailwarden.yml");
    fs::write(&file, format!("placeholders: {placeholders}\n")).unwrap();
    let file = ConfigurationFile::read(&file).unwrap();
    let set = Configuration::of_file(file).rules().unwrap();
    let event = serde_json::json!({
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "UpdateTrail",
        "requestParameters": {
            "name": "org-trail",
            "cloudWatchLogsLogGroupArn": format!("arn:aws:logs:eu-west-1:111122223333:log-group:{log_group}"),
        },
    })
    .to_string();
    let findings = set.evaluate(&Event::parse(&event).unwrap());
    let reported: Vec<&str> = findings.iter().map(|finding| finding.rule.name.as_str()).collect();
    assert!(reported == ["trail-weakened"] || reported == ["trail-changed"], "{reported:?}");
    reported == ["trail-weakened"]
}

#[test]
fn a_log_group_is_foreign_only_if_your_own_is_configured() {
    let both =
        "{own_trails: [org-trail], own_log_groups: [org-trail-logs, '/aws/c++ (x) [y] * {z}#'], own_buckets: [b]}";
    assert!(is_weakened_by("elsewhere:*", both));
    assert!(is_weakened_by("org-trail-logs-2:*", both));
    assert!(!is_weakened_by("org-trail-logs:*", both));
    assert!(!is_weakened_by("org-trail-logs", both));
    assert!(!is_weakened_by("elsewhere:*", "{own_log_groups: [org-trail-logs]}"));
    assert!(!is_weakened_by(
        "elsewhere:*",
        "{own_trails: [team-trail], own_log_groups: [org-trail-logs], own_buckets: [b]}"
    ));
}

#[test]
fn every_built_in_rule_has_complete_metadata() {
    for rule in RuleSet::load(&[]).unwrap().infos() {
        let name = &rule.name;
        assert!(rule.id.is_some(), "{name} has no id");
        assert!(rule.description.is_some(), "{name} has no description");
        assert!(!rule.references.is_empty(), "{name} has no references");
        // Heartbeats violate nothing.
        let is_heartbeat = rule.pack.as_deref() == Some("heartbeat");
        assert_eq!(rule.controls.is_empty(), is_heartbeat, "{name}");
        assert!(rule.tags.iter().any(|tag| tag.starts_with("attack.t")), "{name} has no ATT&CK technique");
    }
}

/// The text of each fixture that hits, by rule.
fn texts_of_hits() -> BTreeMap<String, String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for RuleFixture { rule, name, text } in rule_fixtures() {
        let name = match name.split_once(".jsonl:") {
            Some((file, line)) => format!("{file} {line}"),
            None => name.trim_end_matches(".json").to_owned(),
        };
        for finding in payload_by_all_rules(&text).findings {
            if finding.rule.name == rule {
                let (severity, status) = (finding.rule.severity.caption(), finding.status.code());
                let (message, remediation) = (&finding.message, &finding.remediation);
                let text = format!("{severity} {status} ({name})\n  {message}\n  {remediation}\n");
                assert!(!text.contains("unknown"), "something is not filled in: {text}");
                texts.entry(rule.clone()).or_default().push(text);
            }
        }
    }
    texts.into_iter().map(|(rule, texts)| (rule, texts.join("\n"))).collect()
}

/// One snapshot per rule, so that a change of wording is seen.
#[test]
fn hit_snapshots() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/rules");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let texts = texts_of_hits();
    let differ: Vec<&String> = texts
        .iter()
        .filter(|(rule, text)| {
            let compare = || settings.bind(|| insta::assert_snapshot!(rule.as_str(), text));
            // insta has printed the difference.
            catch_unwind(AssertUnwindSafe(compare)).is_err()
        })
        .map(|(rule, _)| rule)
        .collect();
    assert!(differ.is_empty(), "`tests/refresh` writes these snapshots: {differ:?}");
    let snapshots: BTreeSet<String> = files(&root().join("tests/suite/snapshots/rules"))
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "snap"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let stale: Vec<&String> = snapshots.iter().filter(|name| !texts.contains_key(*name)).collect();
    assert!(stale.is_empty(), "`tests/refresh` removes the snapshots of rules that are gone: {stale:?}");
}

#[test]
fn live_state_can_verify_every_rule_that_requires_it() {
    let mut verifiable: BTreeMap<String, bool> = BTreeMap::new();
    for RuleFixture { text, .. } in rule_fixtures() {
        let event = Event::parse(&text).unwrap();
        for finding in payload_by_all_rules(&text).findings {
            if let Some(assertion) = Assertion::of(&finding, &event) {
                *verifiable.entry(finding.rule.name.clone()).or_default() |= assertion.can_be_verified();
            }
        }
    }
    assert!(verifiable.len() > 20);
    assert_eq!(verifiable.into_iter().filter(|(_, verifiable)| !verifiable).collect::<Vec<_>>(), []);
}

#[test]
fn a_finding_contains_its_resource_and_only_matching_evidence() {
    let result =
        payload(&fs::read_to_string(fixture("rules/sg-ingress-world-all/hit-all-traffic-among-narrow.json")).unwrap());
    let finding = &result.findings[0];
    insta::assert_snapshot!(finding.message, @"NetOps/dana opened security group sg-0aaa1111bbb22222c to the whole internet: all traffic from 0.0.0.0/0, all traffic from ::/0.");
    insta::assert_snapshot!(finding.remediation, @"Revoke the rules, then allow only the networks that need access: `aws ec2 revoke-security-group-ingress --region eu-west-1 --group-id sg-0aaa1111bbb22222c --security-group-rule-ids sgr-0123456789abcde02 sgr-0123456789abcde03`");
    assert_eq!(finding.resources[0].id, "sg-0aaa1111bbb22222c");
    let reported: Vec<&str> = finding.evidence.iter().map(|clause| clause.text.as_str()).collect();
    insta::assert_snapshot!(reported.join("\n"), @"
    the group admits the whole internet on every port
    all traffic from 0.0.0.0/0
    all traffic from ::/0
    ");
}

#[test]
fn every_blocked_action_has_a_finding() {
    let list = fs::read_to_string(root().join("tests/vectors/blocked-actions.txt")).unwrap();
    let wanted: BTreeSet<&str> = list.lines().filter_map(|line| line.trim().strip_prefix("ec2:")).collect();
    assert_eq!(wanted.len(), 136);
    let rule = fs::read_to_string(root().join("rules/blocked-actions/blocked-action.yml")).unwrap();
    let written: BTreeSet<&str> = rule.lines().filter_map(|line| line.strip_prefix("      - ")).collect();
    assert_eq!(written, wanted);
    let mut event = json(&fixture("rules/blocked-action/hit-wrapped.json"));
    for action in wanted {
        event["eventName"] = action.into();
        let findings = payload(&event.to_string()).findings;
        assert_eq!(findings.iter().filter(|one| one.rule.name == "blocked-action").count(), 1, "{action}");
    }
}

#[test]
fn events_of_the_same_problem_have_different_message_ids() {
    let mut event = json(&fixture("rules/sg-ingress-world-admin/hit-items.json"));
    let first = payload(&event.to_string()).findings.remove(0);
    let again = payload(&event.to_string()).findings.remove(0);
    assert_eq!((first.uid(), first.message_uid()), (again.uid(), again.message_uid()));

    event["eventID"] = "11111111-2222-4333-8444-555555555555".into();
    let later = payload(&event.to_string()).findings.remove(0);
    assert_eq!(later.uid(), first.uid());
    assert_ne!(later.message_uid(), first.message_uid());

    for (key, value) in [("recipientAccountId", "444455556666"), ("awsRegion", "us-west-2")] {
        let mut event = json(&fixture("rules/sg-ingress-world-admin/hit-items.json"));
        event[key] = value.into();
        assert_ne!(payload(&event.to_string()).findings[0].uid(), first.uid(), "{key}");
    }
}

#[test]
fn ids_never_change_between_versions() {
    let finding = payload(&fs::read_to_string(fixture("rules/sg-ingress-world-admin/hit-items.json")).unwrap())
        .findings
        .remove(0);
    insta::assert_snapshot!(finding.uid(), @"cef0722c-8ae2-5a72-a56f-baa18a03269c");
    insta::assert_snapshot!(finding.message_uid(), @"559465fd-c1eb-5d06-ab91-7027d71aab2f");
}

#[test]
fn a_record_without_an_id_gets_a_deterministic_one() {
    let mut event = json(&fixture("rules/sg-ingress-world-admin/hit-items.json"));
    event.as_object_mut().unwrap().remove("eventID");
    let first = payload(&event.to_string()).findings.remove(0);
    assert_eq!(first.message_uid(), payload(&event.to_string()).findings[0].message_uid());
    event["requestID"] = "another".into();
    assert_ne!(first.message_uid(), payload(&event.to_string()).findings[0].message_uid());
}
