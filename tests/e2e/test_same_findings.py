"""The same records give the same findings, id for id, whichever way they come."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from function import Function, binary
from objects import Bucket
from ocsf import ids
from payloads import Record, batch_data, delivery, kinesis_event, sns_event, sqs_event
from records import LOGS, own_records, public_records
from topic import Topic

BATCH = 500

# Records of one message: the largest messages of the public logs stay below the limits of SQS and Kinesis.
MESSAGE = 50
NUMBERS = itertools.count()


def evaluate(path: Path) -> list[tuple[str, str]]:
    command = [binary("trailwarden", "TRAILWARDEN_CLI"), "evaluate", "--format", "ocsf", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return ids([json.loads(line) for line in done.stdout.splitlines()])


PUBLIC = pytest.param(
    "public", marks=pytest.mark.skipif(LOGS is None, reason="TRAILWARDEN_PUBLIC_DATA does not name the public data")
)


@pytest.mark.parametrize("source", ["own", PUBLIC])
def test_files_deliveries_and_the_function_agree(source: str, function: Function, topic: Topic, tmp_path: Path) -> None:
    records = own_records() if source == "own" else public_records()
    assert records
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"Records": records}))
    deliveries = [delivery(*records[start : start + BATCH]) for start in range(0, len(records), BATCH)]
    wrapped = tmp_path / "deliveries"
    wrapped.mkdir()
    for number, payload in enumerate(deliveries):
        (wrapped / f"{number:03}.json").write_text(payload)
    tallies = [function.invoke(payload).response for payload in deliveries]
    assert sum(tally["received"] for tally in tallies) == len(records)
    assert sum(tally["rejected"] for tally in tallies) == 0
    published = ids([one.document for one in topic.receive()])
    assert published
    assert evaluate(log) == published
    assert evaluate(wrapped) == published
    if source == "public" and LOGS:
        assert evaluate(LOGS) == published


def chunks(records: list[Record], size: int) -> Iterator[list[Record]]:
    return (records[start : start + size] for start in range(0, len(records), size))


def lines(records: list[Record]) -> str:
    return "".join(json.dumps(one) + "\n" for one in records)


def firehose(messages: list[bytes]) -> str:
    records = [
        {"recordId": str(number), "approximateArrivalTimestamp": 1, "data": base64.b64encode(one).decode()}
        for number, one in enumerate(messages)
    ]
    return json.dumps({"invocationId": "i", "deliveryStreamArn": "arn", "region": "eu-west-1", "records": records})


def event_bridge(record: Record) -> str:
    return json.dumps({"source": "aws.ec2", "detail-type": "AWS API Call via CloudTrail", "detail": record})


def sns_message(content: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": content})


# How a list of records is delivered to the function, by name.
WRAPPERS: dict[str, Callable[[list[Record]], str]] = {
    "SQS": lambda records: sqs_event([delivery(*one) for one in chunks(records, MESSAGE)]),
    "SQS of EventBridge": lambda records: sqs_event([event_bridge(one) for one in records]),
    "SQS of SNS": lambda records: sqs_event([sns_message(json.dumps({"Records": one})) for one in chunks(records, MESSAGE)]),
    "SNS": lambda records: sns_event([json.dumps({"Records": one}) for one in chunks(records, MESSAGE)]),
    "Kinesis": lambda records: kinesis_event([batch_data(*one) for one in chunks(records, MESSAGE)]),
    "Kinesis of EventBridge": lambda records: kinesis_event([event_bridge(one).encode() for one in records]),
    "Kinesis of lines": lambda records: kinesis_event([lines(one).encode() for one in chunks(records, MESSAGE)]),
    "Firehose": lambda records: firehose([batch_data(*one) for one in chunks(records, MESSAGE)]),
    "Firehose of lines": lambda records: firehose([lines(one).encode() for one in chunks(records, MESSAGE)]),
}


@pytest.mark.parametrize("source", ["own", PUBLIC])
@pytest.mark.parametrize("wrapper", [*WRAPPERS, "S3", "S3 of lines"])
def test_every_wrapper_gives_the_same_findings(
    wrapper: str, source: str, endpoint: str, function: Function, topic: Topic, tmp_path: Path
) -> None:
    records = own_records() if source == "own" else public_records()
    log = tmp_path / "log.json"
    log.write_text(json.dumps({"Records": records}))
    expected = evaluate(log)
    directory = tmp_path / "wrapped"
    directory.mkdir()
    bucket = Bucket(endpoint, f"same-{next(NUMBERS)}")
    for number, one in enumerate(chunks(records, BATCH)):
        if wrapper in WRAPPERS:
            payload = content = WRAPPERS[wrapper](one)
        else:
            content = lines(one) if wrapper == "S3 of lines" else json.dumps({"Records": one})
            bucket.put_bytes(f"{number:03}.json.gz", gzip.compress(content.encode()))
            payload = sqs_event([bucket.notification(f"{number:03}.json.gz")])
        (directory / f"{number:03}.json").write_text(content)
        response = function.invoke(payload).response
        assert response.get("batchItemFailures", []) == []
    published = ids([one.document for one in topic.receive()])
    assert published == expected
    assert evaluate(directory) == expected
