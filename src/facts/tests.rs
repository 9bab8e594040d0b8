use std::collections::BTreeSet;

use super::*;

fn fact<'e>(name: &str, event: &'e Event<'_>) -> Option<Value<'e>> {
    FACTS.iter().find(|fact| fact.name == name).unwrap().of(event)
}

/// The ingress of a call of `name`: one entry per line with its reach, then the traffic that is open to the world and wide.
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
    let names: BTreeSet<&str> = FACTS.iter().map(|fact| fact.name).collect();
    assert_eq!(names.len(), FACTS.len());
    for (place, fact) in FACTS.iter().enumerate() {
        assert!(fact.name.contains('.'), "{} has no namespace", fact.name);
        assert!(fact.doc.len() > 80, "{} is not documented", fact.name);
        assert_eq!(find(fact.name), Some((place, None)));
    }
}

#[test]
fn a_path_leads_into_its_fact_and_into_no_other() {
    let place = FACTS.iter().position(|fact| fact.name == "exposure.ingress").unwrap();
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
fn ports_and_protocols_are_described_in_words() {
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
        let described = ingress(&flat);
        assert_eq!(
            described.lines().next(),
            Some(format!("world: {expected} from 0.0.0.0/0").as_str()),
            "{permission}"
        );
    }
}

#[test]
fn narrow_networks_stay_apart_from_the_world() {
    let mixed = r#""requestParameters":{"ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,
        "ipRanges":{"items":[{"cidrIp":"9.9.9.0/24"},{"cidrIp":"0.0.0.0/0"}]},"ipv6Ranges":{}}]}}"#;
    insta::assert_snapshot!(ingress(mixed), @"
    public: tcp port 443 (https) from 9.9.9.0/24
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
    let described = |rules: &str| ingress_of("ModifySecurityGroupRules", &request(rules));
    insta::assert_snapshot!(described(one), @"
    world: tcp port 22 (ssh) from 0.0.0.0/0
    world admin, wide -
    ");
    insta::assert_snapshot!(described(&format!("[{one},{other}]")), @"
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
        let fact = FACTS.iter().find(|fact| fact.name == "ec2.request").unwrap();
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

/// The id of the resource that comes first.
fn first_resource(name: &str, request: &str, response: &str) -> String {
    let json = format!(
        r#"{{"eventSource":"ec2.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","recipientAccountId":"1",
            "requestParameters":{request},"responseElements":{response}}}"#
    );
    let event = Event::parse(&json).unwrap();
    let Some(Value::Array(resources)) = fact("ec2.resources", &event) else { panic!("{name} has no resources") };
    resources[0].as_object().unwrap().get("id").unwrap().as_str().unwrap().to_owned()
}

#[test]
fn the_first_resource_is_the_one_that_the_call_changes() {
    // The operation, the ids of the request and of the response by member, and the id that is to come first.
    let attached = r#"{"transitGatewayAttachmentId":"tgw-attach-00000001","transitGatewayId":"tgw-00000002","vpcId":"vpc-00000003"}"#;
    for (name, request, response, first) in [
        (
            "DeleteTransitGatewayVpcAttachment",
            r#"{"TransitGatewayAttachmentId":"tgw-attach-00000001"}"#,
            attached,
            "tgw-attach-00000001",
        ),
        (
            "ModifyTransitGatewayVpcAttachment",
            r#"{"TransitGatewayAttachmentId":"tgw-attach-00000001","AddSubnetIds":"subnet-00000009"}"#,
            attached,
            "tgw-attach-00000001",
        ),
        (
            "CreateTransitGatewayVpcAttachment",
            r#"{"TransitGatewayId":"tgw-00000002","VpcId":"vpc-00000003"}"#,
            attached,
            "tgw-attach-00000001",
        ),
        (
            "CreateTransitGatewayVpcAttachment",
            r#"{"TransitGatewayId":"tgw-00000002","VpcId":"vpc-00000003"}"#,
            "{}",
            "tgw-00000002",
        ),
        (
            "CreateTransitGatewayPeeringAttachment",
            r#"{"TransitGatewayId":"tgw-00000002","PeerTransitGatewayId":"tgw-00000004"}"#,
            attached,
            "tgw-attach-00000001",
        ),
        (
            "CreateTransitGatewayConnect",
            r#"{"TransportTransitGatewayAttachmentId":"tgw-attach-00000005"}"#,
            r#"{"transitGatewayConnect":{"transitGatewayAttachmentId":"tgw-attach-00000001","transportTransitGatewayAttachmentId":"tgw-attach-00000005"}}"#,
            "tgw-attach-00000001",
        ),
        (
            "CreateTransitGatewayConnectPeer",
            r#"{"TransitGatewayAttachmentId":"tgw-attach-00000005"}"#,
            r#"{"transitGatewayConnectPeer":{"transitGatewayAttachmentId":"tgw-attach-00000005","transitGatewayConnectPeerId":"tgw-connect-peer-00000001"}}"#,
            "tgw-connect-peer-00000001",
        ),
        (
            "DeleteTransitGatewayMulticastDomain",
            r#"{"TransitGatewayMulticastDomainId":"tgw-mcast-domain-00000001"}"#,
            r#"{"x":{"transitGatewayId":"tgw-00000002"}}"#,
            "tgw-mcast-domain-00000001",
        ),
        (
            "DeregisterTransitGatewayMulticastGroupMembers",
            r#"{"TransitGatewayMulticastDomainId":"tgw-mcast-domain-00000001","NetworkInterfaceIds":"eni-00000002"}"#,
            "null",
            "tgw-mcast-domain-00000001",
        ),
        ("AssociateSecurityGroupVpc", r#"{"GroupId":"sg-00000001","VpcId":"vpc-00000002"}"#, "null", "sg-00000001"),
        (
            "DisassociateTransitGatewayPolicyTable",
            r#"{"TransitGatewayAttachmentId":"tgw-attach-00000005","TransitGatewayPolicyTableId":"tgw-ptb-00000001"}"#,
            "null",
            "tgw-ptb-00000001",
        ),
        (
            "DeleteTransitGatewayPolicyTable",
            r#"{"TransitGatewayPolicyTableId":"tgw-ptb-00000001"}"#,
            r#"{"x":{"transitGatewayId":"tgw-00000002"}}"#,
            "tgw-ptb-00000001",
        ),
        (
            "CreateTransitGatewayPrefixListReference",
            r#"{"TransitGatewayRouteTableId":"tgw-rtb-00000001","PrefixListId":"pl-00000002","TransitGatewayAttachmentId":"tgw-attach-00000005"}"#,
            "null",
            "tgw-rtb-00000001",
        ),
        (
            "DeleteTransitGatewayPrefixListReference",
            r#"{"TransitGatewayRouteTableId":"tgw-rtb-00000001","PrefixListId":"pl-00000002"}"#,
            r#"{"x":{"prefixListId":"pl-00000002"}}"#,
            "tgw-rtb-00000001",
        ),
        (
            "DisableTransitGatewayRouteTablePropagation",
            r#"{"TransitGatewayAttachmentId":"tgw-attach-00000005","TransitGatewayRouteTableId":"tgw-rtb-00000001"}"#,
            "null",
            "tgw-rtb-00000001",
        ),
        (
            "CreateTransitGatewayRoute",
            r#"{"TransitGatewayAttachmentId":"tgw-attach-00000005","TransitGatewayRouteTableId":"tgw-rtb-00000001"}"#,
            "null",
            "tgw-rtb-00000001",
        ),
        (
            "DeleteLocalGatewayRouteTableVpcAssociation",
            r#"{"LocalGatewayRouteTableVpcAssociationId":"lgw-vpc-assoc-00000001"}"#,
            r#"{"x":{"vpcId":"vpc-00000003","localGatewayId":"lgw-00000002"}}"#,
            "lgw-vpc-assoc-00000001",
        ),
        (
            "CreateLocalGatewayRouteTableVpcAssociation",
            r#"{"LocalGatewayRouteTableId":"lgw-rtb-00000002","VpcId":"vpc-00000003"}"#,
            r#"{"localGatewayRouteTableVpcAssociation":{"localGatewayRouteTableVpcAssociationId":"lgw-vpc-assoc-00000001","vpcId":"vpc-00000003"}}"#,
            "lgw-vpc-assoc-00000001",
        ),
        (
            "DeleteLocalGatewayRoute",
            r#"{"LocalGatewayRouteTableId":"lgw-rtb-00000001"}"#,
            r#"{"route":{"localGatewayVirtualInterfaceGroupId":"lgw-vif-grp-00000002"}}"#,
            "lgw-rtb-00000001",
        ),
        (
            "DisassociateVpcCidrBlock",
            r#"{"associationId":"vpc-cidr-assoc-00000001"}"#,
            r#"{"vpcId":"vpc-00000003"}"#,
            "vpc-cidr-assoc-00000001",
        ),
        (
            "AssociateVpcCidrBlock",
            r#"{"ipv4IpamPoolId":"ipam-pool-00000002","vpcId":"vpc-00000003"}"#,
            "null",
            "vpc-00000003",
        ),
        (
            "DeleteSubnetCidrReservation",
            r#"{"SubnetCidrReservationId":"scr-00000001"}"#,
            r#"{"x":{"subnetId":"subnet-00000002"}}"#,
            "scr-00000001",
        ),
        (
            "ModifyTrafficMirrorFilterRule",
            r#"{"TrafficMirrorFilterRuleId":"tmfr-00000001"}"#,
            r#"{"x":{"trafficMirrorFilterId":"tmf-00000002"}}"#,
            "tmfr-00000001",
        ),
        (
            "CreateTrafficMirrorSession",
            r#"{"NetworkInterfaceId":"eni-00000002","TrafficMirrorTargetId":"tmt-00000003"}"#,
            r#"{"x":{"trafficMirrorSessionId":"tms-00000001"}}"#,
            "tms-00000001",
        ),
        (
            "DeleteVpcEndpoints",
            r#"{"VpcEndpointId":[{"content":"vpce-00000001","tag":1},{"content":"vpce-00000002","tag":2}]}"#,
            "null",
            "vpce-00000001",
        ),
        (
            "AcceptVpcEndpointConnections",
            r#"{"ServiceId":"vpce-svc-00000002","VpcEndpointId":{"content":"vpce-00000001","tag":1}}"#,
            "null",
            "vpce-00000001",
        ),
        (
            "ProvisionPublicIpv4PoolCidr",
            r#"{"IpamPoolId":"ipam-pool-00000002","PoolId":"ipv4pool-ec2-00000001"}"#,
            "null",
            "ipv4pool-ec2-00000001",
        ),
        ("CreateSecurityGroup", r#"{"vpcId":"vpc-00000003"}"#, r#"{"groupId":"sg-00000001"}"#, "sg-00000001"),
        (
            "RunInstances",
            r#"{"subnetId":"subnet-00000002","instancesSet":{"items":[{"imageId":"ami-00000003"}]}}"#,
            r#"{"instancesSet":{"items":[{"imageId":"ami-00000003","instanceId":"i-00000001"}]}}"#,
            "i-00000001",
        ),
        (
            "CreateFlowLogs",
            r#"{"ResourceId":{"content":"vpc-00000003","tag":1}}"#,
            r#"{"flowLogIdSet":{"item":"fl-00000001"}}"#,
            "fl-00000001",
        ),
        (
            "AuthorizeSecurityGroupIngress",
            r#"{"ipPermissions":{"items":[{"groups":{"items":[{"groupId":"sg-00000002"}]}}]},"groupId":"sg-00000001"}"#,
            "null",
            "sg-00000001",
        ),
        ("DeleteNetworkAclEntry", r#"{"networkAclId":"acl-00000001"}"#, "null", "acl-00000001"),
        (
            "DeleteRoute",
            r#"{"routeTableId":"rtb-00000001","destinationPrefixListId":"pl-00000002"}"#,
            "null",
            "rtb-00000001",
        ),
    ] {
        assert_eq!(first_resource(name, request, response), first, "{name}");
        let wrapped = format!(r#"{{"{name}Request":{request}}}"#);
        assert_eq!(first_resource(name, &wrapped, response), first, "{name}, wrapped");
    }
}

#[test]
fn wrappers_with_shortened_names_are_unwrapped() {
    let selected = |request: &str, path: &str| {
        let json = format!(
            r#"{{"eventSource":"ec2.amazonaws.com","eventName":"DeleteTransitGatewayVpcAttachment","requestParameters":{request}}}"#
        );
        let event = Event::parse(&json).unwrap();
        let fact = FACTS.iter().find(|fact| fact.name == "ec2.request").unwrap();
        fact.parameters(&event)
            .unwrap()
            .select(path)
            .into_iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let id = "transitGatewayAttachmentId";
    let attachment = r#"{"TransitGatewayAttachmentId":"tgw-attach-00000001"}"#;
    assert_eq!(selected(&format!(r#"{{"DelTGwVpcAttachReq":{attachment}}}"#), id), ["tgw-attach-00000001"]);
    assert_eq!(
        selected(&format!(r#"{{"DeleteTransitGatewayVpcAttachmentRequest":{attachment}}}"#), id),
        ["tgw-attach-00000001"]
    );
    // A separate parameter does not count.
    assert_eq!(selected(&format!(r#"{{"spotFleetRequest":{attachment}}}"#), id), Vec::<String>::new());
    assert_eq!(selected(&format!(r#"{{"Options":{attachment}}}"#), id), Vec::<String>::new());
    assert_eq!(selected(&format!(r#"{{"DelTGwVpcAttachReq":{attachment},"DryRun":false}}"#), id), Vec::<String>::new());
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
    let described: Vec<String> = [
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
    insta::assert_snapshot!(described.join("\n"), @r#"
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

/// Accounts, organizations and arguments that remove them, of `sharing.external`.
fn shared_with(source: &str, name: &str, request: &str, response: &str) -> String {
    let json = format!(
        r#"{{"eventSource":"{source}.amazonaws.com","eventName":"{name}","recipientAccountId":"012345678901",
            "requestParameters":{request},"responseElements":{response}}}"#
    );
    let event = Event::parse(&json).unwrap();
    let Some(value) = fact("sharing.external", &event) else { return "nobody".to_owned() };
    let value = serde_json::Value::from(&value);
    ["accounts", "organizations", "undo"].map(|key| value[key].to_string().replace('"', "")).join(" ")
}

#[test]
fn everybody_outside_is_named_in_every_form_of_sharing() {
    let image = |request: &str| shared_with("ec2", "ModifyImageAttribute", request, "null");
    // The account's own id and foreign ones, as text and as a number without the zeros it begins with.
    let mixed = r#"{"launchPermission":{"add":{"items":[{"userId":"012345678901"},{"userId":12345678901},
        {"userId":2345678901},{"userId":"777788889999"},{"group":"all"},{"userId":"777788889999"}]}}}"#;
    assert_eq!(image(mixed), "[002345678901,777788889999] [] [--user-ids,002345678901,777788889999]");
    let unit = "arn:aws-us-gov:organizations::444455556666:ou/o-zz99yy88xx/ou-ab12-cdef3456";
    let both = format!(
        r#"{{"LaunchPermission":{{"Add":[{{"UserId":"444455556666","tag":1}},{{"OrganizationalUnitArn":"{unit}","tag":2}}]}}}}"#
    );
    let described = format!("[444455556666] [{unit}] [--user-ids,444455556666,--organizational-unit-arns,{unit}]");
    assert_eq!(image(&both), described);
    assert_eq!(image(&format!(r#"{{"ModifyImageAttributeRequest":{both}}}"#)), described);
    for form in [
        r#"{"operationType":"add","userIds":["444455556666"]}"#,
        r#"{"operationType":"add","userIds":{"items":["444455556666"]}}"#,
        r#"{"operationType":"add","userIdSet":{"items":[{"userId":"444455556666"}]}}"#,
        r#"{"OperationType":"ADD","UserId":{"content":"444455556666","tag":1}}"#,
        r#"{"OperationType":"add","UserId":[{"content":444455556666,"tag":1},{"content":12345678901,"tag":2}]}"#,
    ] {
        for wrapped in [form.to_owned(), format!(r#"{{"ModifyImageAttributeRequest":{form}}}"#)] {
            assert_eq!(image(&wrapped), "[444455556666] [] [--user-ids,444455556666]", "{wrapped}");
        }
        assert_eq!(image(&form.replace("add", "remove").replace("ADD", "Remove")), "nobody", "{form}");
    }
    for nobody in
        [r#"{"launchPermission":{"remove":{"items":[{"userId":"444455556666"}]}}}"#, r#"{"imageId":"ami-1"}"#, "null"]
    {
        assert_eq!(image(nobody), "nobody", "{nobody}");
    }
}

#[test]
fn arns_name_accounts_and_services_of_aws_are_nobody() {
    let principals = |list: &str| {
        shared_with(
            "ec2",
            "ModifyVpcEndpointServicePermissions",
            &format!(r#"{{"addAllowedPrincipals":{list}}}"#),
            "null",
        )
    };
    assert_eq!(
        principals(r#"["arn:aws-cn:iam::444455556666:root","arn:aws-cn:iam::012345678901:role/r","*"]"#),
        "[444455556666] [] [--remove-allowed-principals,arn:aws-cn:iam::444455556666:root]"
    );
    assert_eq!(principals(r#"["*","s3.amazonaws.com","ec2.amazonaws.com.cn"]"#), "nobody");
    let key = |id: &str| shared_with("ec2", "ModifyEbsDefaultKmsKeyId", &format!(r#"{{"kmsKeyId":"{id}"}}"#), "null");
    assert!(key("arn:aws:kms:eu-west-1:444455556666:alias/a").starts_with("[444455556666]"));
    for own in ["alias/a", "444455556666", "arn:aws:kms:eu-west-1:012345678901:key/1"] {
        assert_eq!(key(own), "nobody", "{own}");
    }
    let share = |request: &str, response: &str| shared_with("ram", "AssociateResourceShare", request, response);
    let organization = "arn:aws:organizations::444455556666:organization/o-zz99yy88xx";
    assert_eq!(
        share(&format!(r#"{{"principals":["{organization}"]}}"#), "null"),
        format!("[] [{organization}] [--principals,{organization}]")
    );
    let inside = r#"{"resourceShareAssociations":[{"associatedEntity":"444455556666","external":false}]}"#;
    assert_eq!(share(r#"{"principals":["444455556666"]}"#, inside), "nobody");
    assert!(share(r#"{"principals":["444455556666","777788889999"]}"#, inside).starts_with("[777788889999]"));
}

#[test]
fn the_worst_port_of_a_load_balancer_decides() {
    let listener = |name: &str, request: &str| {
        let json = format!(
            r#"{{"eventSource":"elasticloadbalancing.amazonaws.com","eventName":"{name}","requestParameters":{request}}}"#
        );
        let event = Event::parse(&json).unwrap();
        fact("exposure.listener", &event).map_or("-".to_owned(), |value| {
            let value = serde_json::Value::from(&value);
            format!("{} {}", value["kind"].as_str().unwrap(), value["summary"].as_str().unwrap())
        })
    };
    let listeners =
        r#"{"listeners":[{"protocol":"HTTPS","loadBalancerPort":443},{"protocol":"tcp","loadBalancerPort":5432}]"#;
    for (name, request, described) in [
        ("CreateListener", r#"{"protocol":"TCP","port":22}"#.to_owned(), "admin tcp port 22 (ssh)"),
        ("CreateListener", r#"{"protocol":"TLS","port":"3306"}"#.to_owned(), "database tcp port 3306 (mysql)"),
        ("CreateListener", r#"{"protocol":"UDP","port":11211}"#.to_owned(), "database udp port 11211 (memcached)"),
        ("CreateListener", r#"{"protocol":"UDP","port":22}"#.to_owned(), "other udp port 22"),
        ("CreateListener", r#"{"protocol":"HTTPS","port":443}"#.to_owned(), "web tcp port 443 (https)"),
        ("ModifyListener", r#"{"port":1434}"#.to_owned(), "database tcp port 1434, udp port 1434 (mssql)"),
        ("ModifyListener", r#"{"sslPolicy":"x"}"#.to_owned(), "-"),
        ("CreateLoadBalancer", format!("{listeners}}}"), "database tcp port 443, tcp port 5432 (postgresql, https)"),
        ("CreateLoadBalancer", format!(r#"{listeners},"scheme":"internal"}}"#), "-"),
    ] {
        assert_eq!(listener(name, &request), described, "{name} {request}");
    }
}

#[test]
fn a_policy_is_open_when_nothing_holds_its_permit() {
    let policy = |members: serde_json::Value| {
        let json = serde_json::json!({"eventSource": "ec2.amazonaws.com", "eventName": "ModifyVerifiedAccessGroupPolicy",
            "requestParameters": {"ModifyVerifiedAccessGroupPolicyRequest": members}});
        let json = json.to_string();
        let event = Event::parse(&json).unwrap();
        fact("exposure.verified_access", &event).map_or("-".to_owned(), |value| value.to_string())
    };
    for (document, state) in [
        ("permit(principal,action,resource);", "open"),
        ("@id(\"all\")\npermit (principal, action, resource) // all\n ;", "open"),
        ("permit(principal, action, resource) when { true };", "open"),
        ("permit(principal, action, resource) unless { false };", "open"),
        ("permit(principal, action, resource) when { context.a == 1 }; permit(principal, action, resource);", "open"),
        ("permit(principal, action, resource) when { context.a };", "restricted"),
        ("// permit(principal, action, resource);", "restricted"),
        (
            "permit(principal, action, resource) when { context.a == \"; permit(principal,action,resource);\" };",
            "restricted",
        ),
        ("permit(principal, action, resource); forbid(principal, action, resource) when { context.a };", "restricted"),
        ("permit(principal, action, resource", "restricted"),
    ] {
        let described = policy(serde_json::json!({"PolicyDocument": document}));
        assert_eq!(described, format!(r#"{{"policy":"{state}"}}"#), "{document}");
    }
    assert_eq!(policy(serde_json::json!({"PolicyEnabled": false})), r#"{"policy":"off"}"#);
    assert_eq!(policy(serde_json::json!({"PolicyEnabled": true})), "-");
}
