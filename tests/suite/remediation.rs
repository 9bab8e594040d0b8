//! The remediator, on an AWS in memory.

mod aws;

use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;

use aws::{ACCOUNT, Aws, Fault, world};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden::actions::{ACTIONS, Action, Reversibility};
use trailwarden::finding::ocsf;
use trailwarden::remediation::engine::{Answer, RequestError};
use trailwarden::remediation::memory::MemoryStore;
use trailwarden::remediation::message::{MessageError, batch};
use trailwarden::remediation::{
    ActionRecord, ActionStatus, Announcement, Announcer, Approvals, Deployment, Disposition, Engine, Mode, Notice,
    Occasion, RemediationPolicy, Retry, Store, brakes,
};

use crate::support::{directory, fixture, json_lines, payload_by_all_rules, told};

const TOPIC: &str = "arn:aws:sns:eu-west-1:999900001111:trailwarden-findings";
const PERSON: &str = "arn:aws:sts::111122223333:assumed-role/OnCall/erin";

/// Each action with a rule and a record that it undoes.
const CASES: &[(&str, &str, &str)] = &[
    ("block-public-images", "block-public-access-weakened-image", "hit.json"),
    ("block-public-snapshots", "block-public-access-weakened-snapshot", "hit-disabled.json"),
    ("close-endpoint-service", "endpoint-service-public", "hit.json"),
    ("delete-block-public-access-exclusion", "block-public-access-weakened-exclusion", "hit-created.json"),
    ("delete-network-acl-entry", "nacl-ingress-world-admin", "hit-ssh.json"),
    ("delete-route", "route-to-igw", "hit-default.json"),
    ("detach-internet-gateway", "igw-attached", "hit.json"),
    ("disassociate-address", "eip-associated", "hit-instance.json"),
    ("disassociate-route-table", "route-to-igw-associated", "hit-associated.json"),
    ("enable-detector", "detection-disabled-guardduty", "hit-calls.jsonl:2"),
    ("enable-event-rule", "own-event-rule-disabled", "hit-calls.jsonl"),
    ("enable-key", "own-key-disabled", "hit-calls.jsonl:3"),
    ("encrypt-new-volumes", "ebs-default-encryption-off", "hit.json"),
    ("reject-peering", "vpc-peering-external", "hit-requested.json"),
    ("release-function", "own-function-changed", "hit-calls.jsonl:7"),
    ("remove-interface-address", "instance-public-ip-interface", "hit.json"),
    ("require-imds-tokens", "imdsv1-allowed", "hit-modified.json"),
    ("require-imds-tokens-by-default", "imdsv1-allowed-account", "hit.json"),
    ("restart-trail", "trail-stopped", "hit-calls.jsonl"),
    ("restore-network-acl-entry", "nacl-ingress-world-admin", "hit-replaced-ipv6.json"),
    ("restore-prefix-list", "prefix-list-world", "hit-modified.json"),
    ("restore-role-trust", "role-trust-public", "hit-update.json"),
    ("restore-route", "route-to-igw", "hit-replaced.json"),
    ("revoke-ingress-rules", "sg-ingress-world-admin", "hit-items.json"),
    ("start-config-recorder", "detection-disabled-config", "hit-calls.jsonl"),
    ("stop-public-ipv4-addresses", "subnet-auto-public-ip", "hit.json"),
    ("stop-ipv6-addresses", "subnet-auto-public-ip-ipv6", "hit.json"),
    ("unshare-image", "image-public", "hit.json"),
    ("unshare-snapshot", "snapshot-public", "hit.json"),
];

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn later(minutes: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

/// A record of a fixture that was made at `time`, with members replaced.
fn record(rule: &str, file: &str, time: Timestamp, changes: &[(&str, Value)]) -> Value {
    let mut record = json_lines_or_one(rule, file);
    if record["eventName"] == "ReplaceNetworkAclEntry" {
        record["requestParameters"]["networkAclId"] = "acl-0123456789abcdef1".into();
    }
    record["eventTime"] = time.to_string().into();
    for (pointer, value) in changes {
        match record.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => record[pointer.trim_start_matches('/')] = value.clone(),
        }
    }
    record
}

/// The record of a fixture. The AWS in memory has the entry that a call replaced in another network ACL than the one that a
/// call created.
fn json_lines_or_one(rule: &str, file: &str) -> Value {
    let (file, line) = file.split_once(':').unwrap_or((file, "1"));
    let path = fixture(&format!("rules/{rule}/{file}"));
    if file.ends_with(".jsonl") {
        json_lines(&path).remove(line.parse::<usize>().unwrap() - 1)
    } else {
        crate::support::json(&path)
    }
}

/// The document of the rule's finding about a record.
fn document(rule: &str, record: &Value) -> Value {
    let found = payload_by_all_rules(&record.to_string());
    let finding = found.findings.iter().find(|finding| finding.rule.name == rule).unwrap();
    let mut document = ocsf::document(finding, now());
    // Findings of live state are evaluated in tests without the pipeline.
    if document.get("unmapped").is_none() {
        let text = record.to_string();
        let event = trailwarden::event::Event::parse(&text).unwrap();
        let action = trailwarden::actions::requested(&event, finding).unwrap();
        document["unmapped"] = json!({"action": {"name": action.name, "arguments": action.arguments}});
    }
    document
}

/// An SQS event with the SNS envelopes of documents.
fn sqs(documents: &[Value], topic: &str) -> String {
    let message = |(place, document): (usize, &Value)| {
        let envelope = json!({"Type": "Notification", "MessageId": "m", "TopicArn": topic, "Message": document.to_string(),
                              "Timestamp": "2026-06-01T12:00:00Z", "SignatureVersion": "1", "Signature": "s"});
        json!({"messageId": place.to_string(), "receiptHandle": "r", "body": envelope.to_string(), "attributes": {},
               "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
               "eventSourceARN": "arn:aws:sqs:eu-west-1:999900001111:q", "awsRegion": "eu-west-1"})
    };
    json!({"Records": documents.iter().enumerate().map(message).collect::<Vec<_>>()}).to_string()
}

/// A notice, by the way of a queue.
fn delivered(document: &Value) -> Notice {
    let received = batch(&sqs(std::slice::from_ref(document), TOPIC), TOPIC).unwrap();
    received.into_iter().next().unwrap().notice.unwrap()
}

fn notice(rule: &str, file: &str) -> Notice {
    delivered(&document(rule, &record(rule, file, later(-1), &[])))
}

/// A notice about opened SSH, with members of the record replaced.
fn ssh(changes: &[(&str, Value)]) -> Notice {
    let rule = "sg-ingress-world-admin";
    delivered(&document(rule, &record(rule, "hit-items.json", later(-1), changes)))
}

/// The same for another event.
fn ssh_again(id: &str, time: Timestamp) -> Notice {
    let rule = "sg-ingress-world-admin";
    delivered(&document(rule, &record(rule, "hit-items.json", time, &[("/eventID", id.into())])))
}

/// People who remember what they were told.
#[derive(Debug, Default)]
struct People {
    told: Mutex<Vec<Announcement>>,
    resolved: Mutex<Vec<Value>>,
    requests: Mutex<Vec<String>>,
    is_deaf: Mutex<bool>,
}

impl People {
    fn words(&self) -> Vec<Occasion> {
        self.told.lock().unwrap().iter().map(|told| told.word).collect()
    }

    fn last(&self) -> Announcement {
        self.told.lock().unwrap().last().unwrap().clone()
    }
}

impl Announcer for People {
    async fn announce(&self, told: &Announcement) -> Result<(), String> {
        if *self.is_deaf.lock().unwrap() {
            return Err("the topic is gone".to_owned());
        }
        self.told.lock().unwrap().push(told.clone());
        Ok(())
    }

    async fn resolved(&self, document: &Value) -> Result<(), String> {
        self.resolved.lock().unwrap().push(document.clone());
        Ok(())
    }
}

impl Approvals for People {
    async fn request(&self, record: &ActionRecord) -> Result<(), String> {
        self.requests.lock().unwrap().push(record.id.clone());
        // The function tells people when the state machine asks.
        self.announce(&Announcement::request(record, "0123456789abcdef")).await
    }
}

const AUTO: &str = "statements: [{rules: ['*'], mode: auto, until: 2026-12-31}]";

/// Everything that an engine needs.
#[derive(Debug, Default)]
struct Rig {
    aws: Aws,
    store: MemoryStore,
    people: People,
}

impl Rig {
    fn engine(&self, policy: &str) -> Engine<&Aws, &MemoryStore, &People, &People> {
        let policy = RemediationPolicy::parse("remediation.yml", policy).unwrap();
        let deployment = Deployment {
            account: "999900001111".to_owned(),
            region: "eu-west-1".to_owned(),
            resources: vec!["*trail/team-trail".to_owned(), "team-trail".to_owned(), "sg-0own*".to_owned()],
            roles: vec!["arn:aws:iam::999900001111:role/trailwarden/trailwarden-remediator".to_owned()],
            switch: "/trailwarden/remediation".to_owned(),
        };
        let (cloud, store, announcer) = (&self.aws, &self.store, &self.people);
        Engine { cloud, store, announcer, approvals: &self.people, policy, deployment }
    }

    fn handle(&self, policy: &str, notice: &Notice, now: Timestamp) -> Result<Disposition, Retry> {
        pollster::block_on(self.engine(policy).handle(notice, now))
    }

    fn status(&self, policy: &str, notice: &Notice, now: Timestamp) -> ActionStatus {
        match self.handle(policy, notice, now).unwrap() {
            Disposition::Recorded(status, _) => status,
            other => panic!("{other:?}"),
        }
    }

    fn left_alone(&self, policy: &str, notice: &Notice, now: Timestamp) -> String {
        match self.handle(policy, notice, now).unwrap() {
            Disposition::LeftAlone(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&self, id: &str, person: &str, is_yes: bool, now: Timestamp) -> Result<Disposition, RequestError> {
        let answer = Answer { person: person.to_owned(), is_yes };
        pollster::block_on(self.engine(AUTO).answer(id, &answer, now))
    }

    fn undo(&self, id: &str, now: Timestamp) -> Result<Disposition, RequestError> {
        pollster::block_on(self.engine(AUTO).undo(id, PERSON, now))
    }

    fn record(&self, notice: &Notice) -> ActionRecord {
        let item = pollster::block_on(self.store.get(&ActionRecord::key_of(&notice.action_id()))).unwrap().unwrap();
        serde_json::from_value(item.value).unwrap()
    }
}

/// The status of a result that is recorded.
fn recorded<E: std::fmt::Debug>(result: Result<Disposition, E>) -> ActionStatus {
    match result.unwrap() {
        Disposition::Recorded(status, _) => status,
        other => panic!("{other:?}"),
    }
}

/// Acts on a notice, with approval where the action needs it.
fn act(rig: &Rig, notice: &Notice) -> ActionStatus {
    match rig.status(AUTO, notice, now()) {
        ActionStatus::AwaitingApproval => recorded(rig.answer(&notice.action_id(), PERSON, true, now())),
        status => status,
    }
}

/// The state without ids and versions that AWS assigns anew, in one order.
fn comparable(mut state: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for name in ["SecurityGroupRuleId", "AssociationId", "RouteTableAssociationId", "ExclusionId"] {
                    members.remove(name);
                }
                if let Some(entries) = members.get("Version").map(ToString::to_string) {
                    let current = members["Versions"][&entries].clone();
                    members.insert("Versions".to_owned(), current);
                    members.remove("Version");
                }
                members.values_mut().for_each(strip);
            }
            Value::Array(elements) => {
                elements.iter_mut().for_each(strip);
                elements.sort_by_key(ToString::to_string);
            }
            _ => {}
        }
    }
    strip(&mut state);
    state
}

#[test]
fn every_action_acts_on_its_record_and_undo_restores_the_state() {
    let tried: BTreeSet<&str> = CASES.iter().map(|(action, ..)| *action).collect();
    let all: BTreeSet<&str> = ACTIONS.iter().map(|action| action.name).collect();
    assert_eq!(tried, all);
    for (name, rule, file) in CASES {
        let (rig, notice) = (Rig::default(), notice(rule, file));
        let action = Action::named(name).unwrap();
        assert_eq!(notice.action.as_ref().unwrap().0, *name);
        let before = rig.aws.state();
        assert_eq!(act(&rig, &notice), ActionStatus::Done, "{name}: {:?}", rig.record(&notice).detail);
        assert_ne!(comparable(rig.aws.state()), comparable(before.clone()), "{name}");
        assert_eq!(rig.people.words().last(), Some(&Occasion::Done), "{name}");
        // The same message again changes nothing.
        let acts = rig.aws.act_count();
        assert_eq!(rig.status(AUTO, &notice, later(5)), ActionStatus::Done);
        assert_eq!(rig.aws.act_count(), acts, "{name}");
        assert_eq!(rig.people.resolved.lock().unwrap().len(), 1);

        let undone = rig.undo(&notice.action_id(), later(6));
        if matches!(action.reversibility, Reversibility::None(_)) {
            assert!(matches!(undone, Err(RequestError::No(_))), "{name}");
            continue;
        }
        assert_eq!(recorded(undone), ActionStatus::Undone, "{name}");
        assert_eq!(comparable(rig.aws.state()), comparable(before), "{name}");
        // What a person undid stays undone, also for the finding that the undo causes.
        let again = delivered(&document(rule, &record(rule, file, later(7), &[("/eventID", "after-the-undo".into())])));
        let acts = rig.aws.act_count();
        let status = rig.status(AUTO, &again, later(8));
        if status == ActionStatus::AwaitingApproval {
            recorded(rig.answer(&again.action_id(), PERSON, true, later(8)));
        }
        assert_eq!(rig.aws.act_count(), acts, "{name}");
    }
}

/// The texts in a value.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(elements) => elements.iter().for_each(|element| texts(element, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}

/// Whether a text names a resource or a network.
fn names_something(text: &str) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    has_digit && (text.contains('-') || text.contains('/')) || text.starts_with("arn:")
}

/// Every resource and network that a call names is in the record. An ARN counts by its last part.
fn assert_named(rig: &Rig, record: &Value, context: &str) {
    // What an action restores is in the record, or in the history of the resource that the record names.
    let record = format!("{record}{}", rig.aws.state()["History"].to_string().replace('\\', ""));
    for call in rig.aws.acts.lock().unwrap().iter() {
        let mut named = Vec::new();
        texts(&call.parameters, &mut named);
        // The text of a policy is compared in a test of its own.
        for text in named.into_iter().filter(|text| names_something(text) && !text.starts_with('{')) {
            let last = text.rsplit('/').next().unwrap().to_owned();
            assert!(record.contains(&text) || text.starts_with("arn:") && record.contains(&last), "{context}: {text}");
        }
    }
}

#[test]
fn no_call_names_anything_that_the_record_does_not() {
    for (name, rule, file) in CASES {
        let rig = Rig::default();
        let record = record(rule, file, later(-1), &[]);
        act(&rig, &delivered(&document(rule, &record)));
        assert!(rig.aws.act_count() > 0);
        assert_named(&rig, &record, name);
    }
}

/// Pointers to every value in a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, element)| pointers(element, &format!("{at}/{index}"), found));
        }
        Value::Object(members) => {
            for (name, member) in members {
                pointers(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever somebody changed in the meantime, the remediator touches only what the record names, and everything else
    /// stays as it is.
    #[test]
    fn a_changed_resource_never_leads_elsewhere(case in 0..CASES.len(), at in any::<prop::sample::Index>(), kind in 0..4) {
        let (name, rule, file) = CASES[case];
        let mut found = Vec::new();
        let world = world();
        for kind in world.as_object().unwrap().keys().filter(|kind| !["Switch", "Tags"].contains(&kind.as_str())) {
            pointers(&world[kind], &format!("/{kind}"), &mut found);
        }
        // Lists and maps of resources stay what they are; their content changes.
        found.retain(|pointer| pointer.matches('/').count() > 1 || !(world.pointer(pointer).unwrap().is_array() || world.pointer(pointer).unwrap().is_object()));
        let pointer = &found[at.index(found.len())];
        let old = world.pointer(pointer).unwrap().clone();
        let new = match (kind, &old) {
            (_, Value::Array(_)) => json!([]),
            (_, Value::Object(_)) => return Ok(()),
            (0, Value::String(text)) => json!(format!("{text}0")),
            (1, Value::String(_)) => json!("192.0.2.0/24"),
            (2, _) => Value::Null,
            (_, Value::Bool(flag)) => json!(!flag),
            (_, Value::Number(number)) => json!(number.as_u64().unwrap() + 1),
            _ => json!("sg-0ffffffffffffffff"),
        };
        let rig = Rig::default();
        rig.aws.change(pointer, new);
        let record = record(rule, file, later(-1), &[]);
        let notice = delivered(&document(rule, &record));
        let before = rig.aws.state();
        // A world that makes no sense may end in any way but a wrong call.
        let result = panic::catch_unwind(AssertUnwindSafe(|| act(&rig, &notice)));
        assert_named(&rig, &record, name);
        if rig.aws.act_count() == 0 {
            prop_assert_eq!(rig.aws.state(), before, "{} {} {:?}", name, pointer, result.is_ok());
        }
    }
}

/// Reads and acts of each action and of its undo.
#[cfg(feature = "remediation")]
#[test]
fn every_call_can_be_made_by_the_sdk() {
    use trailwarden::remediation::aws::is_supported;

    for (name, rule, file) in CASES {
        let (rig, notice) = (Rig::default(), notice(rule, file));
        act(&rig, &notice);
        // An action without an inverse refuses.
        let _ = rig.undo(&notice.action_id(), later(1));
        let made = [rig.aws.reads.lock().unwrap().clone(), rig.aws.acts.lock().unwrap().clone()].concat();
        for call in made {
            assert!(is_supported(&call.service, &call.operation), "{name}: {}", call.iam_action());
        }
    }
    assert!(is_supported("organizations", "ListParents") && is_supported("ssm", "GetParameter"));
    assert!(!is_supported("ec2", "TerminateInstances") && !is_supported("s3", "DeleteBucket"));
}

#[test]
fn a_change_that_aws_is_still_carrying_out_is_awaited() {
    let of_list = |state: &str| {
        let rig = Rig::default();
        rig.aws.change("/PrefixLists/0/State", state.into());
        rig
    };
    let notice = notice("prefix-list-world", "hit-modified.json");
    // Before the call, the message stays in the queue, without a record.
    let rig = of_list("modify-in-progress");
    assert!(rig.handle(AUTO, &notice, now()).is_err());
    assert_eq!(rig.aws.act_count(), 0);
    rig.aws.change("/PrefixLists/0/State", "modify-complete".into());
    assert_eq!(act(&rig, &notice), ActionStatus::Done);
    // After the call, the record waits for the next delivery, and the call is not made again.
    let rig = Rig::default();
    *rig.aws.faults.lock().unwrap() = vec![Some(Fault::KilledAfter)];
    assert!(panic::catch_unwind(AssertUnwindSafe(|| act(&rig, &notice))).is_err());
    rig.aws.change("/PrefixLists/0/State", "restore-in-progress".into());
    assert!(rig.handle(AUTO, &notice, later(2)).is_err());
    assert_eq!(rig.record(&notice).status, ActionStatus::Started);
    rig.aws.change("/PrefixLists/0/State", "restore-complete".into());
    assert_eq!(rig.status(AUTO, &notice, later(3)), ActionStatus::Done);
    assert_eq!(rig.aws.act_count(), 1);
    // An undo waits, too.
    rig.aws.change("/PrefixLists/0/State", "restore-in-progress".into());
    assert!(matches!(rig.undo(&notice.action_id(), later(4)), Err(RequestError::Later(_))));
    rig.aws.change("/PrefixLists/0/State", "restore-complete".into());
    assert_eq!(recorded(rig.undo(&notice.action_id(), later(5))), ActionStatus::Undone);
}

#[test]
fn an_undo_that_was_interrupted_is_completed() {
    let (rig, ssh) = (Rig::default(), ssh(&[]));
    assert_eq!(rig.status(AUTO, &ssh, now()), ActionStatus::Done);
    *rig.aws.faults.lock().unwrap() = vec![Some(Fault::KilledAfter)];
    let undo = || rig.undo(&ssh.action_id(), later(1));
    assert!(panic::catch_unwind(AssertUnwindSafe(undo)).is_err());
    assert!(matches!(undo(), Err(RequestError::Later(_))));
    assert_eq!(recorded(rig.undo(&ssh.action_id(), later(3))), ActionStatus::Undone);
    assert_eq!(rig.aws.act_count(), 2);
}

#[test]
fn a_call_that_is_refused_because_it_was_made_counts_as_done() {
    let (rig, notice) = (Rig::default(), notice("subnet-auto-public-ip", "hit.json"));
    *rig.aws.faults.lock().unwrap() = vec![Some(Fault::MadeAndRefused)];
    assert_eq!(rig.status(AUTO, &notice, now()), ActionStatus::Done);
}

#[test]
fn a_role_may_make_exactly_the_calls_of_its_action() {
    for (name, rule, file) in CASES {
        let (rig, notice) = (Rig::default(), notice(rule, file));
        act(&rig, &notice);
        let own = ["ssm:GetParameter", "organizations:ListParents"];
        let reads = rig.aws.reads.lock().unwrap();
        let acts = rig.aws.acts.lock().unwrap();
        let made: BTreeSet<String> =
            reads.iter().chain(acts.iter()).map(trailwarden::actions::ApiCall::iam_action).collect();
        let made: BTreeSet<&str> = made.iter().map(String::as_str).filter(|made| !own.contains(made)).collect();
        let statements = Action::named(name).unwrap().permissions;
        let allowed: BTreeSet<&str> = statements.iter().flat_map(|statement| statement.actions).copied().collect();
        assert_eq!(made, allowed, "{name}");
    }
}

/// Actions whose finding suggests another call than the one that they make.
const OTHER_CALL_SUGGESTED: &[(&str, &str)] = &[
    ("reject-peering", "the finding is also about peerings that were accepted, which have to be deleted"),
    ("restore-network-acl-entry", "the former entry is not in the record"),
    ("restore-prefix-list", "people can keep some of the entries"),
    ("restore-route", "the former target is not in the record"),
];

#[test]
fn a_finding_suggests_the_call_that_its_action_makes() {
    for (name, rule, file) in CASES {
        let rig = Rig::default();
        let record = record(rule, file, later(-1), &[]);
        act(&rig, &delivered(&document(rule, &record)));
        let found = payload_by_all_rules(&record.to_string());
        let finding = found.findings.iter().find(|finding| finding.rule.name == *rule).unwrap();
        let suggested: BTreeSet<String> = finding
            .remediation
            .commands()
            .map(|command| format!("aws {} {} ", command.service, command.operation))
            .collect();
        let acts = rig.aws.acts.lock().unwrap();
        let is_suggested = acts.iter().all(|call| suggested.iter().any(|start| call.command().starts_with(start)));
        let differs = OTHER_CALL_SUGGESTED.iter().any(|(other, _)| other == name);
        assert_eq!(is_suggested, !differs, "{name}: {suggested:?}");
    }
}

#[test]
fn a_plan_without_aws_has_the_calls_that_are_made() {
    for (name, rule, file) in CASES {
        let (rig, notice) = (Rig::default(), notice(rule, file));
        act(&rig, &notice);
        match trailwarden::remediation::plan::planned(&notice) {
            Ok(planned) => assert_eq!(planned.calls, *rig.aws.acts.lock().unwrap(), "{name}"),
            // The calls depend on what AWS Config recorded.
            Err(reason) => assert!(reason.starts_with("AWS Config has no former"), "{name}: {reason}"),
        }
    }
}

#[test]
fn what_is_gone_is_no_error_and_what_differs_is_told_and_left() {
    let rig = Rig::default();
    rig.aws.change("/SecurityGroupRules", json!([]));
    assert_eq!(rig.status(AUTO, &ssh(&[]), now()), ActionStatus::NothingToDo);
    for (pointer, value) in [
        ("/SecurityGroupRules/0/CidrIpv4", json!("10.0.0.0/8")),
        ("/SecurityGroupRules/0/ToPort", json!(23)),
        ("/SecurityGroupRules/0/IpProtocol", json!("udp")),
        ("/SecurityGroupRules/0/IsEgress", json!(true)),
    ] {
        let rig = Rig::default();
        rig.aws.change(pointer, value);
        assert_eq!(rig.status(AUTO, &ssh(&[]), now()), ActionStatus::Refused, "{pointer}");
        assert_eq!(rig.people.words(), [Occasion::Refused]);
        assert_eq!(rig.aws.act_count(), 0);
    }
    let rig = Rig::default();
    rig.aws.change("/PrefixLists/0/Version", json!(6));
    rig.aws.change("/PrefixLists/0/Versions", json!({"4": [], "5": [], "6": [{"Cidr": "0.0.0.0/0"}]}));
    assert_eq!(act(&rig, &notice("prefix-list-world", "hit-modified.json")), ActionStatus::Refused);
    assert_eq!(rig.aws.act_count(), 0);
    // Without a default of the account, nothing shows that tokens are required.
    for (tokens, status) in [(json!("required"), ActionStatus::NothingToDo), (json!(null), ActionStatus::Refused)] {
        let rig = Rig::default();
        rig.aws.change("/HttpTokens", tokens);
        assert_eq!(act(&rig, &notice("imdsv1-allowed-account", "hit.json")), status);
        assert_eq!(rig.aws.act_count(), 0);
    }
}

#[test]
fn modes_limit_what_is_done() {
    let of = |policy: &str, notice: &Notice| {
        let rig = Rig::default();
        let handled = rig.handle(policy, notice, now()).unwrap();
        (handled, rig.aws.act_count(), rig.people.words())
    };
    let ssh = ssh(&[]);
    let (handled, acts, words) = of("", &ssh);
    assert!(matches!(handled, Disposition::LeftAlone(_)) && acts == 0 && words.is_empty());
    let (_, acts, words) = of("statements: [{rules: [sg-ingress-*], mode: plan}]", &ssh);
    assert_eq!((acts, words), (0, vec![Occasion::Plan]));
    let (_, acts, words) = of("statements: [{rules: [sg-ingress-*], mode: approve}]", &ssh);
    assert_eq!((acts, words), (0, vec![Occasion::ApprovalRequest]));
    let (_, acts, words) = of(AUTO, &ssh);
    assert_eq!((acts, words), (1, vec![Occasion::Done]));
    // The first statement that matches decides.
    let first = "statements: [{rules: [sg-ingress-world-admin], accounts: ['111122223333'], mode: tell}, {rules: ['*'], mode: approve}]";
    assert_eq!(of(first, &ssh).2, []);
    let other = "statements: [{rules: ['*'], accounts: ['222222222222'], mode: auto, until: 2026-12-31}]";
    assert_eq!(of(other, &ssh).2, []);
    // `auto` ends with its last day.
    let today = "statements: [{rules: ['*'], mode: auto, until: 2026-06-01}]";
    assert_eq!(of(today, &ssh).1, 1);
    let yesterday = "statements: [{rules: ['*'], mode: auto, until: 2026-05-31}]";
    assert_eq!(of(yesterday, &ssh).1, 0);
    // Units are read from the bottom up.
    let unit = "statements: [{rules: ['*'], organizational-units: [r-ab12], mode: plan}]";
    assert_eq!(of(unit, &ssh).2, [Occasion::Plan]);
    let unit = "statements: [{rules: ['*'], organizational-units: [ou-ab12-prod0001], mode: plan}]";
    assert_eq!(of(unit, &ssh).2, []);
    // An action that needs approval never runs by itself.
    let (_, acts, words) = of(AUTO, &notice("igw-attached", "hit.json"));
    assert_eq!((acts, words), (0, vec![Occasion::ApprovalRequest]));
}

#[test]
fn tags_choose_the_mode_and_keep_the_remediator_away() {
    let tagged = |tags: Value, policy: &str| {
        let rig = Rig::default();
        rig.aws.change("/Tags", json!({"sg-0aaa1111bbb22222c": tags}));
        rig.handle(policy, &ssh(&[]), now()).unwrap();
        (rig.aws.act_count(), rig.people.words())
    };
    let policy =
        "{statements: [{rules: ['*'], tags: {env: dev}, mode: auto, until: 2026-12-31}, {rules: ['*'], mode: plan}],
                   never: {tags: {owner: 'payments-*'}, resources: ['sg-0bbb*']}}";
    assert_eq!(tagged(json!([{"Key": "env", "Value": "dev"}]), policy), (1, vec![Occasion::Done]));
    assert_eq!(tagged(json!([{"Key": "env", "Value": "prod"}]), policy), (0, vec![Occasion::Plan]));
    let of_payments = json!([{"Key": "env", "Value": "dev"}, {"Key": "owner", "Value": "payments-eu"}]);
    assert_eq!(tagged(of_payments, policy), (0, vec![Occasion::Refused]));
    let break_glass = json!([{"Key": "env", "Value": "dev"}, {"Key": "break-glass", "Value": ""}]);
    assert_eq!(tagged(break_glass, policy), (0, vec![Occasion::Refused]));
    // A stack's resource is never changed without approval.
    let stack = json!([{"Key": "aws:cloudformation:stack-name", "Value": "web"}]);
    assert_eq!(tagged(stack, AUTO), (0, vec![Occasion::ApprovalRequest]));
}

#[test]
fn callers_that_are_trusted_or_code_withhold_action() {
    let own = "arn:aws:sts::999900001111:assumed-role/trailwarden-remediator/session";
    let rig = Rig::default();
    let reason = rig.left_alone(AUTO, &ssh(&[("/userIdentity/arn", own.into())]), now());
    assert_eq!(reason, "A trusted role made the call.");
    // A role of the same name in another account is another role.
    let other = "arn:aws:sts::111122223333:assumed-role/trailwarden-remediator/session";
    assert_eq!(rig.status(AUTO, &ssh(&[("/userIdentity/arn", other.into())]), now()), ActionStatus::Done);
    let trusting = format!("{{trusted-roles: [NetOps], {AUTO}}}");
    assert_eq!(Rig::default().left_alone(&trusting, &ssh(&[]), now()), "A trusted role made the call.");
    for changes in [
        [("/userAgent", json!("APN/1.0 HashiCorp/1.0 Terraform/1.9"))],
        [("/userAgent", json!("pulumi-aws/6"))],
        [("/sourceIPAddress", json!("cloudformation.amazonaws.com"))],
    ] {
        let rig = Rig::default();
        assert_eq!(rig.status(AUTO, &ssh(&changes), now()), ActionStatus::AwaitingApproval, "{changes:?}");
        assert_eq!(rig.aws.act_count(), 0);
    }
}

#[test]
fn old_suppressed_undecided_and_resolved_findings_are_left_alone() {
    let rig = Rig::default();
    let fresh = document("sg-ingress-world-admin", &record("sg-ingress-world-admin", "hit-items.json", later(-1), &[]));
    assert_eq!(rig.left_alone(AUTO, &delivered(&fresh), later(15)), "The event is older than 15 minutes.");
    assert_eq!(rig.left_alone(AUTO, &delivered(&fresh), later(-4)), "The event lies in the future.");
    let changed = |pointer: &str, value: Value| {
        let mut changed = fresh.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        rig.left_alone(AUTO, &delivered(&changed), now())
    };
    assert_eq!(changed("/status_id", json!(3)), "The finding is suppressed.");
    assert_eq!(changed("/compliance/status_code", json!("WARNING")), "The finding is a warning or resolved.");
    assert_eq!(changed("/compliance/status_id", json!(1)), "The finding is a warning or resolved.");
    assert_eq!(rig.aws.reads.lock().unwrap().len(), 0);
}

#[test]
fn a_backlog_of_a_thousand_old_findings_acts_on_none() {
    let rig = Rig::default();
    let rule = "sg-ingress-world-admin";
    let mut old = document(rule, &record(rule, "hit-items.json", later(-16), &[]));
    let time = later(-16).as_millisecond();
    for number in 0..1000 {
        old["metadata"]["uid"] = format!("message-{number}").into();
        old["finding_info"]["related_events"][0]["created_time"] = (time - number * 60_000).into();
        assert_eq!(rig.left_alone(AUTO, &delivered(&old), now()), "The event is older than 15 minutes.");
    }
    assert_eq!((rig.aws.act_count(), rig.aws.reads.lock().unwrap().len()), (0, 0));
    assert!(rig.people.told.lock().unwrap().is_empty());
}

/// The rule that a pipeline opens again.
fn reopen(rig: &Rig) {
    let rule = world()["SecurityGroupRules"][0].clone();
    rig.aws.state.lock().unwrap()["SecurityGroupRules"].as_array_mut().unwrap().push(rule);
}

#[test]
fn a_pipeline_that_opens_it_again_is_told_after_some_rounds_and_left() {
    let rig = Rig::default();
    let mut statuses = Vec::new();
    for round in 0..6 {
        let time = later(round * 20);
        statuses.push(rig.status(AUTO, &ssh_again(&format!("round-{round}"), time), time));
        reopen(&rig);
    }
    use ActionStatus::{Done, Refused};
    assert_eq!(statuses, [Done, Done, Done, Refused, Refused, Refused]);
    assert_eq!(rig.aws.act_count(), 3);
    assert!(rig.people.last().body.contains("It came back 3 times within a day."), "{}", rig.people.last().body);
}

#[test]
fn one_act_per_resource_within_the_cool_down() {
    let rig = Rig::default();
    assert_eq!(rig.status(AUTO, &ssh_again("one", now()), now()), ActionStatus::Done);
    reopen(&rig);
    assert_eq!(rig.status(AUTO, &ssh_again("two", later(9)), later(9)), ActionStatus::Refused);
    assert_eq!(rig.status(AUTO, &ssh_again("three", later(10)), later(10)), ActionStatus::Done);
}

#[test]
fn the_breaker_trips_and_a_person_resets_it() {
    let rig = Rig::default();
    let policy = format!("{{limits: {{max-per-hour: 2}}, {AUTO}}}");
    let subnet = |number: i64| {
        let id = format!("subnet-{number:017x}");
        let changes = [("/eventID", json!(id)), ("/requestParameters/subnetId", json!(id))];
        let rule = "subnet-auto-public-ip";
        let opened = json!({"SubnetId": id, "MapPublicIpOnLaunch": true});
        rig.aws.state.lock().unwrap()["Subnets"].as_array_mut().unwrap().push(opened);
        delivered(&document(rule, &record(rule, "hit.json", later(number), &changes)))
    };
    let mut statuses: Vec<ActionStatus> =
        (1..=3).map(|number| rig.status(&policy, &subnet(number), later(number))).collect();
    assert!(rig.people.last().body.contains("tripped"), "{}", rig.people.last().body);
    // It stays tripped after the hour.
    statuses.push(rig.status(&policy, &subnet(90), later(90)));
    pollster::block_on(brakes::reset(&rig.store, "subnet-auto-public-ip", ACCOUNT, later(91))).unwrap();
    statuses.push(rig.status(&policy, &subnet(92), later(92)));
    use ActionStatus::{Done, Refused};
    assert_eq!(statuses, [Done, Done, Refused, Refused, Done]);
}

#[test]
fn only_a_switch_that_is_on_lets_it_act() {
    for switch in [json!("off"), json!("ON"), Value::Null] {
        let rig = Rig::default();
        rig.aws.change("/Switch", switch);
        assert_eq!(rig.status(AUTO, &ssh(&[]), now()), ActionStatus::Refused);
        assert_eq!((rig.aws.act_count(), rig.people.words()), (0, vec![Occasion::Refused]));
    }
}

#[test]
fn failures_are_tried_again_or_told() {
    let faulty = |faults: &[Option<Fault>]| {
        let rig = Rig::default();
        *rig.aws.faults.lock().unwrap() = faults.to_vec();
        rig
    };
    let rig = faulty(&[Some(Fault::Throttled), Some(Fault::Throttled)]);
    let ssh = ssh(&[]);
    assert_eq!(rig.handle(AUTO, &ssh, now()), Err(Retry("RequestLimitExceeded".to_owned())));
    assert!(rig.handle(AUTO, &ssh, now()).is_err());
    assert_eq!((rig.status(AUTO, &ssh, later(1)), rig.aws.act_count()), (ActionStatus::Done, 1));
    assert_eq!(rig.record(&ssh).inverse.len(), 1);

    let rig = faulty(&[Some(Fault::Denied)]);
    assert_eq!((rig.status(AUTO, &ssh, now()), rig.people.words()), (ActionStatus::Failed, vec![Occasion::Failed]));
    assert!(rig.people.last().body.contains("UnauthorizedOperation"));

    let rig = faulty(&[Some(Fault::Ignored)]);
    assert_eq!((rig.status(AUTO, &ssh, now()), rig.people.words()), (ActionStatus::Failed, vec![Occasion::Failed]));
    assert!(rig.people.last().body.contains("UnknownIpPermissions"));

    let rig = faulty(&[Some(Fault::ResponseLost)]);
    assert!(rig.handle(AUTO, &ssh, now()).is_err());
    assert_eq!((rig.status(AUTO, &ssh, now()), rig.aws.act_count()), (ActionStatus::Done, 1));
    assert_eq!(recorded(rig.undo(&ssh.action_id(), later(1))), ActionStatus::Undone);
    assert_eq!(comparable(rig.aws.state()), comparable(world()));

    // It does not try for ever.
    let rig = faulty(&[Some(Fault::Throttled); 9]);
    for _ in 0..5 {
        assert!(rig.handle(AUTO, &ssh, now()).is_err());
    }
    assert_eq!((rig.status(AUTO, &ssh, now()), rig.people.words()), (ActionStatus::Failed, vec![Occasion::Failed]));
    // Nor after the event has become old.
    let rig = faulty(&[Some(Fault::Throttled)]);
    assert!(rig.handle(AUTO, &ssh, now()).is_err());
    assert_eq!((rig.status(AUTO, &ssh, later(20)), rig.aws.act_count()), (ActionStatus::Failed, 0));
}

#[test]
fn a_process_that_ends_in_between_loses_nothing_and_does_not_act_twice() {
    for (fault, acts) in [(Fault::KilledBefore, 0), (Fault::KilledAfter, 1)] {
        let (rig, ssh) = (Rig::default(), ssh(&[]));
        *rig.aws.faults.lock().unwrap() = vec![Some(fault)];
        panic::catch_unwind(AssertUnwindSafe(|| rig.handle(AUTO, &ssh, now()))).unwrap_err();
        assert_eq!(rig.aws.act_count(), acts);
        let record = rig.record(&ssh);
        assert_eq!((record.status, record.inverse.len()), (ActionStatus::Started, 1));
        // Another instance may still work on it.
        assert!(rig.handle(AUTO, &ssh, later(1)).is_err());
        assert_eq!((rig.status(AUTO, &ssh, later(2)), rig.aws.act_count()), (ActionStatus::Done, 1));
        assert_eq!(rig.people.words(), [Occasion::Done]);
        assert_eq!(recorded(rig.undo(&ssh.action_id(), later(3))), ActionStatus::Undone);
        assert_eq!(comparable(rig.aws.state()), comparable(world()));
    }
}

#[test]
fn people_are_told_even_if_the_topic_fails_at_first() {
    let (rig, ssh) = (Rig::default(), ssh(&[]));
    *rig.people.is_deaf.lock().unwrap() = true;
    assert!(rig.handle(AUTO, &ssh, now()).is_err());
    assert_eq!(rig.aws.act_count(), 1);
    *rig.people.is_deaf.lock().unwrap() = false;
    assert_eq!(rig.status(AUTO, &ssh, later(60)), ActionStatus::Done);
    assert_eq!((rig.aws.act_count(), rig.people.words()), (1, vec![Occasion::Done]));
}

#[test]
fn two_instances_at_once_act_once() {
    for _ in 0..50 {
        let (rig, ssh) = (Rig::default(), ssh(&[]));
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    barrier.wait();
                    // The loser retries.
                    let _ = rig.handle(AUTO, &ssh, now());
                });
            }
        });
        assert_eq!(rig.status(AUTO, &ssh, later(2)), ActionStatus::Done);
        assert_eq!((rig.aws.act_count(), rig.people.words()), (1, vec![Occasion::Done]));
    }
}

const APPROVE: &str = "statements: [{rules: ['*'], mode: approve}]";

#[test]
fn an_approval_counts_once_and_in_time() {
    let asked = || {
        let (rig, ssh) = (Rig::default(), ssh(&[]));
        assert_eq!(rig.status(APPROVE, &ssh, now()), ActionStatus::AwaitingApproval);
        assert_eq!((rig.people.requests.lock().unwrap().len(), rig.aws.act_count()), (1, 0));
        let id = ssh.action_id();
        (rig, ssh, id)
    };
    let (rig, ssh, id) = asked();
    assert_eq!(recorded(rig.answer(&id, PERSON, true, later(30))), ActionStatus::Done);
    assert_eq!((rig.aws.act_count(), rig.record(&ssh).person.as_deref()), (1, Some(PERSON)));
    assert!(matches!(rig.answer(&id, PERSON, true, later(31)), Err(RequestError::No(_))));

    let (rig, _, id) = asked();
    assert_eq!(recorded(rig.answer(&id, PERSON, false, later(30))), ActionStatus::Refused);
    assert!(matches!(rig.answer(&id, PERSON, true, later(31)), Err(RequestError::No(_))));
    assert_eq!(rig.aws.act_count(), 0);

    let (rig, _, id) = asked();
    assert_eq!(recorded(rig.answer(&id, PERSON, true, later(60))), ActionStatus::Refused);
    assert_eq!((rig.aws.act_count(), rig.people.last().word), (0, Occasion::Refused));

    let (rig, _, id) = asked();
    let engine = rig.engine(APPROVE);
    assert!(matches!(pollster::block_on(engine.expire(&id, later(59))), Err(RequestError::No(_))));
    assert_eq!(recorded(pollster::block_on(engine.expire(&id, later(60)))), ActionStatus::Refused);

    // Not by the caller, whatever role they take.
    let (rig, _, id) = asked();
    for person in
        ["arn:aws:sts::111122223333:assumed-role/NetOps/dana", "arn:aws:sts::111122223333:assumed-role/OnCall/dana"]
    {
        assert!(matches!(rig.answer(&id, person, true, later(1)), Err(RequestError::No(_))));
    }
    assert_eq!(recorded(rig.answer(&id, PERSON, true, later(2))), ActionStatus::Done);

    // The same answer completes calls that were interrupted, although the event has become old.
    let (rig, _, id) = asked();
    *rig.aws.faults.lock().unwrap() = vec![Some(Fault::Throttled)];
    assert!(matches!(rig.answer(&id, PERSON, true, later(30)), Err(RequestError::Later(_))));
    assert!(matches!(
        rig.answer(&id, "arn:aws:iam::111122223333:user/frank", true, later(31)),
        Err(RequestError::No(_))
    ));
    assert_eq!(recorded(rig.answer(&id, PERSON, true, later(31))), ActionStatus::Done);
    assert_eq!(rig.aws.act_count(), 1);

    // Not for another state than the one that was shown.
    let (rig, _, id) = asked();
    rig.aws.change("/SecurityGroupRules/0/Description", json!("a load balancer"));
    assert_eq!(recorded(rig.answer(&id, PERSON, true, later(1))), ActionStatus::Refused);
    assert_eq!(rig.aws.act_count(), 0);
    assert!(matches!(rig.answer("no-such-id", PERSON, true, now()), Err(RequestError::Unknown(_))));
}

#[test]
fn a_trust_policy_is_restored_from_history_or_its_statement_is_denied() {
    let role = || notice("role-trust-public", "hit-update.json");
    let former = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}"#;
    let rig = Rig::default();
    rig.aws.change("/History", json!({"AROAEXAMPLE": json!({"assumeRolePolicyDocument": former}).to_string()}));
    assert_eq!(rig.status(AUTO, &role(), now()), ActionStatus::Done);
    assert_eq!(rig.aws.state()["Roles"]["ci-deploy"], former);
    assert_eq!(recorded(rig.undo(&role().action_id(), later(1))), ActionStatus::Undone);
    assert_eq!(rig.aws.state()["Roles"]["ci-deploy"], aws::OPEN_TRUST);

    // Without history, a person approves the Deny statement.
    let rig = Rig::default();
    assert_eq!(rig.status(AUTO, &role(), now()), ActionStatus::AwaitingApproval);
    assert_eq!(recorded(rig.answer(&role().action_id(), PERSON, true, later(1))), ActionStatus::Done);
    let policy: Value = serde_json::from_str(rig.aws.state()["Roles"]["ci-deploy"].as_str().unwrap()).unwrap();
    let kept = json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"});
    let denied = json!({"Sid": "TrailwardenQuarantine1", "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
                        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}});
    assert_eq!(policy["Statement"], json!([kept, denied]));
    // The next record of the role makes no finding of the rule: nobody else gets in.
    let set = [("/requestParameters/policyDocument", json!(policy.to_string()))];
    let found = payload_by_all_rules(&record("role-trust-public", "hit-update.json", now(), &set).to_string());
    let names: Vec<&str> = found.findings.iter().map(|finding| finding.rule.name.as_str()).collect();
    assert!(!names.iter().any(|name| name.starts_with("role-trust-")), "{names:?}");

    // A role of the deployment is left, whatever its path.
    let own = [
        ("/requestParameters/roleName", json!("trailwarden-remediator")),
        ("/recipientAccountId", json!("999900001111")),
    ];
    let own = record("role-trust-public", "hit-update.json", later(-1), &own);
    let rig = Rig::default();
    let notice = delivered(&document("role-trust-public", &own));
    assert_eq!(rig.status(AUTO, &notice, now()), ActionStatus::Refused);
    assert!(rig.people.last().body.contains("a role of the deployment"), "{}", rig.people.last().body);

    // A policy that somebody changed since is left.
    let rig = Rig::default();
    rig.aws.change("/Roles/ci-deploy", former.into());
    assert_eq!(rig.status(AUTO, &role(), now()), ActionStatus::Refused);
}

#[test]
fn undo_is_refused_when_somebody_changed_the_resource_since() {
    let (rig, ssh) = (Rig::default(), ssh(&[]));
    assert_eq!(rig.status(AUTO, &ssh, now()), ActionStatus::Done);
    reopen(&rig);
    let error = rig.undo(&ssh.action_id(), later(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "somebody changed the resource since; compare it with the record and change it by hand"
    );
    assert_eq!(rig.aws.act_count(), 1);
    assert!(matches!(rig.undo("no-such-id", now()), Err(RequestError::Unknown(_))));
}

#[test]
fn a_stopped_trail_is_started_in_its_home_region_and_that_causes_no_loop() {
    let rule = "trail-stopped";
    let stopped = |changes: &[(&str, Value)]| record(rule, "hit-calls.jsonl", later(-1), changes);
    // The deployment's own trail too.
    let rig = Rig::default();
    assert_eq!(rig.status(AUTO, &delivered(&document(rule, &stopped(&[]))), now()), ActionStatus::Done);
    assert_eq!(rig.aws.state()["Trails"][0]["IsLogging"], true);
    let call = rig.aws.acts.lock().unwrap()[0].clone();
    assert_eq!(
        call.command(),
        r#"aws cloudtrail start-logging --region eu-west-1 --cli-input-json '{"Name":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/team-trail"}'"#
    );
    assert_eq!(rig.people.words(), [Occasion::Done]);
    // Another home Region or owner than that of the call.
    for (pointer, value) in [
        ("/Trails/0/HomeRegion", "us-east-1"),
        ("/Trails/0/TrailARN", "arn:aws:cloudtrail:eu-west-1:444455556666:trail/team-trail"),
    ] {
        let rig = Rig::default();
        rig.aws.change(pointer, value.into());
        assert_eq!(rig.status(AUTO, &delivered(&document(rule, &stopped(&[]))), now()), ActionStatus::Refused);
    }
    // The remediator's own StartLogging makes a finding, which has no action.
    let started = [
        ("/eventName", json!("StartLogging")),
        ("/userIdentity/arn", json!("arn:aws:sts::999900001111:assumed-role/trailwarden-remediator/x")),
    ];
    let found = payload_by_all_rules(&stopped(&started).to_string());
    assert!(!found.findings.is_empty());
    for finding in &found.findings {
        let notice = delivered(&ocsf::document(finding, now()));
        assert!(matches!(rig.handle(AUTO, &notice, now()).unwrap(), Disposition::LeftAlone(_)));
    }
    assert_eq!(rig.aws.act_count(), 1);
}

#[test]
fn only_messages_of_the_findings_topic_are_taken_and_a_bad_one_costs_no_other() {
    let document = document("igw-attached", &record("igw-attached", "hit.json", now(), &[]));
    let others = sqs(std::slice::from_ref(&document), "arn:aws:sns:eu-west-1:999900001111:another");
    assert_eq!(batch(&others, TOPIC).unwrap()[0].notice, Err(MessageError::OtherTopic));
    let mut event: Value =
        serde_json::from_str(&sqs(&[document.clone(), document.clone(), json!({}), document], TOPIC)).unwrap();
    event["Records"][1]["body"] = "not JSON\u{1b}[2J".into();
    let received = batch(&event.to_string(), TOPIC).unwrap();
    let read: Vec<bool> = received.iter().map(|message| message.notice.is_ok()).collect();
    assert_eq!(read, [true, false, false, true]);
    for message in received.iter().filter_map(|message| message.notice.as_ref().err()) {
        assert!(!message.to_string().contains('\u{1b}'));
    }
    assert!(batch(r#"{"Records": [{"eventSource": "aws:s3"}]}"#, TOPIC).is_none());
    assert!(batch("[]", TOPIC).is_none());
}

#[test]
fn an_action_of_another_rule_or_with_other_arguments_is_left_alone() {
    let good = document("sg-ingress-world-admin", &record("sg-ingress-world-admin", "hit-items.json", later(-1), &[]));
    let rig = Rig::default();
    let changed = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        rig.left_alone(AUTO, &delivered(&changed), now())
    };
    assert!(changed("/unmapped/action/name", json!("delete-route")).contains("does not belong to its rule"));
    assert!(changed("/unmapped/action/name", json!("rm -rf /")).contains("does not belong to its rule"));
    for wrong in [json!("sg-1 --dry-run"), json!(7), Value::Null, json!("sg-*")] {
        assert!(changed("/unmapped/action/arguments/group_id", wrong).contains("malformed"));
    }
    assert!(changed("/cloud/region", json!("eu-west-1/../x")).contains("malformed"));
    assert!(changed("/cloud/account/uid", json!("1234")).contains("malformed"));
    assert_eq!(rig.aws.reads.lock().unwrap().len(), 0);
}

#[test]
fn people_read_what_will_be_done_and_how_to_undo_it() {
    let told = |policy: &str, changes: &[(&str, Value)]| {
        let rig = Rig::default();
        rig.handle(policy, &ssh(changes), now()).unwrap();
        let told = rig.people.last();
        format!("{}\n\n{}", told.subject, told.body)
    };
    assert_snapshot!(told(APPROVE, &[]));
    assert_snapshot!(told(AUTO, &[]));
    let hostile = told(
        AUTO,
        &[(
            "/userIdentity/arn",
            json!("arn:aws:sts::111122223333:assumed-role/x/\u{1b}[2J\u{202e}\nDONE: all is well"),
        )],
    );
    assert!(
        !hostile.contains('\u{1b}') && !hostile.contains('\u{202e}') && !hostile.contains("\nDONE: all"),
        "{hostile}"
    );
}

#[test]
fn the_resolved_finding_is_the_same_problem_and_compliant() {
    let (rig, ssh) = (Rig::default(), ssh(&[]));
    assert_eq!(rig.status(AUTO, &ssh, now()), ActionStatus::Done);
    let resolved = rig.people.resolved.lock().unwrap()[0].clone();
    assert_eq!(resolved["finding_info"]["uid"], ssh.finding_uid.as_str());
    assert_ne!(resolved["metadata"]["uid"], ssh.message_uid.as_str());
    assert_eq!(
        (resolved["status_id"].as_u64(), resolved["compliance"]["status_code"].as_str()),
        (Some(4), Some("COMPLIANT"))
    );
    assert_eq!(crate::ocsf::faults(&resolved), Vec::<String>::new());
    // It comes back through the queue, and nothing happens.
    assert!(matches!(rig.handle(AUTO, &delivered(&resolved), now()).unwrap(), Disposition::LeftAlone(_)));
}

#[test]
fn a_policy_file_is_checked_with_clear_diagnostics() {
    let text = "\
statements:
  - rules: [sg-ingress-wrold-admin]
    mode: plan
  - rules: ['*']
    accounts: ['1111']
    mode: auto
  - rules: [snapshot-*]
    organizational-units: [dev]
    mode: auto
    until: 2026-05-31
  - rules: [image-public]
    mode: tell
    until: 2027-01-01
limits:
  max-age-minutes: 600
";
    let policy = RemediationPolicy::parse("remediation.yml", text).unwrap();
    let faults: Vec<String> = policy.check("remediation.yml", text, now()).iter().map(ToString::to_string).collect();
    assert_snapshot!(faults.join("\n"));
    let unknown =
        RemediationPolicy::parse("remediation.yml", "statements:\n  - rule: x\n    mode: tell\n").unwrap_err();
    assert_eq!(unknown.line, Some(2));
    assert!(RemediationPolicy::parse("remediation.yml", "").unwrap().check("remediation.yml", "", now()).is_empty());
    assert_eq!(Mode::default(), Mode::Tell);
}

#[test]
fn the_command_line_checks_a_policy_and_shows_the_calls() {
    let rule = "sg-ingress-world-admin";
    let hostile =
        [("/userIdentity/arn", json!("arn:aws:iam::1:user/\u{1b}[2J")), ("/userAgent", json!("terraform \u{202e}"))];
    let lines = [
        document(rule, &record(rule, "hit-items.json", later(-1), &[])).to_string(),
        "not JSON \u{1b}[2J".to_owned(),
        document("trail-stopped", &record("trail-stopped", "hit-calls.jsonl", later(-1), &hostile)).to_string(),
        ocsf::line(
            &payload_by_all_rules(r#"{"eventSource":"ec2.amazonaws.com","eventName":"DeleteVpc","eventTime":"2026-06-01T11:59:00Z","awsRegion":"eu-west-1","recipientAccountId":"111122223333"}"#).findings[0],
            now(),
        ),
    ];
    let directory = directory(&[
        ("auto.yml", "statements: [{rules: ['*'], mode: auto, until: 9999-12-31}]"),
        ("tell.yml", "statements: [{rules: [trail-stopped], accounts: ['999999999999'], mode: approve}]"),
        ("wrong.yml", "statements: [{rules: [trail-stoped], mode: plan}]"),
        ("malformed.yml", "statements: [{rules: [x], mode: yes}]"),
        ("good.jsonl", &lines[0]),
        ("findings.jsonl", &lines.join("\n")),
    ]);
    let run = |arguments: &[&str]| told(directory.path(), &[&["remediate"], arguments].concat());
    assert_eq!(run(&["--policy", "DIR/auto.yml"]), (0, String::new(), String::new()));
    let (code, _, errors) = run(&["--policy", "DIR/wrong.yml"]);
    let expected =
        "DIR/wrong.yml:1: no action undoes findings of a rule `trail-stoped` (did you mean `trail-stopped`?)\n";
    assert_eq!((code, errors.as_str()), (2, expected));
    assert_eq!(run(&["--policy", "DIR/malformed.yml"]).0, 2);
    assert_eq!(run(&["--policy", "DIR/missing.yml"]).0, 2);
    assert_eq!(run(&["--policy", "DIR/tell.yml", "--plan", "DIR/good.jsonl"]).0, 0);
    assert_eq!(run(&["--policy", "DIR/auto.yml", "--plan", "DIR/good.jsonl"]).0, 1);
    let (code, text, errors) = run(&["--policy", "DIR/auto.yml", "--plan", "DIR/findings.jsonl"]);
    assert_eq!(code, 2);
    assert_snapshot!(format!("{text}---\n{errors}"));
    let (_, json, _) = run(&["--policy", "DIR/auto.yml", "--plan", "DIR/findings.jsonl", "--format", "json"]);
    let json: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let modes: Vec<&str> = json.iter().map(|one| one["mode"].as_str().unwrap()).collect();
    assert_eq!(modes, ["auto", "approve", "none"]);
    assert_eq!(json[0]["calls"][0]["operation"], "RevokeSecurityGroupIngress");
    let (code, _, errors) = told(directory.path(), &["actions", "iam", "--action", "no-such-action"]);
    assert_eq!((code, errors.contains("there is no action `no-such-action`")), (2, true));
}
