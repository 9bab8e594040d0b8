"""Objects in a bucket of the emulated S3, the notifications that name them, and a proxy that fails some requests for them."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.s3.models import s3_backends
from payloads import ACCOUNT, Record, kinesis_event, sns_event, sqs_event

PREFIX = f"AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/03/04/"


class Bucket:
    """A bucket of its own on the emulated S3."""

    def __init__(self, endpoint: str, name: str) -> None:
        session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="eu-west-1")
        self._s3 = session.client("s3", endpoint_url=endpoint)
        self._kms = session.client("kms", endpoint_url=endpoint)
        self.name = name
        self._s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def put(self, key: str, *records: Record, compressed: bool = True, encrypted: bool = False) -> None:
        """Puts a CloudTrail file."""
        content = json.dumps({"Records": records}).encode()
        options: dict[str, str] = {}
        if encrypted:
            options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._kms.create_key()["KeyMetadata"]["KeyId"]}
        self.put_bytes(key, gzip.compress(content) if compressed else content, **options)

    def put_bytes(self, key: str, content: bytes, **options: str) -> None:
        self._s3.put_object(Bucket=self.name, Key=key, Body=content, **options)

    def fill(self, files: Iterable[tuple[str, *tuple[Record, ...]]]) -> None:
        """Puts many CloudTrail files. Requests for them would take minutes."""
        backend = s3_backends[ACCOUNT_ID]["aws"]
        for key, *records in files:
            backend.put_object(self.name, key, gzip.compress(json.dumps({"Records": records}).encode(), 1))

    def notification(self, *keys: str) -> str:
        """The notification of S3, in which keys are encoded."""
        records = [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-west-1",
                "eventTime": "2026-03-04T10:05:00.000Z",
                "eventName": "ObjectCreated:Put",
                "s3": {"bucket": {"name": self.name}, "object": {"key": urllib.parse.quote_plus(key, safe="/")}},
            }
            for key in keys
        ]
        return json.dumps({"Records": records})

    def event(self, key: str) -> str:
        """The EventBridge event of S3, in which keys are not encoded."""
        return json.dumps(
            {
                "version": "0",
                "id": "17793124-05d4-b198-2fde-7ededc63b103",
                "detail-type": "Object Created",
                "source": "aws.s3",
                "account": ACCOUNT,
                "region": "eu-west-1",
                "detail": {"bucket": {"name": self.name}, "object": {"key": key}},
            }
        )

    def tasks(self, *keys: str) -> str:
        """A request of S3 Batch Operations."""
        tasks = [
            {
                "taskId": f"task-{number}",
                "s3Key": urllib.parse.quote_plus(key, safe="/"),
                "s3VersionId": None,
                "s3BucketArn": f"arn:aws:s3:::{self.name}",
            }
            for number, key in enumerate(keys)
        ]
        return json.dumps({"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"}, "tasks": tasks})

    def deliveries(self, *keys: str) -> dict[str, list[str]]:
        """The ways in which a function learns of objects."""
        notification = self.notification(*keys)
        wrapped = json.dumps({"Type": "Notification", "TopicArn": "arn", "Message": notification})
        return {
            "S3": [notification],
            "SNS": [sns_event([notification])],
            "SQS": [sqs_event([notification])],
            "SNS to SQS": [sqs_event([wrapped])],
            "EventBridge": [self.event(key) for key in keys],
            "EventBridge to SQS": [sqs_event([self.event(key) for key in keys])],
            "EventBridge to Kinesis": [kinesis_event([self.event(key).encode() for key in keys])],
            "CloudTrail to SNS": [sns_event([json.dumps({"s3Bucket": self.name, "s3ObjectKey": list(keys)})])],
            "Batch Operations": [self.tasks(key) for key in keys],
        }


Fault = Callable[[str], tuple[int, bytes] | None]


def refused(status: int, code: str) -> tuple[int, bytes]:
    return status, f"<Error><Code>{code}</Code><Message>no \x85access</Message></Error>".encode()


class ObjectFaults:
    """Hands requests on, unless `fault`, which gets the path, answers in its stead. An answer of status 200 breaks off."""

    def __init__(self, endpoint: str, fault: Fault) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                wanted = fault(urllib.parse.unquote(self.path.partition("?")[0]))
                if wanted:
                    return self._answer(*wanted, extra=100 if wanted[0] == 200 else 0)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                request = urllib.request.Request(endpoint + self.path, headers=headers)
                try:
                    with urllib.request.urlopen(request) as answer:
                        self._answer(answer.status, answer.read())
                except urllib.error.HTTPError as failed:
                    self._answer(failed.code, failed.read())

            def _answer(self, status: int, body: bytes, extra: int = 0) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) + extra))
                self.end_headers()
                self.wfile.write(body)
                if extra:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ObjectFaults:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def failed_payloads(bodies: list[str]) -> list[Any]:
    """The payloads of failed invocations, in the order of their text."""
    return sorted((json.loads(body)["requestPayload"] for body in bodies), key=json.dumps)
