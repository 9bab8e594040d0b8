//! Open problems in the state table, against an endpoint on loopback.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::event::Event;
use trailwarden::finding::{Finding, Severity};
use trailwarden::rules::RuleSet;
use trailwarden::sinks::problems::{Cause, EvaluatedResource, Problems, Resolver};
use trailwarden::sinks::sns::SnsTopic;
use trailwarden::sinks::{Delivery, Terms};

use crate::aws_state::stub::{Call, Reply, Stub, query};
use crate::aws_state::{config, run};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const GROUP: &str = "sg-0aaa1111bbb22222c";
const FINDINGS: &str = "arn:aws:sns:eu-west-1:111122223333:findings";
const ALERTS: &str = "arn:aws:sns:eu-west-1:111122223333:alerts";

fn finding(rule: &str, time: &str) -> Finding {
    let record = json!({
        "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress",
        "eventTime": time,
        "eventID": format!("{rule} at {time}"),
        "awsRegion": REGION,
        "recipientAccountId": ACCOUNT,
        "requestParameters": {
            "groupId": GROUP, "ipPermissions": {}, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "0.0.0.0/0",
        },
    });
    RuleSet::load(&[]).unwrap().evaluate_rule(rule, &Event::parse(&record.to_string()).unwrap()).unwrap()
}

/// The items of a table that keeps what `Problems` writes, and the messages that were published.
#[derive(Clone, Default)]
struct Kept {
    items: Arc<Mutex<Vec<Value>>>,
    published: Arc<Mutex<Vec<(String, String)>>>,
}

impl Kept {
    fn answer(&self, call: &Call) -> Reply {
        let request: Value = serde_json::from_str(&call.body).unwrap_or_default();
        let value = |name: &str| request["ExpressionAttributeValues"][name].clone();
        let mut items = self.items.lock().unwrap();
        match call.action.as_str() {
            "UpdateItem" => {
                items.push(json!({
                    "pk": request["Key"]["pk"], "sk": request["Key"]["sk"], "finding": value(":finding"),
                    "opened_by": value(":first"), "first_seen": value(":first_seen"), "last_seen": value(":seen"),
                    "occurrences": value(":count"),
                }));
                Reply::Now(200, "{}".to_owned())
            }
            "Query" => {
                let prefix = value(":prefix")["S"].as_str().unwrap_or_default().to_owned();
                let found: Vec<&Value> =
                    items.iter().filter(|item| item["sk"]["S"].as_str().unwrap().starts_with(&prefix)).collect();
                Reply::Now(200, json!({"Items": found, "Count": found.len()}).to_string())
            }
            "DeleteItem" => {
                items.retain(|item| item["sk"] != request["Key"]["sk"]);
                Reply::Now(200, "{}".to_owned())
            }
            "PublishBatch" => {
                let entry = |name: &str| call.get(&format!("PublishBatchRequestEntries.member.1.{name}")).to_owned();
                self.published.lock().unwrap().push((call.get("TopicArn").to_owned(), entry("Message")));
                let accepted = format!("<member><Id>{}</Id><MessageId>m</MessageId></member>", entry("Id"));
                query("PublishBatch", &format!("<Successful>{accepted}</Successful><Failed/>"))
            }
            other => panic!("{other}"),
        }
    }
}

fn terms() -> Terms {
    Terms { now: Timestamp::from_second(1_800_000_000).unwrap(), deadline: Instant::now() + Duration::from_secs(20) }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_recorded_state_closes_the_problems_that_it_no_longer_has() {
    let kept = Kept::default();
    let answers = kept.clone();
    let stub = Stub::new(move |call| answers.answer(call));
    let opened = finding("sg-ingress-world-admin", "2026-03-04T10:00:00Z");
    let again = finding("sg-ingress-world-admin", "2026-03-04T10:05:00Z");
    let mut called = finding("sg-ingress-world-admin", "2026-03-04T10:00:00Z");
    let rule = Arc::make_mut(&mut called.rule);
    (rule.name, rule.pack) = ("blocked-action".to_owned(), Some("blocked-actions".to_owned()));
    let uid = opened.uid();
    run(async {
        let sdk = config(&stub).await;
        let problems = Problems::new(&sdk, "state".to_owned());
        problems.open(&[&opened, &again], time("2026-03-04T10:06:00Z")).await.unwrap();
        problems.open(&[&called], time("2026-03-04T10:06:00Z")).await.unwrap();
        let topic = |arn: &str| SnsTopic::new(&sdk, arn.to_owned());
        let resolver = Resolver::new(problems, Some(topic(FINDINGS)), Some((topic(ALERTS), Severity::Medium)));
        let clear = async |found: &[&str], cause: Cause, ids: &[&str]| -> Delivery {
            let resource = EvaluatedResource { account: ACCOUNT, region: REGION, ids, found, cause };
            resolver.clear(resource, |rule| rule.pack.as_deref() == Some("exposure"), terms()).await.unwrap()
        };
        let early = Cause::ConfigurationItem(time("2026-03-04T10:04:00Z"));
        let late = Cause::ConfigurationItem(time("2026-03-04T10:20:00Z"));
        // The state is older than the latest finding, still has the problem, or is of another resource.
        for delivery in
            [clear(&[], early, &[GROUP]).await, clear(&[&uid], late, &[GROUP]).await, clear(&[], late, &["sg-2"]).await]
        {
            assert_eq!((delivery.accepted, delivery.failures.len()), (0, 0));
        }
        assert_eq!(resolver.problems().all().await.unwrap().len(), 2);
        let delivery = clear(&[], late, &["web", GROUP]).await;
        assert_eq!((delivery.accepted, delivery.failures.len()), (2, 0));
        // The rule about the call does not judge the state.
        let left = resolver.problems().all().await.unwrap();
        assert_eq!(
            left.iter().map(|problem| problem.finding.rule.name.as_str()).collect::<Vec<_>>(),
            ["blocked-action"]
        );
    });
    let published = kept.published.lock().unwrap().clone();
    let [(findings, document), (alerts, alert)] = published.try_into().unwrap();
    assert_eq!((findings.as_str(), alerts.as_str()), (FINDINGS, ALERTS));
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["finding_info"]["uid"], uid);
    assert_eq!((&document["status_id"], &document["compliance"]["status_code"]), (&json!(4), &json!("COMPLIANT")));
    assert_eq!(document["message"], format!("AWS Config recorded {GROUP} without it at 2026-03-04 10:20 UTC."));
    assert_eq!(document["finding_info"]["first_seen_time"], time("2026-03-04T10:00:00Z").as_millisecond());
    assert_eq!(document["finding_info"]["last_seen_time"], time("2026-03-04T10:05:00Z").as_millisecond());
    let alert: Value = serde_json::from_str(&alert).unwrap();
    assert!(alert["email"].as_str().unwrap().starts_with("Resolved: "), "{alert}");
}

#[test]
fn a_deleted_resource_closes_its_problems() {
    let kept = Kept::default();
    let answers = kept.clone();
    let stub = Stub::new(move |call| answers.answer(call));
    run(async {
        let sdk = config(&stub).await;
        let problems = Problems::new(&sdk, "state".to_owned());
        problems.open(&[&finding("sg-ingress-world-admin", "2026-03-04T10:00:00Z")], terms().now).await.unwrap();
        let resolver = Resolver::new(problems, Some(SnsTopic::new(&sdk, FINDINGS.to_owned())), None);
        let cause = Cause::Deleted(time("2026-03-04T10:20:00Z"));
        let resource = EvaluatedResource { account: ACCOUNT, region: REGION, ids: &[GROUP], found: &[], cause };
        assert_eq!(resolver.clear(resource, |_| true, terms()).await.unwrap().accepted, 1);
        assert_eq!(resolver.problems().all().await.unwrap(), []);
    });
    let (_, document) = kept.published.lock().unwrap()[0].clone();
    assert!(document.contains(&format!("recorded at 2026-03-04 10:20 UTC that {GROUP} is deleted")), "{document}");
}
