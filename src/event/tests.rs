use super::*;

fn event(text: &str) -> Event<'_> {
    Event::parse(text).unwrap()
}

#[test]
fn the_common_fields_are_named() {
    let event = event(
        r#"{"eventSource":"ec2.amazonaws.com","eventName":"DeleteVpc","eventID":"e","requestID":"r",
            "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventTime":"2026-03-04T10:00:00Z",
            "sourceIPAddress":"198.51.100.23","userAgent":"aws-cli","requestParameters":{"vpcId":"vpc-1"}}"#,
    );
    assert_eq!((event.source(), event.name(), event.id()), (Some("ec2.amazonaws.com"), Some("DeleteVpc"), Some("e")));
    assert_eq!((event.region(), event.account()), (Some("eu-west-1"), Some("111122223333")));
    assert_eq!(event.time().unwrap().as_millisecond(), 1_772_618_400_000);
    assert_eq!(event.text("requestParameters.vpcId").as_deref(), Some("vpc-1"));
    assert_eq!(event.error_code(), None);
}

#[test]
fn every_quirk_of_real_records_is_accepted() {
    for (text, has_request) in [
        (r#"{"eventName":"A"}"#, false),
        (r#"{"eventName":"A","requestParameters":null,"responseElements":null}"#, false),
        (r#"{"eventName":"A","requestParameters":"null","responseElements":"text"}"#, false),
        (r#"{"eventName":"A","requestParameters":[],"userIdentity":null}"#, false),
        (r#"{"eventName":"A","requestParameters":{},"userIdentity":"***"}"#, true),
        (r#"{"eventName":"A","userIdentity":{"type":"AWSService","invokedBy":"x.amazonaws.com"}}"#, false),
        (r#"{"eventName":"A","userIdentity":{"accountId":"1","invokedBy":"x.amazonaws.com"}}"#, false),
        (r#"{"eventName":"A","userIdentity":{"type":"Unknown","sessionContext":{"sessionIssuer":{}}}}"#, false),
        (r#"{"eventName":null,"eventID":7,"sourceIPAddress":"AWS Internal","eventTime":""}"#, false),
        (r#"{"eventVersion":"1.11","eventType":"AwsCloudTrailInsight","insightDetails":{"state":"Start"}}"#, false),
        (r#"{"eventname":"A","requestparameters":{"vpcId":"v"}}"#, true),
    ] {
        let event = event(text);
        assert_eq!(event.request().is_some(), has_request, "{text}");
        let named = !event.identity().short_name().is_empty();
        assert!(named && event.time().is_none() && event.partition() == "aws", "{text}");
    }
}

#[test]
fn keys_are_found_in_any_case_but_the_exact_one_first() {
    let event = event(r#"{"eventname":"lower","eventName":"exact","USERAGENT":"x"}"#);
    assert_eq!((event.name(), event.user_agent()), (Some("exact"), Some("x")));
}

#[test]
fn times_of_re_shaped_records_are_utc() {
    for text in ["2022-09-30T15:11:25Z", "2022-09-30 15:11:25.000000000", "2022-09-30T17:11:25+02:00"] {
        let json = format!(r#"{{"eventName":"A","eventTime":"{text}"}}"#);
        assert_eq!(event(&json).time().unwrap().as_second(), 1_664_550_685, "{text}");
    }
    let event = event(r#"{"eventName":"A","@timestamp":"2022-09-30T15:11:25Z"}"#);
    assert_eq!(event.time().unwrap().as_second(), 1_664_550_685);
}

#[test]
fn the_caller_has_a_short_name() {
    for (identity, name) in [
        (r#"{"type":"IAMUser","arn":"arn:aws:iam::1:user/alice","userName":"alice"}"#, "alice"),
        (r#"{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/NetOps/dana"}"#, "NetOps/dana"),
        (r#"{"type":"Root","arn":"arn:aws:iam::1:root","accountId":"1"}"#, "root of 1"),
        (r#"{"type":"AWSService","invokedBy":"autoscaling.amazonaws.com"}"#, "autoscaling.amazonaws.com"),
        (r#"{"type":"AWSAccount","principalId":"AIDA1:x","accountId":"1"}"#, "AIDA1:x"),
        (r#"{"accountId":"1"}"#, "somebody in account 1"),
        ("{}", "an unnamed caller"),
    ] {
        let json = format!(r#"{{"eventName":"A","userIdentity":{identity}}}"#);
        assert_eq!(event(&json).identity().short_name(), name, "{identity}");
    }
}

#[test]
fn the_partition_is_the_callers_else_the_regions() {
    for (json, partition) in [
        (r#"{"eventName":"A","userIdentity":{"arn":"arn:aws-us-gov:iam::1:user/x"}}"#, "aws-us-gov"),
        (r#"{"eventName":"A","awsRegion":"cn-north-1"}"#, "aws-cn"),
        (r#"{"eventName":"A","awsRegion":"us-gov-west-1","userIdentity":{"arn":"***"}}"#, "aws-us-gov"),
    ] {
        assert_eq!(event(json).partition(), partition, "{json}");
    }
}

#[test]
fn text_that_is_not_a_record_is_rejected_with_the_reason() {
    let deep = format!("{{\"eventName\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let reasons: Vec<String> = ["", "{", "[]", "7", "\"eventName\"", "{}", r#"{"name":"x"}"#, &deep]
        .iter()
        .map(|text| Event::parse(text).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(reasons.join("\n"), @"
    the JSON ends early; it is cut off
    the JSON ends early; it is cut off
    a record must be a JSON object, this is an array
    a record must be a JSON object, this is a number
    a record must be a JSON object, this is a string
    not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there
    not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there
    not JSON: recursion limit exceeded at column 140 of the record
    ");
}

#[test]
fn numbers_and_booleans_read_as_text() {
    let event = event(r#"{"eventName":"A","a":{"port":22,"big":18446744073709551615,"open":true,"none":null}}"#);
    let text = |path: &str| event.text(path).map(Cow::into_owned);
    assert_eq!(text("a.port").as_deref(), Some("22"));
    assert_eq!(text("a.big").as_deref(), Some("18446744073709551615"));
    assert_eq!(text("a.open").as_deref(), Some("true"));
    assert_eq!((text("a.none"), text("a")), (None, None));
}

#[test]
fn an_omitted_request_is_recognized() {
    for (request, lacks) in [
        (r#"{"groupId":"sg-1"}"#, false),
        ("{}", false),
        (r#"{"omitted":false}"#, false),
        (r#"{"omitted":true,"originalSize":112000}"#, true),
        (r#"{"omitted":"true","reason":"requestParameters too large"}"#, true),
        ("null", true),
        (r#""null""#, true),
    ] {
        let json = format!(r#"{{"eventName":"A","requestParameters":{request}}}"#);
        assert_eq!(Event::parse(&json).unwrap().lacks_request(), lacks, "{request}");
    }
    assert!(Event::parse(r#"{"eventName":"A"}"#).unwrap().lacks_request());
}
