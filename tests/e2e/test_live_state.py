"""What the function says of findings when it reads EC2 and IAM: the real SDK against the emulated AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import ocsf
import pytest
from faults import Faults
from function import Function
from network import Network
from payloads import Record, blocked_action, delivery, opened_group, record
from topic import Topic

ACCOUNT = "123456789012"
XML = "http://ec2.amazonaws.com/doc/2016-11-15/"
EC2 = "ec2.amazonaws.com"

Fault = Callable[[dict[str, str]], object]


def of_block_public_access(fields: dict[str, str], mode: str = "off", exclusions: str = "") -> object:
    """The two answers that the emulated EC2 does not have."""
    match fields.get("Action"):
        case "DescribeVpcBlockPublicAccessOptions":
            options = f"<internetGatewayBlockMode>{mode}</internetGatewayBlockMode><state>update-complete</state>"
            inside = f"<vpcBlockPublicAccessOptions>{options}</vpcBlockPublicAccessOptions>"
        case "DescribeVpcBlockPublicAccessExclusions":
            inside = f"<vpcBlockPublicAccessExclusionSet>{exclusions}</vpcBlockPublicAccessExclusionSet>"
        case _:
            return None
    action = fields["Action"]
    return 200, f'<{action}Response xmlns="{XML}"><requestId>r</requestId>{inside}</{action}Response>'.encode()


def denied(fields: dict[str, str]) -> object:
    """Whatever is read of EC2 and IAM is denied."""
    action = fields.get("Action", "")
    if action.startswith(("Describe", "GetManaged")):
        error = "<Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message></Error>"
        return 403, f"<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>".encode()
    if action.startswith(("GetRole", "ListRole", "ListAttached")):
        error = "<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>"
        return 403, f"<ErrorResponse>{error}</ErrorResponse>".encode()
    return None


@pytest.fixture(scope="module")
def network(endpoint: str) -> Network:
    return Network(endpoint)


def opened(network: Network, cidr: str = "0.0.0.0/0", **changes: Any) -> Record:
    """The record of the call that opened the group of the network."""
    key = "cidrIp" if "." in cidr else "cidrIpv6"
    request = {"groupId": network.group, "ipPermissions": {}, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, key: cidr}
    return record(EC2, "AuthorizeSecurityGroupIngress", request, recipientAccountId=ACCOUNT, **changes)


class Live:
    """A new function with live state for each payload, since a running one remembers answers."""

    def __init__(self, endpoint: str, topic: Topic) -> None:
        self._endpoint = endpoint
        self._topic = topic
        self.actions: list[str] = []
        self.log: list[dict[str, Any]] = []

    def findings(self, *records: Record, fault: Fault = of_block_public_access, **configuration: str) -> list[dict[str, Any]]:
        self.actions = []

        def counted(_: int, fields: dict[str, str]) -> object:
            self.actions.append(fields.get("Action", ""))
            return fault(fields)

        environment = {"FINDINGS_TOPIC_ARN": self._topic.arn, "LIVE_STATE": "on", **configuration}
        with Faults(self._endpoint, counted) as faults, Function(faults.endpoint, **environment) as function:
            answer = function.invoke(delivery(*records))
            assert answer.error_type is None, answer.body
            tally = answer.response
            assert tally["received"] == tally["clean"] + tally["matched"] + tally["exempt"] + tally["rejected"]
            self.log = function.log()
        documents = [message.document for message in self._topic.receive()]
        for document in documents:
            assert ocsf.faults(document) == []
        return documents

    def verdict(self, *records: Record, rule: str = "sg-ingress-world-admin", **more: Any) -> tuple[str, str]:
        found = [one for one in self.findings(*records, **more) if one["compliance"]["control"] == rule]
        assert len(found) == 1, found
        state = found[0]["evidences"][1]["data"]
        return state["outcome"], state["summary"]


@pytest.fixture
def live(endpoint: str, topic: Topic) -> Live:
    return Live(endpoint, topic)


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "::/0"])
def test_an_instance_on_the_internet_is_confirmed_with_the_whole_path(live: Live, network: Network, cidr: str) -> None:
    (finding,) = live.findings(opened(network, cidr))
    state = finding["evidences"][1]
    assert state["name"] == "Live state"
    assert state["data"]["outcome"] == "confirmed"
    (path,) = state["data"]["paths"]
    assert (path["interface"], path["instance"]) == (network.interface, network.instance)
    if cidr == "0.0.0.0/0":
        assert path["address"] == network.address
    family = "IPv4" if "." in cidr else "IPv6"
    assert path["hops"] == [
        f"internet ({family})",
        network.gateway,
        f"route table {network.table}",
        f"network ACL {network.acl}",
        f"{network.group} (tcp port 22)",
        f"{network.interface} ({path['address']})",
        network.instance,
    ]
    assert state["data"]["checked_at"]
    assert finding["severity"] == "Critical"


@pytest.fixture
def without(network: Network, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The network without one of its parts, which comes back afterwards; the verdict and words to expect."""
    ec2, n = network.ec2, network
    v4 = {"CidrBlock": "0.0.0.0/0"}
    route = {"RouteTableId": n.table, "DestinationCidrBlock": "0.0.0.0/0"}
    address = {"AllocationId": n.allocation}
    attachment = {"InternetGatewayId": n.gateway, "VpcId": n.vpc}
    world = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}

    def disassociate() -> None:
        found = ec2.describe_addresses(AllocationIds=[n.allocation])["Addresses"][0]
        ec2.disassociate_address(AssociationId=found["AssociationId"])

    parts: dict[str, tuple[Callable[[], Any], Callable[[], Any], str, str]] = {
        "address": (disassociate, lambda: ec2.associate_address(InstanceId=n.instance, **address), "latent", "no public"),
        "route": (
            lambda: ec2.delete_route(**route),
            lambda: ec2.create_route(GatewayId=n.gateway, **route),
            "latent",
            "no IPv4 route",
        ),
        "gateway": (
            lambda: ec2.detach_internet_gateway(**attachment),
            lambda: ec2.attach_internet_gateway(**attachment),
            "latent",
            "not attached",
        ),
        "rule": (lambda: n.revoke(**world), lambda: n.authorize(**world), "remediated", "no longer"),
        "acl-in": (lambda: n.deny(False, **v4), lambda: n.allow_again(False), "mitigated", "blocks it"),
        "acl-out": (lambda: n.deny(True, **v4), lambda: n.allow_again(True), "mitigated", "blocks the return traffic"),
        "instance": (
            lambda: ec2.stop_instances(InstanceIds=[n.instance]),
            lambda: ec2.start_instances(InstanceIds=[n.instance]),
            "latent",
            "is stop",
        ),
    }
    take, give, verdict, words = parts[request.param]
    take()
    yield verdict, words
    give()


PARTS = ["address", "route", "gateway", "rule", "acl-in", "acl-out", "instance"]


@pytest.mark.parametrize("without", PARTS, indirect=True)
def test_each_hop_that_is_missing_is_named(live: Live, network: Network, without: tuple[str, str]) -> None:
    verdict, words = without
    outcome, summary = live.verdict(opened(network))
    assert (outcome, words in summary) == (verdict, True), summary


def test_the_same_holds_for_ipv6(live: Live, network: Network) -> None:
    world = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    network.deny(False, Ipv6CidrBlock="::/0")
    assert live.verdict(opened(network, "::/0"))[0] == "mitigated"
    # Over IPv4 nothing has changed.
    assert live.verdict(opened(network))[0] == "confirmed"
    network.allow_again(False)
    network.revoke(**world)
    assert live.verdict(opened(network, "::/0"))[0] == "remediated"
    network.authorize(**world)
    route = {"RouteTableId": network.table, "DestinationIpv6CidrBlock": "::/0"}
    network.ec2.delete_route(**route)
    assert live.verdict(opened(network, "::/0"))[0] == "latent"
    network.ec2.create_route(GatewayId=network.gateway, **route)
    assert live.verdict(opened(network, "::/0"))[0] == "confirmed"


def test_vpc_block_public_access_blocks_unless_the_vpc_is_excluded(live: Live, network: Network) -> None:
    def blocking(exclusions: str) -> Fault:
        return lambda fields: of_block_public_access(fields, "block-bidirectional", exclusions)

    outcome, summary = live.verdict(opened(network), fault=blocking(""))
    assert (outcome, "block public access" in summary) == ("mitigated", True)
    excluded = (
        f"<item><resourceArn>arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/{network.vpc}</resourceArn>"
        "<internetGatewayExclusionMode>allow-bidirectional</internetGatewayExclusionMode>"
        "<state>create-complete</state></item>"
    )
    assert live.verdict(opened(network), fault=blocking(excluded))[0] == "confirmed"


def test_an_address_is_followed_by_its_allocation_or_itself(live: Live, network: Network) -> None:
    for named in ({"allocationId": network.allocation}, {"publicIp": network.address}):
        associated = record(EC2, "AssociateAddress", named, recipientAccountId=ACCOUNT)
        outcome, summary = live.verdict(associated, rule="eip-associated")
        assert (outcome, network.instance in summary) == ("confirmed", True), summary


def test_an_entry_of_a_network_acl_is_followed_to_what_is_behind_it(live: Live, network: Network) -> None:
    request = {
        "networkAclId": network.acl,
        "ruleNumber": 90,
        "egress": False,
        "ruleAction": "allow",
        "aclProtocol": "6",
        "portRange": {"from": 22, "to": 22},
        "cidrBlock": "0.0.0.0/0",
    }
    entry = {"Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 22, "To": 22}}
    named = {"NetworkAclId": network.acl, "RuleNumber": 90, "Egress": False}
    network.ec2.create_network_acl_entry(**named, **entry)
    created = record(EC2, "CreateNetworkAclEntry", request, recipientAccountId=ACCOUNT)
    outcome, summary = live.verdict(created, rule="nacl-ingress-world-admin")
    assert (outcome, network.instance in summary) == ("confirmed", True), summary
    network.ec2.delete_network_acl_entry(**named)


def test_with_every_call_denied_only_the_reason_is_added(live: Live, network: Network) -> None:
    records = [opened(network), record(EC2, "DeleteVpc", {"vpcId": network.vpc}, recipientAccountId=ACCOUNT)]
    plain = {one["metadata"]["uid"]: one for one in live.findings(*records, LIVE_STATE="off")}
    documents = live.findings(*records, fault=denied)
    assert {one["metadata"]["uid"] for one in documents} == plain.keys()
    for document in documents:
        before = plain[document["metadata"]["uid"]]
        if document["compliance"]["control"] == "sg-ingress-world-admin":
            state = document["evidences"].pop()["data"]
            assert state["outcome"] == "unknown"
            assert "UnauthorizedOperation" in state["summary"]
            assert document["compliance"]["status_details"].pop() == state["summary"]
        for one in (document, before):
            one.pop("time")
            one["finding_info"].pop("created_time")
        assert document == before


def test_many_findings_about_one_network_cost_a_handful_of_calls(live: Live, network: Network) -> None:
    records = [opened(network, eventID=f"00000000-0000-4000-8000-{place:012}") for place in range(500)]
    documents = live.findings(*records)
    assert len(documents) == 500
    assert {one["evidences"][1]["data"]["outcome"] for one in documents} == {"confirmed"}
    calls = [action for action in live.actions if action.startswith(("Describe", "Get"))]
    assert len(calls) < 12, calls
    (line,) = [one for one in live.log if one.get("message") == "evaluated"]
    assert line["LiveLookups"] >= len(calls) - 2
    assert line["LiveLookupsFailed"] == 0


def test_what_only_state_can_decide_becomes_a_finding_or_silence(live: Live, network: Network) -> None:
    def started(instance: str) -> Record:
        return record(
            EC2,
            "RunInstances",
            {"instancesSet": {"items": [{"imageId": "ami-1"}]}, "subnetId": network.subnet},
            responseElements={"instancesSet": {"items": [{"instanceId": instance}]}},
            recipientAccountId=ACCOUNT,
        )

    # Who gave the first instance its Elastic IP address is told by another record.
    assert live.findings(started(network.instance)) == []
    public = network.start_in_public_subnet()
    assert [one["compliance"]["control"] for one in live.findings(started(public))] == ["instance-public-ip"]
    assert live.findings(started(public), LIVE_STATE="off") == []
    warned = live.findings(started(public), fault=denied)
    assert [one["compliance"]["control"] for one in warned] == ["exposure-unanswered"]
    assert "ec2:DescribeNetworkInterfaces" in warned[0]["message"]
    rules = network.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [network.group]}])
    for rule in rules["SecurityGroupRules"]:
        change = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "tag": 1}
        change["SecurityGroupRule"] = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}
        request = {"ModifySecurityGroupRulesRequest": {"GroupId": network.group, "SecurityGroupRule": change}}
        changed = record(EC2, "ModifySecurityGroupRules", request, recipientAccountId=ACCOUNT)
        found = [one["compliance"]["status_code"] for one in live.findings(changed)]
        assert found == ([] if rule["IsEgress"] else ["NON_COMPLIANT"])
        assert [one["compliance"]["status_code"] for one in live.findings(changed, LIVE_STATE="off")] == ["WARNING"]


def test_a_policy_that_makes_an_open_role_an_administrator_is_found(live: Live, endpoint: str) -> None:
    iam: Any = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="us-east-1").client("iam", endpoint_url=endpoint)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName="ci-deploy", AssumeRolePolicyDocument=trust)
    request = {"roleName": "ci-deploy", "policyName": "deploy"}
    put = record("iam.amazonaws.com", "PutRolePolicy", request, recipientAccountId=ACCOUNT, awsRegion="us-east-1")
    assert live.findings(put) == []
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="ci-deploy", PolicyName="deploy", PolicyDocument=json.dumps(policy))
    (finding,) = live.findings(put)
    assert finding["compliance"]["control"] == "role-trust-public-admin"
    assert finding["severity"] == "Critical"
    assert "deploy" in finding["message"]
    # A trust policy that is not in the record is read.
    masked = record(
        "iam.amazonaws.com",
        "UpdateAssumeRolePolicy",
        {"roleName": "ci-deploy", "policyDocument": "****"},
        recipientAccountId=ACCOUNT,
        awsRegion="us-east-1",
    )
    rules = sorted(one["compliance"]["control"] for one in live.findings(masked))
    assert rules == ["role-trust-public", "role-trust-public-admin"]
    assert [one["compliance"]["control"] for one in live.findings(masked, fault=denied)] == ["role-trust-undecidable"]


def test_another_account_is_read_with_the_role_that_is_assumed_there(live: Live, network: Network, endpoint: str) -> None:
    member = "222233334444"
    foreign = {**opened(network), "recipientAccountId": member}
    outcome, summary = live.verdict(foreign)
    assert (outcome, "MEMBER_ROLE_NAME" in summary) == ("unknown", True), summary
    # The group is none of that account's, which is empty: sessions of its role see that account.
    outcome, summary = live.verdict(foreign, MEMBER_ROLE_NAME="trailwarden-reader", MEMBER_ROLE_EXTERNAL_ID="x1")
    assert (outcome, "no longer" in summary) == ("remediated", True), summary
    assert "AssumeRole" in live.actions


def test_live_state_that_is_configured_wrongly_does_not_start(endpoint: str, topic: Topic) -> None:
    for configuration, told in [
        ({"LIVE_STATE": "yes"}, "LIVE_STATE"),
        ({"ACCOUNT_NAMES": "organizations"}, "LIVE_STATE is off"),
        ({"LIVE_STATE": "on", "MEMBER_ROLE_EXTERNAL_ID": "x"}, "MEMBER_ROLE_NAME is not"),
        ({"LIVE_STATE": "on", "MEMBER_ROLE_NAME": f"arn:aws:iam::{ACCOUNT}:role/reader"}, "use the name of the role"),
        ({"CONFIG": "rules: []"}, "CONFIG:1"),
        ({"CONFIG": "packs: {}", "CONFIG_FILE": "/nonexistent"}, "CONFIG_FILE is set too"),
    ]:
        with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, **configuration) as function:
            assert function.exit_code() == 1
            assert told in function.output(), function.output()


def test_accounts_are_called_what_organizations_calls_them(live: Live, network: Network, endpoint: str) -> None:
    session = boto3.Session("AKIAEXAMPLEKEYID0001", "example", region_name="us-east-1")
    organizations: Any = session.client("organizations", endpoint_url=endpoint)
    organizations.create_organization(FeatureSet="ALL")
    name = organizations.describe_account(AccountId=ACCOUNT)["Account"]["Name"]
    (finding,) = live.findings(opened(network), ACCOUNT_NAMES="organizations")
    assert finding["cloud"]["account"]["name"] == name
    (finding,) = live.findings(opened(network), ACCOUNT_NAMES="organizations", CONFIG=f'account-names: {{"{ACCOUNT}": edge}}')
    assert finding["cloud"]["account"]["name"] == "edge"
    (finding,) = live.findings(opened(network))
    assert "name" not in finding["cloud"]["account"]


def test_exemptions_by_live_state_that_have_no_effect_are_said_at_start(endpoint: str, topic: Topic) -> None:
    for state, times in (("off", 1), ("on", 0)):
        configuration = {"CONFIG": "live-state: {exempt-default-vpc: true}", "LIVE_STATE": state}
        with Function(endpoint, FINDINGS_TOPIC_ARN=topic.arn, **configuration) as function:
            assert function.invoke(delivery(record(EC2, "DescribeVpcs", {}))).error_type is None
            warnings = [line for line in function.log() if line.get("level") == "WARN"]
        assert len(warnings) == times
        assert all("LIVE_STATE is off" in line["message"] for line in warnings)


def test_findings_that_do_not_wait_for_live_state_arrive_while_it_is_silent(endpoint: str, topic: Topic) -> None:
    def silent(_: int, fields: dict[str, str]) -> object:
        return "hang" if fields["Action"].startswith("Describe") else None

    alerts = Topic(endpoint, "alerts-ahead-of-live-state")
    payload = delivery(opened_group(recipientAccountId=ACCOUNT), blocked_action(recipientAccountId=ACCOUNT))
    environment = {"FINDINGS_TOPIC_ARN": topic.arn, "ALERTS_TOPIC_ARN": alerts.arn, "LIVE_STATE": "on"}
    with Faults(endpoint, silent) as faults, Function(faults.endpoint, **environment) as function:
        function.start(payload)
        for arriving in (topic, alerts):
            arrived = eventually(arriving.receive)
            assert [one.document["compliance"]["control"] for one in arrived] == ["blocked-action"]


def eventually(receive: Callable[[], list[Any]]) -> list[Any]:
    """What is received within ten seconds, which is less than live state may take."""
    end = time.monotonic() + 10
    while not (received := receive()):
        assert time.monotonic() < end, "nothing has arrived"
        time.sleep(0.05)
    return received
