"""Records and the deliveries they arrive in."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from typing import Any

Record = dict[str, Any]
ACCOUNT = "111122223333"


def record(source: str, name: str, request: Any, **changes: Any) -> Record:
    """A record of a call that succeeded."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLEID00000001",
            "arn": f"arn:aws:iam::{ACCOUNT}:user/dana",
            "accountId": ACCOUNT,
            "userName": "dana",
        },
        "eventTime": "2026-03-04T10:00:00Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.23",
        "userAgent": "aws-cli/2.24.0",
        "requestParameters": request,
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "recipientAccountId": ACCOUNT,
        **changes,
    }


def opened_group(**changes: Any) -> Record:
    request = {
        "groupId": "sg-0aaa1111bbb22222c",
        "ipPermissions": {},
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "cidrIp": "0.0.0.0/0",
    }
    return record("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", request, **changes)


def blocked_action(**changes: Any) -> Record:
    return record("ec2.amazonaws.com", "DeleteVpc", {"vpcId": "vpc-0123456789abcdef0"}, **changes)


def public_role(name: str = "ci-deploy", **changes: Any) -> Record:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    request = {"roleName": name, "policyDocument": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}
    return record("iam.amazonaws.com", "UpdateAssumeRolePolicy", request, **changes)


def clean(**changes: Any) -> Record:
    return record("ec2.amazonaws.com", "DescribeVpcs", {"vpcSet": {}}, **changes)


def log_event(message: Any, number: int = 0) -> dict[str, Any]:
    """A log event; a record becomes its message."""
    text = json.dumps(message) if isinstance(message, dict) else message
    return {"id": f"{36 * 10**54 + number}", "timestamp": 1_772_618_400_000, "message": text}


def batch(events: list[Any], kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    return {
        "messageType": kind,
        "owner": ACCOUNT,
        "logGroup": "trail",
        "logStream": f"{ACCOUNT}_CloudTrail_eu-west-1",
        "subscriptionFilters": ["trailwarden"],
        "logEvents": events,
    }


def awslogs(data: bytes) -> str:
    """The Lambda event around compressed bytes."""
    return json.dumps({"awslogs": {"data": base64.b64encode(data).decode()}})


def delivery(*records: Record) -> str:
    """The Lambda event in which records arrive."""
    events = [log_event(one, number) for number, one in enumerate(records)]
    return awslogs(gzip.compress(json.dumps(batch(events)).encode()))


def batch_data(*records: Record | str) -> bytes:
    """The data of a Kinesis record: a compressed batch of a log subscription."""
    events = [log_event(one, number) for number, one in enumerate(records)]
    return gzip.compress(json.dumps(batch(events)).encode())


def sqs_event(bodies: list[str]) -> str:
    """The event of an SQS trigger; message ids are `message-0`, `message-1`, …"""
    return json.dumps({"Records": [sqs_message(number, body) for number, body in enumerate(bodies)]})


def sqs_message(number: int, body: str) -> dict[str, Any]:
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "handle",
        "body": body,
        "attributes": {},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:trail",
        "awsRegion": "eu-west-1",
    }


def kinesis_event(data: list[bytes]) -> str:
    """The event of a Kinesis trigger; sequence numbers are 995, 996, …"""
    return json.dumps({"Records": [kinesis_record(995 + number, one) for number, one in enumerate(data)]})


def kinesis_record(sequence_number: int, data: bytes) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": ACCOUNT,
            "sequenceNumber": str(sequence_number),
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1_772_618_400.0,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence_number}",
        "eventName": "aws:kinesis:record",
        "awsRegion": "eu-west-1",
        "eventSourceARN": f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/trail",
    }


def sns_event(messages: list[str]) -> str:
    """The event of an SNS trigger."""
    arn = f"arn:aws:sns:eu-west-1:{ACCOUNT}:trail"
    records = [
        {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": f"{arn}:0",
            "Sns": {"Type": "Notification", "MessageId": str(number), "TopicArn": arn, "Message": message},
        }
        for number, message in enumerate(messages)
    ]
    return json.dumps({"Records": records})
