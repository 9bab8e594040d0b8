use std::collections::BTreeSet;

use super::*;

fn fact<'e>(name: &str, event: &'e Event<'_>) -> Option<Value<'e>> {
    FACTS.iter().find(|fact| fact.scope.name == name).unwrap().of(event)
}

/// What a call of `name` lets in, one entry a line with its reach, then what is open to the world and to wide prefixes.
fn ingress_of(name: &str, parameters: &str) -> String {
    let json = format!(r#"{{"eventSource":"ec2.amazonaws.com","eventName":"{name}",{parameters}}}"#);
    let event = Event::parse(&json).unwrap();
    let Some(value) = fact("exposure.ingress", &event) else { return "nothing".to_owned() };
    let value = serde_json::Value::from(&value);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    let entries = value["entries"].as_array().unwrap().iter();
    let mut lines: Vec<String> =
        entries.map(|entry| format!("{}: {}", text(&entry["reach"]), text(&entry["summary"]))).collect();
    lines.push(format!("world {}, wide {}", text(&value["world"]), text(&value["wide"])));
    lines.join("\n")
}

fn ingress(parameters: &str) -> String {
    ingress_of("AuthorizeSecurityGroupIngress", parameters)
}

#[test]
fn every_fact_is_named_once_and_documented() {
    let names: BTreeSet<&str> = FACTS.iter().map(|fact| fact.scope.name).collect();
    assert_eq!(names.len(), FACTS.len());
    for (place, fact) in FACTS.iter().enumerate() {
        assert!(fact.scope.name.contains('.'), "{} has no namespace", fact.scope.name);
        assert!(fact.doc.len() > 80, "{} is not documented", fact.scope.name);
        assert_eq!(find(fact.scope.name), Some((place, None)));
    }
}

#[test]
fn a_path_leads_into_its_fact_and_into_no_other() {
    let place = FACTS.iter().position(|fact| fact.scope.name == "exposure.ingress").unwrap();
    assert_eq!(find("exposure.ingress.reach"), Some((place, Some("reach"))));
    assert_eq!(find("exposure.ingress[0].reach"), Some((place, Some("[0].reach"))));
    assert_eq!(find("exposure.ingresses"), None);
    assert!(is_fact_namespace("exposure.ingresses") && !is_fact_namespace("requestParameters.exposure"));
}

#[test]
fn a_fact_is_absent_for_other_calls() {
    let json = r#"{"eventSource":"lightsail.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress",
                   "requestParameters":{"cidrIp":"0.0.0.0/0"}}"#;
    assert!(fact("exposure.ingress", &Event::parse(json).unwrap()).is_none());
}

#[test]
fn ports_and_protocols_are_told_in_words() {
    for (permission, expected) in [
        (r#""ipProtocol":"tcp","fromPort":22,"toPort":22"#, "tcp port 22 (ssh)"),
        (r#""ipProtocol":"6","fromPort":0,"toPort":1024"#, "tcp ports 0-1024"),
        (r#""ipProtocol":"TCP","fromPort":0,"toPort":65535"#, "all tcp ports"),
        (r#""ipProtocol":"tcp""#, "all tcp ports"),
        (r#""ipProtocol":17,"fromPort":"53","toPort":"53""#, "udp port 53"),
        (r#""ipProtocol":"-1""#, "all traffic"),
        (r#""ipProtocol":-1,"fromPort":-1,"toPort":-1"#, "all traffic"),
        (r#""ipProtocol":"-1","fromPort":0,"toPort":0"#, "all traffic"),
        (r#""ipProtocol":"icmp","fromPort":8,"toPort":-1"#, "icmp type 8"),
        (r#""ipProtocol":"icmp","fromPort":3,"toPort":4"#, "icmp type 3 code 4"),
        (r#""ipProtocol":"icmp","fromPort":-1,"toPort":-1"#, "icmp"),
        (r#""ipProtocol":"50""#, "esp"),
        (r#""ipProtocol":"89""#, "protocol 89"),
    ] {
        let flat = format!(r#""requestParameters":{{"ipPermissions":{{}},{permission},"cidrIp":"0.0.0.0/0"}}"#);
        let told = ingress(&flat);
        assert_eq!(told.lines().next(), Some(format!("world: {expected} from 0.0.0.0/0").as_str()), "{permission}");
    }
}

#[test]
fn narrow_networks_stay_apart_from_the_world() {
    let mixed = r#""requestParameters":{"ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,
        "ipRanges":{"items":[{"cidrIp":"203.0.113.0/24"},{"cidrIp":"0.0.0.0/0"}]},"ipv6Ranges":{}}]}}"#;
    insta::assert_snapshot!(ingress(mixed), @"
    public: tcp port 443 (https) from 203.0.113.0/24
    world: tcp port 443 (https) from 0.0.0.0/0
    world web, wide -
    ");
    let halves = r#""requestParameters":{"ipPermissions":{"items":[
        {"ipProtocol":"tcp","fromPort":443,"toPort":443,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/1"}]}},
        {"ipProtocol":"tcp","fromPort":443,"toPort":443,"ipRanges":{"items":[{"cidrIp":"128.0.0.0/1"}]}}]}}"#;
    insta::assert_snapshot!(ingress(halves), @"
    world: tcp port 443 (https) from 0.0.0.0/1
    world: tcp port 443 (https) from 128.0.0.0/1
    world web, wide -
    ");
    let other_ports = halves.replacen("443", "80", 2);
    insta::assert_snapshot!(ingress(&other_ports), @"
    wide: tcp port 80 (http) from 0.0.0.0/1
    wide: tcp port 443 (https) from 128.0.0.0/1
    world -, wide web
    ");
}

#[test]
fn the_response_counts_where_the_request_is_missing_and_not_twice() {
    let response = r#""responseElements":{"securityGroupRuleSet":{"items":[
        {"isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"0.0.0.0/0","securityGroupRuleId":"sgr-1"},
        {"isEgress":true,"ipProtocol":"-1","fromPort":-1,"toPort":-1,"cidrIpv4":"0.0.0.0/0"}]}}"#;
    let expected = "world: tcp port 22 (ssh) from 0.0.0.0/0\nworld admin, wide -";
    assert_eq!(ingress(response), expected);
    assert_eq!(ingress(&format!(r#""requestParameters":null,{response}"#)), expected);
    let request = r#""requestParameters":{"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"198.51.100.7/0"}"#;
    assert_eq!(ingress(&format!("{request},{response}")), expected.replace("0.0.0.0", "198.51.100.7"));
    assert_eq!(ingress(r#""requestParameters":{"ipPermissions":{}}"#), "nothing");
    assert_eq!(ingress(r#""requestParameters":null"#), "nothing");
}

#[test]
fn two_icmp_types_are_two_rules() {
    let response = r#""responseElements":{"securityGroupRuleSet":{"items":[
        {"ipProtocol":"icmp","fromPort":8,"toPort":-1,"cidrIpv4":"0.0.0.0/0","securityGroupRuleId":"sgr-1"},
        {"ipProtocol":"icmp","fromPort":3,"toPort":4,"cidrIpv4":"0.0.0.0/0","securityGroupRuleId":"sgr-2"}]}}"#;
    assert_eq!(ingress(response).lines().count(), 3, "{}", ingress(response));
}

#[test]
fn modified_rules_are_read_one_or_several() {
    let one = r#"{"SecurityGroupRuleId":"sgr-1","tag":1,
                  "SecurityGroupRule":{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIpv4":"0.0.0.0/0"}}"#;
    let other = r#"{"SecurityGroupRuleId":"sgr-2","tag":2,
                    "SecurityGroupRule":{"IpProtocol":"-1","CidrIpv6":"fd00::/8"}}"#;
    let request = |rules: &str| {
        format!(
            r#""requestParameters":{{"ModifySecurityGroupRulesRequest":{{"GroupId":"sg-1","SecurityGroupRule":{rules}}}}}"#
        )
    };
    let told = |rules: &str| ingress_of("ModifySecurityGroupRules", &request(rules));
    insta::assert_snapshot!(told(one), @"
    world: tcp port 22 (ssh) from 0.0.0.0/0
    world admin, wide -
    ");
    insta::assert_snapshot!(told(&format!("[{one},{other}]")), @"
    world: tcp port 22 (ssh) from 0.0.0.0/0
    private: all traffic from fd00::/8
    world admin, wide -
    ");
}

#[test]
fn parameters_are_selected_in_both_styles() {
    for request in [
        r#"{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"group":"all"},{"userId":"1"}]}}}"#,
        r#"{"ModifySnapshotAttributeRequest":{"SnapshotId":"snap-1","CreateVolumePermission":
            {"Add":[{"Group":"all","tag":1},{"UserId":{"content":"1","tag":1},"tag":2}]}}}"#,
    ] {
        let json = format!(
            r#"{{"eventSource":"ec2.amazonaws.com","eventName":"ModifySnapshotAttribute","requestParameters":{request}}}"#
        );
        let event = Event::parse(&json).unwrap();
        let fact = FACTS.iter().find(|fact| fact.scope.name == "ec2.request").unwrap();
        let parameters = fact.parameters(&event).unwrap();
        let texts = |path: &str| parameters.select(path).into_iter().filter_map(Value::as_str).collect::<Vec<_>>();
        assert_eq!(texts("snapshotId"), ["snap-1"]);
        assert_eq!(texts("createVolumePermission.add.group"), ["all"]);
        assert_eq!(texts("createVolumePermission.add.userId"), ["1"]);
        assert_eq!(texts("createVolumePermission.add[0].group"), ["all"]);
        assert_eq!(texts("createVolumePermission.add[1].group"), Vec::<&str>::new());
        assert_eq!(texts("createVolumePermission.remove.group"), Vec::<&str>::new());
    }
}

#[test]
fn the_resource_a_call_is_named_after_comes_first() {
    for (name, request, response, expected) in [
        (
            "CreateSubnet",
            r#"{"vpcId":"vpc-01234567"}"#,
            r#"{"subnet":{"subnetId":"subnet-01234567"}}"#,
            "AWS::EC2::Subnet",
        ),
        ("DeleteVpc", r#"{"vpcId":"vpc-0123456789abcdef0"}"#, "null", "AWS::EC2::VPC"),
        (
            "AttachInternetGateway",
            r#"{"vpcId":"vpc-01234567","internetGatewayId":"igw-01234567"}"#,
            "null",
            "AWS::EC2::InternetGateway",
        ),
        ("DeleteTags", r#"{"resourcesSet":{"items":[{"resourceId":"i-01234567"}]}}"#, "null", "AWS::EC2::Instance"),
        ("DeleteFuture", r#"{"futureId":"new-thing-01234567"}"#, "null", "AWS::EC2"),
    ] {
        let json = format!(
            r#"{{"eventSource":"ec2.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","recipientAccountId":"1",
                "requestParameters":{request},"responseElements":{response}}}"#
        );
        let event = Event::parse(&json).unwrap();
        let Some(Value::Array(resources)) = fact("ec2.resources", &event) else { panic!("{name} has no resources") };
        assert_eq!(resources[0].as_object().unwrap().get("type").unwrap().as_str(), Some(expected), "{name}");
    }
}

#[test]
fn arns_of_images_and_snapshots_name_no_account() {
    let json = r#"{"eventSource":"ec2.amazonaws.com","eventName":"ModifySnapshotAttribute","awsRegion":"eu-west-1",
                   "recipientAccountId":"111122223333","requestParameters":{"snapshotId":"snap-01234567"}}"#;
    let event = Event::parse(json).unwrap();
    let arn = fact("ec2.resources", &event).unwrap().to_string();
    assert!(arn.contains("arn:aws:ec2:eu-west-1::snapshot/snap-01234567"), "{arn}");
}

#[test]
fn a_call_has_one_name_and_one_target_however_it_is_written() {
    let told: Vec<String> = [
        ("lambda", "UpdateFunctionCode20150331v2", r#"{"functionName":"arn:aws:lambda:eu-west-1:1:function:tw:live"}"#),
        ("lambda", "DeleteFunction20150331", r#"{"functionName":"tw"}"#),
        ("lambda", "PutFunctionConcurrency", r#"{"functionName":"111122223333:function:tw"}"#),
        ("lambda", "PutFunctionConcurrency", r#"{"functionName":"my-function:live"}"#),
        ("lambda", "Invoke2", "{}"),
        ("ec2", "CreateVpc20150331", r#"{"name":"x"}"#),
        ("cloudtrail", "StopLogging", r#"{"name":"arn:aws:cloudtrail:eu-west-1:111122223333:trail/org"}"#),
        (
            "cloudtrail",
            "UpdateEventDataStore",
            r#"{"name":"n","eventDataStore":"arn:aws:cloudtrail:r:a:eventdatastore/E"}"#,
        ),
        ("logs", "PutTransformer", r#"{"logGroupIdentifier":"arn:aws:logs:eu-west-1:111122223333:log-group:trail:*"}"#),
        ("logs", "PutIndexPolicy", r#"{"logGroupIdentifiers":["a","arn:aws:logs:r:1:log-group:b/c"]}"#),
        ("sns", "Unsubscribe", r#"{"subscriptionArn":"arn:aws:sns:eu-west-1:111122223333:alerts:5f0e"}"#),
        ("kms", "DisableKey", r#"{"keyId":"arn:aws:kms:eu-west-1:111122223333:key/1234abcd"}"#),
        ("kms", "DisableKey", r#"{"keyId":"alias/trail"}"#),
        ("s3", "DeleteBucket", r#"{"bucketName":"logs"}"#),
        ("events", "RemoveTargets", r#"{"rule":"tamper","eventBusName":"default"}"#),
        ("iam", "DeleteRole", r#"{"roleName":null}"#),
    ]
    .iter()
    .map(|(source, name, request)| {
        let json =
            format!(r#"{{"eventSource":"{source}.amazonaws.com","eventName":"{name}","requestParameters":{request}}}"#);
        let event = Event::parse(&json).unwrap();
        let operation = fact("call.operation", &event).unwrap();
        let target = fact("call.target", &event).map(|value| serde_json::Value::from(&value));
        let target = target.map(|one| format!("{{\"kind\":{},\"names\":{}}}", one["kind"], one["names"]));
        format!("{operation} {}", target.unwrap_or("-".to_owned()))
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "UpdateFunctionCode" {"kind":"function","names":["tw"]}
    "DeleteFunction" {"kind":"function","names":["tw"]}
    "PutFunctionConcurrency" {"kind":"function","names":["tw"]}
    "PutFunctionConcurrency" {"kind":"function","names":["my-function"]}
    "Invoke2" -
    "CreateVpc20150331" -
    "StopLogging" {"kind":"trail","names":["org"]}
    "UpdateEventDataStore" {"kind":"event-data-store","names":["E"]}
    "PutTransformer" {"kind":"log-group","names":["trail"]}
    "PutIndexPolicy" {"kind":"log-group","names":["a","b/c"]}
    "Unsubscribe" {"kind":"topic","names":["alerts"]}
    "DisableKey" {"kind":"key","names":["1234abcd"]}
    "DisableKey" {"kind":"key","names":["alias/trail"]}
    "DeleteBucket" {"kind":"bucket","names":["logs"]}
    "RemoveTargets" {"kind":"event-rule","names":["tamper"]}
    "DeleteRole" -
    "#);
}
