"""The remediator undoes what findings report, on an emulated AWS, and people undo that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import ocsf
import payloads
import pytest
from aws_stand_in import ec2_error
from function import Function
from remediator import ACCOUNT, APPROVE, AUTO, FunctionUrl, Remediator, code, finding, fixture, replaced
from webhook_server import WebhookServer

OPEN_TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}, indent=2
)
# Without a tool of infrastructure as code, whose changes need approval.
SSH = ("sg-ingress-world-admin", "hit-items.json")


@pytest.fixture(scope="module")
def remediator(endpoint: str) -> Iterator[Remediator]:
    """A remediator that acts by itself."""
    with Remediator(endpoint, "auto") as running:
        yield running


@dataclass(frozen=True)
class Prepared:
    """A resource as the record's call left it: the ids of the fixture, and a function that describes the resource."""

    ids: dict[str, str]
    describe: Callable[[], Any]


def vpc(ec2: Any) -> str:
    return ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]


def subnet(ec2: Any) -> tuple[str, str]:
    vpc_id = vpc(ec2)
    block = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    made = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=block.replace("::/56", "::/64"))
    return vpc_id, made["Subnet"]["SubnetId"]


def opened_group(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc(ec2))["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    opened = ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{**permission, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "for dana"}]}],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "team", "Value": "net"}]}],
    )
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{**permission, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}]
    )
    filters = [{"Name": "group-id", "Values": [group]}]

    def describe() -> Any:
        rules = ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
        return sorted(json.dumps({**rule, "SecurityGroupRuleId": "", "SecurityGroupRuleArn": ""}, sort_keys=True) for rule in rules)

    rule = opened["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return Prepared({"sg-0aaa1111bbb22222c": group, "sgr-0123456789abcde01": rule}, describe)


def opened(group: Prepared) -> int:
    """How many networks may connect to SSH."""
    return sum('"ToPort": 22' in rule for rule in group.describe())


def gateway(ec2: Any, vpc_id: str) -> str:
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc_id)
    return made


def routes(ec2: Any, table: str) -> Any:
    return ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]


def route(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    vpc_id = vpc(ec2)
    igw, table = gateway(ec2, vpc_id), ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
    return Prepared({"rtb-0123456789abcdef0": table, "igw-0123456789abcdef0": igw}, lambda: routes(ec2, table))


def replaced_route(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    vpc_id = vpc(ec2)
    igw, table = gateway(ec2, vpc_id), ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    former = ec2.create_egress_only_internet_gateway(VpcId=vpc_id)["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=igw)
    aws.aws.history[table] = {"routes": [{"destinationIpv6CidrBlock": "::/0", "egressOnlyInternetGatewayId": former}]}
    return Prepared({"rtb-0123456789abcdef0": table, "igw-0123456789abcdef0": igw}, lambda: routes(ec2, table))


def associated_table(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    vpc_id, subnet_id = subnet(ec2)
    table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway(ec2, vpc_id))
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet_id)["AssociationId"]

    def describe() -> Any:
        found = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Associations"]
        return [(one["RouteTableId"], one.get("SubnetId")) for one in found]

    ids = {"rtb-0123456789abcdef0": table, "subnet-0123456789abcdef0": subnet_id, "rtbassoc-0123456789abcdef0": association}
    return Prepared(ids, describe)


def attached_gateway(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    vpc_id = vpc(ec2)
    igw = gateway(ec2, vpc_id)
    return Prepared(
        {"igw-0123456789abcdef0": igw, "vpc-0123456789abcdef0": vpc_id},
        lambda: ec2.describe_internet_gateways(InternetGatewayIds=[igw])["InternetGateways"][0]["Attachments"],
    )


def addressing_subnet(attribute: str) -> Callable[[Remediator], Prepared]:
    def prepare(aws: Remediator) -> Prepared:
        ec2 = aws.client("ec2")
        _, subnet_id = subnet(ec2)
        ec2.modify_subnet_attribute(SubnetId=subnet_id, **{attribute: {"Value": True}})
        return Prepared(
            {"subnet-0123456789abcdef0": subnet_id}, lambda: ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]
        )

    return prepare


def instance(ec2: Any) -> str:
    _, subnet_id = subnet(ec2)
    return ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet_id)["Instances"][0]["InstanceId"]


def associated_address(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    instance_id = instance(ec2)
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    association = ec2.associate_address(InstanceId=instance_id, AllocationId=allocation)["AssociationId"]

    def describe() -> Any:
        address = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]
        return address.get("NetworkInterfaceId") or None, address.get("PrivateIpAddress") or None

    ids = {"i-0123456789abcdef0": instance_id, "eipalloc-0123456789abcdef0": allocation, "eipassoc-0123456789abcdef0": association}
    return Prepared(ids, describe)


def acl(ec2: Any, **network: Any) -> str:
    made = ec2.create_network_acl(VpcId=vpc(ec2))["NetworkAcl"]["NetworkAclId"]
    entry = {"RuleNumber": 90, "Protocol": "6", "RuleAction": "allow", "Egress": False}
    ec2.create_network_acl_entry(NetworkAclId=made, **entry, **network)
    return made


def entries(ec2: Any, made: str) -> Any:
    found = ec2.describe_network_acls(NetworkAclIds=[made])["NetworkAcls"][0]["Entries"]
    return sorted(json.dumps(entry, sort_keys=True) for entry in found)


def acl_entry(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    made = acl(ec2, CidrBlock="0.0.0.0/0", PortRange={"From": 22, "To": 22})
    return Prepared({"acl-0123456789abcdef0": made}, lambda: entries(ec2, made))


def replaced_acl_entry(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    made = acl(ec2, Ipv6CidrBlock="::/0", PortRange={"From": 3389, "To": 3389})
    former = {"ruleNumber": 90, "egress": False, "protocol": "6", "ruleAction": "allow", "cidrBlock": "10.0.0.0/8", "ipv6CidrBlock": None, "portRange": {"from": 3389, "to": 3389}}  # fmt: skip
    aws.aws.history[made] = {"entries": [former]}
    return Prepared({"acl-0123456789abcdef0": made}, lambda: entries(ec2, made))


def shared_snapshot(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, OperationType="add", GroupNames=["all"], UserIds=["444455556666"]
    )

    def describe() -> Any:
        shared = ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
        return sorted(json.dumps(one) for one in shared["CreateVolumePermissions"])

    return Prepared({"snap-0123456789abcdef0": snapshot}, describe)


def shared_image(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    image = ec2.create_image(InstanceId=instance(ec2), Name="image")["ImageId"]
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": "444455556666"}, {"Group": "all"}]})

    def describe() -> Any:
        shared = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")
        return sorted(json.dumps(one) for one in shared["LaunchPermissions"])

    return Prepared({"ami-0123456789abcdef0": image}, describe)


def endpoint_service(aws: Remediator) -> Prepared:
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    _, subnet_id = subnet(ec2)
    balancer = elb.create_load_balancer(Name="gate", Subnets=[subnet_id], Scheme="internal", Type="gateway")
    balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    made = ec2.create_vpc_endpoint_service_configuration(GatewayLoadBalancerArns=[balancer])
    service = made["ServiceConfiguration"]["ServiceId"]
    ec2.modify_vpc_endpoint_service_permissions(
        ServiceId=service, AddAllowedPrincipals=["arn:aws:iam::444455556666:root", "*"]
    )

    def describe() -> Any:
        allowed = ec2.describe_vpc_endpoint_service_permissions(ServiceId=service)["AllowedPrincipals"]
        return sorted(one["Principal"] for one in allowed)

    return Prepared({"vpce-svc-0123456789abcdef0": service}, describe)


def peering(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    one, other = vpc(ec2), vpc(ec2)
    made = ec2.create_vpc_peering_connection(VpcId=one, PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    def describe() -> Any:
        found = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[made])["VpcPeeringConnections"]
        return found[0]["Status"]["Code"]

    return Prepared({"pcx-0123456789abcdef0": made, "vpc-0123456789abcdef0": one, "vpc-0fedcba9876543210": other}, describe)


def imds(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    instance_id = instance(ec2)
    ec2.modify_instance_metadata_options(InstanceId=instance_id, HttpTokens="optional", HttpEndpoint="enabled")

    def describe() -> Any:
        found = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        return found["MetadataOptions"]["HttpTokens"]

    return Prepared({"i-0123456789abcdef0": instance_id}, describe)


def encryption(aws: Remediator) -> Prepared:
    ec2 = aws.client("ec2")
    ec2.disable_ebs_encryption_by_default()
    return Prepared({}, lambda: ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"])


def stopped_trail(aws: Remediator) -> Prepared:
    aws.client("s3", "us-east-1").create_bucket(Bucket="trail-logs")
    trails = aws.client("cloudtrail")
    trails.create_trail(Name="team-trail", S3BucketName="trail-logs")
    return Prepared({}, lambda: trails.get_trail_status(Name="team-trail")["IsLogging"])


def open_role(aws: Remediator) -> Prepared:
    iam = aws.client("iam")
    name = f"deploy-{len(aws.aws.calls)}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=OPEN_TRUST)["Role"]
    former = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
    aws.aws.history[role["RoleId"]] = {"assumeRolePolicyDocument": json.dumps(former)}
    return Prepared({"ci-deploy": name}, lambda: iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])


def role_without_history(aws: Remediator) -> Prepared:
    prepared = open_role(aws)
    aws.aws.history.clear()
    return prepared


def recorder(aws: Remediator) -> Prepared:
    config = aws.client("config")
    role = f"arn:aws:iam::{ACCOUNT}:role/config"
    config.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": role})
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "bucket"})
    status = config.describe_configuration_recorder_status
    return Prepared({}, lambda: status()["ConfigurationRecordersStatus"][0]["recording"])


def detector(aws: Remediator) -> Prepared:
    guardduty = aws.client("guardduty")
    made = guardduty.create_detector(Enable=False)["DetectorId"]
    ids = {"12abc34d567e8fa901bc2d34e56789f0": made}
    return Prepared(ids, lambda: guardduty.get_detector(DetectorId=made)["Status"])


def event_rule(aws: Remediator) -> Prepared:
    events = aws.client("events")
    name = "trailwarden-second-path"
    events.put_rule(Name=name, ScheduleExpression="rate(1 day)", State="DISABLED")
    return Prepared({}, lambda: events.describe_rule(Name=name)["State"])


def key(aws: Remediator) -> Prepared:
    kms = aws.client("kms")
    made = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=made, PendingWindowInDays=7)
    ids = {"0a1b2c3d-1111-4222-8333-444455556666": made}
    return Prepared(ids, lambda: kms.describe_key(KeyId=made)["KeyMetadata"]["KeyState"])


def throttled_function(aws: Remediator) -> Prepared:
    iam, functions = aws.client("iam"), aws.client("lambda")
    role = iam.create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions.create_function(
        FunctionName="trailwarden", Role=role, Code={"ZipFile": b"PK\x05\x06" + bytes(18)}, Runtime="provided.al2023", Handler="x"
    )
    functions.put_function_concurrency(FunctionName="trailwarden", ReservedConcurrentExecutions=0)
    limit = functions.get_function_concurrency
    return Prepared({}, lambda: limit(FunctionName="trailwarden").get("ReservedConcurrentExecutions"))


def public_images(aws: Remediator) -> Prepared:
    return Prepared({}, lambda: aws.aws.images)


def public_snapshots(aws: Remediator) -> Prepared:
    return Prepared({}, lambda: aws.aws.snapshots)


def public_vpcs(aws: Remediator) -> Prepared:
    return Prepared({}, lambda: aws.aws.vpcs)


def modified_rule(aws: Remediator) -> Prepared:
    prepared = opened_group(aws)
    former = [{"cidrIp": "10.0.0.0/8", "description": "for dana"}, {"cidrIp": "198.51.100.0/24"}]
    permission = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipv4Ranges": former, "ipv6Ranges": []}
    aws.aws.history[prepared.ids["sg-0aaa1111bbb22222c"]] = {"ipPermissions": [permission]}
    return prepared


def metadata_defaults(aws: Remediator) -> Prepared:
    return Prepared({}, lambda: aws.aws.http_tokens)


def addressed_interface(aws: Remediator) -> Prepared:
    made = "eni-0123456789abcdef0"
    aws.aws.addressed.add(made)
    return Prepared({}, lambda: made in aws.aws.addressed)


def exclusion(aws: Remediator) -> Prepared:
    made = {
        "exclusionId": "vpcbpa-exclude-0123456789abcdef0",
        "internetGatewayExclusionMode": "allow-bidirectional",
        "resourceArn": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-0123456789abcdef0",
        "state": "create-complete",
    }
    aws.aws.exclusions.append(made)
    return Prepared({}, lambda: [{**one, "exclusionId": ""} for one in aws.aws.exclusions])


def prefix_list(aws: Remediator) -> Prepared:
    versions = aws.aws.versions["pl-0123456789abcdef0"] = [[], [], [], ["10.0.0.0/8"], ["0.0.0.0/0", "10.0.0.0/8"]]
    return Prepared({}, lambda: versions[-1])


# Each action with a rule, a record of its fixtures, the resource, and whether it has an inverse.
CASES: list[tuple[str, str, str, Callable[[Remediator], Prepared], bool]] = [
    ("block-public-images", "block-public-access-weakened-image", "hit.json", public_images, True),
    ("block-public-snapshots", "block-public-access-weakened-snapshot", "hit-disabled.json", public_snapshots, True),
    ("block-public-vpcs", "block-public-access-weakened-vpc", "hit-off.json", public_vpcs, True),
    ("close-endpoint-service", "endpoint-service-public", "hit.json", endpoint_service, True),
    ("delete-block-public-access-exclusion", "block-public-access-weakened-exclusion", "hit-created.json", exclusion, True),
    ("delete-network-acl-entry", "nacl-ingress-world-admin", "hit-ssh.json", acl_entry, True),
    ("delete-route", "route-to-igw", "hit-default.json", route, True),
    ("detach-internet-gateway", "igw-attached", "hit.json", attached_gateway, True),
    ("disassociate-address", "eip-associated", "hit-instance.json", associated_address, True),
    ("disassociate-route-table", "route-to-igw-associated", "hit-associated.json", associated_table, True),
    ("enable-detector", "detection-disabled-guardduty", "hit-calls.jsonl:2", detector, False),
    ("enable-event-rule", "own-event-rule-disabled", "hit-calls.jsonl", event_rule, False),
    ("enable-key", "own-key-disabled", "hit-calls.jsonl:3", key, False),
    ("encrypt-new-volumes", "ebs-default-encryption-off", "hit.json", encryption, True),
    ("reject-peering", "vpc-peering-external", "hit-requested.json", peering, False),
    ("release-function", "own-function-changed", "hit-calls.jsonl:7", throttled_function, False),
    ("remove-interface-address", "instance-public-ip-interface", "hit.json", addressed_interface, True),
    ("require-imds-tokens", "imdsv1-allowed", "hit-modified.json", imds, True),
    ("require-imds-tokens-by-default", "imdsv1-allowed-account", "hit.json", metadata_defaults, True),
    ("restart-trail", "trail-stopped", "hit-calls.jsonl", stopped_trail, False),
    ("restore-ingress-rule", "sg-ingress-world-admin", "hit-modified-live.json", modified_rule, True),
    ("restore-network-acl-entry", "nacl-ingress-world-admin", "hit-replaced-ipv6.json", replaced_acl_entry, True),
    ("restore-prefix-list", "prefix-list-world", "hit-modified.json", prefix_list, True),
    ("restore-role-trust", "role-trust-public", "hit-update.json", open_role, True),
    ("restore-role-trust", "role-trust-public", "hit-update.json", role_without_history, True),
    ("restore-route", "route-to-igw", "hit-replaced.json", replaced_route, True),
    ("revoke-ingress-rules", *SSH, opened_group, True),
    ("start-config-recorder", "detection-disabled-config", "hit-calls.jsonl", recorder, False),
    ("stop-public-ipv4-addresses", "subnet-auto-public-ip", "hit.json", addressing_subnet("MapPublicIpOnLaunch"), True),
    ("stop-ipv6-addresses", "subnet-auto-public-ip-ipv6", "hit.json", addressing_subnet("AssignIpv6AddressOnCreation"), True),
    ("unshare-image", "image-public", "hit.json", shared_image, True),
    ("unshare-snapshot", "snapshot-public", "hit.json", shared_snapshot, True),
]  # fmt: skip


# Actions whose findings need more than the record.
WITH_LIVE_STATE = ["disassociate-route-table", "restore-ingress-rule"]


def test_every_action_is_tried(remediator: Remediator) -> None:
    listed = remediator.cli("table").stdout.splitlines()
    assert {line.split()[0] for line in listed} == {case[0] for case in CASES}


def approve(remediator: Remediator, action_id: str, answer: str = "approve") -> None:
    """Approves an action as a person does."""
    remediator.told()
    assert remediator.step("ask", id=action_id, token=f"token-{action_id}").error_type is None
    [request] = remediator.told()
    with FunctionUrl(remediator) as url:
        answered = remediator.cli(answer, action_id, "--code", code(request), "--url", url.url)
    assert answered.returncode == 0, answered.stderr
    assert remediator.aws.tokens[-1] == f"token-{action_id}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[3].__name__}")
def test_an_action_is_done_and_undone(
    remediator: Remediator, case: tuple[str, str, str, Callable[[Remediator], Prepared], bool]
) -> None:
    action, rule, file, prepare, has_inverse = case
    prepared = prepare(remediator)
    before = prepared.describe()
    document = finding(rule, file, prepared.ids, remediator if action in WITH_LIVE_STATE else None)
    assert document["unmapped"]["action"]["name"] == action
    assert remediator.deliver(document) == []
    record = remediator.record(document)
    if record["status"] == "awaiting-approval":
        approve(remediator, record["id"])
        answered = remediator.step("answered", id=record["id"])
        assert answered.error_type is None, answered.body
        record = remediator.record(document)
    assert record["status"] == "done", record["detail"]
    assert prepared.describe() != before

    undone = remediator.undo(record["id"])
    if not has_inverse:
        assert undone.returncode == 2 and "has no inverse" in undone.stderr
        return
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert prepared.describe() == before
    record = remediator.record(document)
    assert (record["status"], record["person"].startswith("arn:aws:")) == ("undone", True)
    again = remediator.undo(record["id"])
    assert again.returncode == 2 and "only an action that is done" in again.stderr


def test_a_person_approves_once_with_the_code(endpoint: str) -> None:
    with Remediator(endpoint, "approve", APPROVE) as remediator:
        prepared = opened_group(remediator)
        before = prepared.describe()
        document = finding(*SSH, prepared.ids)
        assert remediator.deliver(document) == []
        record = remediator.record(document)
        action_id = record["id"]
        assert (record["status"], remediator.told()) == ("awaiting-approval", [])
        seconds = remediator.aws.executions[action_id]["seconds"]
        assert remediator.aws.executions[action_id]["id"] == action_id and 3500 < seconds <= 3605
        # The same message again starts nothing.
        assert remediator.deliver(document) == [] and len(remediator.aws.executions) == 1
        assert remediator.step("ask", id=action_id, token="first").error_type is None
        [first] = remediator.told()
        assert "APPROVAL NEEDED" in first and "revoke-security-group-ingress" in first
        # The state machine tries again: only the latest code counts.
        assert remediator.step("ask", id=action_id, token="second").error_type is None
        [request] = remediator.told()
        # Nothing of a code is stored or logged.
        stored = json.dumps(remediator.client("dynamodb").scan(TableName=remediator.table)["Items"])
        assert code(request) not in stored and code(request) not in remediator.function.output()

        def send(person: str, given: str, answer: str = "approve", is_signed: bool = True) -> tuple[int, str]:
            with FunctionUrl(remediator, person, is_signed) as url:
                sent = remediator.cli(answer, action_id, "--code", given, "--url", url.url)
                assert all("AWS4-HMAC-SHA256" in one and "/lambda/aws4_request" in one for one in url.signatures)
            return sent.returncode, sent.stdout + sent.stderr

        erin, frank = (f"arn:aws:sts::{ACCOUNT}:assumed-role/OnCall/{name}" for name in ("erin", "frank"))
        caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/OnCall/dana"
        assert send(erin, code(first)) == (2, "error: the code is wrong; take it from the latest message about the action\n")
        assert send(erin, "0" * 32)[0] == 2
        assert send(erin, code(request), is_signed=False) == (2, "error: the request is not signed by an IAM identity\n")
        assert send(caller, code(request)) == (2, "error: the caller of the call cannot answer; ask somebody else\n")
        assert remediator.step("answered", id=action_id).body["status"] == "unchanged"
        assert (remediator.aws.tokens, remediator.aws.count("RevokeSecurityGroupIngress")) == ([], 0)

        assert send(erin, code(request))[0] == 0
        assert remediator.aws.tokens == ["second"]
        for person, answer in [(erin, "approve"), (frank, "deny"), (erin, "deny")]:
            status, text = send(person, code(request), answer)
            assert (status, "an answer counts once" in text) == (2, True), text
        assert remediator.step("answered", id=action_id).body["status"] == "done"
        assert prepared.describe() != before
        assert remediator.record(document)["person"] == erin
        [done] = remediator.told()
        assert "DONE" in done and erin in done
        # The state machine's step again, and a step that is too late.
        assert remediator.step("answered", id=action_id).body["status"] == "unchanged"
        assert remediator.step("timeout", id=action_id).body["status"] == "unchanged"
        assert remediator.step("ask", id=action_id, token="third").error_type == "RequestRefused"
        assert remediator.aws.count("RevokeSecurityGroupIngress") == 1
        unknown = remediator.cli("approve", "no-such-id", "--code", "0" * 32, "--url", "http://127.0.0.1:9/")
        assert unknown.returncode == 2


def test_a_person_says_no_or_nobody_answers(endpoint: str) -> None:
    with Remediator(endpoint, "refuse", f"{{{APPROVE}, limits: {{approval-minutes: 1}}}}") as remediator:
        prepared = opened_group(remediator)
        before = prepared.describe()
        no = finding(*SSH, prepared.ids)
        assert remediator.deliver(no) == []
        action_id = remediator.record(no)["id"]
        approve(remediator, action_id, "deny")
        assert remediator.step("answered", id=action_id).body == {"status": "refused", "detail": "A person said no."}
        assert "NOT DONE" in remediator.told()[0]

        late = finding(*SSH, prepared.ids)
        assert remediator.deliver(late) == []
        action_id = remediator.record(late)["id"]
        assert remediator.step("ask", id=action_id, token="t").error_type is None
        [request] = remediator.told()
        assert remediator.step("timeout", id=action_id).body["status"] == "unchanged"
        expire(remediator, action_id)
        with FunctionUrl(remediator) as url:
            sent = remediator.cli("approve", action_id, "--code", code(request), "--url", url.url)
        assert (sent.returncode, "expired" in sent.stderr) == (2, True)
        assert remediator.step("timeout", id=action_id).body["detail"] == "Nobody answered in time."
        assert "Nobody answered in time" in remediator.told()[0]
        assert prepared.describe() == before and remediator.aws.tokens == [f"token-{remediator.record(no)['id']}"]


def expire(remediator: Remediator, action_id: str) -> None:
    """Has the time for an answer end in the past."""
    table = remediator.client("dynamodb")
    for key in (f"action/{action_id}", f"approval/{action_id}"):
        item = table.get_item(TableName=remediator.table, Key={"id": {"S": key}})["Item"]
        value = {**json.loads(item["value"]["S"]), "until": "2026-01-01T00:00:00Z"}
        table.put_item(TableName=remediator.table, Item={**item, "value": {"S": json.dumps(value)}})


def test_without_a_state_machine_approval_is_a_plan(endpoint: str) -> None:
    with Remediator(endpoint, "no-machine", APPROVE, APPROVAL_STATE_MACHINE_ARN="") as remediator:
        document = finding(*SSH, opened_group(remediator).ids)
        assert remediator.deliver(document) == []
        assert remediator.record(document)["status"] == "planned"
        [told] = remediator.told()
        assert "no state machine for approvals is configured" in told and "PLAN" in told


def test_faults_never_act_twice_and_never_lose_the_record(endpoint: str) -> None:
    with Remediator(endpoint, "faults") as remediator:
        aws = remediator.aws

        def once(name: str, answer: object) -> None:
            """Has the next call fail."""
            left = [answer]
            aws.fault = lambda called: left.pop() if called == name and left else None

        def always(name: str, answer: object) -> None:
            aws.fault = lambda called: answer if called == name else None

        def acts() -> int:
            return aws.count("RevokeSecurityGroupIngress")

        # Throttled: the message stays in the queue, and the next delivery completes it.
        prepared = opened_group(remediator)
        document = finding(*SSH, prepared.ids)
        always("RevokeSecurityGroupIngress", ec2_error("RequestLimitExceeded", 503))
        assert remediator.deliver(document) == ["message-0"]
        assert remediator.record(document)["status"] == "started"
        always("", None)
        assert remediator.deliver(document) == []
        assert remediator.record(document)["status"] == "done"
        before = acts()
        assert remediator.deliver(document, document) == [] and acts() == before
        assert sum("DONE" in told for told in remediator.told()) == 1

        # Denied: people are told, and the message is not delivered again.
        document = finding(*SSH, opened_group(remediator).ids)
        always("RevokeSecurityGroupIngress", ec2_error("UnauthorizedOperation", 403))
        assert remediator.deliver(document) == []
        assert remediator.record(document)["status"] == "failed"
        assert "UnauthorizedOperation" in remediator.told()[0]
        always("", None)

        # The response is lost, before and after the call: the SDK sends it again, and it counts once.
        for fault in ("drop", "late"):
            prepared = opened_group(remediator)
            document = finding(*SSH, prepared.ids)
            once("RevokeSecurityGroupIngress", fault)
            assert remediator.deliver(document) == []
            assert (remediator.record(document)["status"], opened(prepared)) == ("done", 1)
            remediator.told()

        # The response to the write of the record is lost: the SDK's second write is recognised.
        document = finding(*SSH, opened_group(remediator).ids)
        once("PutItem", "late")
        assert remediator.deliver(document) == []
        assert remediator.record(document)["status"] == "done"


def test_a_killed_function_leaves_a_record_that_another_completes(endpoint: str) -> None:
    with Remediator(endpoint, "killed") as remediator:
        for name, fault in [("RevokeSecurityGroupIngress", "before"), ("RevokeSecurityGroupIngress", "after")]:
            prepared = opened_group(remediator)
            document = finding(*SSH, prepared.ids)
            # It ends at the call: with the record written, and the call not made or made.
            victim = remediator.another()
            done: list[int] = []

            def kill(called: str, name: str = name, fault: str = fault, victim: Any = victim, done: Any = done) -> object:
                if called != name or done:
                    return None
                done.append(1)
                victim.kill()
                return "drop" if fault == "before" else "late"

            remediator.aws.fault = kill
            victim.start(remediator.event(document))
            victim.wait()
            victim.__exit__(None, None, None)
            remediator.aws.fault = lambda _: None
            record = remediator.record(document)
            assert record["status"] == "started" and record["inverse"]
            # Another environment waits until the claim ends.
            assert remediator.deliver(document) == ["message-0"]
            release(remediator, record["id"])
            assert remediator.deliver(document) == []
            record = remediator.record(document)
            assert record["status"] == "done", record["detail"]
            assert sum("DONE" in told for told in remediator.told()) == 1
            # The inverse is that of the state from before the first call.
            assert remediator.undo(record["id"]).returncode == 0


def release(remediator: Remediator, action_id: str) -> None:
    """Ends the claim of a function that no longer exists."""
    table = remediator.client("dynamodb")
    item = table.get_item(TableName=remediator.table, Key={"id": {"S": f"action/{action_id}"}})["Item"]
    value = {**json.loads(item["value"]["S"]), "until": "2026-01-01T00:00:00Z"}
    table.put_item(TableName=remediator.table, Item={**item, "value": {"S": json.dumps(value)}})


def test_two_environments_act_once(endpoint: str) -> None:
    with Remediator(endpoint, "two") as remediator, remediator.another() as other:
        documents = [finding(*SSH, opened_group(remediator).ids) for _ in range(4)]
        event = remediator.event(*documents)
        other.start(event)
        stays = remediator.deliver(*documents)
        # What the other works on stays in the queue, until it is done.
        for _ in range(20):
            if not stays:
                break
            stays = remediator.deliver(*documents)
        assert stays == []
        assert remediator.aws.count("RevokeSecurityGroupIngress") == 4
        assert {one["status"] for one in remediator.records()} == {"done"}
        assert sum("DONE" in told for told in remediator.told()) == 4


def test_brakes_hold(endpoint: str) -> None:
    policy = f"{{{AUTO}, limits: {{max-per-hour: 2}}}}"
    with Remediator(endpoint, "brakes", policy) as remediator:
        # A backlog: nothing is read or changed.
        old = finding(*SSH, opened_group(remediator).ids, minutes=16)
        backlog = []
        for number in range(1000):
            one = json.loads(json.dumps(old))
            one["metadata"]["uid"] = f"old-{number}"
            backlog.append(one)
        calls = len(remediator.aws.calls)
        # The emulated DynamoDB takes a minute to find nothing a thousand times.
        remediator.aws.fault = lambda name: (200, b"{}") if name == "GetItem" else None
        for start in range(0, len(backlog), 100):
            assert remediator.deliver(*backlog[start : start + 100]) == []
        made = {name for name, _ in remediator.aws.calls[calls:]}
        remediator.aws.fault = lambda _: None
        assert made == {"GetItem"}, made
        assert remediator.records() == [] and remediator.told() == []

        # The kill switch.
        remediator.flip("off")
        stopped = finding(*SSH, opened_group(remediator).ids)
        assert remediator.deliver(stopped) == []
        assert remediator.record(stopped)["status"] == "refused"
        assert "kill switch" in remediator.told()[0]
        remediator.flip("on")

        # The breaker trips at the third act, and a person resets it.
        documents = [finding(*SSH, opened_group(remediator).ids) for _ in range(3)]
        assert remediator.deliver(*documents) == []
        assert [remediator.record(one)["status"] for one in documents] == ["done", "done", "refused"]
        assert "breaker" in remediator.told()[-1]
        reset = remediator.cli("reset", SSH[0], ACCOUNT, "--table", remediator.table)
        assert reset.returncode == 0, reset.stderr
        again = finding(*SSH, opened_group(remediator).ids)
        assert remediator.deliver(again) == []
        assert remediator.record(again)["status"] == "done"
        assert remediator.cli("reset", "no-such-rule", ACCOUNT, "--table", remediator.table).returncode == 2

        # Infrastructure as code: a person must approve, whatever the policy.
        code_made = finding(*SSH, opened_group(remediator).ids, userAgent="APN/1.0 HashiCorp/1.0 Terraform/1.9")
        assert remediator.deliver(code_made) == []
        assert remediator.record(code_made)["status"] == "awaiting-approval"

        listed = remediator.cli("list", "--table", remediator.table, "--status", "done")
        assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 3)
        shown = remediator.cli("show", remediator.record(again)["id"], "--table", remediator.table)
        assert "aws ec2 authorize-security-group-ingress" in shown.stdout
        assert remediator.cli("show", "no-such-id", "--table", remediator.table).returncode == 2
        line = json.loads(remediator.function.output().splitlines()[-1])
        assert line["RemediationMessages"] == 1 and line["RemediationApprovalsRequested"] == 1


def test_another_account_is_called_with_the_role_there(endpoint: str) -> None:
    with Remediator(
        endpoint, "member", REMEDIATION_ROLE_NAME="trailwarden-remediation", REMEDIATION_EXTERNAL_ID="an-id"
    ) as remediator:
        member = "444455556666"
        credentials = remediator.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{member}:role/admin", RoleSessionName="test"
        )["Credentials"]
        there = Remediator.__new__(Remediator)
        there.aws = remediator.aws
        there.session = boto3.Session(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], region_name="eu-west-1"
        )
        prepared = opened_group(there)
        before = prepared.describe()
        document = finding(*SSH, {ACCOUNT: member, **prepared.ids})
        assert document["cloud"]["account"]["uid"] == member
        assert remediator.deliver(document) == []
        record = remediator.record(document)
        assert record["status"] == "done", record["detail"]
        assert prepared.describe() != before
        roles = [fields for name, fields in remediator.aws.calls if name == "AssumeRole" and fields.get("ExternalId")]
        assert {one["RoleArn"] for one in roles} == {f"arn:aws:iam::{member}:role/trailwarden-remediation"}
        # Reads have a session of their own; what changes something has the action's id.
        assert {one["RoleSessionName"] for one in roles} == {"trailwarden-remediator", record["id"]}
        denied = remediator.undo(record["id"])
        assert denied.returncode == 2 and "no role in account 444455556666 is configured" in denied.stderr
        undone = remediator.cli("undo", record["id"], "--table", remediator.table, "--role-name", "admin")
        assert undone.returncode == 0, undone.stderr
        assert prepared.describe() == before


def test_a_finding_travels_from_the_evaluating_function(endpoint: str) -> None:
    session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="eu-west-1")
    outbox = session.client("sqs", endpoint_url=endpoint).create_queue(QueueName="whole-outbox")["QueueUrl"]
    session.client("ssm", endpoint_url=endpoint).put_parameter(Name="/whole/pagerduty", Value="key", Type="SecureString")
    pagerduty = WebhookServer()
    oncall = {"name": "oncall", "kind": "pagerduty", "secret": "ssm:/whole/pagerduty", "url": f"{pagerduty.url}/v2/enqueue"}
    configuration = json.dumps({"webhooks": [oncall]})
    with Remediator(endpoint, "whole", OUTBOX_QUEUE_URL=outbox) as remediator, Function(
        endpoint, FINDINGS_TOPIC_ARN=remediator.findings.arn, CONFIG=configuration, OUTBOX_QUEUE_URL=outbox
    ) as evaluator:
        prepared = opened_group(remediator)
        document = finding(*SSH, prepared.ids)
        event = document["finding_info"]["related_events"][0]
        record = json.loads(replaced(json.dumps(fixture(*SSH)), prepared.ids))
        record["eventTime"] = datetime.fromtimestamp(event["created_time"] / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert evaluator.invoke(payloads.delivery(record)).error_type is None
        sqs = remediator.client("sqs")
        received = sqs.receive_message(QueueUrl=remediator.findings.queue, MaxNumberOfMessages=10)["Messages"]
        message = json.loads(remediator.event({}))["Records"][0]
        messages = [{**message, "messageId": str(number), "body": one["Body"]} for number, one in enumerate(received)]
        for one in received:
            sqs.delete_message(QueueUrl=remediator.findings.queue, ReceiptHandle=one["ReceiptHandle"])
        answer = remediator.function.invoke(json.dumps({"Records": messages}))
        assert answer.body == {"batchItemFailures": []}
        assert opened(prepared) == 1
        # The resolved finding is on the topic, and the remediator leaves it alone.
        [resolved] = remediator.findings.receive()
        assert resolved.document["compliance"]["status_code"] == "COMPLIANT"
        assert resolved.attributes["status"] == ("String", "COMPLIANT")
        assert resolved.attributes["rule"] == ("String", SSH[0]) and len(resolved.attributes) == 10
        assert ocsf.faults(resolved.document) == []
        acts = remediator.aws.count("RevokeSecurityGroupIngress")
        assert remediator.deliver(resolved.document) == [] and len(remediator.records()) == 1
        assert remediator.aws.count("RevokeSecurityGroupIngress") == acts == 1
        # By the outbox, the evaluating function resolves the incident.
        [waiting] = sqs.receive_message(QueueUrl=outbox)["Messages"]
        assert "raw_data" not in waiting["Body"]
        _, account, name = outbox.rsplit("/", 2)
        arn = f"arn:aws:sqs:eu-west-1:{account}:{name}"
        answer = evaluator.invoke(json.dumps({"Records": [{**message, "body": waiting["Body"], "eventSourceARN": arn}]}))
        assert answer.body == {"batchItemFailures": []}
        trigger, resolve = (request.body for request in pagerduty.requests)
        assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
        assert trigger["dedup_key"] == resolve["dedup_key"] == resolved.document["finding_info"]["uid"]
    pagerduty.close()


def test_other_payloads_and_messages_are_refused_by_name(remediator: Remediator) -> None:
    for payload in ["{}", "[]", '{"Records": [{"eventSource": "aws:s3"}]}', '{"approval": {"yes": {"id": "x"}}}']:
        assert remediator.function.invoke(payload).error_type == "PayloadRejected"
    document = finding(*SSH, opened_group(remediator).ids)
    event = json.loads(remediator.event(document, document, {"class_uid": 1}))
    event["Records"][0]["body"] = "not JSON \x1b[2J"
    answer = remediator.function.invoke(json.dumps(event))
    assert answer.body == {"batchItemFailures": []}
    assert remediator.record(document)["status"] == "done"
    other = remediator.event(finding(*SSH, opened_group(remediator).ids), topic=remediator.alerts.arn)
    assert remediator.function.invoke(other).body == {"batchItemFailures": []}
    rejected = [line for line in remediator.function.log() if line["message"] == "rejected"]
    assert len(rejected) == 3 and "another topic" in rejected[-1]["reason"]


def test_every_error_of_the_configuration_is_reported(endpoint: str) -> None:
    with Function(
        endpoint,
        binary_name="remediator",
        FINDINGS_TOPIC_ARN="nonsense",
        REMEDIATION_POLICY="statements: [{rules: [trail-stoped], mode: auto}]",
        REMEDIATION_TABLE="x",
        APPROVAL_STATE_MACHINE_ARN="machine",
        OWN_ROLES="trailwarden-remediator",
        REMEDIATION_EXTERNAL_ID="an-id",
    ) as function:
        assert function.exit_code() == 1
        faults = [line["fault"].split(" ")[0] for line in function.log()]
    assert sorted(faults) == [
        "APPROVAL_STATE_MACHINE_ARN",
        "FINDINGS_TOPIC_ARN",
        "KILL_SWITCH_PARAMETER",
        "OWN_ROLES",
        "REMEDIATION_EXTERNAL_ID",
        "REMEDIATION_POLICY:1:",
        "REMEDIATION_POLICY:1:",
        "REMEDIATION_TABLE",
    ]
