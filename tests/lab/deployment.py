"""One example of the module, applied.

In: records, written as CloudTrail writes them. Out: what comes out of the topics and queues.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aws import Aws, Keys
from invoker import Invoker
from terraform import Terraform

CLOUDTRAIL = "cloudtrail.amazonaws.com"
# PutLogEvents takes 1 MiB, with 26 bytes more for each event.
MAX_BYTES = 1_000_000


@dataclass
class Deployment:
    """`stream` is the log stream that CloudTrail writes to, with the role `trail_role`."""

    aws: Aws
    invoker: Invoker
    terraform: Terraform
    account: str
    region: str
    stream: str
    trail_role: str
    keys: Keys
    second_plan: str = field(init=False)

    def apply(self) -> Deployment:
        self.terraform.apply()
        self.second_plan = self.terraform.changes()
        return self

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return self.terraform.outputs()

    @property
    def made(self) -> dict[str, Any]:
        """The outputs of the module."""
        return self.outputs["trailwarden"]

    def client(self, service: str) -> Any:
        return self.keys.client(service, self.region)

    def arn(self, service: str, resource: str) -> str:
        region = "" if service == "iam" else self.region
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"

    @cached_property
    def _trail(self) -> Any:
        role = self.arn("iam", f"role/{self.trail_role}")
        logs = self.aws.assume(role, CLOUDTRAIL, "trail").client("logs", self.region)
        logs.create_log_stream(logGroupName=self.made["log_group_name"], logStreamName=self.stream)
        return logs

    def log(self, *records: dict[str, Any]) -> None:
        """Writes records as CloudTrail does, and waits until nothing is left to do."""
        for batch in batches([json.dumps(record) for record in records]):
            self._put(self._trail, self.stream, batch)
        self.invoker.wait()

    def put(self, keys: Keys, stream: str, record: dict[str, Any]) -> None:
        """Writes one record as somebody else."""
        self._put(keys.client("logs", self.region), stream, [json.dumps(record)])
        self.invoker.wait()

    def _put(self, logs: Any, stream: str, messages: list[str]) -> None:
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": message} for message in messages]
        group = self.made["log_group_name"]
        answer = logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        assert "rejectedLogEventsInfo" not in answer, answer

    @cached_property
    def findings_queue(self) -> str:
        return self._observe("findings_topic_arn")

    @cached_property
    def alerts_queue(self) -> str:
        return self._observe("alerts_topic_arn")

    def _observe(self, topic: str) -> str:
        """A queue behind a topic."""
        arn = self.made[topic]
        ordered = {"FifoQueue": "true"} if arn.endswith(".fifo") else {}
        name = f"observer-of-{arn.rpartition(':')[2]}"
        url = self.client("sqs").create_queue(QueueName=name, Attributes=ordered)["QueueUrl"]
        self.client("sns").subscribe(
            TopicArn=arn, Protocol="sqs", Endpoint=self.arn("sqs", name), Attributes={"RawMessageDelivery": "true"}
        )
        return url

    def received(self, queue: str) -> list[str]:
        """The messages of a queue, which is empty afterwards."""
        sqs, bodies = self.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def findings(self) -> list[dict[str, Any]]:
        """The documents that came out of the topic of findings since this was last asked."""
        return [json.loads(body) for body in self.received(self.findings_queue)]

    @contextmanager
    def without(self, statement: str) -> Iterator[None]:
        """While the block runs, the function's role lacks a statement of its policy."""
        iam = self.client("iam")
        names = {"RoleName": self.made["function_role_arn"].rpartition("/")[2], "PolicyName": "function"}
        policy = iam.get_role_policy(**names)["PolicyDocument"]
        kept = [one for one in policy["Statement"] if one["Sid"] != statement]
        assert len(kept) < len(policy["Statement"]), f"no statement {statement}"
        iam.put_role_policy(**names, PolicyDocument=json.dumps({**policy, "Statement": kept}))
        yield
        iam.put_role_policy(**names, PolicyDocument=json.dumps(policy))


def batches(messages: list[str]) -> Iterator[list[str]]:
    """Messages in the order they are in, as many at a time as CloudWatch Logs takes."""
    batch: list[str] = []
    size = 0
    for message in messages:
        more = len(message.encode()) + 26
        if batch and size + more > MAX_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += more
    if batch:
        yield batch
