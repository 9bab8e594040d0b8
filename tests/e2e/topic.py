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
        attributes = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        self.arn: str = self._sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
        self.queue = self.subscribe("all")

    def subscribe(self, name: str, filter_policy: dict[str, Any] | None = None) -> str:
        """A queue that receives what the filter policy lets through; its URL."""
        queue = f"{self._name}-{name}"
        ordered = {}
        if self._name.endswith(".fifo"):
            queue = f"{self._name.removesuffix('.fifo')}-{name}.fifo"
            ordered = {"FifoQueue": "true"}
        url = self._sqs.create_queue(QueueName=queue, Attributes=ordered)["QueueUrl"]
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
            handles = [{"Id": str(place), "ReceiptHandle": one["ReceiptHandle"]} for place, one in enumerate(received)]
            self._sqs.delete_message_batch(QueueUrl=url, Entries=handles)
            for one in received:
                envelope = json.loads(one["Body"])
                attributes = envelope.get("MessageAttributes", {})
                messages.append(
                    Message(
                        json.loads(envelope["Message"]),
                        {name: (value["Type"], value["Value"]) for name, value in attributes.items()},
                    )
                )
        return messages
