"""The remediator undoes what findings report, on an emulated AWS, and people undo that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aws_stand_in import ec2_error
from remediator import ACCOUNT, APPROVE, AUTO, FunctionUrl, Remediator, code, finding

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
        SnapshotId=snapshot, CreateVolumePermission={"Add": [{"UserId": "444455556666"}, {"Group": "all"}]}
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
    aws.client("s3").create_bucket(Bucket="trail-logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
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


def metadata_defaults(aws: Remediator) -> Prepared:
    return Prepared({}, lambda: aws.aws.http_tokens)


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
    ("require-imds-tokens", "imdsv1-allowed", "hit-modified.json", imds, True),
    ("require-imds-tokens-by-default", "imdsv1-allowed-account", "hit.json", metadata_defaults, True),
    ("restart-trail", "trail-stopped", "hit-calls.jsonl", stopped_trail, False),
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
    document = finding(rule, file, prepared.ids)
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
