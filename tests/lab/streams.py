"""How records reach a function by event source mappings: out of a Kinesis stream, and out of a queue.

moto hands over one record at a time, to functions in containers, and knows no answers that name what failed.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from aws import Role
from gate import permitted
from iam import Request
from invoker import Invoker
from moto.awslambda.models import EventSourceMapping, LambdaFunction
from moto.awslambda.utils import get_backend
from moto.kinesis.models import Stream
from moto.sqs import sqs_backends
from moto.sqs.models import Message, Queue
from runtime_api import Answer

# https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
READ_STREAM = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
READ_QUEUE = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]


def install(invoker: Invoker) -> None:
    """Changes moto for good."""
    added = Queue.add_message

    def add_message(self: Queue, message: Message) -> None:
        mappings, self.lambda_event_source_mappings = self.lambda_event_source_mappings, {}
        added(self, message)
        self.lambda_event_source_mappings = mappings
        for mapping in mappings.values():
            if mapping.enabled:
                invoker.run(partial(drain, invoker, mapping, self))

    def put_record(self: Stream, partition_key: str, explicit_hash_key: str, data: str) -> tuple[str, str]:
        shard: Any = self.get_shard_for_key(partition_key, explicit_hash_key)
        number = shard.put_record(partition_key, data, explicit_hash_key)
        for mapping in self.lambda_event_source_mappings.values():
            record = {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": partition_key,
                    "sequenceNumber": number,
                    "data": data,
                    "approximateArrivalTimestamp": round(time.time(), 3),
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard.shard_id}:{number}",
                "eventName": "aws:kinesis:record",
                "awsRegion": self.region,
                "eventSourceARN": self.arn,
            }
            invoker.run(partial(hand_over, invoker, mapping, self, record))
        return number, shard.shard_id

    Queue.add_message, Stream.put_record = add_message, put_record


def drain(invoker: Invoker, mapping: EventSourceMapping, queue: Queue) -> None:
    """Receives messages until none is left. One that fails again and again goes where the redrive policy says."""
    function = function_of(mapping)
    for action in READ_QUEUE:
        assert permitted(function.role, Request(f"sqs:{action}", queue.queue_arn)), f"{function.role} may not sqs:{action}"
    backend = sqs_backends[queue.account_id][queue.region]
    while messages := backend.receive_message(queue.name, min(mapping.batch_size, 10), 0, queue.visibility_timeout):
        records = [
            {
                "messageId": message.id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.approximate_receive_count)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": queue.queue_arn,
                "awsRegion": queue.region,
            }
            for message in messages
        ]
        answer = invoker.invoke(function, {"Records": records})
        failed = failures(mapping, answer, {message.id for message in messages})
        for message in messages:
            if message.id in failed:
                backend.change_message_visibility(queue.name, message.receipt_handle, visibility_timeout=0)
            else:
                backend.delete_message(queue.name, message.receipt_handle)


def hand_over(invoker: Invoker, mapping: EventSourceMapping, stream: Stream, record: dict[str, Any]) -> None:
    """One record of a stream, with retries, and then the on-failure destination."""
    function = function_of(mapping)
    for action in READ_STREAM:
        assert permitted(function.role, Request(f"kinesis:{action}", stream.arn)), f"{function.role} may not kinesis:{action}"
    key = Request("kms:Decrypt", stream.key_id or "", context={"kms:viaservice": f"kinesis.{stream.region}.amazonaws.com"})
    assert stream.key_id and permitted(function.role, key), f"{function.role} may not decrypt {stream.key_id}"
    number = record["kinesis"]["sequenceNumber"]
    for _ in range(1 + mapping.max_retry_attempts):
        answer = invoker.invoke(function, {"Records": [record]})
        if not failures(mapping, answer, {number}):
            return
    destination = mapping.destination_config["OnFailure"]["Destination"]
    keep(invoker, invoker.role(function), destination, record)


def keep(invoker: Invoker, role: Role, destination: str, record: dict[str, Any]) -> None:
    """What a queue gets of a record that failed for good: where it is.
    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """
    region, account, name = destination.split(":")[3:]
    shard, number = record["eventID"].split(":")
    body = {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "KinesisBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": number,
            "endSequenceNumber": number,
            "batchSize": 1,
            "streamArn": record["eventSourceARN"],
        },
    }
    role.client("sqs", region).send_message(QueueUrl=f"{invoker.endpoint}/{account}/{name}", MessageBody=json.dumps(body))


def failures(mapping: EventSourceMapping, answer: Answer, items: set[str]) -> set[str]:
    """The items of a batch that Lambda takes for failed: all of them when the answer names an item that is none.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    if answer.error_type is not None:
        return items
    if "ReportBatchItemFailures" not in (mapping.function_response_types or []):
        return set()
    named = {failure["itemIdentifier"] for failure in answer.body.get("batchItemFailures", [])}
    return named if named <= items else items


def function_of(mapping: EventSourceMapping) -> LambdaFunction:
    region, account = mapping.function_arn.split(":")[3:5]
    return get_backend(account, region).get_function(mapping.function_arn)
