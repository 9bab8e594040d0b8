"""Open problems: what the real function keeps in the state table, and how it closes them."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ocsf
import pytest
from faults import Faults
from function import Function
from network import Network
from payloads import Record, delivery
from table import Table
from test_alerts import Alerts
from test_live_state import of_block_public_access, opened
from topic import Topic

NUMBERS = itertools.count()
RECHECK = json.dumps({"trailwarden": "recheck-problems"})
RULE = "sg-ingress-world-admin"
WORLD = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@pytest.fixture(scope="module")
def network(endpoint: str) -> Network:
    return Network(endpoint)


@pytest.fixture
def start(endpoint: str, topic: Topic) -> Iterator[Callable[..., Deployment]]:
    yield lambda **more: Deployment(endpoint, topic, **more)


class Deployment:
    """A function with live state, a state table and both topics. Each invocation is by a new environment, which remembers
    nothing.
    """

    def __init__(self, endpoint: str, topic: Topic, **more: str) -> None:
        self._endpoint, self.topic = endpoint, topic
        self.alerts = Alerts(endpoint)
        self.table = Table(endpoint, f"problems-{next(NUMBERS)}")
        self.more = {"LIVE_STATE": "on", **more}
        self.output = ""

    def invoke(self, payload: str, **more: str) -> dict[str, Any]:
        environment = {
            "FINDINGS_TOPIC_ARN": self.topic.arn,
            "ALERTS_TOPIC_ARN": self.alerts.arn,
            "STATE_TABLE": self.table.name,
            **self.more,
            **more,
        }
        with (
            Faults(self._endpoint, lambda _, fields: of_block_public_access(fields)) as faults,
            Function(faults.endpoint, **environment) as function,
        ):
            answer = function.invoke(payload)
            assert answer.error_type is None, answer.body
            self.output = function.output()
            return answer.body

    def deliver(self, *records: Record, **more: str) -> list[dict[str, Any]]:
        self.invoke(delivery(*records), **more)
        return self.documents()

    def documents(self) -> list[dict[str, Any]]:
        """The new findings."""
        documents = [message.document for message in self.topic.receive()]
        for document in documents:
            assert ocsf.faults(document) == []
        return documents

    def open(self) -> list[dict[str, Any]]:
        """The open problems of the rule."""
        return [item for item in self.table.of("problems") if item["rule"]["S"] == RULE]


def of_rule(documents: list[dict[str, Any]]) -> dict[str, Any]:
    (one,) = [document for document in documents if document["compliance"]["control"] == RULE]
    return one


def test_a_problem_is_open_until_live_state_shows_that_it_was_reverted(start: Callable[..., Deployment], network: Network) -> None:
    deployment = start()
    first = opened(network, eventTime="2026-03-04T10:00:00Z")
    found = of_rule(deployment.deliver(first))
    (problem,) = deployment.open()
    assert (problem["occurrences"]["N"], problem["severity"]["S"], problem["region"]["S"]) == ("1", "Critical", "eu-west-1")
    assert problem["resource"]["S"] == network.group
    assert int(problem["expires"]["N"]) > time.time() + 89 * 24 * 3600

    # A retry is not another occurrence. A later call is, and an older one changes nothing.
    deployment.deliver(first)
    deployment.deliver(opened(network, eventTime="2026-03-04T09:00:00Z"))
    assert [item["occurrences"]["N"] for item in deployment.open()] == ["1"]
    later = [opened(network, eventTime=f"2026-03-04T11:00:0{second}Z") for second in range(3)]
    deployment.deliver(*later)
    deployment.deliver(*later)
    assert [item["occurrences"]["N"] for item in deployment.open()] == ["4"]
    deployment.alerts.receive()

    # The group is still open.
    assert deployment.invoke(RECHECK) == {"open": 1, "checked": 1, "resolved": 0}
    assert (deployment.documents(), deployment.alerts.receive(), len(deployment.open())) == ([], [], 1)

    network.revoke(**WORLD)
    try:
        assert deployment.invoke(RECHECK) == {"open": 1, "checked": 1, "resolved": 1}
    finally:
        network.authorize(**WORLD)
    closed = of_rule(deployment.documents())
    assert closed["finding_info"]["uid"] == found["finding_info"]["uid"]
    assert closed["metadata"]["uid"] != found["metadata"]["uid"]
    assert (closed["activity_id"], closed["status_id"], closed["compliance"]["status_code"]) == (3, 4, "COMPLIANT")
    assert closed["finding_info"]["first_seen_time"] == found["start_time"]
    assert f"{network.group} was read at" in closed["message"] and "raw_data" not in closed
    ((subject, text),) = deployment.alerts.receive()
    assert subject.startswith("RESOLVED ") and network.group in text and "it was reverted" in text
    assert deployment.open() == []
    assert deployment.invoke(RECHECK) == {"open": 0, "checked": 0, "resolved": 0}


def test_an_exemption_ends_a_problem_without_a_message(
    start: Callable[..., Deployment], network: Network, tmp_path: Path
) -> None:
    deployment = start()
    deployment.deliver(opened(network, eventTime="2026-03-04T10:00:00Z"))
    assert len(deployment.open()) == 1
    exemptions = tmp_path / "exemptions.yml"
    exemptions.write_text(
        "title: Bastion\nname: bastion\nlogsource: {product: aws, service: cloudtrail}\n"
        f"filter: {{rules: [{RULE}], group: {{requestParameters.groupId: {network.group}}}, condition: not group}}\n"
        "trailwarden: {owner: network team, reason: A bastion., expires: 2099-01-01}\n"
    )
    deployment.alerts.receive()
    found = of_rule(deployment.deliver(opened(network, eventTime="2026-03-04T11:00:00Z"), EXEMPTIONS_FILE=str(exemptions)))
    assert found["status"] == "Suppressed"
    assert (deployment.open(), deployment.alerts.receive()) == ([], [])
    # When the exemption has expired, the next finding opens the problem again.
    deployment.deliver(opened(network, eventTime="2026-03-04T12:00:00Z"))
    assert [item["occurrences"]["N"] for item in deployment.open()] == ["1"]


def test_findings_without_their_record_are_not_checked(start: Callable[..., Deployment], network: Network) -> None:
    deployment = start(RAW_DATA="off")
    deployment.deliver(opened(network))
    assert deployment.invoke(RECHECK) == {"open": 1, "checked": 0, "resolved": 0}


def test_findings_are_published_without_the_table(start: Callable[..., Deployment], network: Network) -> None:
    deployment = start()
    deployment.table.delete()
    assert of_rule(deployment.deliver(opened(network)))["status"] == "New"
    assert "nobody is told when these problems are resolved" in deployment.output
