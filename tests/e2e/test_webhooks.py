"""Alerts by webhook through the real function: everything arrives at least once, and a dead webhook holds up nobody."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from function import Function
from payloads import ACCOUNT, blocked_action, delivery, opened_group
from table import Table
from topic import Topic
from webhook_server import WebhookServer

NUMBERS = itertools.count()
SESSION = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="eu-west-1")
KEY = "a-key-that-is-long-enough"


class Setup:
    """Secrets, an outbox and webhooks on the emulated AWS."""

    def __init__(self, endpoint: str, topic: Topic) -> None:
        self.endpoint, self.topic = endpoint, topic
        self._ssm = SESSION.client("ssm", endpoint_url=endpoint)
        self._secrets = SESSION.client("secretsmanager", endpoint_url=endpoint)
        self._sqs = SESSION.client("sqs", endpoint_url=endpoint)
        self.number = next(NUMBERS)
        self.outbox: str = self._sqs.create_queue(QueueName=f"outbox-{self.number}")["QueueUrl"]
        self.servers: list[WebhookServer] = []

    def parameter(self, name: str, value: str) -> str:
        path = f"/webhooks-{self.number}/{name}"
        self._ssm.put_parameter(Name=path, Value=value, Type="SecureString", Overwrite=True)
        return f"ssm:{path}"

    def secret(self, name: str, value: str) -> str:
        self._secrets.create_secret(Name=f"{name}-{self.number}", SecretString=value)
        return f"secretsmanager:{name}-{self.number}"

    def server(self, *answers: Any) -> WebhookServer:
        server = WebhookServer(*answers)
        self.servers.append(server)
        return server

    def json(self, server: WebhookServer, name: str = "siem", **more: Any) -> dict[str, Any]:
        return {"name": name, "kind": "json", "secret": self.parameter("key", KEY), "url": f"{server.url}/in", **more}

    def function(self, *webhooks: dict[str, Any], outbox: bool = True, **more: str) -> Function:
        variables = {"FINDINGS_TOPIC_ARN": self.topic.arn, "CONFIG": json.dumps({"webhooks": list(webhooks)})}
        if outbox:
            variables["OUTBOX_QUEUE_URL"] = self.outbox
        return Function(self.endpoint, **variables, **more)

    def waiting(self) -> list[dict[str, Any]]:
        """The messages of the outbox, as Lambda delivers them."""
        messages = []
        while received := self._sqs.receive_message(QueueUrl=self.outbox, MaxNumberOfMessages=10).get("Messages", []):
            for one in received:
                self._sqs.delete_message(QueueUrl=self.outbox, ReceiptHandle=one["ReceiptHandle"])
                messages.append(self.message(one["MessageId"], one["Body"]))
        return messages

    def message(self, identifier: str, body: str, queue: str | None = None) -> dict[str, Any]:
        _, account, name = self.outbox.rsplit("/", 2)
        return {
            "messageId": identifier,
            "receiptHandle": "r",
            "body": body,
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:eu-west-1:{account}:{queue or name}",
            "awsRegion": "eu-west-1",
        }


@pytest.fixture
def setup(endpoint: str, topic: Topic) -> Iterator[Setup]:
    setup = Setup(endpoint, topic)
    yield setup
    for server in setup.servers:
        server.close()


def event(*messages: dict[str, Any]) -> str:
    return json.dumps({"Records": list(messages)})


def test_each_service_gets_its_message_and_its_secret(setup: Setup) -> None:
    server = setup.server()
    webhooks = [
        {"name": "chat", "kind": "slack", "secret": setup.parameter("slack", f"{server.url}/services/T/B/hidden-slack")},
        {"name": "teams", "kind": "teams", "secret": setup.parameter("teams", f"{server.url}/workflow?sig=hidden-teams")},
        {
            "name": "oncall",
            "kind": "pagerduty",
            "secret": setup.secret("pagerduty", "hidden-routing-key"),
            "url": f"{server.url}/v2/enqueue",
        },
        setup.json(server),
    ]
    with setup.function(*webhooks) as running:
        running.invoke(delivery(opened_group()))
        output = running.output()
    (finding,) = setup.topic.receive()
    got = {request.path.split("?")[0]: request for request in server.requests}
    assert len(server.requests) == 4 and setup.waiting() == []
    slack = got["/services/T/B/hidden-slack"].body
    assert slack["blocks"][0]["text"]["text"].startswith("\U0001f534 CRITICAL 111122223333: ")
    assert got["/workflow"].body["attachments"][0]["content"]["type"] == "AdaptiveCard"
    pagerduty = got["/v2/enqueue"].body
    assert pagerduty["routing_key"] == "hidden-routing-key"
    assert pagerduty["dedup_key"] == finding.document["finding_info"]["uid"]
    request = got["/in"]
    assert request.body["findings"][0]["metadata"]["uid"] == finding.document["metadata"]["uid"]
    signed = f"{request.headers['x-trailwarden-timestamp']}.{request.text}".encode()
    expected = hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["x-trailwarden-signature"] == f"v1={expected}"
    assert "hidden" not in output and KEY not in output


def test_alerts_are_routed_by_severity_rule_and_account(setup: Setup) -> None:
    names = {
        "all": {},
        "high": {"min-severity": "High"},
        "blocked": {"rules": ["blocked-actions"]},
        "no-blocked": {"except-rules": ["blocked-action"]},
        "own": {"accounts": [ACCOUNT]},
        "other": {"accounts": ["444455556666"]},
    }
    servers = {name: setup.server() for name in names}
    with setup.function(*(setup.json(servers[name], name, **route) for name, route in names.items())) as running:
        running.invoke(delivery(opened_group(), blocked_action()))
    got = {name: sorted(request.body["rule"] for request in server.requests) for name, server in servers.items()}
    both = ["blocked-action", "sg-ingress-world-admin"]
    assert got == {"all": both, "high": both[1:], "blocked": both[:1], "no-blocked": both[1:], "own": both, "other": []}


@pytest.mark.parametrize("outbox", [True, False])
@pytest.mark.parametrize(
    "fault",
    [(429, {"Retry-After": "1"}, ""), (500, {}, "secret text of the service"), (503, {"Retry-After": "soon"}, ""), "drop"],
    ids=["429", "500", "503", "drop"],
)
def test_a_fault_that_passes_is_retried_at_once(setup: Setup, fault: Any, outbox: bool) -> None:
    server = setup.server(lambda number, _: fault if number == 0 else None)
    with setup.function(setup.json(server), outbox=outbox) as running:
        running.invoke(delivery(opened_group()))
        assert "secret text" not in running.output()
    first, second = server.requests
    assert len(server.accepted) == 1 and first.body["id"] == second.body["id"] and setup.waiting() == []
    if isinstance(fault, tuple) and fault[0] == 429:
        assert second.at - first.at >= 1


@pytest.mark.parametrize("fault", [(429, {"Retry-After": "3600"}, ""), (500, {}, ""), (404, {}, ""), (400, {}, ""), "drop", "hang"])
def test_what_a_dead_webhook_does_not_accept_waits_in_the_outbox_and_holds_up_nobody(setup: Setup, fault: Any) -> None:
    dead, alive = setup.server(lambda *_: fault), setup.server()
    with setup.function(setup.json(dead, "dead"), setup.json(alive, "alive")) as running:
        begin = time.monotonic()
        assert running.invoke(delivery(opened_group(), blocked_action())).response["findings"] == 2
        assert time.monotonic() - begin < 15
        assert len(alive.accepted) == 2 and alive.accepted[-1].at - begin < 5
        assert len(setup.topic.receive()) == 2
        waiting = setup.waiting()
        assert len(waiting) == 2
        # It is dead still.
        answer = running.invoke(event(*waiting)).response
        assert {one["itemIdentifier"] for one in answer["batchItemFailures"]} == {one["messageId"] for one in waiting}
    dead.answer = lambda *_: None
    # Another environment, which knows nothing of the pause.
    with setup.function(setup.json(dead, "dead"), setup.json(alive, "alive")) as running:
        assert running.invoke(event(*waiting)).response == {"batchItemFailures": []}
    assert sorted(request.body["rule"] for request in dead.accepted) == ["blocked-action", "sg-ingress-world-admin"]
    assert len(alive.accepted) == 2


def test_without_an_outbox_the_invocation_fails_and_its_retry_posts_what_is_missing(setup: Setup) -> None:
    dead, alive = setup.server(lambda number, _: (500, {}, "") if number < 3 else None), setup.server()
    with setup.function(setup.json(dead, "dead"), setup.json(alive, "alive"), outbox=False) as running:
        payload = delivery(opened_group())
        answer = running.invoke(payload)
        assert answer.error_type == "PublishFailedRetryable"
        assert "webhook dead: HTTP status 500" in answer.body["errorMessage"]
        assert len(setup.topic.receive()) == 1
        assert running.invoke(payload).response["findings"] == 1
    assert len(dead.accepted) == 1 and len(alive.accepted) == 1


def test_a_new_secret_is_used_when_the_service_refuses_the_old_one(setup: Setup) -> None:
    server = setup.server(lambda _, request: (404, {}, "no_service") if request.path == "/old" else None)
    secret = setup.parameter("slack", f"{server.url}/new")
    setup.parameter("slack", f"{server.url}/old")
    with setup.function({"name": "chat", "kind": "slack", "secret": secret}) as running:
        running.invoke(delivery(opened_group()))
        (waiting,) = setup.waiting()
        assert [request.path for request in server.requests] == ["/old"]
        setup.parameter("slack", f"{server.url}/new")
    with setup.function({"name": "chat", "kind": "slack", "secret": secret}) as running:
        running.invoke(event(waiting))
    assert [request.path for request in server.accepted] == ["/new"]


def test_a_secret_that_changes_between_two_deliveries_needs_no_deployment(setup: Setup) -> None:
    valid = "/first"
    server = setup.server(lambda _, request: None if request.path == valid else (410, {}, ""))
    secret = setup.parameter("slack", f"{server.url}/first")
    with setup.function({"name": "chat", "kind": "slack", "secret": secret}) as running:
        running.invoke(delivery(opened_group()))
        valid = "/second"
        setup.parameter("slack", f"{server.url}/second")
        time.sleep(11)
        running.invoke(delivery(blocked_action()))
    assert [request.path for request in server.requests] == ["/first", "/first", "/second"]
    assert setup.waiting() == []


def test_a_secret_that_is_missing_costs_the_others_nothing(setup: Setup) -> None:
    alive = setup.server()
    missing = {"name": "chat", "kind": "slack", "secret": "ssm:/none"}
    with setup.function(missing, setup.json(alive)) as running:
        running.invoke(delivery(opened_group()))
        assert "its secret cannot be read: ParameterNotFound" in running.output()
    assert len(alive.accepted) == 1 and len(setup.waiting()) == 1 and len(setup.topic.receive()) == 1


def test_a_bot_keeps_each_problem_in_a_thread(setup: Setup, endpoint: str) -> None:
    table = Table(endpoint, f"threads-{setup.number}")
    numbers = itertools.count(1)
    server = setup.server(lambda *_: (200, {}, json.dumps({"ok": True, "ts": f"{next(numbers)}.0"})))
    secret = setup.parameter("bot", "xoxb-hidden")
    bot = {"name": "bot", "kind": "slack", "secret": secret, "channel": "C0123456789", "url": f"{server.url}/api/chat.postMessage"}
    with setup.function(bot, STATE_TABLE=table.name) as running:
        for minute in range(2):
            running.invoke(delivery(opened_group(eventTime=f"2026-03-04T10:0{minute}:00Z", eventID=f"e-{minute}")))
            table.end_periods()
        (document, _) = (one.document for one in setup.topic.receive())
        resolved = {**document, "status_id": 4, "message": "Trailwarden undid it."}
        body = json.dumps({"trailwarden-outbox": {"resolved": resolved}})
        assert running.invoke(event(setup.message("m", body))).response == {"batchItemFailures": []}
        assert "hidden" not in running.output()
    first, second, third = server.requests
    assert first.headers["authorization"] == "Bearer xoxb-hidden" and first.body["channel"] == "C0123456789"
    assert "thread_ts" not in first.body and second.body["thread_ts"] == third.body["thread_ts"] == "1.0"
    assert "RESOLVED" in third.text


def test_an_error_of_slack_is_an_error(setup: Setup) -> None:
    server = setup.server(lambda *_: (200, {}, json.dumps({"ok": False, "error": "channel_not_found"})))
    secret = setup.parameter("bot", "xoxb-hidden")
    bot = {"name": "bot", "kind": "slack", "secret": secret, "channel": "C0123456789", "url": f"{server.url}/api/chat.postMessage"}
    with setup.function(bot) as running:
        running.invoke(delivery(opened_group()))
        assert "Slack answered channel_not_found" in running.output()
    assert len(setup.waiting()) == 1


def test_a_resolved_problem_resolves_its_incident(setup: Setup) -> None:
    server = setup.server()
    secret = setup.parameter("pagerduty", "hidden-routing-key")
    oncall = {"name": "oncall", "kind": "pagerduty", "secret": secret, "url": f"{server.url}/v2/enqueue"}
    with setup.function(oncall) as running:
        running.invoke(delivery(opened_group()))
        (finding,) = setup.topic.receive()
        resolved = {**finding.document, "status_id": 4, "message": "Trailwarden undid it."}
        running.invoke(event(setup.message("m", json.dumps({"trailwarden-outbox": {"resolved": resolved}}))))
    trigger, resolve = (request.body for request in server.requests)
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"]


def test_messages_of_the_outbox_are_accepted_from_its_queue_alone(setup: Setup) -> None:
    server = setup.server()
    post = {"webhook": "siem", "uid": "u", "thread": "t", "body": {"text": "forged"}}
    body = json.dumps({"trailwarden-outbox": post})
    with setup.function(setup.json(server)) as running:
        answer = running.invoke(event(setup.message("m", body, queue="another"))).response
        assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["m"]
        assert server.requests == [] and "OUTBOX_QUEUE_URL" in running.output()
        # What is no message, or for a webhook that is gone, stays in the queue.
        gone = json.dumps({"trailwarden-outbox": {**post, "webhook": "gone"}})
        messages = [setup.message("1", "{}"), setup.message("2", gone), setup.message("3", body)]
        answer = running.invoke(event(*messages)).response
        assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["1", "2"]
    assert [request.body for request in server.accepted] == [{"text": "forged"}]


def test_redirects_are_not_followed(setup: Setup) -> None:
    other = setup.server()
    server = setup.server(lambda *_: (307, {"Location": f"{other.url}/elsewhere"}, ""))
    with setup.function(setup.json(server)) as running:
        running.invoke(delivery(opened_group()))
    assert other.requests == [] and len(setup.waiting()) == 1


def test_findings_are_events_on_a_bus(setup: Setup, endpoint: str) -> None:
    events = SESSION.client("events", endpoint_url=endpoint)
    arn = events.create_event_bus(Name=f"findings-{setup.number}")["EventBusArn"]
    sqs = SESSION.client("sqs", endpoint_url=endpoint)
    queue = sqs.create_queue(QueueName=f"events-{setup.number}")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["trailwarden"], "detail-type": ["Compliance Finding"]})
    events.put_rule(Name="all", EventBusName=arn.rpartition("/")[2], EventPattern=pattern)
    events.put_targets(Rule="all", EventBusName=arn.rpartition("/")[2], Targets=[{"Id": "q", "Arn": queue_arn}])
    with setup.function(EVENT_BUS_ARN=arn) as running:
        payload = delivery(opened_group(), blocked_action())
        running.invoke(payload)
        # A retry puts nothing twice.
        running.invoke(payload)
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    details = [json.loads(one["Body"])["detail"] for one in received]
    published = [one.document for one in setup.topic.receive()]
    assert sorted(one["metadata"]["uid"] for one in details) == sorted(one["metadata"]["uid"] for one in published)
    assert all(one["class_uid"] == 2003 for one in details)
