//! AWS Config by its client, against an endpoint on loopback.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trailwarden::config_rule::{Compliance, ConfigService, RoleMode, RoleSettings, ServiceError};

use super::{evaluation, time};
use crate::aws_state::stub::{Call, Reply, Stub, query, query_error};
use crate::aws_state::{config, run};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:trailwarden";
const OWN: &str = "111122223333";
const MEMBER: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::444455556666:role/config-rules";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn settings() -> RoleSettings {
    RoleSettings { mode: RoleMode::OtherAccounts, session_name: "trailwarden".to_owned(), ..RoleSettings::default() }
}

fn body(call: &Call) -> Value {
    serde_json::from_str(&call.body).unwrap()
}

fn reply(value: &Value) -> Reply {
    Reply::Now(200, value.to_string())
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::Now(status, json!({"__type": code, "message": message}).to_string())
}

#[test]
fn an_answer_has_at_most_a_hundred_evaluations_a_request() {
    let stub = Stub::new(|_| reply(&json!({"FailedEvaluations": []})));
    let mut evaluations: Vec<_> = (0..201).map(|n| evaluation(&format!("vpc-{n}"), Compliance::Compliant, 5)).collect();
    evaluations[0].compliance = Compliance::NonCompliant;
    evaluations[0].annotation = Some(format!("opened\u{1b} {}", "x".repeat(300)));
    evaluations[0].capture_time = time("2026-01-02T03:04:05.678Z");
    evaluations[1].compliance = Compliance::NotApplicable;
    let answered = run(async {
        let service = ConfigService::new(&config(&stub).await, settings());
        service.open(OWN, None, FUNCTION, soon()).await?.answer("token", &evaluations).await
    });
    assert_eq!(answered, Ok(201));
    let requests: Vec<Value> = stub.calls().iter().map(body).collect();
    let sizes: Vec<usize> = requests.iter().map(|one| one["Evaluations"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 1]);
    for request in &requests {
        assert_eq!(request["ResultToken"], "token");
        assert!(request.get("TestMode").is_none());
    }
    let [first, second, third] = [0, 1, 2].map(|place| requests[0]["Evaluations"][place].clone());
    assert_eq!(first["ComplianceResourceType"], "AWS::EC2::VPC");
    assert_eq!(first["ComplianceResourceId"], "vpc-0");
    assert_eq!(first["ComplianceType"], "NON_COMPLIANT");
    assert_eq!(first["OrderingTimestamp"], 1_767_323_045.678);
    let annotation = first["Annotation"].as_str().unwrap();
    assert!(annotation.starts_with(r"opened\u{1b} xxx") && annotation.chars().count() == 256, "{annotation}");
    assert_eq!((&second["ComplianceType"], &third["ComplianceType"]), (&json!("NOT_APPLICABLE"), &json!("COMPLIANT")));
    assert!(second.get("Annotation").is_none());
}

#[test]
fn refused_evaluations_are_sent_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let stub = Stub::new(move |call| {
        let evaluations = body(call)["Evaluations"].as_array().unwrap().clone();
        let refused: Vec<Value> = match counted.fetch_add(1, Ordering::SeqCst) {
            0 => evaluations.into_iter().skip(1).collect(),
            _ => Vec::new(),
        };
        reply(&json!({"FailedEvaluations": refused}))
    });
    let evaluations = [1, 2, 3].map(|n| evaluation(&format!("vpc-{n}"), Compliance::Compliant, 5));
    let answered = run(async {
        let service = ConfigService::new(&config(&stub).await, settings());
        service.open(OWN, None, FUNCTION, soon()).await?.answer("token", &evaluations).await
    });
    assert_eq!(answered, Ok(3));
    let ids: Vec<Vec<String>> = stub
        .calls()
        .iter()
        .map(|call| {
            let request = body(call);
            let sent = request["Evaluations"].as_array().unwrap();
            sent.iter().map(|one| one["ComplianceResourceId"].as_str().unwrap().to_owned()).collect()
        })
        .collect();
    assert_eq!(ids, [vec!["vpc-1", "vpc-2", "vpc-3"], vec!["vpc-2", "vpc-3"]]);
}

#[test]
fn evaluations_that_stay_refused_are_an_error() {
    let stub = Stub::new(|call| reply(&json!({"FailedEvaluations": body(call)["Evaluations"]})));
    let evaluations = [evaluation("vpc-1", Compliance::Compliant, 5)];
    let answer = |seconds: u64| {
        run(async {
            let service = ConfigService::new(&config(&stub).await, settings());
            let deadline = Instant::now() + Duration::from_secs(seconds);
            service.open(OWN, None, FUNCTION, deadline).await?.answer("token", &evaluations).await
        })
    };
    let error = answer(20).unwrap_err();
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "config:PutEvaluations in account 111122223333: 1 of 1 evaluations were refused, the first of AWS::EC2::VPC vpc-1"
    );
    assert_eq!(stub.calls().len(), 4);
    // There is no time for a repetition: no request is made whose answer nobody waits for.
    let before = stub.calls().len();
    assert!(answer(0).is_err());
    assert!(stub.calls().len() <= before + 1);
}

#[test]
fn errors_of_aws_config_name_the_account_and_what_to_do() {
    let answer = |status: u16, code: &'static str, message: &'static str| {
        let stub = Stub::new(move |_| refusal(status, code, message));
        run(async {
            let service = ConfigService::new(&config(&stub).await, settings());
            let session = service.open(OWN, None, FUNCTION, soon()).await?;
            session.answer("token", &[evaluation("vpc-1", Compliance::Compliant, 5)]).await
        })
        .unwrap_err()
    };
    let error =
        answer(400, "AccessDeniedException", "User: arn:aws:sts::111122223333:assumed-role/secret is not authorized");
    assert!(!error.is_transient());
    assert_eq!(
        error.to_string(),
        "config:PutEvaluations in account 111122223333: AccessDeniedException: allow config:PutEvaluations in the role of the \
         function"
    );
    let error = answer(400, "InvalidResultTokenException", "no");
    assert!(!error.is_transient() && error.to_string().contains("the result token is of another rule or has expired"));
    assert!(answer(400, "ThrottlingException", "slow down").is_transient());
    assert!(answer(500, "InternalFailure", "later").is_transient());
}

/// Answers of STS, and otherwise of AWS Config.
fn with_sts(config: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Stub {
    Stub::new(move |call| match call.action.as_str() {
        "AssumeRole" => query(
            "AssumeRole",
            "<Credentials><AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>",
        ),
        _ => config(call),
    })
}

#[test]
fn the_execution_role_of_another_account_is_assumed_once() {
    let stub = with_sts(|_| reply(&json!({"FailedEvaluations": []})));
    run(async {
        let service = ConfigService::new(&config(&stub).await, settings());
        for _ in 0..2 {
            let session = service.open(MEMBER, Some(ROLE), FUNCTION, soon()).await.unwrap();
            session.answer("token", &[evaluation("vpc-1", Compliance::Compliant, 5)]).await.unwrap();
        }
    });
    let calls = stub.calls();
    let actions: Vec<&str> = calls.iter().map(|call| call.action.as_str()).collect();
    assert_eq!(actions, ["AssumeRole", "PutEvaluations", "PutEvaluations"]);
    assert_eq!((calls[0].get("RoleArn"), calls[0].get("RoleSessionName")), (ROLE, "trailwarden"));
    assert_eq!((calls[0].key.as_str(), calls[1].key.as_str()), ("AKIAOWN", "AKIAROLE"));
}

#[test]
fn a_role_that_cannot_be_assumed_is_named_without_details() {
    let stub = Stub::new(|_| {
        query_error(403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/secret is not authorized")
    });
    let error = run(async {
        let service = ConfigService::new(&config(&stub).await, settings());
        let session = service.open(MEMBER, Some(ROLE), FUNCTION, soon()).await?;
        session.answer("token", &[evaluation("vpc-1", Compliance::Compliant, 5)]).await
    })
    .unwrap_err();
    assert!(matches!(error, ServiceError::RoleDenied { .. }) && !error.is_transient());
    assert_eq!(
        error.to_string(),
        "AccessDenied: the role arn:aws:iam::444455556666:role/config-rules in account 444455556666 cannot be assumed; allow the \
         role of the function sts:AssumeRole on it, and allow the role of the function in its trust policy"
    );
}

#[test]
fn an_oversized_item_is_fetched_as_it_was_and_never_newer() {
    let answers: Arc<Mutex<Value>> = Arc::default();
    let told = Arc::clone(&answers);
    let stub = Stub::new(move |_| reply(&told.lock().unwrap()));
    let item_at = |items: Value| {
        *answers.lock().unwrap() = json!({"configurationItems": items});
        run(async {
            let service = ConfigService::new(&config(&stub).await, settings());
            let session = service.open(OWN, None, FUNCTION, soon()).await.unwrap();
            session.item_at("AWS::EC2::SecurityGroup", "sg-1", time("2026-01-02T03:04:05.678Z")).await
        })
    };
    let item = |capture_time: f64| {
        json!({
            "version": "1.3",
            "accountId": OWN,
            "configurationItemCaptureTime": capture_time,
            "configurationItemStatus": "OK",
            "configurationStateId": "1767323045678",
            "arn": "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1",
            "resourceType": "AWS::EC2::SecurityGroup",
            "resourceId": "sg-1",
            "awsRegion": "eu-west-1",
            "tags": {"Name": "web"},
            "relationships": [{"resourceType": "AWS::EC2::VPC", "resourceId": "vpc-1", "relationshipName": "Is contained in Vpc"}],
            "configuration": r#"{"groupId":"sg-1","ipPermissions":[]}"#,
            "supplementaryConfiguration": {"Policy": r#"{"a":1}"#, "Plain": "text"},
        })
    };
    let fetched: Value = serde_json::from_str(&item_at(json!([item(1_767_323_045.678)])).unwrap()).unwrap();
    let request = body(&stub.calls()[0]);
    assert_eq!((&request["laterTime"], &request["limit"]), (&json!(1_767_323_045.678), &json!(1)));
    assert_eq!((&request["resourceType"], &request["resourceId"]), (&json!("AWS::EC2::SecurityGroup"), &json!("sg-1")));
    assert_eq!(fetched["configuration"]["groupId"], "sg-1");
    assert_eq!(fetched["supplementaryConfiguration"], json!({"Policy": {"a": 1}, "Plain": "text"}));
    assert_eq!(fetched["configurationItemCaptureTime"], "2026-01-02T03:04:05.678Z");
    assert_eq!((&fetched["awsAccountId"], &fetched["ARN"]), (&json!(OWN), &item(0.0)["arn"]));
    assert_eq!(fetched["relationships"][0]["name"], "Is contained in Vpc");
    assert_eq!(fetched["tags"]["Name"], "web");

    let newer = item_at(json!([item(1_767_323_046.0)])).unwrap_err();
    assert!(!newer.is_transient && newer.reason.contains("newer configuration item"), "{newer:?}");
    let older = item_at(json!([item(1_767_323_045.0)])).unwrap_err();
    assert!(older.is_transient && older.reason.contains("not have the configuration item"), "{older:?}");
    assert!(item_at(json!([])).unwrap_err().is_transient);
}

#[test]
fn a_thread_that_may_block_can_fetch_an_item() {
    let stub = Stub::new(|_| refusal(400, "ResourceNotDiscoveredException", "not discovered\u{1b}"));
    let failed = run(async {
        let service = ConfigService::new(&config(&stub).await, settings());
        let session = service.open(OWN, None, FUNCTION, soon()).await.unwrap();
        let fetcher = session.fetcher(tokio::runtime::Handle::current());
        let fetch = move || fetcher.item_at("AWS::EC2::VPC", "vpc-1", time("2026-01-02T03:04:05Z"));
        tokio::task::spawn_blocking(fetch).await.unwrap()
    })
    .unwrap_err();
    assert!(!failed.is_transient);
    assert_eq!(
        failed.reason,
        r"config:GetResourceConfigHistory in account 111122223333: ResourceNotDiscoveredException: not discovered\u{1b}"
    );
}

#[test]
fn the_inventory_is_read_page_by_page() {
    let stub = Stub::new(|call| {
        let row = |id: &str| {
            json!({
                "accountId": OWN,
                "arn": format!("arn:aws:ec2:eu-west-1:111122223333:vpc/{id}"),
                "resourceType": "AWS::EC2::VPC",
                "resourceId": id,
                "tags": [{"tag": "Name=a", "key": "Name", "value": "a"}],
                "configuration": {"isDefault": true},
            })
            .to_string()
        };
        match body(call).get("NextToken").and_then(Value::as_str) {
            None => reply(&json!({"Results": [row("vpc-1"), "{\"resourceId\":1}"], "NextToken": "two"})),
            Some("two") => reply(&json!({"Results": [row("vpc-2"), "{"]})),
            Some(_) => refusal(400, "InvalidNextTokenException", "no"),
        }
    });
    let (items, errors): (Vec<_>, Vec<_>) = run(async {
        let service = ConfigService::new(&config(&stub).await, settings());
        let session = service.open(OWN, None, FUNCTION, soon()).await.unwrap();
        let mut inventory = session.inventory(["AWS::EC2::VPC", "AWS::EC2::Subnet"]);
        let mut rows = Vec::new();
        while let Some(page) = inventory.next_page().await.unwrap() {
            rows.extend(page);
        }
        rows
    })
    .into_iter()
    .partition(Result::is_ok);
    let items: Vec<Value> = items.into_iter().map(|item| serde_json::from_str(&item.unwrap()).unwrap()).collect();
    assert_eq!((&items[0]["resourceId"], &items[1]["resourceId"]), (&json!("vpc-1"), &json!("vpc-2")));
    assert_eq!(items[0]["awsAccountId"], OWN);
    assert_eq!(items[0]["ARN"], "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1");
    assert_eq!((&items[0]["tags"], &items[0]["configuration"]), (&json!({"Name": "a"}), &json!({"isDefault": true})));
    let errors: Vec<String> = errors.into_iter().map(Result::unwrap_err).collect();
    assert_eq!(errors.len(), 2);
    assert!(errors.iter().all(|error| error.starts_with("a result of SelectResourceConfig")), "{errors:?}");
    let request = body(&stub.calls()[0]);
    let expression = request["Expression"].as_str().unwrap();
    assert!(expression.starts_with("SELECT accountId, ") && expression.len() < 4096);
    assert!(expression.ends_with("WHERE resourceType IN ('AWS::EC2::VPC', 'AWS::EC2::Subnet')"), "{expression}");
}

#[test]
fn a_request_ends_at_the_deadline() {
    let stub = Stub::new(|_| Reply::Never);
    let start = Instant::now();
    let error = run(async {
        let service = ConfigService::new(&config(&stub).await, settings());
        let deadline = Instant::now() + Duration::from_millis(200);
        service.open(OWN, None, FUNCTION, deadline).await?.inventory(["AWS::EC2::VPC"]).next_page().await
    })
    .unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("before the deadline"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
}
