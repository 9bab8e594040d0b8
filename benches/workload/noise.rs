//! Everyday records, which the built-in rules do not report. Some are near misses: names of calls within values, and failed
//! calls that would have opened something.

use super::template::{By, READ, Template, WRITE};

/// The kinds, with their weights.
pub(super) const NOISE: &[Template] = &[
    Template {
        weight: 90,
        by: By::Service("ec2.amazonaws.com"),
        source: "sts",
        name: "AssumeRole",
        request: r#"{"roleArn":"arn:aws:iam::$account$:role/web-instance","roleSessionName":"i-0$x16$"}"#,
        response: r#"{"credentials":{"accessKeyId":"ASIA$x16$","sessionToken":"IQoJb3JpZ2luX2Vj$b320$","expiration":"Mar 4, 2026, 4:42:17 PM"},"assumedRoleUser":{"assumedRoleId":"AROAQ3EGU2LKJH5WXAMPL:i-0$x16$","arn":"arn:aws:sts::$account$:assumed-role/web-instance/i-0$x16$"}}"#,
        more: r#""resources":[{"accountId":"$account$","type":"AWS::IAM::Role","ARN":"arn:aws:iam::$account$:role/web-instance"}],"sharedEventID":"$uuid$","#,
        ..READ
    },
    Template {
        weight: 30,
        source: "sts",
        name: "AssumeRole",
        request: r#"{"roleArn":"arn:aws:iam::444455556666:role/$name$-reader","roleSessionName":"$name$-$stage$","durationSeconds":3600}"#,
        response: r#"{"credentials":{"accessKeyId":"ASIA$x16$","sessionToken":"FwoGZXIvYXdzE$b320$","expiration":"Mar 4, 2026, 11:42:17 AM"},"assumedRoleUser":{"assumedRoleId":"AROAQ3EGU2LKJH5WXAMPL:$name$","arn":"arn:aws:sts::444455556666:assumed-role/$name$-reader/$name$-$stage$"}}"#,
        more: r#""resources":[{"accountId":"444455556666","type":"AWS::IAM::Role","ARN":"arn:aws:iam::444455556666:role/$name$-reader"}],"#,
        ..READ
    },
    Template {
        weight: 80,
        by: By::Through("secretsmanager.amazonaws.com"),
        source: "kms",
        name: "Decrypt",
        request: r#"{"encryptionContext":{"SecretARN":"arn:aws:secretsmanager:$region$:$account$:secret:$stage$/$name$/database-Ab1$x3$","SecretVersionId":"$uuid$"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
        more: r#""resources":[{"accountId":"$account$","type":"AWS::KMS::Key","ARN":"arn:aws:kms:$region$:$account$:key/0a1b2c3d-1111-4222-8333-4444$d2$555566"}],"#,
        ..READ
    },
    Template {
        weight: 50,
        by: By::Through("s3.amazonaws.com"),
        source: "kms",
        name: "GenerateDataKey",
        request: r#"{"keyId":"arn:aws:kms:$region$:$account$:key/0a1b2c3d-1111-4222-8333-4444$d2$555566","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::$name$-$stage$-data/year=2026/month=03/day=04/part-$d5$-$uuid$.c000.snappy.parquet"},"keySpec":"AES_256"}"#,
        more: r#""resources":[{"accountId":"$account$","type":"AWS::KMS::Key","ARN":"arn:aws:kms:$region$:$account$:key/0a1b2c3d-1111-4222-8333-4444$d2$555566"}],"#,
        ..READ
    },
    Template {
        weight: 60,
        source: "s3",
        name: "PutObject",
        data: true,
        request: r#"{"bucketName":"$name$-$stage$-data","Host":"$name$-$stage$-data.s3.$region$.amazonaws.com","key":"year=2026/month=03/day=04/part-$d5$-$uuid$.c000.snappy.parquet","x-amz-server-side-encryption":"aws:kms"}"#,
        response: r#"{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:$region$:$account$:key/0a1b2c3d-1111-4222-8333-4444$d2$555566","x-amz-version-id":"$b32$"}"#,
        more: r#""additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":$d6$,"SSEApplied":"SSE_KMS","AuthenticationMethod":"AuthHeader","x-amz-id-2":"$b75$=","bytesTransferredOut":0},"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::$name$-$stage$-data/year=2026/month=03/day=04/part-$d5$"},{"accountId":"$account$","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$name$-$stage$-data"}],"#,
        ..WRITE
    },
    Template {
        weight: 70,
        source: "s3",
        name: "GetObject",
        data: true,
        request: r#"{"bucketName":"$name$-$stage$-assets","Host":"$name$-$stage$-assets.s3.$region$.amazonaws.com","key":"v2/$x2$/$x2$/$uuid$.json"}"#,
        more: r#""additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"SSEApplied":"Default_SSE_S3","AuthenticationMethod":"AuthHeader","x-amz-id-2":"$b75$=","bytesTransferredOut":$d5$},"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::$name$-$stage$-assets/v2/$x2$/$x2$/$uuid$.json"},{"accountId":"$account$","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::$name$-$stage$-assets"}],"#,
        ..READ
    },
    Template {
        weight: 25,
        source: "s3",
        name: "ListObjects",
        data: true,
        request: r#"{"list-type":"2","bucketName":"$name$-$stage$-data","encoding-type":"url","prefix":"year=2026/month=03/day=04/","max-keys":"1000","delimiter":"/","Host":"$name$-$stage$-data.s3.$region$.amazonaws.com"}"#,
        more: r#""additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"$b75$=","bytesTransferredOut":$d4$},"#,
        ..READ
    },
    Template {
        weight: 60,
        source: "ec2",
        name: "DescribeInstances",
        request: r#"{"maxResults":1000,"instancesSet":{},"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"pending"},{"value":"running"},{"value":"shutting-down"},{"value":"stopping"}]}},{"name":"tag:kubernetes.io/cluster/$name$-$stage$","valueSet":{"items":[{"value":"owned"},{"value":"shared"}]}},{"name":"vpc-id","valueSet":{"items":[{"value":"vpc-0$x16$"}]}}]}}"#,
        ..READ
    },
    Template {
        weight: 40,
        source: "ec2",
        name: "DescribeNetworkInterfaces",
        request: r#"{"networkInterfaceIdSet":{"items":[{"networkInterfaceId":"eni-0$x16$"},{"networkInterfaceId":"eni-0$x16$"},{"networkInterfaceId":"eni-0$x16$"}]},"filterSet":{"items":[{"name":"attachment.status","valueSet":{"items":[{"value":"attached"}]}}]}}"#,
        ..READ
    },
    Template {
        weight: 25,
        by: By::Through("autoscaling.amazonaws.com"),
        source: "ec2",
        name: "DescribeSecurityGroups",
        request: r#"{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"sg-0$x16$"},{"groupId":"sg-0$x16$"}]},"filterSet":{}}"#,
        ..READ
    },
    Template {
        weight: 20,
        source: "ec2",
        name: "DescribeVolumes",
        request: r#"{"maxResults":500,"volumeSet":{"items":[{"volumeId":"vol-0$x16$"},{"volumeId":"vol-0$x16$"},{"volumeId":"vol-0$x16$"},{"volumeId":"vol-0$x16$"}]},"filterSet":{}}"#,
        ..READ
    },
    Template {
        weight: 15,
        source: "ec2",
        name: "DescribeTags",
        request: r#"{"maxResults":1000,"filterSet":{"items":[{"name":"resource-id","valueSet":{"items":[{"value":"i-0$x16$"}]}},{"name":"key","valueSet":{"items":[{"value":"Name"},{"value":"aws:autoscaling:groupName"}]}}]}}"#,
        ..READ
    },
    Template {
        weight: 22,
        source: "ec2",
        name: "DescribeSubnets",
        request: r#"{"subnetSet":{"items":[{"subnetId":"subnet-0$x16$"},{"subnetId":"subnet-0$x16$"},{"subnetId":"subnet-0$x16$"}]},"filterSet":{}}"#,
        ..READ
    },
    Template {
        weight: 15,
        by: By::Service("ec2.amazonaws.com"),
        source: "ec2",
        name: "DescribeInstanceStatus",
        request: r#"{"instancesSet":{},"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"running"}]}}]},"includeAllInstances":false}"#,
        ..READ
    },
    Template { weight: 18, source: "iam", name: "GetRole", request: r#"{"roleName":"$name$-$stage$-task"}"#, ..READ },
    Template {
        weight: 20,
        source: "iam",
        name: "ListAttachedRolePolicies",
        request: r#"{"roleName":"$name$-$stage$-task","maxItems":100,"marker":"$b44$"}"#,
        ..READ
    },
    Template { weight: 30, source: "sts", name: "GetCallerIdentity", ..READ },
    Template {
        weight: 12,
        by: By::User,
        source: "s3",
        name: "ListBuckets",
        request: r#"{"Host":"s3.$region$.amazonaws.com"}"#,
        more: r#""additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"$b75$=","bytesTransferredOut":$d4$},"#,
        ..READ
    },
    Template {
        weight: 16,
        by: By::Through("config.amazonaws.com"),
        source: "s3",
        name: "GetBucketAcl",
        request: r#"{"acl":"","bucketName":"$name$-$stage$-data","Host":"$name$-$stage$-data.s3.$region$.amazonaws.com"}"#,
        more: r#""additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"$b75$=","bytesTransferredOut":$d3$},"#,
        ..READ
    },
    // The name of a dangerous call, as a value.
    Template {
        weight: 8,
        source: "cloudtrail",
        name: "LookupEvents",
        request: r#"{"lookupAttributes":[{"attributeKey":"EventName","attributeValue":"RunInstances"}],"startTime":"Mar 3, 2026, 10:00:00 AM","endTime":"Mar 4, 2026, 10:00:00 AM","maxResults":50,"eventCategory":"Management"}"#,
        ..READ
    },
    // The key `eventName` within a string.
    Template {
        weight: 5,
        source: "events",
        name: "PutRule",
        request: r#"{"name":"$name$-$stage$-watch","eventPattern":"{\"source\":[\"aws.ec2\"],\"detail-type\":[\"AWS API Call via CloudTrail\"],\"detail\":{\"eventSource\":[\"ec2.amazonaws.com\"],\"eventName\":[\"RunInstances\",\"AuthorizeSecurityGroupIngress\"]}}","state":"ENABLED","description":"Starts of instances of $name$","eventBusName":"default"}"#,
        response: r#"{"ruleArn":"arn:aws:events:$region$:$account$:rule/$name$-$stage$-watch"}"#,
        ..WRITE
    },
    Template {
        weight: 10,
        source: "logs",
        name: "StartQuery",
        request: r#"{"logGroupIdentifiers":["arn:aws:logs:$region$:$account$:log-group:org-trail-logs"],"startTime":17726$d5$,"endTime":17726$d5$,"queryString":"fields @timestamp, eventName, userIdentity.arn\n| filter eventName = \"StopLogging\" or requestParameters.cidrIp = \"0.0.0.0/0\"\n| stats count(*) by bin(1h)","limit":1000}"#,
        response: r#"{"queryId":"$uuid$"}"#,
        ..READ
    },
    Template {
        weight: 40,
        by: By::Through("lambda.amazonaws.com"),
        source: "logs",
        name: "CreateLogStream",
        request: r#"{"logGroupName":"/aws/lambda/$name$-$stage$","logStreamName":"2026/03/04/[$d3$]$x32$"}"#,
        response: "null",
        ..WRITE
    },
    Template {
        weight: 8,
        source: "lambda",
        name: "GetFunction20150331v2",
        request: r#"{"functionName":"arn:aws:lambda:$region$:$account$:function:$name$-$stage$"}"#,
        ..READ
    },
    Template {
        weight: 4,
        source: "signin",
        name: "ConsoleLogin",
        kind: "AwsConsoleSignIn",
        response: r#"{"ConsoleLogin":"Success"}"#,
        more: r#""additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs=%23&isauthcode=true&state=hashArgsFromTB_$region$_$x16$","MobileVersion":"No","MFAIdentifier":"arn:aws:iam::$account$:mfa/$name$","MFAUsed":"Yes"},"#,
        ..WRITE
    },
    Template {
        weight: 12,
        source: "dynamodb",
        name: "DescribeTable",
        request: r#"{"tableName":"$name$-$stage$"}"#,
        more: r#""resources":[{"accountId":"$account$","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:$region$:$account$:table/$name$-$stage$"}],"#,
        ..READ
    },
    Template {
        weight: 30,
        source: "secretsmanager",
        name: "GetSecretValue",
        request: r#"{"secretId":"arn:aws:secretsmanager:$region$:$account$:secret:$stage$/$name$/database-Ab1$x3$","versionStage":"AWSCURRENT"}"#,
        ..READ
    },
    Template {
        weight: 30,
        source: "ssm",
        name: "UpdateInstanceInformation",
        request: r#"{"instanceId":"i-0$x16$","agentVersion":"3.3.1611.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"$ip$","computerName":"ip-10-0-$d2$-$d2$.$region$.compute.internal","agentName":"amazon-ssm-agent","availabilityZone":"$region$a","availabilityZoneId":"euw1-az2","sSMConnectionChannel":"ssmmessages"}"#,
        response: "null",
        ..WRITE
    },
    Template {
        weight: 14,
        by: By::Through("ecs-tasks.amazonaws.com"),
        source: "ecr",
        name: "BatchGetImage",
        request: r#"{"registryId":"$account$","repositoryName":"$name$","imageIds":[{"imageDigest":"sha256:$x64$"}],"acceptedMediaTypes":["application/vnd.docker.distribution.manifest.v2+json","application/vnd.oci.image.manifest.v1+json","application/vnd.docker.distribution.manifest.list.v2+json"]}"#,
        more: r#""resources":[{"accountId":"$account$","ARN":"arn:aws:ecr:$region$:$account$:repository/$name$"}],"#,
        ..READ
    },
    Template {
        weight: 24,
        source: "elasticloadbalancing",
        name: "DescribeTargetHealth",
        request: r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:$region$:$account$:targetgroup/$name$-$stage$/$x16$"}"#,
        ..READ
    },
    Template {
        weight: 14,
        source: "autoscaling",
        name: "DescribeAutoScalingGroups",
        request: r#"{"maxRecords":100,"nextToken":"$b64$","filters":[{"name":"tag:k8s.io/cluster-autoscaler/enabled","values":["true"]}]}"#,
        ..READ
    },
    Template {
        weight: 14,
        source: "monitoring",
        name: "DescribeAlarms",
        request: r#"{"alarmNamePrefix":"TargetTracking-table/$name$-$stage$-ProvisionedCapacity","maxRecords":100,"alarmTypes":["MetricAlarm","CompositeAlarm"]}"#,
        ..READ
    },
    Template {
        weight: 8,
        source: "config",
        name: "PutEvaluations",
        request: r#"{"testMode":false,"evaluations":[{"complianceResourceId":"i-0$x16$","complianceResourceType":"AWS::EC2::Instance","complianceType":"COMPLIANT","orderingTimestamp":"Mar 4, 2026, 10:12:07 AM","annotation":"all tags are there"}],"resultToken":"$b240$"}"#,
        response: r#"{"failedEvaluations":[]}"#,
        ..WRITE
    },
    Template {
        weight: 6,
        source: "s3",
        name: "GetObject",
        data: true,
        error: Some((
            "AccessDenied",
            "User: arn:aws:sts::$account$:assumed-role/$name$/i-0$x16$ is not authorized to perform: s3:GetObject on resource: \\\"arn:aws:s3:::$name$-archive/$uuid$\\\" because no identity-based policy allows the s3:GetObject action",
        )),
        request: r#"{"bucketName":"$name$-archive","Host":"$name$-archive.s3.$region$.amazonaws.com","key":"$uuid$"}"#,
        more: r#""additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"$b75$=","bytesTransferredOut":$d3$},"#,
        ..READ
    },
    // The call would open something, but it was denied.
    Template {
        weight: 2,
        source: "ec2",
        name: "RunInstances",
        error: Some((
            "Client.UnauthorizedOperation",
            "You are not authorized to perform this operation. User: arn:aws:sts::$account$:assumed-role/$name$/$name$ is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:$region$:$account$:instance/* because no identity-based policy allows the ec2:RunInstances action. Encoded authorization failure message: $b700$",
        )),
        request: r#"{"instancesSet":{"items":[{"imageId":"ami-0$x16$","minCount":1,"maxCount":1}]},"instanceType":"m7i.large","networkInterfaceSet":{"items":[{"deviceIndex":0,"subnetId":"subnet-0$x16$","associatePublicIpAddress":true}]},"blockDeviceMapping":{},"monitoring":{"enabled":false},"disableApiTermination":false}"#,
        response: "null",
        ..WRITE
    },
    // It was open before.
    Template {
        weight: 1,
        source: "ec2",
        name: "AuthorizeSecurityGroupIngress",
        error: Some((
            "Client.InvalidPermission.Duplicate",
            "the specified rule \\\"peer: 0.0.0.0/0, TCP, from port: 443, to port: 443, ALLOW\\\" already exists",
        )),
        request: r#"{"groupId":"sg-0$x16$","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"groups":{},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#,
        response: "null",
        ..WRITE
    },
    // Opened to a private network.
    Template {
        weight: 2,
        source: "ec2",
        name: "AuthorizeSecurityGroupIngress",
        request: r#"{"groupId":"sg-0$x16$","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":5432,"toPort":5432,"groups":{},"ipRanges":{"items":[{"cidrIp":"10.20.0.0/16","description":"$name$"}]},"ipv6Ranges":{},"prefixListIds":{}}]}}"#,
        response: r#"{"requestId":"$uuid$","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"$account$","groupId":"sg-0$x16$","securityGroupRuleId":"sgr-0$x16$","isEgress":false,"ipProtocol":"tcp","fromPort":5432,"toPort":5432,"cidrIpv4":"10.20.0.0/16"}]}}"#,
        ..WRITE
    },
    Template {
        weight: 1,
        by: By::Service("kms.amazonaws.com"),
        source: "kms",
        name: "RotateKey",
        kind: "AwsServiceEvent",
        more: r#""serviceEventDetails":{"keyId":"$uuid$"},"#,
        response: "null",
        ..WRITE
    },
    Template {
        weight: 1,
        by: By::Root,
        source: "s3",
        name: "ListBuckets",
        request: r#"{"Host":"s3.amazonaws.com"}"#,
        ..READ
    },
];
