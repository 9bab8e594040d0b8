"""`trailwarden replay`: what the function could not do is done, or stays in the queue."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import signal
from pathlib import Path
from threading import Event

import boto3
import pytest
from destination import Destination, record, replay, start
from faults import Faults, error
from function import Function
from network import Network
from payloads import awslogs, batch, blocked_action, clean, delivery, log_event, opened_group, public_role
from payloads import record as event
from test_live_state import ACCOUNT, denied as reading_denied, of_block_public_access
from topic import Topic

NUMBERS = itertools.count()
HOSTILE = "\x1b[2J\x07\u202eevil"
HIDDEN = {"\x1b", "\x07", "\u202e"}


@pytest.fixture
def queue(endpoint: str) -> Destination:
    return Destination(endpoint, f"failed-{next(NUMBERS)}")


def uids(topic: Topic) -> list[str]:
    return sorted(one.document["metadata"]["uid"] for one in topic.receive())


def denied(_: int, __: dict[str, str]) -> object:
    return error("AuthorizationError", 403, "no \u202eaccess")


def undecodable() -> str:
    return json.dumps({"awslogs": {"data": "bm8gZ3ppcA=="}})


def test_findings_are_printed_and_the_queue_keeps_everything(endpoint: str, queue: Destination) -> None:
    queue.keep(delivery(clean(), opened_group()), delivery(blocked_action()))
    done = replay(endpoint, "--queue-url", queue.url, "--format", "ocsf")
    assert done.returncode == 0, done.stderr
    rules = sorted(json.loads(line)["compliance"]["control"] for line in done.stdout.splitlines())
    assert rules == ["blocked-action", "sg-ingress-world-admin"]
    assert done.stderr.splitlines() == [
        "3 records = 1 clean + 2 matched + 0 exempt + 0 rejected; 2 findings",
        "2 payloads: 2 printed; nothing was deleted from the queue",
    ]
    assert queue.depth() == (2, 0)
    done = replay(endpoint, "--queue-url", queue.url)
    assert "CRITICAL sg-ingress-world-admin" in done.stdout


def test_what_the_function_could_not_publish_is_published_with_its_ids_and_deleted(
    endpoint: str, queue: Destination, function: Function, topic: Topic
) -> None:
    payload = delivery(clean(), opened_group(), blocked_action(), public_role())
    assert function.invoke(payload).error_type is None
    expected = uids(topic)
    assert len(expected) == 3
    gone = Topic(endpoint, "gone")
    gone.delete()
    with Function(endpoint, FINDINGS_TOPIC_ARN=gone.arn) as failing:
        assert failing.invoke(payload).error_type == "PublishFailedPermanent"
    queue.keep(payload)
    alerts = Topic(endpoint, f"alerts-{next(NUMBERS)}")
    arguments = ["--queue-url", queue.url, "--findings-topic", topic.arn, "--alerts-topic", alerts.arn]
    done = replay(endpoint, *arguments, "--alerts-min-severity", "high")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.splitlines()[-1] == "1 payload: 1 published and deleted"
    assert uids(topic) == expected
    assert {one.attributes["severity"][1] for one in alerts.receive()} == {"Critical", "High"}
    assert queue.depth() == (0, 0)
    again = replay(endpoint, *arguments)
    assert again.returncode == 0
    assert again.stderr.splitlines()[-1].startswith("0 payloads; ")
    assert uids(topic) == []


def test_what_cannot_be_decoded_stays_and_costs_nothing_else(endpoint: str, queue: Destination, topic: Topic) -> None:
    queue.keep(delivery(opened_group()), undecodable(), delivery(blocked_action()))
    # A payload of which one record is none: the others are published, and it stays.
    broken = awslogs(gzip.compress(json.dumps(batch([log_event(public_role()), log_event("no record", 1)])).encode()))
    queue.keep(broken)
    queue.send('{"a message": "of another kind"}')
    done = replay(endpoint, "--queue-url", queue.url, "--findings-topic", topic.arn)
    assert done.returncode == 2
    told = re.sub(r"message [0-9a-f-]{36}", "message ID", done.stderr)
    assert sorted(told.splitlines()[:-2]) == [
        "kept: message ID: 1 of 2 records rejected",
        "kept: message ID: nothing of it could be evaluated",
        "kept: message ID: nothing of it could be evaluated",
        "rejected: message ID: `awslogs.data` is not whole gzip: unexpected end of file",
        "rejected: message ID: not a CloudTrail record: none of eventName, eventSource, eventID and eventVersion is there",
        f"rejected: message ID: record 2: log event {36 * 10**54 + 1}: not JSON: expected ident at column 2 of the record",
    ]
    assert told.splitlines()[-2:] == [
        "6 records = 0 clean + 3 matched + 0 exempt + 3 rejected; 3 findings",
        "5 payloads: 2 published and deleted, 3 kept",
    ]
    assert len(uids(topic)) == 3
    assert queue.depth() == (3, 0)
    kept = [json.loads(body).get("requestPayload") for body in queue.bodies()]
    assert json.loads(undecodable()) in kept and json.loads(broken) in kept


def test_what_only_live_state_finds_is_not_lost(endpoint: str, queue: Destination, topic: Topic) -> None:
    network = Network(endpoint)
    request = {"networkInterfaceId": network.interface, "groupSet": {"items": [{"groupId": network.group}]}}
    attached = event("ec2.amazonaws.com", "ModifyNetworkInterfaceAttribute", request, recipientAccountId=ACCOUNT)
    actions: list[str] = []

    def noted(_: int, fields: dict[str, str]) -> object:
        actions.append(fields.get("Action", ""))
        return of_block_public_access(fields)

    with Faults(endpoint, noted) as faults:
        live = {"AWS_ENDPOINT_URL_EC2": faults.endpoint, "AWS_ENDPOINT_URL_STS": faults.endpoint}
        with Function(faults.endpoint, FINDINGS_TOPIC_ARN=topic.arn, LIVE_STATE="on") as function:
            assert function.invoke(delivery(attached)).error_type is None
        expected = uids(topic)
        assert len(expected) == 2
        queue.keep(delivery(attached))
        printed = replay(endpoint, "--queue-url", queue.url, "--format", "ocsf")
        assert "sg-ingress-world-attached" not in printed.stdout
        printed = replay(endpoint, "--queue-url", queue.url, "--live-state", "--format", "ocsf", **live)
        documents = {one["compliance"]["control"]: one for one in map(json.loads, printed.stdout.splitlines())}
        assert len(documents) == 2
        assert documents["sg-ingress-world-attached"]["evidences"][1]["data"]["outcome"] == "confirmed"
        arguments = ["--queue-url", queue.url, "--findings-topic", topic.arn, "--live-state"]
        done = replay(endpoint, *arguments, **live)
        assert done.returncode == 0, done.stderr
        assert uids(topic) == expected
        # Another account is read with the role that is named.
        queue.keep(delivery({**attached, "recipientAccountId": "222233334444"}))
        actions.clear()
        role = ["--member-role-name", "audit/reader", "--member-role-external-id", "tw-1", "--account-names"]
        assert replay(endpoint, *arguments, *role, **live).returncode == 0
        assert "AssumeRole" in actions


def test_live_state_that_is_not_answered_is_said(endpoint: str, queue: Destination) -> None:
    queue.keep(delivery(opened_group(recipientAccountId=ACCOUNT)))
    with Faults(endpoint, lambda _, fields: reading_denied(fields)) as faults:
        done = replay(endpoint, "--queue-url", queue.url, "--live-state", AWS_ENDPOINT_URL_EC2=faults.endpoint)
    assert done.returncode == 0, done.stderr
    assert "UnauthorizedOperation" in done.stdout
    assert re.search(r"^live state left (\d+) of \1 questions unanswered; the findings say why$", done.stderr, re.M)
    for alone in (["--account-names"], ["--member-role-name", "reader"]):
        assert "--live-state" in replay(endpoint, "x", *alone).stderr
    assert "--member-role-name" in replay(endpoint, "x", "--live-state", "--member-role-external-id", "tw-1").stderr


def test_what_cannot_be_published_stays_until_it_can(endpoint: str, queue: Destination, topic: Topic) -> None:
    queue.keep(delivery(opened_group()), delivery(clean()), delivery(blocked_action()))
    arguments = ["--queue-url", queue.url, "--findings-topic", topic.arn]
    with Faults(endpoint, denied) as faults:
        done = replay(endpoint, *arguments, AWS_ENDPOINT_URL_SNS=faults.endpoint)
    assert done.returncode == 2
    reason = r"1 of 1 messages could not be published; the first: AuthorizationError: no \u{202e}access"
    assert done.stderr.count(f": {reason}\n") == 2
    assert done.stderr.splitlines()[-1] == "3 payloads: 1 published and deleted, 2 kept"
    assert queue.depth() == (2, 0)
    done = replay(endpoint, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "2 payloads: 2 published and deleted"
    assert len(uids(topic)) == 2


def test_a_topic_of_alerts_that_is_gone_keeps_the_payload(endpoint: str, queue: Destination, topic: Topic) -> None:
    alerts = Topic(endpoint, "alerts-gone-for-replay")
    alerts.delete()
    queue.keep(delivery(opened_group()))
    arguments = ["--queue-url", queue.url, "--findings-topic", topic.arn]
    assert replay(endpoint, *arguments, "--alerts-topic", alerts.arn).returncode == 2
    assert len(uids(topic)) == 1
    assert queue.depth() == (1, 0)


def test_each_of_many_messages_is_done_once(endpoint: str, queue: Destination, topic: Topic) -> None:
    events = [blocked_action(eventID=f"00000000-0000-4000-8000-{place:012}") for place in range(33)]
    for event in events[:11]:
        queue.keep(delivery(event))
    queue.keep(undecodable())
    for event in events[11:]:
        queue.keep(delivery(event))
    printed = replay(endpoint, "--queue-url", queue.url, "--format", "ocsf")
    assert printed.returncode == 2
    assert printed.stderr.splitlines()[-1] == "34 payloads: 33 printed, 1 kept; nothing was deleted from the queue"
    found = [json.loads(line)["finding_info"]["related_events"][0]["uid"] for line in printed.stdout.splitlines()]
    assert sorted(found) == [event["eventID"] for event in events]
    assert queue.depth() == (34, 0)
    done = replay(endpoint, "--queue-url", queue.url, "--findings-topic", topic.arn)
    assert done.stderr.splitlines()[-1] == "34 payloads: 33 published and deleted, 1 kept"
    assert len(set(uids(topic))) == 33
    assert queue.depth() == (1, 0)


def test_files_are_replayed_as_well(endpoint: str, queue: Destination, topic: Topic, tmp_path: Path) -> None:
    queue.keep(delivery(opened_group()), delivery(public_role()))
    (tmp_path / "received.json").write_text(queue.printed())
    (tmp_path / "record.json.gz").write_bytes(gzip.compress(json.dumps(record(delivery(blocked_action()))).encode()))
    printed = replay(endpoint, str(tmp_path), "--format", "ocsf")
    assert printed.returncode == 0, printed.stderr
    assert printed.stderr.splitlines()[-1] == "2 payloads: 2 printed"
    expected = sorted(json.loads(line)["metadata"]["uid"] for line in printed.stdout.splitlines())
    assert len(expected) == 3
    (tmp_path / "wrong.json").write_text(undecodable())
    done = replay(endpoint, str(tmp_path), "-", "--findings-topic", topic.arn, piped=delivery(blocked_action()))
    assert done.returncode == 2
    wrong = tmp_path / "wrong.json"
    assert f"failed: {wrong}: nothing of it could be evaluated" in done.stderr
    assert done.stderr.splitlines()[-1] == "4 payloads: 3 published, 1 failed"
    arrived = uids(topic)
    assert len(arrived) == 4 and set(expected) < set(arrived)
    assert queue.depth() == (2, 0)


def test_regions_are_those_of_the_queue_and_the_topic(endpoint: str) -> None:
    queue = Destination(endpoint, "elsewhere", region="eu-central-1")
    queue.keep(delivery(opened_group()))
    session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="us-east-2")
    arn = session.client("sns", endpoint_url=endpoint).create_topic(Name="elsewhere")["TopicArn"]
    url = f"https://sqs.eu-central-1.amazonaws.com/{queue.url.split('/', 3)[3]}"
    done = replay(endpoint, "--queue-url", url, "--findings-topic", arn)
    assert done.returncode == 0, done.stderr
    assert queue.depth() == (0, 0)


def test_hostile_text_is_spelt_out(endpoint: str, queue: Destination) -> None:
    bad = {"id": HOSTILE, "timestamp": 1, "message": f"no record {HOSTILE}"}
    events = [log_event(public_role(name=HOSTILE, userAgent=HOSTILE)), bad]
    queue.keep(awslogs(gzip.compress(json.dumps(batch(events)).encode())))
    queue.send("\u202eno JSON\u2066")
    done = replay(endpoint, "--queue-url", queue.url)
    assert done.returncode == 2
    assert r"\u{1b}[2J" in done.stdout and r"\u{1b}[2J" in done.stderr
    assert not HIDDEN & set(done.stdout + done.stderr)


def test_what_is_in_hand_is_given_back_when_the_command_is_interrupted(
    endpoint: str, queue: Destination, topic: Topic
) -> None:
    reached, go_on = Event(), Event()

    def held(number: int, _: dict[str, str]) -> object:
        if number == 2:
            reached.set()
            go_on.wait(60)
        return None

    queue.keep(*(delivery(blocked_action()) for _ in range(12)))
    with Faults(endpoint, held) as faults:
        arguments = ["--queue-url", queue.url, "--findings-topic", topic.arn]
        with start(endpoint, *arguments, AWS_ENDPOINT_URL_SNS=faults.endpoint) as running:
            assert reached.wait(60)
            assert queue.depth() == (2, 8)
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=60)
        go_on.set()
    assert running.returncode == 2
    assert "error: interrupted" in errors
    assert errors.splitlines()[-1] == "2 payloads: 2 published and deleted"
    assert queue.depth() == (10, 0)


def test_nothing_is_lost_with_a_reader_that_has_seen_enough(endpoint: str, queue: Destination) -> None:
    queue.keep(*(delivery(blocked_action()) for _ in range(12)))
    reading, writing = os.pipe()
    os.close(reading)
    with start(endpoint, "--queue-url", queue.url, stdout=writing) as running:
        os.close(writing)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (2, "")
    assert queue.depth() == (12, 0)


def test_a_queue_or_rules_that_cannot_be_used_are_an_error(
    endpoint: str, queue: Destination, topic: Topic, tmp_path: Path
) -> None:
    done = replay(endpoint, "--queue-url", f"{queue.url}-gone")
    assert done.returncode == 2
    assert "error: the queue cannot be read: " in done.stderr and "NonExistentQueue" in done.stderr
    done = replay("http://127.0.0.1:9", "--queue-url", queue.url)
    assert done.returncode == 2
    assert "SQS could not be reached" in done.stderr and "onnection refused" in done.stderr
    (tmp_path / "counts.yml").write_text("title: T\nname: t\ntype: event_count\n")
    queue.keep(delivery(opened_group()))
    arguments = ["--queue-url", queue.url, "--findings-topic", topic.arn]
    done = replay(endpoint, *arguments, "--rules", str(tmp_path))
    assert done.returncode == 2
    assert "nothing was evaluated" in done.stderr
    assert queue.depth() == (1, 0) and uids(topic) == []
    for wrong in (["--queue-url", "arn:aws:sqs:eu-west-1:111122223333:q"], ["--queue-url", f"{queue.url}.fifo"], []):
        assert replay(endpoint, *wrong).returncode == 2
    assert replay(endpoint, "x", "--findings-topic", "topic").returncode == 2
    assert replay(endpoint, "x", "--alerts-topic", topic.arn).returncode == 2
