//! Custom rules of AWS Config: invocations, parameters, credentials and answers.

#[cfg(feature = "remediation")]
mod service;

use jiff::Timestamp;
use serde_json::{Value, json};
use trailwarden::config_rule::{
    Compliance, InvocationError, ItemEvaluation, MAX_ANNOTATION, Occasion, Parameters, PortRange, RoleChoice, RoleMode,
    RoleSettings, RuleInvocation, annotation, one_for_each_resource,
};

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::444455556666:role/config-rules";

fn event(message: &Value) -> Value {
    json!({
        "version": "1.0",
        "invokingEvent": message.to_string(),
        "ruleParameters": "{}",
        "resultToken": "token",
        "eventLeftScope": false,
        "executionRoleArn": ROLE,
        "configRuleArn": "arn:aws:config:eu-west-1:444455556666:config-rule/config-rule-abcdef",
        "configRuleName": "trailwarden",
        "configRuleId": "config-rule-abcdef",
        "accountId": "444455556666",
        "evaluationMode": "DETECTIVE",
    })
}

fn scheduled() -> Value {
    json!({
        "awsAccountId": "444455556666",
        "notificationCreationTime": "2026-01-02T03:04:05.678Z",
        "messageType": "ScheduledNotification",
        "recordVersion": "1.0",
    })
}

fn oversized() -> Value {
    json!({
        "configurationItemSummary": {
            "changeType": "UPDATE",
            "configurationItemVersion": "1.3",
            "configurationItemCaptureTime": "2026-01-02T03:04:05.678Z",
            "configurationStateId": 1_767_323_045_678_u64,
            "awsAccountId": "444455556666",
            "configurationItemStatus": "OK",
            "resourceType": "AWS::EC2::SecurityGroup",
            "resourceId": "sg-1",
            "resourceName": null,
            "ARN": "arn:aws:ec2:eu-west-1:444455556666:security-group/sg-1",
            "awsRegion": "eu-west-1",
        },
        "s3DeliverySummary": {
            "s3BucketLocation": "config-bucket/AWSLogs/444455556666/Config/eu-west-1/2026/1/2/OversizedConfigurationItemChangeNotification/sg-1.json.gz",
            "errorCode": null,
            "errorMessage": null,
        },
        "notificationCreationTime": "2026-01-02T03:05:05.678Z",
        "messageType": "OversizedConfigurationItemChangeNotification",
        "recordVersion": "1.0",
    })
}

fn read(event: &Value) -> Result<RuleInvocation, InvocationError> {
    RuleInvocation::of(&event.to_string()).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn an_invocation_has_a_token_an_account_and_an_occasion() {
    let invocation = read(&event(&scheduled())).unwrap();
    assert_eq!((invocation.result_token.as_str(), invocation.account.as_str()), ("token", "444455556666"));
    assert_eq!((invocation.rule_name.as_str(), invocation.execution_role.as_deref()), ("trailwarden", Some(ROLE)));
    assert!(!invocation.left_scope && invocation.parameters.is_empty());
    assert_eq!(invocation.occasion, Occasion::Scheduled { time: time("2026-01-02T03:04:05.678Z") });

    let change =
        json!({"messageType": "ConfigurationItemChangeNotification", "configurationItem": {"resourceId": "sg-1"}});
    let mut left = event(&change);
    left["eventLeftScope"] = true.into();
    let invocation = read(&left).unwrap();
    assert!(invocation.left_scope && invocation.occasion == Occasion::Change);

    let Occasion::Oversized(notice) = read(&event(&oversized())).unwrap().occasion else { panic!("not oversized") };
    assert_eq!((notice.resource_type.as_str(), notice.resource_id.as_str()), ("AWS::EC2::SecurityGroup", "sg-1"));
    assert_eq!((notice.capture_time, notice.is_deleted), (time("2026-01-02T03:04:05.678Z"), false));
    let object = notice.object.unwrap();
    assert!(
        object.bucket == "config-bucket" && object.key.starts_with("AWSLogs/") && object.key.ends_with("sg-1.json.gz")
    );

    let mut deleted = oversized();
    deleted["configurationItemSummary"]["changeType"] = "DELETE".into();
    deleted["s3DeliverySummary"]["s3BucketLocation"] = Value::Null;
    let Occasion::Oversized(notice) = read(&event(&deleted)).unwrap().occasion else { panic!("not oversized") };
    assert!(notice.is_deleted && notice.object.is_none());
}

#[test]
fn payloads_of_other_triggers_are_no_invocations() {
    for payload in [
        "",
        "{}",
        r#"{"awslogs":{"data":""}}"#,
        r#"{"invokingEvent":"{}"}"#,
        r#"{"Records":[{"body":"{\"invokingEvent\":1,\"resultToken\":1}"}]}"#,
        r#"["invokingEvent","resultToken"]"#,
    ] {
        assert!(RuleInvocation::of(payload).is_none(), "{payload}");
    }
}

#[test]
fn an_invocation_that_cannot_be_read_says_what_is_wrong() {
    let with = |name: &str, value: Value| {
        let mut event = event(&scheduled());
        event[name] = value;
        read(&event).unwrap_err().to_string()
    };
    let message = |name: &str, value: Value| {
        let mut message = oversized();
        message[name] = value;
        read(&event(&message)).unwrap_err().to_string()
    };
    let mut summary = oversized()["configurationItemSummary"].clone();
    summary["configurationItemCaptureTime"] = "yesterday\u{1b}[2J".into();
    insta::assert_snapshot!(
        [
            with("resultToken", Value::Null),
            with("accountId", "12".into()),
            with("configRuleName", "".into()),
            with("evaluationMode", "PROACTIVE".into()),
            with("invokingEvent", "{".into()),
            with("ruleParameters", r#"{"trustedAccount":"1"}"#.into()),
            message("messageType", "ConfigurationItemChangeNotification".into()),
            message("messageType", "\u{1b}[2JOther".into()),
            message("configurationItemSummary", Value::Null),
            message("configurationItemSummary", summary),
        ]
        .join("\n"),
        @r"
        the event of the Config rule cannot be read: resultToken is missing
        the event of the Config rule cannot be read: accountId is not an account id of twelve digits
        the event of the Config rule cannot be read: configRuleName is missing
        the Config rule trailwarden is in proactive mode, whose resources do not exist yet: give it the evaluation mode DETECTIVE, and use `trailwarden plan` before a deployment
        the event of the Config rule cannot be read: invokingEvent: EOF while parsing an object at line 1 column 1
        the Config rule trailwarden: unknown parameter trustedAccount; did you mean trustedAccounts?
        the event of the Config rule cannot be read: invokingEvent: configurationItem is missing
        the event of the Config rule cannot be read: invokingEvent: messageType is \u{1b}[2JOther: give the rule the message types ConfigurationItemChangeNotification, OversizedConfigurationItemChangeNotification and ScheduledNotification
        the event of the Config rule cannot be read: invokingEvent: configurationItemSummary is missing
        the event of the Config rule cannot be read: invokingEvent: configurationItemCaptureTime is `yesterday\u{1b}[2J`: expected a time such as 2026-01-02T03:04:05.678Z
        "
    );
}

#[test]
fn parameters_name_accounts_ports_and_tags() {
    let text = r#"{"trustedAccounts":"444455556666, 111122223333","allowedPorts":"443,8000-8080","exemptTags":"INTERNAL_NETWORK,Exposure=public"}"#;
    let parameters = Parameters::parse(text).unwrap();
    assert_eq!(parameters.trusted_accounts.iter().map(String::as_str).collect::<Vec<_>>(), [ACCOUNT, "444455556666"]);
    assert_eq!(parameters.allowed_ports, [PortRange { from: 443, to: 443 }, PortRange { from: 8000, to: 8080 }]);
    for (from, to, allowed) in
        [(443, 443, true), (8001, 8080, true), (8001, 8081, false), (443, 8000, false), (0, 65535, false)]
    {
        assert_eq!(parameters.allows_ports(from, to), allowed, "{from}-{to}");
    }
    for (tag, exempt) in [
        (("INTERNAL_NETWORK", "anything"), true),
        (("Exposure", "public"), true),
        (("Exposure", "private"), false),
        (("internal_network", ""), false),
    ] {
        assert_eq!(parameters.exempt_tag([("Name", "a"), tag]).is_some(), exempt, "{tag:?}");
    }
    for empty in ["", "{}", r#"{"allowedPorts":null}"#] {
        assert!(Parameters::parse(empty).unwrap().is_empty(), "{empty}");
    }
    assert_eq!(Parameters::parse(r#"{"allowedPorts":443}"#).unwrap().allowed_ports, [PortRange { from: 443, to: 443 }]);
}

#[test]
fn a_parameter_in_another_form_is_an_error_that_names_the_form() {
    let errors = [
        "[]",
        r#"{"trustedaccounts":"1"}"#,
        r#"{"Colour":"red"}"#,
        r#"{"trustedAccounts":"44445555666"}"#,
        r#"{"trustedAccounts":""}"#,
        r#"{"trustedAccounts":["444455556666"]}"#,
        r#"{"allowedPorts":"443,+80"}"#,
        r#"{"allowedPorts":"90-80"}"#,
        r#"{"allowedPorts":"65536"}"#,
        r#"{"exemptTags":"a,=b"}"#,
    ];
    let errors = errors.map(|text| Parameters::parse(text).unwrap_err());
    insta::assert_snapshot!(errors.join("\n"), @r"
    ruleParameters is not a JSON object
    unknown parameter trustedaccounts; did you mean trustedAccounts?
    unknown parameter Colour; use trustedAccounts, allowedPorts, exemptTags
    the parameter trustedAccounts contains `44445555666`: use account ids of twelve digits, separated by commas
    the parameter trustedAccounts contains ``: use account ids of twelve digits, separated by commas
    the parameter trustedAccounts is not a string
    the parameter allowedPorts contains `+80`: use ports from 0 to 65535 or ranges such as 8000-8080, separated by commas
    the parameter allowedPorts contains `90-80`: use ports from 0 to 65535 or ranges such as 8000-8080, separated by commas
    the parameter allowedPorts contains `65536`: use ports from 0 to 65535 or ranges such as 8000-8080, separated by commas
    the parameter exemptTags contains `=b`: use tags, KEY or KEY=VALUE, separated by commas
    ");
}

#[test]
fn the_credentials_depend_on_the_account_and_the_mode() {
    let settings = |mode: RoleMode, member_role: Option<&str>| RoleSettings {
        mode,
        member_role: member_role.map(str::to_owned),
        external_id: Some("secret".to_owned()),
        session_name: "trailwarden".to_owned(),
    };
    let role = |arn: &str, external_id: Option<&str>| {
        Ok(RoleChoice::Role { arn: arn.to_owned(), external_id: external_id.map(str::to_owned) })
    };
    let choose = |mode: RoleMode, member_role: Option<&str>, account: &str, execution_role: Option<&str>| {
        settings(mode, member_role).choose(account, execution_role, ACCOUNT, "aws").map_err(|error| error.to_string())
    };
    let own_role = "arn:aws:iam::111122223333:role/config-rules";
    let linked = "arn:aws:iam::444455556666:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig";
    let member = "arn:aws:iam::444455556666:role/audit/Reader";
    let other = "444455556666";

    assert_eq!(choose(RoleMode::OtherAccounts, None, ACCOUNT, Some(own_role)), Ok(RoleChoice::Own));
    assert_eq!(choose(RoleMode::Always, None, ACCOUNT, Some(own_role)), role(own_role, None));
    assert_eq!(choose(RoleMode::Always, None, ACCOUNT, None), Ok(RoleChoice::Own));
    assert_eq!(choose(RoleMode::Never, None, other, Some(ROLE)), Ok(RoleChoice::Own));
    assert_eq!(choose(RoleMode::OtherAccounts, Some("audit/Reader"), other, Some(ROLE)), role(ROLE, None));
    assert_eq!(
        choose(RoleMode::OtherAccounts, Some("audit/Reader"), other, Some(linked)),
        role(member, Some("secret"))
    );
    assert_eq!(choose(RoleMode::OtherAccounts, Some("audit/Reader"), other, None), role(member, Some("secret")));

    let error = choose(RoleMode::OtherAccounts, None, other, Some(linked)).unwrap_err();
    assert!(error.contains("account 444455556666") && error.contains("MEMBER_ROLE_NAME"), "{error}");
    // A role of another account than the rule's is never assumed.
    for foreign in [own_role, "arn:aws:iam::444455556666:user/u", "role\u{1b}"] {
        let error = choose(RoleMode::OtherAccounts, Some("audit/Reader"), other, Some(foreign)).unwrap_err();
        assert!(error.contains("is not a role in account 444455556666") && !error.contains('\u{1b}'), "{error}");
    }
}

fn evaluation(id: &str, compliance: Compliance, second: i64) -> ItemEvaluation {
    ItemEvaluation {
        resource_type: "AWS::EC2::VPC".to_owned(),
        resource_id: id.to_owned(),
        account: None,
        capture_time: Timestamp::from_second(second).unwrap(),
        compliance,
        annotation: None,
    }
}

#[test]
fn a_resource_has_one_evaluation_the_worst_of_its_newest_state() {
    let evaluations = [
        evaluation("vpc-1", Compliance::Compliant, 5),
        evaluation("vpc-2", Compliance::NonCompliant, 5),
        evaluation("vpc-1", Compliance::NonCompliant, 5),
        evaluation("vpc-2", Compliance::Compliant, 6),
        evaluation("vpc-1", Compliance::NotApplicable, 5),
        evaluation("vpc-2", Compliance::NonCompliant, 4),
    ];
    let kept: Vec<_> = one_for_each_resource(&evaluations)
        .into_iter()
        .map(|one| (one.resource_id.as_str(), one.compliance, one.capture_time.as_second()))
        .collect();
    assert_eq!(kept, [("vpc-1", Compliance::NonCompliant, 5), ("vpc-2", Compliance::Compliant, 6)]);
}

#[test]
fn an_annotation_is_visible_and_within_its_limit() {
    assert_eq!(annotation(" opened\u{1b}[2J "), Some(r"opened\u{1b}[2J".to_owned()));
    assert_eq!(annotation("  "), None);
    let exact = "é".repeat(MAX_ANNOTATION);
    assert_eq!(annotation(&exact), Some(exact.clone()));
    let cut = annotation(&format!("{exact}é")).unwrap();
    assert!(cut.chars().count() == MAX_ANNOTATION && cut.ends_with("é…"));
}
