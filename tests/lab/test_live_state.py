"""With live state on, the function reads EC2 in its own account and in others, and says whether what it found is so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws import Aws, Keys
from deployment import Deployment
from payloads import opened_group

MEMBER_ROLE = "trailwarden-read"


def exposed_group(keys: Keys, region: str) -> str:
    """A security group open to the world, with a running instance that has a public address."""
    ec2 = keys.client("ec2", region)
    # The VPC that every account has is on the internet.
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc["VpcId"])["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    (subnet, *_) = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    interface = {
        "DeviceIndex": 0,
        "SubnetId": subnet["SubnetId"],
        "Groups": [group],
        "AssociatePublicIpAddress": True,
    }
    ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, NetworkInterfaces=[interface])
    return group


def opened(group: str, account: str, region: str) -> dict[str, Any]:
    permissions = {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}
    request = {"groupId": group, "ipPermissions": permissions}
    return opened_group(requestParameters=request, recipientAccountId=account, awsRegion=region)


@pytest.fixture(scope="module")
def member(aws: Aws, organization: Deployment) -> tuple[str, Keys]:
    """Another account of the organisation, with the role that `modules/member-role` makes."""
    organizations = organization.client("organizations")
    created = organizations.create_account(AccountName="payments", Email="payments@example.com")
    account = created["CreateAccountStatus"]["AccountId"]
    home, keys = organization.client("iam"), aws.administrator(account)
    role = home.get_role(RoleName=MEMBER_ROLE)["Role"]
    policy = home.get_role_policy(RoleName=MEMBER_ROLE, PolicyName="read-live-state")["PolicyDocument"]
    theirs = json.dumps(policy).replace(organization.account, account)
    iam = keys.client("iam")
    iam.create_role(RoleName=MEMBER_ROLE, AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
    iam.put_role_policy(RoleName=MEMBER_ROLE, PolicyName="read", PolicyDocument=theirs)
    return account, keys


def told(document: dict[str, Any]) -> str:
    return json.dumps(document)


def test_what_is_open_in_its_own_account_is_confirmed(organization: Deployment) -> None:
    group = exposed_group(organization.keys, organization.region)
    organization.log(opened(group, organization.account, organization.region))
    (finding,) = organization.findings()
    assert "confirmed" in told(finding), finding


def test_what_is_open_in_another_account_is_confirmed(organization: Deployment, member: tuple[str, Keys]) -> None:
    account, keys = member
    group = exposed_group(keys, "eu-west-3")
    organization.log(opened(group, account, "eu-west-3"))
    (finding,) = organization.findings()
    assert "confirmed" in told(finding), finding
    assert finding["cloud"]["account"]["name"] == "payments"


def test_an_account_that_does_not_let_it_in_is_unknown(organization: Deployment) -> None:
    organization.log(opened("sg-0aaa1111bbb22222c", "999999999999", "eu-west-1"))
    (finding,) = organization.findings()
    assert "unknown" in told(finding), finding
