"""With live state on, the function reads EC2 in its own account and in others, and says whether what it found is so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws import Aws
from deployment import Deployment
from network import REGION, Network
from payloads import opened_group

MEMBER_ROLE = "trailwarden-read"


@pytest.fixture(scope="module")
def member(aws: Aws, organization: Deployment) -> tuple[str, Network]:
    """Another account of the organisation, with the role that `modules/member-role` makes and an instance on the internet."""
    organizations = organization.client("organizations")
    created = organizations.create_account(AccountName="payments", Email="payments@example.com")
    account = created["CreateAccountStatus"]["AccountId"]
    home, keys = organization.client("iam"), aws.administrator(account)
    role = home.get_role(RoleName=MEMBER_ROLE)["Role"]
    policy = home.get_role_policy(RoleName=MEMBER_ROLE, PolicyName="read-live-state")["PolicyDocument"]
    iam = keys.client("iam")
    iam.create_role(RoleName=MEMBER_ROLE, AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
    theirs = json.dumps(policy).replace(organization.account, account)
    iam.put_role_policy(RoleName=MEMBER_ROLE, PolicyName="read-live-state", PolicyDocument=theirs)
    return account, Network(aws.endpoint, keys.access_key)


def told(organization: Deployment, account: str, group: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The finding on a group that was opened, and what live state says of it."""
    permission = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}
    request = {"groupId": group, "ipPermissions": {"items": [permission]}}
    organization.log(opened_group(requestParameters=request, recipientAccountId=account, awsRegion=REGION))
    (finding,) = organization.findings()
    (state,) = [one["data"] for one in finding["evidences"] if one.get("name") == "Live state"]
    return finding, state


def test_what_is_open_in_its_own_account_is_confirmed(aws: Aws, organization: Deployment) -> None:
    network = Network(aws.endpoint, organization.keys.access_key)
    _, state = told(organization, organization.account, network.group)
    assert state["outcome"] == "confirmed", state
    assert [path["instance"] for path in state["paths"]] == [network.instance]


def test_what_is_open_in_another_account_is_confirmed(organization: Deployment, member: tuple[str, Network]) -> None:
    account, network = member
    finding, state = told(organization, account, network.group)
    assert state["outcome"] == "confirmed", state
    assert [path["instance"] for path in state["paths"]] == [network.instance]
    assert finding["cloud"]["account"]["name"] == "payments"


def test_an_account_that_does_not_let_the_function_in_is_unknown(organization: Deployment) -> None:
    with organization.without("AssumeMemberRole"):
        _, state = told(organization, "444444444444", "sg-0aaa1111bbb22222c")
    assert state["outcome"] == "unknown", state
    assert "sts:AssumeRole" in state["summary"]
