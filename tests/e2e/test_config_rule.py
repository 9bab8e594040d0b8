"""Config rules by the real function: what AWS Config is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from function import Function
from table import Table
from topic import Topic

ACCOUNT = "123456789012"
CAPTURED = "2026-03-04T10:00:00.123Z"
ITEM = {
    "configurationItemVersion": "1.3",
    "configurationItemCaptureTime": CAPTURED,
    "configurationStateId": 1772618400123,
    "awsAccountId": ACCOUNT,
    "configurationItemStatus": "OK",
    "resourceType": "AWS::EC2::SecurityGroup",
    "resourceId": "sg-0aaa1111bbb22222c",
    "resourceName": "web",
    "ARN": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/sg-0aaa1111bbb22222c",
    "awsRegion": "eu-west-1",
    "availabilityZone": "Not Applicable",
    "configurationStateMd5Hash": "",
    "resourceCreationTime": None,
    "relatedEvents": [],
    "relationships": [],
    "supplementaryConfiguration": {},
    "tags": {},
    "configuration": {
        "groupId": "sg-0aaa1111bbb22222c",
        "groupName": "web",
        "vpcId": "vpc-1",
        "ownerId": ACCOUNT,
        "ipPermissions": [
            {
                "fromPort": 22,
                "toPort": 22,
                "ipProtocol": "tcp",
                "ipv6Ranges": [],
                "prefixListIds": [],
                "userIdGroupPairs": [],
                "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}],
                "ipRanges": ["0.0.0.0/0"],
            }
        ],
        "ipPermissionsEgress": [],
    },
}


class Config:
    """AWS Config on loopback: keeps PutEvaluations, and answers the history and the inventory. Everything else goes to the
    emulated AWS by its own endpoint.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.history: list[dict[str, Any]] = []
        self.pages: list[list[str]] = [[]]
        self.refused = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = self.headers["X-Amz-Target"].rpartition(".")[2]
                outer.requests.append((name, body))
                answer: dict[str, Any] = {}
                if name == "PutEvaluations":
                    failed = body["Evaluations"] if outer.refused > 0 else []
                    outer.refused -= 1
                    answer = {"FailedEvaluations": failed}
                elif name == "GetResourceConfigHistory":
                    answer = {"configurationItems": outer.history}
                elif name == "SelectResourceConfig":
                    page = int(body.get("NextToken") or 0)
                    answer = {"Results": outer.pages[page]}
                    if page + 1 < len(outer.pages):
                        answer["NextToken"] = str(page + 1)
                content = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self) -> list[dict[str, Any]]:
        return [body for name, body in self.requests if name == "PutEvaluations"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def config() -> Iterator[Config]:
    config = Config()
    yield config
    config.close()


@pytest.fixture
def running(endpoint: str, topic: Topic, config: Config) -> Iterator[Function]:
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, AWS_ENDPOINT_URL_CONFIG_SERVICE=config.url, ASSUME_ROLE_MODE="false") as function:
        yield function


def invocation(message: dict[str, Any], **more: Any) -> str:
    event = {
        "version": "1.0",
        "invokingEvent": json.dumps(message),
        "ruleParameters": "{}",
        "resultToken": "token",
        "eventLeftScope": False,
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/config",
        "configRuleArn": f"arn:aws:config:eu-west-1:{ACCOUNT}:config-rule/config-rule-1",
        "configRuleName": "trailwarden",
        "configRuleId": "config-rule-1",
        "accountId": ACCOUNT,
    }
    return json.dumps({**event, **more})


def changed(**members: Any) -> dict[str, Any]:
    return {
        "configurationItemDiff": None,
        "configurationItem": {**ITEM, **members},
        "notificationCreationTime": "2026-03-04T10:00:30.000Z",
        "messageType": "ConfigurationItemChangeNotification",
        "recordVersion": "1.3",
    }


def evaluation(config: Config) -> dict[str, Any]:
    (request,) = config.put()
    assert request["ResultToken"] == "token" and "TestMode" not in request
    (one,) = request["Evaluations"]
    assert (one["ComplianceResourceType"], one["ComplianceResourceId"]) == (ITEM["resourceType"], ITEM["resourceId"])
    return one


def test_an_open_group_is_not_compliant(running: Function, config: Config, topic: Topic) -> None:
    answer = running.invoke(invocation(changed()))
    assert answer.error_type is None, answer.body
    one = evaluation(config)
    assert one["ComplianceType"] == "NON_COMPLIANT" and one["OrderingTimestamp"] == pytest.approx(1772618400.123)
    assert 0 < len(one["Annotation"]) <= 256
    documents = [message.document for message in topic.receive()]
    assert "sg-ingress-world-admin" in [document["compliance"]["control"] for document in documents]


def test_a_closed_group_is_compliant(running: Function, config: Config, topic: Topic) -> None:
    configuration = {**ITEM["configuration"], "ipPermissions": []}  # type: ignore[dict-item]
    assert running.invoke(invocation(changed(configuration=configuration))).error_type is None
    assert evaluation(config)["ComplianceType"] == "COMPLIANT"
    assert topic.receive() == []


@pytest.mark.parametrize(
    ("message", "more"),
    [
        (changed(configurationItemStatus="ResourceDeleted", configuration=None), {}),
        (changed(), {"eventLeftScope": True}),
    ],
)
def test_a_deleted_group_and_one_out_of_scope_are_not_applicable(
    running: Function, config: Config, topic: Topic, message: dict[str, Any], more: dict[str, Any]
) -> None:
    assert running.invoke(invocation(message, **more)).error_type is None
    assert evaluation(config)["ComplianceType"] == "NOT_APPLICABLE"
    assert topic.receive() == []


def oversized() -> dict[str, Any]:
    left_out = ("configuration", "relationships", "relatedEvents", "supplementaryConfiguration", "tags")
    summary = {name: value for name, value in ITEM.items() if name not in left_out}
    return {
        "configurationItemSummary": {"changeType": "UPDATE", **summary},
        "notificationCreationTime": "2026-03-04T10:00:30.000Z",
        "messageType": "OversizedConfigurationItemChangeNotification",
        "recordVersion": "1.0",
    }


def recorded(capture_time: float) -> dict[str, Any]:
    return {
        "version": "1.3",
        "accountId": ACCOUNT,
        "arn": ITEM["ARN"],
        "configurationItemCaptureTime": capture_time,
        "configurationItemStatus": "OK",
        "configurationStateId": "1772618400123",
        "resourceType": ITEM["resourceType"],
        "resourceId": ITEM["resourceId"],
        "awsRegion": "eu-west-1",
        "configuration": json.dumps(ITEM["configuration"]),
    }


def test_an_oversized_item_is_read_at_its_capture_time(running: Function, config: Config) -> None:
    config.history = [recorded(1772618400.123)]
    answer = running.invoke(invocation(oversized()))
    assert answer.error_type is None, answer.body
    ((_, request),) = [one for one in config.requests if one[0] == "GetResourceConfigHistory"]
    assert (request["laterTime"], request["limit"]) == (pytest.approx(1772618400.123), 1)
    assert evaluation(config)["ComplianceType"] == "NON_COMPLIANT"


def test_an_oversized_item_of_an_event_is_read_in_its_account(running: Function, config: Config, topic: Topic) -> None:
    config.history = [recorded(1772618400.123)]
    event = {"version": "0", "detail-type": "Config Configuration Item Change", "source": "aws.config", "detail": oversized()}
    answer = running.invoke(json.dumps(event))
    assert (answer.error_type, answer.body["matched"]) == (None, 1)
    assert [name for name, _ in config.requests] == ["GetResourceConfigHistory"]
    assert "sg-ingress-world-admin" in [message.document["compliance"]["control"] for message in topic.receive()]
    config.requests.clear()
    event["detail"]["configurationItemSummary"]["awsRegion"] = "us-east-1"  # type: ignore[index]
    answer = running.invoke(json.dumps(event))
    assert answer.error_type == "ObjectReadFailedPermanent" and "another Region" in answer.body["errorMessage"]
    assert config.requests == []


@pytest.mark.parametrize("capture_time", [1772618401.0, 1772618000.0])
def test_an_oversized_item_of_another_time_fails_the_invocation(running: Function, config: Config, capture_time: float) -> None:
    config.history = [recorded(capture_time)]
    assert running.invoke(invocation(oversized())).error_type is not None
    assert config.put() == []


def test_what_aws_config_refuses_is_sent_again_and_then_fails_the_invocation(running: Function, config: Config) -> None:
    config.refused = 1
    assert running.invoke(invocation(changed())).error_type is None
    assert len(config.put()) == 2
    config.refused = 100
    assert running.invoke(invocation(changed())).error_type is not None


def test_findings_are_published_even_if_there_is_no_role_to_answer(endpoint: str, topic: Topic, config: Config) -> None:
    with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, AWS_ENDPOINT_URL_CONFIG_SERVICE=config.url) as function:
        answer = function.invoke(invocation(changed(), accountId="444455556666", executionRoleArn=""))
    assert answer.error_type == "ConfigFailedPermanent" and "MEMBER_ROLE_NAME" in answer.body["errorMessage"]
    assert (len(topic.receive()), config.put()) == (1, [])


def test_a_wrong_parameter_fails_the_invocation_and_is_named(running: Function, config: Config) -> None:
    answer = running.invoke(invocation(changed(), ruleParameters='{"trustedAccount": "1"}'))
    assert answer.error_type is not None and "did you mean trustedAccounts?" in answer.body["errorMessage"]
    assert config.put() == []


def selected(resource_id: str, port: int) -> str:
    """A row of SelectResourceConfig."""
    permission = {**ITEM["configuration"]["ipPermissions"][0], "fromPort": port, "toPort": port}  # type: ignore[index]
    configuration = {**ITEM["configuration"], "groupId": resource_id, "ipPermissions": [permission]}  # type: ignore[dict-item]
    return json.dumps(
        {
            "accountId": ACCOUNT,
            "awsRegion": "eu-west-1",
            "resourceType": ITEM["resourceType"],
            "resourceId": resource_id,
            "configurationItemCaptureTime": CAPTURED,
            "configurationItemStatus": "OK",
            "tags": [],
            "configuration": configuration,
        }
    )


def scheduled() -> dict[str, Any]:
    return {
        "awsAccountId": ACCOUNT,
        "notificationCreationTime": "2026-03-05T00:00:00.000Z",
        "messageType": "ScheduledNotification",
        "recordVersion": "1.0",
    }


def compliance(config: Config) -> dict[str, str]:
    evaluations = [one for request in config.put() for one in request["Evaluations"]]
    assert all(one["OrderingTimestamp"] == pytest.approx(1772668800) for one in evaluations)
    return {one["ComplianceResourceId"]: one["ComplianceType"] for one in evaluations}


def test_a_schedule_evaluates_the_inventory_page_by_page(running: Function, config: Config, topic: Topic) -> None:
    config.pages = [[selected("sg-1", 22), selected("sg-2", 3389)], [selected("sg-3", 22)]]
    parameters = json.dumps({"allowedPorts": "22"})
    answer = running.invoke(invocation(scheduled(), ruleParameters=parameters))
    assert answer.error_type is None, answer.body
    assert (answer.body["received"], answer.body["matched"], answer.body["exempt"]) == (3, 1, 2)
    assert compliance(config) == {"sg-1": "COMPLIANT", "sg-2": "NON_COMPLIANT", "sg-3": "COMPLIANT"}
    assert len([1 for name, _ in config.requests if name == "SelectResourceConfig"]) == 2


def test_a_resource_that_cannot_be_read_costs_no_other_its_answer(running: Function, config: Config) -> None:
    config.pages = [[selected("sg-1", 22), json.dumps({"resourceType": "AWS::EC2::SecurityGroup"})], [selected("sg-2", 22)]]
    answer = running.invoke(invocation(scheduled()))
    assert answer.error_type == "PayloadRejected" and "resourceId" in answer.body["errorMessage"]
    assert compliance(config) == {"sg-1": "NON_COMPLIANT", "sg-2": "NON_COMPLIANT"}


@pytest.mark.parametrize("parameters", [{"allowedPorts": "20-30"}, {"exemptTags": "stage=lab"}])
def test_what_a_parameter_allows_is_compliant(
    running: Function, config: Config, topic: Topic, parameters: dict[str, str]
) -> None:
    answer = running.invoke(invocation(changed(tags={"stage": "lab"}), ruleParameters=json.dumps(parameters)))
    assert answer.error_type is None, answer.body
    one = evaluation(config)
    assert one["ComplianceType"] == "COMPLIANT" and next(iter(parameters)) in one["Annotation"]
    assert [message.document["status"] for message in topic.receive()] == ["Suppressed"]


def test_accounts_that_the_rule_trusts_are_no_finding_of_this_rule_alone(running: Function, config: Config) -> None:
    peer = "444455556666"
    peering = {
        "resourceType": "AWS::EC2::VPCPeeringConnection",
        "resourceId": "pcx-1",
        "ARN": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc-peering-connection/pcx-1",
        "configuration": {
            "status": {"code": "active"},
            "requesterVpcInfo": {"ownerId": ACCOUNT, "vpcId": "vpc-1"},
            "accepterVpcInfo": {"ownerId": peer, "vpcId": "vpc-2"},
        },
    }
    for parameters, expected in [("{}", "NON_COMPLIANT"), (json.dumps({"trustedAccounts": peer}), "COMPLIANT")] * 2:
        config.requests.clear()
        assert running.invoke(invocation(changed(**peering), ruleParameters=parameters)).error_type is None
        ((one,),) = [request["Evaluations"] for request in config.put()]
        assert one["ComplianceType"] == expected


def test_a_recorded_state_closes_the_problem_of_an_earlier_one(endpoint: str, topic: Topic, config: Config) -> None:
    table = Table(endpoint, "config-rule-problems")
    closed = {**ITEM["configuration"], "ipPermissions": []}  # type: ignore[dict-item]
    later = {"configuration": closed, "configurationItemCaptureTime": "2026-03-04T11:00:00.000Z"}
    with Function(
        endpoint,
        FINDINGS_TOPIC_ARN=topic.arn,
        AWS_ENDPOINT_URL_CONFIG_SERVICE=config.url,
        STATE_TABLE=table.name,
    ) as function:
        assert function.invoke(invocation(changed())).error_type is None
        opened = {message.document["finding_info"]["uid"] for message in topic.receive()}
        assert len(table.of("problems")) == len(opened) == 1
        # It only left the scope of the rule.
        assert function.invoke(invocation(changed(**later), eventLeftScope=True)).error_type is None
        assert (len(table.of("problems")), topic.receive()) == (1, [])
        assert function.invoke(invocation(changed(**later))).error_type is None
        documents = [message.document for message in topic.receive()]
        assert [(one["status_id"], one["compliance"]["status_code"]) for one in documents] == [(4, "COMPLIANT")]
        assert {one["finding_info"]["uid"] for one in documents} == opened
        assert table.of("problems") == []
    assert [one["Evaluations"][0]["ComplianceType"] for one in config.put()] == ["NON_COMPLIANT", "NOT_APPLICABLE", "COMPLIANT"]
