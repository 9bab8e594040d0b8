//! One function for each kind of input that others write. Each takes any bytes and panics if Trailwarden panics, loses a record or
//! counts it twice. The fuzz targets call them with what libFuzzer finds, and the test `fuzzed` with changed fixtures.

use std::fs;
use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use trailwarden::access::{Role, Zone, assess_within};
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::pipeline::{Evaluated, Input, Pipeline};
use trailwarden::policy::{Policy, RolePolicies, RolePolicy};
use trailwarden::rules::{Options, RuleSet, Unusable};
use trailwarden::suppress::Exemptions;

/// The reason for which a record is rejected when evaluating it panics.
const PANICKED: &str = "failed inside Trailwarden";

/// A record that several rules match.
const RECORD: &str = r#"{"eventVersion":"1.11","eventID":"e","eventTime":"2026-03-04T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","awsRegion":"eu-west-1","recipientAccountId":"111122223333","requestParameters":{"groupId":"sg-0aaa1111bbb22222c","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}},"responseElements":{"_return":true}}"#;

static PIPELINE: LazyLock<Pipeline> = LazyLock::new(|| Pipeline::new(built_in()));
static RULES: LazyLock<RuleSet> = LazyLock::new(built_in);

fn built_in() -> RuleSet {
    RuleSet::load(&[]).expect("the built-in rules load")
}

fn checked(evaluated: &Evaluated) {
    assert!(evaluated.tally.balances(), "{}", evaluated.tally);
    let counted = evaluated.findings.iter().filter(|finding| finding.suppression.is_none()).count();
    assert_eq!(u64::try_from(counted).ok(), Some(evaluated.tally.findings), "{}", evaluated.tally);
    assert_eq!(u64::try_from(evaluated.rejections.len()).ok(), Some(evaluated.tally.rejected), "{}", evaluated.tally);
    for rejection in &evaluated.rejections {
        assert!(!rejection.reason.contains(PANICKED), "{rejection}");
    }
}

fn evaluate(pipeline: &Pipeline, text: &str) -> Evaluated {
    let evaluated = pipeline.gather("fuzz", Input::Payload(text));
    checked(&evaluated);
    evaluated
}

/// A record, as a payload and as a file: both come to the same counts.
pub(crate) fn record(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    evaluate(&PIPELINE, &text);
    checked(&PIPELINE.gather("fuzz", Input::Stream(Box::new(bytes))));
}

/// Policy documents: of a trust policy, in a record, and of a role's permissions.
pub(crate) fn policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(policy) = Policy::parse(&text) {
        let role = Role { account: Some("111122223333"), now: None, is_stored: false };
        let assessment = assess_within(&policy, &role, &Zone::default());
        let worst = assessment.statements.iter().map(|statement| statement.verdict).max();
        assert!(worst.is_none_or(|worst| worst == assessment.verdict), "{assessment:?}");
    }
    let held = RolePolicy { name: "p", arn: None, document: Some(&text) };
    let arn = "arn:aws:iam::111122223333:role/r";
    let _ = RolePolicies { arn, policies: vec![held], boundary: None }.administrator();
    for member in ["assumeRolePolicyDocument", "policyDocument"] {
        let record = json!({"eventVersion": "1.11", "eventID": "e", "eventSource": "iam.amazonaws.com",
                            "eventName": "CreateRole", "requestParameters": {"roleName": "r", member: text}});
        let evaluated = evaluate(&PIPELINE, &record.to_string());
        assert_eq!((evaluated.tally.received, evaluated.tally.rejected), (1, 0));
    }
}

/// A rule file beside the built-in ones. What can be loaded evaluates a record.
pub(crate) fn rule(bytes: &[u8]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("rule.yml"), bytes).expect("a file in it");
    let options = |unusable| Options { directories: vec![directory.path().into()], unusable, ..Options::default() };
    let (_, faults) = RuleSet::check(&options(Unusable::Stop));
    for fault in faults {
        assert!(!fault.to_string().is_empty());
    }
    if let Ok(rules) = RuleSet::load_with(&options(Unusable::Skip)) {
        let evaluated = evaluate(&Pipeline::new(rules), RECORD);
        assert_eq!((evaluated.tally.received, evaluated.tally.rejected), (1, 0));
    }
}

/// A file of exemptions. What can be read applies to a record.
pub(crate) fn exemptions(bytes: &[u8]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("exemptions.yml");
    fs::write(&path, bytes).expect("a file in it");
    if let Ok(exemptions) = Exemptions::read(&path, &RULES) {
        let now = "2026-03-04T10:00:00Z".parse().expect("a time");
        let event = trailwarden::event::Event::parse(RECORD).expect("a record");
        for mut finding in RULES.evaluate(&event) {
            exemptions.apply(&event, &mut finding, now);
        }
    }
}

/// A configuration file.
pub(crate) fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    if let Ok(file) = ConfigurationFile::parse("fuzz", text)
        && let Ok(pipeline) = Configuration::of_file(file).pipeline()
    {
        evaluate(&pipeline, RECORD);
    }
}

/// Records within envelopes, and envelopes within envelopes. The first byte says which.
pub(crate) fn wrapper(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest).into_owned();
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_str()));
    let mut payload = match choice % 8 {
        0 => json!({"Records": [value, RECORD]}),
        1 => json!({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": text}, {"message": RECORD}]}),
        2 => awslogs(rest),
        3 => awslogs(&json!({"logEvents": [{"message": text}, value]}).to_string().into_bytes()),
        4 => json!({"detail-type": "AWS API Call via CloudTrail", "detail": value}),
        5 => {
            json!({"Records": [{"eventSource": "aws:sqs", "body": text}, {"EventSource": "aws:sns", "Sns": {"Message": text}}]})
        }
        6 => json!({"requestPayload": value}),
        _ => json!([value, text, [[value]]]),
    };
    for _ in 0..choice / 64 {
        payload = json!({"Records": [{"eventSource": "aws:sqs", "body": payload.to_string()}]});
    }
    let text = payload.to_string();
    evaluate(&PIPELINE, &text);
    checked(&PIPELINE.gather("fuzz", Input::Stream(Box::new(text.as_bytes()))));
}

fn awslogs(batch: &[u8]) -> Value {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(batch).expect("memory takes everything");
    json!({"awslogs": {"data": STANDARD.encode(encoder.finish().expect("memory takes everything"))}})
}
