"""The deployed remediator undoes what findings report: by itself, and when people approve."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import gate
import pytest
from approval import Execution
from aws import Aws, Keys
from delivery import function_of
from deployment import Deployment
from function import ROOT
from iam import Request, allows
from payloads import record
from terraform import Terraform

APPROVER = "arn:aws:sts::444444444444:assumed-role/SecurityLead/erin"


@dataclass(frozen=True)
class Account:
    """Another account that the deployment's trail records."""

    account: str
    region: str
    keys: Keys

    def client(self, service: str) -> Any:
        return self.keys.client(service, self.region)


@pytest.fixture(scope="module")
def member(aws: Aws, remediation: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """An account with the role of `modules/remediation-member-role`."""
    account, region, directory = "555555555555", remediation.region, tmp_path_factory.mktemp("member")
    keys = aws.administrator(account)
    module = {
        "source": f"{ROOT / 'terraform'}//modules/remediation-member-role",
        "remediator_role_arn": remediation.outputs["remediator_role_arn"],
        "external_id": "o-abcdefghij",
        "actions": ["revoke-ingress-rules"],
    }
    (directory / "main.tf.json").write_text(json.dumps({"provider": {"aws": {}}, "module": {"role": module}}))
    Terraform(directory, keys, region, {}).apply()
    return Account(account, region, keys)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def made(deployment: Deployment | Account, call: str, request: dict[str, Any], response: Any) -> dict[str, Any]:
    """CloudTrail's record of a call of EC2 in the deployment's account and Region."""
    arn = f"arn:aws:sts::{deployment.account}:assumed-role/NetOps/dana"
    identity = {"type": "AssumedRole", "arn": arn, "accountId": deployment.account}
    return record(
        "ec2.amazonaws.com",
        call,
        request,
        responseElements=response,
        eventTime=now(),
        recipientAccountId=deployment.account,
        awsRegion=deployment.region,
        userIdentity=identity,
        readOnly=False,
        managementEvent=True,
    )


class Group:
    """A security group that somebody opened to the world for SSH."""

    def __init__(self, deployment: Deployment | Account, name: str) -> None:
        self._ec2 = deployment.client("ec2")
        vpc = self._ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.id = self._ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        opened = self._ec2.authorize_security_group_ingress(GroupId=self.id, IpPermissions=[permission])
        (self.rule,) = [rule["SecurityGroupRuleId"] for rule in opened["SecurityGroupRules"]]
        items = [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]
        rule = {
            "groupOwnerId": deployment.account,
            "groupId": self.id,
            "securityGroupRuleId": self.rule,
            "isEgress": False,
            "ipProtocol": "tcp",
            "fromPort": 22,
            "toPort": 22,
            "cidrIpv4": "0.0.0.0/0",
        }
        self.record = made(
            deployment,
            "AuthorizeSecurityGroupIngress",
            {"groupId": self.id, "ipPermissions": {"items": items}},
            {"_return": True, "securityGroupRuleSet": {"items": [rule]}},
        )

    @property
    def is_open(self) -> bool:
        filters = [{"Name": "group-id", "Values": [self.id]}]
        rules = self._ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
        return self.rule in [rule["SecurityGroupRuleId"] for rule in rules]


class Snapshot:
    """A snapshot that somebody shared with every account."""

    def __init__(self, deployment: Deployment) -> None:
        self._ec2 = deployment.client("ec2")
        volume = self._ec2.create_volume(AvailabilityZone=f"{deployment.region}a", Size=8)["VolumeId"]
        self.id = self._ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        self._ec2.modify_snapshot_attribute(
            SnapshotId=self.id, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
        )
        permission = {"add": {"items": [{"group": "all"}]}}
        request = {"snapshotId": self.id, "attributeType": "CREATE_VOLUME_PERMISSION", "createVolumePermission": permission}
        self.record = made(deployment, "ModifySnapshotAttribute", request, {"_return": True})

    @property
    def is_public(self) -> bool:
        described = self._ec2.describe_snapshot_attribute(SnapshotId=self.id, Attribute="createVolumePermission")
        return {"Group": "all"} in described["CreateVolumePermissions"]


def statuses(deployment: Deployment, rule: str = "sg-ingress-world-admin") -> list[str]:
    """The statuses of the findings of a rule since the last call."""
    found = [finding["compliance"] for finding in deployment.findings()]
    return [one["status_code"] for one in found if one["control"] == rule]


def texts(deployment: Deployment) -> str:
    """What people were told since the last call."""
    return "\n".join(deployment.received(deployment.alerts_queue))


def answer(deployment: Deployment, request: Execution, told: str, word: str, person: str = APPROVER) -> int:
    """Sends an answer to the URL of the function, as Lambda hands it on; the status of the response."""
    code = re.search(r"--code[ =]'?([A-Za-z0-9_-]+)", told)
    assert code, told
    event = {
        "version": "2.0",
        "rawPath": "/",
        "requestContext": {"http": {"method": "POST", "path": "/"}, "authorizer": {"iam": {"userArn": person}}},
        "body": json.dumps({"id": request.input["id"], "code": code[1], "answer": word}),
        "isBase64Encoded": False,
    }
    function = function_of(deployment.arn("lambda", "function:trailwarden-remediator"))
    return deployment.invoker.call(function, event).response["statusCode"]


def expire(deployment: Deployment, action: str) -> None:
    """Ends a request for approval as time would: sets its end to a past time in the table."""
    dynamodb, table = deployment.client("dynamodb"), deployment.made["remediation"]["table_name"]
    for item in dynamodb.scan(TableName=table)["Items"]:
        value = json.loads(item["value"]["S"])
        if action in item["id"]["S"] and "until" in value:
            past = {"S": json.dumps({**value, "until": "2026-03-04T10:00:00Z"})}
            dynamodb.put_item(TableName=table, Item={**item, "value": past})


@pytest.fixture
def switch(remediation: Deployment) -> Callable[[str], Any]:
    """Sets the kill switch."""
    ssm, name = remediation.client("ssm"), remediation.made["remediation"]["kill_switch"]
    return lambda value: ssm.put_parameter(Name=name, Value=value, Overwrite=True)


def test_a_plan_right_after_apply_is_empty(remediation: Deployment) -> None:
    assert remediation.second_plan == ""


def test_an_opening_is_closed_and_the_finding_is_resolved(remediation: Deployment) -> None:
    group = Group(remediation, "web")
    remediation.log(group.record)
    told = texts(remediation)
    assert not group.is_open, told
    assert statuses(remediation) == ["NON_COMPLIANT", "COMPLIANT"]
    table = remediation.client("dynamodb").scan(TableName=remediation.made["remediation"]["table_name"])["Items"]
    assert any(group.rule in item["value"]["S"] for item in table)


def test_an_opening_in_another_account_is_closed_by_the_role_there(remediation: Deployment, member: Account) -> None:
    group = Group(member, "theirs")
    remediation.log(group.record)
    told = texts(remediation)
    assert not group.is_open, told
    assert statuses(remediation) == ["NON_COMPLIANT", "COMPLIANT"]


def test_the_role_in_another_account_admits_no_other_session(remediation: Deployment, member: Account) -> None:
    role = f"arn:aws:iam::{member.account}:role/trailwarden-remediate"
    remediator = remediation.outputs["remediator_role_arn"]
    context = {"sts:externalid": "o-abcdefghij", "sts:rolesessionname": "trailwarden-remediator"}
    assert gate.trusts(role, remediator, context)
    assert not gate.trusts(role, remediator, {**context, "sts:externalid": "o-klmnopqrst"})
    assert not gate.trusts(role, remediator, {**context, "sts:rolesessionname": "somebody"})
    assert not gate.trusts(role, remediation.made["function_role_arn"], context)


def test_a_message_that_is_delivered_twice_acts_once(remediation: Deployment) -> None:
    group = Group(remediation, "twice")
    remediation.log(group.record, group.record)
    assert not group.is_open
    assert statuses(remediation).count("COMPLIANT") == 1


def test_the_kill_switch_stops_it_and_an_apply_does_not_turn_it_on(
    remediation: Deployment, switch: Callable[[str], Any]
) -> None:
    group = Group(remediation, "stopped")
    switch("off")
    try:
        remediation.log(group.record)
        assert group.is_open
        assert "kill switch" in texts(remediation)
        assert remediation.terraform.changes() == ""
    finally:
        switch("on")


def test_an_old_finding_is_left_alone(remediation: Deployment) -> None:
    group = Group(remediation, "old")
    remediation.log({**group.record, "eventTime": "2026-03-04T10:00:00Z"})
    assert group.is_open
    assert statuses(remediation) == ["NON_COMPLIANT"]


def test_a_role_without_the_statements_of_an_action_fails_and_tells(remediation: Deployment) -> None:
    group = Group(remediation, "denied")
    iam = remediation.client("iam")
    policy = remediation.arn("iam", "policy/trailwarden-remediator-1")
    iam.detach_role_policy(RoleName="trailwarden-remediator", PolicyArn=policy)
    try:
        remediation.log(group.record)
        assert group.is_open
        assert "may not" in texts(remediation)
        assert statuses(remediation) == ["NON_COMPLIANT"]
    finally:
        iam.attach_role_policy(RoleName="trailwarden-remediator", PolicyArn=policy)


def test_a_finding_that_cannot_be_recorded_is_kept(remediation: Deployment) -> None:
    group = Group(remediation, "unrecorded")
    iam = remediation.client("iam")
    names = {"RoleName": "trailwarden-remediator", "PolicyName": "function"}
    policy = iam.get_role_policy(**names)["PolicyDocument"]
    kept = [one for one in policy["Statement"] if one["Sid"] != "KeepRecords"]
    iam.put_role_policy(**names, PolicyDocument=json.dumps({**policy, "Statement": kept}))
    try:
        remediation.log(group.record)
        assert group.is_open
        (message,) = remediation.received(remediation.made["remediation"]["failed_queue_url"])
        assert group.id in message
    finally:
        iam.put_role_policy(**names, PolicyDocument=json.dumps(policy))


def test_a_yes_acts_and_counts_once(remediation: Deployment) -> None:
    snapshot = Snapshot(remediation)
    remediation.log(snapshot.record)
    assert snapshot.is_public
    request = Execution(remediation)
    told = texts(remediation)
    assert answer(remediation, request, told, "yes") == 200
    assert request.is_answered
    assert request.go_on().error_type is None
    assert not snapshot.is_public
    assert statuses(remediation, "snapshot-public") == ["NON_COMPLIANT", "COMPLIANT"]
    assert answer(remediation, request, told, "no") == 409


def test_a_no_changes_nothing(remediation: Deployment) -> None:
    snapshot = Snapshot(remediation)
    remediation.log(snapshot.record)
    request = Execution(remediation)
    assert answer(remediation, request, texts(remediation), "no") == 200
    assert request.go_on().error_type is None
    assert snapshot.is_public
    assert statuses(remediation, "snapshot-public") == ["NON_COMPLIANT"]


def test_no_answer_means_no(remediation: Deployment) -> None:
    snapshot = Snapshot(remediation)
    remediation.log(snapshot.record)
    request = Execution(remediation)
    told = texts(remediation)
    expire(remediation, request.input["id"])
    assert request.time_out().error_type is None
    assert "Nobody answered in time" in texts(remediation)
    assert answer(remediation, request, told, "yes") == 410
    assert not request.is_answered
    assert snapshot.is_public
    assert statuses(remediation, "snapshot-public") == ["NON_COMPLIANT"]


def test_the_caller_cannot_approve(remediation: Deployment) -> None:
    snapshot = Snapshot(remediation)
    remediation.log(snapshot.record)
    request = Execution(remediation)
    caller = snapshot.record["userIdentity"]["arn"]
    assert answer(remediation, request, texts(remediation), "yes", caller) == 403
    assert not request.is_answered
    # Before the request ends, a timeout is none.
    request.time_out()
    assert snapshot.is_public


def test_approvers_reach_the_function_by_its_url_alone(remediation: Deployment) -> None:
    iam, arn = remediation.client("iam"), remediation.made["remediation"]["approver_policy_arn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    function = remediation.arn("lambda", "function:trailwarden-remediator")
    by_url = {"lambda:functionurlauthtype": "AWS_IAM", "lambda:invokedviafunctionurl": "true"}
    assert allows([policy], Request("lambda:InvokeFunctionUrl", function, context=by_url))
    assert allows([policy], Request("lambda:InvokeFunction", function, context=by_url))
    assert not allows([policy], Request("lambda:InvokeFunction", function))
