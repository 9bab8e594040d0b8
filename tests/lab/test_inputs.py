"""Records reach the function by every way that the modules make: a bus, a stream, log files, and data events of a trail."""

from __future__ import annotations

import gzip
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws import Aws, Keys
from conftest import ARCHITECTURE
from delivery import EVENTS, destination_of, may_subscribe
from deployment import Deployment
from function import ROOT
from iam import Request, allows
from invoker import Invoker
from moto.events.models import events_backends
from payloads import blocked_action, clean, opened_group, record
from terraform import Terraform

# The Region that the examples name.
REGION, OTHER_REGION = "eu-west-1", "us-east-1"
LOG_BUCKET, WATCHED_BUCKET, LOG_GROUP = "org-trail-bucket-5", "payroll-exports", "trail-logs"


@dataclass
class Member:
    """Another account of the organization, with `examples/member-account` applied."""

    account: str
    keys: Keys
    terraform: Terraform

    @property
    def stream(self) -> str:
        return f"{self.account}_CloudTrail_{REGION}"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inputs")


def example(tree: Path, name: str, copy: str) -> Path:
    """A directory of its own for each time that an example is applied."""
    shutil.copytree(ROOT / "terraform", tree / copy, ignore=shutil.ignore_patterns(".terraform*", "tests"))
    return tree / copy / "examples" / name


@pytest.fixture(scope="module")
def central(aws: Aws, invoker: Invoker, zip_file: Path, tree: Path) -> Iterator[Deployment]:
    account = "555555555555"
    keys = aws.administrator(account)
    organization = keys.client("organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]
    place = {"LocationConstraint": REGION}
    keys.client("s3", REGION).create_bucket(Bucket=LOG_BUCKET, CreateBucketConfiguration=place)
    variables = {
        "package_file": str(zip_file),
        "architecture": ARCHITECTURE,
        "organization_id": organization,
        "log_bucket_name": LOG_BUCKET,
        "watched_buckets": json.dumps([WATCHED_BUCKET]),
    }
    terraform = Terraform(example(tree, "every-input", "central"), keys, REGION, variables)
    stream = f"{account}_CloudTrail_{REGION}"
    deployment = Deployment(aws, invoker, terraform, account, REGION, stream, "trailwarden-trail-to-logs", keys)
    yield deployment.apply()
    terraform.destroy()
    assert terraform.left() == []


@pytest.fixture(scope="module")
def members(aws: Aws, central: Deployment, tree: Path) -> Iterator[list[Member]]:
    def member(name: str) -> Member:
        organizations = central.client("organizations")
        created = organizations.create_account(AccountName=name, Email=f"{name}@example.com")
        account = created["CreateAccountStatus"]["AccountId"]
        keys = aws.administrator(account)
        keys.client("logs", REGION).create_log_group(logGroupName=LOG_GROUP)
        keys.client("logs", REGION).create_log_stream(logGroupName=LOG_GROUP, logStreamName=f"{account}_CloudTrail_{REGION}")
        variables = {name: central.outputs[name] for name in ("event_bus_arn", "destination_arn")}
        terraform = Terraform(example(tree, "member-account", name), keys, REGION, {**variables, "log_group_name": LOG_GROUP})
        terraform.apply()
        return Member(account, keys, terraform)

    made = [member(name) for name in ("payments", "website")]
    yield made
    for one in made:
        one.terraform.destroy()
        assert one.terraform.left() == []


@pytest.fixture(autouse=True)
def nothing_of_other_tests(central: Deployment) -> None:
    kept = [central.made["on_failure_queue_url"], central.outputs["failed_queue_url"]]
    for queue in [central.findings_queue, central.alerts_queue, *kept]:
        central.received(queue)


def sent(central: Deployment, keys: Keys, region: str, made: dict[str, Any], source: str | None = None) -> None:
    """An event of CloudTrail on the default bus of an account and Region."""
    source = source or "aws." + made["eventSource"].partition(".")[0]
    entry = {"Source": source, "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(made)}
    answer = keys.client("events", region).put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    central.invoker.wait()


def logged(central: Deployment, member: Member, *records: dict[str, Any]) -> None:
    """Records in the log group of another account."""
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": json.dumps(one)} for one in records]
    member.keys.client("logs", REGION).put_log_events(logGroupName=LOG_GROUP, logStreamName=member.stream, logEvents=events)
    central.invoker.wait()


def test_a_plan_right_after_apply_is_empty(central: Deployment, members: list[Member]) -> None:
    for changes in [central.second_plan, *(member.terraform.changes() for member in members)]:
        assert changes == "", changes[-4000:]


def test_events_of_all_accounts_and_regions_reach_the_function(central: Deployment, members: list[Member]) -> None:
    places = [(member, region) for member in members for region in (REGION, OTHER_REGION)]
    flags = {"readOnly": False, "managementEvent": True}
    for member, region in places:
        sent(central, member.keys, region, opened_group(recipientAccountId=member.account, awsRegion=region, **flags))
    found = [(one["cloud"]["account"]["uid"], one["cloud"]["region"]) for one in central.findings()]
    assert found == [(member.account, region) for member, region in places]


def test_an_event_that_no_rule_is_about_is_not_forwarded(
    central: Deployment, members: list[Member], invoker: Invoker
) -> None:
    before = len(invoker.invocations)
    sent(central, members[0].keys, REGION, clean(readOnly=True, managementEvent=True))
    assert invoker.invocations[before:] == []


def test_made_up_records_on_the_bus_do_not_reach_the_function(
    central: Deployment, members: list[Member], invoker: Invoker
) -> None:
    before = len(invoker.invocations)
    entry = {"Source": "custom.ec2", "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(opened_group())}
    central.client("events").put_events(Entries=[{**entry, "EventBusName": "trailwarden-bus"}])
    sent(central, members[0].keys, REGION, opened_group(), source="custom.ec2")
    assert invoker.invocations[before:] == []


def test_other_organizations_may_use_neither_bus_nor_destination(aws: Aws, central: Deployment) -> None:
    arn = central.outputs["event_bus_arn"]
    policy = events_backends[central.account][REGION].event_buses["trailwarden-bus"].policy
    stranger = "arn:aws:iam::999999999999:role/any"
    assert policy and not allows([policy], Request("events:PutEvents", arn, stranger, {"aws:principalorgid": "o-zzzzzzzzzz"}))
    destination = destination_of(central.outputs["destination_arn"])
    assert not may_subscribe(destination, "999999999999")
    assert may_subscribe(destination, central.account)


def test_a_role_that_forwards_serves_its_own_rules_alone(aws: Aws, members: list[Member]) -> None:
    member = members[0]
    role = f"arn:aws:iam::{member.account}:role/trailwarden-forward-{REGION}"
    other = f"arn:aws:events:{REGION}:{member.account}:rule/another"
    with pytest.raises(AssertionError, match="does not trust"):
        aws.assume(role, EVENTS, "x", SourceAccount=member.account, SourceArn=other)


def test_log_groups_of_other_accounts_reach_the_function_by_the_stream(
    central: Deployment, members: list[Member], invoker: Invoker
) -> None:
    for member in members:
        before = len(invoker.invocations)
        mine = {"recipientAccountId": member.account}
        logged(central, member, clean(**mine), opened_group(**mine), blocked_action(**mine))
        (invocation,) = invoker.invocations[before:]
        (kinesis,) = invocation.payload["Records"]
        # Records of an account and Region stay in order.
        assert kinesis["kinesis"]["partitionKey"] == member.stream
        assert invocation.answers[0].body == {"batchItemFailures": []}
        found = central.findings()
        assert {one["cloud"]["account"]["uid"] for one in found} == {member.account}
        assert len(found) == 2


# What no example has, because the log group of the same account has the same records.
EVENTS_TO_STREAM = """
variable "stream" {
  type = object({ arn = string, kms_key_arn = string })
}

module "events" {
  source = "../../modules/kinesis-forward"

  name            = "trailwarden-events"
  destination_arn = var.stream.arn
  kms_key_arn     = var.stream.kms_key_arn
}
"""


def test_events_of_eventbridge_reach_the_function_by_the_stream(
    central: Deployment, tree: Path, invoker: Invoker
) -> None:
    directory = tree / "central" / "examples" / "events-to-stream"
    directory.mkdir()
    (directory / "main.tf").write_text(EVENTS_TO_STREAM)
    stream = {"arn": central.outputs["stream_arn"], "kms_key_arn": central.made["kms_key_arn"]}
    terraform = Terraform(directory, central.keys, REGION, {"stream": json.dumps(stream)})
    terraform.apply()
    assert terraform.changes() == ""
    before = len(invoker.invocations)
    sent(central, central.keys, REGION, opened_group(readOnly=False, managementEvent=True))
    (invocation,) = invoker.invocations[before:]
    (kinesis,) = invocation.payload["Records"]
    assert kinesis["kinesis"]["partitionKey"] == central.account
    assert len(central.findings()) == 1
    terraform.destroy()
    assert terraform.left() == []


def test_a_stream_record_that_cannot_be_read_is_kept_and_blocks_nobody(central: Deployment, members: list[Member]) -> None:
    kinesis = central.client("kinesis")
    kinesis.put_record(StreamARN=central.outputs["stream_arn"], Data=b"\x1f\x8b no gzip", PartitionKey=members[0].stream)
    central.invoker.wait()
    logged(central, members[0], opened_group())
    assert len(central.findings()) == 1
    assert len(central.received(central.made["on_failure_queue_url"])) == 1


def test_an_upload_to_a_watched_bucket_gives_an_alert(central: Deployment) -> None:
    selectors = central.client("cloudtrail").get_event_selectors(TrailName="trailwarden")["AdvancedEventSelectors"]
    fields = [{one["Field"]: one for one in selector["FieldSelectors"]} for selector in selectors]
    (data,) = [one for one in fields if one["eventCategory"]["Equals"] == ["Data"]]
    # What the trail records, and how CloudTrail records it.
    assert data["resources.ARN"]["StartsWith"] == [f"arn:aws:s3:::{WATCHED_BUCKET}/"]
    assert data["readOnly"]["Equals"] == ["false"]
    request = {"bucketName": WATCHED_BUCKET, "key": "salaries.csv", "Host": f"{WATCHED_BUCKET}.s3.amazonaws.com"}
    resource = {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{WATCHED_BUCKET}/salaries.csv"}
    data_event = {"readOnly": False, "managementEvent": False, "eventCategory": "Data", "resources": [resource]}
    central.log(record("s3.amazonaws.com", "PutObject", request, **data_event))
    (finding,) = central.findings()
    assert finding["compliance"]["control"] == "watched-bucket-written"
    (alert,) = central.received(central.alerts_queue)
    assert "salaries.csv" in alert


def test_log_files_in_a_bucket_reach_the_function(central: Deployment, invoker: Invoker) -> None:
    before = len(invoker.invocations)
    key = f"AWSLogs/{central.account}/CloudTrail/{REGION}/2026/03/04/file name.json.gz"
    content = gzip.compress(json.dumps({"Records": [clean(), opened_group()]}).encode())
    central.client("s3").put_object(Bucket=LOG_BUCKET, Key=key, Body=content)
    central.invoker.wait()
    (invocation,) = invoker.invocations[before:]
    (message,) = invocation.payload["Records"]
    (notification,) = json.loads(message["body"])["Records"]
    assert notification["s3"]["bucket"]["name"] == LOG_BUCKET
    assert len(central.findings()) == 1
    assert central.received(central.outputs["failed_queue_url"]) == []


def test_a_log_file_that_is_gone_is_kept(central: Deployment) -> None:
    notification = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "awsRegion": REGION}
    s3 = {"bucket": {"name": LOG_BUCKET}, "object": {"key": "AWSLogs/gone.json.gz"}}
    topic = central.arn("sns", "trailwarden-log-files")
    central.client("sns").publish(TopicArn=topic, Message=json.dumps({"Records": [{**notification, "s3": s3}]}))
    central.invoker.wait()
    kept = central.received(central.outputs["failed_queue_url"]) + central.received(central.made["on_failure_queue_url"])
    assert len(kept) == 1 and "gone.json.gz" in kept[0]
