"""The real function, its Runtime API on loopback, and SNS and SQS emulated."""

from __future__ import annotations

import base64
import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import ocsf
import pytest
from function import Function
from payloads import (
    ACCOUNT,
    awslogs,
    batch,
    blocked_action,
    clean,
    delivery,
    log_event,
    opened_group,
    public_role,
    record,
)
from topic import Topic

MARKER = "MARKER-that-must-not-be-logged"


def balanced(tally: dict[str, int]) -> bool:
    return tally["received"] == tally["clean"] + tally["matched"] + tally["exempt"] + tally["rejected"]


def test_each_finding_of_a_delivery_arrives_and_the_answer_is_the_tally(function: Function, topic: Topic) -> None:
    records = {"sg-ingress-world-admin": opened_group(), "blocked-action": blocked_action(), "role-trust-public": public_role()}
    tally = function.invoke(delivery(clean(), *records.values())).response
    assert balanced(tally)
    assert (tally["received"], tally["clean"], tally["matched"], tally["findings"]) == (4, 1, 3, 3)
    messages = {one.document["compliance"]["control"]: one for one in topic.receive()}
    assert messages.keys() == records.keys()
    for rule, message in messages.items():
        document, event = message.document, records[rule]
        assert document["class_uid"] == 2003
        assert document["compliance"]["status_code"] == "NON_COMPLIANT"
        assert document["finding_info"]["related_events"][0]["uid"] == event["eventID"]
        assert document["cloud"]["account"]["uid"] == ACCOUNT
        assert ocsf.faults(document) == []
        assert message.attributes == {
            "schema": ("String", "ocsf-2003-1.5.0"),
            "rule": ("String", rule),
            "severity": ("String", document["severity"]),
            "severity_id": ("Number", str(document["severity_id"])),
            "status": ("String", "NON_COMPLIANT"),
            "account": ("String", ACCOUNT),
            "region": ("String", "eu-west-1"),
            "event_name": ("String", event["eventName"]),
            "resource_type": ("String", document["resources"][0]["type"]),
            "finding_uid": ("String", document["finding_info"]["uid"]),
        }


def test_a_log_stream_that_is_not_cloudtrails_is_rejected(function: Function, topic: Topic, endpoint: str) -> None:
    forged = batch([log_event(blocked_action(), number) for number in range(3)]) | {"logStream": "forged"}
    payload = awslogs(gzip.compress(json.dumps(forged).encode()))
    outcome = function.invoke(payload)
    assert outcome.error_type == "PayloadRejected"
    assert [line for line in function.log() if line.get("RecordsRejected") == 3]
    assert topic.receive() == []
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, LOG_STREAMS="forg*") as configured:
        assert configured.invoke(payload).response["findings"] == 3
        # A list replaces the default.
        assert configured.invoke(delivery(blocked_action())).error_type == "PayloadRejected"
    assert len(topic.receive()) == 3


def exemption(directory: Path, name: str, expires: str) -> Path:
    """A file with one exemption, of every blocked action."""
    path = directory / f"{name}.yml"
    path.write_text(
        f"title: T\nname: {name}\nlogsource: {{product: aws, service: cloudtrail}}\n"
        "filter:\n  rules: [blocked-action]\n  s: {eventSource: ec2.amazonaws.com}\n  condition: not s\n"
        f"trailwarden: {{owner: team, reason: because, expires: {expires}}}\n"
    )
    return path


def test_an_exempt_finding_is_published_as_suppressed_until_it_expires(endpoint: str, topic: Topic, tmp_path: Path) -> None:
    payload = delivery(blocked_action(), opened_group())
    with Function(
        endpoint, FINDINGS_TOPIC_ARN=topic.arn, EXEMPTIONS_FILE=str(exemption(tmp_path, "valid", "9999-12-31"))
    ) as function:
        tally = function.invoke(payload).response
    assert balanced(tally)
    assert (tally["matched"], tally["exempt"], tally["findings"], tally["suppressed"]) == (1, 1, 1, 1)
    messages = {one.document["compliance"]["control"]: one for one in topic.receive()}
    exempt = messages["blocked-action"]
    assert (exempt.document["status_id"], exempt.document["status"]) == (3, "Suppressed")
    assert exempt.document["comment"] == "exempt by valid of team until 9999-12-31: because"
    assert exempt.attributes["status"] == ("String", "SUPPRESSED")
    assert ocsf.faults(exempt.document) == []
    assert messages["sg-ingress-world-admin"].document["status_id"] == 1
    with Function(
        endpoint, FINDINGS_TOPIC_ARN=topic.arn, EXEMPTIONS_FILE=str(exemption(tmp_path, "old", "2020-12-31"))
    ) as function:
        tally = function.invoke(payload).response
    assert (tally["matched"], tally["exempt"], tally["findings"], tally["suppressed"]) == (2, 0, 2, 0)
    messages = {one.document["compliance"]["control"]: one.document for one in topic.receive()}
    assert "The exemption old of team expired on 2020-12-31." in messages["blocked-action"]["message"]


def test_the_configuration_file_decides_what_runs(endpoint: str, topic: Topic, tmp_path: Path) -> None:
    configuration = tmp_path / "trailwarden.yml"
    configuration.write_text("packs: {blocked-actions: false}\nrules: {sg-ingress-world-admin: {level: low}}\n")
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, CONFIG_FILE=str(configuration)) as function:
        assert function.invoke(delivery(blocked_action(), opened_group())).response["findings"] == 1
    assert [one.attributes["severity"] for one in topic.receive()] == [("String", "Low")]


def test_the_endpoint_of_a_service_goes_before_that_of_all(endpoint: str, topic: Topic) -> None:
    nobody = "http://127.0.0.1:9"
    with Function(nobody, AWS_ENDPOINT_URL_SNS=endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        assert function.invoke(delivery(opened_group())).response["findings"] == 1
    assert len(topic.receive()) == 1


def test_endpoints_of_another_kind_are_asked_for_by_the_environment(endpoint: str, topic: Topic) -> None:
    with Function(endpoint, AWS_USE_FIPS_ENDPOINT="true", FINDINGS_TOPIC_ARN=topic.arn) as function:
        answer = function.invoke(delivery(opened_group()))
    # There is no such endpoint at an address that is given.
    assert answer.error_type and "FIPS" in answer.body["errorMessage"]
    with Function(endpoint, AWS_USE_FIPS_ENDPOINT="perhaps", FINDINGS_TOPIC_ARN=topic.arn) as function:
        assert function.invoke(delivery(opened_group())).response["findings"] == 1
        (warning,) = [line for line in function.log() if line["level"] == "WARN"]
    assert (warning["name"], warning["value"]) == ("AWS_USE_FIPS_ENDPOINT", "perhaps")


def test_each_invocation_is_one_line_of_metrics(function: Function, topic: Topic) -> None:
    function.invoke(delivery(clean(), opened_group(), blocked_action()))
    lines = [line for line in function.log() if line["message"] == "evaluated"]
    assert len(lines) == 1
    line = lines[0]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Trailwarden", [[]])
    named = {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]}
    expected = {
        "RecordsReceived": 3,
        "RecordsClean": 1,
        "RecordsMatched": 2,
        "RecordsExempt": 0,
        "RecordsRejected": 0,
        "ControlMessages": 0,
        "Findings": 2,
        "FindingsSuppressed": 0,
        "FindingsCritical": 1,
        "FindingsHigh": 0,
        "FindingsMedium": 1,
        "FindingsLow": 0,
        "FindingsInformational": 0,
        "MessagesPublished": 2,
        "MessagesFailed": 0,
        "MessagesRetried": 0,
    }
    assert named.pop("Lag") > 0
    assert named == expected
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000


def test_a_subscriber_can_filter_by_severity(function: Function, topic: Topic) -> None:
    urgent = topic.subscribe("urgent", {"severity_id": [{"numeric": [">=", 4]}]})
    mild = topic.subscribe("mild", {"severity": ["Medium"]})
    assert function.invoke(delivery(opened_group(), blocked_action())).response["findings"] == 2
    assert [one.document["compliance"]["control"] for one in topic.receive(urgent)] == ["sg-ingress-world-admin"]
    assert [one.document["compliance"]["control"] for one in topic.receive(mild)] == ["blocked-action"]


def test_a_subscriber_can_filter_by_every_attribute(endpoint: str) -> None:
    topic = Topic(endpoint, "filtered")
    payload = delivery(opened_group(), blocked_action())
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        function.invoke(payload)
    sent = topic.receive()
    wanted: dict[str, set[str]] = {}
    for one in sent:
        for name, (kind, value) in one.attributes.items():
            policy = [{"numeric": ["=", int(value)]}] if kind == "Number" else [value]
            url = topic.subscribe(f"{name}-{len(wanted)}", {name: policy})
            wanted[url] = {other.document["metadata"]["uid"] for other in sent if other.attributes[name] == (kind, value)}
    nobody = topic.subscribe("nobody", {"status": ["COMPLIANT"]})
    assert len(wanted) == 20 and {len(uids) for uids in wanted.values()} == {1, 2}
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
        function.invoke(payload)
    for url, uids in wanted.items():
        assert {one.document["metadata"]["uid"] for one in topic.receive(url)} == uids
    assert topic.receive(nobody) == []


def test_a_control_message_is_answered_and_counted(function: Function, topic: Topic) -> None:
    message = log_event("CWL CONTROL MESSAGE: Checking health of destination Lambda.")
    payload = awslogs(gzip.compress(json.dumps(batch([message], "CONTROL_MESSAGE")).encode()))
    tally = function.invoke(payload).response
    assert (tally["control"], tally["received"], tally["findings"]) == (1, 0, 0)
    assert topic.receive() == []


def test_a_bad_log_event_is_counted_and_named_and_costs_nothing_but_itself(function: Function, topic: Topic) -> None:
    deep = "[" * 500 + "]" * 500
    without_message = {"id": "id-4", "timestamp": 1}
    bad = [
        log_event(f"{MARKER} is no JSON", 1),
        log_event(json.dumps({"note": MARKER}), 2),
        log_event(json.dumps(MARKER), 3),
        without_message,
        log_event('{"eventName": %s, "note": "%s"}' % (deep, MARKER), 5),
        log_event(json.dumps(opened_group(userAgent=MARKER))[:-2], 6),
    ]
    numbered = {**log_event(opened_group()), "id": 36 * 10**54}
    payload = awslogs(gzip.compress(json.dumps(batch([*bad, numbered])).encode()))
    tally = function.invoke(payload).response
    assert balanced(tally)
    assert (tally["received"], tally["rejected"], tally["matched"]) == (7, 6, 1)
    assert len(topic.receive()) == 1
    rejected = [line for line in function.log() if line["message"] == "rejected"]
    assert len(rejected) == 6
    for one, line in zip(bad, rejected, strict=True):
        assert line["level"] == "WARN" and line["reason"]
        assert one is without_message or one["id"] in line["place"]
    assert MARKER not in function.output()


def test_an_undecodable_payload_fails_the_invocation_and_not_the_function(function: Function, topic: Topic) -> None:
    whole = gzip.compress(json.dumps(batch([log_event(opened_group())])).encode())
    payloads = {
        "not whole gzip": awslogs(whole[: len(whole) // 2]),
        "not base64": json.dumps({"awslogs": {"data": "*" * 20}}),
        "64 MiB": awslogs(gzip.compress(b" " * (64 * 2**20 + 1))),
        "not a CloudTrail record": json.dumps({"key1": "value1"}),
        "no string `data`": json.dumps({"awslogs": {}}),
    }
    for reason, payload in payloads.items():
        answer = function.invoke(payload)
        assert answer.error_type == "PayloadRejected", reason
        assert reason in answer.body["errorMessage"]
    assert function.invoke(awslogs(whole)).response["findings"] == 1
    assert len(topic.receive()) == 1


def test_a_topic_that_is_gone_fails_the_invocation_for_good(function: Function, topic: Topic) -> None:
    topic.delete()
    answer = function.invoke(delivery(opened_group(), blocked_action(), clean()))
    assert answer.error_type == "PublishFailedPermanent"
    assert answer.body["errorMessage"].startswith("2 of 2 messages could not be published; the first: NotFound")


@pytest.mark.parametrize(("status", "code"), [(400, "Throttling"), (500, "InternalFailure"), (503, "Oops")])
def test_a_publish_that_may_work_later_fails_the_invocation_for_now(topic: Topic, status: int, code: str) -> None:
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>later</Message></Error></ErrorResponse>".encode()

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    with Function(f"http://127.0.0.1:{server.server_address[1]}", FINDINGS_TOPIC_ARN=topic.arn) as function:
        answer = function.invoke(delivery(opened_group()))
    server.shutdown()
    server.server_close()
    assert answer.error_type == "PublishFailedRetryable", answer.body


def ids(topic: Topic) -> list[tuple[str, str]]:
    return [(one.document["metadata"]["uid"], one.document["finding_info"]["uid"]) for one in topic.receive()]


def test_a_retry_sends_the_same_ids_and_none_that_this_environment_has_sent(endpoint: str, topic: Topic) -> None:
    payload = delivery(opened_group(), blocked_action())
    seen = []
    for _ in range(2):
        with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn) as function:
            for _ in range(2):
                assert function.invoke(payload).response["findings"] == 2
        seen.append(ids(topic))
    assert len(seen[0]) == len(seen[1]) == 2
    assert set(seen[0]) == set(seen[1])


def test_everything_wrong_at_the_start_is_logged_at_once(endpoint: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("title: [")
    (tmp_path / "unknown.yml").write_text(
        "title: T\nlogsource: {product: aws, service: cloudtrail}\n"
        "detection:\n  s:\n    exposure.nothing: x\n  condition: s\n"
    )
    configuration = {"RULES_DIR": str(tmp_path), "AWS_LAMBDA_LOG_LEVEL": "LOUD"}
    with Function(endpoint, **configuration) as function:
        assert function.exit_code() != 0
        faults = [line["fault"] for line in function.log()]
    assert len(faults) == 4
    for fault, part in zip(faults, ["FINDINGS_TOPIC_ARN", "LOUD", "broken.yml", "exposure.nothing"], strict=True):
        assert part in fault


def test_rules_of_ones_own_are_added(endpoint: str, topic: Topic, tmp_path: Path) -> None:
    (tmp_path / "described.yml").write_text(
        "title: VPCs were listed\nname: vpcs-listed\nlogsource: {product: aws, service: cloudtrail}\n"
        "detection:\n  s:\n    eventName: DescribeVpcs\n  condition: s\nlevel: low\n"
    )
    with Function(endpoint, SNS_ARN=topic.arn, RULES_DIR=str(tmp_path)) as function:
        assert function.invoke(delivery(clean(), opened_group())).response["findings"] == 2
    assert {one.document["compliance"]["control"] for one in topic.receive()} == {"vpcs-listed", "sg-ingress-world-admin"}


def test_hostile_text_reaches_log_and_attributes_spelt_out(function: Function, topic: Topic) -> None:
    hostile = "\x1b]0;owned\x07\r\n\u202eevil"
    event = public_role(name=hostile, userAgent=hostile, awsRegion=hostile, recipientAccountId=hostile)
    bad = {"id": hostile, "timestamp": 1, "message": "no record"}
    payload = awslogs(gzip.compress(json.dumps(batch([log_event(event), bad])).encode()))
    assert function.invoke(payload).response["findings"] == 1
    [message] = topic.receive()
    assert message.document["resources"][0]["name"] == hostile
    hidden = {"\x1b", "\x07", "\r", "\u202e"}
    for text in [message.document["message"], message.document["remediation"]["desc"], function.output()]:
        assert not hidden & set(text)
    for _, value in message.attributes.values():
        assert not hidden & set(value)
    assert all("message" in line for line in function.log())


def test_a_service_event_without_anything_is_published_too(function: Function, topic: Topic) -> None:
    bare = {"eventSource": "ec2.amazonaws.com", "eventName": "DeleteVpc"}
    assert function.invoke(delivery(bare, record("ec2.amazonaws.com", "DeleteVpc", "null"))).response["findings"] == 2
    for message in topic.receive():
        assert ocsf.faults(message.document) == []
        assert all(value for _, value in message.attributes.values())


def test_a_payload_is_base64_of_gzip_of_a_batch() -> None:
    decoded = json.loads(gzip.decompress(base64.b64decode(json.loads(delivery(clean()))["awslogs"]["data"])))
    assert decoded["messageType"] == "DATA_MESSAGE" and len(decoded["logEvents"]) == 1


def test_the_ocsf_check_can_fail() -> None:
    assert ocsf.faults({"class_uid": 2003})
