//! Every built-in rule against the fixtures that must hit and those that must not.

use std::collections::BTreeSet;
use std::fs;

use trailwarden::rules::RuleSet;

use crate::support::{files, fixture, json, payload, payload_by_all_rules, root, shared};

#[test]
fn every_rule_hits_its_hits_and_misses_its_misses() {
    for rule in RuleSet::load(&[]).unwrap().infos() {
        let (mut hits, mut misses) = (0, 0);
        for path in files(&fixture("rules").join(&rule.name)) {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let result = payload_by_all_rules(&fs::read_to_string(&path).unwrap());
            assert_eq!(result.tally.rejected, 0, "{}", path.display());
            let found = result.findings.iter().filter(|finding| finding.rule.name == rule.name).count();
            match name.split('-').next() {
                Some("hit") => {
                    assert_eq!(found, 1, "{} must hit {}", path.display(), rule.name);
                    hits += 1;
                }
                Some("miss") => {
                    assert_eq!(found, 0, "{} must not hit {}", path.display(), rule.name);
                    misses += 1;
                }
                _ => panic!("{} is called neither hit-… nor miss-…", path.display()),
            }
        }
        assert!(hits > 0 && misses > 0, "{} has {hits} hits and {misses} misses", rule.name);
    }
}

#[test]
fn every_fixture_belongs_to_a_rule() {
    let rules = RuleSet::load(&[]).unwrap();
    let names: BTreeSet<&str> = rules.infos().map(|rule| rule.name.as_str()).collect();
    for directory in files(&fixture("rules")) {
        let name = directory.file_name().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(name.as_str()), "no rule is called {name}");
    }
}

#[test]
fn every_built_in_rule_says_what_people_need() {
    for rule in RuleSet::load(&[]).unwrap().infos() {
        let name = &rule.name;
        assert!(rule.id.is_some(), "{name} has no id");
        assert!(rule.description.is_some(), "{name} has no description");
        assert!(!rule.references.is_empty(), "{name} has no references");
        assert!(!rule.controls.is_empty(), "{name} maps to no control");
        assert!(rule.tags.iter().any(|tag| tag.starts_with("attack.t")), "{name} has no ATT&CK technique");
    }
}

/// What people read of each fixture that hits, so that a change of wording is seen.
#[test]
fn every_hit_reads_like_this() {
    let mut told = Vec::new();
    for rule in files(&fixture("rules")) {
        let name = rule.file_name().unwrap().to_string_lossy().into_owned();
        for path in files(&rule) {
            for finding in payload_by_all_rules(&fs::read_to_string(&path).unwrap()).findings {
                let file = path.file_stem().unwrap().to_string_lossy();
                if finding.rule.name == name {
                    let (severity, status) = (finding.rule.severity.caption(), finding.status.code());
                    told.push(format!(
                        "{severity} {name} {status} ({file})\n  {}\n  {}\n",
                        finding.message, finding.remediation
                    ));
                }
            }
        }
    }
    let told = told.join("\n");
    assert!(!told.contains("unknown"), "something is not filled in");
    insta::assert_snapshot!(told);
}

#[test]
fn what_a_record_cannot_settle_asks_for_live_state() {
    for rule in RuleSet::load(&[]).unwrap().infos() {
        assert_eq!(rule.confirm.is_some(), rule.name != "blocked-action", "{}", rule.name);
    }
}

#[test]
fn a_finding_names_its_resource_and_only_what_offends() {
    let result =
        payload(&fs::read_to_string(fixture("rules/sg-ingress-world-all/hit-all-traffic-among-narrow.json")).unwrap());
    let finding = &result.findings[0];
    insta::assert_snapshot!(finding.message, @"NetOps/dana opened security group sg-0aaa1111bbb22222c to the whole internet: all traffic from 0.0.0.0/0, all traffic from ::/0.");
    insta::assert_snapshot!(finding.remediation, @"Revoke what was opened, then allow only the networks that need it: `aws ec2 revoke-security-group-ingress --region eu-west-1 --group-id sg-0aaa1111bbb22222c --security-group-rule-ids sgr-0123456789abcde02 sgr-0123456789abcde03`");
    assert_eq!(finding.resources[0].id, "sg-0aaa1111bbb22222c");
    let told: Vec<&str> = finding.evidence.iter().map(|clause| clause.text.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    exposure.ingress.world is all
    all traffic from 0.0.0.0/0, in requestParameters.ipPermissions.items[1].ipRanges.items[0].cidrIp
    all traffic from ::/0, in requestParameters.ipPermissions.items[1].ipv6Ranges.items[0].cidrIpv6
    ");
}

#[test]
fn every_action_on_the_blocked_list_is_found() {
    let Some(list) = shared("vectors/blocked-actions.txt") else { return };
    let list = fs::read_to_string(list).unwrap();
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
fn the_problem_is_the_same_and_the_message_another_for_another_event() {
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
fn a_record_without_an_id_gets_the_same_one_each_time() {
    let mut event = json(&fixture("rules/sg-ingress-world-admin/hit-items.json"));
    event.as_object_mut().unwrap().remove("eventID");
    let first = payload(&event.to_string()).findings.remove(0);
    assert_eq!(first.message_uid(), payload(&event.to_string()).findings[0].message_uid());
    event["requestID"] = "another".into();
    assert_ne!(first.message_uid(), payload(&event.to_string()).findings[0].message_uid());
}
