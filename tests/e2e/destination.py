"""An SQS queue as the on-failure destination of the function, and `trailwarden replay` over it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import boto3
from function import binary


def record(payload: str) -> dict[str, Any]:
    """What Lambda keeps of an invocation that has failed for good.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    function = "arn:aws:lambda:eu-west-1:111122223333:function:trailwarden"
    return {
        "version": "1.0",
        "timestamp": "2026-03-04T10:06:00.000Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-4880-8a18-f61cca47f5a7",
            "functionArn": f"{function}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": json.loads(payload),
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "PublishFailedPermanent", "errorMessage": "no"},
    }


class Destination:
    """A new queue of its own on the emulated SQS."""

    def __init__(self, endpoint: str, name: str, region: str = "eu-west-1") -> None:
        session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name=region)
        self._sqs = session.client("sqs", endpoint_url=endpoint)
        self.url: str = self._sqs.create_queue(QueueName=name)["QueueUrl"]

    def keep(self, *payloads: str) -> None:
        """Keeps deliveries, as Lambda does."""
        for payload in payloads:
            self.send(json.dumps(record(payload)))

    def send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def depth(self) -> tuple[int, int]:
        """How many messages are visible, and how many are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        visible, hidden = (int(attributes[name]) for name in names)
        return visible, hidden

    def printed(self) -> str:
        """What `aws sqs receive-message` prints, of at most ten messages; they are visible still."""
        received = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return json.dumps({"Messages": received["Messages"]}, indent=4)

    def bodies(self) -> list[str]:
        """At most ten messages; they are visible still."""
        return [one["Body"] for one in json.loads(self.printed())["Messages"]]


def start(endpoint: str, *arguments: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    """`trailwarden replay`, which finds SNS and SQS at `endpoint` unless `environment` says otherwise."""
    defaults = {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEYID0001",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "example",
    }
    return subprocess.Popen(
        [binary("trailwarden", "TRAILWARDEN_CLI"), "replay", *arguments],
        env={**defaults, **environment},
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def replay(endpoint: str, *arguments: str, piped: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The same, with its output, when it has ended."""
    with start(endpoint, *arguments, **environment) as running:
        output, errors = running.communicate(piped, timeout=120)
    return subprocess.CompletedProcess(running.args, running.returncode, output, errors)
