"""The response to a batch of SQS or Kinesis reports exactly the messages to retry, and everything else is published."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from faults import Faults, error
from function import Function
from payloads import (
    ACCOUNT,
    batch_data,
    blocked_action,
    clean,
    delivery,
    kinesis_event,
    opened_group,
    sns_event,
    sqs_event,
)
from topic import Topic

MARKER = "MARKER-that-must-not-be-logged"
NAMELESS = json.dumps({"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "trail"}}}]})


def action(number: int) -> dict[str, Any]:
    return blocked_action(eventID=f"00000000-0000-4000-8000-{number:012}")


def event_ids(topic: Topic) -> list[int]:
    """The numbers of the records whose findings arrived."""
    return sorted(int(one.document["finding_info"]["related_events"][0]["uid"][-12:]) for one in topic.receive())


def failures(*ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}


def last_counts(function: Function) -> dict[str, Any]:
    return [line for line in function.log() if line["message"] == "evaluated"][-1]


def test_a_whole_batch_has_no_failures(function: Function, topic: Topic) -> None:
    wrapped = json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": json.dumps(action(2))})
    assert function.invoke(sqs_event([delivery(action(0), action(1)), wrapped, json.dumps(clean())])).response == failures()
    assert function.invoke(kinesis_event([batch_data(action(3)), json.dumps(action(4)).encode()])).response == failures()
    assert event_ids(topic) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("body", [MARKER, "", '{"awslogs": {"data": "*"}}', NAMELESS])
def test_one_undecodable_message_among_ten_of_a_queue(function: Function, topic: Topic, body: str) -> None:
    bodies = [json.dumps(action(number)) for number in range(10)]
    bodies[4] = body
    assert function.invoke(sqs_event(bodies)).response == failures("message-4")
    assert event_ids(topic) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    counts = last_counts(function)
    assert (counts["RecordsReceived"], counts["RecordsRejected"], counts["balances"]) == (10, 1, True)
    (reported,) = [line for line in function.log() if line["message"] == "reported as failed"]
    assert (reported["level"], reported["error_type"], reported["messages"]) == ("ERROR", "PayloadRejected", "message-4")
    assert MARKER not in function.output()


@pytest.mark.parametrize("data", [b"\xff", b"text", batch_data(action(0))[:40], NAMELESS.encode()])
def test_one_undecodable_record_among_ten_of_a_stream(function: Function, topic: Topic, data: bytes) -> None:
    records = [batch_data(action(number)) for number in range(10)]
    # From 999 to 1000 the order of numbers is not that of texts.
    records[4] = records[7] = data
    assert function.invoke(kinesis_event(records)).response == failures("999")
    assert event_ids(topic) == [0, 1, 2, 3, 5, 6, 8, 9]


def test_one_bad_record_in_a_message_is_counted_and_not_retried(function: Function, topic: Topic) -> None:
    records = [batch_data(action(0), "no record"), batch_data(action(1))]
    assert function.invoke(kinesis_event(records)).response == failures()
    assert event_ids(topic) == [0, 1]
    assert last_counts(function)["RecordsRejected"] == 1


def refusing(*numbers: int) -> Callable[[int, dict[str, str]], object]:
    """A fault that fails the messages of these records alone."""

    def fault(_: int, fields: dict[str, str]) -> object:
        found = (re.fullmatch(r"PublishBatchRequestEntries\.member\.(\d+)\.Id", name) for name in fields)
        entries = [one[1] for one in found if one]
        prefix = "PublishBatchRequestEntries.member."
        wanted = [f"00000000-0000-4000-8000-{number:012}" for number in numbers]
        failed = [one for one in entries if any(uid in fields[f"{prefix}{one}.Message"] for uid in wanted)]
        return {fields[f"{prefix}{one}.Id"] for one in failed} or None

    return fault


def test_only_messages_whose_findings_were_not_published_are_reported(endpoint: str, topic: Topic) -> None:
    bodies = [delivery(action(number), clean()) for number in range(10)]
    bodies[8] = "no JSON"
    with Faults(endpoint, refusing(3, 5)) as faults, Function(faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        assert function.invoke(sqs_event(bodies)).response == failures("message-3", "message-5", "message-8")
        errors = {line["error_type"] for line in function.log() if line["message"] == "reported as failed"}
        assert errors == {"PublishFailedRetryable", "PayloadRejected"}
        assert event_ids(topic) == [0, 1, 2, 4, 6, 7, 9]
        records = [batch_data(action(number)) for number in range(10)]
        assert function.invoke(kinesis_event(records)).response == failures("998")
    # Lambda delivers the failed messages again.
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        assert function.invoke(sqs_event([bodies[3], bodies[5]])).response == failures()
    assert {3, 5} <= set(event_ids(topic))


def test_messages_without_findings_do_not_fail_when_sns_throttles(endpoint: str, topic: Topic) -> None:
    bodies = [json.dumps(clean()), json.dumps(action(1)), json.dumps(clean())]

    def throttled(_: int, __: dict[str, str]) -> object:
        return error("Throttling", 400)

    with Faults(endpoint, throttled) as faults, Function(faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        assert function.invoke(sqs_event(bodies)).response == failures("message-1")
        assert function.invoke(kinesis_event([one.encode() for one in bodies])).response == failures("996")
        # Other payloads fail as a whole.
        assert function.invoke(delivery(action(1))).error_type == "PublishFailedRetryable"
        assert function.invoke(sns_event(bodies)).error_type == "PublishFailedRetryable"
    assert topic.receive() == []


def test_all_messages_fail_when_an_alert_cannot_be_published(endpoint: str, topic: Topic) -> None:
    alerts = Topic(endpoint, "alerts-gone-for-a-batch")
    alerts.delete()
    bodies = [json.dumps(clean()), json.dumps(opened_group()), json.dumps(clean())]
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=alerts.arn) as function:
        assert function.invoke(sqs_event(bodies)).response == failures("message-0", "message-1", "message-2")
    assert len(topic.receive()) == 1


def test_with_live_state_findings_keep_their_message(endpoint: str, topic: Topic) -> None:
    bodies = [json.dumps(clean()), json.dumps(opened_group()), "no JSON"]

    def throttled(_: int, fields: dict[str, str]) -> object:
        return error("Throttling", 400) if fields.get("Action") == "PublishBatch" else None

    with (
        Faults(endpoint, throttled) as faults,
        Function(
            endpoint, AWS_ENDPOINT_URL_SNS=faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn, LIVE_STATE="on"
        ) as function,
    ):
        assert function.invoke(sqs_event(bodies)).response == failures("message-1", "message-2")


def test_an_undecodable_message_of_a_topic_fails_the_invocation(function: Function, topic: Topic) -> None:
    messages = [json.dumps(action(0)), "no JSON", json.dumps(action(2))]
    assert function.invoke(sns_event(messages)).error_type == "PayloadRejected"
    assert event_ids(topic) == [0, 2]
    assert function.invoke(NAMELESS).error_type == "PayloadRejected"


def test_messages_without_identifiers_fail_the_invocation(function: Function, topic: Topic) -> None:
    payload = json.dumps(
        {"Records": [{"body": "no JSON", "eventSource": "aws:sqs"}, {"body": json.dumps(action(1)), "eventSource": "aws:sqs"}]}
    )
    assert function.invoke(payload).error_type == "PayloadRejected"
    assert event_ids(topic) == [1]


def test_all_messages_fail_when_the_failed_ones_are_not_known(function: Function, topic: Topic) -> None:
    event = json.loads(sqs_event([json.dumps(action(0)), "", json.dumps(action(2))]))
    event["Records"][1]["body"] = None
    assert function.invoke(json.dumps(event)).response == failures("message-0", "message-1", "message-2")
    assert event_ids(topic) == [0, 2]


def test_a_hostile_message_id_reaches_the_log_spelt_out(function: Function) -> None:
    message = {"messageId": "\x1b]0;owned\x07", "body": "no JSON", "eventSource": "aws:sqs"}
    assert function.invoke(json.dumps({"Records": [message]})).response == failures("\x1b]0;owned\x07")
    assert not {"\x1b", "\x07"} & set(function.output())
    assert ACCOUNT not in function.output()
