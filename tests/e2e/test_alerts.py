"""What people are told in a storm, by the real function: one alert at once, and a digest for each quiet period."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from function import Function
from moto.sns.models import sns_backends
from payloads import blocked_action, clean, delivery, opened_group, record
from table import Table
from topic import Topic

NUMBERS = itertools.count()
CALLS = ["DeleteVpc", "CreateVpc", "CreateSubnet", "DeleteRoute", "DetachInternetGateway", "ModifyVpcAttribute", "CreateTags"]
FLUSH = json.dumps({"trailwarden": "flush-alerts"})


class Alerts:
    """An alerts topic whose messages are read as a subscriber by email gets them."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="eu-west-1")
        self.arn: str = session.client("sns", endpoint_url=endpoint).create_topic(Name=f"alerts-{next(NUMBERS)}")["TopicArn"]

    def receive(self) -> list[tuple[str, str]]:
        """Subject and text of each new message."""
        _, _, _, region, account, _ = self.arn.split(":")
        # The emulated SNS delivers no emails, and runs in this process.
        sent = sns_backends[account][region].topics[self.arn].sent_notifications
        new = [(subject or "", json.loads(body)["email"]) for _, body, subject, _, _ in sent]
        sent.clear()
        return new


@pytest.fixture
def alerts(endpoint: str) -> Alerts:
    return Alerts(endpoint)


@pytest.fixture
def table(endpoint: str) -> Iterator[Table]:
    table = Table(endpoint, f"state-{next(NUMBERS)}")
    yield table


def function(endpoint: str, topic: Topic, alerts: Alerts, **more: str) -> Function:
    return Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=alerts.arn, **more)


def storm(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Blocked actions of seven kinds by one caller, one every second."""
    return [
        record(
            "ec2.amazonaws.com",
            CALLS[number % len(CALLS)],
            {"vpcId": f"vpc-{number:017x}"},
            eventID=f"00000000-0000-4000-8000-{number:012}",
            eventTime=f"2026-03-04T10:{number // 60:02}:{number % 60:02}Z",
        )
        for number in range(first, first + count)
    ]


def test_a_storm_in_one_delivery_is_one_alert_with_every_action(endpoint: str, topic: Topic, alerts: Alerts) -> None:
    with function(endpoint, topic, alerts) as running:
        assert running.invoke(delivery(*storm(200))).response["findings"] == 200
    ((subject, email),) = alerts.receive()
    assert subject == "MEDIUM 111122223333: 200 blocked EC2 actions by dana"
    text = " ".join(email.split())
    assert text.startswith("200 blocked EC2 actions by dana, 2026-03-04 10:00:00–10:03:19 UTC: 29 × DeleteRoute, 29 × DeleteVpc,")
    assert all(f" × {call}" in text for call in CALLS)
    assert all(f"vpc-{number:017x}" in email for number in range(200))
    assert len(topic.receive()) == 200


def test_critical_findings_of_one_rule_and_caller_are_one_alert_with_a_list(
    endpoint: str, topic: Topic, alerts: Alerts
) -> None:
    opened = [opened_group() for _ in range(200)]
    for number, event in enumerate(opened):
        event["requestParameters"]["groupId"] = f"sg-{number:017x}"
    with function(endpoint, topic, alerts) as running:
        assert running.invoke(delivery(*opened)).response["findings"] == 200
    ((subject, email),) = alerts.receive()
    assert subject.startswith("CRITICAL 111122223333: 200 x ")
    assert all(f"sg-{number:017x}" in email for number in range(200))


def test_an_event_that_two_trails_deliver_is_one_message(endpoint: str, topic: Topic, alerts: Alerts) -> None:
    event = blocked_action()
    again = {**event, "additionalEventData": {"trail": "organization"}}
    with function(endpoint, topic, alerts) as running:
        running.invoke(delivery(event, again))
    assert len(topic.receive()) == 1
    ((_, email),) = alerts.receive()
    assert "All " not in email


def test_a_storm_in_many_deliveries_is_one_alert_and_one_digest(
    endpoint: str, topic: Topic, alerts: Alerts, table: Table
) -> None:
    # Each environment is a function of its own.
    with function(endpoint, topic, alerts, STATE_TABLE=table.name) as one:
        with function(endpoint, topic, alerts, STATE_TABLE=table.name) as other:
            one.invoke(delivery(*storm(10)))
            assert [subject for subject, _ in alerts.receive()] == ["MEDIUM 111122223333: 10 blocked EC2 actions by dana"]
            for first in range(10, 200, 10):
                (one if first % 20 else other).invoke(delivery(*storm(10, first)))
            # A retry is not counted again.
            other.invoke(delivery(*storm(10, 190)))
            assert alerts.receive() == []
            assert other.invoke(FLUSH).response == {"digests": 0}
            # Another rule is told at once.
            one.invoke(delivery(opened_group()))
            assert len(alerts.receive()) == 1
            table.end_periods()
            assert other.invoke(FLUSH).response == {"digests": 1}
            assert one.invoke(FLUSH).response == {"digests": 0}
    ((subject, email),) = alerts.receive()
    assert subject == "MEDIUM 111122223333: More: 190 blocked EC2 actions by dana"
    text = " ".join(email.split())
    assert text.startswith("Since the last alert: 190 blocked EC2 actions by dana, 2026-03-04 10:00:10–10:03:19 UTC: ")
    assert all(f"vpc-{number:017x}" in email for number in range(10, 200))
    assert len({one.document["metadata"]["uid"] for one in topic.receive()}) == 201


def test_the_next_delivery_publishes_what_is_due_and_a_quiet_period_without_findings_ends(
    endpoint: str, topic: Topic, alerts: Alerts, table: Table
) -> None:
    with function(endpoint, topic, alerts, STATE_TABLE=table.name) as running:
        running.invoke(delivery(*storm(1)))
        running.invoke(delivery(*storm(1, 1)))
        assert len(alerts.receive()) == 1
    table.end_periods()
    with function(endpoint, topic, alerts, STATE_TABLE=table.name) as running:
        running.invoke(delivery(opened_group()))
        subjects = sorted(subject for subject, _ in alerts.receive())
        assert len(subjects) == 2 and "More: " in subjects[1]
        # The digest began a quiet period, in which nothing came.
        table.end_periods()
        assert running.invoke(FLUSH).response == {"digests": 0}
        running.invoke(delivery(*storm(1, 2)))
        ((subject, _),) = alerts.receive()
        assert "More" not in subject


def test_problems_are_counted_across_deliveries(endpoint: str, topic: Topic, alerts: Alerts, table: Table) -> None:
    with function(endpoint, topic, alerts, STATE_TABLE=table.name) as running:
        for minute in range(3):
            table.end_periods()
            payload = delivery(opened_group(eventTime=f"2026-03-04T10:0{minute}:00Z"))
            running.invoke(payload)
            # A retry of the same delivery.
            running.invoke(payload)
    *_, (_, email) = alerts.receive()
    assert "Seen      3 times, first 2026-03-04 10:00 UTC, last 2026-03-04 10:02 UTC" in email
    (problem,) = table.of("problem#")
    assert problem["pk"]["S"].removeprefix("problem#") == topic.receive()[0].document["finding_info"]["uid"]
    assert (problem["occurrences"]["N"], problem["status"]["S"]) == ("3", "NON_COMPLIANT")
    assert problem["rule"]["S"] == "sg-ingress-world-admin"


def test_an_alert_that_is_not_published_opens_no_quiet_period(
    endpoint: str, topic: Topic, alerts: Alerts, table: Table
) -> None:
    payload = delivery(*storm(3))
    missing = alerts.arn + "-missing"
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=missing, STATE_TABLE=table.name) as broken:
        assert broken.invoke(payload).error_type
    with function(endpoint, topic, alerts, STATE_TABLE=table.name) as running:
        running.invoke(payload)
    assert len(alerts.receive()) == 1


def test_a_digest_that_is_not_published_is_published_later(
    endpoint: str, topic: Topic, alerts: Alerts, table: Table
) -> None:
    with function(endpoint, topic, alerts, STATE_TABLE=table.name) as running:
        running.invoke(delivery(*storm(1)))
        running.invoke(delivery(*storm(2, 1)))
        assert len(alerts.receive()) == 1
    table.end_periods()
    missing = alerts.arn + "-missing"
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ALERTS_TOPIC_ARN=missing, STATE_TABLE=table.name) as broken:
        assert broken.invoke(FLUSH).error_type
    with function(endpoint, topic, alerts, STATE_TABLE=table.name) as running:
        assert running.invoke(FLUSH).response == {"digests": 0}
        table.end_claims()
        assert running.invoke(FLUSH).response == {"digests": 1}
    ((subject, _),) = alerts.receive()
    assert subject == "MEDIUM 111122223333: More: 2 blocked EC2 actions by dana"


def test_without_its_table_alerts_are_published_all_the_same(endpoint: str, topic: Topic, alerts: Alerts) -> None:
    with function(endpoint, topic, alerts, STATE_TABLE="no-such-table") as running:
        for first in range(0, 15, 5):
            assert running.invoke(delivery(*storm(5, first))).response["findings"] == 5
        assert running.invoke(FLUSH).response == {"digests": 0}
        warnings = [line for line in running.log() if line["level"] == "WARN"]
    assert len(alerts.receive()) == 3
    assert "ResourceNotFoundException" in warnings[0]["error"]


class NoTable(BaseHTTPRequestHandler):
    """A DynamoDB that refuses every request with the error code in `refusal`, or closes the connection without an answer."""

    refusal: str | None = None

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.refusal is None:
            self.close_connection = True
            return
        body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{self.refusal}", "message": "no"}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("refusal", ["ThrottlingException", "AccessDeniedException", None])
def test_a_table_that_throttles_or_refuses_holds_no_alert_back(
    endpoint: str, topic: Topic, alerts: Alerts, refusal: str | None
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Refusing", (NoTable,), {"refusal": refusal}))
    Thread(target=server.serve_forever, daemon=True).start()
    table = f"http://127.0.0.1:{server.server_address[1]}"
    with function(endpoint, topic, alerts, STATE_TABLE="state", AWS_ENDPOINT_URL_DYNAMODB=table) as running:
        for first in range(0, 10, 5):
            running.invoke(delivery(*storm(5, first), clean()))
    server.shutdown()
    server.server_close()
    assert len(alerts.receive()) == 2
