"""The real `remediator` as a process, with a table, topics and a kill switch on the emulated AWS.

In: records of fixtures with the ids of the emulated resources. Out: what the function did, told and recorded.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

import boto3
from aws_stand_in import StandIn
from function import ROOT, Function, binary
from runtime_api import Answer
from topic import Topic

ACCOUNT = "123456789012"
PERSON = "arn:aws:sts::123456789012:assumed-role/OnCall/erin"
AUTO = "statements: [{rules: ['*'], mode: auto, until: 9999-12-31}]"
APPROVE = "statements: [{rules: ['*'], mode: approve}]"
MACHINE = f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:approval"


def fixture(rule: str, file: str) -> dict[str, Any]:
    """A record of a rule's fixtures; `file.jsonl:2` is the second line."""
    name, _, line = file.partition(":")
    text = (ROOT / "fixtures" / "rules" / rule / name).read_text()
    return json.loads(text.splitlines()[int(line or 1) - 1] if name.endswith(".jsonl") else text)


def replaced(text: str, ids: dict[str, str]) -> str:
    for old, new in {"111122223333": ACCOUNT, **ids}.items():
        text = text.replace(old, new)
    return text


def finding(
    rule: str, file: str, ids: dict[str, str], live: Remediator | None = None, minutes: int = 1, **changes: Any
) -> dict[str, Any]:
    """The document of the rule's finding about a record that was made `minutes` ago, if need be with live state."""
    record = json.loads(replaced(json.dumps(fixture(rule, file)), ids))
    record["eventTime"] = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    record["eventID"] = str(uuid.uuid4())
    record.pop("liveState", None)
    record.update(changes)
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as config:
        config.write(replaced((ROOT / "fixtures" / "rules" / "trailwarden.yml").read_text(), ids))
        config.flush()
        snapshot = ["--snapshot", live.snapshot()] if live else []
        evaluated = subprocess.run(
            [binary("trailwarden", "TRAILWARDEN_CLI"), "evaluate", "--format", "ocsf", "--config", config.name, "--enable", rule, *snapshot, "-"],
            input=json.dumps(record),
            capture_output=True,
            text=True,
        )  # fmt: skip
    found = [json.loads(line) for line in evaluated.stdout.splitlines()]
    return next(one for one in found if one["compliance"]["control"] == rule)


class Remediator:
    """A running remediator. Use it as a context manager."""

    def __init__(self, endpoint: str, name: str, policy: str = AUTO, **environment: str) -> None:
        self.aws = StandIn(endpoint)
        self.session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="eu-west-1")
        self.findings = Topic(endpoint, f"{name}-findings")
        self.alerts = Topic(endpoint, f"{name}-alerts")
        self.table, self.switch = f"{name}-actions", f"/{name}/switch"
        self.client("dynamodb").create_table(
            TableName=self.table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.flip("on")
        self.environment = {
            "ALERTS_TOPIC_ARN": self.alerts.arn,
            "APPROVAL_STATE_MACHINE_ARN": MACHINE,
            "FINDINGS_TOPIC_ARN": self.findings.arn,
            "KILL_SWITCH_PARAMETER": self.switch,
            "OWN_ROLES": f"arn:aws:iam::{ACCOUNT}:role/trailwarden-remediator",
            "REMEDIATION_POLICY": policy,
            "REMEDIATION_TABLE": self.table,
            **environment,
        }
        self.function = self.another()

    def another(self) -> Function:
        """Another environment of the function."""
        return Function(self.aws.endpoint, binary_name="remediator", **self.environment)

    def __enter__(self) -> Remediator:
        return self

    def __exit__(self, *_: object) -> None:
        self.function.__exit__(None, None, None)
        self.aws.close()

    def client(self, service: str, region: str = "eu-west-1") -> Any:
        return self.session.client(service, region_name=region, endpoint_url=self.aws.endpoint)

    def flip(self, value: str) -> None:
        """Sets the kill switch."""
        self.client("ssm").put_parameter(Name=self.switch, Value=value, Type="String", Overwrite=True)

    def event(self, *documents: dict[str, Any], topic: str | None = None) -> str:
        """The event of the queue behind the findings topic."""
        records = []
        for number, document in enumerate(documents):
            envelope = {"Type": "Notification", "MessageId": "m", "TopicArn": topic or self.findings.arn, "Message": json.dumps(document)}
            records.append(
                {
                    "messageId": f"message-{number}",
                    "receiptHandle": "r",
                    "body": json.dumps(envelope),
                    "attributes": {},
                    "messageAttributes": {},
                    "md5OfBody": "",
                    "eventSource": "aws:sqs",
                    "eventSourceARN": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:remediation",
                    "awsRegion": "eu-west-1",
                }
            )
        return json.dumps({"Records": records})

    def deliver(self, *documents: dict[str, Any]) -> list[str]:
        """Delivers findings; the ids of the messages that stay in the queue."""
        answer = self.function.invoke(self.event(*documents))
        assert answer.error_type is None, answer.body
        return [one["itemIdentifier"] for one in answer.body["batchItemFailures"]]

    def step(self, name: str, **arguments: str) -> Answer:
        """A step of the state machine."""
        return self.function.invoke(json.dumps({"approval": {name: arguments}}))

    def told(self) -> list[str]:
        """The emails since the last call: each subject and text."""
        urls = self.client("sqs")
        texts = []
        while received := urls.receive_message(QueueUrl=self.alerts.queue, MaxNumberOfMessages=10).get("Messages", []):
            for one in received:
                urls.delete_message(QueueUrl=self.alerts.queue, ReceiptHandle=one["ReceiptHandle"])
                envelope = json.loads(one["Body"])
                texts.append(f"{envelope.get('Subject')}\n{envelope['Message']}")
        return texts

    def cli(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`trailwarden actions` on the emulated AWS."""
        return self._run("actions", *arguments, **environment)

    def _run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        defaults = {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEYID0001",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "AWS_REGION": "eu-west-1",
            "AWS_SECRET_ACCESS_KEY": "example",
        }
        return subprocess.run(
            [binary("trailwarden", "TRAILWARDEN_CLI"), *arguments],
            env={**defaults, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def snapshot(self) -> str:
        """The live state of the account, in a directory."""
        directory = tempfile.mkdtemp()
        # The emulated AWS lacks some of the lists, which are not needed.
        self._run("snapshot", directory, AWS_ENDPOINT_URL=self.aws.behind)
        return directory

    def records(self, *arguments: str) -> list[dict[str, Any]]:
        listed = self.cli("list", "--table", self.table, "--format", "json", *arguments)
        assert listed.returncode == 0, listed.stderr
        return [json.loads(line) for line in listed.stdout.splitlines()]

    def record(self, document: dict[str, Any]) -> dict[str, Any]:
        """The record of the action that a finding caused."""
        uid = document["metadata"]["uid"]
        return next(one for one in self.records() if one["message_uid"] == uid)

    def undo(self, action_id: str) -> subprocess.CompletedProcess[str]:
        return self.cli("undo", action_id, "--table", self.table)


class FunctionUrl:
    """The URL of a function: hands signed requests to it as Lambda does."""

    def __init__(self, remediator: Remediator, person: str = PERSON, is_signed: bool = True) -> None:
        self.signatures: list[str] = []
        outer, lock = self, Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.signatures.append(self.headers.get("Authorization", ""))
                context: dict[str, Any] = {"http": {"method": "POST", "path": self.path}}
                if is_signed:
                    context["authorizer"] = {"iam": {"userArn": person, "accountId": ACCOUNT}}
                event = {"version": "2.0", "rawPath": self.path, "requestContext": context, "body": body, "isBase64Encoded": False}
                with lock:
                    answer = remediator.function.invoke(json.dumps(event))
                assert answer.error_type is None, answer.body
                self.send_response(answer.body["statusCode"])
                content = answer.body["body"].encode()
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> FunctionUrl:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def code(text: str) -> str:
    """The one-time code in a request for approval."""
    return re.search(r"--code ([0-9a-f]{32})", text)[1]


