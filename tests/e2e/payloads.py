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
