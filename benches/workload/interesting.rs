//! Records that the built-in rules report, one kind per reason.

use super::template::{By, Template, WRITE};

/// The kinds, used in turn.
pub(super) const INTERESTING: &[Template] = &[
    Template {
        source: "ec2",
        name: "AuthorizeSecurityGroupIngress",
        request: r#"{"groupId":"sg-0$x16$","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"groups":{},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0","description":"temporary"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#,
        response: r#"{"requestId":"$uuid$","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"$account$","groupId":"sg-0$x16$","securityGroupRuleId":"sgr-0$x16$","description":"temporary","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"0.0.0.0/0"}]}}"#,
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "AuthorizeSecurityGroupIngress",
        request: r#"{"groupId":"sg-0$x16$","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"groups":{},"ipRanges":{},"ipv6Ranges":{"items":[{"cidrIpv6":"::/0"}]},"prefixListIds":{}}]}}"#,
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "CreateRoute",
        request: r#"{"routeTableId":"rtb-0$x16$","destinationCidrBlock":"0.0.0.0/0","gatewayId":"igw-0$x16$"}"#,
        ..WRITE
    },
    Template {
        source: "cloudtrail",
        name: "StopLogging",
        request: r#"{"name":"$name$-trail"}"#,
        response: "null",
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "CreateSubnet",
        request: r#"{"vpcId":"vpc-0$x16$","cidrBlock":"10.0.$d2$.0/24","availabilityZone":"$region$a","tagSpecificationSet":{"items":[{"resourceType":"subnet","tags":[{"key":"Name","value":"$name$-$stage$"}]}]}}"#,
        response: r#"{"requestId":"$uuid$","subnet":{"subnetId":"subnet-0$x16$","state":"available","vpcId":"vpc-0$x16$","cidrBlock":"10.0.$d2$.0/24","ipv6CidrBlockAssociationSet":{},"availableIpAddressCount":251,"availabilityZone":"$region$a","defaultForAz":false,"mapPublicIpOnLaunch":false}}"#,
        ..WRITE
    },
    Template {
        by: By::Through("autoscaling.amazonaws.com"),
        source: "ec2",
        name: "CreateTags",
        request: r#"{"resourcesSet":{"items":[{"resourceId":"i-0$x16$"},{"resourceId":"vol-0$x16$"}]},"tagSet":{"items":[{"key":"Name","value":"$name$-$stage$"},{"key":"owner","value":"$name$"}]}}"#,
        ..WRITE
    },
    Template {
        source: "iam",
        name: "CreateRole",
        request: r#"{"path":"/","roleName":"$name$-deploy","assumeRolePolicyDocument":"{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \"Effect\": \"Allow\",\n            \"Principal\": \"*\",\n            \"Action\": \"sts:AssumeRole\"\n        }\n    ]\n}","maxSessionDuration":3600,"description":"deploys $name$"}"#,
        response: r#"{"role":{"path":"/","roleName":"$name$-deploy","roleId":"AROAQ3EGU2LKJH5WXAMPL","arn":"arn:aws:iam::$account$:role/$name$-deploy","createDate":"Mar 4, 2026, 10:00:22 AM","assumeRolePolicyDocument":"%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%22%2A%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D"}}"#,
        ..WRITE
    },
    Template {
        source: "iam",
        name: "UpdateAssumeRolePolicy",
        request: r#"{"roleName":"$name$-deploy","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"sts:AssumeRole\"}]}"}"#,
        response: "null",
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "ModifySnapshotAttribute",
        request: r#"{"snapshotId":"snap-0$x16$","createVolumePermission":{"add":{"items":[{"group":"all"}]}},"attributeType":"CREATE_VOLUME_PERMISSION"}"#,
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "RunInstances",
        request: r#"{"instancesSet":{"items":[{"imageId":"ami-0$x16$","minCount":1,"maxCount":1,"keyName":"$name$"}]},"instanceType":"t3.medium","blockDeviceMapping":{"items":[{"deviceName":"/dev/xvda","ebs":{"volumeSize":30,"deleteOnTermination":true,"volumeType":"gp3","encrypted":true}}]},"monitoring":{"enabled":false},"disableApiTermination":false,"clientToken":"$uuid$","networkInterfaceSet":{"items":[{"deviceIndex":0,"subnetId":"subnet-0$x16$","associatePublicIpAddress":true,"groupSet":{"items":[{"groupId":"sg-0$x16$"}]}}]},"ebsOptimized":false,"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"Name","value":"$name$-$stage$"}]}]},"metadataOptions":{"httpTokens":"required"}}"#,
        response: r#"{"requestId":"$uuid$","reservationId":"r-0$x16$","ownerId":"$account$","groupSet":{},"instancesSet":{"items":[{"instanceId":"i-0$x16$","imageId":"ami-0$x16$","currentState":{"code":0,"name":"pending"},"privateDnsName":"ip-10-0-$d2$-$d2$.$region$.compute.internal","keyName":"$name$","amiLaunchIndex":0,"instanceType":"t3.medium","launchTime":17726$d8$,"placement":{"availabilityZone":"$region$a","tenancy":"default"},"monitoring":{"state":"disabled"},"subnetId":"subnet-0$x16$","vpcId":"vpc-0$x16$","privateIpAddress":"$ip$"}]}}"#,
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "ModifyImageAttribute",
        request: r#"{"imageId":"ami-0$x16$","launchPermission":{"add":{"items":[{"group":"all"}]}},"attributeType":"launchPermission"}"#,
        ..WRITE
    },
    Template {
        by: By::User,
        source: "ec2",
        name: "AttachInternetGateway",
        request: r#"{"internetGatewayId":"igw-0$x16$","vpcId":"vpc-0$x16$"}"#,
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "DeleteFlowLogs",
        request: r#"{"DeleteFlowLogsRequest":{"FlowLogId":{"tag":1,"content":"fl-0$x16$"}}}"#,
        response: r#"{"DeleteFlowLogsResponse":{"xmlns":"http://ec2.amazonaws.com/doc/2016-11-15/","unsuccessful":"","requestId":"$uuid$"}}"#,
        ..WRITE
    },
    Template {
        by: By::User,
        source: "ec2",
        name: "DeleteRoute",
        request: r#"{"routeTableId":"rtb-0$x16$","destinationCidrBlock":"10.$d2$.0.0/16"}"#,
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "CreateNetworkAclEntry",
        request: r#"{"networkAclId":"acl-0$x16$","ruleNumber":90,"egress":false,"ruleAction":"allow","icmpTypeCode":{},"portRange":{"from":22,"to":22},"cidrBlock":"0.0.0.0/0","aclProtocol":"6"}"#,
        ..WRITE
    },
    Template {
        source: "ec2",
        name: "ModifySubnetAttribute",
        request: r#"{"subnetId":"subnet-0$x16$","mapPublicIpOnLaunch":{"value":true}}"#,
        ..WRITE
    },
    Template {
        by: By::Root,
        source: "cloudtrail",
        name: "PutEventSelectors",
        request: r#"{"trailName":"$name$-trail","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[],"excludeManagementEventSources":[]}]}"#,
        response: r#"{"trailARN":"arn:aws:cloudtrail:$region$:$account$:trail/$name$-trail","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[],"excludeManagementEventSources":[]}]}"#,
        ..WRITE
    },
];
