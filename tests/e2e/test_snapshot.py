"""`trailwarden snapshot` writes what the emulated EC2 and IAM say of an account."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from function import binary

REGION = "eu-central-1"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Account:
    """A VPC with a gateway, a route, a group, an ACL, an instance and an address, and a role."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name=REGION)
        self.ec2 = session.client("ec2", endpoint_url=endpoint)
        self.iam = session.client("iam", endpoint_url=endpoint)
        self.id = session.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"]
        ec2, iam = self.ec2, self.iam
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "INTERNAL_NETWORK", "Value": "true"}])
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        lists = ec2.create_managed_prefix_list(
            PrefixListName="all", MaxEntries=2, AddressFamily="IPv4",
            Entries=[{"Cidr": "0.0.0.0/1"}, {"Cidr": "128.0.0.0/1"}],
        )  # fmt: skip
        self.prefix_list = lists["PrefixList"]["PrefixListId"]
        group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
        opened = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[{**opened, "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}],
        )
        acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
        ec2.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=100, Protocol="6", RuleAction="allow", Egress=False,
            CidrBlock="0.0.0.0/0", PortRange={"From": 22, "To": 22},
        )  # fmt: skip
        started = ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=[group]
        )
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.associate_address(InstanceId=started["Instances"][0]["InstanceId"], AllocationId=address)
        iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(TRUST))
        policy = iam.create_policy(PolicyName="everything", PolicyDocument=json.dumps(ALL))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="deploy", PolicyArn=policy)
        iam.put_role_policy(RoleName="deploy", PolicyName="inline", PolicyDocument=json.dumps(ALL))


@pytest.fixture(scope="module")
def account(endpoint: str) -> Account:
    return Account(endpoint)


@pytest.fixture(scope="module")
def written(endpoint: str, account: Account, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the account."""
    directory = tmp_path_factory.mktemp("snapshot")
    done = subprocess.run(
        [binary("trailwarden", "TRAILWARDEN_CLI"), "snapshot", directory, "--region", REGION],
        env={
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEYID0001",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_SECRET_ACCESS_KEY": "example",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    # The emulated EC2 does not know block public access; everything else is there.
    errors = [line for line in done.stderr.splitlines() if not line.startswith("wrote ")]
    assert [line.split(": ", 2)[2] for line in errors] == ["ec2:DescribeVpcBlockPublicAccessOptions: HTTP status 500"]
    assert done.returncode == 2
    return directory / account.id


def kept(whole: Any, part: Any) -> bool:
    """Whether everything in the part stands in the whole alike; lists have the same entries in the same order."""
    if isinstance(part, dict):
        empty = {key for key, value in part.items() if value in ("", [], False, 0)}
        return all(key in whole and kept(whole[key], value) for key, value in part.items() if key in whole or key not in empty)
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(kept, whole, part))
    return whole == part


@pytest.mark.parametrize(
    ("command", "key", "identifier"),
    [
        ("describe-network-interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
        ("describe-security-group-rules", "SecurityGroupRules", "SecurityGroupRuleId"),
        ("describe-security-groups", "SecurityGroups", "GroupId"),
        ("describe-route-tables", "RouteTables", "RouteTableId"),
        ("describe-internet-gateways", "InternetGateways", "InternetGatewayId"),
        ("describe-network-acls", "NetworkAcls", "NetworkAclId"),
        ("describe-vpcs", "Vpcs", "VpcId"),
        ("describe-subnets", "Subnets", "SubnetId"),
    ],
)
def test_lists_are_as_aws_prints_them(command: str, key: str, identifier: str, account: Account, written: Path) -> None:
    ours = json.loads((written / REGION / f"{command}.json").read_text())[key]
    theirs = getattr(account.ec2, command.replace("-", "_"))()[key]
    assert ours
    assert {one[identifier] for one in ours} == {one[identifier] for one in theirs}
    by_id = {one[identifier]: one for one in theirs}
    for one in ours:
        assert kept(by_id[one[identifier]], one), (by_id[one[identifier]], one)


def test_instances_addresses_and_prefix_lists_are_there(account: Account, written: Path) -> None:
    region = written / REGION
    reservations = json.loads((region / "describe-instances.json").read_text())["Reservations"]
    states = [instance["State"]["Name"] for one in reservations for instance in one["Instances"]]
    assert states == ["running"]
    interfaces = json.loads((region / "describe-network-interfaces.json").read_text())["NetworkInterfaces"]
    assert [one["Association"]["AllocationId"][:9] for one in interfaces if "Association" in one] == ["eipalloc-"]
    entries = json.loads((region / "get-managed-prefix-list-entries" / f"{account.prefix_list}.json").read_text())
    assert [one["Cidr"] for one in entries["Entries"]] == ["0.0.0.0/1", "128.0.0.0/1"]
    [vpc] = [one for one in json.loads((region / "describe-vpcs.json").read_text())["Vpcs"] if one["Tags"]]
    assert vpc["Tags"] == [{"Key": "INTERNAL_NETWORK", "Value": "true"}]


def test_roles_have_their_policies(written: Path) -> None:
    details = json.loads((written / "get-account-authorization-details.json").read_text())
    [role] = [one for one in details["RoleDetailList"] if one["RoleName"] == "deploy"]
    assert role["AssumeRolePolicyDocument"] == TRUST
    assert role["RolePolicyList"] == [{"PolicyName": "inline", "PolicyDocument": ALL}]
    [attached] = role["AttachedManagedPolicies"]
    [policy] = [one for one in details["Policies"] if one["Arn"] == attached["PolicyArn"]]
    [version] = [one for one in policy["PolicyVersionList"] if one["VersionId"] == policy["DefaultVersionId"]]
    assert version["Document"] == ALL


def test_the_time_of_the_snapshot_is_known(written: Path) -> None:
    for path in (written / "snapshot.json", written / REGION / "snapshot.json"):
        checked_at = datetime.fromisoformat(json.loads(path.read_text())["CheckedAt"])
        assert timedelta() <= datetime.now(UTC) - checked_at < timedelta(hours=1)
