"""An SNS topic with queues behind it, read back by the test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3


@dataclass(frozen=True)
class Message:
    """One message as a subscriber sees it: the OCSF document, and the attributes as (type, value)."""

    document: dict[str, Any]
    attributes: dict[str, tuple[str, str]]


class Topic:
    """A new topic of its own on the emulated SNS."""

    def __init__(self, endpoint: str, name: str) -> None:
        session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="eu-west-1")
        self._sns = session.client("sns", endpoint_url=endpoint)
        self._sqs = session.client("sqs", endpoint_url=endpoint)
        self._name = name
        self.arn: str = self._sns.create_topic(Name=name)["TopicArn"]
        self.queue = self.subscribe("all")

    def subscribe(self, name: str, filter_policy: dict[str, Any] | None = None) -> str:
        """A queue that receives what the filter policy lets through; its URL."""
        url = self._sqs.create_queue(QueueName=f"{self._name}-{name}")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        policy = {"FilterPolicy": json.dumps(filter_policy)} if filter_policy else {}
        self._sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=attributes["QueueArn"], Attributes=policy)
        return url

    def delete(self) -> None:
        self._sns.delete_topic(TopicArn=self.arn)

    def receive(self, queue: str | None = None) -> list[Message]:
        """Everything in a queue, which is empty afterwards."""
        url = queue or self.queue
        messages = []
        while received := self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for one in received:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                envelope = json.loads(one["Body"])
                attributes = envelope.get("MessageAttributes", {})
                messages.append(
                    Message(
                        json.loads(envelope["Message"]),
                        {name: (value["Type"], value["Value"]) for name, value in attributes.items()},
                    )
                )
        return messages
