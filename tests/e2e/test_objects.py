"""The function fetches the objects that a delivery names, and each failure has the right consequence."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from destination import Destination, replay
from function import Function, binary
from objects import PREFIX, Bucket, ObjectFaults, failed_payloads, refused
from payloads import clean, kinesis_event, sqs_event
from test_partial_answers import action, event_ids, failures, last_counts
from topic import Topic

NUMBERS = itertools.count()

# Bytes of an object that is not held in memory.
LARGE = 40_000_000


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    return Bucket(endpoint, f"trail-{next(NUMBERS)}")


@pytest.fixture
def queue(endpoint: str) -> Destination:
    return Destination(endpoint, f"unread-{next(NUMBERS)}")


@pytest.fixture
def keeping(endpoint: str, topic: Topic, queue: Destination) -> Iterator[Function]:
    """A function with an on-failure queue."""
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ON_FAILURE_QUEUE_URL=queue.url) as running:
        yield running


def test_objects_are_read_whichever_way_they_are_announced(function: Function, topic: Topic, bucket: Bucket) -> None:
    keys = [f"{PREFIX}one file+1.json.gz", f"{PREFIX}zwei%20ä.json"]
    bucket.put(keys[0], action(0), clean(), action(1), encrypted=True)
    bucket.put(keys[1], action(2), compressed=False)
    uids = None
    for name, payloads in bucket.deliveries(*keys).items():
        for payload in payloads:
            answer = function.invoke(payload)
            assert answer.error_type is None, (name, answer.body)
        counts = last_counts(function)
        assert counts["balances"] and counts["RecordsRejected"] == 0, name
        if uids is None:
            uids = event_ids(topic)
    assert uids == [0, 1, 2]
    # The same environment publishes a message once.
    assert event_ids(topic) == []


@pytest.mark.parametrize("delivery", ["S3", "SNS", "SQS", "EventBridge to Kinesis", "Batch Operations"])
def test_each_way_publishes_the_findings(endpoint: str, topic: Topic, bucket: Bucket, delivery: str) -> None:
    bucket.put("key", action(0), action(1))
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        for payload in bucket.deliveries("key")[delivery]:
            assert function.invoke(payload).error_type is None
    assert event_ids(topic) == [0, 1]


def test_deliveries_without_records_are_control_messages(function: Function, topic: Topic, bucket: Bucket) -> None:
    digest = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/04/digest.json.gz"
    test = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket.name})
    assert function.invoke(sqs_event([bucket.notification(digest), test])).response == failures()
    counts = last_counts(function)
    assert (counts["ControlMessages"], counts["RecordsReceived"]) == (2, 0)


def faults(path: str) -> tuple[int, bytes] | None:
    if path.endswith("denied"):
        return refused(403, "AccessDenied")
    if path.endswith("throttled"):
        return refused(503, "SlowDown")
    if path.endswith("broken"):
        return 200, json.dumps({"Records": [action(7)]}).encode()[:-2]
    return None


KEYS = ["whole", "deleted", "denied", "throttled", "broken", "no-log"]


@pytest.fixture
def partial(bucket: Bucket) -> Bucket:
    """A bucket of which some objects cannot be read."""
    bucket.put("whole", action(0))
    bucket.put_bytes("no-log", b"MARKER-that-is-no-JSON")
    return bucket


def faulty(endpoint: str, topic: Topic, proxy: ObjectFaults, **environment: str) -> Function:
    return Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, AWS_ENDPOINT_URL_S3=proxy.endpoint, **environment)


def test_objects_that_cannot_be_read_fail_alone(
    endpoint: str, topic: Topic, queue: Destination, partial: Bucket
) -> None:
    bodies = [partial.notification(key) for key in KEYS]
    with ObjectFaults(endpoint, faults) as proxy:
        with faulty(endpoint, topic, proxy) as function:
            failed = failures("message-1", "message-2", "message-3", "message-4", "message-5")
            assert function.invoke(sqs_event(bodies)).response == failed
            assert event_ids(topic) in ([0], [0, 7])
            told = {line["error_type"]: line["messages"] for line in function.log() if line["message"] == "reported as failed"}
            assert told == {
                "ObjectReadFailedPermanent": "message-1, message-2",
                "ObjectReadFailedRetryable": "message-3, message-4",
                "PayloadRejected": "message-5",
            }
            assert "\x85" not in function.output() and "MARKER" not in function.output()
        with faulty(endpoint, topic, proxy, ON_FAILURE_QUEUE_URL=queue.url) as function:
            # A permanent failure is not delivered again.
            assert function.invoke(sqs_event(bodies)).response == failures("message-3", "message-4")
            assert function.invoke(kinesis_event([one.encode() for one in bodies])).response == failures("998")
    kept = failed_payloads(queue.bodies())
    # Of the stream, the last record is delivered again in any case.
    assert len(kept) == 5 and all(len(payload["Records"]) == 1 for payload in kept)
    reasons = {json.loads(body)["responsePayload"]["errorType"] for body in queue.bodies()}
    assert reasons == {"ObjectReadFailedPermanent", "PayloadRejected"}


def test_what_was_kept_is_replayed(endpoint: str, topic: Topic, queue: Destination, bucket: Bucket, keeping: Function) -> None:
    assert keeping.invoke(sqs_event([bucket.notification("late file")])).response == failures()
    assert queue.depth() == (1, 0)
    bucket.put("late file", action(5))
    done = replay(endpoint, "--queue-url", queue.url, "--findings-topic", topic.arn)
    assert done.returncode == 0, done.stderr
    assert event_ids(topic) == [5]
    assert queue.depth() == (0, 0)


def test_a_single_object_fails_the_invocation(endpoint: str, topic: Topic, partial: Bucket) -> None:
    with ObjectFaults(endpoint, faults) as proxy, faulty(endpoint, topic, proxy) as function:
        for key, error_type in [
            ("deleted", "ObjectReadFailedPermanent"),
            ("denied", "ObjectReadFailedPermanent"),
            ("throttled", "ObjectReadFailedRetryable"),
            ("broken", "ObjectReadFailedRetryable"),
            ("no-log", "PayloadRejected"),
        ]:
            answer = function.invoke(partial.notification("whole", key))
            assert answer.error_type == error_type
            assert f"s3://{partial.name}/{key}" in answer.body["errorMessage"] or key in ("broken", "no-log")
        # One error after which a retry may succeed is enough.
        assert function.invoke(partial.notification("denied", "throttled")).error_type == "ObjectReadFailedRetryable"
    assert 0 in event_ids(topic)


def test_each_task_of_batch_operations_has_a_result(endpoint: str, topic: Topic, partial: Bucket) -> None:
    with ObjectFaults(endpoint, faults) as proxy, faulty(endpoint, topic, proxy) as function:
        results = {key: function.invoke(partial.tasks(key)).response["results"][0] for key in KEYS}
    codes = {key: result["resultCode"] for key, result in results.items()}
    assert codes == {
        "whole": "Succeeded",
        "deleted": "PermanentFailure",
        "denied": "PermanentFailure",
        "throttled": "TemporaryFailure",
        "broken": "TemporaryFailure",
        "no-log": "PermanentFailure",
    }
    assert results["whole"]["resultString"].startswith("1 record = ")
    assert "NoSuchKey" in results["deleted"]["resultString"]


@pytest.mark.parametrize("compressed", [True, False])
def test_memory_does_not_depend_on_the_size_of_an_object(
    function: Function, topic: Topic, bucket: Bucket, compressed: bool
) -> None:
    record = clean()
    bucket.put("large", *[record] * (LARGE // len(json.dumps(record))), action(1), compressed=compressed)
    assert function.invoke(json.dumps(record)).error_type is None
    before = function.peak_memory()
    assert function.invoke(sqs_event([bucket.notification("large")])).response == failures()
    assert event_ids(topic) == [1]
    assert function.peak_memory() - before < LARGE // 2


def test_an_object_that_does_not_answer_ends_with_the_invocation(endpoint: str, topic: Topic, bucket: Bucket) -> None:
    bucket.put("whole", action(0))

    def slow(path: str) -> tuple[int, bytes] | None:
        if path.endswith("slow"):
            # A connection that stays open without an answer.
            Event().wait(30)
        return None

    with (
        ObjectFaults(endpoint, slow) as proxy,
        Function(endpoint, seconds=6, FINDINGS_TOPIC_ARN=topic.arn, AWS_ENDPOINT_URL_S3=proxy.endpoint) as function,
    ):
        answer = function.invoke(bucket.notification("whole", "slow"))
    assert answer.error_type == "ObjectReadFailedRetryable"
    assert event_ids(topic) == [0]


@pytest.mark.parametrize("data", [b"\xff", b"text", gzip.compress(b"cut")[:10]])
def test_one_undecodable_message_among_a_hundred_goes_to_the_queue(
    topic: Topic, queue: Destination, keeping: Function, data: bytes
) -> None:
    records = [json.dumps(action(number)).encode() for number in range(100)]
    records[42] = data
    assert keeping.invoke(kinesis_event(records)).response == failures()
    assert event_ids(topic) == [number for number in range(100) if number != 42]
    (kept,) = failed_payloads(queue.bodies())
    assert kept["Records"][0]["kinesis"]["sequenceNumber"] == str(995 + 42)
    bodies = [one.decode(errors="replace") for one in records]
    assert keeping.invoke(sqs_event(bodies)).response == failures()
    ids = [payload["Records"][0].get("messageId") for payload in failed_payloads(queue.bodies())]
    assert "message-42" in ids
    lines = [line for line in keeping.log() if line["message"] == "sent to the on-failure queue"]
    told = [(line["level"], line["error_type"], line["messages"]) for line in lines]
    assert told == [("ERROR", "PayloadRejected", str(995 + 42)), ("ERROR", "PayloadRejected", "message-42")]


def test_a_queue_that_is_gone_leaves_the_message_failed(endpoint: str, topic: Topic, queue: Destination) -> None:
    gone = f"{queue.url}-gone"
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, ON_FAILURE_QUEUE_URL=gone) as function:
        assert function.invoke(sqs_event([json.dumps(action(0)), "no JSON"])).response == failures("message-1")
    assert event_ids(topic) == [0]


def test_a_message_whose_findings_were_not_published_is_not_kept(
    endpoint: str, queue: Destination, bucket: Bucket
) -> None:
    gone = Topic(endpoint, "gone-with-objects")
    gone.delete()
    bucket.put_bytes("half", json.dumps({"Records": [action(0)]}).encode() + b"{")
    with Function(endpoint, FINDINGS_TOPIC_ARN=gone.arn, ON_FAILURE_QUEUE_URL=queue.url) as function:
        bodies = [bucket.notification("half"), "no JSON"]
        assert function.invoke(sqs_event(bodies)).response == failures("message-0")
    assert queue.depth() == (1, 0)


def environment(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEYID0001",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "example",
    }


def command(endpoint: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    trailwarden = binary("trailwarden", "TRAILWARDEN_CLI")
    return subprocess.run(
        [trailwarden, *arguments], env=environment(endpoint), capture_output=True, text=True, check=False
    )


def test_the_command_line_evaluates_a_prefix(endpoint: str, bucket: Bucket) -> None:
    numbers = range(1200)
    for number in numbers:
        bucket.put(f"{PREFIX}{number:04}.json.gz", action(number), clean())
    bucket.put("other", action(9999))
    bucket.put_bytes("AWSLogs/111122223333/CloudTrail-Digest/digest.json.gz", b"no JSON")
    done = command(endpoint, "evaluate", "--format", "ocsf", f"s3://{bucket.name}/AWSLogs/")
    assert done.returncode == 1, done.stderr
    found = [json.loads(line)["finding_info"]["related_events"][0]["uid"][-12:] for line in done.stdout.splitlines()]
    assert found == [f"{number:012}" for number in numbers]
    assert done.stderr.splitlines()[-1].startswith("2400 records = 1200 clean + 1200 matched")


def memory(endpoint: str, *arguments: str) -> tuple[int, str, int]:
    """The exit code, standard error and the largest memory in KB of a command."""
    measured = "import os, sys; _, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0); " \
        "print(usage.ru_maxrss); sys.exit(os.waitstatus_to_exitcode(status))"
    trailwarden = binary("trailwarden", "TRAILWARDEN_CLI")
    done = subprocess.run(
        [sys.executable, "-c", measured, trailwarden, *arguments],
        env=environment(endpoint), capture_output=True, text=True, check=False,
    )
    return done.returncode, done.stderr, int(done.stdout.splitlines()[-1])


def test_ten_thousand_objects_are_read_once_however_often_the_run_is_killed(
    endpoint: str, bucket: Bucket, tmp_path: Path
) -> None:
    count = 10_000
    day = [f"{PREFIX}111122223333_CloudTrail_eu-west-1_20260304T{number // 417:02}00Z_{number:05}.json.gz" for number in range(count)]
    bucket.fill((key, action(number), clean()) for number, key in enumerate(day))
    findings, journal = tmp_path / "findings.jsonl", tmp_path / "run.journal"
    arguments = ["evaluate", "--quiet", "--resume", str(journal), "--output", str(findings), f"s3://{bucket.name}/AWSLogs/"]
    trailwarden = binary("trailwarden", "TRAILWARDEN_CLI")
    killed = 0
    while killed < 3:
        before = len(journal.read_bytes().splitlines()) if journal.exists() else 0
        process = subprocess.Popen([trailwarden, *arguments], env=environment(endpoint), stderr=subprocess.DEVNULL)
        # Whoever reads the journal sees a line when the findings before it are written.
        while process.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < before + 1000):
            time.sleep(0.01)
        assert process.poll() is None, "the run ended before it was killed"
        process.kill()
        process.wait()
        killed += 1
        # What a kill leaves of a line.
        with findings.open("ab") as file:
            file.write(b'{"half')
        with journal.open("ab") as file:
            file.write(b'{"inp')
    code, errors, kilobytes = memory(endpoint, *[one for one in arguments if one != "--quiet"])
    assert code == 1, errors
    ids = [json.loads(line)["finding_info"]["related_events"][0]["uid"][-12:] for line in findings.read_text().splitlines()]
    assert ids == [f"{number:012}" for number in range(count)]
    assert errors.splitlines()[-1].startswith(f"{2 * count} records = {count} clean + {count} matched")
    assert re.search(r"^resumed: \d+ of 10000 inputs are left according to ", errors, re.MULTILINE)
    # All findings together have some 60 MB.
    assert kilobytes < 150_000
    done = command(endpoint, *arguments)
    assert (done.returncode, done.stderr.count("resumed: 0 of 10000")) == (1, 1)
    done = command(endpoint, "evaluate", "--resume", str(journal), "--output", str(tmp_path / "other.jsonl"), f"s3://{bucket.name}/")
    assert (done.returncode, "it belongs to a run with other outputs" in done.stderr) == (2, True)
    done = command(endpoint, "evaluate", "--resume", str(journal), "--output", str(tmp_path / "page.html"), f"s3://{bucket.name}/")
    assert (done.returncode, "must be OCSF" in done.stderr) == (2, True)


def test_objects_that_failed_are_read_by_the_next_run(endpoint: str, partial: Bucket, tmp_path: Path) -> None:
    findings, journal = tmp_path / "findings.jsonl", tmp_path / "run.journal"
    arguments = ["evaluate", "--resume", str(journal), "--output", str(findings), f"s3://{partial.name}"]
    with ObjectFaults(endpoint, faults) as proxy:
        partial.put("throttled", action(3))
        done = command(proxy.endpoint, *arguments)
        assert (done.returncode, "throttled: cannot be opened: SlowDown" in done.stderr) == (2, True)
        assert "throttled" not in journal.read_text()
    done = command(endpoint, *arguments)
    assert "throttled" in journal.read_text()
    assert findings.read_text().count("000000000003") > 0


def test_objects_outside_the_filters_are_not_read(endpoint: str, bucket: Bucket) -> None:
    def key(account: str, region: str, time: str) -> str:
        return f"logs/AWSLogs/o-abcdefghij/{account}/CloudTrail/{region}/2026/03/04/{account}_CloudTrail_{region}_{time}_x.json.gz"

    bucket.put(key("111122223333", "eu-west-1", "20260304T1005Z"), action(0))
    for other in [
        key("444455556666", "eu-west-1", "20260304T1005Z"),
        key("111122223333", "us-west-2", "20260304T1005Z"),
        key("111122223333", "eu-west-1", "20260301T1005Z"),
        key("111122223333", "eu-west-1", "20260306T1005Z"),
    ]:
        bucket.put_bytes(other, b"no JSON")
    filters = ["--account", "111122223333", "--region", "eu-west-1", "--since", "2026-03-04", "--until", "2026-03-04"]
    done = command(endpoint, "evaluate", "--format", "ocsf", *filters, f"s3://{bucket.name}/logs/")
    assert done.returncode == 1, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert "skipped: 4 of 5 inputs, whose keys show that no finding in them can match the filters" in done.stderr


def test_the_command_line_names_objects_that_it_cannot_read(endpoint: str, partial: Bucket) -> None:
    with ObjectFaults(endpoint, faults) as proxy:
        partial.put("throttled", action(3))
        done = command(proxy.endpoint, "evaluate", f"s3://{partial.name}")
        assert done.returncode == 2
        assert f"s3://{partial.name}/throttled: cannot be opened: SlowDown" in done.stderr
        assert f"s3://{partial.name}/no-log:1: not JSON" in done.stderr
        done = command(proxy.endpoint, "evaluate", f"s3://{partial.name}/none")
        assert (done.returncode, "no key with records begins with this prefix" in done.stderr) == (2, True)
    done = command(endpoint, "evaluate", "s3://no-such-bucket/")
    assert (done.returncode, "NoSuchBucket" in done.stderr) == (2, True)


def test_firehose_gets_its_records_back(function: Function, topic: Topic) -> None:
    lines = [json.dumps(action(0)) + "\n" + json.dumps(action(1)) + "\n", "no JSON", json.dumps(clean())]
    records = [
        {"recordId": f"r-{number}", "approximateArrivalTimestamp": 1, "data": base64.b64encode(line.encode()).decode()}
        for number, line in enumerate(lines)
    ]
    payload = json.dumps({"invocationId": "i", "deliveryStreamArn": "arn", "region": "eu-west-1", "records": records})
    answer = function.invoke(payload).response["records"]
    assert [(one["recordId"], one["result"]) for one in answer] == [
        ("r-0", "Ok"),
        ("r-1", "ProcessingFailed"),
        ("r-2", "Ok"),
    ]
    assert [one["data"] for one in answer] == [one["data"] for one in records]
    assert event_ids(topic) == [0, 1]


def test_firehose_delivers_again_what_was_not_published(endpoint: str) -> None:
    gone = Topic(endpoint, "gone-with-firehose")
    gone.delete()
    data = base64.b64encode(json.dumps(action(0)).encode()).decode()
    record = {"recordId": "r", "approximateArrivalTimestamp": 1, "data": data}
    payload = json.dumps({"invocationId": "i", "deliveryStreamArn": "arn", "records": [record]})
    with Function(endpoint, FINDINGS_TOPIC_ARN=gone.arn) as function:
        assert function.invoke(payload).error_type == "PublishFailedPermanent"
